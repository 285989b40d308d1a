//! The keys that sign and verify packets, `authkeys` (configuration reference 10).
//!
//! No message shows a key: of a bad line only the word that is wrong is quoted.

use heapless::Vec;

use super::lexer::{behind_mark, lines};
use super::problem::{Position, ProblemKind, Problems, Quoted, Reporter};
use super::{File, Parsed};

/// Most keys: their indexes are 0 to 15.
pub const KEYS_MAX: usize = 16;

/// The keys of a cluster.
#[derive(Clone, Debug)]
pub struct AuthKeys<'t> {
    entries: Vec<AuthKey<'t>, KEYS_MAX>,
    signing: Option<u8>,
}

/// One key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AuthKey<'t> {
    /// The index under which packets name it, 0 to 15.
    pub index: u8,
    /// How it signs.
    pub method: Method,
    /// The key; empty for [`Method::Crc`] and only for it.
    pub key: &'t [u8],
}

impl core::fmt::Debug for AuthKey<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AuthKey").field("index", &self.index).field("method", &self.method).finish_non_exhaustive()
    }
}

/// How a packet is signed (wire reference 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A check sum: against damage, not against malice.
    Crc,
    /// HMAC-MD5.
    Md5,
    /// HMAC-SHA1.
    Sha1,
}

impl Method {
    /// The word in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc => "crc",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
        }
    }

    fn by_name(word: &[u8]) -> Option<Self> {
        [Self::Crc, Self::Md5, Self::Sha1].into_iter().find(|method| method.name().as_bytes() == word)
    }
}

impl<'t> AuthKeys<'t> {
    /// Reads `text`, the content of `authkeys`, and reports every problem to `problems`. The permissions of the file are
    /// for the caller to check.
    pub fn parse<const N: usize>(text: &'t [u8], problems: &mut Problems<'t, N>) -> Parsed<Self> {
        let mut sink = |problem| problems.push(problem);
        let mut parser = Parser {
            result: Self { entries: Vec::new(), signing: None },
            report: Reporter::new(File::AuthKeys, &mut sink),
            wanted: None,
        };
        for (number, line) in lines(behind_mark(text, &mut parser.report)) {
            parser.line(number, line);
        }
        parser.finish();
        Parsed::new(parser.result, parser.report.is_sound())
    }

    /// The keys, each index once, in the order of the file.
    pub fn entries(&self) -> &[AuthKey<'t>] {
        &self.entries
    }

    /// The key that signs what this node sends; always `Some` in a checked configuration.
    pub fn signing(&self) -> Option<&AuthKey<'t>> {
        self.entries.iter().find(|entry| Some(entry.index) == self.signing)
    }

    fn insert(&mut self, entry: AuthKey<'t>) {
        match self.entries.iter_mut().find(|known| known.index == entry.index) {
            Some(known) => *known = entry,
            // Sixteen indexes fit sixteen places.
            None => drop(self.entries.push(entry)),
        }
    }
}

struct Parser<'p, 't> {
    result: AuthKeys<'t>,
    report: Reporter<'p, 't>,
    /// The number of the last `auth` line.
    wanted: Option<(i32, Position)>,
}

impl<'t> Parser<'_, 't> {
    fn line(&mut self, number: u32, line: &'t [u8]) {
        let line = line.split(|byte| matches!(byte, b'\r' | 0)).next().unwrap_or_default();
        let text = line.trim_ascii_start();
        let at = Position { line: number, column: 1 }.right(line.len().saturating_sub(text.len()));
        match text.first() {
            None | Some(b'#') => {}
            Some(b'a') => self.auth_line(at, text),
            Some(_) => self.key_line(at, text),
        }
    }

    /// `auth N`; a blank between them is not needed and what follows the number is ignored.
    fn auth_line(&mut self, at: Position, text: &'t [u8]) {
        let Some((number, rest)) = text.strip_prefix(b"auth").and_then(scan_number) else {
            return self.report.error(at, ProblemKind::BadAuthLine { word: Quoted(first_word(text)) });
        };
        let behind = text.get(4..).unwrap_or_default().trim_ascii_start();
        self.wanted = Some((number, at.right(text.len().saturating_sub(behind.len()))));
        let separated = text.get(4).is_some_and(u8::is_ascii_whitespace);
        if !separated || !rest.trim_ascii().is_empty() {
            self.report.warning(at, ProblemKind::TrailingText);
        }
    }

    /// `N METHOD [KEY]`; what follows the key is ignored.
    fn key_line(&mut self, at: Position, text: &'t [u8]) {
        let parts = scan_number(text).map(|(index, rest)| (index, next_word(rest)));
        let Some((index, (method, rest))) = parts.filter(|(_, (method, _))| !method.is_empty()) else {
            return self.report.error(at, ProblemKind::BadKeyLine { word: Quoted(first_word(text)) });
        };
        let Some(index) = u8::try_from(index).ok().filter(|index| usize::from(*index) < KEYS_MAX) else {
            return self.report.error(at, ProblemKind::BadKeyIndex { index });
        };
        let at = at.right(text.len().saturating_sub(method.len().saturating_add(rest.len())));
        let Some(method) = Method::by_name(method) else {
            return self.report.error(at, ProblemKind::UnknownMethod { method: Quoted(method) });
        };
        let (key, rest) = next_word(rest);
        match (method, key.is_empty()) {
            (Method::Crc, false) => return self.report.error(at, ProblemKind::CrcWithKey),
            (Method::Md5 | Method::Sha1, true) => {
                return self.report.error(at, ProblemKind::KeyRequired { method });
            }
            _ => {}
        }
        if !rest.trim_ascii().is_empty() {
            self.report.warning(at, ProblemKind::TrailingText);
        }
        self.key(at, AuthKey { index, method, key });
    }

    fn key(&mut self, at: Position, entry: AuthKey<'t>) {
        if self.result.entries.iter().any(|known| known.index == entry.index) {
            self.report.warning(at, ProblemKind::DuplicateKey { index: entry.index });
        }
        self.result.insert(entry);
        if self.wanted.is_some_and(|(number, _)| number == i32::from(entry.index)) {
            self.result.signing = Some(entry.index);
        }
    }

    fn finish(&mut self) {
        match self.wanted.filter(|(number, _)| *number >= 0) {
            None => self.report.error(None, ProblemKind::NoAuthLine),
            Some((index, at)) if self.result.signing.is_none() => {
                self.report.error(at, ProblemKind::SigningKeyMissing { index });
            }
            Some(_) => {}
        }
    }
}

/// The first blank-separated word of `text` and what follows it; both empty if there is none.
fn next_word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or_default()
}

fn first_word(text: &[u8]) -> &[u8] {
    next_word(text).0
}

/// A number at the start of `text`, behind blanks, and what follows it directly, as C's `%d` reads it.
fn scan_number(text: &[u8]) -> Option<(i32, &[u8])> {
    let text = text.trim_ascii_start();
    let (negative, unsigned) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let end = unsigned.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(unsigned.len());
    let (digits, rest) = unsigned.split_at_checked(end)?;
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().fold(0i32, |n, b| n.saturating_mul(10).saturating_add(i32::from(b.wrapping_sub(b'0'))));
    Some((if negative { value.saturating_neg() } else { value }, rest))
}

#[cfg(test)]
mod tests;
