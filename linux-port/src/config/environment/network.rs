//! Media: interfaces, hosts and devices.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use hbcore::config::{Directive, HaCf, Medium, MediumKind, ParameterText, Position};

use super::{Check, reserved_for};
use crate::address::netlink::{InterfaceAddress, Netlink, broadcast_of};

/// The kernel's facts about interfaces. Without them every interface counts as good: opening the link will tell.
pub(super) struct Network(Option<Netlink>);

/// The fault of an interface.
enum Lack {
    /// It does not exist.
    Device,
    /// It has no IPv4 address.
    Address,
    /// None of its IPv4 subnets has a broadcast address.
    Broadcast,
}

impl Network {
    pub(super) fn new() -> Self {
        Self(Netlink::open().ok())
    }

    pub(super) fn has_interface(&mut self, name: &str) -> bool {
        self.0.as_mut().is_none_or(|netlink| netlink.link_named(name).is_ok())
    }

    /// Whether this machine has an address that is probably not a service address: it is the first of its subnet, and
    /// has no label of its own.
    pub(super) fn has_for_good(&mut self, addr: IpAddr) -> bool {
        let addresses = self.0.as_mut().and_then(|netlink| netlink.addresses(None).ok()).unwrap_or_default();
        let has_alias = |a: &InterfaceAddress| a.label.as_deref().is_some_and(|label| label.contains(':'));
        addresses.iter().any(|a| a.addr == addr && !a.is_secondary() && !has_alias(a))
    }

    /// The subnets of this machine, each with its interface; `None` if one of them contains `addr`, or the kernel does
    /// not answer.
    pub(super) fn subnets_without(&mut self, addr: IpAddr) -> Option<Vec<String>> {
        let netlink = self.0.as_mut()?;
        let connected = netlink.routes(addr.is_ipv6()).ok()?;
        if connected.iter().any(|r| !r.gateway && r.prefix > 0 && has(r.destination, r.prefix, addr)) {
            return None;
        }
        let own: Vec<InterfaceAddress> =
            netlink.addresses(None).ok()?.into_iter().filter(|a| a.addr.is_ipv6() == addr.is_ipv6()).collect();
        if own.iter().any(|a| has(a.addr, a.prefix, addr)) {
            return None;
        }
        let name = |netlink: &mut Netlink, index| netlink.link_at(index).map_or_else(|_| "?".to_owned(), |l| l.name);
        Some(own.iter().map(|a| format!("{} {}/{}", name(netlink, a.index), a.addr, a.prefix)).collect())
    }

    /// Whether this machine has an address.
    fn is_own(&mut self, addr: IpAddr) -> bool {
        let addresses = self.0.as_mut().and_then(|netlink| netlink.addresses(None).ok()).unwrap_or_default();
        addresses.iter().any(|a| a.addr == addr)
    }

    /// Whether the address is the broadcast address of one of this machine's interfaces.
    fn is_broadcast(&mut self, addr: Ipv4Addr) -> bool {
        let addresses = self.0.as_mut().and_then(|netlink| netlink.addresses(None).ok()).unwrap_or_default();
        addresses.iter().any(|a| a.last_of_subnet() == Some(addr))
    }

    /// The addresses of the interface `name`, or its fault for IPv4; `None` if the kernel does not answer.
    fn addresses(&mut self, name: &str) -> Option<Result<Vec<InterfaceAddress>, Lack>> {
        let netlink = self.0.as_mut()?;
        let Ok(link) = netlink.link_named(name) else { return Some(Err(Lack::Device)) };
        let addresses = netlink.addresses(Some(link.index)).ok()?;
        let has_ipv4 = addresses.iter().any(|address| address.addr.is_ipv4());
        Some(if has_ipv4 { Ok(addresses) } else { Err(Lack::Address) })
    }

    /// The fault of the interface `name` for IPv4.
    fn lack(&mut self, name: &str) -> Option<Lack> {
        self.addresses(name)?.err()
    }

    /// The fault of the interface `name` for broadcasts.
    fn lack_for_broadcasts(&mut self, name: &str) -> Option<Lack> {
        match self.addresses(name)? {
            Ok(addresses) => broadcast_of(&addresses).is_none().then_some(Lack::Broadcast),
            Err(lack) => Some(lack),
        }
    }
}

