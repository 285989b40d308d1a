use std::vec::Vec;

use super::*;
use crate::wire::{Keys, Method, Writer, open};

fn keys() -> Keys {
    let mut keys = Keys::new();
    keys.insert(1, Method::Crc, b"").unwrap();
    keys.set_signing(1).unwrap();
    keys
}

/// A message of these texts, after the fields that `more` adds.
fn packet(texts: &[(&str, &str)], more: impl Fn(&mut Writer<'_>)) -> Vec<u8> {
    let (mut out, keys) = ([0; 1024], keys());
    let mut writer = Writer::classic(&mut out, &keys);
    more(&mut writer);
    for (name, value) in texts {
        writer.text(name, value.as_bytes());
    }
    let len = writer.finish().unwrap();
    out[..len].to_vec()
}

fn error(texts: &[(&str, &str)]) -> Option<HeaderError> {
    Header::parse(open(&packet(texts, |_| ()), &keys()).unwrap()).err()
}

const STATUS: [(&str, &str); 6] =
    [("t", "status"), ("st", "active"), ("src", "a"), ("seq", "1f"), ("hg", "6b026ae9"), ("ts", "6b026ae8")];

#[test]
fn status_is_understood() {
    let uuid = Uuid([7; 16]);
    let bytes = packet(&STATUS, |writer| {
        writer.binary("srcuuid", &uuid.0);
        writer.hex("dt", 30_000);
        writer.decimal("protocol", 1);
    });
    let header = Header::parse(open(&bytes, &keys()).unwrap()).unwrap();
    assert_eq!(header.kind, MessageType::Status);
    assert_eq!((header.src, header.status), (&b"a"[..], Some(&b"active"[..])));
    assert_eq!((header.seq, header.generation), (Some(Sequence(31)), Generation(0x6b02_6ae9)));
    assert_eq!((header.timestamp, header.deadtime_ms), (0x6b02_6ae8, Some(30_000)));
    assert_eq!((header.src_uuid, header.dest_uuid, header.protocol), (Some(uuid), None, true));
}

#[test]
fn message_without_a_required_field_is_refused() {
    let without = |name: &str| error(&STATUS.into_iter().filter(|(n, _)| *n != name).collect::<Vec<_>>());
    assert_eq!(error(&STATUS), None);
    assert_eq!(without("t"), Some(HeaderError::NoType));
    assert_eq!(without("src"), Some(HeaderError::NoSource));
    assert_eq!(without("ts"), Some(HeaderError::NoTimestamp));
    assert_eq!(without("seq"), Some(HeaderError::NoSequence));
    assert_eq!(without("hg"), None);
    assert_eq!(without("st"), None);
}

#[test]
fn numbers_must_be_numbers() {
    let with = |name: &str, value: &str| {
        error(&STATUS.into_iter().map(|(n, v)| if n == name { (n, value) } else { (n, v) }).collect::<Vec<_>>())
    };
    for zero_or_junk in ["0", "", "zz", "-1", "1 2", "11112222333344445"] {
        assert_eq!(with("seq", zero_or_junk), Some(HeaderError::BadSequence));
        assert_eq!(with("ts", zero_or_junk), Some(HeaderError::BadTimestamp));
    }
    assert_eq!(with("hg", "zz"), Some(HeaderError::BadGeneration));
    assert_eq!(with("hg", "0"), None);
}

#[test]
fn unnumbered_types_need_no_number() {
    let texts = [("t", "NS_ackmsg"), ("src", "a"), ("ts", "1"), ("seq", "zz"), ("ackseq", "ff"), ("dest", "b")];
    let bytes = packet(&texts, |_| ());
    let header = Header::parse(open(&bytes, &keys()).unwrap()).unwrap();
    assert_eq!((header.kind, header.seq, header.ackseq), (MessageType::Ack, None, Some(255)));
    assert_eq!(MessageType::of(b"NS_new"), MessageType::OtherUnnumbered);
    assert!(!MessageType::OtherUnnumbered.is_numbered());
    assert!(MessageType::of(b"num_ping_nodes").is_numbered());
}

#[test]
fn clients_get_what_the_engine_leaves_to_them_and_what_3_0_6_runs_a_script_for() {
    for name in [&b"setsite"[..], b"hb_takeover", b"ip-request", b"ip-request-resp", b"stonith", b"NS_new", b"hello"] {
        assert!(MessageType::of(name).is_for_clients(), "{name:?}");
    }
    for name in [&b"status"[..], b"NS_ackmsg", b"NS_rexmit", b"reqnodes", b"starting", b"resource", b"shutdone"] {
        assert!(!MessageType::of(name).is_for_clients(), "{name:?}");
    }
}

#[test]
fn range_is_decimal_in_a_request_and_hex_in_a_refusal() {
    let range = |texts: &[(&str, &str)]| {
        let bytes = packet(&[&[("src", "a"), ("ts", "1"), ("seq", "1")], texts].concat(), |_| ());
        let range = Header::parse(open(&bytes, &keys()).unwrap()).unwrap().sequence_range();
        range.map(|(first, last)| (first.0, last.0))
    };
    let request = |first, last| range(&[("t", "NS_rexmit"), ("firstseq", first), ("lastseq", last)]);
    assert_eq!(request("10", "12"), Some((10, 12)));
    assert_eq!(request("12", "10"), None);
    assert_eq!(request("0", "10"), None);
    assert_eq!(request("a", "b"), None);
    assert_eq!(range(&[("t", "NS_nak_rexmit"), ("firstseq", "10")]), Some((16, 16)));
    assert_eq!(range(&[("t", "NS_nak_rexmit"), ("firstseq", "10"), ("lastseq", "1f")]), Some((16, 31)));
    assert_eq!(range(&[("t", "NS_nak_rexmit"), ("firstseq", "10"), ("lastseq", "f")]), None);
    assert_eq!(range(&[("t", "status"), ("firstseq", "10")]), None);
}

#[test]
fn identities_of_the_wrong_shape_count_as_absent() {
    let uuids = |more: fn(&mut Writer<'_>)| {
        let bytes = packet(&STATUS, more);
        let header = Header::parse(open(&bytes, &keys()).unwrap()).unwrap();
        (header.src_uuid, header.dest_uuid)
    };
    assert_eq!(uuids(|writer| writer.binary("srcuuid", b"abcde")), (None, None));
    assert_eq!(uuids(|writer| writer.text("srcuuid", &[b'a'; 16])), (None, None));
    assert_eq!(uuids(|writer| writer.binary("destuuid", &[0; 16])), (None, None));
    assert_eq!(uuids(|writer| writer.binary("destuuid", &[1; 16])), (None, Some(Uuid([1; 16]))));
}

#[test]
fn first_of_two_fields_counts_even_if_its_type_is_wrong() {
    let bytes = packet(&STATUS, |writer| writer.binary("st", b"dead"));
    assert_eq!(Header::parse(open(&bytes, &keys()).unwrap()).unwrap().status, None);
}

#[test]
fn compressed_message_is_told_from_a_bad_one() {
    let bytes = packet(&[("_compression_algorithm", "zlib")], |writer| writer.binary("_compressed_payload", b"xyz"));
    assert_eq!(Header::parse(open(&bytes, &keys()).unwrap()).err(), Some(HeaderError::Compressed));
}
