//! Groups that an earlier run of this node has left and could not stop.

use super::*;

/// Four groups, of which the first two are at home here; `stuck` are left over.
fn left_with(stuck: &[u16]) -> Machine {
    let mut m = Machine::new(HOME, [HOME, HOME, OTHER, OTHER].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    for group in stuck {
        m.stuck(at(0), GroupId(*group));
    }
    m
}

/// The effects that are due, by name.
fn due(m: &mut Machine, ms: u64) -> Vec<Effect> {
    effects(m, at(ms)).into_iter().map(|(_, effect)| effect).collect()
}

const fn acquire(group: u16) -> Effect {
    Effect::Acquire(GroupId(group))
}

#[test]
fn leftover_is_claimed_and_nothing_is_acquired_before_the_other_node_has_told_what_it_holds() {
    let mut m = left_with(&[0]);
    m.activated(at(0), false);
    m.on_starting(OTHER, Sequence(1), true);
    assert_eq!(says(&mut m), [Say::Starting, say("local", false, Info::Plain)]);
    assert_eq!(due(&mut m, 1), []);
    m.on_report(at(2), OTHER, report(5, "none", false));
    assert_eq!(due(&mut m, 2), [acquire(0), acquire(1)], "what runs already is asked by its start");
    assert_eq!(says(&mut m), [say("local", true, Info::Plain)]);
}

#[test]
fn leftover_of_a_class_that_the_other_node_serves_is_only_told_to_stop() {
    let mut m = left_with(&[0]);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "all", true));
    assert_eq!(due(&mut m, 1), [], "group 1 runs at the other node");
    // That one gives way to the claim, and this node serves the class.
    m.on_report(at(2), OTHER, ReportIn { releasing: true, ..report(6, "local", false) });
    assert_eq!(due(&mut m, 2), []);
    m.on_report(at(3), OTHER, report(7, "local", true));
    assert_eq!(due(&mut m, 3), [acquire(0), acquire(1)]);
}

#[test]
fn leftover_is_told_to_stop_again_and_again_and_never_escalated() {
    let mut m = left_with(&[2]);
    m.activated(at(0), false);
    says(&mut m);
    for round in 1..=5 {
        let now = 5000 * round;
        assert_eq!(m.why(GroupId(2)), Some(Why::LeftOver { again: Some(at(now)) }));
        assert_eq!(due(&mut m, now - 1), []);
        let (ticket, effect) = only(effects(&mut m, at(now)));
        assert_eq!(effect, Effect::Release(GroupId(2)));
        assert_eq!(m.why(GroupId(2)), Some(Why::LeftOver { again: None }));
        m.complete(at(now), &ticket, Outcome::Failed);
        assert_eq!(says(&mut m), [], "nothing has changed");
        assert_eq!(m.holds(), Holds { local: false, foreign: true });
    }
}

/// A foreign leftover beside a node that holds nothing: everything else is served here.
fn beside_a_foreign_leftover() -> Machine {
    let mut m = left_with(&[2]);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "none", false));
    let begun = effects(&mut m, at(1));
    assert_eq!(begun.iter().map(|(_, effect)| *effect).collect::<Vec<_>>(), [acquire(0), acquire(1), acquire(3)]);
    for (ticket, _) in &begun {
        m.complete(at(2), ticket, Outcome::Done);
    }
    assert_eq!(m.holds(), Holds::ALL);
    m
}

#[test]
fn foreign_leftover_keeps_neither_the_own_class_nor_the_rest_of_its_own_from_being_served() {
    let mut m = beside_a_foreign_leftover();
    m.on_report(at(3), OTHER, report(6, "none", true));
    m.advance(at(4000));
    assert_eq!(m.standby(), Standby::NotAsked, "nothing goes home before the leftover has stopped");
    let (ticket, _) = only(effects(&mut m, at(5000)));
    m.complete(at(5001), &ticket, Outcome::Done);
    assert_eq!(due(&mut m, 5001), [acquire(2)], "the class is served here");
}

#[test]
fn class_of_a_leftover_goes_home_when_the_leftover_has_stopped() {
    let mut m = beside_a_foreign_leftover();
    m.on_report(at(3), OTHER, report(6, "none", true));
    for (ticket, _) in effects(&mut m, at(5000)) {
        m.complete(at(5001), &ticket, Outcome::Done);
    }
    complete_all(&mut m, at(5002));
    m.advance(at(6001));
    assert_eq!(m.standby(), Standby::Asking(Class::Foreign));
}

