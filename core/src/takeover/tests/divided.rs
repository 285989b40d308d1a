//! Two nodes whose `haresources` differ.

use super::*;

const DIFFERS: Option<bool> = Some(false);

/// The effects that are due, by name.
fn due(m: &mut Machine, ms: u64) -> Vec<Effect> {
    effects(m, at(ms)).into_iter().map(|(_, effect)| effect).collect()
}

const fn acquire(group: u16) -> Effect {
    Effect::Acquire(GroupId(group))
}

const fn release(group: u16) -> Effect {
    Effect::Release(GroupId(group))
}

/// Settled with its own group, beside a node that has begun a new run with other groups, and claims `holds` of them.
fn beside_other_groups(holds: &str) -> Machine {
    let mut m = settled();
    m.on_restart(OTHER);
    m.compare(DIFFERS);
    m.on_starting(OTHER, Sequence(1), true);
    m.on_report(at(10), OTHER, report(2, holds, true));
    says(&mut m);
    m
}

/// It was taken for dead, and what was its own was taken.
fn apart_from_other_groups() -> Machine {
    let mut m = beside_other_groups("local");
    m.compare(None);
    m.on_death(at(100), OTHER, true, true);
    complete_all(&mut m, at(101));
    assert_eq!(m.holds(), Holds::ALL);
    m.compare(DIFFERS);
    m.on_return(at(200), OTHER);
    says(&mut m);
    m
}

#[test]
fn node_that_starts_beside_other_groups_takes_nothing_until_the_groups_are_the_same() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.compare(DIFFERS);
    m.on_report(at(1), OTHER, report(5, "none", true));
    m.on_report(at(2), OTHER, report(6, "none", true));
    assert_eq!((m.holds(), due(&mut m, 2)), (Holds::NONE, vec![]));
    assert_eq!([m.why(GroupId(0)), m.why(GroupId(1))], [Some(Why::Differs); 2]);
    assert!(!m.is_settled());
    m.on_restart(OTHER);
    m.compare(None);
    assert_eq!(due(&mut m, 3), []);
    m.on_report(at(4), OTHER, report(1, "none", true));
    assert_eq!(due(&mut m, 4), [acquire(0)]);
}

#[test]
fn groups_are_neither_asked_for_nor_given_while_they_differ() {
    let mut m = beside_other_groups("local");
    assert_eq!(m.request_standby(at(20), Class::All), Err(StandbyRefusal::Divided));
    assert_eq!(m.request_takeover(Wish::Failback), Err(StandbyRefusal::Divided));
    ask(&mut m, 21, 7, Class::Local, Ask::Me);
    assert_eq!(says(&mut m), []);
    m.group_lost(at(22), GroupId(0));
    m.advance(at(60_000));
    assert_eq!((says(&mut m), due(&mut m, 60_000)), (vec![], vec![]));
}

#[test]
fn running_group_stays_whatever_a_peer_with_other_groups_claims() {
    for claim in ["none", "local", "foreign", "all"] {
        let mut m = beside_other_groups(claim);
        m.on_report(at(11), OTHER, report(3, claim, true));
        assert_eq!((due(&mut m, 12), m.groups()[0].state()), (vec![], GroupState::Running), "{claim}");
    }
}

#[test]
fn group_that_was_handed_over_is_not_offered_back_while_files_differ() {
    let mut m = beside_a_starting_node();
    says(&mut m);
    m.compare(DIFFERS);
    m.on_report(at(20), OTHER, report(4, "none", true));
    m.advance(at(5000));
    assert_eq!(m.standby(), Standby::NotAsked, "its home reads other groups");
    assert_eq!(m.holds(), Holds::ALL);
}

#[test]
fn death_of_a_node_with_other_groups_is_answered_as_ever() {
    let mut m = beside_other_groups("local");
    m.compare(None);
    m.on_death(at(100), OTHER, true, true);
    assert_eq!((m.holds(), due(&mut m, 100)), (Holds::ALL, vec![acquire(1)]));
    let mut m = beside_other_groups("local");
    m.compare(None);
    m.on_shutdone(at(100), OTHER, true);
    assert_eq!((m.holds(), due(&mut m, 100)), (Holds::ALL, vec![acquire(1)]));
}

