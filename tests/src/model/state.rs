//! Two nodes, the messages between them, and the groups that really run.

use super::canonical::Shown;
use super::rules::Rule;
use super::{Bug, Case, Faults};
use hbcore::AutoFailback;
use hbcore::id::{GroupId, NodeId, Sequence};
use hbcore::takeover::{EFFECT_LIMIT, Effect, Outcome, Phase, Say, Standby, Takeover, Ticket};
use hbcore::time::{Duration, Instant};
use std::collections::VecDeque;
use std::rc::Rc;

/// The number of nodes. Each is the home of one group.
pub(super) const NODES: usize = 2;
const GROUPS: usize = 2;
pub(super) type Machine = Takeover<GROUPS>;

/// The time at the begin. It is not zero, so that no code mistakes it for "never".
pub(super) const ORIGIN: Instant = Instant::from_millis(1_000_000);
/// A timer that is further away than this waits until no other step is left.
pub(super) const NEAR: Duration = Duration::from_mins(1);
/// A node that has just started believes no report for this long.
const DOUBT: Duration = Duration::from_millis(10);
/// The most outputs of one input.
const OUTPUTS: usize = 40;

/// The work of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Work {
    Start,
    Stop,
    Escalate,
}

/// A group as it really is on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Real {
    /// Some part of it may run.
    pub(super) holding: bool,
    /// All of it runs.
    pub(super) serving: bool,
    /// The current work, and the engine's ticket for it. The ticket is missing if the engine was told of the end
    /// already (a planted bug).
    pub(super) script: Option<(Work, Option<u32>)>,
}

/// A node's knowledge about the other node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct View {
    /// The last known incarnation.
    pub(super) run: Option<u16>,
    /// The other node was heard after it was last declared dead.
    pub(super) heard: bool,
    /// The other node is declared dead.
    pub(super) dead: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) on: bool,
    /// Counts the starts.
    pub(super) run: u16,
    /// The node has joined: it manages resources.
    pub(super) active: bool,
    pub(super) machine: Option<Machine>,
    /// The number of the next message.
    pub(super) next: u64,
    pub(super) view: View,
    pub(super) groups: [Real; GROUPS],
    /// The fencings that are under way.
    pub(super) shots: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) seq: Sequence,
    pub(super) say: Say,
}

/// The messages under way to a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire {
    pub(super) cut: bool,
    pub(super) fresh: VecDeque<Message>,
    /// Lost messages, whose retransmission will be requested.
    pub(super) late: VecDeque<Message>,
}

/// A state of the whole. Nodes are shared between states that differ elsewhere.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) case: Case,
    pub(super) now: Instant,
    pub(super) nodes: [Rc<Node>; NODES],
    /// Indexed by receiver.
    pub(super) wires: [Rc<Wire>; NODES],
    /// The faults that may still happen.
    pub(super) left: Faults,
    /// A node has declared a running node dead, and not all consequences are over.
    pub(super) apart: bool,
    /// The groups that had two owners, with no fault since then.
    pub(super) contested: [bool; GROUPS],
    pub(super) broken: Option<(Rule, String)>,
    /// The visible state of each engine, if it was computed.
    pub(super) shown: [Option<Shown>; NODES],
    /// The messages that were sent, if they are kept.
    pub(super) said: Option<Vec<(usize, Say)>>,
}

pub(super) fn id(node: usize) -> NodeId {
    NodeId(node as u8)
}

impl State {
    /// A state in which both nodes are switched off.
    pub(super) fn new(case: Case) -> Self {
        Self {
            case,
            now: ORIGIN,
            nodes: Default::default(),
            wires: Default::default(),
            left: case.faults,
            apart: false,
            contested: [false; GROUPS],
            broken: None,
            shown: Default::default(),
            said: None,
        }
    }

    #[expect(clippy::unused_self, reason = "a property of the state, whoever asks")]
    pub(super) fn groups(&self) -> usize {
        GROUPS
    }

    pub(super) fn is_cut(&self) -> bool {
        self.wires.iter().any(|wire| wire.cut)
    }

