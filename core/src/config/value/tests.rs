use super::*;

fn millis(text: &str) -> Option<u128> {
    parse_time(text).map(|t| t.as_millis())
}

#[test]
fn times_are_seconds_unless_they_say_otherwise() {
    let accepted = [
        ("2", 2000),
        ("2.5", 2500),
        (".5", 500),
        ("2.", 2000),
        ("500ms", 500),
        ("1msec", 1),
        ("5MS", 5),
        ("1500us", 2),
        ("1500usec", 2),
        ("400us", 0),
        ("0.5ms", 1),
        ("0.4ms", 0),
        ("1.0005", 1001),
        (".", 0),
        ("1.2.3", 1200),
        ("0", 0),
    ];
    for (text, expected) in accepted {
        assert_eq!(millis(text), Some(expected), "{text}");
    }
}

#[test]
fn other_suffixes_and_signs_are_refused() {
    for text in ["1s", "10m", "2x", "1h", "1e3", "-1", "+2", "abc", "", "=", "1m", "ms"] {
        assert_eq!(millis(text), None, "{text}");
    }
}

#[test]
fn time_never_overflows() {
    assert!(millis("99999999999999999999999999999").is_some());
    assert!(millis("0.99999999999999999999999999999").is_some());
}

#[test]
fn integers_are_read_as_c_reads_them() {
    let read = |text| (parse_integer(text).value, parse_integer(text).exact);
    assert_eq!(read("7"), (7, true));
    assert_eq!(read("-4"), (-4, true));
    assert_eq!(read("50x"), (50, false));
    assert_eq!(read("abc"), (0, false));
    assert_eq!(read(""), (0, false));
    assert_eq!(read("4294967297"), (1, false));
}

#[test]
fn booleans_have_five_spellings_each() {
    for text in ["true", "ON", "Yes", "y", "1"] {
        assert_eq!(parse_boolean(text), Some(true), "{text}");
    }
    for text in ["FALSE", "off", "No", "n", "0"] {
        assert_eq!(parse_boolean(text), Some(false), "{text}");
    }
    for text in ["", "maybe", "2", "o"] {
        assert_eq!(parse_boolean(text), None, "{text}");
    }
}
