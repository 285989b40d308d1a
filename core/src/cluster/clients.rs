//! Messages that scripts and clients of this node send to the cluster (docs/protocol/clients.md 7).

use super::Cluster;
use super::outbound::{Addressee, MESSAGE_ROOM};
use crate::id::NAME_MAX;
use crate::node::NodeState;
use crate::time::{Duration, Instant};
use crate::wire::{MessageType, Structure, number};

/// A field of a message: its name and its text.
pub type Field<'a> = (&'a str, &'a [u8]);

/// Added to our dead time before a planned restart (docs/protocol/resources.md 6.3).
const RESTART_ALLOWANCE: Duration = Duration::from_secs(30);

/// The largest sum of bytes of names and texts in a message of a client. 3.0.6 has no smaller limit than a datagram; a
/// script's message has a few dozen.
const FIELDS_MAX: usize = 8 * 1024;

/// The longest structured message of a client with its header, in bytes: the largest datagram.
const STRUCTURE_MAX: usize = 65_507;
/// Of that, the part for its own fields.
const STRUCTURE_ROOM: usize = STRUCTURE_MAX - MESSAGE_ROOM - 2 * NAME_MAX;

/// Fields that the engine writes itself.
const OURS: [&str; 10] = ["src", "srcuuid", "destuuid", "seq", "hg", "ts", "ld", "ttl", "auth", "t"];

/// The reason why a client's message was not sent. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// It has no field `t`.
    NoType,
    /// Messages of this type are the engine's own.
    Reserved,
    /// It has more than 8 KiB, or as a structure does not fit into a datagram or into the history.
    TooLong,
    /// A name or a text has a byte that a message cannot carry: a line break, a zero, or a `=` in a name.
    BadField,
}

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// Sends a message of a client to every node, with its fields in order; fields that the engine writes itself are
    /// left out.
    ///
    /// Changes of the list of nodes and of their weights (`addnode`, `delnode`, `setweight`) also take effect here.
    ///
    /// # Errors
    /// [`MessageError`]. Only [`Cluster::request`] can make the engine send its own types (`status`, `resource`, …).
    pub fn send_for_client(&mut self, now: Instant, fields: &[Field<'_>]) -> Result<(), MessageError> {
        self.set_now(now);
        let text = |name: &str| fields.iter().find(|(n, _)| *n == name).map(|(_, text)| *text);
        let word = text("t").ok_or(MessageError::NoType)?;
        let kind = sendable(word)?;
        let length: usize = fields.iter().map(|(name, text)| name.len() + text.len() + 2).sum();
        if length > FIELDS_MAX {
            return Err(MessageError::TooLong);
        }
        if !fields.iter().all(|(name, text)| is_name(name) && is_text(text)) {
            return Err(MessageError::BadField);
        }
        self.say_long(2 * length, &|w| {
            w.text("t", word);
            for (name, text) in fields.iter().filter(|(name, _)| !OURS.contains(name)) {
                w.text(name, text);
            }
        });
        self.act_for_client(kind, &text);
        Ok(())
    }

    /// Sends a message of a client unchanged, fields of all kinds in their order, duplicates too; only the values of the
    /// header are the engine's own. A field of the header that the message has keeps its place. If one of `dest` and `destuuid` names a known node, the engine adds the other. The message
    /// takes effect here like that of [`Cluster::send_for_client`].
    ///
    /// # Errors
    /// As for [`Cluster::send_for_client`], with the longer limit of [`MessageError::TooLong`].
    pub fn send_structure(&mut self, now: Instant, message: &Structure<'_>) -> Result<(), MessageError> {
        self.set_now(now);
        let kind = sendable(message.text("t").ok_or(MessageError::NoType)?)?;
        let length: usize = message.fields().map(|f| f.name.len() + f.raw().len() + 4).sum();
        if length > STRUCTURE_MAX {
            return Err(MessageError::TooLong);
        }
        let (name, uuid) = (message.text("dest"), message.field("destuuid").and_then(|f| f.uuid()));
        let named = name.and_then(|name| self.find(name));
        let known = named.or_else(|| self.ids().find(|id| self.node(*id).is_some_and(|n| Some(n.uuid) == uuid)));
        let to = known.and_then(|id| self.node(id));
        let to = Addressee {
            dest: to.as_ref().filter(|_| name.is_none()).map(|n| n.name.clone()),
            destuuid: to.as_ref().filter(|_| uuid.is_none()).map(|n| n.uuid),
        };
        if !self.say_structure((2 * length).min(STRUCTURE_ROOM), message, &to) {
            return Err(MessageError::TooLong);
        }
        self.act_for_client(kind, &|name| message.text(name));
        Ok(())
    }

    /// The effect of a client's message at this node.
    fn act_for_client<'m>(&mut self, kind: MessageType, text: &dyn Fn(&str) -> Option<&'m [u8]>) {
        match kind {
            MessageType::AddNode => self.add_listed(text("nodelist").unwrap_or_default()),
            MessageType::DelNode => self.remove_listed(text("nodelist").unwrap_or_default()),
            MessageType::SetWeight => {
                let id = text("node").and_then(|name| self.find(name));
                let weight = text("weight").and_then(number::decimal);
                self.set_node_weight(id, weight);
            }
            MessageType::IpRequestResp => {
                let me = self.nodes.get(usize::from(self.local.0)).map(|n| n.name.as_bytes());
                if let (true, Some(key)) = (text("dest") == me, text("ipaddr")) {
                    self.takeover.on_group_answer(self.now, key);
                    self.after_takeover();
                }
            }
            _ => {}
        }
    }

    /// Asks the others for patience: this node stops for a moment and continues, while its groups run
    /// (docs/protocol/resources.md 6.3). The next engine learns of that by [`Config::resume`](crate::Config::resume).
    pub fn announce_restart(&mut self, now: Instant) {
        self.set_now(now);
        let patient = self.timing.deadtime.saturating_add(RESTART_ALLOWANCE);
        let usual = core::mem::replace(&mut self.timing.deadtime, patient);
        if self.nodes.get(usize::from(self.local.0)).is_some_and(|me| me.state == NodeState::Active) {
            self.say_status();
        }
        self.timing.deadtime = usual;
    }
}

/// The type of a message that a client may send.
fn sendable(word: &[u8]) -> Result<MessageType, MessageError> {
    let kind = MessageType::of(word);
    let of_nodes = matches!(kind, MessageType::AddNode | MessageType::DelNode | MessageType::SetWeight);
    if !of_nodes && !kind.is_for_clients() || !kind.is_numbered() {
        return Err(MessageError::Reserved);
    }
    Ok(kind)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b'=')
}

fn is_text(text: &[u8]) -> bool {
    text.iter().all(|b| !matches!(b, 0 | b'\n' | b'\r'))
}
