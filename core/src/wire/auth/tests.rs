use super::*;

fn keys(entries: &[(u8, Method, &[u8])], signing: u8) -> Keys {
    let mut keys = Keys::new();
    for (index, method, key) in entries {
        keys.insert(*index, *method, key).unwrap();
    }
    keys.set_signing(signing).unwrap();
    keys
}

fn digest(method: Method, key: &[u8], data: &[u8]) -> DigestText {
    keys(&[(1, method, key)], 1).digest(data).unwrap()
}

#[test]
fn known_answers_of_the_wire_reference() {
    let long = [b'k'; 65];
    for (method, key, text) in [
        (Method::Crc, &b""[..], "765e7680"),
        (Method::Md5, b"HI!", "30ad1d6a6764b06c057fb88d8b4fd5f6"),
        (Method::Md5, &long, "975949a0abef0df957dc99b53bfd7df0"),
        (Method::Sha1, b"HI!", "9138b5843f9c341506b4f5eea1ee5461f3d7976f"),
        (Method::Sha1, &long, "3d3b143763813de0ed359b8f643438225a5013db"),
    ] {
        assert_eq!(digest(method, key, b"123456789").as_bytes(), text.as_bytes());
    }
}

#[test]
fn known_answer_of_rfc_2202() {
    let text = digest(Method::Sha1, b"Jefe", b"what do ya want for nothing?");
    assert_eq!(text.as_bytes(), b"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

#[test]
fn crc_has_no_leading_zeros() {
    let short =
        (0..10_000u32).map(|n| digest(Method::Crc, b"", &n.to_be_bytes())).filter(|text| text.as_bytes().len() < 8);
    assert!(short.map(|text| assert_ne!(text.as_bytes()[0], b'0')).count() > 100);
}

#[test]
fn key_belongs_to_a_method_that_uses_it() {
    let mut keys: Keys = Keys::new();
    assert_eq!(keys.insert(1, Method::Crc, b"HI!"), Err(KeyError::UnexpectedKey));
    assert_eq!(keys.insert(1, Method::Sha1, b""), Err(KeyError::MissingKey));
    assert_eq!(keys.insert(16, Method::Crc, b""), Err(KeyError::BadIndex));
    assert_eq!(keys.set_signing(1), Err(KeyError::Undefined));
    assert_eq!(keys.signing_index(), None);
    assert!(keys.digest(b"x").is_none());
}

#[test]
fn fifteen_is_the_highest_index_and_zero_the_lowest() {
    let mut table: Keys = Keys::new();
    for index in [0, 15] {
        table.insert(index, Method::Crc, b"").unwrap();
        table.set_signing(index).unwrap();
        assert_eq!(table.signing_index(), Some(index));
        assert_eq!(table.view().signer().unwrap().index(), index);
        assert_eq!(Claim::scan(std::format!("{index} ab").as_bytes()).unwrap().index, index);
    }
}

#[test]
fn full_table_refuses_the_newcomer_and_still_replaces() {
    let mut keys: Keys<1> = Keys::new();
    keys.insert(1, Method::Crc, b"").unwrap();
    assert_eq!(keys.insert(2, Method::Crc, b""), Err(KeyError::Full));
    keys.insert(1, Method::Sha1, b"HI!").unwrap();
    keys.set_signing(1).unwrap();
    assert_eq!(keys.digest(b"123456789").unwrap().as_bytes(), b"9138b5843f9c341506b4f5eea1ee5461f3d7976f");
}

#[test]
fn debug_output_shows_no_key() {
    let text = std::format!("{:?}", keys(&[(2, Method::Sha1, b"HI!")], 2));
    assert_eq!(text, "{2: Sha1}");
}

/// Whether a receiver that signs with sha1 entry 2 `HI!` and has the md5 entry 3 `other` accepts this digest.
fn accepted(form: Form, index: u8, method: Method, key: &[u8]) -> bool {
    let receiver = keys(&[(2, Method::Sha1, b"HI!"), (3, Method::Md5, b"other")], 2);
    let text = digest(method, key, b"data");
    let claim = Claim { index, digest: text.as_bytes() };
    receiver.view().verify(form, &claim, [b"da", b"ta"]).is_ok()
}

#[test]
fn keys_are_chosen_as_the_wire_reference_says() {
    use Form::{Classic, Netstring};
    assert!(accepted(Netstring, 2, Method::Sha1, b"HI!"));
    assert!(accepted(Netstring, 3, Method::Md5, b"HI!"), "method of entry 3, key of the signing entry");
    assert!(accepted(Netstring, 3, Method::Md5, b"other"), "ours in addition");
    assert!(!accepted(Netstring, 2, Method::Sha1, b"other"));
    assert!(!accepted(Netstring, 3, Method::Sha1, b"HI!"));
    assert!(!accepted(Netstring, 5, Method::Sha1, b"HI!"));
    assert!(accepted(Classic, 3, Method::Md5, b"other"));
    assert!(!accepted(Classic, 3, Method::Md5, b"HI!"));
}

#[test]
fn crc_entry_that_signs_lends_no_empty_key() {
    let receiver = keys(&[(1, Method::Crc, b""), (2, Method::Sha1, b"HI!")], 1);
    let no_key = Hmac::new(Function::Sha1, b"");
    let mut forged = Mac::hmac(&no_key);
    forged.update(b"data");
    let text = forged.finish();
    let claim = Claim { index: 2, digest: text.as_bytes() };
    assert_eq!(receiver.view().verify(Form::Netstring, &claim, [b"data", b""]), Err(PacketError::BadDigest));
}

#[test]
fn signatures_are_scanned_leniently() {
    for text in [&b"2 ab"[..], b"02   ab x", b" 2\tab "] {
        let claim = Claim::scan(text).unwrap();
        assert_eq!((claim.index, claim.digest), (2, &b"ab"[..]));
    }
    for text in [&b""[..], b"2", b"2 ", b"-1 ab", b"x ab"] {
        assert_eq!(Claim::scan(text).err(), Some(PacketError::BadSignature), "{text:?}");
    }
    for text in [&b"16 ab"[..], b"99999999999999999999999 ab"] {
        assert_eq!(Claim::scan(text).err(), Some(PacketError::UnknownKey), "{text:?}");
    }
}
