//! Two or more engines on one virtual clock, with links that can be cut.

use super::*;
use crate::id::Sequence;
use crate::node::NodeKind;
use crate::takeover::{AutoFailback, Class, Effect, GroupState, Notice, Outcome};
use crate::wire::{self, Header, Keys, MessageType, Method, Writer};
use std::collections::VecDeque;
use std::vec::Vec;

type Engine = Cluster<8, 4, 8, 32768, 4>;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn keys() -> Keys<4> {
    let mut keys = Keys::new();
    keys.insert(1, Method::Sha1, b"secret").unwrap();
    keys.set_signing(1).unwrap();
    keys
}

/// What a test may choose; the rest is fixed.
#[derive(Clone, Copy)]
struct Site {
    auto_failback: AutoFailback,
    nodes: &'static [&'static str],
    form: LinkForm,
}

const PAIR: Site = Site { auto_failback: AutoFailback::On, nodes: &["alpha", "bravo"], form: LinkForm::Datagram };

fn engine(site: Site, local: u8, generation: u64, now: Instant) -> Engine {
    let nodes: Vec<NodeConfig> = site
        .nodes
        .iter()
        .enumerate()
        .map(|(n, name)| NodeConfig {
            name: NodeName::new(name).unwrap(),
            kind: NodeKind::Normal,
            uuid: if n == usize::from(local) { Uuid([local + 1; 16]) } else { Uuid::NIL },
        })
        .collect();
    let config = Config {
        local: NodeId(local),
        nodes: &nodes,
        links: &[site.form, site.form],
        groups: &[NodeId(0), NodeId(1)],
        manage_resources: true,
        timing: Timing {
            keepalive: MS(10),
            warntime: MS(20),
            deadtime: MS(30),
            initdead: MS(200),
            deadping: MS(30),
            max_repeat_delay: MS(250),
        },
        auto_failback: site.auto_failback,
        hopfudge: 1,
        autojoin: AutoJoin::None,
        heartbeat: HeartbeatForm::Compact,
        auth_field: true,
        generation: Generation(generation),
        effect_limit: MS(60_000),
        seed: u64::from(local) + 7,
    };
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
    /// Nothing passes between these two.
    cut: bool,
    /// This one hears nothing.
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

    /// Never two owners unless the nodes cannot talk, or have just begun to again.
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
fn the_death_of_the_owner_moves_its_group_in_deadtime() {
    let mut world = World::started(PAIR);
    world.kill(0);
    let cut = world.now;
    world.run_until(cut.after(MS(100)), |w| w.owners(0) == [1]);
    assert!(world.now.since(cut) <= MS(31), "took {:?}", world.now.since(cut));
    assert_eq!(world.at(1).takeover().holds().as_str(), "all");
}

#[test]
fn a_returning_home_gets_its_group_back_if_failback_is_on() {
    let mut world = World::started(PAIR);
    world.kill(0);
    world.run(MS(100));
    world.start(0);
    world.run(MS(200));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
}

#[test]
fn a_returning_home_does_not_get_its_group_back_if_failback_is_off() {
    let mut world = World::started(Site { auto_failback: AutoFailback::Off, ..PAIR });
    world.kill(0);
    world.run(MS(100));
    world.start(0);
    world.run(MS(1000));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![1], std::vec![1]));
}

