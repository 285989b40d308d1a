//! Effects of the engine: scripts that start and stop groups, and devices that cut the power.

use super::{Cause, Ending, FENCING, Script, Work};
use crate::world::engine::{Engine, name};
use crate::world::rule::Rule;
use crate::world::schedule::{Fault, Kind};
use crate::world::story::{Happening, Runs};
use crate::world::{Bug, Due, World};
use hbcore::id::NodeId;
use hbcore::takeover::{Effect, Group, Outcome};
use hbcore::time::Duration;

impl World<'_> {
    pub(super) fn begin_effect(&mut self, node: usize, ticket: u32, effect: Effect) {
        if self.schedule.site.nodes[node] == Kind::Ours {
            let before = self.counting.views[node];
            self.counting.coverage.effect(&before, effect);
        }
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
        let (runs, ending) = self.script(node, group, work);
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
        real.script = Some(if kept {
            Script { group, serial, work: Work::Start, ending: Ending { leaves: true, ..ending }, began }
        } else {
            Script { group, serial, work, ending, began }
        });
        real.holding |= work == Work::Start;
        real.serving = kept;
        real.lacks = false;
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
        real.holding = script.ending.leaves;
        let done = script.ending.outcome == Outcome::Done;
        real.serving = script.work == Work::Start && done;
        real.left_over &= script.ending.leaves && !done;
        if script.work == Work::Start {
            real.failed = !done;
        }
        if script.work == Work::Escalate && done && self.hosts[node].random.percent(30) {
            return self.reboot(node);
        }
        self.tell_group(node, script.group);
        let outcome = match self.options.planted {
            Some(Bug::LostTicket) if serial % 3 == 2 => return,
            Some(Bug::FailureAsSuccess) => Outcome::Done,
            _ => script.ending.outcome,
        };
        if self.hosts[node].paused {
            self.hosts[node].ended_scripts.push_back((ticket, outcome));
        } else {
            self.completed(node, ticket, outcome);
        }
    }

    pub(super) fn completed(&mut self, node: usize, ticket: u32, outcome: Outcome) {
        let group = (ticket >> 16) as usize;
        let mut ended = None;
        self.input(node, Cause::End, |host, local| {
            if let Some(engine) = &mut host.engine {
                let state = |engine: &Engine| engine.ours().map(|ours| ours.groups().get(group).map(Group::state));
                let before = state(engine);
                engine.complete(local, ticket, outcome);
                ended = before.zip(state(engine));
            }
        });
        if let Some((before, after)) = ended {
            self.counting.coverage.ended(before.zip(after), outcome);
        }
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
