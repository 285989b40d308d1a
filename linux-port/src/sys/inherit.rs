//! Descriptors that this process has had since before an exec.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::FdFlags;

/// The last of the standard descriptors, which have owners.
const STANDARD: RawFd = 2;

/// Takes the descriptor `number`, which was left open across the exec, and closes it at the next one.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for a descriptor that was opened in this program, which always closes its own at an
/// exec, or that was taken already; otherwise the system's refusal, as for a number without a descriptor.
pub fn descriptor(number: RawFd) -> io::Result<OwnedFd> {
    if number <= STANDARD {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the number is not -1, and the value does not outlive this function. The kernel refuses a number without
    // a descriptor.
    let seen = unsafe { BorrowedFd::borrow_raw(number) };
    if rustix::io::fcntl_getfd(seen)?.contains(FdFlags::CLOEXEC) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    rustix::io::fcntl_setfd(seen, FdFlags::CLOEXEC)?;
    // SAFETY: nothing in this program owns the descriptor: each that it opens is marked from the beginning, and one that
    // was taken here was marked then.
    Ok(unsafe { OwnedFd::from_raw_fd(seen.as_raw_fd()) })
}
