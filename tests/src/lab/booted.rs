//! A host in namespaces, on a copy of this machine's files: with or without Debian's heartbeat, with or without systemd.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::await_until::holds_within;
use super::namespace::Namespace;

/// How long systemd may take to boot, on a machine that does other things too.
const BOOT: Duration = Duration::from_mins(1);
/// Where the disks are: in memory, on a file system that can be the upper one of an overlay.
const DISKS: &str = "/dev/shm";
/// The begin of their names.
const PREFIX: &str = "hbcore-booted-";

/// The files that a host has, besides those of this machine that have nothing to do with heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// Neither Debian's package of 3.0.6 nor what it needs: no library of its own, no user hacluster. `resource-agents`
    /// is there, with the library that it needs.
    None,
    /// The same without `resource-agents` and any library of it.
    Bare,
    /// Debian's package of 3.0.6, as this machine has it, without a configuration.
    Debian,
}

/// Process 1 of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// systemd.
    Systemd,
    /// A shell that does nothing: services are started by init scripts.
    Shell,
}

/// A host on a copy of this machine's files. Everything on it ends with this value, or with the test's process.
pub struct Booted {
    name: &'static str,
    init: Init,
    installed: Installed,
    kept: Vec<String>,
    /// Its disk.
    directory: PathBuf,
    running: Option<Running>,
}

/// The part of a host that ends in a power cut.
struct Running {
    unshare: Child,
    /// Its process 1, as this machine numbers it.
    first_process: u32,
}

impl Booted {
    /// A host that sees `kept` of this machine: directories, read-only, or devices as `/dev/DEVICE=NAME`. The reason if
    /// it does not boot here.
    pub fn new(name: &'static str, init: Init, installed: Installed, kept: &[&str]) -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        remove_leftovers();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = Path::new(DISKS).join(format!("{PREFIX}{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let kept = kept.iter().map(|&kept| kept.to_owned()).collect();
        let mut host = Self { name, init, installed, kept, directory, running: None };
        host.boot()?;
        Ok(host)
    }

    /// Switches the power on.
    ///
    /// # Errors
    /// The reason why it does not boot.
    pub fn boot(&mut self) -> Result<(), String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lab/booted.sh");
        // The host ends with the thread of the scenario, also if that is killed.
        let mut unshare = Command::new("setpriv");
        let namespaces = ["--mount", "--net", "--uts", "--ipc", "--cgroup"];
        unshare.args(["--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"]).args(namespaces);
        let init = match self.init {
            Init::Systemd => "systemd",
            Init::Shell => "sh",
        };
        let heartbeat = match self.installed {
            Installed::None => "none",
            Installed::Bare => "bare",
            Installed::Debian => "debian",
        };
        unshare.arg("sh").arg(script).args([self.name, init, heartbeat]).arg(&self.directory).args(&self.kept);
        unshare.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let unshare = unshare.spawn().map_err(|error| format!("unshare: {error}"))?;
        self.running = Some(Running { unshare, first_process: 0 });
        let is_up = match self.init {
            Init::Systemd => "systemctl is-active basic.target",
            Init::Shell => "test -e /run/booted",
        };
        holds_within(BOOT, || {
            let Some(running) = &mut self.running else { return true };
            running.first_process = child_of(running.unshare.id()).unwrap_or(0);
            let ended = running.unshare.try_wait().is_ok_and(|end| end.is_some());
            ended || (running.first_process != 0 && self.run(is_up).0 == Some(0))
        });
        let Some(running) = &mut self.running else { return Ok(()) };
        match running.unshare.try_wait() {
            Ok(None) if self.run(is_up).0 == Some(0) => Ok(()),
            Ok(None) => Err(format!("{} did not boot within {} s", self.name, BOOT.as_secs())),
            _ => {
                let mut said = String::new();
                if let Some(stderr) = self.running.as_mut().and_then(|running| running.unshare.stderr.as_mut()) {
                    let _ = std::io::Read::read_to_string(stderr, &mut said);
                }
                Err(format!("{} does not boot here: {}", self.name, said.trim()))
            }
        }
    }

    /// Kills every process at one instant. Its cables are gone with it, its disk stays.
    pub fn cut_power(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.unshare.kill();
            let _ = running.unshare.wait();
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its process 1, as this machine numbers it; 0 without power.
    pub fn first_process(&self) -> u32 {
        self.running.as_ref().map_or(0, |running| running.first_process)
    }

    /// Lays a cable between `eth0` of both hosts: 192.0.2.1/24 here, 192.0.2.2/24 there, as `ip address add` sets them.
    pub fn cable(&self, other: &Self) {
        let (here, there) = (self.first_process().to_string(), other.first_process().to_string());
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

    /// Connects `interface` of the host to a bridge in another network namespace, and gives it this address.
    pub fn plug_in(&self, interface: &str, address: &str, switch: &Namespace, bridge: &str) {
        let (here, port) = (self.first_process(), format!("{interface}-{here}", here = self.first_process()));
        switch.ip(&format!(
            "link add {port} type veth peer name {interface} netns {here}\nlink set {port} master {bridge} up"
        ));
        self.succeed(&format!("ip address add {address} dev {interface}; ip link set {interface} up"));
    }

    /// Runs a shell script on the host. Returns its exit code and its output with its errors.
    pub fn run(&self, script: &str) -> (Option<i32>, String) {
        let mut command = Command::new("nsenter");
        command.args([
            "-t",
            &self.first_process().to_string(),
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
    pub fn succeed(&self, script: &str) -> String {
        let (code, said) = self.run(script);
        assert_eq!(code, Some(0), "{script}\n{said}");
        said
    }

    /// Waits until `script` succeeds.
    #[track_caller]
    pub fn await_success(&self, script: &str) {
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
        self.cut_power();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Removes the disks of tests that were killed.
fn remove_leftovers() {
    for entry in std::fs::read_dir(DISKS).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The first child of a process.
fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
