//! Groups that an earlier run of this node has left, and that could not be stopped before this run began: the daemon
//! crashed, and a script fails.
//!
//! ```text
//!   Leftover ──stops───────────────────────────────▶ no longer claimed, or started with the rest of its class
//!     │ ▲ ╲──wanted here: start, which asks first──▶ Running
//!     └─┘ stopped again, every few seconds
//! ```

#[cfg(not(feature = "small"))]
use super::group::ESCALATE_AGAIN;
use super::group::{Wanted, belongs};
use super::{Class, Group, Takeover};
#[cfg(not(feature = "small"))]
use super::{GroupState, Holds};
#[cfg(not(feature = "small"))]
use crate::{id::GroupId, time::Instant};

impl<const GROUPS: usize> Takeover<GROUPS> {
    /// A group may still run here since an earlier run of this node, and could not be stopped. Its class is claimed, so
    /// that no other node starts it. Like any start this one acquires nothing before the peer has reported its claim,
    /// or is dead. Then this node serves the class, unless the peer does. A leftover whose home is another node is
    /// stopped again every few seconds, even if the peer serves its class. It is escalated only when this node is to
    /// hand it over or leaves: a start must not end in a reboot. Call this before anything else. A group that does not
    /// exist is ignored. The feature `small` has no leftovers: a microcontroller begins with a reset.
    #[cfg(not(feature = "small"))]
    pub fn stuck(&mut self, now: Instant, group: GroupId) {
        let home = self.home;
        if let Some(group) = self.groups.get_mut(usize::from(group.0)) {
            group.leave_over(now.after(ESCALATE_AGAIN));
            self.hold = self.hold.with(if group.home == home { Class::Local } else { Class::Foreign });
        }
    }

    /// The claims without those that only a stuck group causes. The next engine is to [`resume`](Takeover::resume) with
    /// them, besides the groups that are [`stuck`](Takeover::stuck).
    #[cfg(not(feature = "small"))]
    pub fn holds_without_stuck(&self) -> Holds {
        let is_stuck = |group: &Group| group.state() == GroupState::Stuck && !group.is_wanted();
        let mut holds = self.hold;
        for class in [Class::Local, Class::Foreign] {
            if !self.is_served(class) && self.groups.iter().any(|g| belongs(g, self.home, class) && is_stuck(g)) {
                holds = holds.without(class);
            }
        }
        holds
    }

    /// Whether no group of our own class is to run here: it is not claimed, or only because of a leftover.
    pub(super) fn is_own_class_idle(&self) -> bool {
        !self.hold.local || self.has_leftover(Class::Local)
    }

    /// Serves the groups of the peer that are claimed here because of a leftover, since the peer starts none of them.
    /// The leftover itself is still stopped again and again; then all of them may fail back.
    pub(super) fn serve_beside_leftovers(&mut self) {
        if !self.has_leftover(Class::Foreign) || self.other.holds.local || self.is_divided() {
            return;
        }
        let theirs = |group: &&mut Group| Some(group.home) == self.other.node && !group.is_leftover();
        for group in self.groups.iter_mut().filter(theirs) {
            group.set_wanted(Wanted::OWN);
            self.needs_failback = true;
        }
    }

    /// Whether a group of `class` is meant to run here.
    pub(super) fn is_served(&self, class: Class) -> bool {
        self.groups.iter().any(|g| belongs(g, self.home, class) && g.is_wanted())
    }

    fn has_leftover(&self, class: Class) -> bool {
        self.groups.iter().any(|g| belongs(g, self.home, class) && g.is_leftover() && !g.is_wanted())
    }
}
