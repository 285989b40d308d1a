//! The result of every function.

use core::ffi::c_char;

#[cfg(not(feature = "small"))]
use engine::config::AddressError;
use engine::takeover::StandbyRefusal;
#[cfg(not(feature = "small"))]
use engine::wire::WriteError;
use engine::wire::{HeaderError, KeyError, PacketError};
use engine::{ConfigError, DatagramError, RequestError, TimingError};

use crate::text::nth;

/// Declares the texts of the results. All texts are one constant; a program that shows none of them does not contain
/// it.
macro_rules! texts {
    ($($variant:ident $text:literal)*) => {
        impl HbResult {
            const ALL: &'static [HbResult] = &[$(HbResult::$variant),*];
            const TEXTS: &'static str = concat!($($text, "\0",)* "unknown result\0");
        }
    };
}

/// The result of a call. The numbers never change their meaning; new ones may be added.
///
/// Unless the function documents otherwise, a call that does not return `HB_RESULT_OK` has changed nothing but
/// counters.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HbResult {
    /// Success.
    Ok = 0,
    /// There is no (further) item. This is not an error.
    Nothing = 1,

    /// A pointer is NULL and must not be.
    NullPointer = 10,
    /// A pointer is not aligned for its type.
    Misaligned = 11,
    /// A length or size is too small, or this version does not know it.
    BadLength = 12,
    /// An argument has a value that is not allowed: an enum number, an index, or a malformed text.
    BadValue = 13,
    /// The storage does not contain a cluster (or key table) that this library made at this address.
    NotACluster = 14,
    /// Another call with this cluster has not returned: it runs in another thread, or this call interrupted it.
    Busy = 15,
    /// The library failed in this call. The cluster cannot be used any more.
    Panic = 16,
    /// The library failed in an earlier call. The cluster cannot be used; initialise it again.
    Poisoned = 17,
    /// No effect with this ticket is in progress: the ticket was used, or timed out, or never existed.
    StaleTicket = 18,
    /// There is no such node, link or group.
    NotFound = 19,
    /// The link has another form: bytes were passed to a datagram link, or a datagram to a serial one.
    WrongLink = 20,
    /// The text was cut to fit. The part that fits was written.
    Truncated = 21,

    /// `keepalive` is zero.
    NoKeepalive = 30,
    /// `warntime` is zero.
    NoWarntime = 31,
    /// `deadtime` is not more than twice `keepalive`.
    DeadtimeTooSmall = 32,
    /// `initdead` is below `deadtime`.
    InitdeadTooSmall = 33,
    /// `deadping` is not more than twice `keepalive`.
    DeadpingTooSmall = 34,
    /// `max_rexmit_delay` is zero.
    NoRexmitDelay = 35,
    /// More nodes than the library has room for.
    TooManyNodes = 36,
    /// More links, or more serial links, than the library has room for.
    TooManyLinks = 37,
    /// More groups than the library has room for.
    TooManyGroups = 38,
    /// More keys than the library has room for.
    TooManyKeys = 39,
    /// A group, a ping link or the local node names a node that does not exist.
    UnknownConfigNode = 40,
    /// Two nodes have one name.
    DuplicateName = 41,
    /// A name is empty, too long, or contains a byte that a node name cannot have.
    BadName = 42,
    /// There is no key with the index of the signing key.
    NoSigningKey = 43,
    /// The index of a key is above 15.
    BadKeyIndex = 44,
    /// md5 and sha1 need a secret, crc must not have one.
    BadSecret = 45,
    /// `generation` is zero.
    NoGeneration = 46,
    /// A file has errors: see `hb_files_problem`.
    BadFiles = 47,
    /// The configuration cannot be used, for a reason that this version has no number for.
    BadConfig = 48,

    /// The datagram is too short to be a packet.
    PacketEmpty = 60,
    /// The datagram is not a packet of this protocol.
    PacketBadMarker = 61,
    /// The packet is cut off.
    PacketTruncated = 62,
    /// A field of the packet is malformed.
    PacketMalformed = 63,
    /// The packet has no signature.
    PacketNoSignature = 64,
    /// The signature is malformed.
    PacketBadSignature = 65,
    /// The key that signed the packet is not in the key table.
    PacketUnknownKey = 66,
    /// The signature is wrong: the sender has another secret, or the packet is forged.
    PacketBadDigest = 67,
    /// The packet is authentic, but a field that every message has is missing or wrong.
    PacketBadHeader = 68,
    /// The packet is compressed as a whole, and this library does not decompress.
    PacketCompressed = 69,
    /// The packet comes from a node that is not in the configuration.
    PacketUnknownNode = 70,
    /// The packet comes from an earlier incarnation of its sender.
    PacketReplayed = 71,
    /// The packet comes from another host that uses our node name.
    PacketNameConflict = 72,
    /// The packet was dropped, for a reason that this version has no number for.
    PacketDropped = 73,

    /// The message does not fit into the buffer.
    WriteFull = 80,
    /// A name or a value cannot be sent.
    WriteBadValue = 81,
    /// The other nodes have not acknowledged enough of the earlier messages; try again after the next input.
    WriteCongested = 82,
    /// Only the library itself sends messages of this type.
    WriteReserved = 83,

    /// This cluster does not manage resource groups.
    NotManaged = 90,
    /// Groups are being moved already.
    MoveInProgress = 91,
    /// No other node can take the groups.
    NoPartner = 92,
    /// The claim of the other node is not settled yet; try again.
    OtherInFlux = 93,
    /// The claim of this node is not settled yet; try again.
    LocalInFlux = 94,
    /// The request is refused, for a reason that this version has no number for.
    Refused = 95,
    /// `auto_failback legacy` has no standby.
    StandbyUnsupported = 96,

    /// The text is not an IPv4 or IPv6 address.
    AddressBad = 100,
    /// The text is not a prefix length or netmask of the address family.
    AddressBadMask = 101,
    /// The interface or its label is empty or too long.
    AddressBadInterface = 102,
    /// The broadcast address is wrong, or there is one field too many.
    AddressBadField = 103,
}

