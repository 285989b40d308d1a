//! The orders of scripts and tools of this node, and messages for its scripts.

use super::Driver;
use crate::control::{ControlSocket, Decision, Move, REFUSED, why};
use crate::fifo::{FifoMessage, Order};
use crate::log::Level;
use crate::notify::Notifier;
use hbcore::cluster::{Field, MessageError};
use hbcore::id::{GroupId, NodeId};
use hbcore::takeover::{AfterFailure, Class, Holds, StandbyRefusal, Why, Wish};
use hbcore::time::Instant;
use hbcore::{NodeKind, Request, RequestError};

impl Driver {
    /// Reads the FIFO once. If an order fails, the log says so, because the script has ended by then.
    #[cold]
    #[inline(never)]
    pub(super) fn read_fifo(&mut self, now: Instant) {
        let Some(mut fifo) = self.programs.fifo.take() else { return };
        let result = fifo.receive(|message| match message {
            Ok(message) => self.order(now, &message),
            Err(rejected) => self.log.error(format_args!("{rejected}")),
        });
        match result {
            Ok(()) => self.programs.fifo = Some(fifo),
            Err(error) => self.log.error(format_args!("The FIFO cannot be read any more: {error}")),
        }
    }

    /// Answers the orders that wait at the control socket.
    #[cold]
    #[inline(never)]
    pub(super) fn answer_orders(&mut self, now: Instant) {
        for _ in 0..QUESTIONS {
            let Some(question) = self.programs.control.as_ref().and_then(ControlSocket::next) else { return };
            let said = match question.order {
                Some(order) => self.decide(now, order).to_string(),
                None => format!("{REFUSED}this daemon does not know the order"),
            };
            if let Some(control) = &self.programs.control {
                control.answer(&question, &said);
            }
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn order(&mut self, now: Instant, message: &FifoMessage<'_>) {
        let kind = String::from_utf8_lossy(message.kind);
        self.log.debug(1, format_args!("A script says {kind}"));
        match message.order() {
            // The log has the decision.
            Order::Move(order) => drop(self.decide(now, order)),
            Order::Report => {
                self.log.info(format_args!("A script reports resources: this daemon keeps its own account of them"));
            }
            Order::Other => self.pass_on(now, message),
        }
    }

    /// Begins a move of groups, or logs why it does not.
    fn decide(&mut self, now: Instant, order: Move) -> Decision {
        // The state before the order, because afterwards groups are on their way.
        let (holds, is_settled) = (self.cluster.takeover().holds(), self.cluster.takeover().is_settled());
        let (request, remark) = match order {
            // Beside a 3.0.6: its file may still name the group, and it would start it with the rest of the class.
            Move::Standby(_) if self.resources.strays().next().is_some() => {
                let why = "a group that is no longer in haresources has not stopped here yet";
                self.log.warn(format_args!("Standby request refused: {why}."));
                return Decision::Refused(why);
            }
            Move::Standby(class) => (Request::Standby(class), standby_remark(holds, class)),
            Move::Takeover(wish) if self.starts_again() => (Request::Takeover(wish), Some(STARTED)),
            Move::Takeover(wish) => (Request::Takeover(wish), takeover_remark(holds, is_settled, wish)),
        };
        match self.cluster.request(now, request) {
            Ok(()) => Decision::Accepted(remark),
            Err(error) => {
                let (level, text) = refusal(error);
                self.log.log(level, format_args!("{text}"));
                Decision::Refused(reason(error))
            }
        }
    }

    /// Whether a group is started here again because no other node can take it over.
    fn starts_again(&self) -> bool {
        let takeover = self.cluster.takeover();
        let waits = |why| matches!(why, Some(Why::Failed { next: AfterFailure::StartsAgain(_) }));
        (0..).map(GroupId).zip(takeover.groups()).any(|(id, _)| waits(takeover.why(id)))
    }

    /// A message for the cluster, or one of an unknown type.
    #[cold]
    #[inline(never)]
    fn pass_on(&mut self, now: Instant, message: &FifoMessage<'_>) {
        let texts = message.fields.fields().filter_map(|f| Some((std::str::from_utf8(f.name).ok()?, f.text()?)));
        let fields: Vec<Field<'_>> = texts.collect();
        let sent = self.cluster.send_for_client(now, &fields);
        let kind = String::from_utf8_lossy(message.kind);
        match sent {
            Ok(()) => {}
            Err(MessageError::Reserved) => {
                self.log.warn(format_args!(
                    "A script's message of type {kind} is dropped: only the daemon itself sends that"
                ));
            }
            Err(error) => self.log.error(format_args!("A script's message of type {kind} cannot be sent: {error:?}")),
        }
    }

    /// A message for scripts and clients came from another node.
    pub(super) fn tell_scripts(notifier: &Notifier, bytes: &[u8]) {
        let Ok(message) = FifoMessage::parse(bytes) else { return };
        let texts = message.fields.fields().filter_map(|f| Some((f.name, f.text()?)));
        notifier.notify(message.kind, texts);
    }

    /// The state of another node has changed (docs/protocol/resources.md 3.2).
    pub(super) fn tell_scripts_of_node(&self, id: NodeId) {
        let Some(node) = self.cluster.node(id).filter(|_| id != self.cluster.local()) else { return };
        let fields: [(&[u8], &[u8]); 4] = [
            (b"t", b"status"),
            (b"st", node.state.as_str().as_bytes()),
            (b"src", node.name.as_bytes()),
            (b"info", self.links.ping_kind(node.name.as_str()).as_bytes()),
        ];
        let fields = if node.kind == NodeKind::Ping { &fields[..] } else { &fields[..3] };
        self.programs.notifier.notify(b"status", fields.iter().copied());
    }
}

/// Orders answered in one turn of the loop; heartbeats have their turn in between.
const QUESTIONS: usize = 4;

/// The answer to a takeover while no other node is alive.
const STARTED: &str = "no other node is alive: what could not be started here is started again now";

/// Checks a standby of groups that do not run here: as in 3.0.6 it is agreed with the peer, and moves nothing.
fn standby_remark(holds: Holds, class: Class) -> Option<&'static str> {
    match class {
        Class::All => holds == Holds::NONE,
        Class::Local => !holds.local,
        Class::Foreign => !holds.foreign,
    }
    .then_some("this node claims no such group: there is nothing to hand over")
}

/// Checks a takeover: the peer decides about it, and refuses without an answer.
fn takeover_remark(holds: Holds, is_settled: bool, wish: Wish) -> Option<&'static str> {
    let is_here = match wish {
        Wish::Class(Class::All) => holds == Holds::ALL,
        Wish::Class(Class::Foreign) => holds.foreign,
        Wish::Class(Class::Local) | Wish::Failback => holds.local,
    };
    match (is_here, is_settled) {
        (true, _) => Some("this node claims all such groups already: there is nothing to take over"),
        (false, false) => {
            Some("the other node is asked, and refuses while groups are being moved: look at `hb status`")
        }
        (false, true) => None,
    }
}

/// The reason for the person who gave the order.
const fn reason(error: RequestError) -> &'static str {
    match error {
        RequestError::Standby(refusal) => why(refusal),
        _ => "this daemon does not manage resources",
    }
}

/// The log line in the words of 3.0.6, where it has some.
fn refusal(error: RequestError) -> (Level, &'static str) {
    let RequestError::Standby(refusal) = error else {
        return (Level::Warn, "Resources are not managed here: standby is not possible.");
    };
    match refusal {
        StandbyRefusal::InProgress => (Level::Warn, "Standby in progress- new request ignored"),
        StandbyRefusal::NoPartner => {
            (Level::Warn, "Standby request cancelled: there is no other node to take over anything.")
        }
        StandbyRefusal::OtherInFlux => (Level::Warn, "standby message [me] ignored.  Other side is in flux."),
        StandbyRefusal::LocalInFlux => (Level::Warn, "standby message [me] ignored.  local resources in flux."),
        StandbyRefusal::Divided => (Level::Warn, "Standby request refused: haresources of the two nodes differ."),
        StandbyRefusal::Unsupported => (Level::Info, "Standby mode only implemented when nice_failback on"),
    }
}
