//! Groups that run here and lack something that cannot be put back.

use super::*;

/// Holds its own group beside a settled node; the port says that the group is lost.
fn lost() -> Machine {
    let mut m = settled();
    notices(&mut m);
    m.group_lost(at(10), GroupId(0));
    m
}

#[test]
fn lost_group_goes_to_the_other_node_as_one_that_does_not_start() {
    let mut m = lost();
    assert_eq!(says(&mut m), [Say::Ask { class: Class::Local, step: Ask::Me }]);
    assert_eq!(notices(&mut m)[0], Notice::GroupLost(GroupId(0)));
    assert_eq!(effects(&mut m, at(10)), [], "nothing is stopped before the other node agrees");
    ask(&mut m, 11, 6, Class::Local, Ask::Other);
    let (ticket, effect) = only(effects(&mut m, at(11)));
    assert_eq!(effect, Effect::Release(GroupId(0)));
    m.complete(at(12), &ticket, Outcome::Done);
    assert!(says(&mut m).contains(&Say::Ask { class: Class::Local, step: Ask::Done }));
    ask(&mut m, 13, 7, Class::Local, Ask::Done);
    assert_eq!((m.holds(), m.groups()[0].state()), (Holds::NONE, GroupState::Stopped));
}

#[test]
fn lost_group_that_cannot_be_stopped_stays_claimed() {
    let mut m = lost();
    ask(&mut m, 11, 6, Class::Local, Ask::Other);
    let (ticket, _) = only(effects(&mut m, at(11)));
    says(&mut m);
    m.complete(at(12), &ticket, Outcome::Failed);
    assert_eq!(only(effects(&mut m, at(12))).1, Effect::Escalate(GroupId(0)));
    assert!(!says(&mut m).contains(&Say::Ask { class: Class::Local, step: Ask::Done }));
    assert!(m.holds().local);
}

/// Says it again at `ms`; whether the other node was asked.
fn is_asked(m: &mut Machine, ms: u64, group: u16) -> bool {
    says(m);
    m.group_lost(at(ms), GroupId(group));
    says(m).iter().any(|said| matches!(said, Say::Ask { step: Ask::Me, .. }))
}

#[test]
fn lost_group_runs_on_while_no_node_can_take_it() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    assert!(!is_asked(&mut m, 12, 0), "the other is dead");
    assert_eq!(effects(&mut m, at(12)), []);
    m.on_restart(OTHER);
    m.on_starting(OTHER, Sequence(1), true);
    assert!(!is_asked(&mut m, 15, 0), "it has not said what it holds");
    m.auto_failback = AutoFailback::Off;
    m.on_report(at(20), OTHER, report(4, "none", false));
    assert!(!is_asked(&mut m, 21, 1), "it is not settled");
    m.on_report(at(22), OTHER, report(5, "none", true));
    assert!(is_asked(&mut m, 23, 1), "now it can");
    assert_eq!(m.standby(), Standby::Asking(Class::Foreign));
}

#[test]
fn lost_group_waits_for_a_partner_that_stays() {
    let mut m = settled();
    m.on_report(at(10), OTHER, ReportIn { shutdown: true, ..report(6, "local", true) });
    assert!(!is_asked(&mut m, 11, 0), "it leaves");
}

#[test]
fn group_that_does_not_run_is_not_lost() {
    let mut m = settled();
    assert!(!is_asked(&mut m, 10, 1), "it runs at the other node");
    assert!(!is_asked(&mut m, 10, 9), "there is no such group");
    m.request_standby(at(11), Class::Local).unwrap();
    assert!(!is_asked(&mut m, 12, 0), "it moves already");
    m.leave(at(13));
    complete_all(&mut m, at(14));
    assert!(!is_asked(&mut m, 15, 0), "and now it is stopped");
}

#[test]
fn group_that_is_lost_on_both_nodes_is_not_passed_to_and_fro() {
    let mut m = lost();
    ask(&mut m, 11, 6, Class::Local, Ask::Other);
    complete_all(&mut m, at(11));
    ask(&mut m, 12, 7, Class::Local, Ask::Done);
    // It is lost there as well, and comes back.
    ask(&mut m, 5000, 8, Class::Foreign, Ask::Me);
    ask(&mut m, 5001, 9, Class::Foreign, Ask::Done);
    complete_all(&mut m, at(5002));
    m.on_report(at(5003), OTHER, report(10, "local", true));
    assert_eq!((m.groups()[0].state(), m.standby()), (GroupState::Running, Standby::NotAsked));
    assert!(!is_asked(&mut m, 6000, 0), "it was there a moment ago");
    assert!(is_asked(&mut m, 400_000, 0), "after a while it is worth a try");
}

#[test]
fn unanswered_offer_of_a_lost_group_leaves_it_running() {
    let mut m = lost();
    m.advance(at(10_010));
    assert_eq!((m.standby(), m.groups()[0].state()), (Standby::NotAsked, GroupState::Running));
    assert_eq!(effects(&mut m, at(10_011)), []);
    assert!(!is_asked(&mut m, 11_000, 0));
}

#[test]
fn legacy_protocol_has_no_word_for_it() {
    let mut m = settled();
    m.auto_failback = AutoFailback::Legacy;
    assert!(!is_asked(&mut m, 10, 0));
    assert_eq!(effects(&mut m, at(10)), []);
}
