//! The owner of each resource group, and the messages of the two nodes about it (docs/protocol/resources.md 1).
//!
//! Like the wire, the machine knows two classes: *local* groups have this node as their home in `haresources`,
//! *foreign* groups have another. A node claims none, one or both classes. The protocol is for two nodes.
//!
//! ```text
//!            activated                 starting (peer)
//!   Init ──────────────▶ Starting ─────────────────────▶ BothStarting
//!                           │  resource (peer), or 10 s       │
//!                           ▼                                 ▼
//!                        Reported ──── peer stable, 10 s ───▶ Stable ──── leave ───▶ Leaving ──▶ Left
//! ```
//!
//! Groups move between two living nodes by the three-step [`Standby`] exchange, which never gives a group two owners:
//!
//! ```text
//!   giver:  NotAsked ─ask me─▶ Asking ─other─▶ Releasing ─stopped, done─▶ Released ─done─▶ NotAsked
//!   taker:  NotAsked ─me, ask other─▶ Offered ─done─▶ Acquiring ─started, done─▶ NotAsked
//! ```
//!
//! Every change of a group is an [`Effect`] with a [`Ticket`] and a deadline. At most one per group is in flight.
//!
//! A group that cannot be started is handed over to the peer, with its class, as 3.0.6 does after half a minute. A
//! group that starts on neither node is moved once in five minutes. While no other node is alive, it is started here
//! again after a pause that grows (`retry.rs`). A group that cannot be stopped stays claimed and is
//! escalated, and the peer waits for it. With `auto_failback legacy` the nodes use an older protocol, which has neither
//! reports nor standby; the file `legacy.rs` has its diagram.

mod accord;
mod fencing;
mod group;
mod leftover;
mod legacy;
mod partner;
#[cfg(not(feature = "small"))]
mod retry;
mod standby;
mod view;
mod vocabulary;

pub use accord::Accord;
pub use group::{
    EFFECT_LIMIT, ESCALATE_AGAIN, Effect, Group, GroupState, KEY_MAX, KeyError, Origin, Outcome, Remains, Ticket,
};
pub use partner::ReportIn;
pub use standby::{Standby, StandbyRefusal};
pub use view::{AfterFailure, Fenced, PeerClaim, Why};
pub use vocabulary::{Ask, Class, FenceResult, Holds, Info, Inheritance, Notice, Phase, Say, Wish};

use crate::id::{GroupId, NodeId, Sequence};
use crate::settings::AutoFailback;
use crate::time::{Duration, Instant, sooner};
use group::Wanted;

/// The time for which a starting node waits for the peer's report (docs/protocol/resources.md 1.4).
pub const SETTLE: Duration = Duration::from_secs(10);
/// The interval of `starting` while the peer has not reported.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// The time after which this node acquires groups that a settled 3.0.6 leaves without an owner.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(3);
/// The pause before this node tries again to move groups that cannot move yet (docs/protocol/resources.md 1.7).
const FAILBACK_RETRY: Duration = Duration::from_secs(1);
/// The time for which a node stays after it has released everything: the peer may still request retransmissions.
const LINGER: Duration = Duration::from_secs(1);
/// The time for a 3.0.6 to restart after a partition heals. It does so after 2 s, or never (docs/protocol/wire.md 8.6).
const HEAL_PATIENCE: Duration = Duration::from_secs(6);

