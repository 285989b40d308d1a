//! The serial line between a daemon and the board: 19200 bits per second, with a switch and with noise.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The time of one byte: ten bits.
const BYTE_TIME: Duration = Duration::from_nanos(1_000_000_000 * 10 / 19_200);
/// A byte that passes late is made up for by at most this.
const OVERSLEPT: Duration = Duration::from_millis(5);
/// The way in which one byte in a hundred is damaged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noise {
    /// No noise.
    None,
    /// One byte in 1600 begins a burst of 16.
    Bursts,
    /// Single bytes.
    Single,
}

impl Noise {
    const ALL: [Self; 3] = [Self::None, Self::Bursts, Self::Single];

    /// One byte in how many begins a burst, and the length of a burst.
    fn burst(self) -> Option<(u64, u64)> {
        match self {
            Self::None => None,
            Self::Bursts => Some((1600, 16)),
            Self::Single => Some((100, 1)),
        }
    }
}

/// A serial line. It ends when it is dropped.
pub(crate) struct Cable {
    state: Arc<State>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    ended: AtomicBool,
    /// An index in [`Noise::ALL`].
    noise: AtomicUsize,
    unplugged: AtomicBool,
    carried: AtomicU64,
    hit: AtomicU64,
}

impl Cable {
    /// Connects the device `port` with the board.
    pub(crate) fn new(port: &Path, board: &UnixStream) -> Self {
        let state = Arc::new(State::default());
        let flags = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).expect("a flag");
        let device = OpenOptions::new().read(true).write(true).custom_flags(flags).open(port).expect("a terminal");
        let clone = |stream: &UnixStream| stream.try_clone().expect("a descriptor");
        let (from_board, to_board) = (clone(board), clone(board));
        let (from_port, to_port): (File, File) = (device.try_clone().expect("a descriptor"), device);
        let (one, other) = (Arc::clone(&state), Arc::clone(&state));
        let threads = vec![
            thread::spawn(move || carry(from_port, to_board, &one, 1)),
            thread::spawn(move || carry(from_board, to_port, &other, 2)),
        ];
        Self { state, threads }
    }

    /// Pulls or puts the plug. Bytes under way when it is pulled are lost, like those that a machine without power has
    /// not sent yet.
    pub(crate) fn set_plugged(&self, plugged: bool) {
        self.state.unplugged.store(!plugged, Ordering::Relaxed);
    }

    /// Sets the noise from now on: one byte in a hundred, or none.
    pub(crate) fn set_noise(&self, noise: Noise) {
        let place = Noise::ALL.iter().position(|known| *known == noise);
        self.state.noise.store(place.unwrap_or(0), Ordering::Relaxed);
    }

    /// How many bytes passed, and how many of them were damaged.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.state.carried.load(Ordering::Relaxed), self.state.hit.load(Ordering::Relaxed))
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One direction. A byte takes as long as on a real line.
fn carry(mut from: impl Read + AsFd, mut to: impl Write, state: &State, seed: u64) {
    let attention = Timespec::try_from(Duration::from_millis(50)).expect("a short time");
    let mut disturber = Disturber { random: seed, burst: 0 };
    let mut free_at = Instant::now();
    let mut bytes = [0; 16];
    while !state.ended.load(Ordering::Relaxed) {
        if !matches!(poll(&mut [PollFd::new(&from, PollFlags::IN)], Some(&attention)), Ok(1..)) {
            continue;
        }
        let Ok(len @ 1..) = from.read(&mut bytes) else { return };
        if state.unplugged.load(Ordering::Relaxed) {
            continue;
        }
        // This thread sleeps a little too long each time. Without this correction, the line would be slower than
        // configured.
        let now = Instant::now();
        free_at =
            if now < free_at + OVERSLEPT { free_at } else { now } + BYTE_TIME * u32::try_from(len).expect("a few");
        thread::sleep(free_at.saturating_duration_since(Instant::now()));
        let noise = Noise::ALL[state.noise.load(Ordering::Relaxed)].burst();
        let disturb = |&byte: &u8| match noise {
            Some((every, burst)) => disturber.disturb(byte, every, burst, state),
            None => Some(byte),
        };
        let heard: Vec<u8> = bytes[..len].iter().filter_map(disturb).collect();
        state.carried.fetch_add(len as u64, Ordering::Relaxed);
        if to.write_all(&heard).is_err() {
            return;
        }
    }
}

/// Flips bits, loses bytes, and replaces bytes.
struct Disturber {
    random: u64,
    burst: u64,
}

impl Disturber {
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % bound
    }

    fn disturb(&mut self, byte: u8, every: u64, burst: u64, state: &State) -> Option<u8> {
        if self.burst == 0 && self.below(every) == 0 {
            self.burst = burst;
        }
        if self.burst == 0 {
            return Some(byte);
        }
        self.burst -= 1;
        state.hit.fetch_add(1, Ordering::Relaxed);
        match self.below(3) {
            0 => Some(byte ^ (1 << self.below(8))),
            1 => None,
            _ => Some(self.below(256) as u8),
        }
    }
}
