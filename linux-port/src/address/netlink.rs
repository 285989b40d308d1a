//! Route netlink (rtnetlink(7)): the requests that the port needs. Each is sent and its answer awaited.

mod message;

use crate::sys::fault::{self, Call};
use message::{Answer, Ask};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io::{self, Read},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

/// The index of the loopback interface, in every network namespace.
pub(crate) const LOOPBACK_INDEX: u32 = 1;
/// The kernel never splits a message across reads of this size, in bytes.
pub(super) const BUFFER: usize = 32 * 1024;
/// The longest time for an answer. The kernel answers within the request, unless it waits for its lock on all
/// interfaces.
const PATIENCE: Duration = Duration::from_secs(2);
/// Reads for one request: more than any real list of routes needs.
const READS_MAX: usize = 10_000;

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InterfaceAddress {
    pub(crate) index: u32,
    pub(crate) addr: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) broadcast: Option<Ipv4Addr>,
    pub(crate) label: Option<String>,
    /// The kernel's description of it, to put it back with lifetimes and all.
    pub(crate) raw: Option<Box<AddressMessage>>,
}

impl InterfaceAddress {
    /// Whether another address of the same subnet was there before it.
    pub(crate) fn is_secondary(&self) -> bool {
        self.raw.as_ref().is_some_and(|raw| raw.header.flags.contains(AddressHeaderFlags::Secondary))
    }

    /// The last address of an IPv4 subnet, which the kernel takes for a broadcast address, too. Point-to-point links and
    /// subnets of two have none.
    pub(crate) fn last_of_subnet(&self) -> Option<Ipv4Addr> {
        let IpAddr::V4(own) = self.addr else { return None };
        let hosts = u32::MAX.checked_shr(self.prefix.into()).unwrap_or(0);
        (self.prefix < 31).then(|| Ipv4Addr::from_bits(own.to_bits() | hosts))
    }
}

/// The address for broadcasts of an interface with these addresses: the first that is set, or else the last of its first
/// subnet, as `ip address add` sets none by default. Loopback has none. A datagram that is sent there to 0.0.0.0 comes
/// back to its own host, which is how a 3.0.6 runs `bcast lo`.
pub(crate) fn broadcast_of(addresses: &[InterfaceAddress]) -> Option<Ipv4Addr> {
    let own_host = || addresses.iter().any(|a| a.addr.is_loopback()).then_some(Ipv4Addr::UNSPECIFIED);
    let of_subnet = || addresses.iter().find_map(InterfaceAddress::last_of_subnet);
    addresses.iter().find_map(|a| a.broadcast).or_else(own_host).or_else(of_subnet)
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) up: bool,
    /// The hardware address of an Ethernet interface that looks neighbours up.
    pub(crate) mac: Option<[u8; 6]>,
}

/// A unicast route of the main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) destination: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) index: u32,
    pub(crate) metric: u32,
    pub(crate) gateway: bool,
}

/// A change that the kernel reports to subscribers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An address is new or has changed.
    Address(IpAddr),
    /// An address has gone.
    AddressGone(IpAddr),
    /// An interface is new or has changed.
    Interface {
        /// Its index.
        index: u32,
        /// Its name.
        name: String,
    },
    /// The interface of this index has gone.
    InterfaceGone(u32),
}

