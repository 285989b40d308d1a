//! Signals as a descriptor: nothing of the daemon runs inside a handler.

use rustix::process::Signal;
use std::{
    io, mem,
    os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
};

/// The signals that the daemon handles: leave (TERM, INT, QUIT), re-read files (HUP), log level (USR1, USR2), children
/// (CHLD).
pub const DAEMON_SIGNALS: [Signal; 7] =
    [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::USR1, Signal::USR2, Signal::CHILD];

/// The length of the kernel's record, `struct signalfd_siginfo`.
const RECORD: usize = 128;

/// A signal that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The number, to compare with [`Signal::as_raw`].
    pub number: i32,
    /// The process that sent it; 0 for the kernel.
    pub pid: i32,
}

impl Arrived {
    /// Whether it is `signal`.
    pub fn is(self, signal: Signal) -> bool {
        self.number == signal.as_raw()
    }
}

/// Blocked signals, read from a descriptor.
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Blocks `signals` in the calling thread and opens a descriptor for them. Call it before any other thread starts:
    /// threads inherit the mask, and in a thread that does not block a signal it would end the process. Programs
    /// started with `std::process::Command` begin with nothing blocked.
    pub fn block(signals: &[Signal]) -> io::Result<Self> {
        let mut set = mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset initialises the whole set that it is given room for.
        let mut set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            set.assume_init()
        };
        for signal in signals {
            // SAFETY: `set` is an initialised set; an impossible number is refused, not written.
            unsafe { libc::sigaddset(&raw mut set, signal.as_raw()) };
        }
        // SAFETY: `set` is initialised, and the old mask is not asked for.
        let error = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        // SAFETY: `set` is initialised; -1 asks for a new descriptor.
        let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just handed out this descriptor and nothing else knows it.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// The next pending signal, `None` when there is none. Several of one kind may have merged into one.
    #[expect(clippy::should_implement_trait, reason = "None means not now, and reading may fail: this is no iterator")]
    pub fn next(&mut self) -> io::Result<Option<Arrived>> {
        let mut record = [0u8; RECORD];
        match rustix::io::read(&self.fd, &mut record) {
            Ok(RECORD) => Ok(Some(Arrived { number: word(&record, 0), pid: word(&record, 12) })),
            Ok(_) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Ignores `SIGXFSZ`, so that a write beyond `RLIMIT_FSIZE` fails like a write to a full disk and does not end the
/// program. Each of our programs calls it before its first write. Scripts begin with the default disposition.
pub fn ignore_file_size_limit() {
    // SAFETY: no handler is installed; ignoring a signal that exists cannot fail.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// The 32-bit field at `offset`: `ssi_signo` at 0, `ssi_pid` at 12 (signalfd(2)).
fn word(record: &[u8; RECORD], offset: usize) -> i32 {
    record.get(offset..).and_then(|r| r.first_chunk()).map_or(0, |b| i32::from_ne_bytes(*b))
}
