//! Moving groups between two living nodes: the three-step exchange (docs/protocol/resources.md 1.6).

use super::{Ask, Class, FAILBACK_RETRY, Info, Notice, Phase, Say, Takeover, Wanted, Wish};
use crate::id::{NodeId, Sequence};
use crate::time::{Duration, Instant};

/// The first answer must come within this time.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The giver must begin within this time, or it has not heard our answer and asks no more.
const OFFER_LIMIT: Duration = Duration::from_secs(12);
/// Each later step may take as long as the scripts need.
const PHASE_LIMIT: Duration = Duration::from_hours(1);

/// Progress of a move. The class is seen from the giver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standby {
    /// Nothing moves.
    NotAsked,
    /// We asked the peer to take over groups.
    Asking(Class),
    /// The peer granted it; our groups are being stopped.
    Releasing(Class),
    /// Our groups are stopped; the peer starts them.
    Released(Class),
    /// The peer asked us, and we granted it; it is stopping the groups.
    Offered(Class),
    /// The groups are stopped there and are being started here.
    Acquiring(Class),
}

/// The reason why a request to move groups was refused. Nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandbyRefusal {
    /// Another move is under way.
    InProgress,
    /// There is no peer that could take over anything.
    NoPartner,
    /// The peer's claims are not final.
    OtherInFlux,
    /// Our own claims are not final.
    LocalInFlux,
    /// `auto_failback legacy` has no standby.
    Unsupported,
    /// The `haresources` of the nodes differ, so the giver and the taker would mean different groups.
    Divided,
}

impl<const GROUPS: usize> Takeover<GROUPS> {
    /// An operator asks this node to hand groups of `class`, from its own point of view, over to the peer.
    pub fn request_standby(&mut self, now: Instant, class: Class) -> Result<(), StandbyRefusal> {
        if self.is_legacy() {
            return Err(StandbyRefusal::Unsupported);
        }
        if self.standby != Standby::NotAsked {
            return Err(StandbyRefusal::InProgress);
        }
        if !self.other.alive || self.other.leaving {
            return Err(StandbyRefusal::NoPartner);
        }
        if self.is_divided() {
            return Err(StandbyRefusal::Divided);
        }
        if self.phase != Phase::Stable {
            return Err(StandbyRefusal::LocalInFlux);
        }
        if !self.other.stable {
            return Err(StandbyRefusal::OtherInFlux);
        }
        self.start_standby(now, class);
        Ok(())
    }

    /// An operator on this node asks the peer to hand groups over. While no other node is alive, the groups that could not
    /// be started here are started again.
    pub fn request_takeover(&mut self, wish: Wish) -> Result<(), StandbyRefusal> {
        if self.is_legacy() {
            return Err(StandbyRefusal::Unsupported);
        }
        if !self.other.alive {
            #[cfg(not(feature = "small"))]
            if self.start_failed(wish.to_give().mirrored()) {
                return Ok(());
            }
            return Err(StandbyRefusal::NoPartner);
        }
        if self.is_divided() {
            return Err(StandbyRefusal::Divided);
        }
        self.say(Say::HbTakeover(wish));
        Ok(())
    }

    pub(super) fn start_standby(&mut self, now: Instant, class: Class) {
        self.notice(Notice::WantsStandby { node: self.home, class });
        self.standby = Standby::Asking(class);
        self.timers.standby = Some(now.after(ANSWER_LIMIT));
        self.say(Say::Ask { class, step: Ask::Me });
    }

