//! The socket `register`, and its connections.

use super::Credentials;
use crate::state::{FileId, SocketName};
use crate::sys::{fault, users};
use rustix::fs::{AtFlags, CWD, Gid, Mode, Uid};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

/// Connections that wait to be accepted, as in 3.0.6.
const WAITING: i32 = 128;
/// The user and the group that may pass the directory: the gate of 3.0.6.
const OWNER: &str = "hacluster";
const GROUP: &str = "haclient";

/// The listening socket, and the file that leads to it.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: OwnedFd,
    pub(super) file: FileId,
}

/// Listens at `path`, in a directory that is made if it is missing. It first removes a socket that an earlier run left
/// there.
pub(super) fn listen(path: &Path) -> io::Result<Listener> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o750).create(directory)?;
        guard(directory)?;
    }
    SocketName::clear(path)?;
    fault::gate(fault::Call::Socket, "register")?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::fs::chmodat(CWD, path, Mode::from_raw_mode(0o777), AtFlags::empty())?;
    rustix::net::listen(&socket, WAITING)?;
    Ok(Listener { socket, file: FileId::at(path)? })
}

/// Closes the directory to all but the users of clients, as the package of 3.0.6 does, or to all but root where these
/// do not exist. A directory whose owner or group is not root is left alone.
fn guard(directory: &Path) -> io::Result<()> {
    let found = fs::metadata(directory)?;
    if (found.uid(), found.gid()) != (0, 0) || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = users::listed("/etc/passwd", OWNER).map(Uid::from_raw);
    let group = users::listed("/etc/group", GROUP).map(Gid::from_raw);
    // In a namespace of other users they may not exist.
    let _ = rustix::fs::chownat(CWD, directory, owner, group, AtFlags::empty());
    Ok(rustix::fs::chmodat(CWD, directory, Mode::from_raw_mode(0o750), AtFlags::empty())?)
}

/// Accepts one of the waiting connections. `None`: there is none.
#[cold]
#[inline(never)]
pub(super) fn accept(listener: &OwnedFd) -> io::Result<Option<(OwnedFd, Credentials)>> {
    fault::gate(fault::Call::Accept, "register")?;
    match rustix::net::accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
        Ok(socket) => {
            let peer = rustix::net::sockopt::socket_peercred(&socket)?;
            let credentials =
                Credentials { pid: peer.pid.as_raw_nonzero().get(), uid: peer.uid.as_raw(), gid: peer.gid.as_raw() };
            Ok(Some((socket, credentials)))
        }
        Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The result of a read.
pub(super) enum Got {
    /// This number of bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The end.
    End,
}

/// Reads the available bytes.
#[cold]
#[inline(never)]
pub(super) fn read(socket: &OwnedFd, into: &mut [u8]) -> Got {
    match rustix::io::read(socket, into) {
        Ok(0) => Got::End,
        Ok(length) => Got::Bytes(length),
        Err(Errno::AGAIN | Errno::INTR) => Got::Nothing,
        Err(_) => Got::End,
    }
}

/// Writes as much as there is room for; `None` when the other end has closed.
#[cold]
#[inline(never)]
pub(super) fn write(socket: &OwnedFd, bytes: &[u8]) -> Option<usize> {
    match rustix::net::send(socket, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
        Ok(length) => Some(length),
        Err(Errno::AGAIN | Errno::INTR) => Some(0),
        Err(_) => None,
    }
}
