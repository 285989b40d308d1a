//! The peer: its reports, its death, its departure and its return after a partition.

use super::{
    ASK_AGAIN, AutoFailback, Class, FAILBACK_RETRY, FenceResult, Group, GroupState, HEAL_PATIENCE, Holds, Info,
    Inheritance, Notice, ORPHAN_PATIENCE, Phase, Say, Standby, Takeover, Wanted,
};
use crate::id::{GroupId, NodeId, Sequence};
use crate::time::{Duration, Instant};

/// The pause before the peer is asked again to take over a class that does not start here: a class that starts on
/// neither node must not move for ever. The first request goes out at once; a 3.0.6 waits half a minute.
const GIVE_AWAY_PAUSE: Duration = Duration::from_mins(5);
/// A class that does not start at the peer either comes back at once, from a 3.0.6 after half a minute. A class that
/// stayed longer has run there.
const BACK_AT_ONCE: Duration = Duration::from_secs(10);
const BACK_FROM_REFERENCE: Duration = Duration::from_secs(40);

/// A `resource` message.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact, not a state")]
pub struct ReportIn {
    /// Its sequence number, which orders reports.
    pub seq: Sequence,
    /// The classes that the sender claims.
    pub holds: Holds,
    /// `rtype=full`: the report replaces earlier ones; otherwise it adds to them.
    pub full: bool,
    /// Whether the claims are final, if the report tells it.
    pub stable: Option<bool>,
    /// `info=shutdown`: the sender is about to leave.
    pub shutdown: bool,
    /// `info=standby`: the sender is stopping groups that it no longer claims.
    pub releasing: bool,
    /// The sender runs hbcore.
    pub is_hbcore: bool,
    /// The groups that the sender started while it did not hear this node.
    pub inheritance: Inheritance,
}

