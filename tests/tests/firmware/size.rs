//! How large the firmware is, how deep its stack, how long its turns.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::board::{Board, in_c};

/// The bounds that the linker script sets; what is aimed at is 48 KiB and 12 KiB.
const FLASH: u32 = 80 * 1024;
const RAM: u32 = 28 * 1024;
/// With `-icount shift=0` an instruction takes a nanosecond, and a cycle of the board's clock twenty.
const INSTRUCTIONS_PER_CYCLE: u32 = 20;
/// What a turn may take: 20 ms at 50 MHz, if an instruction takes a cycle.
const MOST_INSTRUCTIONS: u32 = 1_000_000;

/// Prints the sizes, and compares them with their bounds. The stack is that of a start and a takeover.
pub(crate) fn within_bounds() {
    let output = Command::new("arm-none-eabi-size").arg(in_c()).output().expect("arm-none-eabi-size");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<u32> =
        text.lines().nth(1).expect("a line").split_whitespace().filter_map(|w| w.parse().ok()).collect();
    let [code, data, bss, ..] = numbers[..] else { panic!("{text}") };

    let board = Board::start(in_c(), &["-icount", "shift=0"]);
    board.unplug();
    let end = Instant::now() + Duration::from_mins(1);
    let report = loop {
        if board.said().contains("takeover from node alpha is complete") {
            board.type_key(b'i');
            if let Some(report) = board.report() {
                break report;
            }
        }
        assert!(Instant::now() < end, "no takeover\n{}", board.said());
        std::thread::sleep(Duration::from_millis(200));
    };
    let (flash, ram) = (code + data, data + bss + report.stack);
    let turn = report.turn * INSTRUCTIONS_PER_CYCLE;
    println!(
        "firmware: flash {flash}, RAM {ram} (data {}, deepest stack {}), longest turn {turn} instructions",
        data + bss,
        report.stack
    );
    assert!(flash <= FLASH && ram <= RAM, "flash {flash} of {FLASH}, RAM {ram} of {RAM}");
    assert!(turn <= MOST_INSTRUCTIONS, "a turn took {turn} instructions");
    assert_eq!(report.packet, 0, "nothing was received");
}
