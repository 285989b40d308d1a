//! Why a group is where it is.

use super::*;

const OWN: GroupId = GroupId(0);
const THEIRS: GroupId = GroupId(1);

fn why(m: &Machine) -> [Option<Why>; 2] {
    [m.why(OWN), m.why(THEIRS)]
}

#[test]
fn groups_of_a_settled_pair_run_at_their_homes() {
    let m = settled();
    assert_eq!(why(&m), [Some(Why::Runs), Some(Why::Elsewhere(PeerClaim::Settled))]);
    assert_eq!((m.why(GroupId(9)), m.fences().count()), (None, 0));
}

#[test]
fn start_is_told_until_it_has_ended() {
    let mut m = machine(AutoFailback::On);
    assert_eq!(why(&m), [Some(Why::Joins), Some(Why::Joins)]);
    m.activated(at(0), false);
    assert_eq!(why(&m), [Some(Why::Joins), Some(Why::Joins)]);
    m.on_report(at(1), OTHER, report(5, "local", false));
    assert_eq!(why(&m), [Some(Why::Starts), Some(Why::Elsewhere(PeerClaim::Moves))]);
    let (ticket, _) = only(effects(&mut m, at(2)));
    assert_eq!(m.why(OWN), Some(Why::Starts));
    m.complete(at(3), &ticket, Outcome::Failed);
    // The other node is asked at once.
    assert_eq!(m.why(OWN), Some(Why::Failed { next: AfterFailure::AsksPeer(Instant::ZERO) }));
    m.on_death(at(4), OTHER, true, true);
    assert!(
        matches!(m.why(OWN), Some(Why::Starts | Why::Failed { next: AfterFailure::StartsAgain(_) })),
        "{:?}",
        m.why(OWN)
    );
}

#[test]
fn fencing_is_told_with_the_next_try() {
    let mut m = settled();
    m.set_fencing(true);
    m.on_death(at(10), OTHER, true, true);
    assert_eq!(why(&m), [Some(Why::Runs), Some(Why::AwaitsFencing)]);
    let (ticket, _) = only(effects(&mut m, at(10)));
    assert_eq!(m.fences().collect::<Vec<_>>(), [Fenced { node: OTHER, again: None }]);
    m.complete(at(20), &ticket, Outcome::Failed);
    assert_eq!(m.fences().collect::<Vec<_>>(), [Fenced { node: OTHER, again: Some(at(5020)) }]);
    assert_eq!(m.why(THEIRS), Some(Why::AwaitsFencing));
    m.advance(at(5020));
    let (ticket, _) = only(effects(&mut m, at(5020)));
    m.complete(at(5021), &ticket, Outcome::Done);
    assert_eq!((m.why(THEIRS), m.fences().count()), (Some(Why::Starts), 0));
}

#[test]
fn stop_that_fails_is_escalated_again_and_again() {
    let mut m = settled();
    m.leave(at(10));
    assert_eq!(why(&m), [Some(Why::Stops), Some(Why::Elsewhere(PeerClaim::Settled))]);
    let (ticket, _) = only(effects(&mut m, at(10)));
    m.complete(at(11), &ticket, Outcome::Failed);
    assert_eq!(m.why(OWN), Some(Why::Escalates { again: None }));
    let (ticket, effect) = only(effects(&mut m, at(12)));
    assert_eq!((effect, m.why(OWN)), (Effect::Escalate(OWN), Some(Why::Escalates { again: None })));
    m.complete(at(13), &ticket, Outcome::Failed);
    assert_eq!(m.why(OWN), Some(Why::Escalates { again: Some(at(5013)) }));
}

#[test]
fn peer_that_leaves_is_waited_for_and_what_nobody_has_is_nowhere() {
    let mut m = settled();
    m.on_report(at(10), OTHER, ReportIn { shutdown: true, ..report(6, "none", false) });
    assert_eq!(m.why(THEIRS), Some(Why::AwaitsLeave));
    let mut m = settled();
    m.on_report(at(10), OTHER, ReportIn { releasing: true, ..report(6, "none", true) });
    assert_eq!(m.why(THEIRS), Some(Why::AwaitsRelease));
    m.on_report(at(11), OTHER, report(7, "none", false));
    assert_eq!(m.why(THEIRS), Some(Why::Moves));
    m.on_report(at(12), OTHER, report(8, "none", true));
    assert_eq!(m.why(THEIRS), Some(Why::Nobody));
}

#[test]
fn group_under_way_between_two_nodes_is_told_so() {
    let mut m = settled();
    m.request_standby(at(10), Class::Local).expect("settled");
    ask(&mut m, 11, 6, Class::Local, Ask::Other);
    assert_eq!(m.why(OWN), Some(Why::Stops));
    complete_all(&mut m, at(12));
    assert_eq!(m.why(OWN), Some(Why::Moves));
}
