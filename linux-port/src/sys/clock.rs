//! The only place where the daemon's loop reads a clock.

use hbcore::time::Instant;
use rustix::time::{ClockId, clock_gettime};
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's clocks: the monotonic one for every decision, wall time only for the field `ts` of a message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// `CLOCK_MONOTONIC` in microseconds since an arbitrary origin (boot), rounded down. Costs no system call.
    pub fn now(self) -> Instant {
        let t = clock_gettime(ClockId::Monotonic);
        let micros = t.tv_sec.saturating_mul(1_000_000).saturating_add(t.tv_nsec / 1000);
        Instant::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// Wall-clock seconds since 1970; 0 if the clock is set to an earlier time.
    pub fn wall_seconds(self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
    }
}