    pub(super) fn node(&mut self, n: usize) -> &mut Node {
        self.shown[n] = None;
        Rc::make_mut(&mut self.nodes[n])
    }

    pub(super) fn wire(&mut self, to: usize) -> &mut Wire {
        Rc::make_mut(&mut self.wires[to])
    }

    /// Gives an input to the engine of a node, and carries out the outputs.
    pub(super) fn input(&mut self, n: usize, input: impl FnOnce(&mut Machine, Instant)) {
        let now = self.now;
        if let Some(machine) = self.node(n).machine.as_mut() {
            input(machine, now);
            self.drain(n);
        }
    }

    /// Switches a node on.
    pub(super) fn start(&mut self, n: usize) {
        let homes = (0..GROUPS).map(id);
        let mut machine = Machine::new(id(n), homes, self.case.failback, EFFECT_LIMIT);
        machine.set_fencing(self.case.fencing);
        machine.set_doubt(DOUBT);
        if self.case.failback == AutoFailback::Legacy {
            for (group, key) in KEYS.iter().enumerate() {
                machine.set_key(GroupId(group as u16), key).expect("a short key for a group that exists");
            }
        }
        let node = self.node(n);
        *node = Node { on: true, run: node.run + 1, next: 1, machine: Some(machine), ..Node::default() };
        // The messages of the earlier incarnation have arrived or are lost.
        *self.wire(1 - n) = Wire { cut: self.wires[1 - n].cut, ..Wire::default() };
        self.wire(n).late.clear();
    }

    /// Switches a node off, with everything that runs on it.
    pub(super) fn stop(&mut self, n: usize) {
        // Its last messages are lost with the status that would have come before them.
        if self.can_hear(1 - n) {
            self.wire(1 - n).fresh.clear();
        }
        let node = self.node(n);
        *node = Node { run: node.run, ..Node::default() };
        self.wire(n).fresh.clear();
        self.wire(n).late.clear();
        self.wire(1 - n).late.clear();
    }

    fn drain(&mut self, n: usize) {
        for _ in 0..OUTPUTS {
            let now = self.now;
            let Some(machine) = self.node(n).machine.as_mut() else { return };
            while machine.poll_notice().is_some() {}
            if machine.lost_outputs() > 0 {
                return self.fail(Rule::Bounded, format!("node {n} lost outputs"));
            }
            if let Some(say) = machine.poll_say() {
                self.send(n, say);
            } else if let Some((ticket, effect)) = machine.poll_effect(now) {
                self.effect(n, ticket, effect);
            } else if machine.next_deadline().is_some_and(|due| due <= now) {
                machine.advance(now);
            } else {
                if machine.phase() == Phase::Left {
                    self.left(n);
                }
                return;
            }
        }
        self.fail(Rule::Bounded, format!("node {n} does not come to rest"));
    }

    /// Ends the daemon of a node that has left.
    fn left(&mut self, n: usize) {
        if self.nodes[n].groups.iter().any(|real| real.holding) {
            self.fail(Rule::LeavesNothing, format!("node {n} has left, and runs {:?}", self.nodes[n].groups));
        }
        // Its last messages are still under way.
        let wire = Rc::clone(&self.wires[1 - n]);
        self.stop(n);
        self.wires[1 - n] = wire;
    }

    fn send(&mut self, n: usize, say: Say) {
        if let Some(said) = &mut self.said {
            said.push((n, say));
        }
        let to = 1 - n;
        let node = self.node(n);
        let message = Message { seq: Sequence(node.next), say };
        node.next += 1;
        let view = self.nodes[to].view;
        // A peer that has not heard us, or declared us dead, does not request the messages that it missed until then.
        let forgotten = self.wires[to].cut && (view.dead || view.run != Some(self.nodes[n].run));
        if !self.nodes[to].on || forgotten {
            return;
        }
        let wire = self.wire(to);
        if wire.cut { wire.late.push_back(message) } else { wire.fresh.push_back(message) }
    }

