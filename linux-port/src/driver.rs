//! The loop around the engine: bytes, time and outcomes in; datagrams, effects and log lines out. It decides nothing.
//!
//! One thread, one timer. Nothing on it waits for a disk, a name service, a client or a child: logs, state files, addresses
//! and scripts are other threads' work, reached through bounded queues.

mod device;
mod links;
mod narrate;
mod orders;
mod restart;
mod schedule;
mod watch;

pub use links::Links;
pub use orders::Scripts;
pub(crate) use watch::{is_nowhere, lacks, other_node};

use crate::jobs::{Job, Task, Work};
use crate::log::{Counters, Logger, RateLimit, Verdict};
use crate::media::{self, AnyMedium, Medium, MediumSpec};
use crate::problems::{Board, Standing};
use crate::resources::{Handover, Resources, Successor};
use crate::state::{HostEntry, HostList, StateDir};
use crate::status::{Answer, Orders, RELOAD, Seen, StatusSocket};
use crate::sys::clock::Clock;
use crate::sys::memory;
use crate::sys::poller::{Events, Interest, Poller};
use crate::sys::realtime::Scheduling;
use crate::sys::signal::{Arrived, Signals};
use crate::sys::timer::DeadlineTimer;
use crate::systemd::Notify;
use hbcore::node::NodeKind;
use hbcore::time::{Duration, Instant, earliest};
use hbcore::wire::Keys;
use hbcore::{Carrier, Cluster, DatagramError, Event, Received, Request};
use links::Change;
use narrate::Narrator;
use rustix::process::Signal;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The engine as large as 3.0.6: 100 nodes, 64 media, as many groups as the configuration takes, 128 KiB of history.
pub type LinuxCluster = Cluster<100, 64, 128, { 128 * 1024 }, 16>;

/// The largest datagram that UDP can carry (wire reference 2.2).
const DATAGRAM: usize = 65_507;

/// Datagrams read from one medium before the others get their turn: normally, and when we are late and something waits.
const READS: u32 = 1;
const READS_LATE: u32 = 256;
/// How late is late.
const LATENESS: Duration = Duration::from_millis(1);

/// How long scripts have to end when the daemon ends by force (resource reference 6.1), and how often that is looked at.
const FORCED_GRACE: Duration = Duration::from_secs(2);
const FORCED_LOOK: Duration = Duration::from_millis(5);

/// For how long nobody is let in at the status socket when it has failed.
const STATUS_PAUSE: Duration = Duration::from_secs(1);

const TIMER: u64 = 1 << 32;
const SIGNALS: u64 = TIMER + 1;
const RESOURCES: u64 = TIMER + 2;
const FIFO: u64 = TIMER + 3;
const STATUS: u64 = TIMER + 4;

/// What the daemon was told to re-read, by whoever can read files.
#[derive(Debug)]
pub enum Reread {
    /// The files changed and are good.
    Read {
        /// New keys, if `authkeys` changed.
        keys: Option<Box<Keys<16>>>,
        /// What is to become of the other files.
        next: Next,
    },
    /// Nothing changed.
    Unchanged,
    /// The new files are wrong; the text says how. We go on with the old ones.
    Refused(String),
}

/// What a reload comes to, besides keys.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// No other file changed.
    Same,
    /// Another file changed: a new daemon reads it, in this process, while the groups run on. Everything that could fail for it was tried.
    Successor(Successor),
    /// The new configuration cannot be used now; the text says why. We go on with the old one.
    Refused(String),
}

/// Reads the configuration again, on another thread.
pub type Rereader = std::sync::Arc<dyn Fn(&Logger) -> Reread + Send + Sync>;

/// A medium that another thread has tried to open, for this place.
type Opened = (u64, Result<AnyMedium, String>);
/// No more media than that are opened at the same time: as many as the engine has links.
const MEDIA: usize = 64;

/// Why the loop ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Asked to leave, and everything was given up.
    Left,
    /// The configuration changed: a new daemon goes on in this process, with these groups running.
    Restart(Handover),
    /// Asked to leave, but something could not be given up in time.
    Forced,
}

