//! One run of one script, from its spawn until it is reaped.

use std::ffi::{CString, OsStr};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::output::{Lines, Stream};
use super::{Answer, Call, Exit, ScriptError, StatusText, interpreter};
use crate::log::Logger;
use crate::sys::fault;
use crate::sys::process::{Child, Spawn, spawn};

/// The report of a run.
#[derive(Debug)]
pub struct Report {
    /// The end of the run.
    pub exit: Exit,
    /// The answer about the resource; it has a meaning after `status`.
    pub answer: Answer,
    /// The time that it took.
    pub took: Duration,
    /// Bytes of output that were not logged.
    pub output_left_out: u64,
    /// The last lines that it printed, three at most.
    pub last_lines: Vec<String>,
}

/// Tells running scripts to end. Once given it stays given.
#[derive(Debug)]
pub struct Cancel(OwnedFd);

impl Cancel {
    /// # Errors
    /// The system's refusal to make another descriptor.
    pub fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Terminates all scripts that watch this, and all later ones.
    pub fn give(&self) {
        // The only failure is a counter at its limit, which counts as given as well.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Whether it has been given.
    pub fn is_given(&self) -> bool {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
    }
}

/// Runs a script to its end and logs its output, line by line. Waits at most the call's limit and twice its grace.
///
/// A process that the script leaves keeps running; its output is no longer read once the script itself has ended. A
/// script without a `#!` line is given to `/bin/sh`, as a shell would do.
///
/// # Errors
/// [`ScriptError::Start`] or [`ScriptError::NoInterpreter`] when it could not be started; nothing runs then.
pub fn run(call: &Call, log: &Logger, cancel: &Cancel) -> Result<Report, ScriptError> {
    let start = |source| not_started(&call.program, source);
    let began = Instant::now();
    let directory = working_directory(call, log);
    let (child, out, err) = begin(call, directory).map_err(start)?;
    let mut watch = Watch {
        call,
        log,
        began,
        child,
        out: Stream::new(out),
        err: Stream::new(err),
        lines: Lines::new(log, &call.name(), 0),
        text: StatusText::default(),
        stopping: None,
        killed: false,
    };
    watch.lines = Lines::new(log, &call.name(), watch.child.pid.as_raw_pid());
    watch.until_exit(began + call.limit, call.grace, cancel);
    let exit = watch.reap();
    let output_left_out = watch.lines.summary();
    let last_lines = watch.lines.last();
    Ok(Report { exit, answer: watch.text.answer(exit), took: began.elapsed(), output_left_out, last_lines })
}

fn not_started(program: &Path, source: io::Error) -> ScriptError {
    let program = program.to_owned();
    // If the file itself exists, its interpreter is missing.
    if source.kind() == io::ErrorKind::NotFound && program.exists() {
        let interpreter = interpreter(&program);
        return ScriptError::NoInterpreter { program, interpreter };
    }
    ScriptError::Start { program, source }
}

/// Starts the child with nothing on its standard input and pipes on its outputs.
fn begin(call: &Call, directory: &Path) -> io::Result<(Child, OwnedFd, OwnedFd)> {
    let null = File::open("/dev/null")?;
    let (out, out_end) = quiet_pipe()?;
    let (err, err_end) = quiet_pipe()?;
    let standard = [null.as_fd(), out_end.as_fd(), err_end.as_fd()];
    let operation = call.arguments.last().map(|word| word.to_string_lossy()).unwrap_or_default();
    fault::gate(fault::Call::Spawn, format_args!("{} {operation}", call.name()))?;
    let child = start(call, directory, standard)?;
    Ok((child, out, err))
}

/// A pipe whose reading end does not block.
fn quiet_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    fcntl_setfl(&read, OFlags::NONBLOCK)?;
    Ok((read, write))
}

/// The directory of the call, for its owner only as that of the 3.0.6 package, or `/`.
fn working_directory<'c>(call: &'c Call, log: &Logger) -> &'c Path {
    let directory = call.directory.as_path();
    match DirBuilder::new().recursive(true).mode(0o700).create(directory) {
        Ok(()) => directory,
        Err(error) => {
            let (name, directory) = (call.name(), directory.display());
            log.warn(format_args!("Script {name} runs in / because of its directory [{directory}]: {error}"));
            Path::new("/")
        }
    }
}

