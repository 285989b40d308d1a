//! Service addresses, brought up and removed in process: no `ifconfig`, no `ip`, no shell.
//!
//! [`Addresses`] talks to the kernel over route netlink and answers within a fraction of a millisecond. It may wait for
//! the kernel's lock on all interfaces, so it lives on a worker thread. [`Announcer`] tells the neighbours at once.

mod announce;
mod arp;
mod error;
mod neighbour;
pub(crate) mod netlink;
mod place;
mod recorded;
mod rivals;
mod survey;
mod watch;

pub use announce::{AnnouncePlan, Announced, Announcer};
pub use error::{Action, AddressError};
pub use netlink::Change;
pub use recorded::Recorded;
pub use rivals::{Rivals, Sighting};
pub use survey::{Presence, Survey};
pub use watch::{Seen, Watch};

use netlink::{InterfaceAddress, Link, Netlink};
use std::{
    io,
    net::{IpAddr, Ipv4Addr},
};

/// The label of an IPv4 address, as `ifconfig` shows it. IPv6 addresses have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Label {
    /// `eth0:0`, with the lowest number that is free, as the resource `IPaddr` does.
    #[default]
    Alias,
    /// The interface's own name, as `IPaddr2` does.
    Plain,
    /// `eth0:` and this text.
    Named(String),
}

/// A service address as the configuration gives it (docs/protocol/resources.md 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressSpec {
    /// The address.
    pub addr: IpAddr,
    /// Bits of the network part; `None` takes those of the most specific route to the address.
    pub prefix: Option<u8>,
    /// The interface; `None` takes that of the most specific route.
    pub device: Option<String>,
    /// The label of an IPv4 address.
    pub label: Label,
    /// The broadcast address of an IPv4 address; `None` computes it from the prefix.
    pub broadcast: Option<Ipv4Addr>,
}

impl AddressSpec {
    /// `addr` at the place that the routes give, with an alias label.
    pub fn new(addr: IpAddr) -> Self {
        Self { addr, prefix: None, device: None, label: Label::Alias, broadcast: None }
    }
}

/// An address that is up on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The address.
    pub addr: IpAddr,
    /// Bits of the network part.
    pub prefix: u8,
    /// The interface's name.
    pub device: String,
    /// The interface's index.
    pub index: u32,
    /// The label of an IPv4 address.
    pub label: Option<String>,
    /// The broadcast address of an IPv4 address.
    pub broadcast: Option<Ipv4Addr>,
    /// The interface's Ethernet address; `None` where neighbours are not looked up (loopback, tunnels).
    pub mac: Option<[u8; 6]>,
    /// Whether we brought it up. [`Addresses::release`] does not remove an address that was there before.
    pub added: bool,
}

/// The addresses of this node.
pub struct Addresses {
    netlink: Netlink,
}

impl Addresses {
    /// Opens the connection to the kernel, in the network namespace of the calling thread. Needs no privilege yet.
    pub fn open() -> Result<Self, AddressError> {
        let netlink = Netlink::open().map_err(|error| AddressError::from_io(Action::Connect, error))?;
        Ok(Self { netlink })
    }

    /// Brings the address up, and its interface if that is down. After it returns, the kernel answers packets to the
    /// address; tell the neighbours next ([`Announcer::start`]). It succeeds for an address that is up already, which
    /// then stays when released.
    pub fn acquire(&mut self, spec: &AddressSpec) -> Result<Held, AddressError> {
        self.acquire_told(spec, |_| {})
    }

    /// As [`Addresses::acquire`], and tells `about_to` which address it will add, before the kernel gets it.
    pub fn acquire_told(&mut self, spec: &AddressSpec, about_to: impl FnOnce(&Held)) -> Result<Held, AddressError> {
        let present = self.addresses()?;
        let wanted = spec.device.as_deref().map(|device| self.link(device)).transpose()?;
        if let Some(found) = find(&present, spec.addr, wanted.as_ref()) {
            let link = self.link_at(found.index)?;
            return Ok(held(found, link, false));
        }
        let (link, prefix) = self.place(spec, wanted)?;
        let address = describe(spec, &link, prefix, &present);
        if !link.up {
            self.netlink.set_up(link.index).map_err(|error| AddressError::from_io(Action::BringUp, error))?;
        }
        self.add(&address, link, about_to)
    }

