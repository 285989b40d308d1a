//! The keys that sign and verify packets, `authkeys` (docs/protocol/files.md 10).
//!
//! No message shows a key: of a bad line only the wrong word is quoted.

use heapless::Vec;

use super::lexer::{is_utf16, lines};
use super::place::Position;
use super::problem::{ProblemKind, Problems, Quoted};
use super::reporter::Reporter;
use super::reporter::after_byte_order_mark;
use super::{File, Parsed};
use crate::wire::{KeyError, Keys, Method};

/// The largest number of keys: their indexes are 0 to 15.
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
    /// The index by which packets name it, 0 to 15.
    pub index: u8,
    /// The method with which it signs.
    pub method: Method,
    /// The key; empty for [`Method::Crc`] and only for it.
    pub key: &'t [u8],
}

impl core::fmt::Debug for AuthKey<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AuthKey").field("index", &self.index).field("method", &self.method).finish_non_exhaustive()
    }
}

impl<'t> AuthKeys<'t> {
    /// Reads `text`, the content of `authkeys`, and reports every problem to `problems`. The caller must check the
    /// permissions of the file.
    pub fn parse<const N: usize>(text: &'t [u8], problems: &mut Problems<'t, N>) -> Parsed<Self> {
        let mut sink = |problem| problems.push(problem);
        let mut parser = Parser {
            result: Self { entries: Vec::new(), signing: None },
            report: Reporter::new(File::AuthKeys, &mut sink),
            wanted: None,
            auth_refused: is_utf16(text),
            keys_refused: 0,
            places: [None; KEYS_MAX],
        };
        for (number, line) in lines(after_byte_order_mark(text, &mut parser.report)) {
            parser.line(number, line);
        }
        parser.finish();
        Parsed::new(parser.result, parser.report.is_sound())
    }

    /// The keys, each index once, in the order of the file.
    pub fn entries(&self) -> &[AuthKey<'t>] {
        &self.entries
    }

    /// The key that signs the packets of this node; always `Some` in a checked configuration.
    pub fn signing(&self) -> Option<&AuthKey<'t>> {
        self.entries.iter().find(|entry| Some(entry.index) == self.signing)
    }

    /// The key table of the engine.
    ///
    /// # Errors
    /// [`KeyError::Full`]: there are more than `ENTRIES`; [`KeyError::Unsupported`]: a method is not built in.
    pub fn table<const ENTRIES: usize>(&self) -> Result<Keys<ENTRIES>, KeyError> {
        let mut table = Keys::new();
        for entry in &self.entries {
            table.insert(entry.index, entry.method, entry.key)?;
        }
        table.set_signing(self.signing.ok_or(KeyError::Undefined)?)?;
        Ok(table)
    }

    fn insert(&mut self, entry: AuthKey<'t>) {
        match self.entries.iter_mut().find(|known| known.index == entry.index) {
            Some(known) => *known = entry,
            // There are sixteen indexes and sixteen places.
            None => drop(self.entries.push(entry)),
        }
    }
}

struct Parser<'p, 't> {
    result: AuthKeys<'t>,
    report: Reporter<'p, 't>,
    /// The number of the last `auth` line.
    wanted: Option<(i32, Position)>,
    /// Whether a refused line may have been the `auth` line.
    auth_refused: bool,
    /// The numbers of refused key lines, one bit each; all of them if a line without a number was refused.
    keys_refused: u16,
    /// The line number of the last good line of each key.
    places: [Option<u32>; KEYS_MAX],
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

    /// `auth N`; no blank is needed between them, and text after the number is ignored.
    fn auth_line(&mut self, at: Position, text: &'t [u8]) {
        let Some((number, rest)) = text.strip_prefix(b"auth").and_then(scan_number) else {
            self.auth_refused = true;
            let (word, rest) = next_word(text);
            // The text after `auth` is wrong or missing, or the word is not `auth`.
            let (behind, rest) = next_word(rest);
            let wrong = if word == b"auth" && !behind.is_empty() { place(at, text, behind, rest) } else { at };
            return self.report.error(wrong, ProblemKind::BadAuthLine { word: Quoted(word) });
        };
        let behind = text.get(4..).unwrap_or_default().trim_ascii_start();
        if let Some((_, earlier)) = self.wanted {
            self.report.warning(at, ProblemKind::RepeatedAuthLine { number, earlier: earlier.line });
        }
        self.wanted = Some((number, at.right(text.len().saturating_sub(behind.len()))));
        let trailing = rest.trim_ascii_start();
        if !trailing.trim_ascii().is_empty() {
            self.report.warning(at.right(text.len().saturating_sub(trailing.len())), ProblemKind::TrailingText);
        } else if !text.get(4).is_some_and(u8::is_ascii_whitespace) {
            self.report.warning(at, ProblemKind::TrailingText);
        }
    }

