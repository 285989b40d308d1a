//! The reasons why a start fails.

use std::fmt::Display;
use std::io;

/// Exit code of a start that failed for another reason than its configuration (docs/protocol/files.md 15.2).
pub(super) const GENERAL: u8 = 1;

/// A start that failed.
pub(super) enum Failure {
    /// It was refused, with its exit code and the reason, for the parent.
    Refused(u8, String),
    /// A signal told the daemon to end before the scripts had answered. The groups that may run here stay in the mark.
    Interrupted,
}

impl Failure {
    pub(super) fn general(error: impl Display) -> Self {
        Self::Refused(GENERAL, format!("heartbeat: {error}"))
    }

    /// The system refused. Where a limit is the reason, the text says how to raise it.
    pub(super) fn system(error: impl Into<io::Error>) -> Self {
        let error = error.into();
        match error.raw_os_error() {
            Some(libc::EMFILE) => Self::general(format_args!(
                "{error}: raise the limit of open files (ulimit -n, LimitNOFILE); 64 and one for each client are enough"
            )),
            Some(libc::ENFILE) => Self::general(format_args!("{error}: raise fs.file-max, or find out who has them")),
            Some(libc::EAGAIN) => {
                Self::general(format_args!("{error}: raise the limits of processes and threads (pids.max, ulimit -u)"))
            }
            _ => Self::general(error),
        }
    }

    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Refused(code, _) => *code,
            Self::Interrupted => GENERAL,
        }
    }

    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Refused(_, reason) => reason,
            Self::Interrupted => "heartbeat: told to end before it had begun",
        }
    }
}
