//! Two or more engines on one virtual clock, with links that can be cut.

mod clients;
mod configuring;
mod histories;
mod identity;
mod joining;
mod members;
mod messages;
mod nonsense;
mod numbers;
mod outbound;
mod punctuality;
mod resources;
#[cfg(not(feature = "small"))]
mod words;

use super::*;
use crate::id::Sequence;
use crate::settings::{AutoFailback, NodeKind};
use crate::takeover::{Class, Effect, GroupState, Notice, Outcome};
use crate::wire::{self, Header, Keys, MessageType, Method, Writer};
use std::collections::VecDeque;
use std::vec::Vec;

type Engine = Cluster<8, 4, 8, 32768, 4>;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn keys() -> Keys<4> {
    signing_keys()
}

/// One key, which signs.
pub(super) fn signing_keys<const KEYS: usize>() -> Keys<KEYS> {
    let mut keys = Keys::new();
    keys.insert(1, Method::Sha1, b"secret").unwrap();
    keys.set_signing(1).unwrap();
    keys
}

/// The choices of a test; everything else is fixed.
#[derive(Clone, Copy)]
struct Site {
    auto_failback: AutoFailback,
    nodes: &'static [&'static str],
    form: LinkForm,
}

const PAIR: Site = Site { auto_failback: AutoFailback::On, nodes: &["alpha", "bravo"], form: LinkForm::Datagram };

fn timing() -> Timing {
    Timing {
        keepalive: MS(10),
        warntime: MS(20),
        deadtime: MS(30),
        initdead: MS(200),
        deadping: MS(30),
        max_rexmit_delay: MS(250),
    }
}

