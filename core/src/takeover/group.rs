//! One resource group, its effects and their tickets.

#[cfg(not(feature = "small"))]
use super::retry::Retry;
use super::{Class, Info, Notice, Standby, Takeover};
use crate::id::{GroupId, NodeId};
use crate::time::{Duration, Instant};

/// Whether a group runs on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// It is not here.
    Stopped,
    /// It is being started.
    Starting,
    /// It runs here.
    Running,
    /// It is being stopped.
    Stopping,
    /// A start failed, and everything of it was stopped again. The next request for the group tries again.
    Failed,
    /// It could not be stopped: it may still run here, wholly or in part. The node keeps its claim, so that no other
    /// node starts it, until an escalation has dealt with it.
    Stuck,
}

/// An order to the port. The port answers with the ticket, in [`crate::Cluster::complete`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start the group's resources in order, and announce its addresses.
    Acquire(GroupId),
    /// Stop the group's resources in reverse order.
    Release(GroupId),
    /// The group could not be stopped: fence it, or this node. Answer with [`Outcome::Done`] when nothing of it can run
    /// here any more. After any other answer the group is stopped once more five seconds later, and escalated once more
    /// if that fails.
    Escalate(GroupId),
    /// Make sure that a dead node does nothing any more: reset it, or cut its power. After that, the groups that it may
    /// run are started.
    Fence(NodeId),
    /// Announce the group's addresses once more: a rival owner is gone. The engine awaits no answer; to complete it
    /// does no harm.
    Announce(GroupId),
}

/// The outcome of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ended as ordered.
    Done,
    /// It failed. A failed start has stopped again everything that it had started; a failed stop has left something
    /// running.
    Failed,
    /// A start failed, and could not stop again everything that it had started.
    FailedAndStuck,
    /// It did not end within its time limit.
    TimedOut,
}

/// Whether the peer was heard when this node started a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// It was, or it has agreed since.
    #[default]
    Agreed,
    /// It was not, and may have started the same resources.
    Inherited,
}

/// The resources of a group that an earlier run of this node has left running on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remains {
    /// None of them.
    Nothing,
    /// Some of them.
    Part(Origin),
    /// All of them.
    All(Origin),
}

/// The reason why a key was refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// There is no such group.
    NoGroup,
    /// It has more than [`KEY_MAX`] bytes.
    TooLong,
}

/// The right to report the end of one effect, once: neither `Copy` nor `Clone`.
///
/// The engine recognises and ignores the ticket of an effect that it gave up meanwhile.
#[must_use = "an effect whose ticket is dropped ends as timed out"]
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket(u32);

impl Ticket {
    fn new(group: usize, serial: u16) -> Self {
        Self::at(group as u32, serial)
    }

    pub(super) fn at(place: u32, serial: u16) -> Self {
        Self(place << 16 | u32::from(serial))
    }

    pub(super) fn value(&self) -> u32 {
        self.0
    }

    /// The ticket as a number, for a port that must carry it through C or a queue.
    pub fn into_raw(self) -> u32 {
        self.0
    }

    /// The ticket of a number from [`Ticket::into_raw`]. The engine ignores any other number.
    pub fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    fn group(&self) -> usize {
        (self.0 >> 16) as usize
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    pub(super) ticket: u32,
    pub(super) deadline: Instant,
}

/// Whether this node asks the peer for a group (legacy).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupRequest {
    None,
    /// The request is to be sent.
    Due,
    /// The request was sent and not answered.
    Sent,
}

/// The treatment of a stuck group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escalation {
    /// Nothing: it is not stuck, or it is wanted here.
    No,
    /// It was not escalated yet.
    Due,
    /// An escalation has failed. At this time the group is stopped once more, and escalated once more if that fails.
    Again(Instant),
    /// It is being stopped once more.
    StopsAgain,
    /// An earlier run of this node has left it. It is stopped once more then, as often as it takes, and never
    /// escalated: a start must not end in a reboot. That ends when it runs as it should, has stopped, or is to be
    /// released.
    Leftover(Instant),
    /// An earlier run has left it. It is being stopped once more, or started, since it is wanted here.
    LeftoverTried,
}

/// Whether a group is to run here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// It is not.
    No,
    /// It is. If the peer lived while this node started it, and reads other groups in its `haresources`, this node
    /// releases a group of origin `Inherited` again.
    Yes(Origin),
}

