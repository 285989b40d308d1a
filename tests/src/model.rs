//! Two nodes, checked exhaustively: every order of messages, scripts, deaths and starts, with a small number of faults.
//!
//! The simulator ([`crate::world`]) runs long worlds chosen at random; this module explores short ones completely. It
//! checks the real [`Takeover`] and no description of it: a state contains two of them, the messages between them, the
//! work of their scripts and the groups that really run, and every possible next step is tried. There is no second
//! protocol that could be right while the first is wrong.
//!
//! # The real part, and the described one
//!
//! All of `core/src/takeover` is real: claims, reports, standby, failback, fencing, failed and stuck groups, the legacy
//! protocol. The part of `core/src/cluster` around it is described here in a few lines (`membership`): a node is heard,
//! is declared dead, comes back, has restarted; numbers of messages, and their retransmission. No test compares that
//! description with the engine; in the simulator the engine itself does this part.
//!
//! Time passes only when nothing else can happen at once: a message takes less time than any timer, except that one may
//! be lost and then arrives after later ones. A script takes any time below the hour that the engine allows. Deadlines
//! more than a minute away come only when no other step is left. A node that has to wait for one is stuck, and that
//! breaks a rule.
//!
//! Two states are equal if no later step can tell them apart. The engine's state is read from its `Debug` text, with
//! each time as the distance from now, and each number as its rank among those that are in use (`canonical`).
//!
//! [`Takeover`]: hbcore::takeover::Takeover

mod action;
mod canonical;
mod cases;
mod explore;
mod membership;
mod rules;
mod state;

pub use action::Action;
pub use cases::{Case, Faults, Size, cases};
pub use explore::{Report, Violation, explore, tell};
pub use rules::Rule;

/// Bugs that are built on purpose into the port around the engine. The exploration must find each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Fencing is reported as done, and nothing was done.
    SkippedFence,
    /// A group that must be released because there is another owner runs on.
    KeptAfterHeal,
    /// The engine is not told the end of a start.
    LostTicket,
    /// A group is reported as stopped when its scripts begin to stop it.
    StoppedTooEarly,
}

impl Bug {
    /// All bugs.
    pub const ALL: [Self; 4] = [Self::SkippedFence, Self::KeptAfterHeal, Self::LostTicket, Self::StoppedTooEarly];
}
