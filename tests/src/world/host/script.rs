//! The ends of scripts: the true state afterwards, and the outcome that the port can see.

use super::{Ending, Work};
use crate::world::schedule::{Fault, Kind};
use crate::world::{Bug, ORIGIN, World};
use hbcore::takeover::Outcome;
use hbcore::time::Duration;

impl Ending {
    /// The port sees the truth.
    fn seen(work: Work, outcome: Outcome) -> Self {
        let leaves = match (work, outcome) {
            (Work::Start, Outcome::Failed) => false,
            (Work::Start, Outcome::Done | Outcome::FailedAndStuck | Outcome::TimedOut) => true,
            (Work::Stop | Work::Escalate, outcome) => outcome != Outcome::Done,
        };
        Self { outcome, leaves }
    }
}

impl World<'_> {
    /// The duration of a script that begins now, and its end. The script is killed at its limit.
    pub(super) fn script(&mut self, node: usize, group: usize, work: Work) -> (Duration, Ending) {
        let (least, most) = self.schedule.site.script;
        let mut runs = Duration::from_millis(self.hosts[node].random.between(least, most));
        // The model has no rules for scripts that fail.
        if self.schedule.site.nodes[node] == Kind::Reference {
            return (runs, Ending::seen(work, Outcome::Done));
        }
        if self.is_active(|fault| *fault == Fault::Blind(node)) {
            return (Duration::ZERO, self.unseen(node, group, work));
        }
        if work == Work::Escalate {
            let helpless = self.is_active(|fault| *fault == Fault::Helpless(node));
            let leaves = helpless && self.hosts[node].real[group].holding;
            let outcome = if helpless { Outcome::Failed } else { Outcome::Done };
            return (runs, Ending { outcome, leaves });
        }
        let mut outcome = Outcome::Done;
        for (planned, _) in self.schedule.faults.iter().zip(&self.active).filter(|(_, active)| **active) {
            let random = &mut self.hosts[node].random;
            match planned.fault {
                Fault::Slow { node: n, by } if n == node => runs += Duration::from_millis(by),
                Fault::Hang(n) if n == node => runs = runs.max(ORIGIN.after(planned.end()).since(self.now)),
                Fault::Vanish(n) if n == node && work == Work::Start => outcome = Outcome::Failed,
                Fault::Fail { node: n, percent } if n == node && random.percent(percent) => {
                    let stuck = work == Work::Start && random.percent(20);
                    outcome = if stuck { Outcome::FailedAndStuck } else { Outcome::Failed };
                }
                _ => {}
            }
        }
        let limit = Duration::from_millis(self.schedule.site.limit);
        if runs >= limit { (limit, Ending::seen(work, Outcome::TimedOut)) } else { (runs, Ending::seen(work, outcome)) }
    }

    /// No process can be started. The port claims nothing that it cannot see: it reports the group as stuck, whatever
    /// is true.
    fn unseen(&mut self, node: usize, group: usize, work: Work) -> Ending {
        let host = &mut self.hosts[node];
        let (held, chance) = (host.real[group].holding, host.random.below(100));
        let planted = self.options.planted;
        match work {
            // The addresses were taken, and are released by the daemon itself, which mostly sees that they are gone.
            Work::Start if planted == Some(Bug::RefusedStartLeaves) => {
                Ending { outcome: Outcome::Failed, leaves: true }
            }
            Work::Start if held || chance >= 60 => {
                Ending { outcome: Outcome::FailedAndStuck, leaves: held || chance >= 80 }
            }
            Work::Start => Ending::seen(work, Outcome::Failed),
            Work::Stop if planted == Some(Bug::CannotAskIsStopped) => Ending { outcome: Outcome::Done, leaves: held },
            // A stop that had begun just before has succeeded, and the port cannot see it.
            Work::Stop => Ending { outcome: Outcome::FailedAndStuck, leaves: held && chance >= 30 },
            Work::Escalate => Ending { outcome: Outcome::Failed, leaves: held },
        }
    }
}
