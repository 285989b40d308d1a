//! The configuration of a cluster, as the three files of `/etc/ha.d`.

use std::fmt::Write;

use hbcore::wire::{Keys, Method};

use super::network::{CABLE, CABLE6, SERVICE, SWITCHED};

/// The service runs, until it is stopped or the power is cut, while `/run/held-NAME` exists. The script logs its calls.
pub const SERVICE_SCRIPT: &str = r#"#!/bin/sh
echo "${0##*/} $*" >> /var/log/calls
held=/run/held-${0##*/}
case $1 in
    start) : > "$held" ;;
    stop) rm -f "$held" ;;
    status) if [ -e "$held" ]; then echo running; else echo stopped; exit 3; fi ;;
esac
"#;

/// The media of the heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Unicast to the peer's addresses on the switch and on the cable.
    Ucast,
    /// Broadcast on the switch and on the cable.
    Bcast,
    /// Multicast to a group on the switch and another one on the cable.
    Mcast,
    /// A serial line alone.
    Serial,
    /// IPv6 alone: multicast to a group on the switch, and unicast to the peer's address on the cable.
    Ipv6,
}

/// The method that signs messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// A checksum.
    Crc,
    /// HMAC-MD5.
    Md5,
    /// HMAC-SHA1.
    Sha1,
}

/// The key of md5 and sha1.
const KEY: &str = "between-us";

/// A configuration. [`Site::default`] suits a scenario without special settings.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Site {
    /// Milliseconds between heartbeats.
    pub keepalive: u32,
    /// Milliseconds of silence until a node counts as dead.
    pub deadtime: u32,
    /// Milliseconds after our start until a node that was never heard counts as dead.
    pub initdead: u32,
    /// The media of the heartbeats.
    pub media: Media,
    /// The method that signs them.
    pub auth: Auth,
    /// Whether the address returns to its home.
    pub auto_failback: bool,
    /// Both nodes have `auto_failback legacy` instead.
    pub legacy: bool,
    /// The resources of the first group, whose home is alpha.
    pub group: String,
    /// More lines of `haresources`.
    pub more_groups: String,
    /// charlie is a node too. The heartbeats are broadcasts on the switch then, and `media` is ignored.
    pub with_charlie: bool,
    /// bravo is on a switch of its own, with a client of its own ([`Lab::far_client`](super::Lab::far_client)).
    pub divided: bool,
    /// More lines of `ha.cf`.
    pub more: String,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            keepalive: 100,
            deadtime: 1000,
            initdead: 3000,
            media: Media::Ucast,
            auth: Auth::Sha1,
            auto_failback: true,
            legacy: false,
            group: format!("IPaddr::{SERVICE}/24/eth0"),
            more_groups: String::new(),
            with_charlie: false,
            divided: false,
            more: String::new(),
        }
    }
}

impl Site {
    /// `ha.cf` of the node with this index: 0 is alpha, 1 is bravo.
    pub fn ha_cf(&self, index: usize) -> String {
        let mut text = String::new();
        let failback = match (self.legacy, self.auto_failback) {
            (true, _) => "legacy",
            (false, true) => "on",
            (false, false) => "off",
        };
        let (keepalive, deadtime, initdead) = (self.keepalive, self.deadtime, self.initdead);
        let _ = write!(
            text,
            "logfile /var/log/ha-log\nlogfacility none\n\
             keepalive {keepalive}ms\ndeadtime {deadtime}ms\ninitdead {initdead}ms\n\
             auto_failback {failback}\ncrm off\n"
        );
        if self.with_charlie {
            text.push_str("bcast eth0\nnode alpha bravo charlie\n");
        } else {
            text.push_str(&self.media_lines(1 - index));
            text.push_str("node alpha bravo\n");
        }
        text.push_str(&self.more);
        text
    }

    fn media_lines(&self, peer: usize) -> String {
        match self.media {
            Media::Ucast => format!("ucast eth0 {}\nucast eth1 {}\n", SWITCHED[peer], CABLE[peer]),
            Media::Bcast => "bcast eth0 eth1\n".to_owned(),
            Media::Mcast => "mcast eth0 239.0.0.42 694 1 0\nmcast eth1 239.0.0.43 694 1 0\n".to_owned(),
            Media::Serial => "baud 115200\nserial /dev/ttyHB0\n".to_owned(),
            Media::Ipv6 => format!("mcast6 eth0 ff05::694 694 1 0\nucast6 eth1 {}\n", CABLE6[peer]),
        }
    }

    /// `authkeys`.
    pub fn authkeys(&self) -> String {
        match self.auth {
            Auth::Crc => "auth 1\n1 crc\n".to_owned(),
            Auth::Md5 => format!("auth 1\n1 md5 {KEY}\n"),
            Auth::Sha1 => format!("auth 1\n1 sha1 {KEY}\n"),
        }
    }

    /// `haresources`: the group of alpha, and the others.
    pub fn haresources(&self) -> String {
        format!("alpha {}\n{}", self.group, self.more_groups)
    }

    /// The keys of `authkeys`, for a test that listens or speaks.
    pub fn keys(&self) -> Keys {
        let (method, key) = match self.auth {
            Auth::Crc => (Method::Crc, ""),
            Auth::Md5 => (Method::Md5, KEY),
            Auth::Sha1 => (Method::Sha1, KEY),
        };
        let mut keys = Keys::new();
        keys.insert(1, method, key.as_bytes()).expect("a valid key");
        keys.set_signing(1).expect("the key above");
        keys
    }
}
