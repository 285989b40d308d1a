//! The heartbeat thread's scheduling over its life: the guard takes it, and it is given back after a pause.

use super::{Class, Obtained, Wish, guard};
use hbcore::time::Instant;
use std::time::Duration;

/// How long the thread may compute in one go.
const LONGEST_RUN: Duration = Duration::from_millis(500);
/// How long it waits for what it lost: the first time, and at most. Each loss doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// After so long without a loss the next one counts as the first.
const CALM: Duration = Duration::from_mins(10);

/// How the heartbeat thread is to be scheduled. Only that thread uses it.
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

/// What happened to it.
#[derive(Debug)]
pub enum Change {
    /// The thread ran for too long without sleeping.
    Lost {
        /// How it is scheduled now.
        class: Class,
        /// How long it ran.
        ran: Duration,
        /// How long it stays so.
        pause: Duration,
    },
    /// The pause is over.
    Back(Obtained),
}

impl Scheduling {
    /// As `wish` says; none: normal.
    pub const fn new(wish: Option<Wish>) -> Self {
        Self { wish, pause: FIRST_PAUSE, state: State::Had { since: Instant::ZERO } }
    }

    /// Schedules the calling thread. None: it is to be scheduled normally.
    pub fn begin(&mut self, now: Instant) -> Option<Obtained> {
        self.state = State::Had { since: now };
        if self.wish.is_none() {
            // What was before an exec may be left.
            let _ = super::leave();
        }
        self.wish.map(|wish| wish.obtain(LONGEST_RUN))
    }

    /// Looks whether the guard struck, and whether its pause is over.
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
