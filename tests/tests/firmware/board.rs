//! The microcontroller: a QEMU process, its two serial lines, and its pins, read through its monitor.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::ops::Range;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// The address at which the firmware looks for the number of its last start.
const GENERATION: u32 = 0x0003_F800;
/// The monitor writes each line separately. A socket has room for this many.
const WORDS_AT_ONCE: usize = 128;
/// The command that reads PB0 to PB3.
const PINS: &str = "xp /1wx 0x4000503c\n";

/// The board, while it has power.
pub(crate) struct Board {
    qemu: Child,
    console: Line,
    cable: UnixStream,
    monitor: Mutex<UnixStream>,
    /// The file with the content of the flash besides the program.
    flash: PathBuf,
}

/// The console of the board: its output, and its input.
struct Line {
    stream: UnixStream,
    text: Arc<Mutex<String>>,
}

impl Board {
    /// Switches the power on. The number of the last start survives, as in flash.
    pub(crate) fn start(image: &Path, options: &[&str]) -> Self {
        static STARTS: AtomicU32 = AtomicU32::new(0);
        let start = STARTS.fetch_add(1, Ordering::Relaxed) + 1;
        let directory = output();
        let listen = |name: &str| {
            let path = directory.join(format!("{name}-{}-{start}", std::process::id()));
            let _ = std::fs::remove_file(&path);
            (UnixListener::bind(&path).expect("a socket"), path)
        };
        let [console, cable, monitor] = ["console", "cable", "monitor"].map(listen);
        let socket = |path: &Path| format!("unix:{}", path.display());
        let mut qemu = Command::new("qemu-system-arm");
        qemu.args(["-M", "lm3s6965evb", "-display", "none", "-kernel"]).arg(image).args(options);
        qemu.args(["-serial", &socket(&console.1), "-serial", &socket(&cable.1), "-monitor", &socket(&monitor.1)]);
        // A file, because QEMU loads only files into flash.
        let flash = directory.join(format!("flash-{}-{start}", std::process::id()));
        std::fs::write(&flash, start.to_le_bytes()).expect("our own directory");
        qemu.args(["-device", &format!("loader,addr={GENERATION:#x},file={},force-raw=on", flash.display())]);
        let qemu = qemu.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("QEMU");
        let [console, cable, monitor] = [console, cable, monitor].map(|(listener, path)| {
            let stream = listener.accept().expect("QEMU connects").0;
            let _ = std::fs::remove_file(path);
            stream
        });
        // QEMU always answers, but it may get no processor for a while.
        monitor.set_read_timeout(Some(Duration::from_mins(1))).expect("a socket");
        let board = Self { qemu, console: Line::new(console), cable, monitor: Mutex::new(monitor), flash };
        board.ask("");
        board
    }

    /// The other end of the serial line.
    pub(crate) fn cable(&self) -> UnixStream {
        self.cable.try_clone().expect("a descriptor")
    }

    /// Leaves the serial line unplugged: the bytes of the board are lost. (A socket without a reader would stop QEMU.)
    pub(crate) fn unplug(&self) {
        let mut cable = self.cable();
        thread::spawn(move || while cable.read(&mut [0; 64]).is_ok_and(|len| len > 0) {});
    }

