//! Other hosts that claim one of our addresses: probes that make them answer, and a listener for the answers.
//!
//! For IPv4 the answer is ARP (RFC 5227): any ARP packet with our address as its sender. For IPv6 it is a neighbour
//! advertisement about our address, which also answers the probe of duplicate detection. The kernel's own detection
//! does not help: it delays the address, and it ends when the address is up. The kernel runs a filter over the packets
//! of these protocols, so no other packet wakes the thread.

use super::{Action, AddressError, Held, arp, neighbour};
use crate::sys::fault::{self, Call};
use crate::sys::packet::{IF_EQUAL, LOAD_BYTE, LOAD_WORD, PacketListener, PacketSocket, RETURN};
use socket2::SockFilter;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};

/// Packets read from each socket in one go: a flood must not keep the thread from its orders.
const READS: usize = 32;
/// The part of a packet that is read, in bytes: enough to find its sender or its address.
const PACKET: usize = 64;
/// The largest number of addresses that are listened for: a filter has at most 4096 instructions, and an address takes
/// two or nine.
const ADDRESSES: usize = 400;
/// The offset of the sender's IPv4 address in an ARP packet.
const ARP_SENDER_AT: u32 = 14;
/// The filter's result for a packet to keep whole.
const KEEP: u32 = u32::MAX;

/// Another host that spoke for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The address.
    pub addr: IpAddr,
    /// The interface on which the packet arrived.
    pub index: u32,
    /// The hardware address that claims it. It may be one of this node's own.
    pub mac: [u8; 6],
}

/// Probes for rivals and listens to them.
#[derive(Debug)]
pub struct Rivals {
    arp: PacketListener,
    /// `None` on a node without IPv6.
    advertisements: Option<PacketListener>,
    probes: PacketSocket,
}

impl Rivals {
    /// Opens the sockets, in the network namespace of the calling thread.
    pub fn open() -> Result<Self, AddressError> {
        let refused = |error| AddressError::from_io(Action::Announce, error);
        fault::gate(Call::Socket, "rivals").map_err(refused)?;
        Ok(Self {
            arp: PacketListener::open(libc::ETH_P_ARP as u16).map_err(refused)?,
            advertisements: PacketListener::open(libc::ETH_P_IPV6 as u16).ok(),
            probes: PacketSocket::open().map_err(refused)?,
        })
    }

    /// Listens for these addresses, and for no other one.
    pub fn listen_for(&self, addresses: impl Iterator<Item = IpAddr> + Clone) -> Result<(), AddressError> {
        let refused = |error| AddressError::from_io(Action::Announce, error);
        let v4 = addresses.clone().filter_map(|a| if let IpAddr::V4(a) = a { Some(a) } else { None });
        self.arp.pass(&arp_filter(v4.take(ADDRESSES))).map_err(refused)?;
        let v6 = addresses.filter_map(|a| if let IpAddr::V6(a) = a { Some(a) } else { None });
        let listener = self.advertisements.as_ref();
        listener.map_or(Ok(()), |listener| listener.pass(&advertisement_filter(v6.take(ADDRESSES))).map_err(refused))
    }

    /// Asks on the link for another owner of `held`, without claiming it for us. Sends nothing on an interface without
    /// neighbours.
    pub fn probe(&self, held: &Held) -> Result<(), AddressError> {
        let Some(mac) = held.mac else { return Ok(()) };
        let sent = fault::gate(Call::Announce, "probe").and_then(|()| match held.addr {
            IpAddr::V4(addr) => self.probes.send(held.index, &arp::probe(mac, addr)),
            IpAddr::V6(addr) => self.probes.send(held.index, &neighbour::probe(mac, addr)),
        });
        sent.map_err(|error| AddressError::from_io(Action::Announce, error))
    }

    /// Gives sightings to `take`, from at most a few dozen packets; the others stay ready. Errors of a socket, as when
    /// an interface goes down, are read and dropped.
    pub fn read(&self, mut take: impl FnMut(Sighting)) {
        let mut packet = [0; PACKET];
        for _ in 0..READS {
            let Ok(Some(arrival)) = self.arp.receive(&mut packet) else { break };
            let sender = packet.get(..arrival.len).and_then(arp::sender);
            if let (Some((mac, addr)), Some(_)) = (sender, arrival.sender) {
                take(Sighting { addr: addr.into(), index: arrival.interface, mac });
            }
        }
        let Some(advertisements) = &self.advertisements else { return };
        for _ in 0..READS {
            let Ok(Some(arrival)) = advertisements.receive(&mut packet) else { break };
            let target = packet.get(..arrival.len.min(PACKET)).and_then(neighbour::target);
            if let (Some(addr), Some(mac)) = (target, arrival.sender) {
                take(Sighting { addr: addr.into(), index: arrival.interface, mac });
            }
        }
    }

    /// The descriptors that become readable when a packet has arrived.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.advertisements.iter().chain([&self.arp]).map(AsFd::as_fd)
    }
}

fn arp_filter(addresses: impl Iterator<Item = Ipv4Addr>) -> Vec<SockFilter> {
    let mut program = vec![SockFilter::new(LOAD_WORD, 0, 0, ARP_SENDER_AT)];
    for addr in addresses {
        program.push(SockFilter::new(IF_EQUAL, 0, 1, addr.to_bits()));
        program.push(SockFilter::new(RETURN, 0, 0, KEEP));
    }
    program.push(SockFilter::new(RETURN, 0, 0, 0));
    program
}

fn advertisement_filter(addresses: impl Iterator<Item = Ipv6Addr>) -> Vec<SockFilter> {
    let only = |at, value| [SockFilter::new(LOAD_BYTE, 0, 0, at), SockFilter::new(IF_EQUAL, 1, 0, value)];
    let drop = || SockFilter::new(RETURN, 0, 0, 0);
    let mut program = Vec::new();
    program.extend(only(neighbour::NEXT_HEADER_AT, neighbour::ICMPV6.into()));
    program.push(drop());
    program.extend(only(neighbour::TYPE_AT, neighbour::ADVERTISEMENT.into()));
    program.push(drop());
    for addr in addresses {
        // Four words. The filter goes on to the next address at the first word that differs.
        for (at, (word, left)) in (neighbour::TARGET_AT..).step_by(4).zip(words(addr).into_iter().zip([7, 5, 3, 1])) {
            program.push(SockFilter::new(LOAD_WORD, 0, 0, at));
            program.push(SockFilter::new(IF_EQUAL, 0, left, word));
        }
        program.push(SockFilter::new(RETURN, 0, 0, KEEP));
    }
    program.push(drop());
    program
}

fn words(addr: Ipv6Addr) -> [u32; 4] {
    let bits = addr.to_bits();
    [96, 64, 32, 0].map(|shift| (bits >> shift) as u32)
}
