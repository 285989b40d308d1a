//! Bugs that are built in on purpose, to check that the rules find them. All of them are in the simulated port around
//! the engine: it loses or confuses something, or acts too early.

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// Every third time, the engine is not told the end of a script.
    LostTicket,
    /// Groups that must be released because there is another owner are not.
    KeptAfterHeal,
    /// The nodes announce two thirds of the configured deadtime.
    HastyDeath,
    /// Retransmissions are not sent.
    NoRepeats,
    /// Messages with every 64th number are lost, and their retransmissions too.
    SkippedSequence,
    /// A node that did not run for a while is called afterwards for each deadline that it missed, before it reads
    /// anything.
    HiddenStall,
    /// Each start has the generation of the start before.
    SameGeneration,
    /// A start that failed is reported as done.
    FailureAsSuccess,
    /// A group is reported as stopped when its scripts begin to stop it.
    StoppedTooEarly,
    /// Fencing is reported as done, and did nothing.
    SkippedFence,
    /// A stop is reported as done although no process can be started, so that its status is not known.
    CannotAskIsStopped,
    /// A refused start leaves the addresses that it had taken.
    RefusedStartLeaves,
    /// Each timer fires late, by a fifth of the deadtime.
    LateTimer,
}

impl Bug {
    /// All bugs.
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