    fn add(
        &mut self,
        address: &InterfaceAddress,
        link: Link,
        about_to: impl FnOnce(&Held),
    ) -> Result<Held, AddressError> {
        let mut held = held(address, link, true);
        about_to(&held);
        match self.netlink.add_address(address) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => held.added = false,
            Err(error) => return Err(AddressError::from_io(Action::Add, error)),
        }
        Ok(held)
    }

    /// Removes the address that [`Addresses::acquire`] added. An address that was there before stays, and so do the
    /// other addresses of a subnet whose first address this is, which the kernel would remove with it. It succeeds if
    /// the address is down already.
    pub fn release(&mut self, held: &Held) -> Result<(), AddressError> {
        if !held.added {
            return Ok(());
        }
        let before = self.addresses()?;
        match before.iter().find(|a| a.index == held.index && a.addr == held.addr && a.prefix == held.prefix) {
            Some(found) => self.delete(found, &before),
            None => Ok(()),
        }
    }

    /// Removes the address, whichever program added it: for a start, when an earlier run may have left it. Returns
    /// whether it was up.
    pub fn remove(&mut self, spec: &AddressSpec) -> Result<bool, AddressError> {
        let before = self.addresses()?;
        let wanted = spec.device.as_deref().map(|device| self.link(device)).transpose()?;
        match find(&before, spec.addr, wanted.as_ref()) {
            Some(found) => self.delete(found, &before).map(|()| true),
            None => Ok(false),
        }
    }

    /// Removes exactly the address that an earlier run has recorded. Returns whether it was up; it is not when its
    /// interface is gone.
    ///
    /// # Errors
    /// The kernel's refusal: the address may still be up.
    pub fn remove_recorded(&mut self, recorded: &Recorded) -> Result<bool, AddressError> {
        let link = match self.link(&recorded.device) {
            Err(AddressError::NoInterface { .. }) => return Ok(false),
            link => link?,
        };
        let before = self.addresses()?;
        let is_it = |a: &&InterfaceAddress| (a.index, a.addr, a.prefix) == (link.index, recorded.addr, recorded.prefix);
        match before.iter().find(is_it) {
            Some(found) => self.delete(found, &before).map(|()| true),
            None => Ok(false),
        }
    }

    /// The address as it is up; `None` if it is not, or not on the interface that `spec` names. Loopback counts only if
    /// named, because LVS real servers keep a copy of the address there.
    pub fn status(&mut self, spec: &AddressSpec) -> Result<Option<Held>, AddressError> {
        let present = self.addresses()?;
        let wanted = spec.device.as_deref().map(|device| self.link(device)).transpose()?;
        let Some(found) = find(&present, spec.addr, wanted.as_ref()) else {
            return Ok(None);
        };
        let link = self.link_at(found.index)?;
        Ok(Some(held(found, link, false)))
    }

    /// Whether there is an interface for the address now, so that it could be brought up. False also if the kernel refuses
    /// to tell.
    pub fn has_place(&mut self, spec: &AddressSpec) -> bool {
        let wanted = spec.device.as_deref().map(|device| self.link(device)).transpose();
        wanted.and_then(|wanted| self.place(spec, wanted)).is_ok()
    }

    /// Interface and prefix for an address that is not up.
    fn place(&mut self, spec: &AddressSpec, wanted: Option<Link>) -> Result<(Link, u8), AddressError> {
        if spec.prefix.is_some_and(|prefix| prefix > width(spec.addr)) {
            return Err(AddressError::BadPrefix);
        }
        if let (Some(link), Some(prefix)) = (&wanted, spec.prefix) {
            return Ok((link.clone(), prefix));
        }
        let routes = self.netlink.routes(spec.addr.is_ipv6());
        let routes = routes.map_err(|error| AddressError::from_io(Action::ReadRoutes, error))?;
        let place = place::find(&routes, spec.addr, spec.prefix, wanted.as_ref().map(|link| link.index))?;
        let link = wanted.map_or_else(|| self.link_at(place.index), Ok)?;
        Ok((link, place.prefix))
    }

    fn delete(&mut self, gone: &InterfaceAddress, before: &[InterfaceAddress]) -> Result<(), AddressError> {
        match self.netlink.delete_address(gone) {
            Ok(()) => {}
            Err(error) if matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::ENODEV)) => return Ok(()),
            Err(error) => return Err(AddressError::from_io(Action::Remove, error)),
        }
        if gone.addr.is_ipv4() {
            self.restore_neighbours(gone, before)?;
        }
        Ok(())
    }

    /// Puts back the secondary addresses that the kernel removed with the first address of their subnet.
    fn restore_neighbours(&mut self, gone: &InterfaceAddress, before: &[InterfaceAddress]) -> Result<(), AddressError> {
        let after = self.addresses()?;
        let same =
            |a: &InterfaceAddress, b: &InterfaceAddress| (a.index, a.addr, a.prefix) == (b.index, b.addr, b.prefix);
        let lost =
            before.iter().filter(|b| b.index == gone.index && !same(b, gone) && !after.iter().any(|a| same(a, b)));
        for address in lost {
            match self.netlink.restore_address(address) {
                Err(error) if error.raw_os_error() != Some(libc::EEXIST) => {
                    return Err(AddressError::from_io(Action::Add, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn addresses(&mut self) -> Result<Vec<InterfaceAddress>, AddressError> {
        self.netlink.addresses(None).map_err(|error| AddressError::from_io(Action::ReadAddresses, error))
    }

    fn link(&mut self, device: &str) -> Result<Link, AddressError> {
        self.netlink.link_named(device).map_err(|error| match error.raw_os_error() {
            Some(libc::ENODEV) => AddressError::NoInterface { device: device.to_owned() },
            _ => AddressError::from_io(Action::ReadInterface, error),
        })
    }

    fn link_at(&mut self, index: u32) -> Result<Link, AddressError> {
        self.netlink.link_at(index).map_err(|error: io::Error| AddressError::from_io(Action::ReadInterface, error))
    }
}

/// The address among those present: on the wanted interface, or on any but loopback.
fn find<'a>(present: &'a [InterfaceAddress], addr: IpAddr, wanted: Option<&Link>) -> Option<&'a InterfaceAddress> {
    present.iter().find(|a| a.addr == addr && wanted.map_or(a.index != netlink::LOOPBACK_INDEX, |l| l.index == a.index))
}

/// The address to add, in full.
fn describe(spec: &AddressSpec, link: &Link, prefix: u8, present: &[InterfaceAddress]) -> InterfaceAddress {
    let (label, broadcast) = match spec.addr {
        IpAddr::V4(addr) => {
            let labels: Vec<&str> = present.iter().filter_map(|a| a.label.as_deref()).collect();
            let broadcast = spec.broadcast.or_else(|| place::broadcast(addr, prefix));
            (Some(place::label(&spec.label, &link.name, &labels)), broadcast)
        }
        IpAddr::V6(_) => (None, None),
    };
    InterfaceAddress { index: link.index, addr: spec.addr, prefix, broadcast, label, raw: None }
}

fn held(address: &InterfaceAddress, link: Link, added: bool) -> Held {
    Held {
        addr: address.addr,
        prefix: address.prefix,
        device: link.name,
        index: link.index,
        label: address.label.clone(),
        broadcast: address.broadcast,
        mac: link.mac,
        added,
    }
}

fn width(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}
