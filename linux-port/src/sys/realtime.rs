//! Real-time scheduling of the heartbeat thread, with a guard against a loop that never sleeps.
//!
//! `SCHED_DEADLINE` with a small [`Reservation`] is tried first: it goes before threads of every fixed priority, and
//! before the share that the kernel keeps for normal threads. If it is refused, the thread gets a priority above the
//! usual ones, or else the lowest real-time priority. Threads and processes that it starts are scheduled normally.
//!
//! If the thread computes for longer than the given limit without sleeping, a guard takes its privilege away: a bug
//! then costs latency, and the machine stays usable. [`Scheduling`] gives the privilege back after a pause.

mod class;
mod guard;
mod scheduling;

pub use super::deadline::Reservation;
pub use class::Class;
pub use scheduling::{Change, Scheduling};

use super::Capability;
use super::deadline::{self, Budget};
use super::fault::{self, Call};
use std::{fmt, io, time::Duration};

/// A priority above the usual ones: interrupt threads and audio servers use 50.
const HIGH: u8 = 60;
/// The lowest real-time priority, which still goes before everything that is not real-time.
const LOW: u8 = 1;

/// How threads of one priority share a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `SCHED_RR`: threads of one priority run in turns.
    RoundRobin,
    /// `SCHED_FIFO`: the first thread runs until it sleeps.
    Fifo,
}

/// The scheduling that a thread asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The most punctual scheduling that the system allows, at best this reservation.
    Best(Reservation),
    /// `SCHED_RR` at this priority, 1 to 99, as the operator configured it.
    Priority(u8),
}

/// The reason why real-time scheduling was refused. The thread keeps the scheduling that it had.
#[derive(Debug)]
pub enum RealtimeError {
    /// Neither the capability nor the resource limit `RLIMIT_RTPRIO` allows this priority.
    NotPermitted {
        /// The requested priority.
        priority: u8,
    },
    /// The priority is not 1 to 99.
    BadPriority(u8),
    /// A reservation needs the capability.
    ReservationNotPermitted,
    /// The thread may not run on every processor, so it gets no reservation.
    BoundToProcessors,
    /// Other reservations take too much of the machine's processors for this one.
    NothingLeft(Reservation),
    /// The kernel refused for another reason.
    Io(io::Error),
}

impl fmt::Display for RealtimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needed = Capability::SysNice;
        match self {
            Self::NotPermitted { priority } => {
                write!(f, "real-time priority {priority} needs {needed} or a higher RLIMIT_RTPRIO; ")?;
                f.write_str("or write 'realtime off' in ha.cf")
            }
            Self::BadPriority(priority) => write!(f, "real-time priority {priority} is not 1 to 99"),
            Self::ReservationNotPermitted => write!(f, "SCHED_DEADLINE needs {needed}"),
            Self::BoundToProcessors => {
                f.write_str("SCHED_DEADLINE needs leave to run on every processor: see cpuset, taskset and CPUAffinity")
            }
            Self::NothingLeft(reservation) => {
                write!(f, "SCHED_DEADLINE has no {reservation} left: others have reserved too much")
            }
            Self::Io(error) => write!(f, "real-time scheduling: {error}"),
        }
    }
}

impl std::error::Error for RealtimeError {}

/// The scheduling that a thread got, and why nothing better.
#[derive(Debug)]
pub struct Obtained {
    /// How it is scheduled now.
    pub class: Class,
    /// The refusals of better scheduling, the best first.
    pub refused: Vec<RealtimeError>,
}

impl Wish {
    /// Gives the calling thread the best scheduling that the system allows, with a guard: `longest_run` (rounded up to
    /// whole microseconds; the kernel looks once a tick) is the time for which it may compute without sleeping. Only
    /// one thread of a process may have a guard. A second call renews it.
    pub fn obtain(self, longest_run: Duration) -> Obtained {
        self.try_in_order(|reservation| guard::reserve(reservation, longest_run), |p| guard::enter(p, longest_run))
    }

    /// As [`Wish::obtain`], without a guard: for a helper of the heartbeat thread that never computes for long.
    pub fn obtain_unguarded(self) -> Obtained {
        self.try_in_order(
            |reservation| deadline::set(0, reservation, Budget::Stretched),
            |priority| enter_unguarded(Policy::RoundRobin, priority),
        )
    }

    fn try_in_order(
        self,
        reserve: impl Fn(Reservation) -> io::Result<()>,
        enter: impl Fn(u8) -> io::Result<()>,
    ) -> Obtained {
        let mut refused = Vec::new();
        let priorities: &[u8] = match self {
            Self::Best(reservation) => {
                match fault::gate(Call::Privilege, "deadline").and_then(|()| reserve(reservation)) {
                    Ok(()) => return Obtained { class: Class::Deadline(reservation), refused },
                    Err(error) => refused.push(reservation_refused(reservation, error)),
                }
                &[HIGH, LOW]
            }
            Self::Priority(priority) => &[priority],
        };
        for &priority in priorities {
            let entered = if (1..=99).contains(&priority) {
                fault::gate(Call::Privilege, "priority").and_then(|()| enter(priority)).map_err(|error| {
                    match error.raw_os_error() {
                        Some(libc::EPERM) => RealtimeError::NotPermitted { priority },
                        _ => RealtimeError::Io(error),
                    }
                })
            } else {
                Err(RealtimeError::BadPriority(priority))
            };
            match entered {
                Ok(()) => return Obtained { class: Class::RoundRobin(priority), refused },
                Err(error) => refused.push(error),
            }
        }
        Obtained { class: Class::of_this_thread(), refused }
    }
}

fn reservation_refused(reservation: Reservation, error: io::Error) -> RealtimeError {
    match error.raw_os_error() {
        Some(libc::EBUSY) => RealtimeError::NothingLeft(reservation),
        Some(libc::EPERM) if is_bound() => RealtimeError::BoundToProcessors,
        Some(libc::EPERM) => RealtimeError::ReservationNotPermitted,
        _ => RealtimeError::Io(error),
    }
}

/// Whether some processor is closed to the calling thread.
fn is_bound() -> bool {
    let allowed = rustix::thread::sched_getaffinity(None).map_or(0, |set| set.count());
    // SAFETY: `sysconf` takes a plain number and touches no memory of ours.
    let online = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    #[allow(clippy::useless_conversion, reason = "a C long has 32 bits elsewhere")]
    let online = i64::from(online);
    i64::from(allowed) < online
}

/// Makes the calling thread real-time without a guard: for a helper of the heartbeat thread that never computes for
/// long.
pub fn enter_unguarded(policy: Policy, priority: u8) -> io::Result<()> {
    let policy = match policy {
        Policy::RoundRobin => libc::SCHED_RR,
        Policy::Fifo => libc::SCHED_FIFO,
    };
    set_scheduler(0, policy | libc::SCHED_RESET_ON_FORK, i32::from(priority))
}

/// Puts the calling thread back to normal scheduling.
pub fn leave() -> io::Result<()> {
    guard::disarm();
    set_scheduler(0, libc::SCHED_OTHER, 0)
}

/// Prepares the calling thread for an exec: the guard's handler is lost with it, and its signal would then end the
/// process. A reservation would be far too small for a start, so the thread has a fixed priority until the next program
/// has started.
pub fn before_exec() {
    guard::disarm();
    if matches!(Class::of_this_thread(), Class::Deadline(_))
        && enter_unguarded(Policy::RoundRobin, HIGH).or_else(|_| enter_unguarded(Policy::RoundRobin, LOW)).is_err()
    {
        let _ = set_scheduler(0, libc::SCHED_OTHER, 0);
    }
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
