//! This node's view at one moment: itself, the nodes with their links, the groups with their places, and the problems.

use std::net::IpAddr;

use hbcore::NodeKind;
use hbcore::cluster::NodeView;
use hbcore::id::NodeId;
use hbcore::node::NodeState;
use hbcore::takeover::{Accord, GroupState, Holds, Phase, Standby};
use hbcore::time::Instant;

use super::group::{GroupRow, LACKS_ADDRESS};
use crate::cluster_view::{LinuxCluster, links_of};
use crate::jobs::Running;
use crate::problems::{Problem, Standing};

/// The largest number of problems that are shown: with more of them an answer would not fit into the socket.
pub(super) const SHOWN: usize = 64;

/// The sources of a snapshot.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// The engine.
    pub cluster: &'a LinuxCluster,
    /// The time.
    pub now: Instant,
    /// The names of the links, in the engine's order.
    pub links: &'a [String],
    /// The keys of the groups, in the engine's order.
    pub groups: &'a [String],
    /// The resources of the groups as they stand in `haresources`, by the groups' ids.
    pub words: Vec<&'a str>,
    /// The scripts that run.
    pub scripts: &'a [Running],
    /// The nodes that announced their leave, and were not heard since.
    pub left: &'a [NodeId],
    /// The failed starts of each group here since it last ran, by the groups' ids.
    pub failures: &'a [u32],
    /// Groups that are no longer in `haresources` and are to stop, by their keys.
    pub strays: Vec<String>,
    /// The nodes that are to be fenced: the time since then, and the number of failed attempts.
    pub fences: &'a [(NodeId, Instant, u32)],
    /// The addresses of each group, by the groups' ids.
    pub addresses: Vec<Vec<IpAddr>>,
    /// The problems that stand.
    pub problems: Vec<Standing>,
}

impl Seen<'_> {
    /// The groups of which something runs here or may, as their resources stand in `haresources`.
    pub(super) fn running(&self) -> Vec<String> {
        let is_absent = |state| matches!(state, GroupState::Stopped | GroupState::Failed);
        let all = self.cluster.groups().iter().zip(&self.words);
        all.filter(|(group, _)| !is_absent(group.state())).map(|(_, words)| (*words).to_owned()).collect()
    }
}

/// One moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The release of the program.
    pub release: &'static str,
    /// The process id of the daemon.
    pub pid: u32,
    /// This node's name.
    pub node: String,
    /// This node's state: `init`, `up`, `active` or `dead`.
    pub state: String,
    /// The classes of groups that run here: `none`, `local`, `foreign` or `all`.
    pub holds: &'static str,
    /// The classes that this node claims, in the same words: another node starts no group of them.
    pub claims: &'static str,
    /// The progress of resource management.
    pub progress: Progress,
    /// The problems that stand, the oldest first; 64 of them at most.
    pub problems: Vec<Standing>,
    /// The number of problems that found no place there.
    pub more_problems: usize,
    /// All nodes, ping nodes as well, in the order of `ha.cf`.
    pub nodes: Vec<NodeRow>,
    /// Groups that are no longer in `haresources` and are to stop, by their keys.
    pub strays: Vec<String>,
    /// All groups, in the order of `haresources`.
    pub groups: Vec<GroupRow>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// Its state; `left` for a node that announced its leave, until it is heard again.
    pub state: String,
    /// Whether it is this node.
    pub is_local: bool,
    /// Whether it is a ping node.
    pub is_ping: bool,
    /// The links on which it could be heard, and whether it is; none for this node.
    pub links: Vec<(String, bool)>,
    /// Its program, as far as it tells: `hbcore` and its release. `None` for a node that has told nothing, such as a
    /// 3.0.6.
    pub program: Option<String>,
    /// Whether it has the same `haresources` as this node; `None` if it does not tell.
    pub same_resources: Option<bool>,
}

/// The progress of resource management.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Leftovers of an earlier run are being stopped, before this node joins.
    Clearing,
    /// The other nodes have not been heard yet.
    Joining,
    /// The two nodes are reporting their claims to each other.
    Agreeing,
    /// Nothing moves, and every group runs.
    Settled,
    /// The peer's `haresources` has other groups: nothing is started before that ends.
    Differing,
    /// A node of `ha.cf` is not heard, and packets come that are signed with another key.
    Deaf,
    /// Nothing moves, and a group runs on neither node, or lacks an address here.
    Lacking,
    /// A group does not stop here.
    Stuck,
    /// A dead node is to be fenced before any of its groups is started.
    Fencing,
    /// Groups are being started or stopped here.
    Moving,
    /// Groups are being started or stopped at the peer.
    Waiting,
    /// Groups move to the peer.
    Giving,
    /// Groups come from the peer.
    Taking,
    /// All groups are being released.
    Leaving,
    /// All groups are released.
    Left,
}

impl Progress {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Clearing => "clearing",
            Self::Joining => "joining",
            Self::Agreeing => "agreeing",
            Self::Settled => "settled",
            Self::Differing => "differing",
            Self::Deaf => "deaf",
            Self::Lacking => "lacking",
            Self::Stuck => "stuck",
            Self::Fencing => "fencing",
            Self::Moving => "moving",
            Self::Waiting => "waiting",
            Self::Giving => "giving",
            Self::Taking => "taking",
            Self::Leaving => "leaving",
            Self::Left => "left",
        }
    }

    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Clearing => "does not join before nothing of an earlier run is left",
            Self::Joining => "waiting to hear the other nodes",
            Self::Agreeing => "exchanging claims with the peer",
            Self::Settled => "settled",
            Self::Differing => "waiting until haresources is the same on both nodes",
            Self::Deaf => "does not understand a node that signs with another key",
            Self::Lacking => "not every group runs as it should",
            Self::Stuck => "a group does not stop",
            Self::Fencing => "waiting until a dead node is fenced",
            Self::Moving => "starting or stopping groups",
            Self::Waiting => "waiting for the other node",
            Self::Giving => "handing groups over to the peer",
            Self::Taking => "taking groups over from the peer",
            Self::Leaving => "releasing all groups",
            Self::Left => "has released all groups",
        }
    }
}

