//! Problems that the operator should know and can repair, on a board. Every thread puts up and takes down problems
//! there, and `hb status` shows them.
//!
//! A problem stands as long as it holds. If it is raised again, only its count and its newest reason change, so a retry
//! that fails each second is one line. The heartbeat thread raises nothing here, because the board has a lock: it keeps
//! its own problems itself.

mod board;
mod words;

pub use board::{Board, CAPACITY, Coming, Standing, Told};

use std::net::IpAddr;

/// The means that end a group that does not stop.
pub(crate) const STRONGER: &str = "stop_failure_command or a reboot";

/// A state that differs from the site's configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// A group was told to stop, and nothing has confirmed its stop. It may run here, so no other node starts it.
    StopUnseen {
        /// The group's key.
        group: String,
        /// The member that did not stop, or could not be asked.
        member: String,
    },
    /// A group runs here as it should, but its last stop failed.
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
    /// The file of the addresses that a later run must remove cannot be written.
    AddressesUnrecorded {
        /// The file.
        path: String,
    },
    /// A group runs on neither node, and neither is starting it.
    RunsNowhere {
        /// The group's key.
        group: String,
    },
    /// A group could not be stopped. The daemon uses stronger means than its scripts.
    StopEscalated {
        /// The group's key.
        group: String,
    },
    /// A group that `haresources` does not name any more has not stopped here yet, or may still run here.
    RemovedStops {
        /// The key of the group.
        group: String,
    },
    /// A dead node cannot be fenced, so no node starts the groups that it may still run.
    FenceFails {
        /// The node.
        node: String,
        /// The fencing device.
        device: String,
    },
    /// The program that fences a dead node has run for a while and not ended.
    FenceSlow {
        /// The node.
        node: String,
        /// The fencing device.
        device: String,
    },
    /// The program that fences does not exist, or cannot be executed.
    FenceMissing {
        /// Its path.
        program: String,
    },
    /// A node of the configuration is dead, and did not announce that it leaves.
    NodeDead {
        /// The node.
        node: String,
    },
    /// A node was stopped in order. While it is away, no takeover is possible.
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
    /// Packets arrive that are signed with none of our keys.
    ForeignKey {
        /// The sender's address, or the link where there is none.
        from: String,
    },
    /// A node has our key, and a name that is not in `ha.cf`.
    UnknownNode {
        /// The name.
        name: String,
        /// The sender's address, or the link where there is none.
        from: String,
    },
    /// Packets of a node are dropped, because their generation is smaller than one that it had before.
    Replays {
        /// The node.
        node: String,
    },
    /// Another host has our name.
    NameTaken {
        /// The sender's address, or the link where there is none.
        from: String,
    },
    /// The peer has other groups in `haresources`, or another order of them.
    ResourcesDiffer {
        /// The peer.
        node: String,
    },
    /// One node has `auto_failback legacy`, and the other has not.
    FailbackDiffers {
        /// The peer.
        node: String,
    },
    /// The peer runs another release of this program.
    ReleaseDiffers {
        /// The peer.
        node: String,
        /// Its release; empty if the peer does not tell it.
        theirs: String,
    },
    /// The wall clock of the peer shows another time.
    ClockDiffers {
        /// The peer.
        node: String,
    },
    /// The wall clock of this node was set.
    ClockJumped {
        /// The seconds by which it was set, below zero if it went back.
        seconds: i64,
    },
    /// The peer is heard but does not send its claim, so nothing is started here. It may take this node's messages for
    /// old ones, as when this run has a smaller generation than an earlier one.
    NoAnswer,
    /// The daemon was told to read its configuration again, and could not continue with the new one. It keeps the old
    /// one.
    ReloadRefused,
    /// The daemon was told to read its configuration again, and waits until nothing is being started, stopped or moved.
    ReloadWaits,
    /// The daemon was told to leave, and waits until groups have stopped that are no longer in `haresources`.
    LeaveWaits,
    /// Work that belongs to no group, such as writing a file, could not be handed to a thread.
    WorkRefused {
        /// The work.
        what: String,
    },
    /// Lines of the log are lost.
    LogLosesLines {
        /// The file; empty for lines that came faster than they could be written.
        file: String,
    },
    /// A connection that asks for the status could not be accepted.
    StatusRefused,
    /// A client of a `respawn` line has died too often, and is not started again.
    ClientGivenUp {
        /// Its command.
        client: String,
    },
    /// A client of a `failfast` line has died, and this machine could not be rebooted.
    ClientRebootFails {
        /// Its command.
        client: String,
    },
    /// This node is starting, and waits for a script before it joins.
    StartWaits {
        /// The script and its verb.
        script: String,
    },
    /// This start is refused. The node does not join, and stops what an earlier run has left before it ends.
    StartRefused,
}

impl Problem {
    /// The group whose stop is not confirmed.
    pub(crate) fn unseen_stop(&self) -> Option<String> {
        if let Self::StopUnseen { group, .. } = self { Some(group.clone()) } else { None }
    }

    /// Whether the problem is that this group runs nowhere.
    pub(crate) fn is_nowhere(&self, of: &str) -> bool {
        matches!(self, Self::RunsNowhere { group } if group == of)
    }

    /// Whether the problem is about the stop of this group.
    pub(crate) fn is_of_stop(&self, of: &str) -> bool {
        matches!(self, Self::StopUnseen { group, .. } | Self::StopDoubtful { group, .. } if group == of)
    }
}
