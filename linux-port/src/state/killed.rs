//! A daemon that was killed and has not ended yet: it still holds its lock and its sockets, so a start waits for its end.

use super::holder::holder;
use super::pidfile::{is_name_of_a_daemon, named, stat_of};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use std::fmt;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// The longest time for a killed daemon to end. It needs longer only if it waits for a device that does not answer.
const END_LIMIT: Duration = Duration::from_secs(5);
/// The longest time for a daemon that does not answer to show that it was killed: between two steps of its end, nothing
/// does.
const HIDDEN: Duration = Duration::from_millis(200);
/// The flag of a process that ends, in `/proc/PID/stat`.
const PF_EXITING: u64 = 0x4;

/// A daemon was killed and does not end, as while it waits for a dead disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lingers {
    /// Its process id.
    pub pid: u32,
}

impl fmt::Display for Lingers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid } = self;
        let seconds = END_LIMIT.as_secs();
        write!(
            f,
            "heartbeat: the daemon [pid {pid}] was killed and has not ended after {seconds} s. Look at the state of the process (ps -o stat,wchan {pid}): a D means that it waits for a device. Start heartbeat again when it is gone"
        )
    }
}

impl std::error::Error for Lingers {}

/// Waits until the daemon of the pid file at `path` has ended, if it was killed. Returns at once if there is
/// none, or if it runs: `answers` tells whether it answers a question, which may take a moment.
///
/// # Errors
/// [`Lingers`]: it has not ended after some seconds.
#[cold]
pub fn await_killed(path: &Path, answers: impl FnOnce() -> bool) -> Result<(), Lingers> {
    let pid = holder(path).unwrap_or_else(|| named(path));
    // Opened before the look at the process: afterwards the number might belong to another one.
    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw).and_then(open) else { return Ok(()) };
    let Some(is_killed) = is_killed(pid) else { return Ok(()) };
    if !is_killed && (answers() || (!ends_within(&process, HIDDEN) && self::is_killed(pid) == Some(false))) {
        return Ok(());
    }
    if ends_within(&process, END_LIMIT) { Ok(()) } else { Err(Lingers { pid }) }
}

/// `None`: there is no such process any more, or the kernel is too old, and then `/proc` alone must tell.
fn open(pid: Pid) -> Option<OwnedFd> {
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

/// Whether a daemon is ending or must end; `None` if the process is gone or is no daemon.
fn is_killed(pid: u32) -> Option<bool> {
    let (name, rest) = stat_of(pid)?;
    if !is_name_of_a_daemon(&name) {
        return None;
    }
    // A zombie whose other threads still end holds everything, too.
    let flags: u64 = rest.split(' ').nth(6).and_then(|flags| flags.parse().ok()).unwrap_or(0);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    Some(rest.starts_with(['Z', 'X']) || flags & PF_EXITING != 0 || must_end(&status))
}

/// Whether `/proc/PID/status` shows a signal that kills and has not taken effect yet.
fn must_end(status: &str) -> bool {
    let pending = status.lines().filter_map(|line| {
        let (name, mask) = line.split_once(':')?;
        matches!(name, "SigPnd" | "ShdPnd").then(|| u64::from_str_radix(mask.trim(), 16).ok()).flatten()
    });
    pending.fold(0, |all, mask| all | mask) & (1 << (Signal::KILL.as_raw() - 1)) != 0
}

/// Whether a process ends within this time, all its threads included.
fn ends_within(process: &OwnedFd, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match poll(&mut [PollFd::new(process, PollFlags::IN)], Timespec::try_from(left).ok().as_ref()) {
            Err(rustix::io::Errno::INTR) if !left.is_zero() => {}
            ended => return ended.is_ok_and(|ready| ready > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_kill_is_seen_in_both_masks() {
        assert!(must_end("Name:\theartbeat\nSigPnd:\t0000000000000100\nShdPnd:\t0000000000000000\n"));
        assert!(must_end("SigPnd:\t0000000000000000\nShdPnd:\t0000000000000101\n"));
        assert!(!must_end("SigPnd:\t0000000000004000\nShdPnd:\t0000000000000002\nSigBlk:\t0000000000000100\n"));
    }

    #[test]
    fn running_process_is_not_waited_for_if_it_answers() {
        let path = std::env::temp_dir().join(format!("hbcore-killed-{}", std::process::id()));
        fs::write(&path, std::process::id().to_string()).expect("written");
        let began = Instant::now();
        assert_eq!(await_killed(&path, || true), Ok(()));
        assert!(began.elapsed() < HIDDEN);
        assert_eq!(await_killed(&path, || false), Ok(()), "a 3.0.6 answers no question and runs");
        fs::remove_file(&path).expect("removed");
        assert_eq!(await_killed(&path, || unreachable!("nobody to ask")), Ok(()));
    }
}
