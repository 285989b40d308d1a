//! The parts of the loop, which the start makes.

use super::{Files, Rereader, Scripts};
use crate::clients::Feed;
use crate::cluster_view::LinuxCluster;
use crate::compress::Policy;
use crate::control::ControlSocket;
use crate::links::Links;
use crate::log::Logger;
use crate::problems::Board;
use crate::resources::Resources;
use crate::respawn::Respawn;
use crate::state::StateDir;
use crate::status::{Reloads, StatusSocket};
use crate::sys::realtime::Scheduling;
use crate::sys::signal::Signals;
use crate::systemd::Notify;
use hbcore::time::Duration;

/// The parts of the loop.
pub struct Parts {
    /// The engine, made at the time that `clock` gives.
    pub cluster: Box<LinuxCluster>,
    /// Open media.
    pub links: Links,
    /// Threads that run groups.
    pub resources: Resources,
    /// The scheduling of the loop.
    pub scheduling: Scheduling,
    /// Blocked signals.
    pub signals: Signals,
    /// The log.
    pub log: Logger,
    /// For log lines: the keys of the groups.
    pub groups: Vec<String>,
    /// For log lines: the fencing device.
    pub device: String,
    /// The program that fences.
    pub fence_program: Option<std::path::PathBuf>,
    /// For log lines: the silence of a node that is still not late while we stall ourselves. The warntime and one
    /// keepalive.
    pub lateness: Duration,
    /// `log_badpack`.
    pub log_bad_packets: bool,
    /// The rule for messages that are compressed.
    pub compression: Policy,
    /// The function that `SIGHUP` calls.
    pub rereader: Rereader,
    /// The directory of `hostcache`; `None` when resource groups are managed, because then 3.0.6 keeps none.
    pub host_cache: Option<StateDir>,
    /// Scripts of the site.
    pub scripts: Scripts,
    /// The socket of `hb status`; `None` if it could not be opened.
    pub status: Option<StatusSocket>,
    /// The socket of orders; `None` if it could not be opened.
    pub control: Option<ControlSocket>,
    /// The feed of events for clients; `None` if they cannot be served.
    pub clients: Option<Feed>,
    /// The clients that are to be kept; `None` if there are none.
    pub respawn: Option<Respawn>,
    /// The service manager.
    pub service: Notify,
    /// The longest time for releasing all groups.
    pub shutdown_limit: Duration,
    /// The files through which others find this daemon.
    pub files: Files,
    /// The board of problems.
    pub board: Board,
    /// The decisions about reloads so far, if an earlier daemon ran in this process.
    pub reloads: Reloads,
}
