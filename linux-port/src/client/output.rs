//! The output of `cl_status`, and its exit code.

use crate::sys::clock::Clock;
use crate::sys::localtime::local_time;
use std::fmt::Arguments;
use std::io::{self, Write};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Exit codes of `cl_status` (docs/protocol/clients.md 10).
pub(super) const OK: u8 = 0;
pub(super) const FAIL: u8 = 1;
pub(super) const PARAMETER: u8 = 11;
pub(super) const TIMEOUT: u8 = 12;
pub(super) const OTHER: u8 = 13;

/// Lines for people, on standard error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Output {
    /// For standard output, whole lines.
    pub(super) text: String,
    /// For standard error, in order.
    errors: Vec<String>,
}

impl Output {
    pub(super) fn line(&mut self, line: Arguments<'_>) {
        use std::fmt::Write as _;
        let _ = writeln!(self.text, "{line}");
    }

    /// Adds a line to the errors, unchanged.
    pub(super) fn complain(&mut self, line: Arguments<'_>) {
        self.errors.push(line.to_string());
    }

    /// Adds a line of the log, which goes to standard error here: with the time, the host and the process before it.
    pub(super) fn error(&mut self, line: Arguments<'_>) {
        let seconds = i64::try_from(Clock.wall_seconds()).unwrap_or(0);
        let t = local_time(seconds);
        let month = usize::from(t.month).checked_sub(1).and_then(|n| MONTHS.get(n)).unwrap_or(&"Jan");
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let (day, hour, minute, second, pid) = (t.day, t.hour, t.minute, t.second, std::process::id());
        self.complain(format_args!(
            "{month} {day:02} {hour:02}:{minute:02}:{second:02} {host} cl_status: [{pid}]: ERROR: {line}"
        ));
    }

    /// Prints everything: errors first, as 3.0.6 does not hold them back either.
    pub(super) fn print(&self) -> io::Result<()> {
        let mut stderr = io::stderr().lock();
        for line in &self.errors {
            let _ = writeln!(stderr, "{line}");
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(self.text.as_bytes())?;
        stdout.flush()
    }
}
