//! The lock file of a serial device, in the old convention `LCK..name` with the owner's process id
//! (docs/protocol/wire.md 9.2).

use crate::media::OpenCause;
use crate::sys::fault;
use rustix::process::{Pid, test_kill_process};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Attempts to take a lock: one attempt removes a stale lock, and the next takes it unless another process was faster.
const ATTEMPTS: usize = 3;

/// A held lock; removed when dropped.
pub(super) struct LockFile {
    path: PathBuf,
}

impl LockFile {
    /// Locks `device` in `directory`. A lock whose owner no longer runs is taken over.
    pub(super) fn take(directory: &Path, device: &str) -> Result<Self, OpenCause> {
        let path = directory.join(file_name(device));
        // The file is written under another name and then linked, so that no reader ever sees a lock without its
        // owner's number.
        let aside = directory.join(format!("TMP..{}", std::process::id()));
        let text = format!("{:>10}\n", std::process::id());
        fault::gate(fault::Call::Serial, device).and_then(|()| fs::write(&aside, text)).map_err(|error| match error
            .kind()
        {
            io::ErrorKind::NotFound => OpenCause::NoLockDirectory,
            _ => OpenCause::LockFile(error),
        })?;
        let linked = link(&aside, &path);
        let _ = fs::remove_file(&aside);
        linked.map(|()| Self { path })
    }
}

/// Removes the locks in `directory` that name this process, except those of `devices`: an earlier daemon in this
/// process left them.
pub(super) fn remove_own(directory: &Path, devices: &[&str]) {
    let kept: Vec<String> = devices.iter().map(|device| file_name(device)).collect();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("LCK..") && !kept.contains(&name) && owner(&entry.path()) == Some(std::process::id()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn link(aside: &Path, path: &Path) -> Result<(), OpenCause> {
    for _ in 0..ATTEMPTS {
        match fs::hard_link(aside, path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(OpenCause::LockFile(error)),
            Err(_) => {}
        }
        if let Some(pid) = living_owner(path) {
            return Err(OpenCause::Locked { pid });
        }
        let _ = fs::remove_file(path);
    }
    Err(OpenCause::LockFile(io::ErrorKind::AlreadyExists.into()))
}

impl Drop for LockFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// `LCK..` and the letters and digits of the path after its first five characters, `/dev/`.
fn file_name(device: &str) -> String {
    let tail = device.chars().skip(5).filter(char::is_ascii_alphanumeric);
    "LCK..".chars().chain(tail).collect()
}

/// The process that a lock names.
fn owner(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The process that holds the lock at `path`, if it still runs. A lock with our own number is left from an earlier
/// process.
fn living_owner(path: &Path) -> Option<u32> {
    let pid = owner(path)?;
    let raw = Pid::from_raw(i32::try_from(pid).ok()?)?;
    let runs = !matches!(test_kill_process(raw), Err(rustix::io::Errno::SRCH));
    (runs && pid != std::process::id()).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("hbcore-lock-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        path
    }

    #[test]
    fn lock_names_its_owner_and_goes_with_it() {
        let directory = directory("own");
        let lock = LockFile::take(&directory, "/dev/ttyS0").expect("free");
        let text = fs::read_to_string(directory.join("LCK..ttyS0")).expect("written");
        assert_eq!(text.trim(), std::process::id().to_string());
        drop(lock);
        assert_eq!(fs::read_dir(&directory).expect("readable").count(), 0, "nothing is left");
        fs::remove_dir(&directory).expect("empty");
    }

    #[test]
    fn living_owner_is_respected_and_a_dead_one_is_not() {
        let directory = directory("stale");
        let file = directory.join("LCK..pts3");
        fs::write(&file, "         1\n").expect("written");
        assert!(matches!(LockFile::take(&directory, "/dev/pts/3"), Err(OpenCause::Locked { pid: 1 })));

        let mut child = std::process::Command::new("true").spawn().expect("starts");
        child.wait().expect("ends");
        fs::write(&file, format!("{:>10}\n", child.id())).expect("written");
        drop(LockFile::take(&directory, "/dev/pts/3").expect("its owner is dead"));

        fs::write(&file, "no number").expect("written");
        drop(LockFile::take(&directory, "/dev/pts/3").expect("nobody's"));
        fs::remove_dir(&directory).expect("empty");
    }

    #[test]
    fn locks_of_an_earlier_program_of_this_process_go_but_those_in_use() {
        let directory = directory("left");
        let own = format!("{:>10}\n", std::process::id());
        for (name, owner) in [("LCK..ttyS0", own.as_str()), ("LCK..ttyS1", &own), ("LCK..ttyS2", "         1\n")] {
            fs::write(directory.join(name), owner).expect("written");
        }
        remove_own(&directory, &["/dev/ttyS1"]);
        let is_there = ["LCK..ttyS0", "LCK..ttyS1", "LCK..ttyS2"].map(|name| directory.join(name).exists());
        assert_eq!(is_there, [false, true, true]);
        fs::remove_dir_all(&directory).expect("ours");
    }

    #[test]
    fn without_the_directory_the_error_says_so() {
        assert!(matches!(LockFile::take(Path::new("/nowhere"), "/dev/ttyS0"), Err(OpenCause::NoLockDirectory)));
    }
}