    /// The output on its console.
    pub(crate) fn said(&self) -> String {
        self.console.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often its output contains `words`.
    pub(crate) fn count_said(&self, words: &str) -> usize {
        self.said().matches(words).count()
    }

    /// Types a key at its console.
    pub(crate) fn type_key(&self, key: u8) {
        (&self.console.stream).write_all(&[key]).expect("a console");
    }

    /// The levels of its output pins; pin 0 is bit 0.
    pub(crate) fn pins(&self) -> u32 {
        let answer = self.ask(PINS);
        let value = answer.rsplit("0x").next().and_then(|word| word.split_whitespace().next());
        value.and_then(|word| u32::from_str_radix(word, 16).ok()).unwrap_or_else(|| panic!("no pins in {answer:?}"))
    }

    /// How many bytes of a stack were ever used: all from the first one that has lost its paint.
    pub(crate) fn stack_used(&self, stack: &Range<u32>, paint: u32) -> u32 {
        let memory = stack.clone().step_by(4 * WORDS_AT_ONCE).flat_map(|place| {
            let words = (stack.end - place).div_ceil(4).min(WORDS_AT_ONCE as u32);
            self.memory(place, words)
        });
        let untouched = memory.take_while(|word| *word == paint).count() as u32;
        stack.end - stack.start - 4 * untouched
    }

    /// Words of the board's memory.
    fn memory(&self, place: u32, words: u32) -> Vec<u32> {
        let answer = self.ask(&format!("xp /{words}wx {place:#x}\n"));
        let lines = answer.lines().filter_map(|line| line.split_once(": 0x"));
        let memory: Result<Vec<u32>, _> =
            lines.flat_map(|(_, words)| words.split(" 0x")).map(|word| u32::from_str_radix(word.trim(), 16)).collect();
        assert!(memory.as_ref().is_ok_and(|memory| memory.len() == words as usize), "{answer}");
        memory.expect("checked")
    }

    /// The numbers of a report, found by the words before them.
    pub(crate) fn report(&self) -> Option<Report> {
        let text = self.said();
        let line = text.lines().rfind(|line| line.starts_with("stack ") && line.contains(" stalls "))?;
        let number = |name: &str| line.split(name).nth(1)?.split_whitespace().next()?.parse().ok();
        Some(Report {
            stack: number("stack ")?,
            packet: number("packet ")?,
            turn: number("turn ")?,
            received: number("received ")?,
            refused: number("refused ")?,
        })
    }

    /// Sends a command to the monitor. The answer ends at the next prompt.
    fn ask(&self, command: &str) -> String {
        let mut monitor = self.monitor.lock().unwrap_or_else(PoisonError::into_inner);
        monitor.write_all(command.as_bytes()).expect("a monitor");
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while !answer.ends_with(b"(qemu) ") && monitor.read(&mut byte).is_ok_and(|len| len > 0) {
            answer.push(byte[0]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        let _ = self.cable.shutdown(Shutdown::Both);
        let _ = std::fs::remove_file(&self.flash);
    }
}

/// The report after the key `i`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    /// Deepest stack in bytes.
    pub(crate) stack: u32,
    /// Most cycles for the bytes of a packet, and for the rest of a turn.
    pub(crate) packet: u32,
    pub(crate) turn: u32,
    /// Messages received, and those of them that were damaged.
    pub(crate) received: u32,
    pub(crate) refused: u32,
}

impl Line {
    fn new(stream: UnixStream) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let (mut from, to) = (stream.try_clone().expect("a descriptor"), Arc::clone(&text));
        thread::spawn(move || {
            let mut bytes = [0; 256];
            while let Ok(len @ 1..) = from.read(&mut bytes) {
                to.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&bytes[..len]));
            }
        });
        Self { stream, text }
    }
}

/// The directory for the outputs of this suite.
fn output() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware");
    std::fs::create_dir_all(&directory).expect("the target directory");
    directory
}

/// The firmware in C, built now.
pub(crate) fn in_c() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut make = Command::new("make");
        make.arg("-C").arg(source("cortex-m")).arg(format!("BUILD={}", output().display()));
        make.arg(format!("TARGET={}", target().display()));
        build(&mut make);
        output().join("node.elf")
    })
}

/// The firmware in Rust, built now.
pub(crate) fn in_rust() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut make = Command::new("make");
        make.arg("-C").arg(source("cortex-m")).arg("rust").arg(format!("TARGET={}", target().display()));
        build(&mut make);
        target().join("cortex-m-rust/thumbv7m-none-eabi/release/cortex-m-node")
    })
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../c-examples").join(name)
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory")
}

/// Runs a command with the distribution's compiler, without the environment that cargo has set for this process.
fn build(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_") || text.starts_with("RUST") {
            command.env_remove(&name);
        }
    }
    command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1").env("CARGO_HOME", cargo_home());
    let built = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(built.status.success(), "the firmware does not build:\n{}", String::from_utf8_lossy(&built.stderr));
}

/// The directory in which cargo keeps the sources of dependencies.
fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}
