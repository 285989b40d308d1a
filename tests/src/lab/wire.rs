//! The packets on the switch, with the times that the kernel gave them: a delay is seen even if this process gets no
//! processor.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

use super::namespace::Namespace;
use super::network::{HEARTBEAT_PORT, SWITCHED};

/// The program that captures the packets.
pub const TCPDUMP: &str = "/usr/bin/tcpdump";
/// KiB of room in the kernel for packets that are not written yet. Allocating more keeps a processor in the kernel for
/// tens of milliseconds.
const ROOM: &str = "1024";
/// After this time both programs only wait for packets.
const SETTLED: Duration = Duration::from_millis(500);
/// After this time they have got every packet: the kernel passes them on in blocks, each after a second at the latest.
const HANDED_OUT: Duration = Duration::from_millis(1500);

/// The packets that are captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Captured {
    /// All of the port of heartbeats, and those of keepalived.
    All,
    /// Messages of type `status`, in both forms.
    Heartbeats,
}

impl Captured {
    fn filter(self) -> String {
        match self {
            Self::All => format!("(udp port {HEARTBEAT_PORT} or ip proto 112)"),
            // `t=st` after `>>>` and after `###` with the length and the kind of the field.
            Self::Heartbeats => {
                format!("udp port {HEARTBEAT_PORT} and (udp[12:4] = 0x743d7374 or udp[18:4] = 0x743d7374)")
            }
        }
    }
}

/// Listens at the switch's ports of alpha and bravo until `end`.
pub struct Wire {
    ports: [(Child, PathBuf); 2],
    begin: Duration,
}

/// The times at which a node sent packets, since the epoch, and the begin and end of the capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    times: Vec<Duration>,
    begin: Duration,
    end: Duration,
}

impl Sent {
    /// The number of packets.
    pub fn count(&self) -> usize {
        self.times.len()
    }

    /// The longest time without a packet.
    pub fn longest_silence(&self) -> Duration {
        self.silences().max().unwrap_or_default()
    }

    /// How often more than `limit` passed without a packet.
    pub fn silences_beyond(&self, limit: Duration) -> usize {
        self.silences().filter(|silence| *silence > limit).count()
    }

    fn silences(&self) -> impl Iterator<Item = Duration> {
        let begins = [self.begin].into_iter().chain(self.times.iter().copied());
        let ends = self.times.iter().copied().chain([self.end]);
        begins.zip(ends).map(|(begin, end)| end.saturating_sub(begin))
    }
}

impl Wire {
    pub(super) fn new(switch: &Namespace, directory: &std::path::Path, of: Captured) -> Self {
        let ports = [("alpha", SWITCHED[0]), ("bravo", SWITCHED[1])].map(|(port, address)| {
            let path = directory.join(format!("wire-{port}"));
            let filter = format!("src host {address} and {}", of.filter());
            let mut command = Command::new(TCPDUMP);
            command.args(["-n", "-p", "-B", ROOM, "-s", "64", "--time-stamp-precision=nano", "-i", port, "-w"]);
            command.arg(&path).arg(filter).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            let mut child =
                switch.inside(move || command.spawn()).expect("tcpdump; cargo verify --install installs its package");
            let mut said = BufReader::new(child.stderr.take().expect("a pipe")).lines();
            assert!(said.any(|line| line.is_ok_and(|line| line.contains("listening on"))), "tcpdump does not listen");
            (child, path)
        });
        thread::sleep(SETTLED);
        Self { ports, begin: now() }
    }

    /// The packets that alpha and bravo sent until now.
    pub fn end(mut self) -> [Sent; 2] {
        let (begin, end) = (self.begin, now());
        thread::sleep(HANDED_OUT);
        for (child, _) in &self.ports {
            signal(child, Signal::INT);
        }
        self.ports.each_mut().map(|(child, path)| {
            let _ = child.wait();
            let mut times = times(&fs::read(path).unwrap_or_default());
            times.retain(|at| (begin..=end).contains(at));
            Sent { times, begin, end }
        })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for (child, _) in &mut self.ports {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// The times in a file of packets that this machine wrote: a header of 24 bytes, then for each packet seconds,
/// nanoseconds, length and another length.
fn times(file: &[u8]) -> Vec<Duration> {
    let mut rest = file.get(24..).unwrap_or_default();
    let mut sent = Vec::new();
    while let Some((head, tail)) = rest.split_at_checked(16) {
        let word = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        sent.push(Duration::new(u64::from(word(0)), word(4)));
        rest = tail.get(word(8) as usize..).unwrap_or_default();
    }
    sent
}

/// How often the sender of two changes. If only the owner sends, each change is a takeover.
pub fn changes_of_sender(sent: &[Sent; 2]) -> usize {
    let mut all: HashMap<Duration, usize> = HashMap::new();
    for (sender, sent) in sent.iter().enumerate() {
        all.extend(sent.times.iter().map(|&at| (at, sender)));
    }
    let mut in_order: Vec<_> = all.into_iter().collect();
    in_order.sort_unstable();
    in_order.windows(2).filter(|two| two[0].1 != two[1].1).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_of_packets_gives_its_times() {
        let packet = |seconds: u32, nanos: u32, len: u32| {
            let mut bytes: Vec<u8> = [seconds, nanos, len, 1000].iter().flat_map(|word| word.to_ne_bytes()).collect();
            bytes.extend(vec![7; len as usize]);
            bytes
        };
        let file = [vec![0; 24], packet(5, 1, 60), packet(5, 20_000_001, 0), packet(6, 0, 3), vec![1; 9]].concat();
        let sent = times(&file);
        assert_eq!(sent, [Duration::new(5, 1), Duration::new(5, 20_000_001), Duration::from_secs(6)]);
    }

    #[test]
    fn silence_includes_what_is_before_the_first_packet_and_after_the_last() {
        let of = |times: &[u64]| sent(times, 0, 100);
        assert_eq!(of(&[10, 20, 55, 70]).longest_silence(), Duration::from_millis(35));
        assert_eq!(of(&[40]).longest_silence(), Duration::from_millis(60));
        assert_eq!(of(&[]).longest_silence(), Duration::from_millis(100));
        assert_eq!(of(&[40, 50, 99]).silences_beyond(Duration::from_millis(30)), 2);
    }

    fn sent(times: &[u64], begin: u64, end: u64) -> Sent {
        let at = Duration::from_millis;
        Sent { times: times.iter().copied().map(at).collect(), begin: at(begin), end: at(end) }
    }

    #[test]
    fn senders_are_compared_in_the_order_of_time() {
        assert_eq!(changes_of_sender(&[sent(&[1, 2, 7], 0, 9), sent(&[4, 5], 0, 9)]), 2);
    }
}
