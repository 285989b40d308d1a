//! `cargo verify`: every test of the project in one command.
//!
//! ```text
//! cargo verify [FILTER..]                    all checks and tests, or the tests whose names contain a word of FILTER
//! cargo verify bench [ROW..]                 the speed of ours, heartbeat 3.0.6 and keepalived side by side
//! cargo verify firmware-size                 flash, RAM and longest turn of the firmware
//! cargo verify armv7                         the daemon for ARM: its size, and in QEMU its unit tests and its life
//! cargo verify fuzz [--runs N] [TARGET..]    fuzz targets, one after the other
//! cargo verify instructions                  how many instructions the engine needs
//! cargo verify --install ..                  first installs the Debian packages that the tests need, as root
//! ```
//!
//! The simulator and the model are commands of their own: `cargo sim`, `cargo model`.
//! The last line is always `N passed, N failed, N skipped`; the exit code is 0 if nothing failed.

#![forbid(unsafe_code)]

mod armv7;
mod fuzz;
mod instructions;
mod no_alloc;
mod packages;
mod step;
mod tally;

use std::process::ExitCode;

use hbcore_tests::bench::bare;
use hbcore_tests::lab::cargo;
use step::{Step, run_steps};

const USAGE: &str = "\
cargo verify [--install] [FILTER..]      run all checks and tests, or the tests whose names contain FILTER
cargo verify [--install] bench [ROW..]   measure ours, heartbeat 3.0.6 and keepalived side by side;
                                         ROW: outage-10-30 outage-2-6 outage-1-3 outage-100-500 start-up stop-failback
                                         standby heal load false-deaths realtime-10-30 realtime-1-3 reload
                                         (HBCORE_BENCH_SECONDS: how long each of the last three lasts;
                                         HBCORE_BENCH_WHO: only hbcore, 3.0.6 or keepalived)
cargo verify [--install] firmware-size   flash, RAM, deepest stack and longest turn of the firmware
cargo verify [--install] armv7           the daemon for ARM: its size, and in QEMU its unit tests and its life
cargo verify fuzz [--runs N] [--jobs N] [--merge] [TARGET..]
                                         the fuzz targets (fuzz/README.md), 100,000 executions each; or their corpora made anew
cargo verify [--install] instructions    how many instructions the engine needs, as counted by valgrind
  --install   first install the Debian packages that the tests need and that are missing, as root, and download a
              kernel for guests; without it, what needs them is skipped, with the reason
The simulator and the model are commands of their own: cargo sim --help, cargo model --help.
";

/// The number of clusters that run at the same time: they mostly wait.
const CLUSTERS: &str = "--test-threads=4";
/// The same of the pairs beside 3.0.6, which are most of a run and wait most of their time.
const PAIRS: &str = "--test-threads=5";