/// A connection to the kernel.
pub(crate) struct Netlink {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Netlink {
    pub(crate) fn open() -> io::Result<Self> {
        fault::gate(Call::Netlink, "open")?;
        let protocol = Protocol::from(libc::NETLINK_ROUTE);
        let socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(protocol))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; BUFFER] })
    }

    /// All addresses, or those of one interface.
    pub(crate) fn addresses(&mut self, index: Option<u32>) -> io::Result<Vec<InterfaceAddress>> {
        let mut all = Vec::new();
        self.request(Ask::addresses(), NLM_F_DUMP, |answer| {
            if let Answer::Address(address) = answer {
                all.extend(Some(address).filter(|a| index.is_none_or(|index| index == a.index)));
            }
        })?;
        Ok(all)
    }

    /// Adds an address; `EEXIST` if it is there. IPv6 addresses are added without duplicate detection, so that they
    /// work at once.
    pub(crate) fn add_address(&mut self, address: &InterfaceAddress) -> io::Result<()> {
        self.add(&message::describe(address))
    }

    /// Adds an address exactly as it was listed before.
    pub(crate) fn restore_address(&mut self, address: &InterfaceAddress) -> io::Result<()> {
        let Some(raw) = &address.raw else {
            return self.add_address(address);
        };
        let mut message = AddressMessage::clone(raw);
        message.header.flags = AddressHeaderFlags::empty();
        message.attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Flags(_)));
        self.add(&message)
    }

    fn add(&mut self, message: &AddressMessage) -> io::Result<()> {
        self.request(Ask::new(libc::RTM_NEWADDR, message), NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, |_| {})
    }

    /// Removes an address; `EADDRNOTAVAIL` if it is not there.
    pub(crate) fn delete_address(&mut self, address: &InterfaceAddress) -> io::Result<()> {
        let mut message = message::describe(address);
        message.attributes.retain(|a| matches!(a, AddressAttribute::Local(_) | AddressAttribute::Address(_)));
        self.request(Ask::new(libc::RTM_DELADDR, &message), NLM_F_ACK, |_| {})
    }

    /// The interface of this name; `ENODEV` if there is none.
    pub(crate) fn link_named(&mut self, name: &str) -> io::Result<Link> {
        self.link(Ask::link_named(name))
    }

    /// The interface of this index; `ENODEV` if there is none.
    pub(crate) fn link_at(&mut self, index: u32) -> io::Result<Link> {
        self.link(Ask::link_at(index))
    }

    fn link(&mut self, ask: Ask) -> io::Result<Link> {
        let mut found = None;
        self.request(ask, NLM_F_ACK, |answer| {
            if let Answer::Link(link) = answer {
                found = Some(link);
            }
        })?;
        found.ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))
    }

    /// Sets an interface up.
    pub(crate) fn set_up(&mut self, index: u32) -> io::Result<()> {
        self.request(Ask::set_up(index), NLM_F_ACK, |_| {})
    }

    /// The unicast routes of the main table.
    pub(crate) fn routes(&mut self, v6: bool) -> io::Result<Vec<Route>> {
        let mut all = Vec::new();
        self.request(Ask::routes(v6), NLM_F_DUMP, |answer| {
            if let Answer::Route(route) = answer {
                all.push(route);
            }
        })?;
        Ok(all)
    }

    /// Every interface.
    pub(crate) fn links(&mut self) -> io::Result<Vec<Link>> {
        let mut all = Vec::new();
        self.request(Ask::links(), NLM_F_DUMP, |answer| {
            if let Answer::Link(link) = answer {
                all.push(link);
            }
        })?;
        Ok(all)
    }

    /// Sends one request and gives each answer to `take`, until the kernel reports that it is done.
    fn request(&mut self, ask: Ask, flags: u16, mut take: impl FnMut(Answer)) -> io::Result<()> {
        fault::gate(Call::Netlink, ask.label())?;
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut packet = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(ask));
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);
        self.socket.send(&bytes)?;
        for _ in 0..READS_MAX {
            let len = (&self.socket).read(&mut self.buffer)?;
            let received = self.buffer.get(..len).unwrap_or_default();
            if read_answers(received, self.sequence, &mut take)? {
                return Ok(());
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// Goes through the messages of one read. Returns whether the answer to `sequence` is complete. Messages that the
/// library cannot read are newer than it is and describe something else than we asked for, so they are skipped.
fn read_answers(bytes: &[u8], sequence: u32, take: &mut impl FnMut(Answer)) -> io::Result<bool> {
    for message in messages(bytes).filter(|message| message.header.sequence_number == sequence) {
        match message.payload {
            NetlinkPayload::Done(_) => return Ok(true),
            NetlinkPayload::Error(error) if error.code.is_none() => return Ok(true),
            NetlinkPayload::Error(error) => return Err(error.to_io()),
            NetlinkPayload::InnerMessage(answer) => take(answer),
            _ => {}
        }
    }
    Ok(false)
}

/// Gives each change of one read of a subscription to `take`.
pub(super) fn read_changes(bytes: &[u8], mut take: impl FnMut(Change)) {
    for message in messages(bytes) {
        let is_gone = matches!(message.header.message_type, libc::RTM_DELADDR | libc::RTM_DELLINK);
        let NetlinkPayload::InnerMessage(answer) = message.payload else { continue };
        match (answer, is_gone) {
            (Answer::Address(address), true) => take(Change::AddressGone(address.addr)),
            (Answer::Address(address), false) => take(Change::Address(address.addr)),
            (Answer::Link(link), true) => take(Change::InterfaceGone(link.index)),
            (Answer::Link(Link { index, name, .. }), false) => take(Change::Interface { index, name }),
            (Answer::Route(_) | Answer::Other, _) => {}
        }
    }
}

/// The messages of one read that the library can read.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = NetlinkMessage<Answer>> {
    std::iter::from_fn(move || {
        let length = bytes.first_chunk().map(|b| u32::from_ne_bytes(*b) as usize)?;
        let one = bytes.get(..length).filter(|_| length >= NETLINK_HEADER)?;
        // Messages are aligned to four bytes.
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(NetlinkMessage::<Answer>::deserialize(one).ok())
    })
    .flatten()
}

/// The length of the header of a netlink message.
const NETLINK_HEADER: usize = 16;
