//! Structures that clients want to be compressed (docs/protocol/wire.md 10.1).

use crate::compress::Algorithm;
use hbcore::wire::{Field, Form, Kind, Structure, Writer};

/// A structure that its client wants to be compressed, as it travels: the text of its fields in the form of this node,
/// compressed; the classic text has a zero at its end. `None` if it cannot be written.
#[cold]
#[inline(never)]
pub(super) fn pressed(field: &Field<'_>, form: Form, algorithm: Algorithm) -> Option<Vec<u8>> {
    let inner = Structure::local(field.raw()).ok()?;
    // The classic form of binary values is half as long again.
    let mut room = vec![0; 2 * field.raw().len() + 64];
    let mut writer = Writer::local(&mut room, form);
    inner.fields().for_each(|field| writer.field(&field));
    let length = writer.finish().ok()?;
    let end = if form == Form::Classic { length + 1 } else { length };
    room.get(..end).map(|text| algorithm.deflate(text))
}

/// Whether a structure is to be compressed.
pub(super) fn is_marked(field: &Field<'_>) -> bool {
    field.kind == Kind::Uncompressed
}
