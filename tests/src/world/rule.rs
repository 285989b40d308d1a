//! The rules for every world.

use std::fmt;
use std::time::Duration;

/// The rules that are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Nothing panics.
    NoPanic,
    /// The world comes to rest: no node sets its timer to the present again and again.
    Rest,
    /// An input has a bounded number of outputs.
    BoundedWork,
    /// Tables and queues never overflow, and messages fit into their buffers.
    BoundedTables,
    /// No node refuses an undamaged message of another one.
    UnderstandsItself,
    /// A message is processed at most once.
    OnceOnly,
    /// A message is processed, or reported lost.
    NothingLostInSilence,
    /// A node that was heard within its deadtime is not declared dead.
    NoFalseDeath,
    /// One effect of a group is under way at a time.
    OneEffect,
    /// A group has two owners only if the nodes could not know of each other, and not for long once they can.
    OneOwner,
    /// After a heal, one of two owners remains, and never none.
    HealWithoutGap,
    /// A node that loses its power or leaves (without fencing, also one that is paused or cut off) is replaced within
    /// deadtime, one keepalive and the time of the script.
    TakeoverInTime,
    /// A node that has left runs nothing.
    LeavesNothing,
    /// After the last fault, everything settles: all nodes see each other, each group has one owner.
    Settles,
    /// The world stays settled.
    StaysSettled,
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The time since the begin of the world.
    pub at: Duration,
    /// The rule.
    pub rule: Rule,
    /// A description of the breach.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:.6} s: {}", self.rule, self.at.as_secs_f64(), self.text)
    }
}
