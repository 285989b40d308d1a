//! `auto_failback legacy`.

use super::*;

fn legacy() -> Machine {
    let mut m = machine(AutoFailback::Legacy);
    m.set_key(GroupId(0), "10.0.0.1").unwrap();
    m.set_key(GroupId(1), "10.0.0.2").unwrap();
    m
}

/// Starts alone, and is about to start everything.
fn alone() -> Machine {
    let mut m = legacy();
    m.activated(at(0), true);
    m.on_death(at(0), OTHER, false, true);
    m
}

fn running_everything() -> Machine {
    let mut m = alone();
    complete_all(&mut m, at(1));
    m
}

#[test]
fn home_asks_for_its_group_and_starts_it_when_answered() {
    let mut m = legacy();
    m.activated(at(0), false);
    assert_eq!(says(&mut m), [Say::GroupRequest(GroupId(0))]);
    assert_eq!(effects(&mut m, at(0)), []);
    m.on_group_answer(at(1), b"10.0.0.9");
    assert_eq!(effects(&mut m, at(1)), [], "not asked for");
    m.on_group_answer(at(2), b"10.0.0.1");
    assert!(matches!(effects(&mut m, at(2))[..], [(_, Effect::Acquire(GroupId(0)))]));
    m.on_group_answer(at(3), b"10.0.0.1");
    assert_eq!(effects(&mut m, at(3)), [], "once is enough");
}

#[test]
fn unanswered_request_is_repeated() {
    let mut m = legacy();
    m.activated(at(0), false);
    says(&mut m);
    m.advance(at(5000));
    assert_eq!(says(&mut m), [Say::GroupRequest(GroupId(0))]);
}

#[test]
fn group_that_is_asked_for_is_stopped_before_it_is_granted() {
    let mut m = running_everything();
    says(&mut m);
    m.on_restart(OTHER);
    m.on_group_request(at(10), OTHER, b"10.0.0.2");
    assert_eq!(says(&mut m), [], "not while it runs");
    let (ticket, effect) = effects(&mut m, at(10)).remove(0);
    assert_eq!(effect, Effect::Release(GroupId(1)));
    m.complete(at(11), &ticket, Outcome::Done);
    assert_eq!(says(&mut m), [Say::GroupAnswer { to: OTHER, group: GroupId(1), was_here: true }]);
    assert_eq!(m.holds(), Holds { local: true, foreign: false });
}

#[test]
fn group_that_cannot_be_stopped_is_not_granted() {
    let mut m = running_everything();
    says(&mut m);
    m.on_group_request(at(10), OTHER, b"10.0.0.2");
    let (ticket, _) = effects(&mut m, at(10)).remove(0);
    m.complete(at(11), &ticket, Outcome::Failed);
    assert_eq!(says(&mut m), []);
}

#[test]
fn group_that_is_not_here_is_granted_at_once() {
    let mut m = legacy();
    m.activated(at(0), false);
    says(&mut m);
    m.on_group_request(at(1), OTHER, b"10.0.0.2");
    assert_eq!(says(&mut m), [Say::GroupAnswer { to: OTHER, group: GroupId(1), was_here: false }]);
}

#[test]
fn neither_reports_nor_standby_exist() {
    let mut m = running_everything();
    assert_eq!(says(&mut m), [Say::Stonith { node: OTHER, result: FenceResult::NoDevice }]);
    assert_eq!(m.request_standby(at(2), Class::All), Err(StandbyRefusal::Unsupported));
    m.leave(at(3));
    complete_all(&mut m, at(4));
    assert_eq!(says(&mut m), [Say::Shutdone]);
}