impl Wanted {
    /// The peer is heard, or was never needed.
    pub(super) const OWN: Self = Self::Yes(Origin::Agreed);
    /// The peer is dead, or not heard yet.
    pub(super) const INHERITED: Self = Self::Yes(Origin::Inherited);
}

/// How much of a group runs here while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Whole,
    /// An earlier run has left only a part of it running. The whole group is started when a start is allowed.
    Part,
}

/// A resource group as this node sees it.
#[derive(Clone, Debug)]
pub struct Group {
    /// The node named first in its line of `haresources`.
    pub home: NodeId,
    state: GroupState,
    wanted: Wanted,
    extent: Extent,
    announce: bool,
    pub(super) escalation: Escalation,
    pub(super) in_flight: Option<InFlight>,
    /// Its next start here after one that failed.
    #[cfg(not(feature = "small"))]
    pub(super) retry: Retry,
    /// Its home is dead or has left: a remaining node may own it.
    pub(super) home_gone: bool,
    /// Only the legacy protocol needs these three.
    pub(super) key: heapless::String<KEY_MAX>,
    pub(super) request: GroupRequest,
    pub(super) asked_by: Option<NodeId>,
}

impl Group {
    pub(super) fn new(home: NodeId) -> Self {
        Self {
            home,
            state: GroupState::Stopped,
            wanted: Wanted::No,
            extent: Extent::Whole,
            announce: false,
            escalation: Escalation::No,
            in_flight: None,
            #[cfg(not(feature = "small"))]
            retry: Retry::default(),
            home_gone: false,
            key: heapless::String::new(),
            request: GroupRequest::None,
            asked_by: None,
        }
    }

