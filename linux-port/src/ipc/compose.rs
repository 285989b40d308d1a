//! Composing frames: a message in either form, with its header before it.

use super::frame::{BODY_MAX, HEADER, header};
use hbcore::wire::{Form, Kind, Structure, Writer};

/// Room for the longest body, and the zero that follows a classic message and counts as part of it.
const ROOM: usize = HEADER + BODY_MAX;

/// A buffer in which messages are composed, one after the other. Of its 256 KiB, only the pages that a message has
/// touched take memory.
#[derive(Debug)]
pub struct Composer {
    room: Box<[u8]>,
}

impl Default for Composer {
    fn default() -> Self {
        Self { room: vec![0; ROOM].into_boxed_slice() }
    }
}

impl Composer {
    /// A frame with the message that `fields` writes. `None` if a value cannot be sent, or the message is too long.
    #[cold]
    #[inline(never)]
    pub fn frame(&mut self, form: Form, fields: impl FnOnce(&mut Writer<'_>)) -> Option<Vec<u8>> {
        let mut length = self.body(form, fields)?;
        if form == Form::Classic {
            *self.room.get_mut(HEADER + length)? = 0;
            length += 1;
        }
        self.room.get_mut(..HEADER)?.copy_from_slice(&header(length));
        self.room.get(..HEADER + length).map(<[u8]>::to_vec)
    }

    /// The message that `fields` writes, without a header, in the form that carries everything.
    #[cold]
    #[inline(never)]
    pub fn message(&mut self, fields: impl FnOnce(&mut Writer<'_>)) -> Option<Vec<u8>> {
        let length = self.body(Form::Netstring, fields)?;
        self.room.get(HEADER..HEADER + length).map(<[u8]>::to_vec)
    }

    fn body(&mut self, form: Form, fields: impl FnOnce(&mut Writer<'_>)) -> Option<usize> {
        let mut writer = Writer::local(self.room.get_mut(HEADER..)?, form);
        fields(&mut writer);
        writer.finish().ok()
    }
}

/// The form in which a message goes to a client: the daemon's own, unless a field has no classic form
/// (docs/protocol/clients.md 1.5).
pub(crate) fn form_for(message: &Structure<'_>, usual: Form) -> Form {
    let needs_netstring = |kind| matches!(kind, Kind::Struct | Kind::Compressed | Kind::Uncompressed);
    if message.fields().any(|field| needs_netstring(field.kind)) { Form::Netstring } else { usual }
}
