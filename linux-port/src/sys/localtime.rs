//! Local calendar time from wall-clock seconds, for log lines.

use std::mem::MaybeUninit;

/// A point in local calendar time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// The year, from 1970.
    pub year: i32,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month, 1 to 31.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
    /// The second, 0 to 60.
    pub second: u8,
}

/// Breaks `seconds` since 1970 (UTC) into local calendar time; a time the C library cannot express becomes 1970.
pub fn local_time(seconds: i64) -> LocalTime {
    let when = seconds as libc::time_t;
    let mut broken = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are to live storage of the right type; the call fills it or leaves it zeroed, and zero is
    // a valid value of every field.
    let tm = unsafe {
        libc::localtime_r(&raw const when, broken.as_mut_ptr());
        broken.assume_init()
    };
    let small = |value: i32| u8::try_from(value).unwrap_or(0);
    LocalTime {
        year: tm.tm_year.saturating_add(1900),
        month: small(tm.tm_mon.saturating_add(1)),
        day: small(tm.tm_mday),
        hour: small(tm.tm_hour),
        minute: small(tm.tm_min),
        second: small(tm.tm_sec),
    }
}
