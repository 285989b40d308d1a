//! Whether a client that has ended is started again: a machine without I/O (docs/protocol/files.md 6.2).

use crate::script::Exit;
use hbcore::config::OnDeath;
use std::time::Duration;

/// A client that ends with this code wants to be started no more.
const ENOUGH: i32 = 100;
/// A client that lives shorter dies early.
const EARLY: Duration = Duration::from_secs(30);
/// The number of early deaths in a row after which a client is still started.
const EARLY_MAX: u8 = 10;
/// How long after a death the client is started again. 3.0.6 looks once a second.
const PAUSE: Duration = Duration::from_secs(1);

/// The rule for one client, and how often it has died early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    on_death: OnDeath,
    early_deaths: u8,
}

/// The consequence of a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is started again after this pause.
    Again(Duration),
    /// It has said that it has nothing to do here.
    Enough,
    /// It dies too often.
    GivenUp,
    /// The machine is rebooted.
    Reboot,
}

impl Rule {
    /// The rule for a client that has not died.
    pub const fn new(on_death: OnDeath) -> Self {
        Self { on_death, early_deaths: 0 }
    }

    /// The same for one that an earlier daemon in this process has started, and that died so often.
    #[must_use]
    pub const fn with_early_deaths(self, early_deaths: u8) -> Self {
        Self { early_deaths, ..self }
    }

    /// How often it has died early, in a row.
    pub const fn early_deaths(&self) -> u8 {
        self.early_deaths
    }

    /// The client has ended while the daemon wants it, after it has lived so long.
    pub fn ended(&mut self, exit: Exit, lived: Duration) -> Verdict {
        if self.on_death == OnDeath::Reboot && !exit.success() {
            return Verdict::Reboot;
        }
        if exit == Exit::Code(ENOUGH) {
            return Verdict::Enough;
        }
        self.early_deaths = if lived < EARLY { self.early_deaths.saturating_add(1) } else { 0 };
        if self.early_deaths > EARLY_MAX { Verdict::GivenUp } else { Verdict::Again(PAUSE) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(29);

    #[test]
    fn eleventh_early_death_in_a_row_is_the_last() {
        let mut rule = Rule::new(OnDeath::Respawn);
        for _ in 0..10 {
            assert_eq!(rule.ended(Exit::Code(1), SHORT), Verdict::Again(PAUSE));
        }
        assert_eq!(rule.ended(Exit::Signal(9), SHORT), Verdict::GivenUp);
    }

    #[test]
    fn long_life_forgives_early_deaths() {
        let mut rule = Rule::new(OnDeath::Respawn).with_early_deaths(10);
        assert_eq!(rule.ended(Exit::Code(0), EARLY), Verdict::Again(PAUSE));
        assert_eq!(rule.early_deaths(), 0);
        assert_eq!(rule.ended(Exit::Code(0), Duration::ZERO), Verdict::Again(PAUSE));
        assert_eq!(rule.early_deaths(), 1);
    }

    #[test]
    fn hundred_is_enough() {
        assert_eq!(Rule::new(OnDeath::Respawn).ended(Exit::Code(100), SHORT), Verdict::Enough);
        assert_eq!(Rule::new(OnDeath::Respawn).ended(Exit::Code(101), SHORT), Verdict::Again(PAUSE));
    }

    #[test]
    fn failfast_reboots_unless_the_client_ends_well() {
        for exit in [Exit::Code(1), Exit::Code(100), Exit::Signal(15)] {
            assert_eq!(Rule::new(OnDeath::Reboot).ended(exit, EARLY), Verdict::Reboot, "{exit}");
        }
        assert_eq!(Rule::new(OnDeath::Reboot).ended(Exit::Code(0), SHORT), Verdict::Again(PAUSE));
    }
}
