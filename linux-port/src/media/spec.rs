//! The description of a medium, as the configuration gives it.

use hbcore::config::{Medium, MediumKind};
use std::{
    net::{Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

/// One medium, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediumSpec {
    /// `ucast DEV HOST`, with all hosts of one device together (see [`merge_ucast`]).
    Ucast {
        /// The interface that both sockets are bound to.
        device: String,
        /// Names or addresses of the other nodes.
        hosts: Vec<String>,
        /// UDP port, received on and sent to.
        port: u16,
    },
    /// `bcast DEV`.
    Bcast {
        /// The interface; it must have a broadcast address.
        device: String,
        /// UDP port, received on and sent to.
        port: u16,
    },
    /// `mcast DEV GROUP PORT TTL LOOP`.
    Mcast {
        /// The interface that joins the group; it must have an IPv4 address.
        device: String,
        /// A group of 224.0.0.0/4.
        group: Ipv4Addr,
        /// UDP port of the group; `udpport` does not apply.
        port: u16,
        /// Hops that the messages may take, 0 to 4.
        ttl: u8,
        /// Whether this host receives its own messages.
        loopback: bool,
    },
    /// `ucast6 DEV ADDR`.
    Ucast6 {
        /// The interface that both sockets are bound to, and the scope of link-local hosts.
        device: String,
        /// Names or addresses of the other nodes.
        hosts: Vec<String>,
        /// UDP port, received on and sent to.
        port: u16,
    },
    /// `mcast6 DEV GROUP PORT HOPS LOOP`.
    Mcast6 {
        /// The interface that joins the group.
        device: String,
        /// A group of `ff00::/8`.
        group: Ipv6Addr,
        /// UDP port of the group.
        port: u16,
        /// Hops that the messages may take, 0 to 4.
        hops: u8,
        /// Whether this host receives its own messages.
        loopback: bool,
    },
    /// `serial DEV`.
    Serial {
        /// The path of a character device.
        device: String,
        /// Bits per second: 9600, 19200, 38400, 57600, 115200, 230400 or 460800.
        baud: u32,
        /// The directory of the lock file `LCK..`; `None` for /var/lock.
        lock_directory: Option<PathBuf>,
    },
    /// `ping HOST`.
    Ping {
        /// Name or address; also the name of the ping node.
        host: String,
    },
    /// `ping_group NAME HOST ...`.
    PingGroup {
        /// The name of the ping node.
        name: String,
        /// Names or addresses; one that answers is enough.
        hosts: Vec<String>,
    },
    /// `ping6 HOST`.
    Ping6 {
        /// Name or address; also the name of the ping node.
        host: String,
    },
}

impl From<&Medium<'_>> for MediumSpec {
    fn from(medium: &Medium<'_>) -> Self {
        match *medium {
            Medium::Bcast { device, port } => Self::Bcast { device: device.to_owned(), port },
            Medium::Mcast { device, group, port, ttl, loopback } => {
                Self::Mcast { device: device.to_owned(), group, port, ttl, loopback }
            }
            Medium::Mcast6 { device, group, port, hops, loopback } => {
                Self::Mcast6 { device: device.to_owned(), group, port, hops, loopback }
            }
            Medium::Ucast { device, host, port } => {
                Self::Ucast { device: device.to_owned(), hosts: vec![host.to_owned()], port }
            }
            Medium::Ucast6 { device, address, port } => {
                Self::Ucast6 { device: device.to_owned(), hosts: vec![address.to_string()], port }
            }
            Medium::Serial { device, baud } => Self::Serial { device: device.to_owned(), baud, lock_directory: None },
            Medium::Ping { host } => Self::Ping { host: host.to_owned() },
            Medium::Ping6 { host } => Self::Ping6 { host: host.to_owned() },
            Medium::PingGroup { name, hosts } => {
                Self::PingGroup { name: name.to_owned(), hosts: hosts.iter().map(str::to_owned).collect() }
            }
        }
    }
}

impl MediumSpec {
    /// The directive that the medium comes from.
    pub fn kind(&self) -> MediumKind {
        match self {
            Self::Ucast { .. } => MediumKind::Ucast,
            Self::Bcast { .. } => MediumKind::Bcast,
            Self::Mcast { .. } => MediumKind::Mcast,
            Self::Ucast6 { .. } => MediumKind::Ucast6,
            Self::Mcast6 { .. } => MediumKind::Mcast6,
            Self::Serial { .. } => MediumKind::Serial,
            Self::Ping { .. } => MediumKind::Ping,
            Self::PingGroup { .. } => MediumKind::PingGroup,
            Self::Ping6 { .. } => MediumKind::Ping6,
        }
    }

    /// The name that clients and logs use for the link: interface, serial device, ping host or group.
    pub fn link_name(&self) -> &str {
        match self {
            Self::Ucast { device, .. }
            | Self::Bcast { device, .. }
            | Self::Mcast { device, .. }
            | Self::Ucast6 { device, .. }
            | Self::Mcast6 { device, .. }
            | Self::Serial { device, .. } => device,
            Self::Ping { host } | Self::Ping6 { host } => host,
            Self::PingGroup { name, .. } => name,
        }
    }

    /// The hosts that messages go to, as written; empty where the medium itself is the address.
    pub fn hosts(&self) -> &[String] {
        match self {
            Self::Ucast { hosts, .. } | Self::Ucast6 { hosts, .. } | Self::PingGroup { hosts, .. } => hosts,
            Self::Ping { host } | Self::Ping6 { host } => std::slice::from_ref(host),
            _ => &[],
        }
    }
}

/// Joins the `ucast` (and `ucast6`) lines of one device and port into one medium with several hosts, at the place of
/// the first such line. The order of the others stays. One receive socket then serves all these hosts.
#[cold]
pub fn merge_ucast(specs: Vec<MediumSpec>) -> Vec<MediumSpec> {
    let mut merged: Vec<MediumSpec> = Vec::with_capacity(specs.len());
    for spec in specs {
        let added = spec.hosts();
        match merged.iter_mut().find(|earlier| share_a_socket(earlier, &spec)) {
            Some(MediumSpec::Ucast { hosts, .. } | MediumSpec::Ucast6 { hosts, .. }) => {
                for host in added {
                    if !hosts.contains(host) {
                        hosts.push(host.clone());
                    }
                }
            }
            _ => merged.push(spec),
        }
    }
    merged
}

fn share_a_socket(a: &MediumSpec, b: &MediumSpec) -> bool {
    use MediumSpec::{Ucast, Ucast6};
    match (a, b) {
        (Ucast { device: d1, port: p1, .. }, Ucast { device: d2, port: p2, .. })
        | (Ucast6 { device: d1, port: p1, .. }, Ucast6 { device: d2, port: p2, .. }) => d1 == d2 && p1 == p2,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ucast(device: &str, host: &str) -> MediumSpec {
        MediumSpec::Ucast { device: device.into(), hosts: vec![host.into()], port: 694 }
    }

    #[test]
    fn ucast_lines_of_one_device_become_one_medium() {
        let bcast = MediumSpec::Bcast { device: "eth1".into(), port: 694 };
        let lines = vec![ucast("eth0", "a"), bcast.clone(), ucast("eth0", "b"), ucast("eth1", "a"), ucast("eth0", "b")];
        let merged = merge_ucast(lines);
        assert_eq!(merged.len(), 3);
        assert_eq!(merged[0].hosts(), ["a", "b"]);
        assert_eq!(merged[1], bcast);
        assert_eq!(merged[2], ucast("eth1", "a"));
    }
}
