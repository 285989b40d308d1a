//! The sender of a message: found by its name and its identity; older messages do not change what is known.

use super::*;
use crate::DatagramError;

/// The claims of a message about its sender.
#[derive(Clone, Copy)]
pub(super) struct From<'a> {
    pub(super) name: &'a str,
    pub(super) uuid: Uuid,
    pub(super) seq: Option<u64>,
    pub(super) generation: u64,
}

/// A message of type `kind`, signed.
pub(super) fn message(kind: &str, from: From<'_>, more: &[(&str, &str)]) -> Vec<u8> {
    signed(kind, from, |w| {
        if kind == "status" {
            w.text("st", b"active");
        }
        for (field, value) in more {
            w.text(field, value.as_bytes());
        }
    })
}

/// A message of type `kind` with the fields that `fill` writes, signed.
pub(super) fn signed(kind: &str, from: From<'_>, fill: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = [0; 1024];
    let keys = keys();
    let mut w = Writer::netstring(&mut buffer, &keys, false);
    w.text("t", kind.as_bytes());
    fill(&mut w);
    w.text("src", from.name.as_bytes());
    w.binary("srcuuid", &from.uuid.0);
    if let Some(seq) = from.seq {
        w.hex("seq", seq);
    }
    w.hex("hg", from.generation);
    w.hex("ts", 1_800_000_000);
    let len = w.finish().unwrap();
    buffer[..len].to_vec()
}

const ALPHA: Uuid = Uuid([1; 16]);

impl World {
    /// bravo receives it, on the first link.
    pub(super) fn tell_bravo(&mut self, bytes: &[u8]) -> Result<Received, DatagramError> {
        let now = self.now;
        let told = self.hosts[1].engine.as_mut().unwrap().handle(now, LinkId(0), bytes);
        self.drain(1);
        told
    }

    /// alpha as bravo knows it.
    pub(super) fn alpha(&self) -> From<'static> {
        From { name: "alpha", uuid: ALPHA, seq: Some(900), generation: self.at(0).generation().0 }
    }

    fn name_of_alpha(&self) -> &str {
        self.at(1).node(NodeId(0)).unwrap().name.as_str()
    }
}

#[test]
fn node_that_is_renamed_is_known_by_its_identity() {
    let mut world = World::started(PAIR);
    let renamed = From { name: "anna", ..world.alpha() };
    assert_eq!(world.tell_bravo(&message("status", renamed, &[])), Ok(Received::New));
    assert!(world.saw(1, Event::NodeRenamed(NodeId(0))));
    assert_eq!(world.name_of_alpha(), "anna");
    let again = From { seq: Some(901), ..renamed };
    assert_eq!(world.tell_bravo(&message("status", again, &[])), Ok(Received::New), "the new name is known");
    assert_eq!(world.hosts[1].events.iter().filter(|e| **e == Event::NodeRenamed(NodeId(0))).count(), 1);
}

#[test]
fn node_that_is_renamed_at_its_restart_is_known_by_its_identity() {
    let mut world = World::started(PAIR);
    let alpha = world.alpha();
    let renamed = From { name: "anna", seq: Some(1), generation: alpha.generation + 1, ..alpha };
    assert_eq!(world.tell_bravo(&message("status", renamed, &[])), Ok(Received::New));
    assert_eq!(world.name_of_alpha(), "anna");
}

#[test]
fn packet_of_an_earlier_run_under_another_name_renames_nobody() {
    let mut world = World::started(PAIR);
    let alpha = world.alpha();
    let old = From { name: "anna", generation: alpha.generation - 1, ..alpha };
    assert_eq!(world.tell_bravo(&message("status", old, &[])), Err(DatagramError::UnknownNode));
    assert_eq!(world.name_of_alpha(), "alpha");
}

#[test]
fn stranger_without_a_known_identity_renames_nobody() {
    let mut world = World::started(PAIR);
    for uuid in [Uuid::NIL, Uuid([9; 16])] {
        let stranger = From { name: "anna", uuid, ..world.alpha() };
        assert_eq!(world.tell_bravo(&message("status", stranger, &[])), Err(DatagramError::UnknownNode));
    }
    let own = From { name: "anna", uuid: Uuid([2; 16]), ..world.alpha() };
    assert_eq!(world.tell_bravo(&message("status", own, &[])), Err(DatagramError::UnknownNode), "nobody else is bravo");
    assert_eq!(world.name_of_alpha(), "alpha");
}

/// Enough names that some of them have a node's place in the directory.
#[test]
fn stranger_is_no_node_whatever_place_its_name_has_in_the_directory() {
    let mut world = World::started(PAIR);
    for n in 0..600 {
        let name = std::format!("host{n}");
        let stranger = message("status", From { name: &name, uuid: Uuid::NIL, ..world.alpha() }, &[]);
        assert_eq!(world.tell_bravo(&stranger), Err(DatagramError::UnknownNode), "{name}");
    }
}

#[test]
fn name_that_is_no_name_renames_nobody() {
    let mut world = World::started(PAIR);
    let capital = From { name: "ANNA", ..world.alpha() };
    assert_eq!(world.tell_bravo(&message("status", capital, &[])), Err(DatagramError::UnknownNode));
    assert_eq!(world.name_of_alpha(), "alpha");
}

