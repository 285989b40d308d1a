//! Two nodes, checked exhaustively: every order of messages, scripts, deaths and starts, with a small number of faults.
//!
//! What the simulator ([`crate::world`]) does with long worlds picked by chance, this does with short ones and leaves nothing out.
//! It checks the real [`Takeover`] and no description of it: a state holds two of them, what is under way between
//! them, what their scripts do and what really runs, and everything that can happen next is tried. There is no second
//! protocol that could be right while the first is wrong.
//!
//! # What is real, and what is not
//!
//! Real is all of `core/src/takeover`: claims, reports, standby, failback, fencing, failed and stuck groups, the legacy protocol. What
//! `core/src/cluster` puts around it is described here in a few lines (`membership`): a node is heard, is declared
//! dead, comes back, has restarted; numbers of messages, and which of them are asked for again. Nothing compares that
//! description with the engine; in the simulator the engine itself does it.
//!
//! Time passes only when nothing else can happen at once: a message takes less than any timer, except that one may be lost, and then comes after
//! the ones after it. A script takes as long as it likes, but less than the hour that the engine gives it. Deadlines more than a
//! minute away come only when nothing else is to come; who has to wait for one is stuck, and that breaks a rule.
//!
//! Two states are one if nothing that happens later can tell them apart. The engine's state is read from its `Debug` text,
//! with each time as the distance from now, and each number as its place among those that are in use (`canonical`).
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

/// Bugs that are built in on purpose, in the port around the engine: each must be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Fencing is reported as done, and nothing was done.
    SkippedFence,
    /// What is to be released because another owner was met runs on.
    KeptAfterHeal,
    /// The end of a start is not told.
    LostTicket,
    /// A group is reported as stopped when its scripts begin to stop it.
    StoppedTooEarly,
}

impl Bug {
    /// All.
    pub const ALL: [Self; 4] = [Self::SkippedFence, Self::KeptAfterHeal, Self::LostTicket, Self::StoppedTooEarly];
}
