//! A restart that nobody notices: the configuration is read anew by a new daemon in this process, while the groups run on (resource
//! reference 6.3).

use super::Driver;
use crate::resources::Handover;
use hbcore::id::GroupId;
use hbcore::takeover::{GroupState, Standby};
use std::net::IpAddr;

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Restart {
    #[default]
    No,
    /// As soon as nothing moves.
    Wanted,
    /// The same, and that was said.
    Delayed,
}

impl Driver {
    pub(super) fn want_restart(&mut self) {
        self.log.info(format_args!("Heartbeat restart triggered."));
        self.restart = Restart::Wanted;
    }

    /// The moment has come: the others are asked for patience, and what we claim is written down.
    pub(super) fn restart_now(&mut self) -> Option<Handover> {
        if self.restart == Restart::No || self.leaving {
            return None;
        }
        if !self.nothing_moves() {
            if self.restart == Restart::Wanted {
                self.log.warn(format_args!("Shutdown delayed until current resource activity finishes."));
                self.restart = Restart::Delayed;
            }
            return None;
        }
        self.log.info(format_args!("Restarting heartbeat."));
        self.cluster.announce_restart(crate::sys::clock::Clock.now());
        self.drain();
        let runs = |n: usize| {
            let group = u16::try_from(n).ok().and_then(|n| self.cluster.groups().get(usize::from(GroupId(n).0)));
            group.is_some_and(|g| g.state() == GroupState::Running)
        };
        let groups =
            self.resources.plans().enumerate().filter(|(n, _)| runs(*n)).map(|(_, p)| p.words.clone()).collect();
        let added: Vec<IpAddr> = self.resources.added();
        Some(Handover { holds: self.cluster.takeover().holds(), groups, added })
    }

    fn nothing_moves(&self) -> bool {
        let moving = |state| matches!(state, GroupState::Starting | GroupState::Stopping | GroupState::Stuck);
        self.cluster.takeover().standby() == Standby::NotAsked
            && !self.cluster.groups().iter().any(|g| moving(g.state()))
    }
}
