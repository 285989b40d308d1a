//! What the daemon knows, told to whoever connects to a socket in its run directory: `hb status`.
//!
//! There is no question and no client to be kept: whoever is accepted gets the whole answer in one write that does not wait, and is
//! forgotten. The socket's mode, 600, says who may ask.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hbcore::node::{NodeKind, NodeState};
use hbcore::takeover::{Group, GroupState, Holds, Phase, Standby};
use rustix::fs::{CWD, Mode};
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use crate::driver::LinuxCluster;

/// The name of the socket in the run directory.
pub const NAME: &str = "heartbeat.sock";

/// How long [`ask`] waits for a daemon that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Who connects faster than they are answered waits here, so many of them.
const WAITING: i32 = 4;

/// The daemon's end.
#[derive(Debug)]
pub struct StatusSocket {
    socket: OwnedFd,
    path: PathBuf,
}

impl StatusSocket {
    /// Listens at `path`. A socket that an earlier run left there is removed first.
    ///
    /// # Errors
    /// The system's refusal, such as a path of more than 107 bytes, or something else that has this name.
    pub fn open(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
            _ => {}
        }
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
        let this = Self { socket, path: path.to_owned() };
        // Before it listens: nobody can have connected yet.
        rustix::fs::chmodat(CWD, path, Mode::RUSR | Mode::WUSR, rustix::fs::AtFlags::empty())?;
        rustix::net::listen(&this.socket, WAITING)?;
        Ok(this)
    }

    /// Readable when somebody asks.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Answers one of those who ask, if there is one. What does not fit into the socket at once is lost, and with it only the asker's answer.
    pub fn answer(&self, text: impl FnOnce() -> String) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        if let Ok(client) = rustix::net::accept_with(&self.socket, flags) {
            let _ = rustix::net::send(&client, text().as_bytes(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
        }
    }
}

impl Drop for StatusSocket {
    fn drop(&mut self) {
        // A leftover is removed by the next start.
        let _ = fs::remove_file(&self.path);
    }
}

/// Asks the daemon whose socket is at `path`, and waits some seconds at most.
///
/// # Errors
/// The system's refusal; [`io::ErrorKind::UnexpectedEof`] when the daemon answers nothing.
pub fn ask(path: &Path) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // Nothing is asked. A daemon that has answered and hung up already is as good.
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
}

/// What a person wants to know: this node, the nodes with their links, the groups and where they are, as this node sees it.
/// `links` and `groups`: their names, in the engine's order.
pub fn report(cluster: &LinuxCluster, links: &[String], groups: &[String]) -> String {
    let mut text = String::new();
    let local = cluster.node(cluster.local());
    let (name, state) = local.map_or(("?", "?"), |n| (n.name.as_str(), n.state.as_str()));
    let _ = writeln!(text, "{name}: {state}, {}", progress(cluster));
    let _ = writeln!(text, "hbcore {}, pid {}", env!("CARGO_PKG_VERSION"), std::process::id());
    let nodes: Vec<[String; 3]> = cluster
        .nodes()
        .map(|node| {
            let heard = if node.id == cluster.local() { "this node".to_owned() } else { heard(cluster, &node, links) };
            [node.name.as_str().to_owned(), node.state.as_str().to_owned(), heard]
        })
        .collect();
    table(&mut text, ["node", "state", "links"], &nodes);
    let rows: Vec<[String; 3]> = cluster
        .groups()
        .iter()
        .zip(groups)
        .map(|(group, key)| {
            let home = cluster.node(group.home).map_or_else(|| "?".to_owned(), |n| n.name.as_str().to_owned());
            [key.clone(), home, place(cluster, group)]
        })
        .collect();
    if !rows.is_empty() {
        table(&mut text, ["group", "home", "where"], &rows);
    }
    text
}

/// How far resource management is.
fn progress(cluster: &LinuxCluster) -> String {
    let takeover = cluster.takeover();
    let doing = match (takeover.phase(), takeover.standby()) {
        (Phase::Init, _) => return "finding out who is there".to_owned(),
        (Phase::Leaving, _) => "giving everything up",
        (Phase::Left, _) => "has given everything up",
        (Phase::Starting | Phase::BothStarting | Phase::Reported, _) => "agreeing with the other node on what is whose",
        (Phase::Stable, Standby::Asking(_) | Standby::Releasing(_) | Standby::Released(_)) => {
            "giving groups to the other node"
        }
        (Phase::Stable, Standby::Offered(_) | Standby::Acquiring(_)) => "taking groups from the other node",
        (Phase::Stable, Standby::NotAsked) if cluster.groups().iter().any(is_moving) => "starting or stopping groups",
        (Phase::Stable, Standby::NotAsked) => "settled",
    };
    format!("holds {}, {doing}", takeover.holds().as_str())
}

fn is_moving(group: &Group) -> bool {
    matches!(group.state(), GroupState::Starting | GroupState::Stopping)
}

/// On which links a node is heard, and on which it is not.
fn heard(cluster: &LinuxCluster, node: &hbcore::cluster::NodeView<'_>, links: &[String]) -> String {
    let is_pinged = |link: &str| cluster.nodes().any(|n| n.kind == NodeKind::Ping && n.name.as_str() == link);
    let theirs = (0..).zip(links).filter(|(_, link)| match node.kind {
        NodeKind::Ping => link.as_str() == node.name.as_str(),
        _ => !is_pinged(link),
    });
    let words: Vec<String> = theirs
        .map(|(n, link)| {
            let is_up = node.links_up.contains(hbcore::id::LinkId(n));
            format!("{link} {}", if is_up { "up" } else { "silent" })
        })
        .collect();
    words.join(", ")
}

/// Where a group is, as far as this node knows.
fn place(cluster: &LinuxCluster, group: &Group) -> String {
    let here = match group.state() {
        GroupState::Running => "runs here",
        GroupState::Starting => "is being started here",
        GroupState::Stopping => "is being stopped here",
        GroupState::Failed => "could not be started here",
        GroupState::Stuck => "cannot be stopped here",
        GroupState::Stopped => "",
    };
    if !here.is_empty() {
        return here.to_owned();
    }
    let Holds { local, foreign } = cluster.takeover().other_holds();
    let mut others = cluster.nodes().filter(|n| n.id != cluster.local() && n.kind == NodeKind::Normal);
    let (Some(other), None) = (others.next(), others.next()) else { return "not here".to_owned() };
    let is_claimed = if group.home == other.id { local } else { foreign };
    if is_claimed && *other.state != NodeState::Dead {
        format!("at {}", other.name.as_str())
    } else {
        "nowhere".to_owned()
    }
}

/// Columns as wide as their widest cell; the last one as it is.
fn table(text: &mut String, head: [&str; 3], rows: &[[String; 3]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).chain([head[column].len()]).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let _ = writeln!(text, "\n{:first$}  {:second$}  {}", head[0], head[1], head[2]);
    for [a, b, c] in rows {
        let _ = writeln!(text, "{a:first$}  {b:second$}  {c}");
    }
}
