use super::*;

fn node() -> Node<2> {
    let name = NodeName::new("bravo").unwrap();
    Node::new(name, NodeKind::Member, Duration::from_secs(1), Instant::from_millis(1), 3)
}

#[test]
fn node_that_is_up_or_active_is_live() {
    for live in [NodeState::Up, NodeState::Active] {
        assert!(live.is_live(), "{live:?}");
    }
    for other in [NodeState::Init, NodeState::Dead, NodeState::Ping, NodeState::parse(b"strange")] {
        assert!(!other.is_live(), "{other:?}");
    }
}

#[test]
fn ping_node_is_no_member() {
    assert!(node().is_member());
    assert!(!Node::<2> { kind: NodeKind::Ping, ..node() }.is_member());
}

#[test]
fn link_that_was_down_is_up_when_something_is_heard_on_it() {
    let mut node = node();
    let at = Instant::from_millis(70);
    assert!(node.heard_on(LinkId(1), at));
    assert!(!node.heard_on(LinkId(1), at), "it is up already");
    assert!(node.heard_on(LinkId(0), at), "the other one was not");
    assert_eq!(node.link_heard(LinkId(1)), at);
    assert!(!node.heard_on(LinkId(2), at), "there is no such link");
    assert_eq!(node.link_heard(LinkId(2)), Instant::ZERO);
}

/// A node of which two numbers are missing, which was asked for them, and which gets a NAK for two of ours.
fn in_the_middle() -> Node<2> {
    let mut node = node();
    node.window.generation = Generation(5);
    for n in [7, 10] {
        node.window.arrive(Sequence(n));
    }
    node.ack_due = Some(Sequence(3));
    node.repeat_at = Some(Instant::from_millis(9));
    node.repeat_from = Some(Sequence(8));
    node.refusal = Some(Refusal { first: Sequence(1), last: Sequence(2) });
    node.acknowledged = Sequence(4);
    node.status_seq = Sequence(10);
    node
}

fn assert_nothing_is_owed(node: &Node<2>) {
    assert_eq!((node.window.newest(), node.window.missing()), (None, 0));
    assert_eq!((node.ack_due, node.repeat_at, node.repeat_from), (None, None, None));
    assert_eq!((node.refusal, node.acknowledged), (None, Sequence(0)));
}

#[test]
fn forgetting_a_node_keeps_its_generation_and_receive_window() {
    let mut node = in_the_middle();
    node.forget();
    assert_nothing_is_owed(&node);
    assert_eq!(node.window.generation, Generation(5));
    assert!(!node.window.arrive(Sequence(10)).is_new(), "it was taken already");
}

#[test]
fn in_a_new_run_numbers_begin_again() {
    let mut node = in_the_middle();
    node.restarted(Generation(6));
    assert_nothing_is_owed(&node);
    assert_eq!((node.window.generation, node.status_seq), (Generation(6), Sequence(0)));
    assert!(node.window.arrive(Sequence(1)).is_new());
}
