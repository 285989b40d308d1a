//! The board on which every thread but the heartbeat thread puts up and takes down problems.

use super::Problem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Problems that stand at the same time. When it is full, a new problem is dropped and counted, see
/// [`Board::left_out`].
pub const CAPACITY: usize = 256;

/// A problem that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The problem.
    pub problem: Problem,
    /// The time since it was first raised.
    pub age: Duration,
    /// The number of times that it was raised meanwhile.
    pub times: u32,
    /// The newest known reason.
    pub reason: Option<String>,
    /// The next step against it, if the daemon takes one without the operator.
    pub next: Option<Coming>,
}

impl Standing {
    /// The sentence for people, with the reason.
    pub fn said(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{}: {reason}", self.problem),
            None => self.problem.to_string(),
        }
    }
}

/// The next step against a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coming {
    /// The step.
    pub what: String,
    /// The time until then; `None` if that depends on something else.
    pub within: Option<Duration>,
}

impl Coming {
    /// The seconds until then, rounded up, if known.
    pub fn seconds(&self) -> Option<u64> {
        self.within.map(|within| within.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
    }
}

/// The newest facts about a problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The newest reason.
    pub reason: Option<String>,
    /// The next step against it, and its time.
    pub next: Option<(String, Option<Instant>)>,
}

impl Told {
    /// Only a reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), next: None }
    }

    /// Adds the next step; `at`: its time, if known.
    #[must_use]
    pub fn then(self, what: impl Into<String>, at: Option<Instant>) -> Self {
        Self { next: Some((what.into(), at)), ..self }
    }
}

/// The board. A clone is the same board.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Posted>>);

#[derive(Debug, Default)]
struct Posted {
    entries: Vec<Entry>,
    left_out: u64,
}

#[derive(Debug)]
struct Entry {
    problem: Problem,
    since: Instant,
    times: u32,
    told: Told,
}

impl Entry {
    fn standing(&self) -> Standing {
        let now = Instant::now();
        let coming = |(what, at): &(String, Option<Instant>)| Coming {
            what: what.clone(),
            within: at.map(|at| at.saturating_duration_since(now)),
        };
        Standing {
            problem: self.problem.clone(),
            age: now.saturating_duration_since(self.since),
            times: self.times,
            reason: self.told.reason.clone(),
            next: self.told.next.as_ref().map(coming),
        }
    }
}

impl Posted {
    fn standing(&self) -> Vec<Standing> {
        self.entries.iter().map(Entry::standing).collect()
    }

    fn find(&mut self, problem: &Problem) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.problem == *problem)
    }
}

impl Board {
    /// Puts a problem up, or counts it once more if it stands already. The facts about it stay.
    pub fn raise(&self, problem: Problem) {
        self.put_up(problem, None);
    }

    /// As [`Board::raise`], and replaces the facts about the problem.
    pub fn tell(&self, problem: Problem, told: Told) {
        self.put_up(problem, Some(told));
    }

    fn put_up(&self, problem: Problem, told: Option<Told>) {
        let mut posted = self.lock();
        if let Some(entry) = posted.find(&problem) {
            entry.times = entry.times.saturating_add(1);
            entry.told = told.unwrap_or_else(|| std::mem::take(&mut entry.told));
        } else if posted.entries.len() >= CAPACITY {
            posted.left_out = posted.left_out.saturating_add(1);
        } else {
            let told = told.unwrap_or_default();
            posted.entries.push(Entry { problem, since: Instant::now(), times: 1, told });
        }
    }

    /// Replaces the facts about a problem without counting it once more. Does nothing if it does not stand.
    pub fn update(&self, problem: &Problem, told: Told) {
        if let Some(entry) = self.lock().find(problem) {
            entry.told = told;
        }
    }

    /// Takes a problem down: it no longer holds.
    pub fn settle(&self, problem: &Problem) {
        self.settle_where(|standing| standing == problem);
    }

    /// Takes down each problem for which `over` is true.
    pub fn settle_where(&self, mut over: impl FnMut(&Problem) -> bool) {
        self.lock().entries.retain(|entry| !over(&entry.problem));
    }

    /// The problems that stand now, the oldest first.
    pub fn standing(&self) -> Vec<Standing> {
        self.lock().standing()
    }

    /// [`Board::standing`] for the heartbeat thread, which never waits: `None` while another thread changes the board.
    pub fn glance(&self) -> Option<Vec<Standing>> {
        self.0.try_lock().ok().map(|posted| posted.standing())
    }

    /// The number of problems that found the board full.
    pub fn left_out(&self) -> u64 {
        self.lock().left_out
    }

    /// Not for the heartbeat thread: a thread of normal priority that holds the lock may not get a processor.
    fn lock(&self) -> MutexGuard<'_, Posted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere(group: &str) -> Problem {
        Problem::RunsNowhere { group: group.to_owned() }
    }

    #[test]
    fn problem_raised_twice_stands_once_until_it_is_settled() {
        let board = Board::default();
        board.raise(nowhere("web"));
        board.clone().raise(nowhere("web"));
        board.raise(nowhere("mail"));
        let standing = board.standing();
        assert_eq!(standing.iter().map(|s| s.times).collect::<Vec<_>>(), [2, 1]);
        board.settle(&nowhere("web"));
        assert_eq!(board.standing().iter().map(|s| s.problem.clone()).collect::<Vec<_>>(), [nowhere("mail")]);
    }

    #[test]
    fn newest_reason_replaces_the_old_one_and_the_problem_keeps_its_age() {
        let board = Board::default();
        board.tell(Problem::ReloadRefused, Told::because("first"));
        board.tell(Problem::ReloadRefused, Told::because("second").then("nothing", None));
        board.raise(Problem::ReloadRefused);
        board.update(&nowhere("web"), Told::because("it does not stand"));
        let standing = board.standing();
        let [one] = &standing[..] else { panic!("{standing:?}") };
        assert_eq!((one.times, one.reason.as_deref()), (3, Some("second")));
        assert_eq!(one.next, Some(Coming { what: "nothing".to_owned(), within: None }));
    }

    #[test]
    fn newcomer_is_counted_when_the_board_is_full() {
        let board = Board::default();
        for n in 0..=CAPACITY {
            board.raise(nowhere(&n.to_string()));
        }
        assert_eq!((board.standing().len(), board.left_out()), (CAPACITY, 1));
    }
}