#[test]
fn identity_of_a_node_is_learned_and_one_of_zeros_is_not() {
    let mut world = World::started(PAIR);
    let nameless = From { uuid: Uuid::NIL, ..world.alpha() };
    assert_eq!(world.tell_bravo(&message("status", nameless, &[])), Ok(Received::New));
    assert_eq!(world.at(1).nodes[0].uuid, ALPHA);
    let changed = From { uuid: Uuid([7; 16]), seq: Some(901), ..world.alpha() };
    assert_eq!(world.tell_bravo(&message("status", changed, &[])), Ok(Received::New));
    assert_eq!(world.at(1).nodes[0].uuid, Uuid([7; 16]));
}

#[test]
fn own_message_that_comes_back_shows_that_the_link_is_up_and_nothing_else() {
    let mut world = World::started(PAIR);
    let generation = world.at(1).generation().0;
    let next = world.at(1).history.next_sequence().0;
    let mine = From { name: "bravo", uuid: Uuid([2; 16]), seq: Some(next - 1), generation };
    for echo in
        [mine, From { uuid: Uuid::NIL, ..mine }, From { generation: generation - 1, seq: Some(next + 50), ..mine }]
    {
        assert_eq!(world.tell_bravo(&message("status", echo, &[])), Ok(Received::OwnEcho));
    }
    assert!(world.saw(1, Event::LinkUp(NodeId(1), LinkId(0))));
    assert!(!world.saw(1, Event::NameConflict(LinkId(0))));
}

#[test]
fn message_under_our_name_that_we_never_sent_is_of_another_node() {
    let mut world = World::started(PAIR);
    let generation = world.at(1).generation().0;
    let next = world.at(1).history.next_sequence().0;
    let mine = From { name: "bravo", uuid: Uuid([2; 16]), seq: Some(next - 1), generation };
    for other in [
        From { uuid: ALPHA, ..mine },
        From { generation: generation + 1, seq: Some(1), ..mine },
        From { seq: Some(next), ..mine },
    ] {
        assert_eq!(world.tell_bravo(&message("status", other, &[])), Err(DatagramError::NameConflict));
    }
}

#[test]
fn message_for_another_node_is_not_for_us() {
    let mut world = World::started(PAIR);
    let alpha = world.alpha();
    let to_other = message("starting", alpha, &[("dest", "charlie")]);
    assert_eq!(world.tell_bravo(&to_other), Ok(Received::NotForUs));
    let unnumbered = message("NS_ackmsg", From { seq: None, ..alpha }, &[("dest", "charlie"), ("ackseq", "1")]);
    assert_eq!(world.tell_bravo(&unnumbered), Ok(Received::NotForUs));
}

#[test]
fn message_without_a_number_is_no_sign_of_life() {
    let mut world = World::started(PAIR);
    let alpha = world.alpha();
    world.kill(0);
    world.run(MS(100));
    assert!(world.saw(1, Event::LinkDown(NodeId(0), LinkId(0))));
    world.hosts[1].events.clear();
    let replay = message("NS_ackmsg", From { seq: None, ..alpha }, &[("dest", "bravo"), ("ackseq", "1")]);
    assert_eq!(world.tell_bravo(&replay), Ok(Received::New));
    assert!(!world.saw(1, Event::LinkUp(NodeId(0), LinkId(0))), "it may have been recorded long ago");
}

#[test]
fn node_that_restarts_in_its_dead_time_lives_though_its_first_status_comes_too_late_to_count() {
    let mut world = World::started(PAIR);
    let alpha = world.alpha();
    world.kill(0);
    world.run(MS(20));
    let new = From { generation: alpha.generation + 1, ..alpha };
    assert_eq!(world.tell_bravo(&message("reqnodes", From { seq: Some(2), ..new }, &[])), Ok(Received::New));
    assert_eq!(world.tell_bravo(&message("status", From { seq: Some(1), ..new }, &[])), Ok(Received::Old));
    world.run(MS(25));
    assert!(!world.saw(1, Event::NodeDead(NodeId(0))), "it was heard 25 of 30 ms ago");
    world.run(MS(6));
    assert!(world.saw(1, Event::NodeDead(NodeId(0))));
}

/// The outcome of a join with this `autojoin`.
fn joins(autojoin: Autojoin, name: &str) -> Result<Received, DatagramError> {
    let mut world = World::started(PAIR);
    let stranger = From { name, uuid: Uuid([9; 16]), ..world.alpha() };
    world.hosts[1].engine.as_mut().unwrap().autojoin = autojoin;
    let told = world.tell_bravo(&message("status", stranger, &[]));
    let joined = told == Ok(Received::Joined);
    assert_eq!(world.saw(1, Event::NodeAdded(NodeId(2))), joined);
    if joined {
        assert_eq!(world.at(1).nodes[2].uuid, Uuid([9; 16]));
    }
    told
}

#[test]
fn stranger_joins_where_anybody_may_and_has_a_name() {
    assert_eq!(joins(Autojoin::Any, "charlie"), Ok(Received::Joined));
    assert_eq!(joins(Autojoin::None, "charlie"), Err(DatagramError::UnknownNode));
    assert_eq!(joins(Autojoin::Any, "CHARLIE"), Err(DatagramError::UnknownNode));
}