/// The time for which a start waits for missing messages: on a link that loses many, one is always missing.
const GAP_PATIENCE: Duration = Duration::from_secs(1);
/// The interval at which a start looks for the missing messages.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The facts that this node knows about the peer.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact, not a state")]
struct Other {
    /// The node that reported last: with three nodes there are two peers.
    node: Option<NodeId>,
    holds: Holds,
    stable: bool,
    /// The sequence number of the newest report, so that a retransmitted older one changes nothing.
    report: Sequence,
    /// It said that it leaves, or is a 3.0.6 that will restart after a partition: nothing is handed over to it.
    leaving: bool,
    /// It runs hbcore, so it keeps its groups when a partition heals.
    is_hbcore: bool,
    /// The sequence number of its newest step in a standby exchange.
    asked: Sequence,
    /// It may still run groups that it no longer claims.
    is_releasing: bool,
    /// It said during our start that it has taken our groups over.
    took_over: bool,
    /// The groups that it started while it did not hear this node.
    inheritance: Inheritance,
    /// It has begun to release the groups that it offers.
    has_begun: bool,
    /// Its `starting` came before this node was active.
    started_early: bool,
    /// It has reported in this incarnation, since it was last dead.
    reported: bool,
    /// It has spoken about resources since it was last dead.
    alive: bool,
    /// Messages from it are missing: one of them may be a newer report.
    has_gaps: bool,
}

impl Other {
    const UNKNOWN: Self = Self {
        node: None,
        holds: Holds::NONE,
        stable: false,
        report: Sequence(0),
        leaving: false,
        is_hbcore: false,
        asked: Sequence(0),
        is_releasing: false,
        took_over: false,
        inheritance: Inheritance::Nothing,
        has_begun: false,
        started_early: false,
        reported: false,
        alive: false,
        has_gaps: false,
    };
}

impl Other {
    /// The peer runs hbcore and is still releasing groups. It reports the end of that.
    fn tells_when_released(&self) -> bool {
        self.is_hbcore && self.is_releasing
    }
}

/// The output queues of the machine. The cluster drains both after each input.
#[derive(Clone, Debug)]
struct Outbox {
    says: heapless::Deque<Say, 16>,
    notices: heapless::Deque<Notice, 32>,
    /// The number of outputs that found no room. It stays 0: no input yields that many.
    lost: u32,
}

/// The machine. `GROUPS` is the largest number of lines of `haresources`: the configuration refuses more.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact, not a state")]
pub struct Takeover<const GROUPS: usize> {
    home: NodeId,
    auto_failback: AutoFailback,
    phase: Phase,
    hold: Holds,
    accord: Accord,
    other: Other,
    standby: Standby,
    fencing: fencing::Fencing,
    groups: heapless::Vec<Group, GROUPS>,
    /// The node whose groups are being acquired, until one notice tells that they run.
    taking_from: Option<NodeId>,
    /// Our own groups are being started for the first time, until one report tells that they run.
    announce_own: bool,
    /// Groups are being yielded after a heal, until one report tells that they have stopped.
    yielding: bool,
    /// The peer claims our own groups too, and this node has told it that they are ours.
    keeping: bool,
    needs_failback: bool,
    /// No peer was alive when this node became active.
    alone: bool,
    /// The time at which this node became active, and how long after that it believes no report.
    active_at: Instant,
    doubt: Duration,
    /// The groups were running before this engine was made, so the start has nothing to find out.
    resumed: bool,
    /// The class to hand over because it does not start here, and the earliest times: for our groups, for others.
    give_away: Option<Class>,
    give_away_from: [Instant; 2],
    /// The peer speaks the other protocol, and a notice has told that.
    mismatch_told: bool,
    timers: Timers,
    effect_limit: Duration,
    serial: u16,
    out: Outbox,
}

#[derive(Clone, Debug)]
struct Timers {
    settle: Option<Instant>,
    look_again: Option<Instant>,
    ask_again: Option<Instant>,
    standby: Option<Instant>,
    failback: Option<Instant>,
    /// The time at which this node acquires the groups of the peer, because the peer does not claim them.
    orphaned: Option<Instant>,
    say_again: Option<Instant>,
    heal: Option<Instant>,
    linger: Option<Instant>,
}

impl Timers {
    const NONE: Self = Self {
        settle: None,
        look_again: None,
        ask_again: None,
        standby: None,
        failback: None,
        orphaned: None,
        say_again: None,
        heal: None,
        linger: None,
    };

