//! Locked memory: the heartbeat thread never waits for a page from disk.

use super::Capability;
use rustix::{
    io::Errno,
    mm::{Advice, MlockAllFlags, madvise, mlockall},
};
use std::{ffi::c_void, fmt, fs, hint::black_box, io};

/// Stack that the heartbeat thread is given before it starts, in bytes.
const STACK: usize = 64 * 1024;

/// Why memory is not locked. The daemon works without, but may stall when the machine swaps.
#[derive(Debug)]
pub enum LockError {
    /// Neither the capability nor `RLIMIT_MEMLOCK` allows it.
    NotPermitted,
    /// The kernel refused for another reason.
    Io(io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPermitted => {
                write!(f, "memory is not locked: this needs {} or a higher RLIMIT_MEMLOCK", Capability::IpcLock)
            }
            Self::Io(error) => write!(f, "memory is not locked: {error}"),
        }
    }
}

impl std::error::Error for LockError {}

/// Locks what the process uses now and later, and 64 KiB of stack. To be called last, when the start is over: code that only the
/// start needed is let go first.
///
/// Pages stay once they were touched, instead of everything mapped being read at once: the untouched parts of
/// thread stacks and libraries would cost megabytes. Where the kernel cannot do that (before 4.4), everything is locked.
pub fn lock() -> Result<(), LockError> {
    forget_start();
    give_back();
    let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE;
    let locked = match mlockall(all | MlockAllFlags::ONFAULT) {
        Err(Errno::INVAL) => mlockall(all),
        other => other,
    };
    locked.map_err(|errno| match errno {
        Errno::PERM | Errno::NOMEM => LockError::NotPermitted,
        other => LockError::Io(other.into()),
    })?;
    touch_stack();
    Ok(())
}

#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "to have touched that much stack is the purpose")]
fn touch_stack() {
    let mut room = [0u8; STACK];
    black_box(&mut room);
}

/// Gives the heap that only the start needed back to the system.
fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no pointer goes in or out, and the allocator locks what it looks at.
    let _ = unsafe { libc::malloc_trim(0) };
}

/// Lets go of the program's code that only the start needed. What runs from now on comes back from the page cache with its first
/// use, 64 KiB around it at a time, and is locked then; the rest is read ahead, but takes no place in the process.
fn forget_start() {
    let (Ok(maps), Ok(program)) = (fs::read_to_string("/proc/self/maps"), fs::read_link("/proc/self/exe")) else {
        return;
    };
    let own = |line: &&str| program.to_str().is_some_and(|p| line.ends_with(p));
    for (start, end) in maps.lines().filter(own).filter_map(code_range) {
        let (at, len) = (start as *mut c_void, end.saturating_sub(start));
        // SAFETY: the range is executable code mapped from a file and never written to: dropped pages are read again.
        let _ = unsafe { madvise(at, len, Advice::LinuxDontNeed) };
        // SAFETY: the advice changes neither content nor protection, and the kernel checks the range.
        let _ = unsafe { madvise(at, len, Advice::WillNeed) };
    }
}

/// The addresses of a mapping of code, from a line such as `55d0-55e0 r-xp 0000 ...`.
fn code_range(line: &str) -> Option<(usize, usize)> {
    let (addresses, rest) = line.split_once(' ')?;
    let (start, end) = addresses.split_once('-')?;
    let parse = |text| usize::from_str_radix(text, 16).ok();
    rest.starts_with("r-xp").then_some((parse(start)?, parse(end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_maps_gives_its_range() {
        assert_eq!(code_range("5000-6000 r-xp 00000000 00:00 0 /bin/x"), Some((0x5000, 0x6000)));
        assert_eq!(code_range("5000-6000 r--p 00000000 00:00 0 /bin/x"), None);
        assert_eq!(code_range("nonsense"), None);
    }

    #[test]
    fn the_refusal_names_the_capability() {
        assert!(LockError::NotPermitted.to_string().contains("CAP_IPC_LOCK"));
    }
}