impl Check<'_> {
    pub(super) fn media(&mut self, ha_cf: &HaCf<'_>) {
        self.reserved_port(ha_cf);
        self.only_to_itself(ha_cf);
        for line in &ha_cf.media {
            let at = line.at;
            match line.medium {
                Medium::Bcast { device, .. } => self.broadcast(at, device),
                Medium::Mcast { device, .. } => self.multicast(at, device),
                Medium::Mcast6 { device, .. } | Medium::Ucast6 { device, .. } => {
                    self.device(at, line.medium.kind(), device);
                }
                Medium::Ucast { device, host, .. } => self.unicast(at, line.host_at, device, host),
                Medium::Serial { device, .. } => self.serial(at, device),
                Medium::Ping { host } | Medium::Ping6 { host } => self.ping(at, line.medium.kind(), host),
                Medium::PingGroup { hosts, .. } => self.ping_group(hosts.placed()),
            }
        }
    }

    /// Reports interfaces on which all `ucast` lines name this machine. One of several is normal, because all nodes
    /// have the same file.
    fn only_to_itself(&mut self, ha_cf: &HaCf<'_>) {
        let lines: Vec<(Position, &str, bool)> = ha_cf
            .media
            .iter()
            .filter_map(|line| match line.medium {
                Medium::Ucast { device, host, .. } => Some((line.at, device, self.is_itself(host))),
                _ => None,
            })
            .collect();
        for (at, device, _) in &lines {
            if lines.iter().all(|(_, other, itself)| other != device || *itself) {
                let message = format!("ucast: {device} sends to this machine alone");
                self.warning(*at, message, "name the other node's address, or add a line with it");
            }
        }
    }

    fn is_itself(&mut self, host: &str) -> bool {
        ipv4(host).is_some_and(|address| address.is_loopback() || self.network.is_own(address.into()))
    }

    fn reserved_port(&mut self, ha_cf: &HaCf<'_>) {
        let Some(ParameterText::Typed(text)) = ha_cf.parameters.get(Directive::Udpport) else { return };
        if let Some(service) = text.parse().ok().and_then(reserved_for) {
            let at = ha_cf.parameters.place(Directive::Udpport);
            let message = format!("udp port {text} reserved for service \"{service}\".");
            self.warning(at, message, "choose another port unless that service is not used here");
        }
    }

    fn broadcast(&mut self, at: Position, device: &str) {
        let Some(lack) = self.network.lack_for_broadcasts(device) else { return };
        let (reason, help) = explain(&lack, device);
        let message = format!(
            "Get broadcast for interface {device} failed: {reason}; IP interface [{device}] does not exist; \
             Illegal bcast [UDP/IP broadcast] in config file [{device}]"
        );
        self.error(at, message, help);
    }

    fn multicast(&mut self, at: Position, device: &str) {
        if let Some(lack) = self.network.lack(device) {
            let message = format!("mcast device [{device}] is invalid or not set up properly");
            self.error(at, message, explain(&lack, device).1);
        }
    }

    fn device(&mut self, at: Position, kind: MediumKind, device: &str) {
        if !self.network.has_interface(device) {
            let message = format!("{} device [{device}] is invalid or not set up properly", kind.name());
            self.error(at, message, explain(&Lack::Device, device).1);
        }
    }

    fn unicast(&mut self, at: Position, host_at: Position, device: &str, host: &str) {
        if !resolves(host, IpAddr::is_ipv4) {
            let message = format!("ucast: cannot resolve hostname [{host}]");
            self.error(host_at, message, host_help(host));
        }
        if ipv4(host).is_some_and(|address| self.network.is_broadcast(address)) {
            let message = format!("ucast: [{host}] is a broadcast address, to which nothing can be sent");
            self.warning(host_at, message, format!("write `bcast {device}`, or name the other node's own address"));
        }
        if !self.network.has_interface(device) {
            // 3.0.6 notices it only after it has reported success to its caller.
            let message =
                format!("ucast: interface [{device}] does not exist; make_io_childpair: cannot open ucast {device}");
            self.error(at, message, explain(&Lack::Device, device).1);
        }
    }

    fn serial(&mut self, at: Position, device: &str) {
        let illegal = format!("Illegal serial [serial ring] in config file [{device}]");
        match fs::metadata(device) {
            Err(_) => {
                let message = format!("Nonexistent serial port [{device}] in config file; {illegal}");
                self.error(at, message, "name a serial device of this machine, such as /dev/ttyS0");
            }
            Ok(data) if !data.file_type().is_char_device() => {
                let message = format!("Serial port [{device}] not a char device in config file; {illegal}");
                self.error(at, message, SERIAL_HELP);
            }
            // 3.0.6 notices it only after it has reported success to its caller.
            Ok(data) if is_terminal_device(data.rdev()) == Some(false) => {
                self.error(at, format!("[{device}] is not a serial port; {illegal}"), SERIAL_HELP);
            }
            Ok(_) => {}
        }
    }

    fn ping(&mut self, at: Position, kind: MediumKind, host: &str) {
        let family = if kind == MediumKind::Ping6 { IpAddr::is_ipv6 } else { IpAddr::is_ipv4 };
        if !resolves(host, family) {
            let (name, description) = (kind.name(), kind.description());
            let message = format!("unknown host: {host}; Illegal {name} [{description}] in config file [{host}]");
            self.error(at, message, host_help(host));
        }
    }

    /// An unknown host of a group gets only a warning: the others may answer.
    fn ping_group<'h>(&mut self, hosts: impl Iterator<Item = (&'h str, Position)>) {
        for (host, at) in hosts.filter(|(host, _)| !resolves(host, IpAddr::is_ipv4)) {
            self.warning(at, format!("unknown host: {host}"), host_help(host));
        }
    }
}

