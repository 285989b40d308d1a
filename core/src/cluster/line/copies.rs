//! The times of copies, the message that each carries, and the messages that wait until the line is free.

use super::super::*;
use super::Line;
use super::tests::{SPEED, config};
use crate::time::micros;
use crate::wire;

type Engine = Cluster<2, 2, 2, 8192, 1>;

const MS: fn(u64) -> Duration = Duration::from_millis;
const CABLE: &[LinkForm] = &[LinkForm::Serial { baud: SPEED }];
const BOTH: &[LinkForm] = &[LinkForm::Datagram, LinkForm::Serial { baud: SPEED }];
/// Microseconds of a byte at [`SPEED`].
const BYTE: u64 = 572;

/// alpha, a second after its start. Its first messages have been polled.
fn alpha(links: &[LinkForm]) -> Engine {
    let mut engine = config(0, 7, SPEED, |config, keys| {
        let config = Config { links, ..*config };
        Engine::new(&config, keys, Instant::ZERO, 1).unwrap()
    });
    let mut buffer = [0; 1024];
    while engine.poll_transmit(&mut buffer).is_some() {}
    engine.set_now(Instant::from_millis(1000));
    engine
}

/// alpha has just written a heartbeat, and given it to the line.
fn alpha_after_a_heartbeat(links: &[LinkForm]) -> Engine {
    let mut engine = alpha(links);
    engine.say_heartbeat();
    let mut buffer = [0; 1024];
    while engine.poll_transmit(&mut buffer).is_some() {}
    engine.line.free_at = engine.now;
    engine
}

impl Engine {
    fn on_the_line(&self, len: usize) -> Transmit {
        Transmit { links: self.serial_links, len }
    }

    fn length_of_newest(&self) -> usize {
        self.history.get(self.newest_sequence()).unwrap().len()
    }
}

#[test]
fn copies_follow_at_a_part_of_a_keepalive_and_half_as_often_without_noise() {
    let gap = |keepalive, byte, now| {
        let line = Line { byte, len: 140, noise_until: Instant::from_millis(500), ..Line::UNKNOWN };
        line.gap(MS(keepalive), Instant::from_millis(now))
    };
    assert_eq!(gap(1000, 10, 499), 62_500, "a sixteenth");
    assert_eq!(gap(100, 10, 499), 50_000, "no oftener, on a fast line");
    assert_eq!(gap(1000, 572, 499), 80_080, "a slow line takes its time");
    assert_eq!(gap(1000, 572, 500), 160_160, "no noise");
}

#[test]
fn request_is_not_repeated_for_eight_times_its_length() {
    let engine = alpha(CABLE);
    assert_eq!(micros(engine.line.request_pause()), 8 * 230 * BYTE);
}

#[test]
fn deadline_is_that_of_the_line_only_while_something_waits_for_it() {
    let deadline = |waits: fn(&mut Engine), rests: u64| {
        let mut engine = alpha_after_a_heartbeat(CABLE);
        engine.line.copy_at = None;
        engine.line.rests_until = Instant::from_millis(rests);
        waits(&mut engine);
        let mut deadline = Instant::from_millis(9999);
        engine.bring_forward_for_line(&mut deadline);
        deadline.as_micros() / 1000
    };
    let request: fn(&mut Engine) = |engine| engine.serve(NodeId(1));
    let repetition: fn(&mut Engine) = |engine| {
        let newest = engine.newest_sequence();
        engine.history.request(engine.now, newest, newest, 1, Duration::ZERO).unwrap();
    };
    assert_eq!((deadline(request, 1700), deadline(request, 1000)), (1700, 9999));
    assert_eq!((deadline(repetition, 1700), deadline(repetition, 1000)), (1700, 9999));
    assert_eq!(deadline(|_| {}, 1700), 9999, "nothing waits");
}

#[test]
fn repetition_is_followed_by_eight_times_its_length_where_there_are_cables_only() {
    let now = Instant::from_millis(1000);
    let mut engine = alpha_after_a_heartbeat(CABLE);
    engine.note_sent(&engine.on_the_line(100), true);
    assert_eq!(engine.line.free_at, now.plus(100 * BYTE));
    assert_eq!(engine.line.rests_until, now.plus(9 * 100 * BYTE));
    let mut engine = alpha_after_a_heartbeat(BOTH);
    engine.note_sent(&engine.on_the_line(100), true);
    assert_eq!(engine.line.free_at, now.plus(100 * BYTE));
    assert!(!engine.line_rests(), "the network has room for it");
}

