//! The history of groups and links: counts, and times of changes.

use super::LinuxCluster;
use crate::cluster_view::{Service, links_of, others, service};
use crate::resources::Loss;
use hbcore::id::{GroupId, LinkId, NodeId};
use hbcore::node::NodeState;
use hbcore::takeover::{GroupState, PeerClaim, Standby, Why};
use hbcore::time::Instant;

/// The history of the groups, by their ids, and of the links.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The failed starts of each group here since it last ran.
    failures: Vec<u32>,
    groups: Vec<OfGroup>,
    /// Links on which a living node is not heard, and the time since then.
    silent: Vec<(NodeId, LinkId, Instant)>,
}

#[derive(Clone, Debug, Default)]
struct OfGroup {
    here: Here,
    /// The time since which it has not been known to run.
    lacking: Option<Instant>,
}

/// Whether this node could run a group when it last had to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Here {
    #[default]
    Could,
    /// It did not start.
    Failed,
    /// It ran, and lost a resource that could not be put back.
    Lost,
}

impl History {
    pub(super) fn start_failed(&mut self, id: GroupId) {
        self.with(id, |group, failures| (group.here, *failures) = (Here::Failed, failures.saturating_add(1)));
    }

    pub(super) fn lost(&mut self, id: GroupId) {
        self.with(id, |group, _| group.here = Here::Lost);
    }

    pub(super) fn started(&mut self, id: GroupId) {
        self.with(id, |group, failures| (group.here, *failures) = (Here::Could, 0));
    }

    /// Earlier failures no longer count against this node.
    pub(super) fn forgive(&mut self) {
        self.groups.iter_mut().for_each(|group| group.here = Here::Could);
    }

    /// A node is no longer heard on the link.
    pub(super) fn link_down(&mut self, id: NodeId, link: LinkId) {
        self.silent.retain(|(node, known, _)| (*node, *known) != (id, link));
        self.silent.push((id, link, Instant::ZERO));
    }

    fn with(&mut self, id: GroupId, change: impl FnOnce(&mut OfGroup, &mut u32)) {
        let place = usize::from(id.0);
        if self.groups.len() <= place {
            self.groups.resize(place + 1, OfGroup::default());
            self.failures.resize(place + 1, 0);
        }
        if let (Some(group), Some(failures)) = (self.groups.get_mut(place), self.failures.get_mut(place)) {
            change(group, failures);
        }
    }

    /// Records the changes. `is_rivals`: whether another host has an address that a group has lost.
    pub(super) fn look(
        &mut self,
        cluster: &LinuxCluster,
        now: Instant,
        links: &[String],
        is_rivals: impl Fn(GroupId) -> bool,
    ) {
        for (id, group) in (0..).map(GroupId).zip(cluster.groups()) {
            let why = cluster.takeover().why(id);
            let service = why.map_or(Service::AsBefore, |why| service(cluster, id, why));
            // The peer could not take it over, so it was kept.
            let stays = group.state() == GroupState::Running && cluster.takeover().standby() == Standby::NotAsked;
            // That is no fault of this node.
            let is_over = is_rivals(id) && matches!(why, Some(Why::Elsewhere(PeerClaim::Settled)));
            self.with(id, |group, _| {
                group.lacking = match service {
                    Service::Runs => None,
                    Service::Lacks => group.lacking.or(Some(now)),
                    Service::AsBefore => group.lacking,
                };
                if (stays || is_over) && group.here == Here::Lost {
                    group.here = Here::Could;
                }
            });
        }
        let mut silent = Vec::new();
        for node in others(cluster).filter(|n| !matches!(n.state, NodeState::Init | NodeState::Dead)) {
            for (link, _) in links_of(cluster, &node, links).filter(|(link, _)| !node.links_up.contains(*link)) {
                let known = self.silent.iter().find(|(id, known, _)| (*id, *known) == (node.id, link));
                silent.push((node.id, link, known.map_or(now, |(.., since)| *since)));
            }
        }
        self.silent = silent;
    }

    /// Whether a group has not been known to run for longer than the dead time.
    pub(super) fn lacks_long(&self, cluster: &LinuxCluster, now: Instant, id: GroupId) -> bool {
        let limit = cluster.node(cluster.local()).map(|me| me.deadtime).unwrap_or_default();
        let since = self.groups.get(usize::from(id.0)).and_then(|group| group.lacking);
        since.is_some_and(|since| now.since(since) > limit)
    }

    /// The links on which a living node has been silent for its dead time.
    pub(super) fn dead_links(&self, cluster: &LinuxCluster, now: Instant) -> Vec<(NodeId, LinkId)> {
        let limit = |id| cluster.node(id).map(|node| node.deadtime).unwrap_or_default();
        let dead = self.silent.iter().filter(|(id, _, since)| now.since(*since) > limit(*id));
        dead.map(|(id, link, _)| (*id, *link)).collect()
    }

    /// Whether a group failed here and has not run here since.
    pub(super) fn has_failed(&self, id: GroupId) -> bool {
        self.groups.get(usize::from(id.0)).is_some_and(|group| group.here != Here::Could)
    }

    /// The reason why a group was handed over to the peer, if it did not fail to start.
    pub(super) fn why_lost(&self, id: GroupId, loss: Loss) -> Option<String> {
        let is_lost = self.groups.get(usize::from(id.0)).is_some_and(|group| group.here == Here::Lost);
        let why = match loss {
            Loss::Gone => "an address of it could not be kept here",
            Loss::Rival => "another host has an address of it",
        };
        is_lost.then(|| why.to_owned())
    }

    /// The failed starts of each group here since it last ran here, by the groups' ids.
    pub(super) fn failures(&self) -> &[u32] {
        &self.failures
    }
}
