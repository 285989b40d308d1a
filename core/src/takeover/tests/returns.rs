//! A node that was taken for dead is back, or has restarted before it was missed.

use super::*;

#[test]
fn group_due_to_start_during_a_cut_waits_for_the_report_of_the_returned_peer() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    m.on_return(at(20), OTHER);
    assert_eq!(effects(&mut m, at(20)), [], "it may run its group");
    m.advance(at(1020));
    assert!(says(&mut m).contains(&Say::Starting));
    m.on_report(at(1021), OTHER, report(6, "local", true));
    assert_eq!(effects(&mut m, at(1021)), [], "and it does");
    assert_eq!(m.holds(), Holds { local: true, foreign: false });
}

/// Its own group is being stopped for the other, which is taken for dead, so that it is wanted again; then the other is back.
fn back_before_our_own_group_had_stopped() -> (Machine, Ticket) {
    let mut m = settled();
    m.request_standby(at(10), Class::Local).unwrap();
    ask(&mut m, 11, 6, Class::Local, Ask::Other);
    let (ticket, _) = only(effects(&mut m, at(12)));
    m.on_death(at(20), OTHER, true, true);
    complete_all(&mut m, at(21));
    m.on_return(at(30), OTHER);
    (m, ticket)
}

#[test]
fn our_own_group_waits_for_a_returned_node_that_still_stops_it() {
    let (mut m, ticket) = back_before_our_own_group_had_stopped();
    m.on_report(at(31), OTHER, ReportIn { releasing: true, ..report(7, "local", false) });
    m.complete(at(40), &ticket, Outcome::Done);
    let mut starts = effects(&mut m, at(40));
    starts.retain(|(_, effect)| *effect == Effect::Acquire(GroupId(0)));
    assert_eq!(starts, [], "it runs there");
    m.on_report(at(50), OTHER, report(8, "local", true));
    assert!(effects(&mut m, at(50)).iter().any(|(_, effect)| *effect == Effect::Acquire(GroupId(0))));
}

#[test]
fn our_own_group_waits_for_no_releasing_node_that_is_gone() {
    let dies: fn(&mut Machine) = |m| m.on_death(at(50), OTHER, true, true);
    let leaves: fn(&mut Machine) = |m| m.on_shutdone(at(50), OTHER, true);
    let restarts: fn(&mut Machine) = |m| m.on_restart(OTHER);
    for goes in [dies, leaves, restarts] {
        let (mut m, ticket) = back_before_our_own_group_had_stopped();
        m.on_report(at(31), OTHER, ReportIn { releasing: true, ..report(7, "local", false) });
        m.complete(at(40), &ticket, Outcome::Done);
        goes(&mut m);
        assert!(effects(&mut m, at(50)).iter().any(|(_, effect)| *effect == Effect::Acquire(GroupId(0))));
    }
}

#[test]
fn group_starts_here_when_the_returned_peer_has_lost_it() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    m.on_return(at(20), OTHER);
    m.on_starting(OTHER, Sequence(6), true);
    assert_eq!(effects(&mut m, at(21)), [], "a question says nothing yet");
    m.on_report(at(22), OTHER, report(7, "none", true));
    assert_eq!(only(effects(&mut m, at(22))).1, Effect::Acquire(GroupId(1)));
}

#[test]
fn returned_reference_node_is_asked_for_its_claim_until_it_answers() {
    let mut m = settled();
    m.other.is_hbcore = false;
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(10));
    m.on_return(at(100), OTHER);
    for round in 1..4 {
        says(&mut m);
        m.advance(at(100 + 6000 * round));
        assert!(says(&mut m).contains(&Say::Starting), "round {round}");
    }
    m.on_report(at(20_000), OTHER, ReportIn { is_hbcore: false, ..report(9, "none", true) });
    says(&mut m);
    m.advance(at(30_000));
    assert!(!says(&mut m).contains(&Say::Starting));
}

