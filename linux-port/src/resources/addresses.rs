//! The thread that brings up, announces, guards and releases addresses.

mod keep;
mod mailbox;
mod rivalry;
mod worker;

use crate::address::{AddressError, AddressSpec};
use crate::jobs::{Refused, Resource};
use crate::log::Logger;
use crate::problems::Board;
use crate::state::Record;
use crate::sys::fault::{self, Call};
use crate::sys::realtime::Wish;
use hbcore::config::AddressConflict;
use mailbox::Mailbox;
use rustix::event::{EventfdFlags, eventfd};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use worker::Worker;

/// Orders that wait for the thread. When it is full, a new order is refused, and its group counts as failed.
const ORDERS: usize = 256;
const STACK: usize = 128 * 1024;
/// The time for which a job waits for the thread's answer before it counts as failed.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The scheduling of the thread: like that of the heartbeat thread, so that a takeover does not wait for busy
/// processors.
#[derive(Clone, Copy, Debug)]
pub struct Realtime {
    /// The scheduling that it asks for.
    pub wish: Wish,
}

/// An order of the heartbeat thread that has ended.
#[derive(Clone, Debug)]
pub struct Done {
    /// The engine's ticket.
    pub ticket: u32,
    /// Whether all addresses are as ordered.
    pub ok: bool,
    /// The reason why one of them is not.
    pub refusal: Option<String>,
}

/// The reason why an address cannot be kept here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loss {
    /// It is gone, and cannot be put back.
    #[default]
    Gone,
    /// Another host has it. That may be so beside the peer, too.
    Rival,
}

/// The duties of the thread besides bringing up and releasing addresses.
pub struct Duties {
    /// The board for lost addresses and rivals.
    pub board: Board,
    /// The record of addresses, written before they are brought up.
    pub record: Record,
    /// The reaction to another host that has an address of ours.
    pub conflicts: AddressConflict,
}

enum Order {
    Duties(Box<Duties>),
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
    /// These may be up since an earlier daemon of this node, which brought up those whose address is in `added`.
    Resume {
        specs: Arc<[AddressSpec]>,
        added: Vec<IpAddr>,
    },
    /// A pause: sockets that take long to close are closed. The answer is the addresses that this thread brought up.
    Rest(SyncSender<Vec<IpAddr>>),
    /// The end of the pause.
    Wake,
    /// All addresses are released, and none is brought up any more.
    End(SyncSender<()>),
    /// A question of a job thread, which waits for the answer.
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
    orders: Mailbox<Order>,
    done: Receiver<Done>,
    failed: Receiver<(IpAddr, Loss)>,
    placed: Receiver<IpAddr>,
    bell: Arc<OwnedFd>,
}

impl AddressThread {
    /// Starts the thread, in the network namespace of the caller.
    ///
    /// # Errors
    /// The system's refusal to make a thread or a descriptor.
    pub fn start(realtime: Option<Realtime>, log: &Logger) -> io::Result<Self> {
        let (orders, inbox) = Mailbox::new(ORDERS)?;
        let (outbox, done) = sync_channel(ORDERS);
        let (alarms, failed) = sync_channel(ORDERS);
        let (places, placed) = sync_channel(ORDERS);
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let post = Post { outbox, alarms, places, bell: Arc::clone(&bell) };
        let log = log.clone();
        fault::gate(Call::Thread, "addresses")?;
        thread::Builder::new().name("addresses".to_owned()).stack_size(STACK).spawn(move || {
            schedule(realtime);
            Worker::new(post, log).run(&inbox);
        })?;
        Ok(Self { orders, done, failed, placed, bell })
    }

    /// Gives the thread its further duties. Call it before the first address: without a record, none is recorded.
    pub fn take_duties(&self, duties: Duties) {
        let _ = self.orders.try_send(Order::Duties(Box::new(duties)));
    }

    /// Brings up all of `specs` and announces them; after a failure some of them may be up. False: too many orders
    /// wait.
    pub fn acquire(&self, ticket: u32, specs: Arc<[AddressSpec]>) -> bool {
        self.orders.try_send(Order::Acquire { ticket, specs }).is_ok()
    }

    /// Releases all of `specs`. False: too many orders wait.
    pub fn release(&self, ticket: u32, specs: Arc<[AddressSpec]>) -> bool {
        self.orders.try_send(Order::Release { ticket, specs }).is_ok()
    }

    /// Announces those of `specs` that are up, once more.
    pub fn announce(&self, specs: Arc<[AddressSpec]>) {
        let _ = self.orders.try_send(Order::Announce(specs));
    }

    /// Removes addresses that an earlier run left.
    pub fn clean(&self, specs: Arc<[AddressSpec]>) {
        let _ = self.orders.try_send(Order::Clean(specs));
    }

    /// Takes over addresses that an earlier daemon left up.
    pub fn resume(&self, specs: Arc<[AddressSpec]>, added: Vec<IpAddr>) {
        let _ = self.orders.try_send(Order::Resume { specs, added });
    }

    /// Closes the sockets that an exec must not close: the kernel makes a process that closes a packet socket wait for
    /// all processors, some ten milliseconds for each, and at an exec that is the heartbeat thread. The answer comes
    /// with a ring of the bell when they are closed: the addresses that this thread brought up. A socket that is needed
    /// meanwhile is opened again.
    pub fn rest(&self) -> Receiver<Vec<IpAddr>> {
        let (answer, reply) = sync_channel(1);
        let _ = self.orders.try_send(Order::Rest(answer));
        reply
    }

    /// Opens them again.
    pub fn wake(&self) {
        let _ = self.orders.try_send(Order::Wake);
    }

    /// Releases every address and ends the thread: a later request is refused. Waits until that is done.
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

    /// The next address that cannot be kept here: its group should move to another node. It is reported each second as
    /// long as that lasts. Call it after [`AddressThread::collect`] has returned `None`.
    pub fn failed(&self) -> Option<(IpAddr, Loss)> {
        self.failed.try_recv().ok()
    }

    /// The next address that could not be brought up for want of an interface, and for which there is one now. It is
    /// reported once. Call it after [`AddressThread::collect`] has returned `None`.
    pub fn placed(&self) -> Option<IpAddr> {
        self.placed.try_recv().ok()
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

/// The way in which a job thread asks.
#[derive(Clone)]
pub(super) struct Handle(Mailbox<Order>);

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
    alarms: SyncSender<(IpAddr, Loss)>,
    places: SyncSender<IpAddr>,
    bell: Arc<OwnedFd>,
}

impl Post {
    fn done(&self, ticket: u32, refusal: Option<String>) {
        let _ = self.outbox.try_send(Done { ticket, ok: refusal.is_none(), refusal });
        self.ring();
    }

    /// Reports it. If the queue is full, it is reported again in a second.
    fn failed(&self, addr: IpAddr, loss: Loss) {
        let _ = self.alarms.try_send((addr, loss));
        self.ring();
    }

    /// Reports that there is an interface for it now. If the queue is full, the group is started at the next planned time.
    fn has_place(&self, addr: IpAddr) {
        let _ = self.places.try_send(addr);
        self.ring();
    }

    fn ring(&self) {
        let _ = rustix::io::write(&*self.bell, &1u64.to_ne_bytes());
    }
}

fn schedule(realtime: Option<Realtime>) {
    match realtime {
        // The heartbeat thread has a guard; this thread never computes for long.
        Some(Realtime { wish }) => drop(wish.obtain_unguarded()),
        None => drop(crate::sys::process::normal_scheduling()),
    }
}
