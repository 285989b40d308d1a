//! The parts of the LM3S6965 that the node needs. `../cortex-m/board.c` is the same in C and explains the registers.

use core::cell::RefCell;
use core::convert::Infallible;

use cortex_m::peripheral::SCB;
use cortex_m_rt::exception;
use critical_section::Mutex;
use embedded_hal_nb::nb;
use hbcore::time::Instant;
use heapless::Deque;

const CLOCK_HZ: u32 = 50_000_000;
/// Bits per second of the serial line.
pub const CABLE_BAUD: u32 = 19_200;
/// `SysTick` counts 24 bits down.
const ROUND: u32 = 1 << 24;

/// Reads a register of this microcontroller.
fn read(address: usize) -> u32 {
    // SAFETY: all addresses in this file are aligned registers (or flash) of the LM3S6965; reading them touches no
    // memory of Rust.
    unsafe { core::ptr::with_exposed_provenance::<u32>(address).read_volatile() }
}

/// Writes a register of this microcontroller.
fn write(address: usize, value: u32) {
    // SAFETY: as above; no register makes the hardware write to memory.
    unsafe { core::ptr::with_exposed_provenance_mut::<u32>(address).write_volatile(value) }
}

fn set(address: usize, bits: u32) {
    write(address, read(address) | bits);
}

/// Starts clocks, pins, both serial lines, the watchdog, and the time.
pub fn start() {
    const RCC: usize = 0x400F_E060;
    write(RCC, read(RCC) & !0x07C0_33F1 | 0x01C0_0380); // 8 MHz crystal, PLL on, divided by four
    while read(0x400F_E050) & 1 << 6 == 0 {}
    write(RCC, read(RCC) & !(1 << 11)); // and switch to it: 50 MHz
    set(0x400F_E104, 0x1_0003); // UART0, UART1, timer 0
    set(0x400F_E108, 0xB); // ports A, B, D
    for (port, pins, outputs, alternate) in
        [(0x4000_4000, 3, 0, 3), (0x4000_7000, 0xC, 0, 0xC), (0x4000_5000, 0xF, 0xF, 0)]
    {
        set(port + 0x400, outputs);
        set(port + 0x420, alternate);
        set(port + 0x51C, pins);
    }
    const SYSTICK: usize = 0xE000_E010;
    write(SYSTICK + 4, ROUND - 1);
    write(SYSTICK + 8, 0);
    write(SYSTICK, 7);
    Uart::CONSOLE.start(115_200);
    Uart::CABLE.start(CABLE_BAUD);
    // Timer 0 wakes the processor once a millisecond.
    write(TIMER0 + 0x04, 2);
    write(TIMER0 + 0x28, CLOCK_HZ / 1000 - 1);
    write(TIMER0 + 0x18, 1);
    write(TIMER0 + 0x0C, 1);
    write(0xE000_E100, 1 << 5 | 1 << 6 | 1 << 19); // interrupts of UART0, UART1 and timer 0
    watchdog::start();
}

const TIMER0: usize = 0x4003_0000;

/// How often `SysTick` came around. It does so once in 335 ms, so that no round is missed.
static ROUNDS: Mutex<RefCell<u64>> = Mutex::new(RefCell::new(0));

#[exception]
fn SysTick() {
    critical_section::with(|cs| *ROUNDS.borrow_ref_mut(cs) += 1);
}

/// The time since the start.
pub fn now() -> Instant {
    critical_section::with(|cs| {
        let mut left = read(0xE000_E018);
        let pending = SCB::is_pendst_pending();
        if pending {
            left = read(0xE000_E018); // certainly read after the interrupt that has not been counted yet
        }
        let rounds = *ROUNDS.borrow_ref(cs) + u64::from(pending);
        let cycles = rounds * u64::from(ROUND) + u64::from(ROUND - 1 - left);
        Instant::from_micros(cycles / u64::from(CLOCK_HZ / 1_000_000))
    })
}

/// Sets an output pin, PB0 to PB3.
pub fn pin_set(pin: u16, high: bool) {
    write(0x4000_5000 + (4 << pin), u32::from(high) << pin);
}

/// The bytes that wait between a UART and the program.
struct Rings {
    received: Deque<u8, 256>,
    to_send: Deque<u8, 256>,
}

impl Rings {
    const fn new() -> Mutex<RefCell<Self>> {
        Mutex::new(RefCell::new(Self { received: Deque::new(), to_send: Deque::new() }))
    }
}

static CONSOLE: Mutex<RefCell<Rings>> = Rings::new();
static CABLE: Mutex<RefCell<Rings>> = Rings::new();

