//! The five media over UDP. They differ only in how their two sockets are opened (docs/protocol/wire.md 9).

use super::{
    Medium, MediumKind, MediumSpec, OpenError, SendOutcome,
    error::{OpenCause, Step, cause},
    interface, send_to_all, unless_blocked,
};
use crate::sys::fault;
use rustix::net::{RecvFlags, SocketAddrAny};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, SockFilter, Socket, Type};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs},
    os::fd::{AsFd, BorrowedFd},
};

/// `IPTOS_LOWDELAY`, as ucast has always sent (docs/protocol/wire.md 9).
const LOW_DELAY: u32 = 0x10;
/// Buffers of the IPv6 send sockets, in bytes (docs/protocol/wire.md 9).
const SEND_BUFFER_V6: usize = 1 << 20;

/// ucast, bcast, mcast, ucast6 or mcast6.
///
/// Receives on the service port and sends from another port, as 3.0.6 does. A 3.0.6 opens a pair of sockets for each
/// `ucast` line; this medium sends to all hosts of a device from one pair.
pub struct UdpMedium {
    spec: MediumSpec,
    /// The resolved hosts, or the one group or broadcast address.
    destinations: Vec<SockAddr>,
    sockets: Sockets,
    send_flags: i32,
    sender: Option<SocketAddrAny>,
}

struct Sockets {
    /// The index of the interface when they were opened.
    interface: u32,
    receive: Socket,
    send: Socket,
}

impl UdpMedium {
    /// Opens both sockets and resolves the hosts. It refuses serial and ping specifications as misconfigured.
    pub fn open(spec: &MediumSpec) -> Result<Self, OpenError> {
        let fail = |cause| OpenError::new(spec.kind(), spec.link_name(), cause);
        let destinations = destinations(spec).map_err(fail)?;
        let sockets = sockets(spec).map_err(fail)?;
        let send_flags = if spec.kind() == MediumKind::Bcast { libc::MSG_DONTROUTE } else { 0 };
        Ok(Self { spec: spec.clone(), destinations, sockets, send_flags, sender: None })
    }

    /// The addresses that messages go to.
    pub fn destinations(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.destinations.iter().filter_map(SockAddr::as_socket)
    }
}

impl UdpMedium {
    /// The error of a send: `ENODEV` if the interface is no longer the one that the sockets were opened on, which the
    /// kernel reports in several ways.
    fn explained(&self, error: io::Error) -> io::Error {
        match rustix::net::netdevice::name_to_index(&self.sockets.send, self.spec.link_name()) {
            Ok(index) if index == self.sockets.interface => error,
            _ => io::Error::from_raw_os_error(libc::ENODEV),
        }
    }
}

impl Medium for UdpMedium {
    fn link_name(&self) -> &str {
        self.spec.link_name()
    }

    fn kind(&self) -> MediumKind {
        self.spec.kind()
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.sockets.receive.as_fd()
    }

    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        let received = rustix::net::recvfrom(&self.sockets.receive, buf, RecvFlags::DONTWAIT);
        let Some((len, _, sender)) = unless_blocked(received.map_err(io::Error::from))? else { return Ok(None) };
        self.sender = sender;
        Ok(Some(len))
    }

    fn sender(&self) -> Option<SocketAddr> {
        self.sender.clone().and_then(|sender| sender.try_into().ok())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<SendOutcome> {
        let sent = send_to_all(&self.sockets.send, bytes, self.send_flags, self.destinations.iter());
        sent.map_err(|error| self.explained(error))
    }

    fn reopen(&mut self) -> Result<(), OpenError> {
        let fail = |cause| OpenError::new(self.spec.kind(), self.spec.link_name(), cause);
        // The broadcast address and the scope of link-local hosts belong to the interface, so they may have changed.
        let destinations = match &self.spec {
            MediumSpec::Ucast { .. } => None,
            MediumSpec::Ucast6 { device, .. } => Some(rescoped(&self.destinations, device).map_err(fail)?),
            _ => Some(destinations(&self.spec).map_err(fail)?),
        };
        self.sockets = sockets(&self.spec).map_err(fail)?;
        self.destinations = destinations.unwrap_or_else(|| std::mem::take(&mut self.destinations));
        Ok(())
    }
}

