//! The scripts that run now, for people who wait for them, and the reasons why the last starts of groups failed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A script that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The name of its job: the group's key.
    pub group: String,
    /// The script and its verb, such as `apache2 stop`.
    pub what: String,
    /// The time since it began; between two attempts, since the first of them began.
    pub age: Duration,
    /// The time after which it is terminated, from its beginning; `None` between two attempts.
    pub limit: Option<Duration>,
    /// For a stop: the persistence with which it is tried.
    pub trying: Option<Trying>,
}

/// The progress of a stop that is tried repeatedly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trying {
    /// The number of the current attempt, and of the last one.
    Attempt(u32, u32),
    /// The script is missing, and is looked up again until this time is over.
    Missing(Duration),
}

/// The scripts of all jobs, one a job at most, and the stops that are tried until they succeed.
#[derive(Debug, Default)]
pub struct Doing(Mutex<Now>);

#[derive(Debug, Default)]
struct Now {
    scripts: Vec<Script>,
    stops: Vec<Stop>,
    /// The reason of each job's last failure, by its name.
    failures: Vec<(String, String)>,
}

#[derive(Debug)]
struct Script {
    group: String,
    what: String,
    since: Instant,
    limit: Duration,
}

#[derive(Debug)]
struct Stop {
    group: String,
    what: String,
    since: Instant,
    attempt: u32,
    most: u32,
    /// The time until which a missing script is looked up again.
    missing_until: Option<Instant>,
}

impl Stop {
    fn trying(&self) -> Trying {
        match self.missing_until {
            Some(until) => Trying::Missing(until.saturating_duration_since(Instant::now())),
            None => Trying::Attempt(self.attempt, self.most),
        }
    }
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
    /// `limit`: the longest time that it may run.
    pub(super) fn begin<'d>(&'d self, group: &'d str, what: String, limit: Duration) -> Entry<'d> {
        self.lock().scripts.push(Script { group: group.to_owned(), what, since: Instant::now(), limit });
        Entry { doing: self, group }
    }

    /// `most`: the largest number of attempts of `what`.
    pub(super) fn stop<'d>(&'d self, group: &'d str, what: String, most: u32) -> Attempts<'d> {
        let group_of = group.to_owned();
        let stop = Stop { group: group_of, what, since: Instant::now(), attempt: 1, most, missing_until: None };
        self.lock().stops.push(stop);
        Attempts { doing: self, group }
    }

    /// A job failed, for this reason.
    pub(super) fn failed(&self, job: &str, why: String) {
        let mut now = self.lock();
        now.failures.retain(|(name, _)| name != job);
        now.failures.push((job.to_owned(), why));
    }

    /// A job succeeded: its last reason to fail is dropped.
    pub(super) fn succeeded(&self, job: &str) {
        self.lock().failures.retain(|(name, _)| name != job);
    }

    /// The reason of a job's last failure, if it has not succeeded since. For the heartbeat thread, as [`Doing::seen`].
    pub(super) fn why(&self, job: &str) -> Option<String> {
        let now = self.0.try_lock().ok()?;
        now.failures.iter().find(|(name, _)| name == job).map(|(_, why)| why.clone())
    }

    /// For the heartbeat thread, which never waits: `None` while a worker writes.
    pub fn seen(&self) -> Option<Vec<Running>> {
        let now = self.0.try_lock().ok()?;
        let trying = |group: &str| now.stops.iter().find(|stop| stop.group == group).map(Stop::trying);
        let running = |script: &Script| Running {
            group: script.group.clone(),
            what: script.what.clone(),
            age: script.since.elapsed(),
            limit: Some(script.limit),
            trying: trying(&script.group),
        };
        let rests = |stop: &&Stop| !now.scripts.iter().any(|script| script.group == stop.group);
        let resting = |stop: &Stop| Running {
            group: stop.group.clone(),
            what: stop.what.clone(),
            age: stop.since.elapsed(),
            limit: None,
            trying: Some(stop.trying()),
        };
        Some(now.scripts.iter().map(running).chain(now.stops.iter().filter(rests).map(resting)).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempts<'_> {
    /// The attempt of this number begins, counted from 1.
    pub(super) fn begin(&self, number: u32) {
        self.note(|stop| (stop.attempt, stop.missing_until) = (number, None));
    }

    /// The script is missing, and is looked up again until `until`.
    pub(super) fn misses(&self, until: Instant) {
        self.note(|stop| stop.missing_until = Some(until));
    }

    fn note(&self, news: impl FnOnce(&mut Stop)) {
        if let Some(stop) = self.doing.lock().stops.iter_mut().find(|stop| stop.group == self.group) {
            news(stop);
        }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut now = self.doing.lock();
        if let Some(place) = now.scripts.iter().position(|script| script.group == self.group) {
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

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn attempt_is_told_beside_the_script_and_between_two_of_them() {
        let doing = Doing::default();
        let seen = || doing.seen().expect("nobody writes").into_iter().map(|r| (r.what, r.trying)).collect::<Vec<_>>();
        let attempts = doing.stop("web", "web stop".to_owned(), 11);
        attempts.begin(2);
        let second = Some(Trying::Attempt(2, 11));
        let script = doing.begin("web", "web stop".to_owned(), HOUR);
        let other = doing.begin("mail", "mail start".to_owned(), HOUR);
        assert_eq!(seen(), [("web stop".to_owned(), second), ("mail start".to_owned(), None)]);
        drop((script, other));
        assert_eq!(seen(), [("web stop".to_owned(), second)]);
        attempts.misses(Instant::now() + HOUR);
        assert!(matches!(seen()[..], [(_, Some(Trying::Missing(_)))]));
        attempts.begin(3);
        assert_eq!(seen(), [("web stop".to_owned(), Some(Trying::Attempt(3, 11)))], "it is there again");
        drop(attempts);
        assert_eq!(seen(), []);
    }

    #[test]
    fn reason_of_a_failure_is_kept_until_a_success() {
        let doing = Doing::default();
        doing.failed("web", "first".to_owned());
        doing.failed("web", "second".to_owned());
        doing.failed("mail", "other".to_owned());
        assert_eq!(doing.why("web").as_deref(), Some("second"));
        doing.succeeded("web");
        assert_eq!((doing.why("web"), doing.why("mail").is_some()), (None, true));
    }
}
