//! A client that asks the service address for an answer once a millisecond.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hbcore_linux::sys::realtime::{self, Policy};

use super::namespace::Namespace;
use super::network::{SERVICE, SERVICE_PORT};

/// The time between two probes.
const INTERVAL: Duration = Duration::from_millis(1);
/// The interval at which the receiving thread checks whether it should end.
const ATTENTION: Duration = Duration::from_millis(100);
/// The longest time for a page.
const PATIENCE: Duration = Duration::from_secs(1);

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The time of its arrival.
    pub at: Instant,
    /// The host that gave it.
    pub by: String,
}

/// The client. It probes until it is dropped.
pub struct Client {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// Asks once, and returns the name of the host that answered within 100 ms.
pub(super) fn ask(namespace: &Namespace, address: &str) -> Option<String> {
    let socket = namespace.inside(|| UdpSocket::bind("[::]:0")).expect("a socket of the client");
    socket.set_read_timeout(Some(ATTENTION)).expect("a socket option");
    socket.send_to(b"?", (address, SERVICE_PORT)).ok()?;
    let mut buffer = [0; 64];
    let len = socket.recv(&mut buffer).ok()?;
    Some(String::from_utf8_lossy(buffer[..len].strip_prefix(b"?")?).into_owned())
}

/// Fetches a page from the service address by HTTP.
pub(super) fn fetch(namespace: &Namespace, path: &str) -> Option<String> {
    let address = SocketAddr::new(SERVICE.parse().expect("an address"), 80);
    let mut stream = namespace.inside(|| TcpStream::connect_timeout(&address, PATIENCE)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {SERVICE}\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, page) = answer.split_once("\r\n\r\n")?;
    head.lines().next()?.contains(" 200 ").then(|| page.to_owned())
}

struct Shared {
    answers: Mutex<Vec<Answer>>,
    ended: AtomicBool,
}

impl Client {
    pub(super) fn new(namespace: &Namespace) -> Self {
        let socket = namespace.inside(|| -> std::io::Result<UdpSocket> {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            socket.connect((SERVICE, SERVICE_PORT))?;
            Ok(socket)
        });
        let socket = socket.expect("a socket of the client");
        socket.set_read_timeout(Some(ATTENTION)).expect("a socket option");
        let receiving = socket.try_clone().expect("a descriptor");
        let shared = Arc::new(Shared { answers: Mutex::default(), ended: AtomicBool::new(false) });
        let (sender, receiver) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads =
            vec![thread::spawn(move || sender.probe(&socket)), thread::spawn(move || receiver.receive(&receiving))];
        Self { shared, threads }
    }

    /// The answers that came at `since` or later, oldest first.
    pub fn answers(&self, since: Instant) -> Vec<Answer> {
        let answers = self.shared.answers.lock().expect("no thread panics with it");
        answers.iter().filter(|answer| answer.at >= since).cloned().collect()
    }

    /// Whether `host` gave the newest answer, at most 50 ms ago.
    pub fn is_served_by(&self, host: &str) -> bool {
        let answers = self.shared.answers.lock().expect("no thread panics with it");
        answers.last().is_some_and(|answer| answer.by == host && answer.at.elapsed() < Duration::from_millis(50))
    }

    /// The longest time without an answer, from the last one before `since` until now.
    pub fn longest_gap(&self, since: Instant) -> Duration {
        let answers = self.shared.answers.lock().expect("no thread panics with it");
        let first = answers.iter().rposition(|answer| answer.at <= since).unwrap_or(0);
        let times = answers[first..].iter().map(|answer| answer.at);
        let ends = times.clone().skip(1).chain([Instant::now()]);
        times.zip(ends).map(|(begin, end)| end.saturating_duration_since(begin)).max().unwrap_or(Duration::MAX)
    }

    /// The hosts that answered since then, each as often as the answers changed to it.
    pub fn who_answered(&self, since: Instant) -> Vec<String> {
        let mut names: Vec<String> = self.answers(since).into_iter().map(|answer| answer.by).collect();
        names.dedup();
        names
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The test measures the nodes, and not how long this process waits for a processor. Without permission it waits.
fn punctual() {
    let _ = realtime::enter_unguarded(Policy::RoundRobin, 1);
}

impl Shared {
    fn is_over(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn probe(&self, socket: &UdpSocket) {
        punctual();
        let mut next = Instant::now();
        while !self.is_over() {
            // No host has the address, or the socket reports an error of an earlier probe: then there is no answer.
            let _ = socket.send(b"?");
            next += INTERVAL;
            let now = Instant::now();
            match next.checked_duration_since(now) {
                Some(pause) => thread::sleep(pause),
                None => next = now,
            }
        }
    }

    fn receive(&self, socket: &UdpSocket) {
        punctual();
        let mut buffer = [0; 64];
        while !self.is_over() {
            let Ok(len) = socket.recv(&mut buffer) else { continue };
            let name = buffer[..len].strip_prefix(b"?").unwrap_or_default();
            let answer = Answer { at: Instant::now(), by: String::from_utf8_lossy(name).into_owned() };
            self.answers.lock().expect("no thread panics with it").push(answer);
        }
    }
}
