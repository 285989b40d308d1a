//! A busy machine: who keeps his heartbeat?

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hbcore_linux::sys::realtime::{self, Policy};

use super::contender::Contender;
use super::outage::running;

const HOGS: usize = 4;
const TIME: Duration = Duration::from_mins(1);
const TIME_OF_OTHERS: Duration = Duration::from_secs(20);

/// The reference is no cluster below this keepalive even on an idle machine, with a deadtime of three.
const LEAST_OF_REFERENCE: u32 = 4;

/// Whether there is something to count: keepalived has no such word.
pub(super) fn counts_deaths(who: Contender, keepalive: u32) -> bool {
    who == Contender::Ours || (who == Contender::Reference && keepalive >= LEAST_OF_REFERENCE)
}

/// How often a node of a healthy pair was declared dead while busy loops took all processors, and in what time; and how often
/// in that time a thread before all others in the queue, that does nothing but sleep, was late by as much as kills a node.
/// That is what a virtual machine does when it loses its processors.
pub(super) fn false_deaths(who: Contender, keepalive: u32, deadtime: u32) -> String {
    let time = if who == Contender::Ours { TIME } else { TIME_OF_OTHERS };
    let lab = running(who, keepalive, deadtime);
    let count = || lab.hosts().iter().map(|host| host.count_logged(": is dead")).sum::<usize>();
    let before = count();
    let hogs: Vec<Hog> = (0..HOGS).map(|_| Hog::new()).collect();
    let late = times_late(time, Duration::from_millis(u64::from(deadtime - keepalive)));
    drop(hogs);
    let deaths = count() - before;
    if deaths > 0 {
        eprintln!("{}", lab.state());
    }
    format!("{deaths} in {} s (a bare thread late {late} times)", time.as_secs())
}

/// How often a real-time thread for each processor that sleeps for a millisecond at a time wakes later than `limit` after that.
fn times_late(time: Duration, limit: Duration) -> usize {
    const NAP: Duration = Duration::from_millis(1);
    let over = AtomicBool::new(false);
    let watch = || {
        let _ = realtime::enter_unguarded(Policy::Fifo, 2);
        let mut late = 0;
        while !over.load(Ordering::Relaxed) {
            let asleep = Instant::now();
            thread::sleep(NAP);
            late += usize::from(asleep.elapsed() > NAP + limit);
        }
        late
    };
    thread::scope(|scope| {
        let watchers = [scope.spawn(watch), scope.spawn(watch)];
        thread::sleep(time);
        over.store(true, Ordering::Relaxed);
        watchers.into_iter().map(|watcher| watcher.join().unwrap_or_default()).sum()
    })
}

/// A process that does nothing, as fast as it can.
struct Hog(Child);

impl Hog {
    fn new() -> Self {
        // Whoever interrupts the measurement should not have to look for them.
        let mut loop_forever = Command::new("sh");
        loop_forever.args(["-c", "ulimit -t 120; while :; do :; done"]).stdin(Stdio::null());
        Self(loop_forever.spawn().expect("a shell"))
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
