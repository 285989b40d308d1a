//! The pid file: the running daemon's process id, and the guarantee that only one runs. Its lock says which one, see
//! [`super::holder`].

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::FdFlags;
use rustix::process::{Pid, test_kill_process};

use super::holder::{holder, inherited, is_holder};
use super::{Area, FileId, Remedy};
use crate::sys::{fault, inherit};

/// Rounds of opening and locking before a claim gives up. More than one is needed when another process removes the file
/// meanwhile, and after an exec, while a starting child still holds our own lock.
const ROUNDS: usize = 100;

/// The pause before the next round, when the lock is about to be released: a killed daemon holds it until its last
/// thread has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// The content of a pid file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    /// The daemon runs with this process id.
    Yes(u32),
    /// There is a file, but its process is gone, or is not a heartbeat, or the file names none.
    Stale,
    /// There is no file.
    NoFile,
}

/// Finds the running daemon: the process that holds the lock of the pid file, even if the file was removed or changed. A
/// 3.0.6 holds no lock: it is the process that the file names, if that is alive and has the name of a daemon.
#[cold]
pub fn probe(path: &Path) -> Running {
    let content = fs::read(path);
    let named = content.as_ref().ok().and_then(|content| parse(content)).filter(|pid| is_heartbeat(*pid));
    // Most often the file is right, and no other process needs to be looked at.
    match named.filter(|pid| is_holder(path, *pid)).or_else(|| holder(path)).or(named) {
        Some(pid) => Running::Yes(pid),
        None if content.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) => Running::NoFile,
        None => Running::Stale,
    }
}

/// The reason why a pid file could not be claimed.
#[derive(Debug)]
pub enum ClaimError {
    /// Another daemon runs, with its process id, or 0 if it has not written it yet.
    AlreadyRunning(u32),
    /// The system refused.
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning(pid) => write!(f, "heartbeat: already running [pid {pid}]."),
            Self::Io { path, source } => {
                write!(f, "Cannot write the pid file [{}]: {source}; {}", path.display(), Remedy(source, Area::Run))
            }
        }
    }
}

impl std::error::Error for ClaimError {}

/// The claim to be the one daemon; lasts as long as this value.
///
/// A lock on the file decides between daemons of this kind, also when the file has lost its name or its content. A daemon
/// 3.0.6 holds no lock, so the process that the file names counts as well. As with 3.0.6, the file stays when the daemon
/// ends: by it `heartbeat -s` tells "stopped".
#[derive(Debug)]
pub struct PidFile {
    locked: File,
    path: PathBuf,
}

/// The certainty that no daemon runs, and that none begins as long as this value lives. Unlike a claim it leaves the
/// file as it was, and removes a file that it had to make.
#[derive(Debug)]
pub struct Guard {
    /// `None` where no file can be made: there, no claim is possible either.
    locked: Option<File>,
    /// The file, if it was made for the lock.
    made: Option<PathBuf>,
}

impl Guard {
    /// `None`: a daemon runs or begins, or that cannot be determined.
    #[cold]
    pub fn take(path: &Path) -> Option<Self> {
        if holder(path).is_some() {
            return None;
        }
        let (mut file, made) = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => match open_new(path) {
                // For reading only, as a daemon has it open for writing.
                Ok(_) => (File::open(path).ok()?, Some(path.to_owned())),
                // Another start has just made it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (File::open(path).ok()?, None),
                Err(_) => return Some(Self { locked: None, made: None }),
            },
            opened => (opened.ok()?, None),
        };
        for _ in 0..ROUNDS {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    let mut content = Vec::new();
                    Read::by_ref(&mut file).take(64).read_to_end(&mut content).ok()?;
                    let runs = parse(&content).is_some_and(|pid| pid != std::process::id() && is_heartbeat(pid));
                    return (!runs).then_some(Self { locked: Some(file), made });
                }
                Err(rustix::io::Errno::WOULDBLOCK) if is_fading(named(path), std::process::id()) => {
                    thread::sleep(PAUSE);
                }
                Err(_) => return None,
            }
        }
        None
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Before the lock is released: a process that waits for it then sees that the name is gone, and makes another
        // file.
        if let (Some(file), Some(path)) = (&self.locked, &self.made)
            && is_named(path, file)
        {
            let _ = fs::remove_file(path);
        }
    }
}

