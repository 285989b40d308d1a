//! Sending: numbered messages go through the history, unnumbered ones are written when they are polled.

mod structure;

pub(super) use structure::Addressee;

use super::{Cluster, Field, Transmit};
use crate::id::{Generation, LinkId, LinkSet, NAME_MAX, NodeId, NodeName, Sequence, Uuid};
use crate::node::{Node, NodeState, Refusal};
use crate::settings::{HeartbeatFormat, LinkForm};
use crate::stats::bump;
use crate::wire::{self, Writer};

/// Room for any message without a list of nodes, except the names of its sender and its receiver, which may each stand
/// in it twice: about 300 bytes, and a key or a name of a hundred.
pub(super) const MESSAGE_ROOM: usize = 560;

/// Whether there can be links other than serial ones.
pub(super) const DATAGRAMS: bool = wire::Form::Netstring.is_known();

/// The fields that every message ends with.
struct Common<'a> {
    src: &'a NodeName,
    uuid: Uuid,
    generation: u64,
    timestamp: u64,
    ttl: u64,
}

impl Common<'_> {
    /// `src srcuuid [seq] hg ts [ld] ttl`, in the order of 3.0.6 (docs/protocol/wire.md 5.1). `ld` has the value that
    /// 3.0.6 sends when the load is not known: no receiver reads it.
    fn append(&self, w: &mut Writer<'_>, seq: Option<Sequence>) {
        w.text("src", self.src.as_bytes());
        w.binary("srcuuid", &self.uuid.0);
        if let Some(seq) = seq {
            w.hex("seq", seq.0);
        }
        w.hex("hg", self.generation);
        w.hex("ts", self.timestamp);
        if seq.is_some() {
            w.text("ld", b"n/a");
        }
        w.decimal("ttl", self.ttl);
    }
}

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// Writes the next datagram into `out`, oldest message first. Call it until it returns `None`.
    ///
    /// A message that does not fit into `out` is not sent and counted in [`Stats::oversize`](crate::Stats::oversize).
    /// 1,500 bytes hold every message of a cluster of two.
    pub fn poll_transmit(&mut self, out: &mut [u8]) -> Option<Transmit> {
        let pings = if DATAGRAMS { self.poll_pings(out) } else { None };
        if pings.is_some() {
            return pings;
        }
        let is_new = self.serial_pending || self.history.has_unsent();
        let mut transmit = None;
        if is_new || !self.line_rests() {
            transmit = self.poll_numbered(out).or_else(|| self.poll_service(out));
        }
        let is_old = !is_new && transmit.is_some();
        let transmit = transmit.or_else(|| self.poll_copy(out))?;
        self.note_sent(&transmit, is_old);
        Some(transmit)
    }

    /// New messages first, then retransmissions. Serial links get the classic form of the same message in a second
    /// step.
    fn poll_numbered(&mut self, out: &mut [u8]) -> Option<Transmit> {
        for _ in 0..=2 * crate::history::MAX_MESSAGES {
            if DATAGRAMS && core::mem::take(&mut self.serial_pending) {
                if let Some(transmit) = self.transcode(out) {
                    return Some(transmit);
                }
                continue;
            }
            let counter = if self.history.has_unsent() { &mut self.stats.sent } else { &mut self.stats.repeated };
            let text = self.history.take(self.now)?;
            bump(counter);
            let is_classic = !DATAGRAMS || text.starts_with(b">>>");
            let links = if is_classic {
                LinkSet(self.datagram_links.0 | self.serial_links.0)
            } else {
                self.serial_pending = !self.serial_links.is_empty();
                self.datagram_links
            };
            let Some(room) = out.get_mut(..text.len()) else {
                bump(&mut self.stats.oversize);
                continue;
            };
            if !links.is_empty() {
                room.copy_from_slice(text);
                return Some(Transmit { links, len: text.len() });
            }
        }
        None
    }

    fn transcode(&mut self, out: &mut [u8]) -> Option<Transmit> {
        let Ok(len) = wire::transcode_classic(self.history.last_taken()?, &self.keys, out) else {
            bump(&mut self.stats.oversize);
            return None;
        };
        Some(Transmit { links: self.serial_links, len })
    }

    /// An echo request for each ping node, once per heartbeat (docs/protocol/wire.md 9.1).
    fn poll_pings(&mut self, out: &mut [u8]) -> Option<Transmit> {
        for _ in 0..LINKS {
            let link = self.pings_due.iter().next()?;
            self.pings_due.remove(link);
            let Some(LinkForm::Ping(id)) = self.links.get(usize::from(link.0)).copied() else { continue };
            let Some(target) = self.nodes.get(usize::from(id.0)) else { continue };
            let mut w = Writer::netstring(out, &self.keys, true);
            w.text("t", b"NS_st");
            w.text("st", b"ping");
            w.text("info", b"ping");
            w.text("src", target.name.as_bytes());
            w.hex("ts", self.timestamp());
            let Ok(len) = w.finish() else {
                bump(&mut self.stats.oversize);
                continue;
            };
            let mut links = LinkSet::EMPTY;
            links.insert(link);
            return Some(Transmit { links, len });
        }
        None
    }

    /// Acknowledgements, requests and refusals, node by node. Serial links get each of them in the classic form, in a
    /// second step.
    fn poll_service(&mut self, out: &mut [u8]) -> Option<Transmit> {
        for _ in 0..=super::MAX_NODES {
            if DATAGRAMS && let Some((id, item)) = self.service_pending.take() {
                if let Some(transmit) = self.write_service(id, item, self.serial_links, out) {
                    return Some(transmit);
                }
                continue;
            }
            if self.service == 0 {
                return None;
            }
            let id = NodeId(self.service.trailing_zeros() as u8);
            let Some(item) = self.next_service(id) else {
                self.service &= !(1 << u32::from(id.0));
                continue;
            };
            if let Service::Request { first, last } = item {
                self.stats.requested_repeats = self.stats.requested_repeats.saturating_add(last.0 - first.0 + 1);
            }
            let links = if !DATAGRAMS || self.datagram_links.is_empty() {
                self.serial_links
            } else {
                self.service_pending = Some((id, item)).filter(|_| !self.serial_links.is_empty());
                self.datagram_links
            };
            if let Some(transmit) = self.write_service(id, item, links, out) {
                return Some(transmit);
            }
        }
        None
    }

    /// Marks a node as having something for [`Cluster::poll_transmit`].
    pub(super) fn serve(&mut self, id: NodeId) {
        self.service |= 1u128.checked_shl(u32::from(id.0)).unwrap_or(0);
    }

    fn next_service(&mut self, id: NodeId) -> Option<Service> {
        let node = self.nodes.get_mut(usize::from(id.0))?;
        if let Some(seq) = node.ack_due.take() {
            return Some(Service::Ack(seq));
        }
        if let Some(refusal) = node.refusal.take() {
            return Some(Service::Refuse(refusal));
        }
        let from = node.repeat_from?;
        let Some((first, run_end)) = node.window.missing_run(from, node.repeat_to) else {
            node.repeat_from = None;
            return None;
        };
        let last = Sequence(run_end.0.min(first.0.saturating_add(REQUEST_RUN - 1)));
        node.repeat_from = Some(last.next());
        Some(Service::Request { first, last })
    }

    fn write_service(&mut self, id: NodeId, item: Service, links: LinkSet, out: &mut [u8]) -> Option<Transmit> {
        let (ttl, timestamp) = (self.ttl(), self.timestamp());
        let common = common(&self.nodes, self.local, self.generation, timestamp, ttl)?;
        let dest = self.nodes.get(usize::from(id.0))?;
        let mut w = if !DATAGRAMS || links == self.serial_links {
            Writer::classic(out, &self.keys)
        } else {
            Writer::netstring(out, &self.keys, self.auth_field)
        };
        match item {
            Service::Ack(seq) => {
                w.text("t", b"NS_ackmsg");
                w.text("dest", dest.name.as_bytes());
                w.hex("ackseq", seq.0);
            }
            Service::Request { first, last } => {
                w.text("t", b"NS_rexmit");
                w.text("dest", dest.name.as_bytes());
                w.decimal("firstseq", first.0);
                w.decimal("lastseq", last.0);
            }
            Service::Refuse(Refusal { first, last }) => {
                w.text("t", b"NS_nak_rexmit");
                w.hex("firstseq", first.0);
                if last > first {
                    w.hex("lastseq", last.0);
                }
                w.text("dest", dest.name.as_bytes());
                w.text("info", b"seqno too low");
            }
        }
        w.binary("destuuid", &dest.uuid.0);
        common.append(&mut w, None);
        let Ok(len) = w.finish() else {
            bump(&mut self.stats.oversize);
            return None;
        };
        Some(Transmit { links, len })
    }

    /// The periodic heartbeat.
    pub(super) fn say_heartbeat(&mut self) {
        self.plan_copies();
        match self.heartbeat {
            HeartbeatFormat::Compact => self.say_compact(),
            HeartbeatFormat::Full => self.say_status(),
        }
    }

    /// A status in the form of 3.0.6: for the first ones, and for each change of state.
    pub(super) fn say_status(&mut self) {
        let state = self.own_state();
        let deadtime = self.timing.deadtime.as_millis() as u64;
        let protocol = !self.no_flow_control;
        let told = self.status_field();
        self.say_to_all(&|w| {
            w.text("t", b"status");
            w.text("st", state.as_str().as_bytes());
            w.hex("dt", deadtime);
            if protocol {
                w.decimal("protocol", 1);
            }
            told.write(w);
        });
        self.pings_due = self.ping_links();
    }

    /// Our own heartbeat: the classic form without fields that no receiver reads, at most 150 bytes, and the field of
    /// hbcore with `auto_failback legacy`. Other messages carry the identity; no receiver needs the time to live.
    fn say_compact(&mut self) {
        let state = self.own_state();
        let deadtime = self.timing.deadtime.as_millis() as u64;
        let Some(me) = self.nodes.get(usize::from(self.local.0)) else { return };
        let (generation, timestamp, keys) = (self.generation.0, self.timestamp(), &self.keys);
        let protocol = !self.no_flow_control;
        let told = self.status_field();
        let seq = self.history.next_sequence();
        let written = self.history.push(MESSAGE_ROOM, |buffer| {
            let mut w = Writer::classic(buffer, keys);
            w.text("t", b"status");
            w.text("st", state.as_str().as_bytes());
            w.hex("dt", deadtime);
            if protocol {
                w.decimal("protocol", 1);
            }
            told.write(&mut w);
            w.text("src", me.name.as_bytes());
            w.hex("seq", seq.0);
            w.hex("hg", generation);
            w.hex("ts", timestamp);
            w.finish().ok()
        });
        if !written {
            bump(&mut self.stats.oversize);
        }
        self.pings_due = self.ping_links();
    }

    /// Sends a numbered message to all nodes; `fields` writes the fields of its type.
    pub(super) fn say_to_all(&mut self, fields: &dyn Fn(&mut Writer<'_>)) {
        self.say(MESSAGE_ROOM, None, fields);
    }

    /// Sends a numbered message of texts only, to one node or to all.
    pub(super) fn say_fields(&mut self, dest: Option<NodeId>, fields: &[Field<'_>]) {
        self.say(MESSAGE_ROOM, dest, &|w| {
            for (name, text) in fields {
                w.text(name, text);
            }
        });
    }

    /// Sends a numbered message to all nodes that may be long: `room` for its fields.
    pub(super) fn say_long(&mut self, room: usize, fields: &dyn Fn(&mut Writer<'_>)) {
        self.say(MESSAGE_ROOM + room, None, fields);
    }

    /// The answer to `reqnodes`: `dest` first, then the type (docs/protocol/wire.md 8.4).
    #[inline(never)]
    pub(super) fn say_node_list(&mut self, id: NodeId) {
        // As large as the longest names of all nodes need, and no larger: a microcontroller has a small stack.
        let mut room = [[0; NAME_MAX + 1]; NODES];
        let room = room.as_flattened_mut();
        let mut len = 0;
        for node in self.nodes.iter().filter(|n| n.is_member()) {
            for part in [node.name.as_bytes(), b" "] {
                if let Some(place) = room.get_mut(len..len + part.len()) {
                    place.copy_from_slice(part);
                    len += part.len();
                }
            }
        }
        let Some(list) = room.get(..len).filter(|list| list.len() <= NODE_LIST) else {
            bump(&mut self.stats.oversize);
            return;
        };
        self.say(MESSAGE_ROOM + 2 * len, Some(id), &|w| {
            w.text("t", b"repnodes");
            w.text("nodelist", list);
            w.text("delnodelist", b" ");
        });
    }

    #[inline(never)]
    fn say(&mut self, room: usize, dest: Option<NodeId>, fields: &dyn Fn(&mut Writer<'_>)) {
        let (ttl, timestamp) = (self.ttl(), self.timestamp());
        let Some(common) = common(&self.nodes, self.local, self.generation, timestamp, ttl) else { return };
        let to = dest.and_then(|id| self.nodes.get(usize::from(id.0)));
        let serial_only = !DATAGRAMS || self.datagram_links.is_empty();
        let seq = self.history.next_sequence();
        let (keys, auth_field) = (&self.keys, self.auth_field);
        let names = common.src.as_bytes().len() + to.map_or(0, |node| node.name.as_bytes().len());
        let written = self.history.push(room + 2 * names, |buffer| {
            let mut w =
                if serial_only { Writer::classic(buffer, keys) } else { Writer::netstring(buffer, keys, auth_field) };
            if let Some(node) = to {
                w.text("dest", node.name.as_bytes());
            }
            fields(&mut w);
            if let Some(node) = to {
                w.binary("destuuid", &node.uuid.0);
            }
            common.append(&mut w, Some(seq));
            w.finish().ok()
        });
        if !written {
            bump(&mut self.stats.oversize);
        }
    }

    fn own_state(&self) -> NodeState {
        self.nodes.get(usize::from(self.local.0)).map_or(NodeState::Init, |n| n.state.clone())
    }

    fn ping_links(&self) -> LinkSet {
        let mut set = LinkSet::EMPTY;
        for (n, _) in self.links.iter().enumerate().filter(|(_, l)| matches!(l, LinkForm::Ping(_))) {
            set.insert(LinkId(n as u8));
        }
        set
    }

    fn ttl(&self) -> u64 {
        u64::from(self.hopfudge) + self.nodes.len() as u64
    }

    /// Seconds since 1970; never zero, since a receiver drops a message with zero (docs/protocol/wire.md 5.2).
    pub(super) fn timestamp(&self) -> u64 {
        self.wall_seconds.saturating_add(self.now.since(self.wall_at).as_secs()).max(1)
    }
}

/// It takes fields of an engine and not the engine, so that the history can be written meanwhile.
fn common<const LINKS: usize>(
    nodes: &[Node<LINKS>],
    local: NodeId,
    generation: Generation,
    timestamp: u64,
    ttl: u64,
) -> Option<Common<'_>> {
    let me = nodes.get(usize::from(local.0))?;
    Some(Common { src: &me.name, uuid: me.uuid, generation: generation.0, timestamp, ttl })
}

/// The largest number of messages in one request; a 3.0.6 retransmits at most as many (docs/protocol/wire.md 7.5).
const REQUEST_RUN: u64 = 50;

/// Room for a list of 100 nodes with names of 50 letters. 3.0.6 itself cannot take more than 5,119 bytes
/// (docs/protocol/wire.md 2.2).
const NODE_LIST: usize = 5119;

/// An unnumbered message that is due to a node.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Service {
    // Not 0, so that 0 is the `None` of an option: an engine without a configuration is all zeros.
    Ack(Sequence) = 1,
    Request { first: Sequence, last: Sequence },
    Refuse(Refusal),
}
