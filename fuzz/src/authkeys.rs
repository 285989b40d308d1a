//! Arbitrary bytes as `authkeys`, and messages signed with the keys in it.

use hbcore::config::{AuthKeys, Method, Problems};
use hbcore::wire::{self, Form, Keys, Writer, open};

use crate::problems;

/// Every sound file makes a key table. The table accepts the messages that it signs, in both forms.
pub fn run(text: &[u8]) {
    let mut found = Problems::new();
    let parsed = AuthKeys::parse(text, &mut found);
    problems::check(text, &found);
    let Some(read) = problems::checked(parsed, found.errors()) else { return };
    let signing = read.signing().expect("a sound file says which key signs");
    let mut keys: Keys = Keys::new();
    for entry in read.entries() {
        let method = match entry.method {
            Method::Crc => wire::Method::Crc,
            Method::Md5 => wire::Method::Md5,
            Method::Sha1 => wire::Method::Sha1,
        };
        keys.insert(entry.index, method, entry.key).expect("a sound entry");
    }
    keys.set_signing(signing.index).expect("a sound file defines it");
    for form in [Form::Netstring, Form::Classic] {
        let mut buffer = [0; 128];
        let mut writer = match form {
            Form::Netstring => Writer::netstring(&mut buffer, &keys, false),
            Form::Classic => Writer::classic(&mut buffer, &keys),
        };
        writer.text("t", b"status");
        let len = writer.finish().expect("a short message");
        let message = open(&buffer[..len], &keys).expect("our own signature");
        assert_eq!(message.key_index(), signing.index);
        buffer[len / 2] ^= 0x20;
        assert!(open(&buffer[..len], &keys).is_err(), "a damaged message was taken");
    }
}
