//! The machine alone: one input at a time, and its outputs.

#[cfg(not(feature = "small"))]
mod divided;
mod failures;
mod fencing;
mod late;
#[cfg(not(feature = "small"))]
mod leftover;
mod legacy;
mod lost;
mod moves;
mod reference;
#[cfg(not(feature = "small"))]
mod retry;
mod returns;
mod starting;
mod three;
mod view;

use super::*;
use crate::id::GroupId;
use std::vec;
use std::vec::Vec;

type Machine = Takeover<4>;

const HOME: NodeId = NodeId(0);
const OTHER: NodeId = NodeId(1);

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn machine(auto_failback: AutoFailback) -> Machine {
    Machine::new(HOME, [HOME, OTHER].into_iter(), auto_failback, EFFECT_LIMIT)
}

fn says(machine: &mut Machine) -> Vec<Say> {
    core::iter::from_fn(|| machine.poll_say()).collect()
}

fn notices(machine: &mut Machine) -> Vec<Notice> {
    core::iter::from_fn(|| machine.poll_notice()).collect()
}

fn effects(machine: &mut Machine, now: Instant) -> Vec<(Ticket, Effect)> {
    core::iter::from_fn(|| machine.poll_effect(now)).collect()
}

fn only(mut effects: Vec<(Ticket, Effect)>) -> (Ticket, Effect) {
    assert_eq!(effects.len(), 1, "{effects:?}");
    effects.remove(0)
}

fn complete_all(machine: &mut Machine, now: Instant) {
    for (ticket, _) in effects(machine, now) {
        machine.complete(now, &ticket, Outcome::Done);
    }
}

fn report(seq: u64, holds: &str, stable: bool) -> ReportIn {
    let holds = Holds::parse(holds.as_bytes()).unwrap();
    ReportIn {
        seq: Sequence(seq),
        holds,
        full: true,
        stable: Some(stable),
        shutdown: false,
        releasing: false,
        is_hbcore: true,
        inheritance: Inheritance::Nothing,
    }
}

fn say(hold: &str, stable: bool, info: Info) -> Say {
    Say::Report { hold: Holds::parse(hold.as_bytes()).unwrap(), stable, info }
}

fn ask(m: &mut Machine, ms: u64, seq: u64, class: Class, step: Ask) {
    m.on_ask(at(ms), OTHER, Sequence(seq), class, step);
}

/// Active, settled, holding `local` beside another node that does too.
fn settled() -> Machine {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    complete_all(&mut m, at(2));
    says(&mut m);
    assert!(m.is_settled());
    m
}

/// Holds everything, because the other died; now that one starts again.
fn beside_a_starting_node() -> Machine {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    m.on_restart(OTHER);
    m.on_starting(OTHER, Sequence(1), true);
    m
}

/// Beside a node that has started again and is stable: the failback is asked for, and granted.
fn asked_for_its_groups() -> Machine {
    let mut m = beside_a_starting_node();
    m.on_report(at(20), OTHER, report(4, "none", true));
    m.on_ask(at(21), OTHER, Sequence(5), Class::Foreign, Ask::Other);
    says(&mut m);
    m
}

#[test]
fn words_of_the_wire_are_written_as_they_are_read() {
    for (word, wish, given) in [
        ("local", Wish::Class(Class::Local), Class::Foreign),
        ("foreign", Wish::Class(Class::Foreign), Class::Local),
        ("all", Wish::Class(Class::All), Class::All),
        ("failback", Wish::Failback, Class::Foreign),
    ] {
        assert_eq!((wish.as_str(), Wish::parse(word.as_bytes()), wish.to_give()), (word, Some(wish), given));
    }
    assert_eq!((Wish::parse(b"none"), Wish::parse(b"")), (None, None));
}

#[test]
fn starting_is_answered_at_once_and_repeated_until_a_report_comes() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    assert_eq!(says(&mut m), [Say::Starting]);
    m.advance(at(1000));
    assert_eq!(says(&mut m), [Say::Starting]);
    m.on_starting(OTHER, Sequence(1), false);
    assert_eq!(says(&mut m), [say("none", false, Info::Plain)]);
}

#[test]
fn node_that_started_before_we_were_active_is_answered_when_we_are() {
    let mut m = machine(AutoFailback::On);
    m.on_starting(OTHER, Sequence(1), true);
    assert_eq!(says(&mut m), []);
    m.activated(at(0), false);
    assert_eq!(says(&mut m), [Say::Starting, say("none", false, Info::Plain)]);
}

#[test]
fn without_any_report_nothing_is_started_and_the_other_is_asked_on() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    for second in 1..=25 {
        m.advance(at(1000 * second));
    }
    assert_eq!(effects(&mut m, at(25_000)), [], "it lives, and may hold everything");
    says(&mut m);
    m.advance(at(26_000));
    assert_eq!(says(&mut m), [Say::Starting]);
    m.on_report(at(26_001), OTHER, report(5, "none", false));
    assert!(matches!(effects(&mut m, at(26_001))[..], [(_, Effect::Acquire(GroupId(0)))]));
}

