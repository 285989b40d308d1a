//! The output of a script as log lines, bounded, however much it prints.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use crate::log::{Level, Logger};
use crate::terminal::counted;

/// The longest line that is logged in one piece, in bytes; longer ones are split there.
pub const LINE_CAPACITY: usize = 400;

/// The number of lines of one run that are logged; the others are read, counted and summed up in one line at the end.
pub const LINES_PER_RUN: u32 = 200;

/// The number of last lines of a run that are kept, to tell people why it failed.
const LINES_KEPT: usize = 3;

/// Reads between two looks at everything else: a script that prints without end must not hide its time limit.
const READS_PER_TURN: usize = 16;

/// One stream of a running script.
#[derive(Debug)]
pub(super) struct Stream {
    /// `None` once its end has been seen.
    pub(super) fd: Option<OwnedFd>,
    line: Vec<u8>,
}

/// The log lines of one run.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    log: &'a Logger,
    tag: String,
    written: u32,
    left_out: u64,
    last: VecDeque<String>,
}

impl Stream {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self { fd: Some(fd), line: Vec::with_capacity(LINE_CAPACITY) }
    }

    /// Reads a bounded amount of the waiting output; gives each piece to `look` and each complete line to the log.
    pub(super) fn take(&mut self, lines: &mut Lines<'_>, mut look: impl FnMut(&[u8])) {
        let mut buffer = [0; 4096];
        for _ in 0..READS_PER_TURN {
            let Some(fd) = &self.fd else { return };
            match rustix::io::read(fd, &mut buffer) {
                Ok(0) => self.fd = None,
                Ok(got) => {
                    let piece = buffer.get(..got).unwrap_or_default();
                    look(piece);
                    self.split(piece, lines);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.fd = None,
            }
        }
    }

    fn split(&mut self, piece: &[u8], lines: &mut Lines<'_>) {
        for &byte in piece {
            if byte != b'\n' {
                self.line.push(byte);
            }
            if byte == b'\n' || self.line.len() >= LINE_CAPACITY {
                lines.write(&self.line);
                self.line.clear();
            }
        }
    }

    /// Logs a last line without a line feed.
    pub(super) fn finish(&mut self, lines: &mut Lines<'_>) {
        lines.write(&self.line);
        self.line.clear();
    }
}

impl<'a> Lines<'a> {
    pub(super) fn new(log: &'a Logger, name: &str, pid: i32) -> Self {
        Self { log, tag: format!("{name}[{pid}]"), written: 0, left_out: 0, last: VecDeque::new() }
    }

    fn write(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(line);
        if self.written >= LINES_PER_RUN {
            self.left_out = self.left_out.saturating_add(line.len() as u64);
        } else {
            self.written += 1;
            self.log.log(Level::Debug, format_args!("{}: {text}", self.tag));
        }
        if self.last.len() >= LINES_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(text.into_owned());
    }

    /// The last lines, three at most.
    pub(super) fn last(&mut self) -> Vec<String> {
        std::mem::take(&mut self.last).into()
    }

    /// Logs how much was left out; returns the number of bytes.
    pub(super) fn summary(&self) -> u64 {
        if self.left_out > 0 {
            let Self { log, tag, left_out, .. } = self;
            log.log(
                Level::Warn,
                format_args!("{tag}: {} of output not logged", counted(*left_out, "more byte", "more bytes")),
            );
        }
        self.left_out
    }
}
