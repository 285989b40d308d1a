//! Bugs that are built in on purpose, to see that they are found. All of them are in the port around the engine, as the world
//! plays it: what it loses, confuses or does too early.

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// The end of a script is not told to the engine, every third time.
    LostTicket,
    /// Groups that are to be released because another owner was met are not.
    KeptAfterHeal,
    /// The dead time is told to the others as two thirds of what was configured.
    HastyDeath,
    /// Repetitions are not sent.
    NoRepeats,
    /// Messages with every 64th number are lost, however often they are repeated.
    SkippedSequence,
    /// A node that did not run for a while is told afterwards of each moment that it slept through, before it reads anything.
    HiddenStall,
    /// Each start has the generation of the one before.
    SameGeneration,
    /// A start that failed is reported as done.
    FailureAsSuccess,
    /// A group is reported as stopped when its scripts begin to stop it.
    StoppedTooEarly,
    /// Fencing is reported as done, and nothing was done.
    SkippedFence,
    /// A stop that could not be asked about, since no process can be started, is reported as done.
    CannotAskIsStopped,
    /// A start that was refused leaves what it had taken.
    RefusedStartLeaves,
    /// Each timer fires a fifth of the dead time late.
    LateTimer,
}

impl Bug {
    /// All.
    pub const ALL: [Self; 13] = [
        Self::LostTicket,
        Self::KeptAfterHeal,
        Self::HastyDeath,
        Self::NoRepeats,
        Self::SkippedSequence,
        Self::HiddenStall,
        Self::SameGeneration,
        Self::FailureAsSuccess,
        Self::StoppedTooEarly,
        Self::SkippedFence,
        Self::CannotAskIsStopped,
        Self::RefusedStartLeaves,
        Self::LateTimer,
    ];
}
