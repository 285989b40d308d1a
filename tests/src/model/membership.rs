//! The part of `cluster` between the wire and the takeover: hearing, death, return, restart, and late messages.
//!
//! A status message is the first one that a node sends when it starts and when it hears that the other one is back. So
//! the other node hears it ([`State::hear`]) before any message about resources. A node requests the retransmission of
//! lost messages, unless it declared the sender dead or the sender restarted meanwhile: then it forgets the numbering,
//! and with it the gaps (docs/protocol/wire.md 8.5).

use super::state::{KEYS, Message, NODES, State, id};
use hbcore::id::GroupId;
use hbcore::takeover::{Info, Phase, ReportIn, Say};

impl State {
    fn reaches(&self, to: usize) -> bool {
        self.nodes[0].on && self.nodes[1].on && !self.wires[to].cut
    }

    /// Whether a message arrives, a node is heard, or joins. These steps come before any timer.
    pub(super) fn is_urgent(&self) -> bool {
        (0..NODES).any(|n| {
            self.can_deliver(n)
                || self.can_deliver_late(n)
                || self.can_hear(n)
                || (self.nodes[n].active && self.can_declare_dead(n))
                || self.can_join(n)
        }) || (self.case.quick_scripts && self.is_working())
    }

    /// Whether scripts or fencing are under way.
    pub(super) fn is_working(&self) -> bool {
        let works = |n: &super::state::Node| !n.shots.is_empty() || n.groups.iter().any(|real| real.script.is_some());
        self.nodes.iter().any(|node| works(node))
    }

    pub(super) fn can_deliver(&self, to: usize) -> bool {
        self.nodes[to].on && !self.wires[to].cut && !self.wires[to].fresh.is_empty() && !self.can_hear(to)
    }

    pub(super) fn can_deliver_late(&self, to: usize) -> bool {
        let node = &self.nodes[to];
        let knows = node.view.run == Some(self.nodes[1 - to].run) && !node.view.dead;
        self.reaches(to) && knows && !self.wires[to].late.is_empty()
    }

    pub(super) fn can_hear(&self, by: usize) -> bool {
        let view = self.nodes[by].view;
        self.reaches(by) && (view.run != Some(self.nodes[1 - by].run) || view.dead || !view.heard)
    }

    pub(super) fn can_declare_dead(&self, by: usize) -> bool {
        // The initdead is not shorter than the deadtime.
        let waits = !self.nodes[by].active && self.nodes[1 - by].active && self.is_silent(1 - by);
        self.is_silent(by) && !waits
    }

    /// Whether a node receives nothing any more. Messages that were under way when the sender fell silent arrive long
    /// before the deadtime is over.
    fn is_silent(&self, to: usize) -> bool {
        self.nodes[to].on && !self.nodes[to].view.dead && !self.reaches(to) && self.wires[to].fresh.is_empty()
    }

    /// A start takes longer than a message.
    pub(super) fn can_start(&self, n: usize) -> bool {
        !self.nodes[n].on && !self.can_deliver(1 - n)
    }

    /// A node can join when all others were heard or are dead.
    pub(super) fn can_join(&self, n: usize) -> bool {
        let node = &self.nodes[n];
        node.on && !node.active && node.view.heard && !node.view.dead
    }

    pub(super) fn join(&mut self, n: usize) {
        self.node(n).active = true;
        let alone = self.nodes[n].view.dead;
        self.input(n, |m, now| {
            m.activated(now, alone);
            if alone {
                m.on_death(now, id(1 - n), false, true);
            }
        });
    }

    pub(super) fn declare_dead(&mut self, by: usize) {
        self.apart |= self.nodes[1 - by].on;
        let heard = self.nodes[by].view.heard;
        let view = &mut self.node(by).view;
        view.dead = true;
        view.heard = false;
        self.wire(by).late.clear();
        if self.nodes[by].active {
            self.input(by, |m, now| m.on_death(now, id(1 - by), heard, true));
        } else {
            self.join(by);
        }
    }

