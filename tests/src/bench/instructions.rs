//! The number of instructions that the engine needs. Unlike times, it is the same in every run: callgrind counts them.

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

use hbcore::HeartbeatFormat;
use hbcore::config::{HaCf, Problems};
use hbcore::id::LinkId;
use hbcore::time::{Duration, Instant};
use hbcore::wire::{FrameReader, Method, open};

use super::core_time::{Engine, engine, heartbeat, keys_of, signed_heartbeat};

/// Sizes of clusters; an engine has at most 128 nodes.
const SIZES: [usize; 4] = [2, 16, 100, 128];

/// The number of repetitions. It spreads the cost of rare events.
const TIMES: u64 = 200;

/// The interval of heartbeats in a running cluster.
const KEEPALIVE: Duration = Duration::from_millis(100);
const BEGIN: Instant = Instant::from_millis(2);

/// A piece of work whose instructions are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// A heartbeat arrives: find the fields, verify HMAC-SHA1, find its sender among the nodes, update it.
    Receive(usize),
    /// `advance` and `next_deadline` when nothing is due.
    Idle(usize),
    /// One keepalive of a cluster at work: a heartbeat of each other node, a tick, and the datagrams that are then
    /// sent.
    Round(usize),
    /// The fields of a heartbeat are found and its digest is verified.
    Open(Method),
    /// The heartbeat is due: it is written, signed, kept and handed out.
    Encode(HeartbeatFormat),
    /// A heartbeat is found in a stream of bytes.
    Frame,
    /// An `ha.cf` of a hundred nodes is read.
    HaCf,
}

