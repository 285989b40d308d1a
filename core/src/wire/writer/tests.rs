use std::vec::Vec;

use super::*;
use crate::wire::{Method, open};

fn keys() -> Keys {
    let mut keys = Keys::new();
    keys.insert(2, Method::Sha1, b"HI!").unwrap();
    keys.set_signing(2).unwrap();
    keys
}

fn write(form: Form, fill: impl Fn(&mut Writer<'_>)) -> Result<Vec<u8>, WriteError> {
    let (mut out, keys) = ([0; 2048], keys());
    let mut writer = match form {
        Form::Netstring => Writer::netstring(&mut out, &keys, true),
        Form::Classic => Writer::classic(&mut out, &keys),
    };
    fill(&mut writer);
    let len = writer.finish()?;
    Ok(out[..len].to_vec())
}

/// The status message of docs/protocol/wire.md 3.1, whose digests are known.
fn status(writer: &mut Writer<'_>) {
    writer.text("t", b"status");
    writer.text("st", b"init");
    writer.hex("dt", 7000);
    writer.decimal("protocol", 1);
    writer.text("src", b"a");
    writer.binary("srcuuid", b"\xa8\xf6\xc2\x8a\xe5\x58\x4a\x34\x9c\x27\xe1\x8b\x14\x5b\x1f\x84");
    writer.hex("seq", 1);
    writer.hex("hg", 0x6b02_6ae9);
    writer.hex("ts", 0x6b02_6ae8);
    writer.text("ld", b"0.05 0.13 0.06 2/89 5191");
    writer.decimal("ttl", 3);
}

#[test]
fn worked_example_of_the_wire_reference_comes_out() {
    let packet = write(Form::Netstring, status).unwrap();
    assert_eq!(packet.len(), 302);
    let auth = b",50:(0)auth=2 5ee9bce8d811188559716699bfeb74576cd0fb20,%%%\n";
    assert!(packet.windows(auth.len()).any(|window| window == auth));
    assert!(packet.ends_with(b"\n42:2 83ffd17f21083f76baf9bacc510c16839a8d1b0f,"));
}

#[test]
fn datagram_becomes_the_message_for_a_cable() {
    let datagram = write(Form::Netstring, status).unwrap();
    let mut out = [0; 2048];
    let len = transcode_classic(&datagram, &keys(), &mut out).unwrap();
    assert_eq!(out[..len], write(Form::Classic, status).unwrap());
    let cable = out;
    assert_eq!(transcode_classic(&cable[..len], &keys(), &mut out), Ok(len), "and stays one");
    assert_eq!(transcode_classic(b"hello world", &keys(), &mut out), Err(WriteError::BadValue));
}

#[test]
fn structures_nest_in_both_forms() {
    let fill = |writer: &mut Writer<'_>| {
        writer.begin("sub");
        writer.text("a", b"b");
        writer.begin("deep");
        writer.text("c", b"d");
        writer.end();
        writer.end();
    };
    let packet = write(Form::Netstring, fill).unwrap();
    assert!(packet.starts_with(b"###\n53:(2)sub=###\n6:(0)a=b,25:(2)deep=###\n6:(0)c=d,%%%\n,%%%\n,%%%\n"));
    let packet = write(Form::Classic, fill).unwrap();
    assert!(packet.starts_with(b">>>\n(2)sub=>>>\x14a=b\x14(2)deep=>>>\x15c=d\x15<<<\x15\x14<<<\x14\nauth=2 "));
}

#[test]
fn messages_with_structures_or_compressed_fields_go_without_the_auth_field() {
    let has_auth = |fill: fn(&mut Writer<'_>)| {
        let packet = write(Form::Netstring, fill).unwrap();
        open(&packet, &keys()).unwrap().field("auth").is_some()
    };
    assert!(has_auth(|writer| writer.list("l", [&b"x"[..]])));
    assert!(!has_auth(|writer| writer.compressed("z", b"x")));
    assert!(!has_auth(|writer| {
        writer.begin("s");
        writer.end();
    }));
}

