//! Waiting that the operator would not see otherwise: for a program that fences, for a group that is no longer in
//! `haresources`, and an order that waits for a stop.

use super::{Around, Watch};
use crate::cluster_view::{LinuxCluster, name};
use crate::problems::{Problem, STRONGER};
use crate::resources::{StrayDoing, StrayRow};
use hbcore::id::NodeId;
use hbcore::takeover::Group;
use hbcore::time::{Duration, Instant};

/// The time after which a program that fences counts as slow.
const FENCES_LONG: Duration = Duration::from_secs(3);

/// An order of the operator that waits until nothing is being stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver) enum Order {
    /// To leave.
    Leave,
    /// To continue with a changed configuration.
    Reload,
}

/// The step that comes next, and its time.
pub(super) type Step = Option<(String, Option<Instant>)>;

impl Watch {
    /// Notes since when each dead node is being fenced by the current call of the program.
    pub(super) fn look_at_fencing(&mut self, cluster: &LinuxCluster, now: Instant) {
        let called = |node: NodeId| cluster.takeover().fences().any(|f| f.node == node && f.again.is_none());
        self.calls.retain(|(node, _)| called(*node));
        for fence in cluster.takeover().fences().filter(|fence| fence.again.is_none()) {
            if !self.calls.iter().any(|(node, _)| *node == fence.node) {
                self.calls.push((fence.node, now));
            }
        }
    }

    /// The problems of waiting that stand now.
    pub(super) fn waits(&self, cluster: &LinuxCluster, now: Instant, around: &Around<'_>) -> Vec<Problem> {
        let slow = self.calls.iter().filter(|(_, began)| now.since(*began) >= FENCES_LONG);
        let device = || around.device.to_owned();
        let mut all: Vec<Problem> =
            slow.map(|(node, _)| Problem::FenceSlow { node: name(cluster, *node), device: device() }).collect();
        let patience = cluster.node(cluster.local()).map(|me| me.deadtime).unwrap_or_default();
        all.extend(around.resources.stray_rows().filter_map(|row| of_stray(&row, now, patience)));
        all.extend(around.waits.map(|order| match order {
            Order::Leave => Problem::LeaveWaits,
            Order::Reload => Problem::ReloadWaits,
        }));
        all
    }

    /// The time at which the slow program is terminated, if this node is being fenced.
    pub(super) fn end_of_call(&self, cluster: &LinuxCluster, node: &str, around: &Around<'_>) -> Step {
        let (_, began) = self.calls.iter().find(|(id, _)| name(cluster, *id) == node)?;
        let at = around.resources.fence_limit().map(|limit| began.after(limit));
        Some(("it is terminated, and called again five seconds later".to_owned(), at))
    }
}

/// A stray that takes long. Once it was escalated it remains one problem, through all further attempts.
fn of_stray(row: &StrayRow<'_>, now: Instant, patience: Duration) -> Option<Problem> {
    let group = row.key.to_owned();
    if row.was_escalated {
        return Some(Problem::StopEscalated { group });
    }
    (now.since(row.since) > patience).then_some(Problem::RemovedStops { group })
}

/// The next step against a stray.
pub(super) fn next_of_stray(doing: StrayDoing) -> Step {
    match doing {
        StrayDoing::Stops => None,
        StrayDoing::StopsAgain(at) => Some(("it is told to stop again".to_owned(), Some(at))),
        StrayDoing::Escalates => Some((format!("{STRONGER} is being tried"), None)),
        StrayDoing::EscalatesAgain(at) => Some((format!("{STRONGER} is tried again"), Some(at))),
    }
}

/// The groups for which an order waits, for people.
pub(super) fn waits_for(cluster: &LinuxCluster, around: &Around<'_>) -> Option<String> {
    let groups = cluster.groups().iter().zip(around.groups);
    let moving = groups.filter(|(group, _)| Group::is_moving(group)).map(|(_, key)| key.as_str());
    let names: Vec<&str> = moving.chain(around.resources.stray_rows().map(|row| row.key)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