    /// The first word of its line in `haresources`; empty if it was never set.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn set_key(&mut self, key: &str) -> Result<(), KeyError> {
        self.key = key.try_into().map_err(|_| KeyError::TooLong)?;
        Ok(())
    }

    /// Sets whether it is to run here. A group that is wanted already keeps its origin.
    pub(super) fn set_wanted(&mut self, wanted: Wanted) {
        self.wanted = match (self.wanted, wanted) {
            (Wanted::Yes(origin), Wanted::Yes(_)) => Wanted::Yes(origin),
            (_, wanted) => wanted,
        };
        let wanted = self.is_wanted();
        #[cfg(not(feature = "small"))]
        if !wanted {
            self.retry = Retry::default();
        }
        self.state = match self.state {
            GroupState::Failed => GroupState::Stopped,
            // It is to be released once more: perhaps its scripts can stop it now.
            GroupState::Stuck if !wanted && self.in_flight.is_none() && self.escalation != Escalation::Due => {
                self.escalation = Escalation::No;
                GroupState::Running
            }
            same => same,
        };
        if !wanted && self.escalation == Escalation::LeftoverTried {
            self.escalation = Escalation::StopsAgain;
        }
    }

    /// The peer asks for it. A leftover of an earlier run is being stopped already, and must not be escalated for that.
    pub(super) fn ask_back(&mut self) {
        if self.is_leftover() {
            self.wanted = Wanted::No;
        } else {
            self.set_wanted(Wanted::No);
        }
    }

    /// An earlier run has left it and could not stop it.
    #[cfg(not(feature = "small"))]
    pub(super) fn leave_over(&mut self, again: Instant) {
        self.state = GroupState::Stuck;
        self.wanted = Wanted::No;
        self.escalation = Escalation::Leftover(again);
    }

    /// Whether something of it that an earlier run left may be here. With the feature `small` the engine is not told.
    pub(super) fn is_leftover(&self) -> bool {
        !cfg!(feature = "small") && matches!(self.escalation, Escalation::Leftover(_) | Escalation::LeftoverTried)
    }

    /// It was running here before this engine was made, wholly or in part.
    pub(super) fn resume(&mut self, remains: Remains) {
        let (extent, origin) = match remains {
            Remains::Nothing => return,
            Remains::Part(origin) => (Extent::Part, origin),
            Remains::All(origin) => (Extent::Whole, origin),
        };
        if !cfg!(feature = "small") {
            self.extent = extent;
        }
        self.wanted = Wanted::Yes(origin);
        self.state = GroupState::Running;
    }

    /// Whether it runs here.
    pub fn state(&self) -> GroupState {
        self.state
    }

    /// Whether it should run here.
    pub fn is_wanted(&self) -> bool {
        self.wanted != Wanted::No
    }

    /// An inherited group belongs here from now on.
    pub(super) fn keep(&mut self) {
        if self.is_inherited() {
            self.wanted = Wanted::OWN;
        }
    }

    /// Whether this node started it, or a part of it, while the peer was dead or not heard yet.
    pub fn is_inherited(&self) -> bool {
        !cfg!(feature = "small") && self.wanted == Wanted::INHERITED
    }

    /// Whether only a part of it runs here, because its line in `haresources` has changed.
    pub fn is_partial(&self) -> bool {
        !cfg!(feature = "small") && self.extent == Extent::Part && self.is_wanted()
    }

    /// The part of it that runs here, for the engine that continues after this one.
    pub fn remains(&self) -> Remains {
        let origin = if self.is_inherited() { Origin::Inherited } else { Origin::Agreed };
        match self.state {
            GroupState::Running if self.is_partial() => Remains::Part(origin),
            GroupState::Running => Remains::All(origin),
            GroupState::Stopped
            | GroupState::Starting
            | GroupState::Stopping
            | GroupState::Failed
            | GroupState::Stuck => Remains::Nothing,
        }
    }

    /// It is being started. `heard`: the peer is alive, and cannot start it at the same time.
    fn begin_start(&mut self, heard: bool) {
        if cfg!(feature = "small") {
            return;
        }
        self.extent = Extent::Whole;
        if !heard {
            self.wanted = Wanted::INHERITED;
        }
    }

    /// Whether it is being started, stopped or escalated, or is about to be. A stuck group rests between two attempts.
    pub fn is_moving(&self) -> bool {
        match self.state {
            GroupState::Starting | GroupState::Stopping => true,
            GroupState::Stopped | GroupState::Running | GroupState::Failed => false,
            GroupState::Stuck => {
                let rests = matches!(self.escalation, Escalation::Again(_) | Escalation::Leftover(_));
                self.is_wanted() || self.in_flight.is_some() || !rests
            }
        }
    }

    /// The time at which its effect is late, or the next one is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match (self.in_flight, self.state, self.escalation) {
            (Some(effect), _, _) => Some(effect.deadline),
            (None, GroupState::Stuck, Escalation::Again(at) | Escalation::Leftover(at)) if !self.is_wanted() => {
                Some(at)
            }
            (None, _, _) => None,
        }
    }

    /// Whether nothing of it runs here, or may run here.
    pub(super) fn is_absent(&self) -> bool {
        !self.is_wanted() && matches!(self.state, GroupState::Stopped | GroupState::Failed)
    }

    pub(super) fn is_settled(&self) -> bool {
        self.in_flight.is_none()
            && match self.state {
                GroupState::Running => self.is_wanted() && !self.is_partial(),
                GroupState::Stopped => !self.is_wanted(),
                GroupState::Failed => true,
                GroupState::Starting | GroupState::Stopping | GroupState::Stuck => false,
            }
    }

    fn next_step(&self, now: Instant) -> Option<GroupState> {
        match (self.in_flight.is_some(), self.is_wanted(), self.state) {
            (false, true, GroupState::Running) if self.is_partial() => Some(GroupState::Starting),
            // A stuck group may run here, and now it should: a start asks each resource first.
            (false, true, GroupState::Stopped | GroupState::Stuck) => Some(GroupState::Starting),
            (false, false, GroupState::Running) => Some(GroupState::Stopping),
            (false, false, GroupState::Stuck) => match self.escalation {
                Escalation::No | Escalation::StopsAgain | Escalation::LeftoverTried => None,
                Escalation::Due => Some(GroupState::Stuck),
                Escalation::Again(at) | Escalation::Leftover(at) => (at <= now).then_some(GroupState::Stopping),
            },
            (
                _,
                _,
                GroupState::Stopped
                | GroupState::Starting
                | GroupState::Running
                | GroupState::Stopping
                | GroupState::Failed
                | GroupState::Stuck,
            ) => None,
        }
    }
}

