//! The daemon's state, for each program that connects to a socket in its run directory: `hb status`, the tools,
//! `heartbeat -k`.
//!
//! There is no question and no client to keep: each accepted connection gets the whole answer in one write that does
//! not wait, and is closed. The answer has three sections, see [`Answer`]. The socket's mode decides who may ask: root,
//! and the group `haclient` where the system has it.

mod group;
mod json;
mod reloads;
mod snapshot;
mod starting;
mod text;

#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Gid, Mode};
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use crate::resources::gone_words;
use crate::state::{FileId, SocketName};
use crate::sys::{fault, users};
use hbcore::config::HaResources;
use socket2::{Domain, SockAddr, Socket, Type};

pub use group::{GroupRow, Next, RunningScript};
pub use json::STOPPED;
pub use reloads::{Decided, Reloads};
pub use snapshot::{NodeRow, Progress, Seen, Snapshot};
pub use starting::Starting;

/// The name of the socket in the run directory.
pub const NAME: &str = "heartbeat.sock";

/// The time for which [`ask`] waits for the daemon's answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The number of connections that may wait to be accepted.
const WAITING: i32 = 4;
/// The group that may ask besides root: that of the clients of 3.0.6.
const GROUP: &str = "haclient";
/// The line between two sections. No name in a configuration can contain it.
const SEPARATOR: &str = "\x1e\n";

/// The daemon's end.
#[derive(Debug)]
pub struct StatusSocket {
    socket: OwnedFd,
    name: SocketName,
}

impl StatusSocket {
    /// Opens the socket of this run directory.
    ///
    /// # Errors
    /// A sentence for the log.
    pub fn open_in(run_dir: &Path) -> Result<Self, String> {
        let path = run_dir.join(NAME);
        Self::open(&path).map_err(|error| format!("hb status will not work: cannot open {}: {error}", path.display()))
    }

    /// Listens at `path`. It first removes a socket that an earlier run left there. It looks up a group, so it is not
    /// for the heartbeat path.
    ///
    /// # Errors
    /// The system's refusal, such as for a path of more than 107 bytes, or because another kind of file has this name.
    pub fn open(path: &Path) -> io::Result<Self> {
        SocketName::clear(path)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
        let this = Self { socket, name: SocketName::of(path)? };
        // Before it listens, so that no program can have connected yet.
        let own = Mode::RUSR | Mode::WUSR;
        rustix::fs::chmodat(CWD, path, own, AtFlags::empty())?;
        let group = users::group(GROUP).map(Gid::from_raw);
        if group.is_some() && rustix::fs::chownat(CWD, path, None, group, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            rustix::fs::chmodat(CWD, path, own | Mode::RGRP | Mode::WGRP, AtFlags::empty())?;
        }
        rustix::net::listen(&this.socket, WAITING)?;
        Ok(this)
    }

    /// The descriptor, readable when a connection waits.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The file that leads to it.
    pub fn file(&self) -> FileId {
        self.name.file()
    }

