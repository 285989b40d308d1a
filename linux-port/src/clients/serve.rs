//! The thread that carries the bytes of clients.

mod door;

use super::desk::{Conn, Desk, Output};
use super::feed::{Shared, Told, signal};
use super::line::Line;
use super::socket::{self, Got, Listener};
use super::table::Table;
use super::view::About;
use crate::ipc::{BODY_MAX, SOCKET};
use crate::log::{Level, Logger, RateLimit, Verdict};
use crate::sys::clock::Clock;
use crate::sys::poller::{Events, Interest, Poller, Ready};
use crate::sys::process::normal_scheduling;
use hbcore::time::{Duration, Instant, earliest};
use rustix::process::{Pid, Resource, getrlimit, test_kill_process};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};

/// The largest number of connections; fewer where descriptors are scarce. One more takes the place of the oldest that
/// has not signed on, or is closed.
const LINES_MAX: usize = 256;
/// Descriptors that are left for media, scripts and files.
const SPARED: u64 = 128;
/// The longest body before a sign-on, in bytes.
const STRANGER_MAX: usize = 4096;
/// The largest number of bytes that wait in one direction, of all connections together; beyond it, the connection with
/// the most is closed.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// The bytes that may wait for one connection, whatever the number of its frames: 3.0.6 counts only frames, and is slow
/// enough for a reader to keep up.
const QUEUE_BYTES: usize = 1024 * 1024;
/// Work for one connection before the others get their turn.
const READ: usize = 16 * 1024;
const FRAMES: usize = 16;
/// Connections accepted before the existing ones get their turn.
const ACCEPTS: usize = 16;
/// Messages for the cluster that wait here; beyond this number, those that no client waits for are dropped.
const BACKLOG_MAX: usize = 2 * LINES_MAX;
/// The pause after the socket has failed.
const PAUSE: Duration = Duration::from_secs(1);

const WAKE: u64 = 0;
const LISTENER: u64 = 1;
/// The number of the first connection, which is also its token.
const FIRST: Conn = 2;

pub(super) struct Server {
    desk: Desk,
    path: PathBuf,
    log: Logger,
    told: Receiver<Told>,
    outbox: SyncSender<Vec<u8>>,
    wake: Arc<OwnedFd>,
    loop_wake: Arc<OwnedFd>,
    shared: Arc<Shared>,
    poller: Poller,
    listener: Option<Listener>,
    /// Whether clients may connect.
    is_up: bool,
    /// The time at which the socket is tried again.
    listen_at: Option<Instant>,
    /// The time at which the server looks whether the socket still has its name.
    look_at: Instant,
    lines: Table<Line>,
    lines_max: usize,
    next: Conn,
    /// Connections with more received frames than their turn allowed.
    unfinished: Vec<Conn>,
    backlog: VecDeque<Vec<u8>>,
    complaints: RateLimit,
    notes: RateLimit,
    /// The buffer for reading, while there are connections.
    buffer: Vec<u8>,
}

