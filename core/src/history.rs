//! The messages that this node sent, kept for a while so that it can retransmit them (docs/protocol/wire.md 7.5, 7.7).
//!
//! One byte buffer is a ring of whole messages. It is also the queue of the messages that were not sent yet: a message
//! is written here once and leaves from here on every link.

use crate::id::Sequence;
use crate::time::{Duration, Instant};

/// The most messages that are kept, however small they are (docs/protocol/wire.md 7.7).
pub const MAX_MESSAGES: usize = 500;

/// Each message is preceded by its length (4 bytes), the time of its last retransmission in microseconds (8) and flags
/// (1).
const HEADER: usize = 13;
const RESEND: u8 = 1;

/// A bounded ring of messages with consecutive numbers.
///
/// `BYTES` is the room for messages; each message has 13 bytes of overhead. When the ring is full, the oldest messages
/// are dropped. A message that is dropped before it was sent counts in [`History::overrun`].
#[derive(Debug)]
pub struct History<const BYTES: usize> {
    bytes: [u8; BYTES],
    /// Offset of the oldest message, and of the place for the next one.
    start: usize,
    end: usize,
    /// When the newest message lies before the oldest: the end of the messages at the top of the buffer.
    limit: Option<usize>,
    /// Number of the newest message that was dropped.
    dropped: Sequence,
    count: usize,
    unsent: usize,
    unsent_at: usize,
    resends: usize,
    taken: Option<usize>,
    overrun: u32,
}

/// Why a message with a given number cannot be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// It was dropped from the ring.
    TooOld,
    /// It was never sent.
    NotYet,
}

impl<const BYTES: usize> History<BYTES> {
    /// An empty ring whose first message will have number 1.
    pub const fn new() -> Self {
        Self {
            bytes: [0; BYTES],
            start: 0,
            end: 0,
            limit: None,
            dropped: Sequence(0),
            count: 0,
            unsent: 0,
            unsent_at: 0,
            resends: 0,
            taken: None,
            overrun: 0,
        }
    }

    /// The number that the next message gets.
    pub fn next_sequence(&self) -> Sequence {
        Sequence(self.dropped.0.saturating_add(1 + self.count as u64))
    }

    /// The lowest number that is still kept.
    pub fn oldest_sequence(&self) -> Sequence {
        self.dropped.next()
    }

    /// The lowest number that is kept after `room` bytes more were written. The work is proportional to the number of
    /// kept messages.
    #[cfg(not(feature = "small"))]
    pub fn kept_after(&self, room: usize) -> Sequence {
        let mut free = match self.limit {
            None => (BYTES - self.end).saturating_add(self.start),
            Some(_) => self.start.saturating_sub(self.end),
        };
        let (mut offset, mut number) = (self.start, self.oldest_sequence());
        for _ in 0..self.count {
            if free >= room {
                break;
            }
            free += HEADER + self.len(offset);
            offset = self.after(offset);
            number = number.next();
        }
        number
    }

    /// How many messages were dropped before they could be sent, because more was written in one go than the ring
    /// holds.
    pub fn overrun(&self) -> u32 {
        self.overrun
    }

    /// Appends a message. `write` gets a buffer of `most` bytes, puts the message into it and returns its length. Older
    /// messages make room. Returns `false`, and keeps the number free, if `most` does not fit into the ring at all or
    /// `write` returns `None`.
    pub fn push(&mut self, most: usize, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let Some(offset) = self.reserve(most + HEADER) else { return false };
        let text = offset + HEADER;
        let Some(len) = self.bytes.get_mut(text..text + most).and_then(write) else { return false };
        let len = len.min(most);
        if let Some(header) = self.bytes.get_mut(offset..text) {
            header.fill(0);
            if let Some(field) = header.first_chunk_mut::<4>() {
                *field = (len as u32).to_le_bytes();
            }
        }
        self.end = text + len;
        if self.count == 0 {
            self.start = offset;
        }
        if self.unsent == 0 {
            self.unsent_at = offset;
        }
        self.count += 1;
        self.unsent += 1;
        true
    }

    /// The next message to send: first those never sent, then those to be retransmitted.
    pub fn take(&mut self, now: Instant) -> Option<&[u8]> {
        if self.has_unsent() { self.take_unsent() } else { self.take_resend(now) }
    }

    /// Whether a message was not sent yet.
    pub fn has_unsent(&self) -> bool {
        self.unsent > 0
    }

    /// Whether a message is to be retransmitted.
    pub fn has_resends(&self) -> bool {
        self.resends > 0
    }

    /// The next message that was not sent yet. It counts as sent from now on.
    pub fn take_unsent(&mut self) -> Option<&[u8]> {
        if self.unsent == 0 {
            return None;
        }
        let offset = self.unsent_at;
        self.unsent -= 1;
        self.unsent_at = self.after(offset);
        self.taken = Some(offset);
        Some(self.text(offset))
    }

    /// The message with a number, if it is kept. The work is proportional to the number of kept messages.
    pub fn get(&self, number: Sequence) -> Option<&[u8]> {
        let behind = usize::try_from(number.0.checked_sub(self.oldest_sequence().0)?).ok()?;
        let offset = (0..behind.min(self.count)).fold(self.start, |offset, _| self.after(offset));
        (behind < self.count).then(|| self.text(offset))
    }

