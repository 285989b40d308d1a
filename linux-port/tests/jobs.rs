//! Scenarios of jobs: the order within a group, failures, and jobs in parallel.

mod host;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hbcore_linux::jobs::{
    Afterwards, Completion, Doing, Ending, Job, JobId, Jobs, Outcome, RUNNING, Refused, Resource, Retry, Script, Step,
    SubmitError, Surroundings, Task, Trace, Trying, Work, end_here,
};
use hbcore_linux::log::Logger;
use hbcore_linux::problems::{Board, Problem};
use hbcore_linux::script::{Call, Cancel, Environment, Search};
use host::{Place, eventually};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

const LIMIT: Duration = Duration::from_secs(20);
const ONCE_MORE: Retry = Retry {
    more: 1,
    pause: Duration::from_millis(10),
    missing: Duration::from_millis(20),
    then: Afterwards::Escalated,
};

fn call(program: PathBuf, arguments: &[&str]) -> Call {
    let mut environment = Environment::default();
    environment.set("PATH", "/usr/bin:/bin");
    Call {
        program,
        arguments: arguments.iter().map(Into::into).collect(),
        environment: Arc::new(environment),
        directory: PathBuf::from("/"),
        limit: LIMIT,
        grace: LIMIT,
    }
}

/// A group whose members record each call in `trace`, and behave as their argument says.
fn group(place: &Place, members: &[&str]) -> Vec<Step> {
    let trace = place.join("trace");
    let body = format!(
        r#"echo "$1 $2" >>{0}
        case $1:$2 in
        up:status) echo running;; broken:start) for n in 1 2 3 4; do echo why $n; done >&2; exit 1;; stuck:stop) exit 1;; stuck:status) echo running;;
        sloppy:stop) exit 1;; sloppy:status) echo stopped;; twice:stop) [ $(grep -c "twice stop" {0}) -gt 1 ];; esac"#,
        trace.display()
    );
    let script = place.script("member", &body);
    members.iter().map(|name| member(script.clone(), &[name])).collect()
}

/// A member that may run here already.
fn member(program: PathBuf, arguments: &[&str]) -> Step {
    let step = script(program, arguments);
    step.trace.may_run();
    Step::Script(step)
}

/// A member that was never started.
fn script(program: PathBuf, arguments: &[&str]) -> Script {
    let directory = program.parent().expect("a directory").to_owned();
    let name = program.file_name().expect("a name").to_string_lossy().into_owned();
    let call = Call { program: PathBuf::new(), limit: Duration::from_secs(1), ..call(program, arguments) };
    Script { name, search: Search::new(vec![directory]), call, trace: Trace::default() }
}

/// Room for this many effects.
const EFFECTS: usize = 48;

fn start(log: &Logger) -> Jobs {
    Jobs::start(EFFECTS, 0, log, &Board::default()).expect("a dispatcher")
}

fn job(ticket: u32, work: Work) -> Job {
    Job { id: JobId::Effect(ticket), name: format!("job {ticket}"), work }
}

/// Waits on the descriptor, as the heartbeat thread does, and collects one completion.
fn next(jobs: &Jobs) -> Completion {
    let until = Instant::now() + LIMIT;
    loop {
        if let Some(completion) = jobs.collect() {
            return completion;
        }
        assert!(Instant::now() < until, "no completion");
        let mut fds = [PollFd::new(jobs, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 5, tv_nsec: 0 })).expect("polled");
    }
}

/// Runs one job and returns its outcome and the calls that it made.
fn outcome(place: &Place, work: Work) -> (Outcome, Vec<String>) {
    let log = place.log();
    let jobs = start(&log);
    jobs.submit(job(7, work)).expect("taken");
    let Completion { id, outcome } = next(&jobs);
    assert_eq!(id, JobId::Effect(7));
    assert!(log.flush(LIMIT));
    (outcome, place.read("trace").lines().map(str::to_owned).collect())
}

