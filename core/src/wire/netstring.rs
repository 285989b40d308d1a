//! The netstring form: `###`, counted fields, `%%%`, signature (docs/protocol/wire.md 3.1).

use super::auth::Claim;
use super::field::{Encoding, Field, Kind, Structure};
use super::{PacketError, number};

/// Begins a message.
pub(super) const START: &[u8; 4] = b"###\n";
/// Ends a message, before its signature.
pub(super) const END: &[u8; 4] = b"%%%\n";

/// The places of the parts of a message.
pub(super) struct Scan<'a> {
    /// The fields.
    pub(super) body: &'a [u8],
    /// The bytes after the end marker.
    pub(super) after: &'a [u8],
    /// Whether one of the fields is a structure.
    pub(super) has_structure: bool,
}

/// Finds the end of a message. `start` begins after the start marker.
pub(super) fn scan(start: &[u8]) -> Result<Scan<'_>, PacketError> {
    let mut rest = start;
    let mut has_structure = false;
    while rest.first_chunk() != Some(END) {
        let (field, next) = field(rest)?;
        has_structure |= field.kind == Kind::Struct;
        rest = next;
    }
    let body = start.get(..start.len() - rest.len()).unwrap_or_default();
    let after = rest.get(END.len()..).unwrap_or_default();
    Ok(Scan { body, after, has_structure })
}

/// Reads the signature. Bytes after it are ignored.
pub(super) fn signature(after: &[u8]) -> Result<Claim<'_>, PacketError> {
    if after.is_empty() {
        return Err(PacketError::NoSignature);
    }
    let (text, _) = item(after).map_err(|_| PacketError::BadSignature)?;
    Claim::scan(text)
}

/// The content of a field that is a structure. The fields in it are not checked.
pub(super) fn structure(value: &[u8]) -> Result<Structure<'_>, PacketError> {
    let body = value.strip_prefix(START).and_then(|rest| rest.strip_suffix(END));
    body.map(|body| Structure { body, encoding: Encoding::Netstring }).ok_or(PacketError::BadStructure)
}

/// The first field of `input`, and the rest.
pub(super) fn field(input: &[u8]) -> Result<(Field<'_>, &[u8]), PacketError> {
    let (content, rest) = item(input)?;
    let [b'(', code, b')', content @ ..] = content else {
        return Err(PacketError::BadField);
    };
    let kind = Kind::from_code(*code).ok_or(PacketError::BadType)?;
    let (name, raw) = split_name(content)?;
    if kind == Kind::String && raw.contains(&0) {
        return Err(PacketError::Nul);
    }
    Ok((Field { name, kind, raw, encoding: Encoding::Netstring }, rest))
}

/// The content of `LENGTH:content,` and the rest.
pub(super) fn item(input: &[u8]) -> Result<(&[u8], &[u8]), PacketError> {
    let digits = input.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (length, rest) = input.split_at_checked(digits).ok_or(PacketError::Truncated)?;
    let rest = match rest.split_first() {
        Some((b':', rest)) => rest,
        Some(_) => return Err(PacketError::BadLength),
        None => return Err(PacketError::Truncated),
    };
    let length = number::decimal(length).ok_or(PacketError::BadLength)?;
    let length = usize::try_from(length).map_err(|_| PacketError::Truncated)?;
    let (content, rest) = rest.split_at_checked(length).ok_or(PacketError::Truncated)?;
    match rest.split_first() {
        Some((b',', rest)) => Ok((content, rest)),
        Some(_) => Err(PacketError::BadLength),
        None => Err(PacketError::Truncated),
    }
}

/// Splits `NAME=VALUE`. A control character in the name would break the classic form, which other media use.
pub(super) fn split_name(text: &[u8]) -> Result<(&[u8], &[u8]), PacketError> {
    let end = text.iter().position(|&byte| byte == b'=' || byte < b' ').unwrap_or_default();
    match text.split_at_checked(end) {
        Some((name, [b'=', value @ ..])) if !name.is_empty() => Ok((name, value)),
        _ => Err(PacketError::BadField),
    }
}
