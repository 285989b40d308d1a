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

/// Locks what the process uses now and later, has its program read in, and 64 KiB of stack touched.
///
/// Pages stay once they were touched, instead of everything mapped being read at once: the untouched parts of
/// thread stacks and libraries would cost megabytes. Where the kernel cannot do that (before 4.4), everything is locked.
pub fn lock() -> Result<(), LockError> {
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
    read_in_program();
    Ok(())
}

#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "to have touched that much stack is the purpose")]
fn touch_stack() {
    let mut room = [0u8; STACK];
    black_box(&mut room);
}

/// Has the program's own code and constants read in, so that the first takeover finds them in memory. They are not mapped before
/// their first use, when they are locked too: most of the program is never used.
fn read_in_program() {
    let (Ok(maps), Ok(program)) = (fs::read_to_string("/proc/self/maps"), fs::read_link("/proc/self/exe")) else {
        return;
    };
    for (start, end) in maps.lines().filter(|l| program.to_str().is_some_and(|p| l.ends_with(p))).filter_map(range) {
        // SAFETY: the advice changes neither content nor protection, and the kernel checks the range.
        let _ = unsafe { madvise(start as *mut c_void, end.saturating_sub(start), Advice::WillNeed) };
    }
}

/// The addresses of a readable mapping, from a line such as `55d0-55e0 r-xp 0000 ...`.
fn range(line: &str) -> Option<(usize, usize)> {
    let (addresses, rest) = line.split_once(' ')?;
    let (start, end) = addresses.split_once('-')?;
    let parse = |text| usize::from_str_radix(text, 16).ok();
    rest.starts_with('r').then_some((parse(start)?, parse(end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_maps_gives_its_range() {
        assert_eq!(range("5000-6000 r-xp 00000000 00:00 0 /bin/x"), Some((0x5000, 0x6000)));
        assert_eq!(range("5000-6000 ---p 00000000 00:00 0 /bin/x"), None);
        assert_eq!(range("nonsense"), None);
    }

    #[test]
    fn the_refusal_names_the_capability() {
        assert!(LockError::NotPermitted.to_string().contains("CAP_IPC_LOCK"));
    }
}
