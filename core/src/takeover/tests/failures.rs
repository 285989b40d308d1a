//! Groups that do not start, or do not stop.

use super::*;

#[test]
fn group_that_does_not_stop_stays_claimed_and_is_not_handed_over() {
    let mut m = asked_for_its_groups();
    let (ticket, effect) = only(effects(&mut m, at(21)));
    assert_eq!(effect, Effect::Release(GroupId(1)));
    m.complete(at(22), &ticket, Outcome::Failed);
    assert_eq!(m.groups()[1].state(), GroupState::Stuck);
    assert_eq!(says(&mut m), [say("all", false, Info::Standby)], "claimed again, and no `done`");
    let (ticket, effect) = only(effects(&mut m, at(22)));
    assert_eq!(effect, Effect::Escalate(GroupId(1)));
    m.complete(at(23), &ticket, Outcome::Failed);
    assert_eq!(effects(&mut m, at(23)), [], "an escalation that fails is not repeated at once");
    assert_eq!(m.groups()[1].state(), GroupState::Stuck);
    assert!(!says(&mut m).contains(&Say::Ask { class: Class::Foreign, step: Ask::Done }));
}

#[test]
fn escalation_that_succeeds_lets_the_exchange_go_on() {
    let mut m = asked_for_its_groups();
    let (ticket, _) = only(effects(&mut m, at(21)));
    m.complete(at(22), &ticket, Outcome::TimedOut);
    says(&mut m);
    let (ticket, _) = only(effects(&mut m, at(22)));
    m.complete(at(23), &ticket, Outcome::Done);
    assert_eq!(says(&mut m), [say("local", false, Info::Standby), Say::Ask { class: Class::Foreign, step: Ask::Done }]);
}

#[test]
fn node_that_cannot_stop_a_group_does_not_leave() {
    let mut m = settled();
    m.leave(at(10));
    let (ticket, _) = only(effects(&mut m, at(10)));
    says(&mut m);
    m.complete(at(11), &ticket, Outcome::Failed);
    assert!(!says(&mut m).contains(&Say::Shutdone), "the other would start what still runs here");
    let (ticket, _) = only(effects(&mut m, at(11)));
    m.complete(at(12), &ticket, Outcome::Done);
    assert!(says(&mut m).contains(&Say::Shutdone));
}

#[test]
fn stuck_group_is_stopped_again_when_the_node_is_told_to_leave() {
    let mut m = asked_for_its_groups();
    let (ticket, _) = only(effects(&mut m, at(21)));
    m.complete(at(22), &ticket, Outcome::Failed);
    let (ticket, _) = only(effects(&mut m, at(22)));
    m.complete(at(23), &ticket, Outcome::Failed);
    m.leave(at(30));
    let doing: Vec<Effect> = effects(&mut m, at(30)).into_iter().map(|(_, e)| e).collect();
    assert_eq!(doing, [Effect::Release(GroupId(0)), Effect::Release(GroupId(1))]);
}

/// One group of the other node is stuck here, and at `ms` its escalation has failed.
fn escalation_fails(m: &mut Machine, ms: u64, outcome: Outcome) {
    let (ticket, effect) = only(effects(m, at(ms)));
    assert_eq!(effect, Effect::Release(GroupId(1)));
    m.complete(at(ms), &ticket, Outcome::Failed);
    let (ticket, effect) = only(effects(m, at(ms)));
    assert_eq!(effect, Effect::Escalate(GroupId(1)));
    m.complete(at(ms), &ticket, outcome);
}

#[test]
fn failed_escalation_is_followed_by_a_stop_until_one_of_them_succeeds() {
    let mut m = asked_for_its_groups();
    for (second, outcome) in [(0, Outcome::Failed), (5, Outcome::FailedAndStuck), (10, Outcome::TimedOut)] {
        escalation_fails(&mut m, 21 + second * 1000, outcome);
        assert_eq!(m.groups()[1].deadline(), Some(at(21 + second * 1000 + 5000)), "the engine asks to be called");
        assert_eq!(effects(&mut m, at(21 + second * 1000 + 4999)), []);
    }
    says(&mut m);
    let (ticket, _) = only(effects(&mut m, at(15_021)));
    m.complete(at(15_030), &ticket, Outcome::Done);
    assert!(says(&mut m).contains(&Say::Ask { class: Class::Foreign, step: Ask::Done }), "the exchange goes on");
    assert_eq!(m.groups()[1].deadline(), None);
}

