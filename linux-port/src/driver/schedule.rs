//! The scheduling of the loop, and its log lines.

use super::Driver;
use crate::sys::clock::Clock;
use crate::sys::realtime::{Change, Class, Obtained};
use hbcore::time::Instant;

impl Driver {
    /// Call it last, because a start takes more processor time than a running loop.
    pub(super) fn begin_scheduling(&mut self) {
        if let Some(obtained) = self.scheduling.begin(Clock.now()) {
            self.tell_class(&obtained);
        }
    }

    /// Reports what the guard took, and gives it back after a pause.
    pub(super) fn follow_scheduling(&mut self, now: Instant) {
        match self.scheduling.look(now) {
            Some(Change::Lost { class, ran, pause }) => self.log.crit(format_args!(
                "The heartbeat thread ran for {ran:?} without a pause: it is held back for {pause:?} ({class})"
            )),
            Some(Change::Back(obtained)) => self.tell_class(&obtained),
            None => {}
        }
    }

    fn tell_class(&self, Obtained { class, refused }: &Obtained) {
        for why in refused.iter().filter(|_| *class == Class::Normal) {
            self.log.error(format_args!("{why}"));
        }
        let why = refused.first().filter(|_| *class != Class::Normal).map(|why| format!("; {why}"));
        self.log.info(format_args!("Heartbeat thread: {class}{}", why.unwrap_or_default()));
    }
}
