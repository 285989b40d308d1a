//! Files that vanish with the last process that sees them, even if all processes are killed at once.

use std::io;
use std::path::PathBuf;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};

/// Mounts a file system in memory on the directory of temporary files, visible to this process and its children only.
/// The process must have its own mounts (see [`crate::sys::namespace::isolate`]).
///
/// # Errors
/// There is no such directory, or the system refuses.
pub(super) fn in_memory() -> io::Result<PathBuf> {
    let directory = std::env::temp_dir();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount("hb-demo", &directory, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, Some(c"mode=755,size=16m"))?;
    Ok(directory)
}
