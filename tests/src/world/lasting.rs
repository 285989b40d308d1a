//! Faults that never end: the world must still come to rest, in a state that depends on them.
//!
//! If two nodes hear each other on some link, all rules hold as if that link were the only one. If one does not hear
//! the other any more, each runs alone. If a node is gone, or can run nothing, the other one serves. The idea comes
//! from the liveness mode of `TigerBeetle`'s simulator: the healthy part must keep working in spite of the rest.

use super::host::Host;
use super::schedule::{Fault, Planned, Schedule};
use super::{Engine, World};
use hbcore::takeover::{GroupState, Holds};

impl Planned {
    /// Whether the fault never ends.
    pub fn is_for_ever(&self) -> bool {
        self.lasting == std::time::Duration::MAX
    }
}

impl Schedule {
    /// The faults that never end.
    pub(crate) fn for_ever(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter(|planned| planned.is_for_ever()).map(|planned| &planned.fault)
    }

    /// Whether a node never comes back.
    pub(crate) fn stays_away(&self, node: usize) -> bool {
        self.for_ever().any(|fault| matches!(fault, Fault::Power { node: n, .. } if *n == node))
    }

    /// Whether the scripts of a node never work again.
    pub(crate) fn is_sick(&self, node: usize) -> bool {
        self.for_ever().any(|fault| match fault {
            Fault::Blind(n) | Fault::Hang(n) | Fault::Fail { node: n, .. } => *n == node,
            _ => false,
        })
    }

    /// Whether `to` never hears `from` again.
    pub(crate) fn is_deaf(&self, from: usize, to: usize) -> bool {
        (0..self.site.links.len()).all(|link| {
            self.for_ever().any(|fault| match *fault {
                Fault::Cut { from: f, to: t, link: l } => (f, t) == (from, to) && l.is_none_or(|l| l == link),
                Fault::Isolate(node) => node == from || node == to,
                _ => false,
            })
        })
    }

    /// Whether all running nodes hear each other in the end, and can carry out their effects.
    pub(crate) fn heals(&self) -> bool {
        let nodes = 0..self.site.nodes.len();
        let deaf = |from| nodes.clone().any(|to| from != to && self.is_deaf(from, to));
        !nodes.clone().any(|n| deaf(n) || self.stays_away(n) || self.is_sick(n))
    }
}

impl World<'_> {
    /// Whether there is a fault, apart from one of two links that is dead for good.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.disturbing() > 0
    }

    /// The number of active faults, without those after which the node only has to use the other link.
    pub(crate) fn disturbing(&self) -> usize {
        let harmless =
            |planned: &Planned| planned.is_for_ever() && matches!(planned.fault, Fault::Cut { link: Some(_), .. });
        let active =
            self.schedule.faults.iter().zip(&self.active).filter(|(planned, active)| **active && !harmless(planned));
        active.count()
    }

    /// For a pair with a fault that never ends: the fault of a group's state, if it has one.
    pub(crate) fn unsettled_for_ever(&self, group: usize) -> Option<String> {
        let site = &self.schedule.site;
        let nodes = 0..site.nodes.len();
        let real = |node: usize| self.hosts[node].real[group];
        if let Some(node) = nodes.clone().find(|n| !self.schedule.is_sick(*n) && moves(&self.hosts[*n], group)) {
            return Some(format!("group {group} moves on {}", super::engine::name(node)));
        }
        let serve = nodes.clone().filter(|n| real(*n).serving).count();
        let hold = nodes.clone().filter(|n| real(*n).holding).count();
        // A group that cannot be stopped there stays claimed, with its class, and the start on the other node waits
        // until that is settled.
        if nodes.clone().any(|n| self.schedule.is_sick(n) && (real(n).holding || is_stuck(&self.hosts[n]))) {
            return (serve > 1).then(|| format!("group {group} is served by {serve} nodes"));
        }
        // A node that does not hear the other must serve. Without a fencing device, both do.
        let deaf = self.schedule.is_deaf(0, 1) || self.schedule.is_deaf(1, 0);
        let failed = nodes.clone().any(|n| real(n).failed && !self.schedule.is_sick(n));
        let alone = nodes.clone().find(|n| self.schedule.is_deaf(1 - n, *n)).filter(|_| site.fencing);
        let has_fenced = |n: usize| {
            self.hosts[n].engine.as_deref().and_then(Engine::ours).is_some_and(|e| e.takeover().holds() == Holds::ALL)
        };
        let one = serve == 1 && hold == 1;
        let good = if let Some(alone) = alone {
            one && real(alone).serving && has_fenced(alone)
        } else if deaf {
            serve > 0
        } else {
            one
        };
        let excused = serve == 0 && (failed || self.is_divided());
        (!good && !excused).then(|| format!("group {group} is served by {serve} nodes and held by {hold}"))
    }
}

/// Whether a group is being started or stopped, or is about to be.
fn moves(host: &Host, group: usize) -> bool {
    let Some(ours) = host.engine.as_deref().and_then(Engine::ours) else { return false };
    ours.groups().get(group).is_some_and(|group| match group.state() {
        GroupState::Running => !group.is_wanted(),
        GroupState::Stopped => group.is_wanted(),
        GroupState::Failed => false,
        GroupState::Starting | GroupState::Stopping | GroupState::Stuck => true,
    })
}

fn is_stuck(host: &Host) -> bool {
    let ours = host.engine.as_deref().and_then(Engine::ours);
    ours.is_some_and(|ours| ours.groups().iter().any(|group| group.state() == GroupState::Stuck))
}
