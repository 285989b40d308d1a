//! The size of the firmware, the depth of its stack, and the length of its turns.

use std::io::{Read, Write};
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hbcore::id::{Generation, LinkId, NodeId, NodeName, Uuid};
use hbcore::takeover::{EFFECT_LIMIT, Outcome};
use hbcore::wire::{FrameReader, Keys, Method};
use hbcore::{
    AutoFailback, Autojoin, Cluster, Config, GroupConfig, HeartbeatFormat, LinkForm, NodeConfig, NodeKind, Timing, time,
};

use crate::board::{Board, in_c, in_rust};
use crate::stack::Calls;

/// The bounds of flash and RAM, in bytes: 48 KiB, as docs/firmware.md says, and 12 kB.
const FLASH: u32 = 48 * 1024;
const RAM: u32 = 12_000;
/// The bytes that must stay free if the stack is only painted, since it may be deeper in another life. In C it is 400
/// bytes deeper.
const SPARE: u32 = 800;
/// The paint of `cortex-m-rt`.
const PAINT: u32 = 0xCCCC_CCCC;
/// With `-icount shift=0` an instruction takes a nanosecond, and a cycle of the board's clock twenty.
const INSTRUCTIONS_PER_CYCLE: u32 = 20;
/// The most instructions for a call with the bytes of a packet, and for the rest of a turn: 6 ms and 12 ms at 50 MHz,
/// if an instruction takes a cycle.
const MOST_FOR_A_PACKET: u32 = 300_000;
const MOST_FOR_A_TURN: u32 = 600_000;

/// Prints the sizes of both firmwares, and compares them with their bounds.
pub(crate) fn within_bounds() {
    let report = after_a_life(in_c(), Board::report);
    let (packet, turn) = (report.packet * INSTRUCTIONS_PER_CYCLE, report.turn * INSTRUCTIONS_PER_CYCLE);
    println!(
        "in C, with a start, a takeover and a return: stack {} painted; most instructions for the bytes of a packet {packet}, for the \
              rest of a turn {turn}",
        report.stack
    );
    assert!(report.packet > 0 && packet <= MOST_FOR_A_PACKET, "a packet took {packet} instructions");
    assert!(turn <= MOST_FOR_A_TURN, "a turn took {turn} instructions");
    let (flash, data) = sections(in_c());
    let deepest = Calls::of(in_c()).deepest();
    let ram = data + deepest.bytes;
    println!("in C: flash {flash}, RAM {ram}: data {data}, stack at most {}", deepest.bytes);
    println!("  deepest: {}", deepest.chain.join(" > "));
    assert!(flash <= FLASH && ram <= RAM, "C: flash {flash} of {FLASH}, RAM {ram} of {RAM}");
    assert!(report.stack <= deepest.bytes, "{} painted, {} computed", report.stack, deepest.bytes);
    // Its stack is not computed: texts are formatted through pointers, and the machine code does not show the functions
    // behind those.
    let (flash, data) = sections(in_rust());
    let stack = stack_of(in_rust());
    let painted = after_a_life(in_rust(), |board| Some(board.stack_used(&stack, PAINT)));
    let ram = data + painted;
    println!("in Rust: flash {flash}, RAM {ram}: data {data}, stack {painted} painted of {}", stack.end - stack.start);
    assert!(flash <= FLASH && ram + SPARE <= RAM, "Rust: flash {flash} of {FLASH}, RAM {ram} and {SPARE} of {RAM}");
}

/// Bytes of flash and of static memory.
fn sections(image: &Path) -> (u32, u32) {
    let output = Command::new("arm-none-eabi-size").arg(image).output().expect("arm-none-eabi-size");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<u32> =
        text.lines().nth(1).expect("a line").split_whitespace().filter_map(|w| w.parse().ok()).collect();
    let [code, data, bss, ..] = numbers[..] else { panic!("{text}") };
    (code + data, data + bss)
}

/// The range of the stack of the program in Rust.
fn stack_of(image: &Path) -> Range<u32> {
    let output = Command::new("arm-none-eabi-nm").arg(image).output().expect("arm-none-eabi-nm");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let symbol = |name: &str| {
        let line = text.lines().find(|line| line.split_whitespace().nth(2) == Some(name)).expect("a symbol");
        u32::from_str_radix(&line[..8], 16).expect("an address")
    };
    symbol("_stack_end")..symbol("_stack_start")
}

