//! The thread that takes and gives up addresses, and goes on announcing them.

use crate::address::{AddressError, AddressSpec, Addresses, AnnouncePlan, Announcer, Held};
use crate::jobs::{Refused, Resource};
use crate::log::Logger;
use crate::sys::clock::Clock;
use crate::sys::realtime::{self, Policy};
use rustix::event::{EventfdFlags, eventfd};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Orders that wait for the thread. Full: the newcomer is refused, and its group counts as failed.
const ORDERS: usize = 256;
const STACK: usize = 128 * 1024;
/// How long a job waits for the thread's answer before it counts as failed.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How the thread is scheduled: as the heartbeat thread is, so that a takeover does not wait for busy processors.
#[derive(Clone, Copy, Debug)]
pub struct Realtime {
    /// 1 to 99.
    pub priority: u8,
}

/// An order of the heartbeat thread that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// The engine's ticket.
    pub ticket: u32,
    /// Whether all addresses are as wished.
    pub ok: bool,
}

enum Order {
    Acquire {
        ticket: u32,
        specs: Arc<[AddressSpec]>,
    },
    Release {
        ticket: u32,
        specs: Arc<[AddressSpec]>,
    },
    Announce(Arc<[AddressSpec]>),
    Clean(Arc<[AddressSpec]>),
    /// These may be up since an earlier daemon of this node; it brought up those whose address is in `added`.
    Resume {
        specs: Arc<[AddressSpec]>,
        added: Vec<IpAddr>,
    },
    /// Which addresses were brought up here.
    List(SyncSender<Vec<IpAddr>>),
    /// Everything is given up, and nothing is taken any more.
    End(SyncSender<()>),
    /// From a job thread, which waits for the answer.
    Ask {
        question: Question,
        spec: AddressSpec,
        answer: SyncSender<Result<bool, AddressError>>,
    },
}

#[derive(Clone, Copy)]
enum Question {
    Status,
    Start,
    Stop,
}

/// The heartbeat thread's end.
pub struct AddressThread {
    orders: SyncSender<Order>,
    done: Receiver<Done>,
    bell: Arc<OwnedFd>,
}

impl AddressThread {
    /// Starts the thread, in the network namespace of the caller.
    ///
    /// # Errors
    /// The system's refusal to make a thread or a descriptor.
    pub fn start(realtime: Option<Realtime>, log: &Logger) -> io::Result<Self> {
        let (orders, inbox) = sync_channel(ORDERS);
        let (outbox, done) = sync_channel(ORDERS);
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let post = Post { outbox, bell: Arc::clone(&bell) };
        let log = log.clone();
        thread::Builder::new().name("addresses".to_owned()).stack_size(STACK).spawn(move || {
            schedule(realtime);
            Worker { addresses: None, announcer: None, held: Vec::new(), post, log }.run(&inbox);
        })?;
        Ok(Self { orders, done, bell })
    }

    /// Takes all of `specs` and announces them; after a failure some of them may be here. False: too many orders wait.
    pub fn acquire(&self, ticket: u32, specs: Arc<[AddressSpec]>) -> bool {
        self.orders.try_send(Order::Acquire { ticket, specs }).is_ok()
    }

    /// Gives all of `specs` up. False: too many orders wait.
    pub fn release(&self, ticket: u32, specs: Arc<[AddressSpec]>) -> bool {
        self.orders.try_send(Order::Release { ticket, specs }).is_ok()
    }

    /// Announces those of `specs` that are held, once more.
    pub fn announce(&self, specs: Arc<[AddressSpec]>) {
        let _ = self.orders.try_send(Order::Announce(specs));
    }

    /// Takes down what an earlier run left.
    pub fn clean(&self, specs: Arc<[AddressSpec]>) {
        let _ = self.orders.try_send(Order::Clean(specs));
    }

    /// Takes over what an earlier daemon left up.
    pub fn resume(&self, specs: Arc<[AddressSpec]>, added: Vec<IpAddr>) {
        let _ = self.orders.try_send(Order::Resume { specs, added });
    }

    /// The addresses that were brought up here. Waits for the thread's answer; without one, none.
    pub fn added(&self) -> Vec<IpAddr> {
        let (answer, reply) = sync_channel(1);
        let asked = self.orders.send(Order::List(answer)).ok();
        asked.and_then(|()| reply.recv_timeout(ANSWER_LIMIT).ok()).unwrap_or_default()
    }