    /// A status message arrives.
    pub(super) fn hear(&mut self, by: usize) {
        let was_dead = self.nodes[by].view.dead;
        let restarted = self.notice_run(by);
        let returned = was_dead && (!restarted || self.nodes[1 - by].active);
        self.node(by).view.dead = false;
        self.node(by).view.heard = true;
        if returned {
            self.wire(by).late.clear();
            self.input(by, |m, now| m.on_return(now, id(1 - by)));
        }
    }

    /// Notes the first message of a new incarnation. Returns whether it is one.
    fn notice_run(&mut self, by: usize) -> bool {
        let run = self.nodes[1 - by].run;
        if self.nodes[by].view.run == Some(run) {
            return false;
        }
        self.node(by).view.run = Some(run);
        self.wire(by).late.clear();
        self.input(by, |m, _| m.on_restart(id(1 - by)));
        true
    }

    pub(super) fn deliver(&mut self, to: usize) {
        let Some(message) = self.wire(to).fresh.pop_front() else { return };
        // If the sender is off, its incarnation has ended, but the message still belongs to it.
        self.notice_run(to);
        if self.nodes[to].view.dead {
            self.wire(to).late.clear();
        }
        self.node(to).view.heard = true;
        self.dispatch(to, message);
    }

    pub(super) fn deliver_late(&mut self, to: usize) {
        if let Some(message) = self.wire(to).late.pop_front() {
            self.dispatch(to, message);
        }
    }

    /// Tells the engine whether messages are missing that are newer than the last report.
    pub(super) fn note_gaps(&mut self, n: usize) {
        let late = &self.wires[n].late;
        let newer = |m: &super::state::Machine| late.iter().any(|message| message.seq > m.newest_report());
        let Some(machine) = self.nodes[n].machine.as_ref().filter(|m| m.is_starting()) else { return };
        let gaps = newer(machine) && self.can_deliver_late(n);
        if let Some(machine) = self.node(n).machine.as_mut() {
            machine.set_gaps(gaps);
        }
    }

    /// Passes a message to the takeover, like `cluster/resources.rs`.
    fn dispatch(&mut self, to: usize, message: Message) {
        let Message { seq, say } = message;
        let from = id(1 - to);
        if !self.nodes[to].active && say != Say::Starting {
            return;
        }
        let report = |holds, stable, info, full| ReportIn {
            seq,
            holds,
            full,
            stable,
            shutdown: info == Info::Shutdown,
            releasing: info == Info::Standby,
            is_hbcore: full,
            inheritance: hbcore::takeover::Inheritance::Nothing,
        };
        let key = |group: GroupId| KEYS[usize::from(group.0)].as_bytes();
        match say {
            Say::Starting => self.input(to, |m, _| m.on_starting(from, seq, true)),
            Say::Report { hold, stable, info } => {
                self.note_gaps(to);
                self.input(to, |m, now| m.on_report(now, from, report(hold, Some(stable), info, true)));
            }
            Say::TakeoverDone => {
                self.note_gaps(to);
                let foreign = hbcore::takeover::Holds { local: false, foreign: true };
                self.input(to, |m, now| m.on_report(now, from, report(foreign, None, Info::Plain, false)));
            }
            Say::Ask { class, step } => self.input(to, |m, now| m.on_ask(now, from, seq, class, step)),
            Say::Shutdone => self.input(to, |m, now| m.on_shutdone(now, from, true)),
            Say::HbTakeover(wish) => self.input(to, |m, now| {
                // The request was refused: the operator tries again.
                let _ = m.request_standby(now, wish.to_give());
            }),
            Say::GroupRequest(group) => self.input(to, |m, now| m.on_group_request(now, from, key(group))),
            Say::GroupAnswer { group, .. } => self.input(to, |m, now| m.on_group_answer(now, key(group))),
            Say::Stonith { .. } => {}
        }
        debug_assert!(self.nodes[to].machine.as_ref().is_none_or(|m| m.phase() != Phase::Left));
    }
}
