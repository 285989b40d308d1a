//! The treatment of a message's number and receiver: new, missing, given up, of another run, for another node.

use super::identity::{From, message, signed};
use super::*;
use crate::DatagramError;

impl World {
    /// The newest number that bravo has of alpha.
    fn newest(&self) -> u64 {
        self.at(1).nodes[0].window.newest().unwrap().0
    }

    /// alpha sends an unimportant message with this number.
    fn number(&mut self, seq: u64) -> Result<Received, DatagramError> {
        let from = From { seq: Some(seq), ..self.alpha() };
        self.tell_bravo(&message("starting", from, &[]))
    }

    /// The events of bravo since the last call.
    fn reported(&mut self) -> Vec<Event> {
        core::mem::take(&mut self.hosts[1].events)
    }

    fn lost_for_good(&mut self) -> (Vec<u64>, u64) {
        let lost = |e: Event| if let Event::LostTooMany { lost, .. } = e { Some(lost) } else { None };
        (self.reported().into_iter().filter_map(lost).collect(), self.at(1).stats().lost_messages)
    }
}

const A: NodeId = NodeId(0);

#[test]
fn gap_is_reported_once_and_filled_by_whatever_number_comes() {
    let mut world = World::started(PAIR);
    let newest = world.newest();
    world.reported();
    assert_eq!(world.number(newest + 3), Ok(Received::New));
    assert_eq!(world.reported(), [Event::Missing { node: A, lost: 2, seen: Sequence(newest + 3) }]);
    assert_eq!(world.number(newest + 2), Ok(Received::New));
    assert_eq!(world.reported(), [], "one is missing still");
    assert_eq!(world.number(newest + 4), Ok(Received::New));
    assert_eq!(world.number(newest + 1), Ok(Received::New));
    assert_eq!(world.reported(), [Event::NothingMissing(A)]);
    assert_eq!(world.number(newest + 4), Ok(Received::Duplicate));
    assert_eq!(world.number(newest + 1), Ok(Received::Old));
    assert_eq!(world.number(newest + 5), Ok(Received::New));
    assert_eq!(world.reported(), [], "the next number in order says nothing");
    assert_eq!(world.at(1).stats().lost_messages, 0);
}

#[test]
fn message_that_is_missing_for_512_others_is_given_up_and_counted() {
    let mut world = World::started(PAIR);
    let newest = world.newest();
    assert_eq!(world.number(newest + 201), Ok(Received::New));
    assert_eq!(world.number(newest + 402), Ok(Received::New));
    assert_eq!(world.lost_for_good(), (std::vec![], 0), "400 are missing");
    assert_eq!(world.number(newest + 603), Ok(Received::New));
    assert_eq!(world.lost_for_good(), (std::vec![91], 91));
    assert_eq!(world.number(newest + 604), Ok(Received::New));
    assert_eq!(world.lost_for_good(), (std::vec![1], 92));
    assert_eq!(world.number(newest + 500), Ok(Received::New));
    assert_eq!(world.number(newest + 604), Ok(Received::Duplicate));
    assert_eq!(world.number(newest + 50), Ok(Received::Old), "it was given up");
    assert_eq!(world.lost_for_good(), (std::vec![], 92));
}

#[test]
fn jump_over_more_than_250_numbers_gives_all_of_them_up() {
    let mut world = World::started(PAIR);
    let newest = world.newest();
    assert_eq!(world.number(newest + 252), Ok(Received::New));
    assert_eq!(world.lost_for_good(), (std::vec![251], 251));
    assert_eq!(world.number(newest + 251), Ok(Received::Old));
}