impl Server {
    #[cold]
    #[inline(never)]
    pub(super) fn new(
        about: About,
        run_dir: &Path,
        log: &Logger,
        told: Receiver<Told>,
        outbox: SyncSender<Vec<u8>>,
        (wake, loop_wake): (&Arc<OwnedFd>, &Arc<OwnedFd>),
        shared: &Arc<Shared>,
    ) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.add(&**wake, WAKE, Interest::Read)?;
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX).saturating_sub(SPARED) / 2;
        Ok(Self {
            desk: Desk::new(about),
            path: run_dir.join(SOCKET),
            log: log.clone(),
            told,
            outbox,
            wake: Arc::clone(wake),
            loop_wake: Arc::clone(loop_wake),
            shared: Arc::clone(shared),
            poller,
            listener: None,
            is_up: false,
            listen_at: None,
            look_at: Clock.now(),
            lines: Table::default(),
            lines_max: usize::try_from(descriptors).unwrap_or(LINES_MAX).clamp(8, LINES_MAX),
            next: FIRST,
            unfinished: Vec::new(),
            backlog: VecDeque::new(),
            complaints: RateLimit::new(3, Duration::from_mins(1)),
            notes: RateLimit::new(10, Duration::from_secs(10)),
            buffer: Vec::new(),
        })
    }

    /// Runs until the heartbeat thread has ended.
    pub(super) fn run(mut self) {
        let _ = normal_scheduling();
        let mut events = Events::default();
        loop {
            let now = Clock.now();
            let next = earliest([self.listen_at, self.is_up.then_some(self.look_at)]);
            let pause = next.map(|at| at.since(now).saturating_add(Duration::from_millis(1)));
            let timeout = if self.unfinished.is_empty() || self.is_held() { pause } else { Some(Duration::ZERO) };
            if let Err(error) = self.poller.wait(&mut events, timeout) {
                return self.log.error(format_args!("Clients are not served any more: {error}"));
            }
            for ready in events.iter() {
                match ready.token {
                    WAKE => drop(rustix::io::read(&*self.wake, &mut [0; 8])),
                    LISTENER => self.let_in(),
                    conn => self.ready(conn, ready),
                }
            }
            if !self.take_told() {
                return;
            }
            if self.is_up && self.look_at <= now {
                self.look_after_name(now);
            }
            if self.is_up && (self.listener.is_none() || self.listen_at.is_some()) {
                self.listen(Clock.now());
            }
            self.hand_over();
            for conn in std::mem::take(&mut self.unfinished) {
                self.work(conn);
            }
            self.carry_out();
            if !self.lines.is_empty() {
                self.watch();
            }
        }
    }

    /// Whether nothing is read from clients, because the cluster does not take their earlier messages.
    fn is_held(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Takes the items of the heartbeat thread; false when that has ended.
    fn take_told(&mut self) -> bool {
        if self.shared.lost.swap(false, Ordering::Relaxed) {
            self.log.error(format_args!("All client connections are closed: messages for them were lost"));
            self.desk.close_all("overrun");
        }
        loop {
            match self.told.try_recv() {
                Ok(told) => {
                    self.shared.bytes.fetch_sub(told.size(), Ordering::Relaxed);
                    self.shared.told.fetch_sub(1, Ordering::Relaxed);
                    match told {
                        Told::View { view, is_up } => {
                            self.desk.set_view(*view);
                            self.is_up |= is_up;
                        }
                        Told::Fact(fact) => self.desk.tell(&fact),
                        Told::Message(bytes) => self.desk.cluster_message(&bytes),
                    }
                    self.carry_out();
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn ready(&mut self, conn: Conn, ready: Ready) {
        if ready.writable {
            self.flush(conn);
        }
        if ready.readable {
            self.read(conn);
        }
    }

    #[cold]
    #[inline(never)]
    fn read(&mut self, conn: Conn) {
        let Some(line) = self.lines.get_mut(conn) else { return };
        self.buffer.resize(READ, 0);
        match socket::read(&line.socket, &mut self.buffer) {
            Got::Nothing => return,
            Got::End => {
                // Frames that it sent before its end still count.
                self.work(conn);
                let info = if self.lines.get(conn).is_some_and(|line| exists(line.pid)) { "EOF" } else { "died" };
                return self.end(conn, info);
            }
            Got::Bytes(length) => line.inbox.push(self.buffer.get(..length).unwrap_or_default()),
        }
        let held: usize = self.lines.iter().map(|(_, line)| line.inbox.len()).sum();
        if held > BYTES_MAX {
            let most = self.lines.iter().max_by_key(|(_, line)| line.inbox.len()).map(|(conn, _)| conn);
            if let Some(conn) = most {
                self.end(conn, "noinput");
            }
        }
        self.unfinished.push(conn);
    }

    /// Gives the desk some of the received frames.
    #[cold]
    #[inline(never)]
    fn work(&mut self, conn: Conn) {
        for n in 0..=FRAMES {
            if self.desk.is_waiting(conn) {
                // Its reply brings it back.
                return;
            }
            let most = if self.desk.is_stranger(conn) { STRANGER_MAX } else { BODY_MAX };
            let Some(line) = self.lines.get_mut(conn) else { return };
            if line.inbox.is_empty() {
                return;
            }
            if n == FRAMES || !self.backlog.is_empty() {
                return self.unfinished.push(conn);
            }
            match line.inbox.next(most) {
                Ok(None) => return,
                Ok(Some(body)) => self.desk.received(conn, &body, &exists),
                Err(_) => return self.end(conn, "noinput"),
            }
            self.carry_out();
        }
    }

    #[cold]
    #[inline(never)]
    fn end(&mut self, conn: Conn, info: &str) {
        self.desk.gone(conn, info);
        self.carry_out();
    }

    #[cold]
    #[inline(never)]
    fn flush(&mut self, conn: Conn) {
        let alive = self.lines.get_mut(conn).is_none_or(Line::flush);
        if !alive {
            self.end(conn, "EOF");
        }
    }

    /// Carries out the desk's orders until there are none.
    fn carry_out(&mut self) {
        while !self.desk.is_idle() {
            for output in self.desk.take() {
                self.act(output);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn act(&mut self, output: Output) {
        match output {
            Output::Frame(conn, frame) => self.send(conn, frame),
            Output::Close(conn) => {
                self.lines.remove(conn);
                self.shared.clients.store(self.lines.len(), Ordering::Relaxed);
                if self.lines.is_empty() {
                    self.buffer = Vec::new();
                }
            }
            Output::QueueLimit(conn, limit) => {
                if let Some(line) = self.lines.get_mut(conn) {
                    line.limit = limit;
                }
            }
            Output::Signal(conn, signal) => {
                if let Some(line) = self.lines.get_mut(conn) {
                    line.signal = signal;
                }
            }
            Output::Cluster(message) => {
                if self.backlog.len() < BACKLOG_MAX {
                    self.backlog.push_back(message);
                }
                self.hand_over();
            }
            Output::Log(level, text) => self.note(level, &text),
        }
    }

    /// Logs with a limit, because any process that may connect can cause these lines.
    #[cold]
    #[inline(never)]
    fn note(&mut self, level: Level, text: &str) {
        if let Verdict::Pass { suppressed } = self.notes.check(Clock.now()) {
            let more = if suppressed == 0 { String::new() } else { format!(" ({suppressed} more like this)") };
            self.log.log(level, format_args!("{text}{more}"));
        }
    }

    #[cold]
    #[inline(never)]
    fn send(&mut self, conn: Conn, frame: Vec<u8>) {
        let Some(line) = self.lines.get_mut(conn) else { return };
        let alive = line.send(frame);
        let (waiting, limit, pid, is_long) = (line.waiting(), line.limit, line.pid, line.queued > QUEUE_BYTES);
        if !alive {
            return self.desk.gone(conn, "EOF");
        }
        let queued: usize = if waiting == 0 { 0 } else { self.lines.iter().map(|(_, line)| line.queued).sum() };
        if waiting > limit && is_long || queued > BYTES_MAX {
            self.note(Level::Warn, &format!("A client does not read, so its connection is closed: pid {pid}"));
            let info = format!("send failed,farside_pid={pid}, sendq length={waiting}(max is {limit})");
            self.desk.gone(conn, &info);
        }
    }

    /// Hands messages to the heartbeat thread, as far as there is room.
    fn hand_over(&mut self) {
        if self.backlog.is_empty() {
            return;
        }
        self.hand_over_all();
    }

    #[cold]
    #[inline(never)]
    fn hand_over_all(&mut self) {
        let mut any = false;
        while let Some(message) = self.backlog.pop_front() {
            // Before the try, so that room that comes right after it is not missed.
            self.shared.wants_room.store(true, Ordering::Relaxed);
            match self.outbox.try_send(message) {
                Ok(()) => any = true,
                Err(TrySendError::Full(message)) => {
                    self.backlog.push_front(message);
                    break;
                }
                Err(TrySendError::Disconnected(_)) => {}
            }
        }
        if self.backlog.is_empty() {
            self.shared.wants_room.store(false, Ordering::Relaxed);
        }
        if any {
            signal(&self.loop_wake);
        }
    }

    /// Sets the poller to watch for input where it may be read, and for room where frames wait.
    #[cold]
    #[inline(never)]
    fn watch(&mut self) {
        let held = self.is_held();
        let mut failed = Vec::new();
        for (conn, line) in self.lines.iter_mut() {
            let waits = self.desk.is_waiting(conn);
            if line.watch(&self.poller, conn, !held && !waits).is_err() {
                failed.push(conn);
            }
            // Frames that it sent while its join was on its way.
            if std::mem::replace(&mut line.waits, waits) && !waits {
                self.unfinished.push(conn);
            }
        }
        for conn in failed {
            self.end(conn, "EOF");
        }
    }
}

fn exists(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}
