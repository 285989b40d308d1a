//! What must hold in every world.

use std::fmt;
use std::time::Duration;

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Nothing panics.
    NoPanic,
    /// The world comes to rest: no node asks for its turn again and again.
    Rest,
    /// An input has a bounded number of outputs.
    BoundedWork,
    /// Tables and queues never overflow, messages fit.
    BoundedTables,
    /// What one node sends undamaged, another does not refuse.
    UnderstandsItself,
    /// A message is processed once.
    OnceOnly,
    /// A message is processed, or reported lost.
    NothingLostInSilence,
    /// No node is declared dead that was heard within its dead time.
    NoFalseDeath,
    /// One effect of a group is under way at a time.
    OneEffect,
    /// A group has two owners only if the nodes could not know of each other, and not for long once they can.
    OneOwner,
    /// Two owners become one, and not none.
    HealWithoutGap,
    /// Who loses its power or leaves, or, without fencing, is paused or cut off, is replaced within dead time, one keepalive and the time of the
    /// script.
    TakeoverInTime,
    /// Who has left runs nothing.
    LeavesNothing,
    /// When nothing goes wrong any more, everything settles: all nodes see each other, each group has one owner.
    Settles,
    /// And stays like that.
    StaysSettled,
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Since the begin of the world.
    pub at: Duration,
    /// Which.
    pub rule: Rule,
    /// How.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:.6} s: {}", self.rule, self.at.as_secs_f64(), self.text)
    }
}