/// A PL011 with rings that its interrupt fills and empties.
#[derive(Clone, Copy)]
pub struct Uart {
    base: usize,
    rings: &'static Mutex<RefCell<Rings>>,
}

impl Uart {
    /// UART0: the console.
    pub const CONSOLE: Self = Self { base: 0x4000_C000, rings: &CONSOLE };
    /// UART1: the serial line to the other node.
    pub const CABLE: Self = Self { base: 0x4000_D000, rings: &CABLE };

    fn start(self, baud: u32) {
        let divisor = (CLOCK_HZ * 4 + baud / 2) / baud; // in 64ths of sixteen clocks
        write(self.base + 0x30, 0);
        write(self.base + 0x24, divisor / 64);
        write(self.base + 0x28, divisor % 64);
        write(self.base + 0x2C, 0x70); // eight bits, no parity, one stop bit, FIFOs
        write(self.base + 0x30, 0x301);
        self.work();
    }

    /// Moves as many bytes as possible. Called by the interrupt, and whenever there are new bytes to send.
    fn work(self) {
        critical_section::with(|cs| {
            let mut rings = self.rings.borrow_ref_mut(cs);
            write(self.base + 0x44, 0x70);
            while read(self.base + 0x18) & 1 << 4 == 0 {
                let _ = rings.received.push_back(read(self.base) as u8); // if full, the byte is lost
            }
            while read(self.base + 0x18) & 1 << 5 == 0
                && let Some(byte) = rings.to_send.pop_front()
            {
                write(self.base, u32::from(byte));
            }
            write(self.base + 0x38, if rings.to_send.is_empty() { 0x50 } else { 0x70 });
        });
    }

    fn put(self, byte: u8) -> Result<(), u8> {
        let put = critical_section::with(|cs| self.rings.borrow_ref_mut(cs).to_send.push_back(byte));
        self.work();
        put
    }
}

/// The handler of all interrupts without a name. Only those of the UARTs and of timer 0 are enabled.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    match number {
        5 => Uart::CONSOLE.work(),
        6 => Uart::CABLE.work(),
        19 => write(TIMER0 + 0x24, 1),
        _ => loop {
            core::hint::spin_loop(); // a mistake; the watchdog resets the machine
        },
    }
}

impl embedded_hal_nb::serial::ErrorType for Uart {
    type Error = embedded_hal_nb::serial::ErrorKind;
}

impl embedded_hal_nb::serial::Read<u8> for Uart {
    fn read(&mut self) -> nb::Result<u8, Self::Error> {
        let byte = critical_section::with(|cs| self.rings.borrow_ref_mut(cs).received.pop_front());
        byte.ok_or(nb::Error::WouldBlock)
    }
}

impl embedded_hal_nb::serial::Write<u8> for Uart {
    fn write(&mut self, byte: u8) -> nb::Result<(), Self::Error> {
        self.put(byte).map_err(|_| nb::Error::WouldBlock)
    }

    fn flush(&mut self) -> nb::Result<(), Self::Error> {
        self.work();
        Ok(())
    }
}

/// UART0 for `write!`. It never waits: a text for which there is no room is dropped.
pub struct Console;

impl embedded_io::ErrorType for Console {
    type Error = Infallible;
}

impl embedded_io::Write for Console {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for byte in bytes {
            let _ = Uart::CONSOLE.put(*byte);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Resets the machine if the program does not feed it for half a second.
pub mod watchdog {
    use super::{CLOCK_HZ, set, write};

    pub(super) fn start() {
        set(0x400F_E100, 1 << 3);
        write(0x4000_0C00, 0x1ACC_E551);
        write(0x4000_0000, CLOCK_HZ / 4); // the first expiry warns, the second one resets
        write(0x4000_0008, 3);
    }

    pub fn feed() {
        write(0x4000_000C, 1);
        write(0x4000_0000, CLOCK_HZ / 4);
    }
}

/// Returns a number that is larger than at any earlier start. The last page of the flash has a word for each start.
/// This example does not erase a full page; `../cortex-m/board.c` does.
pub fn generation_next() -> u32 {
    const PAGE: usize = 0x0003_F800;
    let words = (0..256).map(|index| read(PAGE + 4 * index));
    let (place, newest) =
        words.enumerate().filter(|(_, word)| *word != u32::MAX).max_by_key(|(_, word)| *word).unwrap_or((255, 0));
    write(0x400F_D000, (PAGE + 4 * ((place + 1) % 256)) as u32);
    write(0x400F_D004, newest + 1);
    write(0x400F_D008, 0xA442_0001);
    while read(0x400F_D008) & 1 != 0 {}
    newest + 1
}
