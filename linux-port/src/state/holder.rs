//! The process that holds the lock of a pid file. The lock says which daemon runs, and not the file's name or content: a
//! cleaner may remove the file, a full disk may leave it empty, and the number in it may belong to a stranger by now.
//! `/proc` shows the lock of an open file, also of one that has no name any more.

use super::pidfile::{is_name_of_a_daemon, stat_of};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The end of the name of an open file that has been removed.
const REMOVED: &[u8] = b" (deleted)";
/// The access mode in the flags of an open file, and its value for reading and writing. A [`super::Guard`] has the file
/// open for reading only, so that it counts as no daemon.
const ACCESS: u32 = 0o3;
const READ_AND_WRITE: u32 = 0o2;
/// The flag of a descriptor that an exec closes.
const CLOSED_AT_EXEC: u32 = 0o2_000_000;

/// The pid file of 3.0.6, and the beginning of the title of its main process. It holds no lock.
const REFERENCE_FILE: &str = "/run/heartbeat.pid";
const REFERENCE_TITLE: &[u8] = b"heartbeat: master control process";

/// The running daemon of the pid file at `path`, by its lock, or a 3.0.6 by its title. `None` also if it cannot be seen,
/// as the open files of another user's daemon.
#[cold]
pub(super) fn holder(path: &Path) -> Option<u32> {
    let sought = Sought::new(path);
    let numbers = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let daemons: Vec<u32> = numbers.filter(|pid| is_daemon(*pid)).collect();
    let locks = daemons.iter().find(|pid| sought.is_held_by(**pid));
    locks.or_else(|| daemons.iter().find(|pid| sought.is_reference(**pid))).copied()
}

/// Whether the process `pid` holds the lock.
#[cold]
pub(super) fn is_holder(path: &Path, pid: u32) -> bool {
    Sought::new(path).is_held_by(pid)
}

/// The descriptor of this process that holds the lock since before an exec.
#[cold]
pub(super) fn inherited(path: &Path) -> Option<i32> {
    Sought::new(path).descriptor_of(std::process::id(), |flags| flags & CLOSED_AT_EXEC == 0)
}

fn is_daemon(pid: u32) -> bool {
    stat_of(pid).is_some_and(|(name, rest)| is_name_of_a_daemon(&name) && !rest.starts_with(['Z', 'X']))
}

/// A pid file in this network, whose daemons are sought.
struct Sought {
    /// Its name without symbolic links, as the kernel gives it.
    path: PathBuf,
    /// The file system of its directory.
    device: Option<u64>,
    network: Option<PathBuf>,
    mounts: Option<PathBuf>,
}

impl Sought {
    fn new(path: &Path) -> Self {
        // The directory may be gone, too.
        let real = path.ancestors().skip(1).find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
        let resolved = real.as_ref().and_then(|(above, real)| Some(real.join(path.strip_prefix(above).ok()?)));
        let device = real.and_then(|(_, real)| fs::metadata(real).ok()).map(|data| data.dev());
        let own = std::process::id();
        Self {
            path: resolved.unwrap_or_else(|| path.to_owned()),
            device,
            network: namespace(own, "net"),
            mounts: namespace(own, "mnt"),
        }
    }

    fn is_held_by(&self, pid: u32) -> bool {
        self.descriptor_of(pid, |_| true).is_some()
    }

    /// Whether `pid` is the 3.0.6 of this pid file.
    fn is_reference(&self, pid: u32) -> bool {
        let has_its_places = self.path == Path::new(REFERENCE_FILE) && namespace(pid, "mnt") == self.mounts;
        let title = || fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        has_its_places && namespace(pid, "net") == self.network && title().starts_with(REFERENCE_TITLE)
    }

    /// The descriptor of `pid` that has the file open and holds its lock.
    fn descriptor_of(&self, pid: u32, suits: impl Fn(u32) -> bool) -> Option<i32> {
        // Two nodes on one kernel, as in containers, may use the same names, but not in the same network.
        if namespace(pid, "net") != self.network {
            return None;
        }
        let has_same_mounts = namespace(pid, "mnt") == self.mounts;
        let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
        let mut numbers = files.filter(|file| self.is_named(&file.path())).filter_map(|file| {
            let is_here = has_same_mounts || self.is_on_this_device(&file.path());
            is_here.then(|| file.file_name().to_str()?.parse().ok()).flatten()
        });
        numbers.find(|number| {
            let details = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
            flags(&details).is_some_and(|flags| flags & ACCESS == READ_AND_WRITE && suits(flags))
                && is_locked_by(&details, pid)
        })
    }

    fn is_named(&self, link: &Path) -> bool {
        let Ok(name) = fs::read_link(link) else { return false };
        let name = name.as_os_str().as_bytes();
        Path::new(OsStr::from_bytes(name.strip_suffix(REMOVED).unwrap_or(name))) == self.path
    }

    fn is_on_this_device(&self, link: &Path) -> bool {
        self.device.is_some() && fs::metadata(link).ok().map(|data| data.dev()) == self.device
    }
}

fn namespace(pid: u32, kind: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()
}

/// The flags in the text of `/proc/PID/fdinfo/N`.
fn flags(details: &str) -> Option<u32> {
    let word = details.lines().find_map(|line| line.strip_prefix("flags:"))?;
    u32::from_str_radix(word.trim(), 8).ok()
}

/// Whether that text has a line such as `lock: 1: FLOCK  ADVISORY  WRITE 77 00:1c:2 0 EOF` for this process. A child
/// that has not executed its program yet shares the open file, and not the number.
fn is_locked_by(details: &str, pid: u32) -> bool {
    let mut locks = details.lines().filter_map(|line| line.strip_prefix("lock:"));
    locks.any(|line| {
        let words: Vec<&str> = line.split_whitespace().skip(1).take(4).collect();
        matches!(words.as_slice(), ["FLOCK", _, "WRITE", number] if number.parse() == Ok(pid))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DETAILS: &str =
        "pos:\t11\nflags:\t02100002\nmnt_id:\t25\nino:\t7\nlock:\t1: FLOCK  ADVISORY  WRITE 77 00:1c:7 0 EOF\n";

    #[test]
    fn lock_counts_for_the_process_that_took_it() {
        assert!(is_locked_by(DETAILS, 77));
        assert!(!is_locked_by(DETAILS, 7), "a child that is about to execute its program");
        assert!(!is_locked_by(&DETAILS.replace("WRITE", "READ"), 77));
        assert!(!is_locked_by(&DETAILS.replace("FLOCK", "POSIX"), 77));
        assert!(!is_locked_by("flags:\t02100002\n", 77));
    }

    #[test]
    fn flags_are_octal() {
        assert_eq!(flags(DETAILS), Some(0o2_100_002));
        assert_eq!(flags("pos:\t0\n"), None);
    }
}