#[test]
fn refusal_strikes_off_what_is_missing_and_at_most_sixteen_numbers_at_once() {
    let mut world = World::started(PAIR);
    let newest = world.newest();
    world.number(newest + 41).unwrap();
    world.reported();
    let mut refuse = |first: u64, last: u64| {
        let range = (std::format!("{first:x}"), std::format!("{last:x}"));
        let from = From { seq: None, ..world.alpha() };
        let refusal = message("NS_nak_rexmit", from, &[("firstseq", &range.0), ("lastseq", &range.1)]);
        assert_eq!(world.tell_bravo(&refusal), Ok(Received::New));
        let refused = |e: Event| if let Event::RepeatRefused(A, seq) = e { Some(seq.0 - newest) } else { None };
        let refused: Vec<u64> = world.reported().into_iter().filter_map(refused).collect();
        (refused, world.at(1).stats().lost_messages, world.at(1).nodes[0].window.missing())
    };
    assert_eq!(refuse(newest + 3, newest + 4), (std::vec![3, 4], 2, 38));
    assert_eq!(refuse(newest + 4, newest + 5), (std::vec![5], 3, 37), "4 was struck off before");
    assert_eq!(refuse(newest + 6, newest + 60), ((6..=21).collect(), 19, 21));
}

#[test]
fn number_of_an_earlier_run_is_a_replay_and_one_of_a_new_run_is_new() {
    let mut world = World::started(PAIR);
    let alpha = world.alpha();
    world.reported();
    let earlier = From { generation: alpha.generation - 1, ..alpha };
    assert_eq!(world.tell_bravo(&message("starting", earlier, &[])), Err(DatagramError::Replayed));
    assert_eq!(world.reported(), [Event::Replay(A)]);
    let later = From { generation: alpha.generation + 1, seq: Some(1), ..alpha };
    assert_eq!(world.tell_bravo(&message("starting", later, &[])), Ok(Received::New));
    assert_eq!(world.reported(), [Event::NodeRestarted(A)]);
}

#[test]
fn node_that_is_heard_for_the_first_time_has_not_restarted() {
    let mut world = World::new(PAIR);
    world.start(0);
    world.start(1);
    world.run(MS(50));
    assert!(!world.saw(1, Event::NodeRestarted(A)) && world.saw(1, Event::LinkUp(A, LinkId(0))));
    assert!(!world.saw(1, Event::NodeReturned(A)));
}

#[test]
fn node_that_says_other_things_and_no_status_dies_after_its_dead_time() {
    let mut world = World::started(PAIR);
    let (alpha, newest) = (world.alpha(), world.newest() + 10);
    world.kill(0);
    for step in 0..4 {
        assert!(!world.saw(1, Event::NodeDead(A)), "{step}0 ms of 30");
        let from = From { seq: Some(newest + step), ..alpha };
        assert_eq!(world.tell_bravo(&message("starting", from, &[])), Ok(Received::New));
        world.run(MS(10));
    }
    assert!(world.saw(1, Event::NodeDead(A)), "only a status says that it works");
}

