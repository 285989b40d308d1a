//! The path between the wire and the takeover machine: messages before joining, the heir, reports about groups.

use super::identity::{From, message};
use super::*;
use crate::id::GroupId;
use crate::takeover::{Holds, Wish};

const THREE: Site = Site { nodes: &["alpha", "bravo", "charlie"], ..PAIR };

fn notices(world: &World, host: usize) -> Vec<Event> {
    world.hosts[host].events.iter().filter(|e| matches!(e, Event::Resource(_))).copied().collect()
}

#[test]
fn groups_are_not_moved_where_resources_are_not_managed() {
    let mut world = World::started(PAIR);
    let now = world.now;
    let engine = world.hosts[0].engine.as_mut().unwrap();
    engine.manage_resources = false;
    assert_eq!(engine.request(now, Request::Standby(Class::All)), Err(RequestError::NotManaged));
    assert_eq!(engine.request(now, Request::Takeover(Wish::Failback)), Err(RequestError::NotManaged));
    assert_eq!(engine.request(now, Request::Leave), Ok(()));
}

#[test]
fn group_that_lacks_something_goes_to_the_other_node() {
    let mut world = World::started(PAIR);
    world.run(MS(1000));
    let now = world.now;
    world.hosts[0].engine.as_mut().unwrap().group_lost(now, GroupId(0));
    world.drain(0);
    world.run(MS(100));
    assert_eq!(world.owners(0), [1]);
}

#[test]
fn before_joining_nothing_counts_but_that_another_node_starts() {
    let messages: [(&str, &[(&str, &str)]); 4] = [
        ("resource", &[("rsc_hold", "all"), ("rtype", "full"), ("isstable", "1")]),
        ("ask_resources", &[("rsc_hold", "all"), ("info", "me")]),
        ("hb_takeover", &[("rsc_hold", "all")]),
        ("shutdone", &[("st", "dead")]),
    ];
    for (kind, fields) in messages {
        let mut world = World::new(PAIR);
        world.start(1);
        let from = From { name: "alpha", uuid: Uuid([1; 16]), seq: Some(1), generation: 50 };
        world.tell_bravo(&message(kind, from, fields)).unwrap();
        assert_eq!(world.at(1).takeover().other_holds(), Holds::NONE, "{kind}");
        world.run(MS(20));
        assert_eq!((notices(&world, 1), world.owners(0)), (std::vec![], std::vec![]), "{kind}");
    }
}

#[test]
fn first_living_node_of_the_configuration_is_the_heir() {
    let mut world = World::started(THREE);
    world.run(MS(200));
    let heirs = |world: &World| {
        let is_heir = |n: &usize| world.hosts[*n].engine.as_ref().is_some_and(Engine::is_heir);
        (0..3).filter(is_heir).collect::<Vec<_>>()
    };
    assert_eq!(heirs(&world), [0]);
    world.kill(0);
    world.run(MS(100));
    assert_eq!(heirs(&world), [1]);
    world.kill(1);
    world.run(MS(100));
    assert_eq!(heirs(&world), [2]);
    let pair = World::started(PAIR);
    assert!(pair.at(0).is_heir() && pair.at(1).is_heir(), "of two nodes the one that remains");
}

#[test]
fn peer_that_wants_groups_gets_them() {
    let mut world = World::started(PAIR);
    world.run(MS(1000));
    let seq = Some(world.at(1).nodes[0].window.newest().unwrap().0 + 1);
    let from = From { seq, ..world.alpha() };
    assert_eq!(world.owners(1), [1]);
    world.tell_bravo(&message("hb_takeover", from, &[("rsc_hold", "all")])).unwrap();
    world.run(MS(100));
    assert_eq!(world.owners(1), [0]);
}

#[test]
fn groups_that_were_left_running_run_on() {
    let fresh = engine_with(PAIR, 1, 5, Instant::from_millis(1), |config| {
        config.resume = Some(Resume::Claims(Holds { local: true, foreign: false }));
        config.groups = &[GROUPS[0], GroupConfig { found: Found::Running, ..GROUPS[1] }];
    });
    let states: Vec<_> = fresh.groups().iter().map(|g| g.state() == GroupState::Running).collect();
    assert_eq!(states, [false, true]);
}

#[test]
fn nothing_of_a_dead_node_is_started_before_it_is_fenced() {
    for (device, owners) in [(true, std::vec![]), (false, std::vec![1])] {
        let mut world = World::started(PAIR);
        world.effect_time = MS(100);
        world.hosts[1].engine.as_mut().unwrap().takeover.set_fencing(device);
        world.kill(0);
        world.run(MS(31 + 110));
        assert_eq!(world.owners(0), owners, "with a device: {device}");
        world.run(MS(110));
        assert_eq!(world.owners(0), [1]);
    }
}

#[test]
fn group_that_could_not_be_started_is_told_until_it_runs() {
    for (outcome, lacking) in [(Outcome::Failed, 1), (Outcome::Done, 0)] {
        let mut world = World::started(PAIR);
        world.run(MS(500));
        let mut we = world.hosts[1].engine.take().unwrap();
        we.nodes[1].told.lacking = 1 - lacking;
        let mut now = world.now;
        for _ in 0..200 {
            now = we.next_deadline().unwrap().max(now);
            we.advance(now);
            while we.poll_transmit(&mut [0; 2048]).is_some() {}
            while let Some((ticket, effect)) = we.poll_effect() {
                let wanted = if matches!(effect, Effect::Acquire(_)) { outcome } else { Outcome::Done };
                we.complete(now, ticket, wanted);
            }
        }
        assert_eq!(we.nodes[1].told.lacking, lacking, "{outcome:?}");
    }
}
