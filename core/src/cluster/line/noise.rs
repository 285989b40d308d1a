//! Two nodes on a serial line on which one byte in a hundred is hit, independently of the others, in virtual time. They
//! have as little memory as a microcontroller.
//!
//! One in four heartbeats of 130 bytes arrives whole, and one in eight messages about resources.

use super::tests::{SPEED, config};
use crate::cluster::*;
use crate::takeover::{Class, GroupState, Outcome};
use crate::time::micros;
use crate::wire::FrameReader;
use std::boxed::Box;
use std::collections::VecDeque;
use std::vec::Vec;

type Engine = Cluster<2, 1, 2, 2048, 1>;

/// With optimization, hours of virtual time take seconds.
const SEEDS: u64 = if cfg!(debug_assertions) { 4 } else { 400 };
const LONGEST: usize = 768;
/// The size of a UART's ring. Nothing is polled while it might not fit.
const RING: u64 = 1024;
/// Five percent slower than the speed that the engine knows.
const BYTE: u64 = 10_500_000 / SPEED as u64;

/// One node, and the line from it to the other.
struct End {
    engine: Box<Engine>,
    frames: FrameReader<LONGEST>,
    /// The bytes on the line, as they will arrive, and their times.
    line: VecDeque<(Instant, Vec<u8>)>,
    free_at: Instant,
    events: Vec<(Instant, Event)>,
}

impl End {
    fn new(local: u8, seed: u64) -> Self {
        let engine =
            config(local, seed, SPEED, |config, keys| Box::new(Engine::new(config, keys, Instant::ZERO, 1).unwrap()));
        let (line, events) = (VecDeque::new(), Vec::new());
        Self { engine, frames: FrameReader::new(), line, free_at: Instant::ZERO, events }
    }

    fn turn(&mut self, now: Instant, random: &mut Random) {
        self.engine.advance(now);
        let mut buffer = [0; LONGEST];
        while micros(self.free_at.since(now)) / BYTE + LONGEST as u64 <= RING
            && let Some(transmit) = self.engine.poll_transmit(&mut buffer)
        {
            self.free_at = self.free_at.max(now).plus(transmit.len as u64 * BYTE);
            let heard = buffer[..transmit.len].iter().filter_map(|byte| disturbed(*byte, random)).collect();
            self.line.push_back((self.free_at, heard));
        }
        while let Some((ticket, _)) = self.engine.poll_effect() {
            self.engine.complete(now, ticket, Outcome::Done);
        }
        while let Some(event) = self.engine.poll_event() {
            self.events.push((now, event));
        }
    }

    fn hear(&mut self, now: Instant, mut bytes: &[u8]) {
        while let Some(message) = self.frames.push(&mut bytes) {
            let _ = self.engine.handle(now, LinkId(0), message);
        }
    }

    /// The time of the next thing to do.
    fn wakes_at(&self) -> Instant {
        let arrival = self.line.front().map_or(Instant::FAR, |(at, _)| *at);
        self.engine.next_deadline().map_or(arrival, |at| at.min(arrival))
    }
}

/// One byte in a hundred is replaced, has one bit flipped, or is lost.
fn disturbed(byte: u8, random: &mut Random) -> Option<u8> {
    match random.below(300) {
        0 => None,
        1 => Some(byte ^ (1 << random.below(8))),
        2 => Some(random.below(256) as u8),
        _ => Some(byte),
    }
}

struct Pair {
    ends: [End; 2],
    now: Instant,
    random: Random,
}

impl Pair {
    fn new(seed: u64) -> Self {
        Self { ends: [End::new(0, seed), End::new(1, seed)], now: Instant::ZERO, random: Random::new(seed) }
    }

    fn run(&mut self, seconds: u64) {
        let until = self.now.after(Duration::from_secs(seconds));
        while self.now < until {
            for from in 0..2 {
                while self.ends[from].line.front().is_some_and(|(at, _)| *at <= self.now) {
                    let Some((_, bytes)) = self.ends[from].line.pop_front() else { break };
                    self.ends[1 - from].hear(self.now, &bytes);
                }
            }
            for end in &mut self.ends {
                end.turn(self.now, &mut self.random);
            }
            let next = self.ends.iter().map(End::wakes_at).min().unwrap();
            self.now = next.max(self.now.after(Duration::from_millis(1)));
        }
    }

    /// Whether each node runs its own group, and no other.
    fn is_settled(&self) -> bool {
        let runs = |end: &End| [0, 1].map(|group: usize| end.engine.groups()[group].state() == GroupState::Running);
        self.ends.each_ref().map(runs) == [[true, false], [false, true]]
    }
}

#[test]
fn single_bytes_that_are_hit_kill_nobody() {
    for seed in 1..=SEEDS {
        let mut pair = Pair::new(seed);
        for minute in 0..5 {
            pair.run(60);
            assert!(minute != 2 || pair.is_settled(), "seed {seed}: not settled after three minutes");
            // An operator's request causes many messages.
            if minute >= 2 {
                let _ = pair.ends[minute % 2].engine.request(pair.now, Request::Standby(Class::All));
            }
        }
        for end in &pair.ends {
            let died = end.events.iter().find(|(_, event)| matches!(event, Event::NodeDead(_)));
            assert_eq!(died, None, "seed {seed}");
            assert!(end.engine.stats().not_authentic > 1000, "seed {seed}: no noise");
        }
    }
}
