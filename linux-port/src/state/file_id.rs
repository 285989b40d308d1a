//! The identity of a file, by which its maker finds out whether a name still leads to it.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file, socket or symbolic link at `path`.
    ///
    /// # Errors
    /// The system's refusal, as when there is none.
    pub fn at(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|data| Self::of(&data))
    }

    /// The file that these data describe.
    pub fn of(data: &Metadata) -> Self {
        Self { device: data.dev(), inode: data.ino() }
    }

    /// Whether `path` leads to this file.
    pub fn is_at(self, path: &Path) -> bool {
        Self::at(path).is_ok_and(|found| found == self)
    }
}
