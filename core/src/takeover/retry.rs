//! Groups that could not be started here, and that no other node can take over now.
//!
//! ```text
//!   Failed ──no other node is alive───────────────▶ started here again after 5 s, 10 s, 20 s, … at most 5 min
//!     │ ╲──an operator asks, or the cause is gone──▶ started here again at once
//!     ╰─another node is alive──▶ handed over to it, with its class
//! ```
//!
//! With `auto_failback legacy` nothing is handed over, so a group is always started here again.
//!
//! Not with the feature `small`: the firmware itself decides what a failed start means.

use super::{Class, Group, GroupState, Info, Outcome, Phase, Standby, Takeover, group::Wanted, group::belongs};
use crate::id::GroupId;
use crate::time::{Duration, Instant, sooner};

/// The pause between a first failed start and the next one. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause between two starts.
const LAST_PAUSE: Duration = Duration::from_mins(5);

/// The next start of a group that could not be started here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Retry {
    /// None is due: no start has failed since the group last ran here, or it was given up since.
    #[default]
    No,
    /// It is due at `at`, after a pause of this length.
    Due { at: Instant, pause: Duration },
}

impl Retry {
    /// One more start has failed.
    pub(super) fn failed(&mut self, now: Instant) {
        let pause = match *self {
            Self::No => FIRST_PAUSE,
            Self::Due { pause, .. } => pause.saturating_mul(2).min(LAST_PAUSE),
        };
        *self = Self::Due { at: now.after(pause), pause };
    }
}

impl Group {
    /// The time of its next start here, if it waits for one. A group that had to be stopped while it started is not wanted
    /// any more.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        let waits = match self.state() {
            GroupState::Failed => self.is_wanted(),
            GroupState::Stopped => !self.is_wanted(),
            GroupState::Starting | GroupState::Running | GroupState::Stopping | GroupState::Stuck => false,
        };
        match self.retry {
            Retry::Due { at, .. } if waits && self.in_flight.is_none() => Some(at),
            Retry::Due { .. } | Retry::No => None,
        }
    }
}

impl<const GROUPS: usize> Takeover<GROUPS> {
    /// Whether a group that could not be started here is started here again: no other node can take it over.
    pub(super) fn retries(&self) -> bool {
        let is_alone = !self.other.alive || self.is_legacy();
        self.phase == Phase::Stable && is_alone && !self.fencing.is_pending() && !self.is_divided()
    }

    /// Moves `deadline` to that of the next start, if that is sooner.
    pub(super) fn bring_retry_forward(&self, deadline: &mut Instant) {
        if self.retries() {
            self.groups.iter().for_each(|group| sooner(deadline, group.retry_at().as_ref()));
        }
    }

    /// An effect of a group has ended.
    pub(super) fn note_end(&mut self, now: Instant, index: usize, before: GroupState, outcome: Outcome) {
        let Some(group) = self.groups.get_mut(index) else { return };
        match (before, outcome) {
            (GroupState::Starting, Outcome::Done) => group.retry = Retry::No,
            (GroupState::Starting, Outcome::Failed | Outcome::FailedAndStuck | Outcome::TimedOut) => {
                group.retry.failed(now);
            }
            (
                GroupState::Stopped
                | GroupState::Running
                | GroupState::Stopping
                | GroupState::Failed
                | GroupState::Stuck,
                _,
            ) => {}
        }
    }

    /// Starts what is due.
    pub(super) fn retry(&mut self, now: Instant) {
        if self.retries() {
            self.start_again(|_, group| group.retry_at().is_some_and(|at| at <= now));
        }
    }

    /// An operator asks for the groups of a class while no other node is alive: those that could not be started here are
    /// started at once. Returns whether there is one.
    pub(super) fn start_failed(&mut self, class: Class) -> bool {
        let home = self.home;
        self.retries() && self.start_again(|_, group| belongs(group, home, class) && group.retry_at().is_some())
    }

    /// The cause of a failed start is gone: the group is started here at once, unless it does not belong here any more.
    /// Nothing happens if it did not fail here.
    pub fn cause_is_gone(&mut self, group: GroupId) {
        let is_free = self.standby == Standby::NotAsked && self.phase == Phase::Stable;
        if is_free && !self.is_divided() {
            let retries = self.retries();
            self.start_again(|id, g| id == group && g.retry_at().is_some() && (retries || g.is_wanted()));
        }
    }

    fn start_again(&mut self, is_meant: impl Fn(GroupId, &Group) -> bool) -> bool {
        let (mut any, home, before) = (false, self.home, self.hold);
        for (id, group) in (0..).map(GroupId).zip(&mut self.groups) {
            if is_meant(id, group) && (group.home == home || group.home_gone || group.is_wanted()) {
                self.hold = self.hold.with(if group.home == home { Class::Local } else { Class::Foreign });
                group.set_wanted(Wanted::INHERITED);
                any = true;
            }
        }
        if self.hold != before {
            self.report(Info::Plain);
        }
        any
    }
}
