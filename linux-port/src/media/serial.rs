//! serial: a null-modem cable between two nodes (docs/protocol/wire.md 9.2).
//!
//! The line is a stream of bytes; `hbcore::wire::frame` cuts it into messages. Bytes that cannot be written at once
//! wait in a small queue, because a message takes longer on the line than a heartbeat may take to send.

mod line;
mod lock;
mod queue;

use super::{Medium, MediumKind, MediumSpec, OpenCause, OpenError, SendOutcome, Step, error::cause, unless_blocked};
use crate::sys::tty;
use lock::LockFile;
use queue::WriteQueue;
use serialport::TTYPort;
use std::{io, os::fd::BorrowedFd, path::Path};

/// The directory of the lock files of serial devices.
const LOCK_DIRECTORY: &str = "/var/lock";

/// Removes the locks that an earlier daemon in this process left, except those of the devices of `specs`.
pub fn remove_own_locks(specs: &[MediumSpec]) {
    let devices: Vec<&str> =
        specs.iter().filter(|s| s.kind() == MediumKind::Serial).map(MediumSpec::link_name).collect();
    lock::remove_own(Path::new(LOCK_DIRECTORY), &devices);
}

/// One end of a serial line.
pub struct SerialMedium {
    spec: MediumSpec,
    baud: u32,
    port: TTYPort,
    /// Held as long as the medium lives. (3.0.6 removes its lock right after start-up.)
    _lock: LockFile,
    queue: WriteQueue,
    /// The break sent at open lasts until the first message.
    in_break: bool,
    dropped: u64,
}

impl SerialMedium {
    /// Locks and opens the device, sets the line, empties both directions and starts a break.
    pub fn open(spec: &MediumSpec) -> Result<Self, OpenError> {
        let fail = |cause| OpenError::new(spec.kind(), spec.link_name(), cause);
        let MediumSpec::Serial { device, baud, lock_directory } = spec else {
            return Err(fail(cause(Step::Open, io::ErrorKind::Unsupported.into())));
        };
        let directory = lock_directory.as_deref().unwrap_or(Path::new(LOCK_DIRECTORY));
        let lock = LockFile::take(directory, device).map_err(fail)?;
        let port = line::open(device, *baud).map_err(fail)?;
        Ok(Self {
            spec: spec.clone(),
            baud: *baud,
            in_break: line::start_break(&port),
            port,
            _lock: lock,
            queue: WriteQueue::for_line(*baud),
            dropped: 0,
        })
    }

    /// Messages dropped because the line was too slow, since the medium was first opened.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn flush_queue(&mut self) -> io::Result<()> {
        while let Some(bytes) = self.queue.next() {
            match unless_blocked(rustix::io::write(tty::fd(&self.port), bytes).map_err(io::Error::from))? {
                Some(written) if written > 0 => self.queue.written(written),
                _ => break,
            }
        }
        Ok(())
    }
}

impl Medium for SerialMedium {
    fn link_name(&self) -> &str {
        self.spec.link_name()
    }

    fn kind(&self) -> MediumKind {
        MediumKind::Serial
    }

    fn fd(&self) -> BorrowedFd<'_> {
        tty::fd(&self.port)
    }

    /// The next bytes of the stream. The end of the stream (`UnexpectedEof`) and `EIO` mean that the line was hung up.
    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        match unless_blocked(rustix::io::read(tty::fd(&self.port), buf).map_err(io::Error::from))? {
            Some(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            other => Ok(other),
        }
    }

    /// Queues the message and writes as much as the line takes. A message that does not fit is dropped whole.
    fn send(&mut self, bytes: &[u8]) -> io::Result<SendOutcome> {
        if self.in_break {
            self.in_break = false;
            line::end_break(&self.port);
        }
        if !self.queue.push(bytes) {
            self.dropped = self.dropped.saturating_add(1);
            return Ok(SendOutcome::WouldBlock);
        }
        self.flush_queue()?;
        Ok(SendOutcome::Sent)
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn wants_write(&self) -> bool {
        !self.queue.is_empty()
    }

    fn writable(&mut self) -> io::Result<()> {
        self.flush_queue()
    }

    fn reopen(&mut self) -> Result<(), OpenError> {
        line::release(&self.port);
        let opened = line::open(self.spec.link_name(), self.baud);
        self.port =
            opened.map_err(|cause: OpenCause| OpenError::new(MediumKind::Serial, self.spec.link_name(), cause))?;
        self.in_break = line::start_break(&self.port);
        self.queue.clear();
        Ok(())
    }
}
