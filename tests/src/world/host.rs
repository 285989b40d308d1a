//! A machine: its clock, its daemon, its groups, and the few tasks of a port around the engine.

mod crash;
mod effects;
mod reload;
mod script;
mod vanish;

use super::engine::{EPOCH, Engine, name};
use super::random::Random;
use super::rule::Rule;
use super::schedule::{File, Kind, Site};
use super::story::{Happening, named};
use super::{Bug, Due, ORIGIN, World};
use hbcore::id::{LinkId, LinkSet, NodeId, Sequence};
use hbcore::takeover::{Outcome, Phase};
use hbcore::time::{Duration, Instant};
use hbcore::wire::{FrameReader, Header, MessageType, open};
use hbcore::{DatagramError, Event};
use std::collections::VecDeque;
use std::rc::Rc;

/// The number of datagrams that wait in the sockets of a daemon that does not read.
const SOCKET: usize = 256;
/// A timer that fires this often within `SPAN` does not advance the engine.
const FIRES: u32 = 64;
const SPAN: Duration = Duration::from_millis(10);
/// The most outputs of one input: two batches of retransmissions, refusals, and the messages of the takeover.
const OUTPUTS: usize = 400;

/// The longest time that a fencing device takes, in milliseconds.
pub(crate) const FENCING: u64 = 2000;

/// The world's knowledge about a message.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    pub(crate) from: usize,
    pub(crate) kind: MessageType,
    pub(crate) seq: Option<Sequence>,
    pub(crate) generation: u64,
    pub(crate) deadtime: Option<Duration>,
}

/// Bytes under way.
#[derive(Clone)]
pub(crate) struct Packet {
    pub(crate) bytes: Rc<[u8]>,
    /// None for bytes of a serial line.
    pub(crate) meta: Option<Rc<Meta>>,
    pub(crate) damaged: bool,
}

/// The kind of an engine's input.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Time passed.
    Time,
    Message(MessageType),
    Request,
    /// An effect has ended.
    End,
    /// A group lacks something.
    Lost,
}

impl Cause {
    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Message(MessageType::Starting) => "starting",
            Self::Message(MessageType::Resource) => "report",
            Self::Message(MessageType::AskResources) => "step",
            Self::Message(MessageType::HbTakeover) => "wish",
            Self::Message(MessageType::Shutdone) => "shutdone",
            Self::Message(MessageType::Status) => "status",
            Self::Message(_) => "another message",
            Self::Request => "request",
            Self::End => "end of an effect",
            Self::Lost => "loss",
        }
    }
}

/// A script that is running.
#[derive(Clone, Copy)]
struct Script {
    group: usize,
    serial: u64,
    work: Work,
    ending: Ending,
    began: Instant,
}

/// The end of a script.
#[derive(Clone, Copy)]
struct Ending {
    /// The outcome that the port sees and reports.
    outcome: Outcome,
    /// The truth: some part of the group runs on.
    leaves: bool,
}

/// The work on a group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Start,
    Stop,
    /// A group that could not be stopped is stopped by force, or ends with the machine.
    Escalate,
}

/// A group as it really is on this machine.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact, not a state")]
pub(crate) struct Real {
    /// Some part of it may run.
    pub(crate) holding: bool,
    /// All of it runs.
    pub(crate) serving: bool,
    script: Option<Script>,
    /// It runs, and lacks something that cannot be restored now.
    pub(crate) lacks: bool,
    /// Its last start failed.
    pub(crate) failed: bool,
    /// A daemon that was killed has left it, and since then it was not seen stopped, or running properly.
    pub(crate) left_over: bool,
}

pub(crate) struct Host {
    node: usize,
    drift: i64,
    lateness: u64,
    pub(crate) random: Random,
    pub(crate) engine: Option<Box<Engine>>,
    /// Counts the starts, so that scripts of an earlier start are recognised.
    pub(crate) run: u64,
    pub(crate) generation: u64,
    pub(crate) started: Instant,
    /// The error of the wall clock in seconds.
    pub(crate) wall_error: i64,
    pub(crate) paused: bool,
    pub(crate) inbox: VecDeque<(usize, Packet)>,
    ended_scripts: VecDeque<(u32, Outcome)>,
    cables: Vec<FrameReader<4096>>,
    pub(crate) real: Vec<Real>,
    wake: Option<Instant>,
    counted_from: Instant,
    fired: u32,
    tickets: u64,
    /// The highest number that the daemon has sent.
    pub(crate) newest_sent: Sequence,
    /// It will start on its own.
    pub(crate) will_restart: bool,
    /// Its `haresources`.
    pub(crate) file: File,
    /// Its daemon was killed, and the groups that it had started may run on.
    pub(crate) crashed: bool,
}