#[test]
fn group_starts_from_left_to_right_and_leaves_alone_what_runs() {
    let place = Place::new();
    let (outcome, calls) = outcome(&place, Work::Start(group(&place, &["a", "up", "b"]), ONCE_MORE));
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(calls, ["a status", "a start", "up status", "b status", "b start"]);
    let log = place.read("log");
    assert!(log.contains(&format!("info: Running {} a start", place.join("member").display())), "{log}");
}

#[test]
fn group_stops_from_right_to_left_and_tries_again() {
    let place = Place::new();
    let (outcome, calls) = outcome(&place, Work::Stop(group(&place, &["a", "twice", "b"]), ONCE_MORE));
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(calls, ["b stop", "twice stop", "twice stop", "a stop"]);
}

#[test]
fn failed_start_stops_the_whole_group_as_3_0_6_does() {
    let place = Place::new();
    let (outcome, calls) = outcome(&place, Work::Start(group(&place, &["a", "broken", "c"]), ONCE_MORE));
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(calls, ["a status", "a start", "broken status", "broken start", "c stop", "broken stop", "a stop"]);
    let log = place.read("log");
    assert!(log.contains("CRIT: Giving up resources due to failure of member::broken"), "{log}");
    assert!(log.contains("ERROR: Return code 1 from "), "{log}");
    let why = log.lines().filter_map(|line| Some(line.split_once("WARN: member said: ")?.1));
    assert_eq!(
        why.collect::<Vec<_>>(),
        ["why 2", "why 3", "why 4"],
        "the last words of the script, also without a debug file"
    );
}

#[test]
fn script_that_is_waited_for_can_be_named() {
    let place = Place::new();
    let log = place.log();
    let jobs = start(&log);
    let gate = place.join("gate");
    let script = place.script("slow", &format!("until [ -e {} ]; do sleep 0.01; done", gate.display()));
    jobs.submit(job(7, Work::Stop(vec![member(script, &["x"])], ONCE_MORE))).expect("taken");
    eventually("it runs", || {
        let running = jobs.running().unwrap_or_default();
        running.iter().any(|r| (r.group.as_str(), r.what.as_str()) == ("job 7", "slow stop"))
    });
    std::fs::write(gate, "").expect("written");
    assert_eq!(next(&jobs).outcome, Outcome::Done);
    assert_eq!(jobs.running(), Some(vec![]));
}

#[test]
fn resource_that_runs_after_all_stops_is_a_failure_and_the_others_stop() {
    let place = Place::new();
    let (outcome, calls) = outcome(&place, Work::Stop(group(&place, &["a", "stuck"]), ONCE_MORE));
    assert_eq!(outcome, Outcome::StopFailed);
    assert_eq!(calls, ["stuck stop", "stuck stop", "stuck status", "a stop"]);
}

#[test]
fn member_that_fails_to_stop_but_does_not_run_is_only_scolded() {
    let place = Place::new();
    let (outcome, calls) = outcome(&place, Work::Stop(group(&place, &["sloppy"]), ONCE_MORE));
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(calls, ["sloppy stop", "sloppy stop", "sloppy status"]);
    assert!(place.read("log").contains("probably not LSB-compliant"));
}

/// Ends a group before the node joins; the outcome, the calls, and the problems that stand then.
fn vacate(place: &Place, members: Vec<Step>, cancel: &Cancel) -> (Outcome, Vec<String>, Vec<Problem>) {
    let (log, board, doing) = (place.log(), Board::default(), Doing::default());
    let outcome =
        end_here(Ending::Vacate, "web", members, Surroundings { log: &log, board: &board, cancel, doing: &doing });
    assert!(log.flush(LIMIT));
    let calls = place.read("trace").lines().map(str::to_owned).collect();
    (outcome, calls, board.standing().into_iter().map(|standing| standing.problem).collect())
}

#[test]
fn group_is_asked_from_right_to_left_before_joining_and_what_is_not_stopped_is_stopped() {
    let place = Place::new();
    // The answer of the member `a` to its status is none.
    let (outcome, calls, problems) =
        vacate(&place, group(&place, &["a", "sloppy", "up"]), &Cancel::new().expect("made"));
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(calls, ["up status", "up stop", "sloppy status", "a status", "a stop"]);
    assert_eq!(problems, []);
    let active: Vec<String> =
        place.read("log").lines().filter_map(|line| Some(line.split_once("Resource ")?.1.to_owned())).collect();
    assert_eq!(active, ["member::up is active, and should not be!"]);
}

