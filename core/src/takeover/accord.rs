//! Two nodes whose `haresources` differ mean different groups by the same class. Neither starts anything before the
//! files agree or one node is dead (docs/protocol/resources.md 1.13).
//!
//! ```text
//!           another digest           the same digest          full report          the peer claims none of ours
//!   Agreed ───────────────▶ Differs ────────────────▶ Awaited ────────────▶ Merging ────────────────────────▶ Agreed
//!      │                       ╰────────────── the peer died or left ──────────────────────────────────────────▲
//!      ╰── this node was executed anew, with other groups than before ──▶ Awaited
//! ```
//!
//! Meanwhile each group stays on the node that runs it. After a false death both nodes run the groups of the peer, and
//! nothing tells which groups, or which of their resources, are the same. So each node releases the groups that it
//! started after that death, wholly or in part: only those may run at the peer too. A node that has no other groups
//! keeps them if the peer, too, has no others and the digest of this node is the lower one.

use super::{Class, Group, Holds, Info, Inheritance, Notice, Phase, Standby, Takeover, group::Wanted, group::belongs};
use crate::time::Instant;

/// Whether the living nodes read the same groups in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// Without it the first variant is not 0, but an engine without a configuration must be all zeros.
#[repr(u8)]
pub enum Accord {
    /// They do, or one of them does not tell.
    Agreed = 0,
    /// This node awaits the claims of the peer, which made its last ones with other groups than ours.
    Awaited,
    /// They do again. The peer still claims groups whose home is this node, or stops groups. They start here after it
    /// has stopped them.
    Merging,
    /// They do not.
    Differs {
        /// Decides if each node has only groups that it took over from the other: then this node keeps them.
        has_lower_digest: bool,
    },
}

impl<const GROUPS: usize> Takeover<GROUPS> {
    /// Whether the living nodes read the same groups.
    pub fn accord(&self) -> Accord {
        self.accord
    }

    /// Whether no group may be started or moved.
    pub(super) fn is_divided(&self) -> bool {
        !cfg!(feature = "small") && matches!(self.accord, Accord::Awaited | Accord::Differs { .. })
    }

    /// Takes the result of a comparison. `differs`: whether a living node tells another digest than ours, and then
    /// whether ours is the lower one. Call it before each message about resources, each death and each departure.
    pub(crate) fn compare(&mut self, differs: Option<bool>) {
        self.accord = match (differs, self.accord) {
            (Some(has_lower_digest), _) => Accord::Differs { has_lower_digest },
            (None, Accord::Differs { .. }) => Accord::Awaited,
            (None, same) => same,
        };
    }

    /// No node is left that could mean other groups.
    pub(super) fn agree_alone(&mut self) {
        if !cfg!(feature = "small") && matches!(self.accord, Accord::Awaited | Accord::Merging) {
            self.accord = Accord::Agreed;
        }
    }

    /// The peer has told all of its claims. This node now wants every group of the classes that it claims: new groups
    /// at once, and groups that run at the peer as soon as the peer has yielded them.
    pub(super) fn agree(&mut self) {
        if cfg!(feature = "small") {
            // No node tells it a digest: it is always agreed.
            return;
        }
        if self.other.leaving {
            // It claims nothing, but still stops its groups: `shutdone`, or its death, tells that it has ended.
            return;
        }
        let merges = self.other.is_releasing || self.hold.local && self.other.holds.foreign;
        let before = self.accord;
        if matches!(before, Accord::Awaited | Accord::Merging) {
            self.accord = if merges { Accord::Merging } else { Accord::Agreed };
        }
        if before != Accord::Awaited || self.phase != Phase::Stable {
            return;
        }
        self.needs_failback |= self.hold.foreign;
        for (is_held, class) in [(self.hold.local, Class::Local), (self.hold.foreign, Class::Foreign)] {
            if is_held {
                self.want(class, self.other.node, Wanted::OWN);
            }
        }
    }

    /// The groups that this node started while it did not hear the peer.
    pub(crate) fn inheritance(&self) -> Inheritance {
        if cfg!(feature = "small") || !self.groups.iter().any(Group::is_inherited) {
            Inheritance::Nothing
        } else if self.groups.iter().all(|group| group.is_inherited() || group.is_absent()) {
            Inheritance::All
        } else {
            Inheritance::Part
        }
    }

    /// Both nodes may be yielding after the files agree. Own groups that still wait for the peer do not delay the end
    /// of this node's yield.
    pub(super) fn has_merged(&self) -> bool {
        !cfg!(feature = "small")
            && self.accord == Accord::Merging
            && self.groups.iter().all(|group| group.is_wanted() || group.is_absent())
    }

    /// The peer has groups that it started alone, and needs our claims to decide about them: its report is answered.
    pub(super) fn answer_inheritor(&mut self) {
        let asks = self.other.inheritance != Inheritance::Nothing && self.other.holds != Holds::NONE;
        if asks && self.is_divided() && self.phase == Phase::Stable {
            self.report(Info::Plain);
        }
    }

    /// The peer is heard and has told all of its claims: this node releases the groups that it started without the
    /// peer, or keeps them for good.
    pub(super) fn weigh_inheritance(&mut self, now: Instant) {
        if !self.groups.iter().any(Group::is_inherited) || self.phase != Phase::Stable {
            return;
        }
        let keeps = match self.accord {
            Accord::Awaited => return,
            Accord::Agreed | Accord::Merging => true,
            // The peer may still be stopping all of its groups. A legacy peer claims nothing, whatever it runs.
            Accord::Differs { .. } if self.other.holds == Holds::NONE && !self.is_legacy() => true,
            Accord::Differs { has_lower_digest } => {
                self.other.inheritance == Inheritance::All
                    && (has_lower_digest || self.inheritance() != Inheritance::All)
            }
        };
        if keeps {
            self.groups.iter_mut().for_each(Group::keep);
            if self.is_divided() {
                // The last report still called these groups inherited.
                self.report(Info::Plain);
            }
            return;
        }
        let inherited = self.groups.iter_mut().filter(|group| group.is_inherited());
        inherited.for_each(|group| group.set_wanted(Wanted::No));
        self.taking_from = None;
        for class in [Class::Local, Class::Foreign] {
            if !self.groups.iter().any(|g| belongs(g, self.home, class) && !g.is_absent() && g.is_wanted()) {
                self.notice(Notice::Yielding(class));
                self.hold = self.hold.without(class);
            }
        }
        self.yielding = true;
        self.report(Info::Standby);
        self.after_change(now);
    }

    /// Whether the peer, whose groups have only just become the same as ours, is still stopping some.
    pub(super) fn is_foreign_in_doubt(&self) -> bool {
        !cfg!(feature = "small") && self.accord == Accord::Merging && self.other.is_releasing
    }

    /// Whether the peer had groups of this node and has not said yet that it has stopped them.
    pub(super) fn is_home_in_doubt(&self) -> bool {
        let merges = !cfg!(feature = "small") && self.accord == Accord::Merging;
        (self.other.tells_when_released() || merges) && self.standby == Standby::NotAsked
    }
}
