//! Groups that do not start, do not stop, or were left running by an earlier engine.

use super::*;

/// Beside a node that has started again and is stable: the failback is asked for, and granted.
fn asked_for_its_groups() -> Machine {
    let mut m = beside_a_starting_node();
    m.on_report(at(20), OTHER, report(4, "none", true));
    m.on_ask(at(21), OTHER, Sequence(5), Class::Foreign, Ask::Other);
    says(&mut m);
    m
}

fn only(mut effects: Vec<(Ticket, Effect)>) -> (Ticket, Effect) {
    assert_eq!(effects.len(), 1, "{effects:?}");
    effects.remove(0)
}

#[test]
fn what_cannot_be_stopped_stays_claimed_and_is_not_handed_over() {
    let mut m = asked_for_its_groups();
    let (ticket, effect) = only(effects(&mut m, at(21)));
    assert_eq!(effect, Effect::Release(GroupId(1)));
    m.complete(at(22), &ticket, Outcome::Failed);
    assert_eq!(m.groups()[1].state(), GroupState::Stuck);
    assert_eq!(says(&mut m), [say("all", false, Info::Standby)], "claimed again, and no `done`");
    let (ticket, effect) = only(effects(&mut m, at(22)));
    assert_eq!(effect, Effect::Escalate(GroupId(1)));
    m.complete(at(23), &ticket, Outcome::Failed);
    assert_eq!(effects(&mut m, at(23)), [], "an escalation that fails is not repeated");
    assert_eq!(m.groups()[1].state(), GroupState::Stuck);
    assert!(!says(&mut m).contains(&Say::Ask { class: Class::Foreign, step: Ask::Done }));
}

#[test]
fn an_escalation_that_succeeds_lets_the_exchange_go_on() {
    let mut m = asked_for_its_groups();
    let (ticket, _) = only(effects(&mut m, at(21)));
    m.complete(at(22), &ticket, Outcome::TimedOut);
    says(&mut m);
    let (ticket, _) = only(effects(&mut m, at(22)));
    m.complete(at(23), &ticket, Outcome::Done);
    assert_eq!(says(&mut m), [say("local", false, Info::Standby), Say::Ask { class: Class::Foreign, step: Ask::Done }]);
}

#[test]
fn a_node_that_cannot_stop_a_group_does_not_leave() {
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
fn what_was_stuck_is_stopped_again_when_the_node_is_asked_to_leave() {
    let mut m = asked_for_its_groups();
    let (ticket, _) = only(effects(&mut m, at(21)));
    m.complete(at(22), &ticket, Outcome::Failed);
    let (ticket, _) = only(effects(&mut m, at(22)));
    m.complete(at(23), &ticket, Outcome::Failed);
    m.leave(at(30));
    let doing: Vec<Effect> = effects(&mut m, at(30)).into_iter().map(|(_, e)| e).collect();
    assert_eq!(doing, [Effect::Release(GroupId(0)), Effect::Release(GroupId(1))]);
}

#[test]
fn a_start_that_fails_and_leaves_something_running_is_escalated() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    let (ticket, _) = only(effects(&mut m, at(10)));
    m.complete(at(11), &ticket, Outcome::FailedAndStuck);
    assert_eq!(only(effects(&mut m, at(11))).1, Effect::Escalate(GroupId(1)));
}

#[test]
fn a_stuck_group_may_start_again_when_it_is_wanted_here_after_all() {
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

#[test]
fn what_cannot_be_started_is_given_to_the_other_node_at_once() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    let (ticket, _) = only(effects(&mut m, at(1)));
    says(&mut m);
    m.complete(at(2), &ticket, Outcome::Failed);
    m.advance(at(2));
    assert!(says(&mut m).contains(&Say::Ask { class: Class::Local, step: Ask::Me }));
    m.on_ask(at(3), OTHER, Sequence(5), Class::Local, Ask::Other);
    assert_eq!(effects(&mut m, at(3)), [], "there is nothing to stop");
    assert!(says(&mut m).contains(&Say::Ask { class: Class::Local, step: Ask::Done }));
}

#[test]
fn what_starts_nowhere_is_not_passed_to_and_fro() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    let (ticket, _) = only(effects(&mut m, at(1)));
    m.complete(at(2), &ticket, Outcome::Failed);
    m.advance(at(2));
    m.on_ask(at(3), OTHER, Sequence(5), Class::Local, Ask::Other);
    m.on_ask(at(4), OTHER, Sequence(5), Class::Local, Ask::Done);
    says(&mut m);
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
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, ReportIn { is_hbcore, ..report(5, "local", true) });
    let (ticket, _) = only(effects(&mut m, at(1)));
    m.complete(at(2), &ticket, Outcome::Failed);
    m.advance(at(2));
    m.on_ask(at(3), OTHER, Sequence(5), Class::Local, Ask::Other);
    m.on_ask(at(4), OTHER, Sequence(5), Class::Local, Ask::Done);
    says(&mut m);
    m
}

