//! The table of the arms of the takeover that the worlds have reached.

use super::SEEDS;
use hbcore_tests::world::coverage::{ARMS, Coverage};
use std::fmt::Write;
use std::ops::Range;

/// Prints the table. In the worlds of a whole verification each arm must be reached often enough; this returns those
/// that were not, a line each. (These worlds are the same in each run; for other worlds there is no minimum.)
pub(super) fn report(coverage: &Coverage, seeds: &Range<u64>) -> String {
    println!("arms of the takeover, how often each was reached:");
    for (name, count) in coverage.iter() {
        let is_known = ARMS.iter().any(|arm| arm.name == name);
        println!("{count:>9} {name}{}", if is_known { "" } else { " (not demanded)" });
    }
    let mut missing = String::new();
    if *seeds == (0..SEEDS) {
        for arm in ARMS.iter().filter(|arm| coverage.of(arm.name) < arm.least) {
            let _ = writeln!(missing, "reached {} times, {} demanded: {}", coverage.of(arm.name), arm.least, arm.name);
        }
    }
    missing
}
