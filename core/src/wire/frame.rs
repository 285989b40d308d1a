//! Finds classic messages in a stream of bytes, such as a serial line (docs/protocol/wire.md 9.2).

use core::ops::Range;

use embedded_io::Read;

#[cfg(test)]
mod tests;

const START: &[u8] = b">>>\n";

/// Counters of the input that a [`FrameReader`] has thrown away. They saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounters {
    /// Bytes outside of messages, except line ends.
    pub bytes: u64,
    /// Messages that broke off because the next one began.
    pub broken: u64,
    /// Messages too long for the buffer.
    pub oversized: u64,
}

/// Finds whole classic messages in a stream of bytes.
///
/// A message runs from a line that starts with `>>>` to a line that starts with `<<<`; CR is dropped, and text outside
/// is skipped. A begin ends a message that broke off before it, so that only the broken one is lost. If a message broke
/// off in mid-line, the next begin is at the end of that line. Then the reader returns both readings, one after the
/// other, and the digest shows which of them is a message.
///
/// `N` is the longest message in bytes, markers included. A longer one is thrown away and counted.
pub struct FrameReader<const N: usize> {
    buffer: [u8; N],
    len: usize,
    state: State,
    line: Line,
    /// Offset in the buffer of a begin at the end of a line.
    glued: Option<usize>,
    counters: FrameCounters,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Outside of messages.
    Outside,
    /// Within the message that is being collected.
    Inside,
    /// After a message that was returned and is still in the buffer.
    Behind,
}

/// The state of the current line.
#[derive(Clone, Copy, Default)]
struct Line {
    /// Its length so far, at most 4.
    len: u8,
    /// Its last three bytes.
    last: [u8; 3],
    /// Whether it starts with `>>>`.
    begins: bool,
}

impl Line {
    fn push(&mut self, byte: u8) {
        let [_, b, c] = self.last;
        self.last = [b, c, byte];
        self.len = self.len.saturating_add(1).min(4);
        self.begins |= self.starts_with(b'>');
    }

    /// Whether the line so far is exactly three times `marker`.
    fn starts_with(self, marker: u8) -> bool {
        self.len == 3 && self.last == [marker; 3]
    }

    fn ends_with_begin(self) -> bool {
        self.len >= 3 && self.last == [b'>'; 3]
    }
}

impl<const N: usize> Default for FrameReader<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> FrameReader<N> {
    /// A reader that has read nothing.
    pub const fn new() -> Self {
        Self {
            buffer: [0; N],
            len: 0,
            state: State::Outside,
            line: Line { len: 0, last: [0; 3], begins: false },
            glued: None,
            counters: FrameCounters { bytes: 0, broken: 0, oversized: 0 },
        }
    }

    /// Takes bytes from `input` up to the end of a message and returns that message, from `>>>` to `<<<` and newline.
    /// None if all of `input` was taken; call again until then.
    pub fn push(&mut self, input: &mut &[u8]) -> Option<&[u8]> {
        let found = self.scan(input)?;
        self.buffer.get(found)
    }

    /// Counters of the input that was thrown away so far.
    pub fn counters(&self) -> FrameCounters {
        self.counters
    }

    fn scan(&mut self, input: &mut &[u8]) -> Option<Range<usize>> {
        if let Some(start) = self.next_reading() {
            return Some(start..self.len);
        }
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            if byte != b'\r' && self.take(byte) {
                return Some(0..self.len);
            }
        }
        None
    }

    /// After a message that contains a begin: the other reading of the same bytes.
    fn next_reading(&mut self) -> Option<usize> {
        if self.state != State::Behind {
            return None;
        }
        let glued = self.glued.take();
        if glued.is_none() {
            self.state = State::Outside;
        }
        glued
    }

    /// Takes one byte. Returns true if it completes a message.
    fn take(&mut self, byte: u8) -> bool {
        if byte == b'\n' {
            self.end_line();
            return false;
        }
        self.line.push(byte);
        if self.state != State::Inside {
            self.counters.bytes = self.counters.bytes.saturating_add(1);
            return false;
        }
        self.append(byte);
        let ended = self.state == State::Inside && self.line.starts_with(b'<');
        if ended {
            // A message is complete without its newline, so do not wait for it.
            self.append(b'\n');
        }
        let complete = ended && self.state == State::Inside;
        if complete {
            self.state = State::Behind;
        }
        complete
    }

    fn end_line(&mut self) {
        let line = core::mem::take(&mut self.line);
        match self.state {
            State::Inside if line.begins => {
                self.counters.broken = self.counters.broken.saturating_add(1);
                self.begin();
            }
            State::Inside => {
                self.append(b'\n');
                if line.ends_with_begin() && self.state == State::Inside {
                    self.glued = self.len.checked_sub(START.len());
                }
            }
            _ if line.begins || line.ends_with_begin() => {
                self.counters.bytes = self.counters.bytes.saturating_sub(3);
                self.begin();
            }
            State::Outside | State::Behind => {}
        }
    }

    fn begin(&mut self) {
        self.len = 0;
        self.glued = None;
        self.state = State::Inside;
        for byte in START {
            self.append(*byte);
        }
    }

    /// Keeps one byte. If there is no room, gives up the bytes before a begin in mid-line, or else the whole message.
    fn append(&mut self, byte: u8) {
        if self.len >= N {
            self.counters.oversized = self.counters.oversized.saturating_add(1);
            match self.glued.take() {
                Some(start) if start > 0 && start < self.len => {
                    self.buffer.copy_within(start..self.len, 0);
                    self.len -= start;
                }
                _ => {
                    self.state = State::Outside;
                    return;
                }
            }
        }
        if let Some(place) = self.buffer.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }
}

/// Messages from a device that implements [`embedded_io::Read`]. `CHUNK` is how many bytes are read at a time.
pub struct FrameSource<R, const N: usize, const CHUNK: usize = 64> {
    device: R,
    frames: FrameReader<N>,
    chunk: [u8; CHUNK],
    unread: Range<usize>,
}

impl<R: Read, const N: usize, const CHUNK: usize> FrameSource<R, N, CHUNK> {
    /// Reads from `device`.
    pub const fn new(device: R) -> Self {
        Self { device, frames: FrameReader::new(), chunk: [0; CHUNK], unread: 0..0 }
    }

    /// The next message, from earlier input or from one read of the device. None if no message is complete yet, or the
    /// device is at its end. Returns the errors of the device; nothing is lost by them.
    ///
    /// A read blocks if the device has nothing. Call [`embedded_io::ReadReady`] first where that matters.
    pub fn read(&mut self) -> Result<Option<&[u8]>, R::Error> {
        let mut found = self.scan();
        if found.is_none() {
            let read = self.device.read(&mut self.chunk)?;
            self.unread = 0..read;
            found = self.scan();
        }
        Ok(found.and_then(|range| self.frames.buffer.get(range)))
    }

    /// Counters of the input that was thrown away so far.
    pub fn counters(&self) -> FrameCounters {
        self.frames.counters()
    }

    fn scan(&mut self) -> Option<Range<usize>> {
        let mut input = self.chunk.get(self.unread.clone()).unwrap_or_default();
        let found = self.frames.scan(&mut input);
        self.unread.start = self.unread.end.saturating_sub(input.len());
        found
    }
}
