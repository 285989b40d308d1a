//! The orders of signals: to leave, to read the files again, to log more; and the end by force when leaving takes too
//! long.

use super::Driver;
use crate::jobs::Jobs;
use crate::log::Counters;
use crate::respawn::Respawn;
use crate::sys::clock::Clock;
use crate::sys::signal::Arrived;
use hbcore::Request;
use hbcore::time::{Duration, Instant};
use rustix::process::Signal;
use std::io;

/// The time for scripts to end when the daemon ends by force (docs/protocol/resources.md 6.1), and the interval of the
/// looks at them.
const FORCED_GRACE: Duration = Duration::from_secs(2);
const FORCED_LOOK: Duration = Duration::from_millis(5);

/// The way out of the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Leave {
    /// Nobody wishes it.
    #[default]
    No,
    /// Groups that are no longer in `haresources` have to stop before.
    AwaitsStrays,
    /// The engine releases the groups, and leaves.
    Asked,
}

impl Leave {
    pub(super) fn is_wanted(self) -> bool {
        self != Self::No
    }
}

impl Driver {
    #[cold]
    #[inline(never)]
    pub(super) fn signalled(&mut self, now: Instant) -> io::Result<()> {
        while let Some(signal) = self.signals.next()? {
            self.signal(now, signal);
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn signal(&mut self, now: Instant, signal: Arrived) {
        if signal.is(Signal::TERM) || signal.is(Signal::QUIT) || signal.is(Signal::INT) {
            if self.leave.is_wanted() {
                self.log.info(format_args!("Heartbeat shutdown already underway."));
                return;
            }
            self.leave = Leave::AwaitsStrays;
            self.resources.leave_no_strays();
            self.log.info(format_args!("Heartbeat shutdown in progress. ({})", std::process::id()));
            self.forced_at = Some(now.after(self.rules.shutdown_limit));
            self.service.stopping();
            for stray in self.resources.strays() {
                self.log.info(format_args!("Waits for the stop of {stray}, which is no longer in haresources."));
            }
            self.go_on_leaving(now);
        } else if signal.is(Signal::HUP) {
            self.log.reopen();
            self.service.reloading();
            self.begin_reread();
        } else if signal.is(Signal::USR1) || signal.is(Signal::USR2) {
            let level = self.log.debug_level();
            let level = if signal.is(Signal::USR1) { level.saturating_add(1) } else { level.saturating_sub(1) };
            self.log.set_debug_level(level);
            self.log.info(format_args!("debug now set to {level} [pid {}]", std::process::id()));
            for line in Counters(self.cluster.stats()).lines() {
                self.log.info(format_args!("{line}"));
            }
        }
    }

    /// Leaves when no stray is here any more: a peer whose `haresources` still names it starts it as soon as this node
    /// has left.
    pub(super) fn go_on_leaving(&mut self, now: Instant) {
        if self.leave == Leave::AwaitsStrays && self.resources.strays().next().is_none() {
            self.leave = Leave::Asked;
            let _ = self.cluster.request(now, Request::Leave);
        }
    }

    /// Terminates the programs that still run when the node has left, such as one that fences.
    #[cold]
    #[inline(never)]
    pub(super) fn end_programs(&self) {
        end_jobs(self.resources.jobs(), || true);
    }

    /// Releases the addresses, because another node takes them over as soon as we are silent, and terminates every script.
    #[cold]
    #[inline(never)]
    pub(super) fn end_by_force(&mut self) {
        self.log.crit(format_args!("Emergency Shutdown: Attempting to kill everything ourselves"));
        self.resources.end_addresses();
        self.programs.notifier.cancel();
        let respawn = &mut self.programs.respawn;
        end_jobs(self.resources.jobs(), || respawn.as_mut().is_none_or(Respawn::kill));
    }
}

/// Terminates every job, and waits for a moment until they and the others have ended, because no thread of ours could do
/// that later.
fn end_jobs(jobs: &Jobs, mut have_others_ended: impl FnMut() -> bool) {
    jobs.cancel_all();
    let last = Clock.now().after(FORCED_GRACE);
    while (jobs.outstanding() > 0 || !have_others_ended()) && Clock.now() < last {
        while jobs.collect().is_some() {}
        std::thread::sleep(FORCED_LOOK);
    }
}
