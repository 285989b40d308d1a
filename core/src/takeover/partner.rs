//! The other node: its reports, its death, its leave and its return after a partition.

use super::{AutoFailback, Class, FAILBACK_RETRY, HEAL_PATIENCE, Holds, Info, Notice, Phase, Say, Standby, Takeover};
use crate::id::{NodeId, Sequence};
use crate::time::Instant;

/// A `resource` message.
#[derive(Clone, Copy, Debug)]
pub struct ReportIn {
    /// Its number, which orders reports.
    pub seq: Sequence,
    /// What the sender claims.
    pub holds: Holds,
    /// `rtype=full`: replaces what was known; otherwise it adds to it.
    pub full: bool,
    /// Whether the claims are final, if it says so.
    pub stable: Option<bool>,
    /// `info=shutdown`: the sender is about to leave.
    pub shutdown: bool,
    /// The sender is of our kind.
    pub is_hbcore: bool,
}

impl<const GROUPS: usize> Takeover<GROUPS> {
    /// The other node sent `starting`: it has just become active.
    pub fn on_starting(&mut self, is_hbcore: bool) {
        self.other.alive = true;
        self.other.is_hbcore = is_hbcore;
        self.other.stable = false;
        self.other.leaving = false;
        self.timers.heal = None;
        match self.phase {
            Phase::Init => self.other.started_early = true,
            Phase::Starting | Phase::BothStarting => {
                self.phase = Phase::BothStarting;
                self.report(Info::Plain);
            }
            Phase::Reported | Phase::Stable | Phase::Leaving => self.report(Info::Plain),
            Phase::Left => {}
        }
    }

    /// The other node began a new run: its earlier reports, and their numbers, are void.
    pub fn on_restart(&mut self) {
        self.other.report = Sequence(0);
        self.other.leaving = false;
        self.other.is_hbcore = false;
        self.other.started_early = false;
        self.other.reported = false;
        self.timers.heal = None;
    }

    /// The other node reported what it claims.
    pub fn on_report(&mut self, now: Instant, report: ReportIn) {
        if report.seq <= self.other.report {
            return;
        }
        let before = self.other.holds;
        self.other.alive = true;
        self.other.report = report.seq;
        self.other.is_hbcore |= report.is_hbcore;
        self.other.reported |= report.full;
        if report.is_hbcore && self.timers.heal.take().is_some() {
            self.other.leaving = false;
        }
        self.other.leaving |= report.shutdown;
        self.other.holds = match (report.full, report.holds) {
            (true, holds) => holds,
            (false, Holds::NONE) => Holds::NONE,
            (false, more) => Holds { local: before.local || more.local, foreign: before.foreign || more.foreign },
        };
        match report.stable {
            Some(true) if !self.other.stable => {
                self.other.stable = true;
                self.notice(Notice::RemoteTransitionComplete);
                if matches!(self.phase, Phase::Stable | Phase::Leaving) {
                    self.report(Info::Plain);
                }
            }
            Some(stable) => self.other.stable = stable,
            None => {}
        }
        if self.phase == Phase::Leaving && self.timers.linger.is_some() && self.other.holds == Holds::ALL {
            self.phase = Phase::Left;
        }
        if self.phase.is_starting() && report.full {
            if self.other.stable || !self.other.holds.foreign {
                self.settle(now);
            } else {
                self.phase = Phase::Reported;
            }
            return;
        }
        self.rival_gone(before);
        if !report.full {
            self.takeover_ended_there();
        }
        self.resolve_conflict(now);
        self.try_failback(now);
    }

    /// The other node has finished taking our groups over, and we are back already. A 3.0.6 gives them back only when it sees us become
    /// stable, and did not look while it was busy.
    fn takeover_ended_there(&mut self) {
        if self.phase == Phase::Stable && !self.hold.local && !self.other.is_hbcore && self.standby == Standby::NotAsked
        {
            self.say(Say::Report { hold: self.hold, stable: false, info: Info::Plain });
            self.report(Info::Plain);
        }
    }

    /// The other node released everything and leaves (`shutdone`).
    pub fn on_shutdone(&mut self, now: Instant, node: NodeId) {
        let before = self.other.holds;
        self.other.holds = Holds::NONE;
        self.other.stable = true;
        self.other.leaving = true;
        self.timers.heal = None;
        self.notice(Notice::ShutdownNotice(node));
        self.rival_gone(before);
        if self.phase.is_starting() || self.phase == Phase::Stable {
            self.needs_failback = true;
            self.end_standby();
            self.take_from(now, node);
        }
    }

