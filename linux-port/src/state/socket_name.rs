//! The name of a socket in the run directory.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::FileId;

/// The name under which others find a socket of ours. It is removed with this value, unless another file has it by then.
#[derive(Debug)]
pub struct SocketName {
    path: PathBuf,
    file: FileId,
}

impl SocketName {
    /// Removes a socket that an earlier run left at `path`. A file of another kind stays, so that a bind is refused.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn clear(path: &Path) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
            _ => Ok(()),
        }
    }

    /// The name of the socket that was just bound to `path`.
    ///
    /// # Errors
    /// The system's refusal, as when it is gone already.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: FileId::at(path)? })
    }

    /// The file that leads to the socket.
    pub fn file(&self) -> FileId {
        self.file
    }
}

impl Drop for SocketName {
    fn drop(&mut self) {
        // The next start removes a leftover.
        if self.file.is_at(&self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
