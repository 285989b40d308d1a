//! The addresses that this daemon has brought up, recorded so that a successor can remove them after a crash.
//!
//! An address is recorded before the kernel gets it and struck out after the kernel has removed it, so that the record
//! never lacks one. The file is `heartbeat/addresses` in the run directory, `/run`, and not in the state directory: a
//! takeover ends within two milliseconds of the verdict and cannot wait for a disk, least of all for one that hangs.
//! `/run` is memory. It outlives every end of the daemon; a reboot clears it, and the addresses with it. So nothing is
//! made durable here. A change is one line at the end of an open file, which costs a few microseconds even where `/run`
//! is on a disk: `10.0.0.1/24 eth0` for an address that comes, the same with a minus before it for one that has gone.
//! After 1024 changes, and at each start, a file without history replaces it.
//!
//! If the file cannot be written, the daemon brings the address up nevertheless: a running service is worth more than
//! its record, and the next start removes the addresses of `haresources` in any case.

use super::atomic::read_bounded;
use super::{Area, Doing, StateError, refused_in};
use crate::address::{AddressError, Addresses, Recorded};
use crate::sys::fault::{self, Call};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file in the run directory.
const NAME: &str = "heartbeat/addresses";
/// The largest record that is read, in bytes: more than any configuration needs. A longer file is not ours.
const LIMIT: u64 = 1 << 20;
/// The mark before a line of an address that has gone.
const GONE: char = '-';
/// The number of changes after which a file without history replaces the record.
const HISTORY: u32 = 1024;

/// The record of one run directory. Its content is in memory, so that a write makes up for an earlier one that failed.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    entries: Vec<Recorded>,
    /// The file, to which changes are appended; `None`: the next change writes all of it.
    file: Option<File>,
    /// Changes in the file.
    changes: u32,
}

impl Record {
    /// Reads the record of an earlier run; without a file, nothing. Skips lines that are no addresses.
    ///
    /// # Errors
    /// [`StateError::Io`] when the file cannot be read; [`Record::blank`] continues without it.
    pub fn open(run_dir: &Path) -> Result<Self, StateError> {
        let mut record = Self::blank(run_dir);
        let read = fault::gate(Call::Open, "addresses").and_then(|()| read_bounded(&record.path, LIMIT));
        let text = read.map_err(refused_in(Area::Run, Doing::Read, &record.path))?.unwrap_or_default();
        // A line without an end was being written at the crash, before its address was added.
        for line in String::from_utf8_lossy(&text).split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            match line.strip_prefix(GONE) {
                None => record.entries.extend(Recorded::parse(line)),
                Some(gone) => record.entries.retain(|entry| Some(entry) != Recorded::parse(gone).as_ref()),
            }
        }
        Ok(record)
    }

    /// A record that knows of no earlier run. The next change replaces the file.
    pub fn blank(run_dir: &Path) -> Self {
        Self { path: run_dir.join(NAME), entries: Vec::new(), file: None, changes: 0 }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All recorded addresses, the oldest first.
    pub fn read_all(&self) -> &[Recorded] {
        &self.entries
    }

    /// Records an address that is about to be brought up.
    ///
    /// # Errors
    /// [`StateError::Io`]: the file is as before. The address is known here nevertheless, and the next change writes
    /// it.
    pub fn add(&mut self, address: Recorded) -> Result<(), StateError> {
        if self.entries.contains(&address) {
            return Ok(());
        }
        let line = format!("{address}\n");
        self.entries.push(address);
        self.append(&line)
    }

    /// Strikes out an address that the kernel has removed.
    ///
    /// # Errors
    /// [`StateError::Io`]: the file is as before. A successor finds that the address is not up, which does no harm.
    pub fn remove(&mut self, address: &Recorded) -> Result<(), StateError> {
        let before = self.entries.len();
        self.entries.retain(|entry| entry != address);
        if self.entries.len() == before { Ok(()) } else { self.append(&format!("{GONE}{address}\n")) }
    }

    fn append(&mut self, line: &str) -> Result<(), StateError> {
        self.changes = self.changes.saturating_add(1);
        // If the file was removed, it is made again.
        let is_there = |file: &File| file.metadata().is_ok_and(|data| data.nlink() > 0);
        match self.file.take().filter(|file| self.changes < HISTORY && is_there(file)) {
            Some(file) => {
                let written = fault::write_all(&file, line.as_bytes(), "addresses");
                written.map_err(refused_in(Area::Run, Doing::Write, &self.path))?;
                self.file = Some(file);
                Ok(())
            }
            None => self.write(),
        }
    }

    /// Writes the whole file. Call it once before the first address, so that recording one is quick.
    ///
    /// # Errors
    /// [`StateError::Io`]: the file is as before.
    pub fn write(&mut self) -> Result<(), StateError> {
        let lines = self.entries.iter().map(Recorded::to_string);
        let text = lines.fold(String::new(), |text, line| text + &line + "\n");
        self.file = Some(self.replace(text.as_bytes()).map_err(refused_in(Area::Run, Doing::Write, &self.path))?);
        self.changes = 0;
        Ok(())
    }

    fn replace(&self, text: &[u8]) -> io::Result<File> {
        let beside = self.path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        fault::gate(Call::Open, "addresses")?;
        let file = options.open(&beside).or_else(|error| match (error.kind(), beside.parent()) {
            (io::ErrorKind::NotFound, Some(directory)) => {
                DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
                options.open(&beside)
            }
            _ => Err(error),
        })?;
        let written = fault::write_all(&file, text, "addresses")
            .and_then(|()| fault::gate(Call::Rename, "addresses"))
            .and_then(|()| fs::rename(&beside, &self.path));
        if written.is_err() {
            // The error to report is that of the write.
            let _ = fs::remove_file(&beside);
        }
        written.map(|()| file)
    }
}

