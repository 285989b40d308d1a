//! One end of a serial line, over whatever a board calls its UART: a driver of [`embedded_io`], or one of [`embedded_hal_nb`].
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

/// What a line must be able to do, without waiting.
pub trait Device {
    /// What can go wrong.
    type Error;

    /// Takes bytes that have arrived; 0 if there are none.
    fn take(&mut self, bytes: &mut [u8]) -> Result<usize, Self::Error>;

    /// Sends the first of `bytes`, as many as there is room for; says how many.
    fn give(&mut self, bytes: &[u8]) -> Result<usize, Self::Error>;
}

/// A driver of `embedded-io`. It is only called when it says that it is ready, and so never waits.
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

/// Moves bytes until one would have to wait. An error is only reported if nothing was moved before it: it comes again.
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

/// Finds the messages in what arrives, and holds back what the line has no room for yet.
///
/// `FRAME`: the longest message that is received, in bytes; a longer one is thrown away and counted ([`SerialEnd::noise`]). `QUEUE`: how
/// many bytes wait to be sent; a message that finds no room is not sent at all, and counted ([`SerialEnd::dropped`]).
pub struct SerialEnd<D, const FRAME: usize, const QUEUE: usize> {
    device: D,
    frames: FrameReader<FRAME>,
    queue: heapless::Deque<u8, QUEUE>,
    dropped: u32,
}

impl<D: Device, const FRAME: usize, const QUEUE: usize> SerialEnd<D, FRAME, QUEUE> {
    /// An end at which nothing has arrived.
    pub const fn new(device: D) -> Self {
        Self { device, frames: FrameReader::new(), queue: heapless::Deque::new(), dropped: 0 }
    }

    /// Takes what has arrived, and gives `each` every message in it, from `>>>` to `<<<`. Errors are those of the device; nothing that
    /// arrived before is lost by them. Work is proportional to what has arrived.
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

    /// Puts a message after those that wait, and sends what the line takes. False: there is no room, and nothing of it will be sent.
    /// Errors of the device are met again by [`SerialEnd::flush`].
    pub fn send(&mut self, message: &[u8]) -> bool {
        if message.len() > QUEUE - self.queue.len() {
            self.dropped = self.dropped.saturating_add(1);
            return false;
        }
        self.queue.extend(message.iter().copied());
        let _ = self.flush();
        true
    }

    /// Sends what the line takes of what waits; true if nothing waits any more.
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

    /// Messages that found no room; the number saturates.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// What was thrown away of what arrived.
    pub fn noise(&self) -> FrameCounters {
        self.frames.counters()
    }

    /// The device, for what else it can do.
    pub fn device(&mut self) -> &mut D {
        &mut self.device
    }
}
