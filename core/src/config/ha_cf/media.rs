//! Media: the links to other nodes, and the hosts that are pinged (docs/protocol/files.md 5).

use core::net::{Ipv4Addr, Ipv6Addr};

use super::parse::{BAUD, Parser, UDP_PORT};
use super::{MediumKind, NodeKind};
use crate::config::lexer::{BLANKS, Token, VALUE_SEPARATORS};
use crate::config::problem::{MediumFault, Table};
use crate::config::value::parse_integer;
use crate::config::{Position, ProblemKind};

/// A medium and its place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediumLine<'t> {
    /// The medium.
    pub medium: Medium<'t>,
    /// The place of its device or host.
    pub at: Position,
    /// The place of the word after the device: a host, a group, or the first host of a ping group. That of the device
    /// if there is none.
    pub host_at: Position,
}

/// A link to other nodes. UDP ports and speeds are those in force at its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields have the names of the reference's grammar")]
pub enum Medium<'t> {
    /// UDP broadcast on an interface.
    Bcast { device: &'t str, port: u16 },
    /// UDP multicast; `ttl` is 0 to 4.
    Mcast { device: &'t str, group: Ipv4Addr, port: u16, ttl: u8, loopback: bool },
    /// UDP multicast over IPv6; `hops` is 0 to 4.
    Mcast6 { device: &'t str, group: Ipv6Addr, port: u16, hops: u8, loopback: bool },
    /// UDP to one host, an IPv4 address or a name.
    Ucast { device: &'t str, host: &'t str, port: u16 },
    /// UDP over IPv6 to one address.
    Ucast6 { device: &'t str, address: Ipv6Addr, port: u16 },
    /// A serial line; `device` is an absolute path, `baud` bits per second.
    Serial { device: &'t str, baud: u32 },
    /// ICMP echo to one host: a ping node of that name.
    Ping { host: &'t str },
    /// ICMP echo over IPv6 to one host: a ping node of that name.
    Ping6 { host: &'t str },
    /// ICMP echo to several hosts: a ping node called `name` that is alive while one of them answers.
    PingGroup { name: &'t str, hosts: Hosts<'t> },
}

impl<'t> Medium<'t> {
    /// Its kind.
    pub fn kind(&self) -> MediumKind {
        match self {
            Self::Bcast { .. } => MediumKind::Bcast,
            Self::Mcast { .. } => MediumKind::Mcast,
            Self::Mcast6 { .. } => MediumKind::Mcast6,
            Self::Ucast { .. } => MediumKind::Ucast,
            Self::Ucast6 { .. } => MediumKind::Ucast6,
            Self::Serial { .. } => MediumKind::Serial,
            Self::Ping { .. } => MediumKind::Ping,
            Self::Ping6 { .. } => MediumKind::Ping6,
            Self::PingGroup { .. } => MediumKind::PingGroup,
        }
    }

    /// The link's name as clients see it: the device, the pinged host or the name of the group.
    pub fn link_name(&self) -> &'t str {
        match *self {
            Self::Bcast { device, .. }
            | Self::Mcast { device, .. }
            | Self::Mcast6 { device, .. }
            | Self::Ucast { device, .. }
            | Self::Ucast6 { device, .. }
            | Self::Serial { device, .. } => device,
            Self::Ping { host } | Self::Ping6 { host } => host,
            Self::PingGroup { name, .. } => name,
        }
    }

    /// Whether it only pings: no message travels over it.
    pub fn is_ping(&self) -> bool {
        self.kind().is_ping()
    }
}

/// The hosts of a ping group: at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hosts<'t>(Token<'t>);

impl<'t> Hosts<'t> {
    /// The hosts in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        self.placed().map(|(host, _)| host)
    }

    /// The hosts, each with its place.
    pub fn placed(&self) -> impl Iterator<Item = (&'t str, Position)> + use<'t> {
        self.0.split(BLANKS).map(|host| (host.text, host.at))
    }
}

/// A fault, and its place.
type Fault<'t> = (Position, MediumFault<'t>);
type Checked<'t, T> = Result<T, Fault<'t>>;

/// The words after a device. A missing word is reported at the place of the last one.
struct Arguments<'t, I> {
    words: I,
    last: Token<'t>,
}

impl<'t, I: Iterator<Item = Token<'t>>> Arguments<'t, I> {
    fn next(&mut self, missing: MediumFault<'t>) -> Checked<'t, Token<'t>> {
        self.last = self.words.next().ok_or((self.last.at, missing))?;
        Ok(self.last)
    }

    /// The next word as a number. A text that is no number counts as 0, as everywhere.
    fn number(&mut self, missing: MediumFault<'t>) -> Checked<'t, i32> {
        Ok(parse_integer(self.next(missing)?.text).value)
    }
}

impl<'t> Parser<'_, 't> {
    /// Reads a line of media: `word` names the kind, `rest` is the line after it.
    #[cold]
    pub(super) fn medium(&mut self, kind: MediumKind, word: Token<'t>, rest: Token<'t>) {
        let is_list = matches!(kind, MediumKind::Bcast | MediumKind::Serial | MediumKind::Ping | MediumKind::Ping6);
        if !is_list {
            return self.medium_with_arguments(kind, word, rest);
        }
        let mut any = false;
        for device in rest.split(VALUE_SEPARATORS) {
            any = true;
            self.medium_of_list(kind, device);
        }
        if !any {
            self.report.warning(word.at, ProblemKind::NoDevice { medium: kind });
        }
    }

    fn medium_of_list(&mut self, kind: MediumKind, token: Token<'t>) {
        let text = token.text;
        let fault = match kind {
            MediumKind::Serial if !text.starts_with('/') => Some(MediumFault::NotFullPathname),
            MediumKind::Ping6 if text.parse::<Ipv4Addr>().is_ok() => Some(MediumFault::BadAddress(text)),
            _ => None,
        };
        if let Some(fault) = fault {
            return self.refuse(kind, text, (token.at, fault));
        }
        let medium = match kind {
            MediumKind::Bcast => Medium::Bcast { device: text, port: self.udp_port() },
            MediumKind::Serial => Medium::Serial { device: text, baud: self.typed.baud.unwrap_or(BAUD) },
            MediumKind::Ping6 => Medium::Ping6 { host: text },
            _ => Medium::Ping { host: text },
        };
        self.add_medium(medium, token, token.at);
    }

    fn medium_with_arguments(&mut self, kind: MediumKind, word: Token<'t>, rest: Token<'t>) {
        let Some((device, rest)) = rest.split_first(BLANKS) else {
            return self.refuse(kind, "", (word.at, MediumFault::NoArguments));
        };
        let name = device.text;
        let mut arguments = Arguments { words: rest.split(BLANKS), last: device };
        let host_at = arguments.words.clone().next().map_or(device.at, |host| host.at);
        let medium = match kind {
            MediumKind::Mcast => self.mcast(name, &mut arguments),
            MediumKind::Mcast6 => self.mcast6(name, &mut arguments),
            MediumKind::Ucast6 => self.ucast6(name, &mut arguments),
            MediumKind::PingGroup => {
                arguments.next(MediumFault::NoHosts).map(|_| Medium::PingGroup { name, hosts: Hosts(rest) })
            }
            _ => {
                let host = arguments.next(MediumFault::MissingHost);
                host.map(|host| Medium::Ucast { device: name, host: host.text, port: self.udp_port() })
            }
        };
        match medium {
            Ok(medium) => self.add_medium(medium, device, host_at),
            Err(fault) => self.refuse(kind, name, fault),
        }
    }

    fn refuse(&mut self, medium: MediumKind, device: &'t str, (at, fault): Fault<'t>) {
        self.doubt.media = true;
        self.report.error(at, ProblemKind::BadMedium { medium, device, fault });
    }

    fn mcast<I>(&mut self, device: &'t str, words: &mut Arguments<'t, I>) -> Checked<'t, Medium<'t>>
    where
        I: Iterator<Item = Token<'t>>,
    {
        let Token { text, at } = words.next(MediumFault::MissingGroup)?;
        let group = text.parse().ok().filter(Ipv4Addr::is_multicast).ok_or((at, MediumFault::BadGroup(text)))?;
        let (port, ttl, loopback) = self.mcast_numbers(words)?;
        Ok(Medium::Mcast { device, group, port, ttl, loopback })
    }

    fn mcast6<I>(&mut self, device: &'t str, words: &mut Arguments<'t, I>) -> Checked<'t, Medium<'t>>
    where
        I: Iterator<Item = Token<'t>>,
    {
        let Token { text, at } = words.next(MediumFault::MissingGroup)?;
        let group = text.parse().ok().filter(Ipv6Addr::is_multicast).ok_or((at, MediumFault::BadGroup(text)))?;
        let (port, hops, loopback) = self.mcast_numbers(words)?;
        Ok(Medium::Mcast6 { device, group, port, hops, loopback })
    }

    fn ucast6<I>(&mut self, device: &'t str, words: &mut Arguments<'t, I>) -> Checked<'t, Medium<'t>>
    where
        I: Iterator<Item = Token<'t>>,
    {
        let Token { text, at } = words.next(MediumFault::MissingHost)?;
        let address = text.parse().map_err(|_| (at, MediumFault::BadAddress(text)))?;
        Ok(Medium::Ucast6 { device, address, port: self.udp_port() })
    }

    /// Port, time to live and loopback flag.
    fn mcast_numbers<I>(&mut self, words: &mut Arguments<'t, I>) -> Checked<'t, (u16, u8, bool)>
    where
        I: Iterator<Item = Token<'t>>,
    {
        let number = words.number(MediumFault::MissingPort)?;
        let Token { text, at } = words.last;
        if number <= 0 {
            return Err((at, MediumFault::BadPort(number)));
        }
        let port = number.unsigned_abs() as u16;
        if i32::from(port) != number {
            self.report.warning(at, ProblemKind::PortCut { text, used: port });
        }
        let ttl = words.number(MediumFault::MissingTtl)?;
        let ttl = u8::try_from(ttl).ok().filter(|ttl| *ttl <= 4).ok_or((words.last.at, MediumFault::BadTtl(ttl)))?;
        match words.number(MediumFault::MissingLoop)? {
            0 => Ok((port, ttl, false)),
            1 => Ok((port, ttl, true)),
            other => Err((words.last.at, MediumFault::BadLoop(other))),
        }
    }

    /// The UDP port in force.
    fn udp_port(&self) -> u16 {
        self.typed.udpport.unwrap_or(UDP_PORT)
    }

    fn add_medium(&mut self, medium: Medium<'t>, token: Token<'t>, host_at: Position) {
        if medium.is_ping()
            && let Err(kind) = self.add_node(token, NodeKind::Ping)
        {
            self.doubt.media = true;
            return self.report.error(token.at, kind);
        }
        let capacity = self.result.media.capacity();
        if self.result.media.push(MediumLine { medium, at: token.at, host_at }).is_err() {
            self.report.error(token.at, ProblemKind::TableFull { table: Table::Media, capacity });
        }
    }
}
