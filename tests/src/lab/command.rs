//! Runs programs that must succeed.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a command line of blank-separated words and returns its standard output. Panics with its whole output if it
/// fails.
#[track_caller]
pub fn run(line: &str) -> String {
    let mut words = line.split_whitespace();
    let program = words.next().expect("a program");
    let output = Command::new(program).args(words).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{line}: {}\n{}{}", output.status, said(&output.stdout), said(&output.stderr));
    said(&output.stdout)
}

/// A cargo command in the workspace, with the cargo that runs this one.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    cargo
}