#[test]
fn a_restart_faster_than_the_dead_time_ends_with_everyone_at_home() {
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
fn an_owner_that_leaves_hands_over_before_its_dead_time() {
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
fn a_node_that_has_left_and_hears_nobody_has_no_deadline() {
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
fn a_partition_gives_two_owners_and_its_heal_one_without_an_outage() {
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
fn a_partition_in_one_direction_ends_with_one_owner_too() {
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
fn a_standby_moves_a_group_without_two_owners() {
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
fn a_serial_cable_alone_carries_a_cluster() {
    let mut world = World::started(Site { form: LinkForm::Serial, ..PAIR });
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
    world.kill(0);
    world.run(MS(40));
    assert_eq!(world.owners(0), [1]);
}

#[test]
fn a_stall_of_our_own_is_reported_and_nobody_is_judged_before_waiting_packets_are_read() {
    let mut world = World::started(PAIR);
    let mut sleeper = world.hosts[1].engine.take().unwrap();
    world.run(MS(200));
    let mut late = world.at(0).next_deadline().unwrap();
    sleeper.advance(late);
    let events: Vec<Event> = core::iter::from_fn(|| sleeper.poll_event()).collect();
    assert!(events.iter().any(|e| matches!(e, Event::LocalStall(_))), "{events:?}");
    assert!(!events.contains(&Event::NodeDead(NodeId(0))), "judged in its sleep");
    assert_eq!(sleeper.next_deadline(), Some(late), "wants to be called again at once");
    // The sender is alive: what it sent meanwhile was waiting in the socket.
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

#[test]
fn the_heartbeat_is_at_most_150_bytes() {
    let site = Site { nodes: &["fourteen-chars", "bravo"], ..PAIR };
    let mut engine = engine(site, 0, 0x6b02_6ae8, Instant::from_millis(1));
    let mut buffer = [0; 2048];
    while engine.poll_transmit(&mut buffer).is_some() {}
    for _ in 0..300 {
        engine.advance(engine.next_deadline().unwrap());
        let mut classic = 0;
        while let Some(transmit) = engine.poll_transmit(&mut buffer) {
            if buffer.starts_with(b">>>") {
                classic += 1;
                assert!(transmit.len <= 150, "{}", transmit.len);
            }
        }
        assert!(classic <= 1);
    }
}

#[test]
fn forged_replayed_and_foreign_messages_change_nothing() {
    let mut world = World::started(PAIR);
    let now = world.now;
    let write = |fields: &dyn Fn(&mut Writer<'_>)| {
        let mut buffer = [0; 1024];
        let keys = keys();
        let mut w = Writer::netstring(&mut buffer, &keys, false);
        fields(&mut w);
        let len = w.finish().unwrap();
        buffer[..len].to_vec()
    };
    let status = |w: &mut Writer<'_>, src: &str, seq: u64, hg: u64| {
        w.text("t", b"status");
        w.text("st", b"active");
        w.text("src", src.as_bytes());
        w.hex("seq", seq);
        w.hex("hg", hg);
        w.hex("ts", 1_800_000_000);
    };
    let generation = world.at(0).generation().0;
    let mut forged = write(&|w| status(w, "alpha", 900, generation));
    *forged.last_mut().unwrap() = b'!';
    let stranger = write(&|w| status(w, "zulu", 1, 1));
    let replay = write(&|w| status(w, "alpha", 900, generation - 1));
    let our_name = write(&|w| status(w, "bravo", 1, u64::MAX));
    let engine = world.hosts[1].engine.as_mut().unwrap();
    assert!(matches!(engine.handle(now, LinkId(0), &forged), Err(crate::DatagramError::Packet(_))));
    assert_eq!(engine.handle(now, LinkId(0), &stranger), Err(crate::DatagramError::UnknownNode));
    assert_eq!(engine.handle(now, LinkId(0), &replay), Err(crate::DatagramError::Replayed));
    assert_eq!(engine.handle(now, LinkId(0), &our_name), Err(crate::DatagramError::NameConflict));
    assert_eq!(engine.handle(now, LinkId(9), &stranger), Err(crate::DatagramError::UnknownLink));
    let stats = engine.stats();
    let counted = stats.malformed + stats.not_authentic + stats.unknown_node + stats.replayed + stats.name_conflicts;
    assert_eq!(counted + stats.unknown_link, 5);
    world.run(MS(100));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
}

#[test]
fn a_request_for_everything_is_answered_with_one_refusal_and_a_bounded_number_of_repetitions() {
    let mut world = World::started(PAIR);
    world.run(MS(20_000));
    let mut buffer = [0; 1024];
    let keys = keys();
    let mut w = Writer::netstring(&mut buffer, &keys, false);
    w.text("t", b"NS_rexmit");
    w.text("dest", b"bravo");
    w.decimal("firstseq", 1);
    w.decimal("lastseq", u64::MAX);
    w.text("src", b"alpha");
    w.hex("hg", world.at(0).generation().0);
    w.hex("ts", 1_800_000_000);
    let len = w.finish().unwrap();
    let (now, acknowledged) = (world.now, Sequence(0));
    let engine = world.hosts[1].engine.as_mut().unwrap();
    engine.node_mut(NodeId(0)).unwrap().acknowledged = acknowledged;
    engine.handle(now, LinkId(0), &buffer[..len]).unwrap();
    let mut out = [0; 2048];
    let oldest = engine.history.oldest_sequence();
    let (mut sent, mut refused) = (0, Vec::new());
    while let Some(transmit) = engine.poll_transmit(&mut out) {
        sent += 1;
        let header = Header::parse(wire::open(&out[..transmit.len], &keys).unwrap()).unwrap();
        if header.kind == MessageType::Nak {
            refused.push(header.sequence_range());
        }
    }
    assert!((2..=51).contains(&sent), "{sent}");
    assert_eq!(refused, [Some((Sequence(1), Sequence(oldest.0 - 1)))]);
}

#[test]
fn acknowledgements_keep_the_sender_uncongested() {
    let mut world = World::started(PAIR);
    world.run(MS(10_000));
    assert!(world.at(0).history.next_sequence() > Sequence(1000));
    assert!(!world.at(0).is_congested() && !world.at(1).is_congested());
}

/// What can happen to a pair.
#[derive(Clone, Copy, Debug)]
enum Act {
    Kill(usize),
    Start(usize),
    Leave(usize),
    Standby(usize, Class),
    Cut,
    Deaf(usize),
    Heal,
    Lose,
    Keep,
}

fn acts() -> impl proptest::strategy::Strategy<Value = Vec<(Act, u64)>> {
    use proptest::prelude::*;
    let node = 0usize..2;
    let class = prop_oneof![Just(Class::Local), Just(Class::Foreign), Just(Class::All)];
    let act = prop_oneof![
        node.clone().prop_map(Act::Kill),
        node.clone().prop_map(Act::Start),
        node.clone().prop_map(Act::Leave),
        (node, class).prop_map(|(n, c)| Act::Standby(n, c)),
        Just(Act::Cut),
        (0usize..2).prop_map(Act::Deaf),
        Just(Act::Heal),
        Just(Act::Lose),
        Just(Act::Keep),
    ];
    prop::collection::vec((act, 0u64..300), 1..20)
}

impl World {
    fn act(&mut self, act: Act) {
        match act {
            Act::Kill(n) => self.kill(n),
            Act::Start(n) => {
                if self.hosts[n].engine.is_none() {
                    self.hosts[n].left = false;
                    self.start(n);
                }
            }
            Act::Leave(n) => self.ask(n, Request::Leave),
            Act::Standby(n, class) => self.ask(n, Request::Standby(class)),
            Act::Cut => self.cut = true,
            Act::Deaf(n) => self.deaf = Some(n),
            Act::Heal => {
                self.cut = false;
                self.deaf = None;
            }
            Act::Lose => self.lose = |n| n % 4 == 1,
            Act::Keep => self.lose = |_| false,
        }
    }

    fn ask(&mut self, n: usize, request: Request) {
        let now = self.now;
        if let Some(engine) = self.hosts[n].engine.as_mut() {
            let _ = engine.request(now, request);
            self.drain(n);
        }
    }

    /// Daemons that have left end.
    fn bury(&mut self) {
        for n in 0..self.hosts.len() {
            if self.hosts[n].left {
                self.kill(n);
            }
        }
    }
}

/// How many histories are tried; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(40)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: cases(), failure_persistence: None, ..Default::default() })]

    /// Whatever happened, when both nodes run and can talk again, each group comes to have exactly one owner, and keeps it.
    #[test]
    fn everything_ends_with_one_owner(acts in acts(), effect_ms in 0u64..20) {
        let mut world = World::new(PAIR);
        world.effect_time = MS(effect_ms);
        for (act, wait) in acts {
            world.act(act);
            world.run(MS(wait));
            world.bury();
        }
        world.act(Act::Heal);
        world.act(Act::Keep);
        world.run(MS(3000));
        world.bury();
        world.act(Act::Start(0));
        world.act(Act::Start(1));
        world.run(MS(13_000));
        for group in 0..2 {
            proptest::prop_assert_eq!(world.owners(group).len(), 1, "group {}", group);
        }
        for n in 0..2 {
            proptest::prop_assert!(world.at(n).takeover().is_settled(), "node {}: {:?}", n, world.at(n).takeover());
        }
    }
}

/// Values that an authentic but mad peer might send in any field.
fn values() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let words = [
        "",
        "0",
        "1",
        "9",
        "ffffffffffffffff",
        "18446744073709551615",
        "alpha",
        "bravo",
        "zulu",
        "active",
        "dead",
        "init",
        "me",
        "other",
        "done",
        "full",
        "none",
        "local",
        "foreign",
        "all",
        "shutdown",
        "alpha bravo zulu ",
        "x y z",
    ];
    prop_oneof![
        proptest::sample::select(words.to_vec()).prop_map(|w| w.as_bytes().to_vec()),
        (0u64..2000).prop_map(|n| std::format!("{n:x}").into_bytes()),
        proptest::collection::vec(1u8..=255, 0..40),
    ]
}

proptest::proptest! {
    /// A member that has the key and no sense cannot make us panic, talk without end or forget who we are.
    #[test]
    fn authentic_nonsense_does_no_harm(
        messages in proptest::collection::vec(
            (proptest::sample::select(std::vec![
                "status", "NS_st", "NS_ackmsg", "NS_rexmit", "NS_nak_rexmit", "reqnodes", "repnodes", "addnode", "delnode",
                "setweight", "starting", "resource", "ask_resources", "shutdone", "stonith", "whatever",
            ]), proptest::collection::vec(
                (proptest::sample::select(std::vec![
                    "st", "dt", "protocol", "seq", "hg", "dest", "ackseq", "firstseq", "lastseq", "info", "rsc_hold", "rtype",
                    "isstable", "node", "nodelist", "delnodelist", "weight", "hbcore",
                ]), values()), 0..8), 0u64..200),
            1..40),
    ) {
        let mut world = World::started(PAIR);
        let mut engine = world.hosts[1].engine.take().unwrap();
        let mut now = world.now;
        let (mut buffer, mut out) = ([0; 2048], [0; 8192]);
        for (kind, fields, wait) in messages {
            let keys = keys();
            let mut w = Writer::netstring(&mut buffer, &keys, false);
            w.text("t", kind.as_bytes());
            for (name, value) in &fields {
                w.text(name, value);
            }
            w.text("src", b"alpha");
            w.hex("seq", 500);
            w.hex("hg", 101);
            w.hex("ts", 1_800_000_000);
            let Ok(len) = w.finish() else { continue };
            let _ = engine.handle(now, LinkId(0), &buffer[..len]);
            now = now.after(MS(wait));
            engine.advance(now);
            let mut outputs = 0;
            while engine.poll_transmit(&mut out).is_some() {
                outputs += 1;
            }
            while let Some((ticket, _)) = engine.poll_effect() {
                engine.complete(now, ticket, Outcome::Done);
                outputs += 1;
            }
            while engine.poll_event().is_some() {
                outputs += 1;
            }
            proptest::prop_assert!(outputs < 400, "{outputs}");
            proptest::prop_assert_eq!(engine.takeover.lost_outputs(), 0);
            proptest::prop_assert_eq!(engine.node(engine.local()).unwrap().name.as_str(), "bravo");
        }
    }
}

#[test]
fn every_message_fits_also_with_the_longest_names() {
    const LONG: [&str; 2] = [
        "alpha-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "bravo-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ];
    assert_eq!(LONG[0].len(), crate::id::NAME_MAX);
    let mut world = World::new(Site { nodes: &LONG, ..PAIR });
    world.start(0);
    world.start(1);
    world.run(MS(300));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
    assert_eq!((world.at(0).stats().oversize, world.at(1).stats().oversize), (0, 0));
}