#[test]
fn what_has_run_at_the_other_node_goes_back_there_at_once() {
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
fn what_could_not_be_started_during_a_cut_is_given_away_when_the_silent_partner_returns() {
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
fn a_start_that_times_out_is_given_away_when_it_has_been_stopped_and_the_partner_has_reported() {
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
fn what_was_to_start_during_a_cut_waits_for_the_word_of_who_is_back() {
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

#[test]
fn it_starts_here_if_the_one_who_is_back_has_lost_it() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    m.on_return(at(20), OTHER);
    m.on_starting(OTHER, Sequence(6), true);
    assert_eq!(effects(&mut m, at(21)), [], "a question says nothing yet");
    m.on_report(at(22), OTHER, report(7, "none", true));
    assert_eq!(only(effects(&mut m, at(22))).1, Effect::Acquire(GroupId(1)));
}

#[test]
fn what_starts_after_all_is_kept() {
    let mut m = failed_takeover();
    // Nobody was there to take it; then it is asked for again, and starts.
    m.on_restart(OTHER);
    m.on_report(at(20), OTHER, report(3, "none", false));
    m.groups[1].resume();
    m.auto_failback = AutoFailback::Off;
    m.on_report(at(30), OTHER, report(4, "none", true));
    m.advance(at(5000));
    assert_eq!(m.standby(), Standby::NotAsked);
}

#[test]
fn the_pause_between_two_tries_is_that_of_one_class() {
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
fn what_nobody_holds_is_taken_home_while_something_else_waits_to_be_given_away() {
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
fn the_end_of_an_escalation_is_told_also_when_the_class_stays_claimed() {
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

#[test]
fn a_reference_node_that_returned_is_asked_what_it_holds_until_it_answers() {
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
fn a_rival_that_restarts_in_the_middle_of_a_conflict_and_claims_the_same_is_yielded_to() {
    let mut m = settled();
    m.on_report(at(10), OTHER, ReportIn { is_hbcore: false, ..report(6, "all", true) });
    m.other.is_hbcore = false;
    m.on_restart(OTHER);
    m.on_report(at(20), OTHER, ReportIn { is_hbcore: false, ..report(4, "all", true) });
    m.advance(at(7000));
    assert!(matches!(effects(&mut m, at(7000))[..], [(_, Effect::Release(GroupId(0)))]), "it means to keep it");
}

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

#[test]
fn of_three_nodes_the_heir_takes_the_groups_of_the_dead_and_no_others() {
    let third = NodeId(2);
    let mut m = Machine::new(HOME, [HOME, OTHER, third].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    complete_all(&mut m, at(2));
    m.on_death(at(10), OTHER, true, true);
    assert_eq!(only(effects(&mut m, at(10))).1, Effect::Acquire(GroupId(1)));
    m.on_death(at(20), third, true, true);
    let more: Vec<Effect> = effects(&mut m, at(20)).into_iter().map(|(_, e)| e).collect();
    assert_eq!(more, [Effect::Acquire(GroupId(2))]);
}

#[test]
fn of_three_nodes_the_others_leave_the_dead_to_the_heir() {
    let third = NodeId(2);
    let mut m = Machine::new(third, [HOME, OTHER, third].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), HOME, report(5, "local", true));
    complete_all(&mut m, at(2));
    m.on_death(at(10), OTHER, true, false);
    assert_eq!(effects(&mut m, at(10)), []);
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
fn a_reference_node_that_keeps_what_is_ours_gets_it_when_it_does_not_restart() {
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
fn who_says_that_it_leaves_and_falls_silent_before_it_has_is_not_taken_for_empty() {
    let mut m = settled();
    m.on_report(at(10), OTHER, ReportIn { shutdown: true, ..report(6, "none", false) });
    m.on_death(at(20), OTHER, true, true);
    assert!(says(&mut m).contains(&Say::Stonith { node: OTHER, result: FenceResult::NoDevice }));
}

#[test]
fn an_owner_that_restarted_before_it_was_missed_has_lost_what_it_had() {
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
fn a_start_that_is_repeated_after_the_report_that_followed_it_changes_nothing() {
    let mut m = settled();
    m.on_report(at(10), OTHER, report(6, "local", true));
    m.on_starting(OTHER, Sequence(4), true);
    assert!(m.is_settled());
}

#[test]
fn a_giver_whose_taker_took_it_for_dead_meanwhile_does_not_wait_for_its_answer() {
    let mut m = asked_for_its_groups();
    complete_all(&mut m, at(22));
    assert_eq!(m.standby(), Standby::Released(Class::Foreign));
    m.on_report(at(30), OTHER, report(9, "all", true));
    assert_eq!(m.standby(), Standby::NotAsked);
}

#[test]
fn a_giver_that_never_begins_does_not_keep_the_taker_waiting() {
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
fn a_taker_that_dies_before_it_has_answered_may_have_started_something() {
    let mut m = asked_for_its_groups();
    complete_all(&mut m, at(22));
    says(&mut m);
    m.on_death(at(30), OTHER, true, true);
    assert!(says(&mut m).contains(&Say::Stonith { node: OTHER, result: FenceResult::NoDevice }));
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

#[test]
fn what_was_taken_from_a_dead_node_is_no_matter_of_a_third_one() {
    let third = NodeId(2);
    let mut m = Machine::new(HOME, [OTHER].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), third, report(5, "local", true));
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    m.on_report(at(20), third, report(6, "local", true));
    assert_eq!(effects(&mut m, at(20)), []);
}

#[test]
fn a_taker_that_reports_in_the_middle_of_the_exchange_does_not_look_settled() {
    let mut m = settled();
    m.on_ask(at(10), OTHER, Sequence(8), Class::Local, Ask::Me);
    says(&mut m);
    m.on_starting(OTHER, Sequence(9), true);
    assert_eq!(says(&mut m), [say("local", false, Info::Plain)]);
}

#[test]
fn what_was_taken_is_given_back_to_its_home_and_not_given_up_for_a_third_node() {
    let third = NodeId(2);
    let mut m = Machine::new(HOME, [OTHER].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), third, report(5, "local", true));
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    m.on_restart(OTHER);
    m.on_starting(OTHER, Sequence(1), true);
    m.on_report(at(20), third, report(6, "local", true));
    assert_eq!(effects(&mut m, at(20)), [], "its home is back, and does not hold it yet");
    assert!(m.holds().foreign);
}
