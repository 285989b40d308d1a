//! The place of an address, chosen from the existing routes and labels (docs/protocol/resources.md 4.1). Nothing here
//! asks the kernel.

use super::{AddressError, Label, netlink::Route};
use std::{
    cmp::Reverse,
    net::{IpAddr, Ipv4Addr},
};

/// The longest label that the kernel accepts, in bytes.
const LABEL_MAX: usize = 15;
/// The number of aliases that are tried.
const ALIASES_MAX: usize = 1024;

/// An interface and the bits of its subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) index: u32,
    pub(super) prefix: u8,
}

/// The place that the routes give to `addr`, on `wanted` if that is given. A directly connected subnet wins over a
/// route through a gateway, then the longest prefix, then the lowest metric. Without `prefix`, only a connected subnet
/// counts.
pub(super) fn find(
    routes: &[Route],
    addr: IpAddr,
    prefix: Option<u8>,
    wanted: Option<u32>,
) -> Result<Place, AddressError> {
    let leads = routes.iter().filter(|r| wanted.is_none_or(|index| index == r.index) && contains(r, addr));
    let best = leads.max_by_key(|r| (!r.gateway, r.prefix, Reverse(r.metric))).ok_or(AddressError::NoRoute)?;
    match prefix {
        Some(prefix) => Ok(Place { index: best.index, prefix }),
        None if best.gateway || best.prefix == 0 => Err(AddressError::NeedsPrefix),
        None => Ok(Place { index: best.index, prefix: best.prefix }),
    }
}

fn contains(route: &Route, addr: IpAddr) -> bool {
    match (route.destination, addr) {
        (IpAddr::V4(net), IpAddr::V4(addr)) => {
            let mask = mask4(route.prefix);
            net.to_bits() & mask == addr.to_bits() & mask
        }
        (IpAddr::V6(net), IpAddr::V6(addr)) => {
            let mask = u128::MAX.checked_shl(128u32.saturating_sub(route.prefix.into())).unwrap_or(0);
            net.to_bits() & mask == addr.to_bits() & mask
        }
        _ => false,
    }
}

/// The broadcast address of the subnet of `addr`; subnets of one or two addresses have none.
pub(super) fn broadcast(addr: Ipv4Addr, prefix: u8) -> Option<Ipv4Addr> {
    (prefix < 31).then(|| Ipv4Addr::from_bits(addr.to_bits() | !mask4(prefix)))
}

fn mask4(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32u32.saturating_sub(prefix.into())).unwrap_or(0)
}

/// The label for a new address of `device`, given the labels in use. If it would be too long, it is the name of the
/// device alone.
pub(super) fn label(wish: &Label, device: &str, used: &[&str]) -> String {
    let label = match wish {
        Label::Plain => None,
        Label::Named(name) => Some(format!("{device}:{name}")),
        Label::Alias => {
            let mut aliases = (0..ALIASES_MAX).map(|n| format!("{device}:{n}"));
            aliases.find(|alias| !used.contains(&alias.as_str()))
        }
    };
    label.filter(|label| label.len() <= LABEL_MAX).unwrap_or_else(|| device.to_owned())
}

#[cfg(test)]
mod tests;
