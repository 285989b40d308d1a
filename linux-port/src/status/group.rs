//! One group: where it runs, or why nowhere; the current attempt, its number, and the next step with its time.

use hbcore::id::GroupId;
use hbcore::takeover::{AfterFailure, Group, GroupState, PeerClaim, Why};
use hbcore::time::Instant;

use super::snapshot::Seen;
use crate::cluster_view::{Peer, is_nowhere, other_node, peer};
use crate::jobs::{Running, Trying};
use crate::problems::{Problem, STRONGER, Standing};

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Its first resource.
    pub key: String,
    /// Its home node.
    pub home: String,
    /// Its state on this node.
    pub here: GroupState,
    /// The node that runs it, wholly or in part, as far as this node knows.
    pub at: Option<String>,
    /// The script that runs for it.
    pub script: Option<RunningScript>,
    /// For a stop: the number of the current attempt, and of the last one.
    pub attempt: Option<(u32, u32)>,
    /// The reason for its place, in one word that never changes.
    pub why: &'static str,
    /// The same for people.
    pub story: String,
    /// The next step, if this node knows one.
    pub next: Option<Next>,
    /// Failed starts here since it last ran here.
    pub failures: u32,
    /// Whether it runs on neither of two nodes, and neither is starting it; `None` if this node cannot know.
    pub is_nowhere: Option<bool>,
    /// Whether the peer works on it.
    pub is_waited_for: bool,
}

/// A script that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningScript {
    /// The script and its verb.
    pub what: String,
    /// The seconds for which it has run.
    pub seconds: u64,
    /// The seconds after which it is terminated, from its beginning; `None` between two attempts.
    pub limit: Option<u64>,
}

/// The report about a script.
pub(super) fn script_of(running: &Running) -> RunningScript {
    RunningScript {
        what: running.what.clone(),
        seconds: running.age.as_secs(),
        limit: running.limit.map(|limit| limit.as_secs()),
    }
}

/// The number of a stop's current attempt, and of the last one.
pub(super) const fn attempt(running: &Running) -> Option<(u32, u32)> {
    match running.trying {
        Some(Trying::Attempt(number, most)) => Some((number, most)),
        Some(Trying::Missing(_)) | None => None,
    }
}

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// The step.
    pub what: String,
    /// The seconds until then; `None` if that depends on something else.
    pub seconds: Option<u64>,
}

impl GroupRow {
    pub(super) fn of(seen: &Seen<'_>, number: u16, group: &Group, key: &str) -> Self {
        let (cluster, id) = (seen.cluster, GroupId(number));
        let name = |id| cluster.node(id).map_or_else(|| "?".to_owned(), |n| n.name.as_str().to_owned());
        let script = seen.scripts.iter().find(|s| s.group == key);
        let why = cluster.takeover().why(id).unwrap_or(Why::Nobody);
        let other = other_node(cluster);
        let teller = Teller {
            seen,
            other: other.as_ref().map(|n| n.name.as_str().to_owned()),
            peer: peer(cluster, id, why),
            failures: seen.failures.get(usize::from(number)).copied().unwrap_or(0),
            trying: script.and_then(|s| s.trying),
        };
        let here = group.state();
        let at = match (here, why) {
            (GroupState::Running | GroupState::Stopping | GroupState::Stuck, _) => Some(name(cluster.local())),
            (_, Why::Elsewhere(_)) if matches!(teller.peer, Peer::Silent | Peer::MayRun) => teller.other.clone(),
            _ => None,
        };
        let lost = seen.lost_address(usize::from(number)).filter(|_| why == Why::Runs);
        let (mut story, next) = lost.map_or_else(|| teller.tell(why), without_address);
        if group.is_partial() {
            "runs here in part: its line in haresources has changed".clone_into(&mut story);
        }
        Self {
            key: key.to_owned(),
            home: name(group.home),
            here,
            at,
            script: script.map(script_of),
            attempt: script.and_then(attempt),
            why: if lost.is_some() { LACKS_ADDRESS } else { word(why, teller.peer) },
            story,
            next,
            failures: teller.failures,
            is_nowhere: is_nowhere(cluster, id, why),
            is_waited_for: matches!(
                why,
                Why::Elsewhere(PeerClaim::Moves | PeerClaim::Releases)
                    | Why::AwaitsRelease
                    | Why::AwaitsReport
                    | Why::AwaitsAnswer
                    | Why::AwaitsLeave
                    | Why::Moves
            ),
        }
    }

    /// The script that runs, in brackets.
    pub(super) fn script_text(&self) -> String {
        let Some(RunningScript { what, seconds, limit }) = &self.script else { return String::new() };
        let most = limit.map(|limit| format!(" of {limit} s")).unwrap_or_default();
        match self.attempt {
            Some((attempt, all)) if attempt > 1 => format!(" ({what}, attempt {attempt} of {all}, {seconds} s{most})"),
            _ => format!(" ({what}, {seconds} s{most})"),
        }
    }

