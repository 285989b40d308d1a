//! Message digests: CRC-32, HMAC-MD5 and HMAC-SHA1 (docs/protocol/wire.md 4.2, RFC 2104).
//!
//! A key is expanded once, when it is configured. A packet then costs only its own blocks and one for the outer hash.

use core::fmt;

use crc::{CRC_32_CKSUM, Crc, Digest as CrcDigest};
use subtle::ConstantTimeEq;

/// Longest digest text: SHA-1 in hex.
const TEXT_MAX: usize = 40;
/// Block size in bytes of both hash functions.
const BLOCK: usize = 64;
/// The offset of the length in the last block.
const LENGTH_AT: usize = BLOCK - 8;

/// Tables make the checksum fast, sixteen bytes at a time, and take 16 kilobytes.
#[cfg(not(feature = "small"))]
type CrcTable = crc::Table<16>;
#[cfg(feature = "small")]
type CrcTable = crc::NoTable;

/// Polynomial 0x04C11DB7, not reflected, initial 0, complemented.
static CRC: Crc<u32, CrcTable> = Crc::<u32, CrcTable>::new(&CRC_32_CKSUM);

/// The text of a digest on the wire: lower-case hex. The hex of a CRC has no leading zeros.
#[derive(Clone, Copy)]
pub struct DigestText {
    len: u8,
    text: [u8; TEXT_MAX],
}

impl DigestText {
    const EMPTY: Self = Self { len: 0, text: [0; TEXT_MAX] };

    /// The hex digits: 1 to 8 of a CRC, 32 of an HMAC-MD5, 40 of an HMAC-SHA1.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether `claimed` is this text. The time depends only on its length.
    pub(super) fn equals(&self, claimed: &[u8]) -> bool {
        self.as_bytes().ct_eq(claimed).into()
    }

    fn of_crc(value: u32) -> Self {
        let mut this = Self::EMPTY;
        for shift in (0..8).rev().map(|digit| digit * 4) {
            if value >> shift != 0 || shift == 0 {
                this.push((value >> shift & 15) as u8);
            }
        }
        this
    }

    fn push(&mut self, nibble: u8) {
        if let Some(place) = self.text.get_mut(usize::from(self.len)) {
            *place = if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble };
            self.len += 1;
        }
    }
}

impl fmt::Debug for DigestText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(self.as_bytes()).unwrap_or_default())
    }
}

/// The words that a hash function works on. MD5 has four of them, and the same initial values (RFC 1321 3.3, RFC 3174
/// 6.1).
type State = [u32; 5];

const START: State = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];

/// A hash function. Both use the same blocks and the same padding, with a different order of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    #[cfg(feature = "md5")]
    Md5,
    Sha1,
}

impl Function {
    fn compress(self, state: &mut State, blocks: &[[u8; BLOCK]]) {
        match self {
            #[cfg(feature = "md5")]
            Self::Md5 => {
                if let Some(state) = state.first_chunk_mut() {
                    md5::block_api::compress(state, blocks);
                }
            }
            #[cfg(not(feature = "small"))]
            Self::Sha1 => sha1::block_api::compress(state, blocks),
            #[cfg(feature = "small")]
            Self::Sha1 => blocks.iter().for_each(|block| super::sha1::compress(state, block)),
        }
    }

    /// One word of the digest, or half of the length, as bytes.
    fn bytes(self, word: u32) -> [u8; 4] {
        match self {
            #[cfg(feature = "md5")]
            Self::Md5 => word.to_le_bytes(),
            Self::Sha1 => word.to_be_bytes(),
        }
    }

    /// How many words of the state belong to the digest.
    fn words(self) -> usize {
        match self {
            #[cfg(feature = "md5")]
            Self::Md5 => 4,
            Self::Sha1 => 5,
        }
    }
}

/// A digest in progress. A full block waits until more bytes come.
#[derive(Clone)]
pub(super) struct Hash {
    function: Function,
    state: State,
    /// Bytes so far.
    len: u64,
    block: [u8; BLOCK],
}

impl Hash {
    fn new(function: Function) -> Self {
        Self { function, state: START, len: 0, block: [0; BLOCK] }
    }

