//! Which scripts run now, for people who wait for them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A script that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The name of its job: the group's key.
    pub group: String,
    /// The script and what it is to do, such as `apache2 stop`.
    pub what: String,
    /// How long it has run; between two attempts, how long they have gone on.
    pub for_so_long: Duration,
    /// Of a stop: which attempt it is, and how many there are at most.
    pub attempt: Option<(u32, u32)>,
}

/// The scripts of all jobs, one a job at most, and the stops that are tried until they succeed.
#[derive(Debug, Default)]
pub(super) struct Doing(Mutex<Now>);

#[derive(Debug, Default)]
struct Now {
    scripts: Vec<(String, String, Instant)>,
    stops: Vec<Stop>,
}

#[derive(Debug)]
struct Stop {
    group: String,
    what: String,
    since: Instant,
    attempt: (u32, u32),
}

/// A script that runs until this is dropped.
#[derive(Debug)]
pub(super) struct Entry<'d> {
    doing: &'d Doing,
    group: &'d str,
}

/// A member that is being stopped until this is dropped.
#[derive(Debug)]
pub(super) struct Attempts<'d> {
    doing: &'d Doing,
    group: &'d str,
}

impl Doing {
    pub(super) fn begin<'d>(&'d self, group: &'d str, what: String) -> Entry<'d> {
        self.lock().scripts.push((group.to_owned(), what, Instant::now()));
        Entry { doing: self, group }
    }

    /// `what` is tried at most so often.
    pub(super) fn stop<'d>(&'d self, group: &'d str, what: String, most: u32) -> Attempts<'d> {
        let stop = Stop { group: group.to_owned(), what, since: Instant::now(), attempt: (1, most) };
        self.lock().stops.push(stop);
        Attempts { doing: self, group }
    }

    /// For the heartbeat thread, which waits for nobody: nothing while a worker writes.
    pub(super) fn seen(&self) -> Vec<Running> {
        let Ok(now) = self.0.try_lock() else { return Vec::new() };
        let attempt = |group: &str| now.stops.iter().find(|stop| stop.group == group).map(|stop| stop.attempt);
        let running = |(group, what, since): &(String, String, Instant)| Running {
            group: group.clone(),
            what: what.clone(),
            for_so_long: since.elapsed(),
            attempt: attempt(group),
        };
        let rests = |stop: &&Stop| !now.scripts.iter().any(|(group, ..)| *group == stop.group);
        let resting = |stop: &Stop| Running {
            group: stop.group.clone(),
            what: stop.what.clone(),
            for_so_long: stop.since.elapsed(),
            attempt: Some(stop.attempt),
        };
        now.scripts.iter().map(running).chain(now.stops.iter().filter(rests).map(resting)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempts<'_> {
    /// The attempt of this number begins, counted from 1.
    pub(super) fn begin(&self, number: u32) {
        if let Some(stop) = self.doing.lock().stops.iter_mut().find(|stop| stop.group == self.group) {
            stop.attempt.0 = number;
        }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut now = self.doing.lock();
        if let Some(place) = now.scripts.iter().position(|(group, ..)| group == self.group) {
            now.scripts.swap_remove(place);
        }
    }
}

impl Drop for Attempts<'_> {
    fn drop(&mut self) {
        let mut now = self.doing.lock();
        if let Some(place) = now.stops.iter().position(|stop| stop.group == self.group) {
            now.stops.swap_remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempt_is_told_beside_the_script_and_between_two_of_them() {
        let doing = Doing::default();
        let seen = || doing.seen().into_iter().map(|r| (r.what, r.attempt)).collect::<Vec<_>>();
        let attempts = doing.stop("web", "web stop".to_owned(), 11);
        attempts.begin(2);
        let script = doing.begin("web", "web stop".to_owned());
        let other = doing.begin("mail", "mail start".to_owned());
        assert_eq!(seen(), [("web stop".to_owned(), Some((2, 11))), ("mail start".to_owned(), None)]);
        drop((script, other));
        assert_eq!(seen(), [("web stop".to_owned(), Some((2, 11)))]);
        drop(attempts);
        assert_eq!(seen(), []);
    }
}