    /// A node was declared dead. `heard`: it had been heard since our start.
    pub fn on_death(&mut self, now: Instant, node: NodeId, heard: bool) {
        if self.standby != Standby::NotAsked {
            self.end_standby();
            self.notice(Notice::StandbyCancelled);
        }
        if matches!(self.phase, Phase::Init | Phase::Leaving | Phase::Left) {
            return;
        }
        let before = self.other.holds;
        let unneeded = heard && self.other.reported && before == Holds::NONE;
        self.say(Say::Stonith { node, unneeded });
        if !unneeded {
            self.notice(Notice::NotFenced(node));
        }
        if unneeded {
            self.notice(Notice::GaveUp(node));
        }
        self.other.holds = Holds::NONE;
        self.other.stable = true;
        self.other.leaving = false;
        self.other.reported = false;
        self.other.alive = false;
        self.needs_failback = true;
        self.rival_gone(before);
        self.take_from(now, node);
    }

    /// A node that we had declared dead speaks again, in the same run: a partition healed, and both sides may own the
    /// same groups. The two tell each other what they hold; then the home of each group keeps it.
    ///
    /// A 3.0.6 node restarts itself at this point, so we keep everything, and wait for it to leave.
    pub fn on_return(&mut self, now: Instant) {
        self.other.alive = true;
        self.other.stable = true;
        if !self.other.is_hbcore {
            self.other.leaving = true;
            self.timers.heal = Some(now.after(HEAL_PATIENCE));
        }
        if self.phase == Phase::Stable {
            self.report(Info::Plain);
        }
    }

    /// Takes every group that is not claimed here yet.
    fn take_from(&mut self, now: Instant, node: NodeId) {
        if self.hold == Holds::ALL {
            return;
        }
        self.timers.settle = None;
        self.timers.ask_again = None;
        let was_starting = self.phase != Phase::Stable;
        self.phase = Phase::Stable;
        self.notice(Notice::AcquiringFrom(node));
        self.hold = Holds::ALL;
        self.taking_from = Some(node);
        self.announce_own = false;
        self.yielding = false;
        self.want(Class::All, true);
        self.report(Info::OwnAcquired);
        if was_starting {
            self.notice(Notice::LocalTransitionComplete);
        }
        self.after_change(now);
    }

    /// Two owners of one class, after a partition: the home of the groups keeps them, on whichever side it is.
    /// The keeper serves on throughout; the other releases.
    pub(super) fn resolve_conflict(&mut self, now: Instant) {
        if self.phase != Phase::Stable || self.standby != Standby::NotAsked || self.other.leaving {
            return;
        }
        let contested = self.hold.local && self.other.holds.foreign;
        if contested && !self.keeping {
            self.notice(Notice::Keeping(Class::Local));
            self.announce(Class::Local);
        }
        if contested {
            // Only one side may have noticed the partition: each report of the other is answered, until it yields.
            self.report(Info::Plain);
        }
        self.keeping = contested;
        if self.hold.foreign && self.other.holds.local {
            self.notice(Notice::Yielding(Class::Foreign));
            self.hold.foreign = false;
            self.taking_from = None;
            self.needs_failback = false;
            self.yielding = true;
            self.want(Class::Foreign, false);
            self.report(Info::Standby);
            self.after_change(now);
        }
    }

    /// Announces the addresses of groups that another node claimed until now: its neighbours may still believe it.
    fn rival_gone(&mut self, before: Holds) {
        if self.hold.local && before.foreign && !self.other.holds.foreign {
            self.announce(Class::Local);
        }
        if self.hold.foreign && before.local && !self.other.holds.local {
            self.announce(Class::Foreign);
        }
    }

    /// Gives foreign groups back to their home, if that is wished and possible (resource reference 1.7).
    pub(super) fn try_failback(&mut self, now: Instant) {
        if !self.needs_failback || !self.hold.foreign || self.auto_failback == AutoFailback::Off {
            return;
        }
        if self.other.leaving || !self.other.reported || self.phase != Phase::Stable {
            return;
        }
        let movable = self.standby == Standby::NotAsked && self.other.stable && self.class_settled(Class::All);
        if !movable {
            self.timers.failback = Some(now.after(FAILBACK_RETRY));
            return;
        }
        self.needs_failback = false;
        self.start_standby(now, Class::Foreign);
    }
}
