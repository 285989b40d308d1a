//! What the heartbeat thread itself sees that the operator should know. It waits for no lock, so it has a list of its own, which
//! `hb status` shows beside the board of the other threads.

mod found;
mod history;

use super::LinuxCluster;
use crate::jobs::{Jobs, Running};
use crate::log::Logger;
use crate::problems::{Board, Coming, Problem, STRONGER, Standing};
use crate::resources::Resources;
pub(crate) use found::{is_nowhere, lacks, links_of, other_node};
use found::{name, of_node, others};
use hbcore::id::{GroupId, NodeId};
use hbcore::node::NodeState;
use hbcore::takeover::{Notice, Phase, Why};
use hbcore::time::{Duration, Instant};
use hbcore::wire::Structure;
use hbcore::{DatagramError, Event, NodeKind};
use history::History;

/// Problems that are kept; of one more, the newcomer is passed over.
const KEPT: usize = 32;
/// Of those, what outsiders cause: they must not hide what is wrong with us.
const KEPT_OF_OUTSIDERS: usize = 8;
/// How long a sender is remembered that was not heard again.
const OUTSIDER: Duration = Duration::from_mins(1);
/// For how long it is told that the clock was set.
const JUMP: Duration = Duration::from_mins(10);
/// For how long it is told that somebody who asked could not be let in: there is no other time to tell it.
const REFUSAL: Duration = Duration::from_mins(1);
/// Which step of our own clock is told, in seconds.
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
    reason: Option<String>,
    /// What comes next, and when, if that is known.
    next: Option<(String, Option<Instant>)>,
}

/// What a look needs besides the engine.
pub(super) struct Around<'a> {
    /// The keys of the groups.
    pub(super) groups: &'a [String],
    /// The names of the links.
    pub(super) links: &'a [String],
    /// What fences.
    pub(super) device: &'a str,
    /// The seconds of the wall clock.
    pub(super) wall: u64,
    /// Where is known why something failed.
    pub(super) resources: &'a Resources,
    pub(super) log: &'a Logger,
}

/// The list, and what was counted for people.
#[derive(Debug, Default)]
pub(super) struct Watch {
    noted: Vec<Noted>,
    /// Nodes that have said that they left, until they are heard again.
    left: Vec<NodeId>,
    /// What became of the groups and links until now.
    history: History,
    /// Attempts to fence a node that failed, and since when it is to be fenced.
    fences: Vec<(NodeId, Instant, u32)>,
    wall: Option<(Instant, u64)>,
    /// What stood on the board of the other threads at the last glance, and which scripts ran.
    posted: Vec<Standing>,
    scripts: Vec<Running>,
}

/// A problem that was not there at the last look, for the log.
pub(super) struct Fresh(pub(super) Problem);

