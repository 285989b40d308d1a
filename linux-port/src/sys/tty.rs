//! The descriptor of the serial library's port, whose type gives it only as a number.

use serialport::TTYPort;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The descriptor of an open port.
pub(crate) fn fd(port: &TTYPort) -> BorrowedFd<'_> {
    // SAFETY: a `TTYPort` keeps its descriptor open until it is dropped, which the borrow does not outlive.
    unsafe { BorrowedFd::borrow_raw(port.as_raw_fd()) }
}