/// Everything that the loop needs.
pub struct Parts {
    /// The engine, made at the time that `clock` gives.
    pub cluster: Box<LinuxCluster>,
    /// Open media.
    pub links: Links,
    /// Threads that run groups.
    pub resources: Resources,
    /// How the loop is to be scheduled.
    pub scheduling: Scheduling,
    /// Blocked signals.
    pub signals: Signals,
    /// The log.
    pub log: Logger,
    /// For log lines: the keys of the groups.
    pub groups: Vec<String>,
    /// For log lines: what fences.
    pub device: String,
    /// The program that fences.
    pub fence_program: Option<std::path::PathBuf>,
    /// For log lines: how long a node may be silent while we do not run ourselves and is not late. The warntime and one keepalive.
    pub lateness: Duration,
    /// `log_badpack`.
    pub log_bad_packets: bool,
    /// What `SIGHUP` does.
    pub rereader: Rereader,
    /// Where `hostcache` is kept; `None` when resource groups are managed, as then 3.0.6 keeps none.
    pub host_cache: Option<StateDir>,
    /// Scripts of the site.
    pub scripts: Scripts,
    /// Where `hb status` asks; `None` if it could not be opened.
    pub status: Option<StatusSocket>,
    /// The service manager.
    pub service: Notify,
    /// How long giving everything up may take.
    pub shutdown_limit: Duration,
    /// Where problems are put up.
    pub board: Board,
    /// What was decided about the orders of tools, if an earlier daemon was in this process.
    pub orders: Orders,
}

/// The loop.
pub struct Driver {
    cluster: Box<LinuxCluster>,
    links: Links,
    resources: Resources,
    scheduling: Scheduling,
    signals: Signals,
    log: Logger,
    narrator: Narrator,
    watch: watch::Watch,
    device: device::Device,
    log_bad_packets: bool,
    rereader: Rereader,
    host_cache: Option<StateDir>,
    scripts: Scripts,
    status: Option<StatusSocket>,
    /// What became of the latest orders of tools.
    orders: Orders,
    board: Board,
    service: Notify,
    service_at: Option<Instant>,
    shutdown_limit: Duration,
    /// When leaving has taken too long.
    forced_at: Option<Instant>,
    restart: restart::Restart,
    reread: (SyncSender<Reread>, Receiver<Reread>),
    opened: (SyncSender<Opened>, Receiver<Opened>),
    /// Signals without news that are logged.
    unchanged: RateLimit,
    /// Askers that could not be let in.
    unanswered: RateLimit,
    /// When the status socket is looked at again.
    status_at: Option<Instant>,
    poller: Poller,
    timer: DeadlineTimer,
    receive: Box<[u8]>,
    transmit: Box<[u8]>,
    wall_checked: Instant,
    leaving: bool,
    left: bool,
}

/// Room for the largest datagram, of which only what is used takes a place.
fn buffer(len: usize) -> Box<[u8]> {
    let mut buffer = vec![0; len].into_boxed_slice();
    memory::give_back_zeros(&mut *buffer);
    buffer
}

