//! Logging that never waits: the heartbeat thread formats into a record of fixed size and passes it to a writer thread.
//!
//! There are two phases. Before the daemon detaches there is one thread, and [`EarlyLog`] writes at once. After
//! detaching, [`EarlyLog::start`] makes the writer thread and a [`Logger`], a handle that any thread may clone and use.

mod counters;
mod format;
mod limit;
mod logd;
mod record;
mod sinks;
mod writer;

use std::fmt::Arguments;
use std::io;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

pub use counters::Counters;
pub(crate) use format::month;
pub use hbcore::config::Facility;
pub use limit::{Omitted, RateLimit, Verdict};
pub use record::{Record, TEXT_CAPACITY};
pub use writer::{Logger, QUEUE_CAPACITY};

use sinks::Sinks;

/// How severe a line is; the order and numbers are those of syslog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// The system is unusable.
    Emerg = 0,
    /// The operator must act at once.
    Alert = 1,
    /// A critical condition, such as both nodes owning a resource.
    Crit = 2,
    /// A failure.
    Error = 3,
    /// A failure is likely.
    Warn = 4,
    /// Normal but significant.
    Notice = 5,
    /// Information.
    Info = 6,
    /// For debugging; goes to the debug file and syslog, not to the log file.
    Debug = 7,
}

impl Level {
    /// The word in log lines, in the spelling that log watchers of Heartbeat match (docs/protocol/files.md 14.1).
    pub const fn word(self) -> &'static str {
        match self {
            Self::Emerg => "EMERG",
            Self::Alert => "ALERT",
            Self::Crit => "CRIT",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// The number that starts a syslog datagram, between `<` and `>`.
const fn priority(facility: Facility, level: Level) -> u8 {
    facility.0 * 8 + level as u8
}

/// The kind of output on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stderr {
    /// Nothing.
    Off,
    /// Lines in the syslog style, as before detaching.
    Plain,
    /// `<N>` and the text, for a journal that adds time and name.
    Journal,
}

impl Stderr {
    /// [`Stderr::Journal`] if standard error is the journal's stream, as `JOURNAL_STREAM` says; else [`Stderr::Plain`].
    pub fn detect() -> Self {
        let named = std::env::var("JOURNAL_STREAM").unwrap_or_default();
        let stat = rustix::fs::fstat(rustix::stdio::stderr());
        let ours = stat.map(|s| format!("{}:{}", s.st_dev, s.st_ino)).unwrap_or_default();
        if !named.is_empty() && named == ours { Self::Journal } else { Self::Plain }
    }
}

/// The destinations and the shape of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// The program's name in lines: `heartbeat`.
    pub entity: String,
    /// The host's name in lines.
    pub host: String,
    /// `logfile`: every line but [`Level::Debug`].
    pub logfile: Option<PathBuf>,
    /// `debugfile`: every line.
    pub debugfile: Option<PathBuf>,
    /// `logfacility`; `None` sends nothing to syslog.
    pub facility: Option<Facility>,
    /// `use_logd`; `None` sends nothing to the logging daemon.
    pub logd: Option<LogdConfig>,
    /// The socket of syslog.
    pub syslog_socket: PathBuf,
    /// `syslogmsgfmt`: which of the two line formats the files have.
    pub syslog_format: bool,
    /// The output on standard error.
    pub stderr: Stderr,
    /// The owner and the group of log files that are created.
    pub owner: Option<(u32, u32)>,
    /// Lines of [`Logger::debug`] up to this level are written; 0 is none.
    pub debug_level: u8,
}

impl LogConfig {
    /// Only standard error, for a host of that name: the log before any configuration is read.
    pub fn early(host: &str) -> Self {
        Self {
            entity: "heartbeat".to_owned(),
            host: host.to_owned(),
            logfile: None,
            debugfile: None,
            facility: None,
            logd: None,
            syslog_socket: PathBuf::from("/dev/log"),
            syslog_format: true,
            stderr: Stderr::detect(),
            owner: None,
            debug_level: 0,
        }
    }
}

/// The logging daemon `ha_logd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogdConfig {
    /// Its socket.
    pub socket: PathBuf,
    /// `conn_logd_time`: the pause between two tries to reach it.
    pub pause: std::time::Duration,
    /// Whether syslog gets only the lines that it does not take.
    pub replaces_syslog: bool,
}

impl LogdConfig {
    /// Its usual socket.
    pub fn usual(pause: std::time::Duration, replaces_syslog: bool) -> Self {
        Self { socket: PathBuf::from(logd::SOCKET), pause, replaces_syslog }
    }
}

/// The log of a process that has one thread: each line is written before the call returns.
#[derive(Debug)]
pub struct EarlyLog {
    sinks: Sinks,
    debug_level: u8,
}

impl EarlyLog {
    /// Opens the destinations of `config`. If a file cannot be opened, standard error says so, and it is tried again
    /// later.
    pub fn new(config: LogConfig) -> Self {
        let debug_level = config.debug_level;
        Self { sinks: Sinks::new(config), debug_level }
    }

    /// Continues with another configuration, for example once the log file's name has been read.
    pub fn reconfigure(&mut self, config: LogConfig) {
        *self = Self::new(config);
    }

    /// Writes one line.
    pub fn log(&mut self, level: Level, text: Arguments<'_>) {
        self.sinks.write(&Record::new(level, wall_seconds(), std::process::id(), text));
    }

    /// Writes one line at [`Level::Debug`] if the debug level is at least `level`.
    pub fn debug(&mut self, level: u8, text: Arguments<'_>) {
        if self.debug_level >= level {
            self.log(Level::Debug, text);
        }
    }

    /// Starts the writer thread. Call it after detaching: a fork would leave the thread behind.
    ///
    /// # Errors
    /// The system's refusal to start a thread.
    pub fn start(self) -> io::Result<Logger> {
        Logger::start(self.sinks, self.debug_level)
    }
}

/// Seconds since 1970, zero for a clock before that.
fn wall_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}