#[test]
fn peer_with_a_message_that_is_lost_for_good_is_asked_for_its_claim() {
    for is_hbcore in [true, false] {
        let mut m = settled();
        m.other.is_hbcore = is_hbcore;
        m.reports_lost(at(10));
        says(&mut m);
        m.advance(at(6010));
        assert!(says(&mut m).contains(&Say::Starting));
        m.on_report(at(6020), OTHER, ReportIn { is_hbcore, ..report(6, "local", true) });
        says(&mut m);
        m.advance(at(60_000));
        assert!(!says(&mut m).contains(&Say::Starting), "it has told");
    }
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), true);
    m.advance(at(0));
    complete_all(&mut m, at(0));
    m.reports_lost(at(10));
    says(&mut m);
    m.advance(at(60_000));
    assert_eq!(says(&mut m), [], "nobody is there");
}

#[test]
fn rival_that_restarts_in_the_middle_of_a_conflict_and_claims_the_same_is_yielded_to() {
    let mut m = settled();
    m.on_report(at(10), OTHER, ReportIn { is_hbcore: false, ..report(6, "all", true) });
    m.other.is_hbcore = false;
    m.on_restart(OTHER);
    m.on_report(at(20), OTHER, ReportIn { is_hbcore: false, ..report(4, "all", true) });
    m.advance(at(7000));
    assert!(matches!(effects(&mut m, at(7000))[..], [(_, Effect::Release(GroupId(0)))]), "it means to keep it");
}

#[test]
fn reference_node_that_keeps_our_class_gets_it_when_it_does_not_restart() {
    let mut m = settled();
    m.on_restart(OTHER);
    let theirs = |seq, holds| ReportIn { is_hbcore: false, ..report(seq, holds, true) };
    m.on_report(at(5), OTHER, theirs(6, "local"));
    m.on_report(at(10), OTHER, theirs(7, "all"));
    assert!(m.holds().local, "it may be about to restart");
    m.advance(at(6010));
    assert_eq!(m.holds(), Holds::NONE);
    assert!(matches!(effects(&mut m, at(6010))[..], [.., (_, Effect::Release(GroupId(0)))]));
}

#[test]
fn leaving_peer_that_dies_before_it_has_left_is_not_taken_for_empty() {
    let mut m = settled();
    m.on_report(at(10), OTHER, ReportIn { shutdown: true, ..report(6, "none", false) });
    m.on_death(at(20), OTHER, true, true);
    assert!(says(&mut m).contains(&Say::Stonith { node: OTHER, result: FenceResult::NoDevice }));
}

#[test]
fn owner_that_restarted_before_it_was_missed_has_lost_what_it_had() {
    let mut m = settled();
    m.on_report(at(10), OTHER, report(6, "all", true));
    m.hold = Holds::NONE;
    m.want_not(Class::All);
    complete_all(&mut m, at(11));
    m.on_restart(OTHER);
    m.on_starting(OTHER, Sequence(1), true);
    m.on_report(at(20), OTHER, report(2, "none", false));
    assert_eq!(effects(&mut m, at(20)), [], "it is starting, and may take them");
    m.on_report(at(30), OTHER, report(3, "local", true));
    assert!(matches!(effects(&mut m, at(30))[..], [(_, Effect::Acquire(GroupId(0)))]));
}

#[test]
fn report_that_only_adds_to_another_does_not_end_the_doubt() {
    let starts = |m: &mut Machine, ms| effects(m, at(ms)).iter().any(|(_, e)| *e == Effect::Acquire(GroupId(1)));
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    m.on_return(at(20), OTHER);
    m.on_report(at(21), OTHER, ReportIn { full: false, ..report(6, "foreign", true) });
    assert!(!starts(&mut m, 21), "it may run its own");
    m.on_report(at(22), OTHER, report(7, "none", true));
    assert!(starts(&mut m, 22));
}

#[test]
fn failback_to_come_is_not_settled() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    assert!(m.is_settled(), "nobody is there to give anything to");
    m.on_restart(OTHER);
    m.on_starting(OTHER, Sequence(1), true);
    m.on_report(at(20), OTHER, report(4, "none", true));
    m.advance(at(10_020));
    assert_eq!(m.standby(), Standby::NotAsked, "not answered");
    assert!(!m.is_settled(), "and to be asked again");
}

