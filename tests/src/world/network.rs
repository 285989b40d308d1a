//! The links between the nodes, and their faults.

use super::random::Random;
use super::schedule::{Fault, Medium, Site};
use hbcore::time::{Duration, Instant};
use std::rc::Rc;

/// The time of one byte on a serial line: 11,520 bytes in a second, at 115,200 baud and ten bits a byte.
const BYTE: Duration = Duration::from_micros(87);
/// The length of a serial port's queue; a message that finds it longer is dropped.
const CABLE_QUEUE: Duration = Duration::from_millis(350);

/// The way from one node to another on one link.
struct Line {
    random: Random,
    burst_until: Instant,
    /// Later packets arrive no earlier than this, unless a fault delays them.
    last_at: Instant,
    /// A serial line is busy until then.
    busy_until: Instant,
}

/// All lines, and the faults that affect them now.
pub(crate) struct Network {
    lines: Vec<Line>,
    nodes: usize,
    links: Vec<Medium>,
    delay: (u64, u64),
    weather: Weather,
}

/// The sum of the faults that are active.
#[derive(Default)]
struct Weather {
    cuts: Vec<(usize, usize, Option<usize>)>,
    isolated: Vec<usize>,
    lose: u64,
    burst: Option<(u64, u64)>,
    delay: u64,
    duplicate: u64,
    corrupt: u64,
    noise: u64,
}

/// Bytes that will arrive.
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) bytes: Rc<[u8]>,
    /// They differ from the bytes that were sent.
    pub(crate) damaged: bool,
}

impl Network {
    pub(crate) fn new(site: &Site, noise: u64) -> Self {
        let nodes = site.nodes.len();
        let line = |n| Line {
            random: Random::new(noise, 1000 + n as u64),
            burst_until: Instant::ZERO,
            last_at: Instant::ZERO,
            busy_until: Instant::ZERO,
        };
        Self {
            lines: (0..nodes * nodes * site.links.len()).map(line).collect(),
            nodes,
            links: site.links.clone(),
            delay: site.delay,
            weather: Weather::default(),
        }
    }

    /// Sets the faults that are active from now on.
    pub(crate) fn set_weather<'f>(&mut self, active: impl Iterator<Item = &'f Fault>) {
        let mut weather = Weather::default();
        for fault in active {
            match *fault {
                Fault::Cut { from, to, link } => weather.cuts.push((from, to, link)),
                Fault::Isolate(node) => weather.isolated.push(node),
                Fault::Lose(percent) => weather.lose = weather.lose.max(percent),
                Fault::Burst { begin, most } => weather.burst = Some((begin, most)),
                Fault::Delay(ms) => weather.delay = weather.delay.max(ms),
                Fault::Duplicate(percent) => weather.duplicate = weather.duplicate.max(percent),
                Fault::Corrupt(percent) => weather.corrupt = weather.corrupt.max(percent),
                Fault::Noise(percent) => weather.noise = weather.noise.max(percent),
                Fault::Power { .. }
                | Fault::Pause(_)
                | Fault::Slow { .. }
                | Fault::Fail { .. }
                | Fault::Hang(_)
                | Fault::Blind(_)
                | Fault::Helpless(_)
                | Fault::Vanish(_)
                | Fault::Crash(_)
                | Fault::NoFencing(_)
                | Fault::SlowFencing(_)
                | Fault::Blackout(_)
                | Fault::Takeover { .. }
                | Fault::SetClock { .. }
                | Fault::Standby { .. }
                | Fault::Reload { .. }
                | Fault::Leave(_) => {}
            }
        }
        self.weather = weather;
    }

    /// The longest time that a datagram travels when there are no faults.
    pub(crate) fn longest_delay(&self) -> Duration {
        let cable = BYTE * 1024;
        let serial = if self.links.contains(&Medium::Serial) { cable } else { Duration::ZERO };
        Duration::from_micros(self.delay.1) + serial
    }

    /// Whether this way loses everything.
    pub(crate) fn is_cut(&self, from: usize, to: usize, link: usize) -> bool {
        let weather = &self.weather;
        let cut = weather.cuts.iter().any(|(f, t, l)| *f == from && *t == to && l.is_none_or(|l| l == link));
        from != to && (cut || weather.isolated.contains(&from) || weather.isolated.contains(&to))
    }

    /// Sends `bytes`. They arrive at most twice.
    pub(crate) fn carry(
        &mut self,
        now: Instant,
        from: usize,
        to: usize,
        link: usize,
        bytes: &Rc<[u8]>,
    ) -> Vec<Arrival> {
        if self.is_cut(from, to, link) {
            return Vec::new();
        }
        let Self { lines, weather, .. } = self;
        let line = &mut lines[(link * self.nodes + from) * self.nodes + to];
        if line.loses(now, weather) {
            return Vec::new();
        }
        if self.links[link] == Medium::Serial {
            return line.write(now, weather, self.delay, bytes).into_iter().collect();
        }
        let copies = 1 + usize::from(line.random.percent(weather.duplicate));
        (0..copies).map(|_| line.send(now, weather, self.delay, bytes)).collect()
    }
}

