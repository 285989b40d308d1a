//! Processes that only use processor time.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A busy loop. It ends with this value, or when it has used the processor time that it was given.
pub struct Hog(Child);

impl Hog {
    /// A hog with normal scheduling, for two minutes at most. After an interrupted measurement, it ends without help.
    pub fn normal() -> Self {
        Self::of(&["sh"], 120)
    }

    /// A hog of real-time priority 50. If there is one for each processor, no process of a lower priority runs until
    /// they have had their time, and no user can kill them. The kernel does it, after this many seconds of processor
    /// time each, at most sixty.
    pub fn real_time(seconds: u64) -> Self {
        Self::of(&["chrt", "--fifo", "50", "sh"], seconds.clamp(1, 60))
    }

    fn of(words: &[&str], seconds: u64) -> Self {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["-c", &format!("ulimit -t {seconds}; while :; do :; done")]);
        Self(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell, and chrt of util-linux"))
    }

    /// Waits until it has used its processor time.
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

/// Takes every processor with real-time hogs of priority 50 for some seconds of processor time, and waits until they
/// have ended.
pub fn take_all_processors(time: Duration) {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let hogs: Vec<Hog> = (0..processors).map(|_| Hog::real_time(time.as_secs())).collect();
    hogs.into_iter().for_each(Hog::wait);
}
