//! Between the wire and the takeover machine.

use super::{Cluster, Communication, Event, Request, RequestError};
use crate::id::NodeId;
use crate::takeover::{Ask, Class, Effect, Holds, Info, Outcome, Phase, ReportIn, Say, Ticket};
use crate::time::Instant;
use crate::wire::{Header, MessageType};

/// Field that tells our kind from 3.0.6, which ignores fields that it does not know (wire reference 2).
const KIND_FIELD: &str = "hbcore";

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// An operator or a tool wants something.
    pub fn request(&mut self, now: Instant, request: Request) -> Result<(), RequestError> {
        self.set_now(now);
        match request {
            Request::Standby(_) if !self.manage_resources => return Err(RequestError::NotManaged),
            Request::Standby(class) => {
                self.takeover.request_standby(self.now, class).map_err(RequestError::Standby)?;
            }
            Request::Leave => self.takeover.leave(self.now),
        }
        self.after_takeover();
        Ok(())
    }

    /// The next thing to do outside: at most one per group at a time. Each is answered with [`Cluster::complete`].
    pub fn poll_effect(&mut self) -> Option<(Ticket, Effect)> {
        self.takeover.poll_effect(self.now)
    }

    /// An effect ended. The ticket is used up; one whose effect was given up meanwhile is ignored.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket can be redeemed once")]
    pub fn complete(&mut self, now: Instant, ticket: Ticket, outcome: Outcome) {
        self.set_now(now);
        self.takeover.complete(self.now, &ticket, outcome);
        self.after_takeover();
    }

    /// A message about resources. Before we are active only the fact that another node starts is kept (resource reference 1.4).
    pub(super) fn resource_message(&mut self, id: NodeId, header: &Header<'_>) {
        if !self.manage_resources {
            return;
        }
        let is_hbcore = header.message.text(KIND_FIELD).is_some();
        let active = self.communication == Communication::Up;
        match header.kind {
            MessageType::Starting => self.takeover.on_starting(is_hbcore),
            MessageType::Resource if active => self.resource_report(header, is_hbcore),
            MessageType::AskResources if active => self.standby_step(id, header),
            MessageType::Shutdone if active => self.takeover.on_shutdone(self.now, id),
            _ => {}
        }
        self.after_takeover();
    }

    fn resource_report(&mut self, header: &Header<'_>, is_hbcore: bool) {
        let (Some(holds), Some(seq)) = (header.rsc_hold, header.seq) else { return };
        let report = ReportIn {
            seq,
            holds: Holds::parse(holds).unwrap_or(Holds::NONE),
            full: header.rtype == Some(b"full"),
            stable: header.isstable.map(|s| s == b"1"),
            shutdown: header.info == Some(b"shutdown"),
            is_hbcore,
        };
        self.takeover.on_report(self.now, report);
    }

    fn standby_step(&mut self, id: NodeId, header: &Header<'_>) {
        let step = match header.info {
            Some(b"me") => Ask::Me,
            Some(b"other") => Ask::Other,
            Some(b"done") => Ask::Done,
            _ => return,
        };
        if let Some(class) = header.rsc_hold.and_then(Class::parse) {
            self.takeover.on_ask(self.now, id, class, step);
        }
    }

    /// Sends what the machine has to say, and passes its notices on. Each input yields a handful of either.
    pub(super) fn after_takeover(&mut self) {
        while let Some(say) = self.takeover.poll_say() {
            self.write(say);
        }
        while let Some(notice) = self.takeover.poll_notice() {
            self.event(Event::Resource(notice));
        }
        if self.takeover.phase() == Phase::Left && !self.left {
            self.left = true;
            self.event(Event::Left);
        }
    }

    fn write(&mut self, say: Say) {
        match say {
            Say::Starting => self.say_to_all(|w| {
                w.text("t", b"starting");
                w.decimal(KIND_FIELD, 1);
            }),
            Say::Report { hold, stable, info } => self.say_to_all(|w| {
                w.text("t", b"resource");
                w.text("rsc_hold", hold.as_str().as_bytes());
                w.text("rtype", b"full");
                w.text("isstable", if stable { b"1" } else { b"0" });
                match info {
                    Info::Plain => {}
                    Info::Standby => w.text("info", b"standby"),
                    Info::Shutdown => w.text("info", b"shutdown"),
                    Info::OwnAcquired => w.text("info", b"req_our_resources()"),
                }
                w.decimal(KIND_FIELD, 1);
            }),
            Say::TakeoverDone => self.say_to_all(|w| {
                w.text("t", b"resource");
                w.text("rsc_hold", b"foreign");
                w.text("info", b"mach_down");
            }),
            Say::Ask { class, step } => self.say_to_all(|w| {
                w.text("t", b"ask_resources");
                w.text("rsc_hold", class.as_str().as_bytes());
                w.text(
                    "info",
                    match step {
                        Ask::Me => b"me",
                        Ask::Other => b"other",
                        Ask::Done => b"done",
                    },
                );
            }),
            Say::Shutdone => self.say_to_all(|w| {
                w.text("t", b"shutdone");
                w.text("st", b"dead");
            }),
            Say::Stonith { node, unneeded } => {
                let Some(name) = self.nodes.get(usize::from(node.0)).map(|n| n.name.clone()) else { return };
                self.say_to_all(|w| {
                    w.text("t", b"stonith");
                    w.text("node", name.as_bytes());
                    w.text("result", if unneeded { b"unneeded" } else { b"n_stnth" });
                });
            }
        }
    }
}
