//! `SCHED_DEADLINE`: the kernel promises a thread an amount of processor time in each period, before every thread of a
//! fixed priority.

use std::{fmt, io, time::Duration};

/// An amount of processor time in each period. The kernel bounds the sum of all reservations of a machine, so ours are
/// small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Processor time: more than 1 µs, at most the period.
    pub runtime: Duration,
    /// The period, at the end of which the thread has had its processor time: at least 100 µs.
    pub period: Duration,
}

/// Bounds of the heartbeat thread's period: a kernel checks budgets once a tick, so a period outside them gains
/// nothing.
const PERIODS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(10)];
/// The heartbeat thread's processor time is its period divided by this, and at most the greatest runtime.
const SHARE: u32 = 5;
const GREATEST_RUNTIME: Duration = Duration::from_millis(1);

impl Reservation {
    /// The reservation with which the heartbeat thread can send a heartbeat each `keepalive` and receive those of its
    /// peers.
    pub fn for_keepalive(keepalive: Duration) -> Self {
        let [least, greatest] = PERIODS;
        let period = (keepalive / 2).clamp(least, greatest);
        Self { runtime: (period / SHARE).min(GREATEST_RUNTIME), period }
    }

    /// The reservation of the address thread: half a millisecond is enough for several addresses.
    pub const fn for_addresses() -> Self {
        Self { runtime: Duration::from_micros(500), period: Duration::from_millis(10) }
    }
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in each {:?}", self.runtime, self.period)
    }
}

/// The limit on a thread that has used up its reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Budget {
    /// The thread waits for the next period.
    Firm,
    /// The thread may use time that other threads have reserved and do not use.
    Stretched,
    /// As `Stretched`; the thread gets `SIGXCPU` when it has used up that time too.
    Watched,
}

/// Threads and processes that the thread starts are scheduled normally. Without this flag a thread with a reservation
/// cannot start any.
const RESET_ON_FORK: u64 = 1;
const RECLAIM: u64 = 2;
const OVERRUN: u64 = 4;

impl Budget {
    const fn flags(self) -> u64 {
        RESET_ON_FORK
            | match self {
                Self::Firm => 0,
                Self::Stretched => RECLAIM,
                Self::Watched => RECLAIM | OVERRUN,
            }
    }
}

/// `struct sched_attr` of the kernel in its first version, which every kernel since 3.14 takes.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

const SIZE: u32 = size_of::<Attributes>() as u32;

/// How the kernel schedules a thread.
pub(super) struct Scheduled {
    pub(super) policy: i32,
    pub(super) priority: u32,
    pub(super) reservation: Reservation,
}

/// Gives a thread (0: the calling one) a reservation. A signal handler may call it.
///
/// # Errors
/// `EPERM` without the capability, or when the thread may not run on every processor; `EBUSY` when too much is reserved
/// already.
pub(super) fn set(thread: i32, reservation: Reservation, budget: Budget) -> io::Result<()> {
    let period = nanoseconds(reservation.period);
    let attributes = Attributes {
        size: SIZE,
        policy: libc::SCHED_DEADLINE as u32,
        flags: budget.flags(),
        runtime: nanoseconds(reservation.runtime),
        deadline: period,
        period,
        ..Attributes::default()
    };
    // SAFETY: the kernel only reads `attributes`, which is as large as it says and lives across the call.
    match unsafe { libc::syscall(libc::SYS_sched_setattr, thread, &raw const attributes, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// How a thread (0: the calling one) is scheduled.
///
/// # Errors
/// The kernel is older than 3.14, or the thread does not exist.
pub(super) fn get(thread: i32) -> io::Result<Scheduled> {
    let mut attributes = Attributes::default();
    // SAFETY: the kernel writes at most `SIZE` bytes to `attributes`, which lives across the call; every value of them
    // is valid.
    match unsafe { libc::syscall(libc::SYS_sched_getattr, thread, &raw mut attributes, SIZE, 0) } {
        0 => Ok(Scheduled {
            policy: attributes.policy.cast_signed(),
            priority: attributes.priority,
            reservation: Reservation {
                runtime: Duration::from_nanos(attributes.runtime),
                period: Duration::from_nanos(attributes.period),
            },
        }),
        _ => Err(io::Error::last_os_error()),
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
