//! A busy machine: false deaths of a healthy pair beside busy loops.

use std::thread;
use std::time::Duration;

use super::contender::Contender;
use super::outage::running;
use super::punctual::beside_bare_threads;
use crate::lab::Hog;

const HOGS: usize = 4;
const TIME: Duration = Duration::from_mins(1);
const TIME_OF_OTHERS: Duration = Duration::from_secs(20);

/// Whether there is a log line to count: keepalived has no such word.
pub(super) fn counts_deaths(who: Contender, keepalive: u32) -> bool {
    who != Contender::Keepalived && who.can_keep_a_pair_at(keepalive)
}

/// Counts how often a node of a healthy pair was declared dead while busy loops took all processors, and in what time.
/// It also counts how often a thread of the highest class, which only sleeps, was so late that a node would have been
/// declared dead. The latter happens when the host takes processors away from a virtual machine.
pub(super) fn false_deaths(who: Contender, keepalive: u32, deadtime: u32) -> String {
    let time = if who == Contender::Ours { TIME } else { TIME_OF_OTHERS };
    let lab = running(who, keepalive, deadtime);
    let count = || lab.hosts().iter().map(|host| host.count_logged(": is dead")).sum::<usize>();
    let before = count();
    let hogs: Vec<Hog> = (0..HOGS).map(|_| Hog::normal()).collect();
    let (late, ()) = beside_bare_threads(keepalive, deadtime, || thread::sleep(time));
    drop(hogs);
    let deaths = count() - before;
    if deaths > 0 {
        eprintln!("{}", lab.state());
    }
    format!("{deaths} in {} s (a bare thread late {late} times)", time.as_secs())
}
