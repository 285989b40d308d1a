//! Cuts a stream into pieces, and digests the messages found in it.

/// Cuts `stream` into pieces of 1 to 16 bytes that depend on `seed`.
pub(crate) fn pieces(mut stream: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut state = u32::from(seed) | 0x100;
    std::iter::from_fn(move || {
        // xorshift: never zero, and different for each seed.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let len = (1 + state as usize % 16).min(stream.len());
        let (piece, rest) = stream.split_at(len);
        stream = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A short digest of texts: equal for equal texts in equal order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    count: u64,
    hash: u64,
}

impl Digest {
    pub(crate) fn add(&mut self, text: &[u8]) {
        self.count += 1;
        for byte in text {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.hash = (self.hash ^ text.len() as u64).wrapping_mul(0x0100_0000_01b3);
    }
}