/// The addresses that messages of `spec` go to.
#[cold]
fn destinations(spec: &MediumSpec) -> Result<Vec<SockAddr>, OpenCause> {
    let to = |ip: IpAddr, port: u16| vec![SockAddr::from(SocketAddr::new(ip, port))];
    match spec {
        MediumSpec::Ucast { hosts, port, .. } => {
            hosts.iter().map(|host| Ok(SocketAddr::new(resolve(host, MediumKind::Ucast)?, *port).into())).collect()
        }
        MediumSpec::Ucast6 { hosts, port, device } => {
            let plain: Result<Vec<SockAddr>, OpenCause> = hosts
                .iter()
                .map(|host| Ok(SocketAddr::new(resolve(host, MediumKind::Ucast6)?, *port).into()))
                .collect();
            rescoped(&plain?, device)
        }
        MediumSpec::Bcast { device, port } => Ok(to(interface::broadcast(device)?.into(), *port)),
        MediumSpec::Mcast { group, .. } if !group.is_multicast() => Err(OpenCause::NotMulticast),
        MediumSpec::Mcast6 { group, .. } if !group.is_multicast() => Err(OpenCause::NotMulticast),
        MediumSpec::Mcast { group, port, .. } => Ok(to((*group).into(), *port)),
        MediumSpec::Mcast6 { group, port, .. } => Ok(to((*group).into(), *port)),
        _ => Ok(Vec::new()),
    }
}

/// The first address of `host` of the family that `kind` uses.
pub(super) fn resolve(host: &str, kind: MediumKind) -> Result<IpAddr, OpenCause> {
    let v6 = matches!(kind, MediumKind::Ucast6 | MediumKind::Ping6);
    // Resolvers pass on a scope such as fe80::1%eth0 as a number. Here the device gives the scope.
    let bare = host.split('%').next().unwrap_or(host);
    let found = (bare, 0).to_socket_addrs().ok().and_then(|mut all| all.find(|a| a.is_ipv6() == v6));
    found.map(|a| a.ip()).ok_or_else(|| OpenCause::Unresolved { host: host.to_owned() })
}

/// The destinations with the scope of `device` where an address is link-local.
fn rescoped(destinations: &[SockAddr], device: &str) -> Result<Vec<SockAddr>, OpenCause> {
    let index = interface::index(device)?;
    let scoped = destinations.iter().filter_map(SockAddr::as_socket_ipv6).map(|to| {
        let scope = if to.ip().is_unicast_link_local() { index } else { 0 };
        SocketAddrV6::new(*to.ip(), to.port(), 0, scope).into()
    });
    Ok(scoped.collect())
}

#[cold]
fn sockets(spec: &MediumSpec) -> Result<Sockets, OpenCause> {
    fault::gate(fault::Call::Socket, spec.link_name()).map_err(|error| cause(Step::Open, error))?;
    let interface = interface::index(spec.link_name())?;
    let (receive, send) = match spec {
        MediumSpec::Ucast { device, port, .. } => ucast(device, *port),
        MediumSpec::Bcast { device, port } => bcast(device, *port),
        MediumSpec::Mcast { device, group, port, ttl, loopback } => mcast(device, *group, *port, *ttl, *loopback),
        MediumSpec::Ucast6 { device, port, .. } => ucast6(device, *port),
        MediumSpec::Mcast6 { device, group, port, hops, loopback } => mcast6(device, *group, *port, *hops, *loopback),
        _ => Err(cause(Step::Open, io::ErrorKind::Unsupported.into())),
    }?;
    Ok(Sockets { interface, receive, send })
}

/// The socket that receives and the socket that sends.
type Pair = (Socket, Socket);

fn ucast(device: &str, port: u16) -> Result<Pair, OpenCause> {
    let send = udp(Domain::IPV4)?;
    configure(send.set_tos_v4(LOW_DELAY))?;
    configure(send.set_reuse_port(true))?;
    bind_device(&send, device)?;
    let receive = udp(Domain::IPV4)?;
    configure(receive.set_reuse_address(true))?;
    configure(receive.set_reuse_port(true))?;
    bind_device(&receive, device)?;
    bind(&receive, Ipv4Addr::UNSPECIFIED.into(), port)?;
    Ok((receive, send))
}

fn bcast(device: &str, port: u16) -> Result<Pair, OpenCause> {
    let send = udp(Domain::IPV4)?;
    configure(send.set_broadcast(true))?;
    bind_device(&send, device)?;
    let receive = udp(Domain::IPV4)?;
    configure(receive.set_reuse_address(true))?;
    bind_device(&receive, device)?;
    bind(&send, Ipv4Addr::UNSPECIFIED.into(), 0)?;
    let own = configure(send.local_addr())?.as_socket().map_or(0, |own| own.port());
    configure(receive.attach_filter(&not_from(interface::ipv4(device)?, own)))?;
    bind(&receive, Ipv4Addr::UNSPECIFIED.into(), port)?;
    Ok((receive, send))
}

