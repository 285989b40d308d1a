//! The handover from a daemon that restarts by exec to its successor in the same process (docs/protocol/resources.md
//! 6.3): its groups continue to run.
//!
//! It travels in memory, as the standard input of the successor: no disk can refuse it, delay it, cut it or show it
//! twice.

use super::Plan;
use crate::respawn::{Passed, PassedState};
use crate::sys::fault::{self, Call};
use hbcore::id::{Generation, Uuid};
use hbcore::takeover::{Holds, Origin, Remains};
use rustix::fs::{FileType, MemfdFlags, fstat, memfd_create};
use std::fmt::Write;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// The first line. With another number the lines have another meaning.
const HEAD: &str = "hbcore handover 2";
/// The first line of an earlier version, which knows no word that this one does not know.
const OLD_HEAD: &str = "hbcore handover 1";
/// The last line. A text that ends otherwise is not whole.
const END: &str = "end";
/// The beginning of the name of its memory, as `/proc` shows it.
const MEMORY: &str = "/memfd:handover";
/// The file of an earlier version, in the state directory.
const OLD_NAME: &str = "restart";
/// The largest handover that is packed or read, in bytes.
const LIMIT: usize = 1 << 20;

/// The claims of the node, and the groups and addresses that are up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handover {
    /// The classes that this node claims.
    pub holds: Holds,
    /// The digest of all groups, unless the peer had told another one. If the successor reads the same groups, the claims
    /// mean the same to it.
    pub digest: Option<u64>,
    /// The groups of which something runs.
    pub up: Vec<Up>,
    /// The groups that could not be stopped and may run here, in the same form; also those of an earlier configuration.
    pub stuck: Vec<String>,
    /// The addresses that were not there before this daemon brought them up.
    pub added: Vec<IpAddr>,
    /// The identity of the successor; `None` from an earlier version, whose successor finds it out itself.
    pub successor: Option<Successor>,
    /// The clients that run, are to be started again, or have ended with 100.
    pub clients: Vec<Passed>,
    /// The number of reloads so far, so that a tool can tell the next one from them.
    pub reloads: u64,
}

/// A group that runs, wholly or in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Up {
    /// Its resources as they stand in `haresources`.
    pub words: String,
    /// Whether only some of them run, since its line had changed.
    pub is_part: bool,
    /// Whether the peer was heard when it was started.
    pub origin: Origin,
}

impl Up {
    /// The word of its line.
    fn kind(&self) -> &'static str {
        match (self.is_part, self.origin) {
            (false, Origin::Agreed) => "group",
            (false, Origin::Inherited) => "inherited",
            (true, Origin::Agreed) => "part",
            (true, Origin::Inherited) => "inherited-part",
        }
    }

    /// Whether one of its resources is one of `plan`.
    fn shares(&self, plan: &Plan) -> bool {
        self.words.split(' ').any(|word| plan.has(word))
    }
}

/// The identity of a daemon. Its predecessor decides it while it can still refuse to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Successor {
    /// Its generation; on disk already.
    pub generation: Generation,
    /// The identity of the node.
    pub uuid: Uuid,
}

/// The predecessor handed over something that cannot be read. The text is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread(&'static str);

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "The handover of the last run cannot be read: {}. Nothing of it is believed.", self.0)
    }
}

impl std::error::Error for Unread {}

/// The run before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predecessor {
    /// There is none in this process: it was not started by a restart.
    Nobody,
    /// It handed over its claims alone, as a 3.0.6: all groups of the classes that it claimed run.
    Classes,
    /// It handed over everything.
    Told(Box<Handover>),
    /// Its handover cannot be read: this run asks the scripts, as after a crash.
    Unread,
}

impl Predecessor {
    /// The facts that it handed over.
    pub fn told(&self) -> Option<&Handover> {
        match self {
            Self::Told(handover) => Some(handover),
            Self::Nobody | Self::Classes | Self::Unread => None,
        }
    }

    /// Whether its groups continue to run. Otherwise nothing may run here when this run joins.
    pub fn goes_on(&self) -> bool {
        match self {
            Self::Classes | Self::Told(_) => true,
            Self::Nobody | Self::Unread => false,
        }
    }
}

