//! Beside a 3.0.6.

use super::*;

fn theirs(seq: u64, holds: &str) -> ReportIn {
    ReportIn { is_hbcore: false, ..report(seq, holds, true) }
}

/// We hold our own groups; it is settled, and holds nothing.
fn beside_one_that_holds_nothing() -> Machine {
    let mut m = machine(AutoFailback::Off);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, theirs(5, "none"));
    complete_all(&mut m, at(2));
    m.on_report(at(3), OTHER, theirs(6, "none"));
    says(&mut m);
    m
}

#[test]
fn class_that_a_reference_node_claims_no_more_is_taken_after_three_seconds() {
    let mut m = beside_one_that_holds_nothing();
    m.advance(at(3002));
    assert_eq!(effects(&mut m, at(3002)), [], "it may be about to take it");
    m.advance(at(3003));
    assert_eq!(only(effects(&mut m, at(3003))).1, Effect::Acquire(GroupId(1)));
    assert_eq!(says(&mut m), [say("all", true, Info::Plain)]);
}

#[test]
fn when_it_restarts_meanwhile_it_is_about_to_take_its_own() {
    let mut m = beside_one_that_holds_nothing();
    m.on_restart(OTHER);
    m.advance(at(3003));
    assert_eq!(effects(&mut m, at(3003)), []);
}

#[test]
fn class_that_a_reference_node_takes_meanwhile_is_left_to_it() {
    let mut m = beside_one_that_holds_nothing();
    m.on_report(at(1000), OTHER, theirs(7, "local"));
    assert_eq!(m.next_deadline(), None);
}

#[test]
fn one_of_ours_takes_its_own_groups_by_itself() {
    let mut m = machine(AutoFailback::Off);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "none", true));
    complete_all(&mut m, at(2));
    m.on_report(at(3), OTHER, report(6, "none", true));
    assert_eq!(m.next_deadline(), None);
}

#[test]
fn in_a_move_and_while_we_leave_nothing_is_taken() {
    let mut m = beside_one_that_holds_nothing();
    m.request_standby(at(2000), Class::Local).unwrap();
    m.advance(at(3003));
    assert_eq!(effects(&mut m, at(3003)), []);
    let mut m = beside_one_that_holds_nothing();
    m.phase = Phase::Leaving;
    m.advance(at(3003));
    assert_eq!(effects(&mut m, at(3003)), []);
}

#[test]
fn class_that_runs_here_already_is_not_claimed_anew() {
    let mut m = beside_one_that_holds_nothing();
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    m.on_restart(OTHER);
    m.on_report(at(12), OTHER, theirs(7, "none"));
    assert!(m.holds().foreign);
    assert!(m.next_deadline().is_none(), "without failback nothing is to be done");
}

/// The messages after its takeover, while we hold `holds`.
fn after_its_takeover(holds: &str, is_hbcore: bool) -> Vec<Say> {
    let mut m = machine(AutoFailback::Off);
    m.activated(at(0), false);
    let its = if holds == "none" { "all" } else { "local" };
    m.on_report(at(1), OTHER, ReportIn { is_hbcore, ..report(5, its, true) });
    complete_all(&mut m, at(2));
    says(&mut m);
    m.on_report(at(3), OTHER, ReportIn { full: false, stable: None, is_hbcore, ..report(6, its, true) });
    says(&mut m)
}

#[test]
fn stable_report_is_repeated_when_a_reference_node_has_ended_a_takeover() {
    assert_eq!(after_its_takeover("none", false), [say("none", false, Info::Plain), say("none", true, Info::Plain)]);
    assert_eq!(after_its_takeover("none", true), [], "one of ours sees it anyway");
    assert_eq!(after_its_takeover("local", false), [], "we have what is ours");
}
