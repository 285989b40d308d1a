//! Work that must not grow with the cluster, counted in instructions: the same number in every run.

use std::path::Path;
use std::process::{Command, Stdio};

use hbcore_tests::bench::instructions::Row;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

fn main() {
    let trials = vec![
        trial("heartbeat_costs_the_same_among_2_and_128_nodes", || alike(Row::Receive)),
        trial("turn_without_work_costs_the_same_with_2_and_128_nodes", || alike(Row::Idle)),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

fn trial(name: &str, run: fn() -> Result<(), Failed>) -> Trial {
    Trial::ignorable_test(name, move || {
        let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
        if version.is_err() {
            return Ok(Completion::ignored_with("needs the program valgrind"));
        }
        run().map(|()| Completion::Completed)
    })
}

/// Checks that the counts are equal within a tenth.
fn alike(row: fn(usize) -> Row) -> Result<(), Failed> {
    let count = |nodes| row(nodes).count(Path::new(env!("CARGO_BIN_EXE_verify")));
    let (few, many) = (count(2)?, count(128)?);
    if few.abs_diff(many) * 10 > few.min(many) {
        return Err(format!("{few} instructions among 2 nodes, {many} among 128").into());
    }
    Ok(())
}