    /// Gives up every address and ends the thread: whoever wants one thereafter is refused. Waits until it is done.
    pub fn end(&self) {
        let (answer, reply) = sync_channel(1);
        if self.orders.send(Order::End(answer)).is_ok() {
            let _ = reply.recv_timeout(ANSWER_LIMIT);
        }
    }

    /// The next order that has ended. When it returns `None`, the descriptor is quiet again.
    pub fn collect(&self) -> Option<Done> {
        self.done.try_recv().ok().or_else(|| {
            let _ = rustix::io::read(&*self.bell, &mut [0; 8]);
            self.done.try_recv().ok()
        })
    }

    pub(super) fn handle(&self) -> Handle {
        Handle(self.orders.clone())
    }
}

impl AsFd for AddressThread {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// A job thread's way to ask.
#[derive(Clone)]
pub(super) struct Handle(SyncSender<Order>);

/// One address as a member of a group that has scripts too.
pub struct AddressResource {
    spec: AddressSpec,
    handle: Handle,
}

/// The address thread did not answer in time.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the address thread does not answer")
    }
}

impl std::error::Error for NoAnswer {}

impl AddressResource {
    pub(super) fn new(spec: AddressSpec, handle: Handle) -> Self {
        Self { spec, handle }
    }

    fn ask(&self, question: Question) -> Result<bool, Refused> {
        let (answer, reply) = sync_channel(1);
        let order = Order::Ask { question, spec: self.spec.clone(), answer };
        self.handle.0.send(order).map_err(|_| Refused::from(NoAnswer))?;
        reply.recv_timeout(ANSWER_LIMIT).map_err(|_| Refused::from(NoAnswer))?.map_err(Refused::from)
    }
}

impl Resource for AddressResource {
    fn name(&self) -> String {
        format!("IPaddr::{}", self.spec.addr)
    }

    fn status(&mut self) -> Result<bool, Refused> {
        self.ask(Question::Status)
    }

    fn start(&mut self) -> Result<(), Refused> {
        self.ask(Question::Start).map(|_| ())
    }

    fn stop(&mut self) -> Result<(), Refused> {
        self.ask(Question::Stop).map(|_| ())
    }
}

struct Post {
    outbox: SyncSender<Done>,
    bell: Arc<OwnedFd>,
}

impl Post {
    fn done(&self, ticket: u32, ok: bool) {
        let _ = self.outbox.try_send(Done { ticket, ok });
        let _ = rustix::io::write(&*self.bell, &1u64.to_ne_bytes());
    }
}

fn schedule(realtime: Option<Realtime>) {
    // The heartbeat thread has the guard of `realtime::enter`; this one never computes for long.
    let _ = match realtime {
        Some(Realtime { priority }) => realtime::enter_unguarded(Policy::RoundRobin, priority),
        None => crate::sys::process::normal_scheduling(),
    };
}

