//! Values that are written into a message, and the text of its signature.

use crate::wire::auth::DigestText;
use crate::wire::classic;
use crate::wire::field::{Encoding, Field, Kind};
use crate::wire::number::Digits;

/// A value to be written.
#[derive(Clone, Copy)]
pub(super) enum Value<'v> {
    /// A value in netstring form.
    Plain(&'v [u8]),
    /// A field of a classic message.
    Classic(Field<'v>),
}

impl<'v> Value<'v> {
    pub(super) fn of(field: Field<'v>) -> Self {
        match field.encoding {
            Encoding::Netstring => Self::Plain(field.raw),
            Encoding::Classic { .. } => Self::Classic(field),
        }
    }

    pub(super) fn raw(self) -> &'v [u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Classic(field) => field.raw,
        }
    }

    /// The length of the value in netstring form, in bytes.
    pub(super) fn len(self) -> Option<usize> {
        match self {
            Self::Plain(bytes) => Some(bytes.len()),
            Self::Classic(field) => field.decoded_len(),
        }
    }
}

/// Passes the classic line of a field to `put`, in pieces.
pub(super) fn classic_line(kind: Kind, name: &[u8], value: Value<'_>, newline: u8, mut put: impl FnMut(&[u8])) {
    if kind != Kind::String {
        put(&[b'(', kind.code(), b')']);
    }
    put(name);
    put(b"=");
    match value {
        Value::Plain(bytes) => classic::encode(kind, bytes, &mut put),
        Value::Classic(field) => put(field.raw),
    }
    put(&[newline]);
}

/// The text `INDEX DIGEST`: at most 2 + 1 + 40 bytes.
pub(super) struct Signature(heapless::Vec<u8, 44>);

impl Signature {
    pub(super) const NONE: Self = Self(heapless::Vec::new());

    pub(super) fn new(index: u8, digest: &DigestText) -> Self {
        let mut text = heapless::Vec::new();
        for part in [Digits::decimal(index.into()).as_bytes(), b" ", digest.as_bytes()] {
            let _ = text.extend_from_slice(part);
        }
        Self(text)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
