//! A node: its network, its files, and while it has power a daemon and the service that it guards.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::network::{CABLED, NODES, SERVICE, SWITCHED, Sockets};
use super::role::{ROLE, Role};
use super::timing::{DEADTIME, INITDEAD, KEEPALIVE};
use crate::sys::namespace::Network;

/// Lines of a log that are shown when the demonstration fails.
const TAIL: usize = 12;

/// A node of the cluster. Its processes end when it is dropped.
pub(super) struct Machine {
    index: usize,
    place: Network,
    sockets: Sockets,
    directory: PathBuf,
    running: Option<[Process; 2]>,
}

impl Machine {
    /// A machine without power, in a network of its own, with its files below `parent`. Both nodes know `secret`.
    pub(super) fn new(index: usize, parent: &Path, secret: &str) -> io::Result<Self> {
        let place = Network::new()?;
        let sockets = Sockets::open(&place)?;
        let directory = parent.join(name(index));
        for below in ["ha.d", "state/cores/root", "run/heartbeat"] {
            fs::create_dir_all(directory.join(below))?;
        }
        let machine = Self { index, place, sockets, directory, running: None };
        machine.write("ha.cf", &ha_cf(index, &machine.directory))?;
        machine.write("authkeys", &format!("auth 1\n1 sha1 {secret}\n"))?;
        machine.write("haresources", &format!("{} {SERVICE}/24/eth0\n", name(0)))?;
        machine.write("nodeinfo", &format!("{}\n", name(index)))?;
        Ok(machine)
    }

    /// Its network.
    pub(super) fn place(&self) -> &Network {
        &self.place
    }

    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        name(self.index)
    }

    /// Switches the power on: the links, the service and the daemon. `home` is the network of the calling thread.
    pub(super) fn power_on(&mut self, home: &Network) -> io::Result<()> {
        let addresses = [SWITCHED, CABLED].map(|pair| pair.get(self.index).copied().unwrap_or(SERVICE));
        let [switched, cabled] = addresses;
        self.sockets.switch_on(&[("eth0", switched), ("eth1", cabled)])?;
        let service = self.start(&Role::Service { node: self.name() }, home)?;
        let daemon = self.start(&Role::Daemon { directory: &self.directory }, home)?;
        self.running = Some([daemon, service]);
        Ok(())
    }

    /// Cuts the power. The processes are killed first, so that the heartbeats stop on both links at the same instant.
    pub(super) fn cut_power(&mut self) -> io::Result<()> {
        // Dropped at the end, because it takes a while to reap the processes.
        let mut running = self.running.take();
        running.iter_mut().flatten().for_each(Process::kill);
        self.sockets.switch_off(&["eth0", "eth1"])
    }

    /// Whether one of its processes has ended unexpectedly.
    pub(super) fn has_failed(&mut self) -> bool {
        self.running.iter_mut().flatten().any(Process::has_ended)
    }

    /// Whether it holds the service address.
    pub(super) fn holds_service(&mut self) -> io::Result<bool> {
        self.sockets.hold_service()
    }

    /// The last lines that its daemon wrote.
    pub(super) fn last_words(&self) -> Vec<String> {
        let read = |file: &str| fs::read_to_string(self.directory.join(file)).unwrap_or_default();
        let text = [read("console"), read("log")].concat();
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(TAIL)).map(|line| format!("{}: {line}", self.name())).collect()
    }

    fn start(&self, role: &Role<'_>, home: &Network) -> io::Result<Process> {
        let console = self.console()?;
        // This link leads to the program even if the new mounts hide its path.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("hb")
            .arg(ROLE)
            .args(role.words())
            .stdin(Stdio::null())
            .stdout(console.try_clone()?)
            .stderr(console);
        // Ctrl-C must reach only the demonstration itself.
        command.process_group(0);
        self.place.enter()?;
        let child = command.spawn();
        home.enter()?;
        child.map(Process)
    }

    fn console(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(self.directory.join("console"))
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        let path = self.directory.join("ha.d").join(file);
        fs::write(&path, text)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))
    }
}

/// A process that does not outlive the value.
struct Process(Child);

impl Process {
    fn kill(&mut self) {
        // It may have ended already, which is no error.
        let _ = self.0.kill();
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = self.0.wait();
    }
}

fn name(index: usize) -> &'static str {
    NODES.get(index).copied().unwrap_or_default()
}

fn ha_cf(index: usize, directory: &Path) -> String {
    let peer = |pair: [Ipv4Addr; 2]| pair.into_iter().nth(1 - index.min(1)).unwrap_or(SERVICE);
    let (switched, cabled) = (peer(SWITCHED), peer(CABLED));
    let [keepalive, deadtime, initdead] = [KEEPALIVE, DEADTIME, INITDEAD].map(|time| time.as_millis());
    format!(
        "keepalive {keepalive}ms\ndeadtime {deadtime}ms\ninitdead {initdead}ms\nauto_failback on\n\
         ucast eth0 {switched}\nucast eth1 {cabled}\nnode {} {}\ncrm off\n\
         logfile {}\nlogfacility none\n",
        name(0),
        name(1),
        directory.join("log").display(),
    )
}