#[test]
fn stuck_group_that_stops_after_all_is_not_claimed_any_more() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    m.on_return(at(20), OTHER);
    m.on_report(at(21), OTHER, report(40, "all", true));
    let stop = effects(&mut m, at(21)).into_iter().find(|(_, effect)| *effect == Effect::Release(GroupId(1)));
    m.complete(at(22), &stop.unwrap().0, Outcome::Failed);
    let (ticket, _) = only(effects(&mut m, at(22)));
    m.complete(at(23), &ticket, Outcome::Failed);
    assert_eq!(m.holds(), Holds::ALL, "it may run here");
    says(&mut m);
    complete_all(&mut m, at(5023));
    assert_eq!(m.holds(), Holds { local: true, foreign: false });
    assert!(says(&mut m).contains(&say("local", true, Info::Plain)));
}

#[test]
fn escalation_that_has_failed_is_not_awaited_for_a_group_that_is_wanted_again() {
    let mut m = asked_for_its_groups();
    let (stop, _) = only(effects(&mut m, at(21)));
    m.complete(at(21), &stop, Outcome::Failed);
    let (escalation, _) = only(effects(&mut m, at(21)));
    m.complete(at(22), &escalation, Outcome::Failed);
    m.on_death(at(30), OTHER, true, true);
    assert_eq!(m.groups()[1].deadline(), None, "nothing is escalated that is as it should be");
    assert_eq!(only(effects(&mut m, at(30))).1, Effect::Acquire(GroupId(1)));
}

#[test]
fn start_that_fails_and_leaves_something_running_is_escalated() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    let (ticket, _) = only(effects(&mut m, at(10)));
    m.complete(at(11), &ticket, Outcome::FailedAndStuck);
    assert_eq!(only(effects(&mut m, at(11))).1, Effect::Escalate(GroupId(1)));
}

#[test]
fn stuck_group_may_start_again_when_it_is_wanted_here_after_all() {
    let mut m = asked_for_its_groups();
    let (ticket, _) = only(effects(&mut m, at(21)));
    m.complete(at(22), &ticket, Outcome::Failed);
    let (escalation, _) = only(effects(&mut m, at(22)));
    m.on_death(at(30), OTHER, true, true);
    m.complete(at(31), &escalation, Outcome::Failed);
    let (ticket, effect) = only(effects(&mut m, at(32)));
    assert_eq!(effect, Effect::Acquire(GroupId(1)));
    m.complete(at(33), &ticket, Outcome::Done);
    assert_eq!(m.groups()[1].state(), GroupState::Running);
}

/// Beside a settled node our own group does not start, at 2 ms. The messages since then are left to read.
fn does_not_start(is_hbcore: bool) -> Machine {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, ReportIn { is_hbcore, ..report(5, "local", true) });
    let (ticket, _) = only(effects(&mut m, at(1)));
    says(&mut m);
    m.complete(at(2), &ticket, Outcome::Failed);
    m.advance(at(2));
    m
}

#[test]
fn group_that_does_not_start_is_handed_to_the_peer_at_once() {
    let mut m = does_not_start(true);
    assert!(says(&mut m).contains(&Say::Ask { class: Class::Local, step: Ask::Me }));
    m.on_ask(at(3), OTHER, Sequence(5), Class::Local, Ask::Other);
    assert_eq!(effects(&mut m, at(3)), [], "there is nothing to stop");
    assert!(says(&mut m).contains(&Say::Ask { class: Class::Local, step: Ask::Done }));
}