impl PidFile {
    /// Claims `path` for this process and writes its id: ten columns and a line feed. Takes about a second at most.
    ///
    /// # Errors
    /// [`ClaimError::AlreadyRunning`], or [`ClaimError::Io`] when the file cannot be made.
    #[cold]
    pub fn claim(path: &Path) -> Result<Self, ClaimError> {
        let io = |source| ClaimError::Io { path: path.to_owned(), source };
        let own = std::process::id();
        if let Some(pid) = holder(path).filter(|pid| *pid != own) {
            return Err(ClaimError::AlreadyRunning(pid));
        }
        for round in 0..ROUNDS {
            let mut file = open(path).map_err(io)?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) if is_fading(named(path), own) && round + 1 < ROUNDS => {
                    thread::sleep(PAUSE);
                    continue;
                }
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(ClaimError::AlreadyRunning(named(path))),
                Err(error) => return Err(io(error.into())),
            }
            if !is_named(path, &file) {
                continue;
            }
            let mut content = Vec::new();
            Read::by_ref(&mut file).take(64).read_to_end(&mut content).map_err(io)?;
            if let Some(pid) = parse(&content).filter(|pid| *pid != own && is_heartbeat(*pid)) {
                return Err(ClaimError::AlreadyRunning(pid));
            }
            write_pid(&mut file, own).map_err(io)?;
            return Ok(Self { locked: file, path: path.to_owned() });
        }
        Err(io(io::ErrorKind::ResourceBusy.into()))
    }

    /// The claim that this process has had since before its exec, see [`PidFile::outlive_exec`].
    #[cold]
    pub fn inherit(path: &Path) -> Option<Self> {
        let locked = File::from(inherit::descriptor(inherited(path)?).ok()?);
        Some(Self { locked, path: path.to_owned() })
    }

    /// Whether the claim outlives an exec of this process. Its children never get it.
    ///
    /// # Errors
    /// The system's refusal, which only a program error can cause.
    pub fn outlive_exec(&self, outlives: bool) -> io::Result<()> {
        let flags = if outlives { FdFlags::empty() } else { FdFlags::CLOEXEC };
        Ok(rustix::io::fcntl_setfd(&self.locked, flags)?)
    }

    /// Restores the file if it was removed, emptied or overwritten. Returns whether that was necessary.
    ///
    /// # Errors
    /// [`ClaimError::Io`]: it cannot be written. The claim holds nevertheless.
    #[cold]
    pub fn restore(&mut self) -> Result<bool, ClaimError> {
        let own = std::process::id();
        let is_there = is_named(&self.path, &self.locked);
        if is_there && named(&self.path) == own {
            return Ok(false);
        }
        let io = |source| ClaimError::Io { path: self.path.clone(), source };
        if is_there {
            write_pid(&mut self.locked, own).map_err(io)?;
            return Ok(true);
        }
        if let Some(directory) = self.path.parent() {
            DirBuilder::new().recursive(true).mode(0o755).create(directory).map_err(io)?;
        }
        let mut file = open(&self.path).map_err(io)?;
        // A start may hold it for a moment, and sees by the old lock that this daemon runs.
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| io(error.into()))?;
        write_pid(&mut file, own).map_err(io)?;
        self.locked = file;
        Ok(true)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file: the start has failed, and must leave nothing.
    pub fn withdraw(&self) {
        // If it stays, the next start finds a stale file, which does no harm.
        let _ = fs::remove_file(&self.path);
    }
}

fn open(path: &Path) -> io::Result<File> {
    fault::gate(fault::Call::Open, "pid file")?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o644).custom_flags(libc::O_NOFOLLOW).open(path)
}

fn open_new(path: &Path) -> io::Result<File> {
    fault::gate(fault::Call::Open, "pid file")?;
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o644).open(path)
}

fn write_pid(file: &mut File, pid: u32) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{pid:10}\n").as_bytes())
}

/// Whether the name still leads to the locked file: another process may have removed it between open and lock.
fn is_named(path: &Path, file: &File) -> bool {
    file.metadata().is_ok_and(|data| FileId::of(&data).is_at(path))
}

/// The process that the file names; 0 if it names none.
pub(super) fn named(path: &Path) -> u32 {
    fs::read(path).ok().and_then(|content| parse(&content)).unwrap_or(0)
}

fn parse(content: &[u8]) -> Option<u32> {
    let pid = std::str::from_utf8(content).ok()?.trim().parse().ok()?;
    (pid > 0).then_some(pid)
}

/// Whether `pid` lives and is a daemon of this name: 3.0.6 or ours, which may run under another file name in a test.
#[cold]
fn is_heartbeat(pid: u32) -> bool {
    let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    if test_kill_process(raw) == Err(rustix::io::Errno::SRCH) {
        return false;
    }
    // Alive, but hidden from us, or no /proc: only the file can tell.
    let Some((name, rest)) = stat_of(pid) else { return true };
    !rest.starts_with(['Z', 'X']) && is_name_of_a_daemon(&name)
}

/// The name of a process, and the fields of `/proc/PID/stat` after it.
pub(super) fn stat_of(pid: u32) -> Option<(String, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
    Some((name.to_owned(), rest.to_owned()))
}

pub(super) fn is_name_of_a_daemon(name: &str) -> bool {
    name == "heartbeat" || own_name().is_some_and(|own| own == name)
}

/// Whether a lock held in the name of `pid` is about to be released: it is ours, or that of a killed daemon. A lock
/// without a name belongs to a daemon that has just begun.
fn is_fading(pid: u32, own: u32) -> bool {
    pid == own || (pid != 0 && !is_heartbeat(pid))
}

fn own_name() -> Option<String> {
    fs::read_to_string("/proc/self/comm").ok().map(|name| name.trim_end().to_owned())
}
