//! What happens to a group's members, one after the other (resources reference 1.8, 3.1). Runs on a worker thread.

use std::thread;
use std::time::{Duration, Instant};

use super::doing::Doing;
use super::{Outcome, Resource, Retry, Step};
use crate::log::{Level, Logger};
use crate::script::{Call, Cancel, Exit, Report, ScriptError, run};

/// What the worker needs besides the members.
pub(super) struct Context<'a> {
    pub(super) log: &'a Logger,
    pub(super) cancel: &'a Cancel,
    pub(super) doing: &'a Doing,
    /// The name of the job.
    pub(super) group: &'a str,
}

/// How one operation on one member ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Done,
    Failed,
    /// Trying again cannot help: there is no such script.
    Hopeless,
    Cancelled,
}

impl Context<'_> {
    /// Starts from left to right. A failure stops everything from right to left, members that were never started
    /// included: one of them may run here by accident, and the other node is about to start it.
    pub(super) fn start(&self, members: &mut [Step], retry: Retry) -> Outcome {
        for place in 0..members.len() {
            let Some(member) = members.get_mut(place) else { break };
            if self.owned(member) || self.operate(member, Operation::Start) == Attempt::Done {
                continue;
            }
            self.log.crit(format_args!("Giving up resources due to failure of {}", name(member)));
            return match self.stop(members, retry) {
                Outcome::StopFailed => Outcome::StopFailed,
                _ => Outcome::Failed,
            };
        }
        Outcome::Done
    }

    /// Stops from right to left. A member that cannot be stopped does not keep the others from being stopped.
    pub(super) fn stop(&self, members: &mut [Step], retry: Retry) -> Outcome {
        let mut worst = Outcome::Done;
        for member in members.iter_mut().rev() {
            worst = match (self.stop_one(member, retry), worst) {
                (Outcome::StopFailed, _) | (_, Outcome::StopFailed) => Outcome::StopFailed,
                (Outcome::Done, before) => before,
                (other, _) => other,
            };
        }
        worst
    }

    /// Runs one program that is not a resource.
    pub(super) fn script(&self, call: &Call) -> Outcome {
        if self.attempt(call) == Attempt::Done { Outcome::Done } else { Outcome::Failed }
    }

    /// [`Outcome::StopFailed`] if the member still runs here after all attempts.
    fn stop_one(&self, member: &mut Step, retry: Retry) -> Outcome {
        for attempt in 0..=retry.more {
            if attempt > 0 && !self.pause(retry.pause) {
                return Outcome::Failed;
            }
            match self.operate(member, Operation::Stop) {
                Attempt::Done => return Outcome::Done,
                Attempt::Cancelled => return Outcome::Failed,
                Attempt::Hopeless => break,
                Attempt::Failed => {}
            }
        }
        if self.owned(member) {
            self.log.crit(format_args!("Resource STOP failure: {} still runs here.", name(member)));
            return Outcome::StopFailed;
        }
        self.log.error(format_args!("Resource script for {} probably not LSB-compliant.", name(member)));
        self.log.warn(format_args!("it ({}) MUST succeed on a stop when already stopped", name(member)));
        Outcome::Done
    }

    /// Waits between two attempts; false if the daemon wants to end meanwhile.
    fn pause(&self, pause: Duration) -> bool {
        const SLICE: Duration = Duration::from_millis(100);
        let until = Instant::now() + pause;
        while !self.cancel.is_given() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(SLICE));
        }
        false
    }

    /// Whether a member runs here. A script that cannot say so counts as not running, as in 3.0.6.
    fn owned(&self, member: &mut Step) -> bool {
        match member {
            Step::Missing(_) => false,
            Step::Script(call) => self
                .run(&with_operation(call, Operation::Status))
                .inspect_err(|error| self.log.error(format_args!("{error}")))
                .is_ok_and(|report| report.owned),
            Step::Builtin(resource) => resource.status().unwrap_or_else(|refused| {
                self.log.error(format_args!("Status of {}: {}", resource.name(), refused.0));
                false
            }),
        }
    }

    fn operate(&self, member: &mut Step, operation: Operation) -> Attempt {
        match member {
            Step::Missing(name) => {
                self.log.error(format_args!("Cannot locate resource script {name}"));
                Attempt::Hopeless
            }
            Step::Script(call) => {
                let call = with_operation(call, operation);
                self.log.info(format_args!("{}", call.announcement()));
                self.attempt(&call)
            }
            Step::Builtin(resource) => self.operate_builtin(resource.as_mut(), operation),
        }
    }

    fn operate_builtin(&self, resource: &mut dyn Resource, operation: Operation) -> Attempt {
        let result = if operation == Operation::Start { resource.start() } else { resource.stop() };
        match result {
            Ok(()) => Attempt::Done,
            Err(refused) => {
                self.log.error(format_args!("{} {}: {}", resource.name(), operation.word(), refused.0));
                Attempt::Failed
            }
        }
    }

    fn run(&self, call: &Call) -> Result<Report, ScriptError> {
        let operation = call.arguments.last().map(|word| word.to_string_lossy()).unwrap_or_default();
        let _running = self.doing.begin(self.group, format!("{} {operation}", call.name()));
        run(call, self.log, self.cancel)
    }

    fn attempt(&self, call: &Call) -> Attempt {
        match self.run(call) {
            Ok(report) if report.exit.success() => Attempt::Done,
            Ok(report) => {
                let level = if matches!(report.exit, Exit::Cancelled) { Level::Warn } else { Level::Error };
                self.log.log(level, format_args!("{} from {}", report.exit, call.program.display()));
                // The debug file has all of it; whoever looks for the cause reads here, and often there is no debug file.
                for line in &report.last_lines {
                    self.log.warn(format_args!("{} said: {line}", call.name()));
                }
                if report.exit == Exit::Cancelled { Attempt::Cancelled } else { Attempt::Failed }
            }
            Err(error) => {
                self.log.error(format_args!("{error}"));
                Attempt::Failed
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Status,
    Start,
    Stop,
}

impl Operation {
    const fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Start => "start",
            Self::Stop => "stop",
        }
    }
}

fn with_operation(call: &Call, operation: Operation) -> Call {
    let mut call = call.clone();
    call.arguments.push(operation.word().into());
    call
}

fn name(member: &Step) -> String {
    match member {
        Step::Script(call) => {
            let arguments = call.arguments.iter().map(|a| a.to_string_lossy().into_owned());
            std::iter::once(call.name()).chain(arguments).collect::<Vec<_>>().join("::")
        }
        Step::Missing(name) => name.clone(),
        Step::Builtin(resource) => resource.name(),
    }
}
