//! All possible next steps.

use super::state::{Machine, NEAR, NODES, ORIGIN, State, Work};
use hbcore::AutoFailback;
use hbcore::takeover::{Class, Outcome, Wish};
use hbcore::time::Instant;
use std::fmt;

/// One step. Nodes are 0 and 1; a wire is named by its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A message arrives.
    Deliver(u8),
    /// A message arrives that was lost at first.
    DeliverLate(u8),
    /// A status message arrives.
    Hear(u8),
    /// A node that hears nothing declares the other one dead.
    DeclareDead(u8),
    /// A node that has heard the other one joins it.
    Join(u8),
    /// A script ends well.
    Script(u8, u8),
    /// A fencing device has cut the other node's power.
    Fenced(u8),
    /// Time passes until the next timer.
    Tick,
    /// A node is switched on.
    Start(u8),
    /// The links carry messages again.
    Heal,
    /// A node loses its power.
    Crash(u8),
    /// The links carry nothing any more.
    Cut,
    /// A node hears nothing any more.
    Deafen(u8),
    /// A message is lost, and its retransmission will be requested.
    Lose(u8),
    /// An operator asks a node to hand groups over.
    Standby(u8, Class),
    /// An operator asks a node to take all groups over.
    Takeover(u8),
    /// An operator stops a node.
    Leave(u8),
    /// A script fails.
    ScriptFails(u8, u8),
    /// A fencing device fails.
    FencingFails(u8),
}

