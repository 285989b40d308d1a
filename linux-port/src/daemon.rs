//! Becoming a daemon: detached from the terminal, while the parent waits for the report that the daemon is ready.
//!
//! 3.0.6 lets its parent return before the media are open, so that a later failure is invisible. Here `heartbeat`
//! returns 0 only when the daemon is ready, and the daemon's own exit code and reason otherwise.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{WaitOptions, chdir, setsid, umask, waitpid};

use crate::sys::process::{Side, exit_now, fork};

/// The exit code for a daemon that ended without a report.
const GENERAL_FAILURE: u8 = 1;

/// The time before the parent first says that it waits, and between two times.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

/// The longest reason that is carried to the parent, in bytes.
const REASON_CAPACITY: u64 = 64 * 1024;

/// The process that runs after [`detach`].
#[derive(Debug)]
pub enum Detached {
    /// The process that was started from the terminal. The daemon has reported, its reason (if any) has been printed on
    /// standard error, and this is the code to exit with.
    Parent(u8),
    /// The daemon. It still has the caller's standard output and error, and must report.
    Daemon(Readiness),
}

/// The daemon's duty to report to the waiting parent. If it is dropped without a report, as by a crash, it counts as a
/// failure.
#[derive(Debug)]
pub struct Readiness {
    pipe: Option<File>,
}

/// Splits off a daemon: it has its own session without a terminal, working directory `directory` (`/` if that cannot be
/// entered), umask 022, and standard input from `/dev/null`.
///
/// Call it before any thread is started. The parent calls `waits` with the time so far while no report has come: after
/// two seconds, then after each ten.
///
/// # Errors
/// The system's refusal to fork or to make a pipe, or [`io::ErrorKind::Other`] when a second thread runs already.
#[cold]
pub fn detach(directory: &Path, waits: impl FnMut(Duration)) -> io::Result<Detached> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    let _ = io::stdout().flush();
    if let Side::Parent(child) = fork()? {
        drop(write);
        let _ = waitpid(Some(child), WaitOptions::empty());
        return Ok(Detached::Parent(await_report(File::from(read), waits)));
    }
    drop(read);
    let readiness = Readiness { pipe: Some(File::from(write)) };
    // A session leader that opens a terminal would get it as its own, so the daemon is a child of the leader.
    if let Err(error) = setsid().map_err(io::Error::from).and_then(|_| fork()).map(leave_if_parent) {
        readiness.failed(GENERAL_FAILURE, &format!("Cannot detach: {error}"));
        exit_now(GENERAL_FAILURE.into());
    }
    settle(directory)?;
    Ok(Detached::Daemon(readiness))
}

fn leave_if_parent(side: Side) {
    if let Side::Parent(_) = side {
        exit_now(0);
    }
}

/// The surroundings of a daemon.
fn settle(directory: &Path) -> io::Result<()> {
    if chdir(directory).is_err() {
        chdir("/")?;
    }
    umask(Mode::WGRP | Mode::WOTH);
    rustix::stdio::dup2_stdin(OpenOptions::new().read(true).write(true).open("/dev/null")?)?;
    Ok(())
}

/// Waits for the daemon's report: one byte of exit code, then the reason.
fn await_report(pipe: File, mut waits: impl FnMut(Duration)) -> u8 {
    let (began, [mut pause, every]) = (Instant::now(), PAUSES);
    loop {
        let mut fds = [PollFd::new(&pipe, PollFlags::IN)];
        match poll(&mut fds, Timespec::try_from(pause).ok().as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) => {
                waits(began.elapsed());
                pause = every;
            }
            Ok(_) | Err(_) => break,
        }
    }
    let mut report = Vec::new();
    let _ = pipe.take(REASON_CAPACITY).read_to_end(&mut report);
    let (code, reason) = match report.split_first() {
        Some((code, reason)) => (*code, String::from_utf8_lossy(reason).into_owned()),
        None => (GENERAL_FAILURE, "heartbeat ended before it was ready; see its log.".to_owned()),
    };
    if !reason.is_empty() {
        let _ = writeln!(io::stderr(), "{reason}");
    }
    code
}

impl Readiness {
    /// A report that no process waits for, of a daemon that stays in the foreground.
    pub const fn foreground() -> Self {
        Self { pipe: None }
    }

    /// All media are open: lets the parent return 0 and gives up the caller's standard output and error.
    ///
    /// # Errors
    /// The system's refusal of a duplicate, which only a program error can cause. It is no error if the parent has ended
    /// meanwhile.
    pub fn ready(mut self) -> io::Result<()> {
        let Some(mut pipe) = self.pipe.take() else { return Ok(()) };
        // Standard input is `/dev/null` already: with few descriptors left, a daemon that runs must not look failed.
        rustix::stdio::dup2_stdout(rustix::stdio::stdin())?;
        rustix::stdio::dup2_stderr(rustix::stdio::stdin())?;
        let _ = pipe.write_all(&[0]);
        Ok(())
    }

    /// The start failed: lets the parent print `reason` (unless it is empty) and exit with `code`. A code of 0 becomes
    /// 1, because a failure must not look like success. In the foreground the reason goes to standard error.
    pub fn failed(mut self, code: u8, reason: &str) {
        match self.pipe.take() {
            Some(mut pipe) => {
                let mut report = vec![if code == 0 { GENERAL_FAILURE } else { code }];
                report.extend_from_slice(reason.as_bytes());
                let _ = pipe.write_all(&report);
            }
            None if !reason.is_empty() => {
                let _ = writeln!(io::stderr(), "{reason}");
            }
            None => {}
        }
    }
}
