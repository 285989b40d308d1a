//! Replacing a small file so that a crash at any moment leaves the old content or the new one, never a mixture.

use crate::sys::fault::{self, Call};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Replaces `path` by `content` with permission bits `mode`: the content is written to another file and made durable,
/// that file is renamed, and the rename is made durable as well. It overwrites a leftover of an earlier crash. A
/// failure, such as a full disk, leaves none.
pub(super) fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let beside = beside(path);
    let label = path.file_name().unwrap_or_default().display();
    let written = write_durably(&beside, content, mode, &label)
        .and_then(|()| fault::gate(Call::Rename, &label))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The error to report is that of the write.
        let _ = fs::remove_file(&beside);
    }
    written?;
    fault::gate(Call::Sync, format_args!("directory of {label}"))?;
    let directory = path.parent().unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn write_durably(path: &Path, content: &[u8], mode: u32, label: &impl fmt::Display) -> io::Result<()> {
    fault::gate(Call::Open, label)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    fault::write_all(&file, content, label)?;
    fault::gate(Call::Sync, label)?;
    file.sync_all()
}

/// Reads at most `limit` bytes; `None` if there is no such file. A longer file is cut at the limit plus one byte, so
/// that the caller can tell.
pub(super) fn read_bounded(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    Ok(Some(content))
}

/// The file in which the new content is written before it takes the place of `path`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}