/// The effect of a first message on bravo, which thinks that alpha is dead.
fn after_death(kind: &str, change: impl Fn(From<'static>) -> From<'static>, more: &[(&str, &str)]) -> (bool, bool) {
    let mut world = World::started(PAIR);
    let alpha = world.alpha();
    let next = world.newest() + 10;
    world.kill(0);
    world.run(MS(100));
    assert!(world.saw(1, Event::NodeDead(A)));
    world.reported();
    world.tell_bravo(&message(kind, change(From { seq: Some(next), ..alpha }), more)).unwrap();
    (world.saw(1, Event::NodeReturned(A)), world.saw(1, Event::NodeRestarted(A)))
}

#[test]
fn node_thought_dead_has_returned_when_a_status_shows_that_it_was_active_all_the_time() {
    assert_eq!(after_death("status", |same| same, &[]), (true, false));
    let newer = |same: From<'static>| From { generation: same.generation + 1, ..same };
    assert_eq!(after_death("status", newer, &[]), (true, true), "it restarted and was active before we heard it");
    assert_eq!(after_death("starting", newer, &[]), (false, true), "what says no state says nothing of that");
    let old = |same: From<'static>| From { seq: same.seq.map(|n| n - 10), ..same };
    assert_eq!(after_death("status", old, &[]), (false, false), "a recorded status wakes nobody");
}

#[test]
fn message_of_a_new_run_of_a_living_node_is_no_return() {
    let mut world = World::started(PAIR);
    let alpha = world.alpha();
    world.reported();
    let newer = From { generation: alpha.generation + 1, seq: Some(1), ..alpha };
    assert_eq!(world.tell_bravo(&message("status", newer, &[])), Ok(Received::New));
    assert!(!world.saw(1, Event::NodeReturned(A)) && world.saw(1, Event::NodeRestarted(A)));
}

/// A message to the node `name`, with this `destuuid`.
fn to_uuid(kind: &str, from: From<'_>, name: &str, uuid: Uuid) -> Vec<u8> {
    signed(kind, from, |w| {
        w.text("dest", name.as_bytes());
        w.binary("destuuid", &uuid.0);
        w.hex("ackseq", 1);
    })
}

#[test]
fn identity_of_the_receiver_decides_before_its_name_where_a_message_is_numbered() {
    const BRAVO: Uuid = Uuid([2; 16]);
    const OTHER: Uuid = Uuid([9; 16]);
    let mut world = World::started(PAIR);
    let (alpha, newest) = (world.alpha(), world.newest());
    let mut tell = |kind, seq, name, uuid| world.tell_bravo(&to_uuid(kind, From { seq, ..alpha }, name, uuid));
    assert_eq!(tell("starting", Some(newest + 1), "charlie", BRAVO), Ok(Received::New));
    assert_eq!(tell("starting", Some(newest + 2), "bravo", OTHER), Ok(Received::NotForUs));
    assert_eq!(tell("NS_ackmsg", None, "charlie", BRAVO), Ok(Received::NotForUs));
    assert_eq!(tell("NS_ackmsg", None, "bravo", OTHER), Ok(Received::New));
}

impl World {
    /// alpha asks bravo to retransmit these numbers. Returns how many bravo then retransmits, and refuses.
    fn asks_again(&mut self, first: u64, last: u64) -> (u64, u64) {
        let before = (self.at(1).stats().repeated, self.at(1).stats().refused_repeats);
        let from = From { name: "alpha", uuid: Uuid([1; 16]), seq: None, generation: 101 };
        let range = [("firstseq", &*std::format!("{first}")), ("lastseq", &*std::format!("{last}"))];
        assert_eq!(self.tell_bravo(&message("NS_rexmit", from, &range)), Ok(Received::New));
        let after = self.at(1).stats();
        (after.repeated - before.0, after.refused_repeats - before.1)
    }
}

#[test]
fn range_that_is_partly_kept_is_retransmitted_and_the_rest_refused() {
    let mut world = World::started(PAIR);
    world.run(MS(8000));
    let oldest = world.at(1).history.oldest_sequence().0;
    assert!(oldest > 10, "the history is full");
    assert_eq!(world.asks_again(oldest - 3, oldest - 1), (0, 1));
    assert_eq!(world.asks_again(oldest - 3, oldest + 1), (2, 1));
    world.run(MS(300));
    let newest = world.at(1).history.next_sequence().0 - 1;
    assert_eq!(world.asks_again(newest - 4, newest), (5, 0));
}

#[test]
fn request_for_a_report_of_resources_brings_a_new_report_where_the_other_may_have_forgotten_it() {
    for (back, again) in [(0, true), (-1, false)] {
        let mut world = World::new(PAIR);
        world.start(1);
        world.run(MS(300));
        let report = world.at(1).report_seq.0;
        world.asks_again(report.checked_add_signed(-back).unwrap(), report + 1);
        world.run(MS(3000));
        assert_eq!(world.at(1).report_seq.0 > report, again, "{back}");
    }
}

/// The delays of bravo's request, for each of a thousand gaps, if the longest allowed is `most`.
fn delays(most: u64) -> Vec<u64> {
    let mut world = World::started(PAIR);
    let mut delay = |_| {
        let engine = world.hosts[1].engine.as_mut().unwrap();
        engine.timing.max_rexmit_delay = MS(most);
        engine.nodes[0].repeat_at = None;
        engine.schedule_repeat(A);
        engine.nodes[0].repeat_at.unwrap().since(engine.now).as_millis() as u64
    };
    (0..1000).map(&mut delay).collect()
}

#[test]
fn request_waits_for_at_least_50_ms_unless_the_most_is_below_100() {
    for (most, least) in [(250, 50), (100, 50), (99, 0), (60, 0)] {
        let delays = delays(most);
        let (shortest, longest) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
        assert_eq!((*shortest, *longest), (least, most));
    }
}
