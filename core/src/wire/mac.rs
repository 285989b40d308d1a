//! Message digests: CRC-32, HMAC-MD5 and HMAC-SHA1 (wire reference 4.2, RFC 2104).
//!
//! A key is expanded once, when it is configured: what a packet costs is its own blocks and one for the outer hash.

use core::fmt;

use crc::{CRC_32_CKSUM, Crc, Digest as CrcDigest};
use md5::{Digest, Md5};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// Longest digest text: SHA-1 in hex.
const TEXT_MAX: usize = 40;
/// Block size in bytes of both hash functions.
const BLOCK: usize = 64;

/// Polynomial 0x04C11DB7, not reflected, initial 0, complemented.
static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_CKSUM);

/// The text of a digest as it stands on the wire: lower-case hex, of a CRC without leading zeros.
#[derive(Clone, Copy)]
pub struct DigestText {
    len: usize,
    text: [u8; TEXT_MAX],
}

impl DigestText {
    /// The hex digits: 1 to 8 of a CRC, 32 of an HMAC-MD5, 40 of an HMAC-SHA1.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    /// Whether `claimed` is this text, in a time that depends on nothing but its length.
    pub(super) fn equals(&self, claimed: &[u8]) -> bool {
        self.as_bytes().ct_eq(claimed).into()
    }

    fn new(digest: &[u8]) -> Self {
        let mut this = Self { len: 0, text: [0; TEXT_MAX] };
        for byte in digest {
            this.push(byte >> 4);
            this.push(byte & 15);
        }
        this
    }

    fn of_crc(value: u32) -> Self {
        let mut this = Self { len: 0, text: [0; TEXT_MAX] };
        for shift in (0..8).rev().map(|digit| digit * 4) {
            if value >> shift != 0 || shift == 0 {
                this.push((value >> shift & 15) as u8);
            }
        }
        this
    }

    fn push(&mut self, nibble: u8) {
        if let Some(place) = self.text.get_mut(self.len) {
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

/// An HMAC in progress: both hashes have their padded key behind them.
#[derive(Clone)]
pub(super) struct Hmac<H> {
    inner: H,
    outer: H,
}

impl<H: Digest + Clone> Hmac<H> {
    /// Expands `key`; one longer than a block is hashed first.
    pub(super) fn new(key: &[u8]) -> Self {
        let hashed = H::digest(key);
        let key = if key.len() > BLOCK { &hashed } else { key };
        Self { inner: Self::padded(key, 0x36), outer: Self::padded(key, 0x5c) }
    }

    fn padded(key: &[u8], pad: u8) -> H {
        let mut block = [pad; BLOCK];
        for (to, from) in block.iter_mut().zip(key) {
            *to ^= from;
        }
        H::new_with_prefix(block)
    }

    fn finish(mut self) -> DigestText {
        self.outer.update(self.inner.finalize());
        DigestText::new(&self.outer.finalize())
    }
}

/// A digest in progress, of whichever method.
#[derive(Clone)]
pub(super) enum Mac {
    Crc(CrcDigest<'static, u32>),
    Md5(Hmac<Md5>),
    Sha1(Hmac<Sha1>),
}

impl Mac {
    /// A CRC of nothing yet.
    pub(super) fn crc() -> Self {
        Self::Crc(CRC.digest())
    }

    /// Appends `bytes` to what is digested.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(crc) => crc.update(bytes),
            Self::Md5(hmac) => hmac.inner.update(bytes),
            Self::Sha1(hmac) => hmac.inner.update(bytes),
        }
    }

    /// The digest of everything appended.
    pub(super) fn finish(self) -> DigestText {
        match self {
            Self::Crc(crc) => DigestText::of_crc(crc.finalize()),
            Self::Md5(hmac) => hmac.finish(),
            Self::Sha1(hmac) => hmac.finish(),
        }
    }

    /// The digest of what was appended and then `parts`, one after the other.
    pub(super) fn digest(mut self, parts: [&[u8]; 2]) -> DigestText {
        for part in parts {
            self.update(part);
        }
        self.finish()
    }
}
