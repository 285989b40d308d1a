//! Authenticated messages. A packet gives its content in no other way.

use core::fmt;

use super::auth::{Claim, KeyView};
use super::field::{Encoding, Field, Fields, Structure};
use super::{Form, Keys, PacketError, classic, netstring};

#[cfg(test)]
mod tests;

/// A message that was signed with one of our keys, borrowed from its packet.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    structure: Structure<'a>,
    key_index: u8,
}

/// Opens a datagram, or a message of a serial line: finds its fields, checks the signature, then the structures in it.
///
/// The first four bytes tell the form. Bytes after the end of the message are ignored. Input that makes 3.0.6 abort or
/// crash (docs/protocol/wire.md 3.5) is an error here like any other. Like 3.0.6, this refuses a classic message whose
/// lines end in CR LF; [`FrameReader`](super::FrameReader) drops the CR on serial lines.
pub fn open<'a, const ENTRIES: usize>(bytes: &'a [u8], keys: &Keys<ENTRIES>) -> Result<Message<'a>, PacketError> {
    match bytes.split_first_chunk() {
        None => Err(PacketError::Empty),
        Some((netstring::START, rest)) if Form::Netstring.is_known() => open_netstring(bytes, rest, keys.view()),
        Some((classic::START, rest)) => open_classic(rest, keys.view()),
        Some(_) => Err(PacketError::BadMarker),
    }
}

/// The signature covers everything from the start marker to the end marker.
fn open_netstring<'a>(bytes: &'a [u8], rest: &'a [u8], keys: KeyView<'_>) -> Result<Message<'a>, PacketError> {
    let scan = netstring::scan(rest)?;
    let claim = netstring::signature(scan.after)?;
    let signed = bytes.get(..bytes.len().saturating_sub(scan.after.len())).unwrap_or_default();
    keys.verify(Form::Netstring, &claim, [signed, &[]])?;
    let structure = Structure { body: scan.body, encoding: Encoding::Netstring };
    if scan.has_structure {
        structure.check_nested()?;
    }
    Ok(Message { structure, key_index: claim.index })
}

/// The signature covers all lines but the one that contains it.
fn open_classic<'a>(rest: &'a [u8], keys: KeyView<'_>) -> Result<Message<'a>, PacketError> {
    let scan = classic::scan(rest)?;
    let (signed, claim) = scan.signed.ok_or(PacketError::NoSignature)?;
    let claim = Claim::scan(claim)?;
    keys.verify(Form::Classic, &claim, signed)?;
    let structure = Structure { body: scan.body, encoding: Encoding::Classic { depth: 0 } };
    if scan.has_structure {
        structure.check_nested()?;
    }
    Ok(Message { structure, key_index: claim.index })
}

impl<'a> Message<'a> {
    /// The form in which the message came.
    pub fn form(&self) -> Form {
        match self.structure.encoding {
            Encoding::Netstring => Form::Netstring,
            Encoding::Classic { .. } => Form::Classic,
        }
    }

    /// The index of the key that the signature names.
    pub fn key_index(&self) -> u8 {
        self.key_index
    }

    /// The fields in order. In the classic form `auth` is one of them.
    pub fn fields(&self) -> Fields<'a> {
        self.structure.fields()
    }

    /// The first field of that name (docs/protocol/wire.md 2).
    pub fn field(&self, name: &str) -> Option<Field<'a>> {
        self.structure.field(name)
    }

    /// The raw value of the first field of that name, if it is a string. In the classic form its newlines are 0x13.
    pub fn text(&self, name: &str) -> Option<&'a [u8]> {
        self.structure.text(name)
    }

    /// The message that was compressed into this one and that the caller has inflated (docs/protocol/wire.md 10.2). It
    /// has no signature of its own; the signature of this message covers it.
    pub fn inflated<'i>(&self, bytes: &'i [u8]) -> Result<Message<'i>, PacketError> {
        Ok(Message { structure: Structure::local(bytes)?, key_index: self.key_index })
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields()).finish()
    }
}