#[test]
fn writer_refuses_names_and_values_that_must_not_be_sent() {
    let bad: &[fn(&mut Writer<'_>)] = &[
        |writer| writer.text("a", b"x\0y"),
        |writer| writer.text("", b"x"),
        |writer| writer.text("a=b", b"x"),
        |writer| writer.text("a\nb", b"x"),
        |writer| writer.text("(a", b"x"),
        |writer| writer.text(">>>", b"x"),
        |writer| writer.text("<<<a", b"x"),
        |writer| writer.begin("a=b"),
        |writer| writer.list("l", []),
        |writer| writer.list("l", [&b""[..]]),
        |writer| writer.list("l", [&b"x\ny"[..]]),
        |writer| writer.list("l", [&[b'x'; LIST_LIMIT][..]]),
    ];
    for form in [Form::Netstring, Form::Classic] {
        for (at, fill) in bad.iter().enumerate() {
            assert_eq!(write(form, fill), Err(WriteError::BadValue), "{form:?} {at}");
        }
    }
}

/// Whether the field of a classic message can be copied into another message, with the same result in both forms.
fn is_passed_on(line: &str) -> bool {
    let message = std::format!(">>>\nt=x\n{line}\n<<<\n");
    let message = Structure::local(message.as_bytes()).unwrap();
    let written = [Form::Netstring, Form::Classic]
        .map(|form| write(form, |writer| message.fields().for_each(|field| writer.field(&field))).is_ok());
    assert_eq!(written[0], written[1], "{line}");
    written[0]
}

#[test]
fn list_that_would_cost_the_message_is_not_passed_on() {
    for (list, sound) in [
        ("1:a,", true),
        ("1:a,2:bc,", true),
        ("", false),
        ("0:,", false),
        ("1:a", false),
        ("1:a,x", false),
        ("01:a,", false),
    ] {
        assert_eq!(is_passed_on(&std::format!("(3)l={list}")), sound, "{list}");
    }
}

#[test]
fn list_of_less_than_a_kibibyte_is_passed_on() {
    let list = |len: usize| {
        let item = std::vec![b'x'; len];
        write(Form::Netstring, |writer| writer.list("l", [&item[..]])).map(drop)
    };
    // With `1017:` before it and a comma after it, this list is one byte shorter than LIST_LIMIT.
    assert_eq!((list(1017), list(1018)), (Ok(()), Err(WriteError::BadValue)));
}

#[test]
fn newlines_of_a_string_are_hidden_in_the_classic_form_and_restored_from_it() {
    let packet = write(Form::Classic, |writer| writer.text("s", b"a\nb\n")).unwrap();
    assert!(packet.starts_with(b">>>\ns=a\x13b\x13\n"));
    let message = Structure::local(b">>>\ns=a\x13b\n(1)b=AAEC\n<<<\n").unwrap();
    let fill = |writer: &mut Writer<'_>| message.fields().for_each(|field| writer.field(&field));
    let packet = write(Form::Netstring, fill).unwrap();
    assert!(packet.starts_with(b"###\n8:(0)s=a\nb,8:(1)b=\x00\x01\x02,"));
    let keys = keys();
    for len in 0..packet.len() {
        let mut out = std::vec![0; len];
        let mut writer = Writer::netstring(&mut out, &keys, true);
        fill(&mut writer);
        assert_eq!(writer.finish(), Err(WriteError::Full), "{len}");
    }
    let mut out = std::vec![0; packet.len()];
    let mut writer = Writer::netstring(&mut out, &keys, true);
    fill(&mut writer);
    assert_eq!(writer.finish(), Ok(packet.len()));
}

#[test]
fn value_that_is_not_base64_is_not_passed_on() {
    for (text, sound) in [("QQ==", true), ("", true), ("!!!!", false), ("Z===", false), ("QR==", false), ("QQ", false)]
    {
        assert_eq!(is_passed_on(&std::format!("(1)b={text}")), sound, "{text}");
    }
}

#[test]
fn value_cannot_hold_the_newline_of_a_structure_around_it() {
    let fill = |writer: &mut Writer<'_>| {
        writer.begin("s");
        writer.text("a", b"x\x14y");
        writer.end();
    };
    assert_eq!(write(Form::Classic, fill), Err(WriteError::BadValue));
    assert!(write(Form::Netstring, fill).is_ok());
    assert!(write(Form::Classic, |writer| writer.text("a", b"x\x14\ny")).is_ok());
}

#[test]
fn nesting_must_be_even_and_at_most_sixteen_levels() {
    let nested = |levels| {
        move |writer: &mut Writer<'_>| {
            for _ in 0..levels {
                writer.begin("s");
            }
            for _ in 0..levels {
                writer.end();
            }
        }
    };
    for form in [Form::Netstring, Form::Classic] {
        let packet = write(form, nested(DEPTH_MAX)).unwrap();
        assert!(open(&packet, &keys()).is_ok());
        assert_eq!(write(form, nested(DEPTH_MAX + 1)), Err(WriteError::BadNesting));
        assert_eq!(write(form, |writer| writer.begin("s")), Err(WriteError::BadNesting));
        let ended_twice = |writer: &mut Writer<'_>| {
            nested(1)(writer);
            writer.end();
        };
        assert_eq!(write(form, ended_twice), Err(WriteError::BadNesting));
    }
}

#[test]
fn buffer_too_small_by_any_amount_is_reported() {
    let whole = write(Form::Netstring, status).unwrap();
    let keys = keys();
    for len in 0..whole.len() {
        let mut out = std::vec![0; len];
        let mut writer = Writer::netstring(&mut out, &keys, true);
        status(&mut writer);
        assert_eq!(writer.finish(), Err(WriteError::Full), "{len}");
    }
}

#[test]
fn without_a_signing_key_only_local_messages_are_written() {
    let mut out = [0; 64];
    assert_eq!(Writer::classic(&mut out, &Keys::<1>::new()).finish(), Err(WriteError::NotSigned));
    assert_eq!(Writer::netstring(&mut out, &Keys::<1>::new(), true).finish(), Err(WriteError::NotSigned));
    let mut writer = Writer::local(&mut out, Form::Classic);
    writer.text("t", b"hbapi-req");
    let len = writer.finish().unwrap();
    assert_eq!(&out[..len], b">>>\nt=hbapi-req\n<<<\n");
}

#[test]
fn smallest_useful_heartbeat_fits_into_150_bytes() {
    let packet = write(Form::Classic, |writer| {
        writer.text("t", b"status");
        writer.text("st", b"active");
        writer.hex("dt", 30_000);
        writer.decimal("protocol", 1);
        writer.text("src", b"fourteen-chars");
        writer.hex("seq", 0xff_ffff);
        writer.hex("hg", 0x6b02_6ae9);
        writer.hex("ts", 0x6b02_6ae8);
    })
    .unwrap();
    assert!(packet.len() <= 150, "{}", packet.len());
}
