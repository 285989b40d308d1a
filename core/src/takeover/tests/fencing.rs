//! A device that fences.

use super::*;

fn guarded() -> Machine {
    let mut m = settled();
    m.set_fencing(true);
    m
}

fn fence(m: &mut Machine, now: Instant) -> Ticket {
    let (ticket, effect) = effects(m, now).remove(0);
    assert_eq!(effect, Effect::Fence(OTHER));
    ticket
}

#[test]
fn nothing_of_a_dead_node_is_started_before_it_is_fenced() {
    let mut m = guarded();
    m.on_death(at(10), OTHER, true, true);
    assert_eq!(says(&mut m), []);
    let ticket = fence(&mut m, at(10));
    assert_eq!(effects(&mut m, at(5000)), []);
    assert!(!m.is_settled());
    m.complete(at(6000), &ticket, Outcome::Done);
    assert!(says(&mut m).contains(&Say::Stonith { node: OTHER, result: FenceResult::Done }));
    assert!(matches!(effects(&mut m, at(6000))[..], [(_, Effect::Acquire(GroupId(1)))]));
}

#[test]
fn node_that_gave_everything_up_is_not_fenced() {
    let mut m = guarded();
    m.on_shutdone(at(10), OTHER, true);
    complete_all(&mut m, at(11));
    m.on_report(at(12), OTHER, report(9, "none", true));
    says(&mut m);
    m.on_death(at(20), OTHER, true, true);
    assert_eq!(effects(&mut m, at(20)), []);
    assert_eq!(says(&mut m), [Say::Stonith { node: OTHER, result: FenceResult::Unneeded }]);
}

#[test]
fn node_that_may_have_taken_groups_without_owner_is_fenced() {
    let mut m = guarded();
    // It has given its groups up, and ours are not with it either; but it may take its own back, and its word may be lost.
    m.on_report(at(10), OTHER, report(9, "none", true));
    m.on_death(at(20), OTHER, true, true);
    assert!(matches!(effects(&mut m, at(20))[..], [(_, Effect::Fence(OTHER))]));
}

#[test]
fn device_that_fails_is_tried_again_until_it_succeeds() {
    let mut m = guarded();
    m.on_death(at(10), OTHER, true, true);
    for second in [10, 5011, 10_012] {
        m.advance(at(second));
        let ticket = fence(&mut m, at(second));
        m.complete(at(second + 1), &ticket, Outcome::Failed);
        assert_eq!(says(&mut m), [Say::Stonith { node: OTHER, result: FenceResult::Failed }]);
        assert_eq!(effects(&mut m, at(second + 4000)), []);
        assert_eq!(m.next_deadline(), Some(at(second + 5001)));
    }
    let ticket = fence(&mut m, at(15_013));
    m.complete(at(15_014), &ticket, Outcome::Done);
    assert_eq!(effects(&mut m, at(15_014)).len(), 1);
}

#[test]
fn node_that_is_heard_again_is_not_fenced_any_more() {
    let mut m = guarded();
    m.on_death(at(10), OTHER, true, true);
    let ticket = fence(&mut m, at(10));
    m.on_return(at(20), OTHER);
    m.complete(at(30), &ticket, Outcome::Done);
    assert_eq!(effects(&mut m, at(30)), [], "it lives, and keeps what it has");
    m.complete(at(31), &Ticket::from_raw(0xFF01_0000), Outcome::Done);
}

#[test]
fn lone_starter_waits_for_the_fencing_too() {
    let mut m = machine(AutoFailback::On);
    m.set_fencing(true);
    m.activated(at(0), true);
    m.on_death(at(0), OTHER, false, true);
    m.advance(at(0));
    m.advance(at(60_000));
    let ticket = fence(&mut m, at(60_000));
    assert_eq!(m.holds(), Holds::NONE);
    m.complete(at(60_001), &ticket, Outcome::Done);
    assert_eq!(m.holds(), Holds::ALL);
    assert_eq!(effects(&mut m, at(60_001)).len(), 2);
}

#[test]
fn lone_starter_settles_with_a_peer_that_comes_up_meanwhile() {
    let mut m = machine(AutoFailback::On);
    m.set_fencing(true);
    m.activated(at(0), true);
    m.on_death(at(0), OTHER, false, true);
    let _in_vain = fence(&mut m, at(0));
    m.on_restart(OTHER);
    m.on_starting(OTHER, Sequence(1), true);
    m.on_report(at(100), OTHER, report(3, "none", false));
    assert_eq!(m.phase(), Phase::Stable);
    assert!(matches!(effects(&mut m, at(100))[..], [(_, Effect::Acquire(GroupId(0)))]));
}

