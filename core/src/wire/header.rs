//! The meaning of a message: every field that the engine reads, parsed once (docs/protocol/wire.md 5 and 6).

use super::field::{Field, Kind};
use super::message::Message;
use super::number;
use crate::id::{Generation, Sequence, Uuid};

#[cfg(test)]
mod tests;

/// The types of message that the engine acts on (docs/protocol/wire.md 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// `status`: a node's heartbeat.
    Status,
    /// `NS_st`: the answer of a ping node.
    NsStatus,
    /// `NS_ackmsg`: numbers received.
    Ack,
    /// `NS_rexmit`: numbers missing.
    Retransmit,
    /// `NS_nak_rexmit`: a number that cannot be sent again.
    Nak,
    /// `reqnodes`: a request for the names of the nodes.
    ReqNodes,
    /// `repnodes`: the answer to it.
    RepNodes,
    /// `addnode`.
    AddNode,
    /// `delnode`.
    DelNode,
    /// `setweight`.
    SetWeight,
    /// `setsite`.
    SetSite,
    /// `starting`: a node asks for the claims of the others.
    Starting,
    /// `resource`: the claim of a node.
    Resource,
    /// `ask_resources`: the standby handshake.
    AskResources,
    /// `hb_takeover`.
    HbTakeover,
    /// `ip-request`.
    IpRequest,
    /// `ip-request-resp`.
    IpRequestResp,
    /// `stonith`: the outcome of a fencing.
    Stonith,
    /// `shutdone`: a leaving node has released everything.
    Shutdone,
    /// Another type that begins with `NS_`.
    OtherUnnumbered,
    /// Any other type: a type of a client, or an unknown one.
    Other,
}

impl MessageType {
    const NAMES: [(&[u8], Self); 19] = [
        (b"status", Self::Status),
        (b"NS_st", Self::NsStatus),
        (b"NS_ackmsg", Self::Ack),
        (b"NS_rexmit", Self::Retransmit),
        (b"NS_nak_rexmit", Self::Nak),
        (b"reqnodes", Self::ReqNodes),
        (b"repnodes", Self::RepNodes),
        (b"addnode", Self::AddNode),
        (b"delnode", Self::DelNode),
        (b"setweight", Self::SetWeight),
        (b"setsite", Self::SetSite),
        (b"starting", Self::Starting),
        (b"resource", Self::Resource),
        (b"ask_resources", Self::AskResources),
        (b"hb_takeover", Self::HbTakeover),
        (b"ip-request", Self::IpRequest),
        (b"ip-request-resp", Self::IpRequestResp),
        (b"stonith", Self::Stonith),
        (b"shutdone", Self::Shutdone),
    ];

    /// The type of that name.
    pub fn of(name: &[u8]) -> Self {
        let known = Self::NAMES.iter().find(|(known, _)| *known == name);
        let unknown = if name.starts_with(b"NS_") { Self::OtherUnnumbered } else { Self::Other };
        known.map_or(unknown, |(_, found)| *found)
    }

    /// Whether clients and scripts of a site may act on messages of this type: those that the engine leaves to them,
    /// and the few that the engine acts on and for which 3.0.6 also runs a script.
    pub const fn is_for_clients(self) -> bool {
        matches!(
            self,
            Self::SetSite
                | Self::HbTakeover
                | Self::IpRequest
                | Self::IpRequestResp
                | Self::Stonith
                | Self::OtherUnnumbered
                | Self::Other
        )
    }

    /// Whether messages of this type carry a sequence number. The others begin with `NS_`.
    pub const fn is_numbered(self) -> bool {
        !matches!(self, Self::NsStatus | Self::Ack | Self::Retransmit | Self::Nak | Self::OtherUnnumbered)
    }
}

/// Why an authentic message was dropped before it had any effect (docs/protocol/wire.md 5.2 and 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The whole message is compressed (docs/protocol/wire.md 10.2). [`Message::inflated`] reads it after the caller
    /// inflated it.
    Compressed,
    /// No `t`.
    NoType,
    /// No `src`.
    NoSource,
    /// No `ts`.
    NoTimestamp,
    /// `ts` is zero or not a hex number.
    BadTimestamp,
    /// No `seq`, in a type that is numbered.
    NoSequence,
    /// `seq` is zero or not a hex number, in a type that is numbered.
    BadSequence,
    /// `hg` is not a hex number.
    BadGeneration,
}