const SERIAL_HELP: &str = "name a serial device, such as /dev/ttyS0";

/// Whether `addr` is in the subnet of `member`.
fn has(member: IpAddr, prefix: u8, addr: IpAddr) -> bool {
    let wide = |a: IpAddr| match a {
        IpAddr::V4(a) => u128::from(a.to_bits()) << 96,
        IpAddr::V6(a) => a.to_bits(),
    };
    let foreign = u128::MAX.checked_shl(128u32.saturating_sub(prefix.into())).unwrap_or(0);
    member.is_ipv6() == addr.is_ipv6() && (wide(member) ^ wide(addr)) & foreign == 0
}

/// Whether a driver of terminals, which include serial ports, has this device number; `None` if the kernel does not
/// tell. The device is not opened, because that would raise its lines.
fn is_terminal_device(number: u64) -> Option<bool> {
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let drivers = fs::read_to_string("/proc/tty/drivers").ok()?;
    // A driver's name may have blanks. The device, the major number, and a minor number or a range of them come after
    // it.
    Some(drivers.lines().any(|line| {
        let mut words = line.split_whitespace().rev();
        let (_, minors, majors) = (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (first, last) = minors.split_once('-').unwrap_or((minors, minors));
        let range = first.parse().unwrap_or(1u32)..=last.parse().unwrap_or(0u32);
        majors.parse() == Ok(major) && range.contains(&minor)
    }))
}

fn explain(lack: &Lack, device: &str) -> (&'static str, String) {
    match lack {
        Lack::Device => ("No such device", format!("this machine has no interface {device}: see `ip link`")),
        Lack::Address => (
            "Cannot assign requested address",
            format!("give {device} an IPv4 address: see `ip address show {device}`"),
        ),
        Lack::Broadcast => (
            "it has no broadcast address",
            format!("write `ucast {device}` with the address of the other node, or `mcast`"),
        ),
    }
}

/// The first IPv4 address of a host.
fn ipv4(host: &str) -> Option<Ipv4Addr> {
    let mut all = (host, 0).to_socket_addrs().ok()?;
    all.find_map(|address| if let IpAddr::V4(address) = address.ip() { Some(address) } else { None })
}

fn resolves(host: &str, family: impl Fn(&IpAddr) -> bool) -> bool {
    (host, 0).to_socket_addrs().is_ok_and(|mut all| all.any(|address| family(&address.ip())))
}

fn host_help(host: &str) -> String {
    if host.contains("{{") {
        return "a placeholder of a template was left in the file: write the address in its place".to_owned();
    }
    format!("write an address, or make {host} known to this machine, for example in /etc/hosts")
}