    /// The message that was taken last, as long as it is kept.
    pub fn last_taken(&self) -> Option<&[u8]> {
        self.taken.map(|offset| self.text(offset))
    }

    /// Marks the messages `first` to `last` to be retransmitted, at most `most` of them, except those retransmitted
    /// less than `quiet` ago. Returns the first number that is not available, and why.
    pub fn request(
        &mut self,
        now: Instant,
        first: Sequence,
        last: Sequence,
        most: usize,
        quiet: Duration,
    ) -> Result<(), (Sequence, Unavailable)> {
        if first < self.oldest_sequence() {
            return Err((first, Unavailable::TooOld));
        }
        let mut offset = self.start;
        let mut number = self.oldest_sequence();
        let mut wanted = most;
        for _ in 0..self.count {
            if number > last || wanted == 0 {
                return Ok(());
            }
            if number >= first {
                wanted -= 1;
                self.mark_resend(offset, now, quiet);
            }
            offset = self.after(offset);
            number = number.next();
        }
        if last >= number { Err((first.max(number), Unavailable::NotYet)) } else { Ok(()) }
    }

    /// The oldest message that is marked to be retransmitted. Removes the mark and notes the time.
    pub fn take_resend(&mut self, now: Instant) -> Option<&[u8]> {
        if self.resends == 0 {
            return None;
        }
        let mut offset = self.start;
        for _ in 0..self.count {
            if self.flags(offset) & RESEND != 0 {
                self.resends -= 1;
                self.set_flags(offset, 0);
                self.set_repeated(offset, now);
                self.taken = Some(offset);
                return Some(self.text(offset));
            }
            offset = self.after(offset);
        }
        self.resends = 0;
        None
    }

    fn mark_resend(&mut self, offset: usize, now: Instant, quiet: Duration) {
        let repeated = self.repeated(offset);
        let recently = repeated != Instant::ZERO && now.since(repeated) < quiet;
        if !recently && self.flags(offset) & RESEND == 0 {
            self.set_flags(offset, RESEND);
            self.resends += 1;
        }
    }

    /// Finds `need` bytes in one piece, and drops the oldest messages for them if necessary.
    fn reserve(&mut self, need: usize) -> Option<usize> {
        if need > BYTES {
            return None;
        }
        if self.count >= MAX_MESSAGES {
            self.drop_oldest();
        }
        for _ in 0..=self.count {
            if self.count == 0 {
                (self.start, self.end, self.limit) = (0, 0, None);
                return Some(0);
            }
            if self.limit.is_some() {
                if self.start - self.end >= need {
                    return Some(self.end);
                }
            } else if BYTES - self.end >= need {
                return Some(self.end);
            } else if self.start >= need {
                self.limit = Some(self.end);
                self.end = 0;
                return Some(0);
            }
            self.drop_oldest();
        }
        None
    }

    fn drop_oldest(&mut self) {
        if self.count == 0 {
            return;
        }
        let oldest = self.start;
        if self.flags(oldest) & RESEND != 0 {
            self.resends = self.resends.saturating_sub(1);
        }
        if self.taken == Some(oldest) {
            self.taken = None;
        }
        self.start = self.after(oldest);
        if self.start < oldest {
            self.limit = None;
        }
        if self.unsent == self.count {
            self.unsent -= 1;
            self.unsent_at = self.start;
            self.overrun = self.overrun.saturating_add(1);
        }
        self.count -= 1;
        self.dropped = self.dropped.next();
    }

    /// The offset of the message after the one at `offset`.
    fn after(&self, offset: usize) -> usize {
        let next = offset + HEADER + self.len(offset);
        if self.limit == Some(next) { 0 } else { next }
    }

    fn len(&self, offset: usize) -> usize {
        let bytes = self.bytes.get(offset..).and_then(|b| b.first_chunk::<4>());
        bytes.map_or(0, |b| u32::from_le_bytes(*b) as usize)
    }

    fn text(&self, offset: usize) -> &[u8] {
        let text = offset + HEADER;
        self.bytes.get(text..text + self.len(offset)).unwrap_or_default()
    }

    fn repeated(&self, offset: usize) -> Instant {
        let bytes = self.bytes.get(offset + 4..).and_then(|b| b.first_chunk::<8>());
        bytes.map_or(Instant::ZERO, |b| Instant::from_micros(u64::from_le_bytes(*b)))
    }

    fn set_repeated(&mut self, offset: usize, at: Instant) {
        if let Some(field) = self.bytes.get_mut(offset + 4..).and_then(|b| b.first_chunk_mut::<8>()) {
            *field = at.as_micros().to_le_bytes();
        }
    }

    fn flags(&self, offset: usize) -> u8 {
        self.bytes.get(offset + 12).copied().unwrap_or(0)
    }

    fn set_flags(&mut self, offset: usize, flags: u8) {
        if let Some(byte) = self.bytes.get_mut(offset + 12) {
            *byte = flags;
        }
    }
}

impl<const BYTES: usize> Default for History<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