#[test]
fn group_of_which_one_member_does_not_stop_is_not_vacated_and_the_others_are() {
    let place = Place::new();
    let doubtful = Problem::StopUnseen { group: "web".to_owned(), member: "member::stuck".to_owned() };
    let (outcome, calls, problems) =
        vacate(&place, group(&place, &["up", "stuck", "up"]), &Cancel::new().expect("made"));
    assert_eq!((outcome, problems), (Outcome::StopFailed, vec![doubtful]));
    let mut expected = vec!["up status", "up stop", "stuck status"];
    expected.extend(["stuck stop"; 11]);
    expected.extend(["stuck status", "up status", "up stop"]);
    assert_eq!(calls, expected);
}

#[test]
fn group_is_not_vacated_any_further_when_the_daemon_wants_to_end() {
    let place = Place::new();
    let cancel = Cancel::new().expect("made");
    cancel.give();
    let (outcome, calls, _) = vacate(&place, group(&place, &["a", "up"]), &cancel);
    assert_eq!((outcome, calls.len() <= 1), (Outcome::StopFailed, true), "{calls:?}");
}

#[test]
fn script_that_was_never_there_fails_the_start_and_is_not_tried_again() {
    let place = Place::new();
    let mut members = group(&place, &["a"]);
    members.push(Step::Script(script(place.join("nosuch"), &[])));
    // Longer than anybody waits for the outcome.
    let slow = Retry { more: 1000, pause: 10 * LIMIT, missing: 10 * LIMIT, ..Retry::default() };
    let (outcome, calls) = outcome(&place, Work::Start(members, slow));
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(calls, ["a status", "a start", "a stop"]);
    assert!(place.read("log").contains("ERROR: Cannot locate resource script nosuch"));
}

/// A built-in resource that counts its calls.
struct Address {
    held: Arc<AtomicU32>,
    refuse: bool,
}

