//! The links between the guests, and a client.

use std::fmt::Write;

use crate::lab::client;
use crate::lab::namespace::Namespace;
use crate::lab::network::CLIENT;

use super::NAMES;

/// A switch for the first cards of both guests and a client, and another one, as a cable, for their second cards.
pub struct Wires {
    switch: Namespace,
    client: Namespace,
}

/// The interface that is the other end of a guest's card.
pub(super) fn tap(guest: usize, card: usize) -> String {
    format!("{}{card}", NAMES[guest])
}

impl Default for Wires {
    fn default() -> Self {
        Self::new()
    }
}

impl Wires {
    /// Builds all of it, in namespaces that last as long as the value.
    pub fn new() -> Self {
        let (switch, client) = (Namespace::new(), Namespace::new());
        let mut lines = format!("link add client type veth peer name eth0 netns {}\n", client.pid());
        for card in 0..2 {
            let _ = write!(lines, "link add br{card} type bridge mcast_snooping 0\nlink set br{card} up\n");
            for guest in 0..NAMES.len() {
                let tap = tap(guest, card);
                let _ = write!(lines, "tuntap add {tap} mode tap\nlink set {tap} master br{card} up\n");
            }
        }
        switch.ip(&(lines + "link set client master br0 up"));
        client.ip(&format!("address add {CLIENT}/24 broadcast + dev eth0\nlink set eth0 up"));
        Self { switch, client }
    }

    /// A process in the namespace of the switches.
    pub(super) fn pid(&self) -> u32 {
        self.switch.pid()
    }

    /// The page of this path at the service address, as the client gets it by HTTP. None if there is no answer within a
    /// second.
    pub fn fetch(&self, path: &str) -> Option<String> {
        client::fetch(&self.client, path)
    }
}