#[test]
fn group_that_starts_nowhere_is_not_passed_to_and_fro() {
    let mut m = given_away(true);
    // It does not start there either, and comes back.
    m.on_ask(at(5), OTHER, Sequence(5), Class::Foreign, Ask::Me);
    m.on_ask(at(6), OTHER, Sequence(5), Class::Foreign, Ask::Done);
    let (ticket, _) = only(effects(&mut m, at(6)));
    says(&mut m);
    m.complete(at(7), &ticket, Outcome::Failed);
    for ms in (1_000..200_000).step_by(1000) {
        m.advance(at(ms));
    }
    assert!(!says(&mut m).iter().any(|s| matches!(s, Say::Ask { step: Ask::Me, .. })));
    for ms in (200_000..400_000).step_by(1000) {
        m.advance(at(ms));
    }
    assert!(says(&mut m).contains(&Say::Ask { class: Class::Local, step: Ask::Me }), "after a while it is worth a try");
}

/// Does not start here, and is given to the other node, at 4 ms.
fn given_away(is_hbcore: bool) -> Machine {
    let mut m = does_not_start(is_hbcore);
    m.on_ask(at(3), OTHER, Sequence(5), Class::Local, Ask::Other);
    m.on_ask(at(4), OTHER, Sequence(5), Class::Local, Ask::Done);
    says(&mut m);
    m
}

#[test]
fn group_that_ran_on_the_peer_goes_back_there_when_it_does_not_start() {
    // From a 3.0.6 what failed comes back after half a minute: it takes longer to tell that it ran there.
    for (is_hbcore, back, is_returned) in [(true, 9, false), (true, 11, true), (false, 32, false), (false, 45, true)] {
        let mut m = given_away(is_hbcore);
        let back = back * 1000;
        m.on_ask(at(back), OTHER, Sequence(6), Class::Foreign, Ask::Me);
        m.on_ask(at(back + 1), OTHER, Sequence(7), Class::Foreign, Ask::Done);
        let (ticket, _) = only(effects(&mut m, at(back + 1)));
        says(&mut m);
        m.complete(at(back + 2), &ticket, Outcome::Failed);
        m.advance(at(back + 2));
        let asks = says(&mut m).contains(&Say::Ask { class: Class::Local, step: Ask::Me });
        assert_eq!(asks, is_returned, "{is_hbcore} {back}");
    }
}

/// The other node is dead, and at 11 ms its group has not started here.
fn failed_takeover() -> Machine {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    let (ticket, _) = only(effects(&mut m, at(10)));
    m.complete(at(11), &ticket, Outcome::Failed);
    m
}

#[test]
fn without_a_partner_a_failed_start_waits_until_there_is_one() {
    let mut m = failed_takeover();
    m.advance(at(2000));
    assert_eq!(m.standby(), Standby::NotAsked);
    m.on_restart(OTHER);
    m.on_report(at(3000), OTHER, report(4, "none", true));
    assert_eq!(m.standby(), Standby::Asking(Class::Foreign));
}

#[test]
fn group_that_did_not_start_during_a_cut_is_handed_over_when_the_peer_returns() {
    let mut m = failed_takeover();
    m.advance(at(11));
    // It never missed us, and has nothing new to say.
    m.on_return(at(2000), OTHER);
    says(&mut m);
    m.advance(at(3000));
    assert!(says(&mut m).contains(&Say::Starting), "it answers who asks");
    m.on_report(at(3001), OTHER, report(6, "none", true));
    assert_eq!(m.standby(), Standby::Asking(Class::Foreign));
}

#[test]
fn start_that_times_out_is_handed_over_when_it_was_stopped_and_the_peer_has_reported() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    let (ticket, _) = only(effects(&mut m, at(10)));
    m.on_return(at(20), OTHER);
    m.complete(at(5000), &ticket, Outcome::TimedOut);
    m.advance(at(5000));
    assert!(says(&mut m).contains(&Say::Starting), "it is asked for its report");
    m.on_report(at(5001), OTHER, report(6, "none", true));
    assert_eq!(m.standby(), Standby::NotAsked, "something of it may run here");
    let (ticket, _) = only(effects(&mut m, at(5002)));
    m.complete(at(5500), &ticket, Outcome::Done);
    m.advance(at(7000));
    assert_eq!(m.standby(), Standby::Asking(Class::Foreign));
}

#[test]
fn group_that_starts_after_all_is_kept() {
    let mut m = failed_takeover();
    // Nobody was there to take it; then it is asked for again, and starts.
    m.on_restart(OTHER);
    m.on_report(at(20), OTHER, report(3, "none", false));
    m.groups[1].resume(Remains::All(Origin::Agreed));
    m.auto_failback = AutoFailback::Off;
    m.on_report(at(30), OTHER, report(4, "none", true));
    m.advance(at(5000));
    assert_eq!(m.standby(), Standby::NotAsked);
}