impl Resource for Address {
    fn name(&self) -> String {
        "IPaddr::10.0.0.1".to_owned()
    }
    fn status(&mut self) -> Result<bool, Refused> {
        Ok(self.held.load(Ordering::SeqCst) > 0)
    }
    fn start(&mut self) -> Result<(), Refused> {
        if self.refuse {
            return Err(std::io::Error::other("no such interface").into());
        }
        self.held.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    fn stop(&mut self) -> Result<(), Refused> {
        self.held.store(0, Ordering::SeqCst);
        Ok(())
    }
}

#[test]
fn built_in_members_take_their_turn_among_scripts() {
    let place = Place::new();
    let held = Arc::new(AtomicU32::new(0));
    let address = |refuse| Step::Builtin(Box::new(Address { held: Arc::clone(&held), refuse }) as Box<dyn Resource>);
    let with = |refuse| {
        let mut members = group(&place, &["a"]);
        members.push(address(refuse));
        members
    };
    assert_eq!(outcome(&place, Work::Start(with(true), ONCE_MORE)).0, Outcome::Failed);
    assert!(place.read("log").contains("ERROR: IPaddr::10.0.0.1 start: no such interface"));
    assert_eq!(outcome(&place, Work::Start(with(false), ONCE_MORE)).0, Outcome::Done);
    assert_eq!(outcome(&place, Work::Start(with(false), ONCE_MORE)).0, Outcome::Done);
    assert_eq!(held.load(Ordering::SeqCst), 1, "what runs is not started again");
    assert_eq!(outcome(&place, Work::Stop(with(false), ONCE_MORE)).0, Outcome::Done);
    assert_eq!(held.load(Ordering::SeqCst), 0);
}

#[test]
fn jobs_run_side_by_side() {
    let place = Place::new();
    let jobs = start(&place.log());
    let go = place.join("go");
    let slow = place.script("slow", &format!("while [ ! -e {} ]; do sleep 0.01; done", go.display()));
    jobs.submit(job(1, Work::Run(call(slow, &[])))).expect("taken");
    jobs.submit(job(2, Work::Start(group(&place, &["a"]), ONCE_MORE))).expect("taken");
    assert_eq!(next(&jobs).id, JobId::Effect(2), "the group overtakes the program");
    std::fs::write(&go, "").expect("written");
    assert_eq!(next(&jobs), Completion { id: JobId::Effect(1), outcome: Outcome::Done });
}

#[test]
fn jobs_beyond_the_running_ones_wait_and_beyond_the_room_are_refused() {
    let place = Place::new();
    let jobs = start(&place.log());
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let gate = Arc::new(std::sync::RwLock::new(()));
    let closed = gate.write().expect("not poisoned");
    let task = || {
        let (now, most, gate) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
        Work::Function(Task(Box::new(move || {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            drop(gate.read());
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })))
    };
    let taken = (0..).find_map(|ticket| Some((ticket, jobs.submit(job(ticket, task())).err()?)));
    let Some((room, SubmitError::Full { capacity })) = taken else { panic!("{taken:?}") };
    assert!(capacity >= EFFECTS && room == capacity as u32, "{room} of {capacity}");
    eventually("as many run as may", || most.load(Ordering::SeqCst) == RUNNING as u32);
    drop(closed);
    let mut tickets: Vec<_> = (0..room).map(|_| next(&jobs)).map(|done| (done.id, done.outcome)).collect();
    tickets.sort_by_key(|(id, _)| *id);
    assert!(tickets.iter().all(|(_, outcome)| *outcome == Outcome::Done), "{tickets:?}");
    assert_eq!(most.load(Ordering::SeqCst), RUNNING as u32);
    assert_eq!((jobs.outstanding(), jobs.collect()), (0, None));
    jobs.submit(job(100, task())).expect("there is room again");
    assert_eq!(next(&jobs).id, JobId::Effect(100));
}

#[test]
fn program_begins_at_once_although_the_running_jobs_hang() {
    let place = Place::new();
    let jobs = start(&place.log());
    let gate = Arc::new(std::sync::RwLock::new(()));
    let closed = gate.write().expect("not poisoned");
    for ticket in 0..2 * RUNNING as u32 {
        let gate = Arc::clone(&gate);
        let hang = Task(Box::new(move || {
            drop(gate.read());
            Ok(())
        }));
        jobs.submit(job(ticket, Work::Function(hang))).expect("taken");
    }
    let fence = place.script("fence", "exit 0");
    jobs.submit(job(99, Work::Run(call(fence, &["bravo"])))).expect("taken");
    assert_eq!(next(&jobs), Completion { id: JobId::Effect(99), outcome: Outcome::Done });
    drop(closed);
}

/// Runs one job and returns its outcome and the problems that stand afterwards.
fn problems(place: &Place, work: Work) -> (Outcome, Vec<Problem>) {
    let (log, board) = (place.log(), Board::default());
    let jobs = Jobs::start(EFFECTS, 0, &log, &board).expect("a dispatcher");
    jobs.submit(job(7, work)).expect("taken");
    let Completion { outcome, .. } = next(&jobs);
    (outcome, board.standing().into_iter().map(|standing| standing.problem).collect())
}

#[test]
fn stop_that_nobody_saw_is_a_stop_failure_whatever_keeps_the_status_from_answering() {
    for (name, body) in [
        ("hangs", "exec sleep 600"),
        ("is killed", "kill -9 $$"),
        ("exits 1 without a word", "exit 1"),
        ("exits 0 without a word", "[ $1 = status ]"),
        ("speaks and is killed", "echo stopped; kill -9 $$"),
    ] {
        let place = Place::new();
        let stop = Work::Stop(vec![member(place.script("member", body), &[])], ONCE_MORE);
        let (outcome, standing) = problems(&place, stop);
        assert_eq!(outcome, Outcome::StopFailed, "a script that {name}");
        let unseen = Problem::StopUnseen { group: "job 7".to_owned(), member: "member".to_owned() };
        assert_eq!(standing, [unseen], "a script that {name}");
    }
}

/// The stop fails for a script that cannot be run and may have been started, and not for one that was never started.
#[track_caller]
fn stop_fails_for_want_of(place: &Place, program: PathBuf) {
    let what = program.display().to_string();
    let script = script(program.clone(), &[]);
    let missing = Problem::ScriptMissing { script: script.name.clone() };
    let started = Work::Stop(vec![member(program, &[])], ONCE_MORE);
    let (outcome, standing) = problems(place, started);
    assert_eq!(outcome, Outcome::StopFailed, "{what}, which may run");
    assert!(standing.contains(&missing) && standing.len() == 2, "{what}: {standing:?}");
    let never_started = Work::Stop(vec![Step::Script(script)], ONCE_MORE);
    assert_eq!(problems(place, never_started), (Outcome::Done, vec![missing]), "{what}, which nothing ever started");
}

#[test]
fn stop_is_a_stop_failure_when_the_script_cannot_be_run() {
    let place = Place::new();
    let not_executable = place.join("not-executable");
    std::fs::write(&not_executable, "#!/bin/sh\n").expect("our own file");
    stop_fails_for_want_of(&place, place.join("missing"));
    stop_fails_for_want_of(&place, not_executable);
}

#[test]
fn stop_is_a_stop_failure_when_the_interpreter_of_the_script_is_missing() {
    let place = Place::new();
    let without_interpreter = place.join("without-interpreter");
    std::fs::write(&without_interpreter, "#!/nonexistent/sh\n").expect("our own file");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&without_interpreter, executable).expect("our own file");
    stop_fails_for_want_of(&place, without_interpreter);
}

