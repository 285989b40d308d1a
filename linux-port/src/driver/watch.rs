//! What the heartbeat thread itself sees that the operator should know. It waits for no lock, so it has a list of its own, which
//! `hb status` shows beside the board of the other threads.

use super::LinuxCluster;
use crate::problems::{Board, Problem, Standing};
use hbcore::cluster::NodeView;
use hbcore::id::{GroupId, NodeId};
use hbcore::node::{NodeKind, NodeState};
use hbcore::takeover::{Group, GroupState, Notice, Phase, Why};
use hbcore::time::{Duration, Instant};
use hbcore::wire::Structure;
use hbcore::{DatagramError, Event};

/// Problems that are kept; of one more, the newcomer is passed over.
const KEPT: usize = 32;
/// Of those, what outsiders cause: they must not hide what is wrong with us.
const KEPT_OF_OUTSIDERS: usize = 8;
/// How long a sender is remembered that was not heard again.
const OUTSIDER: Duration = Duration::from_mins(1);
/// For how long it is told that the clock was set.
const JUMP: Duration = Duration::from_mins(10);
/// Which difference of two clocks is told, in seconds; and which step of our own.
const CLOCKS_APART: i32 = 10;
const CLOCK_STEP: i64 = 2;

/// When a problem is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// When it does not hold at the next look.
    WithItsCause,
    /// When nobody has raised it for so long.
    After(Duration),
    /// When somebody says so.
    Settled,
}

#[derive(Debug)]
struct Noted {
    problem: Problem,
    ends: Ends,
    since: Instant,
    last: Instant,
    times: u32,
}

/// The list, and what was counted for people.
#[derive(Debug, Default)]
pub(super) struct Watch {
    noted: Vec<Noted>,
    /// Nodes that have said that they left, until they are heard again.
    left: Vec<NodeId>,
    /// Starts of each group that failed here since it last ran.
    failures: Vec<u32>,
    /// Attempts to fence a node that failed, and since when it is to be fenced.
    fences: Vec<(NodeId, Instant, u32)>,
    wall: Option<(Instant, u64)>,
    /// What stood on the board of the other threads at the last glance.
    posted: Vec<Standing>,
}

/// A problem that was not there at the last look, for the log.
pub(super) struct Fresh(pub(super) Problem);

impl Watch {
    /// Something happened.
    pub(super) fn event(&mut self, cluster: &LinuxCluster, now: Instant, event: Event) {
        match event {
            Event::NodeRestarted(id) | Event::NodeReturned(id) | Event::NodeDead(id) | Event::NodeState(id) => {
                self.left.retain(|left| *left != id);
                if matches!(event, Event::NodeRestarted(_) | Event::NodeDead(_)) {
                    let node = name(cluster, id);
                    self.settle(|problem| *problem == Problem::FailbackDiffers { node: node.clone() });
                }
            }
            Event::Resource(notice) => self.notice(cluster, now, notice),
            _ => {}
        }
    }

    fn notice(&mut self, cluster: &LinuxCluster, now: Instant, notice: Notice) {
        match notice {
            Notice::ShutdownNotice(id) if !self.left.contains(&id) => self.left.push(id),
            Notice::Fencing(id) if !self.fences.iter().any(|(node, ..)| *node == id) => self.fences.push((id, now, 0)),
            Notice::FenceFailed(id) => {
                for fence in self.fences.iter_mut().filter(|(node, ..)| *node == id) {
                    fence.2 = fence.2.saturating_add(1);
                }
            }
            Notice::Fenced(id) | Notice::FenceCancelled(id) => self.fences.retain(|(node, ..)| *node != id),
            Notice::StartFailed(id) => {
                if let Some(count) = self.failures_of(id) {
                    *count = count.saturating_add(1);
                }
            }
            Notice::Started(id) => {
                if let Some(count) = self.failures_of(id) {
                    *count = 0;
                }
            }
            Notice::NoReport => {
                self.raise(now, Problem::NoAnswer, Ends::Settled);
            }
            Notice::LocalTransitionComplete => self.settle(|problem| *problem == Problem::NoAnswer),
            Notice::ModeMismatch(id) => {
                self.raise(now, Problem::FailbackDiffers { node: name(cluster, id) }, Ends::Settled);
            }
            _ => {}
        }
    }

    fn failures_of(&mut self, group: GroupId) -> Option<&mut u32> {
        let place = usize::from(group.0);
        if self.failures.len() <= place {
            self.failures.resize(place + 1, 0);
        }
        self.failures.get_mut(place)
    }

