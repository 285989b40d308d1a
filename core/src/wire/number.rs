//! Numbers as text. Messages carry most of them in hex, a few in decimal, never with a sign or a prefix.

/// Longest text of a number: 2^64 - 1 in decimal.
const DIGITS_MAX: usize = 20;

/// A hexadecimal number in upper or lower case; leading zeros are skipped. None if there is no digit, another
/// character, or more than 64 bits.
pub fn hex(text: &[u8]) -> Option<u64> {
    scan(text, 16)
}

/// A decimal number; leading zeros are skipped. None if there is no digit, another character, or more than 64 bits.
pub fn decimal(text: &[u8]) -> Option<u64> {
    scan(text, 10)
}

fn scan(text: &[u8], radix: u32) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |value, &byte| {
        let digit = char::from(byte).to_digit(radix)?;
        value.checked_mul(u64::from(radix))?.checked_add(u64::from(digit))
    })
}

/// The digits of a number, lower-case and without leading zeros.
pub(super) struct Digits {
    start: usize,
    text: [u8; DIGITS_MAX],
}

impl Digits {
    pub(super) fn hex(value: u64) -> Self {
        Self::new(value, 16)
    }

    pub(super) fn decimal(value: u64) -> Self {
        Self::new(value, 10)
    }

    fn new(mut value: u64, radix: u64) -> Self {
        let mut this = Self { start: DIGITS_MAX, text: [b'0'; DIGITS_MAX] };
        for (at, place) in this.text.iter_mut().enumerate().rev() {
            let digit = (value % radix) as u8;
            *place = if digit < 10 { b'0' + digit } else { b'a' - 10 + digit };
            this.start = at;
            value /= radix;
            if value == 0 {
                break;
            }
        }
        this
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.get(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_64_bits_come_back() {
        for value in [0, 1, 9, 10, 15, 16, 0x6b02_6ae9, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(hex(Digits::hex(value).as_bytes()), Some(value));
            assert_eq!(decimal(Digits::decimal(value).as_bytes()), Some(value));
        }
        assert_eq!(Digits::hex(0xea60).as_bytes(), b"ea60");
        assert_eq!(Digits::decimal(u64::MAX).as_bytes(), b"18446744073709551615");
    }

    #[test]
    fn anything_else_is_not_a_number() {
        for text in [&b""[..], b"zz", b"1 ", b"-1", b"+1", b"0x1", b"10000000000000000"] {
            assert_eq!(hex(text), None, "{text:?}");
        }
        for text in [&b""[..], b"a", b"1\n", b"18446744073709551616"] {
            assert_eq!(decimal(text), None, "{text:?}");
        }
        assert_eq!(hex(b"000000000000000000001F"), Some(31));
    }
}
