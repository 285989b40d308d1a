//! What the engine has done: scripts that start and stop groups, and devices that cut the power.

use super::{FENCING, Script, Work};
use crate::world::engine::name;
use crate::world::rule::Rule;
use crate::world::schedule::{Fault, Kind};
use crate::world::story::{Happening, Runs};
use crate::world::{Bug, Due, ORIGIN, World};
use hbcore::id::NodeId;
use hbcore::takeover::{Effect, Outcome};
use hbcore::time::Duration;

impl World<'_> {
    pub(super) fn begin_effect(&mut self, node: usize, ticket: u32, effect: Effect) {
        let (group, work) = match effect {
            Effect::Acquire(group) => (usize::from(group.0), Work::Start),
            Effect::Release(group) => (usize::from(group.0), Work::Stop),
            Effect::Escalate(group) => (usize::from(group.0), Work::Escalate),
            Effect::Fence(NodeId(other)) => {
                self.shoots(node, usize::from(other));
                let mut after = Duration::from_millis(self.hosts[node].random.between(50, FENCING));
                if self.is_active(|fault| *fault == Fault::SlowFencing(node)) {
                    after = Duration::from_millis(self.schedule.site.limit);
                }
                let run = self.hosts[node].run;
                self.shots += 1;
                return self
                    .plan(self.now.after(after), Due::Fence { by: node, run, ticket, node: usize::from(other) });
            }
            Effect::Announce(group) => {
                return self.record(|| Happening::Said { node, text: format!("announces group {}", group.0) });
            }
        };
        let limit = Duration::from_millis(self.schedule.site.limit);
        if let Some(old) = self.hosts[node].real[group].script
            && self.now.since(old.began) + Duration::from_millis(50) < limit
        {
            let text = format!("{} begins another effect of group {group}", name(node));
            self.fail(Rule::OneEffect, text);
        }
        let (runs, outcome) = self.script(node, work, limit);
        self.hosts[node].tickets += 1;
        let serial = self.hosts[node].tickets;
        let kept = work == Work::Stop
            && self.options.planted == Some(Bug::KeptAfterHeal)
            && self.others_hold(node, group)
            && !self.hosts[node].is_leaving();
        let began = self.now;
        let real = &mut self.hosts[node].real[group];
        // A start that is under way when the next effect begins was given up at its limit.
        real.failed |= real.script.is_some_and(|old| old.work == Work::Start);
        real.script = Some(Script { group, serial, work: if kept { Work::Start } else { work }, outcome, began });
        real.holding |= work == Work::Start;
        real.serving = kept;
        if work == Work::Start {
            self.acquiring(node, group);
        }
        self.tell_group(node, group);
        let run = self.hosts[node].run;
        self.plan(self.now.after(runs), Due::Script { node, run, ticket, serial });
        if self.is_active(|fault| *fault == Fault::Blackout(node)) {
            self.plan(self.now.after(runs / 2), Due::Blackout { node, run });
        }
        if work == Work::Stop && self.options.planted == Some(Bug::StoppedTooEarly) {
            self.completed(node, ticket, Outcome::Done);
        }
    }

    fn others_hold(&self, node: usize, group: usize) -> bool {
        self.hosts.iter().any(|host| host.node != node && host.real[group].holding)
    }

    /// How long a script that begins now will run, and how it will end. It is killed at its limit.
    fn script(&mut self, node: usize, work: Work, limit: Duration) -> (Duration, Outcome) {
        let (least, most) = self.schedule.site.script;
        let mut runs = Duration::from_millis(self.hosts[node].random.between(least, most));
        let mut outcome = Outcome::Done;
        // The model does not know what to do about scripts that fail.
        if self.schedule.site.nodes[node] == Kind::Reference || work == Work::Escalate {
            return (runs, outcome);
        }
        for (planned, _) in self.schedule.faults.iter().zip(&self.active).filter(|(_, active)| **active) {
            let random = &mut self.hosts[node].random;
            match planned.fault {
                Fault::Slow { node: n, by } if n == node => runs += Duration::from_millis(by),
                Fault::Hang(n) if n == node => runs = runs.max(ORIGIN.after(planned.end()).since(self.now)),
                Fault::Fail { node: n, percent } if n == node && random.percent(percent) => {
                    let stuck = work == Work::Start && random.percent(20);
                    outcome = if stuck { Outcome::FailedAndStuck } else { Outcome::Failed };
                }
                _ => {}
            }
        }
        if runs >= limit { (limit, Outcome::TimedOut) } else { (runs, outcome) }
    }

    /// A device cuts the power of `node`, or fails to.
    pub(crate) fn fence(&mut self, by: usize, run: u64, ticket: u32, node: usize) {
        self.shots -= 1;
        if self.hosts[by].run != run || !self.hosts[by].is_running() {
            return;
        }
        let works = !self.is_active(|fault| matches!(fault, Fault::NoFencing(n) | Fault::SlowFencing(n) if *n == by));
        if works && self.options.planted != Some(Bug::SkippedFence) {
            self.reboot(node);
        }
        let outcome = if works { Outcome::Done } else { Outcome::Failed };
        if self.hosts[by].paused {
            self.hosts[by].ended_scripts.push_back((ticket, outcome));
        } else {
            self.completed(by, ticket, outcome);
        }
    }

    pub(crate) fn script_ended(&mut self, node: usize, run: u64, ticket: u32, serial: u64) {
        let host = &mut self.hosts[node];
        if host.run != run {
            return;
        }
        let ended = host.real.iter().filter_map(|real| real.script).find(|script| script.serial == serial);
        let Some(script) = ended else { return };
        let real = &mut host.real[script.group];
        real.script = None;
        // After a start that was killed, or a stop that failed, something runs on.
        real.holding = match (script.work, script.outcome) {
            (Work::Start, outcome) => outcome != Outcome::Failed,
            (Work::Stop, outcome) => outcome != Outcome::Done,
            (Work::Escalate, _) => false,
        };
        let done = script.outcome == Outcome::Done;
        real.serving = script.work == Work::Start && done;
        if script.work == Work::Start {
            real.failed = !done;
        }
        if script.work == Work::Escalate && self.hosts[node].random.percent(30) {
            return self.reboot(node);
        }
        self.tell_group(node, script.group);
        let outcome = match self.options.planted {
            Some(Bug::LostTicket) if serial % 3 == 2 => return,
            Some(Bug::FailureAsSuccess) => Outcome::Done,
            _ => script.outcome,
        };
        if self.hosts[node].paused {
            self.hosts[node].ended_scripts.push_back((ticket, outcome));
        } else {
            self.completed(node, ticket, outcome);
        }
    }

    pub(super) fn completed(&mut self, node: usize, ticket: u32, outcome: Outcome) {
        self.input(node, |host, local| {
            if let Some(engine) = &mut host.engine {
                engine.complete(local, ticket, outcome);
            }
        });
    }

    pub(super) fn tell_group(&mut self, node: usize, group: usize) {
        let real = self.hosts[node].real[group];
        let runs = match (real.holding, real.serving && real.script.is_none()) {
            (false, _) => Runs::No,
            (true, false) => Runs::Partly,
            (true, true) => Runs::Yes,
        };
        self.record(|| Happening::Group { node, group, runs });
        self.group_changed(group);
    }
}
