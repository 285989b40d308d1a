//! The files that outlive the daemon, in the formats of 3.0.6, so that a node can be swapped either way (config
//! reference 12). All of it reads and writes disks: call it before the first packet or from a worker thread.

mod atomic;
mod generation;
mod hosts;
mod pidfile;
mod runtime;
mod uuid;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use generation::{GenerationOrigin, Method, NextGeneration};
pub use hosts::{HostEntry, HostList};
pub use pidfile::{ClaimError, PidFile, Running, probe};
pub use runtime::{Fifo, empty_scratch};
pub use uuid::{UuidOrigin, uuid_from_name};

/// The directory of the state files, `/var/lib/heartbeat` on Debian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// The directory `path`; nothing is touched yet.
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

/// What could not be done with a state file.
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

/// Why a state file could not be used. The text names the file and what to do about it.
#[derive(Debug)]
pub enum StateError {
    /// The system refused.
    Io {
        /// What was tried.
        doing: Doing,
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A host list with a line that is not `name TAB uuid TAB weight TAB site`; the file has been removed, as it is
    /// only a cache.
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
            Self::Io { doing, path, source } => {
                let verb = match doing {
                    Doing::Read => "read",
                    Doing::Write => "write",
                    Doing::Create => "create",
                    Doing::Remove => "remove",
                };
                write!(f, "Cannot {verb} [{}]: {source}; {}", path.display(), remedy(source))
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

/// What an administrator can do about `error`.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "create the directory, or name another with --state-dir or --run-dir",
        io::ErrorKind::PermissionDenied => "run as root, or give this user the directory",
        io::ErrorKind::ReadOnlyFilesystem => "mount it writable, or name another directory with --state-dir",
        io::ErrorKind::StorageFull => "free some space there",
        _ => "check the file system it is on",
    }
}

/// Turns the system's refusal into a [`StateError`] that names the file.
fn refused(doing: Doing, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { doing, path, source }
}
