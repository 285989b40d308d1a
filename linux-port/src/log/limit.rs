//! A limit that keeps floods of alike messages out of the log.

use hbcore::time::{Duration, Instant};
use std::fmt;

/// Passes a burst of messages of one class in each period, and counts the rest. The caller passes the time.
#[derive(Debug, Clone)]
pub struct RateLimit {
    burst: u32,
    period: Duration,
    since: Instant,
    passed: u32,
    suppressed: u32,
}

/// The verdict on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Write it; if `suppressed` is not zero, say first that this many more were suppressed.
    Pass {
        /// Messages of this class dropped since the last one that passed.
        suppressed: u32,
    },
    /// Drop it; it has been counted.
    Suppress,
}

impl RateLimit {
    /// At most `burst` messages in each `period`.
    pub const fn new(burst: u32, period: Duration) -> Self {
        Self { burst, period, since: Instant::ZERO, passed: 0, suppressed: 0 }
    }

    /// Judges a message of this class at `now`. The period starts with the first message after the last period's end.
    pub fn check(&mut self, now: Instant) -> Verdict {
        if self.passed == 0 || now.since(self.since) >= self.period {
            self.since = now;
            self.passed = 0;
        }
        if self.passed >= self.burst {
            self.suppressed = self.suppressed.saturating_add(1);
            return Verdict::Suppress;
        }
        self.passed = self.passed.saturating_add(1);
        Verdict::Pass { suppressed: std::mem::take(&mut self.suppressed) }
    }
}

/// The number of omitted lines by a [`RateLimit`], for the end of the next line; nothing if there are none.
pub struct Omitted(pub u32);

impl fmt::Display for Omitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, " ({} more like this)", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_passes_the_flood_is_counted_and_the_next_period_reports_it() {
        let mut limit = RateLimit::new(2, Duration::from_secs(10));
        let at = Instant::from_millis;
        assert_eq!(limit.check(at(5)), Verdict::Pass { suppressed: 0 });
        assert_eq!(limit.check(at(6)), Verdict::Pass { suppressed: 0 });
        for t in 7..107 {
            assert_eq!(limit.check(at(t)), Verdict::Suppress);
        }
        assert_eq!(limit.check(at(10_004)), Verdict::Suppress, "the period has one more millisecond");
        assert_eq!(limit.check(at(10_005)), Verdict::Pass { suppressed: 101 });
        assert_eq!(limit.check(at(10_006)), Verdict::Pass { suppressed: 0 });
    }
}