#[test]
fn packet_of_the_network_takes_no_time_of_the_line() {
    let mut engine = alpha_after_a_heartbeat(BOTH);
    engine.note_sent(&Transmit { links: engine.datagram_links, len: 100 }, false);
    assert_eq!(engine.line.free_at, Instant::from_millis(1000));
}

#[test]
fn length_of_the_heartbeat_is_learned_from_heartbeats_only() {
    let mut engine = alpha_after_a_heartbeat(CABLE);
    let len = engine.line.len;
    assert_eq!(usize::from(len), engine.length_of_newest());
    engine.note_sent(&engine.on_the_line(300), true);
    assert_eq!(engine.line.len, len, "a repetition");
    engine.send_for_client(engine.now, &[("t", b"custom")]).unwrap();
    engine.note_sent(&engine.on_the_line(300), false);
    assert_eq!(engine.line.len, len, "another new message");
}

#[test]
fn copy_is_due_once_more_only_if_the_line_is_free_again_for_the_next_heartbeat() {
    let next = |before_heartbeat: u64| {
        let mut engine = alpha_after_a_heartbeat(CABLE);
        let now = engine.now;
        let gap = engine.line.gap(MS(1000), now);
        engine.line.copy_at = Some(now);
        engine.next_heartbeat = now.plus(before_heartbeat);
        engine.advance_copies();
        assert!(engine.line.copy_now);
        engine.line.copy_at.map(|at| (at == now.plus(gap), gap))
    };
    let (_, gap) = next(10_000_000).unwrap();
    assert_eq!(next(2 * gap), Some((true, gap)));
    assert_eq!(next(2 * gap - 1), None);
}

#[test]
fn node_that_has_left_sends_no_copies() {
    let mut engine = alpha_after_a_heartbeat(CABLE);
    engine.left = true;
    engine.line.copy_at = Some(engine.now);
    engine.next_heartbeat = engine.now.after(MS(10_000));
    engine.advance_copies();
    assert_eq!((engine.line.copy_now, engine.line.copy_at), (false, None));
}

#[test]
fn copy_that_is_due_waits_for_the_line() {
    let mut engine = alpha_after_a_heartbeat(CABLE);
    let mut buffer = [0; 1024];
    engine.line.copy_now = true;
    engine.line.free_at = engine.now.plus(1);
    assert!(engine.poll_copy(&mut buffer).is_none());
    engine.set_now(engine.line.free_at);
    let copy = engine.poll_copy(&mut buffer).unwrap();
    assert_eq!((copy.links, copy.len), (engine.serial_links, engine.length_of_newest()));
    assert!(engine.poll_copy(&mut buffer).is_none(), "once");
}

/// The fourth copy after a client's message, when the heartbeat is `shorter` bytes shorter than a third of that
/// message.
fn fourth_copy(links: &[LinkForm], shorter: u16) -> Option<std::vec::Vec<u8>> {
    let mut engine = alpha_after_a_heartbeat(links);
    engine.send_for_client(engine.now, &[("t", b"custom"), ("said", &[b'x'; 150])]).unwrap();
    engine.line.len = engine.length_of_newest().div_ceil(3) as u16 - shorter;
    engine.line.copies = 3;
    engine.line.copy_now = true;
    let mut buffer = [0; 1024];
    let copy = engine.poll_copy(&mut buffer)?;
    Some(buffer[..copy.len].to_vec())
}

#[test]
fn fourth_copy_is_one_of_the_newest_message_unless_that_is_longer_than_three_heartbeats() {
    for links in [CABLE, BOTH] {
        let copy = fourth_copy(links, 0).unwrap();
        assert!(copy.starts_with(b">>>"), "a cable takes the form in lines only");
        let keys = config(0, 7, SPEED, |_, keys| keys);
        assert_eq!(wire::open(&copy, &keys).unwrap().text("t"), Some(&b"custom"[..]));
        assert_eq!(fourth_copy(links, 1), None);
    }
}
