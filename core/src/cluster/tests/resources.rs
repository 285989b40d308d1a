//! The path between the wire and the takeover machine: messages before joining, the heir, reports about groups.

use super::identity::{From, message};
use super::*;
use crate::id::GroupId;
use crate::takeover::{Accord, Holds, Origin, Wish};
use std::vec;

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
        config.groups = &[GROUPS[0], GroupConfig { found: Found::Running(Origin::Agreed), ..GROUPS[1] }];
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

/// Starts a node with this digest of its groups, after an earlier run of it or for the first time.
fn introduce(world: &mut World, n: usize, digest: u64) {
    world.generation += 1;
    let fresh = engine_with(world.site, n as u8, world.generation, world.now, |config| {
        config.introduction = Some(Introduction { release: "1", digest });
        config.groups = &NAMED;
    });
    world.hosts[n].engine = Some(fresh);
    world.drain(n);
}

const NAMED: [GroupConfig<'_>; 2] = [GroupConfig { key: "one", ..GROUPS[0] }, GroupConfig { key: "two", ..GROUPS[1] }];

#[test]
fn nothing_starts_while_digests_differ_and_everything_when_they_agree() {
    for auto_failback in [AutoFailback::On, AutoFailback::Off, AutoFailback::Legacy] {
        let mut world = World::new(Site { auto_failback, ..PAIR });
        introduce(&mut world, 0, 7);
        introduce(&mut world, 1, 8);
        world.run(MS(6000));
        assert_eq!([world.owners(0), world.owners(1)], [vec![], vec![]], "{auto_failback:?}");
        assert_eq!([0, 1].map(|n| world.at(n).nodes[1 - n].told.digest), [Some(8), Some(7)], "{auto_failback:?}");

        // A node with the same file in the place of the second one.
        world.kill(1);
        introduce(&mut world, 1, 7);
        world.run(MS(500));
        assert_eq!([world.owners(0), world.owners(1)], [vec![0], vec![1]], "{auto_failback:?}");
    }
}

#[test]
fn digest_of_a_reloaded_peer_that_differs_moves_nothing_in_legacy() {
    let mut world = World::new(Site { auto_failback: AutoFailback::Legacy, ..PAIR });
    introduce(&mut world, 0, 7);
    introduce(&mut world, 1, 7);
    world.run(MS(500));
    assert_eq!([world.owners(0), world.owners(1)], [vec![0], vec![1]]);

    // The second node is executed anew. In its new file it is the home of what the first one runs.
    world.generation += 1;
    let swapped = engine_with(world.site, 1, world.generation, world.now, |config| {
        config.introduction = Some(Introduction { release: "1", digest: 8 });
        config.resume = Some(Resume::OtherGroups);
        config.groups = &[
            GroupConfig { key: "one", ..GROUPS[1] },
            GroupConfig { key: "two", found: Found::Running(Origin::Agreed), ..GROUPS[0] },
        ];
    });
    world.hosts[1].engine = Some(swapped);
    world.drain(1);
    world.run(MS(12_000));
    assert_eq!([world.owners(0), world.owners(1)], [vec![0], vec![1]]);
    assert!(matches!(world.at(0).takeover.accord(), Accord::Differs { .. }));

    // Its file is corrected.
    world.generation += 1;
    let corrected = engine_with(world.site, 1, world.generation, world.now, |config| {
        config.introduction = Some(Introduction { release: "1", digest: 7 });
        config.resume = Some(Resume::OtherGroups);
        config.groups = &[NAMED[0], GroupConfig { found: Found::Running(Origin::Agreed), ..NAMED[1] }];
    });
    world.hosts[1].engine = Some(corrected);
    world.drain(1);
    world.run(MS(12_000));
    assert_eq!([world.owners(0), world.owners(1)], [vec![0], vec![1]]);
    assert_eq!([0, 1].map(|n| world.at(n).takeover.accord()), [Accord::Agreed; 2]);
}

#[test]
fn reference_in_the_place_of_a_peer_tells_no_digest() {
    for (auto_failback, kind) in [(AutoFailback::On, "starting"), (AutoFailback::Legacy, "status")] {
        let mut world = World::new(Site { auto_failback, ..PAIR });
        introduce(&mut world, 1, 8);
        let digest = |world: &World| world.at(1).nodes[0].told.digest;
        let first = From { name: "alpha", uuid: Uuid([1; 16]), seq: Some(1), generation: 50 };
        world.tell_bravo(&message(kind, first, &[("hbcore", "1;1;7")])).unwrap();
        assert_eq!(digest(&world), Some(7), "{auto_failback:?}");
        world.tell_bravo(&message(kind, From { generation: 51, ..first }, &[])).unwrap();
        assert_eq!(digest(&world), None, "{auto_failback:?}");
    }
}
