//! The dispatcher: which job runs when, on threads that come and go.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, atomic::AtomicUsize, atomic::Ordering};
use std::thread;

use rustix::event::{EventfdFlags, eventfd};

use super::doing::{Doing, Running};
use super::group::Context;
use super::{Completion, Job, Outcome, Work};
use crate::log::Logger;
use crate::script::Cancel;
use crate::sys::process::normal_scheduling;

/// Jobs between submission and collection of their completion. Full: [`Jobs::submit`] refuses the newcomer.
pub const OUTSTANDING: usize = 64;

/// Jobs that run at the same time; the others wait in order of submission.
pub const RUNNING: usize = 8;

/// Threads that only wait for processes and format log lines need little.
const STACK: usize = 128 * 1024;

/// The heartbeat thread's end: submit, poll the descriptor, collect. Nothing here waits.
#[derive(Debug)]
pub struct Jobs {
    mail: SyncSender<Mail>,
    completions: Receiver<Completion>,
    bell: Arc<OwnedFd>,
    cancel: Arc<Cancel>,
    doing: Arc<Doing>,
    outstanding: AtomicUsize,
}

/// Why a job was not taken. Nothing of it has been done, and nothing will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitError {
    /// [`OUTSTANDING`] jobs are not collected yet.
    Full,
    /// The dispatcher is gone, which only a failure of the program itself can cause.
    Gone,
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(f, "Job refused: {OUTSTANDING} jobs are outstanding"),
            Self::Gone => f.write_str("Job refused: no dispatcher"),
        }
    }
}

impl std::error::Error for SubmitError {}

/// What the dispatcher is told.
#[derive(Debug)]
enum Mail {
    Submit(Job),
    Finished,
}

impl Jobs {
    /// Starts the dispatcher thread. Call it after detaching.
    ///
    /// # Errors
    /// The system's refusal to make a descriptor or a thread.
    pub fn start(log: &Logger) -> io::Result<Self> {
        // Room for every job's submission and end, so that workers never wait for the dispatcher.
        let (mail, inbox) = sync_channel(2 * OUTSTANDING);
        let (done, completions) = sync_channel(OUTSTANDING);
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let cancel = Arc::new(Cancel::new()?);
        let doing = Arc::new(Doing::default());
        let post = Post {
            done,
            bell: Arc::clone(&bell),
            mail: mail.clone(),
            log: log.clone(),
            cancel: Arc::clone(&cancel),
            doing: Arc::clone(&doing),
        };
        let dispatcher = Dispatcher { post: Arc::new(post), waiting: VecDeque::new(), running: 0 };
        spawn("jobs", move || dispatcher.run(&inbox))?;
        Ok(Self { mail, completions, bell, cancel, doing, outstanding: AtomicUsize::new(0) })
    }

    /// Hands over a job.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn submit(&self, job: Job) -> Result<(), SubmitError> {
        if self.outstanding() >= OUTSTANDING {
            return Err(SubmitError::Full);
        }
        self.mail.try_send(Mail::Submit(job)).map_err(|refused| match refused {
            TrySendError::Full(_) => SubmitError::Full,
            TrySendError::Disconnected(_) => SubmitError::Gone,
        })?;
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The next completion, in the order in which jobs ended; `None` when there is none now. When it returns `None`, the
    /// descriptor is quiet again.
    pub fn collect(&self) -> Option<Completion> {
        let next = self.completions.try_recv().ok().or_else(|| {
            // Quieten the bell first and look again: a completion after this look rings anew.
            let _ = rustix::io::read(&*self.bell, &mut [0; 8]);
            self.completions.try_recv().ok()
        })?;
        self.outstanding.fetch_sub(1, Ordering::Relaxed);
        Some(next)
    }

    /// Jobs submitted and not collected.
    pub fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// The scripts that run now. Waits for nobody: empty while a worker writes it down.
    pub fn running(&self) -> Vec<Running> {
        self.doing.seen()
    }

    /// Terminates every script that runs (TERM to its process group, KILL after its grace) and every later one at once.
    /// For the end of the daemon; the completions still arrive.
    pub fn cancel_all(&self) {
        self.cancel.give();
    }
}

impl AsFd for Jobs {
    /// Readable while completions wait to be collected.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// What workers report through.
struct Post {
    done: SyncSender<Completion>,
    bell: Arc<OwnedFd>,
    mail: SyncSender<Mail>,
    log: Logger,
    cancel: Arc<Cancel>,
    doing: Arc<Doing>,
}

impl Post {
    fn complete(&self, ticket: u64, outcome: Outcome) {
        // There is a place for every outstanding job, and nobody to tell if the heartbeat thread is gone.
        let _ = self.done.try_send(Completion { ticket, outcome });
        let _ = rustix::io::write(&*self.bell, &1u64.to_ne_bytes());
    }
}

/// The state of the dispatcher thread.
struct Dispatcher {
    post: Arc<Post>,
    waiting: VecDeque<Job>,
    running: usize,
}

impl Dispatcher {
    fn run(mut self, inbox: &Receiver<Mail>) {
        while let Ok(mail) = inbox.recv() {
            match mail {
                Mail::Submit(job) => self.waiting.push_back(job),
                Mail::Finished => self.running = self.running.saturating_sub(1),
            }
            while self.running < RUNNING
                && let Some(job) = self.waiting.pop_front()
            {
                self.begin(job);
            }
        }
    }

    fn begin(&mut self, job: Job) {
        let ticket = job.ticket;
        let post = Arc::clone(&self.post);
        let worker = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| perform(job, &post)));
            post.complete(ticket, ended.unwrap_or(Outcome::Failed));
            let _ = post.mail.send(Mail::Finished);
        };
        match spawn("job", worker) {
            Ok(()) => self.running += 1,
            Err(error) => {
                self.post.log.error(format_args!("No thread for a job: {error}"));
                self.post.complete(ticket, Outcome::Failed);
            }
        }
    }
}

fn perform(job: Job, post: &Post) -> Outcome {
    let context = Context { log: &post.log, cancel: &post.cancel, doing: &post.doing, group: &job.name };
    let work = match job.work {
        Work::Later(find_out) => (find_out.0)(),
        known => known,
    };
    match work {
        Work::Start(mut members, retry) => context.start(&mut members, retry),
        Work::Stop(mut members, retry) => context.stop(&mut members, retry),
        Work::Run(call) => context.script(&call),
        Work::Function(task) => match (task.0)() {
            Ok(()) => Outcome::Done,
            Err(refused) => {
                post.log.error(format_args!("{}: {}", job.name, refused.0));
                Outcome::Failed
            }
        },
        Work::Later(_) => {
            post.log.error(format_args!("{}: cannot be found out twice", job.name));
            Outcome::Failed
        }
    }
}

/// Starts a thread with a small stack and normal scheduling, whatever its parent has.
fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let urgent = move || {
        // Scripts inherit the scheduling: one that ran at realtime priority could starve the heartbeat.
        let _ = normal_scheduling();
        body();
    };
    thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(urgent)?;
    Ok(())
}
