//! Lines and tokens of the configuration files, with their places (docs/protocol/files.md 2).

use super::place::Position;
use super::problem::ProblemKind;

/// The separators of tokens in a line.
pub(super) const BLANKS: &[char] = &[' ', '\t', '\x0c'];
/// The separators of the values of one directive: blanks and commas.
pub(super) const VALUE_SEPARATORS: &[char] = &[' ', '\t', '\x0c', ','];
/// A character from web pages that looks like a blank and is none.
pub(super) const NON_BREAKING_SPACE: char = '\u{a0}';

/// A piece of a line and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) text: &'t str,
    pub(super) at: Position,
}

impl<'t> Token<'t> {
    /// The first token in `self` and the text after it; `None` when only separators are left.
    pub(super) fn split_first(self, separators: &[char]) -> Option<(Self, Self)> {
        let trimmed = self.text.trim_start_matches(separators);
        if trimmed.is_empty() {
            return None;
        }
        let end = trimmed.find(separators).unwrap_or(trimmed.len());
        let (head, tail) = trimmed.split_at_checked(end)?;
        let at = self.at.right(self.text.len().saturating_sub(trimmed.len()));
        Some((Token { text: head, at }, Token { text: tail, at: at.right(end) }))
    }

    /// All tokens in `self`, left to right.
    pub(super) fn split(self, separators: &'static [char]) -> impl Iterator<Item = Token<'t>> + Clone {
        let mut rest = self;
        core::iter::from_fn(move || {
            let (token, tail) = rest.split_first(separators)?;
            rest = tail;
            Some(token)
        })
    }

    /// `self` without the blanks at both ends.
    pub(super) fn trim(self) -> Self {
        let text = self.text.trim_start_matches(BLANKS);
        let at = self.at.right(self.text.len().saturating_sub(text.len()));
        Token { text: text.trim_end_matches(BLANKS), at }
    }
}

/// Whether the text is UTF-16, which some editors call Unicode: then nothing in it can be read.
pub(super) fn is_utf16(text: &[u8]) -> bool {
    text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff")
}

/// The lines of a file with their numbers, the line feeds removed.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (1..).zip(text.split(|byte| *byte == b'\n'))
}

/// The significant part of a line of `ha.cf`: the text before the first `#`, carriage return or NUL.
///
/// 3.0.6 reads lines in pieces of 5119 bytes; a longer line is read here as one, which accepts more, never less.
pub(super) fn content(number: u32, line: &[u8]) -> Result<Token<'_>, (Position, ProblemKind<'static>)> {
    let bytes = line.split(|byte| matches!(byte, b'#' | b'\r' | 0)).next().unwrap_or_default();
    text(number, bytes)
}

/// `bytes` as a token at the start of line `number`, provided that they are UTF-8.
pub(super) fn text(number: u32, bytes: &[u8]) -> Result<Token<'_>, (Position, ProblemKind<'static>)> {
    let start = Position { line: number, column: 1 };
    match core::str::from_utf8(bytes) {
        Ok(text) => Ok(Token { text, at: start }),
        Err(error) => Err((start.right(error.valid_up_to()), ProblemKind::NotUtf8)),
    }
}
