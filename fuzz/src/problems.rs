//! The properties of the problems that a parser reports, for any input.

use std::fmt::{self, Write};

use hbcore::config::{Parsed, Problems};

/// The number of problems of one file that the daemon keeps.
pub(crate) const KEPT: usize = 64;

/// Counts the bytes that are written.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

fn length(text: impl fmt::Display) -> usize {
    let mut length = Length(0);
    write!(length, "{text}").expect("it only counts");
    length.0
}

/// Each problem has a text and a help, and its place is in the file.
pub(crate) fn check(text: &[u8], problems: &Problems<'_, KEPT>) {
    let mut lines: [usize; 128] = [0; 128];
    for (len, line) in lines.iter_mut().zip(text.split(|byte| *byte == b'\n')) {
        *len = line.len();
    }
    // The search for similar words takes longer than everything else, so only one problem's help is checked.
    if let Some(problem) = problems.iter().last() {
        let _ = length(problem.kind.help());
    }
    for problem in problems {
        assert!(length(problem.kind) > 0, "no text: {problem:?}");
        if let Some(at) = problem.at {
            assert!(at.line >= 1 && at.column >= 1, "{problem:?}");
            if let Some(len) = lines.get(at.line as usize - 1) {
                assert!(at.column as usize <= len + 1, "behind the end of its line: {problem:?}");
            }
        }
    }
}

/// The value. There is one if, and only if, there was no error.
pub(crate) fn checked<T>(parsed: Parsed<T>, errors: u32) -> Option<T> {
    let value = parsed.checked();
    assert_eq!(value.is_some(), errors == 0, "a value in spite of an error, or none without");
    value
}
