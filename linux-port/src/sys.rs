//! The edge to the operating system: clock, readiness, the one timer, signals, real-time scheduling, locked memory.
//!
//! Only this folder of the port may have `unsafe` code, and most of its files have none. Each block wraps one system
//! call that no library offers safely, and the function around it is safe to call with any argument.
#![allow(unsafe_code)]

pub mod clock;
pub mod deadline;
pub mod exec;
pub mod fault;
pub mod inherit;
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
    /// To change interfaces, addresses and routes.
    NetAdmin,
    /// To open raw and packet sockets, and to bind sockets to a device.
    NetRaw,
    /// To bind ports below 1024, such as 694.
    NetBindService,
    /// To lock memory beyond `RLIMIT_MEMLOCK`.
    IpcLock,
    /// To use real-time scheduling beyond `RLIMIT_RTPRIO`.
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

/// The host's name in lower case, as in log lines.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().to_lowercase()
}

#[cfg(test)]
mod tests;
