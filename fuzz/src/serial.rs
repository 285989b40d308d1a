//! A serial line: a stream of bytes in which there may be messages.

use std::convert::Infallible;

use hbcore::serial::{Device, SerialEnd};
use hbcore::wire::{FrameCounters, FrameReader};

use crate::cuts::{Digest, pieces};

/// The longest message that is received.
const FRAME: usize = 128;

/// Sent after everything else. The reader must find a message that begins on a line of its own, whatever came before
/// it.
const LAST: &[u8] = b">>>\nt=status\nst=active\nauth=1 0\n<<<\n";

/// The first byte decides where the stream is cut. The messages found must depend neither on the cuts nor on the
/// reader.
pub fn run(data: &[u8]) {
    let Some((&seed, stream)) = data.split_first() else { return };
    let whole = read([stream]);
    assert_eq!(whole, read(pieces(stream, seed)), "it depends on the cuts");
    assert_eq!(whole, read_device(stream, seed), "it depends on the reader");
    let FrameCounters { bytes, broken, oversized } = whole.1;
    assert!(bytes <= stream.len() as u64 && 4 * (broken + oversized) <= stream.len() as u64);
    finds_the_last(stream);
}

fn examine(frame: &[u8]) {
    assert!(frame.len() <= FRAME && frame.starts_with(b">>>\n") && frame.ends_with(b"<<<\n"), "not a frame");
    assert!(!frame.contains(&b'\r'));
}

fn read<'s>(pieces: impl IntoIterator<Item = &'s [u8]>) -> (Digest, FrameCounters) {
    let mut reader = FrameReader::<FRAME>::new();
    let mut found = Digest::default();
    for mut piece in pieces {
        while let Some(frame) = reader.push(&mut piece) {
            examine(frame);
            found.add(frame);
        }
        assert!(piece.is_empty(), "bytes were left");
    }
    (found, reader.counters())
}

/// A device that returns the stream in pieces.
struct Line<P>(P);

impl<'s, P: Iterator<Item = &'s [u8]>> Device for Line<P> {
    type Error = Infallible;

    fn take(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        let piece = self.0.next().unwrap_or_default();
        bytes[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }

    fn give(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(bytes.len().min(3))
    }
}

fn read_device(stream: &[u8], seed: u8) -> (Digest, FrameCounters) {
    let mut end = SerialEnd::<_, FRAME, 64>::new(Line(pieces(stream, seed)));
    let mut found = Digest::default();
    end.receive(|frame| found.add(frame)).expect("it cannot fail");
    (found, end.noise())
}

fn finds_the_last(stream: &[u8]) {
    let mut reader = FrameReader::<FRAME>::new();
    let mut last = false;
    for mut piece in [stream, b"\n", LAST] {
        while let Some(frame) = reader.push(&mut piece) {
            last = frame == LAST;
        }
    }
    assert!(last, "a whole message was not found");
}