/// A configuration without faults.
pub(super) fn sound<'a>(nodes: &'a [NodeConfig], links: &'a [LinkForm], groups: &'a [GroupConfig<'a>]) -> Config<'a> {
    Config {
        local: NodeId(0),
        nodes,
        links,
        groups,
        manage_resources: true,
        fencing: false,
        resume: None,
        introduction: None,
        timing: timing(),
        auto_failback: AutoFailback::On,
        hopfudge: 1,
        autojoin: Autojoin::None,
        heartbeat: HeartbeatFormat::Compact,
        auth_field: true,
        generation: Generation(1),
        effect_limit: MS(60_000),
        seed: 1,
    }
}

/// Two groups, of which each node is the home of one.
pub(super) const GROUPS: [GroupConfig<'_>; 2] = [GroupConfig::at(NodeId(0)), GroupConfig::at(NodeId(1))];

fn engine(site: Site, local: u8, generation: u64, now: Instant) -> Engine {
    engine_with(site, local, generation, now, |_| {})
}

/// The nodes of a site, as the one with this number knows them.
fn nodes(site: Site, local: u8) -> Vec<NodeConfig> {
    let node = |(n, name): (usize, &&str)| NodeConfig {
        name: NodeName::new(name).unwrap(),
        kind: NodeKind::Member,
        uuid: if n == usize::from(local) { Uuid([local + 1; 16]) } else { Uuid::NIL },
    };
    site.nodes.iter().enumerate().map(node).collect()
}

/// The same with a change of its configuration.
fn engine_with(site: Site, local: u8, generation: u64, now: Instant, change: impl Fn(&mut Config<'_>)) -> Engine {
    let nodes = nodes(site, local);
    let links = [site.form, site.form];
    let mut config = Config {
        local: NodeId(local),
        auto_failback: site.auto_failback,
        generation: Generation(generation),
        seed: u64::from(local) + 7,
        ..sound(&nodes, &links, &GROUPS)
    };
    change(&mut config);
    Engine::new(&config, keys(), now, 1_800_000_000).unwrap()
}

struct Host {
    engine: Option<Engine>,
    events: Vec<Event>,
    left: bool,
}

/// A datagram under way.
struct Flight {
    at: Instant,
    to: usize,
    link: LinkId,
    bytes: Vec<u8>,
}

struct World {
    site: Site,
    now: Instant,
    hosts: Vec<Host>,
    flights: VecDeque<Flight>,
    /// Whether the nodes cannot reach each other.
    cut: bool,
    /// A node that receives nothing.
    deaf: Option<usize>,
    /// Numbers of all datagrams that are lost, counted over everything sent.
    lose: fn(u64) -> bool,
    sent: u64,
    effect_time: Duration,
    effects: Vec<(Instant, usize, crate::takeover::Ticket)>,
    generation: u64,
    longest: usize,
}

impl World {
    fn new(site: Site) -> Self {
        let hosts = site.nodes.iter().map(|_| Host { engine: None, events: Vec::new(), left: false }).collect();
        Self {
            site,
            now: Instant::from_millis(1000),
            hosts,
            flights: VecDeque::new(),
            cut: false,
            deaf: None,
            lose: |_| false,
            sent: 0,
            effect_time: Duration::ZERO,
            effects: Vec::new(),
            generation: 100,
            longest: 0,
        }
    }

    fn started(site: Site) -> Self {
        let mut world = Self::new(site);
        for n in 0..site.nodes.len() {
            world.start(n);
        }
        world.run(MS(150));
        world
    }

    fn start(&mut self, n: usize) {
        self.generation += 1;
        self.hosts[n].engine = Some(engine(self.site, n as u8, self.generation, self.now));
        self.drain(n);
    }

    fn kill(&mut self, n: usize) {
        self.hosts[n].engine = None;
        self.effects.retain(|(_, host, _)| *host != n);
    }

    fn at(&self, n: usize) -> &Engine {
        self.hosts[n].engine.as_ref().unwrap()
    }

    fn drain(&mut self, n: usize) {
        let mut buffer = [0; 2048];
        let host = &mut self.hosts[n];
        let Some(engine) = host.engine.as_mut() else { return };
        while let Some(transmit) = engine.poll_transmit(&mut buffer) {
            self.longest = self.longest.max(transmit.len);
            for link in transmit.links.iter() {
                for to in (0..self.site.nodes.len()).filter(|to| *to != n) {
                    self.sent += 1;
                    if !self.cut && self.deaf != Some(to) && !(self.lose)(self.sent) {
                        let bytes = buffer[..transmit.len].to_vec();
                        self.flights.push_back(Flight {
                            at: self.now.after(Duration::from_micros(200)),
                            to,
                            link,
                            bytes,
                        });
                    }
                }
            }
        }
        while let Some((ticket, effect)) = engine.poll_effect() {
            if !matches!(effect, Effect::Announce(_)) {
                self.effects.push((self.now.after(self.effect_time), n, ticket));
            }
        }
        while let Some(event) = engine.poll_event() {
            host.left |= event == Event::Left;
            host.events.push(event);
        }
    }

    fn next(&self) -> Option<Instant> {
        let deadlines = self.hosts.iter().filter_map(|h| h.engine.as_ref()?.next_deadline());
        let flights = self.flights.iter().map(|f| f.at);
        let effects = self.effects.iter().map(|(at, _, _)| *at);
        deadlines.chain(flights).chain(effects).min()
    }

    fn run(&mut self, time: Duration) {
        let end = self.now.after(time);
        self.run_until(end, |_| false);
    }

    fn run_until(&mut self, end: Instant, stop: impl Fn(&Self) -> bool) {
        for _ in 0..1_000_000 {
            if stop(self) {
                return;
            }
            match self.next() {
                Some(at) if at <= end => self.now = self.now.max(at),
                _ => {
                    self.now = end;
                    return;
                }
            }
            self.step();
            self.check();
        }
        panic!("the world does not come to rest");
    }

    fn step(&mut self) {
        while self.flights.front().is_some_and(|f| f.at <= self.now) {
            let flight = self.flights.pop_front().unwrap();
            if let Some(engine) = self.hosts[flight.to].engine.as_mut() {
                engine.handle(self.now, flight.link, &flight.bytes).expect("peers send nothing that is refused");
                self.drain(flight.to);
            }
        }
        while let Some(index) = self.effects.iter().position(|(at, _, _)| *at <= self.now) {
            let (_, n, ticket) = self.effects.remove(index);
            self.hosts[n].engine.as_mut().unwrap().complete(self.now, ticket, Outcome::Done);
            self.drain(n);
        }
        for n in 0..self.hosts.len() {
            if let Some(engine) = self.hosts[n].engine.as_mut() {
                engine.advance(self.now);
                self.drain(n);
            }
        }
    }

    /// There are never two owners, unless the nodes are partitioned, or have just been.
    fn check(&self) {
        for engine in self.hosts.iter().filter_map(|h| h.engine.as_ref()) {
            assert_eq!(engine.takeover.lost_outputs(), 0);
            assert_eq!(engine.stats.oversize, 0);
        }
    }

    fn owners(&self, group: usize) -> Vec<usize> {
        let runs = |h: &Host| h.engine.as_ref().is_some_and(|e| e.groups()[group].state() == GroupState::Running);
        (0..self.hosts.len()).filter(|n| runs(&self.hosts[*n])).collect()
    }

    fn saw(&self, n: usize, event: Event) -> bool {
        self.hosts[n].events.contains(&event)
    }
}

#[test]
fn both_start_and_each_owns_its_own_group_within_a_moment() {
    let mut world = World::new(PAIR);
    world.start(0);
    world.start(1);
    let start = world.now;
    world.run_until(start.after(MS(100)), |w| w.owners(0) == [0] && w.owners(1) == [1]);
    assert!(world.now.since(start) < MS(20), "took {:?}", world.now.since(start));
    world.run(MS(300));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
    assert!(world.at(0).takeover().is_settled() && world.at(1).takeover().is_settled());
}

#[test]
fn one_that_starts_alone_owns_everything_after_initdead() {
    let mut world = World::new(PAIR);
    world.start(1);
    world.run(MS(199));
    assert_eq!(world.owners(0), []);
    world.run(MS(3));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![1], std::vec![1]));
    assert!(world.saw(1, Event::NodeDead(NodeId(0))));
}

#[test]
fn death_of_the_owner_moves_its_group_in_deadtime() {
    let mut world = World::started(PAIR);
    world.kill(0);
    let cut = world.now;
    world.run_until(cut.after(MS(100)), |w| w.owners(0) == [1]);
    assert!(world.now.since(cut) <= MS(31), "took {:?}", world.now.since(cut));
    assert_eq!(world.at(1).takeover().holds().as_str(), "all");
}

#[test]
fn returning_home_gets_its_group_back_if_failback_is_on() {
    let mut world = World::started(PAIR);
    world.kill(0);
    world.run(MS(100));
    world.start(0);
    world.run(MS(200));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
}

#[test]
fn returning_home_does_not_get_its_group_back_if_failback_is_off() {
    let mut world = World::started(Site { auto_failback: AutoFailback::Off, ..PAIR });
    world.kill(0);
    world.run(MS(100));
    world.start(0);
    world.run(MS(1000));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![1], std::vec![1]));
}

