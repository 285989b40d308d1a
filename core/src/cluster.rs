//! The engine: inputs in, outputs polled, one deadline.

mod advance;
mod clients;
mod compressed;
mod config;
mod congestion;
mod directory;
mod event;
mod inbound;
mod line;
mod membership;
mod outbound;
mod resources;

pub use crate::told::Told;
pub use clients::{Field, MessageError};
pub use config::{Config, ConfigError, GroupConfig, NodeConfig};
#[cfg(not(feature = "small"))]
pub use config::{Found, Introduction, Resume};
pub use event::{Carrier, EVENTS, Event, Received, Request, RequestError, Transmit};

use core::mem::MaybeUninit;

use crate::history::History;
use crate::id::{Generation, LinkId, LinkSet, NodeId, NodeName, Sequence, Uuid};
use crate::node::{Node, NodeState};
use crate::random::Random;
use crate::settings::{Autojoin, HeartbeatFormat, LinkForm, NodeKind, Timing};
use crate::stats::{Stats, bump};
use crate::takeover::{Group, Takeover};
use crate::time::{Duration, Instant};
use crate::wire::{Form, Keys};
use directory::Directory;
use line::Line;

/// The largest number of nodes that any engine can hold: 128, and 8 with the feature `small`; the reference has 100.
pub const MAX_NODES: usize = if cfg!(feature = "small") { 8 } else { 128 };
/// The largest number of links that any engine can hold.
pub const MAX_LINKS: usize = 64;

/// The progress of a starting node in learning the members of the cluster (docs/protocol/wire.md 8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Communication {
    /// Some node was neither heard nor declared dead.
    Waiting,
    /// A node was asked for the list of nodes.
    Asking { node: NodeId, again: Instant, left: u8 },
    /// Complete: we are active.
    Up,
}

/// One node's view of the whole cluster.
///
/// The macro [`cluster!`](crate::cluster!) names the capacities: `NODES` (at most [`MAX_NODES`]) with ping nodes,
/// `LINKS` (at most 64), `GROUPS` resource groups, `HISTORY` bytes of messages kept for retransmission, `KEYS` entries
/// of `authkeys`. [`Cluster::new`] refuses a
/// configuration that exceeds them. Nodes that want to join later and find no room are counted in
/// [`Stats::nodes_refused`].
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact, not a state")]
pub struct Cluster<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
{
    keys: Keys<KEYS>,
    local: NodeId,
    nodes: heapless::Vec<Node<LINKS>, NODES>,
    directory: Directory,
    links: heapless::Vec<LinkForm, LINKS>,
    datagram_links: LinkSet,
    serial_links: LinkSet,
    takeover: Takeover<GROUPS>,
    /// Number of our newest report about resources.
    report_seq: Sequence,
    manage_resources: bool,
    timing: Timing,
    hopfudge: u8,
    autojoin: Autojoin,
    heartbeat: HeartbeatFormat,
    auth_field: bool,
    generation: Generation,
    history: History<HISTORY>,
    random: Random,
    now: Instant,
    wall_seconds: u64,
    wall_at: Instant,
    communication: Communication,
    left: bool,
    next_heartbeat: Instant,
    /// No node or link can be due before this. Packets only move deadlines to later times, so they do not change it.
    liveness_at: Instant,
    /// A stall was reported; the verdicts that it delayed come with the next `advance`.
    stalled: bool,
    /// After a stall of ours, no node is declared dead before this: the cause of our stall may have stopped the others
    /// too.
    patience_until: Instant,
    /// Some member does not speak the version of the protocol that has acknowledgements.
    no_flow_control: bool,
    /// Nodes with acknowledgements, requests or refusals to be sent.
    service: u128,
    pings_due: LinkSet,
    serial_pending: bool,
    /// The item just written to a node over datagrams, which must still go out over the serial lines.
    service_pending: Option<(NodeId, outbound::Service)>,
    line: Line,
    events: heapless::Deque<Event, EVENTS>,
    stats: Stats,
}

/// The longest time for which a starting node distrusts a first report: a 3.0.6 sends a newer one within half a second,
/// and a heartbeat shows the newest number sooner.
const DOUBT: Duration = Duration::from_millis(500);

