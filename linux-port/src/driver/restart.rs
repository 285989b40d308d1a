//! A restart that nobody notices: the configuration is read anew by a new daemon in this process, while the groups run on (resource
//! reference 6.3).

use super::Driver;
use crate::resources::Handover;
use hbcore::takeover::{GroupState, Standby};

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
        let groups = self.cluster.groups().iter().zip(self.resources.plans());
        let groups = groups.filter(|(group, _)| group.state() == GroupState::Running);
        let groups = groups.map(|(_, plan)| plan.words.clone()).collect();
        Some(Handover { holds: self.cluster.takeover().holds(), groups, added: self.resources.added() })
    }

    fn nothing_moves(&self) -> bool {
        let moving = |state| matches!(state, GroupState::Starting | GroupState::Stopping | GroupState::Stuck);
        self.cluster.takeover().standby() == Standby::NotAsked
            && !self.cluster.groups().iter().any(|g| moving(g.state()))
    }
}
