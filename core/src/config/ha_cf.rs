//! The main configuration, `ha.cf`, as checked values (docs/protocol/files.md 4 to 7).
//!
//! [`HaCf`] has the values of the file, `directive.rs` the words, `ha_cf/value_directives.rs` the values that
//! each word accepts, and `ha_cf/relations.rs` the relations between them.

mod clients;
mod doubt;
mod media;
mod parameters;
mod parse;
mod relations;
mod value_directives;

use core::time::Duration;

use heapless::Vec;

pub use self::clients::{ApiAuth, Child, OnDeath, Stonith, StonithParameters};
pub use self::media::{Hosts, Medium, MediumLine};
pub use self::parameters::{ParameterText, Parameters};
use super::directive::Directive;
use super::medium_kind::MediumKind;
use super::{Parsed, Position, Problems};
use crate::id::{NodeId, NodeName};
use crate::settings::{AutoFailback, Autojoin, LinkForm, NodeKind, Timing};

/// The largest number of nodes of a cluster, ping nodes included (docs/protocol/wire.md 2.2). The next one is an error.
pub const NODES_MAX: usize = 100;
/// The largest number of media (docs/protocol/wire.md 2.2). The next one is an error.
pub const MEDIA_MAX: usize = 64;
/// The largest number of `env` assignments, `apiauth` lines and client lines, each. 3.0.6 has no limit here; the next
/// one is an error.
pub const LINES_MAX: usize = 64;

/// All values of `ha.cf`, with defaults filled in and all relations checked. Texts borrow from the file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HaCf<'t> {
    /// `node` lines and ping media in the order of the file; the place in this list is the node's
    /// [`crate::id::NodeId`].
    pub nodes: Vec<Node, NODES_MAX>,
    /// The media in the order of the file; the place in this list is the link's [`crate::id::LinkId`].
    pub media: Vec<MediumLine<'t>, MEDIA_MAX>,
    /// The times after which a node is late or dead.
    pub timing: Timing,
    /// The form of messages, and the nodes that may join.
    pub protocol: Protocol<'t>,
    /// The treatment of resources whose home returns.
    pub auto_failback: AutoFailback,
    /// Pacemaker instead of `haresources`.
    pub pacemaker: Pacemaker<'t>,
    /// The destinations of log lines.
    pub logging: Logging<'t>,
    /// The settings of the daemon's own process.
    pub process: Process<'t>,
    /// Variables for children, from `env`; the names lack the prefix `HA_` that children see.
    pub env: Vec<Variable<'t>, LINES_MAX>,
    /// The users who may sign on as each client, from `apiauth`.
    pub api_auth: Vec<ApiAuth<'t>, LINES_MAX>,
    /// Children to run, from `respawn` and `failfast`, in the order of the file.
    pub children: Vec<Child<'t>, LINES_MAX>,
    /// The fencing device of this node; with several lines the last one that applies here.
    pub stonith: Option<Stonith<'t>>,
    /// The recorded parameters as they were typed or derived.
    pub parameters: Parameters<'t>,
    /// The reliability of the list of nodes.
    listed: Listed<'t>,
}

/// The reliability of the list of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed<'t> {
    /// Every node is in it.
    All,
    /// This node is missing, which was reported.
    AllBut(&'t str),
    /// A line that may name nodes was refused, or there is none.
    Unknown,
}

/// A node of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The name, lower-case.
    pub name: NodeName,
    /// Whether it runs a daemon or only answers pings.
    pub kind: NodeKind,
    /// Its place in the file; `None` for the local node added by `autojoin any`.
    pub at: Option<Position>,
}

/// The form of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Protocol<'t> {
    /// `cluster`: the cluster's name, for information and quorum servers.
    pub cluster: &'t str,
    /// `hopfudge`: time to live of a message beyond the number of nodes.
    pub hopfudge: u8,
    /// `hbgenmethod`: the source of the generation at start.
    pub generation: GenerationMethod,
    /// `uuidfrom`: the source of the node's uuid.
    pub uuid: UuidSource,
    /// `autojoin`: the unknown nodes that may join.
    pub autojoin: Autojoin,
    /// `msgfmt`: the encoding of messages that this node sends to nodes and clients.
    pub message_format: MessageFormat,
    /// `compression`: name of the compression module, such as `zlib` or `bz2`.
    pub compression: &'t str,
    /// `compression_threshold`: size in kilobytes above which a message is compressed as a whole; above zero.
    pub compression_threshold: u32,
    /// `traditional_compression`: compress whole messages instead of fields.
    pub traditional_compression: bool,
    /// `quorum_server`: host of the quorum server.
    pub quorum_server: Option<&'t str>,
}

/// `hbgenmethod`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GenerationMethod {
    /// Last generation from the state file plus one.
    #[default]
    File,
    /// Seconds of the wall clock at start.
    Time,
}

/// `uuidfrom`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UuidSource {
    /// From the state file.
    #[default]
    File,
    /// Computed from the node's name (docs/protocol/files.md 12.3).
    NodeName,
}

/// `msgfmt`. Both encodings are always understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageFormat {
    /// Lines of `name=value` (docs/protocol/wire.md 3.2).
    #[default]
    Classic,
    /// Netstrings (docs/protocol/wire.md 3.1).
    Netstring,
}

/// `pacemaker` (or `crm`) and related directives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pacemaker<'t> {
    /// `pacemaker`.
    pub mode: PacemakerMode,
    /// `crm_daemon_dir`: the directory of Pacemaker's daemons.
    pub daemon_dir: Option<&'t str>,
    /// `crmd_spawns_pengine`.
    pub crmd_spawns_pengine: Option<bool>,
}

