//! The words of media (docs/protocol/files.md 5).

use core::fmt;

/// The words that begin a line of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is documented at the variant of `Medium` of the same name")]
pub enum MediumKind {
    Bcast,
    Mcast,
    Mcast6,
    Ping,
    Ping6,
    PingGroup,
    Serial,
    Ucast,
    Ucast6,
}

impl MediumKind {
    const NAMES: [(&'static str, Self); 9] = [
        ("bcast", Self::Bcast),
        ("mcast", Self::Mcast),
        ("mcast6", Self::Mcast6),
        ("ping", Self::Ping),
        ("ping6", Self::Ping6),
        ("ping_group", Self::PingGroup),
        ("serial", Self::Serial),
        ("ucast", Self::Ucast),
        ("ucast6", Self::Ucast6),
    ];

    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.iter().map(|(_, kind)| *kind)
    }

    /// The kind written `word`, case-sensitive.
    pub(super) fn by_name(word: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind)
    }

    /// The word in the file.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| *name)
    }

    /// Whether it only pings: no message travels over it.
    pub fn is_ping(self) -> bool {
        matches!(self, Self::Ping | Self::Ping6 | Self::PingGroup)
    }

    /// The name in messages and dumps of 3.0.6.
    pub fn description(self) -> &'static str {
        match self {
            Self::Bcast => "UDP/IP broadcast",
            Self::Mcast | Self::Mcast6 => "UDP/IP multicast",
            Self::Ping => "ping membership",
            Self::Ping6 => "ping6 membership",
            Self::PingGroup => "ping group membership",
            Self::Serial => "serial ring",
            Self::Ucast => "UDP/IP unicast",
            Self::Ucast6 => "UDP/IPv6 unicast",
        }
    }
}

impl fmt::Display for MediumKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