#[test]
fn script_that_is_missing_for_a_moment_is_looked_for_again() {
    let place = Place::new();
    let jobs = start(&place.log());
    let patient = Retry { missing: LIMIT, ..ONCE_MORE };
    jobs.submit(job(1, Work::Stop(vec![member(place.join("upgraded"), &[])], patient))).expect("taken");
    eventually("it is missed", || place.read("log").contains("Cannot locate resource script upgraded"));
    place.script("upgraded", "exit 0");
    assert_eq!(next(&jobs).outcome, Outcome::Done);
}

#[test]
fn stop_is_a_problem_from_its_first_failed_attempt_until_it_succeeds() {
    let place = Place::new();
    let (log, board) = (place.log(), Board::default());
    let jobs = Jobs::start(EFFECTS, 0, &log, &board).expect("a dispatcher");
    let gate = place.join("gate");
    let body = format!(
        "echo $1 >>{}; [ -e {} ] && exit 0; echo the disk is busy; exit 5",
        place.join("trace").display(),
        gate.display()
    );
    let stop = vec![member(place.script("member", &body), &[])];
    jobs.submit(job(7, Work::Stop(stop, Retry { more: 1000, ..ONCE_MORE }))).expect("taken");
    eventually("it is tried three times", || place.read("trace").lines().count() > 3);
    let standing = board.standing();
    let [only] = &standing[..] else { panic!("one problem instead of {standing:?}") };
    let unseen = Problem::StopUnseen { group: "job 7".to_owned(), member: "member".to_owned() };
    assert_eq!((&only.problem, only.reason.as_deref()), (&unseen, Some("Return code 5: the disk is busy")));
    assert!(only.times >= 2, "each attempt is counted: {only:?}");
    let next = only.next.as_ref().map(|next| next.what.as_str()).unwrap_or_default();
    assert!(
        next.starts_with("member stop is tried again, ") && next.ends_with("; then stop_failure_command or a reboot")
    );
    std::fs::write(gate, "").expect("written");
    assert_eq!(next_of(&jobs), Outcome::Done);
    assert_eq!(board.standing(), []);
}

fn next_of(jobs: &Jobs) -> Outcome {
    next(jobs).outcome
}

