//! Facts of an interface that the UDP media need.

use super::error::{OpenCause, Step, cause};
use crate::address::netlink::{InterfaceAddress, Netlink};
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

/// The broadcast address of `device`: the first that is set, or else that of its first subnet. Loopback has none. A datagram that is sent there to 0.0.0.0 comes back to its own host, which is how a 3.0.6 runs `bcast lo`.
pub(super) fn broadcast(device: &str) -> Result<Ipv4Addr, OpenCause> {
    let index = index(device)?;
    let addresses = read(|netlink| netlink.addresses(Some(index)))?;
    if let Some(set) = addresses.iter().find_map(|a| a.broadcast) {
        return Ok(set);
    }
    if addresses.iter().any(|a| a.addr.is_loopback()) {
        return Ok(Ipv4Addr::UNSPECIFIED);
    }
    addresses.iter().find_map(InterfaceAddress::subnet_broadcast).ok_or(OpenCause::NoBroadcast)
}

fn read<T>(ask: impl FnOnce(&mut Netlink) -> io::Result<T>) -> Result<T, OpenCause> {
    Netlink::open().and_then(|mut netlink| ask(&mut netlink)).map_err(|error| cause(Step::Interface, error))
}
