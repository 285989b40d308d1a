//! The dispatcher: the order of jobs, on threads that come and go.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize, atomic::Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};

use super::doing::{Doing, Running};
use super::group::Context;
use super::{Completion, Job, JobId, Outcome, Work};
use crate::log::Logger;
use crate::problems::{Board, Problem, Told};
use crate::script::Cancel;
use crate::sys::fault;
use crate::sys::process::normal_scheduling;

/// Places for jobs of [`JobId::Housekeeping`], from submission until their completion is collected. They are
/// separate, because many such jobs must not keep a group from being stopped.
const HOUSEKEEPING_PLACES: usize = 16;

/// The number of jobs that begin in parallel; the others wait in order of submission. A program that belongs to no
/// group, such as one that fences, does not wait for its turn.
pub const RUNNING: usize = 8;

/// The time for which a job counts among [`RUNNING`]: groups whose scripts hang do not delay the others.
const COUNTS_FOR: Duration = Duration::from_secs(10);

/// The time for which a start waits for a thread before it is given up, so that the peer may serve.
const START_WAIT: Duration = Duration::from_secs(5);

/// The pause after the system refused a thread.
const REFUSED_PAUSE: Duration = Duration::from_millis(250);
/// The same when no job waits for a thread.
const PROBE_PAUSE: Duration = Duration::from_secs(1);

/// The stack of a thread that only waits for processes and formats log lines, in bytes.
const STACK: usize = 128 * 1024;

/// The heartbeat thread's end: it submits, polls the descriptor, and collects. No call waits.
#[derive(Debug)]
pub struct Jobs {
    mail: SyncSender<Mail>,
    completions: Receiver<Completion>,
    bell: Arc<OwnedFd>,
    cancel: Arc<Cancel>,
    doing: Arc<Doing>,
    effects: Places,
    strays: Places,
    housekeeping: Places,
}

/// Places for jobs of one kind.
#[derive(Debug)]
struct Places {
    taken: AtomicUsize,
    capacity: usize,
}

impl Places {
    fn new(capacity: usize) -> Self {
        Self { taken: AtomicUsize::new(0), capacity }
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

/// The reason why a job was refused. No part of it has run, or will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitError {
    /// Jobs that are not collected yet take all places.
    Full {
        /// The number of places.
        capacity: usize,
    },
    /// The dispatcher has ended, which only a fault of the program itself can cause.
    Gone,
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { capacity } => write!(f, "Job refused: {capacity} jobs are outstanding"),
            Self::Gone => f.write_str("Job refused: no dispatcher"),
        }
    }
}

impl std::error::Error for SubmitError {}

/// A message to the dispatcher.
#[derive(Debug)]
enum Mail {
    Submit(Waiting),
    /// The job that began at this moment has ended.
    Finished(Instant),
}

/// A job without a thread yet. It is shared with the thread that is to run it: if the thread cannot be made, the job is
/// still here.
#[derive(Debug, Clone)]
struct Waiting {
    job: Arc<Mutex<Option<Job>>>,
    since: Instant,
}

impl Jobs {
    /// Starts the dispatcher thread. Call it after detaching. There are places for `effects` jobs that the engine
    /// orders, for one of each of `strays`, and for a few others; beyond that [`Jobs::submit`] refuses a new job.
    ///
    /// # Errors
    /// The system's refusal to make a descriptor or a thread.
    pub fn start(effects: usize, strays: usize, log: &Logger, board: &Board) -> io::Result<Self> {
        let [effects, strays, housekeeping] = [effects, strays, HOUSEKEEPING_PLACES].map(Places::new);
        let capacity = effects.capacity.saturating_add(strays.capacity).saturating_add(housekeeping.capacity);
        // Room for every job's submission and end, so that workers never wait for the dispatcher.
        let (mail, inbox) = sync_channel(2 * capacity);
        let (done, completions) = sync_channel(capacity);
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let cancel = Arc::new(Cancel::new()?);
        let doing = Arc::new(Doing::default());
        let post = Post {
            done,
            bell: Arc::clone(&bell),
            mail: mail.clone(),
            log: log.clone(),
            board: board.clone(),
            cancel: Arc::clone(&cancel),
            doing: Arc::clone(&doing),
        };
        let dispatcher =
            Dispatcher { post: Arc::new(post), waiting: VecDeque::new(), running: Vec::new(), is_refused: false };
        spawn("jobs", move || dispatcher.run(&inbox))?;
        Ok(Self { mail, completions, bell, cancel, doing, effects, strays, housekeeping })
    }

