//! The state that the engine shows now, read without a memory: where a group runs, and which problems stand.

use crate::problems::Problem;
use hbcore::NodeKind;
use hbcore::cluster::NodeView;
use hbcore::id::{GroupId, LinkId, NodeId};
use hbcore::node::NodeState;
use hbcore::takeover::{Group, GroupState, Holds, PeerClaim, Why};

/// The engine as large as 3.0.6, with as many groups as the configuration takes.
pub type LinuxCluster = hbcore::cluster! { nodes: 100, links: 64, groups: 128, history: 128 * 1024, keys: 16 };

/// The smallest difference of two clocks that is reported, in seconds.
const CLOCKS_APART: i32 = 10;

/// The problems of another node: it is away, or reports facts that differ from ours.
pub(crate) fn of_node(cluster: &LinuxCluster, node: &NodeView<'_>, has_left: bool) -> Vec<Problem> {
    let mut all = Vec::new();
    let name = node.name.as_str().to_owned();
    match node.state {
        NodeState::Init => return all,
        NodeState::Dead => {
            return vec![if has_left { Problem::NodeLeft { node: name } } else { Problem::NodeDead { node: name } }];
        }
        _ if has_left => all.push(Problem::NodeLeft { node: name.clone() }),
        _ => {}
    }
    let ours = cluster.node(cluster.local()).and_then(|me| me.told.digest);
    if let (Some(ours), Some(theirs)) = (ours, node.told.digest)
        && ours != theirs
    {
        all.push(Problem::ResourcesDiffer { node: name.clone() });
    }
    if node.told.is_ours && ours.is_some() && node.told.release != env!("CARGO_PKG_VERSION") {
        all.push(Problem::ReleaseDiffers { node: name.clone(), theirs: node.told.release.as_str().to_owned() });
    }
    if node.told.clock_ahead.saturating_abs() > CLOCKS_APART {
        all.push(Problem::ClockDiffers { node: name });
    }
    all
}

/// The peer's word about the start of a group there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Nothing: it could be started there, or was not tried.
    Silent,
    /// It could not be started there, and nothing of it runs there.
    Failed,
    /// It could not be started there, and what that start left may not be stopped yet.
    MayRun,
    /// Its last start failed there, and groups are being started or stopped there now.
    Unknown,
}

/// The peer's word about a group, whose place here has the reason `why`.
pub(crate) fn peer(cluster: &LinuxCluster, group: GroupId, why: Why) -> Peer {
    match why {
        _ if !is_lacking_there(cluster, group) => Peer::Silent,
        Why::Elsewhere(PeerClaim::Releases) => Peer::MayRun,
        Why::Elsewhere(PeerClaim::Moves) => Peer::Unknown,
        _ => Peer::Failed,
    }
}

/// Whether a group, whose place here has the reason `why`, runs on no node and is not being started on any; `None` if
/// this node cannot know. With more than two nodes, another living one may run a group that failed here: no node reports
/// that.
pub(crate) fn is_nowhere(cluster: &LinuxCluster, group: GroupId, why: Why) -> Option<bool> {
    match why {
        Why::Differs | Why::AwaitsReport => is_here(cluster, group).then_some(false),
        Why::Untold => is_lacking_there(cluster, group).then_some(true),
        // The peer may have started it, or a dead node may run it still.
        Why::AwaitsAnswer | Why::AwaitsFencing | Why::Joins => None,
        Why::Elsewhere(_) if other_node(cluster).is_some() => match peer(cluster, group, why) {
            Peer::Silent => Some(false),
            Peer::Failed => Some(true),
            Peer::MayRun | Peer::Unknown => None,
        },
        Why::Failed { .. } if other_node(cluster).is_none() => {
            Some(!others(cluster).any(|node| !matches!(node.state, NodeState::Init | NodeState::Dead)))
        }
        Why::Failed { .. } => Some(true),
        Why::Nobody => Some(other_node(cluster).is_some()),
        Why::Runs
        | Why::Starts
        | Why::Stops
        | Why::Escalates { .. }
        | Why::LeftOver { .. }
        | Why::AwaitsRelease
        | Why::Elsewhere(_)
        | Why::Moves
        | Why::Leaves
        | Why::AwaitsLeave => Some(false),
    }
}

/// Whether a group runs, as far as this node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// It runs, here or at the peer, or may run there.
    Runs,
    /// It does not, or not yet.
    Lacks,
    /// Nothing new is known of it.
    AsBefore,
}

impl Service {
    const fn of(runs: bool) -> Self {
        if runs { Self::Runs } else { Self::Lacks }
    }
}

