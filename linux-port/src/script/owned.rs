//! What a script's `status` says about whether the resource runs here.

/// Searches the standard output of `status`, which comes in pieces, for the words that decide (resources reference 3.1):
/// `not running` wins over everything (either capital allowed), then `running`, `Running` or `OK` mean yes, and
/// anything else means no. The exit code does not count.
#[derive(Debug, Clone, Default)]
pub struct OwnedText {
    /// The end of what was seen, where a word may have begun.
    tail: Vec<u8>,
    not_running: bool,
    running: bool,
}

/// One byte less than the longest word, `not running`.
const TAIL: usize = 10;

impl OwnedText {
    /// Looks at the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.tail.extend_from_slice(piece);
        let text = &self.tail;
        self.not_running |= text.windows(11).any(is_not_running);
        self.running |= text.windows(7).any(is_running) || text.windows(2).any(|word| word == b"OK");
        let seen = text.len().saturating_sub(TAIL);
        self.tail.drain(..seen);
    }

    /// The verdict on what was seen so far.
    pub const fn owned(&self) -> bool {
        self.running && !self.not_running
    }
}

fn is_running(word: &[u8]) -> bool {
    matches!(word, [b'r' | b'R', rest @ ..] if rest == b"unning")
}

fn is_not_running(word: &[u8]) -> bool {
    matches!(word, [b'n' | b'N', b'o' | b'O', b't' | b'T', b' ', rest @ ..] if is_running(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(text: &str) -> bool {
        let mut whole = OwnedText::default();
        whole.push(text.as_bytes());
        let mut bytewise = OwnedText::default();
        text.as_bytes().chunks(1).for_each(|byte| bytewise.push(byte));
        assert_eq!(whole.owned(), bytewise.owned(), "{text:?} in pieces");
        whole.owned()
    }

    #[test]
    fn the_words_of_the_contract_decide() {
        for yes in ["running", "apache is Running...", "OK", "xOKx", "notrunning", "not  running", "stopped\nrunning\n"]
        {
            assert!(owned(yes), "{yes:?}");
        }
        for no in [
            "",
            "stopped",
            "RUNNING",
            "ok",
            "not running",
            "NoT Running",
            "running, I mean not running",
            "OK nOT running",
        ] {
            assert!(!owned(no), "{no:?}");
        }
    }
}