    /// Its place, for people.
    pub(super) fn place_text(&self) -> String {
        let next = self.next.as_ref().map(|next| match next.seconds {
            Some(0) | None => format!("; next: {}", next.what),
            Some(seconds) => format!("; next: {} in {seconds} s", next.what),
        });
        format!("{}{}{}", self.story, self.script_text(), next.unwrap_or_default())
    }
}

/// The word for a group that runs here without one of its addresses.
pub(super) const LACKS_ADDRESS: &str = "lacks-address";

impl Seen<'_> {
    /// A lost address of a group that runs here.
    fn lost_address(&self, group: usize) -> Option<&Standing> {
        let addresses = self.addresses.get(group)?;
        let is_lost =
            |problem: &Problem| matches!(problem, Problem::AddressLost { address } if addresses.contains(address));
        self.problems.iter().find(|standing| is_lost(&standing.problem))
    }
}

/// The story and the next step of a group that runs here without one of its addresses.
fn without_address(lost: &Standing) -> (String, Option<Next>) {
    let story = match &lost.problem {
        Problem::AddressLost { address } => format!("runs here without its address {address}"),
        _ => "runs here".to_owned(),
    };
    (story, lost.next.as_ref().map(|next| Next { what: next.what.clone(), seconds: next.seconds() }))
}

/// The word for monitors, which never changes.
const fn word(why: Why, peer: Peer) -> &'static str {
    match why {
        Why::Runs => "runs",
        Why::Starts => "starts",
        Why::Stops => "stops",
        Why::Escalates { .. } => "escalates",
        Why::LeftOver { .. } => "left-over",
        Why::Failed { .. } if matches!(peer, Peer::Failed) => "failed-on-both",
        Why::Failed { .. } => "failed",
        Why::AwaitsRelease => "awaits-release",
        Why::AwaitsReport => "awaits-report",
        Why::Differs => "differs",
        Why::Elsewhere(_) | Why::Untold if matches!(peer, Peer::Failed) => "failed-there",
        Why::Elsewhere(_) if matches!(peer, Peer::MayRun) => "may-run-there",
        Why::Elsewhere(_) => "elsewhere",
        Why::Untold => "untold",
        Why::AwaitsAnswer => "awaits-answer",
        Why::AwaitsFencing => "awaits-fencing",
        Why::Joins => "joins",
        Why::Moves => "moves",
        Why::Leaves => "leaves",
        Why::AwaitsLeave => "awaits-leave",
        Why::Nobody => "nobody",
    }
}

/// Puts the state of a group into words.
struct Teller<'a> {
    seen: &'a Seen<'a>,
    /// The peer, if there are two nodes.
    other: Option<String>,
    /// The word of the peer about a start there.
    peer: Peer,
    failures: u32,
    /// The attempts of a member that is being stopped.
    trying: Option<Trying>,
}