    /// `N METHOD [KEY]`; text after the key is ignored.
    fn key_line(&mut self, at: Position, text: &'t [u8]) {
        let parts = scan_number(text).map(|(index, rest)| (index, next_word(rest)));
        let Some((index, (method, rest))) = parts.filter(|(_, (method, _))| !method.is_empty()) else {
            let word = first_word(text);
            // `Auth 1` is not a key line, so no key counts as refused.
            if word.eq_ignore_ascii_case(b"auth") {
                self.auth_refused = true;
            } else {
                self.keys_refused = u16::MAX;
            }
            return self.report.error(at, ProblemKind::BadKeyLine { word: Quoted(word) });
        };
        let Some(index) = u8::try_from(index).ok().filter(|index| usize::from(*index) < KEYS_MAX) else {
            return self.report.error(at, ProblemKind::BadKeyIndex { index });
        };
        if let Err((at, kind)) = self.key(at, text, index, method, rest) {
            self.keys_refused |= 1u16.checked_shl(u32::from(index)).unwrap_or(0);
            self.report.error(at, kind);
        }
    }

    /// The words after the number of a key; `at` is the place of the line's `text`.
    fn key(
        &mut self,
        at: Position,
        text: &'t [u8],
        index: u8,
        method: &'t [u8],
        rest: &'t [u8],
    ) -> Result<(), (Position, ProblemKind<'t>)> {
        let method_at = place(at, text, method, rest);
        let known = Method::by_name(method);
        let method = known.ok_or((method_at, ProblemKind::UnknownMethod { method: Quoted(method) }))?;
        let (key, rest) = next_word(rest);
        match (method, key.is_empty()) {
            (Method::Crc, false) => return Err((place(at, text, key, rest), ProblemKind::CrcWithKey)),
            (Method::Md5 | Method::Sha1, true) => return Err((method_at, ProblemKind::KeyRequired { method })),
            _ => {}
        }
        if method == Method::Crc {
            self.report.warning(method_at, ProblemKind::CrcAuthenticatesNobody);
        }
        let trailing = rest.trim_ascii();
        if !trailing.is_empty() {
            self.report.warning(place(at, text, rest.trim_ascii_start(), b""), ProblemKind::TrailingText);
        }
        if self.result.entries.iter().any(|known| known.index == index) {
            self.report.warning(at, ProblemKind::DuplicateKey { index });
        }
        self.result.insert(AuthKey { index, method, key });
        if let Some(line) = self.places.get_mut(usize::from(index)) {
            *line = Some(at.line);
        }
        if self.wanted.is_some_and(|(number, _)| number == i32::from(index)) {
            self.result.signing = Some(index);
        }
        Ok(())
    }

    /// Reports missing lines, unless a refused line may be the missing one.
    fn finish(&mut self) {
        match self.wanted {
            None if self.auth_refused => {}
            Some((number, at)) if number < 0 => self.report.error(at, self.no_auth_line()),
            None => self.report.error(None, self.no_auth_line()),
            Some((index, at)) if self.result.signing.is_none() => {
                let place = usize::try_from(index).ok().filter(|place| *place < KEYS_MAX);
                let is_refused = place.is_some_and(|place| self.keys_refused & 1 << place != 0);
                if !is_refused {
                    let above = place.and_then(|place| self.places.get(place).copied().flatten());
                    self.report.error(at, ProblemKind::SigningKeyMissing { index, above });
                }
            }
            Some(_) => {}
        }
    }

    fn no_auth_line(&self) -> ProblemKind<'t> {
        ProblemKind::NoAuthLine { key: self.result.entries.first().map(|entry| entry.index) }
    }
}

/// The place of `word` in `text`, which stands at `at`; `rest` is the text after the word.
fn place(at: Position, text: &[u8], word: &[u8], rest: &[u8]) -> Position {
    at.right(text.len().saturating_sub(word.len().saturating_add(rest.len())))
}

/// The first blank-separated word of `text` and the text after it; both empty if there is none.
fn next_word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or_default()
}

fn first_word(text: &[u8]) -> &[u8] {
    next_word(text).0
}

/// A number at the start of `text`, after blanks, and the text right after it, as C's `%d` reads it.
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
