//! The heartbeat thread's scheduling over its life: the guard may take its privilege, and a pause later it returns.

use super::{Class, Obtained, Wish, guard};
use hbcore::time::Instant;
use std::time::Duration;

/// The longest time that the thread may compute without sleeping.
const LONGEST_RUN: Duration = Duration::from_millis(500);
/// The pause before the privilege returns: the first, and the longest. Each loss doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// After this time without a loss, the next loss counts as the first.
const CALM: Duration = Duration::from_mins(10);

/// The scheduling of the heartbeat thread. Only that thread uses it.
#[derive(Debug)]
pub struct Scheduling {
    wish: Option<Wish>,
    pause: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    Had { since: Instant },
    Lost { until: Instant },
}

/// A change of the thread's scheduling.
#[derive(Debug)]
pub enum Change {
    /// The thread ran for too long without sleeping.
    Lost {
        /// How it is scheduled now.
        class: Class,
        /// The time that it ran without sleeping.
        ran: Duration,
        /// The pause until the thread gets its privilege back.
        pause: Duration,
    },
    /// The pause is over.
    Back(Obtained),
}

impl Scheduling {
    /// Scheduling as `wish` says; `None`: normal.
    pub const fn new(wish: Option<Wish>) -> Self {
        Self { wish, pause: FIRST_PAUSE, state: State::Had { since: Instant::ZERO } }
    }

    /// Schedules the calling thread. Returns `None` if it is to be scheduled normally.
    pub fn begin(&mut self, now: Instant) -> Option<Obtained> {
        self.state = State::Had { since: now };
        if self.wish.is_none() {
            // The scheduling of the program before an exec may still be in force.
            let _ = super::leave();
        }
        self.wish.map(|wish| wish.obtain(LONGEST_RUN))
    }

    /// Looks whether the guard acted, and whether the pause is over.
    pub fn look(&mut self, now: Instant) -> Option<Change> {
        let wish = self.wish?;
        match self.state {
            State::Had { since } => {
                if now.since(since) >= CALM {
                    self.pause = FIRST_PAUSE;
                }
                guard::take_demotion().then(|| {
                    let pause = self.pause;
                    self.pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                    self.state = State::Lost { until: now.after(pause) };
                    Change::Lost { class: Class::of_this_thread(), ran: LONGEST_RUN, pause }
                })
            }
            State::Lost { until } => (until <= now).then(|| {
                self.state = State::Had { since: now };
                Change::Back(wish.obtain(LONGEST_RUN))
            }),
        }
    }
}
