//! The behaviour of `advance` when it is called in time, early and late, to the microsecond, and when its events find
//! no room.

use super::identity::{From, message};
use super::*;
use crate::time::micros;

const MICROS: fn(u64) -> Duration = Duration::from_micros;

impl World {
    fn bravo(&mut self) -> &mut Engine {
        self.hosts[1].engine.as_mut().unwrap()
    }
}

/// bravo of a pair that serves, called this many microseconds after its deadline, and the time of the call.
fn called_late(by: u64) -> (World, Instant) {
    let mut world = World::started(PAIR);
    let at = world.at(1).next_deadline().unwrap().after(MICROS(by));
    world.bravo().advance(at);
    (world, at)
}

#[test]
fn call_that_is_late_by_more_than_a_quarter_of_the_dead_time_is_a_stall() {
    let stalls = |late| called_late(late).0.at(1).stats().local_stalls;
    assert_eq!((stalls(7500), stalls(7501)), (0, 1));
}

#[test]
fn stall_is_not_reported_again_within_a_keepalive() {
    let stalls = |after| {
        let (mut world, at) = called_late(8000);
        world.bravo().advance(at.after(MICROS(after)));
        world.at(1).stats().local_stalls
    };
    assert_eq!((stalls(10_000), stalls(10_001)), (1, 2));
}

#[test]
fn heartbeat_that_is_late_keeps_the_pace_and_one_that_was_missed_is_left_out() {
    let next = |late: u64| {
        let mut world = World::started(PAIR);
        let due = world.at(1).next_heartbeat;
        world.bravo().advance(due.after(MICROS(late)));
        micros(world.at(1).next_heartbeat.since(due))
    };
    assert_eq!((next(0), next(2000), next(9999)), (10_000, 10_000, 10_000));
    assert_eq!((next(10_000), next(12_000)), (20_000, 22_000));
}

#[test]
fn nobody_is_judged_without_room_to_tell_of_it() {
    let judged = |room: usize| {
        let mut world = World::started(PAIR);
        world.kill(0);
        let mut now = world.now;
        let bravo = world.bravo();
        while bravo.events.len() < EVENTS - room {
            bravo.event(Event::Left);
        }
        for _ in 0..8 {
            now = now.after(MS(5));
            bravo.advance(now);
        }
        (bravo.nodes[0].state == NodeState::Dead, bravo.next_deadline() == Some(now))
    };
    assert!(judged(24).0);
    assert_eq!((judged(23), judged(10)), ((false, true), (false, true)), "as soon as somebody has read what happened");
}

#[test]
fn node_that_was_removed_does_not_die() {
    let mut world = World::started(Site { nodes: &["alpha", "bravo", "charlie"], ..PAIR });
    let charlie = NodeId(2);
    world.kill(2);
    world.flights.clear();
    world.bravo().nodes[2].kind = NodeKind::Removed;
    world.run(MS(100));
    assert!(world.saw(0, Event::NodeDead(charlie)) && !world.saw(1, Event::NodeDead(charlie)));
}

#[test]
fn gap_is_not_requested_before_its_time() {
    let asked = |after: i64| {
        let mut world = World::started(PAIR);
        let newest = world.at(1).nodes[0].window.newest().unwrap().0;
        let from = From { seq: Some(newest + 3), ..world.alpha() };
        world.tell_bravo(&message("starting", from, &[])).unwrap();
        let bravo = world.bravo();
        bravo.nodes[0].deadtime = MS(5000);
        let end = bravo.nodes[0].repeat_at.unwrap().as_micros().checked_add_signed(after).unwrap();
        while bravo.now < Instant::from_micros(end) {
            let next = bravo.now.after(MS(5)).min(Instant::from_micros(end));
            bravo.advance(next);
            while bravo.poll_transmit(&mut [0; 2048]).is_some() {}
        }
        bravo.stats().requested_repeats
    };
    assert_eq!((asked(-1), asked(0), asked(1)), (0, 2, 2));
}
