use std::string::String;
use std::vec::Vec;

use super::*;
use crate::wire::{Kind, Method, Writer};

fn keys() -> Keys {
    let mut keys = Keys::new();
    keys.insert(2, Method::Sha1, b"HI!").unwrap();
    keys.set_signing(2).unwrap();
    keys
}

/// `body` between the markers of a netstring message, properly signed.
fn signed(body: &[u8]) -> Vec<u8> {
    let mut bytes = [b"###\n", body, b"%%%\n"].concat();
    let digest = keys().digest(&bytes).unwrap();
    bytes.extend_from_slice(b"42:2 ");
    bytes.extend_from_slice(digest.as_bytes());
    bytes.push(b',');
    bytes
}

/// `lines` between the markers of a classic message, properly signed.
fn signed_lines(lines: &[u8]) -> Vec<u8> {
    let digest = keys().digest(lines).unwrap();
    [b">>>\n", lines, b"auth=2 ", digest.as_bytes(), b"\n<<<\n"].concat()
}

fn refusal(bytes: &[u8]) -> Option<PacketError> {
    open(bytes, &keys()).err()
}

fn field(content: &[u8]) -> Vec<u8> {
    [std::format!("{}:", content.len()).as_bytes(), content, b","].concat()
}

#[test]
fn empty_message_is_a_message() {
    let (netstring, lines) = (signed(b""), signed_lines(b""));
    assert_eq!(open(&netstring, &keys()).unwrap().fields().count(), 0);
    assert_eq!(open(&lines, &keys()).unwrap().fields().count(), 1, "auth");
}

#[test]
fn first_field_of_a_name_counts() {
    let bytes = signed(b"7:(0)st=a,7:(0)st=b,");
    let message = open(&bytes, &keys()).unwrap();
    assert_eq!(message.text("st"), Some(&b"a"[..]));
    assert_eq!(message.text("t"), None);
    assert_eq!((message.form(), message.key_index()), (Form::Netstring, 2));
}

#[test]
fn packet_that_crashes_the_reference_is_dropped() {
    for (body, error) in [
        (field(b"t=status"), PacketError::BadField),
        (field(b"(7)t=status"), PacketError::BadType),
        (field(b"(0)t=sta\0tus"), PacketError::Nul),
        (field(b"(0)status"), PacketError::BadField),
        (field(b"(0)=status"), PacketError::BadField),
        (field(b"(0)"), PacketError::BadField),
        (field(b""), PacketError::BadField),
        (b"99:(0)t=status,".to_vec(), PacketError::Truncated),
        (b"99999999999999999999999:(0)t=status,".to_vec(), PacketError::BadLength),
        (b"10:(0)t=status,".to_vec(), PacketError::BadLength),
        (b":(0)t=status,".to_vec(), PacketError::BadLength),
        (b"-1:(0)t=status,".to_vec(), PacketError::BadLength),
        (b"junk".to_vec(), PacketError::BadLength),
    ] {
        assert_eq!(refusal(&signed(&body)), Some(error), "{}", body.escape_ascii());
    }
}