texts! {
    Ok "ok"
    Nothing "nothing"
    NullPointer "a pointer is NULL"
    Misaligned "a pointer is not aligned"
    BadLength "a length is too small or unknown"
    BadValue "an argument has a value that is not allowed"
    NotACluster "the storage holds no cluster of this library"
    Busy "another call with this cluster has not returned"
    Panic "the library failed; the cluster cannot be used any more"
    Poisoned "the library failed in an earlier call"
    StaleTicket "the ticket is not that of an effect in flight"
    NotFound "no such node, link or group"
    WrongLink "the link does not carry this"
    Truncated "the text was cut"
    NoKeepalive "keepalive is zero"
    NoWarntime "warntime is zero"
    DeadtimeTooSmall "deadtime is not more than twice keepalive"
    InitdeadTooSmall "initdead is below deadtime"
    DeadpingTooSmall "deadping is not more than twice keepalive"
    NoRexmitDelay "max_rexmit_delay is zero"
    TooManyNodes "more nodes than this library has room for"
    TooManyLinks "more links than this library has room for"
    TooManyGroups "more groups than this library has room for"
    TooManyKeys "more keys than this library has room for"
    UnknownConfigNode "the configuration names a node that does not exist"
    DuplicateName "two nodes have one name"
    BadName "not a node name"
    NoSigningKey "the signing key is not among the keys"
    BadKeyIndex "the index of a key is above 15"
    BadSecret "md5 and sha1 need a secret, crc has none"
    NoGeneration "the generation is zero"
    BadFiles "a file has errors"
    BadConfig "the configuration cannot be used"
    PacketEmpty "too short to be a packet"
    PacketBadMarker "not a packet of this protocol"
    PacketTruncated "the packet is cut off"
    PacketMalformed "a field of the packet is malformed"
    PacketNoSignature "not signed"
    PacketBadSignature "the signature is malformed"
    PacketUnknownKey "signed with a key that is not in the table"
    PacketBadDigest "the signature is wrong: another secret, or forged"
    PacketBadHeader "a field that every message has is missing or wrong"
    PacketCompressed "compressed as a whole, which is not supported"
    PacketUnknownNode "from an unknown node"
    PacketReplayed "a replayed message of an earlier run"
    PacketNameConflict "another host uses our node name"
    PacketDropped "dropped"
    WriteFull "the message does not fit into the buffer"
    WriteBadValue "a name or value that cannot be sent"
    WriteCongested "the other nodes have not acknowledged enough yet"
    WriteReserved "a message type of the cluster itself"
    NotManaged "resource groups are not managed here"
    MoveInProgress "groups are being moved already"
    NoPartner "no other node is there"
    OtherInFlux "the other node has not settled yet"
    LocalInFlux "this node has not settled yet"
    Refused "refused"
    StandbyUnsupported "auto_failback legacy has no standby"
    AddressBad "not an address"
    AddressBadMask "not a netmask or prefix length"
    AddressBadInterface "not an interface name"
    AddressBadField "a wrong broadcast address, or one field too many"
}