#[test]
fn class_of_a_leftover_alone_is_free_when_that_has_stopped() {
    let mut m = Machine::new(HOME, [OTHER].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.stuck(at(0), GroupId(0));
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "none", true));
    says(&mut m);
    let (ticket, _) = only(effects(&mut m, at(5000)));
    m.complete(at(5001), &ticket, Outcome::Done);
    assert_eq!(says(&mut m), [say("local", true, Info::Plain)]);
}

#[test]
fn everything_is_acquired_beside_leftovers_when_the_other_node_is_dead() {
    for stuck in [&[0][..], &[2], &[0, 2]] {
        let mut m = left_with(stuck);
        m.activated(at(0), true);
        m.on_death(at(0), OTHER, false, true);
        assert_eq!(due(&mut m, 0), [acquire(0), acquire(1), acquire(2), acquire(3)], "{stuck:?}");
        assert_eq!(m.phase(), Phase::Stable);
    }
}

#[test]
fn everything_is_acquired_beside_leftovers_when_the_dead_node_is_fenced() {
    let mut m = left_with(&[0, 2]);
    m.set_fencing(true);
    m.activated(at(0), true);
    m.on_death(at(0), OTHER, false, true);
    let (ticket, fence) = only(effects(&mut m, at(0)));
    assert_eq!(fence, Effect::Fence(OTHER));
    m.complete(at(100), &ticket, Outcome::Done);
    assert_eq!(due(&mut m, 100), [acquire(0), acquire(1), acquire(2), acquire(3)]);
    assert_eq!(m.phase(), Phase::Stable);
}

#[test]
fn leftover_that_does_not_start_either_is_left_as_it_was() {
    for outcome in [Outcome::FailedAndStuck, Outcome::TimedOut] {
        let mut m = left_with(&[0]);
        m.activated(at(0), true);
        m.on_death(at(0), OTHER, false, true);
        let (ticket, _) = effects(&mut m, at(0)).remove(0);
        m.complete(at(10), &ticket, outcome);
        assert_eq!(m.groups()[0].state(), GroupState::Stuck);
        assert_eq!(due(&mut m, 11), [], "no escalation");
        assert_eq!(due(&mut m, 5010), [Effect::Release(GroupId(0))]);
    }
}

#[test]
fn leftover_that_runs_as_it_should_is_a_group_like_any_other() {
    let mut m = left_with(&[0]);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    complete_all(&mut m, at(2));
    assert!(m.is_settled());
    m.leave(at(10));
    let (ticket, _) = effects(&mut m, at(10)).remove(0);
    m.complete(at(11), &ticket, Outcome::Failed);
    assert_eq!(due(&mut m, 12), [Effect::Escalate(GroupId(0))]);
}

#[test]
fn leftover_is_escalated_when_an_operator_wants_it_gone() {
    for (name, in_flight) in [("between two tries", false), ("during a try", true)] {
        for leaves in [false, true] {
            let mut m = left_with(&[2]);
            m.activated(at(0), false);
            m.on_report(at(1), OTHER, report(5, "local", true));
            complete_all(&mut m, at(2));
            let now = if in_flight { 5000 } else { 100 };
            let tried = effects(&mut m, at(now));
            assert_eq!(tried.len(), usize::from(in_flight), "{name}");
            if leaves {
                m.leave(at(now));
            } else {
                m.request_standby(at(now), Class::Foreign).unwrap();
                m.on_ask(at(now), OTHER, Sequence(9), Class::Foreign, Ask::Other);
            }
            let tried = tried.into_iter().chain(effects(&mut m, at(now)));
            for (ticket, effect) in tried.filter(|(_, e)| *e == Effect::Release(GroupId(2))) {
                assert_eq!(effect, Effect::Release(GroupId(2)));
                m.complete(at(now + 1), &ticket, Outcome::Failed);
            }
            assert!(due(&mut m, now + 2).contains(&Effect::Escalate(GroupId(2))), "{name}, leaves: {leaves}");
        }
    }
}

