//! The status socket: `hb status` gets its answer, one connection at a time.

use super::signals::Leave;
use super::watch::{Around, Order};
use super::{Driver, STATUS};
use crate::log::{Omitted, Verdict};
use crate::status::{Answer, Seen};
use crate::sys::clock::Clock;
use crate::sys::poller::Interest;
use hbcore::time::{Duration, Instant};
use std::io;

/// The pause after the status socket has failed, in which no connection is accepted.
const STATUS_PAUSE: Duration = Duration::from_secs(1);

impl Driver {
    /// Answers `hb status`, one connection at a time, so that heartbeats have their turn in between.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_status(&mut self, now: Instant) {
        self.look(now);
        let Self { cluster, links, narrator, reload, programs, resources, watch, board, .. } = self;
        let Some(socket) = &programs.status else { return };
        let scripts = watch.scripts(resources.jobs()).to_vec();
        let mut problems = watch.standing(now);
        problems.extend_from_slice(watch.posted(board));
        let unseen: Vec<String> = problems.iter().filter_map(|standing| standing.problem.unseen_stop()).collect();
        // It may run here: that is known already.
        problems.retain(|standing| !unseen.iter().any(|group| standing.problem.is_nowhere(group)));
        let seen = Seen {
            cluster,
            now,
            links: links.names(),
            groups: narrator.groups(),
            words: resources.plans().map(|plan| plan.words.as_str()).collect(),
            scripts: &scripts,
            strays: resources.stray_rows().map(|row| row.key.to_owned()).collect(),
            left: watch.left(),
            failures: watch.failures(),
            fences: watch.fences(),
            addresses: resources.plans().map(|plan| plan.addresses().map(|spec| spec.addr).collect()).collect(),
            problems,
        };
        if let Err(error) = socket.answer(|| Answer::of(&seen, &reload.decided).pack()) {
            self.close_status_door(now, &error);
        }
    }

    /// A connection cannot be accepted, and the socket would wake the loop without end: it is not watched for a while.
    #[cold]
    #[inline(never)]
    fn close_status_door(&mut self, now: Instant, error: &io::Error) {
        if let Verdict::Pass { suppressed } = self.unanswered.check(now) {
            let omitted = Omitted(suppressed);
            self.log.error(format_args!("hb status cannot be answered: {error}{omitted}"));
        }
        self.watch.status_refused(now, error);
        if let Some(socket) = &self.programs.status {
            let _ = self.poller.remove(socket.fd());
            self.status_at = Some(now.after(STATUS_PAUSE));
        }
    }

    /// Watches the socket again.
    pub(super) fn open_status_door(&mut self, now: Instant) {
        if let Some(socket) = self.programs.status.as_ref().filter(|_| self.status_at.is_some_and(|at| at <= now)) {
            let watched = self.poller.add(socket.fd(), STATUS, Interest::Read);
            self.status_at = watched.is_err().then(|| now.after(STATUS_PAUSE));
        }
    }

    /// The order that waits for a stop.
    fn waiting_order(&self) -> Option<Order> {
        let leaves = self.leave == Leave::AwaitsStrays;
        let reloads = !self.leave.is_wanted() && self.reload.restart.is_put_off();
        leaves.then_some(Order::Leave).or_else(|| reloads.then_some(Order::Reload))
    }

    /// Looks for problems that the operator should know, and reports new ones.
    pub(super) fn look(&mut self, now: Instant) {
        let waits = self.waiting_order();
        let Self { watch, cluster, narrator, links, resources, log, .. } = self;
        let around = Around {
            groups: narrator.groups(),
            links: links.names(),
            device: narrator.device(),
            wall: Clock.wall_seconds(),
            resources,
            waits,
            log,
        };
        for fresh in watch.look(cluster, now, &around) {
            narrator.found(&fresh.0);
        }
    }
}
