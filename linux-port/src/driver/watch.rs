//! Problems for the operator that the heartbeat thread itself sees. It waits for no lock, so it has its own list, which
//! `hb status` shows beside the board of the other threads.

mod history;
mod replays;
mod waits;

use crate::cluster_view::{LinuxCluster, is_nowhere, name, not_here, of_node, others};
use crate::jobs::{Jobs, Running};
use crate::log::Logger;
use crate::problems::{Board, Coming, Problem, STRONGER, Standing};
use crate::resources::{Loss, Resources};
use hbcore::id::{GroupId, NodeId};
use hbcore::node::NodeState;
use hbcore::takeover::{Notice, Phase, Why};
use hbcore::time::{Duration, Instant};
use hbcore::wire::Structure;
use hbcore::{DatagramError, Event, NodeKind};
use history::History;
pub(super) use waits::Order;
use waits::{next_of_stray, waits_for};

/// The largest number of kept problems; a new one beyond it is dropped.
const KEPT: usize = 32;
/// The number of these that outsiders may cause, so that they do not hide our own problems.
const KEPT_OF_OUTSIDERS: usize = 8;
/// The time for which a sender is remembered that is not heard again.
const OUTSIDER: Duration = Duration::from_mins(1);
/// The time for which a step of the clock is shown.
const JUMP: Duration = Duration::from_mins(10);
/// The time for which a refused status connection is shown, since that has no end of its own.
const REFUSAL: Duration = Duration::from_mins(1);
/// The smallest step of our own clock that is reported, in seconds.
const CLOCK_STEP: i64 = 2;

/// The end of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// When it does not hold at the next look.
    WithItsCause,
    /// When it was not raised for this time.
    After(Duration),
    /// When it is settled explicitly.
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
    /// The next step against it, and its time, if known.
    next: Option<(String, Option<Instant>)>,
}

/// The surroundings of a look, besides the engine.
pub(super) struct Around<'a> {
    /// The keys of the groups.
    pub(super) groups: &'a [String],
    /// The names of the links.
    pub(super) links: &'a [String],
    /// The fencing device.
    pub(super) device: &'a str,
    /// The seconds of the wall clock.
    pub(super) wall: u64,
    /// The source of reasons for failures.
    pub(super) resources: &'a Resources,
    /// The order that waits for a stop.
    pub(super) waits: Option<Order>,
    pub(super) log: &'a Logger,
}

/// The list, and the counts for people.
#[derive(Debug, Default)]
pub(super) struct Watch {
    noted: Vec<Noted>,
    /// Nodes that announced their leave, until they are heard again.
    left: Vec<NodeId>,
    /// The history of the groups and links.
    history: History,
    /// Nodes that are to be fenced: the time since then, and the number of failed attempts.
    fences: Vec<(NodeId, Instant, u32)>,
    /// Nodes for which the program that fences runs now: the time since then.
    calls: Vec<(NodeId, Instant)>,
    /// The nodes whose packets are dropped as replays: the times of the first and the last one.
    replays: Vec<(NodeId, Instant, Instant)>,
    wall: Option<(Instant, u64)>,
    /// The problems on the board of the other threads at the last glance, and the scripts that ran.
    posted: Vec<Standing>,
    scripts: Vec<Running>,
}

/// A problem that did not hold at the last look, for the log.
pub(super) struct Fresh(pub(super) Problem);