#[test]
fn missing_script_uses_up_no_attempt_and_the_moment_of_the_escalation_is_told() {
    let place = Place::new();
    let (log, board) = (place.log(), Board::default());
    let jobs = Jobs::start(EFFECTS, 0, &log, &board).expect("a dispatcher");
    let stop = vec![member(place.join("upgraded"), &[])];
    jobs.submit(job(1, Work::Stop(stop, Retry { missing: LIMIT, ..ONCE_MORE }))).expect("taken");
    // More misses than a stop has attempts.
    let misses = || board.standing().iter().find(|s| s.problem.word() == "stop-unseen").map_or(0, |s| s.times);
    eventually("it is missed five times", || misses() >= 5);
    let standing = board.standing();
    let of = |word: &str| standing.iter().find(|s| s.problem.word() == word).expect("a problem");
    assert_eq!(
        of("script-missing").said(),
        "the script upgraded cannot be run: Cannot locate resource script upgraded"
    );
    let next = of("stop-unseen").next.as_ref().expect("something is next");
    assert_eq!(next.what, "stop_failure_command or a reboot, unless the script is there by then");
    assert!(next.within.is_some_and(|within| within > LIMIT / 2 && within < LIMIT), "{next:?}");
    eventually("the moment is told", || {
        let running = jobs.running().unwrap_or_default();
        running.iter().any(|r| matches!(r.trying, Some(Trying::Missing(within)) if within > LIMIT / 2))
    });
    place.script("upgraded", "exit 0");
    assert_eq!(next_of(&jobs), Outcome::Done);
    assert_eq!(board.standing(), []);
}

#[test]
fn problem_of_an_unseen_stop_is_settled_when_the_stop_is_seen() {
    let place = Place::new();
    let (log, board) = (place.log(), Board::default());
    let jobs = Jobs::start(EFFECTS, 0, &log, &board).expect("a dispatcher");
    let silent = place.script("member", "exit 1");
    for (body, outcome, standing) in [("exit 1", Outcome::StopFailed, 1), ("exit 0", Outcome::Done, 0)] {
        place.script("member", body);
        jobs.submit(job(7, Work::Stop(vec![member(silent.clone(), &[])], ONCE_MORE))).expect("taken");
        assert_eq!((next(&jobs).outcome, board.standing().len()), (outcome, standing), "{body}");
    }
}

#[test]
fn stop_that_failed_is_doubtful_when_its_member_is_to_run_again_until_one_succeeds() {
    let place = Place::new();
    let (log, board) = (place.log(), Board::default());
    let jobs = Jobs::start(EFFECTS, 0, &log, &board).expect("a dispatcher");
    let words = || board.standing().iter().map(|standing| standing.problem.word()).collect::<Vec<_>>();
    let service = |stop: &str| {
        let body = format!("case $1 in status) echo running;; stop) {stop};; esac");
        vec![member(place.script("member", &body), &[])]
    };
    let (stops, starts): (fn(_) -> _, fn(_) -> _) = (|m| Work::Stop(m, ONCE_MORE), |m| Work::Start(m, ONCE_MORE));
    for (begin, stop, expected) in [
        (stops, "exit 1", vec!["stop-unseen"]),
        (starts, "exit 1", vec!["stop-doubtful"]),
        (starts, "exit 1", vec!["stop-doubtful"]),
        (stops, "exit 0", vec![]),
    ] {
        jobs.submit(job(7, begin(service(stop)))).expect("taken");
        next(&jobs);
        assert_eq!(words(), expected);
    }
}

#[test]
fn function_that_panics_fails_its_job_and_no_other() {
    let place = Place::new();
    let jobs = start(&place.log());
    jobs.submit(job(1, Work::Function(Task(Box::new(|| panic!("on purpose")))))).expect("taken");
    assert_eq!(next(&jobs), Completion { id: JobId::Effect(1), outcome: Outcome::Failed });
    jobs.submit(job(2, Work::Start(group(&place, &["a"]), ONCE_MORE))).expect("taken");
    assert_eq!(next(&jobs), Completion { id: JobId::Effect(2), outcome: Outcome::Done });
}

