//! Everything that the loop needs, made by the start.

use super::{Links, LinuxCluster, Rereader, Scripts};
use crate::clients::Feed;
use crate::log::Logger;
use crate::problems::Board;
use crate::resources::Resources;
use crate::respawn::Respawn;
use crate::state::StateDir;
use crate::status::{Orders, StatusSocket};
use crate::sys::realtime::Scheduling;
use crate::sys::signal::Signals;
use crate::systemd::Notify;
use hbcore::time::Duration;

/// Everything that the loop needs.
pub struct Parts {
    /// The engine, made at the time that `clock` gives.
    pub cluster: Box<LinuxCluster>,
    /// Open media.
    pub links: Links,
    /// Threads that run groups.
    pub resources: Resources,
    /// How the loop is to be scheduled.
    pub scheduling: Scheduling,
    /// Blocked signals.
    pub signals: Signals,
    /// The log.
    pub log: Logger,
    /// For log lines: the keys of the groups.
    pub groups: Vec<String>,
    /// For log lines: what fences.
    pub device: String,
    /// The program that fences.
    pub fence_program: Option<std::path::PathBuf>,
    /// For log lines: how long a node may be silent while we do not run ourselves and is not late. The warntime and one keepalive.
    pub lateness: Duration,
    /// `log_badpack`.
    pub log_bad_packets: bool,
    /// What `SIGHUP` does.
    pub rereader: Rereader,
    /// Where `hostcache` is kept; `None` when resource groups are managed, as then 3.0.6 keeps none.
    pub host_cache: Option<StateDir>,
    /// Scripts of the site.
    pub scripts: Scripts,
    /// Where `hb status` asks; `None` if it could not be opened.
    pub status: Option<StatusSocket>,
    /// Where clients are told what happens; `None` if they cannot be served.
    pub clients: Option<Feed>,
    /// The clients that are to be kept; `None` if there are none.
    pub respawn: Option<Respawn>,
    /// The service manager.
    pub service: Notify,
    /// How long giving everything up may take.
    pub shutdown_limit: Duration,
    /// Where problems are put up.
    pub board: Board,
    /// What was decided about the orders of tools, if an earlier daemon was in this process.
    pub orders: Orders,
}
