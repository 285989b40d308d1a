//! Groups that could not be started here, while no other node can take them over.

use super::*;
use crate::takeover::retry::Retry;

const OWN: GroupId = GroupId(0);

/// No other node is alive, and our own group has not started, at 0 ms.
fn alone_in_vain() -> Machine {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), true);
    m.advance(at(0));
    fails(&mut m, 0, Outcome::Failed);
    m
}

/// Our own group is started now, and ends so.
#[track_caller]
fn fails(m: &mut Machine, ms: u64, outcome: Outcome) {
    m.advance(at(ms));
    let (ticket, effect) = only(effects(m, at(ms)));
    assert_eq!(effect, Effect::Acquire(OWN));
    m.complete(at(ms), &ticket, outcome);
    m.advance(at(ms));
}

#[test]
fn group_is_started_again_after_pauses_that_double_up_to_five_minutes() {
    let mut m = alone_in_vain();
    let mut now = 0;
    for pause in [5, 10, 20, 40, 80, 160, 300, 300, 300] {
        let due = now + pause * 1000;
        assert_eq!(m.why(OWN), Some(Why::Failed { next: AfterFailure::StartsAgain(at(due)) }));
        assert_eq!(m.next_deadline(), Some(at(due)));
        m.advance(at(due - 1));
        assert_eq!(effects(&mut m, at(due - 1)), []);
        fails(&mut m, due, Outcome::Failed);
        now = due;
    }
}

#[test]
fn pause_is_short_again_after_the_group_has_run() {
    let mut m = alone_in_vain();
    fails(&mut m, 5000, Outcome::Failed);
    fails(&mut m, 15_000, Outcome::Done);
    assert_eq!((m.why(OWN), m.next_deadline()), (Some(Why::Runs), None));
    m.leave(at(20_000));
    assert_eq!(m.groups()[0].retry, Retry::No);
}

#[test]
fn group_whose_start_left_something_is_started_again_after_that_has_stopped() {
    for outcome in [Outcome::FailedAndStuck, Outcome::TimedOut] {
        let mut m = machine(AutoFailback::On);
        m.activated(at(0), true);
        fails(&mut m, 0, outcome);
        m.advance(at(6000));
        let (ticket, effect) = only(effects(&mut m, at(6000)));
        assert!(matches!(effect, Effect::Escalate(OWN) | Effect::Release(OWN)), "nothing starts beside it: {effect:?}");
        m.complete(at(6001), &ticket, Outcome::Done);
        fails(&mut m, 6001, Outcome::Done);
        assert_eq!((m.why(OWN), m.holds().local), (Some(Why::Runs), true));
    }
}

#[test]
fn operator_starts_it_at_once_and_only_what_failed() {
    let mut m = alone_in_vain();
    assert_eq!(m.request_takeover(Wish::Class(Class::Foreign)), Err(StandbyRefusal::NoPartner));
    for wish in [Wish::Failback, Wish::Class(Class::Local), Wish::Class(Class::All)] {
        assert_eq!(m.request_takeover(wish), Ok(()));
        fails(&mut m, 100, Outcome::Failed);
    }
    says(&mut m);
    assert_eq!(m.request_takeover(Wish::Failback), Ok(()));
    assert_eq!(says(&mut m), [], "nobody is there to hear it");
    fails(&mut m, 200, Outcome::Done);
    assert_eq!(m.request_takeover(Wish::Failback), Err(StandbyRefusal::NoPartner));
}

#[test]
fn group_is_not_started_again_beside_a_living_node_but_handed_over() {
    let mut m = alone_in_vain();
    m.on_starting(OTHER, Sequence(1), true);
    m.on_report(at(100), OTHER, report(3, "local", true));
    assert_eq!(m.standby(), Standby::Asking(Class::Local));
    m.advance(at(9000));
    assert_eq!(effects(&mut m, at(9000)), []);
    m.on_ask(at(9001), OTHER, Sequence(4), Class::Local, Ask::Other);
    m.on_ask(at(9002), OTHER, Sequence(5), Class::Local, Ask::Done);
    m.advance(at(20_000));
    assert_eq!(effects(&mut m, at(20_000)), []);
    assert_eq!(m.groups()[0].retry, Retry::No, "what happened before does not count when it is back");
}

#[test]
fn peer_that_dies_before_it_takes_the_group_leaves_it_to_be_started_here() {
    let mut m = alone_in_vain();
    m.on_starting(OTHER, Sequence(1), true);
    m.on_report(at(100), OTHER, report(3, "local", true));
    m.on_death(at(200), OTHER, true, true);
    let begun: Vec<Effect> = effects(&mut m, at(200)).into_iter().map(|(_, effect)| effect).collect();
    assert_eq!(begun, [Effect::Acquire(OWN), Effect::Acquire(GroupId(1))]);
}

#[test]
fn nothing_is_started_again_while_a_node_must_be_fenced() {
    let mut m = settled();
    m.set_fencing(true);
    m.groups[0].retry.failed(at(0));
    m.on_death(at(10), OTHER, true, true);
    assert!(!m.retries());
}

#[test]
fn group_starts_when_the_cause_is_gone_also_beside_a_living_node() {
    let mut m = settled();
    m.request_standby(at(10), Class::Local).unwrap();
    m.cause_is_gone(OWN);
    m.cause_is_gone(GroupId(1));
    m.cause_is_gone(GroupId(9));
    assert_eq!(effects(&mut m, at(10)), [], "neither has failed here");
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    m.pause_give_away(Class::Local, at(300_000));
    fails(&mut m, 1, Outcome::Failed);
    m.advance(at(2));
    assert_eq!(m.standby(), Standby::NotAsked);
    m.cause_is_gone(OWN);
    fails(&mut m, 3, Outcome::Done);
    assert_eq!(m.why(OWN), Some(Why::Runs));
}

#[test]
fn in_the_legacy_protocol_a_group_is_started_again_in_any_company() {
    let mut m = machine(AutoFailback::Legacy);
    m.activated(at(0), true);
    fails(&mut m, 0, Outcome::Failed);
    fails(&mut m, 5000, Outcome::Done);
    assert_eq!(m.why(OWN), Some(Why::Runs));
}
