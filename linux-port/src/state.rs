//! The files that outlive the daemon, in the formats of 3.0.6, so that a node can be swapped either way
//! (docs/protocol/files.md 12). All of it reads and writes disks: call it before the first packet or from a worker
//! thread.

mod addresses;
mod atomic;
mod file_id;
mod generation;
mod holder;
mod hosts;
mod killed;
mod mark;
mod pidfile;
mod runtime;
mod socket_name;
mod uuid;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use addresses::{Cleaned, Record, clean_leftovers};
pub use file_id::FileId;
pub use generation::{GenerationOrigin, NextGeneration, plausible_now};
pub use hosts::{HostEntry, HostList};
pub use killed::{Lingers, await_killed};
pub use mark::Mark;
pub use pidfile::{ClaimError, Guard, PidFile, Running, probe};
pub use runtime::{Fifo, empty_scratch, make_scratch};
pub use socket_name::SocketName;
pub use uuid::{UuidOrigin, uuid_from_name};

/// The directory of the state files, `/var/lib/heartbeat` on Debian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// The directory `path`. Nothing is read or written yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// The operation on a state file that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Reading it.
    Read,
    /// Replacing it, which includes making it durable.
    Write,
    /// Creating it.
    Create,
    /// Removing it.
    Remove,
}

/// A directory that the command line can move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// Files that outlive the daemon: `--state-dir`.
    State,
    /// Files that exist while it runs: `--run-dir`.
    Run,
}

impl Area {
    const fn option(self) -> &'static str {
        match self {
            Self::State => "--state-dir",
            Self::Run => "--run-dir",
        }
    }
}

/// The reason why a state file could not be used. The text names the file and the remedy.
#[derive(Debug)]
pub enum StateError {
    /// The system refused.
    Io {
        /// The operation.
        doing: Doing,
        /// The file or directory.
        path: PathBuf,
        /// The area of the file.
        area: Area,
        /// The system's reason.
        source: io::Error,
    },
    /// A host list has a line that is not `name TAB uuid TAB weight TAB site`. The file has been removed, as it is only
    /// a cache.
    BadHostList {
        /// The file.
        path: PathBuf,
        /// The first bad line, counted from 1; 0 if the file as a whole is too large.
        line: usize,
    },
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, area, source } => {
                let verb = match doing {
                    Doing::Read => "read",
                    Doing::Write => "write",
                    Doing::Create => "create",
                    Doing::Remove => "remove",
                };
                write!(f, "Cannot {verb} [{}]: {source}; {}", path.display(), Remedy(source, *area))
            }
            Self::BadHostList { path, line } => {
                write!(f, "Invalid host/uuid map file [{}] - removed. (line {line})", path.display())
            }
        }
    }
}

impl std::error::Error for StateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::BadHostList { .. } => None,
        }
    }
}

/// The administrator's remedy for an error in an area.
struct Remedy<'e>(&'e io::Error, Area);

impl fmt::Display for Remedy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = self.1.option();
        match self.0.kind() {
            io::ErrorKind::NotFound => write!(f, "create the directory, or name another with {option}"),
            io::ErrorKind::PermissionDenied => f.write_str("run as root, or give this user the directory"),
            io::ErrorKind::ReadOnlyFilesystem => {
                write!(f, "mount it writable, or name another directory with {option}")
            }
            io::ErrorKind::FileTooLarge => f.write_str("raise the limit of file sizes (ulimit -f, LimitFSIZE)"),
            io::ErrorKind::StorageFull => f.write_str("free some space there"),
            _ => f.write_str("check the file system it is on"),
        }
    }
}

/// Turns the system's refusal of a state file into a [`StateError`] that names the file.
fn refused(doing: Doing, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    refused_in(Area::State, doing, path)
}

/// As [`refused`], for a file of this area.
fn refused_in(area: Area, doing: Doing, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { doing, path, area, source }
}
