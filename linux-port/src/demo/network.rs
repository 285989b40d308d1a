//! The networks of the demonstration and the links between them.
//!
//! ```text
//!   alpha eth1 ────────────── eth1 bravo
//!   alpha eth0 ─── switch ─── eth0 bravo
//!                    └── eth0 client
//! ```

use std::io;
use std::net::Ipv4Addr;

use super::wiring::Wiring;
use crate::address::netlink::{InterfaceAddress, LOOPBACK_INDEX, Netlink};
use crate::sys::namespace::Network;

/// The address that moves.
pub(super) const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
/// The UDP port of the service that answers there.
pub(super) const SERVICE_PORT: u16 = 7;
/// The names of the nodes, which are also those of their ports on the switch.
pub(super) const NODES: [&str; 2] = ["alpha", "bravo"];
/// The nodes' own addresses on the switch.
pub(super) const SWITCHED: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
/// The nodes' addresses on the cable between them.
pub(super) const CABLED: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 1, 1), Ipv4Addr::new(10, 0, 1, 2)];
/// The client's address.
pub(super) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);

const SWITCH: &str = "switch";
/// The length of the prefix of all networks here.
const PREFIX: u8 = 24;

/// All links between the nodes and the client. The switch is in the network of the thread that built it.
pub(super) struct Cabling {
    switch: Wiring,
    /// Alpha's end of the cable, where the cable is cut.
    cable_end: Wiring,
}

impl Cabling {
    /// Builds everything in the calling thread's network, which is empty, and in those of the nodes and the client.
    pub(super) fn build(nodes: [&Network; 2], client: &Network) -> io::Result<Self> {
        let (home, switch) = (Network::current()?, Wiring::open()?);
        switch.make_switch(SWITCH)?;
        let index = Netlink::open()?.link_named(SWITCH)?.index;
        let [alpha, bravo] = nodes;
        for (port, place) in NODES.into_iter().zip(nodes).chain([("client", client)]) {
            switch.lay_cable([(&home, port), (place, "eth0")])?;
            switch.plug_in(port, index)?;
        }
        switch.lay_cable([(alpha, "eth1"), (bravo, "eth1")])?;
        Sockets::open(client)?.switch_on(&[("eth0", CLIENT)])?;
        Ok(Self { switch, cable_end: alpha.inside(Wiring::open)? })
    }

    /// Cuts, or restores, both links between alpha and bravo. The client reaches both nodes all the time.
    pub(super) fn part(&self, parted: bool) -> io::Result<()> {
        self.cable_end.switch_on("eth1", !parted)?;
        NODES.iter().try_for_each(|port| self.switch.keep_apart(port, parted))
    }
}

/// The network interfaces of a node.
pub(super) struct Sockets {
    wiring: Wiring,
    netlink: Netlink,
}

impl Sockets {
    pub(super) fn open(place: &Network) -> io::Result<Self> {
        place.inside(|| Ok(Self { wiring: Wiring::open()?, netlink: Netlink::open()? }))
    }

    /// Switches interfaces on, each with this address and no other.
    pub(super) fn switch_on(&mut self, interfaces: &[(&str, Ipv4Addr)]) -> io::Result<()> {
        for address in self.netlink.addresses(None)?.iter().filter(|a| a.addr.is_ipv4() && a.index != LOOPBACK_INDEX) {
            match self.netlink.delete_address(address) {
                // Further addresses of a subnet go with its first one.
                Err(error) if error.raw_os_error() != Some(libc::EADDRNOTAVAIL) => return Err(error),
                _ => {}
            }
        }
        for (name, addr) in interfaces {
            let index = self.netlink.link_named(name)?.index;
            let broadcast = Some(Ipv4Addr::from_bits(addr.to_bits() | u32::MAX >> PREFIX));
            let addr = (*addr).into();
            let address = InterfaceAddress { index, addr, prefix: PREFIX, broadcast, label: None, raw: None };
            self.netlink.add_address(&address)?;
            self.wiring.switch_on(name, true)?;
        }
        self.netlink.set_up(LOOPBACK_INDEX)
    }

    /// Switches interfaces off. They keep their addresses, since a node without power reaches no other node.
    pub(super) fn switch_off(&self, interfaces: &[&str]) -> io::Result<()> {
        interfaces.iter().try_for_each(|name| self.wiring.switch_on(name, false))
    }

    /// Whether the service address is up here.
    pub(super) fn hold_service(&mut self) -> io::Result<bool> {
        Ok(self.netlink.addresses(None)?.iter().any(|a| a.addr == SERVICE))
    }
}
