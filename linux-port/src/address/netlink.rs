//! Route netlink (rtnetlink(7)): the requests that the port needs, each sent and awaited.

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage as Message,
    address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope},
    link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage},
    route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType},
};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

/// The index of the loopback interface, in every network namespace.
pub(crate) const LOOPBACK_INDEX: u32 = 1;
/// The kernel never splits a message across reads of this size, in bytes.
const BUFFER: usize = 32 * 1024;
/// How long an answer may take. The kernel answers while it is asked, unless it waits for its lock on all interfaces.
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
    /// As the kernel described it, to put it back with lifetimes and all.
    pub(crate) raw: Option<Box<AddressMessage>>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) up: bool,
    /// Of Ethernet interfaces that look neighbours up.
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

/// A connection to the kernel.
pub(crate) struct Netlink {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Netlink {
    pub(crate) fn open() -> io::Result<Self> {
        let protocol = Protocol::from(libc::NETLINK_ROUTE);
        let socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(protocol))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; BUFFER] })
    }

    /// All addresses, or those of one interface.
    pub(crate) fn addresses(&mut self, index: Option<u32>) -> io::Result<Vec<InterfaceAddress>> {
        let mut all = Vec::new();
        self.request(Message::GetAddress(AddressMessage::default()), NLM_F_DUMP, |answer| {
            if let Message::NewAddress(message) = answer {
                all.extend(read_address(message).filter(|a| index.is_none_or(|index| index == a.index)));
            }
        })?;
        Ok(all)
    }

    /// Adds an address; `EEXIST` if it is there. IPv6 without duplicate detection, so that it works at once.
    pub(crate) fn add_address(&mut self, address: &InterfaceAddress) -> io::Result<()> {
        self.request(Message::NewAddress(write_address(address)), NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, |_| {})
    }

    /// Adds an address as it was listed before.
    pub(crate) fn restore_address(&mut self, address: &InterfaceAddress) -> io::Result<()> {
        let Some(raw) = &address.raw else {
            return self.add_address(address);
        };
        let mut message = AddressMessage::clone(raw);
        message.header.flags = AddressHeaderFlags::empty();
        message.attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Flags(_)));
        self.request(Message::NewAddress(message), NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, |_| {})
    }

    /// Removes an address; `EADDRNOTAVAIL` if it is not there.
    pub(crate) fn delete_address(&mut self, address: &InterfaceAddress) -> io::Result<()> {
        let mut message = write_address(address);
        message.attributes.retain(|a| matches!(a, AddressAttribute::Local(_) | AddressAttribute::Address(_)));
        self.request(Message::DelAddress(message), NLM_F_ACK, |_| {})
    }

    /// The interface of this name; `ENODEV` if there is none.
    pub(crate) fn link_named(&mut self, name: &str) -> io::Result<Link> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        self.link(message)
    }

    /// The interface of this index; `ENODEV` if there is none.
    pub(crate) fn link_at(&mut self, index: u32) -> io::Result<Link> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        self.link(message)
    }

    fn link(&mut self, message: LinkMessage) -> io::Result<Link> {
        let mut found = None;
        self.request(Message::GetLink(message), NLM_F_ACK, |answer| {
            if let Message::NewLink(message) = answer {
                found = Some(read_link(message));
            }
        })?;
        found.ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))
    }

    /// Sets an interface up.
    pub(crate) fn set_up(&mut self, index: u32) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
        self.request(Message::NewLink(message), NLM_F_ACK, |_| {})
    }

    /// The unicast routes of the main table.
    pub(crate) fn routes(&mut self, v6: bool) -> io::Result<Vec<Route>> {
        let mut message = RouteMessage::default();
        message.header.address_family = if v6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
        let mut all = Vec::new();
        self.request(Message::GetRoute(message), NLM_F_DUMP, |answer| {
            if let Message::NewRoute(message) = answer {
                all.extend(read_route(&message));
            }
        })?;
        Ok(all)
    }

    /// Sends one request and gives each answer to `take`, until the kernel says that it is done.
    fn request(&mut self, message: Message, flags: u16, mut take: impl FnMut(Message)) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut packet = NetlinkMessage::new(header, NetlinkPayload::from(message));
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

