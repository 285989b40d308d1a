//! The operating system's edge: clock, readiness, the one timer, signals, real-time scheduling, locked memory.
//!
//! This is the only folder of the port with `unsafe` code, and most of it has none: each block wraps one system call
//! that no library offers safely, and the function around it is safe to call with any argument.
#![allow(unsafe_code)]

pub mod clock;
pub mod deadline;
pub mod exec;
pub mod fault;
pub mod localtime;
pub mod memory;
pub mod namespace;
pub mod packet;
pub mod poller;
pub mod process;
pub mod realtime;
pub mod signal;
pub mod timer;
pub(crate) mod tty;
pub mod users;

use std::fmt;

/// A privilege of capabilities(7) whose absence explains a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Interfaces, addresses and routes may be changed.
    NetAdmin,
    /// Raw and packet sockets may be opened, sockets may be bound to a device.
    NetRaw,
    /// Ports below 1024, such as 694, may be bound.
    NetBindService,
    /// Memory may be locked beyond `RLIMIT_MEMLOCK`.
    IpcLock,
    /// Real-time scheduling beyond `RLIMIT_RTPRIO`.
    SysNice,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::NetRaw => "CAP_NET_RAW",
            Self::NetBindService => "CAP_NET_BIND_SERVICE",
            Self::IpcLock => "CAP_IPC_LOCK",
            Self::SysNice => "CAP_SYS_NICE",
        })
    }
}

#[cfg(test)]
mod tests;
