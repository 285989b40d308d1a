//! Replacing the program of this process.

use super::fault::{self, Call};
use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// Replaces this process by `program`, with the arguments after its name and the environment of this process. It
/// returns only if the system refuses, and then everything is as before. Blocked signals stay blocked, so that a signal
/// that comes meanwhile waits for the new program: `std::process::Command` would unblock them, and would leave them
/// unblocked when it fails.
pub fn replace<S: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = S>,
    label: &'static str,
) -> io::Error {
    let text = |text: &OsStr| CString::new(text.as_bytes()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
    let prepared = fault::gate(Call::Exec, label).and_then(|()| {
        let program = text(program.as_os_str())?;
        let arguments: Result<Vec<CString>, io::Error> =
            arguments.into_iter().map(|argument| text(argument.as_ref())).collect();
        Ok((program, arguments?))
    });
    let (program, arguments) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return error,
    };
    let own_name = [program.as_ptr()].into_iter();
    let vector: Vec<_> = own_name.chain(arguments.iter().map(|a| a.as_ptr())).chain([ptr::null()]).collect();
    // SAFETY: every pointer is to a string that lives across the call, and the vector ends in a null pointer.
    unsafe { libc::execv(program.as_ptr(), vector.as_ptr()) };
    io::Error::last_os_error()
}