#[test]
fn every_shorter_packet_is_refused() {
    for packet in [signed(b"7:(0)st=a,"), signed_lines(b"st=a\n")] {
        assert!(refusal(&packet).is_none());
        for len in 0..packet.len() {
            assert!(refusal(&packet[..len]).is_some(), "{len}");
        }
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let packet = signed(b"7:(0)st=a,8:(1)b=\0\n,");
    for at in 0..packet.len() - 1 {
        let mut changed = packet.clone();
        changed[at] ^= 1;
        assert!(refusal(&changed).is_some(), "{at}");
    }
}

#[test]
fn bytes_behind_the_message_are_ignored() {
    for mut packet in [signed(b"7:(0)st=a,"), signed_lines(b"st=a\n")] {
        packet.extend_from_slice(b"\0junk");
        assert_eq!(refusal(&packet), None);
    }
}

#[test]
fn classic_lines_are_strict() {
    for (lines, error) in [
        (&b"(0)t=status\n"[..], PacketError::BadType),
        (b"(5)t=status\n", PacketError::BadType),
        (b"(t=status\n", PacketError::BadField),
        (b"=status\n", PacketError::BadField),
        (b"status\n", PacketError::BadField),
        (b"\n", PacketError::BadField),
        (b"t=sta\0tus\n", PacketError::Nul),
        (b"<<<t=status\n", PacketError::BadField),
        (b">>>\n", PacketError::BadField),
        (b"auth=2 00\n", PacketError::BadField),
    ] {
        assert_eq!(refusal(&signed_lines(lines)), Some(error), "{}", lines.escape_ascii());
    }
}

#[test]
fn structures_are_opened_in_both_forms() {
    let netstring = signed(b"53:(2)sub=###\n6:(0)a=b,25:(2)deep=###\n6:(0)c=d,%%%\n,%%%\n,");
    let classic = signed_lines(b"(2)sub=>>>\x14a=b\x14(2)deep=>>>\x15c=d\x15<<<\x15\x14<<<\x14\n");
    for packet in [netstring, classic] {
        let message = open(&packet, &keys()).unwrap();
        let sub = message.field("sub").unwrap().structure().unwrap();
        assert_eq!(sub.text("a"), Some(&b"b"[..]));
        let deep = sub.field("deep").unwrap().structure().unwrap();
        assert_eq!(deep.text("c"), Some(&b"d"[..]));
        assert!(message.field("sub").unwrap().text().is_none());
    }
}

#[test]
fn structure_in_the_other_form_spoils_the_message() {
    for value in [&b"(2)sub=>>>\nc=d\n<<<\n"[..], b"(2)sub=", b"(2)sub=###\n", b"(2)sub=###\n%%%\nx"] {
        assert_eq!(refusal(&signed(&field(value))), Some(PacketError::BadStructure));
    }
    assert_eq!(refusal(&signed(&field(b"(2)sub=###\nx%%%\n"))), Some(PacketError::BadLength));
    assert_eq!(refusal(&signed_lines(b"(2)sub=###\x14%%%\x14\n")), Some(PacketError::BadStructure));
}

#[test]
fn nesting_ends_at_sixteen_levels() {
    let nested = |levels: usize| {
        let inner = (0..levels).fold(Vec::new(), |inner, _| field(&[b"(2)s=###\n", &inner[..], b"%%%\n"].concat()));
        refusal(&signed(&inner))
    };
    assert_eq!(nested(16), None);
    assert_eq!(nested(17), Some(PacketError::TooDeep));
    assert_eq!(nested(2000), Some(PacketError::TooDeep));
}

#[test]
fn values_are_decoded() {
    let packet = signed_lines(b"s=a\x13b\n(1)b=AAEC\n(3)l=1:x,2:yz,\n(1)bad=AAE\n(4)c=eA==\n");
    let message = open(&packet, &keys()).unwrap();
    let mut out = [0; 16];
    let mut value = |name| message.field(name).unwrap().copy_to(&mut out).map(<[u8]>::to_vec);
    assert_eq!(value("s").unwrap(), b"a\nb");
    assert_eq!(value("b").unwrap(), [0, 1, 2]);
    assert_eq!(value("l").unwrap(), b"1:x,2:yz,");
    assert_eq!(value("c").unwrap(), b"x");
    assert_eq!(value("bad"), None);
    assert_eq!(message.field("b").unwrap().copy_to(&mut [0; 2]), None, "no room");
    let lengths = ["s", "b", "l", "c"].map(|name| message.field(name).unwrap().decoded_len());
    assert_eq!(lengths, [Some(3), Some(3), Some(9), Some(1)]);
    assert_eq!(message.field("l").unwrap().items().collect::<Vec<_>>(), [&b"x"[..], b"yz"]);
    assert_eq!(message.field("s").unwrap().items().count(), 0);
}

#[test]
fn netstring_values_are_what_they_are() {
    let packet = signed(&[field(b"(0)s=a\x13b"), field(b"(5)u=x"), field(b"(0)a b=c")].concat());
    let message = open(&packet, &keys()).unwrap();
    let mut out = [0; 16];
    assert_eq!(message.field("s").unwrap().copy_to(&mut out), Some(&b"a\x13b"[..]), "no newline is restored");
    assert_eq!(message.field("u").map(|field| field.kind), Some(Kind::Uncompressed));
    assert_eq!(message.text("a b"), Some(&b"c"[..]));
}

#[test]
fn classic_message_that_ends_after_a_line_is_cut_off() {
    assert_eq!(refusal(b">>>\nst=a\n"), Some(PacketError::Truncated));
}

#[test]
fn local_message_needs_no_signature() {
    let structure = Structure::local(b">>>\nt=hbapi-req\npid=1\n<<<\n\0").unwrap();
    assert_eq!(structure.text("pid"), Some(&b"1"[..]));
    let structure = Structure::local(b"###\n7:(0)st=a,%%%\n").unwrap();
    assert_eq!(structure.text("st"), Some(&b"a"[..]));
    assert_eq!(Structure::local(b"hello").err(), Some(PacketError::BadMarker));
}

#[test]
fn inflated_message_is_vouched_for_by_the_outer_one() {
    let packet = signed(b"26:(1)_compressed_payload=xyz,");
    let outer = open(&packet, &keys()).unwrap();
    assert_eq!(outer.field("_compressed_payload").map(|field| field.kind), Some(Kind::Binary));
    let inner = outer.inflated(b">>>\nt=status\n<<<\n\0").unwrap();
    assert_eq!((inner.text("t"), inner.key_index()), (Some(&b"status"[..]), 2));
}

#[test]
fn debug_output_reads_like_the_classic_form() {
    let mut out = [0; 200];
    let keys = keys();
    let mut writer = Writer::netstring(&mut out, &keys, false);
    writer.text("t", b"status");
    writer.binary("b", &[0]);
    let len = writer.finish().unwrap();
    let text: String = std::format!("{:?}", open(&out[..len], &keys).unwrap());
    assert_eq!(text, "[(0)t=status, (1)b=\\x00]");
}
