//! One end of a serial line. The UART of a board is a driver of [`embedded_io`] or of [`embedded_hal_nb`].
//!
//! ```
//! use hbcore::serial::{Device, SerialEnd};
//!
//! // Messages of at most 768 bytes, and room for 1 KiB that waits to be sent. Nb(uart) and Io(uart) are devices too.
//! fn turn(end: &mut SerialEnd<impl Device, 768, 1024>, message: &[u8]) {
//!     let _ = end.receive(|message| { /* cluster.handle(now, link, message) */ });
//!     let _ = end.send(message); // false: no room, and nothing of it was sent
//!     let _ = end.flush(); // in each turn
//! }
//! ```

use crate::wire::{FrameCounters, FrameReader};

#[cfg(test)]
mod tests;

/// The calls that a line must offer. None of them waits.
pub trait Device {
    /// The errors of the device.
    type Error;

    /// Takes bytes that have arrived. Returns 0 if there are none.
    fn take(&mut self, bytes: &mut [u8]) -> Result<usize, Self::Error>;

    /// Sends the first of `bytes`, as many as there is room for, and returns how many.
    fn give(&mut self, bytes: &[u8]) -> Result<usize, Self::Error>;
}

/// A driver of `embedded-io`. It is called only when it reports that it is ready, and so never waits.
#[derive(Debug)]
pub struct Io<D>(
    /// The driver.
    pub D,
);

impl<D> Device for Io<D>
where
    D: embedded_io::Read + embedded_io::ReadReady + embedded_io::Write + embedded_io::WriteReady,
{
    type Error = D::Error;

    fn take(&mut self, bytes: &mut [u8]) -> Result<usize, D::Error> {
        if self.0.read_ready()? { self.0.read(bytes) } else { Ok(0) }
    }

    fn give(&mut self, bytes: &[u8]) -> Result<usize, D::Error> {
        if self.0.write_ready()? { self.0.write(bytes) } else { Ok(0) }
    }
}

/// A driver of `embedded-hal-nb`, which gives and takes single bytes.
#[derive(Debug)]
pub struct Nb<D>(
    /// The driver.
    pub D,
);

impl<D> Device for Nb<D>
where
    D: embedded_hal_nb::serial::Read<u8> + embedded_hal_nb::serial::Write<u8>,
{
    type Error = D::Error;

    fn take(&mut self, bytes: &mut [u8]) -> Result<usize, D::Error> {
        count(bytes.iter_mut(), |place| self.0.read().map(|byte| *place = byte))
    }

    fn give(&mut self, bytes: &[u8]) -> Result<usize, D::Error> {
        count(bytes.iter(), |byte| self.0.write(*byte))
    }
}

/// Moves bytes until it would have to wait. Reports an error only if it moved nothing before it: the device reports it
/// again.
fn count<T, E>(
    items: impl Iterator<Item = T>,
    mut each: impl FnMut(T) -> embedded_hal_nb::nb::Result<(), E>,
) -> Result<usize, E> {
    let mut moved = 0;
    for item in items {
        match each(item) {
            Ok(()) => moved += 1,
            Err(embedded_hal_nb::nb::Error::Other(error)) if moved == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(moved)
}

/// How many bytes are taken from the device at a time.
const CHUNK: usize = 32;

/// Finds the messages in the bytes that arrive, and keeps the bytes for which the line has no room yet.
///
/// `FRAME` is the longest message that is received, in bytes; a longer one is thrown away and counted
/// ([`SerialEnd::noise`]). `QUEUE` is how many bytes can wait to be sent; a message that finds no room is not sent at
/// all, and counted ([`SerialEnd::dropped`]).
pub struct SerialEnd<D, const FRAME: usize, const QUEUE: usize> {
    device: D,
    frames: FrameReader<FRAME>,
    queue: heapless::Deque<u8, QUEUE>,
    dropped: u32,
}

impl<D: Device, const FRAME: usize, const QUEUE: usize> SerialEnd<D, FRAME, QUEUE> {
    /// An end that has received nothing yet.
    pub const fn new(device: D) -> Self {
        Self { device, frames: FrameReader::new(), queue: heapless::Deque::new(), dropped: 0 }
    }

    /// Reads the bytes that have arrived, and passes every message in them, from `>>>` to `<<<`, to `each`. The errors
    /// are those of the device; bytes that arrived before are not lost. The work is proportional to the number of bytes
    /// that have arrived.
    pub fn receive(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), D::Error> {
        let mut bytes = [0; CHUNK];
        loop {
            let len = self.device.take(&mut bytes)?;
            let mut input = bytes.get(..len).unwrap_or_default();
            if input.is_empty() {
                return Ok(());
            }
            while let Some(message) = self.frames.push(&mut input) {
                each(message);
            }
        }
    }

    /// Queues a message and sends as much as the line takes. Returns false if there is no room: then nothing of the
    /// message will be sent. If the device fails, [`SerialEnd::flush`] returns the error.
    pub fn send(&mut self, message: &[u8]) -> bool {
        if message.len() > QUEUE - self.queue.len() {
            self.dropped = self.dropped.saturating_add(1);
            return false;
        }
        self.queue.extend(message.iter().copied());
        let _ = self.flush();
        true
    }

    /// Sends as many of the waiting bytes as the line takes. Returns true if none wait any more.
    pub fn flush(&mut self) -> Result<bool, D::Error> {
        for _ in 0..=QUEUE {
            let (first, _) = self.queue.as_slices();
            if first.is_empty() {
                return Ok(true);
            }
            let given = self.device.give(first)?;
            if given == 0 {
                break;
            }
            for _ in 0..given {
                self.queue.pop_front();
            }
        }
        Ok(self.queue.is_empty())
    }

    /// The number of messages that found no room. It saturates.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Counters of the input that was thrown away.
    pub fn noise(&self) -> FrameCounters {
        self.frames.counters()
    }

    /// The device, for its other functions.
    pub fn device(&mut self) -> &mut D {
        &mut self.device
    }
}
