//! The sequence numbers of one sender: new, repeated, out of order, missing or replayed (docs/protocol/wire.md 7.1 to
//! 7.3, 7.6).

use crate::id::{Generation, Sequence};

/// After a gap of more numbers than this, the receiver requests no retransmission (docs/protocol/wire.md 7.3).
pub const MAX_GAP: u64 = 250;

/// For how many numbers below the newest the window knows whether they are missing. Older ones count as received.
pub const WINDOW: u64 = 512;

/// Every tenth number is acknowledged (docs/protocol/wire.md 7.6).
pub(crate) const ACK_EVERY: u64 = 10;

const WORDS: usize = (WINDOW / 64) as usize;

/// The meaning of a number to the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The next number, or the first ever.
    InOrder,
    /// A number above the next one: `lost` numbers below it are now missing.
    Gap {
        /// How many numbers were skipped, 1 to [`MAX_GAP`].
        lost: u64,
    },
    /// A jump over more than [`MAX_GAP`] numbers: the window forgot all missing numbers.
    LostTooMany {
        /// How many numbers were skipped.
        lost: u64,
    },
    /// A number that was missing until now.
    Filled,
    /// The newest number once more. This is normal with several links.
    Duplicate,
    /// An older number that is not missing.
    Old,
}

impl Arrival {
    /// Whether the message is to be processed.
    pub fn is_new(self) -> bool {
        !matches!(self, Self::Duplicate | Self::Old)
    }
}

/// The numbers of one sender in one incarnation: the newest, and which of the [`WINDOW`] below it are missing.
///
/// The window has 64 bytes of bits; each call costs at most [`MAX_GAP`] bit operations. Nothing can overflow: a number
/// that leaves the window and is still missing is given up.
#[derive(Clone, Debug)]
pub struct Window {
    /// The highest generation seen. It is kept when the node dies, until this node ends.
    pub generation: Generation,
    newest: Option<Sequence>,
    /// The newest number before the numbering was forgotten. In the same incarnation, no number up to it is new.
    floor: Sequence,
    acknowledged: Sequence,
    missing: u32,
    bits: [u64; WORDS],
}

impl Default for Window {
    fn default() -> Self {
        Self {
            generation: Generation(0),
            newest: None,
            floor: Sequence(0),
            acknowledged: Sequence(0),
            missing: 0,
            bits: [0; WORDS],
        }
    }
}

impl Window {
    /// Forgets the numbering and keeps the generation (docs/protocol/wire.md 8.5).
    pub fn forget(&mut self) {
        let floor = self.newest.unwrap_or(self.floor).max(self.floor);
        *self = Self { generation: self.generation, floor, ..Self::default() };
    }

    /// Begins a new incarnation of the sender, whose numbers start again.
    pub fn restart(&mut self, generation: Generation) {
        *self = Self { generation, ..Self::default() };
    }

    /// The newest number, if any was received since [`Window::forget`].
    pub fn newest(&self) -> Option<Sequence> {
        self.newest
    }

    /// How many numbers are missing.
    pub fn missing(&self) -> u32 {
        self.missing
    }

    /// Notes that number `seq` arrived.
    pub fn arrive(&mut self, seq: Sequence) -> Arrival {
        let Some(newest) = self.newest else {
            if seq <= self.floor {
                return Arrival::Old;
            }
            self.newest = Some(seq);
            self.acknowledged = Sequence(seq.0.saturating_sub(1));
            return Arrival::InOrder;
        };
        if seq == newest {
            return Arrival::Duplicate;
        }
        if seq < newest {
            return if self.fill(seq) { Arrival::Filled } else { Arrival::Old };
        }
        let lost = seq.0 - newest.0 - 1;
        self.newest = Some(seq);
        if lost > MAX_GAP {
            self.bits = [0; WORDS];
            self.missing = 0;
            self.acknowledged = Sequence(seq.0 - 1);
            return Arrival::LostTooMany { lost };
        }
        for number in newest.0 + 1..seq.0 {
            self.mark(number, true);
        }
        self.mark(seq.0, false);
        if lost == 0 { Arrival::InOrder } else { Arrival::Gap { lost } }
    }

    /// Removes a missing number, because it arrived or because the sender refused it for good. False if it was not
    /// missing.
    pub fn fill(&mut self, seq: Sequence) -> bool {
        let is_missing = self.is_missing(seq);
        if is_missing {
            self.mark(seq.0, false);
        }
        is_missing
    }

    /// Whether `seq` is known to be missing.
    pub fn is_missing(&self, seq: Sequence) -> bool {
        let Some(newest) = self.newest else { return false };
        seq < newest && newest.0 - seq.0 < WINDOW && self.bit(seq.0)
    }

    /// The lowest missing number.
    pub fn lowest_missing(&self) -> Option<Sequence> {
        self.missing_run(Sequence(0), Sequence(u64::MAX)).map(|(first, _)| first)
    }

    /// The first run of consecutive missing numbers at or above `from` and below `below`, as first and last number.
    pub fn missing_run(&self, from: Sequence, below: Sequence) -> Option<(Sequence, Sequence)> {
        if self.missing == 0 {
            return None;
        }
        let newest = self.newest?;
        let start = from.0.max(newest.0.saturating_sub(WINDOW - 1)).max(1);
        let end = newest.0.min(below.0);
        let first = (start..end).find(|n| self.bit(*n))?;
        let last = (first..end).take_while(|n| self.bit(*n)).last()?;
        Some((Sequence(first), Sequence(last)))
    }

    /// The number to acknowledge now, if any: the highest number congruent to `residue` modulo 10 up to which nothing
    /// is missing. Each number is returned once. A number is never acknowledged while a lower one is missing
    /// (docs/protocol/wire.md 7.6).
    pub fn acknowledge(&mut self, residue: u64) -> Option<Sequence> {
        let newest = self.newest?;
        let complete = self.lowest_missing().map_or(newest.0, |m| m.0.saturating_sub(1));
        let above = (complete % ACK_EVERY + ACK_EVERY - residue % ACK_EVERY) % ACK_EVERY;
        let candidate = complete.checked_sub(above)?;
        if candidate <= self.acknowledged.0 || candidate == 0 {
            return None;
        }
        self.acknowledged = Sequence(candidate);
        Some(self.acknowledged)
    }

    fn place(number: u64) -> (usize, u64) {
        let slot = number % WINDOW;
        ((slot / 64) as usize, 1 << (slot % 64))
    }

    fn bit(&self, number: u64) -> bool {
        let (word, mask) = Self::place(number);
        self.bits.get(word).is_some_and(|bits| bits & mask != 0)
    }

    fn mark(&mut self, number: u64, missing: bool) {
        let (word, mask) = Self::place(number);
        let Some(bits) = self.bits.get_mut(word) else { return };
        let was = *bits & mask != 0;
        if missing {
            *bits |= mask;
        } else {
            *bits &= !mask;
        }
        match (was, missing) {
            (false, true) => self.missing += 1,
            (true, false) => self.missing = self.missing.saturating_sub(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