impl Row {
    /// All rows in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        let sized = [Self::Receive, Self::Idle, Self::Round].into_iter().flat_map(|row| SIZES.map(row));
        let others = [
            Self::Open(Method::Crc),
            Self::Open(Method::Md5),
            Self::Open(Method::Sha1),
            Self::Encode(HeartbeatFormat::Compact),
            Self::Encode(HeartbeatFormat::Full),
            Self::Frame,
            Self::HaCf,
        ];
        sized.chain(others)
    }

    /// The name of the row: one word.
    pub fn name(self) -> String {
        match self {
            Self::Receive(nodes) => format!("receive-{nodes}"),
            Self::Idle(nodes) => format!("idle-{nodes}"),
            Self::Round(nodes) => format!("round-{nodes}"),
            Self::Open(method) => format!("open-{method:?}").to_lowercase(),
            Self::Encode(form) => format!("encode-{form:?}").to_lowercase(),
            Self::Frame => "frame".to_owned(),
            Self::HaCf => "ha_cf-100".to_owned(),
        }
    }

    /// The row of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().find(|row| row.name() == name)
    }

    /// Does the work `TIMES` times, for callgrind to watch.
    pub fn work(self) {
        match self {
            Self::Receive(nodes) => receive(nodes),
            Self::Idle(nodes) => idle(nodes),
            Self::Round(nodes) => round(nodes),
            Self::Open(method) => open_heartbeat(method),
            Self::Encode(form) => encode(form),
            Self::Frame => frame(),
            Self::HaCf => ha_cf(),
        }
    }

    /// The number of instructions of one repetition. `program` does the work of a row when called with `instructions
    /// --row NAME`.
    ///
    /// # Errors
    /// The output of valgrind, or the reason why it cannot be started.
    pub fn count(self, program: &Path) -> Result<u64, String> {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted*"]);
        valgrind.arg(program).args(["instructions", "--row", &self.name()]).stdin(Stdio::null());
        let output = valgrind.output().map_err(|error| format!("valgrind: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse::<u64>().ok());
        match collected.filter(|_| output.status.success()) {
            Some(all) if all > TIMES => Ok(all / TIMES),
            _ => Err(format!("{}: {said}", self.name())),
        }
    }
}

/// The table of all rows.
///
/// # Errors
/// As [`Row::count`].
pub fn table(program: &Path) -> Result<String, String> {
    let mut table = "| | instructions |\n|---|---:|\n".to_owned();
    for row in Row::all() {
        let _ = writeln!(table, "| {} | {} |", row.name(), row.count(program)?);
    }
    Ok(table)
}

/// Callgrind knows this function by its name, and counts only the work inside.
#[inline(never)]
fn counted(work: impl FnOnce()) {
    work();
}

fn receive(nodes: usize) {
    let mut engine = running(nodes);
    let messages: Vec<Vec<u8>> = (2..).take(TIMES as usize).map(|seq| heartbeat(1, seq)).collect();
    counted(|| {
        for message in &messages {
            let _ = black_box(engine.handle(BEGIN, LinkId(0), message));
        }
    });
    assert_eq!(engine.stats().accepted, TIMES + nodes as u64 - 1);
}

fn idle(nodes: usize) {
    let mut engine = running(nodes);
    counted(|| {
        for _ in 0..TIMES {
            engine.advance(BEGIN);
            black_box(engine.next_deadline());
        }
    });
}

fn round(nodes: usize) {
    let mut engine = running(nodes);
    let rounds = (2..).take(TIMES as usize);
    let messages: Vec<Vec<Vec<u8>>> = rounds.map(|seq| (1..nodes).map(|node| heartbeat(node, seq)).collect()).collect();
    let mut buffer = [0; 1500];
    let mut now = BEGIN;
    counted(|| {
        for round in &messages {
            now = now.after(KEEPALIVE);
            for message in round {
                let _ = black_box(engine.handle(now, LinkId(0), message));
            }
            engine.advance(now);
            drain(&mut engine, &mut buffer);
        }
    });
    assert_eq!(engine.stats().local_stalls, 0);
    assert!(engine.stats().sent >= TIMES);
}

fn open_heartbeat(method: Method) {
    let keys = keys_of(method);
    let message = signed_heartbeat(&keys, 1, 1000);
    counted(|| {
        for _ in 0..TIMES {
            let _ = black_box(open(black_box(&message), &keys));
        }
    });
    assert!(open(&message, &keys).is_ok());
}

fn encode(form: HeartbeatFormat) {
    let mut engine = engine(2, form);
    let mut buffer = [0; 1500];
    let mut now = BEGIN;
    drain(&mut engine, &mut buffer);
    let before = engine.stats().sent;
    counted(|| {
        for _ in 0..TIMES {
            now = now.after(KEEPALIVE);
            engine.advance(now);
            black_box(engine.poll_transmit(&mut buffer));
        }
    });
    // Besides heartbeats, the node reports once that it is alone, and active.
    assert!((TIMES..TIMES + 8).contains(&(engine.stats().sent - before)), "{}", engine.stats().sent - before);
}

fn frame() {
    let message = heartbeat(1, 1000);
    let mut reader = Box::new(FrameReader::<1024>::new());
    let mut found = 0;
    counted(|| {
        for _ in 0..TIMES {
            let mut input = black_box(&message[..]);
            found += u64::from(reader.push(&mut input).is_some());
        }
    });
    assert_eq!(found, TIMES);
}

fn ha_cf() {
    let mut text = String::from("bcast eth0\nkeepalive 100ms\ndeadtime 500ms\nlogfacility local0\n");
    for node in 0..100 {
        let _ = writeln!(text, "node node-number-{node:02}");
    }
    let read = || HaCf::parse(black_box(text.as_bytes()), "node-number-00", &mut Problems::<64>::new()).checked();
    counted(|| {
        for _ in 0..TIMES {
            black_box(read());
        }
    });
    assert_eq!(read().map(|ha_cf| ha_cf.nodes.len()), Some(100));
}

/// A cluster in which each node has been heard once, and nothing is due.
fn running(nodes: usize) -> Box<Engine> {
    let mut engine = engine(nodes, HeartbeatFormat::Compact);
    for node in 1..nodes {
        engine.handle(BEGIN, LinkId(0), &heartbeat(node, 1)).expect("a good heartbeat");
    }
    // The engine checks some nodes at a time, so that it needs to keep only few events.
    while engine.next_deadline().is_some_and(|at| at <= BEGIN) {
        engine.advance(BEGIN);
        drain(&mut engine, &mut [0; 1500]);
    }
    drain(&mut engine, &mut [0; 1500]);
    engine
}

fn drain(engine: &mut Engine, buffer: &mut [u8]) {
    while black_box(engine.poll_transmit(buffer)).is_some() {}
    while black_box(engine.poll_event()).is_some() {}
}
