//! A busy machine: who keeps his heartbeat?

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::contender::Contender;
use super::outage::running;

const HOGS: usize = 4;
const TIME: Duration = Duration::from_secs(20);

/// How often a node of a healthy pair was declared dead while busy loops took all processors; none for who does not say.
pub(super) fn false_deaths(who: Contender, keepalive: u32, deadtime: u32) -> Option<usize> {
    if who == Contender::Keepalived {
        return None;
    }
    let lab = running(who, keepalive, deadtime);
    let count = || lab.hosts().iter().map(|host| host.count_logged(": is dead")).sum::<usize>();
    let before = count();
    let hogs: Vec<Hog> = (0..HOGS).map(|_| Hog::new()).collect();
    thread::sleep(TIME);
    drop(hogs);
    Some(count() - before)
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