#[test]
fn restart_faster_than_the_dead_time_ends_with_everyone_at_home() {
    let mut world = World::started(PAIR);
    world.kill(0);
    world.run(MS(5));
    world.start(0);
    world.run(MS(300));
    assert!(world.saw(1, Event::NodeRestarted(NodeId(0))));
    assert!(!world.saw(1, Event::NodeDead(NodeId(0))));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
}

#[test]
fn owner_that_leaves_hands_over_before_its_dead_time() {
    let mut world = World::started(PAIR);
    world.effect_time = MS(2);
    let now = world.now;
    world.hosts[0].engine.as_mut().unwrap().request(now, Request::Leave).unwrap();
    world.drain(0);
    world.run_until(now.after(MS(100)), |w| w.owners(0) == [1]);
    assert!(world.now.since(now) < MS(10), "took {:?}", world.now.since(now));
    world.run_until(now.after(MS(2000)), |w| w.hosts[0].left);
    assert!(world.hosts[0].left && world.now.since(now) < MS(20), "it does not stay longer than needed");
    world.kill(0);
    world.run(MS(100));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![1], std::vec![1]));
    world.start(0);
    world.run(MS(200));
    assert_eq!(world.owners(0), [0], "it comes back home");
}

#[test]
fn node_that_has_left_and_hears_nobody_has_no_deadline() {
    let mut world = World::started(PAIR);
    let now = world.now;
    world.hosts[0].engine.as_mut().unwrap().request(now, Request::Leave).unwrap();
    world.drain(0);
    world.run_until(now.after(MS(2000)), |w| w.hosts[0].left);
    world.cut = true;
    world.run(MS(2000));
    assert_eq!(world.at(0).next_deadline(), None);
}

#[test]
fn partition_gives_two_owners_and_its_heal_one_without_an_outage() {
    let mut world = World::started(PAIR);
    world.cut = true;
    world.run(MS(100));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0, 1], std::vec![0, 1]));
    world.cut = false;
    let heal = world.now;
    for _ in 0..400 {
        world.run(Duration::from_micros(250));
        for group in 0..2 {
            assert!(!world.owners(group).is_empty(), "group {group} without owner {:?} after", world.now.since(heal));
        }
    }
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
    assert!(world.saw(0, Event::Resource(Notice::Keeping(Class::Local))));
    assert!(world.saw(1, Event::Resource(Notice::Yielding(Class::Foreign))));
    assert!(world.at(0).takeover().is_settled() && world.at(1).takeover().is_settled());
}

