//! Strays: groups that `haresources` does not name any more, and that may still run here. No node claims them, so this
//! one stops them, as often as it takes, and does not leave before they are gone.
//!
//! ```text
//!   Due ──▶ Stops ──stopped──────────────▶ gone
//!    ▲        └──not stopped──▶ Escalates ──dealt with──▶ gone
//!    └──later──Rests ◀──────────────┘ no help
//! ```

use super::escalate::job_of;
use super::{Handover, Plan, Resources, ScriptEnvironment};
use crate::jobs::{Afterwards, Job, JobId, Outcome as JobOutcome, Retry, Task, Work};
use crate::state::Mark;
use crate::sys::clock::Clock;
use hbcore::takeover::ESCALATE_AGAIN;
use hbcore::time::{Duration, Instant};
use std::sync::{Arc, Mutex, PoisonError};

/// The pause after a job that the system refused.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// The groups, and the mark that names them to a later run.
#[derive(Debug, Default)]
pub(super) struct Strays {
    all: Vec<Stray>,
    /// The number of the next one.
    next: u32,
    marker: Option<Marker>,
    /// This daemon leaves, so every group that does not stop is escalated.
    leaves: bool,
}

#[derive(Debug)]
struct Stray {
    number: u32,
    plan: Plan,
    means: Means,
    course: Course,
    since: Instant,
    was_escalated: bool,
}

/// The means against a stray that does not stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// Its scripts alone: an earlier run could not stop it either, and a start must not end in a reboot.
    Scripts,
    /// Those of any group: it ran here until this run began.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Due,
    Stops,
    Escalates,
    Rests { until: Instant, was_escalated: bool },
}

/// A stray for those who ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrayRow<'a> {
    /// The first of its resources.
    pub key: &'a str,
    /// The time since it is to stop.
    pub since: Instant,
    /// The treatment.
    pub doing: StrayDoing,
    /// Whether stronger means have been tried since then.
    pub was_escalated: bool,
}

/// The treatment of a stray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrayDoing {
    /// It is being stopped.
    Stops,
    /// Its stop has failed, and it is told to stop again then.
    StopsAgain(Instant),
    /// Its stop has failed, and stronger means are being tried.
    Escalates,
    /// Stronger means have failed, and all of it is tried again then.
    EscalatesAgain(Instant),
}

/// Writes the mark on job threads, the newest content last.
#[derive(Clone, Debug)]
struct Marker {
    mark: Mark,
    /// The number of the newest content that was written.
    written: Arc<Mutex<u64>>,
    next: u64,
}

impl Stray {
    fn row(&self) -> StrayRow<'_> {
        StrayRow { key: &self.plan.key, since: self.since, doing: self.doing(), was_escalated: self.was_escalated }
    }

    fn doing(&self) -> StrayDoing {
        match self.course {
            Course::Due | Course::Stops => StrayDoing::Stops,
            Course::Escalates => StrayDoing::Escalates,
            Course::Rests { until, was_escalated: true } => StrayDoing::EscalatesAgain(until),
            Course::Rests { until, was_escalated: false } => StrayDoing::StopsAgain(until),
        }
    }

    fn rest(&mut self, pause: Duration, was_escalated: bool) {
        self.course = Course::Rests { until: Clock.now().after(pause), was_escalated };
    }
}

impl Resources {
    /// With the file that names the groups to a later run: it is written anew when a stray is gone.
    #[must_use]
    pub fn with_mark(mut self, mark: Mark) -> Self {
        self.strays.marker = Some(Marker { mark, written: Arc::default(), next: 0 });
        self
    }

    /// Groups of a crashed run, as they stood in `haresources`, may still run here. They are told to stop, and not
    /// escalated.
    pub fn adopt_leftovers(&mut self, words: &[String], scripts: &ScriptEnvironment, builtin: bool) {
        for words in words {
            self.adopt(words, Means::Scripts, scripts, builtin);
        }
    }

    /// The parts of the groups of `handover` that are no longer in the configuration.
    pub(super) fn adopt_removed(&mut self, handover: &Handover, scripts: &ScriptEnvironment, builtin: bool) {
        for words in handover.groups_up() {
            self.adopt(words, Means::All, scripts, builtin);
        }
        self.adopt_leftovers(&handover.stuck, scripts, builtin);
    }

    /// Adopts those words of a group that are in no group of the configuration.
    fn adopt(&mut self, words: &str, means: Means, scripts: &ScriptEnvironment, builtin: bool) {
        let is_kept = |word: &str| self.plans.iter().any(|plan| plan.has(word));
        let Some(plan) = Plan::of_gone_words(words, is_kept, builtin, scripts) else { return };
        self.log.info(format_args!("No longer in haresources, to be stopped: {}", plan.words));
        plan.assume_started();
        let number = self.strays.next;
        self.strays.next = number.wrapping_add(1);
        self.strays.all.push(Stray {
            number,
            plan,
            means,
            course: Course::Due,
            since: Clock.now(),
            was_escalated: false,
        });
    }