/// A node as the engine sees it.
#[derive(Clone, Copy, Debug)]
pub struct NodeView<'a> {
    /// Its id.
    pub id: NodeId,
    /// Its name.
    pub name: &'a NodeName,
    /// Its kind.
    pub kind: NodeKind,
    /// Its state.
    pub state: &'a NodeState,
    /// Its identity; nil if not known.
    pub uuid: Uuid,
    /// The run in which it was last heard; 0 if never.
    pub generation: Generation,
    /// The time without a status after which it counts as dead.
    pub deadtime: Duration,
    /// Its weight in quorum decisions.
    pub weight: u32,
    /// The links on which it is heard.
    pub links_up: LinkSet,
    /// The number of its messages that are missing.
    pub missing: u32,
    /// The facts that it has told about itself, if it runs hbcore.
    pub told: &'a Told,
}

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// An engine without a configuration. It is all zeros, so that [`Cluster::new_in`] makes it in its final place; the
    /// firmware has no room for a copy.
    const BLANK: Self = Self {
        keys: Keys::new(),
        local: NodeId(0),
        nodes: heapless::Vec::new(),
        directory: Directory::new(),
        links: heapless::Vec::new(),
        datagram_links: LinkSet::EMPTY,
        serial_links: LinkSet::EMPTY,
        takeover: Takeover::BLANK,
        report_seq: Sequence(0),
        manage_resources: false,
        timing: Timing::ZERO,
        hopfudge: 0,
        autojoin: Autojoin::None,
        heartbeat: HeartbeatFormat::Compact,
        auth_field: false,
        generation: Generation(0),
        history: History::new(),
        random: Random::BLANK,
        now: Instant::ZERO,
        wall_seconds: 0,
        wall_at: Instant::ZERO,
        communication: Communication::Waiting,
        left: false,
        next_heartbeat: Instant::ZERO,
        liveness_at: Instant::ZERO,
        stalled: false,
        patience_until: Instant::ZERO,
        no_flow_control: false,
        service: 0,
        pings_due: LinkSet::EMPTY,
        serial_pending: false,
        service_pending: None,
        line: Line::UNKNOWN,
        events: heapless::Deque::new(),
        stats: Stats::NONE,
    };

    /// Makes an engine and writes its first two messages: a status `init` and a status `up` (docs/protocol/wire.md
    /// 8.3). `unix_seconds` is the wall clock at `now`.
    pub fn new(config: &Config<'_>, keys: Keys<KEYS>, now: Instant, unix_seconds: u64) -> Result<Self, ConfigError> {
        Self::check(config, &keys)?;
        let mut cluster = Self::BLANK;
        cluster.start(config, keys, now, unix_seconds);
        Ok(cluster)
    }

    /// As [`Cluster::new`], in the place where the engine will stay: a small stack has no room to move it from.
    pub fn new_in<'p>(
        place: &'p mut MaybeUninit<Self>,
        config: &Config<'_>,
        keys: Keys<KEYS>,
        now: Instant,
        unix_seconds: u64,
    ) -> Result<&'p mut Self, ConfigError> {
        Self::check(config, &keys)?;
        let cluster = place.write(Self::BLANK);
        cluster.start(config, keys, now, unix_seconds);
        Ok(cluster)
    }

    fn check(config: &Config<'_>, keys: &Keys<KEYS>) -> Result<(), ConfigError> {
        config.timing.check()?;
        check(config, keys)?;
        if config.nodes.len() > NODES.min(MAX_NODES) {
            return Err(ConfigError::TooManyNodes);
        }
        if config.links.len() > LINKS.min(MAX_LINKS) {
            return Err(ConfigError::TooManyLinks);
        }
        if config.groups.len() > GROUPS { Err(ConfigError::TooManyGroups) } else { Ok(()) }
    }

    fn start(&mut self, config: &Config<'_>, keys: Keys<KEYS>, now: Instant, unix_seconds: u64) {
        self.keys = keys;
        self.local = config.local;
        self.links.extend(config.links.iter().copied());
        self.datagram_links = links_of(config.links, |l| matches!(l, LinkForm::Datagram));
        self.serial_links = links_of(config.links, |l| matches!(l, LinkForm::Serial { .. }));
        let homes = config.groups.iter().map(|group| group.home);
        self.takeover.begin(config.local, homes, config.auto_failback, config.effect_limit);
        self.manage_resources = config.manage_resources;
        self.timing = config.timing;
        self.hopfudge = config.hopfudge;
        self.autojoin = config.autojoin;
        self.heartbeat = config.heartbeat;
        self.auth_field = config.auth_field;
        self.generation = config.generation;
        self.random = Random::new(config.seed);
        self.now = now;
        self.wall_seconds = unix_seconds;
        self.wall_at = now;
        self.next_heartbeat = now.after(config.timing.keepalive);
        self.liveness_at = now;
        self.patience_until = now;
        for node in config.nodes {
            if let Some(id) = self.add_node(&node.name, node.kind)
                && let Some(added) = self.node_mut(id)
            {
                added.uuid = node.uuid;
            }
        }
        self.takeover.set_doubt(config.timing.keepalive.min(DOUBT));
        let deadtime = self.timing.deadtime;
        let generation = self.generation;
        if let Some(me) = self.node_mut(self.local) {
            me.heard = true;
            me.deadtime = deadtime;
            me.window.generation = generation;
        }
        self.begin_groups(config, now);
        self.say_status();
        if let Some(me) = self.node_mut(self.local) {
            me.state = NodeState::Up;
        }
        self.say_status();
        for link in config.links {
            if let LinkForm::Serial { baud } = link {
                self.line.add(*baud);
            }
        }
        self.check_communication();
    }

    /// Sets the wall clock, for the time stamps of messages. Call it at the start, and after the clock was set.
    pub fn set_wall_clock(&mut self, now: Instant, unix_seconds: u64) {
        self.wall_at = now;
        self.wall_seconds = unix_seconds;
    }

    /// Replaces the keys: the next message is signed with the new ones (docs/protocol/wire.md 4.3, SIGHUP).
    pub fn set_keys(&mut self, keys: Keys<KEYS>) -> Result<(), ConfigError> {
        if keys.signing_index().is_none() {
            return Err(ConfigError::NoSigningKey);
        }
        self.keys = keys;
        Ok(())
    }

    /// Reports that the carrier of a link came or went. It only makes an event; the nodes on the link age as ever.
    pub fn link_changed(&mut self, now: Instant, link: LinkId, carrier: Carrier) {
        self.set_now(now);
        if self.links.get(usize::from(link.0)).is_some() {
            self.event(Event::Carrier(link, carrier));
        }
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The id of the local node.
    pub fn local(&self) -> NodeId {
        self.local
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> Option<NodeView<'_>> {
        self.nodes.get(usize::from(id.0)).map(|node| NodeView {
            id,
            name: &node.name,
            kind: node.kind,
            state: &node.state,
            uuid: node.uuid,
            generation: node.window.generation,
            deadtime: node.deadtime,
            weight: node.weight,
            links_up: node.up,
            missing: node.window.missing(),
            told: &node.told,
        })
    }

    /// All nodes in the order of the configuration, then later joiners; removed ones are left out.
    pub fn nodes(&self) -> impl Iterator<Item = NodeView<'_>> {
        self.ids().filter_map(|id| self.node(id)).filter(|n| n.kind != NodeKind::Removed)
    }

    /// The resource groups, in the order of `haresources`.
    pub fn groups(&self) -> &[Group] {
        self.takeover.groups()
    }

    /// Resource management: phase, claims, standby.
    pub fn takeover(&self) -> &Takeover<GROUPS> {
        &self.takeover
    }

    /// Counters.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Our generation.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The number of our newest message.
    pub fn newest_sequence(&self) -> Sequence {
        Sequence(self.history.next_sequence().0.saturating_sub(1))
    }

    /// Opens a message that [`Cluster::handle`] has taken, with our keys, to read the fields that are not for the engine.
    ///
    /// # Errors
    /// [`PacketError`](crate::wire::PacketError) if it is not authentic or damaged.
    pub fn open<'a>(&self, bytes: &'a [u8]) -> Result<crate::wire::Message<'a>, crate::wire::PacketError> {
        crate::wire::open(bytes, &self.keys)
    }

    /// The members of the cluster except the local node.
    fn others(&self) -> impl Iterator<Item = (NodeId, &Node<LINKS>)> {
        self.ids().zip(&self.nodes).filter(|(id, n)| *id != self.local && n.is_member())
    }

    fn ids(&self) -> impl Iterator<Item = NodeId> + use<NODES, LINKS, GROUPS, HISTORY, KEYS> {
        (0..self.nodes.len()).map(|n| NodeId(n as u8))
    }

    fn node_mut(&mut self, id: NodeId) -> Option<&mut Node<LINKS>> {
        self.nodes.get_mut(usize::from(id.0))
    }

    /// Sets the time. It never goes back: an earlier one counts as unchanged, and is counted.
    fn set_now(&mut self, now: Instant) {
        if now < self.now {
            bump(&mut self.stats.clock_went_back);
        } else {
            self.now = now;
        }
    }

    fn event(&mut self, event: Event) {
        if self.events.is_full() {
            self.events.pop_front();
            bump(&mut self.stats.events_lost);
        }
        let _ = self.events.push_back(event);
    }
}

