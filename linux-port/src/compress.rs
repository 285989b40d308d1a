//! Compression of messages and of structures in them (docs/protocol/wire.md 10).

mod presser;

pub(crate) use presser::{Pressed, Presser};

use std::fmt;
use std::io::Read;

use crate::ipc::BODY_MAX;
use hbcore::config::Protocol;
use hbcore::wire::{Kind, Structure};
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

/// An inflated message has at most this number of bytes: below 2 MiB, as for 3.0.6.
pub const INFLATED_MAX: usize = 2 * 1024 * 1024 - 1;
/// The name of the field that names the method.
pub(crate) const ALGORITHM: &str = "_compression_algorithm";
/// The effort of zlib, 0 to 10: its own default, and that of 3.0.6.
const EFFORT: u8 = 6;

/// A method of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// A stream of zlib.
    Zlib,
    /// A file of bzip2, made in blocks of 100 kB as by 3.0.6.
    Bz2,
}

/// The reason why something was not inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateError {
    /// Its algorithm is neither `zlib` nor `bz2`.
    UnknownAlgorithm,
    /// It is damaged, or cut off.
    Damaged,
    /// It has more than [`INFLATED_MAX`] bytes.
    TooLong,
}

impl fmt::Display for InflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownAlgorithm => "its algorithm is unknown",
            Self::Damaged => "it is damaged",
            Self::TooLong => "it has 2 MiB or more",
        })
    }
}

impl Algorithm {
    /// The algorithm with this name, as `compression` and the wire have it.
    pub fn by_name(name: &[u8]) -> Option<Self> {
        [Self::Zlib, Self::Bz2].into_iter().find(|algorithm| algorithm.name().as_bytes() == name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zlib => "zlib",
            Self::Bz2 => "bz2",
        }
    }

    /// Compresses.
    #[cold]
    pub fn deflate(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Zlib => compress_to_vec_zlib(bytes, EFFORT),
            Self::Bz2 => {
                let mut out = Vec::new();
                let mut encoder = bzip2::read::BzEncoder::new(bytes, bzip2::Compression::fast());
                // Neither a slice nor a vector fails.
                let _ = encoder.read_to_end(&mut out);
                out
            }
        }
    }

    /// Inflates to at most [`INFLATED_MAX`] bytes; memory for more is never taken.
    ///
    /// # Errors
    /// [`InflateError`].
    #[cold]
    pub fn inflate(self, bytes: &[u8]) -> Result<Vec<u8>, InflateError> {
        match self {
            Self::Zlib => decompress_to_vec_zlib_with_limit(bytes, INFLATED_MAX).map_err(|error| match error.status {
                TINFLStatus::HasMoreOutput => InflateError::TooLong,
                _ => InflateError::Damaged,
            }),
            Self::Bz2 => {
                let mut out = Vec::new();
                let most = u64::try_from(INFLATED_MAX).unwrap_or(u64::MAX).saturating_add(1);
                let decoder = bzip2::read::BzDecoder::new(bytes);
                decoder.take(most).read_to_end(&mut out).map_err(|_| InflateError::Damaged)?;
                if out.len() > INFLATED_MAX { Err(InflateError::TooLong) } else { Ok(out) }
            }
        }
    }
}

/// The rule for messages that are compressed as a whole before they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The method.
    pub algorithm: Algorithm,
    /// A datagram of more bytes is compressed; `None`: none is.
    pub above: Option<usize>,
}

impl Policy {
    /// The rule of `compression`, `compression_threshold` and `traditional_compression`. A name that is neither `zlib` nor
    /// `bz2` was refused before.
    pub fn of(protocol: &Protocol<'_>) -> Self {
        let algorithm = Algorithm::by_name(protocol.compression.as_bytes()).unwrap_or(Algorithm::Zlib);
        let kilobytes = usize::try_from(protocol.compression_threshold).unwrap_or(usize::MAX);
        let above = protocol.traditional_compression.then(|| kilobytes.saturating_mul(1024));
        Self { algorithm, above }
    }
}

/// The message that is compressed as a whole in this one; `None` if it is none of that kind.
#[cold]
#[inline(never)]
pub(crate) fn inflated(body: &Structure<'_>) -> Option<Result<Vec<u8>, InflateError>> {
    let payload = body.field("_compressed_payload").filter(|field| field.kind == Kind::Binary)?;
    let algorithm = body.text(ALGORITHM).and_then(Algorithm::by_name);
    let mut room = vec![0; payload.decoded_len().unwrap_or(0).min(BODY_MAX)];
    let payload = payload.copy_to(&mut room).unwrap_or_default();
    Some(algorithm.ok_or(InflateError::UnknownAlgorithm).and_then(|algorithm| algorithm.inflate(payload)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Algorithm; 2] = [Algorithm::Zlib, Algorithm::Bz2];

    #[test]
    fn compressed_text_is_shorter_and_comes_back() {
        let text = b"padding=......".repeat(600);
        for algorithm in BOTH {
            let pressed = algorithm.deflate(&text);
            assert!(pressed.len() < text.len() / 4, "{algorithm:?}: {} bytes", pressed.len());
            assert_eq!(algorithm.inflate(&pressed), Ok(text.clone()), "{algorithm:?}");
        }
    }

    #[test]
    fn bomb_is_refused_at_two_mebibytes() {
        for algorithm in BOTH {
            let longest = algorithm.deflate(&vec![b'.'; INFLATED_MAX]);
            assert_eq!(algorithm.inflate(&longest).map(|bytes| bytes.len()), Ok(INFLATED_MAX), "{algorithm:?}");
            for more in [1, 50 << 20] {
                let bomb = algorithm.deflate(&vec![b'.'; INFLATED_MAX + more]);
                assert!(bomb.len() < 65_536, "it would fit into a datagram");
                assert_eq!(algorithm.inflate(&bomb), Err(InflateError::TooLong), "{algorithm:?}, {more} more");
            }
        }
    }

    #[test]
    fn damaged_text_is_refused() {
        for algorithm in BOTH {
            let pressed = algorithm.deflate(&b"node alpha bravo ".repeat(100));
            for cut in [0, 1, 2, 20, pressed.len() - 1] {
                assert_eq!(
                    algorithm.inflate(&pressed[..cut]),
                    Err(InflateError::Damaged),
                    "{algorithm:?}: {cut} bytes"
                );
            }
            assert_eq!(algorithm.inflate(b"no such text at all"), Err(InflateError::Damaged), "{algorithm:?}");
        }
    }
}
