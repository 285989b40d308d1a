//! The reasons for the place of each group, for people. They are read from the machine, which decides nothing by them.

use super::group::{Escalation, GroupRequest};
use super::{Accord, Class, Group, GroupState, Phase, Standby, Takeover};
use crate::id::{GroupId, NodeId};
use crate::time::Instant;

/// The reason why a group runs here, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It runs here, as it should.
    Runs,
    /// It is being started here, or is next.
    Starts,
    /// It is being stopped here, or is next.
    Stops,
    /// It could not be stopped, and stronger means than its scripts must end it. Until then it stays claimed here,
    /// and no node starts it.
    Escalates {
        /// The time at which it is stopped again, and escalated again if that fails; `None` while that is being tried.
        again: Option<Instant>,
    },
    /// An earlier run of this node has left it, and it cannot be stopped. It stays claimed here, and no node starts it.
    LeftOver {
        /// The time at which it is stopped again; `None` while that is being tried.
        again: Option<Instant>,
    },
    /// It could not be started here.
    Failed {
        /// The next step.
        next: AfterFailure,
    },
    /// It is to run here as soon as the peer has stopped it.
    AwaitsRelease,
    /// It is to run here as soon as the peer, which has returned, has reported its claim.
    AwaitsReport,
    /// The peer's `haresources` has other groups. The group may run there, and no node starts it before the files
    /// agree.
    Differs,
    /// The peer claims it.
    Elsewhere(PeerClaim),
    /// With `auto_failback legacy` no node tells which groups it runs: a living peer may run it.
    Untold,
    /// With `auto_failback legacy`: the peer has not answered a request for it, and may run it.
    AwaitsAnswer,
    /// This node starts nothing before it has fenced a node that may run it.
    AwaitsFencing,
    /// This node is still waiting for the peer's claim.
    Joins,
    /// It is on its way between the two nodes.
    Moves,
    /// This node releases all groups.
    Leaves,
    /// The peer leaves, and has not reported yet that it has stopped all groups.
    AwaitsLeave,
    /// No node claims it.
    Nobody,
}

/// The next step for a group that could not be started here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFailure {
    /// The peer is asked to take it over, not before this time.
    AsksPeer(Instant),
    /// It is started here again at this time, because no other node can take it over.
    StartsAgain(Instant),
    /// The peer is asked as soon as it can take it over.
    AwaitsPeer,
}

/// The report of the peer besides its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerClaim {
    /// Nothing moves there.
    Settled,
    /// Some group is being started or stopped there.
    Moves,
    /// Some group is being stopped there, or could not be stopped.
    Releases,
}

/// A node that is dead and not fenced yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fenced {
    /// The node.
    pub node: NodeId,
    /// The time of the next try; `None` while one is under way.
    pub again: Option<Instant>,
}

impl<const GROUPS: usize> Takeover<GROUPS> {
    /// The reason why a group runs here, or does not; `None` if there is no such group.
    pub fn why(&self, group: GroupId) -> Option<Why> {
        let group = self.groups.get(usize::from(group.0))?;
        Some(match (group.state(), group.is_wanted()) {
            (GroupState::Stopping | GroupState::Stuck, false) if group.is_leftover() => {
                Why::LeftOver { again: if let Escalation::Leftover(at) = group.escalation { Some(at) } else { None } }
            }
            (GroupState::Running, true) if group.is_partial() => self.why_not_begun(group),
            (GroupState::Running, true) => Why::Runs,
            (GroupState::Running, false) | (GroupState::Stopping, _) => Why::Stops,
            (GroupState::Starting, _) | (GroupState::Stuck, true) => Why::Starts,
            (GroupState::Stuck, false) => Why::Escalates {
                again: match group.escalation {
                    Escalation::Again(at) if group.in_flight.is_none() => Some(at),
                    Escalation::Again(_)
                    | Escalation::Due
                    | Escalation::StopsAgain
                    | Escalation::Leftover(_)
                    | Escalation::LeftoverTried
                    | Escalation::No => None,
                },
            },
            (GroupState::Failed, _) => self.why_failed(group),
            (GroupState::Stopped, true) => self.why_not_begun(group),
            (GroupState::Stopped, false) if self.retry_at(group).is_some() => self.why_failed(group),
            (GroupState::Stopped, false) => self.why_not_here(group),
        })
    }

