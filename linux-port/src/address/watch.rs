//! The kernel's reports of changes of interfaces and addresses (rtnetlink(7), multicast groups).
//!
//! A report may be lost, so it only tells the reader to look again, with [`super::Addresses`].

use super::netlink::{self, Change};
use super::{Action, AddressError};
use crate::sys::fault::{self, Call};
use rustix::net::netlink::SocketAddrNetlink;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};

/// Reads for one look: a storm of changes must not keep the thread from its orders.
const READS: usize = 64;

/// A subscription to all changes of interfaces and addresses.
pub struct Watch {
    socket: Socket,
    buffer: Vec<u8>,
}

/// The finding of [`Watch::read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// No change that concerns the caller.
    Nothing,
    /// A change that concerns the caller.
    Change,
    /// Messages were lost, or reading failed: anything may have changed.
    Anything,
}

impl Watch {
    /// Subscribes, in the network namespace of the calling thread. Needs no privilege.
    pub fn open() -> Result<Self, AddressError> {
        let refused = |error| AddressError::from_io(Action::Connect, error);
        fault::gate(Call::Netlink, "watch").and_then(|()| Self::subscribe()).map_err(refused)
    }

    fn subscribe() -> io::Result<Self> {
        let protocol = Protocol::from(libc::NETLINK_ROUTE);
        let socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(Self { socket, buffer: vec![0; netlink::BUFFER] })
    }

    /// Reads the waiting reports; `concerns` tells which changes concern the caller. A socket that is read only in part
    /// stays ready.
    pub fn read(&mut self, mut concerns: impl FnMut(&Change) -> bool) -> Seen {
        let mut seen = Seen::Nothing;
        for _ in 0..READS {
            match (&self.socket).read(&mut self.buffer) {
                Ok(len) => {
                    netlink::read_changes(self.buffer.get(..len).unwrap_or_default(), |change| {
                        if concerns(&change) && seen == Seen::Nothing {
                            seen = Seen::Change;
                        }
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // ENOBUFS: the kernel dropped messages. The socket still works.
                Err(_) => seen = Seen::Anything,
            }
        }
        seen
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Interfaces, IPv4 addresses, IPv6 addresses.
const GROUPS: u32 = group(libc::RTNLGRP_LINK) | group(libc::RTNLGRP_IPV4_IFADDR) | group(libc::RTNLGRP_IPV6_IFADDR);

const fn group(number: u32) -> u32 {
    1 << (number - 1)
}
