//! Answers to those who ask for the status while a daemon that cannot begin stops what runs here.

use super::Place;
use crate::resources::Plan;
use crate::status::{self, Answer, Starting, StatusSocket};
use crate::sys::fault;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// The thread formats an answer and does nothing else.
const STACK: usize = 64 * 1024;
/// The interval at which the thread looks whether everything was stopped. It sees a question at once.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// The pause after a question that could not be let in.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

impl Place {
    /// Does `work`, and answers questions about the status meanwhile on a thread of its own. If there is no thread or no
    /// socket to be had, nobody is answered: the work does not depend on it.
    pub(super) fn answering<T>(&self, plans: &[Plan], work: impl FnOnce() -> T) -> T {
        let Ok(socket) = StatusSocket::open(&self.run_dir.join(status::NAME)) else { return work() };
        let is_over = AtomicBool::new(false);
        let serve = || {
            while !is_over.load(Ordering::Relaxed) {
                let mut fds = [PollFd::from_borrowed_fd(socket.fd(), PollFlags::IN)];
                let answered = match poll(&mut fds, Some(&LOOK)) {
                    Ok(0) => continue,
                    Ok(_) => socket.answer(|| self.state(plans)),
                    Err(error) => Err(error.into()),
                };
                if answered.is_err() {
                    thread::sleep(REFUSED_PAUSE);
                }
            }
        };
        thread::scope(|scope| {
            let thread = thread::Builder::new().name("status".to_owned()).stack_size(STACK);
            let served = fault::gate(fault::Call::Thread, "status").and_then(|()| thread.spawn_scoped(scope, serve));
            if let Err(error) = served {
                self.log.warn(format_args!("hb status will not answer: {error}"));
            }
            let done = work();
            is_over.store(true, Ordering::Relaxed);
            done
        })
    }

    fn state(&self, plans: &[Plan]) -> String {
        // The groups of an earlier run have no home: the file may have changed since.
        let groups: Vec<(String, String)> = plans.iter().map(|plan| (plan.key.clone(), "-".to_owned())).collect();
        let running = self.doing.seen().unwrap_or_default();
        let starting = Starting {
            node: &self.node,
            groups: &groups,
            running: &running,
            deadtime: self.patience,
            problems: self.board.standing(),
        };
        Answer::starting(starting).pack()
    }
}
