//! The membership that `ccm` tells its clients (docs/protocol/clients.md 11), for `hbstatus -v`.

use super::super::output::Output;
use crate::ipc::{BODY_MAX, Inbox};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// The path of the socket of `ccm`, below the run directory.
const SOCKET: &str = "heartbeat/ccm/ccm";
/// The room for a name in a list of nodes.
const NAME: usize = 256;

/// The kinds of messages.
const EVICTED: u32 = 1;
const MEMBERSHIP: u32 = 2;
const NODES: u32 = 4;

/// The membership, as the local `ccm` sees it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Membership {
    state: State,
    instance: u32,
    members: Vec<Member>,
    is_member: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    WithQuorum,
    WithoutQuorum,
    #[default]
    Evicted,
}

#[derive(Debug, PartialEq, Eq)]
struct Member {
    node: u32,
    name: String,
    born: u32,
}

/// The outcome of a question to `ccm`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// No `ccm` runs here, or it has ended.
    Absent,
    /// It has told no membership in time.
    TimedOut,
    Told(Membership),
}

/// Waits for the membership.
pub(super) fn ask(run_dir: &Path, limit: Duration) -> Asked {
    let until = Instant::now() + limit;
    let Ok(mut stream) = UnixStream::connect(run_dir.join(SOCKET)) else { return Asked::Absent };
    let (mut inbox, mut nodes) = (Inbox::default(), Nodes::default());
    let mut buffer = [0; 4096];
    loop {
        match inbox.next(BODY_MAX) {
            Ok(Some(body)) => {
                if let Some(membership) = nodes.hear(&body) {
                    return Asked::Told(membership);
                }
                continue;
            }
            Ok(None) => {}
            Err(_) => return Asked::Absent,
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return Asked::TimedOut;
        }
        match stream.read(&mut buffer) {
            Ok(0) => return Asked::Absent,
            Ok(length) => inbox.push(buffer.get(..length).unwrap_or_default()),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => return Asked::Absent,
        }
    }
}

/// The names of nodes, by their index, and the own index.
#[derive(Default)]
struct Nodes {
    names: Vec<(u32, String)>,
    own: u32,
}

impl Nodes {
    /// Takes a message; returns the membership if it is one.
    fn hear(&mut self, body: &[u8]) -> Option<Membership> {
        let number = |at: usize| Some(u32::from_ne_bytes(body.get(4 * at..)?.first_chunk().copied()?));
        match number(0)? {
            EVICTED => Some(Membership::default()),
            NODES => {
                self.own = number(2)?;
                self.names = body.get(12..)?.chunks_exact(4 + NAME).filter_map(node).collect();
                None
            }
            MEMBERSHIP => {
                let pairs = (0..number(1)?).map_while(|n| {
                    let at = 4 + 2 * usize::try_from(n).ok()?;
                    Some((number(at)?, number(at + 1)?))
                });
                let mut members: Vec<Member> =
                    pairs.map(|(node, born)| Member { node, name: self.name_of(node), born }).collect();
                // The oldest first, as Debian's program shows them.
                members.sort_by_key(|member| member.born);
                let state = if number(3)? == 0 { State::WithoutQuorum } else { State::WithQuorum };
                let is_member = members.iter().any(|member| member.node == self.own);
                Some(Membership { state, instance: number(2)?, members, is_member })
            }
            // A change is under way, or a later kind: the membership comes later.
            _ => None,
        }
    }

    fn name_of(&self, node: u32) -> String {
        self.names.iter().find(|(index, _)| *index == node).map(|(_, name)| name.clone()).unwrap_or_default()
    }
}

/// One entry of a list of nodes.
fn node(entry: &[u8]) -> Option<(u32, String)> {
    let (index, name) = entry.split_first_chunk()?;
    let name = name.split(|byte| *byte == 0).next()?;
    Some((u32::from_ne_bytes(*index), String::from_utf8_lossy(name).into_owned()))
}

impl Membership {
    pub(super) fn print(&self, output: &mut Output) {
        let state = match self.state {
            State::WithQuorum => "with quorum",
            State::WithoutQuorum => "WITHOUT quorum",
            State::Evicted => "evicted",
        };
        output.line(format_args!("\nccm membership {state}"));
        output.line(format_args!("\tinstance {}\n\tmembers {}", self.instance, self.members.len()));
        for Member { node, name, born } in &self.members {
            output.line(format_args!("\t\t{node} {name}\t(born: {born})"));
        }
        output.line(format_args!("\t{}member of partition", if self.is_member { "" } else { "NOT " }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(all: &[u32]) -> Vec<u8> {
        all.iter().flat_map(|number| number.to_ne_bytes()).collect()
    }

    fn list_of_nodes() -> Vec<u8> {
        let entry = |index: u32, name: &str| {
            let mut text = name.as_bytes().to_vec();
            text.resize(NAME, 0);
            [numbers(&[index]), text].concat()
        };
        [numbers(&[NODES, 2, 1]), entry(0, "alpha"), entry(1, "bravo")].concat()
    }

    fn told(body: &[u8]) -> String {
        let mut nodes = Nodes::default();
        assert_eq!(nodes.hear(&list_of_nodes()), None);
        let mut output = Output::default();
        nodes.hear(body).expect("a membership").print(&mut output);
        output.text
    }

    #[test]
    fn membership_is_printed_with_the_words_of_3_0_6() {
        let both = numbers(&[MEMBERSHIP, 2, 5, 1, 0, 5, 1, 1]);
        let words = "\nccm membership with quorum\n\tinstance 5\n\tmembers 2\n\t\t1 bravo\t(born: 1)\n\t\t0 alpha\t(born: 5)\n\tmember of partition\n";
        assert_eq!(told(&both), words);
        let other = numbers(&[MEMBERSHIP, 1, 6, 0, 0, 5]);
        let words = "\nccm membership WITHOUT quorum\n\tinstance 6\n\tmembers 1\n\t\t0 alpha\t(born: 5)\n\tNOT member of partition\n";
        assert_eq!(told(&other), words);
        assert!(told(&numbers(&[EVICTED])).starts_with("\nccm membership evicted\n"));
    }

    #[test]
    fn damaged_message_is_passed_over() {
        let mut nodes = Nodes::default();
        for body in
            [&[][..], &[2], &numbers(&[MEMBERSHIP]), &numbers(&[MEMBERSHIP, 2, 5]), &numbers(&[3]), &numbers(&[NODES])]
        {
            assert_eq!(nodes.hear(body), None, "{body:?}");
        }
        let cut = nodes.hear(&numbers(&[MEMBERSHIP, u32::MAX, 5, 1, 1, 1])).expect("a membership");
        assert_eq!(cut.members.len(), 1);
    }
}