/// Whether a group, whose place here has the reason `why`, runs.
pub(crate) fn service(cluster: &LinuxCluster, group: GroupId, why: Why) -> Service {
    match why {
        // A group that does not stop is another problem.
        Why::Runs | Why::Leaves | Why::Escalates { .. } | Why::LeftOver { .. } => Service::Runs,
        Why::Untold => Service::of(!is_lacking_there(cluster, group)),
        // In legacy a peer may run a group and not tell it.
        Why::Differs if cluster.takeover().is_legacy() => Service::Runs,
        // A peer that claims nothing runs no group, whichever groups it reads.
        Why::Differs => Service::of(is_here(cluster, group) || cluster.takeover().other_holds() != Holds::NONE),
        Why::Elsewhere(claim) => match (peer(cluster, group, why), claim) {
            (Peer::Failed, _) => Service::Lacks,
            (Peer::MayRun, _) | (_, PeerClaim::Settled) => Service::Runs,
            // The peer does not tell which of its groups move.
            (Peer::Silent | Peer::Unknown, PeerClaim::Moves | PeerClaim::Releases) => Service::AsBefore,
        },
        // With more than two nodes, another one may run it.
        Why::Nobody | Why::Failed { .. } => Service::of(others(cluster).nth(1).is_some()),
        // The peer has not reported, or a dead node may run it.
        Why::Joins | Why::AwaitsFencing => Service::AsBefore,
        Why::Stops => Service::of(state(cluster, group) == Some(GroupState::Running)),
        Why::Starts | Why::AwaitsRelease | Why::AwaitsReport | Why::AwaitsAnswer | Why::Moves | Why::AwaitsLeave => {
            Service::Lacks
        }
    }
}

/// The largest number of groups that a line names.
const NAMED: usize = 5;

/// The groups of this node's file that wait until the nodes read the same one; `None` if every group runs here.
/// `keys`: the keys of all groups.
pub(crate) fn not_here(cluster: &LinuxCluster, keys: &[String]) -> Option<String> {
    let all: Vec<&str> =
        (0..).map(GroupId).zip(keys).filter(|(id, _)| !is_here(cluster, *id)).map(|(_, key)| key.as_str()).collect();
    let (named, others) = all.split_at(all.len().min(NAMED));
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    let names = named.join(", ");
    let what = "these do not run here, and start nowhere before the files agree or one of the nodes is dead; the peer may run them";
    (!all.is_empty()).then(|| format!("{what}: {names}{more}"))
}

/// Whether something of a group runs here, or may.
fn is_here(cluster: &LinuxCluster, group: GroupId) -> bool {
    match state(cluster, group) {
        Some(GroupState::Running | GroupState::Starting | GroupState::Stopping | GroupState::Stuck) => true,
        Some(GroupState::Stopped | GroupState::Failed) | None => false,
    }
}

fn state(cluster: &LinuxCluster, group: GroupId) -> Option<GroupState> {
    cluster.groups().get(usize::from(group.0)).map(Group::state)
}

/// The links on which a node could be heard, of all that have these names, in the engine's order.
pub(crate) fn links_of<'n>(
    cluster: &'n LinuxCluster,
    node: &NodeView<'n>,
    names: &'n [String],
) -> impl Iterator<Item = (LinkId, &'n String)> {
    let (own, kind, is_local) = (node.name.as_str(), node.kind, node.id == cluster.local());
    let is_pinged = |link: &str| cluster.nodes().any(|n| n.kind == NodeKind::Ping && n.name.as_str() == link);
    (0..)
        .map(LinkId)
        .zip(names)
        .filter(move |(_, link)| if kind == NodeKind::Ping { *link == own } else { !is_local && !is_pinged(link) })
}

/// The peer, if there are exactly two nodes.
pub(crate) fn other_node(cluster: &LinuxCluster) -> Option<NodeView<'_>> {
    let mut others = others(cluster);
    others.next().filter(|_| others.next().is_none())
}

/// The other members.
pub(crate) fn others(cluster: &LinuxCluster) -> impl Iterator<Item = NodeView<'_>> {
    cluster.nodes().filter(|n| n.id != cluster.local() && n.kind == NodeKind::Member)
}

/// Whether the peer has reported that a group could not be started there. Its numbers are ours if it has the same
/// groups.
fn lacks(cluster: &LinuxCluster, other: &NodeView<'_>, group: GroupId) -> bool {
    let ours = cluster.node(cluster.local()).and_then(|me| me.told.digest);
    let bit = 1u128.checked_shl(u32::from(group.0)).unwrap_or(0);
    ours.is_some() && ours == other.told.digest && other.told.lacking & bit != 0
}

fn is_lacking_there(cluster: &LinuxCluster, group: GroupId) -> bool {
    other_node(cluster).is_some_and(|other| lacks(cluster, &other, group))
}

/// The name of a node.
pub(crate) fn name(cluster: &LinuxCluster, id: NodeId) -> String {
    cluster.node(id).map_or_else(|| "?".to_owned(), |n| n.name.as_str().to_owned())
}
