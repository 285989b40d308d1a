//! The two implementations of the daemon, and ours for another processor.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::armv7;
use super::command::cargo;

/// The implementation that runs on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// This project's.
    Ours,
    /// This project's, with the seam through which a test makes calls fail: see [`Panel`](super::Panel).
    Seamed,
    /// This project's for 32-bit ARM, under QEMU's user mode.
    Armv7,
    /// Heartbeat 3.0.6, as Debian packages it.
    Reference,
}

impl Daemon {
    /// The path of its program. Ours is built first, in release mode.
    pub fn program(self) -> PathBuf {
        match self {
            Self::Ours => release_binary("heartbeat"),
            Self::Seamed => seamed_binary("heartbeat"),
            Self::Armv7 => armv7::daemon(),
            Self::Reference => PathBuf::from("/usr/libexec/heartbeat/heartbeat"),
        }
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours | Self::Seamed => "new",
            Self::Armv7 => "arm",
            Self::Reference => "ref",
        })
    }
}

/// Why scenarios with these daemons cannot run here; none if they can.
pub fn why_not(daemons: [Daemon; 2]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root, to make network namespaces".to_owned());
    }
    let tools = [("ip", "iproute2"), ("nft", "nftables"), ("unshare", "util-linux"), ("nsenter", "util-linux")];
    for (tool, package) in tools {
        if !is_installed(tool) {
            return Some(format!("needs the program {tool} of the package {package}"));
        }
    }
    if daemons.contains(&Daemon::Armv7)
        && let Some(reason) = armv7::why_not()
    {
        return Some(reason);
    }
    let reference = daemons.contains(&Daemon::Reference) && !Daemon::Reference.program().exists();
    reference.then(|| "needs Heartbeat 3.0.6, the package heartbeat".to_owned())
}

/// Whether a program is in one of the usual directories.
fn is_installed(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|directory| Path::new(directory).join(program).exists())
}

/// A program of the package `hbcore-linux`, built now if it is not up to date.
pub fn release_binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&["--release"], target_directory()).join("release")).join(name)
}

/// The same with the feature `faults`. It has a target directory of its own, because programs with and without it have
/// one name.
fn seamed_binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| build(&["--features", "faults"], target_directory().join("faults")).join("debug"));
    built.join(name)
}

/// Builds the programs of the package `hbcore-linux` and returns the target directory.
fn build(options: &[&str], target: PathBuf) -> PathBuf {
    let mut build = cargo();
    build.args(["build", "--quiet", "-p", "hbcore-linux", "--bins"]).args(options).arg("--target-dir").arg(&target);
    assert!(build.status().is_ok_and(|status| status.success()), "hbcore-linux does not build");
    target
}

/// The reason why a test that needs these files cannot run, each with its Debian package; none if the files exist.
pub(super) fn missing_package(needed: &[(&str, &str)]) -> Option<String> {
    let (_, package) = needed.iter().find(|(path, _)| !Path::new(path).exists())?;
    Some(format!("needs the Debian package {package}"))
}

/// The target directory that the running program came from: `target/release/x`, or `target/debug/deps/x` for a test.
pub(super) fn target_directory() -> PathBuf {
    let this = std::env::current_exe().expect("the running program");
    let profile = this.parent().filter(|d| !d.ends_with("deps")).or_else(|| this.parent()?.parent());
    profile.and_then(Path::parent).expect("a target directory").to_owned()
}
