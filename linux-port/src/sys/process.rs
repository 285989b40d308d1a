//! Starting processes: a child whose whole surroundings are stated, and a fork that detaches from the terminal.

use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// A child to start, and everything that it gets from this process: descriptors above 2 are closed at exec, the signal
/// mask is empty, all dispositions are default except an ignored `SIGPIPE`, and the child leads its own process group.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// The file to execute; no search along `PATH`.
    pub program: &'a CStr,
    /// The argument vector. The first argument is the name of the program.
    pub arguments: &'a [CString],
    /// The complete environment, `NAME=value` each.
    pub environment: &'a [CString],
    /// The working directory.
    pub directory: &'a CStr,
    /// Descriptors 0, 1 and 2 of the child.
    pub standard: [BorrowedFd<'a>; 3],
}

/// A started child: its process id, which is also its process group, and a descriptor that becomes readable at its
/// exit.
#[derive(Debug)]
pub struct Child {
    /// The process id.
    pub pid: Pid,
    /// The pid descriptor; `waitid` on it reaps this child and no other.
    pub pidfd: OwnedFd,
}

/// Starts a child without copying this process's memory: the heartbeat thread takes no copy-on-write faults.
///
/// The child inherits the scheduling of the calling thread, so call [`normal_scheduling`] in that thread first.
///
/// # Errors
/// The error of `execve` or `chdir` (`ENOENT`, `EACCES`, `ENOEXEC`, ...), `EAGAIN` when no process can be made, and
/// `EMFILE` when no pid descriptor can be made (the child is then killed and reaped).
pub fn spawn(what: &Spawn<'_>) -> io::Result<Child> {
    leave_no_descriptors();
    let mut actions = FileActions::new()?;
    for (fd, target) in what.standard.iter().zip(0..) {
        actions.duplicate(fd.as_raw_fd(), target)?;
    }
    actions.change_directory(what.directory)?;
    let attributes = Attributes::clean_group_leader()?;
    let arguments = pointers(what.arguments);
    let environment = pointers(what.environment);
    let mut raw: libc::pid_t = 0;
    // SAFETY: every pointer outlives the call; both vectors end in a null pointer; actions and attributes are
    // initialised.
    let code = unsafe {
        libc::posix_spawn(
            &raw mut raw,
            what.program.as_ptr(),
            &raw const actions.0,
            &raw const attributes.0,
            arguments.as_ptr(),
            environment.as_ptr(),
        )
    };
    check(code)?;
    let pid = Pid::from_raw(raw).ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))?;
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Child { pid, pidfd }),
        Err(error) => {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
            let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
            Err(error.into())
        }
    }
}

/// Gives the calling thread normal time-sharing scheduling, which its children inherit.
///
/// # Errors
/// The system's refusal; leaving a realtime class needs no privilege, so none is expected.
pub fn normal_scheduling() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the pointer is to a live, initialised structure; thread 0 means the calling one.
    let code = unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const parameters) };
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Marks every descriptor above 2 close-on-exec, including those that this process inherited or a library forgot to
/// mark.
pub fn leave_no_descriptors() {
    const FIRST: c_uint = 3;
    const CLOSE_RANGE_CLOEXEC: c_uint = 4;
    // SAFETY: the call only sets a flag on descriptors; no memory is passed. A kernel without it (before 5.11) refuses.
    unsafe { libc::syscall(libc::SYS_close_range, FIRST, c_uint::MAX, CLOSE_RANGE_CLOEXEC) };
}

/// The side of a [`fork`] on which the code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The caller, with the process id of the child.
    Parent(Pid),
    /// The child.
    Child,
}