#[test]
fn node_without_any_other_starts_its_groups_at_once() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), true);
    m.advance(at(0));
    assert!(matches!(effects(&mut m, at(0))[..], [(_, Effect::Acquire(GroupId(0)))]));
}

#[test]
fn node_whose_groups_run_on_the_peer_takes_nothing() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "all", true));
    assert_eq!(effects(&mut m, at(1)), []);
    assert!(says(&mut m).contains(&say("none", true, Info::Plain)));
}

#[test]
fn claim_of_everything_is_announced_before_any_script_runs() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    assert_eq!(
        says(&mut m),
        [Say::Stonith { node: OTHER, result: FenceResult::NoDevice }, say("all", true, Info::OwnAcquired)]
    );
    assert!(matches!(effects(&mut m, at(10))[..], [(_, Effect::Acquire(GroupId(1)))]));
}

#[test]
fn end_of_a_takeover_is_announced_when_the_scripts_have_ended() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    says(&mut m);
    complete_all(&mut m, at(11));
    assert_eq!(says(&mut m), [Say::TakeoverDone]);
}

#[test]
fn node_that_gave_everything_up_needs_no_fencing() {
    let mut m = settled();
    m.on_shutdone(at(10), OTHER, true);
    complete_all(&mut m, at(11));
    says(&mut m);
    m.on_report(at(12), OTHER, report(9, "none", true));
    says(&mut m);
    m.on_death(at(20), OTHER, true, true);
    assert_eq!(says(&mut m), [Say::Stonith { node: OTHER, result: FenceResult::Unneeded }]);
    assert_eq!(effects(&mut m, at(20)), []);
}

#[test]
fn failback_asks_releases_and_reports_in_this_order() {
    let mut m = beside_a_starting_node();
    says(&mut m);
    m.on_report(at(20), OTHER, report(4, "none", true));
    assert!(says(&mut m).contains(&Say::Ask { class: Class::Foreign, step: Ask::Me }));
    m.on_ask(at(21), OTHER, Sequence(5), Class::Foreign, Ask::Other);
    assert_eq!(says(&mut m), [say("local", false, Info::Standby)], "before any script stops");
    let release = effects(&mut m, at(21));
    assert!(matches!(release[..], [(_, Effect::Release(GroupId(1)))]));
    m.complete(at(22), &release[0].0, Outcome::Done);
    assert_eq!(says(&mut m), [Say::Ask { class: Class::Foreign, step: Ask::Done }]);
    m.on_ask(at(23), OTHER, Sequence(5), Class::Foreign, Ask::Done);
    assert_eq!(says(&mut m), [say("local", true, Info::Plain)]);
    assert_eq!(m.standby(), Standby::NotAsked);
}

#[test]
fn unanswered_failback_is_tried_again() {
    let mut m = beside_a_starting_node();
    m.on_report(at(20), OTHER, report(4, "none", true));
    says(&mut m);
    m.advance(at(20 + 10_000));
    assert_eq!(m.standby(), Standby::NotAsked);
    says(&mut m);
    m.advance(at(20 + 11_000));
    assert_eq!(says(&mut m), [Say::Ask { class: Class::Foreign, step: Ask::Me }]);
}

#[test]
fn of_two_requests_that_cross_the_first_node_of_the_configuration_goes_first() {
    let mut m = settled();
    m.request_standby(at(10), Class::Local).unwrap();
    m.on_ask(at(11), OTHER, Sequence(5), Class::Local, Ask::Me);
    assert_eq!(m.standby(), Standby::Asking(Class::Local), "we are first");
    let mut m = Machine::new(NodeId(2), [NodeId(2), OTHER].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    complete_all(&mut m, at(2));
    m.request_standby(at(10), Class::Local).unwrap();
    m.on_ask(at(11), OTHER, Sequence(5), Class::Local, Ask::Me);
    assert_eq!(m.standby(), Standby::Offered(Class::Local), "the other is first");
}

#[test]
fn nothing_is_given_to_nobody() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), true);
    m.advance(at(0));
    complete_all(&mut m, at(0));
    assert_eq!(m.request_standby(at(5), Class::All), Err(StandbyRefusal::NoPartner));
}

#[test]
fn nothing_is_given_to_who_is_leaving() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "foreign", true));
    complete_all(&mut m, at(2));
    m.on_report(at(3), OTHER, ReportIn { shutdown: true, ..report(6, "none", true) });
    assert_eq!(m.request_standby(at(5), Class::All), Err(StandbyRefusal::NoPartner));
}

#[test]
fn older_report_that_was_repeated_changes_nothing() {
    let mut m = settled();
    m.on_report(at(10), OTHER, report(20, "none", true));
    m.on_report(at(11), OTHER, report(19, "all", true));
    assert_eq!(m.other_holds(), Holds::NONE);
}

