//! Words for the person at the terminal.

use std::fmt::Arguments;
use std::io::{self, Write};

/// Writes a line to standard error. If that fails, as on a full disk, nobody is left to tell: the exit code has to.
pub fn complain(text: Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