impl Driver {
    /// Puts the parts together.
    ///
    /// # Errors
    /// The system's refusal of a descriptor.
    pub fn new(parts: Parts) -> io::Result<Self> {
        let Parts {
            cluster,
            links,
            resources,
            scheduling,
            signals,
            log,
            groups,
            device,
            fence_program,
            lateness,
            log_bad_packets,
            rereader,
            host_cache,
            scripts,
            status,
            service,
            shutdown_limit,
            board,
            orders,
        } = parts;
        let poller = Poller::new()?;
        let timer = DeadlineTimer::new()?;
        links.watch(&poller)?;
        poller.add(&timer, TIMER, Interest::Read)?;
        poller.add(&signals, SIGNALS, Interest::Read)?;
        for descriptor in resources.descriptors() {
            poller.add(descriptor, RESOURCES, Interest::Read)?;
        }
        let home = cluster.node(cluster.local()).map_or_else(String::new, |n| n.name.as_str().to_owned());
        let service_at = service.watchdog_interval().map(|_| Clock.now());
        let driver = Self {
            narrator: Narrator::new(&log, links.names(), groups, home, device, lateness),
            watch: watch::Watch::default(),
            device: device::Device::new(fence_program, Clock.now()),
            cluster,
            links,
            resources,
            scheduling,
            signals,
            log,
            log_bad_packets,
            rereader,
            host_cache,
            scripts,
            status,
            orders,
            board,
            service,
            service_at,
            shutdown_limit,
            forced_at: None,
            restart: restart::Restart::default(),
            reread: sync_channel(1),
            opened: sync_channel(MEDIA),
            unchanged: RateLimit::new(3, Duration::from_mins(1)),
            unanswered: RateLimit::new(3, Duration::from_mins(1)),
            status_at: None,
            poller,
            timer,
            receive: buffer(DATAGRAM + 1),
            transmit: buffer(DATAGRAM),
            wall_checked: Clock.now(),
            leaving: false,
            left: false,
        };
        driver.watch_fifo()?;
        if let Some(status) = &driver.status {
            driver.poller.add(status.fd(), STATUS, Interest::Read)?;
        }
        Ok(driver)
    }

    /// Runs until the node has left the cluster.
    ///
    /// # Errors
    /// A failure of the poller itself, which only a program error can cause. Media, files and children never end the loop.
    pub fn run(&mut self) -> io::Result<End> {
        let mut events = Events::default();
        self.begin_scheduling();
        self.drain();
        loop {
            if self.left {
                return Ok(End::Left);
            }
            if let Some(handover) = self.restart_now() {
                return Ok(End::Restart(handover));
            }
            let engine = self.cluster.next_deadline();
            let deadline =
                earliest([engine, self.links.next_deadline(), self.forced_at, self.service_at, self.status_at]);
            self.timer.arm(deadline)?;
            self.poller.wait(&mut events, None)?;
            let now = Clock.now();
            let late_by = deadline.map_or(Duration::ZERO, |d| now.since(d));
            let is_late = late_by > LATENESS;
            if is_late {
                self.narrator.overslept(now, late_by);
            }
            for ready in events.iter() {
                match ready.token {
                    TIMER => {}
                    SIGNALS => self.signalled(now)?,
                    RESOURCES => self.finish_effects(),
                    FIFO => self.read_fifo(now),
                    STATUS => self.tell_status(now),
                    medium => {
                        if ready.writable
                            && let Err(error) = self.links.writable(medium, &self.poller)
                        {
                            self.medium_failed(medium, now, &error);
                        }
                        if ready.readable {
                            self.read(medium, if is_late { READS_LATE } else { READS }, now);
                        }
                    }
                }
            }
            self.cluster.advance(now);
            self.reopen_links(now);
            self.drain();
            self.follow_wall_clock(now);
            self.tell_service(now);
            self.open_status_door(now);
            if self.forced_at.is_some_and(|at| at <= now) {
                self.end_by_force();
                return Ok(End::Forced);
            }
        }
    }

    /// Gives up the addresses, as another node will take them as soon as we are silent; terminates every script, and waits for a moment
    /// until they have ended: no thread of ours would do it later.
    fn end_by_force(&self) {
        self.log.crit(format_args!("Emergency Shutdown: Attempting to kill everything ourselves"));
        self.resources.end_addresses();
        let jobs = self.resources.jobs();
        jobs.cancel_all();
        self.scripts.notifier.cancel();
        let last = Clock.now().after(FORCED_GRACE);
        while jobs.outstanding() > 0 && Clock.now() < last {
            while jobs.collect().is_some() {}
            std::thread::sleep(FORCED_LOOK);
        }
    }

