//! The way of the problems of one file to the caller's list.

use super::lexer::{Token, is_utf16};
use super::place::{File, Position};
use super::problem::{Problem, ProblemKind, Severity};

/// The mark that some editors put before the first letter of a UTF-8 file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Passes the problems of one file to the caller's list.
pub(super) struct Reporter<'p, 't> {
    file: File,
    errors: u32,
    sink: &'p mut dyn FnMut(Problem<'t>),
}

impl<'p, 't> Reporter<'p, 't> {
    pub(super) fn new(file: File, sink: &'p mut dyn FnMut(Problem<'t>)) -> Self {
        Self { file, errors: 0, sink }
    }

    pub(super) fn error(&mut self, at: impl Into<Option<Position>>, kind: ProblemKind<'t>) {
        self.errors = self.errors.saturating_add(1);
        self.report(at.into(), Severity::Error, kind);
    }

    pub(super) fn warning(&mut self, at: impl Into<Option<Position>>, kind: ProblemKind<'t>) {
        self.report(at.into(), Severity::Warning, kind);
    }

    pub(super) fn info(&mut self, at: impl Into<Option<Position>>, kind: ProblemKind<'t>) {
        self.report(at.into(), Severity::Info, kind);
    }

    /// Whether no error was reported.
    pub(super) fn is_sound(&self) -> bool {
        self.errors == 0
    }

    /// Warns of a backslash at the end of a line in a file without continued lines.
    pub(super) fn backslash(&mut self, line: Token<'t>) {
        let line = line.trim();
        if let Some(before) = line.text.strip_suffix('\\') {
            self.warning(line.at.right(before.len()), ProblemKind::Backslash);
        }
    }

    fn report(&mut self, at: Option<Position>, severity: Severity, kind: ProblemKind<'t>) {
        (self.sink)(Problem { file: self.file, at, severity, kind });
    }
}

/// `text` after its byte order mark, which is an error: 3.0.6 takes it as a part of the first word. Of UTF-16 nothing
/// is left.
pub(super) fn after_byte_order_mark<'t>(text: &'t [u8], report: &mut Reporter<'_, 't>) -> &'t [u8] {
    let rest = if is_utf16(text) { Some(&b""[..]) } else { text.strip_prefix(BYTE_ORDER_MARK) };
    let Some(rest) = rest else { return text };
    report.error(Position { line: 1, column: 1 }, ProblemKind::ByteOrderMark);
    rest
}
