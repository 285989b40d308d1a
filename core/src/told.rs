//! The facts that hbcore nodes tell each other besides: their release, a digest of their `haresources`, and the groups
//! that do not start at them.
//!
//! They stand in the field by which hbcore nodes know each other, and which 3.0.6 ignores (docs/protocol/wire.md 2), in
//! messages that are sent anyway: `1`, or `1;RELEASE;DIGEST`, or with `;LACKING` at the end, and then `;1` or `;2`. DIGEST
//! and LACKING are hexadecimal. An earlier release looks only whether the field is there.

use heapless::String;

use crate::id::{GroupId, Sequence};
use crate::takeover::Inheritance;

/// The longest name of a release that is kept; a longer one is cut.
const RELEASE_MAX: usize = 15;

/// Room for the whole field.
pub(crate) const TEXT_MAX: usize = 2 + RELEASE_MAX + 1 + 16 + 1 + 32 + 2;

/// The facts that a node has told about itself in this run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Whether it runs hbcore.
    #[cfg(not(feature = "small"))]
    pub is_ours: bool,
    /// The name of its release; empty if it has not told it.
    #[cfg(not(feature = "small"))]
    pub release: String<RELEASE_MAX>,
    /// The digest of its groups; `None` if it has not told it.
    #[cfg(not(feature = "small"))]
    pub digest: Option<u64>,
    /// The groups that could not be started there and have not run there since, one bit each, in its own order, as of
    /// its last message about resources.
    #[cfg(not(feature = "small"))]
    pub lacking: u128,
    /// The groups that it took while it did not hear this node, as of its last message about resources.
    #[cfg(not(feature = "small"))]
    inheritance: Inheritance,
    /// The seconds by which its wall clock was ahead of ours at its last status; below zero if ours was ahead.
    #[cfg(not(feature = "small"))]
    pub clock_ahead: i32,
    /// The number of the message with these facts.
    #[cfg(not(feature = "small"))]
    seq: Sequence,
}

#[cfg(not(feature = "small"))]
impl Told {
    /// Takes the field of a message. A malformed part counts as not told; an older message changes nothing.
    pub(crate) fn hear(&mut self, text: &[u8], seq: Sequence) {
        if seq < self.seq {
            return;
        }
        let text = core::str::from_utf8(text).unwrap_or_default();
        let mut words = text.split(';').skip(1);
        let printable = words.next().unwrap_or_default().chars().filter(char::is_ascii_graphic);
        self.is_ours = true;
        self.seq = seq;
        self.release = printable.take(RELEASE_MAX).collect();
        self.digest = words.next().and_then(|hex| u64::from_str_radix(hex, 16).ok());
        self.lacking = words.next().and_then(|hex| u128::from_str_radix(hex, 16).ok()).unwrap_or(0);
        self.inheritance = match words.next() {
            Some("1") => Inheritance::Part,
            Some("2") => Inheritance::All,
            Some(_) | None => Inheritance::Nothing,
        };
    }

    /// The facts about a new run that has told nothing yet: its groups are taken for those of the earlier run.
    pub(crate) fn until_it_tells_again(self) -> Self {
        Self { digest: self.digest, ..Self::default() }
    }

    /// The node gives everything up: its groups do not count any more, whatever an older message tells.
    pub(crate) fn give_up(&mut self, seq: Sequence) {
        self.digest = None;
        self.seq = self.seq.max(seq);
    }

    /// The digest of its groups.
    pub(crate) fn digest(&self) -> Option<u64> {
        self.digest
    }

    pub(crate) fn inheritance(&self) -> Inheritance {
        self.inheritance
    }

    /// Its wall clock showed `theirs`, in seconds, when ours showed `ours`.
    pub(crate) fn compare_clocks(&mut self, theirs: u64, ours: u64) {
        let ahead = i128::from(theirs) - i128::from(ours);
        self.clock_ahead = ahead.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
    }

    /// Sets, for the local node, the name of its release and the digest of its groups.
    pub(crate) fn introduce(&mut self, release: &str, digest: u64) {
        self.release = release.chars().filter(|c| c.is_ascii_graphic() && *c != ';').take(RELEASE_MAX).collect();
        self.digest = Some(digest);
    }

    /// Records, for the local node, whether a group could be started here.
    pub(crate) fn note_start(&mut self, group: GroupId, runs: bool) {
        let bit = 1u128.checked_shl(u32::from(group.0)).unwrap_or(0);
        self.lacking = if runs { self.lacking & !bit } else { self.lacking | bit };
    }