    /// Answers `hb status`, one asker at a time: heartbeats have their turn in between. A tool that asks what became of its order has
    /// written it before.
    fn tell_status(&mut self, now: Instant) {
        self.read_waiting_orders(now);
        self.look(now);
        let Self { cluster, links, narrator, orders, status, resources, watch, board, .. } = self;
        let Some(socket) = status else { return };
        let scripts = resources.jobs().running();
        let mut problems = watch.standing(now);
        let posted = watch.posted(board).to_vec();
        let holds = |s: &&Standing| watch::still_holds(cluster, narrator.groups(), &s.problem);
        problems.extend(posted.into_iter().filter(|s| holds(&s)));
        let seen = Seen {
            cluster,
            now,
            links: links.names(),
            groups: narrator.groups(),
            scripts: &scripts,
            left: watch.left(),
            failures: watch.failures(),
            fences: watch.fences(),
            problems,
        };
        if let Err(error) = socket.answer(|| Answer::of(&seen, orders).pack()) {
            self.close_status_door(now, &error);
        }
    }

    /// Whoever asks cannot be let in, and the socket would wake the loop without end: it is not looked at for a while.
    fn close_status_door(&mut self, now: Instant, error: &io::Error) {
        if let Verdict::Pass { suppressed } = self.unanswered.check(now) {
            let omitted = narrate::Omitted(suppressed);
            self.log.error(format_args!("hb status cannot be answered: {error}{omitted}"));
        }
        if let Some(socket) = &self.status {
            let _ = self.poller.remove(socket.fd());
            self.status_at = Some(now.after(STATUS_PAUSE));
        }
    }

    /// Looks at the socket again.
    fn open_status_door(&mut self, now: Instant) {
        if let Some(socket) = self.status.as_ref().filter(|_| self.status_at.is_some_and(|at| at <= now)) {
            let watched = self.poller.add(socket.fd(), STATUS, Interest::Read);
            self.status_at = watched.is_err().then(|| now.after(STATUS_PAUSE));
        }
    }

    /// Looks for what the operator should know, and says what is new.
    fn look(&mut self, now: Instant) {
        let Self { watch, cluster, narrator, .. } = self;
        for fresh in watch.look(cluster, now, narrator.groups(), narrator.device(), Clock.wall_seconds()) {
            narrator.found(&fresh.0);
        }
    }

    /// Tells the service manager that the links are open.
    pub fn tell_ready(&self) {
        self.service.ready();
    }

    /// Shows the service manager that the loop turns.
    fn tell_service(&mut self, now: Instant) {
        if self.service_at.is_some_and(|at| at <= now) {
            self.service.ping();
            self.service_at = self.service.watchdog_interval().map(|every| now.after(every));
        }
    }

    fn read(&mut self, medium: u64, most: u32, now: Instant) {
        let Self { links, cluster, receive, narrator, watch, log_bad_packets, scripts, .. } = self;
        let result = links.receive(medium, most, receive, |link, medium, bytes| {
            let sender = || medium.sender();
            let received = cluster.handle(now, link, bytes);
            if let Err(error) = received {
                watch.dropped(now, narrator.origin(link, sender()), error, bytes);
            }
            match received {
                Ok(Received::ForClients) => Self::tell_scripts(&scripts.notifier, bytes),
                Ok(Received::OwnEcho) if narrator.echo(now, link, sender()) => {
                    watch.dropped(now, narrator.origin(link, sender()), DatagramError::NameConflict, bytes);
                }
                Err(DatagramError::NameConflict) => narrator.name_conflict(now, link, sender()),
                Err(DatagramError::Replayed) => narrator.replayed(now, cluster, sender(), bytes),
                Err(error) if *log_bad_packets => narrator.dropped(now, link, sender(), error),
                _ => {}
            }
        });
        if let Err(error) = result {
            self.medium_failed(medium, now, &error);
        }
    }

    fn medium_failed(&mut self, medium: u64, now: Instant, error: &io::Error) {
        if let Some(change) = self.links.failed(medium, now, &self.poller, &self.log, error) {
            self.link_changed(now, change);
        }
    }

    fn link_changed(&mut self, now: Instant, change: Change) {
        match change {
            Change::Lost(link) => self.cluster.link_changed(now, link, Carrier::Absent),
            Change::Back(link) => self.cluster.link_changed(now, link, Carrier::Present),
        }
    }