/// An observation of the board after a life beside a node of this process: start, takeover, return.
fn after_a_life<T>(image: &Path, told: impl Fn(&Board) -> Option<T>) -> T {
    let board = Board::start(image, &["-icount", "shift=0"]);
    let cable = board.cable();
    cable.set_read_timeout(Some(Duration::from_millis(5))).expect("a socket");
    let mut run = 1;
    let mut alpha = Alpha::new(run);
    await_board(&board, &cable, Some(&mut alpha), |board| board.said().contains("node alpha is active"));
    await_board(&board, &cable, None, |board| board.said().contains("group 0 runs here"));
    run += 1;
    let mut alpha = Alpha::new(run);
    await_board(&board, &cable, Some(&mut alpha), |board| board.said().contains("group 0 is stopped here"));
    // Unplugged, because the line has no reader during the question, and QEMU does not answer while the line is full.
    board.unplug();
    board.type_key(b'i');
    await_board(&board, &cable, None, |board| told(board).is_some());
    told(&board).expect("it was told")
}

/// Carries bytes between the board and alpha, if that is there, until `done`.
fn await_board(board: &Board, mut cable: &UnixStream, mut alpha: Option<&mut Alpha>, done: impl Fn(&Board) -> bool) {
    let end = Instant::now() + Duration::from_mins(2);
    let mut bytes = [0; 64];
    while !done(board) {
        assert!(Instant::now() < end, "{}", board.said());
        let len = cable.read(&mut bytes).unwrap_or(0);
        if let Some(alpha) = &mut alpha {
            cable.write_all(&alpha.turn(&bytes[..len])).expect("a socket");
        }
    }
}

/// The other node.
struct Alpha {
    engine: Box<hbcore::cluster! { nodes: 2, links: 1, groups: 2, history: 4096, keys: 1 }>,
    frames: FrameReader<1024>,
    began: Instant,
}

impl Alpha {
    fn new(run: u64) -> Self {
        let mut keys = Keys::new();
        keys.insert(1, Method::Sha1, b"between-us").expect("a good key");
        keys.set_signing(1).expect("it is there");
        let node = |name| NodeConfig {
            name: NodeName::new(name).expect("a good name"),
            kind: NodeKind::Member,
            uuid: Uuid::NIL,
        };
        let seconds = time::Duration::from_secs;
        let config = Config {
            local: NodeId(0),
            nodes: &[node("alpha"), node("charlie")],
            links: &[LinkForm::Serial { baud: 0 }],
            groups: &[GroupConfig::at(NodeId(0)), GroupConfig::at(NodeId(1))],
            manage_resources: true,
            fencing: false,
            resume: None,
            introduction: None,
            timing: Timing {
                keepalive: seconds(1),
                warntime: seconds(2),
                deadtime: seconds(5),
                initdead: seconds(10),
                deadping: seconds(5),
                max_rexmit_delay: time::Duration::from_millis(250),
            },
            auto_failback: AutoFailback::On,
            hopfudge: 1,
            autojoin: Autojoin::None,
            heartbeat: HeartbeatFormat::Full,
            auth_field: true,
            generation: Generation(run),
            effect_limit: EFFECT_LIMIT,
            seed: run,
        };
        let engine = Box::new(Cluster::new(&config, keys, time::Instant::ZERO, 1).expect("a good configuration"));
        Self { engine, frames: FrameReader::new(), began: Instant::now() }
    }

    /// Processes the bytes that have arrived, and returns those to send.
    fn turn(&mut self, mut arrived: &[u8]) -> Vec<u8> {
        let now = time::Instant::ZERO.after(self.began.elapsed());
        while let Some(message) = self.frames.push(&mut arrived) {
            let _ = self.engine.handle(now, LinkId(0), message);
        }
        self.engine.advance(now);
        while let Some((ticket, _)) = self.engine.poll_effect() {
            self.engine.complete(now, ticket, Outcome::Done);
        }
        while self.engine.poll_event().is_some() {}
        let (mut out, mut buffer) = (Vec::new(), [0; 1024]);
        while let Some(transmit) = self.engine.poll_transmit(&mut buffer) {
            out.extend_from_slice(&buffer[..transmit.len]);
        }
        out
    }
}