#[test]
fn at_the_end_all_scripts_are_terminated_and_every_job_is_answered() {
    let place = Place::new();
    let jobs = start(&place.log());
    let sleeper = place.script("sleeper", &format!("echo $1 >>{}; exec sleep 600", place.join("trace").display()));
    let stubborn = Retry { more: 1000, pause: LIMIT, missing: LIMIT, ..Retry::default() };
    jobs.submit(job(1, Work::Stop(vec![member(sleeper.clone(), &[])], stubborn))).expect("taken");
    jobs.submit(job(2, Work::Run(call(sleeper, &["run"])))).expect("taken");
    eventually("both run", || place.read("trace").lines().count() == 2);
    jobs.cancel_all();
    let mut ended = [next(&jobs), next(&jobs)].map(|done| (done.id, done.outcome));
    ended.sort_by_key(|(id, _)| *id);
    assert_eq!(
        ended,
        [(JobId::Effect(1), Outcome::StopFailed), (JobId::Effect(2), Outcome::Failed)],
        "nobody has seen the first one stopped"
    );
}

#[test]
fn other_children_of_the_process_are_not_reaped() {
    let place = Place::new();
    let mut other = Command::new("sh").args(["-c", "exit 9"]).spawn().expect("started");
    assert_eq!(outcome(&place, Work::Start(group(&place, &["a", "b"]), ONCE_MORE)).0, Outcome::Done);
    assert_eq!(other.wait().expect("still ours").code(), Some(9));
}

#[test]
fn scripts_run_with_normal_scheduling_although_the_daemon_does_not() {
    let place = Place::new();
    let urgent = Command::new("chrt").args(["--rr", "-p", "1"]).arg(rustix::thread::gettid().to_string()).status();
    if !urgent.is_ok_and(|status| status.success()) {
        println!("skipped: no realtime scheduling here (it needs CAP_SYS_NICE)");
        return;
    }
    let script =
        place.script("policy", &format!("awk '{{print $41}}' /proc/$$/stat >{}", place.join("policy").display()));
    assert_eq!(outcome(&place, Work::Run(call(script, &[]))).0, Outcome::Done);
    assert_eq!(place.read("policy"), "0\n", "SCHED_OTHER");
    let thread = rustix::thread::gettid().as_raw_pid();
    let own = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).expect("readable");
    assert_eq!(own.split(' ').nth(40), Some("2"), "the submitting thread is still SCHED_RR");
}

#[test]
fn nothing_is_collected_without_waiting_while_nothing_has_ended() {
    let place = Place::new();
    let jobs = start(&place.log());
    assert_eq!((jobs.collect(), jobs.outstanding()), (None, 0));
    jobs.submit(job(7, Work::Function(Task(Box::new(|| Ok(())))))).expect("taken");
    assert_eq!(jobs.outstanding(), 1);
    assert_eq!(next(&jobs).outcome, Outcome::Done);
    assert_eq!((jobs.collect(), jobs.outstanding()), (None, 0));
}

#[test]
fn refusal_of_a_job_says_how_many_are_outstanding() {
    assert_eq!(SubmitError::Full { capacity: 48 }.to_string(), "Job refused: 48 jobs are outstanding");
}

#[test]
fn problem_of_a_stop_says_when_the_next_attempt_comes() {
    let place = Place::new();
    let board = Board::default();
    let jobs = Jobs::start(EFFECTS, 0, &place.log(), &board).expect("a dispatcher");
    let retry = Retry { more: 1, pause: LIMIT, missing: LIMIT, ..Retry::default() };
    jobs.submit(job(7, Work::Stop(group(&place, &["stuck"]), retry))).expect("taken");
    eventually("the first attempt has failed", || !board.standing().is_empty());
    let next_try = board.standing().remove(0).next.expect("another attempt");
    assert!(next_try.what.starts_with("member::stuck stop is tried again, 1 times at most"), "{next_try:?}");
    assert!(next_try.within.is_some_and(|within| !within.is_zero() && within <= LIMIT), "{next_try:?}");
    jobs.cancel_all();
    assert_eq!(next(&jobs).outcome, Outcome::StopFailed);
}
