//! Leftovers of an earlier run: addresses and groups of a daemon that crashed, or services that the system started by
//! mistake. Every start removes them before the node says that it runs nothing, because the peer is about to start all
//! of them, or has already.

use crate::cli::Options;
use crate::jobs::{self, Doing, Ending, Outcome, RUNNING, Running, Surroundings};
use crate::log::{Level, Logger};
use crate::problems::Board;
use crate::resources::Plan;
use crate::script::Cancel;
use crate::state::{Record, clean_leftovers};
use crate::status::StatusSocket;
use crate::sys::fault;
use crate::sys::signal::Signals;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use std::io;
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

/// A worker waits for processes and formats log lines.
const STACK: usize = 128 * 1024;
/// The interval at which the start looks whether all scripts have answered. It sees a signal at once.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
/// The pause after a wait that the system refused.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// Removes the addresses that an earlier run has recorded. Call it before anything can fail: in the first moments of a
/// start, when no other daemon runs. Returns lines for the log, whose place is not known yet.
#[cold]
pub fn clean_addresses(options: &Options) -> Vec<(Level, String)> {
    let mut record = match Record::open(&options.run_dir) {
        Ok(record) => record,
        Err(error) => {
            return vec![(
                Level::Crit,
                format!("{error}. Addresses of an earlier run may still be up: look at 'ip addr'"),
            )];
        }
    };
    let cleaned = clean_leftovers(&mut record, |_| false);
    let removed =
        cleaned.removed.iter().map(|a| (Level::Warn, format!("Address {a} was left by an earlier run: removed")));
    let failed =
        cleaned.failed.iter().map(|(a, why)| (Level::Crit, format!("Address {a} of an earlier run stays up: {why}")));
    let unrecorded = cleaned.unrecorded.iter().map(|why| (Level::Warn, why.to_string()));
    removed.chain(failed).chain(unrecorded).collect()
}

/// The start was told to end while it ran scripts.
#[derive(Debug)]
pub struct Interrupted;

/// The socket where others ask for the state of the start, and the answer.
pub struct Door<'a> {
    /// The socket; `None` if it could not be opened.
    pub socket: Option<&'a StatusSocket>,
    /// The answer, given the scripts that run.
    pub answer: &'a dyn Fn(&[Running]) -> String,
}

/// Asks every script of `plans` for its status, the groups in parallel, and stops each that does not report that it is
/// stopped. It takes as long as the scripts take: a node that does not know what runs on it must not join. The log
/// names a slow script each minute. Returns the places of the groups that may still run here.
///
/// # Errors
/// [`Interrupted`]: a signal told the daemon to end.
#[cold]
pub fn vacate(
    plans: &[&Plan],
    log: &Logger,
    board: &Board,
    signals: &mut Signals,
    door: &Door<'_>,
) -> Result<Vec<usize>, Interrupted> {
    let scripts = plans.iter().enumerate().filter(|(_, plan)| !plan.is_only_addresses());
    let waiting = Mutex::new(scripts.map(|(place, plan)| (place, *plan)).collect::<Vec<_>>());
    let workers = lock(&waiting).len().min(RUNNING);
    if workers == 0 {
        return Ok(Vec::new());
    }
    let Ok(cancel) = Cancel::new() else { return Ok(lock(&waiting).iter().map(|(place, _)| *place).collect()) };
    let stuck = Mutex::new(Vec::new());
    let doing = Doing::default();
    let surroundings = Surroundings { log, board, cancel: &cancel, doing: &doing };
    let work = || {
        while let Some((place, plan)) = { lock(&waiting).pop() } {
            let outcome = jobs::end_here(Ending::Vacate, &plan.key, plan.script_steps(), surroundings);
            if outcome != Outcome::Done {
                lock(&stuck).push(place);
            }
        }
    };
    let interrupted = thread::scope(|scope| {
        let spawn = || {
            fault::gate(fault::Call::Thread, "leftovers")?;
            thread::Builder::new().name("leftovers".to_owned()).stack_size(STACK).spawn_scoped(scope, work)
        };
        let threads: Vec<_> = (0..workers).filter_map(|_| spawn().ok()).collect();
        if threads.is_empty() {
            // Without a thread, no one reads signals meanwhile.
            work();
        }
        let mut is_interrupted = false;
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            match wants_to_end(signals, door, &doing) {
                Ok(wanted) => {
                    if wanted && !std::mem::replace(&mut is_interrupted, true) {
                        cancel.give();
                    }
                }
                // Such as for want of memory: the wait is tried again, but not at once.
                Err(_) => thread::sleep(REFUSED_PAUSE),
            }
        }
        is_interrupted
    });
    if interrupted { Err(Interrupted) } else { Ok(stuck.into_inner().unwrap_or_else(PoisonError::into_inner)) }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a moment, or for a signal, and returns whether that signal tells the daemon to end. Answers questions
/// about the state meanwhile.
fn wants_to_end(signals: &mut Signals, door: &Door<'_>, doing: &Doing) -> io::Result<bool> {
    let mut fds = vec![PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)];
    fds.extend(door.socket.map(|socket| PollFd::from_borrowed_fd(socket.fd(), PollFlags::IN)));
    poll(&mut fds, Some(&LOOK))?;
    let is_asked = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
    drop(fds);
    // While a worker writes down its state, there is no answer. The next look gives it.
    if let (true, Some(socket), Some(running)) = (is_asked, door.socket, doing.seen()) {
        socket.answer(|| (door.answer)(&running))?;
    }
    let mut is_end = false;
    while let Some(signal) = signals.next()? {
        is_end |= [Signal::TERM, Signal::INT, Signal::QUIT].into_iter().any(|end| signal.is(end));
    }
    Ok(is_end)
}
