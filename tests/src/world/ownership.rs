//! The groups that really run, and where: no node of ours may cause two owners, and no group may be down for longer
//! than the deadline.

use super::engine::{Engine, name};
use super::host::Host;
use super::rule::Rule;
use super::schedule::Planned;
use super::{Fault, Kind, ORIGIN, World};
use hbcore::takeover::{Group, GroupState};
use hbcore::time::{Duration, Instant};

/// On a lossy link, a message that ends a doubt may need several retransmissions, a quarter of a second apart.
const REPEATS: Duration = Duration::from_secs(1);

/// A group that `node` must serve at `due`, because its owner is gone.
struct Promise {
    group: usize,
    node: usize,
    due: Instant,
}

/// The state of the rules about owners.
pub(crate) struct Ownership {
    /// The groups that had two owners, with no event since then.
    contested: Vec<bool>,
    /// The time of the last false death.
    apart: Option<Instant>,
    promises: Vec<Promise>,
    /// For each group, the time since which it is served twice without any fault.
    twice_since: Vec<Option<Instant>>,
    pub(crate) kept: u64,
}

impl Ownership {
    pub(crate) fn new(groups: usize) -> Self {
        Self {
            contested: vec![false; groups],
            apart: None,
            promises: Vec::new(),
            twice_since: vec![None; groups],
            kept: 0,
        }
    }
}