#[test]
fn peer_that_has_its_groups_already_gets_none_back() {
    let mut m = Machine::new(HOME, [HOME].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    complete_all(&mut m, at(2));
    m.on_death(at(10), OTHER, true, true);
    m.on_return(at(20), OTHER);
    m.timers.heal = None;
    m.other.holds.local = true;
    assert!(m.holds().foreign && m.is_settled());
}

#[test]
fn group_at_home_here_is_started_whatever_the_peer_may_run() {
    let mut m = settled();
    m.request_standby(at(5), Class::Local).unwrap();
    ask(&mut m, 6, 6, Class::Local, Ask::Other);
    complete_all(&mut m, at(7));
    m.on_death(at(10), OTHER, true, true);
    m.on_return(at(20), OTHER);
    let begun: Vec<Effect> = effects(&mut m, at(20)).into_iter().map(|(_, effect)| effect).collect();
    assert_eq!(begun, [Effect::Acquire(GroupId(0))]);
}

#[test]
fn late_report_of_a_node_that_left_does_not_bring_its_groups_home() {
    let mut m = settled();
    m.on_shutdone(at(10), OTHER, true);
    assert!(m.groups[1].home_gone);
    m.on_report(at(11), OTHER, ReportIn { shutdown: true, ..report(6, "none", false) });
    assert!(m.groups[1].home_gone);
    m.on_report(at(12), OTHER, report(7, "none", false));
    assert!(!m.groups[1].home_gone, "it speaks as one that is there");
}

#[test]
fn report_that_is_not_full_adds_to_what_was_known() {
    let more = |seq, holds| ReportIn { full: false, stable: None, ..report(seq, holds, true) };
    let mut m = settled();
    m.on_report(at(10), OTHER, more(6, "foreign"));
    assert_eq!(m.other.holds, Holds::ALL);
    m.on_report(at(11), OTHER, report(7, "none", true));
    m.on_report(at(12), OTHER, more(8, "local"));
    assert_eq!(m.other.holds, Holds { local: true, foreign: false });
    m.on_report(at(13), OTHER, more(9, "none"));
    assert_eq!(m.other.holds, Holds::NONE, "and `none` takes back");
}

#[test]
fn peer_that_becomes_stable_is_told_our_claim() {
    let mut m = settled();
    m.on_report(at(10), OTHER, report(6, "local", false));
    says(&mut m);
    while m.poll_notice().is_some() {}
    m.on_report(at(11), OTHER, report(7, "local", true));
    assert_eq!(says(&mut m), [say("local", true, Info::Plain)]);
    assert_eq!(m.poll_notice(), Some(Notice::RemoteTransitionComplete));
    m.on_report(at(12), OTHER, report(8, "local", true));
    assert_eq!(says(&mut m), [], "once");
}

#[test]
fn start_that_was_overtaken_by_an_unstable_report_does_not_make_it_stable() {
    let mut m = settled();
    m.on_report(at(10), OTHER, report(6, "local", false));
    m.on_starting(OTHER, Sequence(4), true);
    assert!(!m.is_settled());
}

#[test]
fn node_without_groups_of_its_own_contests_nothing() {
    let mut m = Machine::new(HOME, [OTHER].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    says(&mut m);
    assert!(m.holds().local);
    m.on_report(at(10), OTHER, report(6, "all", true));
    assert_eq!(says(&mut m), []);
}

#[test]
fn only_a_reference_node_is_given_time_to_restart_in_a_conflict() {
    for is_hbcore in [true, false] {
        let mut m = settled();
        m.other.is_hbcore = is_hbcore;
        m.on_report(at(10), OTHER, ReportIn { is_hbcore, ..report(6, "all", true) });
        assert_eq!(m.timers.heal.is_some(), !is_hbcore);
    }
}

#[test]
fn in_a_move_a_conflict_is_not_resolved() {
    let mut m = settled();
    m.request_standby(at(10), Class::Local).unwrap();
    ask(&mut m, 11, 6, Class::Local, Ask::Other);
    let _ = only(effects(&mut m, at(11)));
    says(&mut m);
    m.on_report(at(12), OTHER, report(7, "all", true));
    assert_eq!(says(&mut m), []);
    assert_eq!(effects(&mut m, at(12)), []);
}

#[test]
fn leaving_node_with_a_stuck_group_resolves_no_conflict() {
    let mut m = settled();
    m.leave(at(10));
    for outcome in [Outcome::TimedOut, Outcome::Failed] {
        let (ticket, _) = only(effects(&mut m, at(11)));
        m.complete(at(11), &ticket, outcome);
    }
    assert!(m.holds().local, "it may run here");
    m.on_report(at(12), OTHER, report(6, "all", true));
    assert_eq!(effects(&mut m, at(12)), [], "not announced as kept");
}

#[test]
fn node_that_dies_before_it_has_said_what_it_holds_is_taken_over() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    m.on_return(at(11), OTHER);
    assert_eq!(effects(&mut m, at(11)), [], "it may run its group");
    m.on_death(at(12), OTHER, true, true);
    assert_eq!(only(effects(&mut m, at(12))).1, Effect::Acquire(GroupId(1)));
    complete_all(&mut m, at(13));
    says(&mut m);
    m.advance(at(20_000));
    assert_eq!(says(&mut m), [], "nobody is asked");
}

/// Every start of the only group fails here; returns whether the other node is asked to take it.
fn does_not_start(m: &mut Machine, ms: u64) -> bool {
    for (ticket, _) in effects(m, at(ms)) {
        m.complete(at(ms), &ticket, Outcome::Failed);
    }
    m.advance(at(ms));
    says(m).contains(&Say::Ask { class: Class::Local, step: Ask::Me })
}

#[test]
fn node_that_returns_gets_at_once_what_does_not_start_here() {
    let mut m = Machine::new(HOME, [HOME].into_iter(), AutoFailback::Off, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "none", true));
    assert!(does_not_start(&mut m, 2), "it is given away");
    ask(&mut m, 3, 6, Class::Local, Ask::Other);
    ask(&mut m, 4, 7, Class::Local, Ask::Done);
    m.on_death(at(10), OTHER, true, true);
    assert!(!does_not_start(&mut m, 11), "nobody is there");
    m.on_return(at(20), OTHER);
    m.on_report(at(21), OTHER, report(8, "none", true));
    assert!(does_not_start(&mut m, 22), "it has it back, though the pause of five minutes is not over");
}