impl Watch {
    /// Takes an event of the engine.
    pub(super) fn event(&mut self, cluster: &LinuxCluster, now: Instant, event: Event) {
        match event {
            Event::NodeRestarted(id) | Event::NodeReturned(id) | Event::NodeDead(id) | Event::NodeState(id) => {
                // A node that left in order counts as such until it returns.
                if cluster.node(id).is_none_or(|node| *node.state != NodeState::Dead) {
                    self.left.retain(|left| *left != id);
                    self.heard(cluster, id);
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

    /// A datagram was dropped. `from` names its sender, and is called only if the problem is shown.
    pub(super) fn dropped(&mut self, now: Instant, from: impl FnOnce() -> String, error: DatagramError, bytes: &[u8]) {
        let problem = match error {
            DatagramError::Packet(packet) if packet.is_authentication() => Problem::ForeignKey { from: from() },
            DatagramError::UnknownNode => {
                // The engine found it authentic and well-formed.
                let name = Structure::local(bytes).ok().and_then(|message| message.text("src").map(<[u8]>::to_vec));
                Problem::UnknownNode { name: printable(&name.unwrap_or_default()), from: from() }
            }
            DatagramError::NameConflict => Problem::NameTaken { from: from() },
            _ => return,
        };
        self.raise(now, problem, Ends::After(OUTSIDER));
    }

    /// Looks at everything that the engine shows. Returns new problems that were kept.
    pub(super) fn look(&mut self, cluster: &LinuxCluster, now: Instant, around: &Around<'_>) -> Vec<Fresh> {
        self.look_at_clock(now, around.wall);
        let is_rivals = |id| around.resources.loss(id) == Loss::Rival;
        self.history.look(cluster, now, around.links, is_rivals);
        self.look_at_fencing(cluster, now);
        let found = self.found(cluster, now, around);
        self.expire(now, &found);
        let fresh = self.keep(now, found);
        self.explain(cluster, around);
        fresh
    }

    /// The problems that the engine shows now.
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
                Some(why)
                    if is_stable && is_nowhere(cluster, id, why) == Some(true)
                        || self.history.lacks_long(cluster, now, id) =>
                {
                    all.push(Problem::RunsNowhere { group: key.clone() });
                }
                _ => {}
            }
            if self.history.has_failed(id) {
                all.push(Problem::FailedHere { group: key.clone() });
            }
        }
        all.extend(self.waits(cluster, now, around));
        if around.log.is_losing() {
            all.push(Problem::LogLosesLines { file: String::new() });
        }
        all
    }

    /// Adds the counts, the reasons and the next steps.
    fn explain(&mut self, cluster: &LinuxCluster, around: &Around<'_>) {
        let place =
            |key: &str| (0..).map(GroupId).zip(around.groups).find(|(_, group)| *group == key).map(|(id, _)| id);
        let stray = |key: &str| around.resources.stray_rows().find(|row| row.key == key);
        let mut all = std::mem::take(&mut self.noted);
        for noted in &mut all {
            match &noted.problem {
                Problem::FenceSlow { node, .. } => noted.next = self.end_of_call(cluster, node, around),
                Problem::LeaveWaits | Problem::ReloadWaits => {
                    noted.reason = waits_for(cluster, around).or_else(|| noted.reason.take());
                }
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
                    let why = self
                        .history
                        .why_lost(id, around.resources.loss(id))
                        .or_else(|| around.resources.why_failed(id));
                    noted.reason = why.or_else(|| noted.reason.take());
                }
                Problem::RemovedStops { group } => {
                    let Some(row) = stray(group) else { continue };
                    (noted.since, noted.next) = (row.since, next_of_stray(row.doing));
                }
                Problem::StopEscalated { group } => {
                    noted.reason = around.resources.why_escalation_failed(group).or_else(|| noted.reason.take());
                    let again = match (place(group).and_then(|id| cluster.takeover().why(id)), stray(group)) {
                        (Some(Why::Escalates { again }), _) => again,
                        (_, Some(row)) => {
                            (noted.since, noted.next) = (row.since, next_of_stray(row.doing));
                            continue;
                        }
                        (_, None) => continue,
                    };
                    noted.next = Some(match again {
                        Some(at) => (format!("{STRONGER} is tried again"), Some(at)),
                        None => (format!("{STRONGER} is being tried"), None),
                    });
                }
                Problem::ResourcesDiffer { .. } => noted.reason = not_here(cluster, around.groups),
                _ => {}
            }
        }
        self.noted = all;
    }

    /// The operator asked for a fresh start: earlier failures here no longer count against this node.
    pub(super) fn forgive(&mut self) {
        self.history.forgive();
    }

    /// A connection that asks for the status could not be accepted.
    pub(super) fn status_refused(&mut self, now: Instant, error: &std::io::Error) {
        self.raise(now, Problem::StatusRefused, Ends::After(REFUSAL));
        if let Some(noted) = self.noted.iter_mut().find(|noted| noted.problem == Problem::StatusRefused) {
            noted.reason = Some(error.to_string());
        }
    }

    /// Records the new problems among those that the engine shows, and returns those that found a place. The others
    /// would be new again at each look.
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

    /// Removes problems that are over, given those that the engine shows now.
    fn expire(&mut self, now: Instant, found: &[Problem]) {
        self.noted.retain(|noted| match noted.ends {
            Ends::WithItsCause => found.contains(&noted.problem),
            Ends::After(pause) => now.since(noted.last) < pause,
            Ends::Settled => true,
        });
    }

    /// Compares the wall clock with the monotonic one, and reports a step.
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

    /// Raises the problem. Returns whether it stands now; it does not if there was no place for it.
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

    /// The problems that stand now, the oldest first.
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

    /// The problems on the board; those of the last glance while another thread writes on it.
    pub(super) fn posted(&mut self, board: &Board) -> &[Standing] {
        if let Some(posted) = board.glance() {
            self.posted = posted;
        }
        &self.posted
    }

    /// The scripts that run; those of the last glance while a worker writes it down.
    pub(super) fn scripts(&mut self, jobs: &Jobs) -> &[Running] {
        if let Some(running) = jobs.running() {
            self.scripts = running;
        }
        &self.scripts
    }

    /// Nodes that announced their leave.
    pub(super) fn left(&self) -> &[NodeId] {
        &self.left
    }

    /// The failed starts of each group here since it last ran, by the groups' ids.
    pub(super) fn failures(&self) -> &[u32] {
        self.history.failures()
    }

    /// Nodes that are to be fenced: the time since then, and the number of failed attempts.
    pub(super) fn fences(&self) -> &[(NodeId, Instant, u32)] {
        &self.fences
    }
}

/// Whether any sender of packets can raise the problem, under as many names as it likes.
const fn is_of_outsiders(problem: &Problem) -> bool {
    matches!(problem, Problem::ForeignKey { .. } | Problem::UnknownNode { .. } | Problem::NameTaken { .. })
}

/// A name of an outsider, as a terminal can show it.
fn printable(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().map(|c| if c.is_control() { '?' } else { c }).take(100).collect()
}

#[cfg(test)]
mod tests;