fn start(call: &Call, directory: &Path, standard: [BorrowedFd<'_>; 3]) -> io::Result<Child> {
    let program = c_string(call.program.as_os_str())?;
    let mut arguments = vec![program.clone()];
    for argument in &call.arguments {
        arguments.push(c_string(argument)?);
    }
    let environment = call.environment.to_strings();
    let directory = c_string(directory.as_os_str())?;
    let what =
        Spawn { program: &program, arguments: &arguments, environment: &environment, directory: &directory, standard };
    match spawn(&what) {
        Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => {
            let mut arguments = arguments.clone();
            arguments.insert(0, c"sh".to_owned());
            spawn(&Spawn { program: c"/bin/sh", arguments: &arguments, ..what })
        }
        started => started,
    }
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// The interval at which the log reports that a script still runs.
const REMIND: Duration = Duration::from_mins(1);

/// The pause after a wait that the system refused.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// A running script and the state of its run.
struct Watch<'a> {
    call: &'a Call,
    log: &'a Logger,
    began: Instant,
    child: Child,
    out: Stream,
    err: Stream,
    lines: Lines<'a>,
    text: StatusText,
    /// The reason why it is being terminated, if it is.
    stopping: Option<Exit>,
    killed: bool,
}

impl Watch<'_> {
    /// Reads output until the script ends; past `deadline` or when cancelled: TERM, and after `grace` KILL.
    fn until_exit(&mut self, mut deadline: Instant, grace: Duration, cancel: &Cancel) {
        let mut remind_at = self.began + REMIND;
        loop {
            let ready = self.wait(deadline.min(remind_at), cancel);
            if Instant::now() >= remind_at {
                remind_at += REMIND;
                self.remind();
            }
            self.read_output();
            if ready.exited {
                return;
            }
            let reason = match self.stopping {
                None if ready.cancelled => Some(Exit::Cancelled),
                None if Instant::now() >= deadline => Some(Exit::TimedOut),
                _ => None,
            };
            if reason.is_some() {
                self.stopping = reason;
                self.signal(Signal::TERM);
                deadline = Instant::now() + grace;
            } else if self.stopping.is_some() && Instant::now() >= deadline {
                if self.killed {
                    // Not even KILL reaches it: it is stuck in the kernel, and is left as it is.
                    return;
                }
                self.killed = true;
                self.signal(Signal::KILL);
                deadline = Instant::now() + grace;
            }
        }
    }

    /// Reports a script that hangs before its time is up.
    fn remind(&self) {
        let (what, seconds, limit) =
            (self.call.announcement(), self.began.elapsed().as_secs(), self.call.limit.as_secs());
        self.log.warn(format_args!("{what}: not ended after {seconds} s (its limit is {limit} s)"));
    }

    /// Sleeps until output, exit, cancellation or the deadline, whichever is first.
    fn wait(&self, deadline: Instant, cancel: &Cancel) -> Ready {
        let until = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(until).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        let mut fds = vec![PollFd::new(&self.child.pidfd, PollFlags::IN)];
        // Cancellation is news only once; afterwards it would make the wait spin.
        let watched = self.stopping.is_none();
        fds.extend(watched.then(|| PollFd::new(&cancel.0, PollFlags::IN)));
        let streams = [&self.out, &self.err].into_iter().filter_map(|stream| stream.fd.as_ref());
        fds.extend(streams.map(|fd| PollFd::new(fd, PollFlags::IN)));
        // An interruption shows as "nothing ready", and the caller looks again. So does any other refusal, such as for
        // want of memory: then a pause keeps it from looking again and again.
        if let Err(error) = poll(&mut fds, Some(&timeout))
            && error != rustix::io::Errno::INTR
        {
            std::thread::sleep(REFUSED_PAUSE.min(until));
        }
        let is_ready = |place: usize| fds.get(place).is_some_and(|fd| !fd.revents().is_empty());
        Ready { exited: is_ready(0), cancelled: watched && is_ready(1) }
    }

    fn read_output(&mut self) {
        let Self { out, err, lines, text, .. } = self;
        out.take(lines, |piece| text.push(piece));
        err.take(lines, |_| ());
    }

    /// Signals the whole group. The leader is not reaped yet, so no other process can have its number.
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.child.pid, signal);
    }

    /// Takes the exit status of this one child, and the rest of its output.
    fn reap(&mut self) -> Exit {
        if self.stopping.is_some() {
            // For processes that survived TERM while their leader did not.
            self.signal(Signal::KILL);
        }
        self.read_output();
        let Self { out, err, lines, .. } = self;
        out.finish(lines);
        err.finish(lines);
        let status = waitid(WaitId::PidFd(self.child.pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        let own = status.ok().flatten().map_or(Exit::Signal(0), |status| {
            status.exit_status().map_or_else(|| Exit::Signal(status.terminating_signal().unwrap_or(0)), Exit::Code)
        });
        self.stopping.unwrap_or(own)
    }
}

/// The finding of a wait.
struct Ready {
    exited: bool,
    cancelled: bool,
}
