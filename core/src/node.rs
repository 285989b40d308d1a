//! One node as we see it, and its links.

use crate::cluster::Told;
use crate::id::{Generation, LinkId, LinkSet, NodeName, Sequence, Uuid};
use crate::sequence::Window;
use crate::time::{Duration, Instant};

/// Longest status word that is kept (docs/protocol/wire.md 2.2); longer ones are cut.
pub const STATUS_MAX: usize = 31;

/// What kind of node this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A member of the cluster.
    Normal,
    /// A host that only answers pings (docs/protocol/wire.md 8.8).
    Ping,
    /// A member that was taken out of the configuration while we ran. Its place is not used again.
    Removed,
}

/// A node's state: what it says of itself, or that we declared it dead (docs/protocol/wire.md 8.1).
///
/// ```text
///            status              active
///   Init ──────────▶ Up ─────────────────▶ Active
///     │               │                      │
///     └── initdead ───┴── silent for its dt ─┴──▶ Dead ── status ──▶ Init, Up or Active again
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Configured and never heard; also the sender's word in its very first status.
    Init,
    /// Listening, but not yet part of the cluster.
    Up,
    /// Fully working.
    Active,
    /// Silent for longer than it said to wait.
    Dead,
    /// A ping node that answers.
    Ping,
    /// A word that we do not know; kept and shown unchanged.
    Other(heapless::String<STATUS_MAX>),
}

impl NodeState {
    /// Reads the word of a status message; compared without regard to case, as 3.0.6 does.
    pub fn parse(word: &[u8]) -> Self {
        let known = [Self::Init, Self::Up, Self::Active, Self::Dead, Self::Ping];
        known.into_iter().find(|s| word.eq_ignore_ascii_case(s.as_str().as_bytes())).unwrap_or_else(|| {
            let printable = word.iter().map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '?' });
            Self::Other(printable.take(STATUS_MAX).collect())
        })
    }

    /// The word as it stands in messages and logs.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Init => "init",
            Self::Up => "up",
            Self::Active => "active",
            Self::Dead => "dead",
            Self::Ping => "ping",
            Self::Other(word) => word,
        }
    }

    /// Whether the node takes part: its acknowledgements count, and it is asked to repeat what is missing.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Up | Self::Active)
    }
}

/// A range of our numbers that a node, which asked for the first, cannot have: answered with `NS_nak_rexmit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) first: Sequence,
    pub(crate) last: Sequence,
}

/// Everything known of one node. `LINKS`: how many links the engine has room for.
#[derive(Debug)]
pub(crate) struct Node<const LINKS: usize> {
    pub(crate) name: NodeName,
    pub(crate) uuid: Uuid,
    pub(crate) kind: NodeKind,
    pub(crate) state: NodeState,
    pub(crate) window: Window,
    /// Any authentic packet came since it was last dead.
    pub(crate) heard: bool,
    /// Its last status: when by our clock, and its number.
    pub(crate) status_at: Instant,
    pub(crate) status_seq: Sequence,
    /// How long it wants us to wait for its next status (`dt`).
    pub(crate) deadtime: Duration,
    pub(crate) weight: u32,
    /// Highest of our numbers that it acknowledged.
    pub(crate) acknowledged: Sequence,
    /// Which tenth number of its we acknowledge.
    pub(crate) residue: u64,
    pub(crate) ack_due: Option<Sequence>,
    pub(crate) repeat_at: Option<Instant>,
    /// Missing numbers below this one have been waited for long enough to ask for them.
    pub(crate) repeat_below: Sequence,
    /// Requests still to be written: from this number on, below that.
    pub(crate) repeat_from: Option<Sequence>,
    pub(crate) repeat_to: Sequence,
    pub(crate) refusal: Option<Refusal>,
    /// What it has told of itself in this run.
    pub(crate) told: Told,
    links: [Instant; LINKS],
    pub(crate) up: LinkSet,
}

impl<const LINKS: usize> Node<LINKS> {
    pub(crate) fn new(name: NodeName, kind: NodeKind, deadtime: Duration, now: Instant, residue: u64) -> Self {
        Self {
            name,
            uuid: Uuid::NIL,
            kind,
            state: NodeState::Init,
            window: Window::default(),
            heard: false,
            status_at: now,
            status_seq: Sequence(0),
            deadtime,
            weight: 100,
            acknowledged: Sequence(0),
            residue,
            ack_due: None,
            repeat_at: None,
            repeat_below: Sequence(0),
            repeat_from: None,
            repeat_to: Sequence(0),
            refusal: None,
            told: Told::default(),
            links: [Instant::ZERO; LINKS],
            up: LinkSet::EMPTY,
        }
    }

    /// Forgets what depends on its run: numbering, requests, acknowledgements (docs/protocol/wire.md 7.3, 8.5).
    pub(crate) fn forget(&mut self) {
        self.window.forget();
        self.ack_due = None;
        self.repeat_at = None;
        self.repeat_from = None;
        self.refusal = None;
        self.acknowledged = Sequence(0);
    }

    /// A new run of the node: everything about the earlier one is void.
    pub(crate) fn restarted(&mut self, generation: Generation) {
        self.forget();
        self.window.restart(generation);
        self.status_seq = Sequence(0);
        self.told = Told::default();
    }

    /// Notes that the node was heard on `link`. True if the link was down.
    pub(crate) fn heard_on(&mut self, link: LinkId, now: Instant) -> bool {
        let Some(at) = self.links.get_mut(usize::from(link.0)) else { return false };
        *at = now;
        let was_down = !self.up.contains(link);
        self.up.insert(link);
        was_down
    }

    /// When `link`, which is up, was last refreshed.
    pub(crate) fn link_heard(&self, link: LinkId) -> Instant {
        self.links.get(usize::from(link.0)).copied().unwrap_or(Instant::ZERO)
    }

    pub(crate) fn is_member(&self) -> bool {
        self.kind == NodeKind::Normal
    }
}

#[cfg(test)]
mod tests;