/// `pacemaker`: the manager of the resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PacemakerMode {
    /// `haresources`, by this daemon.
    #[default]
    Off,
    /// Pacemaker's daemons run as children of this daemon.
    On,
    /// As [`PacemakerMode::On`]; a daemon that dies is started again.
    Respawn,
    /// As [`PacemakerMode::On`] with the fewest daemons.
    Minimal,
    /// As [`PacemakerMode::On`] with daemons chosen by hand.
    Manual,
    /// Only the membership client `ccm`; no resources at all.
    CcmOnly,
}

impl PacemakerMode {
    /// Whether this daemon manages the resources, as `haresources` says.
    pub fn uses_haresources(self) -> bool {
        self == Self::Off
    }
}

/// The destinations of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logging<'t> {
    /// `logfile`: all but debug lines; `/dev/null` if a facility but no file is configured.
    pub logfile: Option<&'t str>,
    /// `debugfile`: all lines; `/dev/null` if a facility but no file is configured.
    pub debugfile: Option<&'t str>,
    /// `logfacility`: the syslog facility; `None` if unset or `none`.
    pub facility: Option<Facility>,
    /// `use_logd`, or true if nothing else was configured: send lines to the logging daemon.
    pub use_logd: bool,
    /// `conn_logd_time`: time between tries to reach the logging daemon.
    pub conn_logd_time: Duration,
    /// `log_badpack`: report packets with a bad format or signature.
    pub log_badpack: bool,
    /// `syslogmsgfmt`: file lines look like those of syslog.
    pub syslogmsgfmt: bool,
    /// `debug`: debug level, 0 (none) to 255; `None` leaves the level of the command line.
    pub debug: Option<u8>,
}

/// A syslog facility: its number of RFC 5424 table 1, not shifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(pub u8);

impl Facility {
    /// That of system daemons.
    pub const DAEMON: Self = Self(3);
    /// The names that `logfacility` accepts, with their numbers.
    pub const NAMES: [(&'static str, u8); 22] = [
        ("auth", 4),
        ("authpriv", 10),
        ("cron", 9),
        ("daemon", 3),
        ("ftp", 11),
        ("kern", 0),
        ("lpr", 6),
        ("mail", 2),
        ("mark", 24),
        ("news", 7),
        ("security", 4),
        ("syslog", 5),
        ("user", 1),
        ("uucp", 8),
        ("local0", 16),
        ("local1", 17),
        ("local2", 18),
        ("local3", 19),
        ("local4", 20),
        ("local5", 21),
        ("local6", 22),
        ("local7", 23),
    ];

    /// The facility of that name, case-sensitive.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, number)| Self(number))
    }
}

/// The settings of the daemon's own process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process<'t> {
    /// `realtime`: real-time scheduling and locked memory.
    pub realtime: bool,
    /// `rtprio`: real-time priority, 1 to 99; `None` leaves the choice to the daemon.
    pub rtprio: Option<u8>,
    /// `memreserve`: kilobytes touched before memory is locked; above zero.
    pub memreserve: u32,
    /// `watchdog`: the watchdog device.
    pub watchdog: Option<&'t str>,
    /// `use_apphbd`: register with the application heartbeat daemon.
    pub use_apphbd: bool,
    /// `coredumps`: allow core dumps.
    pub coredumps: bool,
    /// `coreroot`: base of the directories for core dumps; absolute.
    pub coreroot: Option<&'t str>,
}

/// A variable for children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable<'t> {
    /// The name without `HA_`; not empty.
    pub name: &'t str,
    /// The value; may be empty.
    pub value: &'t str,
}

impl<'t> HaCf<'t> {
    /// Reads `text`, the content of `ha.cf`, on the node called `local_name`, and reports every problem to `problems`.
    ///
    /// It reads nothing but the text: the caller's second pass looks whether interfaces, users or files exist.
    pub fn parse<const N: usize>(text: &'t [u8], local_name: &'t str, problems: &mut Problems<'t, N>) -> Parsed<Self> {
        parse::parse(text, local_name, problems)
    }

    /// The members of the cluster, without ping nodes, in the order of the file.
    pub fn members(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.kind == NodeKind::Member)
    }

    /// The id of the node `name`, which is its place in [`HaCf::nodes`]; in any case.
    pub fn node_id(&self, name: &str) -> Option<NodeId> {
        let place = self.nodes.iter().position(|node| node.name.as_str().eq_ignore_ascii_case(name))?;
        u8::try_from(place).ok().map(NodeId)
    }

    /// The form of the link that `medium`, one of [`HaCf::media`], becomes.
    pub fn link_form(&self, medium: &Medium<'_>) -> LinkForm {
        match *medium {
            Medium::Serial { baud, .. } => LinkForm::Serial { baud },
            medium if medium.is_ping() => self.node_id(medium.link_name()).map_or(LinkForm::Datagram, LinkForm::Ping),
            _ => LinkForm::Datagram,
        }
    }

    /// Whether `name` is a member of the cluster, in any case.
    pub fn is_member(&self, name: &str) -> bool {
        self.members().any(|node| node.name.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether `name` is a member, or a reported error may be the only reason why it is not.
    pub(super) fn may_be_member(&self, name: &str) -> bool {
        match self.listed {
            Listed::Unknown => true,
            Listed::AllBut(missing) => missing.eq_ignore_ascii_case(name) || self.is_member(name),
            Listed::All => self.is_member(name),
        }
    }
}

#[cfg(test)]
mod tests;