    /// A datagram was dropped. `from` names its sender, and is asked only if that is told.
    pub(super) fn dropped(&mut self, now: Instant, from: impl FnOnce() -> String, error: DatagramError, bytes: &[u8]) {
        let problem = match error {
            DatagramError::Packet(packet) if packet.is_authentication() => Problem::ForeignKey { from: from() },
            DatagramError::UnknownNode => {
                // It was found authentic and well-formed.
                let name = Structure::local(bytes).ok().and_then(|message| message.text("src").map(<[u8]>::to_vec));
                Problem::UnknownNode { name: printable(&name.unwrap_or_default()), from: from() }
            }
            DatagramError::NameConflict => Problem::NameTaken { from: from() },
            _ => return,
        };
        self.raise(now, problem, Ends::After(OUTSIDER));
    }

    /// Looks at everything that shows in the engine. Returns what is new and was kept. `device`: what fences; `wall`: the seconds of the wall clock.
    pub(super) fn look(
        &mut self,
        cluster: &LinuxCluster,
        now: Instant,
        groups: &[String],
        device: &str,
        wall: u64,
    ) -> Vec<Fresh> {
        self.look_at_clock(now, wall);
        let found = found(cluster, groups, device, &self.fences);
        self.expire(now, &found);
        let fresh = self.keep(now, found);
        for fence in &self.fences {
            let node = name(cluster, fence.0);
            let fails = |p: &Problem| matches!(p, Problem::FenceFails { node: this, .. } if *this == node);
            if let Some(noted) = self.noted.iter_mut().find(|noted| fails(&noted.problem)) {
                (noted.since, noted.times) = (fence.1, fence.2);
            }
        }
        fresh
    }

    /// Notes what is new of the problems that show in the engine, and returns what of it has found a place: the rest would be new again at
    /// each look.
    fn keep(&mut self, now: Instant, found: Vec<Problem>) -> Vec<Fresh> {
        let mut fresh = Vec::new();
        for problem in found {
            let is_known = self.noted.iter().any(|noted| noted.problem == problem);
            if !is_known && self.raise(now, problem.clone(), Ends::WithItsCause) {
                fresh.push(Fresh(problem));
            }
        }
        fresh
    }

    /// Takes down what is over, given what shows in the engine now.
    fn expire(&mut self, now: Instant, found: &[Problem]) {
        self.noted.retain(|noted| match noted.ends {
            Ends::WithItsCause => found.contains(&noted.problem),
            Ends::After(pause) => now.since(noted.last) < pause,
            Ends::Settled => true,
        });
    }

    /// The wall clock goes as fast as the one that nobody sets, or it was set.
    fn look_at_clock(&mut self, now: Instant, wall: u64) {
        if let Some((at, then)) = self.wall.replace((now, wall)) {
            let passed = i64::try_from(now.since(at).as_secs()).unwrap_or(i64::MAX);
            let shown = i64::try_from(wall).unwrap_or(0).saturating_sub(i64::try_from(then).unwrap_or(0));
            let seconds = shown.saturating_sub(passed);
            if seconds.abs() > CLOCK_STEP {
                self.settle(|problem| matches!(problem, Problem::ClockJumped { .. }));
                self.raise(now, Problem::ClockJumped { seconds }, Ends::After(JUMP));
            }
        }
    }

    /// Whether the problem stands now; it does not if there was no place for it.
    fn raise(&mut self, now: Instant, problem: Problem, ends: Ends) -> bool {
        if let Some(noted) = self.noted.iter_mut().find(|noted| noted.problem == problem) {
            noted.last = now;
            noted.times = noted.times.saturating_add(1);
            return true;
        }
        let of_outsiders = || self.noted.iter().filter(|noted| is_of_outsiders(&noted.problem)).count();
        if self.noted.len() >= KEPT || is_of_outsiders(&problem) && of_outsiders() >= KEPT_OF_OUTSIDERS {
            return false;
        }
        self.noted.push(Noted { problem, ends, since: now, last: now, times: 1 });
        true
    }

    fn settle(&mut self, over: impl Fn(&Problem) -> bool) {
        self.noted.retain(|noted| !over(&noted.problem));
    }

    /// What stands now, the oldest first.
    pub(super) fn standing(&self, now: Instant) -> Vec<Standing> {
        let standing = |noted: &Noted| Standing {
            problem: noted.problem.clone(),
            age: now.since(noted.since),
            times: noted.times,
        };
        self.noted.iter().map(standing).collect()
    }

    /// What stands on the board; what stood there last, while another thread writes on it.
    pub(super) fn posted(&mut self, board: &Board) -> &[Standing] {
        if let Some(posted) = board.glance() {
            self.posted = posted;
        }
        &self.posted
    }

    /// Nodes that have said that they left.
    pub(super) fn left(&self) -> &[NodeId] {
        &self.left
    }

