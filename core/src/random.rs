//! A small generator for delays that should differ between nodes. It is not for secrets.

/// Xorshift64*: 8 bytes of state, good enough to spread retransmission requests (docs/protocol/wire.md 7.4).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator that was not started.
    pub(crate) const BLANK: Self = Self(0);

    /// A generator started from `seed`; zero is replaced, since it would yield only zeros.
    pub(crate) fn new(seed: u64) -> Self {
        Self(if seed == 0 { 0x9e37_79b9_7f4a_7c15 } else { seed })
    }

    /// A number from 0 to `below` - 1; 0 if `below` is 0.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32).checked_rem(below).unwrap_or(0)
    }
}