    /// Submits a job.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn submit(&self, job: Job) -> Result<(), SubmitError> {
        let places = self.places(job.id);
        let full = SubmitError::Full { capacity: places.capacity };
        if places.taken() >= places.capacity {
            return Err(full);
        }
        let waiting = Waiting { job: Arc::new(Mutex::new(Some(job))), since: Instant::now() };
        self.mail.try_send(Mail::Submit(waiting)).map_err(|refused| match refused {
            TrySendError::Full(_) => full,
            TrySendError::Disconnected(_) => SubmitError::Gone,
        })?;
        places.taken.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn places(&self, id: JobId) -> &Places {
        match id {
            JobId::Effect(_) => &self.effects,
            JobId::Stray(_) => &self.strays,
            JobId::Housekeeping => &self.housekeeping,
        }
    }

    /// The next completion, in the order in which jobs ended; `None` when there is none now. When it returns `None`,
    /// the descriptor is quiet again.
    pub fn collect(&self) -> Option<Completion> {
        let next = self.completions.try_recv().ok().or_else(|| {
            // Silence the bell first and look again: a completion after this look rings anew.
            let _ = rustix::io::read(&*self.bell, &mut [0; 8]);
            self.completions.try_recv().ok()
        })?;
        self.places(next.id).taken.fetch_sub(1, Ordering::Relaxed);
        Some(next)
    }

    /// Jobs submitted and not collected.
    pub fn outstanding(&self) -> usize {
        [&self.effects, &self.strays, &self.housekeeping].map(Places::taken).iter().sum()
    }

    /// The scripts that run now. Never waits: `None` while a worker writes it down.
    pub fn running(&self) -> Option<Vec<Running>> {
        self.doing.seen()
    }

    /// The reason of the last failure of the job of this name, if it has not succeeded since. Never waits: `None` while
    /// a worker writes.
    pub fn why_failed(&self, name: &str) -> Option<String> {
        self.doing.why(name)
    }