    /// It is to run here, and is not being started.
    fn why_not_begun(&self, group: &Group) -> Why {
        let is_own = group.home == self.home;
        if self.is_divided() {
            self.why_divided()
        } else if is_own && self.is_home_in_doubt() {
            Why::AwaitsRelease
        } else if !is_own && self.other.is_hbcore && self.timers.heal.is_some() {
            Why::AwaitsReport
        } else {
            Why::Starts
        }
    }

    fn why_divided(&self) -> Why {
        if matches!(self.accord, Accord::Differs { .. }) { Why::Differs } else { Why::AwaitsReport }
    }

    fn why_not_here(&self, group: &Group) -> Why {
        if self.is_divided() && self.phase == Phase::Stable {
            return self.why_divided();
        }
        if self.other_claims(group) {
            let claim = match (self.other.stable, self.other.is_releasing) {
                (true, _) => PeerClaim::Settled,
                (false, false) => PeerClaim::Moves,
                (false, true) => PeerClaim::Releases,
            };
            return Why::Elsewhere(claim);
        }
        match self.phase {
            _ if self.fencing.is_pending() => Why::AwaitsFencing,
            Phase::Init | Phase::Starting | Phase::BothStarting | Phase::Reported => Why::Joins,
            Phase::Leaving | Phase::Left => Why::Leaves,
            Phase::Stable if self.is_legacy() => why_not_here_legacy(group),
            Phase::Stable if self.standby != Standby::NotAsked => Why::Moves,
            Phase::Stable if self.other.alive && self.other.is_releasing => Why::AwaitsRelease,
            Phase::Stable if self.other.alive && self.other.leaving => Why::AwaitsLeave,
            Phase::Stable if self.other.alive && !self.other.stable => Why::Moves,
            Phase::Stable => Why::Nobody,
        }
    }

    /// Whether the node that reported last claims a group.
    fn other_claims(&self, group: &Group) -> bool {
        let held = self.other.holds;
        if Some(group.home) == self.other.node { held.local } else { held.foreign }
    }

    /// It could not be started here.
    fn why_failed(&self, group: &Group) -> Why {
        let [local, foreign] = self.give_away_from;
        let (class, from) = if group.home == self.home { (Class::Local, local) } else { (Class::Foreign, foreign) };
        let is_asked = self.give_away.is_some_and(|all| all == class || all == Class::All);
        let next = match self.retry_at(group) {
            Some(at) => AfterFailure::StartsAgain(at),
            None if is_asked && self.other.alive && !self.other.leaving => AfterFailure::AsksPeer(from),
            None => AfterFailure::AwaitsPeer,
        };
        Why::Failed { next }
    }

    /// The time at which a group is started here again.
    #[cfg(not(feature = "small"))]
    fn retry_at(&self, group: &Group) -> Option<Instant> {
        group.retry_at().filter(|_| self.retries())
    }

    #[cfg(feature = "small")]
    #[expect(clippy::unused_self, reason = "the same call as where groups are started again")]
    fn retry_at(&self, _: &Group) -> Option<Instant> {
        None
    }

    /// The nodes that are dead and not fenced yet.
    pub fn fences(&self) -> impl Iterator<Item = Fenced> {
        let fence = |f: &super::fencing::Fence| Fenced {
            node: f.node,
            again: if f.in_flight.is_some() { None } else { Some(f.again) },
        };
        self.fencing.waiting.iter().map(fence)
    }

    /// Whether the peer has announced that it leaves, and is not known to be dead yet.
    pub fn other_leaves(&self) -> bool {
        self.other.alive && self.other.leaving
    }
}

/// With `auto_failback legacy` this node knows its own requests, and which nodes are dead or have left.
fn why_not_here_legacy(group: &Group) -> Why {
    if group.request != GroupRequest::None {
        Why::AwaitsAnswer
    } else if group.home_gone {
        Why::Nobody
    } else {
        Why::Untold
    }
}
