//! The mark of a run: there from the moment at which groups may be started until everything was given up. A start that finds it follows a
//! crash. It is a file of the run directory, so a reboot takes it away together with everything that ran.

use super::{Area, Doing, StateError, atomic, refused_in};
use crate::sys::fault::{self, Call};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The file in the run directory.
const NAME: &str = "heartbeat/running";
/// More than any configuration needs, in bytes. A longer file is not ours.
const LIMIT: u64 = 1 << 20;

/// The mark in one run directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    path: PathBuf,
}

impl Mark {
    /// That of this run directory; nothing is touched yet.
    pub fn new(run_dir: &Path) -> Self {
        Self { path: run_dir.join(NAME) }
    }

    /// Makes the mark. `groups`: what may be started, as it stands in `haresources`. Nothing is made durable, as it need not outlive a reboot.
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
            // The failure itself is the news.
            let _ = fs::remove_file(&beside);
        }
        written
    }

    /// The groups of a run that has ended without giving them up; `None` if it has, or if there was none since the boot.
    pub fn read(&self) -> Option<Vec<String>> {
        let content = atomic::read_bounded(&self.path, LIMIT).ok().flatten()?;
        Some(String::from_utf8_lossy(&content).lines().map(str::to_owned).collect())
    }

    /// Everything was given up.
    pub fn remove(&self) {
        // A mark that stays makes the next start ask more than it needs to.
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