    fn all(&self) -> [&Option<Instant>; 9] {
        let Self { settle, look_again, ask_again, standby, failback, orphaned, say_again, heal, linger } = self;
        [settle, look_again, ask_again, standby, failback, orphaned, say_again, heal, linger]
    }
}

impl<const GROUPS: usize> Takeover<GROUPS> {
    /// A machine that was told nothing: all zeros.
    pub(crate) const BLANK: Self = Self {
        home: NodeId(0),
        auto_failback: AutoFailback::On,
        phase: Phase::Init,
        hold: Holds::NONE,
        accord: Accord::Agreed,
        other: Other::UNKNOWN,
        standby: Standby::NotAsked,
        fencing: fencing::Fencing::NONE,
        groups: heapless::Vec::new(),
        taking_from: None,
        announce_own: false,
        yielding: false,
        keeping: false,
        needs_failback: false,
        alone: false,
        active_at: Instant::ZERO,
        doubt: Duration::ZERO,
        resumed: false,
        give_away: None,
        give_away_from: [Instant::ZERO; 2],
        mismatch_told: false,
        timers: Timers::NONE,
        effect_limit: Duration::ZERO,
        serial: 0,
        out: Outbox { says: heapless::Deque::new(), notices: heapless::Deque::new(), lost: 0 },
    };

    /// A machine for node `home` with the given homes of the groups, in the order of `haresources`. Homes beyond
    /// `GROUPS` are ignored: the configuration has refused them before.
    pub fn new(
        home: NodeId,
        homes: impl Iterator<Item = NodeId>,
        auto_failback: AutoFailback,
        effect_limit: Duration,
    ) -> Self {
        let mut machine = Self::BLANK;
        machine.begin(home, homes, auto_failback, effect_limit);
        machine
    }

    /// Gives a blank machine the arguments of [`Takeover::new`].
    pub(crate) fn begin(
        &mut self,
        home: NodeId,
        homes: impl Iterator<Item = NodeId>,
        auto_failback: AutoFailback,
        effect_limit: Duration,
    ) {
        self.home = home;
        self.auto_failback = auto_failback;
        self.effect_limit = effect_limit;
        for home in homes {
            let _ = self.groups.push(Group::new(home));
        }
    }

    /// Progress of this node.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The classes that this node claims.
    pub fn holds(&self) -> Holds {
        self.hold
    }

    /// The classes that the peer claimed last.
    pub fn other_holds(&self) -> Holds {
        self.other.holds
    }

    /// Progress of a move between two living nodes.
    pub fn standby(&self) -> Standby {
        self.standby
    }

    /// Whether the nodes use the protocol without reports (`auto_failback legacy`): no node tells which groups it runs.
    pub fn is_legacy(&self) -> bool {
        self.auto_failback == AutoFailback::Legacy
    }

    /// Whether no group moves, or is about to, on either node (`cl_status rscstatus` would not say `transition`).
    pub fn is_settled(&self) -> bool {
        let quiet = matches!(self.phase, Phase::Stable | Phase::Init | Phase::Left);
        quiet
            && !self.fencing.is_pending()
            && self.other.stable
            && !self.is_divided()
            && self.standby == Standby::NotAsked
            && self.class_settled(Class::All)
            && self.timers.heal.is_none()
            && !(self.wishes_failback() && self.other.alive && !self.other.holds.local)
    }

    /// Whether this node leaves and has stopped everything: it starts nothing more.
    #[cfg(not(feature = "small"))]
    pub(crate) fn has_released(&self) -> bool {
        self.phase == Phase::Left || self.phase == Phase::Leaving && self.timers.linger.is_some()
    }

    /// The groups, in the order of `haresources`.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Sets the name of a group, which only the legacy protocol needs.
    ///
    /// # Errors
    /// [`KeyError`]; nothing changed.
    pub fn set_key(&mut self, group: GroupId, key: &str) -> Result<(), KeyError> {
        self.groups.get_mut(usize::from(group.0)).ok_or(KeyError::NoGroup)?.set_key(key)
    }