/// A handover on its way.
#[derive(Debug)]
pub struct Parcel {
    content: OwnedFd,
    standard_input: OwnedFd,
}

impl Handover {
    /// Puts it into memory that the successor will find as its standard input.
    ///
    /// # Errors
    /// The system's refusal, or the successor would not read a text this long; nothing has changed.
    pub fn pack(&self) -> io::Result<Parcel> {
        let text = self.text();
        if text.len() > LIMIT {
            let len = text.len();
            let why = format!("the handover has {len} bytes, and its successor reads {LIMIT}: shorten haresources");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        let standard_input = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
        fault::gate(Call::Open, "handover")?;
        let content = fs::File::from(memfd_create("handover", MemfdFlags::CLOEXEC)?);
        fault::write_all(&content, text.as_bytes(), "handover")?;
        Ok(Parcel { content: content.into(), standard_input })
    }

    /// Takes the predecessor's handover, once. `held`: the value of `-C`, which is all that a 3.0.6 hands over: then there
    /// is none, and the groups are not known.
    ///
    /// # Errors
    /// [`Unread`]: there is one, and nothing of it can be believed.
    pub fn take(state_dir: &Path, held: Option<Holds>) -> Result<Option<Self>, Unread> {
        if let Some(text) = from_standard_input()? {
            let known = Self::parse(&text).ok_or(Unread("it has a word that this version does not know"))?;
            let is_ours = Some(known.holds) == held;
            return if is_ours { Ok(Some(known)) } else { Err(Unread("its claims are not those of the command line")) };
        }
        let old = state_dir.join(OLD_NAME);
        let text = fs::read_to_string(&old).ok();
        let _ = fs::remove_file(&old);
        // Only its claims tell a leftover of another restart from this one.
        Ok(text.and_then(|text| Self::parse(&text)).filter(|known| Some(known.holds) == held))
    }

    /// Whether anything of a group was up: if so, it is not an old leftover.
    pub fn shares(&self, plan: &Plan) -> bool {
        self.up.iter().any(|up| up.shares(plan))
    }

    /// How much of a group of the new file is up. It is inherited if any part of it is.
    pub fn remains(&self, plan: &Plan) -> Remains {
        if let Some(same) = self.up.iter().find(|up| up.words == plan.words && !up.is_part) {
            return Remains::All(same.origin);
        }
        let mut parts = self.up.iter().filter(|up| up.shares(plan)).peekable();
        if parts.peek().is_none() {
            return Remains::Nothing;
        }
        let is_inherited = parts.any(|up| up.origin == Origin::Inherited);
        Remains::Part(if is_inherited { Origin::Inherited } else { Origin::Agreed })
    }

    /// The groups of which something runs here, or may.
    pub fn all_groups(&self) -> impl Iterator<Item = &String> {
        self.groups_up().chain(&self.stuck)
    }

    /// The groups of which something runs here.
    pub(super) fn groups_up(&self) -> impl Iterator<Item = &String> {
        self.up.iter().map(|up| &up.words)
    }

    fn text(&self) -> String {
        let mut text = format!("{HEAD}\nholds {}\n", self.holds.as_str());
        let mut line = |what: &str, value: &dyn std::fmt::Display| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{what} {value}");
        };
        if let Some(digest) = self.digest {
            line("digest", &digest);
        }
        self.up.iter().for_each(|up| line(up.kind(), &up.words));
        self.stuck.iter().for_each(|group| line("stuck", group));
        self.added.iter().for_each(|address| line("added", address));
        if let Some(successor) = self.successor {
            line("generation", &successor.generation.0);
            line("uuid", &u128::from_be_bytes(successor.uuid.0));
        }
        for Passed { state, early_deaths, user, command } in &self.clients {
            let client = format_args!("{early_deaths} {user} {command}");
            match state {
                PassedState::Runs { pid, lived } => {
                    line("client", &format_args!("{pid} {client}"));
                    line("lived", &format_args!("{pid} {}", lived.as_secs()));
                }
                PassedState::Pauses => line("pauses", &client),
                PassedState::Enough => line("enough", &client),
            }
        }
        line("reloads", &self.reloads);
        text + END + "\n"
    }