    /// The content of the field. `inheritance`: the groups that this node took while it did not hear the peer.
    pub(crate) fn text(&self, inheritance: Inheritance) -> String<TEXT_MAX> {
        use core::fmt::Write as _;

        let mut text = String::new();
        let _ = text.push('1');
        if let Some(digest) = self.digest {
            let _ = write!(text, ";{};{digest:016x}", self.release);
            if self.lacking != 0 || inheritance != Inheritance::Nothing {
                let _ = write!(text, ";{:x}", self.lacking);
            }
            let _ = text.push_str(match inheritance {
                Inheritance::Nothing => "",
                Inheritance::Part => ";1",
                Inheritance::All => ";2",
            });
        }
        text
    }
}

/// With the feature `small`, a node tells only that it runs hbcore.
#[cfg(feature = "small")]
#[expect(clippy::unused_self, reason = "the same calls as where there is room")]
impl Told {
    pub(crate) fn hear(&mut self, _: &[u8], _: Sequence) {}

    pub(crate) fn compare_clocks(&mut self, _: u64, _: u64) {}

    pub(crate) fn note_start(&mut self, _: GroupId, _: bool) {}

    pub(crate) fn until_it_tells_again(self) -> Self {
        self
    }

    pub(crate) fn give_up(&mut self, _: Sequence) {}

    pub(crate) fn digest(&self) -> Option<u64> {
        None
    }

    pub(crate) fn inheritance(&self) -> Inheritance {
        Inheritance::Nothing
    }

    pub(crate) fn text(&self, _: Inheritance) -> String<TEXT_MAX> {
        let mut text = String::new();
        let _ = text.push('1');
        text
    }
}

#[cfg(all(test, not(feature = "small")))]
mod tests {
    use super::*;

    fn told(release: &str, digest: u64, lacking: u128) -> Told {
        let mut told = Told { is_ours: true, ..Told::default() };
        told.introduce(release, digest);
        told.lacking = lacking;
        told
    }

    fn read(text: &[u8]) -> Told {
        let mut told = Told::default();
        told.hear(text, Sequence(0));
        told
    }

    #[test]
    fn statement_is_read_as_it_was_written() {
        let longest = told("123456789012345", u64::MAX, u128::MAX);
        for all in [told("1.2.3", 0x0123, 0), told("", u64::MAX, u128::MAX), longest, told("123456789012345", 0, 1)] {
            assert_eq!(read(all.text(Inheritance::Nothing).as_bytes()), all);
        }
        assert_eq!(told("1.2.3", 0xabc, 5).text(Inheritance::Nothing), "1;1.2.3;0000000000000abc;5");
        assert_eq!(
            told("1;2 3\x07that is too long", 0, 0).text(Inheritance::Nothing),
            "1;123thatistoolon;0000000000000000"
        );
    }

    #[test]
    fn earlier_release_and_nonsense_have_told_their_kind_alone() {
        let kind = Told { is_ours: true, ..Told::default() };
        assert_eq!(kind.text(Inheritance::Nothing), "1");
        for text in [&b"1"[..], b"", b";;;", b"1;\xff", b"\xff\xfe", b"1;;xyz;-1"] {
            assert_eq!(read(text), kind, "{text:?}");
        }
        let long = read(b"1;a\x07release\tthat is too long;10000000000000000;1");
        assert_eq!((long.release.as_str(), long.digest), ("areleasethatist", None));
    }

    #[test]
    fn message_that_comes_late_changes_nothing() {
        let mut known = Told::default();
        known.hear(b"1;2.0;2", Sequence(7));
        known.hear(b"1;1.0;1", Sequence(6));
        assert_eq!((known.release.as_str(), known.digest), ("2.0", Some(2)));
        known.hear(b"1;3.0;3", Sequence(8));
        assert_eq!(known.digest, Some(3));
    }

    #[test]
    fn groups_that_do_not_start_are_told_until_they_run() {
        let mut own = told("1", 1, 0);
        own.note_start(GroupId(3), false);
        own.note_start(GroupId(0), false);
        own.note_start(GroupId(0), false);
        own.note_start(GroupId(3), true);
        own.note_start(GroupId(200), false);
        assert_eq!(own.lacking, 1);
    }

    #[test]
    fn clocks_are_compared_whatever_they_show() {
        let mut node = Told::default();
        for (theirs, ours, ahead) in [(100, 90, 10), (90, 100, -10), (u64::MAX, 0, i32::MAX), (1, u64::MAX, i32::MIN)] {
            node.compare_clocks(theirs, ours);
            assert_eq!(node.clock_ahead, ahead);
        }
    }
}
