//! The daemon's one timer.

use hbcore::time::Instant;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

/// A descriptor that becomes readable at one instant of [`super::clock::Clock::now`].
///
/// It needs no reading: to arm it anew makes it unreadable again. While the engine's deadline is unchanged and has
/// passed, the timer stays readable, so the loop comes back at once.
pub struct DeadlineTimer {
    fd: OwnedFd,
    armed: Option<Instant>,
}

impl DeadlineTimer {
    /// A timer that is not armed.
    pub fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        Ok(Self { fd, armed: None })
    }

    /// Arms the timer for `at`, or stops it with `None`. The same deadline again costs nothing, another deadline one
    /// system call.
    pub fn arm(&mut self, at: Option<Instant>) -> io::Result<()> {
        let at = at.filter(|at| *at != Instant::FAR);
        if at == self.armed {
            return Ok(());
        }
        // The kernel reads zero as "stop".
        let micros = at.map_or(0, |at| at.as_micros().max(1));
        let it_value = Timespec {
            tv_sec: i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(micros % 1_000_000 * 1000).unwrap_or(0),
        };
        let spec = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &spec)?;
        self.armed = at;
        Ok(())
    }

    /// The instant that the timer is armed for, passed or not.
    pub fn armed(&self) -> Option<Instant> {
        self.armed
    }
}

impl AsFd for DeadlineTimer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
