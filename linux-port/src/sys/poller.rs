//! Readiness of descriptors: a thin layer over epoll that does not allocate.

use rustix::event::{Timespec, epoll};
use std::{io, os::fd::AsFd, os::fd::OwnedFd, time::Duration};

/// Ready descriptors that one [`Poller::wait`] can report. The others stay ready and come with the next call, so a full
/// table costs one more system call and delays nothing.
pub const EVENTS_MAX: usize = 64;

/// The readiness to watch a descriptor for. Hang-up and errors are always reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Bytes or datagrams to read.
    Read,
    /// Bytes to read, or room to write.
    ReadWrite,
    /// Room to write.
    Write,
}

impl Interest {
    fn flags(self) -> epoll::EventFlags {
        match self {
            Self::Read => epoll::EventFlags::IN,
            Self::ReadWrite => epoll::EventFlags::IN | epoll::EventFlags::OUT,
            Self::Write => epoll::EventFlags::OUT,
        }
    }
}

/// One ready descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The number given to [`Poller::add`].
    pub token: u64,
    /// Reading will not block; also set on hang-up and error, so that a read returns the reason.
    pub readable: bool,
    /// Writing will not block.
    pub writable: bool,
    /// The other end has closed, or an error is pending. Level-triggered: remove the descriptor, or it is reported for
    /// ever.
    pub hangup: bool,
}

/// Room for the answer of one [`Poller::wait`].
pub struct Events {
    table: [epoll::Event; EVENTS_MAX],
    len: usize,
}

impl Default for Events {
    fn default() -> Self {
        let empty = epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };
        Self { table: [empty; EVENTS_MAX], len: 0 }
    }
}

impl Events {
    /// The ready descriptors, in the order in which they became ready; at most [`EVENTS_MAX`].
    pub fn iter(&self) -> impl Iterator<Item = Ready> + '_ {
        self.table.iter().take(self.len).map(|event| {
            let (flags, data) = (event.flags, event.data);
            let hangup = flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR);
            Ready {
                token: data.u64(),
                readable: hangup || flags.contains(epoll::EventFlags::IN),
                writable: flags.contains(epoll::EventFlags::OUT),
                hangup,
            }
        })
    }
}

/// A set of watched descriptors. A closed descriptor leaves the set, unless a copy of it is open.
pub struct Poller {
    epoll: OwnedFd,
}

impl Poller {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)? })
    }

    /// Watches `fd`; `token` comes back in [`Ready`]. Fails when `fd` is watched already, or is a regular file.
    pub fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, epoll::EventData::new_u64(token), interest.flags())?)
    }

    /// Changes the readiness that a watched `fd` is watched for.
    pub fn modify(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, epoll::EventData::new_u64(token), interest.flags())?)
    }

    /// Stops watching `fd`. Fails when it is not watched.
    pub fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Sleeps until a descriptor is ready or `timeout` has passed. `None` sleeps for ever, zero does not sleep. A
    /// signal that interrupts the sleep ends it with no events.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.len = 0;
        let timeout = timeout.and_then(|t| Timespec::try_from(t).ok());
        match epoll::wait(&self.epoll, &mut events.table, timeout.as_ref()) {
            Ok(len) => events.len = len,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
