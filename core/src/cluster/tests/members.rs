//! The members of the cluster, and the facts about each: added, removed, weighed, late, acknowledged.

use super::identity::{From, message, signed};
use super::*;

const THREE: Site = Site { nodes: &["alpha", "bravo", "charlie"], ..PAIR };

/// Three nodes that know each other, of which charlie has died.
fn without_charlie() -> World {
    let mut world = World::started(THREE);
    world.run(MS(200));
    world.kill(2);
    world.run(MS(100));
    assert!(world.saw(1, Event::NodeDead(NodeId(2))) && !world.saw(1, Event::NodeDead(NodeId(0))));
    world
}

impl World {
    /// bravo receives a message of alpha, with the next number.
    fn alpha_tells(&mut self, kind: &str, fields: &[(&str, &str)]) {
        let seq = Some(self.at(1).nodes[0].window.newest().unwrap().0 + 1);
        let from = From { seq, ..self.alpha() };
        assert_eq!(self.tell_bravo(&message(kind, from, fields)), Ok(Received::New));
    }

    fn removed(&self) -> Vec<NodeId> {
        let removed = |e: &Event| if let Event::NodeRemoved(id) = e { Some(*id) } else { None };
        self.hosts[1].events.iter().filter_map(removed).collect()
    }

    fn weights(&self) -> Vec<u32> {
        self.at(1).nodes.iter().map(|n| n.weight).collect()
    }
}

#[test]
fn weight_is_noted_for_the_node_that_is_named_if_it_is_a_number() {
    let mut world = World::started(PAIR);
    world.alpha_tells("setweight", &[("node", "alpha"), ("weight", "250")]);
    assert_eq!(world.weights(), [250, 100]);
    for (node, weight) in [("alpha", "many"), ("alpha", "4294967296"), ("charlie", "7")] {
        world.alpha_tells("setweight", &[("node", node), ("weight", weight)]);
    }
    world.alpha_tells("setweight", &[("node", "alpha")]);
    assert_eq!(world.weights(), [250, 100]);
}

#[test]
fn nodes_are_added_once_each_and_counted_as_refused_when_the_table_is_full() {
    let mut world = World::started(PAIR);
    world.alpha_tells("addnode", &[("nodelist", "charlie  bravo CHARLIE charlie delta")]);
    let names: Vec<_> = world.at(1).nodes.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(names, ["alpha", "bravo", "charlie", "delta"]);
    assert!(world.saw(1, Event::NodeAdded(NodeId(2))) && world.saw(1, Event::NodeAdded(NodeId(3))));
    assert_eq!(world.at(1).stats().nodes_refused, 0);
    world.alpha_tells("addnode", &[("nodelist", "e f g h i j")]);
    assert_eq!((world.at(1).nodes.len(), world.at(1).stats().nodes_refused), (8, 2));
}

#[test]
fn nodes_are_removed_only_if_all_of_them_are_dead_and_all_others_alive() {
    let mut world = without_charlie();
    for refused in ["alpha", "alpha charlie", "bravo charlie", "delta"] {
        world.alpha_tells("delnode", &[("nodelist", refused)]);
        assert_eq!(world.removed(), [], "{refused}");
    }
    world.alpha_tells("delnode", &[("nodelist", "charlie")]);
    assert_eq!(world.removed(), [NodeId(2)]);
    world.alpha_tells("delnode", &[("nodelist", "charlie")]);
    assert_eq!(world.removed(), [NodeId(2)], "it is gone");
}

#[test]
fn node_that_is_dead_and_in_no_list_any_more_is_removed_and_a_living_one_stays() {
    let mut world = without_charlie();
    world.alpha_tells("repnodes", &[("nodelist", "alpha charlie delta")]);
    assert_eq!(world.removed(), []);
    assert!(world.saw(1, Event::NodeAdded(NodeId(3))));
    world.alpha_tells("repnodes", &[("nodelist", "delta")]);
    assert_eq!(world.removed(), [NodeId(2)], "neither alpha, which lives, nor we");
}

#[test]
fn acknowledgement_counts_if_it_was_sent_and_never_goes_back() {
    let mut world = World::started(PAIR);
    let newest = world.at(1).history.next_sequence().0 - 1;
    world.hosts[1].engine.as_mut().unwrap().nodes[0].acknowledged = Sequence(0);
    let mut acknowledged = |seq: u64| {
        let from = From { seq: None, ..world.alpha() };
        let ack = message("NS_ackmsg", from, &[("dest", "bravo"), ("ackseq", &std::format!("{seq:x}"))]);
        world.tell_bravo(&ack).unwrap();
        world.at(1).nodes[0].acknowledged.0
    };
    assert_eq!(acknowledged(newest + 1), 0, "that was never sent");
    assert_eq!(acknowledged(newest - 1), newest - 1);
    assert_eq!(acknowledged(newest - 2), newest - 1);
    assert_eq!(acknowledged(newest), newest);
}

/// Whether bravo reports a status that comes after `silence` as late, and as critical.
fn late(silence: u64) -> Option<bool> {
    let mut world = World::started(PAIR);
    let last = world.at(1).nodes[0].status_at;
    let (mut engine, alpha) = (world.hosts[1].engine.take().unwrap(), world.alpha());
    let status = message("status", alpha, &[("dt", "1e")]);
    engine.handle(last.after(MS(silence)), LinkId(0), &status).unwrap();
    let late = |e| if let Event::Late { interval, critical, .. } = e { Some((interval, critical)) } else { None };
    let late = core::iter::from_fn(|| engine.poll_event()).find_map(late);
    late.map(|(interval, critical)| {
        assert_eq!(interval, MS(silence));
        critical
    })
}

#[test]
fn status_is_late_after_the_warning_time_and_critical_after_the_dead_time() {
    assert_eq!([20, 21, 30, 31].map(late), [None, Some(false), Some(false), Some(true)]);
}

#[test]
fn status_that_is_older_than_the_newest_changes_nothing() {
    let mut world = World::started(PAIR);
    let alpha = world.alpha();
    let status = |seq, word| {
        signed("status", From { seq: Some(seq), ..alpha }, |w| {
            w.text("st", word);
        })
    };
    let newest = world.at(1).nodes[0].window.newest().unwrap().0;
    let state = |world: &World| world.at(1).nodes[0].state.clone();
    let changes = |world: &World| world.hosts[1].events.iter().filter(|e| **e == Event::NodeState(NodeId(0))).count();
    let before = changes(&world);
    assert_eq!(world.tell_bravo(&status(newest + 2, b"active")), Ok(Received::New));
    assert_eq!(changes(&world), before, "it was active");
    assert_eq!(world.tell_bravo(&status(newest + 1, b"up")), Ok(Received::New));
    assert_eq!((state(&world), changes(&world)), (NodeState::Active, before));
    assert_eq!(world.tell_bravo(&status(newest + 3, b"up")), Ok(Received::New));
    assert_eq!((state(&world), changes(&world)), (NodeState::Up, before + 1));
}

#[test]
fn clock_of_a_node_is_read_from_its_status() {
    let mut world = World::started(PAIR);
    world.hosts[1].engine.as_mut().unwrap().nodes[0].told.clock_ahead = 77;
    world.alpha_tells("starting", &[]);
    assert_eq!(world.at(1).nodes[0].told.clock_ahead, 77);
    world.alpha_tells("status", &[]);
    assert_eq!(world.at(1).nodes[0].told.clock_ahead, 0);
}
