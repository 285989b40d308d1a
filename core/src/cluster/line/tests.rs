//! Two engines and a serial line of 19200 bits per second, in virtual time.

use super::super::tests::{GROUPS, signing_keys, sound};
use super::super::*;
use crate::takeover::{EFFECT_LIMIT, Outcome};
use std::vec::Vec;

type Engine = Cluster<2, 1, 2, 8192, 1>;

/// The speed of the line: a heartbeat takes 80 ms.
pub(super) const SPEED: u32 = 19_200;

/// Node `local` of two.
pub(super) fn config<E>(local: u8, seed: u64, speed: u32, make: impl FnOnce(&Config<'_>, Keys<1>) -> E) -> E {
    let node = |name| NodeConfig { name: NodeName::new(name).unwrap(), kind: NodeKind::Member, uuid: Uuid::NIL };
    let seconds = Duration::from_secs;
    let (nodes, links) = ([node("alpha"), node("bravo")], [LinkForm::Serial { baud: speed }]);
    let config = Config {
        local: NodeId(local),
        timing: Timing {
            keepalive: seconds(1),
            warntime: seconds(3),
            deadtime: seconds(5),
            initdead: seconds(10),
            deadping: seconds(5),
            max_rexmit_delay: Duration::from_millis(250),
        },
        effect_limit: EFFECT_LIMIT,
        seed: seed + u64::from(local),
        ..sound(&nodes, &links, &GROUPS)
    };
    make(&config, signing_keys())
}

fn engine(local: u8, speed: u32) -> Engine {
    config(local, 7, speed, |config, keys| Engine::new(config, keys, Instant::ZERO, 1).unwrap())
}

/// Two nodes, and the losses of the line between them.
struct Pair<F> {
    nodes: [Engine; 2],
    now: Instant,
    loses: F,
    /// Bytes that the first node sent.
    bytes: u64,
    events: [Vec<Event>; 2],
}

impl<F: FnMut(usize) -> bool> Pair<F> {
    #[expect(clippy::large_stack_arrays, reason = "two engines")]
    fn new(speed: u32, loses: F) -> Self {
        let nodes = [engine(0, speed), engine(1, speed)];
        Self { nodes, now: Instant::ZERO, loses, bytes: 0, events: [Vec::new(), Vec::new()] }
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now.after(Duration::from_secs(seconds));
        while self.now < end {
            for from in 0..2 {
                self.nodes[from].advance(self.now);
                self.drain(from);
            }
            let next = self.nodes.iter().filter_map(Engine::next_deadline).min().unwrap();
            self.now = next.max(self.now.after(Duration::from_millis(1)));
        }
    }

    fn drain(&mut self, from: usize) {
        let mut buffer = [0; 1024];
        while let Some(transmit) = self.nodes[from].poll_transmit(&mut buffer) {
            self.bytes += if from == 0 { transmit.len as u64 } else { 0 };
            if !(self.loses)(transmit.len) {
                let _ = self.nodes[1 - from].handle(self.now, LinkId(0), &buffer[..transmit.len]).unwrap();
            }
        }
        while let Some((ticket, _)) = self.nodes[from].poll_effect() {
            self.nodes[from].complete(self.now, ticket, Outcome::Done);
        }
        while let Some(event) = self.nodes[from].poll_event() {
            self.events[from].push(event);
        }
    }
}

#[test]
fn idle_line_carries_each_heartbeat_several_times_and_stays_half_free() {
    let mut pair = Pair::new(SPEED, |_| false);
    pair.run(30);
    let (bytes, duplicates) = (pair.bytes, pair.nodes[1].stats().duplicates);
    pair.events[1].clear();
    pair.run(20);
    let copies = pair.nodes[1].stats().duplicates - duplicates;
    assert!((100..=140).contains(&copies), "{copies} copies in 20 s");
    let busy = (pair.bytes - bytes) * 10 * 100 / u64::from(SPEED) / 20;
    assert!((30..=50).contains(&busy), "busy for {busy} % of the time");
    assert_eq!(pair.events[1], [], "copies are nothing to talk about");
}

#[test]
fn nothing_is_sent_twice_before_the_speed_is_known() {
    let mut pair = Pair::new(0, |_| false);
    pair.run(50);
    assert_eq!(pair.nodes[1].stats().duplicates, 0);
}

#[test]
fn nobody_dies_of_noise_that_hits_one_byte_in_a_hundred() {
    let dies = |speed| {
        let mut random = Random::new(3);
        // A message arrives if none of its bytes is hit.
        let mut pair = Pair::new(speed, |len| (0..len).any(|_| random.below(100) == 0));
        pair.run(300);
        pair.events.iter().flatten().filter(|event| matches!(event, Event::NodeDead(_))).count()
    };
    assert_eq!(dies(SPEED), 0);
    assert!(dies(0) > 0, "without copies somebody does");
}