impl<const GROUPS: usize> Takeover<GROUPS> {
    /// The next effect to carry out. At most one effect per group is in flight, besides announcements.
    pub fn poll_effect(&mut self, now: Instant) -> Option<(Ticket, Effect)> {
        if let Some(fence) = self.poll_fence(now) {
            return Some(fence);
        }
        // A node that was declared dead has returned, and may run its groups: they wait until it reports its claim.
        let in_doubt = self.other.is_hbcore && self.timers.heal.is_some() || self.is_foreign_in_doubt();
        // The peer may run ours.
        let home_in_doubt = self.is_home_in_doubt();
        let home = self.home;
        let divided = self.is_divided();
        let heard = self.other.alive;
        let (index, next) = self.groups.iter().enumerate().find_map(|(n, g)| {
            let waits = divided || if g.home == home { home_in_doubt } else { in_doubt };
            let next = g.next_step(now).filter(|next| !waits || *next != GroupState::Starting);
            (g.announce || next.is_some()).then_some((n, next))
        })?;
        self.serial = self.serial.wrapping_add(1);
        let ticket = Ticket::new(index, self.serial);
        let deadline = now.after(self.effect_limit);
        let group = self.groups.get_mut(index)?;
        let id = GroupId(index as u16);
        if let Some(next) = next {
            group.escalation = match (group.state, next) {
                (GroupState::Stuck, GroupState::Starting | GroupState::Stopping) if group.is_leftover() => {
                    Escalation::LeftoverTried
                }
                (GroupState::Stuck, GroupState::Stopping) => Escalation::StopsAgain,
                _ => Escalation::No,
            };
            group.state = next;
            group.announce = false;
            if next == GroupState::Starting {
                group.begin_start(heard);
            }
            group.in_flight = Some(InFlight { ticket: ticket.0, deadline });
            let effect = match next {
                GroupState::Starting => Effect::Acquire(id),
                GroupState::Stuck => Effect::Escalate(id),
                // `next_step` returns none of the others but the first.
                GroupState::Stopping | GroupState::Stopped | GroupState::Running | GroupState::Failed => {
                    Effect::Release(id)
                }
            };
            return Some((ticket, effect));
        }
        group.announce = false;
        Some((ticket, Effect::Announce(id)))
    }

    /// An effect ended. The machine ignores a ticket that is not in flight.
    pub fn complete(&mut self, now: Instant, ticket: &Ticket, outcome: Outcome) {
        if self.fence_ended(now, ticket.0, outcome) {
            return;
        }
        let index = ticket.group();
        let Some(group) = self.groups.get_mut(index) else { return };
        if group.in_flight.is_none_or(|f| f.ticket != ticket.0) {
            return;
        }
        group.in_flight = None;
        let before = group.state;
        let was_leftover = group.is_leftover();
        let was_stuck = before == GroupState::Stuck || was_leftover || group.escalation == Escalation::StopsAgain;
        group.state = match (before, outcome) {
            (GroupState::Starting, Outcome::Done) => GroupState::Running,
            (GroupState::Starting, Outcome::Failed) => GroupState::Failed,
            // Any part of it may run, so it is stopped next.
            (GroupState::Starting, Outcome::TimedOut) if !was_leftover => {
                group.wanted = Wanted::No;
                GroupState::Running
            }
            (GroupState::Starting, Outcome::FailedAndStuck | Outcome::TimedOut) => {
                group.wanted = Wanted::No;
                GroupState::Stuck
            }
            (
                GroupState::Stopped
                | GroupState::Running
                | GroupState::Stopping
                | GroupState::Failed
                | GroupState::Stuck,
                outcome,
            ) => match outcome {
                Outcome::Done => GroupState::Stopped,
                Outcome::Failed | Outcome::FailedAndStuck | Outcome::TimedOut => GroupState::Stuck,
            },
        };
        // A group that is wanted here again is started, not escalated.
        let is_stuck = group.state == GroupState::Stuck && !group.is_wanted();
        group.escalation = match before {
            _ if was_leftover && group.state == GroupState::Stuck => Escalation::Leftover(now.after(ESCALATE_AGAIN)),
            _ if !is_stuck => Escalation::No,
            GroupState::Stuck => Escalation::Again(now.after(ESCALATE_AGAIN)),
            _ => Escalation::Due,
        };
        let class = if group.home == self.home { Class::Local } else { Class::Foreign };
        let (after, id) = (group.state, GroupId(index as u16));
        self.notice(match (before, outcome) {
            (GroupState::Starting, Outcome::Done) => Notice::Started(id),
            (GroupState::Starting, _) => Notice::StartFailed(id),
            (_, Outcome::Done) => Notice::Stopped(id),
            (_, _) => Notice::StopFailed(id),
        });
        #[cfg(not(feature = "small"))]
        self.note_end(now, index, before, outcome);
        if before == GroupState::Starting && outcome != Outcome::Done {
            self.give_away_later(now, class);
        }
        match after {
            // It has been claimed since the start, and nothing has changed.
            GroupState::Stuck if was_leftover => {}
            GroupState::Stopped if was_leftover && self.is_served(class) => {
                self.groups.get_mut(index).into_iter().for_each(|group| group.set_wanted(Wanted::OWN));
                self.report(Info::Plain);
            }
            GroupState::Stuck if is_stuck => self.claim_stuck(class),
            _ if was_stuck => self.unclaim(class),
            _ => {}
        }
        self.after_change(now);
    }

