//! The loop around the engine: bytes, time and outcomes go in; datagrams, effects and log lines come out. The loop
//! decides nothing.
//!
//! It has one thread and one timer. Nothing on it waits for a disk, a name service, a client or a child: logs, state
//! files, addresses and scripts belong to other threads, which it reaches through bounded queues.

mod children;
mod clients;
mod compression;
mod device;
mod door;
mod effects;
mod narrate;
mod orders;
mod parts;
mod reread;
mod restart;
mod schedule;
mod signals;
mod traffic;
mod upkeep;
mod watch;

pub use parts::{Parts, Programs, Rules, Words};
pub use reread::{Next, Reread, Rereader};
pub use upkeep::{Files, SharedClaim};

use crate::clients::Feed;
use crate::cluster_view::LinuxCluster;
use crate::links::Links;
use crate::log::{Logger, RateLimit};
use crate::problems::Board;
use crate::resources::{Handover, Resources};
use crate::respawn::Respawn;
use crate::sys::clock::Clock;
use crate::sys::memory;
use crate::sys::poller::{Events, Interest, Poller};
use crate::sys::realtime::Scheduling;
use crate::sys::signal::Signals;
use crate::sys::timer::DeadlineTimer;
use crate::systemd::Notify;
use hbcore::time::{Duration, Instant, earliest};
use narrate::Narrator;
use std::io;
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use traffic::{MEDIA, Opened};

/// The largest datagram that UDP can carry (docs/protocol/wire.md 2.2).
const DATAGRAM: usize = 65_507;

/// Datagrams read from one medium before the others get their turn: normally, and when the loop is late and some wait.
const READS: u32 = 1;
const READS_LATE: u32 = 256;
/// The lateness from which the loop counts as late.
const LATENESS: Duration = Duration::from_millis(1);

const TIMER: u64 = 1 << 32;
const SIGNALS: u64 = TIMER + 1;
const RESOURCES: u64 = TIMER + 2;
const FIFO: u64 = TIMER + 3;
const STATUS: u64 = TIMER + 4;
const CLIENTS: u64 = TIMER + 5;
const RESPAWN: u64 = TIMER + 6;
const PRESSER: u64 = TIMER + 7;
const CONTROL: u64 = TIMER + 8;

/// The reason why the loop ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to leave, and all groups are released.
    Left,
    /// The configuration changed: a new daemon continues in this process, while these groups run.
    Restart(Box<Handover>),
    /// It was told to leave, but some group could not be released in time.
    Forced,
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
    rules: Rules,
    compression: compression::Compression,
    programs: Programs,
    reload: reread::Reload,
    board: Board,
    service: Notify,
    service_at: Option<Instant>,
    /// The time at which leaving has taken too long.
    forced_at: Option<Instant>,
    opened: (SyncSender<Opened>, Receiver<Opened>),
    /// The limit for log lines about status connections that could not be accepted.
    unanswered: RateLimit,
    /// The time at which the status socket is watched again.
    status_at: Option<Instant>,
    poller: Poller,
    timer: DeadlineTimer,
    receive: Box<[u8]>,
    transmit: Box<[u8]>,
    wall_checked: Instant,
    upkeep: upkeep::Upkeep,
    leave: signals::Leave,
    left: bool,
}

impl Programs {
    /// Watches those that are there.
    fn watch(&self, poller: &Poller) -> io::Result<()> {
        let watched = [
            self.fifo.as_ref().map(|fifo| (fifo.fd(), FIFO)),
            self.status.as_ref().map(|status| (status.fd(), STATUS)),
            self.control.as_ref().map(|control| (control.fd(), CONTROL)),
            self.clients.as_ref().map(|clients| (clients.fd(), CLIENTS)),
            self.respawn.as_ref().map(|respawn| (respawn.as_fd(), RESPAWN)),
        ];
        watched.into_iter().flatten().try_for_each(|(fd, token)| poller.add(fd, token, Interest::Read))
    }
}

/// Room for the largest datagram. Only its used part takes memory.
fn buffer(len: usize) -> Box<[u8]> {
    let mut buffer = vec![0; len].into_boxed_slice();
    memory::give_back_zeros(&mut *buffer);
    buffer
}

impl Driver {
    /// Makes the loop from its parts.
    ///
    /// # Errors
    /// The system's refusal of a descriptor.
    #[cold]
    pub fn new(parts: Parts) -> io::Result<Self> {
        let Parts {
            cluster,
            links,
            resources,
            scheduling,
            signals,
            log,
            board,
            service,
            files,
            programs,
            words,
            rules,
            rereader,
            reloads,
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
        programs.watch(&poller)?;
        Ok(Self {
            narrator: Narrator::new(&log, links.names(), home, words),
            watch: watch::Watch::default(),
            device: device::Device::new(rules.fence_program.clone(), Clock.now()),
            compression: compression::Compression::new(rules.compression),
            upkeep: upkeep::Upkeep::new(files, Clock.now()),
            reload: reread::Reload::new(rereader, reloads),
            cluster,
            links,
            resources,
            scheduling,
            signals,
            log,
            rules,
            programs,
            board,
            service,
            service_at,
            forced_at: None,
            opened: sync_channel(MEDIA),
            unanswered: RateLimit::new(3, Duration::from_mins(1)),
            status_at: None,
            poller,
            timer,
            receive: buffer(DATAGRAM + 1),
            transmit: buffer(DATAGRAM),
            wall_checked: Clock.now(),
            leave: signals::Leave::default(),
            left: false,
        })
    }

    /// Runs until the node has left the cluster.
    ///
    /// # Errors
    /// A failure of the poller itself, which only a program error can cause. Media, files and children never end the
    /// loop.
    pub fn run(&mut self) -> io::Result<End> {
        let mut events = Events::default();
        self.begin_scheduling();
        self.drain();
        loop {
            if self.left && self.clients_are_gone() {
                self.end_programs();
                return Ok(End::Left);
            }
            if let Some(handover) = self.restart_now() {
                return Ok(End::Restart(Box::new(handover)));
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
                    CONTROL => self.answer_orders(now),
                    CLIENTS => self.programs.clients.iter().for_each(Feed::acknowledge),
                    PRESSER => self.compression.acknowledge(),
                    RESPAWN => self.programs.respawn.iter().for_each(Respawn::acknowledge),
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
            self.take_pressed(now);
            self.hear_clients(now);
            self.start_clients();
            self.go_on_leaving(now);
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

    /// Tells the service manager that the links are open.
    pub fn tell_ready(&self) {
        self.service.ready();
    }

    /// Shows the service manager that the loop runs.
    fn tell_service(&mut self, now: Instant) {
        if self.service_at.is_some_and(|at| at <= now) {
            self.service.ping();
            self.service_at = self.service.watchdog_interval().map(|every| now.after(every));
        }
    }

    /// Copies the wall clock, once a second, because it may be set at any time. It also looks whether the guard took
    /// our priority because we ran for too long.
    fn follow_wall_clock(&mut self, now: Instant) {
        if now.since(self.wall_checked) < Duration::from_secs(1) {
            return;
        }
        self.wall_checked = now;
        self.cluster.set_wall_clock(now, Clock.wall_seconds());
        self.look(now);
        self.look_for_device(now);
        self.look_for_scripts(now);
        self.look_after_files(now);
        self.resources.tend_strays(now);
        self.start_what_can_be_started();
        self.follow_scheduling(now);
    }
}
