//! A busy machine: who keeps his heartbeat?

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

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

/// How often a node of a healthy pair was declared dead while busy loops took all processors, and in what time.
pub(super) fn false_deaths(who: Contender, keepalive: u32, deadtime: u32) -> String {
    let time = if who == Contender::Ours { TIME } else { TIME_OF_OTHERS };
    let lab = running(who, keepalive, deadtime);
    let count = || lab.hosts().iter().map(|host| host.count_logged(": is dead")).sum::<usize>();
    let before = count();
    let hogs: Vec<Hog> = (0..HOGS).map(|_| Hog::new()).collect();
    thread::sleep(time);
    drop(hogs);
    let deaths = count() - before;
    if deaths > 0 {
        eprintln!("{}", lab.state());
    }
    format!("{deaths} in {} s", time.as_secs())
}

/// A process that does nothing, as fast as it can.
struct Hog(Child);

impl Hog {
    fn new() -> Self {
        let mut loop_forever = Command::new("sh");
        loop_forever.args(["-c", "while :; do :; done"]).stdin(Stdio::null());
        Self(loop_forever.spawn().expect("a shell"))
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
