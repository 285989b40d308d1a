//! The FIFO of scripts: a stream of bytes, in pieces of any size.

use hbcore_linux::fifo::{Collector, Counters, FifoMessage, MESSAGE_CAPACITY};

use crate::cuts::{Digest, pieces};

/// Sent after everything else. The reader must find a message after a line end, whatever came before it.
const LAST: &[u8] = b">>>\nt=ask_resources\nrsc_hold=all\ninfo=me\n<<<\n";

/// The first byte decides where the stream is cut. The messages found must not depend on the cuts.
pub fn run(data: &[u8]) {
    let Some((&seed, stream)) = data.split_first() else { return };
    let whole = read([stream]);
    assert_eq!(whole, read(pieces(stream, seed)), "it depends on the cuts");
    assert!(whole.1.bytes <= stream.len() as u64);
    finds_the_last(stream);
}

fn finds_the_last(stream: &[u8]) {
    let mut collector = Collector::new();
    let mut last = false;
    for mut piece in [stream, b"\n", LAST] {
        while let Some(text) = collector.push(&mut piece) {
            last = text == LAST;
        }
    }
    assert!(last, "a whole message was not found");
}

fn read<'s>(pieces: impl IntoIterator<Item = &'s [u8]>) -> (Digest, Counters) {
    let mut collector = Collector::new();
    let mut found = Digest::default();
    for mut piece in pieces {
        while let Some(text) = collector.push(&mut piece) {
            examine(text);
            found.add(text);
        }
        assert!(piece.is_empty(), "bytes were left");
    }
    (found, collector.counters())
}

fn examine(text: &[u8]) {
    assert!(text.len() <= MESSAGE_CAPACITY);
    assert!(text.starts_with(b">>>\n") && text.ends_with(b"<<<\n") || text.starts_with(b"###\n"));
    let Ok(message) = FifoMessage::parse(text) else { return };
    assert!(!message.kind.is_empty());
    assert_eq!(message.fields.text("t"), Some(message.kind));
    let _ = message.order();
}