impl Host {
    pub(crate) fn new(site: &Site, node: usize, noise: u64) -> Self {
        Self {
            node,
            drift: site.drift[node],
            lateness: site.lateness,
            random: Random::new(noise, 100 + node as u64),
            engine: None,
            run: 0,
            generation: 0,
            started: ORIGIN,
            wall_error: 0,
            paused: false,
            inbox: VecDeque::new(),
            ended_scripts: VecDeque::new(),
            cables: site.links.iter().map(|_| FrameReader::new()).collect(),
            real: vec![Real::default(); site.groups.len()],
            wake: None,
            counted_from: ORIGIN,
            fired: 0,
            tickets: 0,
            newest_sent: Sequence(0),
            will_restart: false,
            file: if node == 0 { File::First } else { File::Second },
            crashed: false,
        }
    }

    /// The time at which its timer fires next.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        self.wake.filter(|_| self.engine.is_some() && !self.paused)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.engine.is_some()
    }

    fn is_leaving(&self) -> bool {
        let ours = self.engine.as_deref().and_then(Engine::ours);
        ours.is_some_and(|ours| ours.takeover().phase() == Phase::Leaving)
    }

    /// The machine's monotonic clock.
    pub(crate) fn local(&self, now: Instant) -> Instant {
        let gained = now.as_micros().cast_signed() / 1_000_000 * self.drift
            + now.as_micros().cast_signed() % 1_000_000 * self.drift / 1_000_000;
        Instant::from_micros(now.as_micros().saturating_add_signed(gained))
    }

    /// The first time at which that clock shows `local` or more.
    fn global(&self, local: Instant) -> Instant {
        let second = 1_000_000;
        let elapsed = local.as_micros() * second / second.saturating_add_signed(self.drift);
        // Both roundings go down, and by less than two microseconds together.
        let mut at = Instant::from_micros(elapsed.saturating_sub(2));
        while self.local(at) < local {
            at = at.after(Duration::from_micros(1));
        }
        at
    }

    /// The wall clock of the machine, in seconds since 1970.
    pub(crate) fn wall(&self, now: Instant) -> u64 {
        (EPOCH + now.since(ORIGIN).as_secs()).saturating_add_signed(self.wall_error)
    }

    pub(crate) fn advance(&mut self, local: Instant) {
        if let Some(engine) = &mut self.engine {
            engine.advance(local);
        }
    }

    /// The timer fires. Returns false if it fires again and again.
    fn fire(&mut self, local: Instant) -> bool {
        if local.since(self.counted_from) >= SPAN {
            self.counted_from = local;
            self.fired = 0;
        }
        self.fired += 1;
        self.advance(local);
        self.fired < FIRES
    }

    /// Arms the timer.
    fn arm(&mut self, now: Instant, bug: Option<Bug>, deadtime: u64) {
        let Some(deadline) = self.engine.as_ref().and_then(|engine| engine.next_deadline()) else {
            self.wake = None;
            return;
        };
        let late = Duration::from_micros(self.random.below(self.lateness + 1));
        let mut at = self.global(deadline).max(now).after(late);
        if bug == Some(Bug::LateTimer) {
            at = at.after(Duration::from_millis(deadtime / 5));
        }
        self.wake = Some(at);
    }

    pub(crate) fn power_off(&mut self) {
        self.end_daemon();
        self.crashed = false;
        self.real.iter_mut().for_each(|real| *real = Real::default());
    }

    /// Ends the daemon, which forgets everything.
    fn end_daemon(&mut self) {
        self.engine = None;
        self.wake = None;
        self.paused = false;
        self.inbox.clear();
        self.ended_scripts.clear();
        self.cables.iter_mut().for_each(|cable| *cable = FrameReader::new());
    }
}

