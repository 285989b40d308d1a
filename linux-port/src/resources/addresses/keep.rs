//! Whether an address that was brought up is still there, and how often it was lost.

use super::rivalry::Rivalry;
use crate::address::{AddressSpec, Held, Presence};
use hbcore::time::{Duration, Instant};
use std::fmt;

/// An address that is lost more often than this within [`WINDOW`] is not put back any more: something on this node
/// removes it.
pub(super) const LOSSES: usize = 5;
const WINDOW: Duration = Duration::from_mins(1);
/// The time for which an address may be gone, with its interface, before its group moves to another node.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time between two tries to put an address back, and between two alarms.
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

/// A change of an address that is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It was up, and is not any more.
    Lost(Lack),
    /// It is up again, and we did not bring it up.
    Returned,
    /// Its interface has another hardware address.
    Moved,
}

/// The reason why an address cannot be reached.
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

    /// Takes the finding of a survey. After a loss, the first try to put it back is due at once.
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
            // Something has changed: perhaps it can be put back now.
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

    /// Postpones the next try.
    pub(super) fn try_later(&mut self, now: Instant) {
        if let Fate::Gone { again, .. } = &mut self.fate {
            *again = now.after(PAUSE);
        }
    }

    /// Whether it may be put back: it was not lost too often.
    pub(super) fn may_be_restored(&mut self, now: Instant) -> bool {
        self.losses.within(now) <= LOSSES
    }

    /// The fault of an address that is gone, the next step against it, and its time, if that does not depend on
    /// something else.
    pub(super) fn account(&mut self, now: Instant) -> Option<(String, &'static str, Option<Instant>)> {
        let Fate::Gone { lack, again, .. } = self.fate else { return None };
        if !self.may_be_restored(now) {
            let (times, first) = (self.losses.within(now), self.losses.0.first().copied());
            let why = format!("{lack}; that was {times} times in a minute");
            let next = "it is put back, unless its group has moved to the peer by then";
            return Some((why, next, first.map(|first| first.after(WINDOW))));
        }
        Some(match lack {
            Lack::Removed => (lack.to_string(), "it is put back", Some(again)),
            Lack::Down | Lack::NoInterface => {
                (lack.to_string(), "it is put back as soon as its interface is there and up", None)
            }
        })
    }

    /// The number of its losses within a minute.
    pub(super) fn losses(&mut self, now: Instant) -> usize {
        self.losses.within(now)
    }

    /// Whether it is gone, and was gone for too long, or too often.
    pub(super) fn has_failed(&mut self, now: Instant) -> bool {
        match self.fate {
            Fate::Up => false,
            Fate::Gone { since, .. } => now.since(since) >= PATIENCE || !self.may_be_restored(now),
        }
    }

    /// The time of its next step.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.fate {
            Fate::Up => self.rivalry.deadline(),
            Fate::Gone { again, .. } => Some(again),
        }
    }
}

/// The times at which an address was lost: as many as matter.
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
    fn address_is_tried_again_after_a_pause_until_it_is_back() {
        let mut kept = kept();
        kept.found(at(1), Presence::Removed);
        let next = |kept: &mut Kept| kept.account(at(1)).map(|(_, _, when)| when);
        assert_eq!(next(&mut kept), Some(Some(at(1))), "at once");
        kept.try_later(at(1));
        assert_eq!(next(&mut kept), Some(Some(at(1).after(PAUSE))));
        let back = Held { index: 7, ..kept.held.clone() };
        kept.restored(back);
        assert_eq!((kept.held.index, next(&mut kept)), (7, None));
        assert!(!kept.has_failed(at(60)));
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