#[test]
fn node_of_the_other_protocol_is_noticed_once_and_given_nothing() {
    let mut m = legacy();
    m.activated(at(0), false);
    while m.poll_notice().is_some() {}
    m.on_starting(OTHER, Sequence(1), false);
    m.on_report(at(1), OTHER, report(5, "all", true));
    assert_eq!(m.poll_notice(), Some(Notice::ModeMismatch(OTHER)));
    assert_eq!(m.poll_notice(), None);
    let mut m = settled();
    m.set_key(GroupId(0), "10.0.0.1").unwrap();
    while m.poll_notice().is_some() {}
    m.on_group_request(at(5), OTHER, b"10.0.0.1");
    assert_eq!(m.poll_notice(), Some(Notice::ModeMismatch(OTHER)));
    assert_eq!(effects(&mut m, at(5)), [], "what runs here stays here");
    assert_eq!(says(&mut m), []);
}

#[test]
fn after_a_partition_each_node_keeps_what_is_at_home_there() {
    let mut m = running_everything();
    m.on_return(at(100), OTHER);
    assert!(matches!(effects(&mut m, at(100))[..], [(_, Effect::Release(GroupId(1)))]));
}

#[test]
fn key_that_is_too_long_or_of_no_group_is_refused() {
    let mut m = legacy();
    assert_eq!(m.set_key(GroupId(0), &std::string::String::from_iter(['x'; 101])), Err(KeyError::TooLong));
    assert_eq!(m.set_key(GroupId(7), "x"), Err(KeyError::NoGroup));
}

/// Runs its own group, and could not start the other one.
fn with_a_failed_group() -> Machine {
    let mut m = alone();
    for (ticket, effect) in effects(&mut m, at(1)) {
        let failed = effect == Effect::Acquire(GroupId(1));
        m.complete(at(2), &ticket, if failed { Outcome::Failed } else { Outcome::Done });
    }
    says(&mut m);
    m
}

#[test]
fn group_that_did_not_start_here_is_granted_and_not_wanted_any_more() {
    let mut m = with_a_failed_group();
    m.on_restart(OTHER);
    m.on_group_request(at(10), OTHER, b"10.0.0.2");
    assert_eq!(says(&mut m), [Say::GroupAnswer { to: OTHER, group: GroupId(1), was_here: true }]);
    assert_eq!(m.holds(), Holds { local: true, foreign: false });
}

#[test]
fn group_that_did_not_start_here_is_tried_again_when_a_script_is_granted_it() {
    let mut m = with_a_failed_group();
    m.on_group_answer(at(10), b"10.0.0.1");
    assert_eq!(effects(&mut m, at(10)), [], "that one runs");
    m.on_group_answer(at(11), b"10.0.0.2");
    assert_eq!(only(effects(&mut m, at(11))).1, Effect::Acquire(GroupId(1)));
}

#[test]
fn group_that_is_wanted_again_meanwhile_is_not_granted_while_it_runs() {
    let mut m = running_everything();
    m.on_restart(OTHER);
    m.on_group_request(at(10), OTHER, b"10.0.0.2");
    let (ticket, _) = only(effects(&mut m, at(10)));
    m.on_death(at(11), OTHER, true, true);
    m.complete(at(12), &ticket, Outcome::Done);
    says(&mut m);
    complete_all(&mut m, at(13));
    assert_eq!(m.groups()[1].state(), GroupState::Running);
    assert_eq!(says(&mut m), []);
}

#[test]
fn leftover_that_the_home_asks_for_is_stopped_and_given_and_never_escalated() {
    let mut m = legacy();
    m.stuck(at(0), GroupId(1));
    m.activated(at(0), false);
    says(&mut m);
    m.on_group_request(at(10), OTHER, b"10.0.0.2");
    assert_eq!(effects(&mut m, at(10)), [], "it is being stopped already, at its own pace");
    for (now, outcome) in [(5000, Outcome::Failed), (10_000, Outcome::Failed), (15_000, Outcome::Done)] {
        let due = effects(&mut m, at(now));
        let [(ticket, Effect::Release(GroupId(1)))] = &due[..] else { panic!("one attempt, no escalation: {due:?}") };
        m.complete(at(now), ticket, outcome);
    }
    let answer = Say::GroupAnswer { to: OTHER, group: GroupId(1), was_here: true };
    assert!(says(&mut m).contains(&answer), "when nothing of it is left");
}
