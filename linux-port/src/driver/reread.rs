//! Reading the configuration again: on another thread, and with its result.

use super::restart::Restart;
use super::{Driver, restart};
use crate::control::REFUSED;
use crate::jobs::Task;
use crate::log::{Logger, Omitted, RateLimit, Verdict};
use crate::resources::Successor;
use crate::respawn::Respawn;
use crate::status::Reloads;
use crate::sys::clock::Clock;
use hbcore::time::Duration;
use hbcore::wire::Keys;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The result of reading the configuration again, from a thread that may read files.
#[derive(Debug)]
pub enum Reread {
    /// The files changed and are good.
    Read {
        /// New keys, if `authkeys` changed.
        keys: Option<Box<Keys<16>>>,
        /// The next step for the other files.
        next: Next,
    },
    /// Nothing changed.
    Unchanged,
    /// The new files are wrong; the text tells the reason. The daemon keeps the old ones.
    Refused(String),
}

/// The next step of a reload, besides keys.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// No other file changed.
    Same,
    /// Another file changed: a new daemon reads it, in this process, while the groups run. Everything that could fail
    /// for it was tried.
    Successor(Successor),
    /// The new configuration cannot be used now; the text tells the reason. The daemon keeps the old one.
    Refused(String),
}

/// Reads the configuration again, on another thread.
pub type Rereader = std::sync::Arc<dyn Fn(&Logger) -> Reread + Send + Sync>;

/// The reloads of this run.
pub(super) struct Reload {
    pub(super) rereader: Rereader,
    /// The decisions about the latest ones.
    pub(super) decided: Reloads,
    /// The way from the thread that reads.
    pub(super) answers: (SyncSender<Reread>, Receiver<Reread>),
    /// The limit for log lines about signals that change nothing.
    pub(super) unchanged: RateLimit,
    pub(super) restart: Restart,
}

impl Reload {
    pub(super) fn new(rereader: Rereader, decided: Reloads) -> Self {
        let unchanged = RateLimit::new(3, Duration::from_mins(1));
        Self { rereader, decided, answers: sync_channel(1), unchanged, restart: Restart::default() }
    }
}

impl Driver {
    /// Reads files on another thread; the answer comes with the completion of the job.
    #[cold]
    #[inline(never)]
    pub(super) fn begin_reread(&mut self) {
        let reread = std::sync::Arc::clone(&self.reload.rereader);
        let (answer, log, board) = (self.reload.answers.0.clone(), self.log.clone(), self.board.clone());
        let read = move || {
            let reread = reread(&log);
            match &reread {
                Reread::Refused(why) | Reread::Read { next: Next::Refused(why), .. } => {
                    restart::post(&board, Some(why.clone()));
                }
                // The unchanged files are those in use.
                Reread::Read { .. } | Reread::Unchanged => restart::post(&board, None),
            }
            let _ = answer.try_send(reread);
            Ok(())
        };
        self.watch.forgive();
        self.programs.respawn.iter().for_each(Respawn::forgive);
        if !self.run_on_job_thread("re-read the configuration", Task(Box::new(read))) {
            self.reload.decided.note(format!("{REFUSED}this node has too much to do, try again"));
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn reread_done(&mut self, reread: Reread) {
        match reread {
            Reread::Read { keys, next } => {
                if let Some(keys) = keys {
                    self.log.info(format_args!("Rereading authentication file."));
                    if let Err(error) = self.cluster.set_keys(*keys) {
                        self.log.error(format_args!("The new keys cannot be used: {error:?}. The old ones stay."));
                    }
                }
                match next {
                    Next::Successor(successor) if !self.leave.is_wanted() => return self.want_restart(successor),
                    Next::Successor(_) | Next::Same => self.reload.decided.note(String::new()),
                    Next::Refused(why) => self.reload_refused(&why),
                }
            }
            Reread::Unchanged => {
                self.reload.decided.note("changes nothing: no file has changed".to_owned());
                if let Verdict::Pass { suppressed } = self.reload.unchanged.check(Clock.now()) {
                    self.log.info(format_args!("Configuration unchanged.{}", Omitted(suppressed)));
                }
            }
            Reread::Refused(why) => self.reload_refused(&why),
        }
        self.service.ready();
    }
}