/// A message with the fields that the engine reads. Texts are raw: in the classic form, a newline is 0x13.
///
/// Of several fields with one name the first counts. A field of an unexpected type counts as absent.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The message itself.
    pub message: Message<'a>,
    /// The type, from `t`.
    pub kind: MessageType,
    /// `t`.
    pub type_name: &'a [u8],
    /// `src`: the name of the sender.
    pub src: &'a [u8],
    /// `srcuuid`: the identity of the sender; absent if not 16 bytes.
    pub src_uuid: Option<Uuid>,
    /// `dest`: the name of the single addressee; absent for everyone.
    pub dest: Option<&'a [u8]>,
    /// `destuuid`: the identity of the addressee; absent if all zero.
    pub dest_uuid: Option<Uuid>,
    /// `seq`: at least 1; present exactly in numbered types.
    pub seq: Option<Sequence>,
    /// `hg`: the sender's generation; 0 if absent.
    pub generation: Generation,
    /// `ts`: the sender's wall clock in seconds since 1970, not 0.
    pub timestamp: u64,
    /// `st`.
    pub status: Option<&'a [u8]>,
    /// `dt`: dead time in milliseconds that is to be applied to the sender; absent if not a hex number.
    pub deadtime_ms: Option<u64>,
    /// `protocol`: the sender acknowledges, and answers `reqnodes`.
    pub protocol: bool,
    /// `ackseq`: highest number that the sender has received in order.
    pub ackseq: Option<u64>,
    /// `firstseq` as text; see [`Header::sequence_range`].
    pub firstseq: Option<&'a [u8]>,
    /// `lastseq` as text; see [`Header::sequence_range`].
    pub lastseq: Option<&'a [u8]>,
    /// `info`: a comment, or the kind of this report.
    pub info: Option<&'a [u8]>,
    /// `rsc_hold`: `none`, `local`, `foreign` or `all`.
    pub rsc_hold: Option<&'a [u8]>,
    /// `rtype`: `full` in a complete report.
    pub rtype: Option<&'a [u8]>,
    /// `isstable`: `0` or `1`.
    pub isstable: Option<&'a [u8]>,
    /// `node`.
    pub node: Option<&'a [u8]>,
    /// `nodelist`: names between blanks.
    pub nodelist: Option<&'a [u8]>,
    /// `delnodelist`: names between blanks.
    pub delnodelist: Option<&'a [u8]>,
    /// `result`.
    pub result: Option<&'a [u8]>,
    /// `weight`: decimal.
    pub weight: Option<&'a [u8]>,
    /// `site`.
    pub site: Option<&'a [u8]>,
    /// `ipaddr`.
    pub ipaddr: Option<&'a [u8]>,
    /// `ok`.
    pub ok: Option<&'a [u8]>,
    /// `weown`.
    pub weown: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    /// Reads the fields in one pass and checks those that every message must have.
    // A function of its own, so that its table is not on the stack while the engine acts on the message.
    #[inline(never)]
    pub fn parse(message: Message<'a>) -> Result<Self, HeaderError> {
        let mut known = Known::default();
        for field in message.fields() {
            known.take(&field);
        }
        known.header(message)
    }

    /// The numbers that a [`MessageType::Retransmit`] requests (decimal on the wire), or that a [`MessageType::Nak`]
    /// refuses (hex; 3.0.6 names one). None for another type, for a number that is missing, malformed or 0, and if the
    /// last is before the first.
    pub fn sequence_range(&self) -> Option<(Sequence, Sequence)> {
        let (first, last) = match self.kind {
            MessageType::Retransmit => (number::decimal(self.firstseq?)?, number::decimal(self.lastseq?)?),
            MessageType::Nak => {
                let first = number::hex(self.firstseq?)?;
                (first, self.lastseq.map_or(Some(first), number::hex)?)
            }
            _ => return None,
        };
        (first >= 1 && first <= last).then_some((Sequence(first), Sequence(last)))
    }
}

