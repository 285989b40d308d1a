//! What the operator should know and can mend: a board on which every thread puts up and takes down problems, and which
//! `hb status` shows.
//!
//! A problem stands as long as it holds. Raising it again changes nothing but its count, so that a retry which fails each second is
//! one line. The heartbeat thread raises nothing here, since the board has a lock: what it sees itself it keeps itself.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Problems that stand at the same time. Full: the newcomer is dropped and counted, see [`Board::left_out`].
pub const CAPACITY: usize = 256;

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
    ReloadRefused {
        /// What was in the way.
        reason: String,
    },
    /// A work that belongs to no group, such as writing a file, could not be handed to a thread.
    WorkRefused {
        /// What was to be done.
        what: String,
    },
}

impl Problem {
    /// The word for monitors. It never changes.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::StopUnseen { .. } => "stop-unseen",
            Self::AddressLost { .. } => "address-lost",
            Self::AddressConflict { .. } => "address-conflict",
            Self::AddressesUnrecorded { .. } => "addresses-unrecorded",
            Self::RunsNowhere { .. } => "runs-nowhere",
            Self::StopEscalated { .. } => "stop-escalated",
            Self::FenceFails { .. } => "fence-fails",
            Self::FenceMissing { .. } => "fence-missing",
            Self::ForeignKey { .. } => "foreign-key",
            Self::UnknownNode { .. } => "unknown-node",
            Self::NameTaken { .. } => "name-taken",
            Self::ResourcesDiffer { .. } => "haresources-differ",
            Self::FailbackDiffers { .. } => "failback-differs",
            Self::ReleaseDiffers { .. } => "release-differs",
            Self::ClockDiffers { .. } => "clock-differs",
            Self::ClockJumped { .. } => "clock-jumped",
            Self::NoAnswer => "no-answer",
            Self::ReloadRefused { .. } => "reload-refused",
            Self::WorkRefused { .. } => "work-refused",
        }
    }

    /// What the operator can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::StopUnseen { .. } => {
                "stop it by hand and make `status` of the script say so; stop_failure_command or a reboot is next"
            }
            Self::AddressLost { .. } => {
                "look what removes the address: a network manager, a script, an interface that goes away"
            }
            Self::AddressConflict { .. } => {
                "find the host with this hardware address and take the address from it; see also address_conflict in hbcore.cf"
            }
            Self::AddressesUnrecorded { .. } => {
                "make room in the run directory, or mount it writable; after a crash the addresses would stay until the next start"
            }
            Self::RunsNowhere { .. } => {
                "the table of groups says what was tried and what is next; the log has the scripts' last words"
            }
            Self::StopEscalated { .. } => {
                "if this node stays up, stop what is left by hand, then ask for a standby of it with `hb standby`"
            }
            Self::FenceFails { .. } => {
                "look for the program's last words in the log; if the node is off for certain, let the program return 0 for once"
            }
            Self::FenceMissing { .. } => {
                "put the program there and make it executable; it is tried again every five seconds"
            }
            Self::ForeignKey { .. } => {
                "make authkeys the same on all nodes, then `heartbeat -r`; if it is another cluster, give it another udpport"
            }
            Self::UnknownNode { .. } => "add the node to ha.cf on all nodes, or stop heartbeat there",
            Self::NameTaken { .. } => "give the other host another name: `uname -n`, or the first line of its nodeinfo",
            Self::ResourcesDiffer { .. } => {
                "make haresources the same on both nodes, in the same order of lines, then `heartbeat -r` where it changed"
            }
            Self::FailbackDiffers { .. } => "write the same auto_failback into ha.cf of both nodes",
            Self::ReleaseDiffers { .. } => "that is well for an update, one node after the other: finish it",
            Self::ClockDiffers { .. } => {
                "let both nodes have their time from a server (ntp); no failover depends on it, logs do"
            }
            Self::ClockJumped { .. } => "look what sets the clock; no failover depends on it, the times in the log do",
            Self::NoAnswer => {
                "look at the other node's log; if it speaks of a replay, set the clock here, write that time in seconds since 1970 into hb_generation, and restart"
            }
            Self::ReloadRefused { .. } => {
                "mend the cause, then `heartbeat -r`; until then the old configuration is in use"
            }
            Self::WorkRefused { .. } => {
                "look at the limits of processes and threads (pids.max, ulimit -u) and at the memory"
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StopUnseen { group, member } => {
                write!(f, "{group} may still run here: nobody has seen {member} stopped")
            }
            Self::AddressLost { address } => write!(f, "{address} is owned here and not on its interface"),
            Self::AddressConflict { address, mac } => write!(f, "the host {mac} has {address}, which is owned here"),
            Self::AddressesUnrecorded { path } => write!(f, "addresses are taken without a note in {path}"),
            Self::NoAnswer => {
                f.write_str("the other node is heard and does not say what it holds: nothing is started here")
            }
            Self::ReloadRefused { reason } => write!(f, "the changed configuration is not in use: {reason}"),
            Self::RunsNowhere { group } => write!(f, "{group} runs on no node"),
            Self::StopEscalated { group } => write!(f, "{group} does not stop here, and nobody else may start it"),
            Self::FenceFails { node, device } => {
                write!(f, "{node} is not fenced: {device} fails, and nothing that it may hold is started")
            }
            Self::FenceMissing { program } => {
                write!(f, "{program}, which fences, does not exist or is not executable")
            }
            Self::ForeignKey { from } => write!(f, "packets from {from} are signed with another key"),
            Self::UnknownNode { name, from } => {
                write!(f, "node {name} at {from} is not in ha.cf: it is not listened to")
            }
            Self::NameTaken { from } => write!(f, "another host at {from} has the name of this node"),
            Self::ResourcesDiffer { node } => write!(f, "haresources differs between this node and {node}"),
            Self::FailbackDiffers { node } => {
                write!(f, "only one of this node and {node} has auto_failback legacy: they cannot share groups")
            }
            Self::ReleaseDiffers { node, theirs } if theirs.is_empty() => {
                write!(f, "{node} runs an earlier release of hbcore, which does not say which")
            }
            Self::ReleaseDiffers { node, theirs } => {
                write!(f, "{node} runs hbcore {theirs}, this node {}", env!("CARGO_PKG_VERSION"))
            }
            Self::ClockDiffers { node } => {
                write!(f, "the clock of {node} is more than ten seconds away from that of this node")
            }
            Self::ClockJumped { seconds } => write!(f, "the clock of this node was set by {seconds} s"),
            Self::WorkRefused { what } => write!(f, "no thread or process could be had for: {what}"),
        }
    }
}

