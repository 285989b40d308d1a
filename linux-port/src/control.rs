//! Orders of `hb` to the running daemon, each with an answer.
//!
//! A question is one datagram to the socket in the run directory: `standby` or `takeover`, a space, and a class. The
//! answer is one datagram: nothing if all is as ordered, else a sentence; that of an order which is not carried out
//! begins with [`REFUSED`]. The daemon keeps nothing between the two, and waits for nobody. Only root may ask. Scripts go
//! on writing into the FIFO (docs/protocol/clients.md 7), which carries no answer.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

use hbcore::takeover::{Class, StandbyRefusal, Wish};
use rustix::net::SocketAddrUnix;

use crate::state::{FileId, SocketName};
use crate::sys::fault;

/// The name of the socket in the run directory.
pub const NAME: &str = "heartbeat.control";
/// The first word of the sentence about an order that is not carried out.
pub const REFUSED: &str = "refused: ";

/// The longest question in bytes; of a longer one only the beginning is read, which is no order.
const QUESTION_MAX: usize = 64;
/// The longest answer in bytes; the end of a longer one is lost.
const ANSWER_MAX: usize = 1024;
/// The time for which [`give`] waits for the daemon's answer. A running daemon answers within a millisecond.
const PATIENCE: Duration = Duration::from_secs(1);

/// A move of groups that somebody orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Hand groups of this class, as this node sees them, over to the peer.
    Standby(Class),
    /// Have the peer hand groups over to this node.
    Takeover(Wish),
}

impl Move {
    /// Reads a question.
    fn read(question: &[u8]) -> Option<Self> {
        let space = question.iter().position(|byte| *byte == b' ')?;
        let (kind, class) = (question.get(..space)?, question.get(space + 1..)?);
        match kind {
            b"standby" => Class::parse(class).map(Self::Standby),
            b"takeover" => Wish::parse(class).map(Self::Takeover),
            _ => None,
        }
    }
}

/// The daemon's decision about a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is on its way. The remark tells what may surprise.
    Accepted(Option<&'static str>),
    /// Nothing is moved, for this reason.
    Refused(&'static str),
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted(remark) => f.write_str(remark.unwrap_or_default()),
            Self::Refused(why) => write!(f, "{REFUSED}{why}"),
        }
    }
}

/// The daemon's end.
#[derive(Debug)]
pub struct ControlSocket {
    socket: UnixDatagram,
    name: SocketName,
}

/// A question, and where its answer goes.
#[derive(Debug)]
pub struct Question {
    /// The order; `None` if it is none.
    pub order: Option<Move>,
    from: SocketAddr,
}

impl ControlSocket {
    /// Opens the socket of this run directory.
    ///
    /// # Errors
    /// A sentence for the log.
    pub fn open_in(run_dir: &Path) -> Result<Self, String> {
        let path = run_dir.join(NAME);
        Self::open(&path).map_err(|error| format!("hb standby gets no answer: cannot open {}: {error}", path.display()))
    }

    /// Opens the socket at `path`. It first removes one that an earlier run left there.
    ///
    /// # Errors
    /// The system's refusal, such as for a path of more than 107 bytes, or because another kind of file has this name.
    pub fn open(path: &Path) -> io::Result<Self> {
        SocketName::clear(path)?;
        fault::gate(fault::Call::Socket, NAME)?;
        let socket = UnixDatagram::bind(path)?;
        let this = Self { socket, name: SocketName::of(path)? };
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        this.socket.set_nonblocking(true)?;
        Ok(this)
    }

    /// The descriptor, readable when a question waits.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The file that leads to it.
    pub fn file(&self) -> FileId {
        self.name.file()
    }

    /// The next question, if one waits.
    pub fn next(&self) -> Option<Question> {
        let mut question = [0; QUESTION_MAX];
        let (len, from) = self.socket.recv_from(&mut question).ok()?;
        Some(Question { order: question.get(..len).and_then(Move::read), from })
    }

    /// Answers. An answer that its receiver has no room for is lost.
    pub fn answer(&self, question: &Question, said: &str) {
        let _ = self.socket.send_to_addr(said.as_bytes(), &question.from);
    }
}

