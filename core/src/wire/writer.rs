//! Composes messages in a buffer, field by field, and signs them (docs/protocol/wire.md 3 and 4).

use super::auth::{Entry, KeyView, Keys};
use super::field::{Field, Fields, Kind, ListItems, Structure};
use super::mac::Mac;
use super::number::Digits;
use super::{DEPTH_MAX, Form, LIST_LIMIT, base64, classic, netstring};

#[cfg(test)]
mod tests;
mod value;

use value::{Signature, Value, classic_line};

/// Why a message could not be written. The buffer holds nothing of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The message does not fit into the buffer.
    Full,
    /// No key of the table signs.
    NotSigned,
    /// A name or a value may not be sent, or has no classic form (docs/protocol/wire.md 2.1, 2.2, 3.5).
    BadValue,
    /// Structures are nested deeper than [`DEPTH_MAX`], or one is not ended, or ended without a begin.
    BadNesting,
}

/// Writes one message into a buffer.
///
/// [`Writer::finish`] reports the first error, so that the caller adds one field after the other without checks. A
/// message that makes 3.0.6 drop it or crash cannot be written (docs/protocol/wire.md 3.5).
pub struct Writer<'b> {
    out: &'b mut [u8],
    len: usize,
    form: Form,
    /// The key that signs; none for a local message.
    signer: Option<&'b Entry>,
    /// The digest, for the field `auth`, of the classic text of the fields that were written in netstring form.
    auth: Option<Mac<'b>>,
    /// Where the open structures begin.
    open: heapless::Vec<usize, DEPTH_MAX>,
    error: Option<WriteError>,
}

/// The fields that are still to be copied, of a structure and of the structures around it.
type Stack<'f> = heapless::Vec<Fields<'f>, DEPTH_MAX>;

impl<'b> Writer<'b> {
    /// Begins a datagram, signed with `keys`. `auth_field` also adds the field `auth`, as `msgfmt classic` does. A
    /// message with a structure or a compressed field has no such field (docs/protocol/wire.md 3.3).
    pub fn netstring<const ENTRIES: usize>(out: &'b mut [u8], keys: &'b Keys<ENTRIES>, auth_field: bool) -> Self {
        Self::signed(out, Form::Netstring, keys.view(), auth_field)
    }

    /// Begins a message for a serial line, signed with `keys`.
    pub fn classic<const ENTRIES: usize>(out: &'b mut [u8], keys: &'b Keys<ENTRIES>) -> Self {
        Self::signed(out, Form::Classic, keys.view(), false)
    }

    /// Begins an unsigned message, for a local stream such as a client's socket.
    pub fn local(out: &'b mut [u8], form: Form) -> Self {
        let mut writer = Self { out, len: 0, form, signer: None, auth: None, open: heapless::Vec::new(), error: None };
        writer.begin_message();
        writer
    }

    pub(super) fn signed(out: &'b mut [u8], form: Form, keys: KeyView<'b>, auth_field: bool) -> Self {
        let signer = keys.signer();
        let auth = signer.filter(|_| auth_field).and_then(Entry::own_mac);
        let error = signer.is_none().then_some(WriteError::NotSigned);
        let mut writer = Self { out, len: 0, form, signer, auth, open: heapless::Vec::new(), error };
        writer.begin_message();
        writer
    }

    fn begin_message(&mut self) {
        self.put(match self.form() {
            Form::Netstring => netstring::START,
            Form::Classic => classic::START,
        });
    }

    /// Appends a string, which must not contain a NUL. A 0x13 reads as a newline at receivers of the classic form.
    pub fn text(&mut self, name: &str, value: &[u8]) {
        self.append(Kind::String, name.as_bytes(), Value::Plain(value));
    }

    /// Appends a number as lower-case hex, as most fields have it (docs/protocol/wire.md 1).
    pub fn hex(&mut self, name: &str, value: u64) {
        self.text(name, Digits::hex(value).as_bytes());
    }

    /// Appends a number in decimal: `firstseq` and `lastseq` of a retransmit request, `protocol`, `ttl`, `weight`.
    pub fn decimal(&mut self, name: &str, value: u64) {
        self.text(name, Digits::decimal(value).as_bytes());
    }

    /// Appends a binary value. It can contain any bytes, such as a UUID.
    pub fn binary(&mut self, name: &str, value: &[u8]) {
        self.append(Kind::Binary, name.as_bytes(), Value::Plain(value));
    }

    /// Appends a structure that a client has compressed.
    pub fn compressed(&mut self, name: &str, value: &[u8]) {
        self.append(Kind::Compressed, name.as_bytes(), Value::Plain(value));
    }

