//! The key table: the nodes that may speak in this cluster have one of its keys, and one key signs our messages
//! (docs/protocol/wire.md 4).

use core::fmt;

pub use super::mac::DigestText;
use super::mac::{Function, Hmac, Mac};
use super::{Form, PacketError};

#[cfg(test)]
mod tests;

/// Highest index that an entry of the key table can have.
pub const INDEX_MAX: u8 = 15;

/// The method of a digest (docs/protocol/wire.md 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// CRC-32 without a key. It finds damage and stops no attacker.
    Crc,
    /// HMAC-MD5.
    Md5,
    /// HMAC-SHA1.
    Sha1,
}

impl Method {
    /// The word in `authkeys`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc => "crc",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
        }
    }

    /// The method of that name, case-sensitive.
    pub fn by_name(word: &[u8]) -> Option<Self> {
        [Self::Crc, Self::Md5, Self::Sha1].into_iter().find(|method| method.name().as_bytes() == word)
    }
}

/// Why an entry of the key table was refused. The table is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The index is above [`INDEX_MAX`].
    BadIndex,
    /// MD5 or SHA-1 without a key.
    MissingKey,
    /// CRC with a key.
    UnexpectedKey,
    /// The table holds as many entries as it can.
    Full,
    /// No entry has this index.
    Undefined,
    /// MD5, and this was built without the feature `md5`.
    Unsupported,
}

/// Both expansions of one key. Both are kept because a peer may name an entry by its method and sign with the key of
/// another one (see [`Keys`]).
#[derive(Clone)]
struct Secret {
    #[cfg(feature = "md5")]
    md5: Hmac,
    sha1: Hmac,
}

/// One entry of the table.
#[derive(Clone)]
pub(super) struct Entry {
    index: u8,
    method: Method,
    secret: Option<Secret>,
}

impl Entry {
    /// The index under which messages name it.
    pub(super) fn index(&self) -> u8 {
        self.index
    }

    /// An empty digest by the method of this entry. Never None: the table refuses such entries.
    pub(super) fn own_mac(&self) -> Option<Mac<'_>> {
        self.mac(self.method)
    }

    /// An empty digest by `method` with the key of this entry. None if the method takes a key and the entry has none.
    fn mac(&self, method: Method) -> Option<Mac<'_>> {
        match (method, &self.secret) {
            (Method::Crc, _) => Some(Mac::crc()),
            #[cfg(feature = "md5")]
            (Method::Md5, Some(secret)) => Some(Mac::hmac(&secret.md5)),
            (Method::Sha1, Some(secret)) => Some(Mac::hmac(&secret.sha1)),
            (_, _) => None,
        }
    }
}

/// The key table of `authkeys`: entries by index, and which of them signs.
///
/// `ENTRIES` is the capacity (some 100 bytes for each entry); one entry more is refused with [`KeyError::Full`].
///
/// The index that a received message names decides how it must be signed (docs/protocol/wire.md 4.3):
/// - Our signing entry, or any entry for the classic form: with method and key of that entry.
/// - Another entry, netstring form: with the method of that entry and the key of *our signing* entry, as 3.0.6 does it;
///   also with method and key of that entry, so that keys can be rolled over between nodes that run hbcore.
/// - No entry: the message is refused.
/// - no entry: refused.
#[derive(Clone, Default)]
pub struct Keys<const ENTRIES: usize = 16> {
    entries: heapless::Vec<Entry, ENTRIES>,
    signing: Option<u8>,
}

impl<const ENTRIES: usize> Keys<ENTRIES> {
    /// An empty table: nothing is accepted and nothing can be signed.
    pub const fn new() -> Self {
        Self { entries: heapless::Vec::new(), signing: None }
    }