fn main() -> ExitCode {
    let mut filters: Vec<String> = std::env::args().skip(1).collect();
    if filters.iter().any(|word| word == "--help" || word == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    if let [first, option, row] = &filters[..]
        && first == "instructions"
        && option == "--row"
    {
        return instructions::row(row);
    }
    if let [first, words @ ..] = &filters[..]
        && first == bare::WORD
    {
        return bare_heartbeat(words);
    }
    let install = take(&mut filters, "--install");
    // This needs no package.
    if let [first, words @ ..] = &filters[..]
        && first == "fuzz"
    {
        return fuzz::main(words);
    }
    if let Some(option) = filters.iter().find(|word| word.starts_with('-')) {
        eprint!("verify: unknown option {option}\n{USAGE}");
        return ExitCode::from(2);
    }
    if install {
        packages::get_missing();
    } else {
        packages::tell_missing();
    }
    if take(&mut filters, "bench") {
        hbcore_tests::bench::run(&filters);
        return ExitCode::SUCCESS;
    }
    if take(&mut filters, "instructions") {
        return instructions::main();
    }
    if take(&mut filters, "firmware-size") {
        return firmware_size();
    }
    if take(&mut filters, "armv7") {
        return run_steps(&mut armv7::steps());
    }
    let mut steps =
        if filters.is_empty() { everything() } else { filters.iter().flat_map(|f| tests(Some(f))).collect() };
    run_steps(&mut steps)
}

/// Runs the test that measures the firmware, and shows its output.
fn firmware_size() -> ExitCode {
    let mut test = plain_cargo();
    test.args(["test", "--quiet", "-p", "hbcore-tests", "--test", "firmware", "--", "size::", "--nocapture"]);
    if test.status().is_ok_and(|status| status.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One end of a pair that only carries datagrams, for the table of `bench`.
fn bare_heartbeat(words: &[String]) -> ExitCode {
    bare::main(words).map_or_else(
        |why| {
            eprintln!("verify {}: {why}", bare::WORD);
            ExitCode::from(2)
        },
        |()| ExitCode::SUCCESS,
    )
}

fn take(words: &mut Vec<String>, word: &str) -> bool {
    let before = words.len();
    words.retain(|given| given != word);
    words.len() < before
}

/// All checks and tests, the quick ones first.
fn everything() -> Vec<Step> {
    let mut steps = vec![
        Step::check("format", &["fmt", "--all", "--check"]),
        Step::check("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        Step::check("documentation", &["doc", "--workspace", "--no-deps"]).with("RUSTDOCFLAGS", "-D warnings"),
        Step::check("release build", &["build", "--release", "-p", "hbcore-linux", "--bins"]),
        Step::function("no allocator", no_alloc::links_without_allocator),
        Step::shown("simulated worlds", &["sim"]),
        Step::shown("planted bugs", &["sim", "--planted"]),
        Step::shown("every order of events", &["model"]),
        Step::shown("planted bugs in it", &["model", "--planted"]),
    ];
    steps.extend(tests(None));
    steps.extend(armv7::steps());
    steps
}

/// Everything that `cargo test` runs, or the tests whose names contain `filter`: first the tests without a network,
/// then the suites that make one.
fn tests(filter: Option<&str>) -> Vec<Step> {
    let step = |name: &str, arguments: &[&str]| {
        let step = Step::test(name, arguments);
        filter.into_iter().fold(step, Step::and)
    };
    let mut plain = vec!["test", "-p", "hbcore-tests", "--no-fail-fast", "--lib", "--bins"];
    let targets = plain_targets();
    plain.extend(targets.iter().flat_map(|target| ["--test", target]));
    plain.push("--");
    if can_ask_the_reference() {
        plain.push("--include-ignored");
    }
    let suite = |name| ["test", "-p", "hbcore-tests", "--test", name, "--", CLUSTERS];
    let machines = step("whole machines with DRBD", &suite("drbd"));
    // They are emulated, and mostly wait.
    let machines = if filter.is_none() { machines.beside(armv7::build_ahead) } else { machines };
    vec![
        step("unit and property tests", &["test", "--workspace", "--exclude", "hbcore-tests", "--no-fail-fast", "--"]),
        step("vectors and configurations", &plain),
        step("C library and examples", &suite("c_api")),
        step("firmware in QEMU", &suite("firmware")),
        step("bad input", &suite("bad_input")),
        step("each call that fails", &suite("faults")),
        step("interop with 3.0.6", &["test", "-p", "hbcore-tests", "--test", "interop", "--", PAIRS]),
        step("pairs under systemd", &suite("systemd")),
        step("sites without the package", &suite("alone")),
        // It takes all processors, and so runs alone.
        step("real-time", &["test", "-p", "hbcore-tests", "--test", "realtime", "--", "--test-threads=1"]),
        machines,
    ]
}

/// Whether the comparisons with the real daemon can run: it is installed, and the user is root. Otherwise they are
/// skipped, with the reason.
fn can_ask_the_reference() -> bool {
    rustix::process::geteuid().is_root() && std::path::Path::new("/usr/libexec/heartbeat/heartbeat").exists()
}

/// The test targets of this package that need neither privileges nor a network: the files of `tests/tests`.
fn plain_targets() -> Vec<String> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".rs")?.to_owned())).collect();
    names.sort();
    names
}

/// A cargo command of the workspace with plain output.
fn plain_cargo() -> std::process::Command {
    let mut command = cargo();
    command.env("CARGO_TERM_COLOR", "never").env("RUST_BACKTRACE", "0");
    command
}
