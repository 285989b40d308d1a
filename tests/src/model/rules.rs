//! Rules for every state, and the end that every state must be able to reach.

use super::state::{NODES, State};
use hbcore::takeover::GroupState;

/// The rules that are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Nothing panics.
    NoPanic,
    /// No output is lost, and each input has a bounded number of outputs.
    Bounded,
    /// One effect of a group is under way at a time.
    OneEffect,
    /// A group has two owners only if the nodes could not know of each other, and cannot fence.
    OneOwner,
    /// After a heal, one of two owners remains, and never none.
    HealWithoutGap,
    /// A node that has left runs nothing.
    LeavesNothing,
    /// When nothing is under way and no timer is near, each group runs somewhere, and if the nodes see each other, in
    /// one place.
    QuietIsGood,
    /// Each state can reach a good end without another fault.
    EndReachable,
}

impl State {
    /// Whether nothing can happen within a minute unless there is a fault.
    pub(super) fn is_quiet(&self) -> bool {
        !self.is_urgent()
            && !self.is_working()
            && self.next_tick().is_none_or(|(_, near)| !near)
            && (0..NODES).all(|n| !self.can_declare_dead(n) && (!self.nodes[n].on || self.nodes[n].active))
    }

    /// Whether everything is as it should be: both nodes see each other, and each group has one owner.
    pub(super) fn is_good(&self) -> bool {
        self.all_on() && !self.is_cut() && self.is_quiet() && self.not_good().is_none()
    }

    fn all_on(&self) -> bool {
        self.nodes.iter().all(|node| node.on)
    }

    /// The fault of a state in which nothing moves, if it has one.
    pub(super) fn not_good(&self) -> Option<String> {
        let together = self.all_on() && !self.is_cut();
        for group in 0..self.groups() {
            let serving = self.nodes.iter().filter(|n| n.groups[group].serving).count();
            let holding = self.nodes.iter().filter(|n| n.groups[group].holding).count();
            let failed = self.nodes.iter().filter_map(|n| n.machine.as_ref()).any(|m| {
                let state = m.groups()[group].state();
                state == GroupState::Failed || state == GroupState::Stuck
            });
            if serving == 0 && !failed && self.nodes.iter().any(|n| n.on) {
                return Some(format!("nobody runs group {group}"));
            }
            if together && (serving > 1 || holding != serving) {
                return Some(format!("group {group} is served by {serving} nodes and held by {holding}"));
            }
        }
        let unsettled = |n: &usize| self.nodes[*n].machine.as_ref().is_some_and(|m| !m.is_settled());
        let unsettled = (0..NODES).find(unsettled).filter(|_| together)?;
        Some(format!("node {unsettled} waits: {:?}", self.nodes[unsettled].machine))
    }

    /// Checks the rule of quiet states.
    pub(super) fn check_quiet(&mut self) {
        if self.broken.is_none()
            && self.is_quiet()
            && let Some(why) = self.not_good()
        {
            self.broken = Some((Rule::QuietIsGood, why));
        }
    }

    pub(super) fn fail(&mut self, rule: Rule, why: String) {
        self.broken.get_or_insert((rule, why));
    }
}
