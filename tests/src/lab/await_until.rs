//! Waits for conditions instead of sleeping for luck.

use std::thread;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(5);

/// Whether `condition` becomes true before `limit` is over. It is checked at least twice.
pub fn holds_within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if condition() {
            return true;
        }
        thread::sleep(INTERVAL);
    }
    condition()
}
