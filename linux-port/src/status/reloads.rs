//! The outcomes of reloads, remembered for `heartbeat -r`: a signal carries no answer.

use std::collections::VecDeque;

/// The number of reloads that are remembered. A tool asks as soon as it has sent its signal.
const REMEMBERED: usize = 8;

/// The decision about a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The number of the reload in this daemon, from 1.
    pub number: u64,
    /// One sentence for the person; empty when all is as ordered.
    pub said: String,
}

impl Decided {
    /// Reads `NUMBER SENTENCE`.
    pub(super) fn read(line: &str) -> Option<Self> {
        let (number, said) = line.split_once(' ')?;
        Some(Self { number: number.parse().ok()?, said: said.to_owned() })
    }
}

/// The latest reloads; of more than eight the oldest are dropped.
#[derive(Debug, Default)]
pub struct Reloads {
    latest: VecDeque<Decided>,
    count: u64,
}

impl Reloads {
    /// Continues the count of an earlier daemon in this process.
    pub fn after(count: u64) -> Self {
        Self { latest: VecDeque::new(), count }
    }

    /// The number of reloads so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds one more.
    pub fn note(&mut self, said: String) {
        self.count += 1;
        if self.latest.len() >= REMEMBERED {
            self.latest.pop_front();
        }
        self.latest.push_back(Decided { number: self.count, said });
    }

    pub(super) fn to_vec(&self) -> Vec<Decided> {
        self.latest.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_reloads_are_remembered_and_numbered() {
        let mut reloads = Reloads::default();
        for n in 0..20 {
            reloads.note(format!("said {n}"));
        }
        let latest = reloads.to_vec();
        assert_eq!(latest.len(), REMEMBERED);
        assert_eq!(latest.last(), Some(&Decided { number: 20, said: "said 19".to_owned() }));
    }

    #[test]
    fn line_that_is_no_decision_is_passed_over() {
        for line in ["", "1", "x said"] {
            assert_eq!(Decided::read(line), None, "{line}");
        }
    }
}
