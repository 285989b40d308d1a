//! The reasons why a demonstration ends early, and what the user can do about them.

use std::fmt;
use std::fs;
use std::io;

use rustix::process::geteuid;

/// Exit codes: the address did not move as it should; the system does not allow namespaces.
const FAILED: u8 = 1;
const NOT_PERMITTED: u8 = 4;
/// A shell adds the number of the signal to this.
const BY_SIGNAL: u8 = 128;

/// The reason why it ends.
#[derive(Debug)]
pub(super) enum Stop {
    /// A signal of this number asks for it.
    Signal(i32),
    /// A condition did not come true in time.
    Never(Awaited),
    /// A process of this node ended unexpectedly.
    Died(&'static str),
    /// The system refused.
    Refused(Doing, io::Error),
}

/// The condition that the demonstration waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// This node alone holds the address and answers there.
    Service(&'static str),
    /// Both nodes hold the address.
    TwoOwners,
    /// Only one of them holds it.
    OneOwner,
}

/// The request to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Namespaces.
    Isolate,
    /// A directory for files.
    MakeFiles,
    /// Interfaces, a switch and cables.
    LayCables,
    /// Starting a node, looking at it, or cutting its power.
    RunMachine,
    /// Sockets and threads of the client.
    RunClient,
    /// Signals.
    Listen,
    /// The file of the drawing.
    Draw,
}

impl Stop {
    /// For `map_err`.
    pub(super) fn refused(doing: Doing) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Refused(doing, error)
    }

    /// The exit code of the program.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Signal(number) => u8::try_from(*number).map_or(FAILED, |n| BY_SIGNAL.saturating_add(n)),
            Self::Refused(Doing::Isolate, _) => NOT_PERMITTED,
            _ => FAILED,
        }
    }

    /// Whether the logs of the nodes may help to explain it.
    pub(super) fn is_of_the_cluster(&self) -> bool {
        matches!(self, Self::Never(_) | Self::Died(_))
    }

    /// The user's remedy, if there is a known one.
    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::Refused(Doing::Isolate, _) => Some(how_to_permit()),
            Self::Refused(Doing::LayCables, _) => {
                Some("the kernel needs virtual cables and switches: CONFIG_VETH and CONFIG_BRIDGE".to_owned())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(_) => f.write_str("stopped; nothing is left behind"),
            Self::Never(Awaited::Service(node)) => write!(f, "{node} did not come to answer at the address"),
            Self::Never(Awaited::TwoOwners) => f.write_str("the nodes did not notice that they were parted"),
            Self::Never(Awaited::OneOwner) => f.write_str("after the partition the address did not get one owner"),
            Self::Died(node) => write!(f, "a process of {node} ended by itself"),
            Self::Refused(doing, error) => write!(f, "cannot {doing}: {error}"),
        }
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Isolate => "make network namespaces",
            Self::MakeFiles => "make files in memory",
            Self::LayCables => "lay virtual cables",
            Self::RunMachine => "run a node",
            Self::RunClient => "run the client",
            Self::Listen => "listen to signals",
            Self::Draw => "write the drawing",
        })
    }
}

/// The way to permit namespaces on this system.
fn how_to_permit() -> String {
    let switches = [
        ("kernel.unprivileged_userns_clone", "0", "1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
        ("user.max_user_namespaces", "0", "10000"),
        ("user.max_net_namespaces", "0", "10000"),
    ];
    let set = |name: &str, bad: &str| {
        let value = fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/")));
        value.is_ok_and(|value| value.trim() == bad)
    };
    let blocked = switches.into_iter().find(|(name, bad, _)| set(name, bad));
    match blocked {
        Some((name, _, good)) if geteuid().is_root() => format!("allow it with: sysctl -w {name}={good}"),
        Some((name, _, good)) => format!("run it as root, or allow it with: sudo sysctl -w {name}={good}"),
        None if geteuid().is_root() => "in a container, give it the capability SYS_ADMIN".to_owned(),
        None => "run it as root; in a container, give it the capability SYS_ADMIN".to_owned(),
    }
}
