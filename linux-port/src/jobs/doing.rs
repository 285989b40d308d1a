//! Which scripts run now, for people who wait for them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A script that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The name of its job: the group's key.
    pub group: String,
    /// The script and what it is to do, such as `apache2 stop`.
    pub what: String,
    /// How long it has run.
    pub for_so_long: Duration,
}

/// The scripts of all jobs, one a job at most.
#[derive(Debug, Default)]
pub(super) struct Doing(Mutex<Vec<(String, String, Instant)>>);

/// A script that runs until this is dropped.
#[derive(Debug)]
pub(super) struct Entry<'d> {
    doing: &'d Doing,
    group: &'d str,
}

impl Doing {
    pub(super) fn begin<'d>(&'d self, group: &'d str, what: String) -> Entry<'d> {
        let mut scripts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scripts.push((group.to_owned(), what, Instant::now()));
        Entry { doing: self, group }
    }

    /// For the heartbeat thread, which waits for nobody: nothing while a worker writes.
    pub(super) fn seen(&self) -> Vec<Running> {
        let Ok(scripts) = self.0.try_lock() else { return Vec::new() };
        let running = |(group, what, since): &(String, String, Instant)| Running {
            group: group.clone(),
            what: what.clone(),
            for_so_long: since.elapsed(),
        };
        scripts.iter().map(running).collect()
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut scripts = self.doing.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = scripts.iter().position(|(group, ..)| group == self.group) {
            scripts.swap_remove(place);
        }
    }
}
