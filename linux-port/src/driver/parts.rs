//! The parts of the loop, which the start makes, by those who use them.

use super::{Files, Rereader};
use crate::clients::Feed;
use crate::cluster_view::LinuxCluster;
use crate::compress::Policy;
use crate::control::ControlSocket;
use crate::fifo::Fifo;
use crate::links::Links;
use crate::log::Logger;
use crate::notify::Notifier;
use crate::problems::Board;
use crate::resources::Resources;
use crate::respawn::Respawn;
use crate::state::StateDir;
use crate::status::{Reloads, StatusSocket};
use crate::sys::realtime::Scheduling;
use crate::sys::signal::Signals;
use crate::systemd::Notify;
use hbcore::time::Duration;
use std::path::PathBuf;

/// The parts of the loop.
pub struct Parts {
    /// The engine.
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
    /// The board of problems.
    pub board: Board,
    /// The service manager.
    pub service: Notify,
    /// The files through which others find this daemon.
    pub files: Files,
    /// The programs of this node that speak with the daemon.
    pub programs: Programs,
    /// The words for log lines.
    pub words: Words,
    /// The choices of the site that the loop itself acts upon.
    pub rules: Rules,
    /// The function that `SIGHUP` calls.
    pub rereader: Rereader,
    /// The decisions about reloads so far, if an earlier daemon ran in this process.
    pub reloads: Reloads,
}

/// The connections to programs of this node. The node works without each of them.
pub struct Programs {
    /// The FIFO to which scripts write; `None` if it could not be opened.
    pub fifo: Option<Fifo>,
    /// The scripts of `rc.d`.
    pub notifier: Notifier,
    /// The socket of `hb status`; `None` if it could not be opened.
    pub status: Option<StatusSocket>,
    /// The socket of orders; `None` if it could not be opened.
    pub control: Option<ControlSocket>,
    /// The feed of events for clients; `None` if they cannot be served.
    pub clients: Option<Feed>,
    /// The clients that are to be kept; `None` if there are none.
    pub respawn: Option<Respawn>,
}

/// The words for log lines.
pub struct Words {
    /// The keys of the groups.
    pub groups: Vec<String>,
    /// The fencing device.
    pub device: String,
    /// The silence of a node that is still not late while we stall ourselves: the warntime and one keepalive.
    pub lateness: Duration,
}

/// The choices of the site that the loop itself acts upon.
pub struct Rules {
    /// `log_badpack`.
    pub log_bad_packets: bool,
    /// The rule for messages that are compressed.
    pub compression: Policy,
    /// The program that fences.
    pub fence_program: Option<PathBuf>,
    /// The directory of `hostcache`; `None` when resource groups are managed, because then 3.0.6 keeps none.
    pub host_cache: Option<StateDir>,
    /// The longest time for releasing all groups.
    pub shutdown_limit: Duration,
}
