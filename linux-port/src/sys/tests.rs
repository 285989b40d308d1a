//! Clock, timer, signals and poller together, as the daemon's loop uses them.

use super::{
    clock::Clock,
    poller::{Events, Interest, Poller, Ready},
    signal::Signals,
    timer::DeadlineTimer,
};
use hbcore::time::{Duration, Instant};
use rustix::process::Signal;
use std::{io::Write, os::unix::net::UnixStream};

/// Longer than any wait here takes.
const LONG: Option<Duration> = Some(Duration::from_secs(5));
const NOW: Option<Duration> = Some(Duration::ZERO);

fn ready(poller: &Poller, timeout: Option<Duration>) -> Vec<Ready> {
    let mut events = Events::default();
    poller.wait(&mut events, timeout).expect("waits");
    events.iter().collect()
}

#[test]
fn timer_wakes_at_its_deadline_and_not_before() {
    let (poller, clock) = (Poller::new().expect("opens"), Clock);
    let mut timer = DeadlineTimer::new().expect("opens");
    poller.add(&timer, 7, Interest::Read).expect("added");

    let deadline = clock.now().after(Duration::from_millis(20));
    timer.arm(Some(deadline)).expect("armed");
    assert_eq!(ready(&poller, LONG).first().map(|r| r.token), Some(7));
    assert!(clock.now() >= deadline);

    timer.arm(Some(clock.now().after(Duration::from_mins(1)))).expect("armed anew");
    assert!(ready(&poller, NOW).is_empty(), "a new deadline takes the old expiry away");
    timer.arm(Some(Instant::ZERO)).expect("armed");
    assert_eq!(ready(&poller, LONG).len(), 1, "a deadline in the past wakes at once");
    timer.arm(None).expect("stopped");
    assert!(ready(&poller, NOW).is_empty() && timer.armed().is_none());
    timer.arm(Some(Instant::FAR)).expect("never");
    assert!(ready(&poller, NOW).is_empty());
}

#[test]
fn signal_is_read_from_the_descriptor() {
    let poller = Poller::new().expect("opens");
    let mut signals = Signals::block(&[Signal::HUP, Signal::USR1]).expect("blocked");
    poller.add(&signals, 1, Interest::Read).expect("added");
    assert_eq!(signals.next().expect("reads"), None);

    // SAFETY: sends a signal to this thread, which has blocked it.
    unsafe { libc::raise(libc::SIGUSR1) };
    assert_eq!(ready(&poller, LONG).len(), 1);
    let arrived = signals.next().expect("reads").expect("one waits");
    assert!(arrived.is(Signal::USR1) && !arrived.is(Signal::HUP));
    assert_eq!(u32::try_from(arrived.pid), Ok(std::process::id()));
    assert_eq!(signals.next().expect("reads"), None);
}

#[test]
fn descriptor_is_reported_with_its_token_until_the_other_side_has_gone() {
    let poller = Poller::new().expect("opens");
    let (near, mut far) = UnixStream::pair().expect("a pair");
    poller.add(&near, u64::MAX, Interest::Read).expect("added");
    assert!(ready(&poller, NOW).is_empty());

    far.write_all(b"x").expect("written");
    let reading = Ready { token: u64::MAX, readable: true, writable: false, hangup: false };
    assert_eq!(ready(&poller, LONG), [reading]);
    poller.modify(&near, 3, Interest::ReadWrite).expect("modified");
    assert_eq!(ready(&poller, LONG), [Ready { token: 3, writable: true, ..reading }]);
    drop(far);
    assert!(ready(&poller, LONG).iter().all(|r| r.hangup));
    poller.remove(&near).expect("removed");
    assert!(ready(&poller, NOW).is_empty());
}

#[test]
fn wall_time_is_after_this_was_written() {
    assert!(Clock.wall_seconds() > 1_700_000_000);
}