#[test]
fn node_that_leaves_before_it_is_active_stops_what_is_left() {
    let mut m = left_with(&[0]);
    m.leave(at(1));
    assert_eq!(m.phase(), Phase::Leaving);
    let (ticket, effect) = only(effects(&mut m, at(1)));
    assert_eq!(effect, Effect::Release(GroupId(0)));
    m.complete(at(2), &ticket, Outcome::Done);
    m.advance(at(2));
    assert_eq!(m.phase(), Phase::Left);
}

#[test]
fn reference_node_that_keeps_the_class_does_not_make_the_leftover_be_escalated() {
    let mut m = left_with(&[0]);
    m.activated(at(0), false);
    let theirs = |seq| ReportIn { is_hbcore: false, ..report(seq, "all", true) };
    m.on_report(at(1), OTHER, theirs(5));
    m.on_report(at(2), OTHER, theirs(6));
    for second in 1..=30 {
        m.advance(at(1000 * second));
        for (ticket, effect) in effects(&mut m, at(1000 * second)) {
            assert_eq!(effect, Effect::Release(GroupId(0)));
            m.complete(at(1000 * second), &ticket, Outcome::Failed);
        }
    }
}

#[test]
fn leftover_moves_only_while_something_is_tried_with_it() {
    let mut m = left_with(&[2]);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    complete_all(&mut m, at(2));
    assert!(!m.groups()[2].is_moving(), "between two tries");
    let (ticket, _) = only(effects(&mut m, at(5000)));
    assert!(m.groups()[2].is_moving());
    m.complete(at(5001), &ticket, Outcome::Failed);
    assert!(!m.groups()[2].is_moving());
}

#[test]
fn group_that_is_to_be_escalated_moves_until_the_escalation_has_failed() {
    let mut m = left_with(&[0]);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    complete_all(&mut m, at(2));
    assert!(!m.groups()[0].is_moving(), "it runs");
    m.leave(at(10));
    let (stop, _) = effects(&mut m, at(10)).remove(0);
    m.complete(at(11), &stop, Outcome::Failed);
    assert!(m.groups()[0].is_moving(), "its escalation is due");
    let (escalation, _) = only(effects(&mut m, at(12)));
    assert!(m.groups()[0].is_moving());
    m.complete(at(13), &escalation, Outcome::Failed);
    assert!(!m.groups()[0].is_moving());
}

/// The engine that takes over from this one, after a restart for a new configuration.
fn successor(m: &Machine) -> Machine {
    let mut next = left_with(&[]);
    next.resume(Some(m.holds_without_stuck()), |group| match m.groups()[usize::from(group.0)].state() {
        GroupState::Running => Remains::All(Origin::Agreed),
        _ => Remains::Nothing,
    });
    for (group, _) in (0..).zip(m.groups()).filter(|(_, g)| g.state() == GroupState::Stuck) {
        next.stuck(at(0), GroupId(group));
    }
    next.activated(at(0), false);
    next
}

#[test]
fn successor_knows_a_leftover_beside_the_node_that_serves_its_class() {
    let mut m = left_with(&[2]);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    complete_all(&mut m, at(2));
    assert_eq!((m.holds(), m.holds_without_stuck()), (Holds::ALL, Holds { local: true, foreign: false }));
    let mut next = successor(&m);
    next.on_report(at(1), OTHER, report(6, "local", true));
    assert_eq!(next.holds(), Holds::ALL);
    assert_eq!(due(&mut next, 1), [], "its own groups run, and the other ones at the other node");
    assert_eq!(due(&mut next, 5000), [Effect::Release(GroupId(2))]);
}

#[test]
fn successor_knows_a_leftover_in_a_class_that_is_served_here() {
    let m = beside_a_foreign_leftover();
    assert_eq!(m.holds_without_stuck(), Holds::ALL);
    let mut next = successor(&m);
    next.on_report(at(1), OTHER, report(6, "none", true));
    assert_eq!((next.holds(), due(&mut next, 1)), (Holds::ALL, std::vec![]));
    let (ticket, effect) = only(effects(&mut next, at(5000)));
    assert_eq!(effect, Effect::Release(GroupId(2)), "it is told to stop, not started");
    next.complete(at(5001), &ticket, Outcome::Done);
    assert_eq!(due(&mut next, 5001), [acquire(2)], "the class is served here");
}
