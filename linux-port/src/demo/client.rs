//! The client: it asks the service address a thousand times a second which node answers, and remembers the answers.

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::network::{NODES, SERVICE, SERVICE_PORT};
use super::timing::QUESTION;
use crate::sys::namespace::Network;
use crate::sys::realtime::{self, Policy};

/// The interval at which the listening thread looks whether it should end.
const ATTENTION: Duration = Duration::from_millis(50);
/// A node answers now if it gave this many answers in a row, and the newest within [`JUST_NOW`].
const STEADY: usize = 5;
const JUST_NOW: Duration = Duration::from_millis(10);
/// The lowest real-time priority, which goes before all normal work.
const PRIORITY: u8 = 1;

/// An answer.
#[derive(Clone, Copy, Debug)]
struct Answer {
    at: Instant,
    by: &'static str,
}

/// The client. It asks until it is dropped.
pub(super) struct Client {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<Vec<Answer>>,
    over: AtomicBool,
}

impl Client {
    pub(super) fn start(place: &Network) -> io::Result<Self> {
        let socket = place.inside(|| UdpSocket::bind("0.0.0.0:0"))?;
        socket.connect((SERVICE, SERVICE_PORT))?;
        socket.set_read_timeout(Some(ATTENTION))?;
        let listening = socket.try_clone()?;
        let shared = Arc::new(Shared::default());
        let mut client = Self { shared: Arc::clone(&shared), threads: Vec::new() };
        let (asks, listens) = (Arc::clone(&shared), shared);
        client.threads.push(thread::Builder::new().spawn(move || asks.ask(&socket))?);
        client.threads.push(thread::Builder::new().spawn(move || listens.listen(&listening))?);
        Ok(client)
    }

    /// Whether `node` answers now.
    pub(super) fn is_served_by(&self, node: &str) -> bool {
        let answers = self.shared.answers();
        let newest = answers.last_chunk::<STEADY>();
        newest.is_some_and(|all| all.iter().all(|a| a.by == node) && all[STEADY - 1].at.elapsed() < JUST_NOW)
    }

    /// The time of the first answer of `node` after `since`.
    pub(super) fn first_answer(&self, since: Instant, node: &str) -> Option<Instant> {
        self.shared.answers().iter().find(|a| a.at >= since && a.by == node).map(|a| a.at)
    }

    /// All answers so far: the time, and the node.
    pub(super) fn answers(&self) -> Vec<(Instant, &'static str)> {
        self.shared.answers().iter().map(|answer| (answer.at, answer.by)).collect()
    }

    /// The longest time without an answer: from the last one before `since` to the newest, or to now if that is longer.
    pub(super) fn longest_silence(&self, since: Instant) -> Duration {
        let answers = self.shared.answers();
        let first = answers.iter().rposition(|a| a.at < since).unwrap_or(0);
        let times = answers.iter().skip(first).map(|a| a.at);
        let ends = times.clone().skip(1).chain([Instant::now()]);
        times.zip(ends).map(|(from, to)| to.saturating_duration_since(from)).max().unwrap_or(Duration::MAX)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn answers(&self) -> MutexGuard<'_, Vec<Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, socket: &UdpSocket) {
        hurry();
        let mut next = Instant::now();
        while !self.over.load(Ordering::Relaxed) {
            // The error may belong to an earlier question; the failed call clears it, so the second one sends.
            let _ = socket.send(b"who").or_else(|_| socket.send(b"who"));
            next += QUESTION;
            match next.checked_duration_since(Instant::now()) {
                Some(pause) => thread::sleep(pause),
                None => next = Instant::now(),
            }
        }
    }

    fn listen(&self, socket: &UdpSocket) {
        hurry();
        let mut buffer = [0; 64];
        while !self.over.load(Ordering::Relaxed) {
            let Ok(len) = socket.recv(&mut buffer) else { continue };
            let at = Instant::now();
            let by = NODES.into_iter().find(|name| Some(name.as_bytes()) == buffer.get(..len));
            self.answers().extend(by.map(|by| Answer { at, by }));
        }
    }
}

/// Gives the calling thread real-time scheduling, so that a busy machine does not delay an answer and make the cluster
/// look slow. Returns whether that was permitted.
pub(super) fn hurry() -> bool {
    realtime::enter_unguarded(Policy::RoundRobin, PRIORITY).is_ok()
}
