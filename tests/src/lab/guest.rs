//! A whole machine: Debian's kernel in QEMU, with the programs and the files of this machine.
//!
//! ```text
//!     alpha ───── eth1, 10.78.0.0/24 ───── bravo
//!       │                                    │
//!     eth0 ────── eth0, 10.77.0.0/24 ────── eth0
//!                          │
//!                        client
//! ```
//!
//! A [`Guest`] is for things that a [`Host`](super::Host) cannot have, because they belong to the kernel, such as a
//! replicated disk. Its root file system is that of the machine that runs the test, with a layer in memory above it.
//! Its disks and its logs survive a power cut. Commands reach it over ports, a line each.

mod archive;
mod system;
mod wires;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::await_until::holds_within;
use super::host::Answered;
use super::network::{CABLE, SWITCHED};

pub use system::{System, fetch, has_kvm, is_fetched, why_not};
pub use wires::Wires;

/// The names of the two guests, which are also those of the nodes.
pub const NAMES: [&str; 2] = ["alpha", "bravo"];

/// The longest time for booting and for a command, if the processor is emulated and shared.
const LIMIT: Duration = Duration::from_mins(3);

/// The byte after the output of a command.
const END: u8 = 4;

/// Lines of a log in a failure report.
const TAIL: usize = 25;

/// A machine with its disks, and power from [`boot`](Self::boot) to [`cut_power`](Self::cut_power).
pub struct Guest {
    index: usize,
    /// The directory of its disks, of the sockets that QEMU connects to, and of the files that it shares with the test.
    directory: PathBuf,
    wires: Arc<Wires>,
    system: Arc<System>,
    power: Mutex<Option<Arc<Power>>>,
}

/// The user of a port. Commands of two users do not wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The scenario.
    Scenario,
    /// The watch, which reads the state of the machine.
    Watch,
}

struct Power {
    qemu: Mutex<Child>,
    ports: [Mutex<UnixStream>; 2],
}

impl Guest {
    /// The guest with this index of [`NAMES`], without power, and with a new directory of its own in `directory`.
    pub fn new(index: usize, directory: &Path, wires: &Arc<Wires>, system: &Arc<System>) -> Self {
        let directory = directory.join(NAMES[index]);
        let _ = fs::remove_dir_all(&directory);
        for shared in ["share/etc", "share/log"] {
            fs::create_dir_all(directory.join(shared))
                .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        }
        Self { index, directory, wires: Arc::clone(wires), system: Arc::clone(system), power: Mutex::new(None) }
    }

    /// The directory that it sees as `/guest/share`: files of its `/etc`, and its `/var/log`.
    fn share(&self) -> PathBuf {
        self.directory.join("share")
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        NAMES[self.index]
    }

    /// The paths of its first disk (`/dev/vda`) and its second one (`/dev/vdb`, `/var/lib/heartbeat`). They must exist
    /// before it boots.
    pub fn disks(&self) -> [PathBuf; 2] {
        ["vda", "vdb"].map(|name| self.directory.join(name))
    }

