//! The arrival of a datagram: its sender, and whether it is new and for us (docs/protocol/wire.md 5.3, 7.3).

use super::{Autojoin, Cluster, Event, Received};
use crate::error::DatagramError;
use crate::id::{LinkId, NodeId, NodeName, Sequence, Uuid};
use crate::node::NodeState;
use crate::sequence::Arrival;
use crate::settings::NodeKind;
use crate::stats::bump;
use crate::wire::{self, Header, MessageType};

/// The relation of a status to the run that we know of its sender.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Same,
    Restarted,
    Returned,
}

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// Takes one datagram, or one message of a serial link, that arrived on `link`. The work is proportional to its
    /// length and does not depend on the number of nodes. Only an authentic datagram is interpreted.
    pub fn handle(&mut self, now: crate::time::Instant, link: LinkId, bytes: &[u8]) -> Result<Received, DatagramError> {
        self.set_now(now);
        bump(&mut self.stats.received);
        let result = self.receive(link, bytes);
        self.count(result);
        result
    }

    pub(super) fn count(&mut self, result: Result<Received, DatagramError>) {
        match result {
            Ok(Received::New | Received::Joined | Received::ForClients) => bump(&mut self.stats.accepted),
            Ok(Received::Duplicate) => bump(&mut self.stats.duplicates),
            Ok(Received::Old) => bump(&mut self.stats.old),
            Ok(Received::NotForUs) => bump(&mut self.stats.not_for_us),
            Ok(Received::OwnEcho) => bump(&mut self.stats.own_echoes),
            Err(error) => {
                self.note_noise();
                self.stats.count_error(error);
            }
        }
    }

    fn receive(&mut self, link: LinkId, bytes: &[u8]) -> Result<Received, DatagramError> {
        if usize::from(link.0) >= self.links.len() {
            return Err(DatagramError::UnknownLink);
        }
        let message = wire::open(bytes, &self.keys)?;
        self.interpret(link, message)
    }

    pub(super) fn interpret(&mut self, link: LinkId, message: wire::Message<'_>) -> Result<Received, DatagramError> {
        let header = Header::parse(message)?;
        let Some(id) = self.sender(&header) else { return self.stranger(&header) };
        if id == self.local {
            return self.own_echo(link, &header);
        }
        let received = match header.seq {
            Some(seq) => self.numbered(id, seq, &header)?,
            None => self.unnumbered(id, &header),
        };
        // A message without a number may be a replay, so it does not show that its sender is alive. Only a ping node
        // answers a request of just now.
        let is_fresh = header.seq.is_some() || header.kind == MessageType::NsStatus;
        if is_fresh && matches!(received, Received::New | Received::Duplicate | Received::NotForUs) {
            self.heard(id, link);
        }
        if received == Received::New {
            if let (Some(uuid), Some(node)) = (header.src_uuid.filter(|u| !u.is_nil()), self.node_mut(id)) {
                node.uuid = uuid;
            }
            self.dispatch(id, &header);
            if header.kind.is_for_clients() {
                return Ok(Received::ForClients);
            }
        }
        Ok(received)
    }

    /// Finds the sender by name, then by identity (docs/protocol/wire.md 8.9).
    fn sender(&mut self, header: &Header<'_>) -> Option<NodeId> {
        // With the feature `small`, a renamed node is unknown.
        self.find(header.src).or_else(|| if cfg!(feature = "small") { None } else { self.renamed(header) })
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<NodeId> {
        self.directory.find(name, |id| {
            let node = self.nodes.get(usize::from(id.0));
            node.is_some_and(|n| n.kind != NodeKind::Removed && n.name.as_bytes() == name)
        })
    }

    /// Finds a known identity under another name: the node was renamed. (Rare, and large.)
    #[inline(never)]
    fn renamed(&mut self, header: &Header<'_>) -> Option<NodeId> {
        let uuid = header.src_uuid.filter(|u| !u.is_nil())?;
        let name = NodeName::from_bytes(header.src).ok()?;
        if name.as_bytes() != header.src {
            return None;
        }
        let id = self.ids().find(|id| *id != self.local && self.has_uuid(*id, uuid))?;
        if header.generation < self.node_mut(id)?.window.generation {
            return None;
        }
        self.directory.insert(&name, id);
        self.node_mut(id)?.name = name;
        self.event(Event::NodeRenamed(id));
        Some(id)
    }

    fn has_uuid(&self, id: NodeId, uuid: Uuid) -> bool {
        self.nodes.get(usize::from(id.0)).is_some_and(|n| n.is_member() && n.uuid == uuid)
    }

    #[inline(never)]
    fn stranger(&mut self, header: &Header<'_>) -> Result<Received, DatagramError> {
        let name = NodeName::from_bytes(header.src).ok();
        match (self.autojoin, name) {
            (Autojoin::Other | Autojoin::Any, Some(name)) if name.as_bytes() == header.src => {
                let id = self.add_node(&name, NodeKind::Member).ok_or(DatagramError::UnknownNode)?;
                if let (Some(node), Some(uuid)) = (self.node_mut(id), header.src_uuid) {
                    node.uuid = uuid;
                }
                self.event(Event::NodeAdded(id));
                Ok(Received::Joined)
            }
            _ => Err(DatagramError::UnknownNode),
        }
    }

    /// A message in our own name: either a broadcast that came back, or one of another host that uses our name.
    fn own_echo(&mut self, link: LinkId, header: &Header<'_>) -> Result<Received, DatagramError> {
        let me = self.nodes.get(usize::from(self.local.0));
        let other_uuid = header.src_uuid.is_some_and(|u| !u.is_nil() && me.is_some_and(|me| me.uuid != u));
        let newer_run = header.generation > self.generation;
        let never_sent =
            header.generation == self.generation && header.seq.is_some_and(|seq| seq >= self.history.next_sequence());
        if other_uuid || newer_run || never_sent {
            self.event(Event::NameConflict(link));
            return Err(DatagramError::NameConflict);
        }
        let now = self.now;
        if let Some(me) = self.node_mut(self.local)
            && me.heard_on(link, now)
        {
            self.event(Event::LinkUp(self.local, link));
        }
        Ok(Received::OwnEcho)
    }

    fn is_for_us(&self, header: &Header<'_>) -> bool {
        let Some(me) = self.nodes.get(usize::from(self.local.0)) else { return false };
        match (header.dest_uuid, header.dest) {
            (Some(uuid), _) if header.kind.is_numbered() => uuid == me.uuid,
            (_, Some(name)) => name == me.name.as_bytes(),
            (_, None) => true,
        }
    }

    fn unnumbered(&mut self, id: NodeId, header: &Header<'_>) -> Received {
        if header.kind == MessageType::Nak {
            if let Some((first, last)) = header.sequence_range() {
                self.repeat_refused(id, first, last);
            }
            return Received::New;
        }
        if self.is_for_us(header) { Received::New } else { Received::NotForUs }
    }

    /// The decision table of docs/protocol/wire.md 7.3.
    fn numbered(&mut self, id: NodeId, seq: Sequence, header: &Header<'_>) -> Result<Received, DatagramError> {
        let run = match self.run(id, seq, header) {
            Ok(run) => run,
            Err(Dropped::Replay) => {
                self.event(Event::Replay(id));
                return Err(DatagramError::Replayed);
            }
            Err(Dropped::Stale) => return Ok(Received::Old),
        };
        let mut was_apart = run == Run::Returned;
        if run == Run::Restarted {
            was_apart = self.restarted(id, header);
        }
        let Some(node) = self.node_mut(id) else { return Err(DatagramError::UnknownNode) };
        let before = u64::from(node.window.missing());
        let arrival = node.window.arrive(seq);
        let expected = match arrival {
            Arrival::Gap { lost } => before + lost,
            Arrival::InOrder => before,
            _ => 0,
        };
        let given_up = expected.saturating_sub(u64::from(node.window.missing()));
        if given_up > 0 {
            self.lost_for_good(id, given_up);
        }
        self.note_arrival(id, seq, arrival);
        if was_apart && arrival.is_new() {
            self.returned(id, header);
        }
        Ok(match arrival {
            Arrival::Duplicate => Received::Duplicate,
            Arrival::Old => Received::Old,
            _ if self.is_for_us(header) => Received::New,
            _ => Received::NotForUs,
        })
    }

    fn run(&self, id: NodeId, seq: Sequence, header: &Header<'_>) -> Result<Run, Dropped> {
        let Some(node) = self.nodes.get(usize::from(id.0)) else { return Err(Dropped::Stale) };
        let known = node.window.generation;
        if header.generation < known {
            return Err(Dropped::Replay);
        }
        if header.generation > known {
            return Ok(Run::Restarted);
        }
        if header.kind != MessageType::Status {
            return Ok(Run::Same);
        }
        if known.0 == 0 || node.state != NodeState::Dead {
            return Ok(Run::Same);
        }
        if seq <= node.status_seq { Err(Dropped::Stale) } else { Ok(Run::Returned) }
    }

    /// A new run of a node. True if it has long been active while we thought it dead: we were partitioned, and both may
    /// own the same groups. (A node that starts sends other states first.)
    fn restarted(&mut self, id: NodeId, header: &Header<'_>) -> bool {
        let now = self.now;
        let Some(node) = self.node_mut(id) else { return false };
        let first_time = node.window.generation.0 == 0;
        let was_dead = node.state == NodeState::Dead;
        node.restarted(header.generation);
        // Its dead time counts from now, whatever happened to its earlier run. Its first status may come late, or after
        // a later message, and then no longer counts.
        node.status_at = now;
        self.takeover.on_restart(id);
        if !first_time {
            self.event(Event::NodeRestarted(id));
        }
        was_dead && header.status.map(NodeState::parse) == Some(NodeState::Active)
    }

    /// The effect of an arrival on requests and acknowledgements (docs/protocol/wire.md 7.4, 7.6).
    fn note_arrival(&mut self, id: NodeId, seq: Sequence, arrival: Arrival) {
        match arrival {
            Arrival::Gap { lost } => {
                self.event(Event::Missing { node: id, lost, seen: seq });
                self.schedule_repeat(id);
            }
            Arrival::LostTooMany { lost } => self.lost_for_good(id, lost),
            Arrival::InOrder | Arrival::Filled => {
                if self.no_flow_control {
                    return;
                }
                let Some(node) = self.node_mut(id) else { return };
                let (ack, missing) = (node.window.acknowledge(node.residue), node.window.missing());
                if ack.is_some() {
                    node.ack_due = ack;
                    self.serve(id);
                }
                if arrival == Arrival::Filled && missing == 0 {
                    self.event(Event::NothingMissing(id));
                }
            }
            Arrival::Duplicate | Arrival::Old => {}
        }
    }

    /// This number of messages of a node is given up. The node's claim may have been in one of them.
    fn lost_for_good(&mut self, id: NodeId, lost: u64) {
        self.stats.lost_messages = self.stats.lost_messages.saturating_add(lost);
        self.event(Event::LostTooMany { node: id, lost });
        self.takeover.reports_lost(self.now);
    }

    /// Gives up only as many at once as leave the other events in their queue; the others will be asked for again.
    fn repeat_refused(&mut self, id: NodeId, first: Sequence, last: Sequence) {
        for number in first.0..=last.0.min(first.0.saturating_add(REFUSED - 1)) {
            let Some(node) = self.node_mut(id) else { return };
            if node.window.fill(Sequence(number)) {
                bump(&mut self.stats.lost_messages);
                self.event(Event::RepeatRefused(id, Sequence(number)));
            }
        }
    }

    fn heard(&mut self, id: NodeId, link: LinkId) {
        let now = self.now;
        let Some(node) = self.node_mut(id) else { return };
        let first = !node.heard;
        node.heard = true;
        if first {
            // Its first status may come late, or after a later message, and then no longer counts.
            node.status_at = now;
        }
        let came_up = node.heard_on(link, now);
        let due = now.after(node.deadtime);
        if came_up {
            self.liveness_at = self.liveness_at.min(due);
            self.event(Event::LinkUp(id, link));
        }
        if first {
            self.check_communication();
        }
    }
}

/// The largest number of messages that one refusal strikes off.
const REFUSED: u64 = 16;

enum Dropped {
    Replay,
    Stale,
}