/// Declares [`Name`], the names of the fields that are read, and their places in [`Known`].
macro_rules! names {
    ($($name:ident $text:literal)*) => {
        #[derive(Clone, Copy, PartialEq, Eq)]
        enum Name { $($name),* }

        impl Name {
            const ALL: &[(Self, &[u8])] = &[$((Self::$name, $text)),*];

            /// The name with this text. The match compares the length and few bytes, and is a kilobyte larger than a
            /// search in a table.
            fn of(text: &[u8]) -> Option<Self> {
                if cfg!(feature = "small") {
                    return Self::ALL.iter().find(|(_, known)| *known == text).map(|(found, _)| *found);
                }
                match text {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

// Frequent names come first, because a search goes through the table in this order.
names! {
    T b"t" Src b"src" Seq b"seq" Hg b"hg" Ts b"ts" St b"st" Dt b"dt" Protocol b"protocol" SrcUuid b"srcuuid"
    Dest b"dest" DestUuid b"destuuid" AckSeq b"ackseq" FirstSeq b"firstseq" LastSeq b"lastseq" Info b"info"
    RscHold b"rsc_hold" Rtype b"rtype" IsStable b"isstable" Node b"node" NodeList b"nodelist"
    DelNodeList b"delnodelist" Result b"result" Weight b"weight" Site b"site" IpAddr b"ipaddr" Ok b"ok"
    WeOwn b"weown" CompressedPayload b"_compressed_payload"
}

/// The first field of each known name.
#[derive(Default)]
struct Known<'a> {
    /// A bit for each name.
    seen: u32,
    texts: [Option<&'a [u8]>; Name::ALL.len()],
    src_uuid: Option<Uuid>,
    dest_uuid: Option<Uuid>,
    is_compressed: bool,
}

impl<'a> Known<'a> {
    fn take(&mut self, field: &Field<'a>) {
        let Some(name) = Name::of(field.name).filter(|name| !self.has(*name)) else { return };
        self.seen |= 1 << name as u32;
        match name {
            Name::SrcUuid => self.src_uuid = field.uuid(),
            Name::DestUuid => self.dest_uuid = field.uuid(),
            Name::CompressedPayload => self.is_compressed = field.kind == Kind::Binary,
            _ => {
                if let Some(place) = self.texts.get_mut(name as usize) {
                    *place = field.text();
                }
            }
        }
    }

    fn has(&self, name: Name) -> bool {
        self.seen & 1 << name as u32 != 0
    }

    fn text(&self, name: Name) -> Option<&'a [u8]> {
        self.texts.get(name as usize).copied().flatten()
    }

    fn hex(&self, name: Name) -> Option<u64> {
        number::hex(self.text(name)?)
    }

    fn type_name(&self) -> Result<&'a [u8], HeaderError> {
        let otherwise = if self.is_compressed { HeaderError::Compressed } else { HeaderError::NoType };
        self.text(Name::T).ok_or(otherwise)
    }

    fn sequence(&self, kind: MessageType) -> Result<Option<Sequence>, HeaderError> {
        if !kind.is_numbered() {
            return Ok(None);
        }
        let text = self.text(Name::Seq).ok_or(HeaderError::NoSequence)?;
        match number::hex(text) {
            None | Some(0) => Err(HeaderError::BadSequence),
            Some(seq) => Ok(Some(Sequence(seq))),
        }
    }

    fn timestamp(&self) -> Result<u64, HeaderError> {
        let text = self.text(Name::Ts).ok_or(HeaderError::NoTimestamp)?;
        number::hex(text).filter(|&seconds| seconds != 0).ok_or(HeaderError::BadTimestamp)
    }

    fn generation(&self) -> Result<Generation, HeaderError> {
        let number = self.text(Name::Hg).map_or(Some(0), number::hex);
        number.map(Generation).ok_or(HeaderError::BadGeneration)
    }

    fn header(&self, message: Message<'a>) -> Result<Header<'a>, HeaderError> {
        let type_name = self.type_name()?;
        let kind = MessageType::of(type_name);
        Ok(Header {
            message,
            kind,
            type_name,
            src: self.text(Name::Src).ok_or(HeaderError::NoSource)?,
            src_uuid: self.src_uuid,
            dest: self.text(Name::Dest),
            dest_uuid: self.dest_uuid.filter(|uuid| !uuid.is_nil()),
            timestamp: self.timestamp()?,
            seq: self.sequence(kind)?,
            generation: self.generation()?,
            status: self.text(Name::St),
            deadtime_ms: self.hex(Name::Dt),
            protocol: self.has(Name::Protocol),
            ackseq: self.hex(Name::AckSeq),
            firstseq: self.text(Name::FirstSeq),
            lastseq: self.text(Name::LastSeq),
            info: self.text(Name::Info),
            rsc_hold: self.text(Name::RscHold),
            rtype: self.text(Name::Rtype),
            isstable: self.text(Name::IsStable),
            node: self.text(Name::Node),
            nodelist: self.text(Name::NodeList),
            delnodelist: self.text(Name::DelNodeList),
            result: self.text(Name::Result),
            weight: self.text(Name::Weight),
            site: self.text(Name::Site),
            ipaddr: self.text(Name::IpAddr),
            ok: self.text(Name::Ok),
            weown: self.text(Name::WeOwn),
        })
    }
}
