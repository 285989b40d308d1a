//! The roles in which the demonstration starts this program again: the daemon of a node, or the service that it guards.

use crate::terminal::complain;
use std::ffi::{CStr, OsString};
use std::io;
use std::net::{SocketAddrV4, UdpSocket};
use std::path::Path;
use std::process::ExitCode;

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
use socket2::{Domain, Protocol, Socket, Type};

use super::client::hurry;
use super::network::{SERVICE, SERVICE_PORT};

/// The word of the command line before a role.
pub const ROLE: &str = "demo-role";

/// A role, as its parent orders it.
pub(super) enum Role<'a> {
    /// The daemon whose files are in a directory.
    Daemon { directory: &'a Path },
    /// The service of a node.
    Service { node: &'a str },
}

impl Role<'_> {
    /// The words after [`ROLE`].
    pub(super) fn words(&self) -> [OsString; 3] {
        let (role, of_what) = match self {
            Self::Daemon { directory } => ("daemon", directory.as_os_str()),
            Self::Service { node } => ("service", node.as_ref()),
        };
        [getpid().to_string().into(), role.into(), of_what.to_owned()]
    }
}

/// Plays a role, given the words after [`ROLE`]. The program must end with the returned code. It is killed when its
/// parent ends.
pub fn play(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut words = words.into_iter();
    let (Some(parent), Some(role), Some(of_what), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return ExitCode::from(2);
    };
    match (role.to_str(), end_with(&parent)) {
        (Some("daemon"), Ok(())) => be_daemon(Path::new(&of_what)),
        (Some("service"), Ok(())) => be_service(&of_what),
        (_, Err(error)) => {
            complain(format_args!("hb: cannot follow its parent: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::from(2),
    }
}

/// Lets the kernel kill this process when its parent ends, for whatever reason.
fn end_with(parent: &OsString) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have ended before that was set.
    let lives = getppid().is_some_and(|pid| *parent == *pid.to_string());
    if lives { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}

fn be_daemon(directory: &Path) -> ExitCode {
    call_oneself(c"heartbeat");
    let mut words: Vec<OsString> = vec!["heartbeat".into(), "-f".into()];
    for (option, below) in [("--config-dir", "ha.d"), ("--state-dir", "state"), ("--run-dir", "run")] {
        words.extend([option.into(), directory.join(below).into()]);
    }
    crate::heartbeat::main(words)
}

fn be_service(node: &OsString) -> ExitCode {
    call_oneself(c"demo-service");
    hurry();
    match service() {
        Ok(socket) => answer(&socket, node.as_encoded_bytes()),
        Err(error) => {
            complain(format_args!("hb: the service cannot open its socket: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Sets the name in lists of processes.
fn call_oneself(name: &CStr) {
    let _ = rustix::thread::set_name(name);
}

/// A socket at the service address, whether or not this node has the address now.
fn service() -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_freebind_v4(true)?;
    socket.bind(&SocketAddrV4::new(SERVICE, SERVICE_PORT).into())?;
    Ok(socket.into())
}

/// Answers every datagram with the node's name, for ever.
fn answer(socket: &UdpSocket, node: &[u8]) -> ! {
    loop {
        if let Ok((_, client)) = socket.recv_from(&mut [0; 64]) {
            // If an answer cannot be sent, the client does not get it, which is what the client measures.
            let _ = socket.send_to(node, client);
        }
    }
}
