//! The members: status messages, node lists, death and return (docs/protocol/wire.md 8).

use super::{Cluster, Communication, Event, MAX_NODES};
use crate::id::{NodeId, NodeName, Sequence};
use crate::node::{Node, NodeState, Refusal};
use crate::settings::NodeKind;
use crate::stats::bump;
use crate::time::Duration;
use crate::wire::{Header, MessageType, number};

/// The interval of `reqnodes`, and the number of repetitions before we continue without an answer. 3.0.6 never
/// continues.
const ASK_INTERVAL: Duration = Duration::from_secs(1);
const ASK_LIMIT: u8 = 5;

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// Acts on a new message that is for us. Types that concern only clients are left to the port.
    pub(super) fn dispatch(&mut self, id: NodeId, header: &Header<'_>) {
        match header.kind {
            MessageType::Status | MessageType::NsStatus => self.status(id, header),
            MessageType::Ack => self.acknowledged(id, header),
            MessageType::Retransmit => self.asked_to_repeat(id, header),
            MessageType::ReqNodes => {
                // A 3.0.6 continues at the answer. If it had not received a status before, it would think that it is
                // alone, and with `auto_failback legacy` start its groups without asking.
                if self.takeover.is_legacy() {
                    self.say_status();
                }
                self.say_node_list(id);
            }
            MessageType::RepNodes => self.node_list(header),
            MessageType::AddNode => self.add_listed(header.nodelist.unwrap_or_default()),
            MessageType::DelNode => self.remove_listed(header.nodelist.unwrap_or_default()),
            MessageType::SetWeight => self.set_weight(header),
            MessageType::Starting
            | MessageType::Resource
            | MessageType::AskResources
            | MessageType::HbTakeover
            | MessageType::IpRequest
            | MessageType::IpRequestResp
            | MessageType::Shutdone => self.resource_message(id, header),
            MessageType::Nak
            | MessageType::SetSite
            | MessageType::Stonith
            | MessageType::OtherUnnumbered
            | MessageType::Other => {}
        }
    }

    /// A heartbeat (docs/protocol/wire.md 8.2).
    fn status(&mut self, id: NodeId, header: &Header<'_>) {
        let Some(word) = header.status else { return };
        let now = self.now;
        let warntime = self.timing.warntime;
        let seq = header.seq.unwrap_or(Sequence(0));
        let wall = self.timestamp();
        let Some(node) = self.nodes.get_mut(usize::from(id.0)) else { return };
        // An older status that was retransmitted tells nothing about now. A 3.0.6 also looks at whole seconds, and may
        // go back for a moment.
        if seq < node.status_seq {
            return;
        }
        let silence = now.since(node.status_at);
        let was = core::mem::replace(&mut node.state, NodeState::parse(word));
        let changed = was != node.state;
        let was_known = !matches!(was, NodeState::Init | NodeState::Dead);
        let critical = silence > node.deadtime;
        node.status_at = now;
        node.status_seq = seq;
        if header.kind == MessageType::Status {
            node.told.compare_clocks(header.timestamp, wall);
        }
        if let Some(ms) = header.deadtime_ms {
            node.deadtime = Duration::from_millis(ms);
        }
        let due = now.after(node.deadtime);
        self.liveness_at = self.liveness_at.min(due);
        if was_known && silence > warntime {
            self.event(Event::Late { node: id, interval: silence, critical });
        }
        if changed {
            self.event(Event::NodeState(id));
        }
        if header.kind == MessageType::Status && !header.protocol && !self.no_flow_control {
            self.no_flow_control = true;
            self.check_communication();
        }
        self.status_tells(id, header);
    }

    /// A dead node is heard again in the same run, by this message.
    pub(super) fn returned(&mut self, id: NodeId, header: &Header<'_>) {
        self.event(Event::NodeReturned(id));
        if self.nodes.get(usize::from(id.0)).is_some_and(Node::is_member) {
            self.say_status();
            self.hear_status_field(id, header);
            self.compare_groups(Some(id));
            self.takeover.on_return(self.now, id);
            self.after_takeover();
        }
    }

    /// No status came from a node for too long (docs/protocol/wire.md 8.5).
    pub(super) fn declare_dead(&mut self, id: NodeId) {
        let Some(node) = self.node_mut(id) else { return };
        let heard = node.heard;
        let is_member = node.is_member();
        node.state = NodeState::Dead;
        node.heard = false;
        node.forget();
        self.event(Event::NodeDead(id));
        self.compare_groups(None);
        let was_up = self.communication == Communication::Up;
        self.check_communication();
        if is_member && was_up && self.manage_resources {
            let heir = self.is_heir();
            self.takeover.on_death(self.now, id, heard, heir);
            self.after_takeover();
        }
    }

    /// Continues to join, if every node was heard or is dead (docs/protocol/wire.md 8.4).
    pub(super) fn check_communication(&mut self) {
        if self.communication == Communication::Up {
            return;
        }
        let unknown = |n: &Node<LINKS>| n.kind != NodeKind::Removed && !n.heard && n.state != NodeState::Dead;
        if self.nodes.iter().any(unknown) {
            return;
        }
        let candidate = self.others().find(|(_, n)| n.state != NodeState::Dead);
        match (self.communication, candidate.map(|(id, _)| id)) {
            (Communication::Asking { node, .. }, Some(id)) if node == id && !self.no_flow_control => {}
            (_, Some(id)) if !self.no_flow_control => self.ask_nodes(id, ASK_LIMIT),
            _ => self.become_active(),
        }
    }

    pub(super) fn ask_nodes(&mut self, node: NodeId, left: u8) {
        let Some(left) = left.checked_sub(1) else { return self.become_active() };
        self.communication = Communication::Asking { node, again: self.now.after(ASK_INTERVAL), left };
        self.say_fields(Some(node), &[("t", b"reqnodes")]);
    }

    fn become_active(&mut self) {
        if self.communication == Communication::Up {
            return;
        }
        self.communication = Communication::Up;
        let now = self.now;
        self.liveness_at = now;
        // From now on a node's dead time counts. A node that was heard, but has sent no status yet, gets all of it.
        for node in self.nodes.iter_mut().filter(|n| n.heard && n.state == NodeState::Init) {
            node.status_at = now;
        }
        if let Some(me) = self.node_mut(self.local) {
            me.state = NodeState::Active;
        }
        self.event(Event::CommunicationUp);
        self.event(Event::Active);
        self.say_status();
        if !self.manage_resources {
            return;
        }
        let alone = self.others().all(|(_, n)| n.state == NodeState::Dead);
        let dead = self.others().find(|(_, n)| n.state == NodeState::Dead).map(|(id, _)| id);
        self.takeover.activated(self.now, alone);
        if alone && let Some(id) = dead {
            self.takeover.on_death(self.now, id, false, true);
        }
        self.after_takeover();
    }

    /// A node answered with the list of nodes.
    fn node_list(&mut self, header: &Header<'_>) {
        let list = header.nodelist.unwrap_or_default();
        self.add_listed(list);
        for id in self.ids() {
            let Some(node) = self.nodes.get(usize::from(id.0)) else { continue };
            let gone = node.is_member() && matches!(node.state, NodeState::Dead | NodeState::Init);
            if gone && id != self.local && !names(list).any(|n| n == node.name.as_bytes()) {
                self.remove(id);
            }
        }
        if matches!(self.communication, Communication::Asking { .. }) {
            self.become_active();
        }
    }

    pub(super) fn add_listed(&mut self, list: &[u8]) {
        for name in names(list).take(MAX_NODES) {
            let Some(name) = NodeName::from_bytes(name).ok().filter(|n| self.find(n.as_bytes()).is_none()) else {
                continue;
            };
            if let Some(id) = self.add_node(&name, NodeKind::Member) {
                self.event(Event::NodeAdded(id));
            }
        }
    }

    /// All of the named nodes must be dead and all others alive; otherwise none is removed (docs/protocol/wire.md 6.1).
    pub(super) fn remove_listed(&mut self, list: &[u8]) {
        let listed = |n: &Node<LINKS>| names(list).any(|name| name == n.name.as_bytes());
        let allowed =
            self.others().all(|(_, n)| if listed(n) { n.state == NodeState::Dead } else { n.state.is_live() });
        if !allowed || names(list).any(|n| self.find(n) == Some(self.local)) {
            return;
        }
        for name in names(list).take(MAX_NODES) {
            if let Some(id) = self.find(name) {
                self.remove(id);
            }
        }
    }

    fn remove(&mut self, id: NodeId) {
        if let Some(node) = self.node_mut(id) {
            node.forget();
            node.kind = NodeKind::Removed;
            self.event(Event::NodeRemoved(id));
        }
    }

    fn set_weight(&mut self, header: &Header<'_>) {
        let id = header.node.and_then(|name| self.find(name));
        self.set_node_weight(id, header.weight.and_then(number::decimal));
    }

    pub(super) fn set_node_weight(&mut self, id: Option<NodeId>, weight: Option<u64>) {
        let weight = weight.and_then(|w| u32::try_from(w).ok());
        if let (Some(weight), Some(node)) = (weight, id.and_then(|id| self.node_mut(id))) {
            node.weight = weight;
        }
    }

    /// Adds a node. If the table is full, the node is refused and counted. No node is ever evicted.
    pub(super) fn add_node(&mut self, name: &NodeName, kind: NodeKind) -> Option<NodeId> {
        if self.nodes.len() >= MAX_NODES {
            bump(&mut self.stats.nodes_refused);
            return None;
        }
        let deadtime = if kind == NodeKind::Ping { self.timing.deadping } else { self.timing.deadtime };
        let residue = self.random.below(10);
        let id = NodeId(self.nodes.len() as u8);
        if self.nodes.push(Node::new(name.clone(), kind, deadtime, self.now, residue)).is_err() {
            bump(&mut self.stats.nodes_refused);
            return None;
        }
        self.directory.insert(name, id);
        self.liveness_at = self.now;
        Some(id)
    }

    /// A node tells up to which number it has our messages (docs/protocol/wire.md 7.7).
    fn acknowledged(&mut self, id: NodeId, header: &Header<'_>) {
        let newest = self.history.next_sequence().0.saturating_sub(1);
        let Some(ack) = header.ackseq.filter(|a| *a <= newest) else { return };
        if let Some(node) = self.node_mut(id) {
            node.acknowledged = node.acknowledged.max(Sequence(ack));
        }
    }

    /// A node misses messages of ours (docs/protocol/wire.md 7.5).
    fn asked_to_repeat(&mut self, id: NodeId, header: &Header<'_>) {
        let Some((first, last)) = header.sequence_range() else { return };
        self.note_noise();
        let Some(node) = self.nodes.get_mut(usize::from(id.0)) else { return };
        // An acknowledged message is retransmitted too: the acknowledgement may have meant our earlier run.
        if first <= self.report_seq {
            self.takeover.say_again(self.now);
        }
        let quiet = self.timing.max_rexmit_delay.saturating_sub(Duration::from_millis(10));
        let refused = self.history.request(self.now, first, last, REPEAT_BATCH, quiet);
        if let Err((number, crate::history::Unavailable::TooOld)) = refused {
            let oldest = self.history.oldest_sequence();
            // One refusal for all numbers that are gone: on a noisy line one for each would take all of its time. A
            // 3.0.6 asks for each number separately, and takes the first of the refusal.
            node.refusal = Some(Refusal { first: number, last: Sequence(oldest.0.saturating_sub(1)) });
            bump(&mut self.stats.refused_repeats);
            if last >= oldest {
                let _ = self.history.request(self.now, oldest, last, REPEAT_BATCH, quiet);
            }
            self.serve(id);
        }
    }

    /// Plans a request for missing messages after a random delay (docs/protocol/wire.md 7.4), so that short reorderings
    /// need none.
    pub(super) fn schedule_repeat(&mut self, id: NodeId) {
        self.note_noise();
        let most = self.timing.max_rexmit_delay.as_millis() as u64;
        let least = if most < 100 { 0 } else { REPEAT_FLOOR_MS };
        let delay = least + self.random.below(most.saturating_sub(least) + 1);
        let at = self.now.after(Duration::from_millis(delay));
        let Some(node) = self.node_mut(id) else { return };
        if node.repeat_at.is_none() {
            node.repeat_at = Some(at);
            node.repeat_below = node.window.newest().unwrap_or(Sequence(0));
            self.liveness_at = self.liveness_at.min(at);
        }
    }
}

/// The largest number of messages retransmitted for one request (docs/protocol/wire.md 7.5).
const REPEAT_BATCH: usize = 50;
/// The shortest delay before a request, in milliseconds (docs/protocol/wire.md 7.4).
const REPEAT_FLOOR_MS: u64 = 50;

fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(u8::is_ascii_whitespace).filter(|n| !n.is_empty())
}