    fn update(&mut self, bytes: &[u8]) {
        let begun = self.begun();
        self.len = self.len.wrapping_add(bytes.len() as u64);
        let (head, rest) = if begun == 0 { (&[][..], bytes) } else { bytes.split_at(bytes.len().min(BLOCK - begun)) };
        self.put(begun, head);
        if begun + head.len() == BLOCK {
            self.function.compress(&mut self.state, &[self.block]);
        }
        let (blocks, tail) = rest.as_chunks();
        self.function.compress(&mut self.state, blocks);
        if !tail.is_empty() {
            self.put(0, tail);
        }
    }

    /// How many bytes of the current block are there.
    fn begun(&self) -> usize {
        (self.len % BLOCK as u64) as usize
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.block.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// Appends a one bit, zeros, and the length in bits.
    fn finish(&mut self) -> &State {
        let begun = self.begun();
        self.put(begun, &[0x80]);
        self.block.iter_mut().skip(begun + 1).for_each(|byte| *byte = 0);
        if begun >= LENGTH_AT {
            self.function.compress(&mut self.state, &[self.block]);
            self.block = [0; BLOCK];
        }
        let bits = self.len.wrapping_mul(8);
        let (high, low) = (self.function.bytes((bits >> 32) as u32), self.function.bytes(bits as u32));
        let (first, second) = if self.function == Function::Sha1 { (high, low) } else { (low, high) };
        self.put(LENGTH_AT, &first);
        self.put(LENGTH_AT + 4, &second);
        self.function.compress(&mut self.state, &[self.block]);
        &self.state
    }

    /// The state as bytes of the digest.
    fn digest(&mut self, mut put: impl FnMut(usize, [u8; 4])) {
        let function = self.function;
        for (n, word) in self.finish().iter().take(function.words()).enumerate() {
            put(4 * n, function.bytes(*word));
        }
    }
}

/// A key for an HMAC: the state of each hash after its padded key.
#[derive(Clone)]
pub(super) struct Hmac {
    function: Function,
    inner: State,
    outer: State,
}

impl Hmac {
    /// Expands `key`. A key longer than a block is hashed first.
    pub(super) fn new(function: Function, key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        if let Some(place) = block.get_mut(..key.len()) {
            place.copy_from_slice(key);
        } else {
            let mut hash = Hash::new(function);
            hash.update(key);
            hash.digest(|at, bytes| {
                if let Some(place) = block.get_mut(at..at + 4) {
                    place.copy_from_slice(&bytes);
                }
            });
        }
        let padded = |pad: u8| {
            let mut state = START;
            function.compress(&mut state, &[block.map(|byte| byte ^ pad)]);
            state
        };
        Self { function, inner: padded(0x36), outer: padded(0x5c) }
    }

    fn behind(&self, state: State) -> Hash {
        Hash { state, len: BLOCK as u64, ..Hash::new(self.function) }
    }

    fn finish(&self, inner: &mut Hash) -> DigestText {
        let mut outer = self.behind(self.outer);
        inner.digest(|_, bytes| outer.update(&bytes));
        let mut text = DigestText::EMPTY;
        outer.digest(|_, bytes| {
            for byte in bytes {
                text.push(byte >> 4);
                text.push(byte & 15);
            }
        });
        text
    }
}

/// A digest in progress, by any method.
#[derive(Clone)]
pub(super) enum Mac<'k> {
    Crc(CrcDigest<'static, u32, CrcTable>),
    Hmac(&'k Hmac, Hash),
}

impl<'k> Mac<'k> {
    /// An empty CRC.
    pub(super) fn crc() -> Self {
        Self::Crc(CRC.digest())
    }

    /// An empty HMAC.
    pub(super) fn hmac(key: &'k Hmac) -> Self {
        Self::Hmac(key, key.behind(key.inner))
    }

    /// Appends `bytes` to the input.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(crc) => crc.update(bytes),
            Self::Hmac(_, hash) => hash.update(bytes),
        }
    }

    /// The digest of all input. No input may follow.
    pub(super) fn finish(&mut self) -> DigestText {
        match self {
            Self::Crc(crc) => DigestText::of_crc(crc.clone().finalize()),
            Self::Hmac(key, hash) => key.finish(hash),
        }
    }

    /// The digest of all input and then of `parts`, one after the other.
    pub(super) fn digest(&mut self, parts: [&[u8]; 2]) -> DigestText {
        for part in parts {
            self.update(part);
        }
        self.finish()
    }
}