    /// Continues after an earlier engine on the same node, whose groups still run: it claims `holds`, and `left` tells
    /// how much of each group is up (docs/protocol/resources.md 6.3). `holds` is `None` if the earlier engine had other
    /// groups, or if the peer had told it other groups. Then the claims follow from the groups that run, and nothing is
    /// started before the peer has reported its claim, or is dead. Call it before anything else.
    pub fn resume(&mut self, holds: Option<Holds>, left: impl Fn(GroupId) -> Remains) {
        self.resumed = true;
        self.hold = holds.unwrap_or_default();
        let home = self.home;
        for (n, group) in self.groups.iter_mut().enumerate() {
            let class = if group.home == home { Class::Local } else { Class::Foreign };
            let is_held = self.hold == self.hold.with(class);
            match (holds, left(GroupId(n as u16))) {
                (Some(_), remains @ Remains::All(_)) if is_held => group.resume(remains),
                (Some(_), _) if is_held => group.set_wanted(Wanted::OWN),
                (Some(_), _) | (None, Remains::Nothing) => {}
                (None, remains) => {
                    group.resume(remains);
                    self.hold = self.hold.with(class);
                }
            }
        }
        if holds.is_none() {
            self.accord = Accord::Awaited;
        }
        self.needs_failback = self.hold.foreign;
    }

    /// The next message to send, oldest first.
    pub fn poll_say(&mut self) -> Option<Say> {
        self.out.says.pop_front().or_else(|| self.poll_group_say())
    }