impl<const GROUPS: usize> Takeover<GROUPS> {
    /// The peer sent `starting`: it has just become active. `seq`: its sequence number. If a report of the same run has
    /// already come, this node only answers the message.
    pub fn on_starting(&mut self, node: NodeId, seq: Sequence, is_hbcore: bool) {
        if self.is_legacy() {
            return self.mismatch(node);
        }
        self.set_home_gone(node, false);
        self.other.alive = true;
        self.other.is_hbcore = is_hbcore;
        self.other.stable &= seq < self.other.report;
        self.other.leaving = false;
        // An hbcore peer may only ask for our claim.
        self.timers.heal = self.timers.heal.filter(|_| is_hbcore);
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

    /// The peer began a new run: its earlier reports, and their sequence numbers, are void.
    pub fn on_restart(&mut self, node: NodeId) {
        self.set_home_gone(node, false);
        self.cancel_fencing(node);
        self.mismatch_told = false;
        self.cancel_standby();
        self.other.is_releasing = false;
        self.other.holds = Holds::NONE;
        self.other.asked = Sequence(0);
        self.other.report = Sequence(0);
        self.other.leaving = false;
        self.other.is_hbcore = false;
        self.other.started_early = false;
        self.other.reported = false;
        self.timers.heal = None;
        self.timers.orphaned = None;
        self.keeping = false;
    }

    /// The peer reported its claims.
    pub fn on_report(&mut self, now: Instant, node: NodeId, report: ReportIn) {
        if self.is_legacy() {
            return self.mismatch(node);
        }
        if report.seq <= self.other.report {
            return;
        }
        if !report.shutdown {
            self.set_home_gone(node, false);
        }
        let before = self.other.holds;
        self.other.node = Some(node);
        self.other.alive = true;
        self.other.report = report.seq;
        self.other.is_hbcore |= report.is_hbcore;
        self.other.reported |= report.full;
        if report.is_hbcore && report.full && self.timers.heal.take().is_some() {
            self.other.leaving = false;
        }
        self.other.leaving |= report.shutdown;
        let was_releasing = core::mem::replace(&mut self.other.is_releasing, report.releasing);
        self.other.inheritance = report.inheritance;
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
        self.other.took_over |= !report.full && self.phase.is_starting();
        if report.full {
            self.agree();
        }
        if self.phase.is_starting() && report.full {
            return self.settle_by_report(now);
        }
        self.rival_gone(before);
        if self.is_divided() && was_releasing && !report.releasing {
            // No message tells which groups the peer released.
            self.announce(Class::All);
        }
        if !report.full {
            self.takeover_ended_there();
        }
        if self.standby_overtaken(now) {
            self.after_change(now);
        }
        self.take_what_nobody_holds(now, report.full && report.stable == Some(true));
        self.resolve_conflict(now);
        if report.full {
            self.weigh_inheritance(now);
            self.answer_inheritor();
        }
        self.try_failback(now);
    }

    /// The peer is settled, and neither node claims our own groups: it restarted before it was declared dead, or it
    /// lost the groups that it was taking over. `told`: it has reported its whole claim, and that it is settled.
    pub(super) fn take_what_nobody_holds(&mut self, now: Instant, told: bool) {
        let settled = self.phase == Phase::Stable && self.standby == Standby::NotAsked && !self.is_divided();
        let told = told && !self.other.leaving;
        if settled && told && self.is_own_class_idle() && !self.other.holds.foreign {
            self.hold.local = true;
            self.announce_own = true;
            self.want(Class::Local, None, Wanted::OWN);
            // The report precedes the start: a peer that knows of no claim does not fence this node.
            self.report(Info::Plain);
            self.after_change(now);
        }
        if settled && told {
            self.serve_beside_leftovers();
        }
        // An hbcore peer does the same with its own groups. A 3.0.6 only complains that no node owns them.
        let orphaned = settled && told && !self.other.is_hbcore && !self.hold.foreign && !self.other.holds.local;
        self.timers.orphaned = if orphaned { self.timers.orphaned.or(Some(now.after(ORPHAN_PATIENCE))) } else { None };
    }

    /// No node claims the groups of a 3.0.6, which waits for something, up to an hour. They run here until it has been
    /// restarted, or an operator asks for a standby.
    pub(super) fn take_orphans(&mut self, now: Instant) {
        if self.phase != Phase::Stable || self.standby != Standby::NotAsked || self.hold.foreign || self.is_divided() {
            return;
        }
        self.hold.foreign = true;
        self.want(Class::Foreign, self.other.node, Wanted::OWN);
        self.report(Info::Plain);
        self.after_change(now);
    }

    /// The peer has taken over our groups, and this node is already back. A 3.0.6 fails them back only when it sees
    /// this node become stable, and it did not look while it was busy.
    fn takeover_ended_there(&mut self) {
        if self.phase == Phase::Stable && !self.hold.local && !self.other.is_hbcore && self.standby == Standby::NotAsked
        {
            self.show_stable_anew();
        }
    }

    /// Reports to a 3.0.6 that this node is unsettled, then that it is settled.
    pub(super) fn show_stable_anew(&mut self) {
        self.say(Say::Report { hold: self.hold, stable: false, info: Info::Plain });
        self.report(Info::Plain);
    }

    /// The peer released all groups and leaves (`shutdone`). `heir`: of the remaining nodes, this node takes over its
    /// groups.
    pub fn on_shutdone(&mut self, now: Instant, node: NodeId, heir: bool) {
        self.set_home_gone(node, true);
        self.agree_alone();
        self.cancel_fencing(node);
        let before = self.other.holds;
        self.other.holds = Holds::NONE;
        self.other.stable = true;
        self.other.leaving = true;
        self.other.is_releasing = false;
        self.timers.heal = None;
        self.notice(Notice::ShutdownNotice(node));
        self.rival_gone(before);
        if self.phase.is_starting() || self.phase == Phase::Stable {
            self.needs_failback = true;
            self.end_standby();
            self.inherit(now, node, heir);
        }
    }

    /// A node was declared dead. `heard`: it had been heard since our start. `heir`: of the remaining nodes, this node
    /// takes over its groups.
    pub fn on_death(&mut self, now: Instant, node: NodeId, heard: bool, heir: bool) {
        self.set_home_gone(node, true);
        self.agree_alone();
        let may_have_taken = matches!(self.standby, Standby::Releasing(_) | Standby::Released(_));
        self.cancel_standby();
        if matches!(self.phase, Phase::Init | Phase::Leaving | Phase::Left) {
            return;
        }
        let before = self.other.holds;
        let gave_up = if self.is_legacy() {
            self.other.leaving
        } else {
            self.other.reported && self.other.stable && before == Holds::NONE
        };
        // The peer also knew which class had no owner, and may have acquired it since.
        let nothing_free = self.is_legacy() || self.other.leaving || self.hold == Holds::ALL;
        let unneeded = heard && gave_up && nothing_free && !may_have_taken;
        let must_fence = !unneeded && self.must_fence(now, node, heir);
        if unneeded {
            self.say(Say::Stonith { node, result: FenceResult::Unneeded });
            self.notice(Notice::GaveUp(node));
        } else if !must_fence {
            self.say(Say::Stonith { node, result: FenceResult::NoDevice });
            self.notice(Notice::NotFenced(node));
        }
        self.other_is_gone(node);
        self.needs_failback = true;
        if must_fence {
            return;
        }
        self.rival_gone(before);
        self.inherit(now, node, heir);
    }

    /// A node is dead: nothing that it said before counts.
    pub(super) fn other_is_gone(&mut self, node: NodeId) {
        self.set_home_gone(node, true);
        self.other.holds = Holds::NONE;
        self.other.stable = true;
        self.other.leaving = false;
        self.other.reported = false;
        self.other.is_releasing = false;
        self.other.alive = false;
        // No peer is left that could report a claim.
        self.timers.heal = None;
    }

    /// A node that was declared dead is heard again, in the same run: a partition healed, and both nodes may own the
    /// same groups. They report their claims to each other; then the home of each group keeps it.
    ///
    /// A 3.0.6 node restarts itself at this point, so this node keeps everything, and waits for it to leave.
    pub fn on_return(&mut self, now: Instant, node: NodeId) {
        self.set_home_gone(node, false);
        self.cancel_fencing(node);
        self.other.alive = true;
        self.other.stable = true;
        if self.is_legacy() {
            return self.returned_legacy(now);
        }
        self.other.leaving = !self.other.is_hbcore;
        // The peer may run groups that do not start here: it had time to take them over.
        self.pause_give_away(Class::All, now);
        self.ask_what_it_holds(now);
        if self.phase == Phase::Stable {
            self.report(Info::Plain);
        }
    }

    /// Messages of the peer are lost for good, perhaps its newest report too: this node asks for its claim.
    pub fn reports_lost(&mut self, now: Instant) {
        if self.phase == Phase::Stable && self.other.alive && !self.is_legacy() {
            self.other.reported = false;
            self.ask_what_it_holds(now);
        }
    }

    /// An hbcore peer reports its claim at once, unless it never missed this node: then this node asks.
    fn ask_what_it_holds(&mut self, now: Instant) {
        self.timers.heal = Some(now.after(if self.other.is_hbcore { ASK_AGAIN } else { HEAL_PATIENCE }));
    }

    /// A node has died or left. One of the remaining nodes takes over its groups; with 3.0.6 each of them does.
    pub(super) fn inherit(&mut self, now: Instant, node: NodeId, heir: bool) {
        if heir {
            self.take_from(now, node);
        } else {
            self.settle(now);
        }
    }

    /// Takes over every group that this node does not claim yet.
    fn take_from(&mut self, now: Instant, node: NodeId) {
        // Own groups that are not wanted have waited for the peer to read the same file.
        let missing = |g: &Group| (g.home_gone || g.home == self.home) && !g.is_wanted();
        if self.phase == Phase::Stable && self.hold == Holds::ALL && !self.groups.iter().any(missing) {
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
        self.want(Class::All, None, Wanted::INHERITED);
        self.report(Info::OwnAcquired);
        if was_starting {
            self.notice(Notice::LocalTransitionComplete);
        }
        self.after_change(now);
    }

    /// Settles a conflict after a partition: the home of the groups keeps them, whichever node that is. The keeper
    /// serves on throughout; the other node releases them.
    pub(super) fn resolve_conflict(&mut self, now: Instant) {
        if self.phase != Phase::Stable || self.standby != Standby::NotAsked || self.other.leaving || self.is_divided() {
            return;
        }
        let contested = self.is_own_class_contested();
        if contested && !self.keeping {
            self.notice(Notice::Keeping(Class::Local));
            self.announce(Class::Local);
            if !self.other.is_hbcore && self.timers.heal.is_none() {
                // The peer declared this node dead, and will restart when it sees that this node is alive.
                self.timers.heal = Some(now.after(HEAL_PATIENCE));
            }
        }
        if contested {
            // Perhaps only one node noticed the partition: each report of the peer is answered until it yields.
            self.report(Info::Plain);
        }
        self.keeping = contested;
        // With three nodes, the peer may claim other groups than those that this node took over.
        let rival = self.groups.iter().any(|g| Some(g.home) == self.other.node && g.is_wanted());
        if self.hold.foreign && self.other.holds.local && rival {
            self.yield_groups(now, Class::Foreign);
        }
    }

    /// Whether the peer claims our own groups, and they are to run here.
    pub(super) fn is_own_class_contested(&self) -> bool {
        let exists = self.groups.iter().any(|g| g.home == self.home);
        exists && self.other.holds.foreign && !self.is_own_class_idle()
    }

    /// Releases the groups that the peer keeps.
    pub(super) fn yield_groups(&mut self, now: Instant, class: Class) {
        self.notice(Notice::Yielding(class));
        self.hold = self.hold.without(class);
        // A class that does not start here and is not yielded is still to be handed over.
        self.give_away = match (self.give_away, class) {
            (None, _) | (_, Class::All) => None,
            (Some(Class::All), part) => Some(part.mirrored()),
            (Some(asked), part) => Some(asked).filter(|asked| *asked != part),
        };
        if class.has_foreign() {
            self.taking_from = None;
            self.needs_failback = false;
        }
        self.keeping = false;
        self.yielding = true;
        self.want_not(class);
        self.report(Info::Standby);
        self.after_change(now);
    }

    /// Announces the addresses of groups that a peer claimed until now: the neighbours may still send to that node.
    fn rival_gone(&mut self, before: Holds) {
        if self.hold.local && before.foreign && !self.other.holds.foreign {
            self.announce(Class::Local);
        }
        if self.hold.foreign && before.local && !self.other.holds.local {
            self.announce(Class::Foreign);
        }
    }

    pub(super) fn wishes_failback(&self) -> bool {
        self.needs_failback && self.hold.foreign && self.auto_failback == AutoFailback::On
    }

    /// Fails foreign groups back to their home, if that is wanted and possible (docs/protocol/resources.md 1.7).
    pub(super) fn try_failback(&mut self, now: Instant) {
        let wished = self.wishes_failback();
        // A class that has started since stays here.
        self.give_away = self.give_away.filter(|class| self.lacks(*class));
        if !wished && self.give_away.is_none() {
            return;
        }
        if !self.has_partner() {
            return;
        }
        let class = if wished { Some(Class::Foreign) } else { self.may_give_away(now) };
        let Some(class) = class.filter(|_| self.is_movable()) else {
            self.timers.failback = Some(now.after(FAILBACK_RETRY));
            return;
        };
        if wished {
            self.needs_failback = false;
        } else {
            self.give_away = self.give_away.filter(|all| *all != class).map(|_| class.mirrored());
            self.pause_give_away(class, now.after(GIVE_AWAY_PAUSE));
            self.notice(Notice::GivingAway(class));
        }
        self.start_standby(now, class);
    }

    /// Whether there is a peer that can take over groups, now or soon.
    fn has_partner(&self) -> bool {
        !self.other.leaving && self.phase == Phase::Stable && self.other.reported && !self.is_divided()
    }

    /// Whether neither node has anything else to do.
    fn is_movable(&self) -> bool {
        self.standby == Standby::NotAsked && self.other.stable && self.class_settled(Class::All)
    }

    /// A group that runs here has lost a resource that cannot be put back, such as an address whose interface is gone.
    /// The peer is asked to take over its class, after the same pause as for a group that does not start here. Nothing
    /// is stopped before the peer grants it. Nothing changes while no peer can take the class over; the caller repeats
    /// the call as long as the loss lasts.
    pub fn group_lost(&mut self, now: Instant, group: GroupId) {
        let Some(lost) = self.groups.get(usize::from(group.0)) else { return };
        let class = if lost.home == self.home { Class::Local } else { Class::Foreign };
        let runs = lost.state() == GroupState::Running;
        let paused = self.give_away_pauses(class).any(|from| *from > now);
        if !runs || paused || self.is_legacy() || !self.has_partner() || !self.is_movable() {
            return;
        }
        self.pause_give_away(class, now.after(GIVE_AWAY_PAUSE));
        self.notice(Notice::GroupLost(group));
        self.start_standby(now, class);
    }

    /// The class to hand over now: it has not started since, and was not handed over lately.
    fn may_give_away(&self, now: Instant) -> Option<Class> {
        let asked = |part| self.give_away == Some(part) || self.give_away == Some(Class::All);
        let due = |part, from| asked(part) && from <= now && self.lacks(part);
        let [local, foreign] = self.give_away_from;
        match (due(Class::Local, local), due(Class::Foreign, foreign)) {
            (true, true) => Some(Class::All),
            (true, false) => Some(Class::Local),
            (false, true) => Some(Class::Foreign),
            (false, false) => None,
        }
    }

    /// The times from which the groups of `class` may be handed over.
    fn give_away_pauses(&mut self, class: Class) -> impl Iterator<Item = &mut Instant> {
        let [local, foreign] = &mut self.give_away_from;
        let all = [(class.has_local(), local), (class.has_foreign(), foreign)];
        all.into_iter().filter_map(|(is_meant, from)| is_meant.then_some(from))
    }

    /// Hands over no groups of `class` before `from`.
    pub(super) fn pause_give_away(&mut self, class: Class, from: Instant) {
        self.give_away_pauses(class).for_each(|pause| *pause = from);
    }

    /// A group of `class` cannot be started here: the peer gets the class as soon as it can take it over. The protocol
    /// of 3.0.6 has no word for a single group.
    pub(super) fn give_away_later(&mut self, now: Instant, class: Class) {
        if self.is_legacy() || self.phase == Phase::Leaving {
            return;
        }
        self.give_away = Some(match self.give_away {
            Some(before) if before != class => Class::All,
            _ => class,
        });
        self.timers.failback = Some(now);
    }

    /// The class that was handed over runs at the peer, or has failed there by now: the pause begins.
    pub(super) fn given_away(&mut self, now: Instant, class: Class) {
        self.give_away_pauses(class).filter(|from| **from > now).for_each(|from| *from = now.after(GIVE_AWAY_PAUSE));
    }

    /// The peer hands groups of `class` over. If it could run the groups that this node had handed over, it may get
    /// them again as soon as they do not start here.
    pub(super) fn gets_back(&mut self, now: Instant, class: Class) {
        let stayed = if self.other.is_hbcore { BACK_AT_ONCE } else { BACK_FROM_REFERENCE };
        let latest = now.after(GIVE_AWAY_PAUSE.saturating_sub(stayed));
        self.give_away_pauses(class).filter(|from| **from <= latest).for_each(|from| *from = now);
    }

    /// One node speaks the legacy protocol, the other does not.
    pub(super) fn mismatch(&mut self, node: NodeId) {
        if !core::mem::replace(&mut self.mismatch_told, true) {
            self.notice(Notice::ModeMismatch(node));
        }
    }
}
