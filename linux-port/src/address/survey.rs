//! Looking whether our addresses are still up, and putting them back.

use super::netlink::{InterfaceAddress, Link};
use super::{Action, AddressError, AddressSpec, Addresses, Held, describe, held};

/// The addresses and interfaces of this node at one moment.
pub struct Survey {
    addresses: Vec<InterfaceAddress>,
    links: Vec<Link>,
}

/// The state of an address that was brought up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is up, on an interface that has this hardware address now.
    Up {
        /// As in [`Held::mac`].
        mac: Option<[u8; 6]>,
    },
    /// The interface is up, without the address.
    Removed,
    /// The interface is set down, so the address cannot be reached.
    Down,
    /// There is no such interface any more.
    NoInterface,
}

impl Survey {
    /// The state of `known` now.
    pub fn presence(&self, known: &Held) -> Presence {
        let Some(link) = self.links.iter().find(|link| link.index == known.index) else { return Presence::NoInterface };
        let is_it = |a: &InterfaceAddress| (a.index, a.addr, a.prefix) == (known.index, known.addr, known.prefix);
        match (link.up, self.addresses.iter().any(is_it)) {
            (false, _) => Presence::Down,
            (true, false) => Presence::Removed,
            (true, true) => Presence::Up { mac: link.mac },
        }
    }

    /// Whether an interface of this node has this hardware address.
    pub fn owns(&self, mac: [u8; 6]) -> bool {
        self.links.iter().any(|link| link.mac == Some(mac))
    }
}

impl Addresses {
    /// Looks at all interfaces and addresses.
    pub fn survey(&mut self) -> Result<Survey, AddressError> {
        let links = self.netlink.links().map_err(|error| AddressError::from_io(Action::ReadInterface, error))?;
        Ok(Survey { addresses: self.addresses()?, links })
    }

    /// Puts back an address that was brought up and has disappeared, on the interface that has its name now. It does
    /// not set the interface up: the program that set it down has a reason. It tells `about_to` which address it will
    /// add, before the kernel gets it.
    ///
    /// # Errors
    /// [`AddressError::NoInterface`] and [`AddressError::InterfaceDown`] until the interface is back, and the kernel's
    /// refusal.
    pub fn restore(
        &mut self,
        spec: &AddressSpec,
        lost: &Held,
        about_to: impl FnOnce(&Held),
    ) -> Result<Held, AddressError> {
        let link = self.link(&lost.device)?;
        if !link.up {
            return Err(AddressError::InterfaceDown { device: link.name });
        }
        let present = self.addresses()?;
        match present.iter().find(|a| (a.index, a.addr) == (link.index, lost.addr)) {
            Some(found) => Ok(held(found, link, lost.added)),
            None => self.add(&describe(spec, &link, lost.prefix, &present), link, about_to),
        }
    }
}
