//! The archive that a kernel unpacks into its first root file system: the format `newc` of cpio.

use std::io::{self, Write};

/// The modes of an executable file, and of a directory.
const FILE: u32 = 0o100_755;
const DIRECTORY: u32 = 0o040_755;

/// Writes an archive.
pub(super) struct Archive<W> {
    to: W,
    entries: u32,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, entries: 0 }
    }

    pub(super) fn directory(&mut self, name: &str) -> io::Result<()> {
        self.entry(name, DIRECTORY, &[])
    }

    pub(super) fn file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.entry(name, FILE, content)
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.entry("TRAILER!!!", 0, &[])?;
        self.to.flush()
    }

    /// An entry: thirteen numbers of eight digits, the name and the content, both padded to a multiple of four.
    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        self.entries += 1;
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "too long for an archive");
        let len = u32::try_from(content.len()).map_err(too_long)?;
        let name_len = u32::try_from(name.len() + 1).map_err(too_long)?;
        let mut bytes = b"070701".to_vec();
        for number in [self.entries, mode, 0, 0, 1, 0, len, 0, 0, 0, 0, name_len, 0] {
            write!(bytes, "{number:08x}")?;
        }
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        self.to.write_all(&bytes)
    }
}
