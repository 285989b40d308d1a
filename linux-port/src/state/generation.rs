//! The generation: a number that grows with every start, so that peers can tell this run's packets from older ones
//! (docs/protocol/wire.md 7.2).

use hbcore::config::GenerationMethod;
use hbcore::id::Generation;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::{Doing, StateDir, StateError, atomic, refused};

const FILE: &str = "hb_generation";
/// The largest file that is read, in bytes. A longer file holds no generation.
const LIMIT: u64 = 64;

/// The origin of a generation; the daemon logs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenerationOrigin {
    /// One more than the stored number.
    Stored,
    /// There was no file: the wall clock plus one. `No Previous generation - starting at N`.
    Absent,
    /// The file held no number: the wall clock plus one. An error to report: if the clock shows less than a generation
    /// that the peers have seen, they will refuse this node until they restart.
    Corrupt,
    /// The wall clock, as [`GenerationMethod::Time`] asks.
    Clock,
}

/// A generation for this start. It is already on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextGeneration {
    /// The number to send.
    pub value: Generation,
    /// Its origin.
    pub origin: GenerationOrigin,
}

/// The content of the file.
enum Stored {
    Number(u64),
    Absent,
    Corrupt,
}

impl StateDir {
    /// Takes the next generation and makes it durable, before any packet may carry it.
    ///
    /// `wall_seconds` is the wall clock, seconds since 1970. The result is larger than the stored number by at least
    /// one, also with [`GenerationMethod::Time`] after the clock was set back.
    ///
    /// # Errors
    /// [`StateError::Io`] when the file cannot be read or replaced. With [`GenerationMethod::Time`] the file only protects
    /// against a clock that was set back, so its failures are ignored.
    pub fn next_generation(&self, method: GenerationMethod, wall_seconds: u64) -> Result<NextGeneration, StateError> {
        match method {
            GenerationMethod::File => {
                let next = successor(&self.stored_generation()?, wall_seconds);
                self.store_generation(next.value)?;
                Ok(next)
            }
            GenerationMethod::Time => {
                let stored = self.stored_generation().unwrap_or(Stored::Absent);
                let least = if let Stored::Number(n) = stored { n.saturating_add(1) } else { 0 };
                let value = Generation(wall_seconds.max(least));
                let _ = self.store_generation(value);
                Ok(NextGeneration { value, origin: GenerationOrigin::Clock })
            }
        }
    }

    fn stored_generation(&self) -> Result<Stored, StateError> {
        let path = self.file(FILE);
        let content = atomic::read_bounded(&path, LIMIT).map_err(refused(Doing::Read, &path))?;
        let Some(content) = content else { return Ok(Stored::Absent) };
        let text = std::str::from_utf8(&content).unwrap_or_default();
        // A file system may leave zero bytes in a file after a power cut.
        let number = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\0').parse();
        Ok(number.map_or(Stored::Corrupt, Stored::Number))
    }

    /// 16 bytes: right-aligned in 15 columns, and a line feed, as 3.0.6 reads it.
    fn store_generation(&self, value: Generation) -> Result<(), StateError> {
        let path = self.file(FILE);
        atomic::replace(&path, format!("{:15}\n", value.0).as_bytes(), 0o644).map_err(refused(Doing::Write, &path))
    }
}

/// The number of seconds by which a clock may be earlier than a file and still count as right: another machine may have
/// written the file.
const SLACK: u64 = 60;
/// More starts than a node makes between two looks at its clock: a generation grows by one with each start.
const MARGIN: u64 = 86_400;

/// The wall clock, or a day after the newest file in `directories` if the clock is earlier than that file. Such a clock
/// was set back, and a generation made of it might be smaller than one that the peers have seen. They would refuse this
/// node until they are restarted.
pub fn plausible_now(wall_seconds: u64, directories: &[&Path]) -> u64 {
    let files = directories.iter().flat_map(|directory| fs::read_dir(directory).into_iter().flatten().flatten());
    let times = files.filter_map(|file| file.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    let newest = times.map(|time| time.as_secs()).max().unwrap_or(0);
    if newest > wall_seconds.saturating_add(SLACK) { newest.saturating_add(MARGIN) } else { wall_seconds }
}

fn successor(stored: &Stored, wall_seconds: u64) -> NextGeneration {
    let fresh = Generation(wall_seconds.saturating_add(1));
    match *stored {
        Stored::Number(n) => {
            NextGeneration { value: Generation(n.saturating_add(1)), origin: GenerationOrigin::Stored }
        }
        Stored::Absent => NextGeneration { value: fresh, origin: GenerationOrigin::Absent },
        Stored::Corrupt => NextGeneration { value: fresh, origin: GenerationOrigin::Corrupt },
    }
}
