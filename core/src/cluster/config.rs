//! The configuration of the engine.

use crate::id::{Generation, NodeId, NodeName, Uuid};
use crate::node::NodeKind;
use crate::takeover::AutoFailback;
use crate::time::Duration;

/// The times of the heartbeat (docs/protocol/files.md 4.1). Checked once, here; see [`Timing::check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Interval of our heartbeats; above zero.
    pub keepalive: Duration,
    /// A heartbeat later than this is reported; above zero. May exceed `deadtime`.
    pub warntime: Duration,
    /// The time without a status after which the others shall declare us dead; more than twice `keepalive`.
    pub deadtime: Duration,
    /// The time after which a node that was not heard since our start is declared dead; at least `deadtime`.
    pub initdead: Duration,
    /// The time without an answer after which a ping node is declared dead.
    pub deadping: Duration,
    /// The longest delay before a missing message is asked for, and the interval of repeated requests; above zero.
    pub max_repeat_delay: Duration,
}

/// The contradiction between two of the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimingError {
    /// `keepalive` is zero.
    NoKeepalive,
    /// `warntime` is zero.
    NoWarntime,
    /// `deadtime` is not more than twice `keepalive`.
    DeadtimeTooSmall,
    /// `initdead` is below `deadtime`.
    InitdeadTooSmall,
    /// `deadping` is not more than twice `keepalive`.
    DeadpingTooSmall,
    /// `max_repeat_delay` is zero.
    NoRepeatDelay,
}

impl Timing {
    /// The times before any configuration.
    pub(super) const ZERO: Self = Self {
        keepalive: Duration::ZERO,
        warntime: Duration::ZERO,
        deadtime: Duration::ZERO,
        initdead: Duration::ZERO,
        deadping: Duration::ZERO,
        max_repeat_delay: Duration::ZERO,
    };

    /// Checks the relations that the fields name.
    pub fn check(&self) -> Result<(), TimingError> {
        let twice = self.keepalive.saturating_mul(2);
        if self.keepalive.is_zero() {
            Err(TimingError::NoKeepalive)
        } else if self.warntime.is_zero() {
            Err(TimingError::NoWarntime)
        } else if self.deadtime <= twice {
            Err(TimingError::DeadtimeTooSmall)
        } else if self.initdead < self.deadtime {
            Err(TimingError::InitdeadTooSmall)
        } else if self.deadping <= twice {
            Err(TimingError::DeadpingTooSmall)
        } else if self.max_repeat_delay.is_zero() {
            Err(TimingError::NoRepeatDelay)
        } else {
            Ok(())
        }
    }
}

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

/// The way in which a link carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkForm {
    /// Each message is a datagram, in either form.
    Datagram,
    /// A stream of bytes that takes only the classic form: a serial line.
    Serial,
    /// Echo requests to a ping node, whose replies come back as datagrams.
    Ping(NodeId),
}

/// The form of our periodic heartbeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeartbeatForm {
    /// At most 150 bytes with sha1, a node name of 14 characters and a dead time below 65.5 s: the classic form without
    /// the fields that no receiver reads. 3.0.6 accepts it.
    #[default]
    Compact,
    /// The form of 3.0.6, about 300 bytes.
    Full,
}

/// The nodes that may join without being configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoJoin {
    /// None.
    #[default]
    None,
    /// Any node whose messages are authentic.
    Any,
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
    pub autojoin: AutoJoin,
    /// Form of the periodic heartbeat.
    pub heartbeat: HeartbeatForm,
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
