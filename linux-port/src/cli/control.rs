//! Commands to the running daemon, through its pid file and signals: `-s`, `-k`, `-r`, `-R`.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::control::REFUSED;
use crate::state::{Mark, Running, probe};
use crate::status::{self, Decided};
use crate::terminal::complain;
use hbcore::config::HaResources;

/// The output and the exit code of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// For standard output.
    pub stdout: String,
    /// For standard error.
    pub stderr: String,
    /// The exit code.
    pub code: u8,
}

/// The time for which `-k` waits before its first line, and between two lines.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];
/// The longest time for a daemon to report its state.
const PATIENCE: Duration = Duration::from_secs(1);

/// The time for which `-r` waits for a busy daemon to report its earlier decisions.
const SLOW: Duration = Duration::from_secs(5);
/// The time for which `-r` waits for the outcome of the reload, and the pause between two questions.
const RELOAD_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The exit code for a command that only root may give.
const NOT_PERMITTED: u8 = 4;

/// `-s`: exit 0 if the daemon runs, 1 if its pid file is stale, 3 if there is none. `host` is the machine's name in
/// lower case, `node` the name it has in the cluster.
#[cold]
pub fn status(pid_file: &Path, host: &str, node: &str) -> Answer {
    let stopped = |code| Answer { stdout: "heartbeat is stopped. No process\n".to_owned(), code, ..Answer::default() };
    match probe(pid_file) {
        Running::Yes(pid) => Answer {
            stdout: format!("heartbeat OK [pid {pid} et al] is running on {host} [{node}]...\n"),
            ..Answer::default()
        },
        Running::Stale => stopped(1),
        Running::NoFile => stopped(3),
    }
}

/// `-k`: sends TERM to the daemon, and waits until it has ended, however long that takes; exit 0 also if it does not
/// run. Standard error names every ten seconds the groups that are still being stopped; `socket` is where the daemon
/// answers.
#[cold]
pub fn stop(pid_file: &Path, socket: &Path) -> Answer {
    stop_and_tell(pid_file, PAUSES, |pid, waited| {
        let doing = status::ask_within(socket, PATIENCE).map(|answer| answer.stopping);
        complain(format_args!("heartbeat: [pid {pid}] {}", still(doing.ok().as_deref(), waited)));
    })
}

/// The text about a daemon that has not ended yet; `stopping`: its groups, if it could be asked.
fn still(stopping: Option<&[String]>, waited: Duration) -> String {
    let seconds = waited.as_secs();
    match stopping {
        Some([]) => format!("has not ended after {seconds} s; `hb status` and its log say what it waits for"),
        Some(groups) => format!("is still stopping after {seconds} s: {}", groups.join(", ")),
        None => format!("has not ended after {seconds} s; its log says what it waits for"),
    }
}

/// Says on standard error what a start still waits for. `socket` is where the starting daemon answers.
#[cold]
pub fn tell_start(socket: &Path, waited: Duration) {
    let seconds = waited.as_secs();
    match status::ask_within(socket, PATIENCE).map(|answer| answer.stopping) {
        Ok(scripts) if !scripts.is_empty() => complain(format_args!(
            "heartbeat: still starting after {seconds} s: waits until an earlier run has left nothing: {}",
            scripts.join(", ")
        )),
        Ok(_) | Err(_) => {
            complain(format_args!("heartbeat: still starting after {seconds} s; its log says what it waits for"));
        }
    }
}

/// [`stop`], which calls `tell` with the process and the time so far after the first of the pauses, then after each
/// second one.
#[cold]
pub fn stop_and_tell(pid_file: &Path, pauses: [Duration; 2], tell: impl FnMut(u32, Duration)) -> Answer {
    let Running::Yes(pid) = probe(pid_file) else {
        return Answer { stderr: "INFO: Heartbeat already stopped.\n".to_owned(), ..Answer::default() };
    };
    match signal_and_wait(pid, pauses, tell) {
        Ok(()) => Answer::default(),
        Err(error) => refused(pid, &error),
    }
}

/// `-r` while the daemon runs, after the new configuration was found good: sends HUP and returns the daemon's answer.
/// `None` if it does not run, and must be started instead. On success `stderr` holds the line that 3.0.6 logs at
/// `info`. The exit code is 1 if the daemon keeps its old configuration, as for a wrong file, and 0 if it does not
/// answer, as a 3.0.6. `socket` is where it answers.
#[cold]
pub fn reload(pid_file: &Path, socket: &Path) -> Option<Answer> {
    let Running::Yes(pid) = probe(pid_file) else { return None };
    let before = last_reload(socket);
    let sent = to_pid(pid).and_then(|raw| Ok(kill_process(raw, Signal::HUP)?));
    if let Err(error) = sent {
        return Some(refused(pid, &error));
    }
    let told = format!("Signalling heartbeat pid {pid} to reread config files\n");
    Some(match before.map_or(Decision::None, |before| decision(pid_file, pid, socket, before)) {
        Decision::Gone => Answer {
            stderr: format!("{told}Heartbeat pid {pid} has ended meanwhile: its log says why\n"),
            code: 1,
            ..Answer::default()
        },
        Decision::Said(said) if said.starts_with(REFUSED) => Answer {
            stderr: format!("{told}Heartbeat pid {pid} NOT restarted, {said}\n"),
            code: 1,
            ..Answer::default()
        },
        Decision::Said(said) if !said.is_empty() => {
            Answer { stderr: format!("{told}The reload {said}\n"), ..Answer::default() }
        }
        Decision::Said(_) | Decision::None => Answer { stderr: told, ..Answer::default() },
    })
}

