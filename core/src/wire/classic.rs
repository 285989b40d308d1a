//! The classic form: `>>>`, a line for each field, `<<<` (docs/protocol/wire.md 3.2).

use super::field::{Encoding, Field, Kind, Structure};
use super::netstring::split_name;
use super::{DEPTH_MAX, PacketError, base64};

/// Begins a message.
pub(super) const START: &[u8; 4] = b">>>\n";
/// Ends a message.
pub(super) const END: &[u8; 4] = b"<<<\n";
/// Stands for a newline in a string.
const STRING_NEWLINE: u8 = 0x13;
/// The byte that ends a line at each depth: 0 is the message, 1 the structures in it, and so on.
const NEWLINES: [u8; DEPTH_MAX + 1] = *b"\n\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x0f\x10\x11\x12";

/// The byte that ends a line at `depth`; None below [`DEPTH_MAX`].
pub(super) fn newline(depth: u8) -> Option<u8> {
    NEWLINES.get(usize::from(depth)).copied()
}

/// Whether `byte` ends lines at `depth` or above it. A value at `depth` cannot contain such a byte.
pub(super) fn ends_line(byte: u8, depth: u8) -> bool {
    NEWLINES.iter().take(usize::from(depth) + 1).any(|&end| end == byte)
}

/// The places of the parts of a message.
pub(super) struct Scan<'a> {
    /// All lines between the markers.
    pub(super) body: &'a [u8],
    /// The lines before and after the `auth` line, and its value.
    pub(super) signed: Option<([&'a [u8]; 2], &'a [u8])>,
    /// Whether one of the fields is a structure.
    pub(super) has_structure: bool,
}

/// Finds the end of a message. `start` begins after the start marker; bytes after the end are ignored.
pub(super) fn scan(start: &[u8]) -> Result<Scan<'_>, PacketError> {
    let mut rest = start;
    let mut has_structure = false;
    let mut auth = None;
    while rest.first_chunk() != Some(END) {
        let (field, next) = line(rest, 0)?;
        has_structure |= field.kind == Kind::Struct;
        if field.name == b"auth" && auth.replace((rest, next, field.text())).is_some() {
            return Err(PacketError::BadField);
        }
        rest = next;
    }
    let upto = |from: &'_ [u8], end: &[u8]| from.len().saturating_sub(end.len());
    let body = start.get(..upto(start, rest)).unwrap_or_default();
    let signed = auth.and_then(|(at, behind, text)| {
        let before = start.get(..upto(start, at))?;
        let after = start.get(upto(start, behind)..upto(start, rest))?;
        Some(([before, after], text?))
    });
    Ok(Scan { body, signed, has_structure })
}

/// The content of a field that is a structure with its lines at `depth`. The fields in it are not checked.
pub(super) fn structure(value: &[u8], depth: u8) -> Result<Structure<'_>, PacketError> {
    let newline = newline(depth).ok_or(PacketError::TooDeep)?;
    let body = value.strip_prefix(&[b'>', b'>', b'>', newline]);
    let body = body.and_then(|rest| rest.strip_suffix(&[b'<', b'<', b'<', newline]));
    body.map(|body| Structure { body, encoding: Encoding::Classic { depth } }).ok_or(PacketError::BadStructure)
}

/// The first line of `input`, whose lines are at `depth`, and the rest.
pub(super) fn line(input: &[u8], depth: u8) -> Result<(Field<'_>, &[u8]), PacketError> {
    let (kind, rest) = match input {
        [] => return Err(PacketError::Truncated),
        [b'(', code @ b'1'..=b'4', b')', rest @ ..] => (Kind::from_code(*code).ok_or(PacketError::BadType)?, rest),
        [b'(', _, b')', ..] => return Err(PacketError::BadType),
        [b'(', ..] => return Err(PacketError::BadField),
        _ => (Kind::String, input),
    };
    let (name, rest) = split_name(rest)?;
    if is_marker(name) {
        return Err(PacketError::BadField);
    }
    let newline = newline(depth).ok_or(PacketError::TooDeep)?;
    let end = rest.iter().position(|&byte| byte == newline || byte == 0).ok_or(PacketError::Truncated)?;
    match rest.split_at_checked(end) {
        Some((raw, [end, rest @ ..])) if *end == newline => {
            Ok((Field { name, kind, raw, encoding: Encoding::Classic { depth } }, rest))
        }
        _ => Err(PacketError::Nul),
    }
}

/// Whether a receiver would take a line that begins like this for the begin or end of a message.
pub(super) fn is_marker(line: &[u8]) -> bool {
    line.starts_with(b"<<<") || line.starts_with(b">>>")
}

/// Restores the newlines that the classic form replaces in a string.
pub(super) fn restore_newlines(text: &mut [u8]) {
    for byte in text.iter_mut().filter(|byte| **byte == STRING_NEWLINE) {
        *byte = b'\n';
    }
}

/// Passes the classic text of a value to `put`, in pieces. `raw` is the value in netstring form.
pub(super) fn encode(kind: Kind, raw: &[u8], mut put: impl FnMut(&[u8])) {
    if kind.is_base64() {
        return base64::encode(raw, put);
    }
    if kind != Kind::String {
        return put(raw);
    }
    let mut lines = raw.split(|&byte| byte == b'\n');
    put(lines.next().unwrap_or_default());
    for line in lines {
        put(&[STRING_NEWLINE]);
        put(line);
    }
}
