//! Address specifications of `haresources`: `ip[/mask[/nic[:label]][/broadcast]]` (docs/protocol/resources.md 2.2).

use core::net::{IpAddr, Ipv4Addr};

/// An address that a node takes over, with the place that the line gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressSpec<'t> {
    /// The address.
    pub addr: IpAddr,
    /// Length of the network prefix, 0 to 32 or 128; `None` leaves it to the routes.
    pub prefix: Option<u8>,
    /// The interface; `None` leaves it to the routes.
    pub nic: Option<&'t str>,
    /// The label after the interface, as in `eth0:0`.
    pub label: Option<&'t str>,
    /// The broadcast address; `None` is that of the subnet. Never set for IPv6.
    pub broadcast: Option<Ipv4Addr>,
}

/// The reason why a text is no address specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// The text before the first `/` is no IPv4 or IPv6 address.
    BadAddress,
    /// The mask is neither a prefix length of the address family nor a dotted mask of leading ones.
    BadMask,
    /// The interface or its label is empty, or longer than 15 bytes, the limit of Linux.
    BadInterface,
    /// The broadcast address is no IPv4 address.
    BadBroadcast,
    /// There are more fields than the format has.
    TooManyFields,
}

/// The longest name of a network interface in bytes, also of an alias with its label.
const INTERFACE_MAX: usize = 15;

impl<'t> AddressSpec<'t> {
    /// Reads a specification. Slashes at the end are ignored.
    ///
    /// The third field is a broadcast address if it begins with a digit, an interface otherwise.
    pub fn parse(text: &'t str) -> Result<Self, AddressError> {
        let mut fields = text.trim_end_matches('/').split('/');
        let addr: IpAddr = fields.next().unwrap_or_default().parse().map_err(|_| AddressError::BadAddress)?;
        let prefix = fields.next().map(|mask| read_mask(mask, addr).ok_or(AddressError::BadMask)).transpose()?;
        let mut spec = Self { addr, prefix, nic: None, label: None, broadcast: None };
        let mut field = fields.next();
        if let Some(nic) = field.filter(|text| addr.is_ipv6() || !starts_with_digit(text)) {
            spec.set_interface(nic)?;
            field = fields.next();
        }
        if let Some(text) = field {
            if addr.is_ipv6() {
                return Err(AddressError::TooManyFields);
            }
            spec.broadcast = Some(text.parse().map_err(|_| AddressError::BadBroadcast)?);
        }
        if fields.next().is_some() {
            return Err(AddressError::TooManyFields);
        }
        Ok(spec)
    }

    fn set_interface(&mut self, text: &'t str) -> Result<(), AddressError> {
        let (nic, label) = match text.split_once(':') {
            Some((nic, label)) => (nic, Some(label)),
            None => (text, None),
        };
        if nic.is_empty() || label == Some("") || text.len() > INTERFACE_MAX {
            return Err(AddressError::BadInterface);
        }
        (self.nic, self.label) = (Some(nic), label);
        Ok(())
    }
}

/// Whether a resource word is an address without a script before it: four parts, each beginning with a digit. The rest
/// of the parts is not checked, as by the shell pattern of 3.0.6.
pub(super) fn looks_like_ipv4(word: &str) -> bool {
    if !starts_with_digit(word) {
        return false;
    }
    let dots_before_digits = word.split('.').skip(1).filter(|part| starts_with_digit(part)).count();
    dots_before_digits >= 3
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// A prefix length, or for IPv4 a dotted mask whose ones all come first.
fn read_mask(text: &str, addr: IpAddr) -> Option<u8> {
    let most = if addr.is_ipv4() { 32 } else { 128 };
    if let Ok(prefix) = text.parse::<u8>() {
        return (prefix <= most).then_some(prefix);
    }
    let mask = u32::from(text.parse::<Ipv4Addr>().ok().filter(|_| addr.is_ipv4())?);
    (mask.count_ones() == mask.leading_ones()).then_some(mask.leading_ones() as u8)
}

#[cfg(test)]
mod tests;
