//! The queue between the threads that log and the one thread that writes.

use std::fmt::Arguments;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::sinks::Sinks;
use super::{Level, Record, Stderr, wall_seconds};
use crate::problems::{Board, Problem, Told};
use crate::sys::fault;
use crate::sys::process::normal_scheduling;
use crate::terminal::counted;

/// Records that wait for the writer, a kilobyte each. When it is full, a new record is dropped and counted; the writer
/// reports the count.
pub const QUEUE_CAPACITY: usize = 48;

const STACK: usize = 64 * 1024;

/// A handle to the log, for any thread. No call waits: neither for a disk, nor for syslog, nor for the writer thread.
#[derive(Debug, Clone)]
pub struct Logger {
    queue: SyncSender<Order>,
    shared: Arc<Shared>,
}

/// An order to the writer. Records travel by value in slots made beforehand, so to send one allocates nothing.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation on the heartbeat path")]
enum Order {
    Write(Record),
    Stderr(Stderr),
    Reopen,
    Board(Board),
}

#[derive(Debug, Default)]
struct Shared {
    debug_level: AtomicU8,
    pid: AtomicU32,
    lost: AtomicU64,
    lost_in_all: AtomicU64,
    queued: AtomicU64,
    /// Orders carried out; its lock is taken by the writer and by [`Logger::flush`] only.
    done: Mutex<u64>,
    progress: Condvar,
}

impl Logger {
    /// Starts the writer thread on `sinks`.
    pub(super) fn start(sinks: Sinks, debug_level: u8) -> io::Result<Self> {
        let (queue, orders) = sync_channel(QUEUE_CAPACITY);
        let shared = Arc::new(Shared {
            debug_level: AtomicU8::new(debug_level),
            pid: AtomicU32::new(std::process::id()),
            ..Shared::default()
        });
        let writer = Writer { sinks, board: None, shown: Vec::new(), shared: Arc::clone(&shared) };
        fault::gate(fault::Call::Thread, "log")?;
        thread::Builder::new().name("log".to_owned()).stack_size(STACK).spawn(move || writer.run(&orders))?;
        Ok(Self { queue, shared })
    }

    /// A log without a writer, for when its thread cannot be made. Every line is lost.
    pub fn unheard(debug_level: u8) -> Self {
        let (queue, _) = sync_channel(1);
        let shared = Shared { debug_level: AtomicU8::new(debug_level), ..Shared::default() };
        Self { queue, shared: Arc::new(shared) }
    }

    /// Queues one line; drops and counts it when the queue is full.
    pub fn log(&self, level: Level, text: Arguments<'_>) {
        let pid = self.shared.pid.load(Ordering::Relaxed);
        if !self.order(Order::Write(Record::new(level, wall_seconds(), pid, text))) {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            self.shared.lost_in_all.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// [`Logger::log`] at [`Level::Crit`].
    pub fn crit(&self, text: Arguments<'_>) {
        self.log(Level::Crit, text);
    }

    /// [`Logger::log`] at [`Level::Error`].
    pub fn error(&self, text: Arguments<'_>) {
        self.log(Level::Error, text);
    }

    /// [`Logger::log`] at [`Level::Warn`].
    pub fn warn(&self, text: Arguments<'_>) {
        self.log(Level::Warn, text);
    }

    /// [`Logger::log`] at [`Level::Info`].
    pub fn info(&self, text: Arguments<'_>) {
        self.log(Level::Info, text);
    }

    /// [`Logger::log`] at [`Level::Debug`], if the debug level is at least `level`. Costs one load otherwise.
    pub fn debug(&self, level: u8, text: Arguments<'_>) {
        if self.debug_level() >= level {
            self.log(Level::Debug, text);
        }
    }

    /// The debug level, 0 for none.
    pub fn debug_level(&self) -> u8 {
        self.shared.debug_level.load(Ordering::Relaxed)
    }

    /// Changes the debug level, for all clones of this handle.
    pub fn set_debug_level(&self, level: u8) {
        self.shared.debug_level.store(level, Ordering::Relaxed);
    }

    /// Changes the output on standard error; [`Stderr::Off`] once the daemon has detached. False: the queue is full.
    pub fn set_stderr(&self, stderr: Stderr) -> bool {
        self.order(Order::Stderr(stderr))
    }

    /// Opens the log files anew (after rotation, on `SIGHUP`). While lines come, they are also looked up each second.
    pub fn reopen(&self) -> bool {
        self.order(Order::Reopen)
    }

    /// Shows lost lines on this board from now on. False: the queue is full.
    pub fn show_losses(&self, board: &Board) -> bool {
        self.order(Order::Board(board.clone()))
    }

    /// Whether lines were dropped that the writer has not reported in the log yet, as while a disk hangs.
    pub fn is_losing(&self) -> bool {
        self.shared.lost.load(Ordering::Relaxed) > 0
    }

    /// Lines dropped since the start because the queue was full.
    pub fn lost(&self) -> u64 {
        self.shared.lost_in_all.load(Ordering::Relaxed)
    }

    /// Waits until everything queued so far is written, at most `limit`; true if it is. For an orderly exit only: no
    /// other call waits.
    pub fn flush(&self, limit: Duration) -> bool {
        let target = self.shared.queued.load(Ordering::Acquire);
        let done = self.shared.done.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.progress.wait_timeout_while(done, limit, |done| *done < target);
        let (done, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *done >= target
    }

    fn order(&self, order: Order) -> bool {
        let taken = self.queue.try_send(order).is_ok();
        if taken {
            self.shared.queued.fetch_add(1, Ordering::Release);
        }
        taken
    }
}

/// The thread that writes. It ends when the last [`Logger`] is dropped.
struct Writer {
    sinks: Sinks,
    /// The board that shows lost lines.
    board: Option<Board>,
    /// The files that the board shows as losing lines.
    shown: Vec<PathBuf>,
    shared: Arc<Shared>,
}

impl Writer {
    fn run(mut self, orders: &Receiver<Order>) {
        // If the system refuses, this thread stays as urgent as its parent, which is no reason to lose the log.
        let _ = normal_scheduling();
        while let Ok(order) = orders.recv() {
            self.report_loss();
            match order {
                Order::Write(record) => {
                    self.sinks.write(&record);
                    self.show();
                }
                Order::Stderr(stderr) => self.sinks.set_stderr(stderr),
                Order::Reopen => self.sinks.reopen(),
                Order::Board(board) => {
                    self.board = Some(board);
                    self.show();
                }
            }
            *self.shared.done.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            self.shared.progress.notify_all();
        }
    }

    /// Shows on the board the files whose last line was lost.
    fn show(&mut self) {
        let Self { sinks, board: Some(board), shown, .. } = self else { return };
        for (path, refusal) in sinks.states() {
            let problem = || Problem::LogLosesLines { file: path.display().to_string() };
            let place = shown.iter().position(|known| known == path);
            match (refusal, place) {
                (Some(refusal), _) => {
                    board.tell(problem(), Told::because(refusal));
                    if place.is_none() {
                        shown.push(path.to_owned());
                    }
                }
                (None, Some(place)) => {
                    board.settle(&problem());
                    shown.swap_remove(place);
                }
                (None, None) => {}
            }
        }
    }

    /// Reports how many lines the full queue has cost since the last report.
    fn report_loss(&mut self) {
        let lost = self.shared.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let pid = self.shared.pid.load(Ordering::Relaxed);
            let lost = counted(lost, "message", "messages");
            let text = format_args!("{lost} lost: more came than could be written");
            self.sinks.write(&Record::new(Level::Warn, wall_seconds(), pid, text));
        }
    }
}