#[test]
fn stale_forged_or_second_use_of_a_ticket_is_ignored() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), true);
    m.advance(at(0));
    let (ticket, _) = effects(&mut m, at(0)).remove(0);
    let raw = ticket.into_raw();
    m.complete(at(1), &Ticket::from_raw(raw ^ 1), Outcome::Done);
    m.complete(at(1), &Ticket::from_raw(u32::MAX), Outcome::Done);
    assert_eq!(m.groups()[0].state(), GroupState::Starting);
    m.complete(at(1), &Ticket::from_raw(raw), Outcome::Done);
    m.complete(at(2), &Ticket::from_raw(raw), Outcome::Failed);
    assert_eq!(m.groups()[0].state(), GroupState::Running);
}

#[test]
fn effect_without_answer_ends_at_its_deadline() {
    let mut m = Machine::new(HOME, [HOME].into_iter(), AutoFailback::On, Duration::from_secs(5));
    m.activated(at(0), true);
    m.advance(at(0));
    let _lost = effects(&mut m, at(0));
    assert_eq!(m.next_deadline(), Some(at(5000)));
    m.advance(at(5000));
    let next = effects(&mut m, at(5000));
    assert!(matches!(next[..], [(_, Effect::Release(GroupId(0)))]), "nobody knows what of it runs: {next:?}");
}

#[test]
fn one_effect_is_in_flight_per_group_whatever_is_wished_meanwhile() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    let first = effects(&mut m, at(10));
    assert_eq!(first.len(), 1);
    m.leave(at(11));
    let others: Vec<Effect> = effects(&mut m, at(11)).into_iter().map(|(_, e)| e).collect();
    assert_eq!(others, vec![Effect::Release(GroupId(0))], "group 1 is still starting");
    m.complete(at(12), &first[0].0, Outcome::Done);
    assert!(matches!(effects(&mut m, at(12))[..], [(_, Effect::Release(GroupId(1)))]));
}

#[test]
fn after_a_heal_the_foreign_class_is_yielded_and_the_local_one_announced_again() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    says(&mut m);
    m.on_return(at(100), OTHER);
    assert_eq!(says(&mut m), [say("all", true, Info::Plain)]);
    m.on_report(at(101), OTHER, report(40, "all", true));
    assert_eq!(says(&mut m)[..2], [say("all", true, Info::Plain), say("local", false, Info::Standby)]);
    let doing: Vec<Effect> = effects(&mut m, at(101)).into_iter().map(|(_, e)| e).collect();
    assert_eq!(doing, [Effect::Announce(GroupId(0)), Effect::Release(GroupId(1))]);
}

/// A 3.0.6 was lost, its groups were taken, and now a partition heals.
fn healed_beside_a_reference_node() -> Machine {
    let mut m = settled();
    m.on_restart(OTHER);
    m.on_report(at(5), OTHER, ReportIn { is_hbcore: false, ..report(6, "local", true) });
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    m.on_return(at(100), OTHER);
    m
}

#[test]
fn reference_node_that_returns_from_a_partition_is_left_to_restart() {
    let mut m = healed_beside_a_reference_node();
    m.on_report(at(101), OTHER, ReportIn { is_hbcore: false, ..report(40, "all", true) });
    assert_eq!(m.holds(), Holds::ALL, "it will restart: we serve on");
    assert_eq!(effects(&mut m, at(101)), []);
    m.on_shutdone(at(3000), OTHER, true);
    let doing: Vec<Effect> = effects(&mut m, at(3000)).into_iter().map(|(_, e)| e).collect();
    assert_eq!(doing, [Effect::Announce(GroupId(0)), Effect::Announce(GroupId(1))]);
}

#[test]
fn reference_node_that_does_not_restart_gets_its_groups_after_a_while() {
    let mut m = healed_beside_a_reference_node();
    m.on_report(at(101), OTHER, ReportIn { is_hbcore: false, ..report(40, "local", true) });
    m.advance(at(6100));
    assert_eq!(m.holds(), Holds { local: true, foreign: false });
}

#[test]
fn stable_report_is_repeated_to_a_reference_node_that_was_taking_over_at_our_return() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    let theirs = |seq, holds| ReportIn { is_hbcore: false, ..report(seq, holds, true) };
    m.on_report(at(1), OTHER, theirs(5, "all"));
    says(&mut m);
    m.on_report(at(2), OTHER, ReportIn { full: false, stable: None, ..theirs(6, "foreign") });
    assert_eq!(says(&mut m), [say("none", false, Info::Plain), say("none", true, Info::Plain)]);
}

#[test]
fn failed_start_is_reported_and_tried_again_when_asked_for() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    let (ticket, _) = effects(&mut m, at(10)).remove(0);
    m.complete(at(11), &ticket, Outcome::Failed);
    assert_eq!(m.groups()[1].state(), GroupState::Failed);
    assert_eq!(effects(&mut m, at(11)), []);
    m.leave(at(12));
    complete_all(&mut m, at(12));
    assert_eq!(m.groups()[1].state(), GroupState::Stopped);
}
