//! The orders of signals: to leave, to read the files again, to log more; and the end by force when leaving takes too
//! long.

use super::Driver;
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
            if std::mem::replace(&mut self.leaving, true) {
                self.log.info(format_args!("Heartbeat shutdown already underway."));
                return;
            }
            self.log.info(format_args!("Heartbeat shutdown in progress. ({})", std::process::id()));
            self.forced_at = Some(now.after(self.shutdown_limit));
            self.service.stopping();
            let _ = self.cluster.request(now, Request::Leave);
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

    /// Releases the addresses, because another node takes them over as soon as we are silent. Terminates every script,
    /// and waits for a moment until they have ended, because no thread of ours could do that later.
    #[cold]
    #[inline(never)]
    pub(super) fn end_by_force(&mut self) {
        self.log.crit(format_args!("Emergency Shutdown: Attempting to kill everything ourselves"));
        self.resources.end_addresses();
        let jobs = self.resources.jobs();
        jobs.cancel_all();
        self.scripts.notifier.cancel();
        let last = Clock.now().after(FORCED_GRACE);
        while (jobs.outstanding() > 0 || !self.respawn.as_mut().is_none_or(Respawn::kill)) && Clock.now() < last {
            while jobs.collect().is_some() {}
            std::thread::sleep(FORCED_LOOK);
        }
    }
}
