//! The description of a world as plain data: the nodes, and the faults with their times. A schedule can be made from a
//! seed, shrunk, and written as text.

mod swarm;
mod text;

use std::time::Duration;

/// All data that decide a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The seed for the random behaviour of the network and the scripts.
    pub noise: u64,
    /// The cluster.
    pub site: Site,
    /// The faults, in any order.
    pub faults: Vec<Planned>,
}

/// The kind of daemon on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The engine of this project.
    Ours,
    /// The model of a 3.0.6.
    Reference,
}

/// The kind of medium of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Datagrams to every other node.
    Datagram,
    /// Datagrams that the sender hears too.
    Broadcast,
    /// A serial line between two nodes.
    Serial,
}

/// The cluster, and the behaviour of its machines and networks without faults.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact, not a state")]
pub struct Site {
    /// The kind of daemon on each node.
    pub nodes: Vec<Kind>,
    /// The home of each group. Empty: resources are not managed.
    pub groups: Vec<usize>,
    /// The home of each group in the `haresources` of the second node; empty: it is that of the first.
    pub other_homes: Vec<usize>,
    /// The links.
    pub links: Vec<Medium>,
    /// Milliseconds.
    pub keepalive: u64,
    /// Milliseconds.
    pub deadtime: u64,
    /// Milliseconds.
    pub initdead: u64,
    /// Each node has a device that can cut the other's power.
    pub fencing: bool,
    /// `auto_failback`.
    pub failback: bool,
    /// The short heartbeat.
    pub compact: bool,
    /// Messages are signed with sha1, and not only with a checksum.
    pub signed: bool,
    /// The least and most microseconds that a datagram travels.
    pub delay: (u64, u64),
    /// The most microseconds by which a timer is late.
    pub lateness: u64,
    /// The least and most milliseconds that a script runs.
    pub script: (u64, u64),
    /// Milliseconds after which a script is given up.
    pub limit: u64,
    /// How much faster each node's clock runs, in millionths.
    pub drift: Vec<i64>,
}

/// A `haresources` as a node had it in the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// That of the first node.
    First,
    /// That of the second.
    Second,
}

impl Site {
    /// The homes of all groups in a file.
    pub(crate) fn homes(&self, file: File) -> &[usize] {
        if file == File::First || self.other_homes.is_empty() { &self.groups } else { &self.other_homes }
    }
}

/// A fault that begins at a certain time and lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The time since the begin of the world.
    pub at: Duration,
    /// Its length. For a node that goes away: until it is started again. `Duration::MAX`: for ever.
    pub lasting: Duration,
    /// The fault.
    pub fault: Fault,
}

impl Planned {
    /// The end of the fault.
    pub fn end(&self) -> Duration {
        self.at.saturating_add(self.lasting)
    }
}

/// The groups that an operator wants to move, as seen from the node that gets the request.
pub use hbcore::takeover::Class;

/// The kinds of faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No message gets from one node to another, on one link or on all.
    Cut {
        /// Sender.
        from: usize,
        /// Receiver.
        to: usize,
        /// This link only.
        link: Option<usize>,
    },
    /// No message gets from a node to the others, or back.
    Isolate(usize),
    /// This percentage of datagrams is lost.
    Lose(u64),
    /// This many of a thousand datagrams begin a burst, which lasts for up to `most` milliseconds and loses everything
    /// on this way.
    Burst {
        /// In a thousand.
        begin: u64,
        /// Milliseconds, at most.
        most: u64,
    },
    /// Each datagram takes up to this many milliseconds longer, and thereby overtakes others.
    Delay(u64),
    /// This percentage of datagrams arrives twice.
    Duplicate(u64),
    /// This percentage of datagrams arrives with flipped bits, or cut off.
    Corrupt(u64),
    /// This percentage of messages on a serial line is mixed with noise.
    Noise(u64),
    /// The machine loses its power, with everything that runs on it. It comes back at the end.
    Power {
        /// The node.
        node: usize,
        /// The file with the generation is gone.
        forgets: bool,
    },
    /// The machine loses its power in the middle of the next script that begins on it. It comes back at the end.
    Blackout(usize),
    /// The daemon is stopped, as by `SIGSTOP`; the groups that it started run on.
    Pause(usize),
    /// Scripts take this many milliseconds longer.
    Slow {
        /// The node.
        node: usize,
        /// Milliseconds.
        by: u64,
    },
    /// This percentage of scripts fails.
    Fail {
        /// The node.
        node: usize,
        /// The percentage.
        percent: u64,
    },
    /// Scripts that begin during the fault do not end before the fault does.
    Hang(usize),
    /// No process can be started: no script runs, and no status is known.
    Blind(usize),
    /// Neither the site's command nor a reboot ends a group that cannot be stopped.
    Helpless(usize),
    /// An address of each group that runs there is gone, and cannot be added again, because its interface is gone.
    Vanish(usize),
    /// The daemon is killed, and the groups that it started run on. It is started again at the end.
    Crash(usize),
    /// The fencing device of a node does not work.
    NoFencing(usize),
    /// The fencing device of a node does not answer, until the attempt is given up.
    SlowFencing(usize),
    /// The wall clock is set by this many seconds, and back at the end.
    SetClock {
        /// The node.
        node: usize,
        /// Seconds, forward or back.
        by: i64,
    },
    /// An operator asks a node to hand groups over.
    Standby {
        /// The node.
        node: usize,
        /// The groups.
        class: Class,
    },
    /// An operator on a node wants the other one to hand groups over.
    Takeover {
        /// The node.
        node: usize,
        /// The groups, as seen from that node.
        class: Class,
    },
    /// An operator stops a node. It is started again at the end.
    Leave(usize),
    /// The `haresources` of a node becomes that of the first node, or of the second, and is read again.
    Reload {
        /// Where.
        node: usize,
        /// The file that it becomes.
        file: File,
    },
}

impl Fault {
    /// The highest index of a node in the fault.
    pub fn highest_node(&self) -> Option<usize> {
        match *self {
            Self::Cut { from, to, .. } => Some(from.max(to)),
            Self::Isolate(node)
            | Self::Power { node, .. }
            | Self::Pause(node)
            | Self::Slow { node, .. }
            | Self::Fail { node, .. }
            | Self::Hang(node)
            | Self::Blind(node)
            | Self::Helpless(node)
            | Self::Vanish(node)
            | Self::Crash(node)
            | Self::NoFencing(node)
            | Self::SlowFencing(node)
            | Self::Blackout(node)
            | Self::SetClock { node, .. }
            | Self::Standby { node, .. }
            | Self::Takeover { node, .. }
            | Self::Reload { node, .. }
            | Self::Leave(node) => Some(node),
            Self::Lose(_)
            | Self::Burst { .. }
            | Self::Delay(_)
            | Self::Duplicate(_)
            | Self::Corrupt(_)
            | Self::Noise(_) => None,
        }
    }
}

impl Schedule {
    /// The time at which the last fault is over, and each fault that stays for ever has begun.
    pub fn calm_from(&self) -> Duration {
        let over = |planned: &Planned| if planned.is_for_ever() { planned.at } else { planned.end() };
        self.faults.iter().map(over).max().unwrap_or_default()
    }
}