impl World<'_> {
    fn has_reference(&self) -> bool {
        self.schedule.site.nodes.contains(&Kind::Reference)
    }

    /// For how long after a heal a decision from before it may still be carried out.
    fn grace(&self) -> Duration {
        let script = Duration::from_millis(self.schedule.site.script.1);
        if self.has_reference() {
            Duration::from_secs(15)
        } else {
            let loses = |fault: &Fault| {
                matches!(fault, Fault::Lose(_) | Fault::Burst { .. } | Fault::Corrupt(_) | Fault::Noise(_))
            };
            // Messages that were lost at the end of the fault are retransmitted after it.
            let recent = |planned: &Planned| {
                let passed = self.now.since(ORIGIN);
                planned.at <= passed && passed < planned.end().saturating_add(REPEATS) && loses(&planned.fault)
            };
            let repeats = if self.schedule.faults.iter().any(recent) { REPEATS } else { Duration::ZERO };
            Duration::from_millis(200) + self.longest_way() * 4 + script * 2 + repeats
        }
    }

    /// The longest time of a message without faults, with the lateness of a timer.
    pub(crate) fn longest_way(&self) -> Duration {
        self.network.longest_delay() + Duration::from_micros(self.schedule.site.lateness)
    }

    /// Checks the owners after each step.
    pub(crate) fn check_ownership(&mut self) {
        let nodes = self.hosts.len();
        if nodes != 2 || self.schedule.site.groups.is_empty() {
            return;
        }
        let takes_for_dead = |by: usize, node: usize| {
            let Some(engine) = self.hosts[by].engine.as_deref() else { return false };
            self.hosts[node].engine.as_deref().is_some_and(|e| is_active(e) || serves_on(e))
                && engine.regards_dead(node)
        };
        if takes_for_dead(0, 1) || takes_for_dead(1, 0) {
            self.ownership.apart = Some(self.now);
        }
        self.check_agreement();
        if self.ownership.promises.first().is_some_and(|promise| self.now > promise.due) {
            let promise = self.ownership.promises.remove(0);
            if self.hosts[promise.node].real[promise.group].serving {
                self.ownership.kept += 1;
            } else {
                let late = self.now.since(promise.due);
                let text = format!(
                    "{} does not run group {} when it is due ({late:?} ago)",
                    name(promise.node),
                    promise.group
                );
                self.fail(Rule::TakeoverInTime, text);
            }
        }
    }

    /// Two owners that can hear each other must agree soon.
    fn check_agreement(&mut self) {
        let deaf = self.schedule.is_deaf(0, 1) || self.schedule.is_deaf(1, 0);
        if self.has_reference() || deaf || self.is_disturbed() {
            return self.ownership.twice_since.fill(None);
        }
        let patience = REPEATS + Duration::from_millis(4 * self.schedule.site.keepalive) + self.longest_way() * 8;
        for group in 0..self.schedule.site.groups.len() {
            let serves = |host: &&Host| host.is_running() && host.real[group].serving;
            let serve = self.hosts.iter().filter(serves).count();
            let since = &mut self.ownership.twice_since[group];
            *since = if serve > 1 { since.or(Some(self.now)) } else { None };
            if since.is_some_and(|since| self.now.since(since) > patience) {
                *since = None;
                self.fail(
                    Rule::OneOwner,
                    format!("group {group} is still served by {serve} nodes that hear each other"),
                );
            }
        }
    }

    /// A node begins to start a group. No other node may run it, unless one of the two has declared the other dead and
    /// cannot fence.
    pub(crate) fn acquiring(&mut self, node: usize, group: usize) {
        let rival = (0..self.hosts.len()).find(|n| *n != node && self.hosts[*n].real[group].holding);
        let Some(rival) = rival else { return };
        self.check_ownership();
        let grace = self.grace();
        // A killed daemon cannot stop its groups, and counts as dead.
        let left = &self.hosts[rival];
        let given_up = (left.crashed || left.real[group].left_over) && self.regards_dead(node, rival);
        let apart = self.ownership.apart.is_some_and(|at| self.now.since(at) <= grace);
        let may_be_apart = !self.schedule.site.fencing && (apart || given_up || self.hosts[rival].paused);
        if !may_be_apart {
            let text = format!("{} starts group {group} while {} runs it", name(node), name(rival));
            self.fail(Rule::OneOwner, text);
        }
    }

    fn regards_dead(&self, node: usize, other: usize) -> bool {
        self.hosts[node].engine.as_deref().is_some_and(|engine| engine.regards_dead(other))
    }

    /// A group came or went on a node.
    pub(crate) fn group_changed(&mut self, group: usize) {
        match self.hosts.iter().filter(|host| host.real[group].serving).count() {
            // Both nodes give up a group that both took while they were apart and that neither had before.
            0 if self.is_divided() => self.ownership.contested[group] = false,
            0 if self.ownership.contested[group] && !self.is_disturbed() => {
                self.ownership.contested[group] = false;
                self.fail(Rule::HealWithoutGap, format!("group {group} had two owners, and has none now"));
            }
            0 | 1 => {}
            _ => self.ownership.contested[group] = true,
        }
    }

    /// An event from outside happened: the expectations so far do not hold any more.
    pub(crate) fn disturbed(&mut self) {
        self.ownership.promises.clear();
        self.ownership.contested.fill(false);
    }

    /// `silent` is not heard from now on. Without fencing, the other node takes its groups over too.
    pub(crate) fn promise_unheard(&mut self, silent: usize) {
        if !self.schedule.site.fencing && self.hosts[silent].is_running() {
            self.promise(silent, false);
        }
    }

    /// `gone` is about to lose its power, or to leave; called while it is still there. If the other node is settled and
    /// there is no other fault, it will run the groups of `gone` at a predictable time.
    pub(crate) fn promise(&mut self, gone: usize, leaves: bool) {
        let site = &self.schedule.site;
        let calm = self.disturbing() <= 1;
        if self.hosts.len() != 2 || !calm || site.nodes[1 - gone] != Kind::Ours || (leaves && self.has_reference()) {
            return;
        }
        let heir = 1 - gone;
        let settled = |n: usize| {
            let host = &self.hosts[n];
            !host.paused
                && host.engine.as_deref().is_some_and(|e| is_active(e) && e.is_settled() && !e.regards_dead(1 - n))
        };
        if !settled(gone) || !settled(heir) {
            return;
        }
        let ms = Duration::from_millis;
        let script = ms(site.script.1);
        let wait = if leaves {
            script * 2 + self.longest_way() * 8
        } else {
            // A fast and a slow clock differ by less than a thousandth. A 3.0.6 that has just started announces two
            // seconds more.
            let padding = if site.nodes[gone] == Kind::Reference { 2000 } else { 0 };
            let silence = ms(site.deadtime + site.keepalive + padding);
            let fencing = if site.fencing { ms(super::host::FENCING) } else { Duration::ZERO };
            silence + silence / 1000 + fencing + script + self.longest_way()
        };
        let due = self.now.after(wait + ms(1));
        for group in 0..site.groups.len() {
            let theirs = self.hosts[gone].real[group];
            if theirs.serving && !theirs.failed && !self.hosts[heir].real[group].holding {
                self.ownership.promises.push(Promise { group, node: heir, due });
            }
        }
    }
}

/// It was executed anew, and is still joining: it runs what it had, or starts it again.
fn serves_on(engine: &Engine) -> bool {
    let has = |group: &Group| group.state() == GroupState::Running || group.is_wanted();
    engine.ours().is_some_and(|ours| ours.groups().iter().any(has))
}

fn is_active(engine: &Engine) -> bool {
    use hbcore::node::NodeState;
    match engine {
        Engine::Ours(engine) => engine.node(engine.local()).is_some_and(|me| *me.state == NodeState::Active),
        Engine::Reference(model) => model.is_active(),
    }
}
