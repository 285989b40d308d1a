use std::string::{String, ToString};
use std::vec::Vec;

use super::*;
use crate::config::Severity;

/// The checked keys, or the messages of the errors.
fn read(text: &str) -> Result<AuthKeys<'_>, Vec<String>> {
    let mut problems = Problems::<16>::new();
    let parsed = AuthKeys::parse(text.as_bytes(), &mut problems);
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
    let messages = errors.map(|problem| problem.kind.to_string()).collect();
    parsed.checked().ok_or(messages)
}

/// Index, method and key.
type Signing<'t> = (u8, Method, &'t [u8]);

fn signing(text: &str) -> Signing<'_> {
    let keys = read(text).unwrap_or_else(|errors| panic!("{text:?}: {errors:?}"));
    let key = *keys.signing().expect("checked keys have a signing key");
    (key.index, key.method, key.key)
}

#[test]
fn lenient_forms_of_3_0_6_are_accepted() {
    let cases: [(&str, Signing<'_>); 16] = [
        ("auth 1\n1 sha1 HI!\n", (1, Method::Sha1, b"HI!")),
        ("auth 1\n1 crc\n", (1, Method::Crc, b"")),
        ("auth3   # text\n3 md5 Hello!   # text\n", (3, Method::Md5, b"Hello!")),
        ("auth 1x\n1 sha1 k\n", (1, Method::Sha1, b"k")),
        ("auth 1\n1sha1 k\n", (1, Method::Sha1, b"k")),
        ("auth 1\n01 sha1 k\n", (1, Method::Sha1, b"k")),
        ("auth 1\n+1 sha1 k\n", (1, Method::Sha1, b"k")),
        ("auth 1\n1\tsha1\tk", (1, Method::Sha1, b"k")),
        ("auth\t1\r\n1 sha1 k\r\n", (1, Method::Sha1, b"k")),
        ("  auth 0\n\n# c\n  0 sha1 a b c\n", (0, Method::Sha1, b"a")),
        ("auth 1\n1 sha1 #c\n", (1, Method::Sha1, b"#c")),
        ("auth 15\n15 sha1 k\n", (15, Method::Sha1, b"k")),
        ("auth 1\n1 sha1 k\n1 md5 z\n", (1, Method::Md5, b"z")),
        ("auth 1\n1 sha1 k\nauth 2\n", (1, Method::Sha1, b"k")),
        ("auth 1\n1 sha1 k\nauth 2\n2 md5 z\n", (2, Method::Md5, b"z")),
        ("auth 2\n1 md5 old\n2 sha1 new\n", (2, Method::Sha1, b"new")),
    ];
    for (text, expected) in cases {
        assert_eq!(signing(text), expected, "{text:?}");
    }
}

#[test]
fn refusals_have_the_words_of_3_0_6() {
    let cases: [(&str, &[&str]); 18] = [
        ("", &["Missing auth directive"]),
        ("1 crc\n", &["Missing auth directive"]),
        ("auth -1\n1 crc\n", &["Missing auth directive"]),
        ("auth 2\n1 sha1 k\n", &["Auth Key [2] not found"]),
        ("1 sha1 k\nauth 1\n", &["Auth Key [1] not found"]),
        ("auth 99\n1 sha1 k\n", &["Auth Key [99] not found"]),
        ("auth 1\n1 foo k\n", &["Invalid authtype [foo]"]),
        ("auth 1\n1 SHA1 k\n", &["Invalid authtype [SHA1]"]),
        ("auth 1\n1,sha1,k\n", &["Invalid authtype [,sha1,k]"]),
        ("auth 1\n1 crc k\n", &["Auth method [crc] doesn't use a key"]),
        ("auth 1\n1 sha1\n", &["Auth method [sha1] requires a key"]),
        ("auth 1\n1 sha1 k\n2 foo k\n", &["Invalid authtype [foo]"]),
        ("auth 1\n1 sha1 k\n16 sha1 k\n", &["Invalid authnum [16]"]),
        ("auth 1\n1 sha1 k\n-1 sha1 k\n", &["Invalid authnum [-1]"]),
        ("auth abc\n1 sha1 k\n", &["Invalid auth line [auth ...]"]),
        ("auth 1\n1 sha1 k\nabc\n", &["Invalid auth line [abc ...]"]),
        ("auth 1\n1 sha1 k\nhello\n", &["Auth line [hello ...] is invalid."]),
        ("auth 1\n1 sha1 k\n2\n", &["Auth line [2 ...] is invalid."]),
    ];
    for (text, expected) in cases {
        let errors = read(text).map(|_| ()).expect_err(text);
        assert_eq!(errors.len(), expected.len(), "{text:?}: {errors:?}");
        for (error, words) in errors.iter().zip(expected) {
            assert!(error.contains(words), "{text:?}: {error}");
        }
    }
}

#[test]
fn no_message_and_no_debug_output_shows_a_key() {
    let mut problems = Problems::<16>::new();
    let text = b"auth 1\nsha1 topsecret\n1 sh topsecret\n1 crc topsecret\n2 sha1 topsecret rest\n";
    let parsed = AuthKeys::parse(text, &mut problems);
    assert!(problems.errors() >= 3);
    assert!(!std::format!("{problems:?}").contains("topsecret"));
    assert!(!std::format!("{parsed:?}").contains("topsecret"));
}

/// A caret stands before the wrong word.
#[test]
fn places_are_those_of_the_wrong_word() {
    let marked = [
        "auth 1\n 1 sha1 k\n  2  ^foo k\n",
        "auth 1\n1 sha1 k\n \t2\t^md5\r\n",
        "auth 1\n1 sha1 k\n2  crc\t ^k # c\n",
        "auth 1\n1 sha1 k\n ^16 sha1 k\n",
        "auth 1\n1 sha1 k\n\t^hello 1\n",
        " auth \t^abc\n1 sha1 k\n",
        "\t^auth\n1 sha1 k\n",
        "^aut 1\n1 sha1 k\n",
        "auth  ^-1\n1 sha1 k\n",
        "auth  ^2\n1 sha1 k\n",
        "auth 1\n1 sha1 key  ^rest # c\n",
        "auth 1 ^# which\n1 sha1 k\n",
        "auth 1\n1 sha1 k\n ^1 md5 k\n",
    ];
    for marked in marked {
        let (before, after) = marked.split_once('^').expect("a caret");
        let line = 1 + before.matches('\n').count();
        let column = 1 + before.rsplit('\n').next().map_or(0, str::len);
        let text = [before, after].concat();
        let mut problems = Problems::<4>::new();
        let _ = AuthKeys::parse(text.as_bytes(), &mut problems);
        let places: Vec<_> =
            problems.iter().filter_map(|p| p.at).map(|at| (at.line as usize, at.column as usize)).collect();
        assert_eq!(places, [(line, column)], "{marked:?}: {problems:?}");
    }
}

#[test]
fn help_is_what_mends_the_file() {
    let helps = |text: &str| {
        let mut problems = Problems::<4>::new();
        let _ = AuthKeys::parse(text.as_bytes(), &mut problems);
        problems.iter().map(|problem| problem.kind.help().to_string()).collect::<Vec<_>>()
    };
    for (text, help) in [
        ("", "write two lines, the same on all nodes: `auth 1`, then `1 sha1 SECRET`"),
        ("3 sha1 k\n", "add `auth 3` as the first line"),
        ("1 sha1 k\nauth 1\n", "move `auth 1` above line 1: the auth line must come first"),
        ("auth 2\n1 sha1 k\n", "add `2 sha1 KEY` below `auth 2`, or name the number of another line"),
        ("auth 99\n1 sha1 k\n", "expected a number from 0 to 15"),
        ("Auth 1\n1 sha1 k\n", "write `auth` in lower case"),
        ("auth 1\n1 SHA1 k\n", "expected `sha1`, `md5` or `crc`, in lower case"),
    ] {
        assert_eq!(helps(text), [help], "{text:?}");
    }
    assert_eq!(helps("auth 99\n99 sha1 k\n").len(), 2, "both numbers are wrong");
}

#[test]
fn utf_16_is_one_error() {
    let mut problems = Problems::<8>::new();
    let _ = AuthKeys::parse(b"\xff\xfea\0u\0t\0h\0 \x001\0\n\0", &mut problems);
    let kinds: std::vec::Vec<_> = problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::ByteOrderMark]);
}

#[test]
fn byte_order_mark_is_named() {
    let mut problems = Problems::<8>::new();
    let parsed = AuthKeys::parse(b"\xef\xbb\xbfauth 1\n1 sha1 k\n", &mut problems);
    let kinds: std::vec::Vec<_> = problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::ByteOrderMark]);
    assert!(parsed.checked().is_none());
}