/// Splits the process in two.
///
/// # Errors
/// [`io::ErrorKind::Other`] when more than one thread runs, because the child would find their locks held for ever;
/// otherwise the system's refusal (`EAGAIN`, `ENOMEM`).
pub fn fork() -> io::Result<Side> {
    if thread_count() > 1 {
        return Err(io::Error::other("fork with more than one thread"));
    }
    // SAFETY: a single-threaded process may fork: no lock is held by a thread that is missing in the child.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        raw => Ok(Pid::from_raw(raw).map_or(Side::Child, Side::Parent)),
    }
}

/// Ends this process at once, without running destructors and exit handlers, which belong to the process it was forked
/// from.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: the call does not return and touches no memory of this process.
    unsafe { libc::_exit(code) }
}

/// The number of threads of this process; 1 without `/proc`.
fn thread_count() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// The vector of pointers for exec: one for each string, and a null pointer at the end.
fn pointers(strings: &[CString]) -> Vec<*mut c_char> {
    strings.iter().map(|s| s.as_ptr().cast_mut()).chain([ptr::null_mut()]).collect()
}

/// The `posix_spawn` family returns its error number instead of setting `errno`.
fn check(code: c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

/// The changes to descriptors and directory that the child makes before its exec.
struct FileActions(libc::posix_spawn_file_actions_t);

impl FileActions {
    fn new() -> io::Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the call initialises the structure it is given.
        check(unsafe { libc::posix_spawn_file_actions_init(raw.as_mut_ptr()) })?;
        // SAFETY: initialised just above.
        Ok(Self(unsafe { raw.assume_init() }))
    }

    fn duplicate(&mut self, from: c_int, to: c_int) -> io::Result<()> {
        // SAFETY: the structure is initialised; descriptors are plain numbers, checked in the child.
        check(unsafe { libc::posix_spawn_file_actions_adddup2(&raw mut self.0, from, to) })
    }

    fn change_directory(&mut self, path: &CStr) -> io::Result<()> {
        // SAFETY: the structure is initialised and the call copies the path.
        check(unsafe { libc::posix_spawn_file_actions_addchdir_np(&raw mut self.0, path.as_ptr()) })
    }
}

impl Drop for FileActions {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, destroyed once.
        unsafe { libc::posix_spawn_file_actions_destroy(&raw mut self.0) };
    }
}

/// Process group and signals of the child.
struct Attributes(libc::posix_spawnattr_t);

impl Attributes {
    /// A new process group, an empty signal mask, and default dispositions for all signals but `SIGPIPE`.
    ///
    /// `SIGPIPE` stays ignored, as it always was for scripts of heartbeat: a service that a script leaves running must
    /// not be killed when it writes to a standard output that has no reader any more.
    fn clean_group_leader() -> io::Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the call initialises the structure it is given.
        check(unsafe { libc::posix_spawnattr_init(raw.as_mut_ptr()) })?;
        // SAFETY: initialised just above.
        let mut attributes = Self(unsafe { raw.assume_init() });
        let flags = libc::POSIX_SPAWN_SETPGROUP | libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        let mut none = MaybeUninit::uninit();
        let mut all = MaybeUninit::uninit();
        // SAFETY: the two sets are initialised by the first two calls before anything reads them, and the attributes
        // were initialised above; the setters copy what they are given.
        unsafe {
            libc::sigemptyset(none.as_mut_ptr());
            libc::sigfillset(all.as_mut_ptr());
            libc::sigdelset(all.as_mut_ptr(), libc::SIGPIPE);
            check(libc::posix_spawnattr_setflags(&raw mut attributes.0, flags as libc::c_short))?;
            check(libc::posix_spawnattr_setpgroup(&raw mut attributes.0, 0))?;
            check(libc::posix_spawnattr_setsigmask(&raw mut attributes.0, none.as_ptr()))?;
            check(libc::posix_spawnattr_setsigdefault(&raw mut attributes.0, all.as_ptr()))?;
        }
        Ok(attributes)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised in `clean_group_leader`, destroyed once.
        unsafe { libc::posix_spawnattr_destroy(&raw mut self.0) };
    }
}