#[test]
fn partition_in_one_direction_ends_with_one_owner_too() {
    for deaf in 0..2 {
        let mut world = World::started(PAIR);
        world.deaf = Some(deaf);
        world.run(MS(200));
        assert_eq!(world.owners(1 - deaf).len(), 2, "the deaf node took what it believes to be lost");
        world.deaf = None;
        world.run(MS(300));
        assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]), "{deaf} was deaf");
    }
}

#[test]
fn nodes_that_started_apart_agree_when_they_meet() {
    let mut world = World::new(PAIR);
    world.cut = true;
    world.start(0);
    world.start(1);
    world.run(MS(300));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0, 1], std::vec![0, 1]));
    world.cut = false;
    world.run(MS(50));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
}

#[test]
fn standby_moves_a_group_without_two_owners() {
    let mut world = World::started(PAIR);
    world.effect_time = MS(3);
    let now = world.now;
    world.hosts[0].engine.as_mut().unwrap().request(now, Request::Standby(Class::Local)).unwrap();
    world.drain(0);
    for _ in 0..200 {
        world.run(Duration::from_micros(250));
        assert!(world.owners(0).len() < 2);
    }
    assert_eq!(world.owners(0), [1]);
    assert_eq!(world.at(0).takeover().holds().as_str(), "none");
}

#[test]
fn heavy_loss_on_two_links_does_not_kill_anybody_and_everything_is_repeated() {
    let mut world = World::new(PAIR);
    world.lose = |n| n.wrapping_mul(0x9e37_79b9) >> 20 & 0xff < 77;
    world.start(0);
    world.start(1);
    world.run(MS(250));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
    let deaths = |w: &World| w.hosts.iter().flat_map(|h| &h.events).filter(|e| matches!(e, Event::NodeDead(_))).count();
    world.lose = |n| n % 3 == 0;
    world.run(MS(3000));
    assert_eq!(deaths(&world), 0);
    world.lose = |_| false;
    world.run(MS(2000));
    assert_eq!(world.at(1).node(NodeId(0)).unwrap().missing, 0);
    assert!(world.at(0).stats().repeated > 0);
}

#[test]
fn serial_cable_alone_carries_a_cluster() {
    let mut world = World::started(Site { form: LinkForm::Serial { baud: 0 }, ..PAIR });
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
    world.kill(0);
    world.run(MS(40));
    assert_eq!(world.owners(0), [1]);
}

#[test]
fn own_stall_is_reported_and_peers_are_judged_after_waiting_packets() {
    let mut world = World::started(PAIR);
    let mut sleeper = world.hosts[1].engine.take().unwrap();
    world.run(MS(200));
    let mut late = world.at(0).next_deadline().unwrap();
    sleeper.advance(late);
    let events: Vec<Event> = core::iter::from_fn(|| sleeper.poll_event()).collect();
    assert!(events.iter().any(|e| matches!(e, Event::LocalStall(_))), "{events:?}");
    assert!(!events.contains(&Event::NodeDead(NodeId(0))), "judged in its sleep");
    assert_eq!(sleeper.next_deadline(), Some(late), "wants to be called again at once");
    // The sender is alive: its messages of that time waited in the socket.
    let mut bytes = [0; 2048];
    let alive = world.hosts[0].engine.as_mut().unwrap();
    alive.advance(late);
    while let Some(transmit) = alive.poll_transmit(&mut bytes) {
        sleeper.handle(late, LinkId(0), &bytes[..transmit.len]).unwrap();
    }
    late = late.after(Duration::from_micros(100));
    sleeper.advance(late);
    assert!(!core::iter::from_fn(|| sleeper.poll_event()).any(|e| e == Event::NodeDead(NodeId(0))));
}

#[test]
fn when_the_whole_machine_slept_nobody_is_judged_before_the_other_could_wake_up() {
    let mut world = World::started(PAIR);
    // Both sleep for longer than the dead time; the other wakes a moment later than we.
    let mut we = world.hosts[1].engine.take().unwrap();
    let mut now = we.next_deadline().unwrap().after(MS(35));
    let ends = now.after(MS(9));
    while now < ends {
        we.advance(now);
        now = now.after(MS(1));
    }
    assert!(!core::iter::from_fn(|| we.poll_event()).any(|e| e == Event::NodeDead(NodeId(0))));
    we.advance(now.after(MS(2)));
    assert!(core::iter::from_fn(|| we.poll_event()).any(|e| e == Event::NodeDead(NodeId(0))), "not for ever");
}

/// The number of histories that are tried; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(40)
}
