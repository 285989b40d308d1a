//! A start: which reports of the others are believed, and what an earlier engine left running.

use super::*;

#[test]
fn an_engine_that_resumes_claims_what_runs_and_starts_nothing() {
    let mut m = machine(AutoFailback::On);
    m.resume(Holds::ALL, |_| true);
    m.activated(at(0), false);
    assert_eq!(says(&mut m), [Say::Starting, say("all", true, Info::Plain)]);
    assert_eq!(effects(&mut m, at(0)), []);
    assert_eq!(m.phase(), Phase::Stable);
    m.leave(at(10));
    assert_eq!(effects(&mut m, at(10)).len(), 2, "it knows what to stop");
}

/// Active since 0, and told not to believe reports for 100 ms.
fn doubtful() -> Machine {
    let mut m = machine(AutoFailback::On);
    m.set_doubt(Duration::from_millis(100));
    m.activated(at(0), false);
    m
}

#[test]
fn a_report_that_may_be_older_than_our_start_is_not_believed_at_once() {
    let mut m = doubtful();
    m.on_report(at(1), OTHER, report(4, "none", true));
    assert_eq!(m.next_deadline(), Some(at(100)));
    m.on_report(at(50), OTHER, report(40, "all", true));
    m.advance(at(100));
    assert_eq!(m.phase(), Phase::Stable);
    assert_eq!(m.holds(), Holds::NONE, "the newer word counts");
}

#[test]
fn while_messages_are_missing_no_report_is_believed() {
    let mut m = doubtful();
    m.on_report(at(1), OTHER, report(4, "none", true));
    m.set_gaps(true);
    m.advance(at(100));
    m.advance(at(110));
    assert!(m.is_starting());
    m.set_gaps(false);
    m.advance(at(120));
    assert_eq!(m.phase(), Phase::Stable);
}

#[test]
fn a_start_that_is_repeated_after_the_report_that_followed_it_changes_nothing() {
    let mut m = settled();
    m.on_report(at(10), OTHER, report(6, "local", true));
    m.on_starting(OTHER, Sequence(4), true);
    assert!(m.is_settled());
}

#[test]
fn a_reference_node_that_missed_a_report_is_told_the_newest_again() {
    let mut m = settled();
    m.say_again(at(10));
    assert_eq!(m.next_deadline(), None, "one of ours knows the order");
    m.on_restart(OTHER);
    m.on_report(at(11), OTHER, ReportIn { is_hbcore: false, ..report(1, "local", true) });
    says(&mut m);
    m.say_again(at(20));
    m.say_again(at(500));
    m.advance(at(1020));
    assert_eq!(says(&mut m), [say("local", true, Info::Plain)]);
    assert_eq!(m.next_deadline(), None);
}

#[test]
fn a_takeover_that_ends_during_our_start_does_not_hide_that_we_are_settled() {
    let mut m = doubtful();
    let theirs = |seq, holds| ReportIn { is_hbcore: false, ..report(seq, holds, true) };
    m.on_report(at(1), OTHER, theirs(5, "all"));
    m.on_report(at(2), OTHER, ReportIn { full: false, stable: None, ..theirs(6, "foreign") });
    says(&mut m);
    m.advance(at(100));
    assert_eq!(says(&mut m), [say("none", false, Info::Plain), say("none", true, Info::Plain)]);
}

#[test]
fn what_is_new_in_the_configuration_is_started_by_the_engine_that_resumes() {
    let mut m = machine(AutoFailback::On);
    m.resume(Holds::ALL, |group| group == GroupId(0));
    m.activated(at(0), false);
    assert_eq!(only(effects(&mut m, at(0))).1, Effect::Acquire(GroupId(1)));
}