    /// Defines entry `index`, 0 to [`INDEX_MAX`]; a later definition replaces an earlier one. `key` has any length, and
    /// is empty for [`Method::Crc`].
    pub fn insert(&mut self, index: u8, method: Method, key: &[u8]) -> Result<(), KeyError> {
        if index > INDEX_MAX {
            return Err(KeyError::BadIndex);
        }
        let secret = match (method, key.is_empty()) {
            (Method::Crc, true) => None,
            (Method::Crc, false) => return Err(KeyError::UnexpectedKey),
            (_, true) => return Err(KeyError::MissingKey),
            (Method::Md5, false) if !cfg!(feature = "md5") => return Err(KeyError::Unsupported),
            (_, false) => Some(Secret {
                #[cfg(feature = "md5")]
                md5: Hmac::new(Function::Md5, key),
                sha1: Hmac::new(Function::Sha1, key),
            }),
        };
        let entry = Entry { index, method, secret };
        match self.entries.iter_mut().find(|known| known.index == index) {
            Some(known) => *known = entry,
            None => self.entries.push(entry).map_err(|_| KeyError::Full)?,
        }
        Ok(())
    }

    /// Makes entry `index`, which must be defined, the one that signs.
    pub fn set_signing(&mut self, index: u8) -> Result<(), KeyError> {
        self.view().entry(index).ok_or(KeyError::Undefined)?;
        self.signing = Some(index);
        Ok(())
    }

    /// The entry that signs.
    pub fn signing_index(&self) -> Option<u8> {
        self.signing
    }

    /// The digest of `data` by the signing entry; None if none signs.
    pub fn digest(&self, data: &[u8]) -> Option<DigestText> {
        self.view().signer()?.own_mac().map(|mut mac| mac.digest([data, &[]]))
    }

    pub(super) fn view(&self) -> KeyView<'_> {
        KeyView { entries: &self.entries, signing: self.signing }
    }
}

impl<const ENTRIES: usize> fmt::Debug for Keys<ENTRIES> {
    /// Prints indexes and methods, and never a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|entry| (entry.index, entry.method))).finish()
    }
}

/// A key table of any capacity.
#[derive(Clone, Copy)]
pub(super) struct KeyView<'k> {
    entries: &'k [Entry],
    signing: Option<u8>,
}

impl<'k> KeyView<'k> {
    fn entry(self, index: u8) -> Option<&'k Entry> {
        self.entries.iter().find(|entry| entry.index == index)
    }

    /// The signing entry.
    pub(super) fn signer(self) -> Option<&'k Entry> {
        self.entry(self.signing?)
    }

    /// Checks that `claim` is the digest of `covered`, two parts one after the other.
    pub(super) fn verify(self, form: Form, claim: &Claim<'_>, covered: [&[u8]; 2]) -> Result<(), PacketError> {
        let named = self.entry(claim.index).ok_or(PacketError::UnknownKey)?;
        let borrowed = match form {
            Form::Netstring if self.signing != Some(claim.index) => self.signing.and_then(|own| self.entry(own)),
            _ => None,
        };
        let mut macs = [borrowed, Some(named)].into_iter().flatten().filter_map(|entry| entry.mac(named.method));
        if macs.any(|mut mac| mac.digest(covered).equals(claim.digest)) { Ok(()) } else { Err(PacketError::BadDigest) }
    }
}

/// The content of a signature: the index of the key, and the digest.
pub(super) struct Claim<'a> {
    pub(super) index: u8,
    pub(super) digest: &'a [u8],
}

impl<'a> Claim<'a> {
    /// Scans `INDEX DIGEST`. Leading zeros, blanks and further words are skipped as 3.0.6 does (docs/protocol/wire.md 4.3).
    pub(super) fn scan(text: &'a [u8]) -> Result<Self, PacketError> {
        let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (Some(index), Some(digest)) = (words.next(), words.next()) else {
            return Err(PacketError::BadSignature);
        };
        if !index.iter().all(u8::is_ascii_digit) {
            return Err(PacketError::BadSignature);
        }
        match super::number::decimal(index) {
            Some(index) if index <= u64::from(INDEX_MAX) => Ok(Self { index: index as u8, digest }),
            _ => Err(PacketError::UnknownKey),
        }
    }
}
