//! The report of a node that has not joined yet: it waits until nothing of an earlier run is left.

use std::time::Duration;

use hbcore::takeover::{GroupState, Holds};

use super::group::{GroupRow, attempt, script_of};
use super::snapshot::{NodeRow, Progress, SHOWN, Snapshot};
use super::{Answer, Reloads};
use crate::jobs::Running;
use crate::problems::{Coming, Problem, Standing};

/// The sources of the report of a waiting start.
#[derive(Clone, Debug)]
pub struct Starting<'a> {
    /// This node's name.
    pub node: &'a str,
    /// The groups that are asked, each with its home.
    pub groups: &'a [(String, String)],
    /// The scripts that run.
    pub running: &'a [Running],
    /// The time after which a script that is waited for is a problem.
    pub deadtime: Duration,
    /// The problems that stand.
    pub problems: Vec<Standing>,
}

impl Answer {
    /// The report of a node before it joins.
    pub fn starting(starting: Starting<'_>) -> Self {
        Self::of_snapshot(&starting.snapshot(), &Reloads::default())
    }
}

impl Starting<'_> {
    fn snapshot(self) -> Snapshot {
        let waits = self.running.iter().filter(|script| script.age > self.deadtime).map(waits);
        let me = NodeRow {
            name: self.node.to_owned(),
            state: "init".to_owned(),
            is_local: true,
            is_ping: false,
            links: Vec::new(),
            program: Some(concat!("hbcore ", env!("CARGO_PKG_VERSION")).to_owned()),
            same_resources: None,
        };
        Snapshot {
            release: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            node: self.node.to_owned(),
            state: "init".to_owned(),
            holds: Holds::NONE.as_str(),
            claims: Holds::NONE.as_str(),
            progress: Progress::Clearing,
            problems: waits.chain(self.problems.iter().cloned()).take(SHOWN).collect(),
            more_problems: 0,
            nodes: vec![me],
            strays: Vec::new(),
            groups: self.groups.iter().map(|(key, home)| self.row(key, home)).collect(),
        }
    }

    fn row(&self, key: &str, home: &str) -> GroupRow {
        let script = self.running.iter().find(|script| script.group == key);
        let (here, why, story) = match script {
            Some(_) => (GroupState::Stopping, "clears", "is asked for, and stopped, before this node joins"),
            None => (GroupState::Stopped, "joins", "not known yet: this node has not joined"),
        };
        GroupRow {
            key: key.to_owned(),
            home: home.to_owned(),
            here,
            at: None,
            script: script.map(script_of),
            attempt: script.and_then(attempt),
            why,
            story: story.to_owned(),
            next: None,
            failures: 0,
            is_nowhere: Some(false),
            is_waited_for: false,
        }
    }
}

/// The problem of a script that is waited for.
fn waits(script: &Running) -> Standing {
    let left = script.limit.map(|limit| limit.saturating_sub(script.age));
    Standing {
        problem: Problem::StartWaits { script: script.what.clone() },
        age: script.age,
        times: 1,
        reason: None,
        next: left.map(|left| Coming { what: "it is terminated".to_owned(), within: Some(left) }),
    }
}
