//! The treatment of a group's members, one after the other (docs/protocol/resources.md 1.8, 3.1). It runs on a worker
//! thread.

use std::thread;
use std::time::{Duration, Instant};

use super::doing::Doing;
use super::{Outcome, Resource, Retry, Script, Step};
use crate::log::{Level, Logger};
use crate::problems::{Board, Problem, Told};
use crate::script::{Answer, Call, Cancel, Exit, Report, ScriptError, run};

/// The surroundings of the worker.
pub(super) struct Context<'a> {
    pub(super) log: &'a Logger,
    pub(super) board: &'a Board,
    pub(super) cancel: &'a Cancel,
    pub(super) doing: &'a Doing,
    /// The name of the job.
    pub(super) group: &'a str,
}

/// The outcome of one operation on one member.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Attempt {
    Done,
    /// It ran, and failed for this reason.
    Failed(String),
    /// The system granted no process for it: nothing ran.
    NotBegun(String),
    /// There is no such script now, or no interpreter for it: nothing ran.
    Missing(String),
    Cancelled,
}

/// The state of a member as its status reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Running,
    Stopped,
    /// It could not be asked, or did not answer.
    Nothing,
}

impl Context<'_> {
    /// Starts from left to right. After a failure it stops everything from right to left, including members that it
    /// never started: one of them may run here by accident, and the peer is about to start it.
    pub(super) fn start(&self, members: &mut [Step], retry: Retry) -> Outcome {
        for place in 0..members.len() {
            let Some(member) = members.get_mut(place) else { break };
            match self.status(member) {
                Seen::Running => {
                    self.doubt(member);
                    continue;
                }
                Seen::Stopped => self.settle_stop(member),
                Seen::Nothing => {}
            }
            let why = match self.operate(member, Operation::Start) {
                Attempt::Done => {
                    self.doubt(member);
                    continue;
                }
                Attempt::Failed(why) | Attempt::NotBegun(why) | Attempt::Missing(why) => why,
                Attempt::Cancelled => "terminated on request".to_owned(),
            };
            self.doing.failed(self.group, format!("{} start: {why}", name(member)));
            self.log.crit(format_args!("Giving up resources due to failure of {}", name(member)));
            return match self.stop(members, retry) {
                Outcome::Done => Outcome::Failed,
                unseen => unseen,
            };
        }
        self.doing.succeeded(self.group);
        Outcome::Done
    }

    /// Stops from right to left. A member that cannot be stopped does not keep the others from being stopped.
    pub(super) fn stop(&self, members: &mut [Step], retry: Retry) -> Outcome {
        let stopped = members.iter_mut().rev().filter_map(|member| self.stop_one(member, retry).then_some(())).count();
        if stopped < members.len() { Outcome::StopFailed } else { Outcome::Done }
    }

    /// Makes sure, before the node joins, that nothing of the group runs here: it asks each member, from right to left,
    /// and stops it unless it reports that it is stopped. A member that cannot be asked and was never seen here is
    /// stopped once, in case it runs.
    pub(super) fn vacate(&self, members: &mut [Step], retry: Retry) -> Outcome {
        let mut gone = 0;
        for member in members.iter_mut().rev() {
            let seen = self.status(member);
            if self.cancel.is_given() {
                return Outcome::StopFailed;
            }
            if seen == Seen::Running {
                // The text of 3.0.6 when `ResourceManager verifyallidle` finds one.
                self.log.crit(format_args!("Resource {} is active, and should not be!", name(member)));
                self.log.crit(format_args!("Non-idle resources can affect data integrity! It is stopped."));
            }
            gone += usize::from(seen == Seen::Stopped || self.stop_one(member, retry));
        }
        if gone < members.len() { Outcome::StopFailed } else { Outcome::Done }
    }

    /// Runs one program that is not a resource.
    pub(super) fn script(&self, call: &Call) -> Outcome {
        let why = match self.judge(call, self.run(call)) {
            Attempt::Done => {
                self.doing.succeeded(self.group);
                return Outcome::Done;
            }
            Attempt::Failed(why) | Attempt::NotBegun(why) | Attempt::Missing(why) => why,
            Attempt::Cancelled => "terminated on request".to_owned(),
        };
        self.doing.failed(self.group, why);
        Outcome::Failed
    }

    /// Stops a member. Returns whether its stop is confirmed: the stop succeeded, or the status reports it, or the
    /// member was never started. From the first failed attempt until then, it is a problem.
    fn stop_one(&self, member: &mut Step, retry: Retry) -> bool {
        let is_stopped = self.try_to_stop(member, retry, &self.unseen(member));
        if is_stopped {
            self.settle_stop(member);
        }
        is_stopped
    }

    fn unseen(&self, member: &Step) -> Problem {
        Problem::StopUnseen { group: self.group.to_owned(), member: name(member) }
    }

    fn doubtful(&self, member: &Step) -> Problem {
        Problem::StopDoubtful { group: self.group.to_owned(), member: name(member) }
    }

    /// The member's stop was confirmed, so the problems about it are over.
    fn settle_stop(&self, member: &Step) {
        let over = [self.unseen(member), self.doubtful(member)];
        self.board.settle_where(|problem| over.contains(problem));
    }

    /// The member runs as it should now. If its last stop failed, that remains a problem.
    fn doubt(&self, member: &Step) {
        let unseen = self.unseen(member);
        let Some(standing) = self.board.standing().into_iter().find(|standing| standing.problem == unseen) else {
            return;
        };
        self.board.settle(&unseen);
        self.board.tell(self.doubtful(member), Told { reason: standing.reason, next: None });
    }

    fn try_to_stop(&self, member: &mut Step, retry: Retry, problem: &Problem) -> bool {
        let what = format!("{} stop", name(member));
        let most = retry.more.saturating_add(1);
        let attempts = self.doing.stop(self.group, what.clone(), most);
        // A missing script is looked up again until then, which uses up no attempt.
        let mut missing_until = None;
        let mut failed: u32 = 0;
        let last = loop {
            attempts.begin(failed.saturating_add(1));
            let ended = self.operate(member, Operation::Stop);
            let began = Instant::now();
            let (why, left) = match ended {
                Attempt::Done => return true,
                Attempt::Cancelled => return false,
                Attempt::NotBegun(_) | Attempt::Missing(_) if !is_suspect(member) => return true,
                Attempt::Missing(why) => {
                    let until = *missing_until.get_or_insert(began + retry.missing);
                    let unless = format!("{}, unless the script is there by then", retry.then);
                    self.board.tell(problem.clone(), Told::because(&*why).then(unless, Some(until)));
                    if began >= until {
                        break why;
                    }
                    attempts.misses(until);
                    (why, None)
                }
                Attempt::Failed(why) | Attempt::NotBegun(why) => {
                    failed = failed.saturating_add(1);
                    (why, Some(most.saturating_sub(failed)))
                }
            };
            if let Some(left) = left {
                let next = format!("{what} is tried again, {left} times at most; then {}", retry.then);
                self.board.tell(problem.clone(), Told::because(&*why).then(next, Some(began + retry.pause)));
                if left == 0 {
                    break why;
                }
            }
            if !self.pause(retry.pause) {
                return false;
            }
        };
        let said = match self.status(member) {
            Seen::Stopped => {
                let name = name(member);
                self.log.error(format_args!("Resource script for {name} probably not LSB-compliant."));
                self.log.warn(format_args!("it ({name}) MUST succeed on a stop when already stopped"));
                return true;
            }
            // It was never started here, so it cannot have been left.
            Seen::Nothing if !is_suspect(member) => return true,
            Seen::Running => "still runs here",
            Seen::Nothing => "may still run here: its status gives no answer",
        };
        self.log.crit(format_args!("Resource STOP failure: {} {said}.", name(member)));
        self.board.update(problem, Told::because(format!("{last}; it {said}")).then(retry.then.to_string(), None));
        false
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

    fn status(&self, member: &mut Step) -> Seen {
        match member {
            Step::Script(script) => self.script_status(script),
            Step::Builtin(resource) => match resource.status() {
                Ok(true) => Seen::Running,
                Ok(false) => Seen::Stopped,
                Err(refused) => {
                    self.log.error(format_args!("Status of {}: {}", resource.name(), refused.0));
                    Seen::Nothing
                }
            },
        }
    }

    fn script_status(&self, script: &Script) -> Seen {
        let report = locate(script, Operation::Status).and_then(|call| self.run(&call));
        self.note_files(script, report.as_ref().err());
        match report.map(|report| report.answer) {
            Ok(Answer::Running) => {
                script.trace.may_run();
                Seen::Running
            }
            Ok(Answer::Stopped) => {
                script.trace.seen_stopped();
                Seen::Stopped
            }
            Ok(Answer::None) => Seen::Nothing,
            Err(error) => {
                self.log.error(format_args!("{error}"));
                Seen::Nothing
            }
        }
    }

    fn operate(&self, member: &mut Step, operation: Operation) -> Attempt {
        match member {
            Step::Script(script) => self.operate_script(script, operation),
            Step::Builtin(resource) => self.operate_builtin(resource.as_mut(), operation),
        }
    }

    fn operate_script(&self, script: &Script, operation: Operation) -> Attempt {
        let call = match locate(script, operation) {
            Ok(call) => call,
            Err(error) => {
                self.note_files(script, Some(&error));
                self.log.error(format_args!("{error}"));
                return not_begun(&error);
            }
        };
        self.log.info(format_args!("{}", call.announcement()));
        let ended = self.run(&call);
        self.note_files(script, ended.as_ref().err());
        // A start that did not begin leaves the member as it was.
        if operation == Operation::Start && ended.is_ok() {
            script.trace.may_run();
        }
        let attempt = self.judge(&call, ended);
        if operation == Operation::Stop && attempt == Attempt::Done {
            script.trace.seen_stopped();
        }
        attempt
    }

    fn operate_builtin(&self, resource: &mut dyn Resource, operation: Operation) -> Attempt {
        let result = if operation == Operation::Start { resource.start() } else { resource.stop() };
        match result {
            Ok(()) => Attempt::Done,
            Err(refused) => {
                self.log.error(format_args!("{} {}: {}", resource.name(), operation.word(), refused.0));
                Attempt::Failed(refused.0.to_string())
            }
        }
    }

    /// Puts up, or takes down, the problem of a missing script, as its last call has shown.
    fn note_files(&self, script: &Script, error: Option<&ScriptError>) {
        let problem = Problem::ScriptMissing { script: script.name.clone() };
        match error {
            Some(error) if error.is_of_its_files() => self.board.tell(problem, Told::because(error.to_string())),
            Some(_) => {}
            None => self.board.settle(&problem),
        }
    }

    fn run(&self, call: &Call) -> Result<Report, ScriptError> {
        let operation = call.arguments.last().map(|word| word.to_string_lossy()).unwrap_or_default();
        let _running = self.doing.begin(self.group, format!("{} {operation}", call.name()), call.limit);
        run(call, self.log, self.cancel)
    }

    fn judge(&self, call: &Call, ended: Result<Report, ScriptError>) -> Attempt {
        match ended {
            Ok(report) if report.exit.success() => Attempt::Done,
            Ok(report) => {
                let level = if matches!(report.exit, Exit::Cancelled) { Level::Warn } else { Level::Error };
                self.log.log(level, format_args!("{} from {}", report.exit, call.program.display()));
                // The debug file has all of it, but often there is none, and an operator looks for the cause here.
                for line in &report.last_lines {
                    self.log.warn(format_args!("{} said: {line}", call.name()));
                }
                if report.exit == Exit::Cancelled {
                    return Attempt::Cancelled;
                }
                let said = report.last_lines.last().map(|line| format!(": {line}"));
                Attempt::Failed(format!("{}{}", report.exit, said.unwrap_or_default()))
            }
            Err(error) => {
                self.log.error(format_args!("{error}"));
                not_begun(&error)
            }
        }
    }
}

fn not_begun(error: &ScriptError) -> Attempt {
    let why = error.to_string();
    if error.is_of_its_files() { Attempt::Missing(why) } else { Attempt::NotBegun(why) }
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

fn locate(script: &Script, operation: Operation) -> Result<Call, ScriptError> {
    let program = script.search.locate(&script.name)?;
    let mut call = Call { program, ..script.call.clone() };
    call.arguments.push(operation.word().into());
    Ok(call)
}

/// Whether a member may run here because it was started here. The status of an address is always known.
fn is_suspect(member: &Step) -> bool {
    match member {
        Step::Script(script) => script.trace.is_suspect(),
        Step::Builtin(_) => true,
    }
}

fn name(member: &Step) -> String {
    match member {
        Step::Script(script) => {
            let arguments = script.call.arguments.iter().map(|a| a.to_string_lossy().into_owned());
            std::iter::once(script.name.clone()).chain(arguments).collect::<Vec<_>>().join("::")
        }
        Step::Builtin(resource) => resource.name(),
    }
}
