//! `hostcache` and `delhostcache`: facts about nodes that are not in `ha.cf` (docs/protocol/files.md 12.1).

use std::fs;
use std::io::Write;
use std::path::Path;

use hbcore::id::Uuid;

use super::{Doing, StateDir, StateError, atomic, refused};

/// The largest host list that is read, in bytes; 100 nodes need about 15,000.
const LIMIT: u64 = 256 * 1024;

/// The two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostList {
    /// `hostcache`: nodes that have been seen.
    Known,
    /// `delhostcache`: nodes that have been deleted.
    Deleted,
}

impl HostList {
    const fn file(self) -> &'static str {
        match self {
            Self::Known => "hostcache",
            Self::Deleted => "delhostcache",
        }
    }
}

/// One node of a host list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    /// The node's name.
    pub name: String,
    /// Its identity; [`Uuid::NIL`] if unknown.
    pub uuid: Uuid,
    /// Its weight, 100 unless set.
    pub weight: i32,
    /// Its site, often empty.
    pub site: String,
}

impl StateDir {
    /// Reads a host list; it is empty if there is no file.
    ///
    /// # Errors
    /// [`StateError::BadHostList`] for a list with a bad line or of more than 256 KiB: the file is removed, and the
    /// daemon continues without it. [`StateError::Io`] when the file cannot be read.
    pub fn read_hosts(&self, list: HostList) -> Result<Vec<HostEntry>, StateError> {
        let path = self.file(list.file());
        let content = atomic::read_bounded(&path, LIMIT).map_err(refused(Doing::Read, &path))?.unwrap_or_default();
        if content.len() as u64 > LIMIT {
            return Err(discard(&path, 0));
        }
        let mut entries = Vec::new();
        for (line, number) in content.split(|byte| *byte == b'\n').zip(1..) {
            if line.is_empty() {
                continue;
            }
            entries.push(parse(line).ok_or_else(|| discard(&path, number))?);
        }
        Ok(entries)
    }

    /// Replaces a host list.
    ///
    /// # Errors
    /// [`StateError::Io`] when the file cannot be replaced; the old one is then unchanged.
    pub fn write_hosts(&self, list: HostList, entries: &[HostEntry]) -> Result<(), StateError> {
        let path = self.file(list.file());
        let mut content = Vec::new();
        for HostEntry { name, uuid, weight, site } in entries {
            // Writing to a vector cannot fail.
            let _ = writeln!(content, "{name}\t{uuid}\t{weight}\t{site}");
        }
        atomic::replace(&path, &content, 0o644).map_err(refused(Doing::Write, &path))
    }
}

/// Removes a malformed list and names the line.
fn discard(path: &Path, line: usize) -> StateError {
    match fs::remove_file(path) {
        Ok(()) => StateError::BadHostList { path: path.to_owned(), line },
        Err(error) => refused(Doing::Remove, path)(error),
    }
}

fn parse(line: &[u8]) -> Option<HostEntry> {
    let mut fields = std::str::from_utf8(line).ok()?.split('\t');
    let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
    let uuid = parse_uuid(fields.next()?)?;
    let weight = fields.next()?.trim().parse().ok()?;
    let site = fields.next().unwrap_or_default().trim_end().to_owned();
    fields.next().is_none().then_some(HostEntry { name, uuid, weight, site })
}

/// Reads the 8-4-4-4-12 text, in either case.
fn parse_uuid(text: &str) -> Option<Uuid> {
    let groups: [usize; 5] = [8, 4, 4, 4, 12];
    if !text.split('-').map(str::len).eq(groups) {
        return None;
    }
    let digits: Option<Vec<u8>> = text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits?.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |value, digit| value * 16 + digit);
    }
    Some(Uuid(bytes))
}
