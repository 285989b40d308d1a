//! The port's view of the engine, and the rules for it: polling ends, packets are well formed, and each group has one
//! effect at a time, of the right kind.

use hbcore::id::NodeId;
use hbcore::takeover::{Effect, Outcome};
use hbcore::time::{Duration, Instant};
use hbcore::wire::{Header, open};

use super::setup::{NAMES, keys};
use super::{Engine, GROUPS, LINKS, NODES, index};

/// No input causes more outputs: 128 retransmissions or refusals for each node, and the others.
const OUTPUTS: usize = 1000;

/// The number of tickets that are kept.
const TICKETS: usize = 8;

/// Whether a group runs, as far as the port can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reality {
    Stopped,
    Running,
    /// An effect failed or was killed.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    ticket: u32,
    effect: Effect,
    deadline: Instant,
}

pub(super) struct Port {
    effect_limit: Duration,
    groups: [(Reality, Option<Running>); GROUPS],
    /// The newest ticket is last. Tickets of fences and announcements are included.
    tickets: [Option<u32>; TICKETS],
    /// The newest ticket for each node.
    fences: [Option<u32>; NODES],
    sent: [u8; 512],
    sent_len: usize,
    newest: u64,
}

impl Port {
    pub(super) fn new(effect_limit: Duration, first_runs: bool) -> Self {
        let mut groups = [(Reality::Stopped, None); GROUPS];
        if first_runs {
            groups[0].0 = Reality::Running;
        }
        Self {
            effect_limit,
            groups,
            tickets: [None; TICKETS],
            fences: [None; NODES],
            sent: [0; 512],
            sent_len: 0,
            newest: 0,
        }
    }

    pub(super) fn last_sent(&self) -> &[u8] {
        &self.sent[..self.sent_len]
    }

    pub(super) fn ticket(&self, which: u8) -> Option<u32> {
        self.tickets[TICKETS - 1 - usize::from(which) % TICKETS]
    }

    /// Polls all outputs of the engine.
    pub(super) fn drain(&mut self, engine: &mut Engine, now: Instant) {
        let mut outputs = 0;
        let mut count = || {
            outputs += 1;
            assert!(outputs < OUTPUTS, "polling does not end");
        };
        let mut buffer = [0; 2048];
        loop {
            let mut any = false;
            while let Some((ticket, effect)) = engine.poll_effect() {
                count();
                any = true;
                self.begin(ticket.into_raw(), effect, now);
            }
            while let Some(transmit) = engine.poll_transmit(&mut buffer) {
                count();
                any = true;
                assert!(!transmit.links.is_empty() && transmit.links.0 < 1 << LINKS, "links that there are not");
                self.sent(&buffer[..transmit.len]);
            }
            while engine.poll_event().is_some() {
                count();
                any = true;
            }
            if !any {
                return;
            }
        }
    }

    fn sent(&mut self, bytes: &[u8]) {
        let message = open(bytes, &keys()).expect("what we send, we take");
        let header = Header::parse(message).expect("a whole header");
        assert!(header.src == NAMES[0].as_bytes() || header.seq.is_none(), "in the name of another");
        if let Some(seq) = header.seq {
            assert!(seq.0 <= self.newest + 1, "a number is left out");
            self.newest = self.newest.max(seq.0);
        }
        if let Some(room) = self.sent.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.sent_len = bytes.len();
        }
    }

    fn begin(&mut self, ticket: u32, effect: Effect, now: Instant) {
        self.tickets.rotate_left(1);
        self.tickets[TICKETS - 1] = Some(ticket);
        let group = match effect {
            Effect::Fence(node) => {
                assert!(node != NodeId(0), "it shoots itself");
                self.fences[usize::from(node.0)] = Some(ticket);
                return;
            }
            Effect::Announce(group) => {
                assert_ne!(self.groups[index(group)].0, Reality::Stopped, "what is announced does not run");
                return;
            }
            Effect::Acquire(group) | Effect::Release(group) | Effect::Escalate(group) => index(group),
        };
        self.forget_overdue(now);
        let (reality, running) = &mut self.groups[group];
        assert!(running.is_none(), "{effect:?} while {running:?}");
        match effect {
            Effect::Acquire(_) => assert_ne!(*reality, Reality::Running, "started twice"),
            Effect::Release(_) => assert_ne!(*reality, Reality::Stopped, "stopped twice"),
            _ => assert_eq!(*reality, Reality::Unknown, "nothing failed"),
        }
        *running = Some(Running { ticket, effect, deadline: now.after(self.effect_limit) });
    }

    /// An effect that exceeds its limit is given up by the engine, and killed by the port.
    fn forget_overdue(&mut self, now: Instant) {
        for (reality, running) in &mut self.groups {
            if running.is_some_and(|running| now >= running.deadline) {
                *running = None;
                *reality = Reality::Unknown;
            }
        }
    }

    /// Ends an effect. Returns false if no effect with this ticket can be running.
    pub(super) fn complete(&mut self, ticket: u32, outcome: Outcome, now: Instant) -> bool {
        if let Some(fence) = self.fences.iter_mut().find(|fence| **fence == Some(ticket)) {
            *fence = None;
            return true;
        }
        let Some((reality, running)) =
            self.groups.iter_mut().find(|(_, running)| running.is_some_and(|running| running.ticket == ticket))
        else {
            return false;
        };
        let Some(Running { effect, deadline, .. }) = running.take() else { return false };
        *reality = match (effect, outcome) {
            _ if now >= deadline => Reality::Unknown,
            (Effect::Acquire(_), Outcome::Done) => Reality::Running,
            (Effect::Acquire(_), Outcome::Failed) | (_, Outcome::Done) => Reality::Stopped,
            _ => Reality::Unknown,
        };
        true
    }
}
