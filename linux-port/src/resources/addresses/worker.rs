//! The thread itself: it carries out orders, and tends its addresses in between.

mod tend;

use super::keep::{Fate, Kept};
use super::mailbox::Inbox;
use super::{Duties, Order, Post, Question};
use crate::address::Recorded;
use crate::address::{AddressError, AddressSpec, Addresses, AnnouncePlan, Announcer, Held, Rivals, Watch};
use crate::log::Logger;
use crate::problems::{Board, Problem};
use crate::state::{Record, StateError};
use crate::sys::clock::Clock;
use hbcore::config::AddressConflict;
use hbcore::time::Instant;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::mpsc::TryRecvError;

/// The time for which the thread sleeps when it cannot wait on its descriptors.
const REST: std::time::Duration = std::time::Duration::from_millis(5);

pub(super) struct Worker {
    pub(super) addresses: Option<Addresses>,
    announcer: Option<Announcer>,
    kept: Vec<Kept>,
    /// Addresses that could not be brought up because there is no interface for them.
    placeless: Vec<AddressSpec>,
    watch: Option<Watch>,
    rivals: Option<Rivals>,
    /// The time from which rivals are listened to again.
    deaf_until: Instant,
    /// The set of addresses has changed since the rivals' filter was made.
    is_filter_old: bool,
    /// The time of the next survey, if no change is seen before.
    look_at: Option<Instant>,
    record: Option<Record>,
    conflicts: AddressConflict,
    board: Board,
    post: Post,
    pub(super) log: Logger,
}

impl Worker {
    pub(super) fn new(post: Post, log: Logger) -> Self {
        Self {
            addresses: None,
            announcer: None,
            kept: Vec::new(),
            placeless: Vec::new(),
            watch: None,
            rivals: None,
            deaf_until: Instant::ZERO,
            is_filter_old: false,
            look_at: None,
            record: None,
            conflicts: AddressConflict::default(),
            board: Board::default(),
            post,
            log,
        }
    }

