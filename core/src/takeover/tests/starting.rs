//! A start: which reports of the others are believed, and what an earlier engine left running.

use super::*;

#[test]
fn engine_that_resumes_claims_what_runs_and_starts_nothing() {
    let mut m = machine(AutoFailback::On);
    m.resume(Some(Holds::ALL), |_| Remains::All(Origin::Agreed));
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
fn report_that_may_be_older_than_our_start_is_not_believed_at_once() {
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
fn start_that_is_repeated_after_the_report_that_followed_it_changes_nothing() {
    let mut m = settled();
    m.on_report(at(10), OTHER, report(6, "local", true));
    m.on_starting(OTHER, Sequence(4), true);
    assert!(m.is_settled());
}

#[test]
fn reference_node_that_missed_a_report_is_told_the_newest_again() {
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
fn takeover_that_ends_during_our_start_does_not_hide_that_we_are_settled() {
    let mut m = doubtful();
    let theirs = |seq, holds| ReportIn { is_hbcore: false, ..report(seq, holds, true) };
    m.on_report(at(1), OTHER, theirs(5, "all"));
    m.on_report(at(2), OTHER, ReportIn { full: false, stable: None, ..theirs(6, "foreign") });
    says(&mut m);
    m.advance(at(100));
    assert_eq!(says(&mut m), [say("none", false, Info::Plain), say("none", true, Info::Plain)]);
}

#[test]
fn group_that_is_new_in_the_configuration_is_started_by_a_resumed_engine() {
    let mut m = machine(AutoFailback::On);
    m.resume(
        Some(Holds::ALL),
        |group| if group == GroupId(0) { Remains::All(Origin::Agreed) } else { Remains::Nothing },
    );
    m.activated(at(0), false);
    assert_eq!(only(effects(&mut m, at(0))).1, Effect::Acquire(GroupId(1)));
}

#[test]
fn engine_that_resumes_with_one_class_does_not_touch_the_other() {
    let mut m = machine(AutoFailback::On);
    m.resume(Some(Holds { local: true, foreign: false }), |_| Remains::All(Origin::Agreed));
    assert_eq!([0, 1].map(|n| m.groups()[n].state()), [GroupState::Running, GroupState::Stopped]);
    m.activated(at(0), false);
    assert_eq!(effects(&mut m, at(0)), []);
}

#[test]
fn peer_that_has_reported_is_not_asked_again() {
    let mut m = doubtful();
    says(&mut m);
    m.set_gaps(true);
    m.on_report(at(1), OTHER, report(4, "none", true));
    m.advance(at(1000));
    assert!(m.is_starting());
    assert_eq!(says(&mut m), []);
    assert_eq!(m.newest_report(), Sequence(4));
}

#[test]
fn messages_that_stay_missing_are_waited_for_only_so_long() {
    let mut m = doubtful();
    m.set_gaps(true);
    m.on_report(at(1), OTHER, report(4, "none", true));
    m.advance(at(100).after(GAP_PATIENCE));
    assert!(!m.is_starting());
}

#[test]
fn report_of_an_earlier_run_is_not_believed_after_the_restart() {
    let mut m = doubtful();
    m.on_report(at(1), OTHER, report(4, "none", true));
    m.on_restart(OTHER);
    m.advance(at(100));
    assert!(m.is_starting());
}

#[test]
fn leaving_peer_is_waited_for_until_it_has_left() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, ReportIn { shutdown: true, ..report(4, "none", false) });
    assert!(m.is_starting(), "it may still run everything");
    m.advance(at(10_000));
    assert!(m.is_starting(), "however long that takes");
    m.on_shutdone(at(10_001), OTHER, true);
    assert!(!m.is_starting());
}

/// After ten seconds beside a node that still stops what it does not claim any more: has the start ended, and was it said that it does not answer?
fn beside_one_that_releases(is_hbcore: bool) -> (bool, bool) {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, ReportIn { releasing: true, is_hbcore, ..report(5, "local", false) });
    m.advance(at(10_000));
    let told = core::iter::from_fn(|| m.poll_notice()).any(|notice| notice == Notice::NoReport);
    (!m.is_starting(), told)
}

#[test]
fn reference_node_is_not_waited_for_longer_than_it_waits_itself() {
    assert_eq!(beside_one_that_releases(false), (true, false));
    assert_eq!(beside_one_that_releases(true), (false, false), "one of ours says when it has ended");
}

#[test]
fn that_nobody_answers_is_said() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.advance(at(10_000));
    assert!(core::iter::from_fn(|| m.poll_notice()).any(|notice| notice == Notice::NoReport));
}

#[test]
fn leaving_node_repeats_its_report_until_everything_has_stopped() {
    let mut m = settled();
    m.leave(at(10));
    says(&mut m);
    m.on_starting(OTHER, Sequence(9), true);
    assert_eq!(says(&mut m), [say("none", false, Info::Shutdown)]);
    complete_all(&mut m, at(11));
    says(&mut m);
    m.on_starting(OTHER, Sequence(10), true);
    assert_eq!(says(&mut m), [say("none", false, Info::Plain)]);
}

#[test]
fn output_without_room_is_counted() {
    let mut m = settled();
    for _ in 0..100 {
        m.request_takeover(Wish::Failback).unwrap();
    }
    let said = says(&mut m).len();
    assert_eq!(said + m.lost_outputs() as usize, 100);
    assert!(m.lost_outputs() > 0);
}

#[test]
fn start_beside_a_full_report_says_once_that_it_is_settled() {
    let mut m = doubtful();
    m.on_report(at(1), OTHER, report(5, "all", true));
    says(&mut m);
    m.advance(at(100));
    assert_eq!(says(&mut m), [say("none", true, Info::Plain)]);
}

/// The phase of a node that leaves when the other says what it holds: while it still stops something, or when everything has stopped.
fn after_its_word(stopped: bool, holds: &str) -> Phase {
    let mut m = settled();
    m.leave(at(10));
    if stopped {
        complete_all(&mut m, at(11));
    }
    m.on_report(at(12), OTHER, report(9, holds, true));
    m.phase()
}

#[test]
fn leaving_node_stays_until_the_peer_has_its_groups() {
    assert_eq!(after_its_word(true, "all"), Phase::Left);
    assert_eq!(after_its_word(true, "local"), Phase::Leaving, "it may have missed our word");
    assert_eq!(after_its_word(false, "all"), Phase::Leaving, "something runs here");
}

/// Whether a notice tells of the end of the start when the peer dies.
fn is_end_of_start_said(mut m: Machine) -> bool {
    while m.poll_notice().is_some() {}
    m.on_death(at(10), OTHER, true, true);
    core::iter::from_fn(|| m.poll_notice()).any(|notice| notice == Notice::LocalTransitionComplete)
}

#[test]
fn death_ends_a_start_once() {
    assert!(is_end_of_start_said(doubtful()));
    assert!(!is_end_of_start_said(settled()));
}