    /// The peer sent a step of the exchange.
    pub fn on_ask(&mut self, now: Instant, node: NodeId, seq: Sequence, class: Class, step: Ask) {
        // A retransmitted step that comes after a newer one belongs to an exchange that is over.
        if seq < self.other.asked {
            return;
        }
        self.other.asked = seq;
        if self.is_legacy() {
            return self.notice(Notice::StandbyUnsupported);
        }
        if matches!(self.phase, Phase::Leaving | Phase::Left) {
            return;
        }
        match (self.standby, step) {
            (Standby::NotAsked, Ask::Me) => self.offered(now, node, class),
            (Standby::Asking(ours), Ask::Me) if self.gives_way_to(node) => {
                self.end_standby();
                self.was_not_tried(now, ours);
                self.offered(now, node, class);
            }
            (Standby::Asking(ours), Ask::Other) if ours == class => {
                self.notice(Notice::StandbyAgreed { node, class });
                self.hold = self.hold.without(class);
                self.report(Info::Standby);
                self.standby = Standby::Releasing(class);
                self.timers.standby = Some(now.after(PHASE_LIMIT));
                self.want_not(class);
                self.after_change(now);
            }
            (Standby::Offered(theirs), Ask::Done) if theirs == class => {
                self.notice(Notice::StandbyAcquiring { node, class });
                self.standby = Standby::Acquiring(class);
                self.timers.standby = Some(now.after(PHASE_LIMIT));
                self.hold = self.hold.with(class.mirrored());
                self.want(class.mirrored(), Some(node), Wanted::OWN);
                self.after_change(now);
            }
            // Each node has granted a request that the other no longer makes.
            (Standby::Offered(_), Ask::Other) if self.other.is_hbcore => {
                self.cancel_standby();
                self.report(Info::Plain);
            }
            (Standby::Released(ours), Ask::Done) if ours == class => {
                self.other.holds = self.other.holds.with(class.mirrored());
                // A report that the peer sent before this step and that comes later is stale.
                self.other.report = self.other.report.max(seq);
                self.handed_over(now, class);
            }
            (
                Standby::NotAsked
                | Standby::Asking(_)
                | Standby::Releasing(_)
                | Standby::Released(_)
                | Standby::Offered(_)
                | Standby::Acquiring(_),
                Ask::Me | Ask::Other | Ask::Done,
            ) => {
                self.notice(Notice::StandbyIgnored { node, other_in_flux: false });
                if (self.standby, step) == (Standby::NotAsked, Ask::Done) {
                    // The peer expects this node to start groups: the report corrects that. (A 3.0.6 also sends this
                    // step at the end of each exchange.)
                    self.report(Info::Plain);
                }
            }
        }
    }

    /// Two requests have crossed: the node that stands first in the configuration goes first. A 3.0.6 always ignores
    /// that of its peer.
    fn gives_way_to(&self, node: NodeId) -> bool {
        !self.other.is_hbcore || node < self.home
    }

    /// A class was not handed over: the pause between two tries has not begun. An answer to this request may still be
    /// under way, and must not be taken for one to the next request.
    fn was_not_tried(&mut self, now: Instant, class: Class) {
        if self.lacks(class) {
            let again = now.after(FAILBACK_RETRY);
            self.give_away_later(now, class);
            self.pause_give_away(class, again);
            self.timers.failback = Some(again);
        }
    }

    fn offered(&mut self, now: Instant, node: NodeId, class: Class) {
        self.notice(Notice::WantsStandby { node, class });
        if !self.other.stable || self.phase != Phase::Stable || self.is_divided() {
            self.notice(Notice::StandbyIgnored { node, other_in_flux: !self.other.stable });
            return;
        }
        self.gets_back(now, class.mirrored());
        self.other.has_begun = false;
        self.standby = Standby::Offered(class);
        self.timers.standby = Some(now.after(OFFER_LIMIT));
        self.say(Say::Ask { class, step: Ask::Other });
    }

