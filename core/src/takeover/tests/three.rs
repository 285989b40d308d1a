//! More than two nodes.

use super::*;

const THIRD: NodeId = NodeId(2);

/// Has taken the only group from its home, which is dead, beside a third node that is settled.
fn with_the_group_of_the_dead() -> Machine {
    let mut m = Machine::new(HOME, [OTHER].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), THIRD, report(5, "local", true));
    m.on_death(at(10), OTHER, true, true);
    complete_all(&mut m, at(11));
    m
}

#[test]
fn of_three_nodes_the_heir_takes_the_groups_of_the_dead_and_no_others() {
    let mut m = Machine::new(HOME, [HOME, OTHER, THIRD].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), OTHER, report(5, "local", true));
    complete_all(&mut m, at(2));
    m.on_death(at(10), OTHER, true, true);
    assert_eq!(only(effects(&mut m, at(10))).1, Effect::Acquire(GroupId(1)));
    m.on_death(at(20), THIRD, true, true);
    let more: Vec<Effect> = effects(&mut m, at(20)).into_iter().map(|(_, e)| e).collect();
    assert_eq!(more, [Effect::Acquire(GroupId(2))]);
}

#[test]
fn of_three_nodes_the_others_leave_the_dead_to_the_heir() {
    let mut m = Machine::new(THIRD, [HOME, OTHER, THIRD].into_iter(), AutoFailback::On, EFFECT_LIMIT);
    m.activated(at(0), false);
    m.on_report(at(1), HOME, report(5, "local", true));
    complete_all(&mut m, at(2));
    says(&mut m);
    m.on_death(at(10), OTHER, true, false);
    assert_eq!(effects(&mut m, at(10)), []);
    assert_eq!(says(&mut m), [Say::Stonith { node: OTHER, result: FenceResult::NoDevice }]);
}

#[test]
fn group_taken_from_a_dead_node_does_not_concern_a_third_one() {
    let mut m = with_the_group_of_the_dead();
    m.on_report(at(20), THIRD, report(6, "local", true));
    assert_eq!(effects(&mut m, at(20)), []);
}

#[test]
fn inherited_group_is_failed_back_to_its_home_and_not_given_up_for_a_third_node() {
    let mut m = with_the_group_of_the_dead();
    m.on_restart(OTHER);
    m.on_starting(OTHER, Sequence(1), true);
    m.on_report(at(20), THIRD, report(6, "local", true));
    assert_eq!(effects(&mut m, at(20)), [], "its home is back, and does not hold it yet");
    assert!(m.holds().foreign);
}
