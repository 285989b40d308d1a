//! The events of a world, in order.

use super::engine::name;
use super::rule::Rule;
use super::schedule::Fault;
use std::fmt::{self, Write};
use std::time::Duration;

/// The state of a group on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// The group does not run.
    No,
    /// The group is being started, or stopped.
    Partly,
    /// The group serves.
    Yes,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A message left.
    Sent {
        /// Sender.
        from: usize,
        /// Receiver.
        to: usize,
        /// Link.
        link: usize,
        /// The time of its arrival, since the begin of the world. None if it is lost.
        arrives: Option<Duration>,
        /// A summary of its content.
        label: String,
        /// A heartbeat or an acknowledgement.
        is_routine: bool,
    },
    /// A node started.
    Started(usize),
    /// A node ended.
    Ended(usize),
    /// A group came or went.
    Group {
        /// The node.
        node: usize,
        /// The group.
        group: usize,
        /// Its new state.
        runs: Runs,
    },
    /// The engine gave an event.
    Said {
        /// The node.
        node: usize,
        /// The text of the event.
        text: String,
    },
    /// A fault began.
    Begin(Fault),
    /// A fault is over.
    End(Fault),
    /// A rule was broken.
    Broken(Rule),
}

/// The events, with the time since the begin of the world.
#[derive(Clone, Debug, Default)]
pub struct Story(pub Vec<(Duration, Happening)>);

impl Story {
    /// All events, a line each, with heartbeats and acknowledgements.
    pub fn whole(&self) -> String {
        let mut text = String::new();
        let _ = self.write(&mut text, true);
        text
    }

    /// Writes a line for each event.
    fn write(&self, to: &mut impl Write, with_routine: bool) -> fmt::Result {
        for (at, happening) in &self.0 {
            if with_routine || !matches!(happening, Happening::Sent { is_routine: true, .. }) {
                writeln!(to, "{:12.6} {happening}", at.as_secs_f64())?;
            }
        }
        Ok(())
    }

    pub(crate) fn add(&mut self, at: Duration, happening: Happening) {
        self.0.push((at, happening));
    }
}

/// The text of an engine's event, with the names of nodes, groups and links.
pub(crate) fn named(text: &str) -> String {
    let mut text = text.to_owned();
    for n in (0..10).rev() {
        text = text.replace(&format!("NodeId({n})"), name(n));
        text = text.replace(&format!("GroupId({n})"), &format!("group {n}"));
        text = text.replace(&format!("LinkId({n})"), &format!("link {n}"));
    }
    text
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent { from, to, link, arrives, label, .. } => {
                write!(f, "{} -> {} on {link}: {label}", name(*from), name(*to))?;
                if arrives.is_none() { write!(f, " (lost)") } else { Ok(()) }
            }
            Self::Started(node) => write!(f, "{} starts", name(*node)),
            Self::Ended(node) => write!(f, "{} ends", name(*node)),
            Self::Group { node, group, runs } => {
                let how = match runs {
                    Runs::No => "stopped",
                    Runs::Partly => "being moved",
                    Runs::Yes => "running",
                };
                write!(f, "{}: group {group} {how}", name(*node))
            }
            Self::Said { node, text } => write!(f, "{}: {text}", name(*node)),
            Self::Begin(fault) => write!(f, "begin: {fault}"),
            Self::End(fault) => write!(f, "end: {fault}"),
            Self::Broken(rule) => write!(f, "broken: {rule:?}"),
        }
    }
}

/// A line for each event, without heartbeats and acknowledgements.
impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, false)
    }
}
