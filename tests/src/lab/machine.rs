//! The part of a host that ends in a power cut: all its processes, with its mounts and its `/run`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::namespace::Namespace;
use super::network::{SERVICE, SERVICE_PORT, SERVICE6};

/// A running machine. It loses its power when it is dropped.
pub(super) struct Machine {
    unshare: Child,
    first_process: u32,
}

impl Machine {
    pub(super) fn boot(name: &str, root: &Path, namespace: &Namespace, serial: Option<&Path>) -> Self {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.arg(machine_binary()).arg(name).arg(root).arg(format!("{SERVICE}:{SERVICE_PORT}"));
        command.arg(format!("[{SERVICE6}]:{SERVICE_PORT}")).args(serial);
        let complaints = root.join("log/machine");
        let file = File::create(&complaints).unwrap_or_else(|error| panic!("{}: {error}", complaints.display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let mut unshare = namespace.inside(move || command.spawn()).expect("unshare of util-linux");
        let mut word = String::new();
        let output = unshare.stdout.take().expect("a pipe");
        let _ = BufReader::new(output).read_line(&mut word);
        let said = || fs::read_to_string(&complaints).unwrap_or_default();
        assert_eq!(word, "ready\n", "the machine {name} did not boot: {}", said());
        let first_process = only_child(unshare.id());
        Self { unshare, first_process }
    }

    /// The process that has number 1 on the machine, with its number for the test.
    pub(super) fn first_process(&self) -> u32 {
        self.first_process
    }

    /// A command that will run on the machine.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.first_process)).args(["--mount", "--uts", "--net", "--pid", "--"]);
        command.arg(program).current_dir("/").stdin(Stdio::null());
        command
    }

    /// Cuts the power. Every process is gone when this returns.
    pub(super) fn cut_power(&mut self) {
        if let Some(pid) = i32::try_from(self.first_process).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = self.unshare.wait();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.cut_power();
    }
}

fn only_child(pid: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.trim().parse().unwrap_or_else(|_| panic!("process {pid} has the children [{children}] instead of one"))
}

/// The program of this package, beside the running program or above the running test.
fn machine_binary() -> PathBuf {
    let this = std::env::current_exe().expect("the running program");
    let directory = this.parent().filter(|d| !d.ends_with("deps")).or_else(|| this.parent()?.parent());
    directory.expect("a directory").join("machine")
}
