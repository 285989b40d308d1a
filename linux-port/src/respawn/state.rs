//! The state of a client, and the part of it that a successor learns.

use super::PassedState;
use super::process::adopted;
use super::rule::Next;
use crate::sys::process::Child;
use rustix::process::Signal;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// The state of a client.
pub(super) enum State {
    /// The node is not up yet.
    Unstarted,
    /// It is to be started, at this moment.
    Due(Instant),
    /// It runs.
    Up(Child, Instant),
    /// It was told to end by a signal, and the next step comes at this moment.
    Ending(Child, Signal, Instant),
    /// It has died and the machine is to reboot. If the queue closes, the machine runs on, and the client has this next
    /// step.
    Reboots(Receiver<()>, Next),
    /// It has said that it wants no more.
    Enough,
    /// It has ended because it was told to.
    Down,
    /// It has died too often.
    GivenUp,
}

impl State {
    /// The state of a client that an earlier daemon left so.
    pub(super) fn after(passed: PassedState, now: Instant) -> Self {
        match passed {
            PassedState::Runs { pid, lived } => {
                let since = now.checked_sub(lived).unwrap_or(now);
                adopted(pid).map_or(Self::Unstarted, |child| Self::Up(child, since))
            }
            PassedState::Pauses => Self::Unstarted,
            PassedState::Enough => Self::Enough,
        }
    }

    /// The state for a successor; `None` if that begins with the client anew.
    pub(super) fn passed(&self, now: Instant) -> Option<PassedState> {
        let runs = |child: &Child, lived| Some(PassedState::Runs { pid: child.pid.as_raw_pid(), lived });
        match self {
            Self::Up(child, since) => runs(child, now.saturating_duration_since(*since)),
            Self::Ending(child, ..) => runs(child, Duration::ZERO),
            // Unstarted: an earlier daemon may have counted early deaths.
            Self::Unstarted | Self::Due(_) | Self::Reboots(..) => Some(PassedState::Pauses),
            Self::Enough => Some(PassedState::Enough),
            Self::Down | Self::GivenUp => None,
        }
    }

    pub(super) fn child(&self) -> Option<&Child> {
        match self {
            Self::Up(child, _) | Self::Ending(child, ..) => Some(child),
            Self::Unstarted | Self::Due(_) | Self::Reboots(..) | Self::Enough | Self::Down | Self::GivenUp => None,
        }
    }
}
