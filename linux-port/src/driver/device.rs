//! Whether the program that fences can be executed: it is looked for each minute, and when it has failed, since without it a dead node would
//! hold back what nobody serves.

use std::path::PathBuf;

use hbcore::time::{Duration, Instant};
use hbcore::{Event, takeover::Notice};

use super::Driver;
use crate::jobs::Task;
use crate::problems::Problem;

/// How often it is looked for.
const EACH: Duration = Duration::from_mins(1);

/// The program, and when it is looked for next.
#[derive(Debug)]
pub(super) struct Device {
    program: Option<PathBuf>,
    next: Instant,
}

impl Device {
    pub(super) fn new(program: Option<PathBuf>, now: Instant) -> Self {
        Self { program, next: now }
    }

    pub(super) fn event(&mut self, now: Instant, event: Event) {
        if matches!(event, Event::Resource(Notice::FenceFailed(_))) {
            self.next = now;
        }
    }
}

impl Driver {
    /// Has another thread look at the disk, if it is time.
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
        self.elsewhere("look for the program that fences", Task(Box::new(look)));
    }
}
