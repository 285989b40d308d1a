//! Frames out of a stream of bytes: a length, a magic number, a body (docs/protocol/clients.md 1.4).

/// Bytes before a body: its length and the magic number, both in the order of the host.
pub const HEADER: usize = 8;
/// Longest body that 3.0.6 sends or takes.
pub const BODY_MAX: usize = 262_144;
const MAGIC: u32 = 0xabcd;
/// A longer buffer is freed after its frame.
const KEPT: usize = 4096;

/// The reason why a stream is not one of frames. Its later bytes are worthless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Another number stands in the place of the magic number.
    Magic,
    /// A length below zero, or longer than allowed.
    Length,
}

/// Bytes of one connection that have arrived and are not used yet.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    used: usize,
}

impl Inbox {
    /// Appends bytes that have arrived.
    #[cold]
    #[inline(never)]
    pub fn push(&mut self, bytes: &[u8]) {
        if self.used == self.bytes.len() {
            self.bytes.clear();
            self.used = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes that are held.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.used
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The body of the next frame, if all of it has arrived. A header is checked as soon as it has arrived: a frame
    /// longer than `most` gets no memory.
    ///
    /// # Errors
    /// [`FrameError`]; the connection is to be closed.
    #[cold]
    #[inline(never)]
    pub fn next(&mut self, most: usize) -> Result<Option<Vec<u8>>, FrameError> {
        let held = self.bytes.get(self.used..).unwrap_or_default();
        let Some((header, rest)) = held.split_first_chunk::<HEADER>() else { return Ok(None) };
        // Both halves are four bytes long.
        let (length, magic) = header.split_at(HEADER / 2);
        if magic != MAGIC.to_ne_bytes() {
            return Err(FrameError::Magic);
        }
        let length = i32::from_ne_bytes(length.try_into().unwrap_or([u8::MAX; 4]));
        let length = usize::try_from(length).map_err(|_| FrameError::Length)?;
        if length > most {
            return Err(FrameError::Length);
        }
        let Some(body) = rest.get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
        self.used += HEADER + length;
        if self.used == self.bytes.len() {
            self.bytes.clear();
            self.used = 0;
            self.bytes.shrink_to(KEPT);
        } else if self.used > KEPT {
            self.bytes.drain(..self.used);
            self.used = 0;
        }
        Ok(Some(body))
    }
}

/// The bytes before a body of `length` bytes.
pub(crate) fn header(length: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let (first, second) = header.split_at_mut(HEADER / 2);
    first.copy_from_slice(&i32::try_from(length).unwrap_or(i32::MAX).to_ne_bytes());
    second.copy_from_slice(&MAGIC.to_ne_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(body: &[u8]) -> Vec<u8> {
        [&header(body.len())[..], body].concat()
    }

    #[test]
    fn frames_are_found_however_the_stream_is_cut() {
        let stream = [frame(b"first"), frame(b""), frame(&[7; 9000]), frame(b"last")].concat();
        for size in [1, 3, 8, 13, 4096, stream.len()] {
            let (mut inbox, mut bodies) = (Inbox::default(), Vec::new());
            for piece in stream.chunks(size) {
                inbox.push(piece);
                while let Some(body) = inbox.next(BODY_MAX).expect("good frames") {
                    bodies.push(body);
                }
            }
            assert_eq!(bodies, [b"first".to_vec(), vec![], vec![7; 9000], b"last".to_vec()], "pieces of {size}");
            assert!(inbox.is_empty());
        }
    }

    #[test]
    fn bad_header_is_refused_before_its_body_comes() {
        let mut long = header(BODY_MAX + 1).to_vec();
        let negative = [(-1i32).to_ne_bytes(), MAGIC.to_ne_bytes()].concat();
        let magic = [5i32.to_ne_bytes(), 0xabceu32.to_ne_bytes()].concat();
        for (bytes, error) in
            [(&long, FrameError::Length), (&negative, FrameError::Length), (&magic, FrameError::Magic)]
        {
            let mut inbox = Inbox::default();
            inbox.push(bytes);
            assert_eq!(inbox.next(BODY_MAX), Err(error));
        }
        long = header(BODY_MAX).to_vec();
        let mut inbox = Inbox::default();
        inbox.push(&long);
        assert_eq!(inbox.next(BODY_MAX), Ok(None));
        assert_eq!(inbox.next(4096), Err(FrameError::Length), "whoever has not signed on has no use for that");
    }
}
