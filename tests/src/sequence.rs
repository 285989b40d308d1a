//! The messages of nodes about resources, in their order: captures of 3.0.6 and of ours in a form that can be compared.
//!
//! A file of `vectors/sequences` contains the messages of two nodes of 3.0.6 during one step, as captured from the
//! wire: a line for each message, first all of one sender, then all of the other, in the order of their sequence
//! numbers. Everything that differs between two runs is left out: times, numbers, signatures; and heartbeats that
//! repeat the state of the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Instant;

use crate::lab::Heard;

/// Types of messages that are about resources (docs/protocol/resources.md 1.3).
const KINDS: [&str; 9] = [
    "status",
    "starting",
    "resource",
    "ask_resources",
    "hb_takeover",
    "ip-request",
    "ip-request-resp",
    "shutdone",
    "stonith",
];
/// Fields that every message has, or that are times.
const ENVELOPE: [&str; 13] =
    ["t", "src", "seq", "hg", "ts", "ld", "ttl", "auth", "dt", "protocol", "from_id", "to_id", "client_gen"];

/// An additional field of ours, at the end: 3.0.6 ignores fields that it does not know.
const OUR_FIELD: &str = " hbcore=1";

/// A line without our additional field.
fn bare(line: &str) -> &str {
    match line.rsplit_once(OUR_FIELD) {
        Some((before, rest)) if !rest.contains(' ') => before,
        _ => line,
    }
}

/// The messages of each sender, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence(pub BTreeMap<String, Vec<String>>);

impl Sequence {
    /// The messages that were first heard at `since` or later. `heard` contains all messages ever heard, with copies
    /// from several links and retransmissions.
    pub fn since(heard: &[Heard], since: Instant) -> Self {
        let mut sequence = Self::default();
        let (before, now): (Vec<&Heard>, Vec<&Heard>) = in_order(heard).into_iter().partition(|m| m.at < since);
        let state = |m: &Heard| (m.src.clone(), m.text("st").unwrap_or_default().to_owned());
        let mut states: BTreeMap<_, _> = before.into_iter().filter(|m| m.kind == "status").map(state).collect();
        for message in now {
            if message.kind == "status" {
                let (src, state) = state(message);
                if states.insert(src, state.clone()) == Some(state) {
                    continue;
                }
            }
            sequence.0.entry(message.src.clone()).or_default().push(line(message));
        }
        sequence
    }

    /// Reads a file of sequences.
    pub fn parse(text: &str) -> Self {
        let mut sequence = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((sender, message)) = line.split_once(": ") {
                sequence.0.entry(sender.to_owned()).or_default().push(message.to_owned());
            }
        }
        sequence
    }

    /// The content of such a file.
    pub fn text(&self, title: &str) -> String {
        let mut text = format!("# {title}\n");
        for (sender, messages) in &self.0 {
            for message in messages {
                let _ = writeln!(text, "{sender}: {message}");
            }
        }
        text
    }

    /// Compares the messages of this sender with those that a 3.0.6 sent in its place. `aside` are lines of 3.0.6 that
    /// do not count.
    ///
    /// Some differences are always tolerated: our field `hbcore`; `starting` and `ip-request` again, as long as there
    /// is no answer; plain reports with the same content as the report before or after them, since they are answers to
    /// the other node; messages of a node to itself (`ip-request-resp` to its own name, by which the processes of 3.0.6
    /// start a group). Anything else that is missing, added, changed or in another place is an error, which names the
    /// first difference.
    ///
    /// # Errors
    /// The first difference, in words.
    pub fn compare(&self, golden: &Self, sender: &str, aside: &[&str]) -> Result<(), String> {
        let [mut wanted, mut found] = [golden, self].map(|sequence| sequence.essence(sender));
        if let Some(line) = aside.iter().find(|line| !wanted.iter().any(|wanted| wanted == *line)) {
            return Err(format!("{sender}: 3.0.6 never says [{line}]"));
        }
        for lines in [&mut wanted, &mut found] {
            lines.retain(|line| !aside.contains(&line.as_str()));
        }
        let place = wanted.iter().zip(&found).take_while(|(wanted, found)| wanted == found).count();
        match (wanted.get(place), found.get(place)) {
            (None, None) => Ok(()),
            (wanted, found) => Err(format!("{sender}, message {place}: {found:?} instead of {wanted:?}")),
        }
    }

    /// The messages of this sender that matter.
    fn essence(&self, sender: &str) -> Vec<String> {
        let all = self.0.get(sender).into_iter().flatten();
        let mut lines: Vec<&str> = all.map(|line| bare(line)).collect();
        let mut asked = BTreeSet::new();
        lines.retain(|line| {
            let asks = *line == "starting" || line.starts_with("ip-request ");
            let repeated = asks && !asked.insert(*line);
            !repeated && !line.starts_with(&format!("ip-request-resp dest={sender} "))
        });
        let reports: Vec<usize> = (0..lines.len()).filter(|&n| claims(lines[n]).is_some()).collect();
        let is_plain = |n: &&usize| claims(lines[**n]) == Some(lines[**n]);
        let alike = reports.chunk_by(|&before, &behind| claims(lines[before]) == claims(lines[behind]));
        let replies: BTreeSet<usize> = alike
            .flat_map(|same| same.iter().filter(is_plain).skip(usize::from(same.iter().all(|n| is_plain(&n)))))
            .copied()
            .collect();
        let kept = lines.iter().enumerate().filter(|(n, _)| !replies.contains(n));
        kept.map(|(_, line)| (*line).to_owned()).collect()
    }
}

