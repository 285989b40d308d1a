//! Messages out of a stream of bytes to which several scripts write at once.

use hbcore::wire::{PacketError, Structure};

/// The longest message in bytes, markers included: a list of a hundred of the longest node names fits. A longer message
/// is dropped and counted.
pub const MESSAGE_CAPACITY: usize = 16 * 1024;

/// The counts of dropped input; the numbers saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes outside of messages, ends of lines included.
    pub bytes: u64,
    /// Messages that broke off because another one began.
    pub broken: u64,
    /// Messages longer than [`MESSAGE_CAPACITY`].
    pub oversized: u64,
    /// Whole texts that are no message, see [`super::Rejected`].
    pub rejected: u64,
}

/// Finds whole messages. A classic message runs from a line that starts with `>>>` to a line that starts with `<<<`, a
/// netstring message from `###` to `%%%`. Everything outside is skipped.
///
/// A script of 3.0.6 writes a message in several pieces, so that the messages of two scripts can mix. A begin marker
/// within a message drops the text before it: the text that follows may be whole.
#[derive(Debug)]
pub struct Collector {
    buffer: Box<[u8; MESSAGE_CAPACITY]>,
    len: usize,
    /// The position at which the current line begins.
    line: usize,
    state: State,
    counters: Counters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Outside of messages; the buffer holds the beginning of the line.
    Outside,
    Classic,
    Netstring,
    /// The buffer holds a message that was handed out.
    Behind,
}

/// The number of bytes that tell a marker. Of a line outside of messages only these are kept.
const MARKER: usize = 3;

impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

impl Collector {
    /// A collector that has taken nothing yet.
    pub fn new() -> Self {
        Self {
            buffer: Box::new([0; MESSAGE_CAPACITY]),
            len: 0,
            line: 0,
            state: State::Outside,
            counters: Counters::default(),
        }
    }

    /// Takes bytes from `input` up to the end of a message and returns that message, markers included. `None`: it took
    /// all of `input`. Call it until then.
    pub fn push(&mut self, input: &mut &[u8]) -> Option<&[u8]> {
        if self.state == State::Behind {
            self.restart(State::Outside, b"");
        }
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            if self.take(byte) {
                self.state = State::Behind;
                return self.buffer.get(..self.len);
            }
        }
        None
    }

    /// The counts of dropped input so far. [`Counters::rejected`] is not counted here.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Takes one byte; true if it completes a message.
    fn take(&mut self, byte: u8) -> bool {
        match self.state {
            State::Outside | State::Behind => {
                self.outside(byte);
                false
            }
            State::Classic | State::Netstring => {
                self.append(byte);
                byte == b'\n' && self.state != State::Outside && self.end_line()
            }
        }
    }

    fn outside(&mut self, byte: u8) {
        if byte != b'\n' {
            self.counters.bytes = self.counters.bytes.saturating_add(1);
            if self.len < MARKER {
                self.append(byte);
            }
            return;
        }
        match self.buffer.get(..self.len) {
            Some(b">>>") => self.begin(State::Classic, b">>>\n"),
            Some(b"###") => self.begin(State::Netstring, b"###\n"),
            _ => {
                self.counters.bytes = self.counters.bytes.saturating_add(1);
                self.restart(State::Outside, b"");
            }
        }
    }

    /// A line of a message has ended; true if it is the last.
    fn end_line(&mut self) -> bool {
        let Some(line) = self.buffer.get(self.line..self.len) else { return false };
        if line.starts_with(b">>>") {
            self.counters.broken = self.counters.broken.saturating_add(1);
            self.restart(State::Classic, b">>>\n");
            return false;
        }
        let ended = match self.state {
            State::Classic => line.starts_with(b"<<<"),
            _ => line.ends_with(b"%%%\n") && self.is_whole(),
        };
        if ended && self.state == State::Classic {
            self.len = self.line;
            b"<<<\n".iter().for_each(|byte| self.append(*byte));
        }
        self.line = self.len;
        ended
    }

    /// Whether the end marker belongs to the message, and does not stand in a value.
    fn is_whole(&self) -> bool {
        let text = self.buffer.get(..self.len).unwrap_or_default();
        !matches!(Structure::local(text), Err(PacketError::Truncated))
    }

    /// Keeps one byte. If there is no room, the message is dropped.
    fn append(&mut self, byte: u8) {
        if let Some(place) = self.buffer.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        } else {
            self.counters.oversized = self.counters.oversized.saturating_add(1);
            // The rest of this line is not the beginning of one.
            self.restart(State::Outside, if byte == b'\n' { b"" } else { b"..." });
        }
    }

    fn begin(&mut self, state: State, marker: &[u8]) {
        self.counters.bytes = self.counters.bytes.saturating_sub(MARKER as u64);
        self.restart(state, marker);
    }

    fn restart(&mut self, state: State, marker: &[u8]) {
        self.len = 0;
        for byte in marker {
            self.append(*byte);
        }
        self.line = self.len;
        self.state = state;
    }
}
