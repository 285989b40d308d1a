//! The reasons why an address cannot be brought up or removed.

use crate::sys::Capability;
use std::{fmt, io};

/// The request that the kernel refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opening the connection to the kernel.
    Connect,
    /// Listing the addresses of this node.
    ReadAddresses,
    /// Looking an interface up.
    ReadInterface,
    /// Listing the routes.
    ReadRoutes,
    /// Setting the interface up.
    BringUp,
    /// Adding the address.
    Add,
    /// Removing the address.
    Remove,
    /// Opening the socket that announces the address.
    Announce,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting to route netlink",
            Self::ReadAddresses => "listing addresses",
            Self::ReadInterface => "looking up the interface",
            Self::ReadRoutes => "listing routes",
            Self::BringUp => "setting the interface up",
            Self::Add => "adding the address",
            Self::Remove => "removing the address",
            Self::Announce => "announcing the address",
        })
    }
}

/// The reason why an address operation failed. The address is as it was.
#[derive(Debug)]
pub enum AddressError {
    /// The process lacks a privilege.
    Missing {
        /// The privilege.
        capability: Capability,
        /// The request that needed it.
        action: Action,
    },
    /// There is no interface of this name.
    NoInterface {
        /// The name as configured.
        device: String,
    },
    /// The interface exists, and is set down.
    InterfaceDown {
        /// Its name.
        device: String,
    },
    /// No route leads to the address, so neither interface nor prefix can be found.
    NoRoute,
    /// Only a default route or a gateway leads to the address, so its prefix cannot be found and must be given.
    NeedsPrefix,
    /// The prefix is longer than the address.
    BadPrefix,
    /// The kernel refused for another reason.
    Io {
        /// The request.
        action: Action,
        /// The kernel's error.
        source: io::Error,
    },
}

impl AddressError {
    pub(super) fn from_io(action: Action, source: io::Error) -> Self {
        let capability = if action == Action::Announce { Capability::NetRaw } else { Capability::NetAdmin };
        match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::Missing { capability, action },
            _ => Self::Io { action, source },
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { capability, action } => write!(f, "{action} needs {capability}; run as root or grant it"),
            Self::NoInterface { device } => write!(f, "no interface {device}; 'ip link' lists them"),
            Self::InterfaceDown { device } => write!(f, "interface {device} is set down; 'ip link set {device} up'"),
            Self::NoRoute => f.write_str("no route leads to the address; give interface and prefix, as in IP/24/eth0"),
            Self::NeedsPrefix => f.write_str("only a default route leads to the address; give its prefix, as in IP/24"),
            Self::BadPrefix => f.write_str("the prefix is longer than the address"),
            Self::Io { action, source } => write!(f, "{action} failed: {source}"),
        }
    }
}

impl std::error::Error for AddressError {}
