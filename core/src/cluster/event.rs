//! Events for logs, for clients, for people. The engine works even if nothing reads them.

use crate::id::{LinkId, NodeId, Sequence};
use crate::takeover::Notice;
use crate::time::Duration;

/// The largest number of events that wait to be polled: 64, and 32 with the feature `small`. If an input yields more,
/// the oldest are dropped and counted in [`Stats::events_lost`](crate::Stats::events_lost). A judgement of many nodes
/// pauses instead, and loses none.
pub const EVENTS: usize = if cfg!(feature = "small") { 32 } else { 64 };

/// An event. Names and states are read from the views, with the ids given here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A node's state has changed; see [`Cluster::node`](crate::Cluster::node).
    NodeState(NodeId),
    /// A node is dead: no status came from it for its dead time.
    NodeDead(NodeId),
    /// A dead node is heard again in the same run: a partition healed.
    NodeReturned(NodeId),
    /// A node began a new run.
    NodeRestarted(NodeId),
    /// A node joined without being configured.
    NodeAdded(NodeId),
    /// A node was removed from the configuration.
    NodeRemoved(NodeId),
    /// A node that we know by its identity has another name now.
    NodeRenamed(NodeId),
    /// A heartbeat came late.
    Late {
        /// Its node.
        node: NodeId,
        /// The time since the heartbeat before.
        interval: Duration,
        /// That time was longer than the node's dead time, but the node is alive.
        critical: bool,
    },
    /// A node is heard on a link again, or for the first time.
    LinkUp(NodeId, LinkId),
    /// A node is no longer heard on a link.
    LinkDown(NodeId, LinkId),
    /// The port reported the carrier of a link gone, or back.
    Carrier(LinkId, Carrier),
    /// Messages of a node are missing; they will be asked for.
    Missing {
        /// The sender.
        node: NodeId,
        /// Their number.
        lost: u64,
        /// The number of the message that showed it.
        seen: Sequence,
    },
    /// Too many messages of a node are missing, so they are given up.
    LostTooMany {
        /// The sender.
        node: NodeId,
        /// Their number.
        lost: u64,
    },
    /// No message of a node is missing any more.
    NothingMissing(NodeId),
    /// A node cannot retransmit a message that we miss: it is lost.
    RepeatRefused(NodeId, Sequence),
    /// A node sent a message of an earlier run than another that we have seen.
    Replay(NodeId),
    /// Another host uses our name. Reported for each such message; a port should limit how often it logs that.
    NameConflict(LinkId),
    /// All nodes were heard or are dead.
    CommunicationUp,
    /// This node is active.
    Active,
    /// We stalled: the call came this long after our deadline. No node is declared dead before the waiting datagrams
    /// have been read.
    LocalStall(Duration),
    /// A notice of resource management.
    Resource(Notice),
    /// All groups are released; the daemon may end once its outputs are drained.
    Left,
}

/// Whether a link can carry anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// It can.
    Present,
    /// It cannot: the cable is unplugged, or the interface is gone.
    Absent,
}

/// The kind of a datagram that was not dropped as an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A new message; it was processed.
    New,
    /// The newest message of its sender again.
    Duplicate,
    /// An older message that is not missing.
    Old,
    /// A message for another node.
    NotForUs,
    /// Our own message, heard again.
    OwnEcho,
    /// The first message of a node that was added because of it.
    Joined,
    /// A new message of a type on which the engine does not act: for the port's clients and scripts, which find its
    /// fields in the bytes.
    ForClients,
}

/// A request from an operator or a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// Hand over groups of this class, as we see them, to the other node.
    Standby(crate::takeover::Class),
    /// Make the other nodes hand over groups to us.
    Takeover(crate::takeover::Wish),
    /// Release all groups and leave the cluster.
    Leave,
}

/// The reason why a request was refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// Resource groups are not managed here.
    NotManaged,
    /// The standby cannot begin now.
    Standby(crate::takeover::StandbyRefusal),
}

/// A datagram to be sent, identical on all the links named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The links.
    pub links: crate::id::LinkSet,
    /// The number of bytes in the buffer.
    pub len: usize,
}
