//! One log line in a fixed amount of memory.

use std::fmt::{self, Arguments, Write};

use super::Level;

/// Bytes of text in a record. A longer text is cut there and ends in `...`.
pub const TEXT_CAPACITY: usize = 1000;

const CUT_MARK: &[u8] = b"...";

/// One line: its time, process, level and text. To format into it allocates nothing.
#[derive(Clone)]
pub struct Record {
    /// The level.
    pub level: Level,
    /// Wall-clock seconds since 1970.
    pub seconds: i64,
    /// The process that logs it.
    pub pid: u32,
    len: usize,
    text: [u8; TEXT_CAPACITY],
}

impl Record {
    /// Formats `text`. Control characters other than the tab become `?`, so that no text can forge a second line.
    pub fn new(level: Level, seconds: i64, pid: u32, text: Arguments<'_>) -> Self {
        let mut record = Self { level, seconds, pid, len: 0, text: [0; TEXT_CAPACITY] };
        if record.write_fmt(text).is_err() {
            record.mark_cut();
        }
        record
    }

    /// The text, at most [`TEXT_CAPACITY`] bytes.
    pub fn text(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    fn mark_cut(&mut self) {
        let start = TEXT_CAPACITY - CUT_MARK.len();
        if let Some(end) = self.text.get_mut(start..) {
            end.copy_from_slice(CUT_MARK);
            self.len = TEXT_CAPACITY;
        }
    }
}

impl Write for Record {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for byte in s.bytes() {
            let slot = self.text.get_mut(self.len).ok_or(fmt::Error)?;
            *slot = if byte.is_ascii_control() && byte != b'\t' { b'?' } else { byte };
            self.len += 1;
        }
        Ok(())
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.level.word(), String::from_utf8_lossy(self.text()))
    }
}