struct Worker {
    addresses: Option<Addresses>,
    announcer: Option<Announcer>,
    held: Vec<(AddressSpec, Held)>,
    post: Post,
    log: Logger,
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Order>) {
        self.open();
        loop {
            let now = Clock.now();
            let wait = self.announcer.as_ref().and_then(Announcer::next_deadline).map(|at| at.since(now));
            match inbox.recv_timeout(wait.unwrap_or(Duration::from_hours(1))) {
                Ok(Order::End(answer)) => {
                    self.give_up_all();
                    let _ = answer.try_send(());
                    return;
                }
                Ok(order) => self.carry_out(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Some(announcer) = &mut self.announcer {
                announcer.advance(Clock.now());
            }
        }
    }

    /// Opened before they are needed, so that a takeover costs one request to the kernel. A refusal is said when it matters.
    fn open(&mut self) {
        self.addresses = self.addresses.take().or_else(|| Addresses::open().ok());
        self.announcer = self.announcer.take().or_else(|| Announcer::new(AnnouncePlan::default()).ok());
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Acquire { ticket, specs } => {
                // What was taken before a failure is given up by an order of its own.
                let ok = specs.iter().all(|spec| self.reported(spec, Question::Start).is_ok());
                self.post.done(ticket, ok);
            }
            Order::Release { ticket, specs } => {
                let failed = specs.iter().rev().filter(|spec| self.reported(spec, Question::Stop).is_err()).count();
                self.post.done(ticket, failed == 0);
            }
            Order::Announce(specs) => {
                let now = Clock.now();
                for (_, held) in self.held.iter().filter(|(spec, _)| specs.contains(spec)) {
                    if let Some(announcer) = &mut self.announcer {
                        let _ = announcer.start(now, held);
                    }
                }
            }
            Order::Clean(specs) => self.clean(&specs),
            Order::Resume { specs, added } => self.resume(&specs, &added),
            Order::List(answer) => {
                let added = self.held.iter().filter(|(_, held)| held.added).map(|(_, held)| held.addr).collect();
                let _ = answer.try_send(added);
            }
            // The last one is the loop's.
            Order::End(_) => {}
            Order::Ask { question, spec, answer } => {
                let _ = answer.try_send(self.ask(&spec, question));
            }
        }
    }

    fn give_up_all(&mut self) {
        let specs: Vec<AddressSpec> = self.held.iter().map(|(spec, _)| spec.clone()).collect();
        for spec in specs.iter().rev() {
            let _ = self.reported(spec, Question::Stop);
        }
    }

    fn reported(&mut self, spec: &AddressSpec, question: Question) -> Result<bool, ()> {
        self.ask(spec, question).map_err(|error| {
            let verb = if matches!(question, Question::Stop) { "give up" } else { "take" };
            self.log.error(format_args!("Cannot {verb} address {}: {error}", spec.addr));
        })
    }

    fn ask(&mut self, spec: &AddressSpec, question: Question) -> Result<bool, AddressError> {
        let addresses = match &mut self.addresses {
            Some(addresses) => addresses,
            none => none.insert(Addresses::open()?),
        };
        match question {
            Question::Status => Ok(addresses.status(spec)?.is_some()),
            Question::Start => {
                let held = addresses.acquire(spec)?;
                self.begin(spec, held);
                Ok(true)
            }
            Question::Stop => {
                let index = self.held.iter().position(|(known, _)| known == spec);
                let mine = index.map(|i| self.held.swap_remove(i).1);
                if let (Some(announcer), Some(held)) = (&mut self.announcer, &mine) {
                    announcer.stop(held);
                }
                match &mine {
                    Some(held) if held.added => addresses.release(held)?,
                    // It was up before, perhaps from an earlier run: a group that is given up must not be served here.
                    _ => drop(addresses.remove(spec)?),
                }
                if mine.is_some() {
                    self.log.info(format_args!("Address {} given up", spec.addr));
                }
                Ok(false)
            }
        }
    }

    fn begin(&mut self, spec: &AddressSpec, held: Held) {
        let announced = match &mut self.announcer {
            Some(announcer) => announcer.start(Clock.now(), &held).map_err(|e| e.to_string()),
            None => Announcer::new(AnnouncePlan::default()).map_err(|e| e.to_string()).and_then(|mut new| {
                let started = new.start(Clock.now(), &held).map_err(|e| e.to_string());
                self.announcer = Some(new);
                started
            }),
        };
        let how = if held.addr.is_ipv4() { "gratuitous ARP" } else { "unsolicited neighbour advertisements" };
        match announced {
            Ok(()) => self.log.debug(1, format_args!("Address {} is announced by {how}", held.addr)),
            Err(error) => self.log.warn(format_args!("Address {} is not announced: {error}", held.addr)),
        }
        let label = held.label.as_deref().unwrap_or(&held.device);
        self.log.info(format_args!("Address {}/{} taken on {label}", held.addr, held.prefix));
        self.held.retain(|(known, _)| known != spec);
        self.held.push((spec.clone(), held));
    }

    fn resume(&mut self, specs: &[AddressSpec], added: &[IpAddr]) {
        let Some(addresses) = &mut self.addresses else { return };
        for spec in specs {
            if let Ok(Some(held)) = addresses.status(spec) {
                let added = added.contains(&spec.addr);
                self.held.push((spec.clone(), Held { added, ..held }));
            }
        }
    }

    fn clean(&mut self, specs: &[AddressSpec]) {
        let Some(addresses) = &mut self.addresses else { return };
        for spec in specs {
            match addresses.remove(spec) {
                Ok(true) => self.log.warn(format_args!("Address {} was up before the start: removed", spec.addr)),
                Ok(false) => {}
                Err(error) => self.log.debug(1, format_args!("Address {}: {error}", spec.addr)),
            }
        }
    }
}