/// Goes through the messages of one read; whether the answer to `sequence` is complete. Messages that the library cannot read
/// are newer than it is and describe something else than we asked for, so they are skipped.
fn read_answers(mut bytes: &[u8], sequence: u32, take: &mut impl FnMut(Message)) -> io::Result<bool> {
    while let Some(length) = bytes.first_chunk().map(|b| u32::from_ne_bytes(*b) as usize) {
        let Some(one) = bytes.get(..length).filter(|_| length >= NETLINK_HEADER) else {
            break;
        };
        if let Ok(message) = NetlinkMessage::<Message>::deserialize(one)
            && message.header.sequence_number == sequence
        {
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(true),
                NetlinkPayload::Error(error) if error.code.is_none() => return Ok(true),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(answer) => take(answer),
                _ => {}
            }
        }
        // Messages are aligned to four bytes.
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// The length of the header of a netlink message.
const NETLINK_HEADER: usize = 16;

fn read_address(message: AddressMessage) -> Option<InterfaceAddress> {
    let (mut local, mut address, mut broadcast, mut label) = (None, None, None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(addr) => local = Some(*addr),
            AddressAttribute::Address(addr) => address = Some(*addr),
            AddressAttribute::Broadcast(addr) => broadcast = Some(*addr),
            AddressAttribute::Label(text) => label = Some(text.clone()),
            _ => {}
        }
    }
    // On a point-to-point interface "address" is the other side's.
    let addr = local.or(address)?;
    let (index, prefix) = (message.header.index, message.header.prefix_len);
    Some(InterfaceAddress { index, addr, prefix, broadcast, label, raw: Some(Box::new(message)) })
}

fn write_address(address: &InterfaceAddress) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = address.index;
    message.header.prefix_len = address.prefix;
    message.header.scope = AddressScope::Universe;
    message.attributes.extend([AddressAttribute::Local(address.addr), AddressAttribute::Address(address.addr)]);
    if address.addr.is_ipv4() {
        message.header.family = AddressFamily::Inet;
    } else {
        message.header.family = AddressFamily::Inet6;
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    message.attributes.extend(address.broadcast.map(AddressAttribute::Broadcast));
    message.attributes.extend(address.label.clone().map(AddressAttribute::Label));
    message
}

fn read_link(message: LinkMessage) -> Link {
    let flags = message.header.flags;
    let ethernet = message.header.link_layer_type == LinkLayerType::Ether && !flags.contains(LinkFlags::Noarp);
    let mut link =
        Link { index: message.header.index, name: String::new(), up: flags.contains(LinkFlags::Up), mac: None };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Address(bytes) if ethernet => link.mac = bytes.try_into().ok(),
            _ => {}
        }
    }
    link
}

fn read_route(message: &RouteMessage) -> Option<Route> {
    let header = &message.header;
    if header.kind != RouteType::Unicast || header.table != RouteHeader::RT_TABLE_MAIN {
        return None;
    }
    let v6 = header.address_family == AddressFamily::Inet6;
    let any = if v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let mut index = None;
    let mut route =
        Route { destination: any, prefix: header.destination_prefix_length, index: 0, metric: 0, gateway: false };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(addr)) => route.destination = (*addr).into(),
            RouteAttribute::Destination(RouteAddress::Inet6(addr)) => route.destination = (*addr).into(),
            RouteAttribute::Oif(oif) => index = Some(*oif),
            RouteAttribute::Priority(metric) => route.metric = *metric,
            RouteAttribute::Gateway(_) | RouteAttribute::Via(_) => route.gateway = true,
            RouteAttribute::MultiPath(hops) => {
                index = hops.first().map(|hop| hop.interface_index);
                route.gateway = true;
            }
            _ => {}
        }
    }
    index.map(|index| Route { index, ..route })
}