#[test]
fn pause_between_two_tries_is_that_of_one_class() {
    let mut m = given_away(true);
    m.auto_failback = AutoFailback::Off;
    assert_eq!(m.standby(), Standby::NotAsked, "it runs there now");
    ask(&mut m, 5, 8, Class::Local, Ask::Me);
    ask(&mut m, 6, 9, Class::Local, Ask::Done);
    let (ticket, _) = only(effects(&mut m, at(6)));
    says(&mut m);
    m.complete(at(7), &ticket, Outcome::Failed);
    m.on_report(at(8), OTHER, report(10, "foreign", true));
    m.advance(at(1100));
    assert!(says(&mut m).contains(&Say::Ask { class: Class::Foreign, step: Ask::Me }), "that one was not tried yet");
}

#[test]
fn group_without_owner_is_taken_home_while_another_waits_for_its_handover() {
    let mut m = machine(AutoFailback::Off);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "all", true));
    ask(&mut m, 2, 6, Class::Local, Ask::Me);
    ask(&mut m, 3, 7, Class::Local, Ask::Done);
    let (ticket, _) = only(effects(&mut m, at(3)));
    m.complete(at(4), &ticket, Outcome::Failed);
    m.pause_give_away(Class::Foreign, at(1_000_000));
    m.on_restart(OTHER);
    says(&mut m);
    m.on_report(at(10), OTHER, report(4, "none", true));
    let (_, effect) = only(effects(&mut m, at(10)));
    assert_eq!(effect, Effect::Acquire(GroupId(0)));
    assert!(says(&mut m).contains(&say("all", true, Info::Plain)), "and claimed before it starts");
}

#[test]
fn end_of_an_escalation_is_told_also_when_the_class_stays_claimed() {
    let homes = [OTHER, OTHER].into_iter();
    let mut m = Machine::new(HOME, homes, AutoFailback::Off, EFFECT_LIMIT);
    m.activated(at(0), true);
    m.advance(at(0));
    m.on_death(at(1), OTHER, true, true);
    let mut begun = effects(&mut m, at(1)).into_iter();
    let (first, second) = (begun.next().unwrap().0, begun.next().unwrap().0);
    m.complete(at(2), &first, Outcome::Done);
    m.complete(at(3), &second, Outcome::FailedAndStuck);
    says(&mut m);
    let (ticket, effect) = only(effects(&mut m, at(4)));
    assert_eq!(effect, Effect::Escalate(GroupId(1)));
    m.complete(at(5), &ticket, Outcome::Done);
    assert!(says(&mut m).contains(&say("all", true, Info::Plain)), "nothing moves any more");
}

/// Its own group cannot be stopped, and the escalation has failed too.
fn stuck() -> Machine {
    let mut m = settled();
    m.request_standby(at(10), Class::Local).unwrap();
    ask(&mut m, 11, 6, Class::Local, Ask::Other);
    for outcome in [Outcome::TimedOut, Outcome::Failed] {
        let (ticket, _) = only(effects(&mut m, at(12)));
        m.complete(at(12), &ticket, outcome);
    }
    assert_eq!(m.groups()[0].state(), GroupState::Stuck);
    m
}

#[test]
fn stuck_group_that_is_wanted_again_is_started() {
    let mut m = stuck();
    m.on_death(at(20), OTHER, true, true);
    let begun: Vec<Effect> = effects(&mut m, at(20)).into_iter().map(|(_, effect)| effect).collect();
    assert!(begun.contains(&Effect::Acquire(GroupId(0))), "{begun:?}");
}

/// The notice of a start that ended so.
fn end_of_a_start(outcome: Outcome) -> Notice {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    let (ticket, _) = only(effects(&mut m, at(10)));
    notices(&mut m);
    m.complete(at(11), &ticket, outcome);
    notices(&mut m).remove(0)
}

