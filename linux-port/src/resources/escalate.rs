//! A group that cannot be stopped: no other node may start it, so stronger means must end it
//! (docs/protocol/resources.md 1.8).
//!
//! The site's own command comes first. If there is none, or it fails, this machine is rebooted, as by 3.0.6. If that
//! fails too, the node keeps its claim on the group: an hour without service is better than two nodes that write to one
//! disk.

use super::{Resources, ScriptEnvironment};
use crate::jobs::{Refused, Task, Work};
use crate::log::Logger;
use crate::problems::Board;
use crate::reboot::reboot_machine;
use crate::script::{Call, Cancel, run};
use hbcore::takeover::{Outcome, Ticket};
use std::path::PathBuf;
use std::sync::Arc;

/// The means against a group that cannot be stopped.
#[derive(Clone, Debug)]
pub struct Escalation {
    /// `stop_failure_command` of `hbcore.cf`: called with the key of the group. It returns 0 when nothing of the group
    /// can run any more.
    pub command: Option<PathBuf>,
    /// Its environment.
    pub scripts: ScriptEnvironment,
}

/// Neither the command nor a reboot has helped.
#[derive(Debug)]
struct Helpless {
    /// The failure of the command, if there is one.
    command: Option<String>,
}

/// The line for the log, which begins as that of 3.0.6.
const HELPLESS: &str =
    "Unable to force reboot. The group stays claimed here: stop it by hand, then stop heartbeat or ask for a standby";

impl std::fmt::Display for Helpless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.command {
            Some(why) => {
                write!(f, "stop_failure_command was called and failed ({why}), and this machine did not reboot")
            }
            None => f.write_str("there is no stop_failure_command, and this machine did not reboot"),
        }
    }
}

impl std::error::Error for Helpless {}

/// The name of the escalation's job.
pub(super) fn job_of(key: &str) -> String {
    format!("escalation of {key}")
}

impl Escalation {
    /// Carries it out, on a job thread. It returns when nothing of the group can run any more, or not at all, because
    /// the machine goes down. Until then the daemon continues: if the node fell silent while its services still run,
    /// its peer would start them.
    pub(super) fn carry_out(&self, key: &str, log: &Logger) -> Result<(), Refused> {
        let command = match &self.command {
            Some(command) => match self.run(command.clone(), key, log) {
                Ok(()) => return Ok(()),
                Err(why) => Some(why),
            },
            None => None,
        };
        log.crit(format_args!("Resource STOP failure. Reboot required!"));
        log.crit(format_args!("Killing heartbeat ungracefully!"));
        reboot_machine(log);
        log.crit(format_args!("{HELPLESS}"));
        Err(Helpless { command }.into())
    }

    /// Runs the site's command. The error is the reason of its failure, which is in the log then.
    fn run(&self, program: PathBuf, key: &str, log: &Logger) -> Result<(), String> {
        let call = Call { arguments: vec![key.into()], ..self.scripts.call(program) };
        log.crit(format_args!("{} is called for {key}, which does not stop", call.program.display()));
        let ended = Cancel::new().map(|cancel| run(&call, log, &cancel));
        let why = match ended {
            Ok(Ok(report)) if report.exit.success() => return Ok(()),
            Ok(Ok(report)) => format!("{} from {}", report.exit, call.program.display()),
            Ok(Err(error)) => error.to_string(),
            Err(error) => format!("Cannot run {}: {error}", call.program.display()),
        };
        log.crit(format_args!("{why}"));
        Err(why)
    }
}

impl Resources {
    /// The reason why the last escalation for the group with this key did not help. Never waits: `None` also while
    /// another thread writes it down.
    pub fn why_escalation_failed(&self, key: &str) -> Option<String> {
        self.jobs.why_failed(&job_of(key))
    }

    /// The work against the group with this key.
    pub(super) fn escalation_of(escalation: Arc<Escalation>, key: String, log: Logger, board: Board) -> Task {
        Task(Box::new(move || {
            escalation.carry_out(&key, &log)?;
            // Nothing of the group can run here any more.
            board.settle_where(|problem| problem.is_of_stop(&key));
            Ok(())
        }))
    }

    /// Begins the escalation for the group with this key.
    pub(super) fn escalate(&mut self, ticket: Ticket, key: &str) {
        let Some(escalation) = self.escalation.clone() else { return self.ready.push((ticket, Outcome::Failed)) };
        let task = Self::escalation_of(escalation, key.to_owned(), self.log.clone(), self.board.clone());
        self.submit(ticket, job_of(key), Work::Function(task));
    }
}