    fn effect(&mut self, n: usize, ticket: Ticket, effect: Effect) {
        let raw = ticket.into_raw();
        match effect {
            Effect::Acquire(group) => self.begin(n, usize::from(group.0), Work::Start, raw),
            Effect::Release(group) => self.begin(n, usize::from(group.0), Work::Stop, raw),
            Effect::Escalate(group) => self.begin(n, usize::from(group.0), Work::Escalate, raw),
            Effect::Fence(_) if self.case.bug == Some(Bug::SkippedFence) => {
                self.input(n, |m, now| m.complete(now, &Ticket::from_raw(raw), Outcome::Done));
            }
            Effect::Fence(_) => self.node(n).shots.push(raw),
            Effect::Announce(_) => {}
        }
    }

    fn begin(&mut self, n: usize, group: usize, work: Work, ticket: u32) {
        let real = self.nodes[n].groups[group];
        if real.script.is_some() && self.case.bug.is_none() {
            self.fail(Rule::OneEffect, format!("node {n} begins to {work:?} group {group}, during {real:?}"));
        }
        if work == Work::Start && self.nodes[1 - n].groups[group].holding && (self.case.fencing || !self.apart) {
            self.fail(Rule::OneOwner, format!("node {n} starts group {group}, which node {} has", 1 - n));
        }
        let heal = work == Work::Stop && self.nodes[1 - n].groups[group].serving;
        let keeps = heal && self.case.bug == Some(Bug::KeptAfterHeal);
        let early = work == Work::Stop && self.case.bug == Some(Bug::StoppedTooEarly);
        let real = &mut self.node(n).groups[group];
        if !keeps {
            real.holding = true;
            real.serving = false;
            real.script = Some((work, Some(ticket).filter(|_| !early)));
        }
        self.group_changed(group);
        if keeps || early {
            self.input(n, |m, now| m.complete(now, &Ticket::from_raw(ticket), Outcome::Done));
        }
    }

    /// A script ends.
    pub(super) fn end(&mut self, n: usize, group: usize, outcome: Outcome) {
        let lost = self.case.bug == Some(Bug::LostTicket);
        let real = &mut self.node(n).groups[group];
        let Some((work, ticket)) = real.script.take() else { return };
        match (work, outcome) {
            (Work::Start, Outcome::Done) => real.serving = true,
            (Work::Stop | Work::Escalate, Outcome::Done) | (Work::Start, _) => real.holding = false,
            (Work::Stop | Work::Escalate, _) => {}
        }
        self.group_changed(group);
        if let Some(ticket) = ticket.filter(|_| !(lost && work == Work::Start)) {
            self.input(n, |m, now| m.complete(now, &Ticket::from_raw(ticket), outcome));
        }
    }

    /// Fencing ends: it cut the power of the other node, or failed.
    pub(super) fn shot(&mut self, n: usize, outcome: Outcome) {
        let ticket = self.node(n).shots.remove(0);
        if outcome == Outcome::Done {
            self.stop(1 - n);
            self.disturbed();
        }
        self.input(n, |m, now| m.complete(now, &Ticket::from_raw(ticket), outcome));
    }

    fn group_changed(&mut self, group: usize) {
        match self.nodes.iter().filter(|node| node.groups[group].serving).count() {
            0 if self.contested[group] && !self.is_cut() && !self.is_ordered() => {
                self.fail(Rule::HealWithoutGap, format!("group {group} had two owners, and has none now"));
            }
            0 => self.contested[group] = false,
            1 => {}
            _ => self.contested[group] = true,
        }
    }

    /// Whether an operator moves a group, so that it runs nowhere for a while.
    fn is_ordered(&self) -> bool {
        let mut machines = self.nodes.iter().filter_map(|node| node.machine.as_ref());
        machines.any(|m| m.phase() == Phase::Leaving || m.standby() != Standby::NotAsked)
    }

    /// A fault happened: the expectations so far do not hold any more.
    pub(super) fn disturbed(&mut self) {
        self.contested = [false; GROUPS];
    }
}

/// The names of the groups, for the legacy protocol.
pub(super) const KEYS: [&str; GROUPS] = ["a", "b"];
