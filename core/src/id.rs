//! Names and numbers that identify things: nodes, links, resource groups, runs of a daemon and messages.

use core::fmt;

/// Longest node name in bytes (docs/protocol/wire.md 2.2). Longer names are refused, never cut.
pub const NAME_MAX: usize = 99;

/// A node name: 1 to [`NAME_MAX`] bytes, ASCII letters folded to lower case.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NodeName {
    len: u8,
    bytes: [u8; NAME_MAX],
}

/// The reason why a text is not a node name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The text is empty.
    Empty,
    /// The text has more than [`NAME_MAX`] bytes.
    TooLong,
    /// The text holds a byte that a node name cannot have: white space, a control character or NUL; or it is not UTF-8.
    BadByte,
}

impl NodeName {
    /// Folds `text` to lower case and checks it.
    pub fn new(text: &str) -> Result<Self, NameError> {
        Self::folded(text.as_bytes())
    }

    /// As [`NodeName::new`], from bytes as they stand on the wire.
    pub fn from_bytes(text: &[u8]) -> Result<Self, NameError> {
        if is_utf8(text) { Self::folded(text) } else { Err(NameError::BadByte) }
    }

    fn folded(text: &[u8]) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > NAME_MAX {
            return Err(NameError::TooLong);
        }
        let mut bytes = [0; NAME_MAX];
        for (to, from) in bytes.iter_mut().zip(text) {
            if from.is_ascii_control() || *from == b' ' {
                return Err(NameError::BadByte);
            }
            *to = from.to_ascii_lowercase();
        }
        Ok(Self { len: text.len() as u8, bytes })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The name as bytes, as it stands on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// The check of Rust's library in a third of its code, for microcontrollers, and for names only.
fn is_utf8(text: &[u8]) -> bool {
    let mut bytes = text.iter();
    while let Some(&first) = bytes.next() {
        let (more, least) = match first {
            0..=0x7f => (0, 0),
            0xc2..=0xdf => (1, 0x80),
            0xe0..=0xef => (2, 0x800),
            0xf0..=0xf4 => (3, 0x1_0000),
            _ => return false,
        };
        let mut code = u32::from(first) & (0x7f >> more);
        for _ in 0..more {
            let Some(next) = bytes.next().filter(|&&byte| byte & 0xc0 == 0x80) else { return false };
            code = code << 6 | u32::from(next & 0x3f);
        }
        if code < least || code > 0x10_ffff || code >> 11 == 0x1b {
            return false;
        }
    }
    true
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A node, as its place in the configuration: 0 is the first `node` of `ha.cf`. Stable while the engine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u8);

/// A link: a named path to the other nodes, such as an interface or a serial device; its place in the link table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u8);

/// A resource group, as its line in `haresources`, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u16);

/// A set of links, one bit each: link 0 to link 63 (64 media, docs/protocol/wire.md 2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkSet(pub u64);

impl LinkSet {
    /// No link.
    pub const EMPTY: Self = Self(0);

    /// Whether `link` is in the set. A link above 63 never is.
    pub fn contains(self, link: LinkId) -> bool {
        1u64.checked_shl(u32::from(link.0)).is_some_and(|bit| self.0 & bit != 0)
    }

    /// Puts `link` into the set. A link above 63 is ignored.
    pub fn insert(&mut self, link: LinkId) {
        self.0 |= 1u64.checked_shl(u32::from(link.0)).unwrap_or(0);
    }

    /// Takes `link` out of the set.
    pub fn remove(&mut self, link: LinkId) {
        self.0 &= !1u64.checked_shl(u32::from(link.0)).unwrap_or(0);
    }

    /// Whether no link is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The links of the set, lowest first.
    pub fn iter(self) -> impl Iterator<Item = LinkId> {
        (0..64).map(LinkId).filter(move |l| self.contains(*l))
    }
}

/// The run of a daemon that sent a message (`hg`). It grows with each start, for ever (docs/protocol/wire.md 7.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// The number of a message within one run (`seq`): 1, 2, 3 … (docs/protocol/wire.md 7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The next number; saturates. At one message a millisecond, 64 bits last 584 million years.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A node's identity, which outlives its name: 16 bytes as they stand in `hb_uuid` and on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// All zero: "not known".
    pub const NIL: Self = Self([0; 16]);

    /// Whether it means "not known".
    pub fn is_nil(self) -> bool {
        self == Self::NIL
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All texts of one and two bytes, and longer ones around every bound.
    #[test]
    fn text_is_what_the_library_takes_for_text() {
        let edges = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
        let agree = |bytes: &[u8]| assert_eq!(is_utf8(bytes), core::str::from_utf8(bytes).is_ok(), "{bytes:02x?}");
        for first in 0..=0xff {
            agree(&[first]);
            for second in 0..=0xff {
                agree(&[first, second]);
                for third in edges {
                    agree(&[first, second, third]);
                    for fourth in edges {
                        agree(&[first, second, third, fourth]);
                    }
                }
            }
        }
    }
}
