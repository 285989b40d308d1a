//! Messages that are compressed as a whole, both ways (docs/protocol/wire.md 10.2).

use super::{Driver, PRESSER};
use crate::compress::{Policy, Pressed, Presser};
use crate::log::{RateLimit, Verdict};
use crate::sys::clock::Clock;
use crate::sys::poller::Interest;
use hbcore::id::{LinkId, LinkSet};
use hbcore::time::{Duration, Instant};

/// The policy, and the thread that carries it out once a message needs it.
pub(super) struct Compression {
    policy: Policy,
    presser: Option<Presser>,
    complaints: RateLimit,
}

impl Compression {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, presser: None, complaints: RateLimit::new(3, Duration::from_mins(1)) }
    }

    /// Whether this datagram of ours is to be compressed.
    pub(super) fn concerns(&self, message: &[u8]) -> bool {
        self.policy.above.is_some_and(|above| message.len() > above) && message.starts_with(b"###\n")
    }

    pub(super) fn acknowledge(&self) {
        self.presser.iter().for_each(Presser::acknowledge);
    }
}

impl Driver {
    /// Has a message of ours compressed. Returns whether that was begun; if not, it travels as it is.
    #[cold]
    #[inline(never)]
    pub(super) fn compress(&mut self, links: LinkSet, length: usize) -> bool {
        self.start_presser(Clock.now());
        let message = self.transmit.get(..length).unwrap_or_default();
        self.compression.presser.as_ref().is_some_and(|presser| presser.deflate(links, message))
    }

    /// A message came that is compressed as a whole.
    #[cold]
    #[inline(never)]
    pub(super) fn inflate(&mut self, now: Instant, link: LinkId, packet: &[u8]) {
        self.start_presser(now);
        let begun = self.cluster.compressed_in(packet).is_some_and(|content| {
            self.compression.presser.as_ref().is_some_and(|presser| presser.inflate(link, packet, content))
        });
        if !begun {
            self.complain(now, "it names no algorithm, or too many of them wait");
        }
    }

    fn start_presser(&mut self, now: Instant) {
        if self.compression.presser.is_some() {
            return;
        }
        let started = Presser::start(self.compression.policy.algorithm);
        let started = started.and_then(|p| self.poller.add(p.fd(), PRESSER, Interest::Read).map(|()| p));
        match started {
            Ok(presser) => self.compression.presser = Some(presser),
            Err(error) => self.complain(now, &error.to_string()),
        }
    }

    /// Takes what the thread has done.
    pub(super) fn take_pressed(&mut self, now: Instant) {
        while let Some(pressed) = self.compression.presser.as_ref().and_then(Presser::next) {
            match pressed {
                Pressed::Deflated { links, payload } => self.send_compressed(links, &payload, now),
                Pressed::Inflated { link, packet, message: Ok(message) } => {
                    let received = self.cluster.handle_inflated(now, link, &packet, &message);
                    self.received_inflated(now, link, &message, received);
                }
                Pressed::Inflated { message: Err(error), .. } => self.complain(now, &error.to_string()),
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn send_compressed(&mut self, links: LinkSet, payload: &[u8], now: Instant) {
        let algorithm = self.compression.policy.algorithm.name();
        match self.cluster.write_compressed(algorithm, payload, &mut self.transmit) {
            Ok(length) => self.send(links, length, now),
            Err(_) => self.complain(now, "it does not fit into a datagram"),
        }
    }

    fn complain(&mut self, now: Instant, reason: &str) {
        if let Verdict::Pass { suppressed } = self.compression.complaints.check(now) {
            let more = if suppressed == 0 { String::new() } else { format!(" ({suppressed} more like this)") };
            self.log.warn(format_args!("A compressed message was dropped: {reason}{more}"));
        }
    }
}
