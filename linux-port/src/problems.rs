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
    /// A group could not be started here.
    StartFailed {
        /// The group's key.
        group: String,
    },
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
            Self::StartFailed { .. } => "start-failed",
            Self::StopUnseen { .. } => "stop-unseen",
            Self::AddressLost { .. } => "address-lost",
            Self::AddressConflict { .. } => "address-conflict",
            Self::AddressesUnrecorded { .. } => "addresses-unrecorded",
            Self::ReloadRefused { .. } => "reload-refused",
            Self::WorkRefused { .. } => "work-refused",
        }
    }

    /// What the operator can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::StartFailed { .. } => {
                "look for the script's last words in the log, mend the cause, then `hb takeover`"
            }
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
            Self::StartFailed { group } => write!(f, "{group} could not be started here"),
            Self::StopUnseen { group, member } => {
                write!(f, "{group} may still run here: nobody has seen {member} stopped")
            }
            Self::AddressLost { address } => write!(f, "{address} is owned here and not on its interface"),
            Self::AddressConflict { address, mac } => write!(f, "the host {mac} has {address}, which is owned here"),
            Self::AddressesUnrecorded { path } => write!(f, "addresses are taken without a note in {path}"),
            Self::ReloadRefused { reason } => write!(f, "the changed configuration is not in use: {reason}"),
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

    fn failed(group: &str) -> Problem {
        Problem::StartFailed { group: group.to_owned() }
    }

    #[test]
    fn problem_raised_twice_stands_once_until_it_is_settled() {
        let board = Board::default();
        board.raise(failed("web"));
        board.clone().raise(failed("web"));
        board.raise(failed("mail"));
        let standing = board.standing();
        assert_eq!(standing.iter().map(|s| s.times).collect::<Vec<_>>(), [2, 1]);
        board.settle(&failed("web"));
        assert_eq!(board.standing().iter().map(|s| s.problem.clone()).collect::<Vec<_>>(), [failed("mail")]);
    }

    #[test]
    fn newcomer_is_counted_when_the_board_is_full() {
        let board = Board::default();
        for n in 0..=CAPACITY {
            board.raise(failed(&n.to_string()));
        }
        assert_eq!((board.standing().len(), board.left_out()), (CAPACITY, 1));
    }
}