    /// The peer is settled, and has said so since its last step: for it the exchange is over, whatever became of its
    /// answer. It declared this node dead meanwhile, or got another order. Returns whether released groups are wanted
    /// again.
    pub(super) fn standby_overtaken(&mut self, now: Instant) -> bool {
        if self.other.report <= self.other.asked {
            return false;
        }
        if !self.other.stable {
            if matches!(self.standby, Standby::Offered(_)) {
                self.other.has_begun = true;
                self.timers.standby = Some(now.after(PHASE_LIMIT));
            }
            return false;
        }
        match self.standby {
            Standby::Released(class) if self.other.holds == self.other.holds.with(class.mirrored()) => {
                self.handed_over(now, class);
            }
            // A 3.0.6 claims a class only after it has started it, hbcore before that.
            Standby::Released(class) if self.other.is_hbcore => {
                self.cancel_standby();
                self.hold = self.hold.with(class);
                self.want(class, None, Wanted::OWN);
                self.report(Info::Plain);
                return true;
            }
            Standby::Asking(class) if self.is_overtaken() => {
                self.cancel_standby();
                self.was_not_tried(now, class);
                self.report(Info::Plain);
            }
            Standby::Offered(_) if self.is_overtaken() => {
                self.cancel_standby();
                self.report(Info::Plain);
            }
            Standby::Offered(_)
            | Standby::NotAsked
            | Standby::Asking(_)
            | Standby::Releasing(_)
            | Standby::Released(_)
            | Standby::Acquiring(_) => {}
        }
        false
    }

    /// Nothing has moved yet, and the settled peer owns groups that this node owns too: one had declared the other
    /// dead, and that conflict comes first. Or the peer had begun to release the groups that it offered, and kept them.
    fn is_overtaken(&self) -> bool {
        let (ours, theirs) = (self.hold, self.other.holds);
        let has_ours = ours.local && theirs.foreign;
        let contested = has_ours || ours.foreign && theirs.local;
        let offered = matches!(self.standby, Standby::Offered(_));
        self.other.is_hbcore && contested || offered && (has_ours || self.other.has_begun)
    }

    /// Scripts have ended: the step that waited for them is complete. A group that failed counts as ended, as in 3.0.6.
    pub(super) fn standby_progress(&mut self, now: Instant) {
        match self.standby {
            Standby::Releasing(class) if self.class_settled(class) => {
                self.standby = Standby::Released(class);
                self.timers.standby = Some(now.after(PHASE_LIMIT));
                self.say(Say::Ask { class, step: Ask::Done });
                self.notice(Notice::StandbyReleased(class));
                // The groups that are wanted again start next: none of them can have ended yet.
                let _ = self.standby_overtaken(now);
            }
            Standby::Acquiring(class) if self.class_settled(class.mirrored()) => {
                self.end_standby();
                self.say(Say::Ask { class, step: Ask::Done });
                self.notice(Notice::StandbyAcquired(class));
                self.report(Info::Plain);
            }
            Standby::NotAsked
            | Standby::Asking(_)
            | Standby::Releasing(_)
            | Standby::Released(_)
            | Standby::Offered(_)
            | Standby::Acquiring(_) => {}
        }
    }

    pub(super) fn standby_expired(&mut self, now: Instant) {
        if self.standby == Standby::NotAsked {
            return;
        }
        self.timers.failback = Some(now.after(FAILBACK_RETRY));
        let told = matches!(self.standby, Standby::Asking(_)) && self.other.reported && self.other.stable;
        let asked = if let Standby::Asking(class) = self.standby { Some(class) } else { None };
        self.end_standby();
        if let Some(class) = asked.filter(|_| self.other.is_hbcore) {
            self.was_not_tried(now, class);
        }
        self.other.stable = true;
        self.notice(Notice::StandbyUnanswered);
        self.report(Info::Plain);
        // The reports that came while this node waited changed nothing then.
        self.take_what_nobody_holds(now, told);
    }

    /// The peer runs the groups that this node released.
    fn handed_over(&mut self, now: Instant, class: Class) {
        self.end_standby();
        self.given_away(now, class);
        self.notice(Notice::StandbyHandedOver(class));
        self.report(Info::Plain);
    }

    /// Ends the exchange, if there is one, without a result.
    pub(super) fn cancel_standby(&mut self) {
        if self.standby != Standby::NotAsked {
            self.end_standby();
            self.notice(Notice::StandbyCancelled);
        }
    }

    /// The exchange is over. Released groups may still be stopping, and groups that were to fail back are still here.
    pub(super) fn end_standby(&mut self) {
        self.needs_failback |= self.standby == Standby::Asking(Class::Foreign);
        self.yielding |= matches!(self.standby, Standby::Releasing(_));
        self.standby = Standby::NotAsked;
        self.timers.standby = None;
    }
}
