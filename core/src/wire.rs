//! Packets: the messages of a 3.0.6 cluster on the wire, byte for byte.
//!
//! A message is an ordered list of named fields (docs/protocol/wire.md 2). It has two encodings: the *netstring* form for
//! datagrams, with a signature after its end, and the *classic* form of text lines for serial lines, with a line
//! `auth`. [`open`] accepts both forms: it finds the fields, checks the signature and only then returns a [`Message`],
//! which borrows from the datagram. [`Header::parse`] reads the fields that the engine needs. [`Writer`] composes
//! messages in a buffer; [`FrameReader`] finds classic messages in a stream of bytes.
//!
//! ```
//! use hbcore::wire::{Header, Keys, Method, MessageType, Writer, open};
//!
//! let mut keys: Keys = Keys::new();
//! keys.insert(2, Method::Sha1, b"HI!")?;
//! keys.set_signing(2)?;
//!
//! let mut buffer = [0; 256];
//! let mut writer = Writer::netstring(&mut buffer, &keys, false);
//! writer.text("t", b"status");
//! writer.text("st", b"active");
//! writer.text("src", b"node-a");
//! writer.hex("seq", 31);
//! writer.hex("ts", 1_795_321_460);
//! let len = writer.finish().expect("256 bytes are enough");
//!
//! let message = open(&buffer[..len], &keys).expect("our own signature");
//! let header = Header::parse(message).expect("all that every message must have");
//! assert_eq!(header.kind, MessageType::Status);
//! assert_eq!(header.status, Some(&b"active"[..]));
//! # Ok::<(), hbcore::wire::KeyError>(())
//! ```
//!
//! Nothing here allocates, recurses or panics, for any input. The work is proportional to the length of the input,
//! times the depth of nested structures, at most [`DEPTH_MAX`].

pub mod auth;
mod base64;
mod classic;
pub mod field;
pub mod frame;
pub mod header;
mod mac;
pub mod message;
mod netstring;
pub mod number;
#[cfg(any(test, feature = "small"))]
mod sha1;
pub mod writer;

pub use auth::{KeyError, Keys, Method};
pub use field::{Field, Fields, Kind, ListItems, Structure};
pub use frame::{FrameCounters, FrameReader, FrameSource};
pub use header::{Header, HeaderError, MessageType};
pub use message::{Message, open};
pub use writer::{WriteError, Writer, transcode_classic};

/// How deep structures can be nested within a message. The classic form has no more substitutes for the newline
/// (docs/protocol/wire.md 3.2).
pub const DEPTH_MAX: usize = 16;

/// A packed list must be shorter than this, in bytes (docs/protocol/wire.md 2.1).
pub const LIST_LIMIT: usize = 1024;

/// The two encodings of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Counted fields between `###` and `%%%`, then the signature (docs/protocol/wire.md 3.1).
    Netstring,
    /// Lines between `>>>` and `<<<`, one of them `auth` (docs/protocol/wire.md 3.2).
    Classic,
}

impl Form {
    /// Whether this form can be read and written. The netstring form needs the feature `datagram`.
    pub const fn is_known(self) -> bool {
        cfg!(feature = "datagram") || matches!(self, Self::Classic)
    }
}

/// Why a packet was dropped. No part of it was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketError {
    /// Fewer than four bytes.
    Empty,
    /// The first four bytes are the begin of neither form.
    BadMarker,
    /// The bytes end before the message does.
    Truncated,
    /// The length of a field is not a number, or there is no comma after that many bytes.
    BadLength,
    /// A field without type, name or `=`, a name with a control character, or a second `auth` line.
    BadField,
    /// A type code that does not exist, or does not exist in this form.
    BadType,
    /// A string value holds a NUL.
    Nul,
    /// The value of a structure is not a whole message in the form of the message around it.
    BadStructure,
    /// Structures are nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// There is no signature.
    NoSignature,
    /// The signature is not an index and a digest.
    BadSignature,
    /// The signature names a key that is not in the table.
    UnknownKey,
    /// The digest is not that of these bytes with that key.
    BadDigest,
}

impl PacketError {
    /// Whether the message was well formed, but not authentic. The other errors mean damage, or another protocol.
    pub const fn is_authentication(self) -> bool {
        matches!(self, Self::NoSignature | Self::BadSignature | Self::UnknownKey | Self::BadDigest)
    }
}
