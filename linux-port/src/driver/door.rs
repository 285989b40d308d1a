//! The status socket: `hb status` is answered, one asker at a time.

use super::{Driver, STATUS, narrate, watch};
use crate::log::Verdict;
use crate::problems::Standing;
use crate::status::{Answer, Seen};
use crate::sys::clock::Clock;
use crate::sys::poller::Interest;
use hbcore::time::{Duration, Instant};
use std::io;

/// For how long nobody is let in at the status socket when it has failed.
const STATUS_PAUSE: Duration = Duration::from_secs(1);

impl Driver {
    /// Answers `hb status`, one asker at a time: heartbeats have their turn in between. A tool that asks what became of its order has
    /// written it before.
    pub(super) fn tell_status(&mut self, now: Instant) {
        self.read_waiting_orders(now);
        self.look(now);
        let Self { cluster, links, narrator, orders, status, resources, watch, board, .. } = self;
        let Some(socket) = status else { return };
        let scripts = resources.jobs().running();
        let mut problems = watch.standing(now);
        let posted = watch.posted(board).to_vec();
        let holds = |s: &&Standing| watch::still_holds(cluster, narrator.groups(), &s.problem);
        problems.extend(posted.into_iter().filter(|s| holds(&s)));
        let seen = Seen {
            cluster,
            now,
            links: links.names(),
            groups: narrator.groups(),
            scripts: &scripts,
            left: watch.left(),
            failures: watch.failures(),
            fences: watch.fences(),
            problems,
        };
        if let Err(error) = socket.answer(|| Answer::of(&seen, orders).pack()) {
            self.close_status_door(now, &error);
        }
    }

    /// Whoever asks cannot be let in, and the socket would wake the loop without end: it is not looked at for a while.
    fn close_status_door(&mut self, now: Instant, error: &io::Error) {
        if let Verdict::Pass { suppressed } = self.unanswered.check(now) {
            let omitted = narrate::Omitted(suppressed);
            self.log.error(format_args!("hb status cannot be answered: {error}{omitted}"));
        }
        if let Some(socket) = &self.status {
            let _ = self.poller.remove(socket.fd());
            self.status_at = Some(now.after(STATUS_PAUSE));
        }
    }

    /// Looks at the socket again.
    pub(super) fn open_status_door(&mut self, now: Instant) {
        if let Some(socket) = self.status.as_ref().filter(|_| self.status_at.is_some_and(|at| at <= now)) {
            let watched = self.poller.add(socket.fd(), STATUS, Interest::Read);
            self.status_at = watched.is_err().then(|| now.after(STATUS_PAUSE));
        }
    }

    /// Looks for what the operator should know, and says what is new.
    pub(super) fn look(&mut self, now: Instant) {
        let Self { watch, cluster, narrator, .. } = self;
        for fresh in watch.look(cluster, now, narrator.groups(), narrator.device(), Clock.wall_seconds()) {
            narrator.found(&fresh.0);
        }
    }
}
