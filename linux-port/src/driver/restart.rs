//! A restart that nobody notices: the configuration is read anew by a new daemon in this process, while the groups run on (
//! docs/protocol/resources.md 6.3).

use super::Driver;
use crate::jobs::Task;
use crate::problems::{Board, Problem, Told};
use crate::resources::{Handover, Successor};
use crate::status::{REFUSED, RELOAD};
use hbcore::takeover::{Accord, Group, GroupState, Standby};
use hbcore::time::{Duration, Instant};
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, TryRecvError};

/// How far it is.
#[derive(Debug, Default)]
pub(super) enum Restart {
    #[default]
    No,
    /// As soon as nothing moves.
    Wanted(Successor),
    /// The same, and that was said.
    Delayed(Successor),
    /// As soon as the address thread has prepared for it.
    Resting {
        successor: Successor,
        /// The addresses that it has brought up.
        rested: Receiver<Vec<IpAddr>>,
        /// Without an answer by then there is no restart.
        until: Instant,
    },
}

/// How long the address thread may prepare.
const REST: Duration = Duration::from_secs(5);

/// Puts up why there was no reload, in the place of an earlier reason. Not on the heartbeat thread: the board has a lock.
pub(super) fn post(board: &Board, refused: Option<String>) {
    match refused {
        Some(reason) => board.tell(Problem::ReloadRefused, Told::because(reason)),
        None => board.settle(&Problem::ReloadRefused),
    }
}

impl Driver {
    #[cold]
    #[inline(never)]
    pub(super) fn want_restart(&mut self, successor: Successor) {
        self.log.info(format_args!("Heartbeat restart triggered."));
        self.restart = Restart::Wanted(successor);
    }

    /// The new configuration cannot be used: the running one stays, and the operator is told.
    #[cold]
    #[inline(never)]
    pub(super) fn reload_refused(&mut self, why: &str) {
        self.log.error(format_args!("{why}; the running configuration stays."));
        self.orders.note(RELOAD, format!("{REFUSED}{why}"));
    }

    /// The moment has come: the others are asked for patience, and what we claim is written down.
    pub(super) fn restart_now(&mut self) -> Option<Handover> {
        let successor = match self.restart {
            Restart::No => return None,
            Restart::Wanted(successor) | Restart::Delayed(successor) | Restart::Resting { successor, .. } => successor,
        };
        if self.leaving {
            return None;
        }
        if !self.nothing_moves() {
            if matches!(self.restart, Restart::Resting { .. }) {
                self.resources.wake();
            }
            if !matches!(self.restart, Restart::Delayed(_)) {
                self.log.warn(format_args!("Shutdown delayed until current resource activity finishes."));
                self.restart = Restart::Delayed(successor);
                self.orders.note(RELOAD, "is put off until no group is being started, stopped or moved".to_owned());
            }
            return None;
        }
        let now = crate::sys::clock::Clock.now();
        if matches!(self.restart, Restart::Wanted(_) | Restart::Delayed(_)) {
            self.restart = Restart::Resting { successor, rested: self.resources.rest(), until: now.after(REST) };
        }
        let Restart::Resting { rested, until, .. } = &self.restart else { return None };
        let added = match rested.try_recv() {
            Ok(added) => added,
            Err(TryRecvError::Empty) if now < *until => return None,
            // A successor would not know which addresses to give up.
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                self.restart = Restart::No;
                self.restart_failed("the thread of the addresses does not answer");
                return None;
            }
        };
        self.restart = Restart::No;
        self.log.info(format_args!("Restarting heartbeat."));
        self.cluster.announce_restart(now);
        self.drain();
        let takeover = self.cluster.takeover();
        let own = self.cluster.node(self.cluster.local()).and_then(|me| me.told.digest);
        let words = |wanted: &dyn Fn(&Group) -> bool| {
            let groups = self.cluster.groups().iter().zip(self.resources.plans());
            groups.filter(|(group, _)| wanted(group)).map(|(_, plan)| plan.words.clone()).collect::<Vec<_>>()
        };
        let mut stuck = words(&|group| group.state() == GroupState::Stuck);
        stuck.extend(self.resources.strays().iter().cloned());
        Some(Handover {
            holds: takeover.holds_without_stuck(),
            digest: own.filter(|_| takeover.accord() == Accord::Agreed),
            groups: words(&|group| group.state() == GroupState::Running && !group.is_partial()),
            parts: words(&|group| group.state() == GroupState::Running && group.is_partial()),
            stuck,
            added,
            successor: Some(successor),
            orders: self.orders.count(),
        })
    }

    /// The system has refused to replace the program: the daemon goes on as it was. To be followed by [`Driver::run`].
    pub fn restart_failed(&mut self, error: impl Display) {
        let why = format!("Cannot restart: {error}");
        self.reload_refused(&why);
        self.resources.wake();
        let board = self.board.clone();
        let tell = move || {
            post(&board, Some(why));
            Ok(())
        };
        self.elsewhere("tell of a reload", Task(Box::new(tell)));
        self.service.ready();
    }

    fn nothing_moves(&self) -> bool {
        self.cluster.takeover().standby() == Standby::NotAsked && !self.cluster.groups().iter().any(Group::is_moving)
    }
}
