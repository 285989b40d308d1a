//! `auto_failback legacy`: the protocol without reports (docs/protocol/resources.md 1.9 j).
//!
//! ```text
//!   home comes up:  ip-request (key) ──▶  the peer: was it here? stop it first
//!   start the group ◀── ip-request-resp ──┘
//! ```
//!
//! After a death or a departure a node takes over the missing groups, as in the other protocol. No node can refuse a
//! failback, and none can hand a group over unasked.
//!
//! Between two hbcore nodes each status tells the digest of the sender's groups. While the digests differ, no group is
//! asked for, handed over or started (docs/protocol/resources.md 1.13).

use super::group::{GroupRequest, Wanted};
#[cfg(not(feature = "small"))]
use super::{Accord, Inheritance};
use super::{Class, Group, GroupState, Holds, Notice, Phase, Say, Takeover};
use crate::id::{GroupId, NodeId};
use crate::time::{Duration, Instant};

/// The interval of requests for a group while no peer answers.
const ASK_AGAIN: Duration = Duration::from_secs(5);

impl<const GROUPS: usize> Takeover<GROUPS> {
    pub(super) fn activated_legacy(&mut self, now: Instant, alone: bool) {
        self.phase = Phase::Stable;
        self.other.stable = true;
        if alone {
            self.hold.local = true;
            self.want(Class::Local, None, Wanted::INHERITED);
        } else {
            self.ask_for_own(now);
        }
        self.notice(Notice::LocalTransitionComplete);
        self.after_change(now);
    }

    /// The peer is active, and this node has compared the groups that it tells with ours. If they are the same, or if
    /// it tells none, each node asks for its own groups.
    #[cfg(not(feature = "small"))]
    pub(crate) fn status_heard(&mut self, now: Instant) {
        if matches!(self.accord, Accord::Differs { .. }) {
            return;
        }
        let is_new = core::mem::replace(&mut self.accord, Accord::Agreed) != Accord::Agreed;
        self.groups.iter_mut().for_each(Group::keep);
        if is_new && self.phase == Phase::Stable {
            self.ask_for_own(now);
            self.after_change(now);
        }
    }

    /// The peer tells which of its groups it started while it did not hear this node.
    #[cfg(not(feature = "small"))]
    pub(crate) fn set_inheritance(&mut self, inheritance: Inheritance) {
        self.other.inheritance = inheritance;
    }

    /// A node that was declared dead is heard again. Each of the two releases the groups that it took over, and asks
    /// for its own: perhaps only one declared the other dead. If they mean different groups, each only releases.
    pub(super) fn returned_legacy(&mut self, now: Instant) {
        #[cfg(not(feature = "small"))]
        {
            if matches!(self.accord, Accord::Differs { .. }) {
                return self.weigh_inheritance(now);
            }
            self.accord = Accord::Agreed;
        }
        self.ask_for_own(now);
        self.yield_groups(now, Class::Foreign);
    }

    /// Asks for each of our own groups, even for one that runs here: an answer to that changes nothing.
    pub(super) fn ask_for_own(&mut self, now: Instant) {
        if self.is_divided() {
            // This node asks when the files agree.
            return;
        }
        for group in &mut self.groups {
            if group.home == self.home {
                group.request = GroupRequest::Sent;
            }
        }
        self.ask_for_groups(now);
    }

    /// Asks for each group that no peer has granted yet.
    pub(super) fn ask_for_groups(&mut self, now: Instant) {
        if self.is_divided() {
            return;
        }
        let mut unanswered = false;
        for group in self.groups.iter_mut().filter(|g| g.request != GroupRequest::None) {
            group.request = GroupRequest::Due;
            unanswered = true;
        }
        self.timers.ask_again = unanswered.then(|| now.after(ASK_AGAIN));
    }

    /// A peer asks for a group (`ip-request`).
    pub fn on_group_request(&mut self, now: Instant, node: NodeId, key: &[u8]) {
        if !self.is_legacy() {
            self.mismatch(node);
        }
        if matches!(self.phase, Phase::Leaving | Phase::Left) || self.is_divided() {
            return;
        }
        let legacy = self.is_legacy();
        let Some((group, id)) = self.group_named(key) else { return };
        if group.is_absent() && group.is_settled() {
            return self.say(Say::GroupAnswer { to: node, group: id, was_here: false });
        }
        if !legacy {
            // The nodes speak different protocols: the group stays here, and the peer is not told to start it.
            return;
        }
        group.asked_by = Some(node);
        group.ask_back();
        self.hold = self.wanted_classes();
        self.after_change(now);
    }

    /// The answer to our request, or to one of a script on this node (`ip-request-resp`).
    pub fn on_group_answer(&mut self, now: Instant, key: &[u8]) {
        if matches!(self.phase, Phase::Init | Phase::Leaving | Phase::Left) {
            return;
        }
        let Some((group, _)) = self.group_named(key) else { return };
        let again = group.is_wanted() && group.state() == GroupState::Failed;
        let asked = core::mem::replace(&mut group.request, GroupRequest::None) != GroupRequest::None;
        if !asked && !again {
            return;
        }
        group.set_wanted(Wanted::OWN);
        if self.is_legacy() {
            self.hold = self.wanted_classes();
        }
        self.after_change(now);
    }

    /// Groups that a node asked for have stopped: that node may start them.
    pub(super) fn answer_settled_groups(&mut self) {
        for n in 0..self.groups.len() {
            let Some(group) = self.groups.get_mut(n).filter(|g| g.is_absent() && g.is_settled()) else { continue };
            if let Some(to) = group.asked_by.take() {
                self.say(Say::GroupAnswer { to, group: GroupId(n as u16), was_here: true });
            }
        }
    }

    /// Each request waits with its group, so that there is room for all of them.
    pub(super) fn poll_group_say(&mut self) -> Option<Say> {
        let due = self.groups.iter().position(|g| g.request == GroupRequest::Due)?;
        self.groups.get_mut(due)?.request = GroupRequest::Sent;
        Some(Say::GroupRequest(GroupId(due as u16)))
    }

    fn group_named(&mut self, key: &[u8]) -> Option<(&mut Group, GroupId)> {
        let place = self.groups.iter().position(|g| g.key().as_bytes() == key)?;
        Some((self.groups.get_mut(place)?, GroupId(place as u16)))
    }

    fn wanted_classes(&self) -> Holds {
        let any = |local: bool| self.groups.iter().any(|g| (g.home == self.home) == local && g.is_wanted());
        Holds { local: any(true), foreign: any(false) }
    }
}
