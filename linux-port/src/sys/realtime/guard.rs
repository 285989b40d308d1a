//! The guard: a thread that computes for too long without sleeping loses its privilege.
//!
//! The kernel sends `SIGXCPU` to a thread of fixed priority that has run for too long (`RLIMIT_RTTIME`). It also sends
//! it to a thread with a reservation, each time that the thread has used up its time of a period. The handler makes the
//! former thread normal. The latter keeps its reservation, and from then on gets no more time than that.

use super::super::deadline::{self, Budget, Reservation};
use super::set_scheduler;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    io, mem, ptr,
    sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

/// The thread that is guarded; 0 for none.
static GUARDED: AtomicI32 = AtomicI32::new(0);
/// The thread's reservation and the longest run, in nanoseconds. A period of 0 means that it has a fixed priority, and
/// that the kernel counts.
static RUNTIME: AtomicU64 = AtomicU64::new(0);
static PERIOD: AtomicU64 = AtomicU64::new(0);
static LONGEST_RUN: AtomicU64 = AtomicU64::new(0);
/// The number of the thread's sleeps at its last overrun, and its processor time then.
static SLEEPS: AtomicI64 = AtomicI64::new(-1);
static SINCE: AtomicU64 = AtomicU64::new(0);
pub(super) static DEMOTED: AtomicBool = AtomicBool::new(false);

/// Gives the calling thread a reservation, which it may exceed while no other thread needs the processor.
pub(super) fn reserve(reservation: Reservation, longest_run: Duration) -> io::Result<()> {
    disarm();
    install_handler()?;
    RUNTIME.store(nanoseconds(reservation.runtime), Ordering::SeqCst);
    PERIOD.store(nanoseconds(reservation.period), Ordering::SeqCst);
    LONGEST_RUN.store(nanoseconds(longest_run), Ordering::SeqCst);
    SLEEPS.store(-1, Ordering::SeqCst);
    arm(|| deadline::set(0, reservation, Budget::Watched))
}

/// Schedules the calling thread in turns at a priority of 1 to 99.
pub(super) fn enter(priority: u8, longest_run: Duration) -> io::Result<()> {
    disarm();
    install_handler()?;
    let micros = u64::try_from(longest_run.as_micros()).unwrap_or(u64::MAX).max(1);
    let maximum = getrlimit(Resource::Rttime).maximum;
    // Only the soft limit: the hard one would kill the daemon.
    setrlimit(Resource::Rttime, Rlimit { current: Some(maximum.map_or(micros, |m| m.min(micros))), maximum })?;
    PERIOD.store(0, Ordering::SeqCst);
    arm(|| set_scheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, i32::from(priority)))
}

/// Ends the guard and its signals.
pub(super) fn disarm() {
    GUARDED.store(0, Ordering::SeqCst);
    let maximum = getrlimit(Resource::Rttime).maximum;
    let _ = setrlimit(Resource::Rttime, Rlimit { current: maximum, maximum });
}

/// Whether the guard has acted since the last call.
pub(super) fn take_demotion() -> bool {
    DEMOTED.swap(false, Ordering::SeqCst)
}

fn arm(schedule: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    GUARDED.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::SeqCst);
    schedule().inspect_err(|_| GUARDED.store(0, Ordering::SeqCst))
}

fn install_handler() -> io::Result<()> {
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

/// The handler of `SIGXCPU`. It uses only atomics and a few system calls, and keeps `errno`.
extern "C" fn step_down(_signal: libc::c_int) {
    let thread = GUARDED.load(Ordering::SeqCst);
    if thread == 0 {
        return;
    }
    // SAFETY: the pointer to this thread's errno is valid for as long as the thread runs.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; errno is an integer that only this thread touches.
    let saved = unsafe { *errno };
    let period = PERIOD.load(Ordering::SeqCst);
    let too_long = period == 0 || has_not_slept_for_long(thread);
    if too_long && GUARDED.compare_exchange(thread, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        let runtime = Duration::from_nanos(RUNTIME.load(Ordering::SeqCst));
        let reservation = Reservation { runtime, period: Duration::from_nanos(period) };
        if period == 0 || deadline::set(thread, reservation, Budget::Firm).is_err() {
            let _ = set_scheduler(thread, libc::SCHED_OTHER, 0);
        }
        DEMOTED.store(true, Ordering::SeqCst);
    }
    // SAFETY: as above.
    unsafe { *errno = saved };
}

/// Whether the guarded thread, which the handler interrupts, has computed for too long since the first overrun after
/// its last sleep.
fn has_not_slept_for_long(thread: i32) -> bool {
    // Any thread of the process may handle the signal. If it is another one, the next overrun brings the next signal.
    if rustix::thread::gettid().as_raw_nonzero().get() != thread {
        return false;
    }
    // SAFETY: all zero is a valid rusage.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes to `usage`, which lives across the call.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
    #[allow(clippy::useless_conversion, reason = "a C long has 32 bits elsewhere")]
    let sleeps = i64::from(usage.ru_nvcsw);
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let used = used.tv_sec.cast_unsigned().saturating_mul(1_000_000_000).saturating_add(used.tv_nsec.cast_unsigned());
    if SLEEPS.swap(sleeps, Ordering::SeqCst) != sleeps {
        SINCE.store(used, Ordering::SeqCst);
        return false;
    }
    used.saturating_sub(SINCE.load(Ordering::SeqCst)) >= LONGEST_RUN.load(Ordering::SeqCst)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