    /// The next notice, oldest first.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.out.notices.pop_front()
    }

    /// The number of outputs that found no room. It stays 0.
    pub fn lost_outputs(&self) -> u32 {
        self.out.lost
    }

    /// The time for the next call of [`Takeover::advance`].
    pub fn next_deadline(&self) -> Option<Instant> {
        let mut deadline = Instant::FAR;
        self.bring_forward(&mut deadline);
        (deadline < Instant::FAR).then_some(deadline)
    }

    /// Moves `deadline` to that of this machine, if that is sooner.
    pub(crate) fn bring_forward(&self, deadline: &mut Instant) {
        self.timers.all().into_iter().for_each(|at| sooner(deadline, at.as_ref()));
        self.groups.iter().for_each(|group| sooner(deadline, group.deadline().as_ref()));
        self.fencing.bring_forward(deadline);
        #[cfg(not(feature = "small"))]
        self.bring_retry_forward(deadline);
    }

    /// This node became active. `alone`: no peer is alive.
    pub fn activated(&mut self, now: Instant, alone: bool) {
        if self.phase != Phase::Init {
            return;
        }
        self.phase = Phase::Starting;
        self.active_at = now;
        self.alone = alone;
        if alone {
            self.agree_alone();
        }
        if self.is_legacy() {
            return self.activated_legacy(now, alone);
        }
        self.say(Say::Starting);
        if self.resumed {
            return self.settle(now);
        }
        if self.other.started_early {
            self.phase = Phase::BothStarting;
            self.report(Info::Plain);
        }
        self.timers.settle = Some(if alone { now } else { now.after(SETTLE) });
        self.timers.ask_again = (!alone).then(|| now.after(ASK_AGAIN));
    }

    /// Releases all groups. Ends in [`Phase::Left`], at once if this node never claimed anything.
    pub fn leave(&mut self, now: Instant) {
        match self.phase {
            Phase::Leaving | Phase::Left => {}
            Phase::Init if self.groups.iter().all(Group::is_absent) => self.phase = Phase::Left,
            Phase::Init | Phase::Starting | Phase::BothStarting | Phase::Reported | Phase::Stable => {
                self.phase = Phase::Leaving;
                self.end_standby();
                self.cancel_all_fencing();
                self.timers = Timers::NONE;
                self.hold = Holds::NONE;
                self.notice(Notice::GivingUp);
                self.report(Info::Shutdown);
                self.give_away = None;
                self.want_not(Class::All);
                self.after_change(now);
            }
        }
    }

    /// Does everything that is due at `now`.
    pub fn advance(&mut self, now: Instant) {
        let due = |timer: &mut Option<Instant>| timer.take_if(|t| *t <= now).is_some();
        if due(&mut self.timers.ask_again) {
            self.ask_again(now);
        }
        if due(&mut self.timers.look_again) {
            self.settle_by_report(now);
        }
        if due(&mut self.timers.settle) {
            self.settle_unanswered(now);
        }
        if due(&mut self.timers.standby) {
            self.standby_expired(now);
        }
        if due(&mut self.timers.failback) {
            self.try_failback(now);
        }
        if due(&mut self.timers.say_again) && self.phase == Phase::Stable {
            self.report(Info::Plain);
        }
        if due(&mut self.timers.orphaned) {
            self.take_orphans(now);
        }
        if due(&mut self.timers.heal) {
            self.heal_expired(now);
        }
        if due(&mut self.timers.linger) {
            self.phase = Phase::Left;
        }
        self.expire_effects(now);
        #[cfg(not(feature = "small"))]
        self.retry(now);
    }

    /// A returned node has not reported its claim, or a 3.0.6 has not restarted. This node asks for the claim with
    /// `starting`: a report answers that.
    fn heal_expired(&mut self, now: Instant) {
        self.other.leaving = false;
        if self.phase != Phase::Stable {
            return;
        }
        if !self.other.is_hbcore && self.is_own_class_contested() {
            // The peer keeps them, and only this node can yield.
            self.yield_groups(now, Class::Local);
        }
        if !self.other.reported {
            self.say(Say::Starting);
            self.report(Info::Plain);
            // The question may be lost.
            self.timers.heal = Some(now.after(HEAL_PATIENCE));
        }
        self.resolve_conflict(now);
    }

    fn ask_again(&mut self, now: Instant) {
        if self.is_legacy() {
            return self.ask_for_groups(now);
        }
        if matches!(self.phase, Phase::Starting | Phase::BothStarting) && !self.other.reported {
            self.say(Say::Starting);
            self.timers.ask_again = Some(now.after(ASK_AGAIN));
        }
    }

    /// Ten seconds are over. A living peer may run everything until it reports its claim: this node asks until then.
    fn settle_unanswered(&mut self, now: Instant) {
        // A start waits for this without a limit.
        let releases = self.other.tells_when_released();
        if self.alone || (self.other.reported && !self.other.leaving && !releases) {
            return self.settle(now);
        }
        if self.phase.is_starting() {
            if !releases {
                self.notice(Notice::NoReport);
            }
            self.timers.settle = Some(now.after(SETTLE));
        }
    }

    /// A start ends early when the peer has reported its claim. Packets may have waited since before our start, so a
    /// report counts only after the peer has had time for a newer one, and while none of its messages is missing.
    fn settle_by_report(&mut self, now: Instant) {
        // A peer that leaves may still run everything, until it says that it has left.
        if !self.phase.is_starting() || !self.other.reported || self.other.leaving {
            return;
        }
        if (self.other.holds.foreign || self.other.is_releasing) && !self.other.stable {
            self.phase = Phase::Reported;
            return;
        }
        let believed_at = self.active_at.after(self.doubt);
        if now < believed_at {
            self.timers.look_again = Some(believed_at);
        } else if self.other.has_gaps && now < believed_at.after(GAP_PATIENCE) {
            self.timers.look_again = Some(now.after(LOOK_AGAIN));
        } else {
            self.settle(now);
        }
    }

    /// Sets the time after its start for which a node distrusts the first report: long enough for a newer one to
    /// arrive. It is zero unless set.
    pub fn set_doubt(&mut self, doubt: Duration) {
        self.doubt = doubt;
    }

    /// The sequence number of the newest accepted report.
    pub fn newest_report(&self) -> Sequence {
        self.other.report
    }

    /// The peer missed one of our reports, perhaps not the newest one. A 3.0.6 believes the report that comes last, so
    /// it gets the newest again.
    pub fn say_again(&mut self, now: Instant) {
        if !self.other.is_hbcore && self.phase == Phase::Stable {
            self.timers.say_again = self.timers.say_again.or(Some(now.after(ASK_AGAIN)));
        }
    }

    /// Sets whether messages of the peers that are newer than [`Takeover::newest_report`] are missing. Only a start
    /// needs this ([`Takeover::is_starting`]).
    pub fn set_gaps(&mut self, has_gaps: bool) {
        self.other.has_gaps = has_gaps;
    }

    /// Whether this node is active and does not know yet which groups are its own.
    pub fn is_starting(&self) -> bool {
        self.phase.is_starting()
    }

    /// The start is over: our own groups are ours unless the peer claims them.
    fn settle(&mut self, now: Instant) {
        if !self.phase.is_starting() || self.fencing.is_pending() {
            return;
        }
        self.timers.settle = None;
        self.timers.look_again = None;
        self.timers.ask_again = None;
        self.phase = Phase::Stable;
        if !self.other.holds.foreign && self.is_own_class_idle() && !self.resumed && !self.is_divided() {
            self.hold.local = true;
            self.announce_own = true;
            self.want(Class::Local, None, if self.alone { Wanted::INHERITED } else { Wanted::OWN });
        }
        self.serve_beside_leftovers();
        self.notice(Notice::LocalTransitionComplete);
        if core::mem::take(&mut self.other.took_over) {
            self.show_stable_anew();
        } else {
            self.report(Info::Plain);
        }
        self.after_change(now);
        self.try_failback(now);
    }

    /// Completes the steps that an ended effect, or a change of the wanted groups, allows.
    fn after_change(&mut self, now: Instant) {
        self.answer_settled_groups();
        if self.phase == Phase::Leaving {
            if self.class_settled(Class::All) && self.timers.linger.is_none() {
                self.notice(Notice::AllReleased);
                self.say(Say::Shutdone);
                let stay = if self.other.alive { LINGER } else { Duration::ZERO };
                self.timers.linger = Some(now.after(stay));
            }
            return;
        }
        if self.announce_own && self.class_settled(Class::Local) {
            self.announce_own = false;
            self.report(Info::OwnAcquired);
        }
        if self.class_settled(Class::Foreign)
            && let Some(node) = self.taking_from.take()
        {
            self.notice(Notice::TakeoverComplete(node));
            if !self.is_legacy() {
                self.say(Say::TakeoverDone);
            }
        }
        if self.yielding && (self.class_settled(Class::All) || self.has_merged()) {
            self.yielding = false;
            self.report(Info::Plain);
        }
        self.standby_progress(now);
    }

    /// Reports our claim. The legacy protocol has no such message.
    fn report(&mut self, info: Info) {
        if self.is_legacy() {
            return;
        }
        // Groups that this node no longer claims may still run.
        let releases = self.yielding || matches!(self.standby, Standby::Releasing(_));
        let info = match (self.phase, info) {
            (Phase::Leaving, Info::Plain) if self.timers.linger.is_none() => Info::Shutdown,
            (_, Info::Plain | Info::OwnAcquired) if releases => Info::Standby,
            (_, info) => info,
        };
        // A taker is not settled before it runs the groups: a giver that hears otherwise acquires them again.
        let taking = matches!(self.standby, Standby::Offered(_) | Standby::Acquiring(_));
        let stable = self.phase == Phase::Stable && info != Info::Standby && !taking;
        self.say(Say::Report { hold: self.hold, stable, info });
    }

    fn say(&mut self, say: Say) {
        if self.out.says.push_back(say).is_err() {
            self.out.lost = self.out.lost.saturating_add(1);
        }
    }

    fn notice(&mut self, notice: Notice) {
        if self.out.notices.push_back(notice).is_err() {
            self.out.lost = self.out.lost.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests;
