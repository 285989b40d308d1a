//! What happens in a world, as plain data: who is there, and which faults come when. It can be made from a seed, shrunk, and
//! written as text.

mod swarm;
mod text;

use std::time::Duration;

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Seed of what the network and the scripts do by chance.
    pub noise: u64,
    /// Who is there.
    pub site: Site,
    /// What goes wrong, in any order.
    pub faults: Vec<Planned>,
}

/// What kind of daemon runs on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The engine of this project.
    Ours,
    /// The model of a 3.0.6.
    Reference,
}

/// What kind of medium a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Datagrams to every other node.
    Datagram,
    /// Datagrams that the sender hears too.
    Broadcast,
    /// A cable of bytes between two nodes.
    Serial,
}

/// The cluster, and how well its machines and networks do on a quiet day.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact, not a state")]
pub struct Site {
    /// What runs on each node.
    pub nodes: Vec<Kind>,
    /// The home of each group; none: resources are not managed.
    pub groups: Vec<usize>,
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
    /// Messages are signed with sha1 and not only summed up.
    pub signed: bool,
    /// Least and most microseconds that a datagram travels.
    pub delay: (u64, u64),
    /// Most microseconds that a timer is late.
    pub lateness: u64,
    /// Least and most milliseconds that a script runs.
    pub script: (u64, u64),
    /// Milliseconds after which a script is given up.
    pub limit: u64,
    /// How much faster each node's clock runs, in millionths.
    pub drift: Vec<i64>,
}

/// A fault that begins at a certain time and lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Since the begin of the world.
    pub at: Duration,
    /// Its length; for a node that goes away, until it is started again. `Duration::MAX`: for ever.
    pub lasting: Duration,
    /// What happens.
    pub fault: Fault,
}

impl Planned {
    /// When it is over.
    pub fn end(&self) -> Duration {
        self.at.saturating_add(self.lasting)
    }
}

/// What an operator asks to be moved, seen from the node that is asked.
pub use hbcore::takeover::Class;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing passes from one node to another, on one link or on all.
    Cut {
        /// Sender.
        from: usize,
        /// Receiver.
        to: usize,
        /// This link only.
        link: Option<usize>,
    },
    /// Nothing passes between a node and the others.
    Isolate(usize),
    /// So many of a hundred datagrams are lost.
    Lose(u64),
    /// This many of a thousand datagrams begin a burst in which everything on their way is lost, of this many milliseconds.
    Burst {
        /// Of a thousand.
        begin: u64,
        /// Milliseconds, at most.
        most: u64,
    },
    /// Each datagram takes up to this many milliseconds longer, and thereby overtakes others.
    Delay(u64),
    /// So many of a hundred datagrams come twice.
    Duplicate(u64),
    /// So many of a hundred datagrams arrive with bits turned, or cut off.
    Corrupt(u64),
    /// So many of a hundred messages on a serial cable are mixed with noise.
    Noise(u64),
    /// The machine loses its power, with everything that runs on it. It comes back at the end.
    Power {
        /// Which.
        node: usize,
        /// The file with the generation is gone.
        forgets: bool,
    },
    /// The machine loses its power in the middle of the next script that begins on it. It comes back at the end.
    Blackout(usize),
    /// The daemon is stopped, as by `SIGSTOP`; what it started runs on.
    Pause(usize),
    /// Scripts take this many milliseconds longer.
    Slow {
        /// Where.
        node: usize,
        /// How much.
        by: u64,
    },
    /// So many of a hundred scripts fail.
    Fail {
        /// Where.
        node: usize,
        /// Of a hundred.
        percent: u64,
    },
    /// Scripts that are begun do not end before the fault does.
    Hang(usize),
    /// No process can be started: no script is run, and nothing can be asked.
    Blind(usize),
    /// Neither the site's command nor a reboot ends what cannot be stopped.
    Helpless(usize),
    /// An address of each group that runs there is gone, and can be added again by nobody: its interface is gone.
    Vanish(usize),
    /// The daemon is killed, and what it started runs on. It is started again at the end.
    Crash(usize),
    /// The fencing device of a node does not work.
    NoFencing(usize),
    /// It does not answer, until it is given up.
    SlowFencing(usize),
    /// The wall clock is set by this many seconds, and back at the end.
    SetClock {
        /// Where.
        node: usize,
        /// Forward, or back.
        by: i64,
    },
    /// An operator asks a node to give groups away.
    Standby {
        /// Where.
        node: usize,
        /// Which.
        class: Class,
    },
    /// An operator on a node wants the other one to give groups up.
    Takeover {
        /// Where.
        node: usize,
        /// Which, seen from there.
        class: Class,
    },
    /// An operator stops a node. It is started again at the end.
    Leave(usize),
}

impl Fault {
    /// The highest number of a node that it names.
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
    /// When the last fault is over, and each that stays for ever has begun.
    pub fn calm_from(&self) -> Duration {
        let over = |planned: &Planned| if planned.is_for_ever() { planned.at } else { planned.end() };
        self.faults.iter().map(over).max().unwrap_or_default()
    }
}