/// The reason why an order has no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// No daemon of ours has a socket there, and the order was not given.
    NotGiven(io::Error),
    /// The order was given, and the daemon has not answered: it is busy or stopped, and carries it out later.
    NoAnswer(io::Error),
}

/// Gives an order, such as `standby all`, to the daemon whose socket is at `path`, and returns its answer. It waits for
/// a second at most.
///
/// # Errors
/// [`Unanswered`].
pub fn give(path: &Path, order: &str) -> Result<String, Unanswered> {
    let socket = connected(path).map_err(Unanswered::NotGiven)?;
    socket.send(order.as_bytes()).map_err(Unanswered::NotGiven)?;
    let mut answer = [0; ANSWER_MAX];
    let len = socket.recv(&mut answer).map_err(Unanswered::NoAnswer)?;
    Ok(String::from_utf8_lossy(answer.get(..len).unwrap_or_default()).into_owned())
}

/// A socket for one order. The kernel gives it a name, to which the answer goes.
fn connected(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    rustix::net::bind(&socket, &SocketAddrUnix::new_unnamed())?;
    socket.connect(path)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    // The queue of a stopped daemon may be full.
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// The reason why nothing is moved, for the person who asked for it.
pub(crate) const fn why(refusal: StandbyRefusal) -> &'static str {
    match refusal {
        StandbyRefusal::InProgress => "groups are being moved already; try again when `hb status` says settled",
        StandbyRefusal::NoPartner => "there is no other node to hand groups over",
        StandbyRefusal::OtherInFlux => {
            "the other node is still starting or stopping groups; try again when `hb status` says settled"
        }
        StandbyRefusal::LocalInFlux => {
            "this node is still starting, or already leaving; try again when `hb status` says settled"
        }
        StandbyRefusal::Divided => {
            "nothing is moved while haresources of the two nodes differ, or before the other has said what it holds: look at `hb status`"
        }
        StandbyRefusal::Unsupported => "with auto_failback legacy groups are not moved by hand",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("hbcore-control-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a new directory");
        path
    }

    #[test]
    fn order_gets_the_answer_to_itself() {
        let directory = directory("answer");
        let path = directory.join(NAME);
        let daemon = ControlSocket::open(&path).expect("opened");
        std::thread::scope(|scope| {
            let orders = ["standby local", "takeover failback", "dance all"].map(|order| {
                let path = path.clone();
                (order, scope.spawn(move || give(&path, order)))
            });
            let mut answered = 0;
            while answered < orders.len() {
                if let Some(question) = daemon.next() {
                    daemon.answer(&question, &format!("{:?}", question.order));
                    answered += 1;
                }
            }
            let answers = orders.map(|(_, asked)| asked.join().expect("no panic").expect("an answer"));
            assert_eq!(answers, ["Some(Standby(Local))", "Some(Takeover(Failback))", "None"]);
        });
        drop(daemon);
        assert!(!path.exists());
        let _ = fs::remove_dir_all(directory);
    }

    #[test]
    fn order_without_a_daemon_was_not_given_and_one_to_a_stopped_daemon_was() {
        let directory = directory("none");
        let path = directory.join(NAME);
        assert!(matches!(give(&path, "standby all"), Err(Unanswered::NotGiven(_))));
        let daemon = ControlSocket::open(&path).expect("opened");
        assert!(matches!(give(&path, "standby all"), Err(Unanswered::NoAnswer(_))));
        assert_eq!(daemon.next().and_then(|question| question.order), Some(Move::Standby(Class::All)));
        let _ = fs::remove_dir_all(directory);
    }

    #[test]
    fn only_root_may_ask_and_a_leftover_is_removed_at_the_next_start() {
        let directory = directory("mode");
        let path = directory.join(NAME);
        let first = ControlSocket::open(&path).expect("opened");
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        std::mem::forget(first);
        ControlSocket::open(&path).expect("opened again");
        fs::write(&path, "no socket").expect("written");
        assert!(ControlSocket::open(&path).is_err(), "a file of another kind stays");
        let _ = fs::remove_dir_all(directory);
    }

    #[test]
    fn question_that_is_no_order_is_none() {
        for question in ["", "standby", "standby ", "standby nothing", "takeover  all", "standby all\n"] {
            assert_eq!(Move::read(question.as_bytes()), None, "{question}");
        }
    }
}
