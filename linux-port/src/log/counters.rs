//! The engine's counters as log lines.

use std::fmt::{self, Write};

use hbcore::stats::Stats;

use crate::terminal::counted;

/// One line for received packets, one for dropped packets, one for other events. Counters of zero are left out, except
/// the first four. Its `Display` has no line feed at the end.
#[derive(Debug)]
pub struct Counters<'s>(pub &'s Stats);

impl fmt::Display for Counters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, line) in self.lines().enumerate() {
            if place > 0 {
                f.write_char('\n')?;
            }
            f.write_str(&line)?;
        }
        Ok(())
    }
}

impl Counters<'_> {
    /// The lines, for a log that takes one at a time.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let Stats { received, accepted, duplicates, sent, .. } = *self.0;
        let duplicates = counted(duplicates, "duplicate", "duplicates");
        let first = format!("Packets: {received} received, {accepted} new, {duplicates}; {sent} sent");
        let others = [("Dropped", self.dropped()), ("Noted", self.noted())];
        std::iter::once(first).chain(others.into_iter().filter_map(|(what, counters)| line(what, &counters)))
    }

    /// The counters of dropped packets, by reason.
    fn dropped(&self) -> [(u64, &'static str); 10] {
        let s = self.0;
        [
            (s.malformed, "malformed"),
            (s.not_authentic, "not authentic"),
            (s.bad_header, "with a bad header"),
            (s.unknown_node, "from unknown nodes"),
            (s.replayed, "replayed"),
            (s.name_conflicts, "under our name"),
            (s.compressed, "compressed"),
            (s.unknown_link, "on unknown links"),
            (s.old, "old"),
            (s.not_for_us, "for other nodes"),
        ]
    }

    /// The counters of other events.
    fn noted(&self) -> [(u64, &'static str); 10] {
        let s = self.0;
        let n = |count, one, many| (count, if count == 1 { one } else { many });
        [
            n(s.own_echoes, "own packet heard", "own packets heard"),
            (s.repeated, "repeated"),
            n(s.refused_repeats, "repeat refused", "repeats refused"),
            n(s.requested_repeats, "repeat asked for", "repeats asked for"),
            (s.lost_messages, "lost"),
            (s.oversize, "too large"),
            n(s.nodes_refused, "node without room", "nodes without room"),
            n(s.events_lost, "event lost", "events lost"),
            n(s.clock_went_back, "step back of the clock", "steps back of the clock"),
            n(s.local_stalls, "own stall", "own stalls"),
        ]
    }
}

/// `WHAT: N this, M that`; `None` if all are zero.
fn line(what: &str, counters: &[(u64, &str)]) -> Option<String> {
    let counted = counters.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = counted.map(|(count, meaning)| format!("{count} {meaning}")).collect();
    (!parts.is_empty()).then(|| format!("{what}: {}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_that_are_zero_are_left_out() {
        let mut stats = Stats::default();
        assert_eq!(Counters(&stats).to_string(), "Packets: 0 received, 0 new, 0 duplicates; 0 sent");
        (stats.received, stats.accepted, stats.duplicates, stats.sent) = (120, 50, 49, 60);
        (stats.malformed, stats.not_authentic, stats.local_stalls) = (3, 18, 1);
        let expected = "Packets: 120 received, 50 new, 49 duplicates; 60 sent\n\
                        Dropped: 3 malformed, 18 not authentic\n\
                        Noted: 1 own stall";
        assert_eq!(Counters(&stats).to_string(), expected);
    }

    /// A counter that is added to the engine must be added here.
    #[test]
    fn every_counter_is_shown() {
        let shown = Counters(&Stats::default());
        let counters = 4 + shown.dropped().len() + shown.noted().len();
        let all = format!("{:?}", Stats::default()).matches(": 0").count();
        assert_eq!(counters, all);
    }
}
