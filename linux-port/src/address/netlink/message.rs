//! The requests and the answers. Of the library's messages only those of addresses are used whole: its readers of links
//! and routes know every kind of both, which is half a megabyte of program for a name, a number and a hardware address.

use super::{InterfaceAddress, Link, Route};
use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NetlinkDeserializable, NetlinkHeader, NetlinkSerializable, NlasIterator,
    Parseable,
};
use netlink_packet_route::{
    AddressFamily,
    address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope},
    link::{LinkFlags, LinkHeader, LinkLayerType},
    route::{RouteHeader, RouteType},
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Lengths of the headers before the attributes, and of a next hop's part before its index, in bytes (rtnetlink(7)).
const LINK_HEADER: usize = 16;
const ROUTE_HEADER: usize = 12;
const HOP_INDEX: usize = 4;

/// A request.
pub(super) struct Ask {
    kind: u16,
    body: Vec<u8>,
}

impl Ask {
    pub(super) fn new(kind: u16, message: &impl Emitable) -> Self {
        let mut body = vec![0; message.buffer_len()];
        message.emit(&mut body);
        Self { kind, body }
    }

    /// The label of the request in a test that injects a fault.
    pub(super) fn label(&self) -> &'static str {
        match self.kind {
            libc::RTM_NEWADDR => "add address",
            libc::RTM_DELADDR => "remove address",
            libc::RTM_GETADDR => "list addresses",
            libc::RTM_NEWLINK => "set link",
            libc::RTM_GETLINK => "look up link",
            _ => "list routes",
        }
    }

    pub(super) fn addresses() -> Self {
        Self::new(libc::RTM_GETADDR, &AddressMessage::default())
    }

    pub(super) fn link_named(name: &str) -> Self {
        let mut ask = Self::new(libc::RTM_GETLINK, &LinkHeader::default());
        let mut text = name.as_bytes().to_vec();
        text.push(0);
        ask.body.extend(Self::new(0, &DefaultNla::new(libc::IFLA_IFNAME, text)).body);
        ask
    }

    pub(super) fn link_at(index: u32) -> Self {
        Self::new(libc::RTM_GETLINK, &LinkHeader { index, ..LinkHeader::default() })
    }

    pub(super) fn links() -> Self {
        Self::new(libc::RTM_GETLINK, &LinkHeader::default())
    }

    pub(super) fn set_up(index: u32) -> Self {
        let (flags, change_mask) = (LinkFlags::Up, LinkFlags::Up);
        Self::new(libc::RTM_NEWLINK, &LinkHeader { index, flags, change_mask, ..LinkHeader::default() })
    }

    pub(super) fn routes(v6: bool) -> Self {
        let address_family = if v6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
        Self::new(libc::RTM_GETROUTE, &RouteHeader { address_family, ..RouteHeader::default() })
    }
}

impl NetlinkSerializable for Ask {
    fn message_type(&self) -> u16 {
        self.kind
    }

    fn buffer_len(&self) -> usize {
        self.body.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.body);
    }
}

/// The parts of an answer that we use.
pub(super) enum Answer {
    Address(InterfaceAddress),
    Link(Link),
    Route(Route),
    Other,
}

impl NetlinkDeserializable for Answer {
    type Error = DecodeError;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        Ok(match header.message_type {
            libc::RTM_NEWADDR | libc::RTM_DELADDR => {
                read_address(AddressMessage::parse(payload)?).map_or(Self::Other, Self::Address)
            }
            libc::RTM_NEWLINK | libc::RTM_DELLINK => Self::Link(read_link(payload)?),
            libc::RTM_NEWROUTE => read_route(payload)?.map_or(Self::Other, Self::Route),
            _ => Self::Other,
        })
    }
}

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
    // On a point-to-point interface "address" is that of the other end.
    let addr = local.or(address)?;
    let (index, prefix) = (message.header.index, message.header.prefix_len);
    Some(InterfaceAddress { index, addr, prefix, broadcast, label, raw: Some(Box::new(message)) })
}

/// The message that adds an address.
pub(super) fn describe(address: &InterfaceAddress) -> AddressMessage {
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

fn read_link(payload: &[u8]) -> Result<Link, DecodeError> {
    let header = LinkHeader::parse(payload)?;
    let ethernet = header.link_layer_type == LinkLayerType::Ether && !header.flags.contains(LinkFlags::Noarp);
    let up = header.flags.contains(LinkFlags::Up);
    let mut link = Link { index: header.index, name: String::new(), up, mac: None };
    for attribute in attributes(payload, LINK_HEADER) {
        let attribute = attribute?;
        match attribute.kind() {
            libc::IFLA_IFNAME => {
                let text = attribute.value().split(|byte| *byte == 0).next().unwrap_or_default();
                link.name = String::from_utf8_lossy(text).into_owned();
            }
            libc::IFLA_ADDRESS if ethernet => link.mac = attribute.value().try_into().ok(),
            _ => {}
        }
    }
    Ok(link)
}

fn read_route(payload: &[u8]) -> Result<Option<Route>, DecodeError> {
    let header = RouteHeader::parse(payload)?;
    if header.kind != RouteType::Unicast || header.table != RouteHeader::RT_TABLE_MAIN {
        return Ok(None);
    }
    let v6 = header.address_family == AddressFamily::Inet6;
    let any = if v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let mut index = None;
    let mut route =
        Route { destination: any, prefix: header.destination_prefix_length, index: 0, metric: 0, gateway: false };
    for attribute in attributes(payload, ROUTE_HEADER) {
        let attribute = attribute?;
        let value = attribute.value();
        match attribute.kind() {
            libc::RTA_DST => route.destination = address(value).unwrap_or(any),
            libc::RTA_OIF => index = number(value),
            libc::RTA_PRIORITY => route.metric = number(value).unwrap_or(0),
            libc::RTA_GATEWAY | libc::RTA_VIA => route.gateway = true,
            libc::RTA_MULTIPATH => {
                index = value.get(HOP_INDEX..).and_then(number);
                route.gateway = true;
            }
            _ => {}
        }
    }
    Ok(index.map(|index| Route { index, ..route }))
}

fn attributes(payload: &[u8], header: usize) -> NlasIterator<&[u8]> {
    NlasIterator::new(payload.get(header..).unwrap_or_default())
}

fn number(value: &[u8]) -> Option<u32> {
    value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn address(value: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(value).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from)).ok()
}