#[test]
fn inherited_group_is_given_up_when_a_peer_with_other_groups_returns() {
    let mut m = apart_from_other_groups();
    assert_eq!(due(&mut m, 200), []);
    m.on_report(at(201), OTHER, report(40, "local", true));
    assert_eq!(due(&mut m, 201), [release(1)]);
    assert_eq!(says(&mut m), [say("local", false, Info::Standby)]);
}

#[test]
fn inherited_group_stays_when_the_returned_peer_has_none() {
    let mut m = apart_from_other_groups();
    m.on_report(at(201), OTHER, ReportIn { releasing: true, ..report(40, "none", false) });
    assert_eq!(due(&mut m, 201), [], "it is stopping all that it has");
    m.on_report(at(202), OTHER, report(41, "none", true));
    assert_eq!(due(&mut m, 202), [0, 1].map(|group| Effect::Announce(GroupId(group))));
    m.on_report(at(203), OTHER, report(42, "local", true));
    assert_eq!(due(&mut m, 203), [], "it is ours now");
}

#[test]
fn node_that_has_only_what_it_took_gives_all_of_it_to_one_that_has_more() {
    let mut m = apart_from_other_groups();
    m.on_report(at(201), OTHER, ReportIn { inheritance: Inheritance::All, ..report(40, "all", true) });
    assert_eq!(due(&mut m, 201), [], "the other node gives everything up");
    let alone = || {
        let mut m = machine(AutoFailback::On);
        m.activated(at(0), true);
        m.on_death(at(0), OTHER, false, true);
        complete_all(&mut m, at(1));
        m.on_restart(OTHER);
        m
    };
    for (differs, inheritance, doing) in [
        (Some(true), Inheritance::All, vec![]),
        (Some(false), Inheritance::All, vec![release(0), release(1)]),
        (Some(true), Inheritance::Part, vec![release(0), release(1)]),
    ] {
        let mut m = alone();
        assert!(m.inheritance() == Inheritance::All);
        m.compare(differs);
        m.on_report(at(201), OTHER, ReportIn { inheritance, ..report(40, "all", true) });
        assert_eq!(due(&mut m, 201), doing, "{differs:?} {inheritance:?}");
    }
}

#[test]
fn group_taken_from_a_peer_with_the_same_file_stays_when_files_differ_later() {
    let mut m = settled();
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    m.on_restart(OTHER);
    m.on_report(at(20), OTHER, report(4, "none", false));
    m.on_restart(OTHER);
    m.compare(DIFFERS);
    m.on_report(at(30), OTHER, report(1, "local", true));
    assert_eq!((due(&mut m, 31), m.holds()), (vec![], Holds::ALL));
}

/// Goes on after an exec with other groups than before, of which `remains` tells what is left.
fn resumed(remains: [Remains; 2]) -> Machine {
    let mut m = machine(AutoFailback::Off);
    m.resume(None, |group| remains[usize::from(group.0)]);
    m.activated(at(0), false);
    says(&mut m);
    m
}

#[test]
fn claims_after_a_change_of_groups_follow_from_what_runs() {
    let [nothing, all, part] = [Remains::Nothing, Remains::All(Origin::Agreed), Remains::Part(Origin::Agreed)];
    for (remains, claim) in
        [([nothing, nothing], "none"), ([all, nothing], "local"), ([nothing, part], "foreign"), ([part, all], "all")]
    {
        assert_eq!(resumed(remains).holds().as_str(), claim);
    }
}

#[test]
fn after_a_change_of_groups_nothing_is_started_before_the_other_node_has_told_its_own() {
    let mut m = resumed([Remains::Part(Origin::Agreed), Remains::Nothing]);
    assert_eq!((m.why(GroupId(0)), due(&mut m, 1)), (Some(Why::AwaitsReport), vec![]));
    m.on_starting(OTHER, Sequence(1), true);
    m.compare(DIFFERS);
    m.on_report(at(2), OTHER, report(5, "local", true));
    assert_eq!((m.why(GroupId(0)), due(&mut m, 2)), (Some(Why::Differs), vec![]));
    m.on_restart(OTHER);
    m.compare(None);
    m.on_report(at(3), OTHER, report(1, "local", true));
    assert_eq!(due(&mut m, 3), [acquire(0)], "the rest of it");
}

