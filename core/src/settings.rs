//! The choices of the operator, one type for each. The parsers of [`config`](crate::config) yield them, the engine
//! takes them, and the C library gives them numbers.

use crate::id::NodeId;
use crate::time::Duration;

/// The times that decide when a node is late or dead (docs/protocol/files.md 4.1). The parser reads whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Interval of our heartbeats; above zero.
    pub keepalive: Duration,
    /// The time without a status after which a node is late; above zero. If it exceeds `deadtime`, no
    /// node is ever late.
    pub warntime: Duration,
    /// The time without a status after which the others shall declare us dead; more than twice `keepalive`.
    pub deadtime: Duration,
    /// The time after which a node that was not heard since our start is declared dead; at least `deadtime`.
    pub initdead: Duration,
    /// The time without an answer after which a ping node is declared dead.
    pub deadping: Duration,
    /// The longest random delay before a retransmission request, and the interval of repeated requests; above zero.
    pub max_rexmit_delay: Duration,
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
    /// `max_rexmit_delay` is zero.
    NoRexmitDelay,
}

impl Timing {
    /// The times before any configuration.
    pub(crate) const ZERO: Self = Self {
        keepalive: Duration::ZERO,
        warntime: Duration::ZERO,
        deadtime: Duration::ZERO,
        initdead: Duration::ZERO,
        deadping: Duration::ZERO,
        max_rexmit_delay: Duration::ZERO,
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
        } else if self.max_rexmit_delay.is_zero() {
            Err(TimingError::NoRexmitDelay)
        } else {
            Ok(())
        }
    }
}

/// The kind of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A member of the cluster, from `node`.
    Member,
    /// A host or group of hosts that only answers pings, from `ping`, `ping6` or `ping_group`
    /// (docs/protocol/wire.md 8.8).
    Ping,
    /// A member that was removed from the configuration while we ran. Its place is not used again. No file yields it.
    Removed,
}

/// The way in which a link carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkForm {
    /// Each message is a datagram, in either form.
    Datagram,
    /// A stream of bytes that takes only the classic form: a serial line.
    ///
    /// If its speed is known, the newest heartbeat, and sometimes our newest message, is sent again: up to seven times
    /// until the next heartbeat, but so that half of the line's time stays free; and where messages are damaged or
    /// missing, up to fifteen times, one after the other. Other links never get copies. Where all links are serial,
    /// retransmissions and requests wait until the line is free, and get a ninth of its time:
    /// [`Cluster::next_deadline`](crate::Cluster::next_deadline) then tells when they are ready. The slowest line counts.
    Serial {
        /// Bits per second; 0 if that is not known.
        baud: u32,
    },
    /// Echo requests to a ping node, whose replies come back as datagrams.
    Ping(NodeId),
}

/// `auto_failback`: the treatment of groups that run away from home when their home returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoFailback {
    /// They are handed over to their home.
    On,
    /// They stay where they are.
    Off,
    /// The older protocol without reports, the default of 3.0.6 when nothing is configured: a home that comes up asks
    /// for each of its groups and gets it. There is no standby (docs/protocol/resources.md 1.9 j). Both nodes must use
    /// this one.
    Legacy,
}

/// `autojoin`: the nodes that may join without being configured. With `haresources` only
/// [`Autojoin::None`] is possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Autojoin {
    /// None.
    #[default]
    None,
    /// Any other node whose messages are authentic.
    Other,
    /// The same, and this node need not be listed either.
    Any,
}

/// `heartbeat_format`: the form of our periodic heartbeat. Every node understands both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeartbeatFormat {
    /// At most 150 bytes with sha1, a node name of 14 characters and a dead time below 65.5 s: the classic form without
    /// the fields that no receiver reads. 3.0.6 accepts it.
    #[default]
    Compact,
    /// The form of 3.0.6, about 300 bytes.
    Full,
}