impl Watch {
    /// Something happened.
    pub(super) fn event(&mut self, cluster: &LinuxCluster, now: Instant, event: Event) {
        match event {
            Event::NodeRestarted(id) | Event::NodeReturned(id) | Event::NodeDead(id) | Event::NodeState(id) => {
                // A node that left in order is known to have done so until it is back.
                if cluster.node(id).is_none_or(|node| *node.state != NodeState::Dead) {
                    self.left.retain(|left| *left != id);
                }
                if matches!(event, Event::NodeRestarted(_) | Event::NodeDead(_)) {
                    let node = name(cluster, id);
                    self.settle(|problem| *problem == Problem::FailbackDiffers { node: node.clone() });
                }
            }
            Event::LinkDown(id, link) => self.history.link_down(id, link),
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
            Notice::StartFailed(id) => self.history.start_failed(id),
            Notice::GroupLost(id) => self.history.lost(id),
            Notice::Started(id) => self.history.started(id),
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

    /// Looks at everything that shows in the engine. Returns what is new and was kept.
    pub(super) fn look(&mut self, cluster: &LinuxCluster, now: Instant, around: &Around<'_>) -> Vec<Fresh> {
        self.look_at_clock(now, around.wall);
        self.history.look(cluster, now, around.links);
        let found = self.found(cluster, now, around);
        self.expire(now, &found);
        let fresh = self.keep(now, found);
        self.explain(cluster, around);
        fresh
    }

    /// The problems that show now.
    fn found(&self, cluster: &LinuxCluster, now: Instant, around: &Around<'_>) -> Vec<Problem> {
        let mut all: Vec<Problem> =
            others(cluster).flat_map(|node| of_node(cluster, &node, self.left.contains(&node.id))).collect();
        for node in cluster.nodes().filter(|node| node.kind == NodeKind::Ping && *node.state == NodeState::Dead) {
            all.push(Problem::PingDead { node: node.name.as_str().to_owned() });
        }
        for (id, link) in self.history.dead_links(cluster, now) {
            let link = around.links.get(usize::from(link.0)).cloned().unwrap_or_default();
            all.push(Problem::LinkDead { node: name(cluster, id), link });
        }
        for fence in cluster.takeover().fences() {
            if self.fences.iter().any(|(id, _, failed)| *id == fence.node && *failed > 0) {
                all.push(Problem::FenceFails { node: name(cluster, fence.node), device: around.device.to_owned() });
            }
        }
        for (id, key) in (0..).map(GroupId).zip(around.groups) {
            let is_stable = cluster.takeover().phase() == Phase::Stable;
            match cluster.takeover().why(id) {
                Some(Why::Escalates { .. }) if is_stable => all.push(Problem::StopEscalated { group: key.clone() }),
                Some(why) if is_stable && is_nowhere(cluster, id, why) || self.history.lacks_long(cluster, now, id) => {
                    all.push(Problem::RunsNowhere { group: key.clone() });
                }
                _ => {}
            }
            if self.history.has_failed(id) {
                all.push(Problem::FailedHere { group: key.clone() });
            }
        }
        if around.log.is_losing() {
            all.push(Problem::LogLosesLines { file: String::new() });
        }
        all
    }

    /// Adds how often, why, and what comes next.
    fn explain(&mut self, cluster: &LinuxCluster, around: &Around<'_>) {
        let place =
            |key: &str| (0..).map(GroupId).zip(around.groups).find(|(_, group)| *group == key).map(|(id, _)| id);
        for noted in &mut self.noted {
            match &noted.problem {
                Problem::FenceFails { node, .. } => {
                    let fence = self.fences.iter().find(|(id, ..)| name(cluster, *id) == *node);
                    let Some((id, since, times)) = fence else { continue };
                    (noted.since, noted.times) = (*since, *times);
                    noted.reason = around.resources.why_not_fenced(*id).or_else(|| noted.reason.take());
                    let again =
                        cluster.takeover().fences().find(|fence| fence.node == *id).and_then(|fence| fence.again);
                    noted.next = Some(("it is tried again".to_owned(), again));
                }
                Problem::FailedHere { group } => {
                    let Some(id) = place(group) else { continue };
                    noted.times = self.history.failures().get(usize::from(id.0)).copied().unwrap_or(0).max(1);
                    let why = self.history.why_lost(id).or_else(|| around.resources.why_failed(id));
                    noted.reason = why.or_else(|| noted.reason.take());
                }
                Problem::StopEscalated { group } => {
                    let why = place(group).and_then(|id| cluster.takeover().why(id));
                    let Some(Why::Escalates { again }) = why else { continue };
                    noted.next = Some(match again {
                        Some(at) => (format!("{STRONGER} is tried again"), Some(at)),
                        None => (format!("{STRONGER} is being tried"), None),
                    });
                }
                _ => {}
            }
        }
    }

    /// The operator has asked for a fresh start: groups that failed here are not held against this node any more.
    pub(super) fn forgive(&mut self) {
        self.history.forgive();
    }

    /// Whoever asked for the status could not be let in.
    pub(super) fn status_refused(&mut self, now: Instant, error: &std::io::Error) {
        self.raise(now, Problem::StatusRefused, Ends::After(REFUSAL));
        if let Some(noted) = self.noted.iter_mut().find(|noted| noted.problem == Problem::StatusRefused) {
            noted.reason = Some(error.to_string());
        }
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
        self.noted.push(Noted { problem, ends, since: now, last: now, times: 1, reason: None, next: None });
        true
    }

    fn settle(&mut self, over: impl Fn(&Problem) -> bool) {
        self.noted.retain(|noted| !over(&noted.problem));
    }

    /// What stands now, the oldest first.
    pub(super) fn standing(&self, now: Instant) -> Vec<Standing> {
        let coming =
            |(what, at): &(String, Option<Instant>)| Coming { what: what.clone(), within: at.map(|at| at.since(now)) };
        let standing = |noted: &Noted| Standing {
            problem: noted.problem.clone(),
            age: now.since(noted.since),
            times: noted.times,
            reason: noted.reason.clone(),
            next: noted.next.as_ref().map(coming),
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

    /// The scripts that run; those that ran at the last glance, while a worker writes it down.
    pub(super) fn scripts(&mut self, jobs: &Jobs) -> &[Running] {
        if let Some(running) = jobs.running() {
            self.scripts = running;
        }
        &self.scripts
    }

    /// Nodes that have said that they left.
    pub(super) fn left(&self) -> &[NodeId] {
        &self.left
    }

    /// Starts of each group that failed here since it last ran, by the groups' ids.
    pub(super) fn failures(&self) -> &[u32] {
        self.history.failures()
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

/// A name of an outsider, as a terminal can show it.
fn printable(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().map(|c| if c.is_control() { '?' } else { c }).take(100).collect()
}

#[cfg(test)]
mod tests;
