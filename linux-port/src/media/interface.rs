//! Facts of an interface that the UDP media need.

use super::error::{OpenCause, Step, cause};
use crate::address::netlink::{Netlink, broadcast_of};
use std::{io, net::Ipv4Addr};

/// The index of the interface named `device`.
pub(super) fn index(device: &str) -> Result<u32, OpenCause> {
    let any = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::DGRAM, None)
        .map_err(|error| cause(Step::Interface, error))?;
    rustix::net::netdevice::name_to_index(&any, device).map_err(|error| cause(Step::Interface, io::Error::from(error)))
}

/// The first IPv4 address of `device`.
pub(super) fn ipv4(device: &str) -> Result<Ipv4Addr, OpenCause> {
    let index = index(device)?;
    let address = read(|netlink| netlink.addresses(Some(index)))?.iter().find_map(|a| match a.addr {
        std::net::IpAddr::V4(addr) => Some(addr),
        std::net::IpAddr::V6(_) => None,
    });
    address.ok_or(OpenCause::NoAddress)
}

/// The address for broadcasts of `device`.
pub(super) fn broadcast(device: &str) -> Result<Ipv4Addr, OpenCause> {
    let index = index(device)?;
    let addresses = read(|netlink| netlink.addresses(Some(index)))?;
    broadcast_of(&addresses).ok_or(OpenCause::NoBroadcast)
}

fn read<T>(ask: impl FnOnce(&mut Netlink) -> io::Result<T>) -> Result<T, OpenCause> {
    Netlink::open().and_then(|mut netlink| ask(&mut netlink)).map_err(|error| cause(Step::Interface, error))
}
