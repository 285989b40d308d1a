//! What happened: for logs, for clients, for people. The engine does not need them to be read.

use crate::id::{LinkId, NodeId, Sequence};
use crate::takeover::Notice;
use crate::time::Duration;

/// Most events that wait to be polled: 64, and 32 with the feature `small`. When an input yields more, the oldest are dropped and counted in
/// [`Stats::events_lost`](crate::Stats::events_lost); a scan of many nodes pauses instead and loses none.
pub const EVENTS: usize = if cfg!(feature = "small") { 32 } else { 64 };

/// Something happened. Names and states are read from the views, with the ids given here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A node's state is now another; see [`Cluster::node`](crate::Cluster::node).
    NodeState(NodeId),
    /// A node is dead: nothing was heard from it for its dead time.
    NodeDead(NodeId),
    /// A node that was dead speaks again in the same run: a partition healed.
    NodeReturned(NodeId),
    /// A node began a new run.
    NodeRestarted(NodeId),
    /// A node joined that was not configured.
    NodeAdded(NodeId),
    /// A node was taken out of the configuration.
    NodeRemoved(NodeId),
    /// A node that we know by its identity has another name now.
    NodeRenamed(NodeId),
    /// A heartbeat came late.
    Late {
        /// From this node.
        node: NodeId,
        /// After this much silence.
        interval: Duration,
        /// The silence was longer than its dead time; it is alive all the same.
        critical: bool,
    },
    /// A node is heard on a link again, or for the first time.
    LinkUp(NodeId, LinkId),
    /// A node is not heard on a link any more.
    LinkDown(NodeId, LinkId),
    /// The port reported the carrier of a link gone, or back.
    Carrier(LinkId, Carrier),
    /// Messages of a node are missing; they will be asked for.
    Missing {
        /// The sender.
        node: NodeId,
        /// How many.
        lost: u64,
        /// The number that showed it.
        seen: Sequence,
    },
    /// So many messages of a node are missing that they are given up.
    LostTooMany {
        /// The sender.
        node: NodeId,
        /// How many.
        lost: u64,
    },
    /// Nothing is missing from a node any more.
    NothingMissing(NodeId),
    /// A node cannot repeat a message that we miss: it is lost.
    RepeatRefused(NodeId, Sequence),
    /// A node sent a message of an earlier run than one that we have seen.
    Replay(NodeId),
    /// Somebody else uses our name. Said for each such message; a port should limit how often it is logged.
    NameConflict(LinkId),
    /// All nodes were heard or are dead.
    CommunicationUp,
    /// This node is active.
    Active,
    /// We were asleep for this long past our deadline. Nobody is judged before what waits has been read.
    LocalStall(Duration),
    /// Resource management.
    Resource(Notice),
    /// Everything was given up; the daemon may end once its outputs are drained.
    Left,
}

/// Whether a link can carry anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// It can.
    Present,
    /// It cannot: the cable is out, the interface is gone.
    Absent,
}

/// What a datagram was, if it was not dropped as an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A new message; it was processed.
    New,
    /// The newest message of its sender once more.
    Duplicate,
    /// An older message that is not missing.
    Old,
    /// For another node.
    NotForUs,
    /// Our own message, heard again.
    OwnEcho,
    /// The first message of a node that was added because of it.
    Joined,
    /// A new message of a type that the engine does not act upon: for the port's clients and scripts, which find its fields in the bytes.
    ForClients,
}

/// A request from an operator or a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// Give groups of this class, as we see them, to the other node.
    Standby(crate::takeover::Class),
    /// Have the other nodes give groups to us.
    Takeover(crate::takeover::Wish),
    /// Release everything and leave the cluster.
    Leave,
}

/// Why a request was refused. Nothing changed.
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
    /// On these links.
    pub links: crate::id::LinkSet,
    /// That many bytes of the buffer.
    pub len: usize,
}
