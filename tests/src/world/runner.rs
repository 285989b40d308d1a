//! Runs many seeds, on all processors.

use super::coverage::Coverage;
use super::schedule::Schedule;
use super::{Bug, Options, Violation, run};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The most failures that are kept.
const KEPT: usize = 1000;

/// The results of many seeds.
#[derive(Debug, Default)]
pub struct Summary {
    /// The number of seeds that were run.
    pub seeds: u64,
    /// The number of inputs of all engines.
    pub steps: u64,
    /// The virtual time of all runs.
    pub lasted: Duration,
    /// The number of takeovers whose deadline was watched to the end.
    pub promises_kept: u64,
    /// The number of pairs with a 3.0.6 that did not settle, like two of 3.0.6.
    pub excused: u64,
    /// The longest time that any world took to settle after its last fault.
    pub slowest: (Duration, u64),
    /// Seeds that broke a rule, lowest first.
    pub failures: Vec<(u64, Violation)>,
    /// The arms of the takeover that were reached.
    pub coverage: Coverage,
    /// The time that the search took.
    pub took: Duration,
}

/// Runs all seeds. With `stop`, it ends at the first failure. With a planted bug, it counts only seeds that do not fail
/// without the bug.
///
/// # Panics
/// Never: worlds that panic are caught.
pub fn search(seeds: Range<u64>, planted: Option<Bug>, stop: bool) -> Summary {
    let begin = Instant::now();
    let count = seeds.end.saturating_sub(seeds.start);
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Summary::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let options = Options { record: false, planted };
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= count {
                return;
            }
            let seed = seeds.start + place;
            let schedule = Schedule::from_seed(seed);
            let mut outcome = run(&schedule, options);
            if planted.is_some() && outcome.violation.is_some() {
                outcome.violation =
                    outcome.violation.filter(|_| run(&schedule, Options::default()).violation.is_none());
            }
            let mut sum = sum.lock().expect("nobody panics with it");
            sum.seeds += 1;
            sum.steps += outcome.steps;
            sum.lasted += outcome.lasted;
            sum.promises_kept += outcome.promises_kept;
            sum.coverage.add(&outcome.coverage);
            sum.excused += u64::from(outcome.excused);
            sum.slowest = sum.slowest.max((outcome.settled_after.unwrap_or_default(), seed));
            if let Some(violation) = outcome.violation {
                if stop {
                    next.store(count, Ordering::Relaxed);
                }
                if sum.failures.len() < KEPT {
                    sum.failures.push((seed, violation));
                }
            }
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let mut sum = sum.into_inner().expect("nobody panicked with it");
    sum.failures.sort_by_key(|(seed, _)| *seed);
    sum.took = begin.elapsed();
    sum
}
