//! Work that takes long, away from the heartbeat thread: starting and stopping resource groups, running scripts.
//!
//! The heartbeat thread submits a [`Job`] and gets its [`Completion`] back with the same ticket; neither call waits.
//! Between them one dispatcher thread hands jobs to worker threads, one a running job. The members of a group are
//! treated strictly one after the other; jobs of different groups run side by side, [`RUNNING`] at most.

mod dispatch;
mod doing;
mod group;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::log::Logger;
use crate::problems::Board;
use crate::script::{Call, Cancel, Search};

pub use dispatch::{Jobs, RUNNING, SubmitError};
pub use doing::{Doing, Running, Trying};

use group::Context;

/// The ticket of work that no effect of the engine asks for, such as writing a file. The engine knows no such ticket.
pub const HOUSEKEEPING: u64 = u32::MAX as u64;

/// One piece of work.
#[derive(Debug)]
pub struct Job {
    /// Given back with the completion; means nothing here.
    pub ticket: u64,
    /// For log lines: the group's key or the script's name.
    pub name: String,
    /// What to do.
    pub work: Work,
}

/// What a job does.
#[derive(Debug)]
pub enum Work {
    /// Start a group: from left to right, each member is asked for its status and started unless it runs already. At the
    /// first failure the whole group is stopped again, as by [`Work::Stop`].
    Start(Vec<Step>, Retry),
    /// Stop a group: from right to left, each member again and again until it succeeds or [`Retry`] is exhausted.
    Stop(Vec<Step>, Retry),
    /// Run a program that belongs to no group, such as one that fences.
    Run(Call),
    /// Run a function; it must end by itself.
    Function(Task),
}

/// A member of a group.
#[derive(Debug)]
pub enum Step {
    /// A resource script.
    Script(Script),
    /// A resource that the daemon manages itself, such as an address.
    Builtin(Box<dyn Resource>),
}

/// A resource script as a member of a group: called with its arguments and `status`, `start` or `stop` after them. It is looked for at
/// each call, since a package that is being upgraded takes its script away for a moment.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its name, as in `haresources`.
    pub name: String,
    /// Where it is looked for.
    pub search: Search,
    /// How it is called; the program is the one that was found.
    pub call: Call,
    /// Whether it may run here.
    pub trace: Trace,
}

/// Whether anything here may have started a member since somebody saw it stopped. A clone is the same trace.
///
/// A stop that can be neither made nor asked about leaves a member that may run here, unless nothing ever started it: so a script
/// that was never there is no reason to reboot.
#[derive(Debug, Clone, Default)]
pub struct Trace(Arc<AtomicBool>);

impl Trace {
    /// The member may run here from now on.
    pub fn may_run(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Somebody saw the member stopped.
    pub fn seen_stopped(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether the member may run here.
    pub fn is_suspect(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A resource that needs no script.
pub trait Resource: Send {
    /// The name for log lines.
    fn name(&self) -> String;
    /// Whether it runs here.
    fn status(&mut self) -> Result<bool, Refused>;
    /// Makes it run here. It is not asked to start when its status is true.
    fn start(&mut self) -> Result<(), Refused>;
    /// Makes it not run here; succeeds when it did not.
    fn stop(&mut self) -> Result<(), Refused>;
}

impl fmt::Debug for dyn Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// A built-in resource's reason to fail, ready for a log line.
#[derive(Debug)]
pub struct Refused(pub Box<dyn std::error::Error + Send + Sync>);

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

/// A function to run on a worker thread.
pub struct Task(pub Box<dyn FnOnce() -> Result<(), Refused> + Send>);

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task")
    }
}

/// How a group is ended on the caller's thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As [`Work::Stop`] does it.
    Stop,
    /// Each member is asked first, and what does not say that it is stopped is stopped: before the node joins.
    Vacate,
}

/// What a group is ended with on the caller's thread.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// Where events are logged.
    pub log: &'a Logger,
    /// Where problems are put up.
    pub board: &'a Board,
    /// Terminates the scripts.
    pub cancel: &'a Cancel,
    /// Where is noted which script runs.
    pub doing: &'a Doing,
}

/// Ends a group on this thread: for a daemon that has no job threads. [`Outcome::StopFailed`]: something of the group may run here.
pub fn end_here(
    ending: Ending,
    group: &str,
    mut members: Vec<Step>,
    Surroundings { log, board, cancel, doing }: Surroundings<'_>,
) -> Outcome {
    let context = Context { log, board, cancel, doing, group };
    match ending {
        Ending::Stop => context.stop(&mut members, Retry::BEFORE_JOINING),
        Ending::Vacate => context.vacate(&mut members, Retry::BEFORE_JOINING),
    }
}

/// How stubbornly a member is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts after the first one; `HA_STOPRETRYMAX`.
    pub more: u32,
    /// The pause before each.
    pub pause: Duration,
    /// How long a script that is missing, or whose interpreter is, is looked for beside those attempts, which it does not use up.
    pub missing: Duration,
}

impl Default for Retry {
    /// 3.0.6's: ten more attempts, one a second. A package that is being upgraded takes its script away for longer.
    fn default() -> Self {
        Self { missing: Duration::from_mins(2), ..Self::BEFORE_JOINING }
    }
}

impl Retry {
    /// The same for a node that does not take part: nobody waits long for a script that is missing.
    const BEFORE_JOINING: Self = Self { more: 10, pause: Duration::from_secs(1), missing: Duration::from_secs(10) };
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All members were started, or seen to be stopped; or the script or function succeeded.
    Done,
    /// A start failed, and nothing of the group runs here, which was seen; or the script or function failed.
    Failed,
    /// A member was told to stop, and nobody has seen it stopped: it still runs, or cannot be asked, or the daemon wanted the job to
    /// end. It may run here, so this node must go on claiming the group. 3.0.6 reboots the machine when a member still runs.
    StopFailed,
    /// A start could not be begun, for want of a thread: no member was touched.
    NotBegun,
}

/// What the heartbeat thread gets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    /// The job's ticket.
    pub ticket: u64,
    /// How it ended.
    pub outcome: Outcome,
}
