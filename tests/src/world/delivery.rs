//! The messages that each engine has processed, as seen from outside, and the nodes that it declared dead.

use super::World;
use super::engine::name;
use super::host::Meta;
use super::rule::Rule;
use hbcore::Received;
use hbcore::id::Sequence;
use hbcore::time::{Duration, Instant};
use hbcore::wire::MessageType;

/// The messages of one sender that one node has processed.
#[derive(Clone, Default)]
struct Seen {
    generation: u64,
    /// A bit for each number of that generation.
    processed: Vec<u64>,
    /// The first number since the receiver began to count, and the newest.
    first: Option<u64>,
    newest: u64,
    /// The generation of the newest status that the receiver accepted.
    counted_generation: u64,
    /// The generation of the newest status that arrived, accepted or not.
    status_generation: u64,
    /// Its sequence number. A retransmitted older status does not describe the present.
    status_number: u64,
    /// The time of its arrival by the receiver's clock.
    status_at: Option<Instant>,
    deadtime: Duration,
}

impl Seen {
    /// An undamaged status arrived when the receiver's clock showed `local`. Copies over a second link arrive later and
    /// change nothing.
    fn status(&mut self, meta: &Meta, local: Instant) {
        let Some(number) = meta.seq else { return };
        if (meta.generation, number.0) > (self.status_generation, self.status_number) {
            self.status_generation = meta.generation;
            self.status_number = number.0;
            self.status_at = Some(local);
            self.deadtime = meta.deadtime.unwrap_or_default();
        }
    }

    fn has(&self, number: u64) -> bool {
        self.processed.get((number / 64) as usize).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    fn insert(&mut self, number: u64) {
        let word = (number / 64) as usize;
        if self.processed.len() <= word {
            self.processed.resize(word + 64, 0);
        }
        self.processed[word] |= 1 << (number % 64);
    }
}

/// The knowledge of one node.
#[derive(Clone, Default)]
struct Knowledge {
    /// By sender.
    of: Vec<Seen>,
    /// The time, by its own clock, at which all others were heard or declared dead. From then on their deadtime counts.
    joined_at: Option<Instant>,
}

/// The knowledge of each receiver.
pub(crate) struct Delivery(Vec<Knowledge>);

impl Delivery {
    pub(crate) fn new(nodes: usize) -> Self {
        Self(vec![Knowledge { of: vec![Seen::default(); nodes], joined_at: None }; nodes])
    }

    /// A node starts and knows nothing.
    pub(crate) fn forget(&mut self, receiver: usize) {
        let knowledge = &mut self.0[receiver];
        knowledge.of.fill(Seen::default());
        knowledge.joined_at = None;
    }

    /// The receiver reported that all messages missing so far are lost.
    pub(crate) fn given_up(&mut self, receiver: usize, sender: usize) {
        let seen = &mut self.0[receiver].of[sender];
        seen.first = Some(seen.newest);
    }

    /// The receiver reported that this number is lost.
    pub(crate) fn refused(&mut self, receiver: usize, sender: usize, number: Sequence) {
        self.0[receiver].of[sender].insert(number.0);
    }

    /// The numbers that were neither processed nor reported lost.
    pub(crate) fn silently_lost(&self, receiver: usize, sender: usize) -> Vec<u64> {
        let seen = &self.0[receiver].of[sender];
        let Some(first) = seen.first else { return Vec::new() };
        (first..=seen.newest).filter(|number| !seen.has(*number)).take(10).collect()
    }
}

impl World<'_> {
    /// One of our engines reads an undamaged message. A status counts as heard, even if the engine should ignore it.
    pub(crate) fn heard(&mut self, to: usize, meta: &Meta) {
        if meta.kind == MessageType::Status {
            let local = self.hosts[to].local(self.now);
            self.delivery.0[to].of[meta.from].status(meta, local);
        }
    }

    /// One of our engines is about to fence a node. That node must have been silent for its deadtime.
    pub(crate) fn shoots(&mut self, by: usize, node: usize) {
        let deadtime = Duration::from_millis(self.schedule.site.deadtime);
        let local = self.hosts[by].local(self.now);
        let Some(heard) = self.delivery.0[by].of[node].status_at else { return };
        let silence = local.since(heard);
        if silence + Duration::from_micros(2) < deadtime {
            let text = format!("{} shoots {}, which it heard {silence:?} ago", name(by), name(node));
            self.fail(Rule::NoFalseDeath, text);
        }
    }

    /// One of our engines accepted a message.
    pub(crate) fn delivered(&mut self, to: usize, meta: &Meta, received: Received) {
        let (Some(number), Received::New | Received::NotForUs | Received::ForClients) = (meta.seq, received) else {
            return;
        };
        let seen = &mut self.delivery.0[to].of[meta.from];
        if meta.generation != seen.generation {
            seen.generation = meta.generation;
            seen.processed.clear();
            seen.first = None;
            seen.newest = 0;
        }
        if meta.kind == MessageType::Status && meta.generation > seen.counted_generation {
            seen.counted_generation = meta.generation;
            seen.first = None;
            seen.newest = 0;
        }
        let twice = seen.has(number.0);
        seen.insert(number.0);
        seen.first.get_or_insert(number.0);
        seen.newest = seen.newest.max(number.0);
        if twice {
            let text = format!("{} processes {:?} {} of {} twice", name(to), meta.kind, number.0, name(meta.from));
            self.fail(Rule::OnceOnly, text);
        }
    }

    /// One of our engines joined.
    pub(crate) fn joined(&mut self, node: usize) {
        self.delivery.0[node].joined_at = Some(self.hosts[node].local(self.now));
    }

    /// One of our engines declared a node dead. That node must have been silent for its deadtime, by the clock of the
    /// engine's node, and no message of it may wait to be read.
    pub(crate) fn declared_dead(&mut self, by: usize, node: usize) {
        let site = &self.schedule.site;
        let host = &self.hosts[by];
        let local = host.local(self.now);
        let joined_at = self.delivery.0[by].joined_at;
        let seen = &mut self.delivery.0[by].of[node];
        seen.first = None;
        seen.newest = 0;
        let is_ours = site.nodes[node] == super::Kind::Ours;
        let deadtime = if is_ours { Duration::from_millis(site.deadtime) } else { seen.deadtime };
        let (since, patience) = match (seen.status_at, joined_at) {
            (Some(at), _) => (at, deadtime),
            // The node was heard, because the engine would have waited longer otherwise, and has sent no status since.
            (None, Some(joined)) => (joined, deadtime),
            (None, None) => (host.local(host.started), Duration::from_millis(site.initdead)),
        };
        let silence = local.since(since);
        let generation = seen.status_generation;
        let waits =
            |meta: &Meta| meta.from == node && meta.kind == MessageType::Status && meta.generation >= generation;
        let waiting =
            host.inbox.iter().filter(|(_, p)| !p.damaged && p.meta.as_ref().is_some_and(|m| waits(m))).count();
        // Clocks are compared in whole microseconds.
        if silence + Duration::from_micros(2) < patience {
            let text = format!("{} declares {} dead after {silence:?}", name(by), name(node));
            self.fail(Rule::NoFalseDeath, text);
        } else if waiting > 0 {
            let text = format!("{} declares {} dead, and has {waiting} of its heartbeats unread", name(by), name(node));
            self.fail(Rule::NoFalseDeath, text);
        }
    }
}
