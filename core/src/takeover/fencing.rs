//! Fencing: this node does not start the groups that a dead node may run before that node is fenced
//! (docs/protocol/resources.md 5).
//!
//! ```text
//!   death ── claimed nothing ──────────────────────────▶ take over
//!     │ ╲─── no device ── warn ─────────────────────────▶ take over
//!     ▼
//!   Fence ── done ──────────────────────────────────────▶ take over
//!     │ ▲
//!     └─┴ failed: again after 5 s, until it succeeds or the node is heard again
//! ```

use super::group::InFlight;
use super::{Effect, FenceResult, Notice, Outcome, Phase, SETTLE, Say, Takeover, Ticket};
use crate::id::NodeId;
use crate::time::{Duration, Instant};

/// The pause before a device that failed is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// The largest number of nodes that wait to be fenced; 2 with the feature `small`. One more is not fenced, and its
/// groups are not taken over.
const WAITING: usize = if cfg!(feature = "small") { 2 } else { 16 };

/// Tickets of groups have a smaller place. That of fencing has the number of the node in its low bits.
const PLACE: u32 = 0xFF00;

/// A node that is dead and not yet fenced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fence {
    pub(super) node: NodeId,
    pub(super) in_flight: Option<InFlight>,
    pub(super) again: Instant,
}

/// Whether there is a device, and the nodes that wait for it.
#[derive(Clone, Debug)]
pub(super) struct Fencing {
    device: bool,
    pub(super) waiting: heapless::Vec<Fence, WAITING>,
}

impl Fencing {
    pub(super) const NONE: Self = Self { device: false, waiting: heapless::Vec::new() };

    /// Whether a node is still to be fenced. Until then no group is started.
    pub(super) fn is_pending(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Moves `deadline` to that of a device, or of the next try, if that is sooner.
    pub(super) fn bring_forward(&self, deadline: &mut Instant) {
        for fence in &self.waiting {
            *deadline = (*deadline).min(fence.in_flight.map_or(fence.again, |f| f.deadline));
        }
    }
}

impl<const GROUPS: usize> Takeover<GROUPS> {
    /// Sets whether there is a device that can fence the other nodes. Without one, a node that is not heard counts as
    /// dead.
    pub fn set_fencing(&mut self, device: bool) {
        self.fencing.device = device;
    }

    /// A node that may run groups died. Returns whether it is to be fenced first.
    pub(super) fn must_fence(&mut self, now: Instant, node: NodeId, heir: bool) -> bool {
        if !self.fencing.device || !heir {
            return false;
        }
        self.timers.settle = None;
        self.timers.ask_again = None;
        if !self.fencing.waiting.iter().any(|f| f.node == node)
            && self.fencing.waiting.push(Fence { node, in_flight: None, again: now }).is_err()
        {
            self.notice(Notice::FenceFailed(node));
        }
        true
    }

    /// A node is heard: this node no longer fences it. A 3.0.6 goes on with that.
    pub(super) fn cancel_fencing(&mut self, node: NodeId) {
        let Some(place) = self.fencing.waiting.iter().position(|f| f.node == node) else { return };
        let cancelled = self.fencing.waiting.swap_remove(place);
        self.notice(Notice::FenceCancelled(node));
        if self.phase.is_starting() && !self.fencing.is_pending() {
            // The start goes on as if the node had been there from the beginning.
            self.alone = false;
            self.timers.ask_again = Some(cancelled.again);
            self.timers.settle = Some(cancelled.again.after(SETTLE));
        }
    }

    pub(super) fn cancel_all_fencing(&mut self) {
        self.fencing.waiting.clear();
    }

    pub(super) fn poll_fence(&mut self, now: Instant) -> Option<(Ticket, Effect)> {
        let serial = self.serial.wrapping_add(1);
        let deadline = now.after(self.effect_limit);
        let fence = self.fencing.waiting.iter_mut().find(|f| f.in_flight.is_none() && f.again <= now)?;
        let ticket = Ticket::at(PLACE | u32::from(fence.node.0), serial);
        fence.in_flight = Some(InFlight { ticket: ticket.value(), deadline });
        let node = fence.node;
        self.serial = serial;
        self.notice(Notice::Fencing(node));
        Some((ticket, Effect::Fence(node)))
    }

    /// Returns whether the ticket was one of fencing.
    pub(super) fn fence_ended(&mut self, now: Instant, ticket: u32, outcome: Outcome) -> bool {
        if ticket >> 16 < PLACE {
            return false;
        }
        let place = self.fencing.waiting.iter().position(|f| f.in_flight.is_some_and(|f| f.ticket == ticket));
        let Some(place) = place else { return true };
        let Some(fence) = self.fencing.waiting.get_mut(place) else { return true };
        let node = fence.node;
        if outcome == Outcome::Done {
            self.fencing.waiting.swap_remove(place);
            self.say(Say::Stonith { node, result: FenceResult::Done });
            self.notice(Notice::Fenced(node));
            // This also voids its reports during the fencing.
            self.other_is_gone(node);
            if !matches!(self.phase, Phase::Leaving | Phase::Left) {
                self.inherit(now, node, true);
            }
        } else {
            fence.in_flight = None;
            fence.again = now.after(RETRY);
            self.say(Say::Stonith { node, result: FenceResult::Failed });
            self.notice(Notice::FenceFailed(node));
        }
        true
    }

    pub(super) fn expire_fences(&mut self, now: Instant) {
        for _ in 0..WAITING {
            let late = self.fencing.waiting.iter().find_map(|f| f.in_flight.filter(|f| f.deadline <= now));
            let Some(late) = late else { return };
            self.fence_ended(now, late.ticket, Outcome::TimedOut);
        }
    }
}
