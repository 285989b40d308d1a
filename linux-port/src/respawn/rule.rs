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
    /// The machine stays.
    Stay(Next),
    /// It has said that it has nothing to do here.
    Enough,
    /// The machine is rebooted. If it runs on, this is next.
    Reboot(Next),
}

/// The next step for a client that has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is started again after this pause.
    Again(Duration),
    /// It dies too often.
    GivenUp,
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
        let reboots = self.on_death == OnDeath::Reboot && !exit.success();
        if exit == Exit::Code(ENOUGH) && !reboots {
            return Verdict::Enough;
        }
        self.early_deaths = if lived < EARLY { self.early_deaths.saturating_add(1) } else { 0 };
        let next = if self.early_deaths > EARLY_MAX { Next::GivenUp } else { Next::Again(PAUSE) };
        if reboots { Verdict::Reboot(next) } else { Verdict::Stay(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(29);
    const AGAIN: Verdict = Verdict::Stay(Next::Again(PAUSE));

    #[test]
    fn eleventh_early_death_in_a_row_is_the_last() {
        let mut rule = Rule::new(OnDeath::Respawn);
        for _ in 0..10 {
            assert_eq!(rule.ended(Exit::Code(1), SHORT), AGAIN);
        }
        assert_eq!(rule.ended(Exit::Signal(9), SHORT), Verdict::Stay(Next::GivenUp));
    }

    #[test]
    fn long_life_forgives_early_deaths() {
        let mut rule = Rule::new(OnDeath::Respawn).with_early_deaths(10);
        assert_eq!(rule.ended(Exit::Code(0), EARLY), AGAIN);
        assert_eq!(rule.early_deaths(), 0);
        assert_eq!(rule.ended(Exit::Code(0), Duration::ZERO), AGAIN);
        assert_eq!(rule.early_deaths(), 1);
    }

    #[test]
    fn hundred_is_enough() {
        assert_eq!(Rule::new(OnDeath::Respawn).ended(Exit::Code(100), SHORT), Verdict::Enough);
        assert_eq!(Rule::new(OnDeath::Respawn).ended(Exit::Code(101), SHORT), AGAIN);
    }

    #[test]
    fn failfast_reboots_unless_the_client_ends_well() {
        for exit in [Exit::Code(1), Exit::Code(100), Exit::Signal(15)] {
            assert_eq!(Rule::new(OnDeath::Reboot).ended(exit, EARLY), Verdict::Reboot(Next::Again(PAUSE)), "{exit}");
        }
        assert_eq!(Rule::new(OnDeath::Reboot).ended(Exit::Code(0), SHORT), AGAIN);
    }

    #[test]
    fn failfast_client_on_a_machine_that_does_not_reboot_is_given_up_after_eleven_early_deaths() {
        let mut rule = Rule::new(OnDeath::Reboot);
        for _ in 0..10 {
            assert_eq!(rule.ended(Exit::Signal(9), SHORT), Verdict::Reboot(Next::Again(PAUSE)));
        }
        assert_eq!(rule.ended(Exit::Signal(9), SHORT), Verdict::Reboot(Next::GivenUp));
    }
}
