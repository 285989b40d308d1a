//! Makes a schedule that breaks a rule as small as possible: fewer faults, shorter times, a simpler site.

use super::schedule::{Planned, Schedule};
use super::{Options, Rule, run};
use std::time::{Duration, Instant};

/// The most runs that are tried.
const TRIES: u32 = 1500;
/// The longest time that the shrinking may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The shortest time in a shrunk schedule.
const SHORTEST: Duration = Duration::from_millis(1);

struct Shrinker {
    best: Schedule,
    rule: Rule,
    options: Options,
    left: u32,
    until: Instant,
}

/// A schedule that breaks the same rule, and from which no single part can be removed; or the best one that was found
/// in a bounded number of runs.
pub fn shrink(schedule: &Schedule, rule: Rule, options: Options) -> Schedule {
    let options = Options { record: false, ..options };
    let mut shrinker =
        Shrinker { best: schedule.clone(), rule, options, left: TRIES, until: Instant::now() + PATIENCE };
    loop {
        let before = shrinker.best.clone();
        shrinker.delete_faults();
        shrinker.halve_times();
        shrinker.simplify_site();
        if shrinker.best == before || shrinker.is_over() {
            shrinker.best.faults.sort_by_key(|planned| planned.at);
            return if shrinker.breaks(&shrinker.best.clone()) { shrinker.best } else { before };
        }
    }
}

impl Shrinker {
    fn breaks(&self, schedule: &Schedule) -> bool {
        run(schedule, self.options).violation.is_some_and(|violation| violation.rule == self.rule)
    }

    fn is_over(&self) -> bool {
        self.left == 0 || Instant::now() > self.until
    }

    /// Keeps the changed schedule if it still breaks the rule.
    fn attempt(&mut self, change: impl FnOnce(&mut Schedule)) -> bool {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        if candidate == self.best || self.is_over() {
            return false;
        }
        self.left -= 1;
        let breaks = self.breaks(&candidate);
        if breaks {
            self.best = candidate;
        }
        breaks
    }

    fn delete_faults(&mut self) {
        let mut size = self.best.faults.len();
        while size > 0 {
            let mut from = 0;
            while from < self.best.faults.len() {
                let to = (from + size).min(self.best.faults.len());
                if !self.attempt(|schedule| drop(schedule.faults.drain(from..to))) {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    fn halve_times(&mut self) {
        for n in 0..self.best.faults.len() {
            while !self.best.faults[n].is_for_ever()
                && self.best.faults[n].lasting > SHORTEST
                && self.attempt(|s| halve(&mut s.faults[n].lasting))
            {}
            while self.best.faults[n].at > SHORTEST && self.attempt(|s| halve(&mut s.faults[n].at)) {}
        }
        // All times are halved together, so that a fault that depends on their distance stays.
        while self.attempt(|s| s.faults.iter_mut().for_each(|Planned { at, .. }| halve(at))) {}
    }

    fn simplify_site(&mut self) {
        self.attempt(|s| s.site.drift.fill(0));
        self.attempt(|s| s.site.lateness = 0);
        self.attempt(|s| s.site.delay = (100, 100));
        self.attempt(|s| s.site.script = (0, 0));
        self.attempt(|s| s.site.signed = false);
        self.attempt(|s| s.site.compact = true);
        self.attempt(|s| {
            s.site.groups.truncate(1);
            s.site.other_homes.truncate(1);
        });
        self.attempt(|s| s.site.other_homes.clear());
        for nodes in 2..self.best.site.nodes.len() {
            self.attempt(|s| {
                s.site.nodes.truncate(nodes);
                s.site.drift.truncate(nodes);
                s.site.groups.retain(|home| *home < nodes);
                s.faults.retain(|planned| planned.fault.highest_node().is_none_or(|node| node < nodes));
            });
        }
        self.attempt(|s| {
            s.site.links.truncate(1);
            s.faults.retain(|planned| !matches!(planned.fault, super::Fault::Cut { link: Some(1..), .. }));
        });
    }
}

/// Halves a time, to whole milliseconds.
fn halve(time: &mut Duration) {
    *time = Duration::from_millis(time.as_millis() as u64 / 2);
}
