//! Checks whether programs can be executed. The program that fences is checked each minute, and after it has failed,
//! because without it the groups of a dead node are not started. A missing script of the site is checked every five
//! seconds until it exists.

use std::path::PathBuf;

use hbcore::time::{Duration, Instant};
use hbcore::{Event, takeover::Notice};

use super::Driver;
use crate::jobs::Task;
use crate::problems::{Problem, Standing};

/// The interval of the checks.
const EACH: Duration = Duration::from_mins(1);
/// The interval of the checks of a missing script.
const EACH_SCRIPT: Duration = Duration::from_secs(5);

/// The program, and the time of its next check.
#[derive(Debug)]
pub(super) struct Device {
    program: Option<PathBuf>,
    next: Instant,
    next_script: Instant,
}

impl Device {
    pub(super) fn new(program: Option<PathBuf>, now: Instant) -> Self {
        Self { program, next: now, next_script: now }
    }

    pub(super) fn event(&mut self, now: Instant, event: Event) {
        if matches!(event, Event::Resource(Notice::FenceFailed(_))) {
            self.next = now;
        }
    }
}

impl Driver {
    /// Lets another thread check the program, if it is time.
    pub(super) fn look_for_device(&mut self, now: Instant) {
        let Some(program) = self.device.program.clone().filter(|_| self.device.next <= now) else { return };
        self.device.next = now.after(EACH);
        let board = self.board.clone();
        let look = move || {
            let problem = Problem::FenceMissing { program: program.display().to_string() };
            let is_there = program.is_file() && rustix::fs::access(&program, rustix::fs::Access::EXEC_OK).is_ok();
            if is_there {
                board.settle(&problem);
            } else {
                board.raise(problem);
            }
            Ok(())
        };
        self.run_on_job_thread("look for the program that fences", Task(Box::new(look)));
    }

    /// Lets another thread check the missing scripts, if it is time.
    pub(super) fn look_for_scripts(&mut self, now: Instant) {
        let missing = |standing: &Standing| match &standing.problem {
            Problem::ScriptMissing { script } => Some(script.clone()),
            _ => None,
        };
        if self.device.next_script > now {
            return;
        }
        self.device.next_script = now.after(EACH_SCRIPT);
        let scripts: Vec<String> = self.watch.posted(&self.board).iter().filter_map(missing).collect();
        let Some(search) = self.resources.search().filter(|_| !scripts.is_empty()).cloned() else { return };
        let board = self.board.clone();
        let look = move || {
            for script in scripts.into_iter().filter(|script| search.check(script).is_ok()) {
                board.settle(&Problem::ScriptMissing { script });
            }
            Ok(())
        };
        self.run_on_job_thread("look for scripts", Task(Box::new(look)));
    }
}