    /// The words of the strays, as they stood in `haresources`.
    pub fn strays(&self) -> impl Iterator<Item = &str> {
        self.strays.all.iter().map(|stray| stray.plan.words.as_str())
    }

    /// The strays for those who ask.
    pub fn stray_rows(&self) -> impl Iterator<Item = StrayRow<'_>> {
        self.strays.all.iter().map(Stray::row)
    }

    /// Whether a stray is being stopped or escalated, or is about to be. It rests between two attempts.
    pub fn strays_move(&self) -> bool {
        self.strays.all.iter().any(|stray| !matches!(stray.course, Course::Rests { .. }))
    }

    /// This daemon leaves: from now on, a stray that does not stop is escalated, as any group.
    pub fn leave_no_strays(&mut self) {
        self.strays.leaves = true;
    }

    /// Begins each stop that is due. Call it once a second, the first time after the strays were marked.
    pub fn tend_strays(&mut self, now: Instant) {
        for place in 0..self.strays.all.len() {
            let Some(stray) = self.strays.all.get(place) else { return };
            let is_due = match stray.course {
                Course::Due => true,
                Course::Rests { until, .. } => until <= now,
                Course::Stops | Course::Escalates => false,
            };
            if is_due {
                self.stop_stray(place);
            }
        }
    }

    fn stop_stray(&mut self, place: usize) {
        let handle = self.addresses.handle();
        let Some(stray) = self.strays.all.get_mut(place) else { return };
        let then = match stray.means {
            Means::Scripts if !self.strays.leaves => Afterwards::TriedAgain,
            Means::Scripts | Means::All => Afterwards::Escalated,
        };
        let work = Work::Stop(stray.plan.steps(&handle), Retry { then, ..Retry::default() });
        let job = Job { id: JobId::Stray(stray.number), name: stray.plan.key.clone(), work };
        match self.jobs.submit(job) {
            Ok(()) => stray.course = Course::Stops,
            Err(error) => {
                self.log.error(format_args!("{error}"));
                stray.rest(REFUSED_PAUSE, false);
            }
        }
    }

    /// The job of a stray has ended.
    pub(super) fn stray_ended(&mut self, number: u32, outcome: JobOutcome) {
        let Some(place) = self.strays.all.iter().position(|stray| stray.number == number) else { return };
        if outcome == JobOutcome::Done {
            let gone = self.strays.all.swap_remove(place);
            self.log.info(format_args!("Stopped, and no longer in haresources: {}", gone.plan.words));
            return self.mark_anew();
        }
        let leaves = self.strays.leaves;
        let Some(stray) = self.strays.all.get_mut(place) else { return };
        match (stray.course, stray.means) {
            (Course::Stops, Means::All) => self.escalate_stray(place),
            (Course::Stops, Means::Scripts) if leaves => self.escalate_stray(place),
            (Course::Escalates, _) => stray.rest(ESCALATE_AGAIN, true),
            (Course::Stops | Course::Due | Course::Rests { .. }, _) => stray.rest(ESCALATE_AGAIN, false),
        }
    }

    fn escalate_stray(&mut self, place: usize) {
        let escalation = self.escalation.clone();
        let Some(stray) = self.strays.all.get_mut(place) else { return };
        let Some(escalation) = escalation else { return stray.rest(ESCALATE_AGAIN, true) };
        let (key, log, board) = (stray.plan.key.clone(), self.log.clone(), self.board.clone());
        let task = Self::escalation_of(escalation, key.clone(), log, board);
        match self.jobs.submit(Job { id: JobId::Stray(stray.number), name: job_of(&key), work: Work::Function(task) }) {
            Ok(()) => (stray.course, stray.was_escalated) = (Course::Escalates, true),
            Err(error) => {
                self.log.error(format_args!("{error}"));
                stray.rest(REFUSED_PAUSE, false);
            }
        }
    }

    /// A later run need not ask about a stray that is gone: somebody else may run it by then.
    fn mark_anew(&mut self) {
        // A daemon that leaves removes the mark.
        if self.strays.leaves {
            return;
        }
        let words: Vec<String> = self.marked().map(str::to_owned).collect();
        let Some(marker) = &mut self.strays.marker else { return };
        marker.next = marker.next.saturating_add(1);
        let (number, Marker { mark, written, .. }) = (marker.next, marker.clone());
        let write = move || {
            let mut newest = written.lock().unwrap_or_else(PoisonError::into_inner);
            if number > *newest {
                *newest = number;
                mark.make(words.iter().map(String::as_str))?;
            }
            Ok(())
        };
        let work = Work::Function(Task(Box::new(write)));
        // If it is refused, or fails, a later run asks more scripts than it needs to.
        let job = Job { id: JobId::Housekeeping, name: "mark of this run".to_owned(), work };
        if let Err(error) = self.jobs.submit(job) {
            self.log.warn(format_args!("{error}"));
        }
    }

    /// The groups that a later run is to ask about, as they stand in `haresources`.
    pub fn marked(&self) -> impl Iterator<Item = &str> {
        self.plans.iter().map(|plan| plan.words.as_str()).chain(self.strays())
    }
}
