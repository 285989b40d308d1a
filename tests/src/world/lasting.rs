//! Faults that never end: what must still come to rest, and with what.
//!
//! As long as two nodes hear each other on some link, everything is demanded as if that link were the only one. Where one does not hear the
//! other any more, each lives alone; where a node is gone, or can run nothing, the other one serves. The idea is that of the liveness
//! mode of `TigerBeetle`'s simulator: what is healthy must get on with what is not.

use super::host::Host;
use super::schedule::{Fault, Planned, Schedule};
use super::{Engine, World};
use hbcore::takeover::{GroupState, Holds};

impl Planned {
    /// It never ends.
    pub fn is_for_ever(&self) -> bool {
        self.lasting == std::time::Duration::MAX
    }
}

impl Schedule {
    /// The faults that never end.
    pub(crate) fn for_ever(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter(|planned| planned.is_for_ever()).map(|planned| &planned.fault)
    }

    /// A node never comes back.
    pub(crate) fn stays_away(&self, node: usize) -> bool {
        self.for_ever().any(|fault| matches!(fault, Fault::Power { node: n, .. } if *n == node))
    }

    /// Scripts of a node never do again what they are to do.
    pub(crate) fn is_sick(&self, node: usize) -> bool {
        self.for_ever().any(|fault| match fault {
            Fault::Blind(n) | Fault::Hang(n) | Fault::Fail { node: n, .. } => *n == node,
            _ => false,
        })
    }

    /// Nothing that `from` says is ever heard by `to` again.
    pub(crate) fn is_deaf(&self, from: usize, to: usize) -> bool {
        (0..self.site.links.len()).all(|link| {
            self.for_ever().any(|fault| match *fault {
                Fault::Cut { from: f, to: t, link: l } => (f, t) == (from, to) && l.is_none_or(|l| l == link),
                Fault::Isolate(node) => node == from || node == to,
                _ => false,
            })
        })
    }

    /// All that run hear each other, and can do what they are told.
    pub(crate) fn heals(&self) -> bool {
        let nodes = 0..self.site.nodes.len();
        let deaf = |from| nodes.clone().any(|to| from != to && self.is_deaf(from, to));
        !nodes.clone().any(|n| deaf(n) || self.stays_away(n) || self.is_sick(n))
    }
}

impl World<'_> {
    /// Something is wrong that is not just a link of two that is dead for good.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.disturbing() > 0
    }

    /// So many faults are active, besides those that leave nothing to do but to use the other link.
    pub(crate) fn disturbing(&self) -> usize {
        let harmless =
            |planned: &Planned| planned.is_for_ever() && matches!(planned.fault, Fault::Cut { link: Some(_), .. });
        let active =
            self.schedule.faults.iter().zip(&self.active).filter(|(planned, active)| **active && !harmless(planned));
        active.count()
    }

    /// A pair in which something stays wrong for ever: what of a group is not as it must be.
    pub(crate) fn unsettled_for_ever(&self, group: usize) -> Option<String> {
        let site = &self.schedule.site;
        let nodes = 0..site.nodes.len();
        let real = |node: usize| self.hosts[node].real[group];
        if let Some(node) = nodes.clone().find(|n| !self.schedule.is_sick(*n) && moves(&self.hosts[*n], group)) {
            return Some(format!("group {group} moves on {}", super::engine::name(node)));
        }
        let serve = nodes.clone().filter(|n| real(*n).serving).count();
        let hold = nodes.clone().filter(|n| real(*n).holding).count();
        // What cannot be stopped there stays claimed, with its class, and the start of the other waits until that is settled.
        if nodes.clone().any(|n| self.schedule.is_sick(n) && (real(n).holding || is_stuck(&self.hosts[n]))) {
            return (serve > 1).then(|| format!("group {group} is served by {serve} nodes"));
        }
        // Who does not hear the other must serve; without a device to make sure, both do.
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
        let excused = serve == 0 && failed;
        (!good && !excused).then(|| format!("group {group} is served by {serve} nodes and held by {hold}"))
    }
}

/// A group is being started or stopped, or is about to be.
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