#[test]
fn node_that_leaves_does_not_wait_for_the_fencing() {
    let mut m = guarded();
    m.on_death(at(10), OTHER, true, true);
    let ticket = fence(&mut m, at(10));
    m.leave(at(11));
    complete_all(&mut m, at(12));
    m.complete(at(13), &ticket, Outcome::Done);
    assert_eq!(effects(&mut m, at(13)), []);
    m.advance(at(2000));
    assert_eq!(m.phase(), Phase::Left);
}

#[test]
fn device_that_never_answers_counts_as_failed_at_its_deadline() {
    let mut m = guarded();
    m.on_death(at(10), OTHER, true, true);
    let _lost = fence(&mut m, at(10));
    m.advance(at(10).after(EFFECT_LIMIT));
    assert_eq!(says(&mut m), [Say::Stonith { node: OTHER, result: FenceResult::Failed }]);
}

#[test]
fn node_is_fenced_once_however_often_it_dies() {
    let mut m = guarded();
    m.on_death(at(10), OTHER, true, true);
    m.on_death(at(11), OTHER, true, true);
    assert_eq!(effects(&mut m, at(12)).len(), 1);
}

#[test]
fn node_that_returns_before_it_is_fenced_delays_nothing_else() {
    let mut m = guarded();
    m.on_death(at(10), OTHER, true, true);
    m.on_return(at(20), OTHER);
    assert_eq!(effects(&mut m, at(20)), []);
    assert_eq!(m.next_deadline(), Some(at(1020)), "until it is asked what it holds");
}

/// Starting, with a device, and others that were never heard and are to be fenced.
fn starts_among_the_dead(others: &[NodeId]) -> Machine {
    let mut m = Machine::new(HOME, [HOME].iter().chain(others).copied(), AutoFailback::On, EFFECT_LIMIT);
    m.set_fencing(true);
    m.activated(at(0), false);
    for node in others {
        m.on_death(at(10), *node, false, true);
    }
    says(&mut m);
    m
}

#[test]
fn start_goes_on_with_a_node_that_returns_before_it_is_fenced() {
    let mut m = starts_among_the_dead(&[OTHER]);
    m.on_restart(OTHER);
    m.advance(at(10));
    assert_eq!(says(&mut m), [Say::Starting]);
    assert!(m.is_starting());
    m.advance(at(10_010));
    assert!(m.is_starting(), "it lives, and has not answered");
}

#[test]
fn start_waits_for_all_that_are_to_be_fenced() {
    let third = NodeId(2);
    let mut m = starts_among_the_dead(&[OTHER, third]);
    m.on_restart(OTHER);
    m.advance(at(11));
    assert_eq!(says(&mut m), [], "the third is to be fenced first");
    m.on_report(at(12), OTHER, report(4, "none", true));
    assert!(m.is_starting());
}

#[test]
fn leaving_node_fences_nobody() {
    let mut m = guarded();
    m.on_death(at(10), OTHER, true, true);
    m.leave(at(11));
    assert!(!effects(&mut m, at(12)).iter().any(|(_, effect)| *effect == Effect::Fence(OTHER)));
}

#[test]
fn first_node_can_be_fenced_too() {
    let mut m = Machine::new(OTHER, [HOME, OTHER].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.set_fencing(true);
    m.activated(at(0), false);
    m.on_report(at(1), HOME, report(5, "local", true));
    complete_all(&mut m, at(2));
    m.on_death(at(10), HOME, true, true);
    let (ticket, effect) = only(effects(&mut m, at(10)));
    assert_eq!(effect, Effect::Fence(HOME));
    m.complete(at(11), &ticket, Outcome::Done);
    assert_eq!(only(effects(&mut m, at(11))).1, Effect::Acquire(GroupId(0)));
}

#[test]
fn node_that_holds_nothing_while_we_hold_everything_is_not_fenced() {
    let mut m = settled();
    m.auto_failback = AutoFailback::Off;
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    m.on_restart(OTHER);
    m.on_report(at(12), OTHER, report(4, "none", true));
    m.set_fencing(true);
    says(&mut m);
    m.on_death(at(20), OTHER, true, true);
    assert_eq!(says(&mut m), [Say::Stonith { node: OTHER, result: FenceResult::Unneeded }]);
}

#[test]
fn node_that_leaves_and_has_stopped_everything_is_not_fenced() {
    let mut m = guarded();
    m.on_report(at(10), OTHER, ReportIn { shutdown: true, ..report(6, "none", true) });
    says(&mut m);
    m.on_death(at(20), OTHER, true, true);
    assert!(says(&mut m).contains(&Say::Stonith { node: OTHER, result: FenceResult::Unneeded }));
}
