//! One node as we see it, and its links.

use crate::id::{Generation, LinkId, LinkSet, NodeName, Sequence, Uuid};
use crate::sequence::Window;
use crate::settings::NodeKind;
use crate::time::{Duration, Instant};
use crate::told::Told;

/// The longest status word that is kept (docs/protocol/wire.md 2.2); a longer one is cut.
pub const STATUS_MAX: usize = 31;

/// A node's state: its own word, or our verdict that it is dead (docs/protocol/wire.md 8.1).
///
/// ```text
///            status              active
///   Init ──────────▶ Up ─────────────────▶ Active
///     │               │                      │
///     └── initdead ───┴── silent for its dt ─┴──▶ Dead ── status ──▶ Init, Up or Active again
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Configured and never heard; also the sender's word in its first status.
    Init,
    /// Listening, but not yet part of the cluster.
    Up,
    /// Fully working.
    Active,
    /// No status came for longer than its dead time.
    Dead,
    /// A ping node that answers.
    Ping,
    /// An unknown word; kept and shown unchanged.
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

    /// Whether the node takes part: its acknowledgements count, and it is asked to retransmit missing messages.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Up | Self::Active)
    }
}

/// A range of our numbers that a node has asked for and cannot get: answered with `NS_nak_rexmit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) first: Sequence,
    pub(crate) last: Sequence,
}

/// Our knowledge of one node. `LINKS`: the number of links that the engine has room for.
#[derive(Debug)]
pub(crate) struct Node<const LINKS: usize> {
    pub(crate) name: NodeName,
    pub(crate) uuid: Uuid,
    pub(crate) kind: NodeKind,
    pub(crate) state: NodeState,
    pub(crate) window: Window,
    /// Whether any authentic packet came since it was last dead.
    pub(crate) heard: bool,
    /// Its last status: the time by our clock, and its number.
    pub(crate) status_at: Instant,
    pub(crate) status_seq: Sequence,
    /// The time for which it wants us to wait for its next status (`dt`).
    pub(crate) deadtime: Duration,
    pub(crate) weight: u32,
    /// The highest of our numbers that it acknowledged.
    pub(crate) acknowledged: Sequence,
    /// The remainder by ten of the numbers of its messages that we acknowledge.
    pub(crate) residue: u64,
    pub(crate) ack_due: Option<Sequence>,
    pub(crate) repeat_at: Option<Instant>,
    /// Missing numbers below this one have been missing for long enough to ask for them.
    pub(crate) repeat_below: Sequence,
    /// Requests still to be written: from this number on, below that.
    pub(crate) repeat_from: Option<Sequence>,
    pub(crate) repeat_to: Sequence,
    pub(crate) refusal: Option<Refusal>,
    /// The facts that it has told about itself in this run.
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

    /// Drops everything that belongs to its run: numbering, requests, acknowledgements (docs/protocol/wire.md 7.3,
    /// 8.5).
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
        self.told = core::mem::take(&mut self.told).until_it_tells_again();
    }

    /// Records that the node was heard on `link`. Returns true if the link was down.
    pub(crate) fn heard_on(&mut self, link: LinkId, now: Instant) -> bool {
        let Some(at) = self.links.get_mut(usize::from(link.0)) else { return false };
        *at = now;
        let was_down = !self.up.contains(link);
        self.up.insert(link);
        was_down
    }

    /// The time at which the node was last heard on `link`, which is up.
    pub(crate) fn link_heard(&self, link: LinkId) -> Instant {
        self.links.get(usize::from(link.0)).copied().unwrap_or(Instant::ZERO)
    }

    pub(crate) fn is_member(&self) -> bool {
        self.kind == NodeKind::Member
    }
}

#[cfg(test)]
mod tests;
