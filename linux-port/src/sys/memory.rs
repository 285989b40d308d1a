//! Locked memory: the heartbeat thread never waits for a page from disk.

use super::Capability;
use rustix::{
    io::Errno,
    mm::{Advice, MlockAllFlags, madvise, mlockall},
};
use std::{ffi::c_void, fmt, fs, hint::black_box, io};

/// Stack that the heartbeat thread gets before it runs, in bytes.
const STACK: usize = 32 * 1024;
/// The smallest size of a page, in bytes.
const PAGE: usize = 4096;
/// An area of code that is mapped at once, in bytes.
const AREA: usize = 16 * 1024;
/// Buffers of at least this size, in bytes, get a mapping of their own.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 32 * 1024;

/// The reason why memory is not locked. The daemon works without, but may stall when the machine swaps.
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

/// Locks the memory that the process uses now and later, and 32 KiB of stack. Call it last, when the start is over: it
/// first gives back code and heap that only the start needed.
///
/// Pages are locked when they are first touched, so that the kernel does not read everything that is mapped at once:
/// the untouched parts of thread stacks and libraries would cost megabytes. A kernel before 4.4 cannot do that, and
/// locks everything.
pub fn lock() -> Result<(), LockError> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    forget_start(&maps);
    forget_stack(&maps);
    drop(maps);
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

/// Keeps the heap small: one heap for all threads, and large buffers outside it, so that a buffer for the largest
/// datagram takes only the pages that were ever used. Call it first, before anything large is allocated.
pub fn spare() {
    #[cfg(target_env = "gnu")]
    // SAFETY: numbers go in, and nothing else was allocated by another thread yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

/// Gives the heap that only the start needed back to the system.
fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no pointer goes in or out, and the allocator locks what it looks at.
    let _ = unsafe { libc::malloc_trim(0) };
}

/// Gives back the stack that the start has used and that is free again.
#[inline(never)]
fn forget_stack(maps: &str) {
    let here = 0u8;
    // A red zone and the stack of the call below stay.
    let top = ((&raw const here).addr() / PAGE).saturating_sub(2) * PAGE;
    let stack = |line: &&str| line.ends_with("[stack]");
    let Some((low, high)) = maps.lines().find(stack).and_then(addresses) else { return };
    // The stack of a thread other than the first is not in this range.
    if (low..high).contains(&top) {
        // SAFETY: the range is free stack, more than a page below what is in use; nobody reads it before writing it.
        let _ = unsafe { madvise(low as *mut c_void, top - low, Advice::LinuxDontNeed) };
    }
}

/// Gives back the pages of a large value that hold only zeros: the kernel makes them anew, as zeros, when they are
/// used. So tables for a hundred nodes cost nothing in a cluster of two. Where the kernel does not show the content of
/// pages, nothing is given back.
pub fn give_back_zeros<T: ?Sized>(value: &mut T) {
    let size = size_of_val(value);
    let begin = std::ptr::from_mut(value).addr();
    let pages = begin.next_multiple_of(PAGE)..(begin + size) / PAGE * PAGE;
    let mut content = [0u8; PAGE];
    for at in pages.step_by(PAGE) {
        if read_own(at, &mut content) && content.iter().all(|&byte| byte == 0) {
            // SAFETY: the page lies within a value that is ours alone, and is the same afterwards. (A larger page of
            // the kernel's that is not aligned is refused.)
            let _ = unsafe { madvise(at as *mut c_void, PAGE, Advice::LinuxDontNeed) };
        }
    }
}

