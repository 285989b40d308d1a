//! The FIFO that scripts and tools write to (docs/protocol/clients.md 7): opened as 3.0.6 opens it, and read without
//! waiting.
//!
//! A message that comes here counts as the node's own: only the file's mode vouches for its sender.
//!
//! ```text
//!   hb_standby, mach_down, site scripts ──▶ state/fifo ──▶ Collector ──▶ Order ──▶ the engine
//! ```

mod collect;
mod order;

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::state::FileId;
use hbcore::wire::{PacketError, Structure};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

pub use collect::{Collector, Counters, MESSAGE_CAPACITY};
pub use order::Order;

/// The name of the FIFO in the state directory.
pub const NAME: &str = "fifo";

/// The largest number of bytes that one [`Fifo::receive`] reads: `write` puts as many into a pipe in one piece.
pub const READ_MAX: usize = 4096;

/// The reading end.
#[derive(Debug)]
pub struct Fifo {
    fd: OwnedFd,
    file: FileId,
    collector: Collector,
    counters: Counters,
}

/// The reason why the FIFO cannot be used.
#[derive(Debug)]
pub struct FifoError {
    /// The file.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl fmt::Display for FifoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Cannot open the FIFO [{}]: {}; tools such as hb_standby will not work",
            self.path.display(),
            self.source
        )
    }
}

impl std::error::Error for FifoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The reason why a text in the FIFO is no message. The text is dropped and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Its fields cannot be read: a line without `=`, for instance.
    Malformed(PacketError),
    /// It has no field `t`.
    NoType,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "Message in the FIFO dropped: {error:?}"),
            Self::NoType => f.write_str("Invalid message in the FIFO dropped: it has no field t"),
        }
    }
}

/// A message in the FIFO.
#[derive(Clone, Copy)]
pub struct FifoMessage<'a> {
    /// Its type, the field `t`.
    pub kind: &'a [u8],
    /// All its fields, `t` included, in the order in which they were written.
    pub fields: Structure<'a>,
}

impl<'a> FifoMessage<'a> {
    /// Reads a text from marker to marker, in either form.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn parse(text: &'a [u8]) -> Result<Self, Rejected> {
        let fields = Structure::local(text).map_err(Rejected::Malformed)?;
        let kind = fields.text("t").filter(|kind| !kind.is_empty()).ok_or(Rejected::NoType)?;
        Ok(Self { kind, fields })
    }

    /// The order that it stands for.
    pub fn order(&self) -> Order {
        Order::of(self.kind, &self.fields)
    }
}

impl Fifo {
    /// Makes the FIFO at `path` with mode 600, unless there is one, and opens it. Any other file of that name is
    /// removed, such as the plain file that a script of 3.0.6 leaves when no daemon runs.
    ///
    /// The writing end is held open as well: otherwise the stream would end when the last script closes it.
    ///
    /// # Errors
    /// [`FifoError`], also when a directory has that name.
    pub fn open(path: &Path) -> Result<Self, FifoError> {
        let refused = |source| FifoError { path: path.to_owned(), source };
        let fd = open(path).map_err(refused)?;
        let file = FileId::at(path).map_err(refused)?;
        Ok(Self { fd, file, collector: Collector::new(), counters: Counters::default() })
    }

    /// The descriptor, readable after a script has written.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The file that leads to it.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// Reads once, [`READ_MAX`] bytes at most, and hands over the messages that are complete then. It never waits; the
    /// rest makes the descriptor readable again.
    ///
    /// # Errors
    /// A failure of the descriptor itself, which only a program error can cause.
    pub fn receive(&mut self, mut each: impl FnMut(Result<FifoMessage<'_>, Rejected>)) -> io::Result<()> {
        let mut chunk = [0; READ_MAX];
        let got = match rustix::io::read(&self.fd, &mut chunk) {
            Ok(got) => got,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mut input = chunk.get(..got).unwrap_or_default();
        while let Some(text) = self.collector.push(&mut input) {
            let message = FifoMessage::parse(text);
            if message.is_err() {
                self.counters.rejected = self.counters.rejected.saturating_add(1);
            }
            each(message);
        }
        Ok(())
    }

    /// The counts of dropped texts so far.
    pub fn counters(&self) -> Counters {
        Counters { rejected: self.counters.rejected, ..self.collector.counters() }
    }
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    let mode = Mode::RUSR | Mode::WUSR;
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_fifo() => {}
        Ok(_) => {
            fs::remove_file(path)?;
            make(path, mode)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path, mode)?,
        Err(error) => return Err(error),
    }
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let fd = rustix::fs::open(path, flags, Mode::empty())?;
    if FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) != FileType::Fifo {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    // Set explicitly, whatever the umask was and whichever process made the file.
    rustix::fs::fchmod(&fd, mode)?;
    Ok(fd)
}

fn make(path: &Path, mode: Mode) -> io::Result<()> {
    Ok(rustix::fs::mknodat(CWD, path, FileType::Fifo, mode, 0)?)
}