/// A sentence for each group that is missing in this new `haresources`, and of which the daemon of this run directory has
/// something; without a daemon, of which an earlier run that was not stopped in order may have left something.
#[cold]
pub fn endings(run_dir: &Path, resources: &HaResources<'_>) -> Vec<String> {
    let (answer, why) = match status::ask_within(&run_dir.join(status::NAME), PATIENCE) {
        Ok(answer) => (answer, "runs here and is not in the new haresources: a reload stops it, and no node starts it"),
        Err(error) if nobody_listens(&error) => (
            status::Answer { running: Mark::new(run_dir).read().unwrap_or_default(), ..Default::default() },
            "may still run here, as the last run was not stopped in order, and is not in haresources: the next start stops it, and no node starts it",
        ),
        Err(_) => return Vec::new(),
    };
    answer.ending(resources).into_iter().map(|words| format!("{words}: {why}")).collect()
}

/// The number of the latest reload that the daemon decided. `None` if nothing answers at the socket, as with a 3.0.6; a
/// slow daemon is asked again.
fn last_reload(socket: &Path) -> Option<u64> {
    let last = Instant::now() + SLOW;
    loop {
        match status::ask_within(socket, PATIENCE) {
            Ok(answer) => return Some(newest(&answer.reloads)),
            Err(error) if nobody_listens(&error) || Instant::now() >= last => return None,
            Err(_) => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

fn nobody_listens(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::PermissionDenied)
}

fn newest(reloads: &[Decided]) -> u64 {
    reloads.iter().map(|reload| reload.number).max().unwrap_or(0)
}

/// The outcome of a reload.
enum Decision {
    /// The daemon's text about it; empty if everything is as ordered.
    Said(String),
    /// The daemon does not run any more.
    Gone,
    /// The time is over, or the daemon does not report outcomes.
    None,
}

/// The daemon's decision about a reload that came after number `before`. An exec keeps the process, so if the pid file
/// names another process than `pid`, or none, the daemon has ended.
fn decision(pid_file: &Path, pid: u32, socket: &Path, before: u64) -> Decision {
    let last = Instant::now() + RELOAD_PATIENCE;
    while Instant::now() < last {
        // While the daemon is replaced, nothing answers.
        let reloads = status::ask_within(socket, PATIENCE).map(|answer| answer.reloads).unwrap_or_default();
        if let Some(reload) = reloads.into_iter().rfind(|reload| reload.number > before) {
            return Decision::Said(reload.said);
        }
        if probe(pid_file) != Running::Yes(pid) {
            return Decision::Gone;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Decision::None
}

/// `-R`: whether the pid file names this very process, as it does after an exec.
///
/// # Errors
/// The answer to give otherwise: exit 1 if another process runs, 6 if none does.
pub fn held_by_this_process(pid_file: &Path) -> Result<(), Answer> {
    match probe(pid_file) {
        Running::Yes(pid) if pid == std::process::id() => Ok(()),
        Running::Yes(pid) => {
            let stderr = format!("ERROR: Heartbeat already running [pid {pid}].\n");
            Err(Answer { stderr, code: 1, ..Answer::default() })
        }
        _ => Err(Answer { stderr: "ERROR: heartbeat is not running.\n".to_owned(), code: 6, ..Answer::default() }),
    }
}

/// Sends TERM, then sleeps until the process ends. A process that has ended already is no error.
fn signal_and_wait(pid: u32, [first, every]: [Duration; 2], mut tell: impl FnMut(u32, Duration)) -> io::Result<()> {
    let raw = to_pid(pid)?;
    // Opened before the signal: afterwards the number might belong to another process.
    let watched = pidfd_open(raw, PidfdFlags::empty());
    match kill_process(raw, Signal::TERM) {
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        other => other?,
    }
    let watched = watched?;
    let (began, mut pause) = (Instant::now(), first);
    loop {
        let mut fds = [PollFd::new(&watched, PollFlags::IN)];
        match poll(&mut fds, Timespec::try_from(pause).ok().as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) => {
                tell(pid, began.elapsed());
                pause = every;
            }
            ended => return ended.map(drop).map_err(io::Error::from),
        }
    }
}

fn to_pid(pid: u32) -> io::Result<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))
}

fn refused(pid: u32, error: &io::Error) -> Answer {
    let text = error.to_string();
    let reason = text.split(" (os error").next().unwrap_or_default();
    let code = if error.kind() == io::ErrorKind::PermissionDenied { NOT_PERMITTED } else { 1 };
    Answer { stderr: format!("ERROR: Could not kill pid {pid} : {reason}\n"), code, ..Answer::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_stop_names_the_groups_that_still_stop() {
        let after = Duration::from_millis(12_345);
        let groups = ["192.0.2.1".to_owned(), "drbddisk::r0".to_owned()];
        assert_eq!(still(Some(&groups), after), "is still stopping after 12 s: 192.0.2.1, drbddisk::r0");
        assert!(still(Some(&[]), after).starts_with("has not ended after 12 s; `hb status`"));
        assert_eq!(still(None, after), "has not ended after 12 s; its log says what it waits for");
    }
}
