//! The faults of an input.

use crate::wire::{HeaderError, PacketError};

/// The reason why a datagram was dropped. On any of these only a counter of [`crate::Stats`] changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatagramError {
    /// Not a packet, damaged, or not authentic.
    Packet(PacketError),
    /// Authentic, but a required field is missing or wrong.
    Header(HeaderError),
    /// The caller named a link that is not configured.
    UnknownLink,
    /// The sender is not in the configuration, and `autojoin` does not admit it.
    UnknownNode,
    /// The message belongs to an older run of its sender than another message that we have seen.
    Replayed,
    /// Another host uses our own name.
    NameConflict,
}

impl From<PacketError> for DatagramError {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}

impl From<HeaderError> for DatagramError {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl core::fmt::Display for DatagramError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Packet(error) => f.write_str(packet_text(*error)),
            Self::Header(error) => f.write_str(header_text(*error)),
            Self::UnknownLink => f.write_str("unknown link"),
            Self::UnknownNode => f.write_str("unknown node"),
            Self::Replayed => f.write_str("replayed message of an earlier run"),
            Self::NameConflict => f.write_str("another host uses our node name"),
        }
    }
}

impl core::error::Error for DatagramError {}

fn packet_text(error: PacketError) -> &'static str {
    match error {
        PacketError::Empty => "too short to be a packet",
        PacketError::BadMarker => "not a packet of this protocol",
        PacketError::Truncated => "cut off",
        PacketError::BadLength => "a field's length is wrong",
        PacketError::BadField => "a field is malformed",
        PacketError::BadType => "a field's type does not exist",
        PacketError::Nul => "a text holds a zero byte",
        PacketError::BadStructure => "a structure is malformed",
        PacketError::TooDeep => "structures are nested too deep",
        PacketError::NoSignature => "not signed",
        PacketError::BadSignature => "the signature is malformed",
        PacketError::UnknownKey => "signed with a key that is not in authkeys",
        PacketError::BadDigest => "the signature is wrong: another key, or forged",
    }
}

fn header_text(error: HeaderError) -> &'static str {
    match error {
        HeaderError::Compressed => "compressed as a whole, which is not supported",
        HeaderError::NoType => "no field t",
        HeaderError::NoSource => "no field src",
        HeaderError::NoTimestamp => "no field ts",
        HeaderError::BadTimestamp => "field ts is wrong",
        HeaderError::NoSequence => "no field seq",
        HeaderError::BadSequence => "field seq is wrong",
        HeaderError::BadGeneration => "field hg is wrong",
    }
}