impl World<'_> {
    /// Gives an input to a node, then processes its outputs.
    pub(crate) fn input(&mut self, node: usize, cause: Cause, input: impl FnOnce(&mut Host, Instant)) {
        let host = &mut self.hosts[node];
        if host.engine.is_none() || host.paused {
            return;
        }
        let local = host.local(self.now);
        input(host, local);
        self.drain(node, cause);
    }

    pub(crate) fn timer(&mut self, node: usize) {
        let mut rests = true;
        self.input(node, Cause::Time, |host, local| rests = host.fire(local));
        if !rests {
            self.fail(Rule::Rest, format!("{} is never content", name(node)));
        }
    }

    fn drain(&mut self, node: usize, cause: Cause) {
        let mut outputs = 0;
        let mut buffer = [0; 4096];
        while let Some((ticket, effect)) = self.hosts[node].engine.as_mut().and_then(|engine| engine.poll_effect()) {
            self.begin_effect(node, ticket, effect);
            outputs += 1;
        }
        while let Some(transmit) = self.hosts[node].engine.as_mut().and_then(|e| e.poll_transmit(&mut buffer)) {
            self.transmit(node, transmit.links, &buffer[..transmit.len]);
            outputs += 1;
        }
        while let Some(event) = self.hosts[node].engine.as_mut().and_then(|engine| engine.poll_event()) {
            self.heard_event(node, event);
            outputs += 1;
        }
        // The real 3.0.6 refuses each number of a request separately.
        if outputs > OUTPUTS && self.schedule.site.nodes[node] == Kind::Ours {
            self.fail(Rule::BoundedWork, format!("{outputs} outputs of one input of {}", name(node)));
        }
        self.counting.after_input(node, self.hosts[node].engine.as_deref(), cause);
        let (now, bug, deadtime) = (self.now, self.options.planted, self.schedule.site.deadtime);
        self.hosts[node].arm(now, bug, deadtime);
    }

    fn transmit(&mut self, from: usize, links: LinkSet, bytes: &[u8]) {
        let Some(meta) = self.meta(bytes) else {
            return self.fail(Rule::UnderstandsItself, format!("{} sends what is no packet", name(from)));
        };
        let newest = self.hosts[from].newest_sent;
        self.hosts[from].newest_sent = newest.max(meta.seq.unwrap_or_default());
        if self.options.planted == Some(Bug::NoRepeats) && meta.seq.is_some_and(|seq| seq < newest) {
            return;
        }
        if self.options.planted == Some(Bug::SkippedSequence) && meta.seq.is_some_and(|seq| seq.0 % 64 == 63) {
            return;
        }
        let label = if self.options.record { label(bytes, &self.keys) } else { String::new() };
        let is_routine = matches!(meta.kind, MessageType::Status | MessageType::Ack);
        let meta = Rc::new(meta);
        let bytes: Rc<[u8]> = bytes.into();
        for link in links.iter().map(|link| usize::from(link.0)) {
            let medium = self.schedule.site.links[link];
            if medium == super::Medium::Serial && !bytes.starts_with(b">>>") {
                self.fail(Rule::UnderstandsItself, format!("{} puts a datagram on a cable", name(from)));
            }
            for to in 0..self.hosts.len() {
                if to == from && medium != super::Medium::Broadcast {
                    continue;
                }
                let arrivals = self.network.carry(self.now, from, to, link, &bytes);
                if self.options.record && to != from {
                    let first = arrivals.iter().map(|arrival| arrival.at.since(ORIGIN)).min();
                    let label = label.clone();
                    self.record(|| Happening::Sent { from, to, link, arrives: first, label, is_routine });
                }
                let on_cable = medium == super::Medium::Serial;
                for arrival in arrivals {
                    let meta = (!on_cable).then(|| Rc::clone(&meta));
                    let packet = Packet { bytes: arrival.bytes, meta, damaged: arrival.damaged };
                    self.plan(arrival.at, Due::Packet { to, link, packet });
                }
            }
        }
    }

    fn meta(&self, bytes: &[u8]) -> Option<Meta> {
        let header = Header::parse(open(bytes, &self.keys).ok()?).ok()?;
        let from = (0..self.hosts.len()).find(|n| name(*n).as_bytes() == header.src)?;
        Some(Meta {
            from,
            kind: header.kind,
            seq: header.seq,
            generation: header.generation.0,
            deadtime: header.deadtime_ms.map(Duration::from_millis),
        })
    }

    /// A packet arrives at a machine.
    pub(crate) fn arrive(&mut self, to: usize, link: usize, packet: Packet) {
        let host = &mut self.hosts[to];
        if host.engine.is_none() {
            return;
        }
        if host.paused {
            if host.inbox.len() < SOCKET {
                host.inbox.push_back((link, packet));
            }
            return;
        }
        let cause = self.read(to, link, &packet);
        self.drain(to, cause);
    }

    /// The daemon reads a packet.
    pub(crate) fn read(&mut self, to: usize, link: usize, packet: &Packet) -> Cause {
        if let Some(meta) = &packet.meta {
            self.handle(to, link, packet);
            return Cause::Message(meta.kind);
        }
        let mut cause = Cause::Time;
        let mut rest = &packet.bytes[..];
        while let Some(frame) = self.hosts[to].cables[link].push(&mut rest).map(Rc::from) {
            let meta = self.meta(&frame).map(Rc::new);
            cause = meta.as_ref().map_or(cause, |meta| Cause::Message(meta.kind));
            // Broken frames occur on a serial line that has noise now, or had it just before.
            self.handle(to, link, &Packet { bytes: frame, damaged: meta.is_none(), meta });
        }
        cause
    }

    fn handle(&mut self, to: usize, link: usize, packet: &Packet) {
        let local = self.hosts[to].local(self.now);
        let is_ours = self.schedule.site.nodes[to] == Kind::Ours;
        if let Some(meta) = packet.meta.as_ref().filter(|meta| is_ours && !packet.damaged && meta.from != to) {
            self.heard(to, meta);
        }
        let Some(engine) = self.hosts[to].engine.as_mut() else { return };
        let result = engine.handle(local, LinkId(link as u8), &packet.bytes);
        match (&packet.meta, result) {
            (Some(meta), Ok(received)) if is_ours && meta.from != to => {
                self.delivered(to, meta, received);
            }
            (_, Ok(_) | Err(DatagramError::Replayed)) => {}
            (_, Err(_)) if packet.damaged => {}
            (meta, Err(error)) => self.fail(Rule::UnderstandsItself, format!("{} on {meta:?}: {error}", name(to))),
        }
    }

    /// Ends a pause: the daemon reads the waiting packets; sometimes it looks at its timer first. The engine must be
    /// called after the packets were read. It detects only a call that is late by a quarter of its deadtime.
    pub(crate) fn resume(&mut self, node: usize) {
        let host = &mut self.hosts[node];
        host.paused = false;
        let wanted = host.engine.as_ref().and_then(|engine| engine.next_deadline());
        let late = wanted.map_or(Duration::ZERO, |wanted| host.local(self.now).since(wanted));
        let timer_first = host.random.percent(50) && late > Duration::from_millis(self.schedule.site.deadtime) / 4;
        if self.options.planted == Some(Bug::HiddenStall) {
            self.live_through(node);
        } else if timer_first {
            self.input(node, Cause::Time, Host::advance);
        }
        while let Some((link, packet)) = self.hosts[node].inbox.pop_front() {
            let cause = self.read(node, link, &packet);
            self.drain(node, cause);
        }
        while let Some((ticket, outcome)) = self.hosts[node].ended_scripts.pop_front() {
            self.completed(node, ticket, outcome);
        }
        self.input(node, Cause::Time, Host::advance);
    }

    /// The planted bug: the engine is called for each deadline that was missed, as if it were not late.
    fn live_through(&mut self, node: usize) {
        let until = self.hosts[node].local(self.now);
        for _ in 0..1000 {
            let next = self.hosts[node].engine.as_ref().and_then(|engine| engine.next_deadline());
            let Some(next) = next.filter(|next| *next <= until) else { return };
            self.hosts[node].advance(next);
            self.drain(node, Cause::Time);
        }
    }

    fn heard_event(&mut self, node: usize, event: Event) {
        self.record(|| Happening::Said { node, text: named(&format!("{event:?}")) });
        let is_ours = self.schedule.site.nodes[node] == Kind::Ours;
        match event {
            Event::CommunicationUp if is_ours => self.joined(node),
            Event::NodeDead(NodeId(other)) if is_ours => self.declared_dead(node, usize::from(other)),
            Event::LostTooMany { node: NodeId(other), .. } => self.delivery.given_up(node, usize::from(other)),
            Event::RepeatRefused(NodeId(other), seq) => self.delivery.refused(node, usize::from(other), seq),
            Event::Left => self.left(node),
            Event::Resource(notice) if is_ours => {
                self.counting.seen.note(notice);
                self.counting.coverage.notice(notice);
            }
            _ => {}
        }
    }
}

/// A short label for a diagram.
fn label(bytes: &[u8], keys: &hbcore::wire::Keys<1>) -> String {
    let Some(header) = open(bytes, keys).ok().and_then(|message| Header::parse(message).ok()) else {
        return String::new();
    };
    let text = |field: Option<&[u8]>| field.map(|f| format!(" {}", String::from_utf8_lossy(f))).unwrap_or_default();
    let mut label = String::from_utf8_lossy(header.type_name).into_owned();
    label += &text(header.status);
    label += &text(header.rsc_hold);
    label += if header.isstable == Some(b"1") { " stable" } else { "" };
    label += &text(header.info);
    label += &text(header.firstseq);
    label
}
