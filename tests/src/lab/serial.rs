//! A serial line (null-modem cable): two pseudo terminals and a thread that carries bytes between them.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// The interval at which the thread checks whether it should end.
const ATTENTION: Duration = Duration::from_millis(100);

/// The serial line. It ends when it is dropped.
pub struct SerialCable {
    ends: [Arc<End>; 2],
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct End {
    /// The bytes that the port sends come out here, and the port receives the bytes that are written here.
    inside: File,
    /// Open so that the terminal does not hang up while no daemon has it open.
    _port: OwnedFd,
    path: PathBuf,
}

impl SerialCable {
    pub(super) fn new() -> Self {
        let ends = [Arc::new(End::new()), Arc::new(End::new())];
        let ended = Arc::new(AtomicBool::new(false));
        let (these, flag) = (ends.clone(), Arc::clone(&ended));
        let thread = Some(thread::spawn(move || carry(&these, &flag)));
        Self { ends, ended, thread }
    }

    /// The devices at the ends.
    pub fn ports(&self) -> [PathBuf; 2] {
        self.ends.each_ref().map(|end| end.path.clone())
    }

    /// Sends bytes to the port of the node with this index, as if they came from the line.
    pub fn inject(&self, index: usize, bytes: &[u8]) {
        self.ends[index].receive(bytes);
    }
}

impl Drop for SerialCable {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl End {
    fn new() -> Self {
        let inside = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&inside).and_then(|()| unlockpt(&inside)).expect("our own terminal");
        let path = ptsname(&inside, Vec::new()).expect("our own terminal");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let port = open(path.as_c_str(), flags, Mode::empty()).expect("our own terminal");
        let mut settings = tcgetattr(&port).expect("a terminal");
        settings.make_raw();
        tcsetattr(&port, OptionalActions::Now, &settings).expect("a terminal");
        let flags = fcntl_getfl(&inside).expect("a descriptor");
        fcntl_setfl(&inside, flags | OFlags::NONBLOCK).expect("a descriptor");
        Self { inside: inside.into(), _port: port, path: path.into_string().expect("a path").into() }
    }

    /// As on a real line, bytes for which there is no reader are lost.
    fn receive(&self, bytes: &[u8]) {
        let _ = (&self.inside).write(bytes);
    }
}

fn carry(ends: &[Arc<End>; 2], ended: &AtomicBool) {
    let mut buffer = [0; 4096];
    let attention = Timespec::try_from(ATTENTION).expect("a short time");
    while !ended.load(Ordering::Relaxed) {
        let mut ready = ends.each_ref().map(|end| PollFd::new(&end.inside, PollFlags::IN));
        if poll(&mut ready, Some(&attention)).is_err() {
            continue;
        }
        for (from, to) in [(&ends[0], &ends[1]), (&ends[1], &ends[0])] {
            if let Ok(len) = (&from.inside).read(&mut buffer) {
                to.receive(&buffer[..len]);
            }
        }
    }
}
