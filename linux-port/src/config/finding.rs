//! A problem as people and logs see it.

use std::path::PathBuf;

use hbcore::config::{File, Position, Severity};

/// One problem of a configuration, found by core or by this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which file.
    pub file: File,
    /// Where that file is.
    pub path: PathBuf,
    /// Where in it; `None` for the file as a whole.
    pub at: Option<Position>,
    /// How severe.
    pub severity: Severity,
    /// What is wrong, in the words of 3.0.6 where it has some.
    pub message: String,
    /// What was expected and how to put it right.
    pub help: String,
    /// The line; `None` for a file as a whole and for `authkeys`, whose lines are secret.
    pub source: Option<String>,
}
