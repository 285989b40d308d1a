//! A daemon that reads a changed `haresources`: it is executed anew, and its groups run on
//! (docs/protocol/resources.md 6.3).

use super::Cause;
use crate::world::engine::{Engine, Start};
use crate::world::schedule::File;
use crate::world::{Due, World};
use hbcore::takeover::{Accord, Group, GroupState, Remains, Standby};
use hbcore::time::Duration;
use hbcore::{Found, Resume};

/// The daemon waits for this time before it looks again whether groups move.
const AGAIN: Duration = Duration::from_millis(50);

impl World<'_> {
    /// A node finds another file from now on.
    pub(crate) fn change_file(&mut self, node: usize, file: File) {
        self.hosts[node].file = file;
        let run = self.hosts[node].run;
        self.reload(node, run);
    }

    /// Whether the two nodes have different files now.
    pub(crate) fn is_divided(&self) -> bool {
        let homes = |node: usize| self.schedule.site.homes(self.hosts[node].file);
        self.hosts.len() == 2 && homes(0) != homes(1)
    }

    pub(crate) fn reload(&mut self, node: usize, run: u64) {
        let host = &self.hosts[node];
        let Some(ours) = host.engine.as_deref().and_then(Engine::ours).filter(|_| host.run == run) else { return };
        let moves = ours.takeover().standby() != Standby::NotAsked || ours.groups().iter().any(Group::is_moving);
        if host.paused || host.is_leaving() || moves {
            return self.plan(self.now.after(AGAIN), Due::Reload { node, run });
        }
        self.input(node, Cause::Request, |host, local| {
            if let Some(engine) = &mut host.engine {
                engine.announce_restart(local);
            }
        });
        self.check_tables(node);
        self.delivery.forget(node);
        let (now, site) = (self.now, &self.schedule.site);
        let host = &mut self.hosts[node];
        let Some(before) = host.engine.take() else { return };
        let Some(before) = before.ours() else { return };
        host.run += 1;
        host.started = now;
        host.newest_sent = hbcore::id::Sequence(0);
        host.generation += 1;
        let read = before.groups().iter().map(|group| usize::from(group.home.0));
        let is_same = before.takeover().accord() == Accord::Agreed && read.eq(site.homes(host.file).iter().copied());
        let claims = before.takeover().holds_without_stuck();
        let resume = if is_same { Resume::Claims(claims) } else { Resume::OtherGroups };
        let found = |group: &Group| match group.remains() {
            Remains::All(origin) => Found::Running(origin),
            Remains::Part(origin) => Found::Part(origin),
            Remains::Nothing => Found::Nothing,
        };
        let start = Start {
            node,
            generation: host.generation,
            now: host.local(now),
            wall: host.wall(now),
            seed: host.random.below(u64::MAX),
            file: host.file,
            hasty: false,
            left_over: before.groups().iter().map(|group| group.state() == GroupState::Stuck).collect(),
            resume: Some((resume, before.groups().iter().map(found).collect())),
        };
        host.engine = Some(Box::new(Engine::new(site, &start)));
        self.counting.views[node] = crate::world::coverage::View::NEW;
        self.input(node, Cause::Time, super::Host::advance);
    }
}
