//! A host whose process 1 is systemd: namespaces, and a copy of this machine's files that is lost at the end.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use hbcore_tests::lab::holds_within;

/// How long systemd may take to boot, on a machine that does other things too.
const BOOT: Duration = Duration::from_mins(1);

/// The heartbeat that is installed on a host before a scenario begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Installed {
    None,
    /// Debian's package of 3.0.6, as this machine has it, without a configuration.
    Debian,
}

/// A host with systemd. Everything on it ends with this value, or with the test's process.
pub(super) struct Booted {
    unshare: Child,
    /// Its process 1, as this machine numbers it.
    init: u32,
    directory: std::path::PathBuf,
}

impl Booted {
    /// A host that sees the directories `kept` of this machine, read-only; the reason if it does not boot here.
    pub(super) fn new(name: &str, installed: Installed, kept: &[&Path]) -> Result<Self, String> {
        let directory = std::env::temp_dir().join(format!("hbcore-systemd-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systemd/boot.sh");
        // The host ends with the thread of the scenario, also if that is killed.
        let mut unshare = Command::new("setpriv");
        unshare.args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount",
            "--net",
            "--uts",
            "--ipc",
            "--cgroup",
            "sh",
        ]);
        let heartbeat = match installed {
            Installed::None => "none",
            Installed::Debian => "debian",
        };
        unshare.arg(script).args([name, heartbeat]).arg(&directory).args(kept);
        unshare.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let unshare = unshare.spawn().map_err(|error| format!("unshare: {error}"))?;
        let mut host = Self { unshare, init: 0, directory };
        let is_up = holds_within(BOOT, || {
            host.init = host.init.max(child_of(host.unshare.id()).unwrap_or(0));
            host.unshare.try_wait().is_ok_and(|end| end.is_some())
                || (host.init != 0 && host.run("systemctl is-active basic.target").0 == Some(0))
        });
        match host.unshare.try_wait() {
            Ok(None) if is_up => Ok(host),
            Ok(None) => Err(format!("systemd did not boot within {} s", BOOT.as_secs())),
            _ => {
                let mut said = String::new();
                if let Some(mut stderr) = host.unshare.stderr.take() {
                    let _ = std::io::Read::read_to_string(&mut stderr, &mut said);
                }
                Err(format!("systemd does not boot here: {}", said.trim()))
            }
        }
    }

    /// Lays a cable between `eth0` of both hosts: 192.0.2.1/24 here, 192.0.2.2/24 there, as `ip address add` sets them.
    pub(super) fn cable(&self, other: &Self) {
        let (here, there) = (self.init.to_string(), other.init.to_string());
        let mut laid = Command::new("nsenter");
        laid.args([
            "-t", &here, "-n", "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", &there,
        ]);
        assert!(laid.status().is_ok_and(|status| status.success()), "a cable");
        for (host, number) in [(self, 1), (other, 2)] {
            host.succeed(&format!(
                "ip link set lo up; ip address add 192.0.2.{number}/24 dev eth0; ip link set eth0 up"
            ));
        }
    }

    /// Runs a shell script on the host. Returns its exit code and its output with its errors.
    pub(super) fn run(&self, script: &str) -> (Option<i32>, String) {
        let mut command = Command::new("nsenter");
        command.args([
            "-t",
            &self.init.to_string(),
            "-m",
            "-n",
            "-p",
            "-u",
            "-i",
            "-C",
            "-r",
            "-w",
            "sh",
            "-c",
            script,
        ]);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().expect("nsenter of util-linux");
        (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
    }

    /// The output of a script that must succeed.
    #[track_caller]
    pub(super) fn succeed(&self, script: &str) -> String {
        let (code, said) = self.run(script);
        assert_eq!(code, Some(0), "{script}\n{said}");
        said
    }

    /// Waits until `script` succeeds.
    #[track_caller]
    pub(super) fn await_success(&self, script: &str) {
        let limit = Duration::from_secs(30);
        assert!(holds_within(limit, || self.run(script).0 == Some(0)), "{script}\n{}", self.state());
    }

    /// Everything that tells why a scenario failed.
    fn state(&self) -> String {
        self.run("hb status; ip -br address; systemctl status --no-pager heartbeat; journalctl -u heartbeat -n 60 --no-pager").1
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        let _ = std::fs::remove_dir(&self.directory);
    }
}

/// The first child of a process.
fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
