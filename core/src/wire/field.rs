//! Fields of a message and the structures in them, borrowed from the packet.

use core::fmt;

use super::{DEPTH_MAX, Form, PacketError, base64, classic, netstring};
use crate::id::Uuid;

/// The type of a field's value (docs/protocol/wire.md 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Type 0: text without NUL.
    String,
    /// Type 1: any bytes.
    Binary,
    /// Type 2: a message within the message.
    Struct,
    /// Type 3: a list of texts.
    List,
    /// Type 4: a structure that the sender's client compressed. The engine does not look into it.
    Compressed,
    /// Type 5: a structure that was to be compressed. hbcore never sends it and does not look into a received one.
    Uncompressed,
}

impl Kind {
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            b'0' => Self::String,
            b'1' => Self::Binary,
            b'2' => Self::Struct,
            b'3' => Self::List,
            b'4' => Self::Compressed,
            b'5' => Self::Uncompressed,
            _ => return None,
        })
    }

    /// The digit that stands for this type on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::String => b'0',
            Self::Binary => b'1',
            Self::Struct => b'2',
            Self::List => b'3',
            Self::Compressed => b'4',
            Self::Uncompressed => b'5',
        }
    }

    /// Whether the classic form writes such values in base64.
    pub(super) const fn is_base64(self) -> bool {
        matches!(self, Self::Binary | Self::Compressed)
    }
}

/// The encoding of fields in their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Netstring,
    /// Lines of a structure this many levels below the message. Each level has its own newline.
    Classic {
        depth: u8,
    },
}

/// One field of a message.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// The name: at least one byte, no control characters, no `=`.
    pub name: &'a [u8],
    /// The type of the value.
    pub kind: Kind,
    pub(super) raw: &'a [u8],
    pub(super) encoding: Encoding,
}

impl<'a> Field<'a> {
    /// The value as it is on the wire. In the classic form, newlines are 0x13 and binary values are base64.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The raw value of a string; None for other types.
    pub fn text(&self) -> Option<&'a [u8]> {
        (self.kind == Kind::String).then_some(self.raw)
    }

    /// How many bytes the decoded value has. None if it should be base64 and is not.
    pub fn decoded_len(&self) -> Option<usize> {
        if self.is_base64() { base64::decoded_len(self.raw) } else { Some(self.raw.len()) }
    }

    /// Decodes the value into the start of `out`: decodes base64, and restores the newlines of strings. Lists and
    /// structures are copied as they are. None if `out` is too small, or the base64 is not valid.
    pub fn copy_to<'b>(&self, out: &'b mut [u8]) -> Option<&'b [u8]> {
        if self.is_base64() {
            return base64::decode(self.raw, out);
        }
        let out = out.get_mut(..self.raw.len())?;
        out.copy_from_slice(self.raw);
        if self.kind == Kind::String && self.encoding != Encoding::Netstring {
            classic::restore_newlines(out);
        }
        Some(out)
    }

    /// The value as a UUID; None if it is not binary or not 16 bytes.
    pub fn uuid(&self) -> Option<Uuid> {
        let mut bytes = [0; 16];
        match self.copy_to(&mut bytes) {
            Some(value) if self.kind == Kind::Binary && value.len() == 16 => Some(Uuid(bytes)),
            _ => None,
        }
    }

    /// The items of a list; nothing for other types.
    pub fn items(&self) -> ListItems<'a> {
        ListItems::of(if self.kind == Kind::List { self.raw } else { &[] })
    }

    /// The message that this field holds; None for types other than [`Kind::Struct`].
    pub fn structure(&self) -> Option<Structure<'a>> {
        self.inner().ok().flatten()
    }

    /// Like [`Field::structure`], with the error if the structure was not checked yet and is not valid.
    fn inner(&self) -> Result<Option<Structure<'a>>, PacketError> {
        if self.kind != Kind::Struct {
            return Ok(None);
        }
        match self.encoding {
            Encoding::Netstring if !Form::Netstring.is_known() => Ok(None),
            Encoding::Netstring => netstring::structure(self.raw).map(Some),
            Encoding::Classic { depth } => classic::structure(self.raw, depth.saturating_add(1)).map(Some),
        }
    }

    fn is_base64(&self) -> bool {
        self.kind.is_base64() && self.encoding != Encoding::Netstring
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}){}={}", char::from(self.kind.code()), self.name.escape_ascii(), self.raw.escape_ascii())
    }
}

