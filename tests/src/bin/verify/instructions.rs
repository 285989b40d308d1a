//! `cargo verify instructions`: counts instructions with callgrind.

use std::process::ExitCode;

use hbcore_tests::bench::instructions::{Row, table};

/// Prints the table.
pub(crate) fn main() -> ExitCode {
    let this = std::env::current_exe().map_err(|error| error.to_string());
    match this.and_then(|program| table(&program)) {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("verify instructions: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Does the work of one row, for valgrind to watch.
pub(crate) fn row(name: &str) -> ExitCode {
    let Some(row) = Row::by_name(name) else {
        eprintln!("verify instructions: there is no row {name}");
        return ExitCode::from(2);
    };
    row.work();
    ExitCode::SUCCESS
}