    /// Starts of each group that failed here since it last ran, by the groups' ids.
    pub(super) fn failures(&self) -> &[u32] {
        &self.failures
    }

    /// Nodes that are to be fenced: since when, and how often that failed.
    pub(super) fn fences(&self) -> &[(NodeId, Instant, u32)] {
        &self.fences
    }
}

/// Whether whoever can send us a packet can raise it, under as many names as it likes.
const fn is_of_outsiders(problem: &Problem) -> bool {
    matches!(problem, Problem::ForeignKey { .. } | Problem::UnknownNode { .. } | Problem::NameTaken { .. })
}

/// The problems that show in the engine now.
fn found(cluster: &LinuxCluster, groups: &[String], device: &str, fences: &[(NodeId, Instant, u32)]) -> Vec<Problem> {
    let mut all: Vec<Problem> = others(cluster).flat_map(|node| of_node(cluster, &node)).collect();
    for fence in cluster.takeover().fences() {
        if fences.iter().any(|(id, _, failed)| *id == fence.node && *failed > 0) {
            all.push(Problem::FenceFails { node: name(cluster, fence.node), device: device.to_owned() });
        }
    }
    if cluster.takeover().phase() == Phase::Stable {
        for (n, key) in (0..).zip(groups) {
            let group = key.clone();
            match cluster.takeover().why(GroupId(n)) {
                Some(Why::Escalates { .. }) => all.push(Problem::StopEscalated { group }),
                Some(why) if is_nowhere(cluster, GroupId(n), why) => all.push(Problem::RunsNowhere { group }),
                _ => {}
            }
        }
    }
    all
}

/// What the other node tells that differs from ours.
fn of_node(cluster: &LinuxCluster, node: &NodeView<'_>) -> Vec<Problem> {
    let mut all = Vec::new();
    if matches!(node.state, NodeState::Init | NodeState::Dead) {
        return all;
    }
    let name = node.name.as_str().to_owned();
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

/// Whether a group, which is here for the reason `why` or is not, runs on no node and is on its way to none. Of more than two nodes one
/// that lives may run a group that failed here: nobody tells us.
pub(crate) fn is_nowhere(cluster: &LinuxCluster, group: GroupId, why: Why) -> bool {
    let Some(other) = other_node(cluster) else {
        return match why {
            Why::Failed { .. } => !others(cluster).any(|node| !matches!(node.state, NodeState::Init | NodeState::Dead)),
            why => why == Why::AwaitsFencing,
        };
    };
    match why {
        Why::Failed { .. } | Why::AwaitsFencing | Why::Nobody => true,
        Why::Elsewhere { .. } => lacks(cluster, &other, group),
        Why::Runs
        | Why::Starts
        | Why::Stops
        | Why::Escalates { .. }
        | Why::AwaitsRelease
        | Why::AwaitsReport
        | Why::Joins
        | Why::Moves
        | Why::Leaves
        | Why::AwaitsLeave => false,
    }
}

/// Whether a problem on the board is not over meanwhile by what the engine knows better: what was escalated with success has stopped.
pub(super) fn still_holds(cluster: &LinuxCluster, groups: &[String], problem: &Problem) -> bool {
    let Problem::StopUnseen { group, .. } = problem else { return true };
    let place = groups.iter().position(|key| key == group);
    let state = place.and_then(|place| cluster.groups().get(place)).map(Group::state);
    !matches!(state, Some(GroupState::Stopped | GroupState::Running | GroupState::Failed))
}

/// The other node, if there are exactly two.
pub(crate) fn other_node(cluster: &LinuxCluster) -> Option<NodeView<'_>> {
    let mut others = others(cluster);
    others.next().filter(|_| others.next().is_none())
}

fn others(cluster: &LinuxCluster) -> impl Iterator<Item = NodeView<'_>> {
    cluster.nodes().filter(|n| n.id != cluster.local() && n.kind == NodeKind::Normal)
}

/// Whether the other node has told that a group could not be started there. Its numbers are ours if it has the same groups.
pub(crate) fn lacks(cluster: &LinuxCluster, other: &NodeView<'_>, group: GroupId) -> bool {
    let ours = cluster.node(cluster.local()).and_then(|me| me.told.digest);
    let bit = 1u128.checked_shl(u32::from(group.0)).unwrap_or(0);
    ours.is_some() && ours == other.told.digest && other.told.lacking & bit != 0
}

fn name(cluster: &LinuxCluster, id: NodeId) -> String {
    cluster.node(id).map_or_else(|| "?".to_owned(), |n| n.name.as_str().to_owned())
}

/// A name of an outsider, as a terminal can show it.
fn printable(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().map(|c| if c.is_control() { '?' } else { c }).take(100).collect()
}

#[cfg(test)]
mod tests;
