//! Messages that come late, or in the middle of an exchange. Most was found by trying every order of what can happen (`cargo model`).

use super::*;

/// Has given its own group to the other node, and been told that it runs there.
fn given_away() -> Machine {
    let mut m = settled();
    m.request_standby(at(10), Class::Local).unwrap();
    ask(&mut m, 11, 6, Class::Local, Ask::Other);
    complete_all(&mut m, at(12));
    ask(&mut m, 13, 8, Class::Local, Ask::Done);
    says(&mut m);
    m
}

#[test]
fn starting_node_waits_for_groups_that_still_stop_for_its_earlier_run() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, ReportIn { releasing: true, ..report(5, "local", false) });
    for second in 1..=3600 {
        m.advance(at(1000 * second));
    }
    assert_eq!(effects(&mut m, at(3_600_000)), [], "its script hangs, and the group may run there");
    m.on_report(at(3_600_001), OTHER, report(6, "local", true));
    assert!(matches!(effects(&mut m, at(3_600_002))[..], [(_, Effect::Acquire(GroupId(0)))]));
}

#[test]
fn done_of_an_earlier_exchange_starts_nothing() {
    let mut m = given_away();
    m.on_report(at(14), OTHER, report(9, "all", true));
    ask(&mut m, 15, 10, Class::Foreign, Ask::Me);
    ask(&mut m, 16, 7, Class::Foreign, Ask::Done);
    assert_eq!(m.standby(), Standby::Offered(Class::Foreign));
    assert_eq!(effects(&mut m, at(16)), [], "the other has not stopped it yet");
}

#[test]
fn report_from_before_the_end_of_an_exchange_is_not_believed_after_it() {
    let mut m = given_away();
    m.on_report(at(14), OTHER, report(7, "local", true));
    assert_eq!(effects(&mut m, at(14)), [], "it runs there since then");
    assert!(m.other_holds().foreign);
}

#[test]
fn giver_does_not_look_settled_when_its_own_groups_have_started_meanwhile() {
    let mut m = machine(AutoFailback::Off);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    let (own, _) = effects(&mut m, at(1)).remove(0);
    ask(&mut m, 2, 6, Class::Local, Ask::Me);
    ask(&mut m, 3, 7, Class::Local, Ask::Done);
    complete_all(&mut m, at(4));
    m.on_report(at(5), OTHER, report(8, "none", true));
    m.request_standby(at(6), Class::Foreign).unwrap();
    ask(&mut m, 7, 9, Class::Foreign, Ask::Other);
    assert!(matches!(effects(&mut m, at(7))[..], [(_, Effect::Release(GroupId(1)))]));
    says(&mut m);
    m.complete(at(8), &own, Outcome::Done);
    assert!(
        !says(&mut m).iter().any(|say| matches!(say, Say::Report { stable: true, .. })),
        "it is still stopping a group"
    );
}

#[test]
fn report_that_came_during_a_standby_that_nobody_answered_is_looked_at_in_the_end() {
    let mut m = given_away();
    m.on_restart(OTHER);
    m.request_standby(at(20), Class::Local).unwrap();
    m.on_report(at(21), OTHER, report(2, "local", true));
    assert_eq!(effects(&mut m, at(21)), []);
    m.advance(at(10_020));
    assert!(matches!(effects(&mut m, at(10_020))[..], [(_, Effect::Acquire(GroupId(0)))]), "nobody else has it");
}

#[test]
fn group_that_does_not_stop_but_is_wanted_again_runs_on() {
    let mut m = beside_a_starting_node();
    m.on_report(at(20), OTHER, report(4, "none", true));
    ask(&mut m, 21, 5, Class::Foreign, Ask::Other);
    let (ticket, effect) = effects(&mut m, at(21)).remove(0);
    assert_eq!(effect, Effect::Release(GroupId(1)));
    m.on_shutdone(at(22), OTHER, true);
    m.complete(at(23), &ticket, Outcome::Failed);
    assert!(matches!(effects(&mut m, at(23))[..], [(_, Effect::Acquire(GroupId(1)))]), "the other has left");
}

#[test]
fn legacy_node_that_was_deaf_asks_for_its_groups_when_it_hears_again() {
    let mut m = machine(AutoFailback::Legacy);
    m.set_key(GroupId(0), "10.0.0.1").unwrap();
    m.activated(at(0), true);
    m.on_death(at(0), OTHER, false, true);
    complete_all(&mut m, at(1));
    says(&mut m);
    m.on_return(at(2), OTHER);
    assert!(says(&mut m).contains(&Say::GroupRequest(GroupId(0))), "the other may never have stopped serving it");
}

#[test]
fn two_who_have_each_agreed_to_what_the_other_does_not_ask_any_more_end_it() {
    let mut m = settled();
    m.on_ask(at(10), OTHER, Sequence(5), Class::Local, Ask::Me);
    assert_eq!(m.standby(), Standby::Offered(Class::Local));
    says(&mut m);
    m.on_ask(at(11), OTHER, Sequence(6), Class::Foreign, Ask::Other);
    assert_eq!(m.standby(), Standby::NotAsked);
    assert_eq!(says(&mut m), [say("local", true, Info::Plain)]);
}

#[test]
fn another_nodes_wish_for_groups_is_a_standby_of_the_mirrored_class() {
    for (wish, class) in
        [("all", Class::All), ("local", Class::Foreign), ("foreign", Class::Local), ("failback", Class::Foreign)]
    {
        assert_eq!(Wish::parse(wish.as_bytes()).map(Wish::to_give), Some(class), "{wish}");
    }
    assert_eq!(Wish::parse(b"none"), None);
}

#[test]
fn giver_whose_taker_took_it_for_dead_meanwhile_does_not_wait_for_its_answer() {
    let mut m = asked_for_its_groups();
    complete_all(&mut m, at(22));
    assert_eq!(m.standby(), Standby::Released(Class::Foreign));
    m.on_report(at(30), OTHER, report(9, "all", true));
    assert_eq!(m.standby(), Standby::NotAsked);
}

#[test]
fn giver_that_never_begins_does_not_keep_the_taker_waiting() {
    let mut m = settled();
    m.on_ask(at(10), OTHER, Sequence(8), Class::Local, Ask::Me);
    m.advance(at(12_010));
    assert_eq!(m.standby(), Standby::NotAsked);
    m.on_ask(at(20_000), OTHER, Sequence(9), Class::Local, Ask::Me);
    m.on_report(at(20_010), OTHER, report(10, "none", false));
    m.advance(at(60_000));
    assert_eq!(m.standby(), Standby::Offered(Class::Local), "it stops its scripts");
}

#[test]
fn taker_that_dies_before_it_has_answered_may_have_started_something() {
    let mut m = asked_for_its_groups();
    complete_all(&mut m, at(22));
    says(&mut m);
    m.on_death(at(30), OTHER, true, true);
    assert!(says(&mut m).contains(&Say::Stonith { node: OTHER, result: FenceResult::NoDevice }));
}

#[test]
fn taker_that_reports_in_the_middle_of_the_exchange_does_not_look_settled() {
    let mut m = settled();
    m.on_ask(at(10), OTHER, Sequence(8), Class::Local, Ask::Me);
    says(&mut m);
    m.on_starting(OTHER, Sequence(9), true);
    assert_eq!(says(&mut m), [say("local", false, Info::Plain)]);
}
