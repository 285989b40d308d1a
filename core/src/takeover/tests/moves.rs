//! Moves between two living nodes: steps of another class, reports that overtake a step, requests that cross.

use super::*;

/// Has asked the other node to take our own group.
fn asking() -> Machine {
    let mut m = settled();
    m.request_standby(at(10), Class::Local).unwrap();
    says(&mut m);
    m
}

/// Our own group is being stopped for the other node.
fn releasing() -> (Machine, Ticket) {
    let mut m = asking();
    ask(&mut m, 11, 6, Class::Local, Ask::Other);
    let (ticket, _) = only(effects(&mut m, at(11)));
    says(&mut m);
    (m, ticket)
}

/// It is stopped.
fn released() -> Machine {
    let (mut m, ticket) = releasing();
    m.complete(at(12), &ticket, Outcome::Done);
    assert_eq!(says(&mut m), [Say::Ask { class: Class::Local, step: Ask::Done }]);
    m
}

/// Has agreed to take the group of the other node.
fn offered() -> Machine {
    let mut m = settled();
    ask(&mut m, 10, 6, Class::Local, Ask::Me);
    says(&mut m);
    m
}

#[test]
fn step_of_another_class_belongs_to_another_exchange() {
    let mut m = asking();
    ask(&mut m, 11, 6, Class::Foreign, Ask::Other);
    assert_eq!((m.standby(), effects(&mut m, at(11))), (Standby::Asking(Class::Local), Vec::new()));
    let mut m = released();
    ask(&mut m, 13, 7, Class::Foreign, Ask::Done);
    assert_eq!(m.standby(), Standby::Released(Class::Local));
    let mut m = offered();
    ask(&mut m, 11, 7, Class::Foreign, Ask::Done);
    assert_eq!((m.standby(), effects(&mut m, at(11))), (Standby::Offered(Class::Local), Vec::new()));
}

#[test]
fn only_a_done_that_nobody_waits_for_is_answered() {
    let mut m = settled();
    ask(&mut m, 10, 6, Class::Local, Ask::Other);
    assert_eq!(says(&mut m), []);
    ask(&mut m, 11, 7, Class::Local, Ask::Done);
    assert_eq!(says(&mut m), [say("local", true, Info::Plain)], "it shall know what runs here");
    let mut m = asking();
    ask(&mut m, 11, 7, Class::Local, Ask::Done);
    assert_eq!(says(&mut m), []);
}

#[test]
fn beside_a_reference_node_an_agreement_to_nothing_does_not_end_the_exchange() {
    let mut m = offered();
    m.other.is_hbcore = false;
    ask(&mut m, 11, 7, Class::Foreign, Ask::Other);
    assert_eq!(m.standby(), Standby::Offered(Class::Local));
}

#[test]
fn offer_is_refused_while_either_side_is_unsettled() {
    let mut m = settled();
    m.on_report(at(10), OTHER, report(6, "local", false));
    notices(&mut m);
    ask(&mut m, 11, 7, Class::Local, Ask::Me);
    assert_eq!(m.standby(), Standby::NotAsked);
    assert!(notices(&mut m).contains(&Notice::StandbyIgnored { node: OTHER, other_in_flux: true }));

    let mut m = machine(AutoFailback::On);
    m.set_doubt(Duration::from_secs(1));
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    ask(&mut m, 2, 6, Class::Local, Ask::Me);
    assert_eq!(m.standby(), Standby::NotAsked, "it is starting");
    assert!(notices(&mut m).contains(&Notice::StandbyIgnored { node: OTHER, other_in_flux: false }));
}

#[test]
fn report_says_whether_a_released_class_runs_there() {
    let mut m = released();
    m.on_report(at(13), OTHER, report(8, "all", true));
    assert_eq!((m.standby(), m.holds()), (Standby::NotAsked, Holds::NONE));
    assert_eq!(effects(&mut m, at(13)), [], "it has it");

    let mut m = released();
    m.on_report(at(13), OTHER, report(8, "local", true));
    assert_eq!((m.standby(), m.holds().local), (Standby::NotAsked, true));
    assert_eq!(only(effects(&mut m, at(13))).1, Effect::Acquire(GroupId(0)), "it is settled, and has not taken it");

    let mut m = released();
    m.other.is_hbcore = false;
    m.on_report(at(13), OTHER, ReportIn { is_hbcore: false, ..report(8, "local", true) });
    assert_eq!(m.standby(), Standby::Released(Class::Local), "a 3.0.6 says so only when it runs");
}

#[test]
fn report_ends_an_offer_if_the_giver_has_begun_or_has_taken_ours() {
    let mut m = offered();
    m.on_report(at(11), OTHER, report(8, "local", true));
    assert_eq!(m.standby(), Standby::Offered(Class::Local), "it has not begun");
    m.on_report(at(12), OTHER, report(9, "none", false));
    m.on_report(at(13), OTHER, report(10, "local", true));
    assert_eq!(m.standby(), Standby::NotAsked, "it had begun, and thought otherwise");

    let mut m = offered();
    m.on_report(at(11), OTHER, report(8, "all", true));
    assert_eq!(m.standby(), Standby::NotAsked, "for it we were dead");
}

