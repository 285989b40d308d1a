//! Talking to the daemon that runs already, through its pid file and signals: `-s`, `-k`, `-r`, `-R`.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::state::{Running, probe};
use crate::terminal::complain;

/// What a command prints and exits with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// For standard output.
    pub stdout: String,
    /// For standard error.
    pub stderr: String,
    /// The exit code.
    pub code: u8,
}

/// How long `-k` waits in silence.
const PATIENCE: Duration = Duration::from_secs(5);

/// The exit code for what only root may do.
const NOT_PERMITTED: u8 = 4;

/// `-s`: exit 0 if the daemon runs, 1 if its pid file is stale, 3 if there is none. `host` is the machine's name in lower
/// case, `node` the name it has in the cluster.
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

/// `-k`: TERM to the daemon, and wait until it is gone, however long it takes; exit 0 also if it does not run.
/// To a person at a terminal, standard error says every few seconds that it still waits; a script sees what 3.0.6 says.
pub fn stop(pid_file: &Path) -> Answer {
    let at_terminal = io::stderr().is_terminal();
    stop_and_tell(pid_file, PATIENCE, |pid, waited| {
        if at_terminal {
            let seconds = waited.as_secs();
            complain(format_args!(
                "heartbeat: [pid {pid}] still gives up its resources after {seconds} s; its log says which"
            ));
        }
    })
}

/// [`stop`], which calls `tell` with the process and the time so far whenever `every` is over.
pub fn stop_and_tell(pid_file: &Path, every: Duration, tell: impl FnMut(u32, Duration)) -> Answer {
    let Running::Yes(pid) = probe(pid_file) else {
        return Answer { stderr: "INFO: Heartbeat already stopped.\n".to_owned(), ..Answer::default() };
    };
    match signal_and_wait(pid, every, tell) {
        Ok(()) => Answer::default(),
        Err(error) => refused(pid, &error),
    }
}

/// `-r` while the daemon runs, after the new configuration was found good: HUP to it. `None` if it does not run, and
/// must be started instead. On success `stderr` holds the line that 3.0.6 logs at `info`.
pub fn reload(pid_file: &Path) -> Option<Answer> {
    let Running::Yes(pid) = probe(pid_file) else { return None };
    let sent = to_pid(pid).and_then(|raw| Ok(kill_process(raw, Signal::HUP)?));
    Some(match sent {
        Ok(()) => {
            Answer { stderr: format!("Signalling heartbeat pid {pid} to reread config files\n"), ..Answer::default() }
        }
        Err(error) => refused(pid, &error),
    })
}

/// `-R`: whether this very process is the one of the pid file, as it is after an exec.
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

/// TERM, then sleep until the process ends. A process that is gone already is as good.
fn signal_and_wait(pid: u32, every: Duration, mut tell: impl FnMut(u32, Duration)) -> io::Result<()> {
    let raw = to_pid(pid)?;
    // Taken before the signal: afterwards the number might be somebody else's.
    let watched = pidfd_open(raw, PidfdFlags::empty());
    match kill_process(raw, Signal::TERM) {
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        other => other?,
    }
    let watched = watched?;
    let (began, timeout) = (Instant::now(), Timespec::try_from(every).ok());
    loop {
        let mut fds = [PollFd::new(&watched, PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) => tell(pid, began.elapsed()),
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
