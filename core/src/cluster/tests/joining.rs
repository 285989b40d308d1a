//! Joining: a node asks a living one for the list of nodes, and from the answer on each node's dead time counts.

use super::identity::{From, message};
use super::*;

const THREE: Site = Site { nodes: &["alpha", "bravo", "charlie"], ..PAIR };
const A: NodeId = NodeId(0);
const C: NodeId = NodeId(2);

/// bravo has just started and has heard no node.
fn alone(site: Site) -> World {
    let mut world = World::new(site);
    world.start(1);
    world
}

impl World {
    /// bravo receives a message of another node, with this number.
    fn bravo_hears(&mut self, node: NodeId, kind: &str, seq: u64, fields: &[(&str, &str)]) {
        let from = From {
            name: self.site.nodes[usize::from(node.0)],
            uuid: Uuid([node.0 + 1; 16]),
            seq: Some(seq),
            generation: 50,
        };
        assert_eq!(self.tell_bravo(&message(kind, from, fields)), Ok(Received::New));
    }

    /// The node that bravo asks for the list of nodes, and the number of questions that are left.
    fn asks(&self) -> Option<(NodeId, u8)> {
        if let Communication::Asking { node, left, .. } = self.at(1).communication { Some((node, left)) } else { None }
    }

    fn is_joined(&self) -> bool {
        self.at(1).communication == Communication::Up
    }
}

const STATUS: &[(&str, &str)] = &[("protocol", "1"), ("dt", "1e")];

#[test]
fn first_status_of_a_run_counts_also_if_it_has_no_number() {
    let mut world = alone(PAIR);
    let from = From { seq: None, generation: 50, name: "alpha", uuid: Uuid([1; 16]) };
    world.tell_bravo(&message("NS_st", from, &[("st", "active")])).unwrap();
    assert_eq!(world.at(1).nodes[0].state, NodeState::Active);
}

#[test]
fn living_node_is_asked_once_however_often_it_speaks() {
    let mut world = alone(PAIR);
    world.bravo_hears(A, "status", 1, STATUS);
    assert_eq!(world.asks(), Some((A, 4)));
    let engine = world.hosts[1].engine.as_mut().unwrap();
    engine.ask_nodes(A, 3);
    engine.check_communication();
    assert_eq!(world.asks(), Some((A, 2)), "the question stands");
    for seq in 2..6 {
        world.bravo_hears(A, "status", seq, STATUS);
        assert_eq!(world.asks(), Some((A, 2)), "the question stands");
    }
    world.bravo_hears(A, "repnodes", 6, &[("nodelist", "alpha bravo")]);
    assert!(world.is_joined());
}

#[test]
fn another_node_is_asked_when_the_one_that_was_asked_is_dead() {
    let mut world = alone(THREE);
    world.bravo_hears(A, "status", 1, STATUS);
    assert_eq!(world.asks(), None, "charlie is neither heard nor dead");
    world.run(MS(100));
    world.bravo_hears(C, "status", 1, STATUS);
    assert_eq!(world.asks(), Some((A, 4)));
    world.run(MS(105));
    assert!(world.saw(1, Event::NodeDead(A)) && !world.saw(1, Event::NodeDead(C)));
    assert_eq!(world.asks(), Some((C, 4)));
}

#[test]
fn node_that_does_not_answer_questions_is_not_asked() {
    let mut world = alone(PAIR);
    world.bravo_hears(A, "starting", 1, &[]);
    world.bravo_hears(A, "status", 2, &[("dt", "1e")]);
    assert!(world.at(1).no_flow_control, "its status lacks `protocol`");
    assert!(world.is_joined());

    let mut world = alone(THREE);
    world.bravo_hears(A, "status", 1, &[("dt", "1e")]);
    assert!(!world.is_joined(), "charlie is neither heard nor dead");
    world.bravo_hears(C, "status", 1, STATUS);
    assert_eq!((world.asks(), world.is_joined()), (None, true));
}

/// bravo has heard `kind` of alpha 10 ms after its own start, and the list of nodes `answer` later.
fn joined_after(kind: &str, answer: Duration) -> World {
    let mut world = alone(PAIR);
    world.run(MS(10));
    world.bravo_hears(A, kind, 1, STATUS);
    world.run(answer);
    world.bravo_hears(A, "repnodes", 2, &[("nodelist", "alpha bravo")]);
    assert!(world.is_joined());
    world
}

#[test]
fn node_without_a_status_has_its_whole_dead_time_from_the_moment_of_joining() {
    let mut world = joined_after("starting", MS(100));
    world.run(MS(29));
    assert!(!world.saw(1, Event::NodeDead(A)));
    world.run(MS(2));
    assert!(world.saw(1, Event::NodeDead(A)));
}

#[test]
fn dead_time_of_a_node_with_a_status_counts_from_that_status() {
    let mut world = joined_after("status", MS(25));
    world.run(MS(4));
    assert!(!world.saw(1, Event::NodeDead(A)));
    world.run(MS(2));
    assert!(world.saw(1, Event::NodeDead(A)));
}

#[test]
fn death_of_a_node_that_owns_nothing_or_before_joining_moves_nothing() {
    let notices = |world: &World| world.hosts[1].events.iter().filter(|e| matches!(e, Event::Resource(_))).count();
    let mut world = World::started(THREE);
    world.run(MS(200));
    for n in 0..2 {
        world.hosts[n].engine.as_mut().unwrap().nodes[2].kind = NodeKind::Ping;
    }
    let before = notices(&world);
    world.kill(2);
    world.run(MS(100));
    assert!(world.saw(1, Event::NodeDead(C)));
    assert_eq!((notices(&world), world.owners(0)), (before, std::vec![0]));

    let mut world = alone(THREE);
    world.run(MS(150));
    world.bravo_hears(A, "status", 1, STATUS);
    world.run(MS(60));
    assert!(world.saw(1, Event::NodeDead(C)) && !world.saw(1, Event::NodeDead(A)));
    assert_eq!((notices(&world), world.owners(0)), (0, std::vec![]));
}

#[test]
fn ping_node_has_a_dead_time_of_its_own() {
    let mut world = World::started(PAIR);
    let engine = world.hosts[1].engine.as_mut().unwrap();
    engine.timing.deadping = MS(77);
    let add = |engine: &mut Engine, name, kind| {
        let id = engine.add_node(&NodeName::new(name).unwrap(), kind).unwrap();
        engine.nodes[usize::from(id.0)].deadtime
    };
    assert_eq!(add(engine, "router", NodeKind::Ping), MS(77));
    assert_eq!(add(engine, "charlie", NodeKind::Member), MS(30));
}