    /// `None` if it has a word that this version does not know: without it, the rest may mean something else.
    fn parse(text: &str) -> Option<Self> {
        let mut handover = Self::default();
        let (mut generation, mut uuid) = (None, None);
        let lines = text.lines().filter(|&line| line != HEAD && line != OLD_HEAD && line != END);
        for (what, value) in lines.filter_map(|line| line.split_once(' ')) {
            match what {
                "holds" => handover.holds = Holds::parse(value.as_bytes()).unwrap_or_default(),
                "digest" => handover.digest = value.parse().ok(),
                "group" => handover.up.push(up(false, Origin::Agreed, value)),
                "inherited" => handover.up.push(up(false, Origin::Inherited, value)),
                "part" => handover.up.push(up(true, Origin::Agreed, value)),
                "inherited-part" => handover.up.push(up(true, Origin::Inherited, value)),
                "stuck" => handover.stuck.push(value.to_owned()),
                "added" => handover.added.extend(value.parse::<IpAddr>().ok()),
                "client" => handover.clients.extend(running(value)),
                "lived" => handover.note_life(value),
                "pauses" => handover.clients.extend(client(PassedState::Pauses, value)),
                "enough" => handover.clients.extend(client(PassedState::Enough, value)),
                "reloads" => handover.reloads = value.parse().unwrap_or(0),
                "generation" => generation = value.parse().ok().map(Generation),
                "uuid" => uuid = value.parse::<u128>().ok().map(|number| Uuid(number.to_be_bytes())),
                _ => return None,
            }
        }
        handover.successor = generation.zip(uuid).map(|(generation, uuid)| Successor { generation, uuid });
        Some(handover)
    }

    /// The age of a client, whose line comes first.
    fn note_life(&mut self, value: &str) {
        let Some((of, seconds)) = value.split_once(' ') else { return };
        let (of, seconds) = (of.parse().ok(), seconds.parse().map(Duration::from_secs));
        for client in &mut self.clients {
            if let (PassedState::Runs { pid, lived }, Ok(seconds)) = (&mut client.state, &seconds)
                && Some(*pid) == of
            {
                *lived = *seconds;
            }
        }
    }
}

fn up(is_part: bool, origin: Origin, words: &str) -> Up {
    Up { words: words.to_owned(), is_part, origin }
}

/// A client that runs; its age is on another line.
fn running(value: &str) -> Option<Passed> {
    let (pid, value) = value.split_once(' ')?;
    client(PassedState::Runs { pid: pid.parse().ok()?, lived: Duration::ZERO }, value)
}

fn client(state: PassedState, value: &str) -> Option<Passed> {
    let mut words = value.splitn(3, ' ');
    Some(Passed {
        state,
        early_deaths: words.next()?.parse().ok()?,
        user: words.next()?.to_owned(),
        command: words.next()?.to_owned(),
    })
}

impl Parcel {
    /// Puts it where the successor looks. An exec must come next.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn hand_over(&self) -> io::Result<()> {
        // Unlike any other descriptor, this one stays open whichever descriptors another thread marks close-on-exec
        // meanwhile.
        Ok(rustix::stdio::dup2_stdin(&self.content)?)
    }

    /// There is no successor: restores the standard input.
    pub fn take_back(self) {
        let _ = rustix::stdio::dup2_stdin(&self.standard_input);
    }
}

/// Reads the whole handover from our standard input, which is then as empty as that of any daemon. A terminal, a pipe,
/// or a file of somebody else is not touched.
fn from_standard_input() -> Result<Option<String>, Unread> {
    let input = rustix::stdio::stdin();
    let is_file = fstat(input).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
    let name = fs::read_link("/proc/self/fd/0").unwrap_or_default();
    if !is_file || !name.to_string_lossy().starts_with(MEMORY) {
        return Ok(None);
    }
    let content = content_of(input).ok();
    if let Ok(null) = fs::File::open("/dev/null") {
        let _ = rustix::stdio::dup2_stdin(null);
    }
    let text = content.and_then(|content| String::from_utf8(content).ok()).ok_or(Unread("the system gives no text"))?;
    if is_whole(&text) { Ok(Some(text)) } else { Err(Unread("it is not whole, or of a later version")) }
}

