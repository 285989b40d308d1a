//! A packet, in both forms: parsed, verified, written again, and parsed once more.

use std::sync::OnceLock;

use hbcore::wire::{
    Field, Fields, Form, Header, Keys, Kind, Message, Method, Structure, WriteError, Writer, open, transcode_classic,
};

/// Room for most packets that are made of one of this length.
const ROOM: usize = 1024;

/// A checksum finds damage as well as a digest does, and costs less.
fn keys() -> &'static Keys<2> {
    static KEYS: OnceLock<Keys<2>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut keys = Keys::new();
        keys.insert(1, Method::Crc, b"").expect("a good key");
        keys.insert(2, Method::Sha1, b"HI!").expect("a good key");
        keys.set_signing(1).expect("it is there");
        keys
    })
}

/// The first byte gives the meaning of the others: a packet, or the fields of one of either form, which is signed here.
pub fn run(data: &[u8]) {
    let Some((&what, bytes)) = data.split_first() else { return };
    match what % 3 {
        0 => examine(bytes),
        1 => examine(&signed_netstring(bytes)),
        _ => examine(&signed_classic(bytes)),
    }
}

fn claim(covered: &[u8]) -> Vec<u8> {
    let digest = keys().digest(covered).expect("a key signs");
    [b"1 ", digest.as_bytes()].concat()
}

fn signed_netstring(body: &[u8]) -> Vec<u8> {
    let mut packet = [b"###\n", body, b"%%%\n"].concat();
    let claim = claim(&packet);
    packet.extend_from_slice(claim.len().to_string().as_bytes());
    packet.push(b':');
    packet.extend_from_slice(&claim);
    packet.push(b',');
    packet
}

fn signed_classic(body: &[u8]) -> Vec<u8> {
    [b">>>\n", body, b"auth=", &claim(body)[..], b"\n<<<\n"].concat()
}

fn examine(packet: &[u8]) {
    if let Ok(message) = open(packet, keys()) {
        examine_message(&message);
    }
    let Ok(local) = Structure::local(packet) else {
        let refused = transcode_classic(packet, keys(), &mut [0; ROOM]);
        assert_eq!(refused, Err(WriteError::BadValue), "a malformed message was transcoded");
        return;
    };
    walk(local.fields());
    if let Some(cable) = written(Form::Classic, local.fields()) {
        let mut out = [0; ROOM];
        let len = transcode_classic(packet, keys(), &mut out).expect("it could be written");
        assert_eq!(out[..len], cable, "transcoded and written differ");
    }
}

fn examine_message(message: &Message<'_>) {
    if let Ok(header) = Header::parse(*message) {
        assert!(!header.src.is_empty() || message.text("src") == Some(b""));
        assert_eq!(header.seq.is_some(), header.kind.is_numbered());
        if let Some((first, last)) = header.sequence_range() {
            assert!(first <= last, "{first:?} to {last:?}");
        }
    }
    walk(message.fields());
    for form in [Form::Netstring, Form::Classic] {
        let Some(again) = written(form, message.fields()) else { continue };
        let read = open(&again, keys()).expect("what we write, we read");
        assert_eq!(read.form(), form);
        assert!(alike(without_auth(message.fields()), without_auth(read.fields())), "it says something else");
        let third = written(form, read.fields()).expect("it could be written before");
        assert_eq!(again, third, "written twice, and not alike");
        check_auth_field(&again, form, message);
    }
}

/// The field `auth` of a datagram is the signature of the same message on a serial line.
fn check_auth_field(cable: &[u8], form: Form, message: &Message<'_>) {
    if form != Form::Classic {
        return;
    }
    let mut out = [0; ROOM];
    let mut writer = Writer::netstring(&mut out, keys(), true);
    without_auth(message.fields()).for_each(|field| writer.field(&field));
    let Ok(len) = writer.finish() else { return };
    let datagram = open(&out[..len], keys()).expect("what we write, we read");
    if let Some(auth) = datagram.text("auth") {
        let cable = open(cable, keys()).expect("it was read before");
        assert_eq!(cable.text("auth"), Some(auth), "the two signatures differ");
    }
}

fn without_auth(fields: Fields<'_>) -> impl Iterator<Item = Field<'_>> {
    fields.filter(|field| field.name != b"auth")
}

/// The fields as a signed message in this form. None if they have no such form.
fn written(form: Form, fields: Fields<'_>) -> Option<Vec<u8>> {
    let mut out = vec![0; ROOM];
    let mut writer = match form {
        Form::Netstring => Writer::netstring(&mut out, keys(), false),
        Form::Classic => Writer::classic(&mut out, keys()),
    };
    without_auth(fields).for_each(|field| writer.field(&field));
    let len = writer.finish().ok()?;
    out.truncate(len);
    Some(out)
}

fn walk(fields: Fields<'_>) {
    for field in fields {
        assert!(!field.name.is_empty() && !field.name.contains(&b'='), "{field:?}");
        let mut out = [0; 16];
        if let Some(value) = field.copy_to(&mut out) {
            assert_eq!(Some(value.len()), field.decoded_len());
        }
        let _ = (field.uuid(), field.items().count());
        assert_eq!(field.kind == Kind::Struct, field.structure().is_some(), "a structure that was not checked");
        if let Some(inner) = field.structure() {
            walk(inner.fields());
        }
    }
}

/// Whether both have equal fields. A newline equals its substitute on serial lines.
fn alike<'a, 'b>(mut left: impl Iterator<Item = Field<'a>>, mut right: impl Iterator<Item = Field<'b>>) -> bool {
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a.name == b.name && a.kind == b.kind && same_value(&a, &b) => {}
            _ => return false,
        }
    }
}

fn same_value(left: &Field<'_>, right: &Field<'_>) -> bool {
    match (left.structure(), right.structure()) {
        (None, None) => decoded(left) == decoded(right),
        (Some(a), Some(b)) => {
            // Boxed, because the type of the iterators must not grow with the depth.
            let (a, b): (Box<dyn Iterator<Item = _>>, Box<dyn Iterator<Item = _>>) =
                (Box::new(a.fields()), Box::new(b.fields()));
            alike(a, b)
        }
        _ => false,
    }
}

fn decoded(field: &Field<'_>) -> Option<Vec<u8>> {
    let mut value = vec![0; field.raw().len()];
    let len = field.copy_to(&mut value)?.len();
    value.truncate(len);
    if field.kind == Kind::String {
        value.iter_mut().filter(|byte| **byte == 0x13).for_each(|byte| *byte = b'\n');
    }
    Some(value)
}