    fn reopen_links(&mut self, now: Instant) {
        if self.links.next_deadline().is_none_or(|at| at > now) {
            return;
        }
        let Self { links, cluster, poller, log, .. } = self;
        let wanted = links.retry(now, poller, log, |change| {
            if let Change::Back(link) = change {
                cluster.link_changed(now, link, Carrier::Present);
            }
        });
        for (token, spec) in wanted {
            self.open_elsewhere(token, spec);
        }
    }

    /// Has a medium opened on another thread, as names may have to be looked up.
    fn open_elsewhere(&mut self, token: u64, spec: MediumSpec) {
        let answer = self.opened.0.clone();
        let open = move || {
            let _ = answer.try_send((token, media::open(&spec).map_err(|error| error.to_string())));
            Ok(())
        };
        self.elsewhere("open a medium", Task(Box::new(open)));
    }

    /// Hands out what is to be done. What ends at once, as a group without resources does, may give more to do.
    fn begin_effects(&mut self) {
        loop {
            while let Some((ticket, effect)) = self.cluster.poll_effect() {
                self.log.debug(1, format_args!("{effect:?}"));
                self.resources.begin(ticket, effect);
            }
            let Some((ticket, outcome)) = self.resources.ended_at_once() else { return };
            self.cluster.complete(Clock.now(), ticket, outcome);
        }
    }

    /// Empties the engine's outputs: first what is to be done, on other threads, while what goes out goes out; then what is to be told.
    fn drain(&mut self) {
        let now = Clock.now();
        self.begin_effects();
        while let Some(transmit) = self.cluster.poll_transmit(&mut self.transmit) {
            let bytes = self.transmit.get(..transmit.len).unwrap_or_default();
            let Self { links, cluster, poller, log, .. } = self;
            links.send(transmit.links, bytes, now, poller, log, |change| {
                if let Change::Lost(link) = change {
                    cluster.link_changed(now, link, Carrier::Absent);
                }
            });
        }
        while let Some(event) = self.cluster.poll_event() {
            self.left |= event == Event::Left;
            if let Event::NodeState(id) | Event::NodeDead(id) = event {
                self.tell_scripts_of_node(id);
            }
            if matches!(
                event,
                Event::CommunicationUp | Event::NodeAdded(_) | Event::NodeRemoved(_) | Event::NodeRenamed(_)
            ) {
                self.keep_host_cache();
            }
            self.watch.event(&self.cluster, now, event);
            self.device.event(now, event);
            self.narrator.tell(&self.cluster, now, event);
        }
    }

    fn finish_effects(&mut self) {
        while let Some((ticket, outcome)) = self.resources.finished() {
            self.cluster.complete(Clock.now(), ticket, outcome);
        }
        for group in self.resources.lost() {
            self.cluster.group_lost(Clock.now(), group);
        }
        while let Ok(reread) = self.reread.1.try_recv() {
            self.reread_done(reread);
        }
        while let Ok(opened) = self.opened.1.try_recv() {
            let now = Clock.now();
            if let Some(change) = self.links.opened(opened, now, &self.poller, &self.log) {
                self.link_changed(now, change);
            }
        }
    }

    fn signalled(&mut self, now: Instant) -> io::Result<()> {
        while let Some(signal) = self.signals.next()? {
            self.signal(now, signal);
        }
        Ok(())
    }

