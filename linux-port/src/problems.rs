//! What the operator should know and can mend: a board on which every thread puts up and takes down problems, and which
//! `hb status` shows.
//!
//! A problem stands as long as it holds. Raising it again changes nothing but its count and the newest reason, so that a retry which fails
//! each second is one line. The heartbeat thread raises nothing here, since the board has a lock: what it sees itself it keeps itself.

mod board;
mod words;

pub use board::{Board, CAPACITY, Coming, Standing, Told};

use std::net::IpAddr;

/// What ends a group that does not stop.
pub(crate) const STRONGER: &str = "stop_failure_command or a reboot";

/// Something that is not as the site's configuration wants it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// A group was told to stop, and nobody has seen it stopped: it may run here, so no other node starts it.
    StopUnseen {
        /// The group's key.
        group: String,
        /// The member that did not stop, or could not be asked.
        member: String,
    },
    /// A group runs here as it should, and its last stop had failed.
    StopDoubtful {
        /// The group's key.
        group: String,
        /// The member that did not stop.
        member: String,
    },
    /// A script of the site, or its interpreter, is missing or cannot be executed.
    ScriptMissing {
        /// Its name, as in `haresources`.
        script: String,
    },
    /// A group could not be started here, or could not be kept here, and has not run here since.
    FailedHere {
        /// The group's key.
        group: String,
    },
    /// An address that this node owns is not on its interface.
    AddressLost {
        /// The address.
        address: IpAddr,
    },
    /// Another host has an address that this node owns.
    AddressConflict {
        /// The address.
        address: IpAddr,
        /// The other host's hardware address.
        mac: String,
    },
    /// The file that tells a later run which addresses to remove cannot be written.
    AddressesUnrecorded {
        /// The file.
        path: String,
    },
    /// A group runs on neither node, and is on its way to none.
    RunsNowhere {
        /// The group's key.
        group: String,
    },
    /// A group could not be stopped: what is stronger than its scripts is being done.
    StopEscalated {
        /// The group's key.
        group: String,
    },
    /// A dead node cannot be fenced, so that what it may hold is started by nobody.
    FenceFails {
        /// The node.
        node: String,
        /// What fences.
        device: String,
    },
    /// The program that fences is not there, or cannot be executed.
    FenceMissing {
        /// Its path.
        program: String,
    },
    /// A node of the configuration is dead, and has not said that it leaves.
    NodeDead {
        /// The node.
        node: String,
    },
    /// A node was stopped in order: as long as it is away, nothing can be taken over.
    NodeLeft {
        /// The node.
        node: String,
    },
    /// A ping node does not answer.
    PingDead {
        /// The ping node.
        node: String,
    },
    /// A node that is alive is not heard on one of the links.
    LinkDead {
        /// The node.
        node: String,
        /// The link.
        link: String,
    },
    /// Packets come that are signed with no key of ours.
    ForeignKey {
        /// The sender's address, or the link where there is none.
        from: String,
    },
    /// Somebody has our key, and a name that is not in `ha.cf`.
    UnknownNode {
        /// The name.
        name: String,
        /// The sender's address, or the link where there is none.
        from: String,
    },
    /// Another host has our name.
    NameTaken {
        /// The sender's address, or the link where there is none.
        from: String,
    },
    /// The other node has other groups in `haresources`, or another order of them.
    ResourcesDiffer {
        /// The other node.
        node: String,
    },
    /// One node has `auto_failback legacy`, and the other has not.
    FailbackDiffers {
        /// The other node.
        node: String,
    },
    /// The other node runs another release of this program.
    ReleaseDiffers {
        /// The other node.
        node: String,
        /// Its release; empty for one that does not tell.
        theirs: String,
    },
    /// The wall clock of the other node shows another time.
    ClockDiffers {
        /// The other node.
        node: String,
    },
    /// The wall clock of this node was set.
    ClockJumped {
        /// By how many seconds, below zero if it went back.
        seconds: i64,
    },
    /// The other node is heard, and does not say what it holds, so that nothing is started here: perhaps it takes this node's messages for
    /// old ones, as this run has a smaller generation than an earlier one.
    NoAnswer,
    /// The configuration was to be read again and the daemon could not go on with the new one: it goes on with the old one.
    ReloadRefused,
    /// A work that belongs to no group, such as writing a file, could not be handed to a thread.
    WorkRefused {
        /// What was to be done.
        what: String,
    },
    /// Lines of the log are lost.
    LogLosesLines {
        /// The file; empty for lines that came faster than any file could be written.
        file: String,
    },
    /// Whoever asked for the status could not be let in.
    StatusRefused,
    /// This node starts, and waits for a script before it joins.
    StartWaits {
        /// The script and what it is to do.
        script: String,
    },
}

impl Problem {
    /// Whether it is about the stop of this group.
    pub(crate) fn is_of_stop(&self, of: &str) -> bool {
        matches!(self, Self::StopUnseen { group, .. } | Self::StopDoubtful { group, .. } if group == of)
    }
}
