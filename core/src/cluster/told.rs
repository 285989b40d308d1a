//! What nodes of our kind tell each other besides: their release, a digest of their `haresources`, and which groups do not start at them.
//!
//! It stands in the field that tells our kind from 3.0.6, which passes over fields that it does not know (wire reference 2), in messages that are
//! sent anyway: `1`, or `1;RELEASE;DIGEST`, or with `;LACKING` behind, both of these hexadecimal. An earlier release looks only whether the field
//! is there.

use heapless::String;

use crate::id::GroupId;

/// Longest name of a release that is kept; a longer one is cut.
const RELEASE_MAX: usize = 15;

/// Room for all of it.
pub(super) const TEXT_MAX: usize = 2 + RELEASE_MAX + 1 + 16 + 1 + 32;

/// What a node has told of itself in this run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// It is of our kind.
    pub is_ours: bool,
    /// The name of its release; empty if it has not told.
    #[cfg(not(feature = "small"))]
    pub release: String<RELEASE_MAX>,
    /// The digest of its groups; `None` if it has not told.
    #[cfg(not(feature = "small"))]
    pub digest: Option<u64>,
    /// The groups that could not be started there and have not run there since, one bit each, by its own order, as it last spoke of resources.
    #[cfg(not(feature = "small"))]
    pub lacking: u128,
}

#[cfg(not(feature = "small"))]
impl Told {
    /// Reads the field. What does not fit its form counts as not told.
    pub(super) fn read(text: &[u8]) -> Self {
        let text = core::str::from_utf8(text).unwrap_or_default();
        let mut words = text.split(';').skip(1);
        let printable = words.next().unwrap_or_default().chars().filter(char::is_ascii_graphic);
        let release = printable.take(RELEASE_MAX).collect();
        let digest = words.next().and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let lacking = words.next().and_then(|hex| u128::from_str_radix(hex, 16).ok()).unwrap_or(0);
        Self { is_ours: true, release, digest, lacking }
    }

    /// Of this node: the name of its release and the digest of its groups.
    pub(super) fn introduce(&mut self, release: &str, digest: u64) {
        self.release = release.chars().filter(|c| c.is_ascii_graphic() && *c != ';').take(RELEASE_MAX).collect();
        self.digest = Some(digest);
    }

    /// Of this node: a group was started here, or could not be.
    pub(super) fn note_start(&mut self, group: GroupId, runs: bool) {
        let bit = 1u128.checked_shl(u32::from(group.0)).unwrap_or(0);
        self.lacking = if runs { self.lacking & !bit } else { self.lacking | bit };
    }

    /// The field.
    pub(super) fn text(&self) -> String<TEXT_MAX> {
        use core::fmt::Write as _;

        let mut text = String::new();
        let _ = text.push('1');
        if let Some(digest) = self.digest {
            let _ = write!(text, ";{};{digest:016x}", self.release);
            if self.lacking != 0 {
                let _ = write!(text, ";{:x}", self.lacking);
            }
        }
        text
    }
}

/// Where flash counts, nothing is told but the kind.
#[cfg(feature = "small")]
#[expect(clippy::unused_self, reason = "the same calls as where there is room")]
impl Told {
    pub(super) fn read(_: &[u8]) -> Self {
        Self { is_ours: true }
    }

    pub(super) fn introduce(&mut self, _: &str, _: u64) {}

    pub(super) fn note_start(&mut self, _: GroupId, _: bool) {}

    pub(super) fn text(&self) -> String<TEXT_MAX> {
        let mut text = String::new();
        let _ = text.push('1');
        text
    }
}

#[cfg(all(test, not(feature = "small")))]
mod tests {
    use super::*;

    fn told(release: &str, digest: u64, lacking: u128) -> Told {
        Told { is_ours: true, release: release.try_into().expect("short"), digest: Some(digest), lacking }
    }

    #[test]
    fn what_is_told_is_read_as_it_was_written() {
        for all in [told("1.2.3", 0x0123, 0), told("", u64::MAX, u128::MAX), told("123456789012345", 0, 1)] {
            assert_eq!(Told::read(all.text().as_bytes()), all);
        }
        assert_eq!(told("1.2.3", 0xabc, 5).text(), "1;1.2.3;0000000000000abc;5");
    }

    #[test]
    fn earlier_release_and_nonsense_have_told_their_kind_alone() {
        let kind = Told { is_ours: true, ..Told::default() };
        assert_eq!(kind.text(), "1");
        for text in [&b"1"[..], b"", b";;;", b"1;\xff", b"\xff\xfe", b"1;;xyz;-1"] {
            assert_eq!(Told::read(text), kind, "{text:?}");
        }
        let long = Told::read(b"1;a\x07release\tthat is too long;10000000000000000;1");
        assert_eq!((long.release.as_str(), long.digest), ("areleasethatist", None));
    }
}
