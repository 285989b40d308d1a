//! The vectors of `tests/vectors`: packets of a running 3.0.6, and its verdicts on packets.
//!
//! A file that does not match its README fails the test that loads it.

#![allow(clippy::missing_panics_doc)]

use std::fs;
use std::path::Path;

use hbcore::wire::{Field, Form, Keys, Kind, Method};
use serde_json::Value;

/// One captured packet, with its known content.
pub struct Packet {
    /// The feature that the packet shows.
    pub name: String,
    /// Its form.
    pub form: Form,
    /// The key table whose signing key is the one that signed the packet.
    pub keys: Keys,
    /// The index of that key.
    pub key_index: u8,
    /// The bytes on the wire.
    pub bytes: Vec<u8>,
    /// The fields in order.
    pub fields: Vec<KnownField>,
}

/// A field of a [`Packet`]: binary values are decoded, all others are as in the packet's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownField {
    /// The name.
    pub name: Vec<u8>,
    /// The type.
    pub kind: Kind,
    /// The value.
    pub value: Vec<u8>,
}

impl KnownField {
    /// The known form of a received field. Panics if its base64 is not valid.
    pub fn of(field: &Field<'_>) -> Self {
        let mut value = vec![0; field.raw().len()];
        let value = field.copy_to(&mut value).expect("a decodable value").to_vec();
        Self { name: field.name.to_vec(), kind: field.kind, value }
    }
}

/// A digest whose text is known.
pub struct KnownDigest {
    /// A key table whose signing entry makes the digest.
    pub keys: Keys,
    /// The data that are digested.
    pub data: Vec<u8>,
    /// The text of the digest.
    pub text: String,
}

/// A packet that a running daemon accepted or rejected. The order of the packets matters.
pub struct Verdict {
    /// The feature that the packet tests.
    pub name: String,
    /// The bytes on the wire.
    pub bytes: Vec<u8>,
    /// None if it was accepted.
    pub rejected: Option<Stage>,
}

/// The stage that rejects a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is not a message.
    Format,
    /// Its signature is missing or wrong.
    Authentication,
    /// A field that every message must have is missing or wrong.
    Header,
    /// The engine: its generation is old.
    Replay,
    /// The engine: it is for another node. Its number is consumed.
    NotForUs,
    /// The engine: its sender is not a node of the cluster.
    UnknownNode,
    /// The engine: its number equals the one before.
    Duplicate,
}

/// A datagram of the start-up of two nodes, `a` and `b`.
pub struct Heard {
    /// Microseconds since the first one.
    pub at_us: u64,
    /// The name of the sender.
    pub from: String,
    /// The bytes on the wire.
    pub bytes: Vec<u8>,
}

/// A key table with one entry, which signs.
pub fn keys_of(index: u8, method: &str, key: &str) -> Keys {
    let mut keys = Keys::new();
    keys.insert(index, method_named(method), key.as_bytes()).expect("a valid key");
    keys.set_signing(index).expect("a defined key");
    keys
}

/// The captured packets.
pub fn packets() -> Vec<Packet> {
    lines("packets.jsonl").iter().map(packet).collect()
}

/// The known digests.
pub fn digests() -> Vec<KnownDigest> {
    let digest = |line: &Value| KnownDigest {
        keys: keys_of(1, text(line, "method"), text(line, "key")),
        data: unhex(text(line, "data_hex")),
        text: text(line, "digest").to_owned(),
    };
    lines("digests.jsonl").iter().map(digest).collect()
}

/// The key table of the daemon that gave the [`verdicts`].
pub fn verdict_keys() -> Keys {
    let lines = lines("accept-reject.jsonl");
    let mut keys = Keys::new();
    for line in text(&lines[0]["setup"], "authkeys").lines() {
        let mut words = line.split_whitespace();
        let (first, second) = (words.next().expect("a word"), words.next().expect("a word"));
        if first != "auth" {
            let key = words.next().unwrap_or_default();
            keys.insert(first.parse().expect("an index"), method_named(second), key.as_bytes()).expect("a valid key");
        }
    }
    keys.set_signing(2).expect("a defined key");
    keys
}

/// The verdicts of node `wa` in the cluster `wa`, `wb` on these packets from `wb`, in this order.
pub fn verdicts() -> Vec<Verdict> {
    lines("accept-reject.jsonl").iter().skip(1).map(verdict).collect()
}

/// The start of two nodes that share the key sha1 `HI!` as entry 2.
pub fn startup_dialogue() -> Vec<Heard> {
    let heard = |line: &Value| Heard {
        at_us: microseconds(&line["t_ms"]),
        from: text(line, "from").to_owned(),
        bytes: unhex(text(line, "packet_hex")),
    };
    lines("startup-dialogue.jsonl").iter().map(heard).collect()
}

fn packet(line: &Value) -> Packet {
    let key_index = u8::try_from(line["key_index"].as_u64().expect("a number")).expect("an index");
    Packet {
        name: text(line, "name").to_owned(),
        form: if text(line, "encoding") == "classic" { Form::Classic } else { Form::Netstring },
        keys: keys_of(key_index, text(line, "key_method"), text(line, "key")),
        key_index,
        bytes: unhex(text(line, "packet_hex")),
        fields: line["fields"].as_array().expect("fields").iter().map(known_field).collect(),
    }
}

fn known_field(field: &Value) -> KnownField {
    let kind = match field["type"].as_u64() {
        Some(0) => Kind::String,
        Some(1) => Kind::Binary,
        Some(2) => Kind::Struct,
        Some(3) => Kind::List,
        Some(4) => Kind::Compressed,
        other => panic!("field type {other:?}"),
    };
    let value = match field["text"].as_str() {
        // One byte for each character: the files contain bytes as Latin-1.
        Some(text) => text.chars().map(|c| u8::try_from(c).expect("Latin-1")).collect(),
        None => unhex(text(field, "hex")),
    };
    KnownField { name: text(field, "name").as_bytes().to_vec(), kind, value }
}

fn verdict(line: &Value) -> Verdict {
    let rejected = (text(line, "expect") == "reject").then(|| match text(line, "reject_stage") {
        "format" => Stage::Format,
        "auth" => Stage::Authentication,
        "header" => Stage::Header,
        "replay" => Stage::Replay,
        "duplicate" => Stage::Duplicate,
        stage if stage.starts_with("not for us") => Stage::NotForUs,
        stage if stage.starts_with("unknown node") => Stage::UnknownNode,
        stage => panic!("stage {stage}"),
    });
    Verdict { name: text(line, "name").to_owned(), bytes: unhex(text(line, "packet_hex")), rejected }
}

fn method_named(name: &str) -> Method {
    match name {
        "crc" => Method::Crc,
        "md5" => Method::Md5,
        "sha1" => Method::Sha1,
        _ => panic!("method {name}"),
    }
}

/// Milliseconds with up to three decimals, exactly.
fn microseconds(number: &Value) -> u64 {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{fraction:0<3}").parse().expect("milliseconds with three decimals")
}

fn lines(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

fn text<'v>(object: &'v Value, name: &str) -> &'v str {
    object[name].as_str().unwrap_or_else(|| panic!("{name} is not a text in {object}"))
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("hex") as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