    pub(super) fn run(mut self, inbox: &Inbox<Order>) {
        self.open();
        loop {
            self.wait(inbox);
            loop {
                match inbox.next() {
                    Ok(Order::End(answer)) => {
                        self.give_up_all();
                        let _ = answer.try_send(());
                        return;
                    }
                    Ok(order) => self.carry_out(order),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            self.look_after();
            if let Some(announcer) = &mut self.announcer {
                announcer.advance(Clock.now());
            }
        }
    }

    /// Opens the sockets before they are needed, so that a takeover costs one request to the kernel. A refusal is
    /// reported when the address is needed.
    fn open(&mut self) {
        self.addresses = self.addresses.take().or_else(|| Addresses::open().ok());
        self.announcer = self.announcer.take().or_else(|| Announcer::new(AnnouncePlan::default()).ok());
        self.watch = self.watch.take().or_else(|| Watch::open().ok());
        self.rivals = self.rivals.take().or_else(|| Rivals::open().ok());
    }

    /// Waits until something is due or readable.
    fn wait(&self, inbox: &Inbox<Order>) {
        let now = Clock.now();
        let mut watched = vec![PollFd::new(inbox, PollFlags::IN)];
        watched.extend(self.watch.iter().map(|watch| PollFd::from_borrowed_fd(watch.as_fd(), PollFlags::IN)));
        let hears = self.deaf_until <= now;
        let rivals = self.rivals.iter().filter(|_| hears).flat_map(Rivals::descriptors);
        watched.extend(rivals.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let deadlines = self.kept.iter().map(Kept::deadline);
        let announcement = self.announcer.as_ref().and_then(Announcer::next_deadline);
        let deaf_until = (!hears).then_some(self.deaf_until);
        let deadline = deadlines.chain([announcement, self.look_at, deaf_until]).flatten().min();
        let limit = deadline.map(|at| at.since(now)).and_then(|wait| Timespec::try_from(wait).ok());
        match poll(&mut watched, limit.as_ref()) {
            // Interrupted: the loop does what is due, and comes back.
            Ok(_) | Err(Errno::INTR) => {}
            // More descriptors than `RLIMIT_NOFILE` allows now, or no memory: this thread must not take the processor
            // from the heartbeat.
            Err(_) => std::thread::sleep(REST),
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Duties(duties) => {
                let Duties { board, mut record, conflicts } = *duties;
                (self.board, self.conflicts) = (board, conflicts);
                let written = record.write();
                self.record = Some(record);
                self.noted(written);
            }
            Order::Acquire { ticket, specs } => {
                // Another order releases the addresses that were brought up before the failure.
                let refused = specs.iter().find_map(|spec| self.reported(spec, Question::Start).err());
                self.post.done(ticket, refused);
            }
            Order::Release { ticket, specs } => {
                let refused = specs.iter().rev().filter_map(|spec| self.reported(spec, Question::Stop).err()).last();
                self.post.done(ticket, refused);
            }
            Order::Announce(specs) => {
                // With the hardware addresses of this moment.
                self.look();
                let held = self.kept.iter().filter(|kept| kept.fate == Fate::Up && specs.contains(&kept.spec));
                for held in held.map(|kept| kept.held.clone()).collect::<Vec<_>>() {
                    self.announce(&held);
                }
            }
            Order::Clean(specs) => self.clean(&specs),
            Order::Resume { specs, added } => self.resume(&specs, &added),
            Order::Rest(answer) => {
                (self.announcer, self.rivals) = (None, None);
                let added = self.kept.iter().filter(|kept| kept.held.added).map(|kept| kept.held.addr).collect();
                let _ = answer.try_send(added);
                self.post.ring();
            }
            Order::Wake => {
                self.open();
                self.is_filter_old = true;
            }
            // The loop handles this order.
            Order::End(_) => {}
            Order::Ask { question, spec, answer } => {
                let _ = answer.try_send(self.ask(&spec, question));
            }
        }
    }

    fn give_up_all(&mut self) {
        let specs: Vec<AddressSpec> = self.kept.iter().map(|kept| kept.spec.clone()).collect();
        for spec in specs.iter().rev() {
            let _ = self.reported(spec, Question::Stop);
        }
    }

    fn reported(&mut self, spec: &AddressSpec, question: Question) -> Result<bool, String> {
        self.ask(spec, question).map_err(|error| {
            let verb = if matches!(question, Question::Stop) { "give up" } else { "take" };
            let refusal = format!("Cannot {verb} address {}: {error}", spec.addr);
            self.log.error(format_args!("{refusal}"));
            refusal
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
                let mut noted = Ok(());
                let record = self.record.as_mut();
                let acquired = addresses.acquire_told(spec, |held| noted = note(record, held));
                self.placeless.retain(|known| known != spec);
                if acquired.is_err() && !addresses.has_place(spec) {
                    self.placeless.push(spec.clone());
                }
                let held = acquired?;
                self.noted(noted);
                self.begin(spec, held);
                Ok(true)
            }
            Question::Stop => self.stop(spec).map(|()| false),
        }
    }

    fn stop(&mut self, spec: &AddressSpec) -> Result<(), AddressError> {
        let Some(addresses) = &mut self.addresses else { return Ok(()) };
        let index = self.kept.iter().position(|kept| kept.spec == *spec);
        let mine = index.map(|i| self.kept.swap_remove(i).held);
        if let (Some(announcer), Some(held)) = (&mut self.announcer, &mine) {
            announcer.stop(held);
        }
        match &mine {
            Some(held) if held.added => addresses.release(held)?,
            // It was up before, perhaps from an earlier run: an address of a group that is released must not stay here.
            _ => match addresses.remove(spec) {
                // If its interface is gone, so is the address.
                Ok(_) | Err(AddressError::NoInterface { .. }) => {}
                Err(error) => return Err(error),
            },
        }
        self.strike_out(spec.addr);
        self.is_filter_old = true;
        self.settle(spec.addr);
        if mine.is_some() {
            self.log.info(format_args!("Address {} given up", spec.addr));
        }
        Ok(())
    }

    fn begin(&mut self, spec: &AddressSpec, held: Held) {
        let announced = self.announce(&held);
        let how = if held.addr.is_ipv4() { "gratuitous ARP" } else { "unsolicited neighbour advertisements" };
        if announced {
            self.log.debug(1, format_args!("Address {} is announced by {how}", held.addr));
        }
        let label = held.label.as_deref().unwrap_or(&held.device);
        self.log.info(format_args!("Address {}/{} taken on {label}", held.addr, held.prefix));
        self.keep(spec, held);
    }

    fn keep(&mut self, spec: &AddressSpec, held: Held) {
        self.open();
        self.kept.retain(|known| known.spec != *spec);
        self.kept.push(Kept::new(spec.clone(), held, Clock.now()));
        self.is_filter_old = true;
    }

    /// Begins a train of announcements. Returns whether its first packet was sent.
    fn announce(&mut self, held: &Held) -> bool {
        let announced = match &mut self.announcer {
            Some(announcer) => announcer.start(Clock.now(), held),
            none => Announcer::new(AnnouncePlan::default()).and_then(|new| none.insert(new).start(Clock.now(), held)),
        };
        let refused = announced.map_err(|e| self.log.warn(format_args!("Address {} is not announced: {e}", held.addr)));
        refused.is_ok()
    }

    fn resume(&mut self, specs: &[AddressSpec], added: &[IpAddr]) {
        for spec in specs {
            let Some(addresses) = &mut self.addresses else { return };
            let was_added = added.contains(&spec.addr);
            match addresses.status(spec) {
                Ok(Some(held)) => self.keep(spec, Held { added: was_added, ..held }),
                // It was lost at the time of the exec, or since.
                Ok(None) | Err(_) if was_added => self.miss(spec),
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// Tends an address that is not up: the record knows its place.
    fn miss(&mut self, spec: &AddressSpec) {
        let recorded = self.record.iter().flat_map(Record::read_all).find(|entry| entry.addr == spec.addr);
        let Some(Recorded { addr, prefix, device }) = recorded.cloned() else { return };
        let held = Held { addr, prefix, device, index: 0, label: None, broadcast: None, mac: None, added: true };
        self.keep(spec, held);
        self.look();
    }

    fn clean(&mut self, specs: &[AddressSpec]) {
        for spec in specs {
            let Some(addresses) = &mut self.addresses else { return };
            match addresses.remove(spec) {
                Ok(was_up) => {
                    if was_up {
                        self.log.warn(format_args!("Address {} was up before the start: removed", spec.addr));
                    }
                    self.strike_out(spec.addr);
                }
                Err(error) => self.log.debug(1, format_args!("Address {}: {error}", spec.addr)),
            }
        }
    }

    /// Takes down all problems of this address.
    fn settle(&self, address: IpAddr) {
        self.board.settle(&Problem::AddressLost { address });
        self.board
            .settle_where(|problem| matches!(problem, Problem::AddressConflict { address: a, .. } if *a == address));
    }

    fn strike_out(&mut self, addr: IpAddr) {
        let Some(record) = &mut self.record else { return };
        let known: Vec<Recorded> = record.read_all().iter().filter(|entry| entry.addr == addr).cloned().collect();
        let outcome = known.iter().try_for_each(|entry| record.remove(entry));
        if !known.is_empty() {
            self.noted(outcome);
        }
    }

    /// Reports the outcome of a change of the record: without it a crash may leave addresses up until the next start.
    fn noted(&self, outcome: Result<(), StateError>) {
        let Some(record) = &self.record else { return };
        let problem = Problem::AddressesUnrecorded { path: record.path().display().to_string() };
        match outcome {
            Ok(()) => self.board.settle(&problem),
            Err(error) => {
                self.log.error(format_args!("{error}"));
                self.board.raise(problem);
            }
        }
    }
}

fn note(record: Option<&mut Record>, held: &Held) -> Result<(), StateError> {
    record.map_or(Ok(()), |record| record.add(held.into()))
}
