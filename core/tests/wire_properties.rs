//! Properties of packets that hold for any fields, any bytes and any stream.

use hbcore::wire::{Field, Form, FrameReader, Header, Keys, Kind, Method, Structure, Writer, open, transcode_classic};
use proptest::collection::vec;
use proptest::prelude::*;

/// A value with its type; structures hold fields.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Compressed(Vec<u8>),
    List(Vec<Vec<u8>>),
    Struct(Vec<(String, Value)>),
}

fn any_name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_ ,:)#%-][a-zA-Z0-9_ ,:()#%<>-]{0,11}".prop_filter("names the signature", |name| name != "auth")
}

/// Text that survives a serial line at every depth: no NUL, no CR, and none of the bytes that stand for newlines there.
fn any_text() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![8 => 0x20..=0xffu8, 1 => Just(b'\n'), 1 => 1..=0x0cu8, 1 => Just(b'=')], 0..40)
}

fn any_item() -> impl Strategy<Value = Vec<u8>> {
    vec(0x20..=0xffu8, 1..12)
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => any_text().prop_map(Value::Text),
        1 => vec(any::<u8>(), 0..40).prop_map(Value::Binary),
        1 => vec(any::<u8>(), 0..40).prop_map(Value::Compressed),
        1 => vec(any_item(), 1..5).prop_map(Value::List),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| vec((any_name(), inner), 0..4).prop_map(Value::Struct))
}

fn any_fields() -> impl Strategy<Value = Vec<(String, Value)>> {
    vec((any_name(), any_value()), 0..8)
}

fn any_keys() -> impl Strategy<Value = Keys> {
    let method = prop_oneof![Just(Method::Crc), Just(Method::Md5), Just(Method::Sha1)];
    (0..16u8, method, vec(any::<u8>(), 1..100)).prop_map(|(index, method, key)| {
        let mut keys = Keys::new();
        keys.insert(index, method, if method == Method::Crc { b"" } else { &key }).unwrap();
        keys.set_signing(index).unwrap();
        keys
    })
}

fn put(writer: &mut Writer<'_>, fields: &[(String, Value)]) {
    for (name, value) in fields {
        match value {
            Value::Text(text) => writer.text(name, text),
            Value::Binary(bytes) => writer.binary(name, bytes),
            Value::Compressed(bytes) => writer.compressed(name, bytes),
            Value::List(items) => writer.list(name, items.iter().map(Vec::as_slice)),
            Value::Struct(fields) => {
                writer.begin(name);
                put(writer, fields);
                writer.end();
            }
        }
    }
}

fn write(form: Form, keys: &Keys, auth_field: bool, fields: &[(String, Value)]) -> Vec<u8> {
    let mut out = vec![0; 1 << 16];
    let mut writer = match form {
        Form::Netstring => Writer::netstring(&mut out, keys, auth_field),
        Form::Classic => Writer::classic(&mut out, keys),
    };
    put(&mut writer, fields);
    let len = writer.finish().unwrap();
    out.truncate(len);
    out
}

fn read<'a>(fields: impl Iterator<Item = Field<'a>>) -> Vec<(String, Value)> {
    fields.filter(|field| field.name != b"auth").map(|field| (text(field.name), read_value(&field))).collect()
}

fn read_value(field: &Field<'_>) -> Value {
    let mut out = vec![0; field.raw().len()];
    let value = field.copy_to(&mut out).unwrap().to_vec();
    match field.kind {
        Kind::String => Value::Text(value),
        Kind::Binary => Value::Binary(value),
        Kind::Compressed => Value::Compressed(value),
        Kind::List => Value::List(field.items().map(<[u8]>::to_vec).collect()),
        Kind::Struct => Value::Struct(read(field.structure().unwrap().fields())),
        Kind::Uncompressed => panic!("never written"),
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8(name.to_vec()).unwrap()
}

/// Bytes that sometimes look like packets.
fn junk() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"###\n".to_vec()),
        Just(b"%%%\n".to_vec()),
        Just(b">>>\n".to_vec()),
        Just(b"<<<\n".to_vec()),
        Just(b"7:(0)t=x,".to_vec()),
        Just(b"12:(2)s=###\n%%%\n,".to_vec()),
        Just(b"(2)s=>>>\x14<<<\x14\n".to_vec()),
        Just(b"t=x\n".to_vec()),
        Just(b"auth=1 0\n".to_vec()),
        Just(b"99999999999999999999:".to_vec()),
        vec(any::<u8>(), 0..12),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Calls everything that may be called with bytes of unknown origin.
fn examine(bytes: &[u8], keys: &Keys) {
    if let Ok(message) = open(bytes, keys) {
        let _ = Header::parse(message).map(|header| header.sequence_range());
        message.fields().for_each(|field| examine_field(&field));
        let _ = message.inflated(bytes);
    }
    if let Ok(structure) = Structure::local(bytes) {
        structure.fields().for_each(|field| examine_field(&field));
    }
    let _ = transcode_classic(bytes, keys, &mut [0; 256]);
}

