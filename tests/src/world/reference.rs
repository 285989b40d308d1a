//! A model of a 3.0.6 node, for worlds with two nodes: it sends the same packets, at the same pace, and moves groups by
//! the same rules (docs/protocol/wire.md 7 and 8, docs/protocol/resources.md 1).
//!
//! The model is simpler: scripts run one after the other; resources never fail to start or to stop; it sends only the
//! messages that a peer acts on; and a heartbeat that comes just before its sender would be declared dead is not late.
//! only those that a peer acts upon are sent, and a heartbeat that comes just before its sender would be declared dead is not late.

mod membership;
mod resources;
mod talk;

use super::engine::Start;
use super::random::Random;
use super::schedule::{Medium, Site};
use hbcore::id::{LinkId, LinkSet, NodeId, Sequence};
use hbcore::internals::{History, Window};
use hbcore::node::NodeState;
use hbcore::takeover::Effect;
use hbcore::time::{Duration, Instant, earliest};
use hbcore::wire::Keys;
use hbcore::{Event, Request, Transmit};
use resources::Resources;
use std::collections::VecDeque;

/// Received messages wait until some timer wakes the loop: at the latest, this one (docs/protocol/resources.md 1.1).
const HOUSEKEEPING: Duration = Duration::from_millis(500);
/// The interval between two checks for deaths.
const POLL: Duration = Duration::from_millis(250);
/// After the start, the announced deadtime is longer for this long (docs/protocol/wire.md 8.3).
const PADDING: Duration = Duration::from_secs(2);
const PADDED_FOR: Duration = Duration::from_secs(5);

/// The progress of joining.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Communication {
    Waiting,
    Asking { again: Instant },
    Up,
}

/// The other node.
struct Peer {
    state: NodeState,
    status_at: Instant,
    status_seq: Sequence,
    deadtime: Duration,
    heard: bool,
    window: Window,
    ask_at: Option<Instant>,
}

/// The progress of leaving.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaving {
    /// It is not leaving.
    No,
    /// It will leave as soon as nothing moves.
    Wanted { at: Instant, restart: bool },
    /// Groups are being stopped.
    Stopping { restart: bool },
    /// `shutdone` was sent; the heartbeat goes on for a second.
    Said { until: Instant, restart: bool },
    /// It has ended.
    Gone { restart: bool },
}

/// A 3.0.6 node.
pub(crate) struct Reference {
    me: usize,
    other: usize,
    keepalive: Duration,
    deadtime: Duration,
    initdead: Duration,
    keys: Keys<1>,
    datagram_links: LinkSet,
    serial_links: LinkSet,
    generation: u64,
    started: Instant,
    now: Instant,
    wall: (Instant, u64),
    random: Random,
    residue: u64,
    inbox: VecDeque<Vec<u8>>,
    history: Box<History<32768>>,
    unnumbered: VecDeque<Vec<u8>>,
    ready: VecDeque<(LinkSet, Vec<u8>)>,
    events: VecDeque<Event>,
    state: NodeState,
    padding: Duration,
    communication: Communication,
    peer: Peer,
    next_heartbeat: Instant,
    next_wake: Instant,
    next_poll: Instant,
    resources: Resources,
    leaving: Leaving,
}

impl Reference {
    pub(crate) fn new(site: &Site, start: &Start) -> Self {
        let links = |serial: bool| {
            let mut set = LinkSet::EMPTY;
            let wanted = site.links.iter().enumerate().filter(|(_, medium)| (**medium == Medium::Serial) == serial);
            wanted.for_each(|(n, _)| set.insert(LinkId(n as u8)));
            set
        };
        let ms = Duration::from_millis;
        let mut random = Random::new(start.seed, 2);
        let now = start.now;
        let mut model = Self {
            me: start.node,
            other: 1 - start.node,
            keepalive: ms(site.keepalive),
            deadtime: ms(site.deadtime),
            initdead: ms(site.initdead),
            keys: super::engine::keys(site),
            datagram_links: links(false),
            serial_links: links(true),
            generation: start.generation,
            started: now,
            now,
            wall: (now, start.wall),
            residue: random.below(10),
            random,
            inbox: VecDeque::new(),
            history: Box::new(History::new()),
            unnumbered: VecDeque::new(),
            ready: VecDeque::new(),
            events: VecDeque::new(),
            state: NodeState::Init,
            padding: PADDING,
            communication: Communication::Waiting,
            peer: Peer {
                state: NodeState::Init,
                status_at: now,
                status_seq: Sequence(0),
                deadtime: ms(site.deadtime),
                heard: false,
                window: Window::default(),
                ask_at: None,
            },
            next_heartbeat: now.after(ms(site.keepalive)),
            next_wake: now,
            next_poll: now,
            resources: Resources::new(start.node, &site.groups, site.failback),
            leaving: Leaving::No,
        };
        model.say_status();
        model.state = NodeState::Up;
        model.say_status();
        model.say_status();
        model
    }

