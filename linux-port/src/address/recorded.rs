//! An address as the record of the state directory has it.

use std::fmt;
use std::net::IpAddr;

use super::Held;

/// One address as it stands in the record: `10.0.0.1/24 eth0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The address.
    pub addr: IpAddr,
    /// Bits of the network part.
    pub prefix: u8,
    /// The interface's name: an index does not survive an interface that is made again.
    pub device: String,
}

impl Recorded {
    /// Reads a line of the record.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (address, device) = line.split_once(' ')?;
        let (addr, prefix) = address.split_once('/')?;
        let (addr, prefix) = (addr.parse().ok()?, prefix.parse().ok()?);
        (!device.is_empty()).then(|| Self { addr, prefix, device: device.to_owned() })
    }
}

impl From<&Held> for Recorded {
    fn from(held: &Held) -> Self {
        Self { addr: held.addr, prefix: held.prefix, device: held.device.clone() }
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.addr, self.prefix, self.device)
    }
}
