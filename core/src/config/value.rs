//! The value syntax of `ha.cf`: times, booleans and integers (docs/protocol/files.md 3).

use core::time::Duration;

/// Reads a time: seconds with an optional fraction, or a number with `ms` or `us` in any case after it (text after
/// these two letters is ignored, as in `msec`). Rounded to the nearest millisecond. `None` for anything else.
pub fn parse_time(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    if number.is_empty() {
        return None;
    }
    let one_unit_micros = match unit.get(..2) {
        None if unit.is_empty() => 1_000_000,
        Some(unit) if unit.eq_ignore_ascii_case("ms") => 1000,
        Some(unit) if unit.eq_ignore_ascii_case("us") => 1,
        _ => return None,
    };
    // Like the C library's `atof`, a second point ends the number.
    let mut parts = number.split('.');
    let whole = digits(parts.next().unwrap_or_default());
    let micros = whole.saturating_mul(one_unit_micros).saturating_add(fraction(parts.next(), one_unit_micros));
    Some(Duration::from_millis(micros.saturating_add(500) / 1000))
}

fn digits(text: &str) -> u64 {
    text.bytes().fold(0, |n: u64, b| n.saturating_mul(10).saturating_add(u64::from(b.wrapping_sub(b'0'))))
}

/// The part after the point in units of `one` microseconds; nine digits are more than a microsecond needs.
fn fraction(text: Option<&str>, one: u64) -> u64 {
    let text = text.unwrap_or_default();
    let (value, scale) = text.bytes().take(9).fold((0u64, 1u64), |(value, scale), b| {
        (value.saturating_mul(10).saturating_add(u64::from(b.wrapping_sub(b'0'))), scale.saturating_mul(10))
    });
    value.saturating_mul(one) / scale
}

/// Reads `true on yes y 1` or `false off no n 0` in any case; `None` for anything else.
pub fn parse_boolean(text: &str) -> Option<bool> {
    let is = |words: [&str; 5]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "on", "yes", "y", "1"]) {
        Some(true)
    } else if is(["false", "off", "no", "n", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// An integer as the C library's `atoi` reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integer {
    /// The value; 0 if the text has no digits.
    pub(super) value: i32,
    /// Whether the text is a number and nothing else.
    pub(super) exact: bool,
}

/// Reads the number at the start of `text` and never fails: no digits count as 0, and text after them is ignored.
pub(super) fn parse_integer(text: &str) -> Integer {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
    let magnitude = i64::try_from(digits(unsigned.get(..end).unwrap_or_default())).unwrap_or(i64::MAX);
    let value = if text.starts_with('-') { magnitude.saturating_neg() } else { magnitude };
    // C keeps the low 32 bits. A value that lost some is not the typed one.
    let kept = value as i32;
    Integer { value: kept, exact: end > 0 && end == unsigned.len() && i64::from(kept) == value }
}

#[cfg(test)]
mod tests;
