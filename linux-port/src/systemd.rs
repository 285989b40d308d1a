//! Telling systemd the state of the daemon: ready, reloading, stopping, alive (`sd_notify(3)`).
//!
//! Each message is one datagram on a socket that is connected once: the heartbeat path neither allocates nor waits.
//! Without `NOTIFY_SOCKET` every call does nothing.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Longest message in bytes; a longer status is cut.
const MESSAGE_MAX: usize = 256;

/// The shortest interval of [`Notify::ping`], whatever the unit says.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// The connection to systemd, if there is one.
#[derive(Debug, Default)]
pub struct Notify {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notify {
    /// Connects as `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` say. Call it after detaching: the watchdog is
    /// meant for one process.
    pub fn from_env() -> Self {
        Self::new(|name| std::env::var_os(name), std::process::id())
    }

    /// As [`Notify::from_env`], for these variables and this process id.
    pub fn new(variable: impl Fn(&str) -> Option<OsString>, pid: u32) -> Self {
        let number = |name| variable(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
        let socket = variable("NOTIFY_SOCKET").and_then(|name| connect(&name).ok());
        let for_us = variable("WATCHDOG_PID").is_none() || number("WATCHDOG_PID") == Some(u64::from(pid));
        let limit = number("WATCHDOG_USEC").filter(|limit| *limit > 0 && for_us && socket.is_some());
        Self { socket, watchdog: limit.map(Duration::from_micros) }
    }

    /// The daemon has started: its links are open.
    pub fn ready(&self) {
        self.send(b"READY=1");
    }

    /// The daemon releases its resources and leaves.
    pub fn stopping(&self) {
        self.send(b"STOPPING=1");
    }

    /// The daemon reads its configuration again; [`Notify::ready`] ends this state.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.format(format_args!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// A line for `systemctl status`.
    pub fn status(&self, text: &str) {
        self.format(format_args!("STATUS={}", text.lines().next().unwrap_or_default()));
    }

    /// The interval for calls of [`Notify::ping`]: half of the time after which systemd gives the daemon up. `None`:
    /// never.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|limit| (limit / 2).max(INTERVAL_MIN))
    }

    /// Tells the watchdog that the heartbeat loop runs.
    pub fn ping(&self) {
        self.send(b"WATCHDOG=1");
    }

    fn format(&self, text: std::fmt::Arguments<'_>) {
        let mut buffer = [0; MESSAGE_MAX];
        let mut rest = &mut buffer[..];
        // A text that does not fit is cut.
        let _ = rest.write_fmt(text);
        let len = MESSAGE_MAX.saturating_sub(rest.len());
        self.send(buffer.get(..len).unwrap_or_default());
    }

    /// Sends one message. It is lost if systemd has no room for it now, or does not run.
    fn send(&self, message: &[u8]) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(message);
        }
    }
}

/// A name that begins with `@` is abstract.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
