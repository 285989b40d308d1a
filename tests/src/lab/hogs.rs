//! Processes that do nothing, as fast as they can.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A busy loop. It ends with this value, or by itself when it has used the processor time that it was given.
pub struct Hog(Child);

impl Hog {
    /// One that is scheduled normally, for two minutes at most: a user who interrupts a measurement should not have to look for it.
    pub fn normal() -> Self {
        Self::of(&["sh"], 120)
    }

    /// One of real-time priority 50. With one for each processor, nobody of a lower priority runs until they have had their time, and nobody
    /// could kill them: the kernel does it, after this many seconds of processor time each, at most sixty.
    pub fn real_time(seconds: u64) -> Self {
        Self::of(&["chrt", "--fifo", "50", "sh"], seconds.clamp(1, 60))
    }

    fn of(words: &[&str], seconds: u64) -> Self {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["-c", &format!("ulimit -t {seconds}; while :; do :; done")]);
        Self(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell, and chrt of util-linux"))
    }

    /// Waits until it has used up what it was given.
    pub fn wait(mut self) {
        let _ = self.0.wait();
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Takes every processor with real-time hogs of priority 50 for some seconds of processor time, and waits until they have ended.
pub fn take_all_processors(time: Duration) {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let hogs: Vec<Hog> = (0..processors).map(|_| Hog::real_time(time.as_secs())).collect();
    hogs.into_iter().for_each(Hog::wait);
}