    /// Appends a list of strings, at least one. No item may be empty or contain a NUL or a newline; the packed list
    /// must be shorter than [`LIST_LIMIT`] bytes. 3.0.6 drops a message with any other list.
    pub fn list<'i>(&mut self, name: &str, items: impl IntoIterator<Item = &'i [u8]>) {
        let mut packed: heapless::Vec<u8, LIST_LIMIT> = heapless::Vec::new();
        for item in items {
            let length = Digits::decimal(item.len() as u64);
            let parts = [length.as_bytes(), b":", item, b","];
            if parts.into_iter().any(|part| packed.extend_from_slice(part).is_err()) {
                return self.fail(WriteError::BadValue);
            }
        }
        self.append(Kind::List, name.as_bytes(), Value::Plain(&packed));
    }

    /// Begins a structure: the fields up to the matching [`Writer::end`] are within it.
    pub fn begin(&mut self, name: &str) {
        self.begin_raw(name.as_bytes());
    }

    /// Ends the structure that was begun last.
    pub fn end(&mut self) {
        if self.error.is_some() {
            return;
        }
        let Some(inner) = classic::newline(self.depth()) else {
            return self.fail(WriteError::BadNesting);
        };
        let Some(start) = self.open.pop() else {
            return self.fail(WriteError::BadNesting);
        };
        match self.form() {
            Form::Netstring => {
                self.put(netstring::END);
                self.insert_length(start);
                self.put(b",");
            }
            Form::Classic => {
                self.put(&[b'<', b'<', b'<', inner]);
                self.put_newline();
            }
        }
    }

    /// Appends a field of another message with all its content, in the form of this message.
    pub fn field(&mut self, field: &Field<'_>) {
        let mut stack = Stack::new();
        self.copy(field, &mut stack);
        while let Some(fields) = stack.last_mut() {
            if let Some(field) = fields.next() {
                self.copy(&field, &mut stack);
            } else {
                stack.pop();
                self.end();
            }
        }
    }

    /// Signs the message and returns its length in bytes, from the start of the buffer.
    pub fn finish(mut self) -> Result<usize, WriteError> {
        if !self.open.is_empty() {
            self.fail(WriteError::BadNesting);
        }
        match self.form() {
            Form::Netstring => self.finish_netstring(),
            Form::Classic => self.finish_classic(),
        }
        self.error.map_or(Ok(self.len), Err)
    }

    fn finish_netstring(&mut self) {
        let Some(signer) = self.signer else {
            return self.put(netstring::END);
        };
        if let Some(mut auth) = self.auth.take() {
            let text = Signature::new(signer.index(), &auth.finish());
            self.append(Kind::String, b"auth", Value::Plain(text.as_bytes()));
        }
        self.put(netstring::END);
        let text = self.signature(signer, 0);
        self.put(Digits::decimal(text.as_bytes().len() as u64).as_bytes());
        self.put(b":");
        self.put(text.as_bytes());
        self.put(b",");
    }

    fn finish_classic(&mut self) {
        if let Some(signer) = self.signer {
            let text = self.signature(signer, classic::START.len());
            self.append(Kind::String, b"auth", Value::Plain(text.as_bytes()));
        }
        self.put(classic::END);
    }

    /// The signature of the bytes from number `from` on.
    fn signature(&mut self, signer: &Entry, from: usize) -> Signature {
        let Some(mut mac) = signer.own_mac() else {
            self.fail(WriteError::NotSigned);
            return Signature::NONE;
        };
        let written = self.out.get(from..self.len).unwrap_or_default();
        Signature::new(signer.index(), &mac.digest([written, &[]]))
    }

    /// Copies a field, or begins a structure, whose fields are then copied next.
    fn copy<'f>(&mut self, field: &Field<'f>, stack: &mut Stack<'f>) {
        let Some(structure) = field.structure() else {
            return self.append(field.kind, field.name, Value::of(*field));
        };
        self.begin_raw(field.name);
        if stack.push(structure.fields()).is_err() {
            self.fail(WriteError::BadNesting);
        }
    }

    fn begin_raw(&mut self, name: &[u8]) {
        self.check_name(name);
        self.auth = None;
        let start = self.len;
        self.put(b"(2)");
        self.put(name);
        self.put(b"=");
        if self.open.push(start).is_err() {
            self.fail(WriteError::BadNesting);
        }
        match (self.form(), classic::newline(self.depth())) {
            (Form::Netstring, _) => self.put(netstring::START),
            (Form::Classic, Some(newline)) => self.put(&[b'>', b'>', b'>', newline]),
            (Form::Classic, None) => self.fail(WriteError::BadNesting),
        }
    }

    fn append(&mut self, kind: Kind, name: &[u8], value: Value<'_>) {
        self.check_name(name);
        self.check_value(kind, value);
        if self.error.is_some() {
            return;
        }
        if kind == Kind::Compressed {
            self.auth = None;
        }
        if let Some(mac) = &mut self.auth {
            classic_line(kind, name, value, b'\n', |piece| mac.update(piece));
        }
        match (self.form(), classic::newline(self.depth())) {
            (Form::Netstring, _) => self.put_netstring(kind, name, value),
            (Form::Classic, Some(newline)) => classic_line(kind, name, value, newline, |piece| self.put(piece)),
            (Form::Classic, None) => self.fail(WriteError::BadNesting),
        }
    }

    fn put_netstring(&mut self, kind: Kind, name: &[u8], value: Value<'_>) {
        let Some(value_len) = value.len() else {
            return self.fail(WriteError::BadValue);
        };
        self.put(Digits::decimal((3 + name.len() + 1 + value_len) as u64).as_bytes());
        self.put(&[b':', b'(', kind.code(), b')']);
        self.put(name);
        self.put(b"=");
        match value {
            Value::Plain(bytes) => self.put(bytes),
            Value::Classic(field) => self.put_decoded(&field),
        }
        self.put(b",");
    }

    fn put_decoded(&mut self, field: &Field<'_>) {
        let room = self.out.get_mut(self.len..).unwrap_or_default();
        if field.decoded_len().is_some_and(|len| len > room.len()) {
            return self.fail(WriteError::Full);
        }
        match field.copy_to(room) {
            Some(value) => self.len += value.len(),
            None => self.fail(WriteError::BadValue),
        }
    }

    /// Puts the length of the bytes from `start` on, and a colon, in front of them.
    fn insert_length(&mut self, start: usize) {
        let end = self.len;
        let length = Digits::decimal(end.saturating_sub(start) as u64);
        self.put(length.as_bytes());
        self.put(b":");
        if let Some(moved) = self.out.get_mut(start..self.len) {
            moved.rotate_right(self.len - end);
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.out.get_mut(self.len..end) {
            Some(room) if self.error.is_none() => {
                room.copy_from_slice(bytes);
                self.len = end;
            }
            _ => self.fail(WriteError::Full),
        }
    }

    fn put_newline(&mut self) {
        match classic::newline(self.depth()) {
            Some(newline) => self.put(&[newline]),
            None => self.fail(WriteError::BadNesting),
        }
    }

    fn check_name(&mut self, name: &[u8]) {
        let printable = name.iter().all(|&byte| byte >= b' ' && byte != b'=');
        if name.is_empty() || !printable || name.starts_with(b"(") || classic::is_marker(name) {
            self.fail(WriteError::BadValue);
        }
    }

    fn check_value(&mut self, kind: Kind, value: Value<'_>) {
        let good = match (kind, value) {
            (Kind::Struct | Kind::Uncompressed, _) => false,
            (Kind::Binary | Kind::Compressed, Value::Plain(_)) => true,
            (Kind::Binary | Kind::Compressed, Value::Classic(field)) => base64::is_text(field.raw()),
            (Kind::String, value) => !value.raw().iter().any(|&byte| byte == 0 || self.breaks_line(byte)),
            (Kind::List, value) => {
                let unfit = |&byte: &u8| byte == 0 || byte == b'\n' || self.breaks_line(byte);
                value.raw().len() < LIST_LIMIT
                    && ListItems::of(value.raw()).are_sound()
                    && !value.raw().iter().any(unfit)
            }
        };
        if !good {
            self.fail(WriteError::BadValue);
        }
    }

    /// Whether `byte` cannot be part of a value at this depth of a classic message. A newline can: it is replaced.
    fn breaks_line(&self, byte: u8) -> bool {
        self.form() == Form::Classic && byte != b'\n' && classic::ends_line(byte, self.depth())
    }

    fn form(&self) -> Form {
        if self.form.is_known() { self.form } else { Form::Classic }
    }

    fn depth(&self) -> u8 {
        self.open.len() as u8
    }

    fn fail(&mut self, error: WriteError) {
        self.error.get_or_insert(error);
    }
}

/// Converts a message that was written for datagrams to the form of a serial line: the same fields as lines, with a new
/// signature (docs/protocol/wire.md 3.3). `message` is one of our own, in either form; its signature is not checked.
///
/// Returns [`WriteError::BadValue`] if `message` is malformed, or one of its values has no classic form.
pub fn transcode_classic<const ENTRIES: usize>(
    message: &[u8],
    keys: &Keys<ENTRIES>,
    out: &mut [u8],
) -> Result<usize, WriteError> {
    let message = Structure::local(message).map_err(|_| WriteError::BadValue)?;
    let mut writer = Writer::classic(out, keys);
    for field in message.fields().filter(|field| field.name != b"auth") {
        writer.field(&field);
    }
    writer.finish()
}
