//! A client's message on its way out: a field of the header that it has keeps its place, and gets our value, as with 3.0.6
//! (docs/protocol/clients.md 4.1).

use super::{Common, common};
use crate::cluster::Cluster;
use crate::cluster::outbound::{DATAGRAMS, MESSAGE_ROOM};
use crate::id::{NodeName, Sequence, Uuid};
use crate::stats::bump;
use crate::wire::{Structure, Writer};

/// The fields of [`Common`], in the order in which they are appended.
const PLACED: [&str; 7] = ["src", "srcuuid", "seq", "hg", "ts", "ld", "ttl"];

impl Common<'_> {
    /// Writes field number `n` of [`PLACED`].
    fn put(&self, w: &mut Writer<'_>, n: usize, seq: Sequence) {
        match n {
            0 => w.text("src", self.src.as_bytes()),
            1 => w.binary("srcuuid", &self.uuid.0),
            2 => w.hex("seq", seq.0),
            3 => w.hex("hg", self.generation),
            4 => w.hex("ts", self.timestamp),
            5 => w.text("ld", b"n/a"),
            _ => w.decimal("ttl", self.ttl),
        }
    }
}

/// The fields of a client's message that the engine adds after it: those that name its addressee.
pub(in crate::cluster) struct Addressee {
    pub(in crate::cluster) dest: Option<NodeName>,
    pub(in crate::cluster) destuuid: Option<Uuid>,
}

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// Sends a client's message with `room` for its fields. Returns whether it was written.
    #[inline(never)]
    pub(in crate::cluster) fn say_structure(&mut self, room: usize, message: &Structure<'_>, to: &Addressee) -> bool {
        let (ttl, timestamp) = (self.ttl(), self.timestamp());
        let Some(common) = common(&self.nodes, self.local, self.generation, timestamp, ttl) else { return false };
        let serial_only = !DATAGRAMS || self.datagram_links.is_empty();
        let seq = self.history.next_sequence();
        let (keys, auth_field) = (&self.keys, self.auth_field);
        let written = self.history.push(MESSAGE_ROOM + room + 2 * common.src.as_bytes().len(), |buffer| {
            let mut w =
                if serial_only { Writer::classic(buffer, keys) } else { Writer::netstring(buffer, keys, auth_field) };
            let mut missing = [true; PLACED.len()];
            // The signature covers the whole message, so it is written last.
            for field in message.fields().filter(|field| field.name != b"auth") {
                match PLACED.iter().zip(&mut missing).enumerate().find(|(_, (name, _))| name.as_bytes() == field.name) {
                    None => w.field(&field),
                    // Of several fields with one name the first counts.
                    Some((n, (_, missing))) => {
                        if core::mem::take(missing) {
                            common.put(&mut w, n, seq);
                        }
                    }
                }
            }
            if let Some(dest) = &to.dest {
                w.text("dest", dest.as_bytes());
            }
            if let Some(uuid) = &to.destuuid {
                w.binary("destuuid", &uuid.0);
            }
            for (n, _) in missing.iter().enumerate().filter(|(_, missing)| **missing) {
                common.put(&mut w, n, seq);
            }
            w.finish().ok()
        });
        if !written {
            bump(&mut self.stats.oversize);
        }
        written
    }
}