    /// Answers one waiting connection, if there is one. The part of the answer that does not fit into the socket at
    /// once is lost, which only that connection notices.
    ///
    /// # Errors
    /// The connection cannot be accepted, as for want of a descriptor, and keeps waiting: the socket stays readable.
    pub fn answer(&self, text: impl FnOnce() -> String) -> io::Result<()> {
        use rustix::io::Errno;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        fault::gate(fault::Call::Accept, NAME)?;
        match rustix::net::accept_with(&self.socket, flags) {
            Ok(client) => {
                let _ = rustix::net::send(&client, text().as_bytes(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
                Ok(())
            }
            // No connection waits, or it has gone again.
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The daemon's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// For people.
    pub text: String,
    /// For monitors: one object on one line; empty from a daemon of an earlier version, and when it did not fit into
    /// the socket.
    pub json: String,
    /// The decisions about the latest reloads, the oldest first.
    pub reloads: Vec<Decided>,
    /// The groups that are being stopped, by their keys, each with the script that runs.
    pub stopping: Vec<String>,
    /// The words of the problems that stand.
    pub problems: Vec<String>,
    /// The other nodes that are alive.
    pub peers: Vec<Peer>,
    /// The groups of which something runs here or may, as their resources stand in `haresources`.
    pub running: Vec<String>,
}

/// Another node that is alive, and whether it has the same groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Whether it runs this program, of any release.
    pub is_ours: bool,
    /// Whether it has the same `haresources`; `None` if it does not tell.
    pub same: Option<bool>,
}

impl Peer {
    fn line(&self) -> String {
        let kind = if self.is_ours { "hbcore" } else { "other" };
        let same = match self.same {
            Some(true) => "same",
            Some(false) => "differs",
            None => "untold",
        };
        format!("peer {kind} {same} {}\n", self.name)
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let (kind, same, name) = (words.next()?, words.next()?, words.next()?);
        let same = match same {
            "same" => Some(true),
            "differs" => Some(false),
            _ => None,
        };
        Some(Self { name: name.to_owned(), is_ours: kind == "hbcore", same })
    }
}

impl Answer {
    /// The daemon's state and its decisions.
    pub fn of(seen: &Seen<'_>, reloads: &Reloads) -> Self {
        Self { running: seen.running(), ..Self::of_snapshot(&Snapshot::of(seen), reloads) }
    }

    fn of_snapshot(seen: &Snapshot, reloads: &Reloads) -> Self {
        let problems = seen.problems.iter().map(|s| s.problem.word().to_owned()).collect();
        let peers = seen.nodes.iter().filter(|n| !n.is_local && !n.is_ping && n.state != "dead" && n.state != "init");
        let peers = peers.map(|n| Peer { name: n.name.clone(), is_ours: n.program.is_some(), same: n.same_resources });
        Self {
            text: seen.text(),
            json: seen.json(),
            reloads: reloads.to_vec(),
            stopping: seen.stopping(),
            problems,
            peers: peers.collect(),
            running: Vec::new(),
        }
    }

    /// The resources that run here, or may, and that a daemon with this `haresources` stops: one line for each group.
    pub fn ending(&self, resources: &HaResources<'_>) -> Vec<String> {
        let is_kept = |word: &str| resources.groups.iter().any(|group| group.resources().any(|kept| kept.word == word));
        self.running.iter().filter_map(|words| gone_words(words, is_kept)).collect()
    }

    /// Whether any problem stands. The text tells it too, since the end of an answer that does not fit into the socket
    /// is lost.
    pub fn is_troubled(&self) -> bool {
        !self.problems.is_empty() || self.text.lines().any(|line| line.starts_with("problem "))
    }

    /// The three sections as they go over the socket.
    pub fn pack(&self) -> String {
        let reloads = self.reloads.iter().map(|r| format!("reload {} {}\n", r.number, r.said));
        let stopping = self.stopping.iter().map(|key| format!("stopping {key}\n"));
        let problems = self.problems.iter().map(|word| format!("problem {word}\n"));
        let peers = self.peers.iter().map(Peer::line);
        let running = self.running.iter().map(|words| format!("running {words}\n"));
        let notes: String = reloads.chain(stopping).chain(problems).chain(peers).chain(running).collect();
        [self.text.as_str(), SEPARATOR, &self.json, SEPARATOR, &notes].concat()
    }

    /// Reads the result of [`Answer::pack`]. Unknown sections and lines are ignored.
    pub fn unpack(packed: &str) -> Self {
        let mut sections = packed.split(SEPARATOR);
        let text = sections.next().unwrap_or_default().to_owned();
        // A section is whole when another one follows it.
        let (json, notes) = sections.next().zip(sections.next()).unwrap_or_default();
        let words = |line: &str, word: &str| line.strip_prefix(word).map(str::to_owned);
        Self {
            text,
            json: json.to_owned(),
            reloads: notes.lines().filter_map(|line| Decided::read(&words(line, "reload ")?)).collect(),
            stopping: notes.lines().filter_map(|line| words(line, "stopping ")).collect(),
            problems: notes.lines().filter_map(|line| words(line, "problem ")).collect(),
            peers: notes.lines().filter_map(|line| Peer::read(&words(line, "peer ")?)).collect(),
            running: notes
                .split_inclusive('\n')
                .filter_map(|line| words(line.strip_suffix('\n')?, "running "))
                .collect(),
        }
    }
}

/// Asks the daemon whose socket is at `path`, and waits some seconds at most.
///
/// # Errors
/// The system's refusal; [`io::ErrorKind::UnexpectedEof`] when the daemon answers nothing.
pub fn ask(path: &Path) -> io::Result<Answer> {
    ask_within(path, PATIENCE)
}

/// As [`ask`], with another longest time, above zero.
///
/// # Errors
/// As [`ask`].
pub fn ask_within(path: &Path, patience: Duration) -> io::Result<Answer> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A stopped daemon accepts no connection once enough of them wait, so the limit holds for the connect too.
    socket.set_write_timeout(Some(patience))?;
    socket.connect(&SockAddr::unix(path)?)?;
    let mut stream = UnixStream::from(socket);
    stream.set_read_timeout(Some(patience))?;
    // There is no question to send. If the daemon has already answered and closed, that is no error.
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(Answer::unpack(&answer)) }
}
