//! The reasons why a medium cannot be opened, with the cure where we know one.

use super::{MediumKind, holder};
use crate::sys::Capability;
use std::{fmt, io};

/// The step at which the kernel refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Opening a socket or device.
    Open,
    /// Binding a socket to its interface.
    BindDevice,
    /// Binding a socket to this UDP port.
    BindPort(u16),
    /// Joining the multicast group.
    Join,
    /// Setting an option of the socket or the line.
    Configure,
    /// Asking for the interface's addresses.
    Interface,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("opening it"),
            Self::BindDevice => f.write_str("binding to the device"),
            Self::BindPort(port) => write!(f, "binding UDP port {port}"),
            Self::Join => f.write_str("joining the multicast group"),
            Self::Configure => f.write_str("configuring it"),
            Self::Interface => f.write_str("reading the interface's addresses"),
        }
    }
}

/// The reason within an [`OpenError`].
#[derive(Debug)]
pub enum OpenCause {
    /// This host name has no address of the right family.
    Unresolved {
        /// The name as written.
        host: String,
    },
    /// There is no interface of this name.
    NoInterface,
    /// The interface has no IPv4 address.
    NoAddress,
    /// The interface has no IPv4 subnet with a broadcast address (a tunnel).
    NoBroadcast,
    /// The address is not of 224.0.0.0/4 or `ff00::/8`.
    NotMulticast,
    /// The process lacks a privilege.
    Missing {
        /// The privilege.
        capability: Capability,
        /// The step that needed it.
        step: Step,
    },
    /// Another process has the UDP port and does not share it.
    PortTaken {
        /// The port.
        port: u16,
        /// The number and name of that process, if the system shows them.
        holder: Option<String>,
    },
    /// A living process holds the lock file of the serial device.
    Locked {
        /// Its process id.
        pid: u32,
    },
    /// The directory for the lock file does not exist.
    NoLockDirectory,
    /// The lock file cannot be written.
    LockFile(io::Error),
    /// The device is not a terminal.
    NotATerminal,
    /// The speed is not one of those that heartbeat knows.
    BadBaud(u32),
    /// Anything else.
    Io {
        /// The step that failed.
        step: Step,
        /// The error of the kernel.
        source: io::Error,
    },
}

/// A medium could not be opened. No socket, device or lock of it stays open.
#[derive(Debug)]
pub struct OpenError {
    /// The directive of the medium.
    pub kind: MediumKind,
    /// Its interface, device, host or group.
    pub name: String,
    /// The reason.
    pub cause: OpenCause,
}

impl OpenError {
    pub(super) fn new(kind: MediumKind, name: &str, cause: OpenCause) -> Self {
        Self { kind, name: name.to_owned(), cause }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.kind, self.name)?;
        match &self.cause {
            OpenCause::Unresolved { host } => {
                write!(f, "cannot resolve {host}; write its address, or add it to /etc/hosts")
            }
            OpenCause::NoInterface => f.write_str("no such interface; 'ip link' lists them"),
            OpenCause::NoAddress => f.write_str("the interface has no IPv4 address; give it one"),
            OpenCause::NoBroadcast => f.write_str("the interface has no broadcast address; use ucast or mcast"),
            OpenCause::NotMulticast => f.write_str("not a multicast address; write one such as 225.0.0.1"),
            OpenCause::Missing { capability, step } => write!(f, "{step} needs {capability}; run as root or grant it"),
            OpenCause::PortTaken { port, holder } => {
                write!(f, "UDP port {port} is taken by ")?;
                match holder {
                    Some(holder) => write!(f, "process {holder}; stop that")?,
                    None => f.write_str("another process, which `ss -ulpn` shows to root; stop that")?,
                }
                f.write_str(", or write another `udpport` into ha.cf of all nodes")
            }
            OpenCause::Locked { pid } => {
                write!(f, "process {pid} has locked the device; stop that, or name another device")
            }
            OpenCause::NoLockDirectory => f.write_str("the directory for lock files does not exist; create it"),
            OpenCause::LockFile(error) => write!(f, "cannot write the lock file: {error}"),
            OpenCause::NotATerminal => f.write_str("not a serial device; name one such as /dev/ttyS0"),
            OpenCause::BadBaud(baud) => {
                write!(f, "speed {baud} is none of 9600 19200 38400 57600 115200 230400 460800")
            }
            OpenCause::Io { step, source } => write!(f, "{step} failed: {source}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// The cause for the kernel's error at `step`.
#[cold]
pub(super) fn cause(step: Step, source: io::Error) -> OpenCause {
    match (source.raw_os_error(), step) {
        (Some(libc::EPERM | libc::EACCES), Step::BindPort(_)) => {
            OpenCause::Missing { capability: Capability::NetBindService, step }
        }
        (Some(libc::EPERM), Step::Open | Step::BindDevice) => {
            OpenCause::Missing { capability: Capability::NetRaw, step }
        }
        (Some(libc::EADDRINUSE), Step::BindPort(port)) => {
            OpenCause::PortTaken { port, holder: holder::of_udp_port(port) }
        }
        (Some(libc::ENODEV), Step::BindDevice | Step::Interface) => OpenCause::NoInterface,
        (Some(libc::ENOTTY), _) => OpenCause::NotATerminal,
        _ => OpenCause::Io { step, source },
    }
}
