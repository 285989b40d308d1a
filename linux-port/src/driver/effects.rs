//! The engine's outputs: effects for other threads, datagrams for the links, events for people and scripts; and the
//! outcomes from these threads.

use super::Driver;
use crate::jobs::{Afterwards, Job, JobId, Task, Work};
use crate::links::Change;
use crate::respawn::Respawn;
use crate::state::{HostEntry, HostList};
use crate::sys::clock::Clock;
use hbcore::id::LinkSet;
use hbcore::takeover::{Effect, Why};
use hbcore::time::Instant;
use hbcore::{Carrier, Event, NodeKind};

impl Driver {
    /// Hands out the effects. One that ends at once, as for a group without resources, may lead to more.
    fn begin_effects(&mut self) {
        loop {
            while let Some((ticket, effect)) = self.cluster.poll_effect() {
                self.log.debug(1, format_args!("{effect:?}"));
                let then = self.after_failed_stop(effect);
                self.resources.begin(ticket, effect, then);
            }
            let Some((ticket, outcome)) = self.resources.ended_at_once() else { return };
            self.cluster.complete(Clock.now(), ticket, outcome);
        }
    }

    /// The engine never escalates what an earlier run has left.
    fn after_failed_stop(&self, effect: Effect) -> Afterwards {
        match effect {
            Effect::Release(group) if matches!(self.cluster.takeover().why(group), Some(Why::LeftOver { .. })) => {
                Afterwards::TriedAgain
            }
            Effect::Acquire(_) | Effect::Release(_) | Effect::Announce(_) | Effect::Escalate(_) | Effect::Fence(_) => {
                Afterwards::Escalated
            }
        }
    }

    /// Empties the engine's outputs: first the effects, so that other threads work while datagrams are sent; then the
    /// events.
    pub(super) fn drain(&mut self) {
        let now = Clock.now();
        self.begin_effects();
        while let Some(transmit) = self.cluster.poll_transmit(&mut self.transmit) {
            let bytes = self.transmit.get(..transmit.len).unwrap_or_default();
            if let Some(clients) = &mut self.programs.clients {
                clients.transmitted(bytes);
            }
            if !self.compression.concerns(bytes) || !self.compress(transmit.links, transmit.len) {
                self.send(transmit.links, transmit.len, now);
            }
        }
        while let Some(event) = self.cluster.poll_event() {
            self.left |= event == Event::Left;
            if event == Event::CommunicationUp {
                self.programs.respawn.iter_mut().for_each(Respawn::node_is_up);
            }
            if let Event::NodeState(id) | Event::NodeDead(id) = event {
                self.tell_scripts_of_node(id);
            }
            if matches!(
                event,
                Event::CommunicationUp | Event::NodeAdded(_) | Event::NodeRemoved(_) | Event::NodeRenamed(_)
            ) {
                self.keep_host_cache();
            }
            if let Some(clients) = &mut self.programs.clients {
                clients.event(&self.cluster, &self.links, event);
            }
            self.watch.event(&self.cluster, now, event);
            self.device.event(now, event);
            self.narrator.tell(&self.cluster, now, event);
        }
        if let Some(clients) = &mut self.programs.clients {
            clients.refresh(&self.cluster, &self.links);
        }
    }

    /// Sends the first `length` bytes of the buffer on these links.
    pub(super) fn send(&mut self, to: LinkSet, length: usize, now: Instant) {
        let Self { links, cluster, poller, log, transmit, .. } = self;
        links.send(to, transmit.get(..length).unwrap_or_default(), now, poller, log, |change| {
            if let Change::Lost(link) = change {
                cluster.link_changed(now, link, Carrier::Absent);
            }
        });
    }

    pub(super) fn finish_effects(&mut self) {
        while let Some((ticket, outcome)) = self.resources.finished() {
            self.cluster.complete(Clock.now(), ticket, outcome);
        }
        for group in self.resources.lost() {
            self.cluster.group_lost(Clock.now(), group);
        }
        self.start_what_can_be_started();
        while let Ok(reread) = self.reload.answers.1.try_recv() {
            self.reread_done(reread);
        }
        self.take_reopened();
        while let Ok(opened) = self.opened.1.try_recv() {
            let now = Clock.now();
            if let Some(change) = self.links.opened(opened, now, &self.poller, &self.log) {
                self.link_changed(now, change);
            }
        }
    }

    /// Starts groups at once whose addresses have an interface again. While groups are being moved the engine ignores that,
    /// so it is told again each second.
    pub(super) fn start_what_can_be_started(&mut self) {
        for group in self.resources.startable() {
            self.cluster.cause_is_gone(Clock.now(), group);
        }
    }

    /// Writes the list of nodes on another thread (docs/protocol/files.md 12).
    fn keep_host_cache(&self) {
        let Some(state) = self.rules.host_cache.clone() else { return };
        let members = self.cluster.nodes().filter(|n| n.kind == NodeKind::Member);
        let entries: Vec<HostEntry> = members
            .map(|n| HostEntry {
                name: n.name.as_str().to_owned(),
                uuid: n.uuid,
                weight: i32::try_from(n.weight).unwrap_or(i32::MAX),
                site: String::new(),
            })
            .collect();
        let write = move || state.write_hosts(HostList::Known, &entries).map_err(Into::into);
        self.run_on_job_thread("host cache", Task(Box::new(write)));
    }

    /// Has a function run on a job thread. Returns whether it was accepted.
    pub(super) fn run_on_job_thread(&self, name: &str, task: Task) -> bool {
        let job = Job { id: JobId::Housekeeping, name: name.to_owned(), work: Work::Function(task) };
        let accepted = self.resources.jobs().submit(job);
        if let Err(error) = &accepted {
            self.log.error(format_args!("{error}"));
        }
        accepted.is_ok()
    }
}
