//! The answer of a script's `status`: whether the resource runs here.

use super::Exit;

/// The answer of a `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The resource runs here.
    Running,
    /// The resource does not run here: the script ran to its end and reported that.
    Stopped,
    /// The script did not tell: it was killed, ran into its limit, or printed none of the words.
    None,
}

/// Searches the standard output of `status`, which comes in pieces, for the words that decide
/// (docs/protocol/resources.md 3.1): `not running` wins over everything (either capital allowed), then `running`,
/// `Running` or `OK` mean yes.
///
/// 3.0.6 takes everything else for no. Here `stopped` (either capital) means no, and so do the exit codes 3 of the LSB
/// and 7 of OCF agents; without any of those there is no answer.
#[derive(Debug, Clone, Default)]
pub struct StatusText {
    /// The end of the earlier pieces, where a word may have begun.
    tail: Vec<u8>,
    not_running: bool,
    running: bool,
    stopped: bool,
}

/// LSB: the program is not running.
const LSB_NOT_RUNNING: i32 = 3;
/// OCF: the resource is safely stopped.
const OCF_NOT_RUNNING: i32 = 7;

/// One byte less than the longest word, `not running`.
const TAIL: usize = 10;

impl StatusText {
    /// Looks at the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.tail.extend_from_slice(piece);
        let text = &self.tail;
        self.not_running |= text.windows(11).any(is_not_running);
        self.running |= text.windows(7).any(is_running) || text.windows(2).any(|word| word == b"OK");
        self.stopped |= text.windows(7).any(is_stopped);
        let seen = text.len().saturating_sub(TAIL);
        self.tail.drain(..seen);
    }

    /// The answer of a script that printed this text and ended in this way.
    pub const fn answer(&self, exit: Exit) -> Answer {
        match exit {
            _ if self.running && !self.not_running => Answer::Running,
            Exit::Code(_) if self.not_running || self.stopped => Answer::Stopped,
            Exit::Code(LSB_NOT_RUNNING | OCF_NOT_RUNNING) => Answer::Stopped,
            Exit::Code(_) | Exit::Signal(_) | Exit::TimedOut | Exit::Cancelled => Answer::None,
        }
    }
}

fn is_running(word: &[u8]) -> bool {
    matches!(word, [b'r' | b'R', rest @ ..] if rest == b"unning")
}

fn is_not_running(word: &[u8]) -> bool {
    matches!(word, [b'n' | b'N', b'o' | b'O', b't' | b'T', b' ', rest @ ..] if is_running(rest))
}

fn is_stopped(word: &[u8]) -> bool {
    matches!(word, [b's' | b'S', rest @ ..] if rest == b"topped")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, exit: Exit) -> Answer {
        let mut whole = StatusText::default();
        whole.push(text.as_bytes());
        let mut bytewise = StatusText::default();
        text.as_bytes().chunks(1).for_each(|byte| bytewise.push(byte));
        assert_eq!(whole.answer(exit), bytewise.answer(exit), "{text:?} in pieces");
        whole.answer(exit)
    }

    fn owned(text: &str) -> bool {
        answer(text, Exit::Code(0)) == Answer::Running
    }

    #[test]
    fn only_a_status_that_ended_by_itself_and_said_so_means_stopped() {
        for (text, code) in
            [("web is stopped", 0), ("INFO: Resource is Stopped", 7), ("not running", 1), ("", 3), ("", 7)]
        {
            assert_eq!(answer(text, Exit::Code(code)), Answer::Stopped, "{text:?} {code}");
        }
        for (text, exit) in [
            ("", Exit::Code(0)),
            ("", Exit::Code(1)),
            ("cannot tell", Exit::Code(4)),
            ("stopped", Exit::TimedOut),
            ("stopped", Exit::Signal(9)),
            ("not running", Exit::Cancelled),
        ] {
            assert_eq!(answer(text, exit), Answer::None, "{text:?} {exit}");
        }
        assert_eq!(answer("running", Exit::TimedOut), Answer::Running, "what was said stands");
    }

    #[test]
    fn words_of_the_contract_decide() {
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