    /// A datagram is in the receive queue from now on.
    pub(crate) fn handle(&mut self, bytes: &[u8]) {
        self.inbox.push_back(bytes.to_vec());
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        match self.leaving {
            Leaving::Gone { .. } => None,
            _ => earliest([Some(self.next_wake), Some(self.next_heartbeat)]),
        }
    }

    /// Wakes up, if it is time.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.next_deadline().is_none_or(|at| at > self.now) {
            return;
        }
        let jitter = Duration::from_micros(self.random.below(50_000));
        self.next_wake = self.now.after(HOUSEKEEPING + jitter);
        if self.now >= self.next_heartbeat {
            if self.now.since(self.next_heartbeat) > self.deadtime && self.leaving == Leaving::No {
                // "No local heartbeat": it was stopped for too long, and restarts itself (docs/protocol/wire.md 8.5).
                self.leaving = Leaving::Wanted { at: self.now, restart: true };
            }
            self.next_heartbeat = self.now.after(self.keepalive);
            self.say_status();
        }
        if !self.padding.is_zero() && self.now.since(self.started) >= PADDED_FOR && self.leaving == Leaving::No {
            self.padding = Duration::ZERO;
            self.say_status();
        }
        while let Some(bytes) = self.inbox.pop_front() {
            self.receive(&bytes);
        }
        self.ask_to_repeat();
        self.look_after_the_peer();
        self.resource_timers();
        self.go_on_leaving();
    }

    pub(crate) fn request(&mut self, now: Instant, request: Request) -> bool {
        self.now = self.now.max(now);
        match request {
            Request::Standby(class) => self.ask_standby(class),
            Request::Leave if self.leaving == Leaving::No => {
                self.leaving = Leaving::Wanted { at: self.now, restart: false };
                true
            }
            _ => false,
        }
    }

    pub(crate) fn set_wall_clock(&mut self, now: Instant, wall: u64) {
        self.wall = (now, wall);
    }

    pub(crate) fn poll_transmit(&mut self, out: &mut [u8]) -> Option<Transmit> {
        let (links, bytes) = self.next_ready()?;
        out[..bytes.len()].copy_from_slice(&bytes);
        Some(Transmit { links, len: bytes.len() })
    }

    pub(crate) fn poll_effect(&mut self) -> Option<(u32, Effect)> {
        self.resources.effects.pop_front()
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn peer_is_dead(&self) -> bool {
        self.peer.state == NodeState::Dead
    }

    pub(crate) fn is_active(&self) -> bool {
        self.communication == Communication::Up
    }

    /// The delay of the restart, if it ended in order to restart.
    pub(crate) fn restarts_after(&self) -> Option<Duration> {
        let restart = matches!(self.leaving, Leaving::Gone { restart: true });
        restart.then(|| Duration::from_secs(self.deadtime.as_secs() + 2))
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.leaving == Leaving::No && self.communication == Communication::Up && self.resources.is_settled()
    }

    fn go_on_leaving(&mut self) {
        match self.leaving {
            Leaving::Wanted { at, restart } if self.now >= at && self.resources.may_leave() => {
                self.leaving = Leaving::Stopping { restart };
                self.give_up();
            }
            Leaving::Said { until, restart } if self.now >= until => {
                self.leaving = Leaving::Gone { restart };
                self.events.push_back(Event::Left);
            }
            _ => {}
        }
    }

    /// All groups are stopped. Before a restart it announces a longer deadtime.
    fn gave_up(&mut self) {
        let Leaving::Stopping { restart } = self.leaving else { return };
        self.say(&[("t", "shutdone"), ("st", "dead")]);
        if restart {
            self.padding = Duration::from_secs(30);
            self.say_status();
        }
        self.leaving = Leaving::Said { until: self.now.after(Duration::from_secs(2)), restart };
    }

    fn died(&mut self) {
        self.events.push_back(Event::NodeDead(NodeId(self.other as u8)));
    }
}