#[test]
fn how_a_start_ended_is_said() {
    let group = GroupId(1);
    assert_eq!(end_of_a_start(Outcome::Done), Notice::Started(group));
    for outcome in [Outcome::Failed, Outcome::FailedAndStuck, Outcome::TimedOut] {
        assert_eq!(end_of_a_start(outcome), Notice::StartFailed(group), "{outcome:?}");
    }
}

#[test]
fn how_a_stop_ended_is_said_also_when_the_group_is_wanted_again() {
    for (outcome, said) in
        [(Outcome::Done, Notice::Stopped(GroupId(0))), (Outcome::TimedOut, Notice::StopFailed(GroupId(0)))]
    {
        let mut m = settled();
        m.request_standby(at(10), Class::Local).unwrap();
        ask(&mut m, 11, 6, Class::Local, Ask::Other);
        let (ticket, _) = only(effects(&mut m, at(12)));
        m.on_death(at(13), OTHER, true, true);
        notices(&mut m);
        says(&mut m);
        m.complete(at(14), &ticket, outcome);
        assert_eq!(notices(&mut m)[0], said);
        assert!(!says(&mut m).contains(&say("all", false, Info::Standby)), "nothing is being given up");
    }
}

#[test]
fn stuck_group_that_is_not_wanted_after_all_is_stopped_once_more() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    m.on_return(at(20), OTHER);
    m.on_report(at(21), OTHER, report(6, "local", true));
    let (ticket, effect) = only(effects(&mut m, at(21)));
    assert_eq!(effect, Effect::Release(GroupId(1)));
    m.on_death(at(30), OTHER, true, true);
    m.on_return(at(31), OTHER);
    m.complete(at(32), &ticket, Outcome::Failed);
    assert_eq!(effects(&mut m, at(32)), [], "it is wanted again, and waits for the word of who is back");
    m.on_report(at(33), OTHER, report(7, "local", true));
    assert_eq!(only(effects(&mut m, at(33))).1, Effect::Release(GroupId(1)), "it may run here");
    assert!(!m.is_settled());
}

#[test]
fn class_that_started_slowly_on_the_peer_is_not_passed_to_and_fro() {
    let mut m = does_not_start(true);
    ask(&mut m, 3, 6, Class::Local, Ask::Other);
    ask(&mut m, 60_000, 7, Class::Local, Ask::Done);
    // Five seconds later it is back: it failed there too.
    ask(&mut m, 65_000, 8, Class::Foreign, Ask::Me);
    ask(&mut m, 65_001, 9, Class::Foreign, Ask::Done);
    let (ticket, _) = only(effects(&mut m, at(65_001)));
    says(&mut m);
    m.complete(at(65_002), &ticket, Outcome::Failed);
    m.advance(at(65_002));
    assert!(!says(&mut m).contains(&Say::Ask { class: Class::Local, step: Ask::Me }));
}

#[test]
fn handover_after_a_failure_covers_the_class_that_failed_or_both() {
    let mut m = Machine::new(HOME, [HOME, HOME, OTHER].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.activated(at(0), true);
    m.on_death(at(0), OTHER, false, true);
    for (ticket, class) in effects(&mut m, at(1)).into_iter().zip([Class::Local, Class::Local, Class::All]) {
        m.complete(at(2), &ticket.0, Outcome::Failed);
        assert_eq!(m.give_away, Some(class));
    }
}

#[test]
fn leaving_node_hands_nothing_over_after_a_failed_start() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    let (ticket, _) = only(effects(&mut m, at(10)));
    m.leave(at(11));
    m.complete(at(12), &ticket, Outcome::Failed);
    assert_eq!(m.give_away, None);
}

#[test]
fn in_the_legacy_protocol_nothing_is_given_away() {
    let mut m = machine(AutoFailback::Legacy);
    m.activated(at(0), true);
    let (ticket, _) = only(effects(&mut m, at(1)));
    m.complete(at(2), &ticket, Outcome::Failed);
    assert_eq!(m.give_away, None);
}

#[test]
fn ticket_survives_a_number() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    let (ticket, _) = only(effects(&mut m, at(10)));
    m.complete(at(11), &Ticket::from_raw(ticket.into_raw()), Outcome::Done);
    assert_eq!(m.groups()[1].state(), GroupState::Running);
}