fn links_of(links: &[LinkForm], wanted: impl Fn(&LinkForm) -> bool) -> LinkSet {
    let mut set = LinkSet::EMPTY;
    for (n, _) in links.iter().enumerate().filter(|(_, l)| wanted(l)) {
        set.insert(LinkId(n as u8));
    }
    set
}

fn check<const KEYS: usize>(config: &Config<'_>, keys: &Keys<KEYS>) -> Result<(), ConfigError> {
    let exists = |id: NodeId| usize::from(id.0) < config.nodes.len();
    if keys.signing_index().is_none() {
        return Err(ConfigError::NoSigningKey);
    }
    if config.generation == Generation(0) {
        return Err(ConfigError::NoGeneration);
    }
    if !Form::Netstring.is_known() && !config.links.iter().all(|link| matches!(link, LinkForm::Serial { .. })) {
        return Err(ConfigError::NoDatagrams);
    }
    let pings = config.links.iter().filter_map(|l| if let LinkForm::Ping(id) = l { Some(*id) } else { None });
    if !exists(config.local) || !config.groups.iter().map(|group| group.home).chain(pings).all(exists) {
        return Err(ConfigError::UnknownNode);
    }
    let twice = |n: usize, node: &NodeConfig| config.nodes.iter().skip(n + 1).any(|other| other.name == node.name);
    if config.nodes.iter().enumerate().any(|(n, node)| twice(n, node)) {
        return Err(ConfigError::DuplicateName);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
