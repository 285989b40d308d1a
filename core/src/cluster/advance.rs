//! The passing of time: heartbeats fall due, nodes and links that are not heard are declared dead.

use super::{Cluster, Communication, EVENTS, Event};
use crate::id::{LinkId, NodeId, Sequence};
use crate::node::NodeState;
use crate::settings::NodeKind;
use crate::stats::bump;
use crate::time::{Duration, Instant, micros};

/// The shortest time between noticing a loss and asking (docs/protocol/wire.md 7.4).
const REPEAT_FLOOR: Duration = Duration::from_millis(50);

/// A heartbeat may go out early by this part of a keepalive.
const EARLY: u64 = 8;

/// Room in the event queue that the judgement of one node may need: its links, its death, the notices of the takeover.
const EVENTS_PER_NODE: usize = 24;
const _: () = assert!(EVENTS > EVENTS_PER_NODE, "nobody would ever be judged");

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// Does everything that is due at `now`. Extra calls are harmless.
    ///
    /// If the call comes later than asked for by more than a quarter of `deadtime`, this node stalled: it reports that
    /// with [`Event::LocalStall`], sends its heartbeat, and declares no node dead for one more `keepalive`, because the
    /// cause of the stall may have stopped the others too. [`Cluster::next_deadline`] then is `now`, so that the caller
    /// reads all waiting datagrams and calls again.
    pub fn advance(&mut self, now: Instant) {
        let wanted = self.next_deadline();
        self.set_now(now);
        let now = self.now;
        let late_by = wanted.map_or(Duration::ZERO, |w| now.since(w));
        if micros(late_by) > micros(self.timing.deadtime) / 4 && now > self.patience_until {
            bump(&mut self.stats.local_stalls);
            self.event(Event::LocalStall(late_by));
            self.stalled = true;
            self.patience_until = now.after(self.timing.keepalive);
            self.liveness_at = now;
        }
        // A slightly early heartbeat is better than one more wake-up: the caller is often here because another node's
        // heartbeat came, and two such nodes fall into step.
        if now.plus(micros(self.timing.keepalive) / EARLY) >= self.next_heartbeat && !self.left {
            self.heartbeat_due();
        }
        self.advance_copies();
        if core::mem::take(&mut self.stalled) {
            return;
        }
        if now >= self.liveness_at {
            self.judge();
        }
        if let Communication::Asking { node, again, left } = self.communication
            && now >= again
        {
            self.ask_nodes(node, left);
        }
        self.note_gaps();
        self.takeover.advance(now);
        self.after_takeover();
    }

    /// The time for the next call of [`Cluster::advance`]; `None`: not before the next input.
    pub fn next_deadline(&self) -> Option<Instant> {
        let mut deadline = self.liveness_at;
        if !self.left {
            deadline = deadline.min(self.next_heartbeat);
        }
        if let Communication::Asking { again, .. } = self.communication {
            deadline = deadline.min(again);
        }
        self.bring_forward_for_line(&mut deadline);
        self.takeover.bring_forward(&mut deadline);
        (deadline < Instant::FAR).then_some(deadline)
    }

    fn heartbeat_due(&mut self) {
        let keepalive = self.timing.keepalive;
        let next = self.next_heartbeat.min(self.now).after(keepalive);
        self.next_heartbeat = if next > self.now { next } else { self.now.after(keepalive) };
        self.say_heartbeat();
    }

    /// Judges every node: its links, its silence, its missing messages. Sets the time of the next judgement.
    fn judge(&mut self) {
        let mut next = Instant::FAR;
        for id in self.ids() {
            if self.events.capacity().min(EVENTS) - self.events.len() < EVENTS_PER_NODE {
                next = self.now;
                break;
            }
            self.judge_links(id, &mut next);
            self.judge_repeat(id, &mut next);
            self.judge_life(id, &mut next);
        }
        self.liveness_at = next;
    }

    fn judge_life(&mut self, id: NodeId, next: &mut Instant) {
        let initdead = self.timing.initdead;
        let joining = self.communication != Communication::Up;
        let (local, patience) = (self.local, self.patience_until);
        let Some(node) = self.node_mut(id) else { return };
        if id == local || node.kind == NodeKind::Removed || node.state == NodeState::Dead {
            return;
        }
        let due = node.status_at.after(if joining { initdead } else { node.deadtime }).max(patience);
        if self.now >= due {
            self.declare_dead(id);
        } else {
            *next = due.min(*next);
        }
    }

    fn judge_links(&mut self, id: NodeId, next: &mut Instant) {
        if id == self.local {
            return;
        }
        let joining = self.communication != Communication::Up;
        let (now, initdead, patience) = (self.now, self.timing.initdead, self.patience_until);
        let Some(node) = self.node_mut(id) else { return };
        let silence = if joining { initdead } else { node.deadtime };
        let up = node.up;
        let mut down: heapless::Vec<LinkId, LINKS> = heapless::Vec::new();
        for link in up.iter() {
            let due = node.link_heard(link).after(silence).max(patience);
            if now >= due {
                node.up.remove(link);
                let _ = down.push(link);
            } else {
                *next = due.min(*next);
            }
        }
        for link in down {
            self.event(Event::LinkDown(id, link));
        }
    }

    /// Asks for missing messages that have been missing for long enough, repeatedly until they come
    /// (docs/protocol/wire.md 7.4).
    fn judge_repeat(&mut self, id: NodeId, next: &mut Instant) {
        let pause = self.line.request_pause();
        let (now, again) = (self.now, self.now.after(self.timing.max_rexmit_delay.max(pause)));
        let Some(node) = self.node_mut(id) else { return };
        let (Some(at), Some(newest)) = (node.repeat_at, node.window.newest()) else { return };
        if node.window.missing() == 0 {
            node.repeat_at = None;
            return;
        }
        if now < at {
            *next = at.min(*next);
            return;
        }
        let ripe = core::mem::replace(&mut node.repeat_below, newest.next());
        let fresh = node.window.missing_run(ripe, newest).is_some();
        let again = if fresh { now.after(REPEAT_FLOOR.max(pause)) } else { again };
        node.repeat_at = Some(again);
        *next = again.min(*next);
        if node.state.is_live() {
            node.repeat_from = node.window.missing_run(Sequence(0), ripe).map(|(first, _)| first);
            node.repeat_to = ripe;
            self.serve(id);
        }
    }
}