/// The outcome of [`clean_leftovers`].
#[derive(Debug, Default)]
pub struct Cleaned {
    /// Addresses that were up, and are gone.
    pub removed: Vec<Recorded>,
    /// Addresses that may still be up. They stay recorded.
    pub failed: Vec<(Recorded, AddressError)>,
    /// The record could not be written.
    pub unrecorded: Option<StateError>,
}

/// Removes from the kernel every address that an earlier run has recorded, except those for which `keep` is true: on a
/// restart that keeps its groups, all of them. Call it at every start, before anything else can fail, in the network
/// namespace of the daemon. It waits for the kernel, so it is not for the heartbeat path. An address that is not up, or
/// whose interface is gone, is only struck out.
pub fn clean_leftovers(record: &mut Record, keep: impl Fn(&Recorded) -> bool) -> Cleaned {
    let mut cleaned = Cleaned::default();
    let leftovers: Vec<Recorded> = record.entries.iter().filter(|entry| !keep(entry)).cloned().collect();
    if leftovers.is_empty() {
        return cleaned;
    }
    for entry in leftovers {
        let gone = Addresses::open().and_then(|mut addresses| addresses.remove_recorded(&entry));
        match gone {
            Ok(was_up) => {
                record.entries.retain(|known| *known != entry);
                cleaned.removed.extend(was_up.then_some(entry));
            }
            Err(error) => cleaned.failed.push((entry, error)),
        }
    }
    cleaned.unrecorded = record.write().err();
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> PathBuf {
        let place = std::env::temp_dir().join(format!("hbcore-record-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&place);
        place
    }

    fn recorded(text: &str) -> Recorded {
        Recorded::parse(text).expect("an address")
    }

    #[test]
    fn record_keeps_addresses_not_removed_before_a_crash() {
        let place = place("crash");
        let mut record = Record::open(&place).expect("no file is fine");
        assert_eq!(record.read_all(), []);
        record.add(recorded("10.0.0.1/24 eth0")).expect("recorded, in a new directory");
        record.add(recorded("fd00::1/64 eth1")).expect("recorded");
        record.add(recorded("fd00::1/64 eth1")).expect("once is enough");
        record.remove(&recorded("10.0.0.1/24 eth0")).expect("struck out");
        drop(record);
        assert_eq!(Record::open(&place).expect("read").read_all(), [recorded("fd00::1/64 eth1")]);
        let _ = fs::remove_dir_all(place);
    }

    #[test]
    fn lines_that_are_no_addresses_are_skipped() {
        let place = place("lines");
        fs::create_dir_all(place.join("heartbeat")).expect("made");
        fs::write(place.join(NAME), "10.0.0.1/24 eth0\n10.0.0.2/24\n10.0.0/8 eth0\n\n10.0.0.3/24 \n10.0.0.4/24 eth")
            .expect("written");
        assert_eq!(Record::open(&place).expect("read").read_all(), [recorded("10.0.0.1/24 eth0")]);
        let _ = fs::remove_dir_all(place);
    }

    #[test]
    fn history_ends_and_a_file_that_was_removed_is_made_again() {
        let place = place("history");
        let mut record = Record::open(&place).expect("no file is fine");
        let (stays, moves) = (recorded("10.0.0.1/24 eth0"), recorded("10.0.0.2/24 eth0"));
        record.add(stays.clone()).expect("recorded");
        for _ in 0..HISTORY {
            record.add(moves.clone()).expect("recorded");
            record.remove(&moves).expect("struck out");
        }
        assert!(fs::metadata(record.path()).expect("there").len() < 40 * u64::from(HISTORY));
        assert_eq!(Record::open(&place).expect("read").read_all(), std::slice::from_ref(&stays));
        fs::remove_file(record.path()).expect("removed");
        record.add(moves.clone()).expect("recorded");
        assert_eq!(Record::open(&place).expect("read").read_all(), [stays, moves]);
        let _ = fs::remove_dir_all(place);
    }

    #[test]
    fn write_that_failed_is_made_up_for_by_the_next_one() {
        let place = place("again");
        fs::create_dir_all(&place).expect("made");
        fs::write(place.join("heartbeat"), "in the way").expect("written");
        let mut record = Record::blank(&place);
        let error = record.add(recorded("10.0.0.1/24 eth0")).expect_err("there is no directory");
        assert!(error.to_string().contains("heartbeat/addresses"), "{error}");
        fs::remove_file(place.join("heartbeat")).expect("removed");
        record.add(recorded("10.0.0.2/24 eth0")).expect("recorded");
        assert_eq!(Record::open(&place).expect("read").read_all().len(), 2);
        let _ = fs::remove_dir_all(place);
    }
}
