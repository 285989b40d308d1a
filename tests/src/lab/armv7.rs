//! The daemon for 32-bit ARM. It runs under QEMU's user mode, which translates the processor and passes system calls
//! on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::Memory;
use super::daemon::missing_package;

/// The target's name.
pub const TARGET: &str = "armv7-unknown-linux-gnueabihf";

/// The parts of the standard library that are built: those that a test needs.
const LIBRARIES: &str = "-Zbuild-std=std,test,panic_abort,panic_unwind,proc_macro";

/// The files that the emulation needs, and the Debian packages that have them.
const NEEDED: [(&str, &str); 6] = [
    ("/usr/bin/arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf"),
    ("/usr/arm-linux-gnueabihf/lib/libc.so.6", "libc6-dev-armhf-cross"),
    ("/usr/bin/qemu-arm-static", "qemu-user-static"),
    ("/usr/bin/rustc", "rustc-web"),
    ("/usr/bin/cargo", "cargo-web"),
    ("/usr/lib/rustlib/src/rust", "rust-web-src"),
];

/// The start of an emulated program's memory, far from the emulator's own.
const GUEST: u64 = 1 << 44;
/// The size of a 32-bit address space.
const GUEST_LEN: u64 = 1 << 32;

/// The words before those of the program.
pub(super) const EMULATOR: [&str; 5] =
    ["/usr/bin/qemu-arm-static", "-L", "/usr/arm-linux-gnueabihf", "-B", "0x100000000000"];

/// Why the emulation cannot run here; none if it can.
pub fn why_not() -> Option<String> {
    missing_package(&NEEDED)
}

/// Debian's cargo, for the other processor, without the environment that cargo has set for this process. It builds the
/// standard library from source, with the same options for all commands, so that it is built once.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("/usr/bin/cargo");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if (text.starts_with("CARGO_") && text != "CARGO_HOME") || text.starts_with("RUST") {
            command.env_remove(&name);
        }
    }
    let (subcommand, rest) = arguments.split_first().expect("a subcommand of cargo");
    command.args([*subcommand, LIBRARIES, "--target", TARGET, "--target-dir"]).arg(target()).args(rest);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    // This takes a fifth of the time; the stripped program differs by 60 bytes.
    command.env("CARGO_PROFILE_RELEASE_DEBUG", "false");
    command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
    command.env("CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_LINKER", "arm-linux-gnueabihf-gcc");
    command.env("CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_RUNNER", EMULATOR.join(" "));
    command
}

/// The release build of the daemon, built now if it is not up to date.
pub fn daemon() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let is_built = build_of_daemon().status().is_ok_and(|status| status.success());
            assert!(is_built, "the daemon does not build for {TARGET}");
            output().join("release/heartbeat")
        })
        .clone()
}

/// The command that builds the daemon.
pub fn build_of_daemon() -> Command {
    cargo(&["build", "--quiet", "--release", "-p", "hbcore-linux", "--bin", "heartbeat"])
}

/// The output directory of cargo for the target.
pub fn output() -> PathBuf {
    target().join(TARGET)
}

fn target() -> PathBuf {
    let this = std::env::current_exe().expect("the running program");
    this.ancestors().nth(2).unwrap_or(Path::new("target")).join("armv7")
}

/// The memory of the daemon that this process of the emulator runs; none if it has ended. Only the mappings that the
/// program can address count, and not those of the emulator.
pub fn memory(pid: u32) -> Option<Memory> {
    Memory::of(pid, |start| (GUEST..GUEST + GUEST_LEN).contains(&start))
}

#[cfg(test)]
mod tests {
    use super::{EMULATOR, GUEST};

    #[test]
    fn emulator_is_told_where_the_program_is() {
        assert_eq!(EMULATOR[4], format!("{GUEST:#x}"));
    }
}
