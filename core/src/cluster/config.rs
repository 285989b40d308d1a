//! The configuration of the engine.

use crate::id::{Generation, NodeId, NodeName, Uuid};
use crate::settings::{AutoFailback, Autojoin, HeartbeatFormat, LinkForm, NodeKind, Timing, TimingError};
use crate::time::Duration;

/// A node of the configuration.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Its name.
    pub name: NodeName,
    /// Its kind.
    pub kind: NodeKind,
    /// Its identity, if it is known from an earlier run.
    pub uuid: Uuid,
}

/// The configuration for [`Cluster::new`](crate::Cluster::new). Slices are copied; their order gives the ids.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    /// The id of the local node in `nodes`.
    pub local: NodeId,
    /// All nodes, ping nodes included, in the order of `ha.cf`.
    pub nodes: &'a [NodeConfig],
    /// All links.
    pub links: &'a [LinkForm],
    /// The home of each resource group, in the order of `haresources`.
    pub groups: &'a [NodeId],
    /// Whether resource groups are managed here at all.
    pub manage_resources: bool,
    /// The times.
    pub timing: Timing,
    /// The treatment of a group whose home returns.
    pub auto_failback: AutoFailback,
    /// Added to the number of nodes to give `ttl`; 0 to 255.
    pub hopfudge: u8,
    /// The nodes that may join without being configured.
    pub autojoin: Autojoin,
    /// Form of the periodic heartbeat.
    pub heartbeat: HeartbeatFormat,
    /// Whether datagrams carry the redundant field `auth`, as 3.0.6 does by default (`msgfmt classic`).
    pub auth_field: bool,
    /// Our generation: larger than any that this node used before.
    pub generation: Generation,
    /// The longest time that the start or stop of a group may take before the engine counts it as failed.
    pub effect_limit: Duration,
    /// The seed of the random delays. It should differ between nodes.
    pub seed: u64,
}

/// The reason why a configuration cannot be used. The engine was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The times contradict each other.
    Timing(TimingError),
    /// More nodes than the engine has room for, or more than 128.
    TooManyNodes,
    /// More links than the engine has room for, or more than 64.
    TooManyLinks,
    /// More groups than the engine has room for.
    TooManyGroups,
    /// `local`, a ping link or a group names a node that does not exist.
    UnknownNode,
    /// Two nodes have one name.
    DuplicateName,
    /// The keys do not name the one that signs.
    NoSigningKey,
    /// The generation is zero.
    NoGeneration,
    /// A link that is not serial, in a build without the feature `datagram`.
    NoDatagrams,
}

impl From<TimingError> for ConfigError {
    fn from(error: TimingError) -> Self {
        Self::Timing(error)
    }
}