/// A whole report without its reason. None for other messages, and for the report of a script.
fn claims(line: &str) -> Option<&str> {
    let is_report = line.starts_with("resource ") && line.contains(" rtype=full");
    is_report.then(|| line.split(" info=").next().unwrap_or(line))
}

/// Each message once, the first copy of it, sorted by sender, generation and number.
fn in_order(heard: &[Heard]) -> Vec<&Heard> {
    let mut seen = BTreeSet::new();
    let ours = heard.iter().filter(|m| KINDS.contains(&m.kind.as_str()) && m.seq.is_some());
    let mut messages: Vec<&Heard> = ours.filter(|m| seen.insert((&m.src, m.generation, m.seq))).collect();
    messages.sort_by_key(|m| (&m.src, m.generation, m.seq));
    messages
}

fn line(message: &Heard) -> String {
    let fields = message.fields.iter().filter(|(name, _)| !ENVELOPE.contains(&name.as_str()));
    fields.fold(message.kind.clone(), |mut line, (name, value)| {
        let _ = write!(line, " {name}={value}");
        line
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDBY: &str = "# a title\n\
        alpha: starting\n\
        alpha: ask_resources rsc_hold=local info=me\n\
        alpha: resource rsc_hold=none rtype=full isstable=0 info=standby\n\
        alpha: ip-request ipaddr=x\n\
        alpha: ask_resources rsc_hold=local info=done\n\
        alpha: resource rsc_hold=none rtype=full isstable=1\n\
        bravo: ask_resources rsc_hold=local info=other\n";

    #[test]
    fn file_is_read_as_it_was_written() {
        assert_eq!(Sequence::parse(STANDBY).text("a title"), STANDBY);
    }

    #[test]
    fn missing_wrong_added_or_displaced_line_is_found() {
        let golden = Sequence::parse(STANDBY);
        let lines: Vec<&str> = STANDBY.lines().filter(|line| line.starts_with("alpha")).collect();
        let differs = |lines: &[&str]| Sequence::parse(&lines.join("\n")).compare(&golden, "alpha", &[]).is_err();
        assert!(!differs(&lines));
        for n in 0..lines.len() {
            let mut missing = lines.clone();
            missing.remove(n);
            assert!(differs(&missing), "without {}", lines[n]);
            let mut wrong = lines.clone();
            let changed = format!("{}x", lines[n]);
            wrong[n] = &changed;
            assert!(differs(&wrong), "{changed}");
            let mut more = lines.clone();
            more.insert(n, "alpha: shutdone st=dead");
            assert!(differs(&more), "something before {}", lines[n]);
        }
        for n in 1..lines.len() {
            let mut displaced = lines.clone();
            displaced.swap(n - 1, n);
            assert!(differs(&displaced), "{} too early", lines[n]);
        }
    }

    #[test]
    fn tolerated_lines_make_no_difference() {
        let golden = Sequence::parse(STANDBY);
        let ours = STANDBY
            .replace("starting\n", "starting hbcore=1\nalpha: starting hbcore=1\n")
            .replace("ipaddr=x\n", "ipaddr=x\nalpha: ip-request ipaddr=x\n")
            .replace(
                "isstable=1\n",
                "isstable=1 hbcore=1;0.1.0;00112233aabbccdd\nalpha: resource rsc_hold=none rtype=full isstable=1 hbcore=1\n",
            )
            .replace("# a title\n", "alpha: ip-request-resp dest=alpha ipaddr=x weown=yes ok=OK\n");
        assert_eq!(Sequence::parse(&ours).compare(&golden, "alpha", &[]), Ok(()));
    }

    #[test]
    fn only_what_3_0_6_says_can_be_set_aside() {
        let golden = Sequence::parse(STANDBY);
        assert!(golden.compare(&golden, "bravo", &["shutdone st=dead"]).is_err());
        let answer = "ask_resources rsc_hold=local info=other";
        assert_eq!(Sequence::default().compare(&golden, "bravo", &[answer]), Ok(()));
    }
}
