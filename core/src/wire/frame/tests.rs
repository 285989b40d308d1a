use std::vec::Vec;

use super::*;

/// The messages and counters of a reader of `N` bytes, for a stream that comes in pieces of `step` bytes.
fn read<const N: usize>(stream: &[u8], step: usize) -> (Vec<Vec<u8>>, FrameCounters) {
    let mut reader = FrameReader::<N>::new();
    let mut messages = Vec::new();
    for mut piece in stream.chunks(step) {
        while let Some(message) = reader.push(&mut piece) {
            messages.push(message.to_vec());
        }
        assert!(piece.is_empty());
    }
    (messages, reader.counters())
}

fn messages(stream: &[u8]) -> Vec<Vec<u8>> {
    let (whole, _) = read::<64>(stream, stream.len());
    for step in 1..stream.len() {
        assert_eq!(read::<64>(stream, step).0, whole, "pieces of {step}");
    }
    whole
}

const A: &[u8] = b">>>\nt=a\n<<<\n";
const B: &[u8] = b">>>\nt=b\n<<<\n";

#[test]
fn messages_follow_each_other() {
    assert_eq!(messages(&[A, B, A].concat()), [A, B, A]);
}

#[test]
fn carriage_returns_are_dropped() {
    assert_eq!(messages(b">>>\r\nt=a\r\n<<<\r\n>>>\r\nt=b\r\n<<<\r\n"), [A, B]);
}

#[test]
fn text_outside_is_skipped_and_counted() {
    let stream = [b"login: \nx\n", A, b"noise\n", B].concat();
    assert_eq!(messages(&stream), [A, B]);
    assert_eq!(read::<64>(&stream, 7).1.bytes, 13);
}

#[test]
fn noise_before_the_begin_costs_nothing() {
    assert_eq!(messages(&[b"noise", A].concat()), [A]);
    assert_eq!(messages(b">>>noise\nt=a\n<<<noise\n"), [A]);
}

#[test]
fn message_is_given_before_its_last_newline_came() {
    assert_eq!(messages(b">>>\nt=a\n<<<"), [A]);
}

#[test]
fn message_that_breaks_off_at_a_line_end_costs_itself_only() {
    let stream = [b">>>\nt=broken\n", A, B].concat();
    assert_eq!(messages(&stream), [A, B]);
    assert_eq!(read::<64>(&stream, 5).1, FrameCounters { broken: 1, ..FrameCounters::default() });
}

#[test]
fn message_that_breaks_off_in_mid_line_leaves_the_next_one_readable() {
    let glued = [b">>>\nt=brok", A].concat();
    assert_eq!(messages(&[&glued, B].concat()), [&glued[..], A, B]);
}

#[test]
fn message_that_breaks_off_in_its_end_leaves_the_next_one_readable() {
    assert_eq!(messages(&[b">>>\nt=a\n<<", A, B].concat()), [&b">>>\nt=a\n<<>>>\nt=a\n<<<\n"[..], A, B]);
    assert_eq!(messages(&[b">>>\nt=a\n<<<", B].concat()), [A, B]);
}

#[test]
fn message_too_long_is_thrown_away_and_counted() {
    let stream = [&b">>>\nt=much-too-long\n<<<\n"[..], A].concat();
    let (messages, counters) = read::<12>(&stream, 3);
    assert_eq!(messages, [A]);
    assert_eq!(counters.oversized, 1);
}

#[test]
fn begin_in_mid_line_survives_when_the_broken_part_overflows() {
    let stream = [b">>>\nt=broken", A].concat();
    let (messages, counters) = read::<16>(&stream, 4);
    assert_eq!(messages, [A]);
    assert_eq!(counters.oversized, 1);
}

#[test]
fn no_buffer_is_too_small_to_be_safe() {
    assert!(read::<0>(A, 1).0.is_empty());
    assert!(read::<3>(A, 1).0.is_empty());
    assert!(read::<11>(A, 1).0.is_empty());
    assert_eq!(read::<12>(A, 1).0, [A]);
}

#[test]
fn device_is_read_message_by_message() {
    let stream = [A, B, b"noise", A].concat();
    let mut source = FrameSource::<_, 64, 5>::new(&stream[..]);
    let mut messages = Vec::new();
    for _ in 0..stream.len() {
        if let Some(message) = source.read().unwrap() {
            messages.push(message.to_vec());
        }
    }
    assert_eq!(messages, [A, B, A]);
    assert_eq!(source.counters().bytes, 5);
}