#[test]
fn taker_is_done_when_everything_runs() {
    let mut m = offered();
    ask(&mut m, 11, 7, Class::Local, Ask::Done);
    let (ticket, effect) = only(effects(&mut m, at(11)));
    assert_eq!((m.standby(), effect), (Standby::Acquiring(Class::Local), Effect::Acquire(GroupId(1))));
    assert_eq!(says(&mut m), []);
    m.complete(at(12), &ticket, Outcome::Done);
    assert_eq!(says(&mut m), [Say::Ask { class: Class::Local, step: Ask::Done }, say("all", true, Info::Plain)]);
}

#[test]
fn nobody_holds_it_is_not_concluded_from_silence() {
    let mut m = released();
    ask(&mut m, 13, 8, Class::Local, Ask::Done);
    m.on_restart(OTHER);
    m.request_standby(at(20), Class::Local).unwrap();
    m.advance(at(10_020));
    assert_eq!((m.standby(), effects(&mut m, at(10_020))), (Standby::NotAsked, Vec::new()));
}

#[test]
fn stop_that_goes_on_is_reported_after_the_exchange_too() {
    let (mut m, ticket) = releasing();
    m.on_restart(OTHER);
    m.on_starting(OTHER, Sequence(1), true);
    assert_eq!(says(&mut m), [say("none", false, Info::Standby)]);
    m.complete(at(20), &ticket, Outcome::Done);
    assert_eq!(says(&mut m), [say("none", true, Info::Plain)]);
}

#[test]
fn failback_that_gives_way_to_a_crossing_request_is_still_wished() {
    for (class, is_wished) in [(Class::Foreign, true), (Class::Local, false)] {
        let second = NodeId(2);
        let mut m = Machine::new(second, [second, OTHER].into_iter(), AutoFailback::On, EFFECT_LIMIT);
        m.activated(at(0), false);
        m.on_report(at(1), OTHER, report(5, "local", true));
        complete_all(&mut m, at(2));
        m.request_standby(at(10), class).unwrap();
        ask(&mut m, 11, 6, Class::Local, Ask::Me);
        assert_eq!((m.standby(), m.needs_failback), (Standby::Offered(Class::Local), is_wished));
    }
}

#[test]
fn question_asked_during_a_cut_does_not_delay_the_end_of_two_owners() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    m.on_return(at(20), OTHER);
    m.on_report(at(21), OTHER, report(6, "none", true));
    assert_eq!(m.standby(), Standby::Asking(Class::Foreign), "its groups are to go back");
    says(&mut m);
    m.on_report(at(30), OTHER, report(7, "all", true));
    assert_eq!(m.standby(), Standby::NotAsked, "it had them all the time");
    let begun: Vec<Effect> = effects(&mut m, at(30)).into_iter().map(|(_, effect)| effect).collect();
    assert_eq!(begun, [Effect::Announce(GroupId(0)), Effect::Release(GroupId(1))]);
}

#[test]
fn question_is_overtaken_only_by_a_claim_to_a_class_of_ours() {
    let standby_after = |class, holds, is_hbcore| {
        let mut m = settled();
        m.other.is_hbcore = is_hbcore;
        m.request_standby(at(10), class).unwrap();
        m.on_report(at(11), OTHER, ReportIn { is_hbcore, ..report(6, holds, true) });
        m.standby()
    };
    let asking = Standby::Asking(Class::Local);
    assert_eq!(standby_after(Class::Local, "local", true), asking, "each has its own");
    assert_eq!(standby_after(Class::Local, "foreign", true), Standby::NotAsked, "it has ours");
    assert_eq!(standby_after(Class::Local, "foreign", false), asking, "a 3.0.6 will restart itself");
    let mut m = settled();
    m.hold = Holds { local: false, foreign: true };
    m.groups[1].resume(Remains::All(Origin::Agreed));
    m.request_standby(at(10), Class::Foreign).unwrap();
    m.on_report(at(11), OTHER, report(6, "local", true));
    assert_eq!(m.standby(), Standby::NotAsked, "it has its own already");
}

#[test]
fn offer_from_before_a_cut_does_not_delay_the_end_of_two_owners() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    ask(&mut m, 20, 6, Class::All, Ask::Me);
    assert_eq!(m.standby(), Standby::Offered(Class::All), "it read our wish before it was missed");
    m.on_return(at(20), OTHER);
    m.on_report(at(21), OTHER, report(7, "local", true));
    assert_eq!(m.standby(), Standby::NotAsked);
    assert_eq!(only(effects(&mut m, at(21))).1, Effect::Release(GroupId(1)));
}