impl Teller<'_> {
    fn tell(&self, why: Why) -> (String, Option<Next>) {
        let other = self.other.as_deref().unwrap_or("the other node");
        let plain = |text: &str| (text.to_owned(), None);
        let then = |what: String| Some(Next { what, seconds: None });
        match why {
            Why::Runs => plain("runs here"),
            // Scripts are also stopped within a start that has failed.
            Why::Starts if self.trying.is_some() => {
                (format!("does not start here{}, and is being stopped again", self.count()), self.escalation())
            }
            Why::Starts => (format!("is being started here{}", self.again()), None),
            Why::Stops => ("is being stopped here".to_owned(), self.escalation()),
            Why::Escalates { again } => {
                let next = match again {
                    Some(at) => Next { what: format!("{STRONGER} is tried again"), seconds: Some(self.seconds(at)) },
                    None => Next {
                        what: format!("{other} may start it after {STRONGER}, which is being tried, has ended it"),
                        seconds: None,
                    },
                };
                ("cannot be stopped here".to_owned(), Some(next))
            }
            Why::LeftOver { again } => {
                let what = "it is told to stop again".to_owned();
                let next = Next { what, seconds: again.map(|at| self.seconds(at)) };
                ("an earlier run has left it here, and it cannot be stopped".to_owned(), again.map(|_| next))
            }
            Why::Failed { next } => {
                let nor = if self.peer == Peer::Failed { format!(" nor at {other}") } else { String::new() };
                let next = match next {
                    AfterFailure::StartsAgain(at) => {
                        Next { what: "it is started here again".to_owned(), seconds: Some(self.seconds(at)) }
                    }
                    AfterFailure::AsksPeer(at) => {
                        Next { what: format!("{other} is asked to take it"), seconds: Some(self.seconds(at)) }
                    }
                    AfterFailure::AwaitsPeer => {
                        Next { what: format!("{other} is asked to take it as soon as it can"), seconds: None }
                    }
                };
                (format!("nowhere: could not be started here{}{nor}", self.count()), Some(next))
            }
            Why::AwaitsRelease => (format!("{other} is still stopping it"), then("it is started here".to_owned())),
            Why::AwaitsReport => (
                format!("nowhere: {other} is back, and has not reported its claim yet"),
                then("it is started here".to_owned()),
            ),
            Why::Differs => (
                format!("not here: {other} reads other groups in its haresources, and may run it"),
                then("when haresources is the same on both nodes, it is started unless it runs".to_owned()),
            ),
            Why::Elsewhere(_) if self.peer == Peer::Failed => (
                self.failed_there(other),
                then(format!("{other} asks this node to take it, once in five minutes at most")),
            ),
            Why::Elsewhere(_) if self.peer == Peer::MayRun => {
                plain(&format!("may still run at {other}: its start failed there, and its stop has not succeeded"))
            }
            Why::Elsewhere(_) if self.peer == Peer::Unknown => plain(&format!(
                "not known: its last start failed at {other}, which is still starting or stopping groups"
            )),
            Why::Untold if self.peer == Peer::Failed => (self.failed_there(other), None),
            Why::Untold => plain("not known here: auto_failback legacy does not tell"),
            Why::AwaitsAnswer => (
                format!("not here: {other} was asked for it, and has not answered"),
                then("it is asked again, and started here after the answer".to_owned()),
            ),
            Why::Elsewhere(claim) => match &self.other {
                Some(other) if claim == PeerClaim::Settled => (format!("at {other}"), None),
                Some(other) => (format!("at {other}, which is still starting or stopping groups"), None),
                None => plain("not here"),
            },
            Why::AwaitsFencing => self.fencing(),
            Why::Joins => plain("not known yet: the peer has not reported its claim"),
            Why::Moves => plain("on its way between the nodes"),
            Why::Leaves => plain("not here any more: this node leaves"),
            Why::AwaitsLeave => (format!("{other} leaves, and is stopping it"), then("it is started here".to_owned())),
            Why::Nobody if self.other.is_some() => (format!("nowhere{}", self.tried()), None),
            Why::Nobody => plain("not here"),
        }
    }

    fn failed_there(&self, other: &str) -> String {
        let nor = if self.failures > 0 { format!(" nor here{}", self.count()) } else { String::new() };
        format!("nowhere: could not be started at {other}{nor}")
    }

    /// The step after the last attempt to stop.
    fn escalation(&self) -> Option<Next> {
        match self.trying {
            Some(Trying::Missing(within)) => Some(Next {
                what: format!("{STRONGER}, as its script is missing, unless that is there by then"),
                seconds: Some(within.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)),
            }),
            Some(Trying::Attempt(2.., _)) => {
                Some(Next { what: format!("{STRONGER}, if the last attempt fails as well"), seconds: None })
            }
            Some(Trying::Attempt(..)) | None => None,
        }
    }

    fn fencing(&self) -> (String, Option<Next>) {
        let cluster = self.seen.cluster;
        let Some(fence) = cluster.takeover().fences().next() else { return ("not known".to_owned(), None) };
        let node = cluster.node(fence.node).map_or_else(|| "?".to_owned(), |n| n.name.as_str().to_owned());
        let account = self.seen.fences.iter().find(|(id, ..)| *id == fence.node);
        let account = account.map_or_else(String::new, |(_, since, failed)| {
            let waited = self.seen.now.since(*since).as_secs();
            match failed {
                0 => format!(", since {waited} s"),
                failed => format!(", since {waited} s; that failed {failed} times"),
            }
        });
        let next = match fence.again {
            None => Next { what: format!("{node} is being fenced now; then it is started here"), seconds: None },
            Some(at) => Next { what: format!("{node} is fenced"), seconds: Some(self.seconds(at)) },
        };
        (format!("may run at {node}, which is not heard and must be fenced first{account}"), Some(next))
    }

    /// ` (3 times)`, if it was more than once.
    fn count(&self) -> String {
        if self.failures > 1 { format!(" ({} times)", self.failures) } else { String::new() }
    }

    fn again(&self) -> String {
        if self.failures > 0 { format!(", attempt {}", self.failures.saturating_add(1)) } else { String::new() }
    }

    fn tried(&self) -> String {
        if self.failures > 0 { format!(": could not be started here{}", self.count()) } else { String::new() }
    }

    /// The seconds from now until `at`; 0 if that has passed.
    fn seconds(&self, at: Instant) -> u64 {
        at.since(self.seen.now).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
    }
}