    fn signal(&mut self, now: Instant, signal: Arrived) {
        if signal.is(Signal::TERM) || signal.is(Signal::QUIT) || signal.is(Signal::INT) {
            if std::mem::replace(&mut self.leaving, true) {
                self.log.info(format_args!("Heartbeat shutdown already underway."));
                return;
            }
            self.log.info(format_args!("Heartbeat shutdown in progress. ({})", std::process::id()));
            self.forced_at = Some(now.after(self.shutdown_limit));
            self.service.stopping();
            let _ = self.cluster.request(now, Request::Leave);
        } else if signal.is(Signal::HUP) {
            self.log.reopen();
            self.service.reloading();
            self.begin_reread();
        } else if signal.is(Signal::USR1) || signal.is(Signal::USR2) {
            let level = self.log.debug_level();
            let level = if signal.is(Signal::USR1) { level.saturating_add(1) } else { level.saturating_sub(1) };
            self.log.set_debug_level(level);
            self.log.info(format_args!("debug now set to {level} [pid {}]", std::process::id()));
            for line in Counters(self.cluster.stats()).lines() {
                self.log.info(format_args!("{line}"));
            }
        }
    }

    /// Writes down who is in the cluster, on another thread (configuration reference 12).
    fn keep_host_cache(&self) {
        let Some(state) = self.host_cache.clone() else { return };
        let members = self.cluster.nodes().filter(|n| n.kind == NodeKind::Normal);
        let entries: Vec<HostEntry> = members
            .map(|n| HostEntry {
                name: n.name.as_str().to_owned(),
                uuid: n.uuid,
                weight: i32::try_from(n.weight).unwrap_or(i32::MAX),
                site: String::new(),
            })
            .collect();
        let write = move || state.write_hosts(HostList::Known, &entries).map_err(Into::into);
        self.elsewhere("host cache", Task(Box::new(write)));
    }

    /// Has a function run on a job thread, under a ticket that no group has: the engine ignores it.
    fn elsewhere(&self, name: &str, task: Task) {
        let job = Job { ticket: u64::from(u32::MAX), name: name.to_owned(), work: Work::Function(task) };
        if let Err(error) = self.resources.jobs().submit(job) {
            self.log.error(format_args!("{error}"));
        }
    }

    /// Reads files on another thread; the answer comes with the completion of the job.
    fn begin_reread(&mut self) {
        let reread = std::sync::Arc::clone(&self.rereader);
        let (answer, log, board) = (self.reread.0.clone(), self.log.clone(), self.board.clone());
        let read = move || {
            let reread = reread(&log);
            match &reread {
                Reread::Refused(why) | Reread::Read { next: Next::Refused(why), .. } => {
                    restart::post(&board, Some(why.clone()));
                }
                Reread::Read { .. } => restart::post(&board, None),
                Reread::Unchanged => {}
            }
            let _ = answer.try_send(reread);
            Ok(())
        };
        self.elsewhere("re-read the configuration", Task(Box::new(read)));
    }

    fn reread_done(&mut self, reread: Reread) {
        match reread {
            Reread::Read { keys, next } => {
                if let Some(keys) = keys {
                    self.log.info(format_args!("Rereading authentication file."));
                    if let Err(error) = self.cluster.set_keys(*keys) {
                        self.log.error(format_args!("The new keys cannot be used: {error:?}. The old ones stay."));
                    }
                }
                match next {
                    Next::Successor(successor) if !self.leaving => return self.want_restart(successor),
                    Next::Successor(_) | Next::Same => self.orders.note(RELOAD, String::new()),
                    Next::Refused(why) => self.reload_refused(&why),
                }
            }
            Reread::Unchanged => {
                self.orders.note(RELOAD, "changes nothing: no file has changed".to_owned());
                if let Verdict::Pass { suppressed } = self.unchanged.check(Clock.now()) {
                    self.log.info(format_args!("Configuration unchanged.{}", narrate::Omitted(suppressed)));
                }
            }
            Reread::Refused(why) => self.reload_refused(&why),
        }
        self.service.ready();
    }

    /// The wall clock may be set at any time; it is looked at once a second, and only copied. Also a moment to see whether
    /// the guard took our priority because we ran for too long.
    fn follow_wall_clock(&mut self, now: Instant) {
        if now.since(self.wall_checked) < Duration::from_secs(1) {
            return;
        }
        self.wall_checked = now;
        self.cluster.set_wall_clock(now, Clock.wall_seconds());
        self.look(now);
        self.look_for_device(now);
        self.follow_scheduling(now);
    }
}
