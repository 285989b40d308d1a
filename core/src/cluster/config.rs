//! The configuration of the engine.

use crate::id::{Generation, NodeId, NodeName, Uuid};
use crate::settings::{AutoFailback, Autojoin, HeartbeatFormat, LinkForm, NodeKind, Timing, TimingError};
#[cfg(not(feature = "small"))]
use crate::takeover::{Holds, Origin};
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

/// A resource group of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupConfig<'a> {
    /// Its home.
    pub home: NodeId,
    /// Its name: the first word of its line in `haresources`. Only `auto_failback legacy` needs it; a name of more than
    /// [`KEY_MAX`](crate::takeover::KEY_MAX) bytes counts as none.
    pub key: &'a str,
    /// The part of it that runs here already. With the feature `small`, nothing does: a microcontroller begins with a reset.
    #[cfg(not(feature = "small"))]
    pub found: Found,
}

impl GroupConfig<'_> {
    /// A group without a name, of which nothing runs here.
    pub const fn at(home: NodeId) -> Self {
        Self {
            home,
            key: "",
            #[cfg(not(feature = "small"))]
            found: Found::Nothing,
        }
    }
}

/// The part of a group that runs on this node when the engine starts.
#[cfg(not(feature = "small"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    #[default]
    Nothing,
    /// All of it: an earlier engine of this node left it running on purpose. Counts only with [`Config::resume`].
    Running(Origin),
    /// Some of its resources: its line in `haresources` has changed since. Counts as [`Found::Running`] does.
    Part(Origin),
    /// Perhaps something: an earlier run of this node could not stop it. See [`Takeover::stuck`].
    ///
    /// [`Takeover::stuck`]: crate::takeover::Takeover::stuck
    Leftover,
}

/// The claim with which an engine goes on after an earlier one, whose groups were left running.
#[cfg(not(feature = "small"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// The earlier engine had the same groups, and claimed these. The peer had told it no others.
    Claims(Holds),
    /// The groups may have been others. The claim follows from the groups that run, and no group is started before the
    /// peer has told its own claim, or is dead (docs/protocol/resources.md 1.13).
    OtherGroups,
}

/// The facts that hbcore nodes tell each other about themselves.
#[cfg(not(feature = "small"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Introduction<'a> {
    /// The name of the release; 15 printable characters of it are told.
    pub release: &'a str,
    /// A number that two nodes share if, and only if, they have the same groups in the same order.
    pub digest: u64,
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
    /// The resource groups, in the order of `haresources`.
    pub groups: &'a [GroupConfig<'a>],
    /// Whether resource groups are managed here at all.
    pub manage_resources: bool,
    /// Whether a device can fence the other nodes. With one, a group that a dead node may still run is acquired only
    /// after an [`Effect::Fence`](crate::takeover::Effect::Fence) has succeeded. Without one, silence counts as death.
    pub fencing: bool,
    /// The claim of an earlier engine of this node, whose groups were left running: this engine goes on with it
    /// (docs/protocol/resources.md 6.3). `None` for a plain start.
    #[cfg(not(feature = "small"))]
    pub resume: Option<Resume>,
    /// The facts about this node that other hbcore nodes are told.
    #[cfg(not(feature = "small"))]
    pub introduction: Option<Introduction<'a>>,
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
