//! The seam for fault injection: every call around the engine that can fail passes [`gate`] first.
//!
//! Without the feature `faults` the seam is empty and costs nothing. With it, the directory that `HBCORE_FAULTS` names
//! is the control panel of a test:
//!
//! ```text
//! DIR/log                 one line for each passage, `CALL@LABEL`
//! DIR/CALL@LABEL          the fault of the next passage; its text is one of
//!     error NUMBER        the call fails with this error number
//!     hang MILLISECONDS   the call takes this long, and is then made
//!     kill                the daemon dies here, as by SIGKILL
//!     short               half of what is written reaches the file, then the disk is full
//! ```
//!
//! A fault strikes once and its file goes away, which tells the test that it struck. With the word `always` before it,
//! it strikes at each passage and the file stays. In a label, a slash and a blank are written as `_`.

use std::fmt;
use std::io::{self, Write};

/// The kinds of calls that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Making a thread.
    Thread,
    /// Making a process and its exec.
    Spawn,
    /// Replacing this process's program.
    Exec,
    /// Opening or making a file or directory.
    Open,
    /// Writing to a file.
    Write,
    /// Making a file durable.
    Sync,
    /// Renaming a file.
    Rename,
    /// A request to the kernel about interfaces, addresses and routes.
    Netlink,
    /// Opening or binding a socket.
    Socket,
    /// Sending an announcement.
    Announce,
    /// Accepting a connection.
    Accept,
    /// Opening or locking a serial port.
    Serial,
    /// Locking memory or entering a scheduling class.
    Privilege,
    /// No call, but a moment between two steps, at which a test makes the daemon pause.
    Moment,
}

impl Call {
    /// The name of the call in the control panel.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::Spawn => "spawn",
            Self::Exec => "exec",
            Self::Open => "open",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Rename => "rename",
            Self::Netlink => "netlink",
            Self::Socket => "socket",
            Self::Announce => "announce",
            Self::Accept => "accept",
            Self::Serial => "serial",
            Self::Privilege => "privilege",
            Self::Moment => "moment",
        }
    }
}

/// Passes the seam before a call that can fail. `label` names the place for a test, such as `generation` or `svc
/// start`.
///
/// # Errors
/// The error of an injected fault; never without the feature `faults`.
#[inline]
pub fn gate(call: Call, label: impl fmt::Display) -> io::Result<()> {
    #[cfg(feature = "faults")]
    panel::pass(call, &label).map(|_| ())?;
    #[cfg(not(feature = "faults"))]
    let _ = (call, label);
    Ok(())
}

/// Writes all of `bytes` after passing the seam as [`Call::Write`].
///
/// # Errors
/// The system's refusal, or that of an injected fault.
#[inline]
pub fn write_all(mut to: impl Write, bytes: &[u8], label: impl fmt::Display) -> io::Result<()> {
    #[cfg(feature = "faults")]
    if panel::pass(Call::Write, &label)? == panel::Passed::Half {
        to.write_all(bytes.get(..bytes.len() / 2).unwrap_or_default())?;
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    #[cfg(not(feature = "faults"))]
    let _ = label;
    to.write_all(bytes)
}

#[cfg(feature = "faults")]
mod panel {
    use super::Call;
    use std::ffi::OsString;
    use std::fmt;
    use std::fs::{self, OpenOptions};
    use std::io::{self, Write};
    use std::path::{Path, PathBuf};
    use std::sync::OnceLock;
    use std::time::Duration;

    /// The environment variable that names the control panel.
    const VARIABLE: &str = "HBCORE_FAULTS";

    /// The part of a call that the seam lets through.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(super) enum Passed {
        Whole,
        Half,
    }

    pub(super) fn pass(call: Call, label: &dyn fmt::Display) -> io::Result<Passed> {
        static DIRECTORY: OnceLock<Option<OsString>> = OnceLock::new();
        let Some(directory) = DIRECTORY.get_or_init(|| std::env::var_os(VARIABLE)) else { return Ok(Passed::Whole) };
        let name = format!("{}@{}", call.word(), label.to_string().replace(['/', ' '], "_"));
        let directory = Path::new(directory);
        note(directory, &name);
        strike(&directory.join(name))
    }

    fn note(directory: &Path, name: &str) {
        let log = OpenOptions::new().create(true).append(true).open(directory.join("log"));
        // If the log cannot be written, the test that reads it fails.
        let _ = log.and_then(|mut log| log.write_all(format!("{name}\n").as_bytes()));
    }

    fn strike(fault: &PathBuf) -> io::Result<Passed> {
        let Ok(text) = fs::read_to_string(fault) else { return Ok(Passed::Whole) };
        let once = text.trim();
        let how = once.strip_prefix("always ").unwrap_or(once);
        // Of two threads that pass at the same time, one takes the fault.
        if how == once && fs::remove_file(fault).is_err() {
            return Ok(Passed::Whole);
        }
        let (word, number) = how.split_once(' ').unwrap_or((how, "0"));
        match word {
            "error" => Err(io::Error::from_raw_os_error(number.parse().unwrap_or(libc::EIO))),
            "hang" => {
                std::thread::sleep(Duration::from_millis(number.parse().unwrap_or(0)));
                Ok(Passed::Whole)
            }
            "kill" => {
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
                Ok(Passed::Whole)
            }
            "short" => Ok(Passed::Half),
            _ => Ok(Passed::Whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gate_without_a_control_panel_lets_everything_pass() {
        assert!(gate(Call::Spawn, "nginx start").is_ok());
        let mut written = Vec::new();
        write_all(&mut written, b"whole", "generation").expect("written");
        assert_eq!(written, b"whole");
    }
}
