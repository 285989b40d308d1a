//! The reasons why a start fails.

use std::fmt::Display;

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