    /// This node still owns a group that it cannot stop, whatever it said: if it dies, the peer must fence it first.
    fn claim_stuck(&mut self, class: Class) {
        self.hold = self.hold.with(class);
        self.report(Info::Standby);
    }

    /// A stuck group was dealt with. Its class is no longer claimed if nothing of the class is here. This node reports
    /// in either case: the peer has taken it for unsettled since the group was stuck.
    fn unclaim(&mut self, class: Class) {
        let home = self.home;
        if self.groups.iter().filter(|g| belongs(g, home, class)).all(Group::is_absent) {
            self.hold = self.hold.without(class);
        }
        self.report(if self.standby == Standby::NotAsked { Info::Plain } else { Info::Standby });
    }

    /// Whether a group of `class`, which is settled, does not run here because it could not be started.
    pub(super) fn lacks(&self, class: Class) -> bool {
        self.groups.iter().any(|g| belongs(g, self.home, class) && g.state != GroupState::Running)
    }

    pub(super) fn expire_effects(&mut self, now: Instant) {
        self.expire_fences(now);
        for _ in 0..GROUPS {
            let late = self.groups.iter().find_map(|g| g.in_flight.filter(|f| f.deadline <= now));
            let Some(late) = late else { return };
            self.complete(now, &Ticket(late.ticket), Outcome::TimedOut);
        }
    }

    /// Sets every group of a class as wanted here, except those whose home is a third node that lives. `giver`: a
    /// living node whose groups this node is to acquire.
    pub(super) fn want(&mut self, class: Class, giver: Option<NodeId>, wanted: Wanted) {
        let home = self.home;
        for group in self.groups.iter_mut().filter(|g| belongs(g, home, class)) {
            if group.home == home || group.home_gone || Some(group.home) == giver {
                group.set_wanted(wanted);
            }
        }
    }

    pub(super) fn want_not(&mut self, class: Class) {
        let home = self.home;
        for group in self.groups.iter_mut().filter(|g| belongs(g, home, class)) {
            group.set_wanted(Wanted::No);
        }
    }

    /// A node has died or left, or has returned.
    pub(super) fn set_home_gone(&mut self, node: NodeId, gone: bool) {
        for group in self.groups.iter_mut().filter(|g| g.home == node) {
            group.home_gone = gone;
        }
    }

    pub(super) fn announce(&mut self, class: Class) {
        let home = self.home;
        for group in self.groups.iter_mut().filter(|g| belongs(g, home, class)) {
            group.announce = group.state == GroupState::Running;
        }
    }

    pub(super) fn class_settled(&self, class: Class) -> bool {
        self.groups.iter().filter(|g| belongs(g, self.home, class)).all(Group::is_settled)
    }
}

pub(super) fn belongs(group: &Group, home: NodeId, class: Class) -> bool {
    match class {
        Class::Local => group.home == home,
        Class::Foreign => group.home != home,
        Class::All => true,
    }
}

/// The pause between an escalation that failed and the next attempt.
pub const ESCALATE_AGAIN: Duration = Duration::from_secs(5);

/// The longest key of a group that the engine keeps: 100 bytes, and 31 with the feature `small`. Only the legacy
/// protocol needs keys.
pub const KEY_MAX: usize = if cfg!(feature = "small") { 31 } else { 100 };

/// The longest time that an effect may take unless the configuration sets another (docs/protocol/resources.md 1.6: an
/// hour a phase).
pub const EFFECT_LIMIT: Duration = Duration::from_hours(1);
