//! Words for the person at the terminal.

use std::fmt::Arguments;
use std::io::{self, Write};

/// `1 message`, `2 messages`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Writes a line to standard error. If that fails, as on a full disk, only the exit code can tell.
pub fn complain(text: Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
