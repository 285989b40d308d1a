//! Slow work, away from the heartbeat thread: starting and stopping resource groups, running scripts.
//!
//! The heartbeat thread submits a [`Job`] and gets its [`Completion`] back with the same id; neither call waits.
//! Between them one dispatcher thread hands each job to a worker thread of its own. The members of a group are treated
//! strictly one after the other; jobs of different groups run in parallel, [`RUNNING`] at most.

mod dispatch;
mod doing;
mod group;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::log::Logger;
use crate::problems::{Board, STRONGER};
use crate::script::{Call, Cancel, Search};

pub use dispatch::{Jobs, RUNNING, SubmitError};
pub use doing::{Doing, Running, Trying};

use group::Context;

/// The purpose of a job, given back with its completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobId {
    /// An effect of the engine, with its ticket.
    Effect(u32),
    /// A group that `haresources` does not name any more, with its number.
    Stray(u32),
    /// Work that no effect of the engine asks for, such as writing a file.
    Housekeeping,
}

/// One piece of work.
#[derive(Debug)]
pub struct Job {
    /// Its purpose.
    pub id: JobId,
    /// For log lines: the group's key or the script's name.
    pub name: String,
    /// The work.
    pub work: Work,
}

/// The kinds of work.
#[derive(Debug)]
pub enum Work {
    /// Start a group: from left to right, each member is asked for its status and started unless it runs already. At
    /// the first failure the whole group is stopped again, as by [`Work::Stop`].
    Start(Vec<Step>, Retry),
    /// Stop a group: from right to left, each member repeatedly until it succeeds or [`Retry`] is exhausted.
    Stop(Vec<Step>, Retry),
    /// Run a program that belongs to no group, such as one that fences.
    Run(Call),
    /// Run a function. Nothing ends it from outside.
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

/// A resource script as a member of a group: called with its arguments and `status`, `start` or `stop` after them. It
/// is looked up at each call, because an upgrade of its package removes it for a moment.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its name, as in `haresources`.
    pub name: String,
    /// The directories in which it is looked up.
    pub search: Search,
    /// Its call. The program is the one that was found.
    pub call: Call,
    /// Whether it may run here.
    pub trace: Trace,
}

/// Whether a member may have been started here since its stop was last confirmed. A clone is the same trace.
///
/// If a member can be neither stopped nor asked, it may run here, unless it was never started: so a script that never
/// existed is no reason to reboot.
#[derive(Debug, Clone, Default)]
pub struct Trace(Arc<AtomicBool>);

impl Trace {
    /// The member may run here from now on.
    pub fn may_run(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The member's stop was confirmed.
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
    /// Makes it not run here; succeeds if it does not run.
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

/// The way in which a group is ended on the caller's thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As [`Work::Stop`].
    Stop,
    /// Each member is asked first, and stopped unless it reports that it is stopped: before the node joins.
    Vacate,
}

/// The means of ending a group on the caller's thread.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The log of events.
    pub log: &'a Logger,
    /// The board for problems.
    pub board: &'a Board,
    /// Terminates the scripts.
    pub cancel: &'a Cancel,
    /// The list of running scripts.
    pub doing: &'a Doing,
}

/// Ends a group on this thread: for a daemon without job threads. [`Outcome::StopFailed`]: something of the group may
/// run here.
pub fn end_here(
    ending: Ending,
    group: &str,
    mut members: Vec<Step>,
    Surroundings { log, board, cancel, doing }: Surroundings<'_>,
) -> Outcome {
    let context = Context { log, board, cancel, doing, group };
    match ending {
        Ending::Stop => context.stop(&mut members, Retry { then: Afterwards::Ends, ..Retry::BEFORE_JOINING }),
        Ending::Vacate => context.vacate(&mut members, Retry::BEFORE_JOINING),
    }
}

/// The persistence with which a member is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts after the first one; `HA_STOPRETRYMAX`.
    pub more: u32,
    /// The pause before each.
    pub pause: Duration,
    /// The time for which a script that is missing, or whose interpreter is, is looked up again. That uses up none of
    /// the attempts.
    pub missing: Duration,
    /// The consequence of a last attempt that fails, for people.
    pub then: Afterwards,
}

/// The consequence of a last attempt to stop a member that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// The group is escalated: `stop_failure_command`, or a reboot.
    Escalated,
    /// The group is told to stop again a few seconds later, as often as it takes: an earlier run has left it, and a
    /// start must not end in a reboot.
    TriedAgain,
    /// The node joins, and claims the group if it is in `haresources`.
    Joins,
    /// This daemon or tool ends.
    Ends,
}

impl fmt::Display for Afterwards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Escalated => STRONGER,
            Self::TriedAgain => "it is told to stop again every few seconds",
            Self::Joins => "this node joins, keeps its claim on the group, and tells it to stop again",
            Self::Ends => "nothing: this program ends",
        })
    }
}

impl Default for Retry {
    /// The values of 3.0.6: ten more attempts, one a second. An upgrade of a package may remove its script for longer.
    fn default() -> Self {
        Self { missing: Duration::from_mins(2), then: Afterwards::Escalated, ..Self::BEFORE_JOINING }
    }
}

impl Retry {
    /// The values for a node that has not joined: it does not wait long for a missing script.
    const BEFORE_JOINING: Self =
        Self { more: 10, pause: Duration::from_secs(1), missing: Duration::from_secs(10), then: Afterwards::Joins };
}

/// The outcome of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All members were started, or their stop was confirmed; or the script or function succeeded.
    Done,
    /// A start failed, and it was confirmed that nothing of the group runs here; or the script or function failed.
    Failed,
    /// A member was told to stop, and its stop is not confirmed: it still runs, or cannot be asked, or the daemon
    /// wanted the job to end. It may run here, so this node must keep its claim on the group. 3.0.6 reboots the machine
    /// when a member still runs.
    StopFailed,
    /// A start could not begin, for want of a thread: no member was touched.
    NotBegun,
}

/// The report of a job to the heartbeat thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    /// The job's id.
    pub id: JobId,
    /// Its outcome.
    pub outcome: Outcome,
}