/// The meaning of a result in a few words; never NULL. Numbers that this version does not know have a text too.
#[unsafe(no_mangle)]
pub extern "C" fn hb_result_text(result: i32) -> *const c_char {
    let place = HbResult::ALL.iter().position(|known| *known as i32 == result);
    nth(HbResult::TEXTS, place.unwrap_or(HbResult::ALL.len()))
}

impl From<ConfigError> for HbResult {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Timing(timing) => timing.into(),
            ConfigError::TooManyNodes => Self::TooManyNodes,
            ConfigError::TooManyLinks => Self::TooManyLinks,
            ConfigError::TooManyGroups => Self::TooManyGroups,
            ConfigError::UnknownNode => Self::UnknownConfigNode,
            ConfigError::DuplicateName => Self::DuplicateName,
            ConfigError::NoSigningKey => Self::NoSigningKey,
            ConfigError::NoGeneration => Self::NoGeneration,
            _ => Self::BadConfig,
        }
    }
}

impl From<TimingError> for HbResult {
    fn from(error: TimingError) -> Self {
        match error {
            TimingError::NoKeepalive => Self::NoKeepalive,
            TimingError::NoWarntime => Self::NoWarntime,
            TimingError::DeadtimeTooSmall => Self::DeadtimeTooSmall,
            TimingError::InitdeadTooSmall => Self::InitdeadTooSmall,
            TimingError::DeadpingTooSmall => Self::DeadpingTooSmall,
            TimingError::NoRexmitDelay => Self::NoRexmitDelay,
        }
    }
}

impl From<KeyError> for HbResult {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::BadIndex => Self::BadKeyIndex,
            KeyError::MissingKey | KeyError::UnexpectedKey => Self::BadSecret,
            KeyError::Full => Self::TooManyKeys,
            KeyError::Undefined => Self::NoSigningKey,
            KeyError::Unsupported => Self::BadValue,
        }
    }
}

impl From<PacketError> for HbResult {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::Empty => Self::PacketEmpty,
            PacketError::BadMarker => Self::PacketBadMarker,
            PacketError::Truncated => Self::PacketTruncated,
            PacketError::BadLength
            | PacketError::BadField
            | PacketError::BadType
            | PacketError::Nul
            | PacketError::BadStructure
            | PacketError::TooDeep => Self::PacketMalformed,
            PacketError::NoSignature => Self::PacketNoSignature,
            PacketError::BadSignature => Self::PacketBadSignature,
            PacketError::UnknownKey => Self::PacketUnknownKey,
            PacketError::BadDigest => Self::PacketBadDigest,
        }
    }
}

impl From<HeaderError> for HbResult {
    fn from(error: HeaderError) -> Self {
        if error == HeaderError::Compressed { Self::PacketCompressed } else { Self::PacketBadHeader }
    }
}

impl From<DatagramError> for HbResult {
    fn from(error: DatagramError) -> Self {
        match error {
            DatagramError::Packet(packet) => packet.into(),
            DatagramError::Header(header) => header.into(),
            DatagramError::UnknownLink => Self::NotFound,
            DatagramError::UnknownNode => Self::PacketUnknownNode,
            DatagramError::Replayed => Self::PacketReplayed,
            DatagramError::NameConflict => Self::PacketNameConflict,
            _ => Self::PacketDropped,
        }
    }
}

impl From<RequestError> for HbResult {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotManaged => Self::NotManaged,
            RequestError::Standby(StandbyRefusal::InProgress) => Self::MoveInProgress,
            RequestError::Standby(StandbyRefusal::NoPartner) => Self::NoPartner,
            RequestError::Standby(StandbyRefusal::OtherInFlux) => Self::OtherInFlux,
            RequestError::Standby(StandbyRefusal::LocalInFlux) => Self::LocalInFlux,
            RequestError::Standby(StandbyRefusal::Unsupported) => Self::StandbyUnsupported,
            _ => Self::Refused,
        }
    }
}

#[cfg(not(feature = "small"))]
impl From<WriteError> for HbResult {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Full => Self::WriteFull,
            WriteError::NotSigned => Self::NoSigningKey,
            WriteError::BadValue | WriteError::BadNesting => Self::WriteBadValue,
        }
    }
}

#[cfg(not(feature = "small"))]
impl From<AddressError> for HbResult {
    fn from(error: AddressError) -> Self {
        match error {
            AddressError::BadAddress => Self::AddressBad,
            AddressError::BadMask => Self::AddressBadMask,
            AddressError::BadInterface => Self::AddressBadInterface,
            _ => Self::AddressBadField,
        }
    }
}
