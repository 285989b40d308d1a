//! The outcomes of orders that tools wrote into the FIFO, remembered for the tools: a FIFO carries no answer.

use std::collections::VecDeque;

use hbcore::takeover::StandbyRefusal;

/// The number of orders that are remembered. A tool asks as soon as it has written.
const REMEMBERED: usize = 8;

/// The words for the two kinds of orders.
pub(crate) const STANDBY: &str = "standby";
pub(crate) const TAKEOVER: &str = "takeover";
/// The first word of the sentence about an order that is not carried out.
pub(crate) const REFUSED: &str = "refused: ";
/// The word for a signal to read the configuration again.
pub(crate) const RELOAD: &str = "reload";

/// The decision about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The number of the order in this daemon, from 1.
    pub number: u64,
    /// `standby`, `takeover` or `reload`
    pub kind: &'static str,
    /// One sentence for the person; empty when all is as ordered.
    pub said: String,
}

impl Decided {
    /// Reads `NUMBER KIND SENTENCE`.
    pub(super) fn read(line: &str) -> Option<Self> {
        let (number, rest) = line.split_once(' ')?;
        let (kind, said) = rest.split_once(' ')?;
        let kind = [STANDBY, TAKEOVER, RELOAD].into_iter().find(|known| *known == kind)?;
        Some(Self { number: number.parse().ok()?, kind, said: said.to_owned() })
    }
}

/// The latest orders; of more than eight the oldest are dropped.
#[derive(Debug, Default)]
pub struct Orders {
    latest: VecDeque<Decided>,
    count: u64,
}

impl Orders {
    /// Continues the count of an earlier daemon of this node.
    pub fn after(count: u64) -> Self {
        Self { latest: VecDeque::new(), count }
    }

    /// The number of orders so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds one more.
    pub fn note(&mut self, kind: &'static str, said: String) {
        self.count += 1;
        if self.latest.len() >= REMEMBERED {
            self.latest.pop_front();
        }
        self.latest.push_back(Decided { number: self.count, kind, said });
    }

    pub(super) fn to_vec(&self) -> Vec<Decided> {
        self.latest.iter().cloned().collect()
    }
}

/// The reason why nothing is moved, for the person who asked for it.
pub(crate) const fn why(refusal: StandbyRefusal) -> &'static str {
    match refusal {
        StandbyRefusal::InProgress => "groups are being moved already; try again when `hb status` says settled",
        StandbyRefusal::NoPartner => "there is no other node to hand groups over",
        StandbyRefusal::OtherInFlux => {
            "the other node is still starting or stopping groups; try again when `hb status` says settled"
        }
        StandbyRefusal::LocalInFlux => {
            "this node is still starting, or already leaving; try again when `hb status` says settled"
        }
        StandbyRefusal::Divided => {
            "nothing is moved while haresources of the two nodes differ, or before the other has said what it holds: look at `hb status`"
        }
        StandbyRefusal::Unsupported => "with auto_failback legacy groups are not moved by hand",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_orders_are_remembered_and_numbered() {
        let mut orders = Orders::default();
        for n in 0..20 {
            orders.note(if n % 2 == 0 { STANDBY } else { TAKEOVER }, format!("said {n}"));
        }
        let latest = orders.to_vec();
        assert_eq!(latest.len(), REMEMBERED);
        assert_eq!(latest.last(), Some(&Decided { number: 20, kind: TAKEOVER, said: "said 19".to_owned() }));
    }

    #[test]
    fn line_that_is_no_order_is_passed_over() {
        for line in ["", "1", "1 standby", "x standby y", "1 dance y"] {
            assert_eq!(Decided::read(line), None, "{line}");
        }
    }
}
