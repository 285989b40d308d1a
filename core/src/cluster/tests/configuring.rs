//! The configuration of an engine, and the settings that the port makes later.

use super::*;
use crate::history::History;
use crate::{ConfigError, TimingError};

pub(super) fn node(name: &str) -> NodeConfig {
    NodeConfig { name: NodeName::new(name).unwrap(), kind: NodeKind::Member, uuid: Uuid::NIL }
}

/// The outcome of making a pair with a changed configuration.
fn made(change: impl FnOnce(&mut Config<'_>)) -> Result<(), ConfigError> {
    let nodes = [node("alpha"), node("bravo")];
    let mut config = sound(&nodes, &[LinkForm::Datagram], &GROUPS);
    change(&mut config);
    Engine::new(&config, keys(), Instant::from_millis(1), 0).map(drop)
}

#[test]
fn configuration_that_does_not_fit_is_refused() {
    assert_eq!(made(|_| {}), Ok(()));
    assert_eq!(made(|c| c.generation = Generation(0)), Err(ConfigError::NoGeneration));
    assert_eq!(made(|c| c.local = NodeId(2)), Err(ConfigError::UnknownNode));
    assert_eq!(made(|c| c.groups = const { &[GroupConfig::at(NodeId(2))] }), Err(ConfigError::UnknownNode));
    assert_eq!(made(|c| c.links = &[LinkForm::Ping(NodeId(2))]), Err(ConfigError::UnknownNode));
    assert_eq!(made(|c| c.links = &[LinkForm::Ping(NodeId(1))]), Ok(()));
    assert_eq!(made(|c| c.groups = const { &[GroupConfig::at(NodeId(0)); 8] }), Ok(()));
    assert_eq!(made(|c| c.groups = const { &[GroupConfig::at(NodeId(0)); 9] }), Err(ConfigError::TooManyGroups));
    assert_eq!(made(|c| c.links = &[LinkForm::Datagram; 4]), Ok(()));
    assert_eq!(made(|c| c.links = &[LinkForm::Datagram; 5]), Err(ConfigError::TooManyLinks));
    let many: Vec<_> = (0..9).map(|n| node(&std::format!("host{n}"))).collect();
    let of = |count: usize| {
        let config = sound(&many[..count], &[LinkForm::Datagram], &[]);
        Engine::new(&config, keys(), Instant::from_millis(1), 0).map(drop)
    };
    assert_eq!((of(8), of(9)), (Ok(()), Err(ConfigError::TooManyNodes)));
    let twins = [node("alpha"), node("bravo"), node("alpha")];
    let config = sound(&twins, &[LinkForm::Datagram], &[]);
    let made = Engine::new(&config, keys(), Instant::from_millis(1), 0).map(drop);
    assert_eq!(made, Err(ConfigError::DuplicateName));
}

#[test]
fn times_that_contradict_each_other_are_refused_to_the_microsecond() {
    let with = |change: fn(&mut Timing)| made(|c| change(&mut c.timing));
    let refused = |error| Err(ConfigError::Timing(error));
    assert_eq!(with(|t| t.keepalive = Duration::ZERO), refused(TimingError::NoKeepalive));
    assert_eq!(with(|t| t.warntime = Duration::ZERO), refused(TimingError::NoWarntime));
    assert_eq!(with(|t| t.max_rexmit_delay = Duration::ZERO), refused(TimingError::NoRexmitDelay));
    // Twice the keepalive is 20 ms.
    assert_eq!(with(|t| t.deadtime = MS(20)), refused(TimingError::DeadtimeTooSmall));
    assert_eq!(with(|t| t.deadtime = Duration::from_micros(20_001)), Ok(()));
    assert_eq!(with(|t| t.deadping = MS(20)), refused(TimingError::DeadpingTooSmall));
    assert_eq!(with(|t| t.deadping = Duration::from_micros(20_001)), Ok(()));
    assert_eq!(with(|t| t.initdead = Duration::from_micros(29_999)), refused(TimingError::InitdeadTooSmall));
    assert_eq!(with(|t| t.initdead = t.deadtime), Ok(()));
}

#[test]
fn key_to_sign_with_is_needed_at_the_start_and_later() {
    let nodes = [node("alpha"), node("bravo")];
    let config = sound(&nodes, &[LinkForm::Datagram], &[]);
    let none = Keys::<4>::new;
    assert_eq!(Engine::new(&config, none(), Instant::from_millis(1), 0).map(drop), Err(ConfigError::NoSigningKey));
    let mut world = World::started(PAIR);
    let engine = world.hosts[0].engine.as_mut().unwrap();
    assert_eq!(engine.set_keys(none()), Err(ConfigError::NoSigningKey));
    let mut other = none();
    other.insert(1, Method::Sha1, b"another").unwrap();
    other.set_signing(1).unwrap();
    let now = engine.next_heartbeat;
    let mut buffer = [0; 2048];
    engine.advance(now);
    let sent = engine.poll_transmit(&mut buffer).unwrap();
    assert!(wire::open(&buffer[..sent.len], &keys()).is_ok(), "the old keys hold");
    while engine.poll_transmit(&mut buffer).is_some() {}
    assert_eq!(engine.set_keys(other.clone()), Ok(()));
    let now = now.after(MS(10));
    engine.advance(now);
    let sent = engine.poll_transmit(&mut buffer).unwrap();
    assert!(wire::open(&buffer[..sent.len], &other).is_ok() && wire::open(&buffer[..sent.len], &keys()).is_err());
}

#[test]
fn wall_clock_that_was_set_is_in_the_next_message() {
    let mut world = World::started(PAIR);
    let engine = world.hosts[0].engine.as_mut().unwrap();
    let now = engine.next_heartbeat;
    engine.set_wall_clock(now, 1_900_000_000);
    engine.advance(now);
    let mut buffer = [0; 2048];
    let sent = engine.poll_transmit(&mut buffer).unwrap();
    let header = Header::parse(wire::open(&buffer[..sent.len], &keys()).unwrap()).unwrap();
    assert_eq!(header.timestamp, 1_900_000_000);
}

#[test]
fn carrier_of_a_link_is_reported_and_that_of_no_link_is_not() {
    let mut world = World::started(PAIR);
    let now = world.now;
    let engine = world.hosts[0].engine.as_mut().unwrap();
    engine.link_changed(now, LinkId(1), Carrier::Absent);
    engine.link_changed(now, LinkId(2), Carrier::Absent);
    let events: Vec<Event> = core::iter::from_fn(|| engine.poll_event()).collect();
    assert_eq!(events, [Event::Carrier(LinkId(1), Carrier::Absent)]);
}

#[test]
fn time_that_goes_back_is_counted_and_changes_nothing() {
    let mut world = World::started(PAIR);
    let engine = world.hosts[0].engine.as_mut().unwrap();
    let now = engine.now;
    engine.advance(now);
    assert_eq!(engine.stats().clock_went_back, 0, "the same time is no step back");
    engine.advance(Instant::from_millis(1));
    assert_eq!((engine.stats().clock_went_back, engine.now), (1, now));
}

#[test]
fn node_that_was_removed_is_not_among_the_nodes() {
    let mut world = World::started(PAIR);
    let engine = world.hosts[0].engine.as_mut().unwrap();
    engine.nodes[1].kind = NodeKind::Removed;
    assert_eq!(engine.nodes().map(|n| n.id).collect::<Vec<_>>(), [NodeId(0)]);
}

#[test]
fn senders_wait_before_the_history_drops_a_message_that_is_not_acknowledged() {
    let mut world = World::started(PAIR);
    world.run(MS(5000));
    let now = world.now;
    let engine = world.hosts[0].engine.as_mut().unwrap();
    let acknowledged = engine.nodes[1].acknowledged;
    let mut sent = 0;
    while !engine.is_congested() {
        engine.send_for_client(now, &[("t", b"note"), ("text", &[b'x'; 1000])]).unwrap();
        sent += 1;
        assert!(engine.history.oldest_sequence() <= acknowledged.next(), "message {sent}");
    }
    assert!((10..250).contains(&sent), "{sent}");
    engine.nodes[1].acknowledged = engine.newest_sequence();
    assert!(!engine.is_congested());
    engine.nodes[1].acknowledged = Sequence(engine.newest_sequence().0 - 10);
    assert!(!engine.is_congested(), "the tenth is not acknowledged yet");
}

#[test]
fn senders_wait_when_the_slowest_living_node_has_not_acknowledged_250_messages() {
    let mut world = World::started(Site { nodes: &["alpha", "bravo", "charlie"], ..PAIR });
    world.run(MS(5000));
    let engine = world.hosts[0].engine.as_mut().unwrap();
    // Short messages, so that the history holds more than 250 of them.
    engine.history = History::new();
    while engine.newest_sequence() < Sequence(400) {
        assert!(engine.history.push(20, |_| Some(20)));
    }
    let newest = engine.newest_sequence().0;
    let mut lag = |bravo: u64, charlie: u64, state: NodeState| {
        engine.nodes[1].acknowledged = Sequence(newest - bravo);
        engine.nodes[2].acknowledged = Sequence(newest - charlie);
        engine.nodes[2].state = state;
        engine.is_congested()
    };
    assert!(!lag(250, 0, NodeState::Active));
    assert!(lag(251, 0, NodeState::Active) && lag(0, 251, NodeState::Active));
    assert!(!lag(0, 251, NodeState::Dead) && lag(251, 0, NodeState::Dead), "a dead node is not waited for");
    engine.no_flow_control = true;
    assert!(!engine.is_congested());
}
