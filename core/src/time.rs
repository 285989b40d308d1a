//! Monotonic time as the engine sees it: a number of microseconds that the caller passes in. The engine reads no clock.

pub use core::time::Duration;

/// A point on the caller's monotonic clock, in microseconds since an arbitrary origin.
///
/// All arithmetic saturates: an instant never wraps and never panics. 64 bits of microseconds last 584,000 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The origin of the caller's clock.
    pub const ZERO: Self = Self(0);
    /// The last instant; used as "never" in comparisons.
    pub const FAR: Self = Self(u64::MAX);

    /// The instant `micros` microseconds after the origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The instant `millis` milliseconds after the origin; saturates.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this instant; zero if `earlier` is not earlier.
    #[cfg_attr(feature = "small", inline(never))]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This instant moved later by `by`; saturates at [`Instant::FAR`].
    #[must_use]
    #[cfg_attr(feature = "small", inline(never))]
    pub const fn after(self, by: Duration) -> Self {
        self.plus(micros(by))
    }

    /// This instant moved later by this many microseconds; saturates.
    #[must_use]
    pub(crate) const fn plus(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// The whole microseconds of a time; saturates.
#[cfg_attr(feature = "small", inline(never))]
pub(crate) const fn micros(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000).saturating_add(time.subsec_micros() as u64)
}

/// The earliest of several optional deadlines. `None` never wins over a deadline.
pub fn earliest<const K: usize>(all: [Option<Instant>; K]) -> Option<Instant> {
    all.into_iter().flatten().min()
}

/// Moves `deadline` to `at`, if that is sooner.
#[cfg_attr(feature = "small", inline(never))]
pub(crate) fn sooner(deadline: &mut Instant, at: Option<&Instant>) {
    if let Some(at) = at {
        *deadline = (*deadline).min(*at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_does_not_erase_a_deadline() {
        let t = Instant::from_millis(5);
        assert_eq!(earliest([None, Some(t), None]), Some(t));
        assert_eq!(earliest([None, None]), None);
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Instant::FAR.after(Duration::MAX), Instant::FAR);
        assert_eq!(Instant::ZERO.since(Instant::FAR), Duration::ZERO);
        assert_eq!(Instant::from_millis(3).since(Instant::from_millis(1)), Duration::from_millis(2));
    }
}
