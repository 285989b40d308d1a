//! Checks that a world comes to rest after the last fault, and stays settled.

use super::engine::name;
use super::rule::Rule;
use super::{Due, Fault, Kind, ORIGIN, World};
use hbcore::id::NodeId;
use hbcore::node::NodeState;
use hbcore::time::Duration;

/// The longest chain of waits of a pair: a start without an answer for 10 s, a move without an answer for 10 s, and
/// both again.
const OURS: Duration = Duration::from_secs(45);
/// For this long a 3.0.6 may not have noticed a fault, and everything looks settled.
const REFERENCE_NOTICES: Duration = Duration::from_secs(10);
/// A 3.0.6 restarts itself, and waits for 10 s; then it still has to move its groups.
const REFERENCE: Duration = Duration::from_mins(2);

impl World<'_> {
    /// The time of the first check after the last fault: every silence was noticed, and all packets under way have
    /// arrived.
    pub(crate) fn first_look(&self) -> Duration {
        let site = &self.schedule.site;
        let notices =
            if site.nodes.contains(&Kind::Reference) { REFERENCE_NOTICES } else { Duration::from_millis(500) };
        let fencing = if site.fencing { super::host::FENCING } else { 0 };
        Duration::from_millis(site.deadtime + 2 * site.keepalive + fencing) + notices
    }

    /// Checks whether everything has settled, until it has; and once more some time later.
    pub(crate) fn look(&mut self) {
        let site = &self.schedule.site;
        let deadtime = Duration::from_millis(site.deadtime);
        let calm_for = self.now.since(ORIGIN.after(self.schedule.calm_from()));
        let has_reference = site.nodes.contains(&Kind::Reference);
        let bound = if has_reference { REFERENCE } else { OURS };
        // The attempt with a device that does not answer is given up, and repeated some seconds later.
        let slow = self.schedule.faults.iter().any(|planned| matches!(planned.fault, Fault::SlowFencing(_)));
        let device = if slow { site.limit + 10_000 } else { 0 };
        // A group that starts on neither node is moved once in five minutes; one of the nodes could start it meanwhile.
        let sick = (0..self.hosts.len()).any(|n| self.schedule.is_sick(n));
        let device = device + if sick { 310_000 } else { 0 };
        let bound = bound + Duration::from_millis(site.initdead + 8 * site.script.1 + device) + deadtime * 4;
        let tail = deadtime * 2 + Duration::from_millis(1500);
        let unsettled = self.unsettled();
        match (self.settled_at, unsettled) {
            (None, None) => {
                self.settled_at = Some(self.now);
                self.plan(self.now.after(tail), Due::Look);
            }
            (None, Some(why)) if calm_for > bound => self.fail(Rule::Settles, why),
            (None, Some(_)) => self.plan(self.now.after(deadtime / 2), Due::Look),
            (Some(_), None) => self.settled_for_good(),
            // A node whose scripts never work resets itself now and then.
            (Some(_), Some(_)) if (0..self.hosts.len()).any(|n| self.schedule.is_sick(n)) => self.finished = true,
            (Some(_), Some(why)) => self.fail(Rule::StaysSettled, why),
        }
    }

    /// The part of the world that has not settled yet, if any.
    fn unsettled(&self) -> Option<String> {
        let nodes = 0..self.hosts.len();
        let excused = |n| self.schedule.stays_away(n) || self.schedule.is_sick(n);
        let waits_for = |n: &usize| !self.hosts[*n].is_running() && !excused(*n);
        if let Some(node) = nodes.clone().find(waits_for) {
            return Some(format!("{} does not run", name(node)));
        }
        if self.shots > 0 {
            return Some("somebody is about to be fenced".to_owned());
        }
        let groups = 0..self.schedule.site.groups.len();
        let group = if self.schedule.heals() {
            groups.clone().find_map(|group| self.unsettled_group(group))
        } else {
            groups.clone().find_map(|group| self.unsettled_for_ever(group))
        };
        group.or_else(|| nodes.clone().find_map(|node| self.unsettled_node(node)))
    }

    fn unsettled_group(&self, group: usize) -> Option<String> {
        let count =
            |wanted: fn(&super::host::Real) -> bool| self.hosts.iter().filter(|h| wanted(&h.real[group])).count();
        let (holding, serving) = (count(|real| real.holding), count(|real| real.serving));
        // A group that starts on neither node stays down.
        let failed = count(|real| real.failed) > 0;
        // No node starts a group that ran nowhere before the files differed.
        let may_be_none = failed || self.is_divided();
        let good = holding == serving && (serving == 1 || (serving == 0 && may_be_none));
        (!good).then(|| format!("group {group} is served by {serving} nodes and held by {holding}"))
    }

    fn unsettled_node(&self, node: usize) -> Option<String> {
        let engine = self.hosts[node].engine.as_deref()?;
        let managed = !self.schedule.site.groups.is_empty();
        // A 3.0.6 whose peer vanished in the middle of an exchange waits for it for an hour. That is not our fault, as
        // long as each group is served.
        let ours = engine.ours()?;
        if managed && self.schedule.heals() && !engine.is_settled() && !self.is_divided() {
            return Some(format!("{} is not settled: {:?}", name(node), ours.takeover()));
        }
        for (group, real) in self.hosts[node].real.iter().enumerate() {
            let believes = ours.groups()[group].state() == hbcore::takeover::GroupState::Running;
            if believes != real.serving && !self.schedule.is_sick(node) {
                return Some(format!("{} believes that group {group} runs: {believes}", name(node)));
            }
        }
        (0..self.hosts.len()).filter(|other| *other != node).find_map(|other| {
            let view = ours.node(NodeId(other as u8))?;
            if self.schedule.is_sick(other) {
                return None;
            }
            if self.schedule.stays_away(other) || self.schedule.is_deaf(other, node) {
                let why = || format!("{} sees {} as {:?}", name(node), name(other), view.state);
                return (*view.state != NodeState::Dead).then(why);
            }
            let generation = self.hosts[other].generation;
            // A node cannot request the missing messages of a node that does not hear it.
            let complete = view.missing == 0 || self.schedule.is_deaf(node, other);
            let agrees = *view.state == NodeState::Active && view.generation.0 == generation && complete;
            let (state, missing) = (view.state, view.missing);
            let why = || format!("{} sees {} as {state:?}, missing {missing}", name(node), name(other));
            (!agrees).then(why)
        })
    }

    /// There was no fault for a long time: a message that is not accounted for now never will be.
    fn settled_for_good(&mut self) {
        self.finished = true;
        let nodes = self.hosts.len();
        let ours: Vec<usize> =
            (0..nodes).filter(|n| self.hosts[*n].engine.as_deref().is_some_and(|e| e.ours().is_some())).collect();
        for node in ours {
            let heard = |other: &usize| {
                *other != node
                    && !self.schedule.is_deaf(*other, node)
                    && !self.schedule.is_deaf(node, *other)
                    && !self.schedule.stays_away(*other)
            };
            for other in (0..nodes).filter(heard) {
                let lost = self.delivery.silently_lost(node, other);
                if !lost.is_empty() {
                    let text = format!("{} never processed {lost:?} of {}", name(node), name(other));
                    self.fail(Rule::NothingLostInSilence, text);
                }
            }
            self.check_tables(node);
        }
    }

    /// Checks that nothing overflowed in this run of the node.
    pub(crate) fn check_tables(&mut self, node: usize) {
        let Some(ours) = self.hosts[node].engine.as_deref().and_then(|engine| engine.ours()) else { return };
        let stats = ours.stats();
        let lost = ours.takeover().lost_outputs();
        if stats.events_lost + stats.oversize + stats.nodes_refused + stats.clock_went_back + u64::from(lost) > 0 {
            let text = format!("{}: {stats:?}, {lost} outputs lost", name(node));
            self.fail(Rule::BoundedTables, text);
        }
    }
}
