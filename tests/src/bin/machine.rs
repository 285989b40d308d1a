//! Process 1 of a host of the test network. It gives the host its name, its own directories and a service for the
//! probes, and reaps the processes that daemons leave.
//!
//! It runs in fresh pid, mount and uts namespaces (see `lab/machine.rs`). When it is killed, the kernel kills every
//! process of the host at that instant, the service included: a power cut. It also ends when its standard input is
//! closed, so that no host survives the test that made it.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use hbcore_linux::sys::realtime::{self, Policy};
use rustix::mount::{MountFlags, mount, mount_bind, mount_bind_recursive};
use rustix::process::{WaitOptions, wait};
use socket2::{Domain, Protocol, Socket, Type};

/// The directories that a daemon expects below `/run`.
const RUN_DIRECTORIES: [&str; 6] =
    ["lock", "resource-agents", "heartbeat/ccm", "heartbeat/crm", "heartbeat/dopd", "heartbeat/rsctmp"];

/// The devices of a host with a serial port. A host without one has the devices of the machine that runs the test.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

struct Arguments {
    name: String,
    root: PathBuf,
    services: [SocketAddr; 2],
    serial: Option<PathBuf>,
}

fn main() -> ExitCode {
    match arguments().and_then(|given| set_up(&given)) {
        Ok(()) => collect_orphans(),
        Err(error) => {
            eprintln!("machine: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut next = |what: &str| words.next().ok_or(format!("{what} is missing"));
    Ok(Arguments {
        name: next("the host name")?,
        root: next("the directory")?.into(),
        services: [next("the service address")?.parse()?, next("the other service address")?.parse()?],
        serial: words.next().map(PathBuf::from),
    })
}

fn set_up(given: &Arguments) -> Result<(), Box<dyn Error>> {
    thread::spawn(end_with_standard_input);
    rustix::system::sethostname(given.name.as_bytes())?;
    if let Some(port) = &given.serial {
        own_devices(&given.root.join("dev"), port)?;
    }
    own_directories(&given.root)?;
    for address in given.services {
        let service = service(address)?;
        let name = given.name.clone();
        thread::spawn(move || serve(&service, &name));
    }
    println!("ready");
    Ok(io::stdout().flush()?)
}

fn end_with_standard_input() {
    let mut byte = [0];
    while io::stdin().read(&mut byte).is_ok_and(|n| n > 0) {}
    std::process::exit(0);
}

/// `/run` is new at each boot, as on a real host; the others are directories that survive a power cut.
fn own_directories(root: &Path) -> io::Result<()> {
    mount("tmpfs", "/run", "tmpfs", MountFlags::empty(), None)?;
    for directory in RUN_DIRECTORIES {
        fs::create_dir_all(Path::new("/run").join(directory))?;
    }
    // Only the reference has these users.
    let _ = Command::new("chown")
        .args(["-R", "hacluster:haclient", "/run/heartbeat"])
        .stderr(std::process::Stdio::null())
        .status();
    for (ours, theirs) in [("ha.d", "/etc/ha.d"), ("lib", "/var/lib/heartbeat"), ("log", "/var/log")] {
        if Path::new(theirs).is_dir() {
            mount_bind(root.join(ours), theirs)?;
        }
    }
    Ok(())
}

/// A `/dev` of its own, in which the serial port is called `ttyHB0`: the reference needs a name directly below `/dev`.
fn own_devices(new: &Path, port: &Path) -> io::Result<()> {
    fs::create_dir_all(new)?;
    mount("tmpfs", new, "tmpfs", MountFlags::empty(), Some(c"mode=755"))?;
    let device = |source: &Path, name: &str| -> io::Result<()> {
        fs::File::create(new.join(name))?;
        Ok(mount_bind(source, new.join(name))?)
    };
    for name in DEVICES {
        device(&Path::new("/dev").join(name), name)?;
    }
    device(port, "ttyHB0")?;
    fs::create_dir(new.join("pts"))?;
    mount_bind("/dev/pts", new.join("pts"))?;
    for (target, name) in
        [("pts/ptmx", "ptmx"), ("/proc/self/fd", "fd"), ("/proc/self/fd/0", "stdin"), ("/proc/self/fd/1", "stdout")]
    {
        symlink(target, new.join(name))?;
    }
    symlink("/proc/self/fd/2", new.join("stderr"))?;
    Ok(mount_bind_recursive(new, "/dev")?)
}

/// A socket on the service address, even if this host does not have the address now.
fn service(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    match address {
        SocketAddr::V4(_) => socket.set_freebind_v4(true)?,
        SocketAddr::V6(_) => socket.set_freebind_v6(true)?,
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Answers each datagram with itself and the host's name.
fn serve(socket: &UdpSocket, name: &str) {
    // The test measures the cluster, and not how long the answer waits for a processor.
    let _ = realtime::enter_unguarded(Policy::RoundRobin, 1);
    let mut buffer = [0; 64];
    loop {
        let Ok((len, client)) = socket.recv_from(&mut buffer) else { continue };
        let mut answer = buffer[..len].to_vec();
        answer.extend_from_slice(name.as_bytes());
        // If an answer cannot be sent, the client misses it.
        let _ = socket.send_to(&answer, client);
    }
}

fn collect_orphans() -> ! {
    loop {
        // Without children there is nothing to wait for, and no event for the first new one.
        if wait(WaitOptions::empty()).is_err() {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
