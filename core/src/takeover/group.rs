//! One resource group, its effects and their tickets.

use super::{Class, Notice, Takeover};
use crate::id::{GroupId, NodeId};
use crate::time::{Duration, Instant};

/// Whether a group runs on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// Not here.
    Stopped,
    /// Being started.
    Starting,
    /// Here.
    Running,
    /// Being stopped.
    Stopping,
    /// A start failed; everything of it was stopped again. Tried again when the group is next asked for.
    Failed,
}

/// Something that the port must do. It answers with the ticket, in [`crate::Cluster::complete`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start the group's resources in order, and announce its addresses.
    Acquire(GroupId),
    /// Stop the group's resources in reverse order.
    Release(GroupId),
    /// Announce the group's addresses once more: a rival owner is gone. No answer is awaited; completing it is harmless.
    Announce(GroupId),
}

/// How an effect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As wished.
    Done,
    /// Not as wished: a failed start has stopped again what it had started.
    Failed,
    /// It did not end within its time limit.
    TimedOut,
}

/// The right to report the end of one effect, once: neither `Copy` nor `Clone`.
///
/// A ticket of an effect that was given up meanwhile is recognised and ignored.
#[must_use = "an effect whose ticket is dropped ends as timed out"]
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket(u32);

impl Ticket {
    fn new(group: usize, serial: u16) -> Self {
        Self((group as u32) << 16 | u32::from(serial))
    }

    /// As a number, for a port that must carry it through C or a queue.
    pub fn into_raw(self) -> u32 {
        self.0
    }

    /// From the number that [`Ticket::into_raw`] gave. A number from elsewhere is ignored when redeemed.
    pub fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    fn group(&self) -> usize {
        (self.0 >> 16) as usize
    }
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    ticket: u32,
    deadline: Instant,
}

/// A resource group as this node sees it.
#[derive(Clone, Debug)]
pub struct Group {
    /// The node named first in its line of `haresources`.
    pub home: NodeId,
    state: GroupState,
    wanted: bool,
    announce: bool,
    in_flight: Option<InFlight>,
}

impl Group {
    pub(super) fn new(home: NodeId) -> Self {
        Self { home, state: GroupState::Stopped, wanted: false, announce: false, in_flight: None }
    }

    /// Whether it runs here.
    pub fn state(&self) -> GroupState {
        self.state
    }

    /// Whether it should run here.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.in_flight.map(|f| f.deadline)
    }

    fn is_settled(&self) -> bool {
        self.in_flight.is_none()
            && match self.state {
                GroupState::Running => self.wanted,
                GroupState::Stopped => !self.wanted,
                GroupState::Failed => true,
                GroupState::Starting | GroupState::Stopping => false,
            }
    }

    fn next_step(&self) -> Option<GroupState> {
        match (self.in_flight.is_some(), self.wanted, self.state) {
            (false, true, GroupState::Stopped) => Some(GroupState::Starting),
            (false, false, GroupState::Running) => Some(GroupState::Stopping),
            _ => None,
        }
    }
}

impl<const GROUPS: usize> Takeover<GROUPS> {
    /// The next thing to do. At most one effect per group is in flight, besides announcements.
    pub fn poll_effect(&mut self, now: Instant) -> Option<(Ticket, Effect)> {
        let index = self.groups.iter().position(|g| g.next_step().is_some() || g.announce)?;
        self.serial = self.serial.wrapping_add(1);
        let ticket = Ticket::new(index, self.serial);
        let deadline = now.after(self.effect_limit);
        let group = self.groups.get_mut(index)?;
        let id = GroupId(index as u16);
        if let Some(next) = group.next_step() {
            group.state = next;
            group.announce = false;
            group.in_flight = Some(InFlight { ticket: ticket.0, deadline });
            let effect = if next == GroupState::Starting { Effect::Acquire(id) } else { Effect::Release(id) };
            return Some((ticket, effect));
        }
        group.announce = false;
        Some((ticket, Effect::Announce(id)))
    }

    /// An effect ended. A ticket that is not the one in flight is ignored.
    pub fn complete(&mut self, now: Instant, ticket: &Ticket, outcome: Outcome) {
        let index = ticket.group();
        let Some(group) = self.groups.get_mut(index) else { return };
        if group.in_flight.is_none_or(|f| f.ticket != ticket.0) {
            return;
        }
        group.in_flight = None;
        let id = GroupId(index as u16);
        let notice = match (group.state, outcome) {
            (GroupState::Starting, Outcome::Done) => {
                group.state = GroupState::Running;
                Notice::Started(id)
            }
            (GroupState::Starting, _) => {
                group.state = GroupState::Failed;
                Notice::StartFailed(id)
            }
            (_, Outcome::Done) => {
                group.state = GroupState::Stopped;
                Notice::Stopped(id)
            }
            (_, _) => {
                group.state = GroupState::Stopped;
                Notice::StopFailed(id)
            }
        };
        self.notice(notice);
        self.after_change(now);
    }

    pub(super) fn expire_effects(&mut self, now: Instant) {
        for _ in 0..GROUPS {
            let late = self.groups.iter().find_map(|g| g.in_flight.filter(|f| f.deadline <= now));
            let Some(late) = late else { return };
            self.complete(now, &Ticket(late.ticket), Outcome::TimedOut);
        }
    }

    pub(super) fn want(&mut self, class: Class, wanted: bool) {
        let home = self.home;
        for group in self.groups.iter_mut().filter(|g| belongs(g, home, class)) {
            group.wanted = wanted;
            if group.state == GroupState::Failed {
                group.state = GroupState::Stopped;
            }
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

fn belongs(group: &Group, home: NodeId, class: Class) -> bool {
    match class {
        Class::Local => group.home == home,
        Class::Foreign => group.home != home,
        Class::All => true,
    }
}

/// The longest that an effect may take unless the configuration says otherwise (resource reference 1.6: an hour a phase).
pub const EFFECT_LIMIT: Duration = Duration::from_hours(1);
