//! Namespaces (namespaces(7)) for a cluster that changes nothing of the machine that it runs on.

use rustix::process::{getegid, geteuid};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use std::{
    fs::{self, File},
    io,
    os::fd::{AsFd, AsRawFd, RawFd},
};

/// The user that the calling process is after [`isolate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// The same user: the process was allowed to do this.
    Unchanged,
    /// Root within a user namespace of its own, and the same user as before outside.
    Mapped,
}

/// Gives the process an empty network, and a copy of the mounts whose changes no other process sees. A process that may
/// not do that first gets a user namespace, in which it may.
///
/// # Errors
/// The system refuses namespaces altogether, or user namespaces to this user, or more than one thread runs.
pub fn isolate() -> io::Result<Rights> {
    let own = UnshareFlags::NEWNET | UnshareFlags::NEWNS;
    match unshare(own) {
        Ok(()) => return Ok(Rights::Unchanged),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        Err(error) => return Err(error),
    }
    let (user, group) = (geteuid(), getegid());
    unshare(own | UnshareFlags::NEWUSER)?;
    // Kernels before 3.19 have no such file and do not ask for it.
    let _ = fs::write("/proc/self/setgroups", "deny");
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))?;
    Ok(Rights::Mapped)
}

/// A network namespace. It lasts as long as this value, or a socket or process in it.
#[derive(Debug)]
pub struct Network(File);

impl Network {
    /// The network namespace of the calling thread.
    ///
    /// # Errors
    /// There is no `/proc`.
    pub fn current() -> io::Result<Self> {
        File::open("/proc/thread-self/ns/net").map(Self)
    }

    /// A new network namespace, empty except for a loopback interface that is down.
    ///
    /// # Errors
    /// The system's refusal; `PermissionDenied` without `CAP_SYS_ADMIN`.
    pub fn new() -> io::Result<Self> {
        let made = std::thread::scope(|scope| {
            let thread = scope.spawn(|| unshare(UnshareFlags::NEWNET).and_then(|()| Self::current()));
            thread.join()
        });
        made.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    }

    /// Moves the calling thread into it.
    ///
    /// # Errors
    /// `PermissionDenied` without `CAP_SYS_ADMIN`.
    pub fn enter(&self) -> io::Result<()> {
        Ok(move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))?)
    }

    /// Runs `work` on a thread in the namespace. Sockets that it opens stay there.
    ///
    /// # Errors
    /// Those of [`Network::enter`] and of `work`.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        let run = || self.enter().and_then(|()| work());
        let done = std::thread::scope(|scope| scope.spawn(run).join());
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// The descriptor's number, valid as long as the value lives.
    pub fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn unshare(what: UnshareFlags) -> io::Result<()> {
    // SAFETY: the table of descriptors stays shared, because no caller in this file passes `FILES`.
    Ok(unsafe { unshare_unsafe(what) }?)
}
