//! The queue of bytes for a serial line: whole messages, bounded in bytes and by the time that they take on the line.

/// Longest message, in bytes, that a line accepts.
const CAPACITY: usize = 16 * 1024;
/// Messages up to this many bytes may always wait.
const LEAST_BUDGET: usize = 2048;

/// A first-in-first-out queue of bytes that takes a message whole or not at all.
///
/// It holds at most as many bytes as the line sends in one second (but at least 2 KiB), so that heartbeats do not
/// arrive old. A longer message, up to 16 KiB, is accepted only when the queue is empty.
pub(super) struct WriteQueue {
    bytes: Box<[u8; CAPACITY]>,
    start: usize,
    end: usize,
    budget: usize,
}

impl WriteQueue {
    /// An empty queue for a line of `baud` bits per second, ten bits a byte.
    pub(super) fn for_line(baud: u32) -> Self {
        let second = usize::try_from(baud / 10).unwrap_or(CAPACITY);
        Self { bytes: Box::new([0; CAPACITY]), start: 0, end: 0, budget: second.clamp(LEAST_BUDGET, CAPACITY) }
    }

    /// Whether the queue is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Adds `message` at the end. Returns `false`, and changes nothing, when there is no room.
    pub(super) fn push(&mut self, message: &[u8]) -> bool {
        let waiting = self.end.saturating_sub(self.start);
        let room = if waiting == 0 { CAPACITY } else { self.budget.saturating_sub(waiting) };
        if message.len() > room {
            return false;
        }
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, waiting);
        let end = waiting.saturating_add(message.len());
        let Some(place) = self.bytes.get_mut(waiting..end) else {
            return false;
        };
        place.copy_from_slice(message);
        self.end = end;
        true
    }

    /// The bytes to write next, `None` when the queue is empty.
    pub(super) fn next(&self) -> Option<&[u8]> {
        self.bytes.get(self.start..self.end).filter(|bytes| !bytes.is_empty())
    }

    /// Takes `count` bytes away from the front.
    pub(super) fn written(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Empties the queue.
    pub(super) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_whole_and_in_order() {
        let mut queue = WriteQueue::for_line(9600);
        assert!(queue.push(b"one") && queue.push(b"two"));
        queue.written(4);
        assert_eq!(queue.next(), Some(&b"wo"[..]));
        assert!(queue.push(b"!"));
        assert_eq!(queue.next(), Some(&b"wo!"[..]));
        queue.written(100);
        assert!(queue.is_empty() && queue.next().is_none());
    }

    #[test]
    fn slow_line_drops_messages_instead_of_letting_them_grow_old() {
        let mut queue = WriteQueue::for_line(9600);
        let accepted = (0..100).filter(|_| queue.push(&[b'x'; 200])).count();
        assert_eq!(accepted, 10, "2048 bytes");
        let mut fast = WriteQueue::for_line(115_200);
        assert_eq!((0..100).filter(|_| fast.push(&[b'x'; 200])).count(), 57, "11520 bytes");
    }

    #[test]
    fn long_message_goes_when_nothing_else_waits() {
        let mut queue = WriteQueue::for_line(9600);
        assert!(queue.push(b"first") && !queue.push(&[b'x'; 9000]));
        queue.written(5);
        assert!(queue.push(&[b'x'; 9000]));
        queue.clear();
        assert!(!queue.push(&vec![b'x'; CAPACITY + 1]));
    }
}