/// Copies a page of this process. The kernel copies, because a value has bytes that were never written and that Rust
/// may not read.
fn read_own(at: usize, into: &mut [u8; PAGE]) -> bool {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: PAGE };
    let remote = libc::iovec { iov_base: at as *mut c_void, iov_len: PAGE };
    // SAFETY: the kernel writes at most PAGE bytes to `into`, which has as many, and checks the other address itself.
    let copied = unsafe { libc::process_vm_readv(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(copied) == Ok(PAGE)
}

/// Gives back code of the program and its libraries that only the start needed. Code that runs from now on comes back
/// from the page cache at its first use, and is locked then. The kernel reads the rest ahead, but it takes no memory of
/// the process. Functions of the start are marked `#[cold]`, so that they stand together and not between those that run
/// (`build.rs`).
fn forget_start(maps: &str) {
    for (start, end) in maps.lines().filter_map(unwritten) {
        divide(start, end);
        let (at, len) = (start as *mut c_void, end.saturating_sub(start));
        // SAFETY: the range is mapped from a file and was never written to: dropped pages are read again.
        let _ = unsafe { madvise(at, len, Advice::LinuxDontNeed) };
        // SAFETY: the advice changes neither content nor protection, and the kernel checks the range.
        let _ = unsafe { madvise(at, len, Advice::WillNeed) };
    }
}

/// Divides a mapping into areas of 16 KiB. At the first use of a page the kernel maps, and locks, up to 64 KiB around it,
/// most of them functions that never run; but it stays within the area. An area costs the kernel some 200 bytes, and
/// smaller ones save hardly more than that. Neighbours of the same kind would be one area again, so each second one is
/// left out of core dumps, which have no pages of files anyway.
fn divide(start: usize, end: usize) {
    for at in (start..end).step_by(2 * AREA) {
        // SAFETY: the advice is about core dumps alone, and the kernel checks the range.
        let _ = unsafe { madvise(at as *mut c_void, AREA.min(end - at), Advice::LinuxDontDump) };
    }
}

/// The addresses of a mapping that was never written to, from a line such as `55d0-55e0 r-xp 0000 08:01 77 /bin/x`:
/// code, and the bytes before it at the beginning of a program's file. The dynamic linker may have written to other
/// read-only mappings.
fn unwritten(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (protection, offset) = (words.next()?, words.next()?);
    let of_file = words.nth(2)?.starts_with('/');
    let clean = protection == "r-xp" || protection == "r--p" && hex(offset)? == 0;
    (of_file && clean).then(|| addresses(line)).flatten()
}

/// The first address of a mapping and the first after it, from its line.
fn addresses(line: &str) -> Option<(usize, usize)> {
    let (start, end) = line.split_ascii_whitespace().next()?.split_once('-')?;
    Some((hex(start)?, hex(end)?))
}

fn hex(text: &str) -> Option<usize> {
    usize::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_never_written_to_are_found_in_maps() {
        let range = Some((0x5000, 0x6000));
        assert_eq!(unwritten("5000-6000 r-xp 00003000 08:01 77   /bin/x"), range);
        assert_eq!(unwritten("5000-6000 r--p 00000000 08:01 77   /bin/x"), range);
    }

    #[test]
    fn pages_that_may_have_been_written_to_are_left_out() {
        for line in [
            "5000-6000 r--p 00155000 08:01 77 /bin/x",
            "5000-6000 rw-p 00000000 08:01 77 /bin/x",
            "5000-6000 rw-p 00000000 00:00 0 [heap]",
            "5000-6000 r-xp 00000000 00:00 0 [vdso]",
            "5000-6000 r-xp 00000000 00:00 0",
            "nonsense",
        ] {
            assert_eq!(unwritten(line), None, "{line}");
        }
    }

    #[test]
    fn value_is_the_same_without_its_pages_of_zeros() {
        let mut value = vec![0u8; 64 * PAGE].into_boxed_slice();
        value[5 * PAGE + 7] = 1;
        value[63 * PAGE] = 2;
        let before = value.clone();
        give_back_zeros(&mut *value);
        assert_eq!(value, before);
        value[9 * PAGE] = 3;
        assert_eq!((value[9 * PAGE], value[9 * PAGE + 1]), (3, 0));
    }

    #[test]
    fn refusal_to_lock_memory_names_the_capability() {
        assert!(LockError::NotPermitted.to_string().contains("CAP_IPC_LOCK"));
    }
}