fn examine_field(field: &Field<'_>) {
    let _ = (field.uuid(), field.text(), field.decoded_len(), field.items().count());
    let _ = field.copy_to(&mut [0; 16]);
    if let Some(structure) = field.structure() {
        structure.fields().for_each(|field| examine_field(&field));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fields_come_back_from_both_forms(fields in any_fields(), keys in any_keys(), auth_field: bool) {
        for form in [Form::Netstring, Form::Classic] {
            let packet = write(form, &keys, auth_field, &fields);
            let message = open(&packet, &keys).unwrap();
            prop_assert_eq!(message.form(), form);
            prop_assert_eq!(read(message.fields()), fields.clone());
        }
    }

    #[test]
    fn transcoded_datagram_is_what_would_have_been_written(fields in any_fields(), keys in any_keys(), auth: bool) {
        let datagram = write(Form::Netstring, &keys, auth, &fields);
        let mut out = vec![0; 1 << 16];
        let len = transcode_classic(&datagram, &keys, &mut out).unwrap();
        prop_assert_eq!(&out[..len], write(Form::Classic, &keys, auth, &fields));
    }

    #[test]
    fn copied_cable_message_is_the_datagram(fields in any_fields(), keys in any_keys(), auth_field: bool) {
        let cable = write(Form::Classic, &keys, auth_field, &fields);
        let mut out = vec![0; 1 << 16];
        let mut writer = Writer::netstring(&mut out, &keys, auth_field);
        for field in open(&cable, &keys).unwrap().fields().filter(|field| field.name != b"auth") {
            writer.field(&field);
        }
        let len = writer.finish().unwrap();
        prop_assert_eq!(&out[..len], write(Form::Netstring, &keys, auth_field, &fields));
    }

    #[test]
    fn auth_field_is_the_one_of_the_cable(fields in any_fields(), keys in any_keys()) {
        let datagram = write(Form::Netstring, &keys, true, &fields);
        let cable = write(Form::Classic, &keys, true, &fields);
        if let Some(auth) = open(&datagram, &keys).unwrap().text("auth") {
            prop_assert_eq!(Some(auth), open(&cable, &keys).unwrap().text("auth"));
        }
    }

    #[test]
    fn damaged_packet_is_refused_or_means_the_same(
        fields in any_fields(), keys in any_keys(), at: prop::sample::Index, value: u8, classic: bool,
    ) {
        let form = if classic { Form::Classic } else { Form::Netstring };
        let packet = write(form, &keys, false, &fields);
        let mut damaged = packet.clone();
        damaged[at.index(packet.len())] = value;
        examine(&damaged, &keys);
        if let Ok(message) = open(&damaged, &keys) {
            prop_assert_eq!(read(message.fields()), fields);
        }
    }

    #[test]
    fn no_bytes_make_anything_panic(bytes in junk(), keys in any_keys()) {
        examine(&bytes, &keys);
    }

    #[test]
    fn no_signed_bytes_make_anything_panic(body in junk(), keys in any_keys()) {
        let index = keys.signing_index().unwrap();
        let netstring = [b"###\n", &body[..], b"%%%\n"].concat();
        let claim = format!("{index} {:?}", keys.digest(&netstring).unwrap());
        examine(&[&netstring[..], format!("{}:{claim},", claim.len()).as_bytes()].concat(), &keys);
        let claim = format!("auth={index} {:?}\n", keys.digest(&body).unwrap());
        examine(&[b">>>\n", &body[..], claim.as_bytes(), b"<<<\n"].concat(), &keys);
    }

    /// Whole messages, messages that broke off and noise, in pieces of any size: every whole message is found.
    #[test]
    fn every_whole_message_in_a_stream_is_found(
        parts in vec((any_fields(), prop::option::of(any::<prop::sample::Index>()), "[a-z \n]{0,8}"), 1..6),
        steps in vec(1..40usize, 1..8),
    ) {
        let mut keys: Keys = Keys::new();
        keys.insert(1, Method::Sha1, b"HI!").unwrap();
        keys.set_signing(1).unwrap();
        let (mut stream, mut whole) = (Vec::new(), Vec::new());
        for (fields, broken, noise) in &parts {
            let message = write(Form::Classic, &keys, false, fields);
            if let Some(at) = broken {
                // The newline at the end may be missing. The message is whole without it.
                stream.extend_from_slice(&message[..at.index(message.len() - 1)]);
            } else {
                stream.extend_from_slice(&message);
                whole.push(message);
                // Noise within a message that broke off would hide the beginning of the next one.
                stream.extend_from_slice(noise.as_bytes());
            }
        }
        let mut reader = Box::new(FrameReader::<{ 1 << 16 }>::new());
        let (mut found, mut rest, mut step) = (Vec::new(), &stream[..], steps.iter().cycle());
        while !rest.is_empty() {
            let (mut piece, later) = rest.split_at(rest.len().min(*step.next().unwrap()));
            rest = later;
            while let Some(message) = reader.push(&mut piece) {
                if open(message, &keys).is_ok() {
                    found.push(message.to_vec());
                }
            }
        }
        prop_assert_eq!(found, whole);
    }

    #[test]
    fn stream_reads_the_same_in_any_pieces(stream in junk(), step in 1..20usize) {
        let read = |step: usize| {
            let mut reader = FrameReader::<48>::new();
            let mut found = Vec::new();
            for mut piece in stream.chunks(step) {
                while let Some(message) = reader.push(&mut piece) {
                    found.push(message.to_vec());
                }
            }
            (found, reader.counters())
        };
        prop_assert_eq!(read(step), read(usize::MAX));
    }
}
