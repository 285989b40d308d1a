//! The media: all kinds of links, with one small trait (docs/protocol/wire.md 9).
//!
//! A medium is opened from a [`MediumSpec`] and then only moves bytes. It never blocks, never allocates after it was
//! opened, reads no clock and decides nothing. The caller counts its errors; [`remedy`] tells the caller how to deal
//! with one.

mod error;
mod holder;
mod interface;
mod ping;
mod rehearsal;
mod serial;
mod spec;
mod udp;

pub use error::{OpenCause, OpenError, Step};
pub use hbcore::config::MediumKind;
pub use ping::{PING_DATA_MAX, PingMedium};
pub use rehearsal::rehearse;
pub use serial::{SerialMedium, remove_own_locks};
pub use spec::{MediumSpec, merge_ucast};
pub use udp::UdpMedium;

use socket2::{SockAddr, Socket};
use std::{io, net::SocketAddr, os::fd::BorrowedFd};

/// The outcome of [`Medium::send`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The kernel has the message, or the medium's own queue has.
    Sent,
    /// There was no room without waiting: the message is dropped, at least for one destination.
    WouldBlock,
}

/// A link to other nodes. No method blocks.
pub trait Medium {
    /// The name that clients and logs use for the link: interface, serial device, ping host or group.
    fn link_name(&self) -> &str;

    /// The directive of `ha.cf` that the medium comes from.
    fn kind(&self) -> MediumKind;

    /// The descriptor to watch for reading. It changes with [`Medium::reopen`].
    fn fd(&self) -> BorrowedFd<'_>;

    /// Takes one message into `buf`, `None` when none waits. A message longer than `buf` is cut, so its digest fails. A
    /// stream (see [`Medium::is_stream`]) gives its next bytes instead.
    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>>;

    /// The sender of the message that [`Medium::receive`] took last; `None` where senders have no address, as on a
    /// serial line.
    fn sender(&self) -> Option<SocketAddr> {
        None
    }

    /// Sends one message to every destination. When some fail, the others are served and the first error is returned.
    fn send(&mut self, bytes: &[u8]) -> io::Result<SendOutcome>;

    /// Whether the medium receives a stream of bytes that the reader must cut into messages (`hbcore::wire::frame`).
    fn is_stream(&self) -> bool {
        false
    }

    /// Whether the medium waits until its descriptor is writable. Only streams do; ask after each `send`.
    fn wants_write(&self) -> bool {
        false
    }

    /// Tells the medium that its descriptor is writable.
    fn writable(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Opens the medium anew, as after an interface or adapter came back. On failure the medium stays as it was. Host
    /// names are not looked up again.
    fn reopen(&mut self) -> Result<(), OpenError>;
}

/// The answer to an error of [`Medium::receive`] or [`Medium::send`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Count it. The medium works again when its cause is gone, such as an interface that is down.
    Wait,
    /// Stop watching the descriptor, then call [`Medium::reopen`] with back-off: its interface or device has gone.
    Reopen,
}

/// Sorts the errors of a medium.
pub fn remedy(error: &io::Error) -> Remedy {
    match error.raw_os_error() {
        Some(libc::ENODEV | libc::ENXIO | libc::EIO | libc::EBADF) => Remedy::Reopen,
        None if error.kind() == io::ErrorKind::UnexpectedEof => Remedy::Reopen,
        _ => Remedy::Wait,
    }
}

/// Any medium, without a box and without dynamic dispatch.
pub enum AnyMedium {
    /// ucast, bcast, mcast, ucast6, mcast6.
    Udp(UdpMedium),
    /// ping, `ping_group`, ping6.
    Ping(PingMedium),
    /// serial.
    Serial(SerialMedium),
}

/// Opens the medium that `spec` describes. Looks up host names, so it may take as long as the resolver does; everything
/// after it is immediate.
#[cold]
pub fn open(spec: &MediumSpec) -> Result<AnyMedium, OpenError> {
    match spec.kind() {
        MediumKind::Serial => SerialMedium::open(spec).map(AnyMedium::Serial),
        MediumKind::Ping | MediumKind::PingGroup | MediumKind::Ping6 => PingMedium::open(spec).map(AnyMedium::Ping),
        _ => UdpMedium::open(spec).map(AnyMedium::Udp),
    }
}

/// Calls a method of the medium that the enum holds.
macro_rules! each {
    ($any:expr, $medium:ident => $call:expr) => {
        match $any {
            AnyMedium::Udp($medium) => $call,
            AnyMedium::Ping($medium) => $call,
            AnyMedium::Serial($medium) => $call,
        }
    };
}

impl Medium for AnyMedium {
    fn link_name(&self) -> &str {
        each!(self, m => m.link_name())
    }

    fn kind(&self) -> MediumKind {
        each!(self, m => m.kind())
    }

    fn fd(&self) -> BorrowedFd<'_> {
        each!(self, m => m.fd())
    }

    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        each!(self, m => m.receive(buf))
    }

    fn sender(&self) -> Option<SocketAddr> {
        each!(self, m => m.sender())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<SendOutcome> {
        each!(self, m => m.send(bytes))
    }

    fn is_stream(&self) -> bool {
        each!(self, m => m.is_stream())
    }

    fn wants_write(&self) -> bool {
        each!(self, m => m.wants_write())
    }

    fn writable(&mut self) -> io::Result<()> {
        each!(self, m => m.writable())
    }

    fn reopen(&mut self) -> Result<(), OpenError> {
        each!(self, m => m.reopen())
    }
}

/// Sends one datagram to every destination; see [`Medium::send`].
fn send_to_all<'a>(
    socket: &Socket,
    bytes: &[u8],
    flags: i32,
    destinations: impl Iterator<Item = &'a SockAddr>,
) -> io::Result<SendOutcome> {
    let mut outcome = Ok(SendOutcome::Sent);
    for to in destinations {
        let sent = unless_blocked(socket.send_to_with_flags(bytes, to, flags));
        if outcome.is_ok() {
            match sent {
                Ok(Some(_)) => {}
                Ok(None) => outcome = Ok(SendOutcome::WouldBlock),
                Err(error) => outcome = Err(error),
            }
        }
    }
    outcome
}

/// Turns "would block" into `None`.
fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
        Err(e) => Err(e),
    }
}
