//! Writing a message into the daemon's FIFO (docs/protocol/clients.md 7).

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use hbcore::wire::{Form, WriteError, Writer};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::fifo::MESSAGE_CAPACITY;

/// The time for which the daemon may leave its FIFO full.
const PATIENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// The reason why a message was not written, or not whole.
#[derive(Debug)]
pub enum SendError {
    /// There is no FIFO, or no process reads it.
    NotRunning,
    /// Another kind of file has its name.
    NoFifo(PathBuf),
    /// The daemon runs, and does not read.
    Stuck,
    /// A value cannot stand in a message, or the message is longer than [`MESSAGE_CAPACITY`].
    Unfit(WriteError),
    /// The system refused.
    Io(PathBuf, io::Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str("heartbeat is not running"),
            Self::NoFifo(path) => write!(f, "heartbeat is not running: {} is no FIFO", path.display()),
            Self::Stuck => f.write_str("heartbeat does not read its FIFO"),
            Self::Unfit(error) => write!(f, "this does not fit into a message: {error:?}"),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for SendError {}

/// Opens the FIFO without waiting for a reader, and never makes a file.
pub(super) fn open(path: &Path) -> Result<OwnedFd, SendError> {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        Errno::NXIO | Errno::NOENT => SendError::NotRunning,
        other => SendError::Io(path.to_owned(), other.into()),
    })?;
    let stat = rustix::fs::fstat(&fd).map_err(|error| SendError::Io(path.to_owned(), error.into()))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Fifo => Ok(fd),
        _ => Err(SendError::NoFifo(path.to_owned())),
    }
}

/// Writes a message of these fields. Up to 4096 bytes go in one piece, so that no other script's message mixes with it.
///
/// # Errors
/// [`SendError`].
pub fn send(path: &Path, fields: &[(&str, &str)]) -> Result<(), SendError> {
    write(path, &open(path)?, fields)
}

pub(super) fn write(path: &Path, fifo: &OwnedFd, fields: &[(&str, &str)]) -> Result<(), SendError> {
    let mut buffer = vec![0; MESSAGE_CAPACITY];
    let mut writer = Writer::local(&mut buffer, Form::Classic);
    for (name, value) in fields {
        writer.text(name, value.as_bytes());
    }
    let len = writer.finish().map_err(SendError::Unfit)?;
    let mut rest = buffer.get(..len).unwrap_or_default();
    while !rest.is_empty() {
        match rustix::io::write(fifo, rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::AGAIN) => await_room(fifo)?,
            Err(Errno::INTR) => {}
            Err(Errno::PIPE) => return Err(SendError::NotRunning),
            Err(error) => return Err(SendError::Io(path.to_owned(), error.into())),
        }
    }
    Ok(())
}

fn await_room(fifo: &OwnedFd) -> Result<(), SendError> {
    let mut fds = [PollFd::new(fifo, PollFlags::OUT)];
    match poll(&mut fds, Some(&PATIENCE)) {
        Ok(0) => Err(SendError::Stuck),
        _ => Ok(()),
    }
}