#[test]
fn after_a_change_of_groups_a_node_that_finds_nobody_starts_everything() {
    let mut m = machine(AutoFailback::Off);
    m.resume(None, |_| Remains::Nothing);
    m.activated(at(0), true);
    m.on_death(at(0), OTHER, false, true);
    assert_eq!(due(&mut m, 0), [acquire(0), acquire(1)]);
    let mut m = resumed([Remains::Nothing; 2]);
    m.on_death(at(5), OTHER, true, true);
    assert_eq!(due(&mut m, 5), [acquire(0), acquire(1)]);
}

#[test]
fn part_of_a_group_is_stopped_when_it_is_not_wanted_any_more() {
    let mut m = resumed([Remains::Part(Origin::Agreed), Remains::Nothing]);
    m.leave(at(1));
    assert_eq!(due(&mut m, 1), [release(0)]);
}

#[test]
fn group_whose_home_has_moved_here_is_started_when_the_other_node_has_stopped_it() {
    let mut m = Machine::new(HOME, [HOME, HOME].into_iter(), AutoFailback::Off, EFFECT_LIMIT);
    m.resume(None, |group| if group == GroupId(0) { Remains::All(Origin::Agreed) } else { Remains::Nothing });
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "foreign", true));
    assert_eq!(due(&mut m, 1), [Effect::Announce(GroupId(0))], "group 1 runs there");
    m.on_report(at(2), OTHER, ReportIn { releasing: true, ..report(6, "none", false) });
    assert_eq!(due(&mut m, 2), [Effect::Announce(GroupId(0))]);
    m.on_report(at(3), OTHER, report(7, "none", true));
    assert_eq!(due(&mut m, 3), [acquire(1)]);
}

#[test]
fn new_own_group_is_started_when_the_peer_dies_or_leaves_while_files_differ() {
    let waiting = || {
        let mut m = Machine::new(HOME, [HOME, OTHER, HOME].into_iter(), AutoFailback::Off, EFFECT_LIMIT);
        m.resume(None, |group| if group == GroupId(2) { Remains::Nothing } else { Remains::All(Origin::Agreed) });
        m.activated(at(0), false);
        m.compare(DIFFERS);
        m.on_report(at(1), OTHER, report(5, "none", true));
        assert!(!due(&mut m, 1).contains(&acquire(2)));
        m.compare(None);
        m
    };
    let mut m = waiting();
    m.on_death(at(100), OTHER, true, true);
    assert!(due(&mut m, 100).contains(&acquire(2)));
    let mut m = waiting();
    m.on_shutdone(at(100), OTHER, true);
    assert!(due(&mut m, 100).contains(&acquire(2)));
}

#[test]
fn homes_that_were_swapped_leave_each_group_at_one_node() {
    let mut m = resumed([Remains::Nothing, Remains::All(Origin::Agreed)]);
    m.on_report(at(1), OTHER, report(5, "foreign", true));
    m.on_report(at(2), OTHER, report(6, "foreign", true));
    assert_eq!((due(&mut m, 2), m.holds().as_str()), (vec![], "foreign"));
    assert!(m.is_settled());
}

#[test]
fn leftover_of_an_earlier_run_starts_nothing_beside_other_groups() {
    let mut m = Machine::new(HOME, [HOME, HOME, OTHER, OTHER].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.stuck(at(0), GroupId(0));
    m.stuck(at(0), GroupId(2));
    m.activated(at(0), false);
    m.compare(DIFFERS);
    m.on_report(at(1), OTHER, report(5, "none", true));
    assert_eq!(due(&mut m, 1), []);
    assert_eq!(due(&mut m, 5000), [release(0), release(2)]);
}

#[test]
fn two_nodes_that_each_have_groups_of_the_other_start_the_rest_when_both_have_yielded() {
    let mut m = Machine::new(HOME, [HOME, HOME, OTHER, OTHER].into_iter(), AutoFailback::Off, EFFECT_LIMIT);
    m.resume(None, |group| if group.0 % 2 == 0 { Remains::All(Origin::Agreed) } else { Remains::Nothing });
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "all", true));
    says(&mut m);
    let yielded = only(effects(&mut m, at(1)).into_iter().filter(|(_, e)| *e == release(2)).collect());
    m.complete(at(2), &yielded.0, Outcome::Done);
    assert_eq!(says(&mut m), [say("local", true, Info::Plain)], "the peer may wait for that");
    m.on_report(at(3), OTHER, report(6, "local", true));
    assert_eq!(due(&mut m, 3).into_iter().filter(|e| *e == acquire(1)).count(), 1);
}