fn content_of(input: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    fault::gate(Call::Open, "predecessor")?;
    let mut content = vec![0; usize::try_from(fstat(input)?.st_size).unwrap_or(0).min(LIMIT)];
    let mut filled = 0;
    while let Some(rest) = content.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pread(input, rest, filled as u64)? {
            0 => break,
            got => filled += got,
        }
    }
    Ok(content)
}

/// Whether the text has its first line and its last one.
fn is_whole(text: &str) -> bool {
    matches!(text.lines().next(), Some(HEAD | OLD_HEAD)) && text.ends_with("\nend\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(state: PassedState) -> Passed {
        let (user, command) = ("hacluster".to_owned(), "/bin/x  a 'b c'".to_owned());
        Passed { state, early_deaths: 2, user, command }
    }

    #[test]
    fn successor_reads_what_was_written() {
        let written = Handover {
            holds: Holds::ALL,
            digest: Some(u64::MAX),
            up: vec![
                up(false, Origin::Agreed, "10.0.0.1/24/eth0 nginx"),
                up(false, Origin::Inherited, "10.0.0.3"),
                up(true, Origin::Agreed, "10.0.0.2 mail"),
                up(true, Origin::Inherited, "10.0.0.4"),
            ],
            stuck: vec!["10.0.0.2 web::a".to_owned(), "mail".to_owned()],
            added: vec!["10.0.0.1".parse().expect("an address")],
            successor: Some(Successor { generation: Generation(u64::MAX), uuid: Uuid([0xfe; 16]) }),
            clients: vec![
                passed(PassedState::Runs { pid: 17, lived: Duration::from_hours(24) }),
                passed(PassedState::Pauses),
                passed(PassedState::Enough),
            ],
            reloads: 7,
        };
        assert_eq!(Handover::parse(&written.text()), Some(written));
    }

    #[test]
    fn handover_that_its_successor_would_not_read_is_refused() {
        let large = Handover { up: vec![up(false, Origin::Agreed, &"w".repeat(LIMIT))], ..Handover::default() };
        let refused = large.pack().expect_err("larger than the limit");
        assert!(refused.to_string().contains("shorten haresources"), "{refused}");
        assert!(Handover::default().pack().is_ok());
    }

    #[test]
    fn handover_without_its_last_line_is_not_whole() {
        let text = Handover::default().text();
        assert!(is_whole(&text));
        assert!(!is_whole(text.strip_suffix("end\n").expect("its last line")));
        assert!(!is_whole(text.strip_suffix('\n').expect("its last byte")));
    }

    #[test]
    fn handover_with_an_unknown_word_is_not_read() {
        let text = Handover { holds: Holds::ALL, ..Handover::default() }.text();
        assert!(Handover::parse(&text).is_some());
        assert_eq!(Handover::parse(&text.replace("reloads ", "downloads ")), None);
        let old = text.replace(HEAD, OLD_HEAD);
        assert!(is_whole(&old) && Handover::parse(&old).is_some(), "an upgrade reads the earlier version's");
    }

    #[test]
    fn file_of_an_earlier_version_is_read_once() {
        let place = std::env::temp_dir().join(format!("hbcore-handover-{}", std::process::id()));
        fs::create_dir_all(&place).expect("a directory");
        let write = || fs::write(place.join(OLD_NAME), "holds all\ngroup web\nadded 10.0.0.1\n").expect("written");
        write();
        let taken = Handover::take(&place, Some(Holds::ALL)).expect("read").expect("a handover");
        assert_eq!((taken.up, taken.successor), (vec![up(false, Origin::Agreed, "web")], None));
        assert_eq!(Handover::take(&place, Some(Holds::ALL)), Ok(None));
        write();
        let local = Holds { local: true, foreign: false };
        assert_eq!(Handover::take(&place, Some(local)), Ok(None), "of another restart");
        let _ = fs::remove_dir_all(place);
    }
}
