//! ping, `ping_group` and ping6: a host that answers echo requests counts as a node that sends only heartbeats
//! (docs/protocol/wire.md 9.1).
//!
//! The message to send is the data of the echo request, and comes back in the reply.

mod echo;

use super::{
    Medium, MediumKind, MediumSpec, OpenError, SendOutcome,
    error::{OpenCause, Step, cause},
    send_to_all,
    udp::{configure, resolve},
    unless_blocked,
};
use echo::{Family, SeenSequences};
use rustix::net::{RecvFlags, SocketAddrAny};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::sync::atomic::{AtomicU16, Ordering};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, BorrowedFd},
};

/// Longest message that is sent as data of an echo, in bytes; a ping message has about 200.
pub const PING_DATA_MAX: usize = 1400;
/// Packets looked at in one [`Medium::receive`]; the rest wait for the next.
const LOOKS_MAX: usize = 16;

/// Echo requests to one host, or to several that count as one.
pub struct PingMedium {
    spec: MediumSpec,
    family: Family,
    targets: Vec<(IpAddr, SockAddr)>,
    socket: Socket,
    /// The identifier by which replies to us differ from replies to other pingers: the low half of the process id.
    ident: u16,
    next_sequence: u16,
    seen: Box<SeenSequences>,
    request: Box<[u8; echo::HEADER + PING_DATA_MAX]>,
}

impl PingMedium {
    /// Opens a raw socket and resolves the hosts.
    pub fn open(spec: &MediumSpec) -> Result<Self, OpenError> {
        let fail = |cause| OpenError::new(spec.kind(), spec.link_name(), cause);
        let family = if spec.kind() == MediumKind::Ping6 { Family::V6 } else { Family::V4 };
        let targets = spec.hosts().iter().map(|host| {
            let ip = resolve(host, spec.kind())?;
            Ok((ip, SocketAddr::new(ip, 0).into()))
        });
        let targets = targets.collect::<Result<_, OpenCause>>().map_err(fail)?;
        let ident = next_ident();
        Ok(Self {
            spec: spec.clone(),
            family,
            targets,
            socket: socket(family, ident).map_err(fail)?,
            ident,
            next_sequence: 0,
            seen: Box::default(),
            request: Box::new([0; echo::HEADER + PING_DATA_MAX]),
        })
    }

    /// Takes one packet.
    fn look(&mut self, buf: &mut [u8]) -> io::Result<Look> {
        let packet = rustix::net::recvfrom(&self.socket, &mut *buf, RecvFlags::DONTWAIT).map_err(io::Error::from);
        let Some((len, _, from)) = unless_blocked(packet)? else {
            return Ok(Look::Nothing);
        };
        let known = from.and_then(ip_of).is_some_and(|ip| self.targets.iter().any(|(target, _)| *target == ip));
        let reply = buf.get(..len).and_then(|packet| echo::reply(self.family, self.ident, packet)).filter(|_| known);
        let Some(reply) = reply.filter(|reply| self.seen.is_new(reply.sequence)) else {
            return Ok(Look::Other);
        };
        buf.copy_within(reply.data.clone(), 0);
        Ok(Look::Reply(reply.data.len()))
    }
}

/// The result of one look at the socket.
enum Look {
    Nothing,
    /// A packet that is not for us, or a second answer to one request.
    Other,
    /// The first answer of one of our hosts; the buffer begins with this many bytes of data.
    Reply(usize),
}

impl Medium for PingMedium {
    fn link_name(&self) -> &str {
        self.spec.link_name()
    }

    fn kind(&self) -> MediumKind {
        self.spec.kind()
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        for _ in 0..LOOKS_MAX {
            match self.look(buf)? {
                Look::Nothing => return Ok(None),
                Look::Reply(len) => return Ok(Some(len)),
                Look::Other => {}
            }
        }
        Ok(None)
    }

    /// Messages above [`PING_DATA_MAX`] are refused as `InvalidInput`.
    fn send(&mut self, bytes: &[u8]) -> io::Result<SendOutcome> {
        let sequence = self.next_sequence;
        let Some(request) = echo::request(self.family, self.ident, sequence, bytes, &mut self.request[..]) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        self.next_sequence = sequence.wrapping_add(1);
        send_to_all(&self.socket, request, 0, self.targets.iter().map(|(_, to)| to))
    }

    fn reopen(&mut self) -> Result<(), OpenError> {
        let fail = |cause| OpenError::new(self.spec.kind(), self.spec.link_name(), cause);
        self.socket = socket(self.family, self.ident).map_err(fail)?;
        Ok(())
    }
}

/// A raw socket that the kernel gives only our replies. The identifier of a medium's requests: the process id, as in
/// 3.0.6, and the numbers after it for further media, so that no medium takes the replies of another.
fn next_ident() -> u16 {
    static MEDIA: AtomicU16 = AtomicU16::new(0);
    (std::process::id() as u16).wrapping_add(MEDIA.fetch_add(1, Ordering::Relaxed))
}

fn socket(family: Family, ident: u16) -> Result<Socket, OpenCause> {
    let (domain, protocol) = match family {
        Family::V4 => (Domain::IPV4, Protocol::ICMPV4),
        Family::V6 => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol)).map_err(|error| cause(Step::Open, error))?;
    configure(socket.set_nonblocking(true))?;
    configure(socket.attach_filter(&echo::filter(family, ident)))?;
    Ok(socket)
}

fn ip_of(from: SocketAddrAny) -> Option<IpAddr> {
    SocketAddr::try_from(from).ok().map(|from| from.ip())
}