#[test]
fn node_that_took_groups_is_told_once_more_what_this_node_claims() {
    let mut m = beside_other_groups("local");
    m.on_report(at(20), OTHER, ReportIn { inheritance: Inheritance::Part, ..report(3, "all", true) });
    assert_eq!(says(&mut m), [say("local", true, Info::Plain)]);
    m.on_report(at(21), OTHER, report(4, "local", true));
    assert_eq!(says(&mut m), []);
}

#[test]
fn groups_that_were_taken_are_given_up_also_after_a_restart_that_kept_them() {
    let mut m = machine(AutoFailback::Off);
    m.resume(Some(Holds::ALL), |group| {
        if group == GroupId(0) { Remains::All(Origin::Agreed) } else { Remains::All(Origin::Inherited) }
    });
    m.activated(at(0), true);
    m.compare(DIFFERS);
    m.on_return(at(10), OTHER);
    m.on_report(at(11), OTHER, report(5, "local", true));
    assert_eq!(due(&mut m, 11), [release(1)]);
}

#[test]
fn after_a_change_of_groups_nothing_is_started_that_a_leaving_node_is_still_stopping() {
    let mut m = resumed([Remains::Part(Origin::Agreed), Remains::All(Origin::Agreed)]);
    m.on_report(at(1), OTHER, ReportIn { shutdown: true, ..report(5, "none", true) });
    assert_eq!(due(&mut m, 1), []);
    m.on_shutdone(at(2), OTHER, true);
    assert_eq!(due(&mut m, 2).into_iter().filter(|e| *e == acquire(0)).count(), 1);
}

#[test]
fn after_a_change_of_groups_no_foreign_group_is_started_while_the_other_node_is_stopping() {
    let mut m = resumed([Remains::Nothing, Remains::Part(Origin::Agreed)]);
    m.on_report(at(1), OTHER, ReportIn { releasing: true, ..report(5, "foreign", false) });
    assert_eq!(due(&mut m, 1), []);
    m.on_report(at(2), OTHER, report(6, "foreign", true));
    assert_eq!(due(&mut m, 2), [acquire(1)]);
}

#[test]
fn own_group_that_got_new_words_while_the_peer_was_not_heard_is_given_up() {
    // The new words of its own line may run at the peer, in another line.
    let mut m = resumed([Remains::Part(Origin::Agreed), Remains::Nothing]);
    m.compare(DIFFERS);
    m.on_report(at(2), OTHER, report(6, "local", true));
    m.compare(None);
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    assert_eq!(m.inheritance(), Inheritance::All);
    m.compare(DIFFERS);
    m.on_return(at(20), OTHER);
    m.on_report(at(21), OTHER, ReportIn { inheritance: Inheritance::Part, ..report(40, "all", true) });
    assert_eq!(due(&mut m, 21), [release(0), release(1)]);
}

#[test]
fn own_group_that_waited_for_the_same_file_and_started_in_absence_is_given_up() {
    let mut m = machine(AutoFailback::On);
    m.activated(at(0), false);
    m.compare(DIFFERS);
    m.on_report(at(1), OTHER, report(5, "none", true));
    m.compare(None);
    m.on_report(at(2), OTHER, report(6, "none", true));
    assert!(m.groups()[0].is_wanted());
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    assert_eq!(m.inheritance(), Inheritance::All);
}

#[test]
fn part_of_an_inherited_group_is_given_up_after_a_change_of_its_line() {
    let mut m = resumed([Remains::All(Origin::Agreed), Remains::Part(Origin::Inherited)]);
    m.compare(DIFFERS);
    m.on_return(at(10), OTHER);
    m.on_report(at(11), OTHER, report(5, "local", true));
    assert_eq!(due(&mut m, 11), [release(1)]);
}

#[test]
fn group_that_starts_while_the_peer_is_heard_stays_beside_other_groups() {
    let mut m = settled();
    assert_eq!(m.inheritance(), Inheritance::Nothing);
    m.compare(DIFFERS);
    m.on_report(at(10), OTHER, ReportIn { inheritance: Inheritance::Part, ..report(40, "all", true) });
    assert_eq!(due(&mut m, 11), []);
}