impl Line {
    fn loses(&mut self, now: Instant, weather: &Weather) -> bool {
        if let Some((begin, most)) = weather.burst {
            if now >= self.burst_until && self.random.below(1000) < begin {
                self.burst_until = now.after(Duration::from_millis(self.random.between(1, most)));
            }
            if now < self.burst_until {
                return true;
            }
        }
        self.random.percent(weather.lose)
    }

    fn travel(&mut self, weather: &Weather, delay: (u64, u64)) -> Duration {
        Duration::from_micros(self.random.between(delay.0, delay.1) + self.random.below(weather.delay * 1000 + 1))
    }

    fn send(&mut self, now: Instant, weather: &Weather, delay: (u64, u64), bytes: &Rc<[u8]>) -> Arrival {
        let mut at = now.after(self.travel(weather, delay));
        if weather.delay == 0 {
            at = at.max(self.last_at);
            self.last_at = at;
        }
        let damaged = self.random.percent(weather.corrupt);
        let bytes = if damaged { self.damage(bytes) } else { Rc::clone(bytes) };
        Arrival { at, bytes, damaged }
    }

    /// Sends the bytes one after the other, in order.
    fn write(&mut self, now: Instant, weather: &Weather, delay: (u64, u64), bytes: &Rc<[u8]>) -> Option<Arrival> {
        let begin = self.busy_until.max(now);
        if begin.since(now) > CABLE_QUEUE {
            return None;
        }
        let damaged = self.random.percent(weather.corrupt.max(weather.noise));
        let bytes = if damaged { self.add_noise(bytes) } else { Rc::clone(bytes) };
        let travel = self.travel(weather, delay);
        self.busy_until = begin.after(BYTE * bytes.len() as u32).max(now.after(travel));
        Some(Arrival { at: self.busy_until, bytes, damaged })
    }

    fn damage(&mut self, bytes: &[u8]) -> Rc<[u8]> {
        let mut copy = bytes.to_vec();
        if self.random.percent(20) {
            copy.truncate(self.random.below(bytes.len() as u64) as usize);
        }
        if !copy.is_empty() {
            let place = self.random.below(copy.len() as u64) as usize;
            copy[place] ^= 1 << self.random.below(8);
        }
        copy.into()
    }

    /// Changes, removes and adds bytes, also around the message.
    fn add_noise(&mut self, bytes: &[u8]) -> Rc<[u8]> {
        let mut copy = Vec::with_capacity(bytes.len() + 16);
        for byte in bytes {
            match self.random.below(400) {
                0 => {}
                1 => copy.extend([*byte, self.random.below(256) as u8]),
                2 => copy.push(self.random.below(256) as u8),
                _ => copy.push(*byte),
            }
        }
        if self.random.percent(30) {
            copy.extend((0..8).map(|_| b">>>\n<<<\r"[self.random.below(8) as usize]));
        }
        copy.into()
    }
}
