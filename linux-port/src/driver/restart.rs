//! A restart without an interruption: a new daemon in this process reads the configuration, while the groups run
//! (docs/protocol/resources.md 6.3).

use super::Driver;
use crate::control::REFUSED;
use crate::jobs::Task;
use crate::problems::{Board, Problem, Told};
use crate::resources::{Handover, Successor, Up};
use crate::respawn::{Passed, Respawn};
use crate::sys::fault::{self, Call};
use hbcore::takeover::{Accord, Group, GroupState, Remains, Standby};
use hbcore::time::{Duration, Instant};
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, TryRecvError};

/// The progress of a restart.
#[derive(Debug, Default)]
pub(super) enum Restart {
    #[default]
    No,
    /// It begins as soon as nothing moves.
    Wanted(Successor),
    /// As `Wanted`, and the delay was logged.
    Delayed(Successor),
    /// As soon as the threads of the addresses and of the clients have prepared for it.
    Resting {
        successor: Successor,
        /// The addresses that were brought up.
        addresses: Answer<Vec<IpAddr>>,
        /// The clients that run.
        clients: Answer<Vec<Passed>>,
        /// If the thread does not answer by then, there is no restart.
        until: Instant,
    },
}

impl Restart {
    /// Whether it waits until nothing moves.
    pub(super) fn is_put_off(&self) -> bool {
        matches!(self, Self::Delayed(_))
    }
}

/// The request to a thread.
#[derive(Debug)]
pub(super) enum Answer<T> {
    Awaited(Receiver<T>),
    Given(T),
}

impl<T: Default> Answer<T> {
    /// Takes it out of its queue if it has come. Whether it can still come.
    fn look(&mut self) -> bool {
        let Self::Awaited(answer) = self else { return true };
        match answer.try_recv() {
            Ok(given) => *self = Self::Given(given),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return false,
        }
        true
    }

    fn given(&mut self) -> Option<&mut T> {
        if let Self::Given(given) = self { Some(given) } else { None }
    }
}

/// How long the threads may prepare.
const REST: Duration = Duration::from_secs(5);

/// Shows on the board why there was no reload, in the place of an earlier reason. Not on the heartbeat thread: the
/// board has a lock.
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
        self.reload.restart = Restart::Wanted(successor);
    }

    /// The new configuration cannot be used: the running one stays, and the operator is told.
    #[cold]
    #[inline(never)]
    pub(super) fn reload_refused(&mut self, why: &str) {
        self.log.error(format_args!("{why}; the running configuration stays."));
        self.reload.decided.note(format!("{REFUSED}{why}"));
    }

    /// Restarts now, if possible: asks the others for patience, and returns the claims and groups for the successor.
    pub(super) fn restart_now(&mut self) -> Option<Handover> {
        let successor = match self.reload.restart {
            Restart::No => return None,
            Restart::Wanted(successor) | Restart::Delayed(successor) | Restart::Resting { successor, .. } => successor,
        };
        if self.leave.is_wanted() {
            return None;
        }
        if !self.nothing_moves() {
            self.put_off(successor);
            return None;
        }
        let now = crate::sys::clock::Clock.now();
        if matches!(self.reload.restart, Restart::Wanted(_) | Restart::Delayed(_)) {
            self.reload.restart = Restart::Resting {
                successor,
                addresses: Answer::Awaited(self.resources.rest()),
                clients: self
                    .programs
                    .respawn
                    .as_ref()
                    .map_or(Answer::Given(Vec::new()), |r| Answer::Awaited(r.rest())),
                until: now.after(REST),
            };
        }
        let Restart::Resting { addresses, clients, until, .. } = &mut self.reload.restart else { return None };
        let can_come = addresses.look() & clients.look();
        let (Some(added), Some(clients)) = (addresses.given(), clients.given()) else {
            // A successor would not know which addresses to give up, and which clients run.
            if !can_come || now >= *until {
                self.reload.restart = Restart::No;
                self.restart_failed("the threads of the addresses and of the clients do not answer");
            }
            return None;
        };
        let (added, clients) = (std::mem::take(added), std::mem::take(clients));
        self.log.info(format_args!("Restarting heartbeat."));
        let _ = fault::gate(Call::Moment, "restart");
        self.cluster.announce_restart(crate::sys::clock::Clock.now());
        self.drain();
        // The drain may begin an effect that was not due before, such as another attempt to stop a stuck group.
        if !self.nothing_moves() {
            self.put_off(successor);
            return None;
        }
        self.reload.restart = Restart::No;
        let takeover = self.cluster.takeover();
        let own = self.cluster.node(self.cluster.local()).and_then(|me| me.told.digest);
        let groups = self.cluster.groups().iter().zip(self.resources.plans());
        let is_stuck = groups.filter(|(group, _)| group.state() == GroupState::Stuck);
        let mut stuck: Vec<String> = is_stuck.map(|(_, plan)| plan.words.clone()).collect();
        stuck.extend(self.resources.strays().map(str::to_owned));
        Some(Handover {
            holds: takeover.holds_without_stuck(),
            digest: own.filter(|_| takeover.accord() == Accord::Agreed),
            up: self.groups_up(),
            stuck,
            added,
            successor: Some(successor),
            clients,
            reloads: self.reload.decided.count(),
        })
    }

    /// Something moves: the threads work on, and the restart waits until nothing does.
    #[cold]
    #[inline(never)]
    fn put_off(&mut self, successor: Successor) {
        let before = std::mem::replace(&mut self.reload.restart, Restart::Delayed(successor));
        match before {
            Restart::Delayed(_) => return,
            Restart::Resting { .. } => {
                self.resources.wake();
                self.programs.respawn.iter().for_each(Respawn::wake);
            }
            Restart::No | Restart::Wanted(_) => {}
        }
        self.log.warn(format_args!("Shutdown delayed until current resource activity finishes."));
        self.reload.decided.note("is put off until no group is being started, stopped or moved".to_owned());
    }

    /// The system refused to replace the program: the daemon continues as before. Call [`Driver::run`] next.
    pub fn restart_failed(&mut self, error: impl Display) {
        let why = format!("Cannot restart: {error}");
        self.reload_refused(&why);
        self.resources.wake();
        self.programs.respawn.iter().for_each(Respawn::wake);
        let board = self.board.clone();
        let tell = move || {
            post(&board, Some(why));
            Ok(())
        };
        self.run_on_job_thread("tell of a reload", Task(Box::new(tell)));
        self.service.ready();
    }

    /// The groups of which something runs here, for the successor.
    fn groups_up(&self) -> Vec<Up> {
        let groups = self.cluster.groups().iter().zip(self.resources.plans());
        let up = groups.filter_map(|(group, plan)| {
            let (is_part, origin) = match group.remains() {
                Remains::Nothing => return None,
                Remains::Part(origin) => (true, origin),
                Remains::All(origin) => (false, origin),
            };
            Some(Up { words: plan.words.clone(), is_part, origin })
        });
        up.collect()
    }

    fn nothing_moves(&self) -> bool {
        self.cluster.takeover().standby() == Standby::NotAsked
            && !self.cluster.groups().iter().any(Group::is_moving)
            && !self.resources.strays_move()
    }
}
