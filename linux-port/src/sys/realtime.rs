//! Real-time scheduling of the heartbeat thread, with a guard against a loop that never sleeps.
//!
//! The thread that calls [`enter`] is scheduled before all normal work; threads and processes it starts are not
//! (`SCHED_RESET_ON_FORK`). If it computes for longer than the given limit without once sleeping, the kernel sends
//! `SIGXCPU`, whose handler puts the thread back to normal scheduling: a bug costs latency then, not the machine.

use super::Capability;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    fmt, io, mem, ptr,
    sync::atomic::{AtomicBool, AtomicI32, Ordering},
    time::Duration,
};

/// How threads of one priority share a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `SCHED_RR`: in turns.
    RoundRobin,
    /// `SCHED_FIFO`: the first runs until it sleeps.
    Fifo,
}

/// Why real-time scheduling was refused. The thread keeps the scheduling it had.
#[derive(Debug)]
pub enum RealtimeError {
    /// Neither the capability nor the resource limit `RLIMIT_RTPRIO` allows this priority.
    NotPermitted {
        /// The priority asked for.
        priority: u8,
    },
    /// The priority is not 1 to 99.
    BadPriority(u8),
    /// The kernel refused for another reason.
    Io(io::Error),
}

impl fmt::Display for RealtimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPermitted { priority } => {
                let needed = Capability::SysNice;
                write!(f, "real-time priority {priority} needs {needed} or a higher RLIMIT_RTPRIO; ")?;
                f.write_str("or write 'realtime off' in ha.cf")
            }
            Self::BadPriority(priority) => write!(f, "real-time priority {priority} is not 1 to 99"),
            Self::Io(error) => write!(f, "real-time scheduling: {error}"),
        }
    }
}

impl std::error::Error for RealtimeError {}

/// The thread that [`enter`] made real-time; 0 for none.
static GUARDED: AtomicI32 = AtomicI32::new(0);
static DEMOTED: AtomicBool = AtomicBool::new(false);

/// Makes the calling thread real-time. `longest_run` (rounded up to whole microseconds; the kernel looks once a tick) is
/// how long it may compute without sleeping. One thread of a process at a time; calling it again renews guard and limit.
pub fn enter(policy: Policy, priority: u8, longest_run: Duration) -> Result<(), RealtimeError> {
    if !(1..=99).contains(&priority) {
        return Err(RealtimeError::BadPriority(priority));
    }
    let thread = rustix::thread::gettid().as_raw_nonzero().get();
    GUARDED.store(thread, Ordering::SeqCst);
    install_guard(longest_run).map_err(RealtimeError::Io)?;
    let policy = match policy {
        Policy::RoundRobin => libc::SCHED_RR,
        Policy::Fifo => libc::SCHED_FIFO,
    };
    set_scheduler(thread, policy | libc::SCHED_RESET_ON_FORK, i32::from(priority)).map_err(|error| {
        GUARDED.store(0, Ordering::SeqCst);
        match error.raw_os_error() {
            Some(libc::EPERM) => RealtimeError::NotPermitted { priority },
            _ => RealtimeError::Io(error),
        }
    })
}

/// Makes the calling thread real-time without a guard: for a helper of the heartbeat thread that never computes for long.
pub fn enter_unguarded(policy: Policy, priority: u8) -> io::Result<()> {
    let policy = match policy {
        Policy::RoundRobin => libc::SCHED_RR,
        Policy::Fifo => libc::SCHED_FIFO,
    };
    set_scheduler(0, policy | libc::SCHED_RESET_ON_FORK, i32::from(priority))
}

/// Puts the calling thread back to normal scheduling.
pub fn leave() -> io::Result<()> {
    GUARDED.store(0, Ordering::SeqCst);
    set_scheduler(0, libc::SCHED_OTHER, 0)
}

/// Whether the guard has put the thread back to normal since the last call. The caller reports it and may [`enter`] again.
pub fn take_demotion() -> bool {
    DEMOTED.swap(false, Ordering::SeqCst)
}

fn install_guard(longest_run: Duration) -> io::Result<()> {
    let micros = u64::try_from(longest_run.as_micros()).unwrap_or(u64::MAX).max(1);
    let maximum = getrlimit(Resource::Rttime).maximum;
    // Only the soft limit: the hard one would kill the daemon.
    setrlimit(Resource::Rttime, Rlimit { current: Some(maximum.map_or(micros, |m| m.min(micros))), maximum })?;
    // SAFETY: all zero is a valid sigaction: no flags, an empty mask, the default handler, replaced below.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    let handler: extern "C" fn(libc::c_int) = step_down;
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: `action` is initialised, and its handler only makes calls that are safe within a signal handler.
    match unsafe { libc::sigaction(libc::SIGXCPU, &raw const action, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The handler of `SIGXCPU`: atomics and one system call, and `errno` is as it was.
extern "C" fn step_down(_signal: libc::c_int) {
    let thread = GUARDED.swap(0, Ordering::SeqCst);
    if thread == 0 {
        return;
    }
    // SAFETY: the pointer to this thread's errno is valid for as long as the thread runs.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; errno is an integer that only this thread touches.
    let saved = unsafe { *errno };
    let _ = set_scheduler(thread, libc::SCHED_OTHER, 0);
    // SAFETY: as above.
    unsafe { *errno = saved };
    DEMOTED.store(true, Ordering::SeqCst);
}

/// `sched_setscheduler(2)` by number, because some C libraries offer a stub that always fails.
fn set_scheduler(thread: i32, policy: i32, priority: i32) -> io::Result<()> {
    let param = libc::sched_param { sched_priority: priority };
    // SAFETY: the kernel only reads `param`, which lives across the call.
    match unsafe { libc::syscall(libc::SYS_sched_setscheduler, thread, policy, &raw const param) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests;
