//! `cargo verify armv7`: the daemon for 32-bit ARM machines, and the tests of the engine and of the port as such programs.
//!
//! They run under `qemu-arm-static`, which translates the processor and passes system calls on. What it cannot pass on is left out, with the
//! reason. Memory is not measured: that of QEMU would be.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const TARGET: &str = "armv7-unknown-linux-gnueabihf";
/// What the stripped daemon may have.
const BINARY: u64 = 1_500_000;
/// Programs, and the Debian packages that have them.
const TOOLS: [(&str, &str); 4] = [
    ("/usr/bin/arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf"),
    ("/usr/bin/qemu-arm-static", "qemu-user-static"),
    ("/usr/bin/cargo", "cargo-web"),
    ("/usr/lib/rustlib/src/rust", "rust-web-src"),
];
/// What QEMU's user mode (7.2) cannot do: tests whose names contain a word, and why.
const LEFT_OUT: [(&str, &str); 0] = [];

/// Builds, measures and runs. Takes some minutes: the standard library is built from source.
pub(crate) fn main() -> ExitCode {
    if let Some((_, package)) = TOOLS.iter().find(|(path, _)| !Path::new(path).exists()) {
        println!("skipped: needs the Debian package {package}");
        return ExitCode::SUCCESS;
    }
    match daemon().and_then(|()| tests()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// The daemon is as small as it should be.
fn daemon() -> Result<(), String> {
    let mut build = cargo(&["build", "--quiet", "--release", "-p", "hbcore-linux", "--bin", "heartbeat"]);
    succeed(build.arg("-Zbuild-std=std,panic_abort"))?;
    let (program, stripped) = (output().join("release/heartbeat"), output().join("heartbeat.stripped"));
    succeed(Command::new("arm-linux-gnueabihf-strip").arg("-o").arg(&stripped).arg(&program))?;
    let size = std::fs::metadata(&stripped).map_err(|error| error.to_string())?.len();
    println!("daemon: {size} bytes, stripped, of {BINARY}");
    if size <= BINARY { Ok(()) } else { Err("it is too large".to_owned()) }
}

fn tests() -> Result<(), String> {
    let mut test = cargo(&["test", "--quiet", "-p", "hbcore", "-p", "hbcore-linux", "--lib", "--no-fail-fast"]);
    test.args(["-Zbuild-std=std,test,panic_abort,panic_unwind,proc_macro", "--"]);
    for (word, why) in LEFT_OUT {
        println!("left out: {word}: {why}");
        test.args(["--skip", word]);
    }
    succeed(&mut test)
}

/// Debian's cargo, for the other processor, with nothing of what cargo has told this process about itself.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("/usr/bin/cargo");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if (text.starts_with("CARGO_") && text != "CARGO_HOME") || text.starts_with("RUST") {
            command.env_remove(&name);
        }
    }
    command.args(arguments).args(["--target", TARGET, "--target-dir"]).arg(target());
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
    command.env("CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_LINKER", "arm-linux-gnueabihf-gcc");
    command.env("CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_RUNNER", "qemu-arm-static -L /usr/arm-linux-gnueabihf");
    command
}

fn target() -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    this.ancestors().nth(2).unwrap_or(Path::new("target")).join("armv7")
}

fn output() -> PathBuf {
    target().join(TARGET)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}
