//! A problem as people and logs see it.

use std::path::PathBuf;

use hbcore::config::{File, Position, Severity};

/// One problem of a configuration, found by core or by a check of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: File,
    /// The path of that file.
    pub path: PathBuf,
    /// The place in it; `None` for the file as a whole.
    pub at: Option<Position>,
    /// The severity.
    pub severity: Severity,
    /// The message, in the words of 3.0.6 where it has some.
    pub message: String,
    /// The expected text and the remedy.
    pub help: String,
    /// The line; `None` for a file as a whole and for `authkeys`, whose lines are secret.
    pub source: Option<String>,
}
