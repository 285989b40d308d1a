//! Makes and changes interfaces over route netlink, so that the demonstration needs no other program.

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{
        InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoPortKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo,
        LinkMessage,
    },
};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, Read};
use std::time::Duration;

use crate::sys::namespace::Network;

/// The longest time for one request. The kernel waits for its own lock on all interfaces, for milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// An acknowledgement repeats the request, which is far shorter than this, in bytes.
const ANSWER: usize = 8 * 1024;

/// The interfaces of one network namespace: that of the thread that opened this.
pub(super) struct Wiring {
    socket: Socket,
}

impl Wiring {
    pub(super) fn open() -> io::Result<Self> {
        let protocol = Protocol::from(libc::NETLINK_ROUTE);
        let socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(protocol))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { socket })
    }

    /// Makes a switch that is on.
    pub(super) fn make_switch(&self, name: &str) -> io::Result<()> {
        let mut switch = named(name);
        switch.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]));
        self.request(on(switch, true), NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Lays a cable between two new interfaces, which are off.
    pub(super) fn lay_cable(&self, ends: [(&Network, &str); 2]) -> io::Result<()> {
        let [mut near, far] = ends.map(|(network, name)| {
            let mut end = named(name);
            end.attributes.push(LinkAttribute::NetNsFd(network.as_raw_fd()));
            end
        });
        let peer = LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(far)));
        near.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), peer]));
        self.request(near, NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Makes an interface a port of the switch with this index, and switches it on.
    pub(super) fn plug_in(&self, port: &str, switch: u32) -> io::Result<()> {
        let mut message = named(port);
        message.attributes.push(LinkAttribute::Controller(switch));
        self.request(on(message, true), 0)
    }

    /// Switches an interface on or off.
    pub(super) fn switch_on(&self, name: &str, wanted: bool) -> io::Result<()> {
        self.request(on(named(name), wanted), 0)
    }

    /// Isolates a port of a switch from all other isolated ports, or ends that. It always reaches the ports that are
    /// not isolated.
    pub(super) fn keep_apart(&self, port: &str, wanted: bool) -> io::Result<()> {
        let mut message = named(port);
        let data = InfoPortData::BridgePort(vec![InfoBridgePort::Isolated(wanted)]);
        let info = vec![LinkInfo::PortKind(InfoPortKind::Bridge), LinkInfo::PortData(data)];
        message.attributes.push(LinkAttribute::LinkInfo(info));
        self.request(message, 0)
    }

    /// Sends one request and waits until the kernel has carried it out.
    fn request(&self, message: LinkMessage, flags: u16) -> io::Result<()> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        let payload = NetlinkPayload::from(RouteNetlinkMessage::NewLink(message));
        let mut packet = NetlinkMessage::new(header, payload);
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);
        self.socket.send(&bytes)?;
        let mut answer = vec![0; ANSWER];
        let len = (&self.socket).read(&mut answer)?;
        let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(answer.get(..len).unwrap_or_default());
        match answer.map_err(io::Error::other)?.payload {
            NetlinkPayload::Error(error) if error.code.is_some() => Err(error.to_io()),
            _ => Ok(()),
        }
    }
}

fn named(name: &str) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    message
}

fn on(mut message: LinkMessage, wanted: bool) -> LinkMessage {
    message.header.flags = if wanted { LinkFlags::Up } else { LinkFlags::empty() };
    message.header.change_mask = LinkFlags::Up;
    message
}