#[test]
fn question_that_a_conflict_overtakes_is_asked_again() {
    let mut m = Machine::new(HOME, [HOME, OTHER].into_iter(), AutoFailback::Off, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    assert!(does_not_start(&mut m, 2));
    m.on_report(at(4), OTHER, report(7, "all", true));
    m.advance(at(1003));
    let question = Say::Ask { class: Class::Local, step: Ask::Me };
    assert!(!says(&mut m).contains(&question), "an answer to the first one may be under way");
    m.advance(at(1004));
    assert!(says(&mut m).contains(&question), "not in five minutes");
}

#[test]
fn question_that_nobody_answers_is_asked_again() {
    let mut m = Machine::new(HOME, [HOME].into_iter(), AutoFailback::Off, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "none", true));
    assert!(does_not_start(&mut m, 2), "it is given away");
    m.advance(at(10_002));
    says(&mut m);
    m.advance(at(11_002));
    assert!(says(&mut m).contains(&Say::Ask { class: Class::Local, step: Ask::Me }), "not in five minutes");
}

#[test]
fn own_group_that_does_not_start_is_given_away_also_when_what_both_own_is_yielded() {
    let mut m = machine(AutoFailback::Off);
    m.activated(at(0), true);
    m.advance(at(0));
    m.on_death(at(1), OTHER, true, true);
    assert!(!does_not_start(&mut m, 2), "neither group starts, and nobody is there");
    m.on_return(at(20), OTHER);
    m.on_report(at(21), OTHER, report(8, "all", true));
    assert_eq!(m.holds(), Holds { local: true, foreign: false });
    m.on_report(at(22), OTHER, report(9, "local", true));
    m.advance(at(22));
    assert!(says(&mut m).contains(&Say::Ask { class: Class::Local, step: Ask::Me }));
}
