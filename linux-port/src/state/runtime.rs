//! Files that exist only while the daemon runs: the resource agents' scratch directory and the FIFO of the scripts.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags};

use super::{Area, Doing, StateDir, StateError, refused, refused_in};

/// Empties `rsctmp` in `run_dir`, where resource agents keep marks of running resources: after a reboot or a crash they
/// would be wrong. Mode 1755, as measured on 3.0.6. A symbolic link of that name is replaced, not followed.
///
/// # Errors
/// [`StateError::Io`] when it cannot be removed or made.
pub fn empty_scratch(run_dir: &Path) -> Result<(), StateError> {
    let path = run_dir.join("rsctmp");
    let removed = match fs::symlink_metadata(&path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(&path),
        Ok(_) => fs::remove_file(&path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(refused_in(Area::Run, Doing::Remove, &path))?;
    make_scratch(run_dir)
}

/// Makes `rsctmp` in `run_dir` where it is missing.
///
/// # Errors
/// [`StateError::Io`] when it cannot be made.
pub fn make_scratch(run_dir: &Path) -> Result<(), StateError> {
    let path = run_dir.join("rsctmp");
    if path.is_dir() {
        return Ok(());
    }
    let create = refused_in(Area::Run, Doing::Create, &path);
    DirBuilder::new().recursive(true).mode(0o755).create(&path).and_then(|()| sticky(&path)).map_err(create)
}

/// Sets the mode, whatever the umask is.
fn sticky(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::chmod(path, Mode::from_raw_mode(0o1755))?)
}

/// The FIFO through which scripts and `hb_standby` reach the daemon: open, non-blocking, and never at its end.
#[derive(Debug)]
pub struct Fifo(OwnedFd);

impl Fifo {
    /// Reads the available bytes; 0 when there are none.
    ///
    /// # Errors
    /// The system's refusal. An empty FIFO is no error.
    pub fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        match rustix::io::read(&self.0, into) {
            Ok(got) => Ok(got),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Fifo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl StateDir {
    /// Makes `fifo` anew, mode 0600, and opens it. Any file of that name is removed first.
    ///
    /// # Errors
    /// [`StateError::Io`] when it cannot be removed, made or opened.
    pub fn create_fifo(&self) -> Result<Fifo, StateError> {
        let path = self.file("fifo");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused(Doing::Remove, &path)(error)),
            _ => {}
        }
        let owner_only = Mode::RUSR | Mode::WUSR;
        let made = rustix::fs::mknodat(CWD, &path, FileType::Fifo, owner_only, 0).and_then(|()| {
            // Open for writing, too, so that the FIFO does not end with its last writer.
            rustix::fs::open(&path, OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())
        });
        made.map(Fifo).map_err(|error| refused(Doing::Create, &path)(error.into()))
    }
}