/// A list of fields: those of a message, or of a structure within it.
#[derive(Clone, Copy)]
pub struct Structure<'a> {
    pub(super) body: &'a [u8],
    pub(super) encoding: Encoding,
}

impl<'a> Structure<'a> {
    /// Reads a message from a local stream, such as a client's socket, where the system vouches for the sender. The
    /// message has either form and no signature; a NUL or anything else after its end is ignored.
    pub fn local(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let (body, encoding) = match bytes.split_first_chunk() {
            None => return Err(PacketError::Empty),
            Some((netstring::START, rest)) if Form::Netstring.is_known() => {
                (netstring::scan(rest)?.body, Encoding::Netstring)
            }
            Some((classic::START, rest)) => (classic::scan(rest)?.body, Encoding::Classic { depth: 0 }),
            Some(_) => return Err(PacketError::BadMarker),
        };
        let structure = Self { body, encoding };
        structure.check_nested()?;
        Ok(structure)
    }

    /// The fields in order.
    pub fn fields(&self) -> Fields<'a> {
        Fields { rest: self.body, encoding: self.encoding }
    }

    /// The first field of that name.
    pub fn field(&self, name: &str) -> Option<Field<'a>> {
        self.fields().find(|field| field.name == name.as_bytes())
    }

    /// The raw value of the first field of that name, if it is a string.
    pub fn text(&self, name: &str) -> Option<&'a [u8]> {
        self.field(name)?.text()
    }

    /// Checks the structures within this one, at all depths, with a stack instead of recursion.
    pub(super) fn check_nested(&self) -> Result<(), PacketError> {
        let mut stack: heapless::Vec<Fields<'a>, { DEPTH_MAX + 1 }> = heapless::Vec::new();
        let _ = stack.push(self.fields());
        while let Some(fields) = stack.last_mut() {
            match fields.try_next().transpose()? {
                None => drop(stack.pop()),
                Some(field) => {
                    if let Some(inner) = field.inner()? {
                        stack.push(inner.fields()).map_err(|_| PacketError::TooDeep)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The fields of a message, in order.
#[derive(Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
    encoding: Encoding,
}

impl<'a> Fields<'a> {
    /// The next field. After an error there is none.
    fn try_next(&mut self) -> Option<Result<Field<'a>, PacketError>> {
        if self.rest.is_empty() {
            return None;
        }
        let next = match self.encoding {
            Encoding::Netstring if !Form::Netstring.is_known() => return None,
            Encoding::Netstring => netstring::field(self.rest),
            Encoding::Classic { depth } => classic::line(self.rest, depth),
        };
        self.rest = next.map_or(&[], |(_, rest)| rest);
        Some(next.map(|(field, _)| field))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        // The fields were checked when the message was opened.
        self.try_next()?.ok()
    }
}

/// The items of a list, in order; ends early where the list is malformed.
#[derive(Clone)]
pub struct ListItems<'a> {
    rest: &'a [u8],
}

impl<'a> ListItems<'a> {
    pub(super) fn of(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// Whether 3.0.6 accepts and writes such a list: it has at least one item, no empty item, no zero before a length,
    /// and nothing after the last item (docs/protocol/wire.md 2.1).
    pub(super) fn are_sound(&self) -> bool {
        let mut rest = self.rest;
        while let Ok((_, behind)) = netstring::item(rest)
            && rest.first() != Some(&b'0')
        {
            rest = behind;
        }
        rest.is_empty() && !self.rest.is_empty()
    }
}

impl<'a> Iterator for ListItems<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let item = netstring::item(self.rest).ok();
        self.rest = item.map_or(&[], |(_, rest)| rest);
        item.map(|(item, _)| item)
    }
}