/// A problem that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it is.
    pub problem: Problem,
    /// How long it has stood.
    pub age: Duration,
    /// How often it was raised meanwhile.
    pub times: u32,
}

/// The board. A clone is the same board.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Posted>>);

#[derive(Debug, Default)]
struct Posted {
    entries: Vec<Entry>,
    left_out: u64,
}

#[derive(Debug)]
struct Entry {
    problem: Problem,
    since: Instant,
    times: u32,
}

impl Posted {
    fn standing(&self) -> Vec<Standing> {
        let standing =
            |entry: &Entry| Standing { problem: entry.problem.clone(), age: entry.since.elapsed(), times: entry.times };
        self.entries.iter().map(standing).collect()
    }
}

impl Board {
    /// Puts a problem up, or counts it once more if it stands already.
    pub fn raise(&self, problem: Problem) {
        let mut posted = self.lock();
        if let Some(entry) = posted.entries.iter_mut().find(|entry| entry.problem == problem) {
            entry.times = entry.times.saturating_add(1);
        } else if posted.entries.len() >= CAPACITY {
            posted.left_out = posted.left_out.saturating_add(1);
        } else {
            posted.entries.push(Entry { problem, since: Instant::now(), times: 1 });
        }
    }

    /// Takes a problem down: it no longer holds.
    pub fn settle(&self, problem: &Problem) {
        self.settle_where(|standing| standing == problem);
    }

    /// Takes down each problem for which `over` is true.
    pub fn settle_where(&self, mut over: impl FnMut(&Problem) -> bool) {
        self.lock().entries.retain(|entry| !over(&entry.problem));
    }

    /// What stands now, the oldest first.
    pub fn standing(&self) -> Vec<Standing> {
        let posted = self.lock();
        let standing =
            |entry: &Entry| Standing { problem: entry.problem.clone(), age: entry.since.elapsed(), times: entry.times };
        posted.entries.iter().map(standing).collect()
    }

    /// [`Board::standing`] for the heartbeat thread, which waits for nobody: `None` while another thread changes the board.
    pub fn glance(&self) -> Option<Vec<Standing>> {
        self.0.try_lock().ok().map(|posted| posted.standing())
    }

    /// Problems that found the board full.
    pub fn left_out(&self) -> u64 {
        self.lock().left_out
    }

    /// Not for the heartbeat thread: a holder of normal priority may be kept from running.
    fn lock(&self) -> MutexGuard<'_, Posted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere(group: &str) -> Problem {
        Problem::RunsNowhere { group: group.to_owned() }
    }

    #[test]
    fn problem_raised_twice_stands_once_until_it_is_settled() {
        let board = Board::default();
        board.raise(nowhere("web"));
        board.clone().raise(nowhere("web"));
        board.raise(nowhere("mail"));
        let standing = board.standing();
        assert_eq!(standing.iter().map(|s| s.times).collect::<Vec<_>>(), [2, 1]);
        board.settle(&nowhere("web"));
        assert_eq!(board.standing().iter().map(|s| s.problem.clone()).collect::<Vec<_>>(), [nowhere("mail")]);
    }

    #[test]
    fn newcomer_is_counted_when_the_board_is_full() {
        let board = Board::default();
        for n in 0..=CAPACITY {
            board.raise(nowhere(&n.to_string()));
        }
        assert_eq!((board.standing().len(), board.left_out()), (CAPACITY, 1));
    }
}
