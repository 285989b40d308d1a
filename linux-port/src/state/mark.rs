//! The mark of a run: it exists from the moment at which groups may be started until all of them are released. A start
//! that finds it follows a crash. It is a file of the run directory, so a reboot removes it together with everything
//! that ran.

use super::{Area, Doing, StateError, atomic, refused_in};
use crate::sys::fault::{self, Call};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The file in the run directory.
const NAME: &str = "heartbeat/running";
/// The largest mark that is read, in bytes: more than any configuration needs. A longer file is not ours.
const LIMIT: u64 = 1 << 20;

/// The mark in one run directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    path: PathBuf,
}

impl Mark {
    /// The mark of this run directory. Nothing is read or written yet.
    pub fn new(run_dir: &Path) -> Self {
        Self { path: run_dir.join(NAME) }
    }

    /// Makes the mark. `groups`: the groups that may be started, as they stand in `haresources`. Nothing is made
    /// durable, as it need not outlive a reboot.
    ///
    /// # Errors
    /// [`StateError::Io`]: without a mark, a later start asks only the scripts that are in `haresources` then.
    pub fn make<'a>(&self, groups: impl Iterator<Item = &'a str>) -> Result<(), StateError> {
        let text: String = groups.flat_map(|words| [words, "\n"]).collect();
        self.replace(&text).map_err(refused_in(Area::Run, Doing::Write, &self.path))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let beside = self.path.with_extension("running-new");
        if let Some(directory) = self.path.parent() {
            DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
        }
        fault::gate(Call::Open, "mark")?;
        let written = fs::File::create(&beside)
            .and_then(|file| fault::write_all(&file, text.as_bytes(), "mark"))
            .and_then(|()| fault::gate(Call::Rename, "mark"))
            .and_then(|()| fs::rename(&beside, &self.path));
        if written.is_err() {
            // The error to report is that of the write.
            let _ = fs::remove_file(&beside);
        }
        written
    }

    /// The groups of a run that ended without releasing them; `None` if it released them, or if there was none since
    /// the boot.
    pub fn read(&self) -> Option<Vec<String>> {
        let content = atomic::read_bounded(&self.path, LIMIT).ok().flatten()?;
        Some(String::from_utf8_lossy(&content).lines().map(str::to_owned).collect())
    }

    /// Removes the mark: all groups are released.
    pub fn remove(&self) {
        // A mark that stays only makes the next start ask more scripts than it needs to.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_is_there_until_it_is_removed() {
        let place = std::env::temp_dir().join(format!("hbcore-mark-{}", std::process::id()));
        let mark = Mark::new(&place);
        assert_eq!(mark.read(), None);
        mark.make(["10.0.0.1 web", ""].into_iter()).expect("made, in a new directory");
        assert_eq!(mark.read(), Some(vec!["10.0.0.1 web".to_owned(), String::new()]));
        mark.make(std::iter::empty()).expect("replaced");
        assert_eq!(mark.read(), Some(Vec::new()), "a run without groups is a run");
        mark.remove();
        assert_eq!(mark.read(), None);
        let _ = fs::remove_dir_all(place);
    }
}