    /// Terminates every running script (TERM to its process group, KILL after its grace), and every later one at once.
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

/// The way in which workers report.
struct Post {
    done: SyncSender<Completion>,
    bell: Arc<OwnedFd>,
    mail: SyncSender<Mail>,
    log: Logger,
    board: Board,
    cancel: Arc<Cancel>,
    doing: Arc<Doing>,
}

impl Post {
    fn complete(&self, id: JobId, outcome: Outcome) {
        // There is a place for every outstanding job. If the heartbeat thread has ended, no report is needed.
        let _ = self.done.try_send(Completion { id, outcome });
        let _ = rustix::io::write(&*self.bell, &1u64.to_ne_bytes());
    }
}

/// The state of the dispatcher thread.
struct Dispatcher {
    post: Arc<Post>,
    waiting: VecDeque<Waiting>,
    /// The time at which each running job began.
    running: Vec<Instant>,
    /// The system refused the last thread: a problem that stands until it grants one, whether or not a job waits for
    /// it.
    is_refused: bool,
}

/// Whether a job has got its thread.
#[derive(Debug, PartialEq, Eq)]
enum Begun {
    Yes,
    /// The system has no thread for it now, so the job keeps waiting.
    Refused,
}

impl Dispatcher {
    fn run(mut self, inbox: &Receiver<Mail>) {
        let mut pause = None;
        loop {
            let mail = match pause {
                Some(pause) => inbox.recv_timeout(pause),
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match mail {
                Ok(Mail::Submit(job)) if job.is_program() => self.waiting.push_front(job),
                Ok(Mail::Submit(job)) => self.waiting.push_back(job),
                Ok(Mail::Finished(began)) => {
                    let place = self.running.iter().position(|known| *known == began);
                    place.map(|place| self.running.swap_remove(place));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            pause = self.begin_waiting();
        }
    }

    /// Begins the jobs that may run now. Returns the time until the next try, if a job waits.
    fn begin_waiting(&mut self) -> Option<Duration> {
        while let Some(job) = self.waiting.pop_front() {
            let full = self.running.iter().filter(|began| began.elapsed() < COUNTS_FOR).count() >= RUNNING;
            if full && !job.is_program() {
                self.waiting.push_front(job);
                return Some(COUNTS_FOR);
            }
            if self.begin(&job) == Begun::Refused {
                self.waiting.push_front(job);
                self.give_up_old_starts();
                return Some(REFUSED_PAUSE);
            }
        }
        self.probe()
    }

    /// When no job waits: tests whether the system grants a thread. Returns the time until the next test, if it does
    /// not.
    fn probe(&mut self) -> Option<Duration> {
        if self.is_refused && spawn("probe", || ()).is_ok() {
            self.threads_can_be_had();
        }
        self.is_refused.then_some(PROBE_PAUSE)
    }

    fn threads_can_be_had(&mut self) {
        if std::mem::take(&mut self.is_refused) {
            self.post.board.settle_where(|problem| matches!(problem, Problem::WorkRefused { .. }));
        }
    }

    fn begin(&mut self, waiting: &Waiting) -> Begun {
        let (post, place) = (Arc::clone(&self.post), Arc::clone(&waiting.job));
        let began = Instant::now();
        let worker = move || {
            let job = place.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(job) = job {
                let (id, unknown) = (job.id, unknown_end(&job.work));
                let ended = catch_unwind(AssertUnwindSafe(|| perform(job, &post)));
                post.complete(id, ended.unwrap_or(unknown));
            }
            let _ = post.mail.send(Mail::Finished(began));
        };
        match spawn("job", worker) {
            Ok(()) => {
                self.running.push(began);
                self.threads_can_be_had();
                Begun::Yes
            }
            Err(error) => {
                let problem = Problem::WorkRefused { what: waiting.name() };
                if !std::mem::replace(&mut self.is_refused, true) {
                    self.post
                        .log
                        .error(format_args!("{problem}: {error}. It is tried again until the system grants a thread."));
                }
                let again = Some(Instant::now() + REFUSED_PAUSE);
                self.post.board.tell(problem, Told::because(error.to_string()).then("it is tried again", again));
                Begun::Refused
            }
        }
    }

    /// While the system grants no thread: gives up the starts that have waited long enough, because the peer may be
    /// able to serve. A stop keeps waiting, as its group is claimed until its stop is confirmed.
    fn give_up_old_starts(&mut self) {
        let Self { waiting, post, .. } = self;
        waiting.retain(|waiting| {
            let mut place = waiting.job.lock().unwrap_or_else(PoisonError::into_inner);
            let is_start = place.as_ref().is_some_and(|job| matches!(job.work, Work::Start(..)));
            if !is_start || waiting.since.elapsed() < START_WAIT {
                return true;
            }
            if let Some(job) = place.take() {
                post.log
                    .error(format_args!("{}: the start is given up: the system granted no thread for it", job.name));
                post.complete(job.id, Outcome::NotBegun);
            }
            false
        });
    }
}

impl Waiting {
    fn is_program(&self) -> bool {
        let place = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        place.as_ref().is_some_and(|job| matches!(job.work, Work::Run(_)))
    }

    fn name(&self) -> String {
        let place = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        place.as_ref().map(|job| job.name.clone()).unwrap_or_default()
    }
}

/// The outcome of a job whose thread panicked: the state of its group is unknown.
fn unknown_end(work: &Work) -> Outcome {
    match work {
        Work::Start(..) | Work::Stop(..) => Outcome::StopFailed,
        Work::Run(_) | Work::Function(_) => Outcome::Failed,
    }
}

fn perform(job: Job, post: &Post) -> Outcome {
    let Post { log, board, cancel, doing, .. } = post;
    let context = Context { log, board, cancel, doing, group: &job.name };
    match job.work {
        Work::Start(mut members, retry) => context.start(&mut members, retry),
        Work::Stop(mut members, retry) => context.stop(&mut members, retry),
        Work::Run(call) => context.script(&call),
        Work::Function(task) => match (task.0)() {
            Ok(()) => {
                doing.succeeded(&job.name);
                Outcome::Done
            }
            Err(refused) => {
                doing.failed(&job.name, refused.0.to_string());
                log.error(format_args!("{}: {}", job.name, refused.0));
                Outcome::Failed
            }
        },
    }
}

/// Starts a thread with a small stack and normal scheduling, whatever scheduling its parent has.
fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let urgent = move || {
        // Scripts inherit the scheduling: one at real-time priority could starve the heartbeat.
        let _ = normal_scheduling();
        body();
    };
    fault::gate(fault::Call::Thread, name)?;
    thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(urgent)?;
    Ok(())
}
