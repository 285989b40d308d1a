//! The scheduling class of a thread.

use super::super::deadline::{self, Reservation};
use super::{HIGH, Policy, enter_unguarded};
use std::fmt;

/// A scheduling class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `SCHED_DEADLINE`: before all other classes.
    Deadline(Reservation),
    /// `SCHED_FIFO` with a priority of 1 to 99.
    Fifo(u8),
    /// `SCHED_RR` with a priority of 1 to 99.
    RoundRobin(u8),
    /// Not real-time.
    Normal,
}

impl Class {
    /// The class of the calling thread; [`Class::Normal`] if the kernel cannot tell.
    pub fn of_this_thread() -> Self {
        let Ok(scheduled) = deadline::get(0) else { return Self::Normal };
        let priority = u8::try_from(scheduled.priority).unwrap_or(u8::MAX);
        match scheduled.policy {
            libc::SCHED_DEADLINE => Self::Deadline(scheduled.reservation),
            libc::SCHED_FIFO => Self::Fifo(priority),
            libc::SCHED_RR => Self::RoundRobin(priority),
            _ => Self::Normal,
        }
    }

    /// Schedules the calling thread like another one that waits for it. If the system refuses, the thread is scheduled
    /// normally.
    pub fn adopt(self) {
        let _ = match self {
            Self::Deadline(_) => enter_unguarded(Policy::RoundRobin, HIGH),
            Self::Fifo(priority) => enter_unguarded(Policy::Fifo, priority),
            Self::RoundRobin(priority) => enter_unguarded(Policy::RoundRobin, priority),
            Self::Normal => Ok(()),
        };
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline(reservation) => write!(f, "SCHED_DEADLINE, {reservation}"),
            Self::Fifo(priority) => write!(f, "SCHED_FIFO, priority {priority}"),
            Self::RoundRobin(priority) => write!(f, "SCHED_RR, priority {priority}"),
            Self::Normal => f.write_str("not real-time"),
        }
    }
}
