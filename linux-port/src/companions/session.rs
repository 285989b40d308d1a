//! A connection that lasts, and what can happen while one waits.

use super::journal::info;
use crate::client::{Client, ClientError, Message};
use crate::ipc::SOCKET;
use crate::log::{EarlyLog, Level};
use crate::sys::signal::Signals;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a daemon may take to answer. Those of 3.0.6 wait for ever.
const LIMIT: Duration = Duration::from_secs(30);
/// A daemon that was there is tried again so often and so long: it is reading its configuration anew.
const RETURN_PAUSE: Duration = Duration::from_millis(200);
const RETURN_LIMIT: Duration = Duration::from_secs(20);

/// Signs on and waits.
pub(super) struct Session {
    name: &'static str,
    pub(super) client: Client,
    signals: Signals,
}

/// An event.
pub(super) enum Heard {
    Message(Message),
    /// One of the other descriptors is ready, or the time has come.
    Other,
    /// Somebody wants this program to end.
    Leave,
    /// The daemon has gone.
    Gone,
}

/// The directory below which the sockets are.
pub(super) fn run_dir() -> PathBuf {
    std::env::var_os("HBCORE_RUN_DIR").map_or_else(|| PathBuf::from("/run"), PathBuf::from)
}

impl Session {
    /// Signs on. If that fails, the log has the reason; `help` follows a refusal.
    pub(super) fn begin(name: &'static str, help: &str, log: &mut EarlyLog) -> Option<Self> {
        let signals = Signals::block(&[Signal::TERM, Signal::INT, Signal::HUP]).map_err(|error| error.to_string());
        let client = || Client::sign_on(&run_dir().join(SOCKET), Some(name), LIMIT);
        let session = signals.and_then(|signals| {
            let client = client().map_err(|error| format!("{error}{help}"))?;
            Ok(Self { name, client, signals })
        });
        session.map_err(|why| log.log(Level::Error, format_args!("Cannot sign on with heartbeat: {why}"))).ok()
    }

    /// Serves until the daemon goes for good, or `attend` returns an exit code; an error of `attend` tells why the daemon
    /// is not heard any more. Returns the exit code.
    pub(super) fn keep(
        mut self,
        log: &mut EarlyLog,
        mut attend: impl FnMut(&mut Self, &mut EarlyLog) -> Result<u8, ClientError>,
    ) -> u8 {
        loop {
            match attend(&mut self, log) {
                Ok(code) => {
                    self.client.sign_off();
                    return code;
                }
                Err(_) if self.again() => info(log, "Signed on again."),
                Err(error) => {
                    log.log(Level::Error, format_args!("Lost connection to heartbeat: {error}"));
                    return 1;
                }
            }
        }
    }

    /// Asks for every message, and for no signal.
    pub(super) fn listen(&mut self) -> Result<(), ClientError> {
        self.ask("setfilter", &[("fmask", "1")], "result")?;
        self.ask("setsignal", &[("signal", "0")], "result")?;
        Ok(())
    }

    /// Signs on again after the daemon has gone: a new one may come in its place, as after a reload. Whether there is one.
    fn again(&mut self) -> bool {
        let until = Instant::now() + RETURN_LIMIT;
        loop {
            if let Ok(client) = Client::sign_on(&run_dir().join(SOCKET), Some(self.name), LIMIT) {
                self.client = client;
                return true;
            }
            if self.is_told_to_leave(Some(RETURN_PAUSE)) || Instant::now() >= until {
                return false;
            }
        }
    }

    /// Asks for one field.
    pub(super) fn ask(
        &mut self,
        request: &str,
        fields: &[(&str, &str)],
        wanted: &str,
    ) -> Result<Option<String>, ClientError> {
        self.client.allow(LIMIT);
        self.client.ask_one(request, fields, wanted)
    }

    /// Asks for a list.
    pub(super) fn list(&mut self, request: &str) -> Result<Vec<Message>, ClientError> {
        self.client.allow(LIMIT);
        self.client.ask(request, &[])
    }

    /// Waits for the next event, `until` at the latest.
    pub(super) fn wait(&mut self, others: &[BorrowedFd<'_>], until: Option<Instant>) -> Heard {
        match self.client.waiting() {
            Ok(Some(message)) => return Heard::Message(message),
            Ok(None) => {}
            Err(_) => return Heard::Gone,
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let (mut can_read, mut leaves) = (false, false);
        {
            let (stream, signals) = (self.client.fd(), &self.signals);
            let mut fds = vec![PollFd::from_borrowed_fd(stream, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
            fds.extend(others.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)));
            if poll(&mut fds, timeout.as_ref()).is_ok() {
                can_read = fds.first().is_some_and(|fd| !fd.revents().is_empty());
                leaves = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
            }
        }
        if leaves && self.is_told_to_leave(None) {
            return Heard::Leave;
        }
        if can_read && self.client.fill().is_err() {
            return Heard::Gone;
        }
        Heard::Other
    }

    fn is_told_to_leave(&mut self, wait: Option<Duration>) -> bool {
        let timeout = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let mut fds = [PollFd::new(&self.signals, PollFlags::IN)];
        if wait.is_some() {
            let _ = poll(&mut fds, timeout.as_ref());
        }
        while let Ok(Some(signal)) = self.signals.next() {
            if !signal.is(Signal::HUP) {
                return true;
            }
        }
        false
    }
}