    /// Writes a file that is in its `/etc` from the next boot on, readable by its owner only.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.share().join("etc").join(file);
        fs::create_dir_all(path.parent().expect("below etc")).expect("our own directory");
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("our own file");
    }

    /// Switches the power on. The first command waits until the machine is ready.
    ///
    /// QEMU ends with the thread that calls this, even if that is killed.
    pub fn boot(&self) {
        let sockets = ["port1", "port2"].map(|name| self.directory.join(name));
        let listeners = sockets.each_ref().map(|path| {
            let _ = fs::remove_file(path);
            UnixListener::bind(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        });
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.wires.pid())).args(["setpriv", "--pdeathsig", "KILL"]);
        command.args(self.qemu(&sockets)).stdin(Stdio::null()).stdout(Stdio::null());
        let complaints = self.share().join("log/qemu");
        command.stderr(File::options().create(true).append(true).open(complaints).expect("our own directory"));
        let mut qemu = command.spawn().expect("nsenter of util-linux");
        let ports = listeners.map(|listener| {
            listener.set_nonblocking(true).expect("a socket");
            let mut port = None;
            let connected = holds_within(LIMIT, || {
                port = listener.accept().ok();
                port.is_some() || qemu.try_wait().is_ok_and(|end| end.is_some())
            });
            let said = || fs::read_to_string(self.share().join("log/qemu")).unwrap_or_default();
            let (port, _) = port.unwrap_or_else(|| panic!("QEMU did not start (in time: {connected}): {}", said()));
            port.set_nonblocking(false).and_then(|()| port.set_read_timeout(Some(LIMIT))).expect("a socket");
            Mutex::new(port)
        });
        *self.power.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Arc::new(Power { qemu: Mutex::new(qemu), ports }));
    }

    /// The command line of QEMU.
    fn qemu(&self, sockets: &[PathBuf; 2]) -> Vec<String> {
        let mut words = self.system.qemu();
        let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
        let addresses = format!("{}/24,{}/24", SWITCHED[self.index], CABLE[self.index]);
        let modules = self.system.modules().display();
        // Programs have the same addresses each time, so that the emulator translates them only once. Mitigations are
        // off.
        add(
            "-append",
            format!(
                "console=ttyS0 panic=-1 norandmaps mitigations=off audit=0 name={} addresses={addresses} modules={modules}",
                self.name()
            ),
        );
        add("-chardev", format!("file,id=console,path={},append=on", self.share().join("log/console").display()));
        add("-serial", "chardev:console".to_owned());
        let share = |path: &Path, options: &str| {
            format!("local,path={},security_model=passthrough,multidevs=remap,mount_tag={options}", path.display())
        };
        add("-virtfs", share(Path::new("/"), "root,readonly=on"));
        add("-virtfs", share(&self.share(), "share"));
        for disk in self.disks() {
            add("-drive", format!("file={},format=raw,if=virtio", disk.display()));
        }
        add("-device", "virtio-serial-pci".to_owned());
        for (number, socket) in (1..).zip(sockets) {
            add("-chardev", format!("socket,id=port{number},path={}", socket.display()));
            add("-device", format!("virtserialport,chardev=port{number},nr={number}"));
        }
        for card in 0..2 {
            let tap = wires::tap(self.index, card);
            add("-netdev", format!("tap,id=card{card},ifname={tap},script=no,downscript=no"));
            add("-device", format!("virtio-net-pci,netdev=card{card},mac=52:54:00:77:0{card}:0{}", self.index + 1));
        }
        words
    }

    /// Whether the machine has power.
    pub fn has_power(&self) -> bool {
        self.power().is_some_and(|power| {
            let mut qemu = power.qemu.lock().unwrap_or_else(PoisonError::into_inner);
            qemu.try_wait().is_ok_and(|end| end.is_none())
        })
    }

    /// Cuts the power at one instant.
    pub fn cut_power(&self) {
        let power = self.power.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(power) = power {
            let mut qemu = power.qemu.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = qemu.kill();
            let _ = qemu.wait();
        }
    }

    /// Shuts the machine down. Panics if it does not switch itself off.
    #[track_caller]
    pub fn shut_down(&self) {
        let power = self.power().expect("a guest with power");
        writeln!(power.port(Port::Scenario), "/guest/busybox poweroff").expect("a guest that can be used");
        let mut end = None;
        let is_off = holds_within(LIMIT, || {
            end = power.qemu.lock().unwrap_or_else(PoisonError::into_inner).try_wait().expect("a child");
            end.is_some()
        });
        assert!(
            is_off && end.is_some_and(|end| end.success()),
            "{} is not off, but {end:?}\n{}",
            self.name(),
            self.state()
        );
    }

    /// Runs a line of shell. Panics with the state of the machine if it does not answer, or the exit code is not 0.
    #[track_caller]
    pub fn run(&self, line: &str) -> String {
        match self.ask(Port::Scenario, line) {
            Some(Answered { code: Some(0), output }) => output,
            other => panic!("{}: {line}: {other:?}\n{}", self.name(), self.state()),
        }
    }

    /// Runs a line of shell. None if the machine has no power, or loses it meanwhile, or does not answer.
    pub fn ask(&self, port: Port, line: &str) -> Option<Answered> {
        let power = self.power()?;
        let mut port = power.port(port);
        writeln!(port, "{line}").ok()?;
        let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
        let end = Instant::now() + LIMIT;
        while !(answer.ends_with(b"\n") && answer.contains(&END)) {
            let len = port.read(&mut bytes).ok().filter(|&len| len > 0 && Instant::now() < end)?;
            answer.extend_from_slice(&bytes[..len]);
        }
        let text = String::from_utf8_lossy(&answer);
        let (output, code) = text.rsplit_once(char::from(END))?;
        Some(Answered { code: code.trim_end().parse().ok(), output: output.to_owned() })
    }

    fn power(&self) -> Option<Arc<Power>> {
        self.power.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The output of its kernel since the first boot.
    pub fn console(&self) -> String {
        self.text_of("console")
    }

    /// The log of its daemon.
    pub fn log(&self) -> String {
        self.text_of("ha-log")
    }

    fn text_of(&self, log: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.share().join("log").join(log)).unwrap_or_default()).into_owned()
    }

    /// The information that a person needs to find out why a scenario failed.
    pub fn state(&self) -> String {
        let tail = |text: String| {
            let lines: Vec<&str> = text.lines().collect();
            lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n  ")
        };
        let power = if self.has_power() { "on" } else { "off" };
        format!(
            "--- {} is {power}; all of these are in {}\n--- its kernel\n  {}\n--- its daemon\n  {}\n",
            self.name(),
            self.share().join("log").display(),
            tail(self.console()),
            tail(self.log()),
        )
    }
}

impl Power {
    fn port(&self, port: Port) -> MutexGuard<'_, UnixStream> {
        self.ports[port as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.cut_power();
    }
}