/// A filter that drops datagrams that this host sent from UDP port `port`: broadcasts come back to their sender, and to
/// wake for each would double the work of a heartbeat.
fn not_from(address: Ipv4Addr, port: u16) -> [SockFilter; 6] {
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// Offsets from here on count from the IP header, the others from the UDP header (`SKF_NET_OFF`).
    const IP_HEADER: u32 = 0xfff0_0000;
    const SOURCE: u32 = 12;
    [
        SockFilter::new(LOAD_HALF, 0, 0, 0),
        SockFilter::new(JUMP_IF_EQUAL, 0, 3, u32::from(port)),
        SockFilter::new(LOAD_WORD, 0, 0, IP_HEADER + SOURCE),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, address.to_bits()),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}

fn mcast(device: &str, group: Ipv4Addr, port: u16, ttl: u8, loopback: bool) -> Result<Pair, OpenCause> {
    let (index, address) = (interface::index(device)?, interface::ipv4(device)?);
    let send = udp(Domain::IPV4)?;
    configure(send.set_multicast_if_v4(&address))?;
    configure(send.set_multicast_loop_v4(loopback))?;
    configure(send.set_multicast_ttl_v4(u32::from(ttl)))?;
    let receive = udp(Domain::IPV4)?;
    configure(receive.set_reuse_address(true))?;
    // Without this the socket also receives the groups that other media have joined on other interfaces.
    configure(receive.set_multicast_all_v4(false))?;
    bind(&receive, group.into(), port)?;
    receive
        .join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index))
        .map_err(|error| cause(Step::Join, error))?;
    Ok((receive, send))
}

fn ucast6(device: &str, port: u16) -> Result<Pair, OpenCause> {
    let send = udp(Domain::IPV6)?;
    configure(send.set_send_buffer_size(SEND_BUFFER_V6))?;
    bind_device(&send, device)?;
    let receive = udp(Domain::IPV6)?;
    configure(receive.set_only_v6(true))?;
    configure(receive.set_reuse_address(true))?;
    configure(receive.set_reuse_port(true))?;
    bind_device(&receive, device)?;
    bind(&receive, Ipv6Addr::UNSPECIFIED.into(), port)?;
    Ok((receive, send))
}

fn mcast6(device: &str, group: Ipv6Addr, port: u16, hops: u8, loopback: bool) -> Result<Pair, OpenCause> {
    let index = interface::index(device)?;
    let send = udp(Domain::IPV6)?;
    configure(send.set_send_buffer_size(SEND_BUFFER_V6))?;
    configure(send.set_multicast_if_v6(index))?;
    configure(send.set_multicast_loop_v6(loopback))?;
    configure(send.set_multicast_hops_v6(u32::from(hops)))?;
    let receive = udp(Domain::IPV6)?;
    configure(receive.set_only_v6(true))?;
    configure(receive.set_reuse_address(true))?;
    // An IPv6 socket receives its group on every interface where any socket joined it, so the join alone is not enough.
    bind_device(&receive, device)?;
    bind(&receive, Ipv6Addr::UNSPECIFIED.into(), port)?;
    receive.join_multicast_v6(&group, index).map_err(|error| cause(Step::Join, error))?;
    Ok((receive, send))
}

/// A non-blocking UDP socket that programs started later do not inherit.
fn udp(domain: Domain) -> Result<Socket, OpenCause> {
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).map_err(|error| cause(Step::Open, error))?;
    configure(socket.set_nonblocking(true))?;
    Ok(socket)
}

fn bind_device(socket: &Socket, device: &str) -> Result<(), OpenCause> {
    socket.bind_device(Some(device.as_bytes())).map_err(|error| cause(Step::BindDevice, error))
}

fn bind(socket: &Socket, ip: IpAddr, port: u16) -> Result<(), OpenCause> {
    socket.bind(&SocketAddr::new(ip, port).into()).map_err(|error| cause(Step::BindPort(port), error))
}

pub(super) fn configure<T>(result: io::Result<T>) -> Result<T, OpenCause> {
    result.map_err(|error| cause(Step::Configure, error))
}
