//! The engine under arbitrary inputs: authentic packets with any content, bytes, time, outcomes of effects, requests.

mod packet;
mod port;
mod setup;
mod step;

use arbitrary::Unstructured;
use hbcore::id::GroupId;
use hbcore::takeover::{GroupState, Ticket};
use hbcore::time::Instant;

use packet::Senders;
use port::Port;
use setup::Setup;
use step::Step;

const NODES: usize = 4;
const LINKS: usize = 3;
const GROUPS: usize = 3;

type Engine = hbcore::cluster! { nodes: NODES, links: LINKS, groups: GROUPS, history: 4096, keys: 1 };

/// The engine comes to rest after this many turns at the same instant. A stall takes two.
const TURNS: usize = 4;

/// The first bytes are the configuration, the others are steps. After each step, the rules of [`Port`] must hold. This
/// module checks that the engine comes to rest, that a ticket is good for one effect, and that every packet is counted
/// once.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(setup) = Setup::read(&mut input) else { return };
    let mut host = Host {
        engine: setup.engine(),
        port: Port::new(setup.effect_limit(), setup.resumes()),
        senders: Senders::default(),
        now: setup::BEGIN,
    };
    host.drain();
    while !input.is_empty() {
        let Ok(step) = Step::read(&mut input) else { break };
        host.take(step);
        host.drain();
        host.check_counters();
    }
    // The engine goes on after every sequence of steps.
    for _ in 0..2 {
        host.wait_until(host.deadline().unwrap_or(host.now));
    }
}

struct Host {
    engine: Engine,
    port: Port,
    senders: Senders,
    now: Instant,
}

impl Host {
    fn take(&mut self, step: Step<'_>) {
        let now = self.now;
        let deadline = self.deadline().unwrap_or(now);
        let engine = &mut self.engine;
        match step {
            Step::WaitForDeadline => self.wait_until(deadline),
            Step::Wait(time) => self.wait_until(now.after(time)),
            Step::WaitBackwards(time) => {
                let before = now.as_micros().saturating_sub(time.as_micros() as u64);
                engine.advance(Instant::from_micros(before));
            }
            Step::Bytes { link, bytes } => drop(engine.handle(now, link, bytes)),
            Step::Packet(packet) => {
                let mut buffer = [0; 512];
                if let Some(bytes) = packet.write(&mut self.senders, &mut buffer) {
                    let _ = engine.handle(now, packet.link, bytes);
                }
            }
            Step::Echo(link) => drop(engine.handle(now, link, self.port.last_sent())),
            Step::Complete { which, outcome } => {
                if let Some(ticket) = self.port.ticket(which) {
                    self.complete(ticket, outcome);
                }
            }
            Step::Forged { ticket, outcome } => self.complete(ticket, outcome),
            Step::Request(request) => drop(engine.request(now, request)),
            Step::ForClient(message) => drop(engine.send_for_client(now, message.fields())),
            Step::Carrier { link, carrier } => engine.link_changed(now, link, carrier),
            Step::Restart => engine.announce_restart(now),
            Step::WallClock(seconds) => engine.set_wall_clock(now, seconds),
        }
    }

    fn wait_until(&mut self, at: Instant) {
        self.now = self.now.max(at);
        for _ in 0..TURNS {
            self.engine.advance(self.now);
            self.drain();
            if self.deadline().is_none_or(|next| next > self.now) {
                return;
            }
        }
        panic!("it is never content: {:?} wanted at {:?}", self.deadline(), self.now);
    }

    /// The deadline, or none if it is `FAR`.
    fn deadline(&self) -> Option<Instant> {
        self.engine.next_deadline().filter(|at| *at < Instant::FAR)
    }

    fn drain(&mut self) {
        self.port.drain(&mut self.engine, self.now);
    }

    /// Checks that a ticket changes nothing unless it belongs to a running effect.
    fn complete(&mut self, ticket: u32, outcome: hbcore::takeover::Outcome) {
        let before = self.states();
        let is_running = self.port.complete(ticket, outcome, self.now);
        self.engine.complete(self.now, Ticket::from_raw(ticket), outcome);
        assert!(is_running || before == self.states(), "a stale ticket was redeemed");
    }

    fn states(&self) -> [Option<GroupState>; GROUPS] {
        let mut states = [None; GROUPS];
        for (state, group) in states.iter_mut().zip(self.engine.groups()) {
            *state = Some(group.state());
        }
        states
    }

    fn check_counters(&self) {
        let stats = self.engine.stats();
        let taken = stats.accepted + stats.duplicates + stats.old + stats.not_for_us + stats.own_echoes;
        let refused = stats.malformed + stats.not_authentic + stats.bad_header + stats.compressed + stats.unknown_node;
        let others = stats.replayed + stats.name_conflicts + stats.unknown_link;
        assert_eq!(stats.received, taken + refused + others, "a packet that is not counted: {stats:?}");
        assert_eq!((stats.events_lost, stats.oversize), (0, 0), "a table overflowed");
        assert_eq!(self.engine.takeover().lost_outputs(), 0, "a table overflowed");
        assert!(self.engine.nodes().count() <= NODES);
    }
}

fn index(group: GroupId) -> usize {
    assert!(usize::from(group.0) < GROUPS, "there is no such group");
    usize::from(group.0)
}