impl Snapshot {
    /// The snapshot of this moment.
    pub fn of(seen: &Seen<'_>) -> Self {
        let cluster = seen.cluster;
        let (node, state) = cluster.node(cluster.local()).map_or_else(
            || ("?".to_owned(), "?".to_owned()),
            |n| (n.name.as_str().to_owned(), n.state.as_str().to_owned()),
        );
        let groups: Vec<GroupRow> =
            (0..).zip(cluster.groups()).zip(seen.groups).map(|((n, g), key)| GroupRow::of(seen, n, g, key)).collect();
        Self {
            release: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            node,
            state,
            holds: holds(cluster).as_str(),
            claims: cluster.takeover().holds().as_str(),
            progress: progress(seen, &groups),
            problems: seen.problems.iter().take(SHOWN).cloned().collect(),
            more_problems: seen.problems.len().saturating_sub(SHOWN),
            nodes: cluster.nodes().map(|n| node_row(seen, &n)).collect(),
            strays: seen.strays.clone(),
            groups,
        }
    }

    /// The groups that are being stopped here, by their keys, each with the script that runs.
    pub fn stopping(&self) -> Vec<String> {
        let stopping = self.groups.iter().filter(|g| g.here == GroupState::Stopping || g.here == GroupState::Stuck);
        let stopping = stopping.map(|g| format!("{}{}", g.key, g.script_text()));
        stopping.chain(self.strays.iter().map(|key| format!("{key} (no longer in haresources)"))).collect()
    }
}

/// The classes that run here, wholly or in part. A claimed class may have no group, or none that starts.
fn holds(cluster: &LinuxCluster) -> Holds {
    let is_here = |state| matches!(state, GroupState::Running | GroupState::Stopping | GroupState::Stuck);
    let mut here = cluster.groups().iter().filter(|g| is_here(g.state())).map(|g| g.home == cluster.local());
    let (mut local, mut foreign) = (false, false);
    here.by_ref().for_each(|is_own| if is_own { local = true } else { foreign = true });
    Holds { local, foreign }
}

fn progress(seen: &Seen<'_>, groups: &[GroupRow]) -> Progress {
    let takeover = seen.cluster.takeover();
    match (takeover.phase(), takeover.standby()) {
        (Phase::Init, _) => Progress::Joining,
        (Phase::Leaving, _) => Progress::Leaving,
        (Phase::Left, _) => Progress::Left,
        _ if takeover.fences().next().is_some() => Progress::Fencing,
        (Phase::Starting | Phase::BothStarting | Phase::Reported, _) => Progress::Agreeing,
        (Phase::Stable, Standby::Asking(_) | Standby::Releasing(_) | Standby::Released(_)) => Progress::Giving,
        (Phase::Stable, Standby::Offered(_) | Standby::Acquiring(_)) => Progress::Taking,
        (Phase::Stable, Standby::NotAsked) => {
            let of = |state| groups.iter().any(|g| g.here == state);
            if of(GroupState::Stuck) {
                Progress::Stuck
            } else if of(GroupState::Starting) || of(GroupState::Stopping) {
                Progress::Moving
            } else if matches!(takeover.accord(), Accord::Differs { .. }) {
                Progress::Differing
            } else if is_deaf(seen) {
                Progress::Deaf
            } else if groups.iter().any(|g| g.is_nowhere == Some(true) || g.why == LACKS_ADDRESS) {
                Progress::Lacking
            } else if groups.iter().any(|g| g.is_waited_for) {
                Progress::Waiting
            } else {
                Progress::Settled
            }
        }
    }
}

/// Whether the node that signs with another key may be one of ours.
fn is_deaf(seen: &Seen<'_>) -> bool {
    let is_missing = |node: NodeView<'_>| node.kind == NodeKind::Member && *node.state == NodeState::Dead;
    seen.problems.iter().any(|standing| matches!(standing.problem, Problem::ForeignKey { .. }))
        && seen.cluster.nodes().any(is_missing)
}

fn node_row(seen: &Seen<'_>, node: &NodeView<'_>) -> NodeRow {
    let cluster = seen.cluster;
    let is_local = node.id == cluster.local();
    let is_ping = node.kind == NodeKind::Ping;
    let state = if seen.left.contains(&node.id) { "left" } else { node.state.as_str() };
    let ours = cluster.node(cluster.local()).and_then(|me| me.told.digest);
    let program = (is_local || node.told.is_ours).then(|| match node.told.release.as_str() {
        "" if is_local => concat!("hbcore ", env!("CARGO_PKG_VERSION")).to_owned(),
        "" => "hbcore".to_owned(),
        release => format!("hbcore {release}"),
    });
    NodeRow {
        name: node.name.as_str().to_owned(),
        state: state.to_owned(),
        is_local,
        is_ping,
        links: links_of(cluster, node, seen.links)
            .map(|(id, link)| (link.clone(), node.links_up.contains(id)))
            .collect(),
        program,
        same_resources: ours.zip(node.told.digest).map(|(ours, theirs)| ours == theirs),
    }
}