impl Action {
    /// Whether the step is a fault or a request of an operator. A good end must be reachable without such steps.
    pub fn is_fault(self) -> bool {
        match self {
            Self::Deliver(_)
            | Self::DeliverLate(_)
            | Self::Hear(_)
            | Self::DeclareDead(_)
            | Self::Join(_)
            | Self::Script(..)
            | Self::Fenced(_)
            | Self::Tick
            | Self::Start(_)
            | Self::Heal => false,
            Self::Crash(_)
            | Self::Cut
            | Self::Deafen(_)
            | Self::Lose(_)
            | Self::Standby(..)
            | Self::Takeover(_)
            | Self::Leave(_)
            | Self::ScriptFails(..)
            | Self::FencingFails(_) => true,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl State {
    /// The next timer of any engine, and whether it is near.
    pub(super) fn next_tick(&self) -> Option<(Instant, bool)> {
        let engines = self.nodes.iter().filter_map(|node| node.machine.as_ref());
        let at = engines.filter_map(hbcore::takeover::Takeover::next_deadline).min()?;
        Some((at, at.since(self.now) <= NEAR))
    }

    fn can_tick(&self) -> bool {
        !self.is_urgent() && self.next_tick().is_some_and(|(_, near)| near || !self.is_working())
    }

    /// The possible steps in a fixed order. A calm history takes the first of them each time.
    pub(super) fn actions(&self, out: &mut Vec<Action>) {
        out.clear();
        let all = 0..NODES as u8;
        let place = |n: u8| usize::from(n);
        let when = |can: bool, action: Action| can.then_some(action);
        out.extend(all.clone().filter_map(|n| when(self.can_hear(place(n)), Action::Hear(n))));
        out.extend(all.clone().filter_map(|n| when(self.can_deliver(place(n)), Action::Deliver(n))));
        out.extend(all.clone().filter_map(|n| when(self.can_deliver_late(place(n)), Action::DeliverLate(n))));
        out.extend(all.clone().filter_map(|n| when(self.can_join(place(n)), Action::Join(n))));
        self.endings(out, false);
        out.extend(all.clone().filter_map(|n| when(self.can_declare_dead(place(n)), Action::DeclareDead(n))));
        out.extend(when(self.can_tick(), Action::Tick));
        out.extend(when(self.is_cut(), Action::Heal));
        out.extend(all.filter_map(|n| when(self.can_start(place(n)), Action::Start(n))));
        self.faults(out);
    }

    /// The ends of scripts and of fencing.
    fn endings(&self, out: &mut Vec<Action>, failing: bool) {
        for n in 0..NODES as u8 {
            let node = &self.nodes[usize::from(n)];
            for (group, real) in node.groups.iter().enumerate() {
                let group = group as u8;
                match (real.script, failing) {
                    (Some(_), false) => out.push(Action::Script(n, group)),
                    (Some((Work::Start, _)), true) if self.left.start_failures > 0 => {
                        out.push(Action::ScriptFails(n, group));
                    }
                    (Some((Work::Stop, _)), true) if self.left.stop_failures > 0 => {
                        out.push(Action::ScriptFails(n, group));
                    }
                    (_, _) => {}
                }
            }
            match (node.shots.is_empty(), failing) {
                (false, false) => out.push(Action::Fenced(n)),
                (false, true) if self.left.fence_failures > 0 => out.push(Action::FencingFails(n)),
                (_, _) => {}
            }
        }
    }

    fn faults(&self, out: &mut Vec<Action>) {
        self.endings(out, true);
        let left = &self.left;
        let calm = !self.is_cut();
        if left.cuts > 0 && calm {
            out.push(Action::Cut);
        }
        for n in 0..NODES as u8 {
            let node = &self.nodes[usize::from(n)];
            if left.deafness > 0 && calm {
                out.push(Action::Deafen(n));
            }
            if left.losses > 0 && self.can_deliver(usize::from(n)) && self.nodes[usize::from(1 - n)].on {
                out.push(Action::Lose(n));
            }
            if !node.on {
                continue;
            }
            if left.crashes > 0 {
                out.push(Action::Crash(n));
            }
            if left.leaves > 0 {
                out.push(Action::Leave(n));
            }
            let orders = node.active && self.case.failback != AutoFailback::Legacy;
            if orders && left.standbys > 0 {
                out.extend([Class::Local, Class::Foreign, Class::All].map(|class| Action::Standby(n, class)));
            }
            if orders && left.takeovers > 0 {
                out.push(Action::Takeover(n));
            }
        }
    }

    /// Carries out a step.
    pub(super) fn apply(&mut self, action: Action) {
        let place = usize::from;
        if action.is_fault() {
            self.disturbed();
        }
        match action {
            Action::Deliver(n) => self.deliver(place(n)),
            Action::DeliverLate(n) => self.deliver_late(place(n)),
            Action::Hear(n) => self.hear(place(n)),
            Action::DeclareDead(n) => self.declare_dead(place(n)),
            Action::Join(n) => self.join(place(n)),
            Action::Script(n, group) => self.end(place(n), place(group), Outcome::Done),
            Action::Fenced(n) => self.shot(place(n), Outcome::Done),
            Action::Tick => self.tick(),
            Action::Start(n) => self.start(place(n)),
            Action::Heal => (0..NODES).for_each(|to| self.wire(to).cut = false),
            _ => self.go_wrong(action),
        }
        self.forget_the_past();
        self.check_quiet();
    }

    fn go_wrong(&mut self, action: Action) {
        let place = usize::from;
        let left = &mut self.left;
        match action {
            Action::Crash(n) => {
                left.crashes -= 1;
                self.stop(place(n));
            }
            Action::Cut => {
                left.cuts -= 1;
                (0..NODES).for_each(|to| self.cut(to));
            }
            Action::Deafen(n) => {
                left.deafness -= 1;
                self.cut(place(n));
            }
            Action::Lose(n) => {
                left.losses -= 1;
                let wire = self.wire(place(n));
                let lost = wire.fresh.pop_front();
                wire.late.extend(lost);
            }
            Action::Standby(n, class) => {
                left.standbys -= 1;
                self.input(place(n), |m, now| {
                    let _ = m.request_standby(now, class);
                });
            }
            Action::Takeover(n) => {
                left.takeovers -= 1;
                self.input(place(n), |m, _| {
                    let _ = m.request_takeover(Wish::Class(Class::All));
                });
            }
            Action::Leave(n) => {
                left.leaves -= 1;
                self.input(place(n), hbcore::takeover::Takeover::leave);
            }
            Action::ScriptFails(n, group) => {
                match self.nodes[place(n)].groups[place(group)].script {
                    Some((Work::Start, _)) => left.start_failures -= 1,
                    _ => left.stop_failures -= 1,
                }
                self.end(place(n), place(group), Outcome::Failed);
            }
            Action::FencingFails(n) => {
                left.fence_failures -= 1;
                self.shot(place(n), Outcome::Failed);
            }
            _ => {}
        }
    }

    /// Cuts a wire. The messages on it are lost.
    fn cut(&mut self, to: usize) {
        let wire = self.wire(to);
        wire.cut = true;
        let lost = std::mem::take(&mut wire.fresh);
        wire.late.extend(lost);
    }

    fn tick(&mut self) {
        let Some((at, _)) = self.next_tick() else { return };
        self.now = at;
        self.shown = Default::default();
        for n in 0..NODES {
            let due = self.nodes[n].machine.as_ref().and_then(hbcore::takeover::Takeover::next_deadline);
            if due.is_some_and(|due| due <= at) {
                self.note_gaps(n);
                self.input(n, Machine::advance);
            }
        }
    }

    /// Forgets a false death once both nodes know better and have acted on it.
    fn forget_the_past(&mut self) {
        let sees = |n: usize| !self.nodes[n].view.dead && !self.can_hear(n);
        let nothing_under_way = self.wires.iter().all(|w| !w.cut && w.fresh.is_empty() && w.late.is_empty());
        if self.apart
            && (!self.nodes[0].on
                || !self.nodes[1].on
                || (nothing_under_way && !self.is_working() && sees(0) && sees(1)))
        {
            self.apart = false;
            self.contested.fill(false);
        }
        if self.nodes.iter().all(|node| !node.on) {
            self.now = ORIGIN;
        }
    }
}
