//! Two engines, a virtual clock, and two links between them.

use hbcore::cluster::Carrier;
use hbcore::id::{Generation, LinkId, NodeId, NodeName, Uuid};
use hbcore::takeover::{Class, EFFECT_LIMIT, Effect, Outcome, Ticket};
use hbcore::time::{Duration, Instant};
use hbcore::wire::{FrameReader, FrameSource, Keys, Method};
use hbcore::{AutoFailback, Autojoin, Config, Event, GroupConfig, HeartbeatFormat, LinkForm, NodeConfig, NodeKind, Request, Timing};

type Engine = hbcore::cluster! { nodes: 2, links: 2, groups: 1, history: 8192, keys: 2 };

const LINKS: [LinkForm; 2] = [LinkForm::Datagram, LinkForm::Serial { baud: 0 }];
const SERIAL: LinkId = LinkId(1);
const TICK: Duration = Duration::from_millis(5);

/// One node with the state that its port would have.
struct Node {
    engine: Engine,
    line: FrameReader<1024>,
    owns: bool,
    active: bool,
}

/// Returns 0 if the pair behaves as it should, or else the number of the step that it did not reach.
pub(crate) fn lives() -> i32 {
    let mut now = Instant::from_millis(1);
    let (Some(alpha), Some(bravo)) = (node(0, 1, now), node(1, 1, now)) else { return 10 };
    let mut pair = [Some(alpha), Some(bravo)];

    run(&mut pair, &mut now, 15_000);
    if !owns(&pair, 0) || owns(&pair, 1) {
        return 11;
    }
    let asked = pair[0].as_mut().map(|alpha| alpha.engine.request(now, Request::Standby(Class::All)));
    run(&mut pair, &mut now, 5_000);
    if asked != Some(Ok(())) || owns(&pair, 0) || !owns(&pair, 1) {
        return 12;
    }
    pair[1] = None;
    run(&mut pair, &mut now, 2_000);
    if !owns(&pair, 0) {
        return 13;
    }
    pair[1] = node(1, 2, now);
    run(&mut pair, &mut now, 15_000);
    if !owns(&pair, 0) || owns(&pair, 1) || !reads_from_a_device() {
        return 14;
    }
    let left = pair[0].as_mut().map(|alpha| alpha.engine.request(now, Request::Leave));
    run(&mut pair, &mut now, 5_000);
    if left != Some(Ok(())) || owns(&pair, 0) || !owns(&pair, 1) || !looks_right(&pair) {
        return 15;
    }
    0
}

fn node(id: u8, generation: u64, now: Instant) -> Option<Node> {
    let config = |name| Some(NodeConfig { name: NodeName::new(name).ok()?, kind: NodeKind::Member, uuid: Uuid::NIL });
    let nodes = [config("alpha")?, config("bravo")?];
    let mut keys = Keys::new();
    keys.insert(1, Method::Sha1, b"secret").ok()?;
    keys.insert(2, Method::Md5, b"other").ok()?;
    keys.set_signing(1).ok()?;
    let config = Config {
        local: NodeId(id),
        nodes: &nodes,
        links: &LINKS,
        groups: &[GroupConfig::at(NodeId(0))],
        manage_resources: true,
        fencing: false,
        resume: None,
        introduction: None,
        timing: Timing {
            keepalive: Duration::from_millis(100),
            warntime: Duration::from_millis(250),
            deadtime: Duration::from_millis(500),
            initdead: Duration::from_millis(2000),
            deadping: Duration::from_millis(500),
            max_rexmit_delay: Duration::from_millis(250),
        },
        auto_failback: AutoFailback::Off,
        hopfudge: 1,
        autojoin: Autojoin::None,
        heartbeat: HeartbeatFormat::Compact,
        auth_field: true,
        generation: Generation(generation),
        effect_limit: EFFECT_LIMIT,
        seed: u64::from(id),
    };
    let engine = Engine::new(&config, keys, now, 1_700_000_000).ok()?;
    Some(Node { engine, line: FrameReader::new(), owns: false, active: false })
}

/// Lets virtual time pass.
fn run(pair: &mut [Option<Node>; 2], now: &mut Instant, millis: u64) {
    let end = now.after(Duration::from_millis(millis));
    while *now < end {
        *now = now.after(TICK);
        let [alpha, bravo] = pair;
        step(alpha, bravo, *now);
        step(bravo, alpha, *now);
    }
}

/// The work of a port: time, datagrams, effects, events.
fn step(this: &mut Option<Node>, other: &mut Option<Node>, now: Instant) {
    let Some(this) = this else { return };
    if this.engine.next_deadline().is_some_and(|deadline| deadline <= now) {
        this.engine.advance(now);
    }
    let mut buffer = [0; 1500];
    while let Some(transmit) = this.engine.poll_transmit(&mut buffer) {
        let bytes = buffer.get(..transmit.len).unwrap_or_default();
        for link in transmit.links.iter() {
            if let Some(other) = other.as_mut() {
                other.receive(now, link, bytes);
            }
        }
    }
    while let Some((ticket, effect)) = this.engine.poll_effect() {
        match effect {
            Effect::Acquire(_) => this.owns = true,
            Effect::Release(_) => this.owns = false,
            Effect::Announce(_) | Effect::Escalate(_) | Effect::Fence(_) => {}
        }
        this.engine.complete(now, Ticket::from_raw(ticket.into_raw()), Outcome::Done);
    }
    while let Some(event) = this.engine.poll_event() {
        this.active |= event == Event::Active;
    }
}

impl Node {
    fn receive(&mut self, now: Instant, link: LinkId, bytes: &[u8]) {
        if link != SERIAL {
            let _ = self.engine.handle(now, link, bytes);
            return;
        }
        let mut input = bytes;
        while let Some(message) = self.line.push(&mut input) {
            let _ = self.engine.handle(now, link, message);
        }
    }
}

fn owns(pair: &[Option<Node>; 2], index: usize) -> bool {
    pair.get(index).and_then(Option::as_ref).is_some_and(|node| node.owns)
}

fn looks_right(pair: &[Option<Node>; 2]) -> bool {
    let [Some(alpha), Some(_)] = pair else { return false };
    let engine = &alpha.engine;
    engine.nodes().count() == 2
        && engine.groups().len() == 1
        && engine.stats().received > 100
        && engine.node(engine.local()).is_some_and(|me| me.name.as_str() == "alpha")
        && engine.generation() == Generation(1)
        && !engine.is_congested()
        && alpha.active
        && Carrier::Present != Carrier::Absent
}

/// A byte stream through the trait that drivers of serial ports implement.
fn reads_from_a_device() -> bool {
    let stream: &[u8] = b"noise\n>>>\nt=status\n<<<\n";
    let mut source = FrameSource::<_, 256, 8>::new(stream);
    for _ in 0..stream.len() {
        match source.read() {
            Ok(Some(message)) => return message.starts_with(b">>>"),
            Ok(None) => {}
            Err(infallible) => match infallible {},
        }
    }
    false
}
