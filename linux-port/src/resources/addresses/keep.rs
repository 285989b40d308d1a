//! Whether an address that was taken is still there, and how often it was lost.

use super::rivalry::Rivalry;
use crate::address::{AddressSpec, Held, Presence};
use hbcore::time::{Duration, Instant};
use std::fmt;

/// An address that is lost more often than this within [`WINDOW`] is not put back any more: something on this machine does not want it.
pub(super) const LOSSES: usize = 5;
const WINDOW: Duration = Duration::from_mins(1);
/// How long an address may be gone, as its interface is, before its group goes to another node.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries to put an address back, and between two alarms.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// An address that this node owns.
pub(super) struct Kept {
    pub(super) spec: AddressSpec,
    pub(super) held: Held,
    pub(super) fate: Fate,
    losses: Losses,
    pub(super) rivalry: Rivalry,
}

/// Whether it is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Up,
    /// It disappeared at `since`; the next try to put it back is at `again`.
    Gone {
        lack: Lack,
        since: Instant,
        again: Instant,
    },
}

/// What became of an address, as far as it is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It was up, and is not any more.
    Lost(Lack),
    /// It is there again without our doing.
    Returned,
    /// Its interface has another hardware address.
    Moved,
}

/// Why nobody gets to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    Removed,
    Down,
    NoInterface,
}

impl Kept {
    pub(super) fn new(spec: AddressSpec, held: Held, now: Instant) -> Self {
        Self { spec, held, fate: Fate::Up, losses: Losses::default(), rivalry: Rivalry::new(now) }
    }

    /// Takes what a look has found. Of a loss, the first try to put it back is due at once.
    pub(super) fn found(&mut self, now: Instant, presence: Presence) -> Option<News> {
        let lack = match presence {
            Presence::Up { mac } => {
                let moved = std::mem::replace(&mut self.held.mac, mac) != mac;
                let was_gone = std::mem::replace(&mut self.fate, Fate::Up) != Fate::Up;
                return if was_gone { Some(News::Returned) } else { moved.then_some(News::Moved) };
            }
            Presence::Removed => Lack::Removed,
            Presence::Down => Lack::Down,
            Presence::NoInterface => Lack::NoInterface,
        };
        match &mut self.fate {
            Fate::Up => {
                self.fate = Fate::Gone { lack, since: now, again: now };
                self.losses.note(now);
                Some(News::Lost(lack))
            }
            // Something has changed about it: perhaps it can be put back now.
            Fate::Gone { lack: known, again, .. } => {
                (*known, *again) = (lack, now);
                None
            }
        }
    }

    /// It was put back.
    pub(super) fn restored(&mut self, held: Held) {
        self.held = held;
        self.fate = Fate::Up;
    }

    /// The next try is in a while.
    pub(super) fn try_later(&mut self, now: Instant) {
        if let Fate::Gone { again, .. } = &mut self.fate {
            *again = now.after(PAUSE);
        }
    }

    /// Whether it may be put back: it was not lost too often.
    pub(super) fn may_be_restored(&mut self, now: Instant) -> bool {
        self.losses.within(now) <= LOSSES
    }

    /// What is wrong with it while it is gone; what is done about it next, and when, if that does not depend on something else.
    pub(super) fn account(&mut self, now: Instant) -> Option<(String, &'static str, Option<Instant>)> {
        let Fate::Gone { lack, again, .. } = self.fate else { return None };
        if !self.may_be_restored(now) {
            let (times, first) = (self.losses.within(now), self.losses.0.first().copied());
            let why = format!("{lack}; that was {times} times in a minute");
            let next = "it is put back, unless its group has gone to the other node by then";
            return Some((why, next, first.map(|first| first.after(WINDOW))));
        }
        Some(match lack {
            Lack::Removed => (lack.to_string(), "it is put back", Some(again)),
            Lack::Down | Lack::NoInterface => {
                (lack.to_string(), "it is put back as soon as its interface is there and up", None)
            }
        })
    }

    /// How often it was lost within a minute.
    pub(super) fn losses(&mut self, now: Instant) -> usize {
        self.losses.within(now)
    }

    /// It is gone, and was for too long, or too often.
    pub(super) fn has_failed(&mut self, now: Instant) -> bool {
        match self.fate {
            Fate::Up => false,
            Fate::Gone { since, .. } => now.since(since) >= PATIENCE || !self.may_be_restored(now),
        }
    }

    /// When something is to be done about it.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.fate {
            Fate::Up => self.rivalry.deadline(),
            Fate::Gone { again, .. } => Some(again),
        }
    }
}

/// When an address was lost: as many times as matter.
#[derive(Debug, Default)]
struct Losses(Vec<Instant>);

impl Losses {
    fn note(&mut self, now: Instant) {
        if self.0.len() > LOSSES {
            self.0.remove(0);
        }
        self.0.push(now);
    }

    fn within(&mut self, now: Instant) -> usize {
        self.0.retain(|at| now.since(*at) < WINDOW);
        self.0.len()
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Removed => "another program or person has removed it",
            Self::Down => "the interface was set down",
            Self::NoInterface => "the interface is gone",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Presence = Presence::Up { mac: Some([2; 6]) };

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1000)
    }

    fn kept() -> Kept {
        let spec = AddressSpec::new([10, 0, 0, 1].into());
        let held = Held {
            addr: spec.addr,
            prefix: 24,
            device: "eth0".to_owned(),
            index: 2,
            label: None,
            broadcast: None,
            mac: Some([2; 6]),
            added: true,
        };
        Kept::new(spec, held, at(0))
    }

    #[test]
    fn loss_is_news_once_and_so_is_the_return() {
        let mut kept = kept();
        assert_eq!(kept.found(at(1), UP), None);
        assert_eq!(kept.found(at(2), Presence::Removed), Some(News::Lost(Lack::Removed)));
        assert_eq!(kept.found(at(3), Presence::Down), None);
        assert_eq!(kept.found(at(4), UP), Some(News::Returned));
        assert_eq!(kept.found(at(5), Presence::Up { mac: Some([4; 6]) }), Some(News::Moved));
        assert_eq!(kept.held.mac, Some([4; 6]));
    }

    #[test]
    fn address_that_is_gone_for_ten_seconds_has_failed() {
        let mut kept = kept();
        kept.found(at(1), Presence::NoInterface);
        assert!(!kept.has_failed(at(10)) && kept.has_failed(at(11)));
        kept.found(at(12), UP);
        assert!(!kept.has_failed(at(12)));
    }

    #[test]
    fn sixth_loss_in_a_minute_is_one_too_many_until_the_minute_is_over() {
        let mut kept = kept();
        for second in 1..=5 {
            kept.found(at(second), Presence::Removed);
            assert!(kept.may_be_restored(at(second)) && !kept.has_failed(at(second)));
            kept.found(at(second), UP);
        }
        kept.found(at(6), Presence::Removed);
        assert!(!kept.may_be_restored(at(6)) && kept.has_failed(at(6)));
        let (why, _, when) = kept.account(at(7)).expect("it is gone");
        assert_eq!(
            (why.as_str(), when),
            ("another program or person has removed it; that was 6 times in a minute", Some(at(61)))
        );
        assert!(kept.may_be_restored(at(61)), "the first loss is a minute ago");
    }
}
