//! One connection: received bytes that are not read yet, and frames that the client has not taken yet.

use super::socket;
use crate::ipc::Inbox;
use crate::sys::poller::{Interest, Poller};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

/// Frames that may wait for a client, unless it asks for more (docs/protocol/clients.md 1.7).
const QUEUE: usize = 64;

/// A connection.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) socket: OwnedFd,
    pub(super) pid: i32,
    pub(super) inbox: Inbox,
    queue: VecDeque<Vec<u8>>,
    /// The bytes of the first frame that are already sent.
    sent: usize,
    /// Bytes in the queue.
    pub(super) queued: usize,
    pub(super) limit: usize,
    pub(super) signal: i32,
    /// Whether nothing could be taken from it at the last look, because its sign-on is not answered.
    pub(super) waits: bool,
    watched: Option<Interest>,
}

impl Line {
    #[cold]
    #[inline(never)]
    pub(super) fn new(socket: OwnedFd, pid: i32) -> Self {
        Self {
            socket,
            pid,
            inbox: Inbox::default(),
            queue: VecDeque::new(),
            sent: 0,
            queued: 0,
            limit: QUEUE,
            signal: 0,
            waits: false,
            watched: None,
        }
    }

    /// Appends a frame and sends as much as the socket takes. `false`: the client is gone.
    #[cold]
    #[inline(never)]
    pub(super) fn send(&mut self, frame: Vec<u8>) -> bool {
        self.queued += frame.len();
        self.queue.push_back(frame);
        let alive = self.flush();
        if let (true, Some(pid)) = (self.signal > 0, Pid::from_raw(self.pid)) {
            let _ = Signal::from_named_raw(self.signal).map(|signal| kill_process(pid, signal));
        }
        alive
    }

    /// Sends as much as the socket takes. `false`: the client is gone.
    #[cold]
    #[inline(never)]
    pub(super) fn flush(&mut self) -> bool {
        while let Some(frame) = self.queue.front() {
            let rest = frame.get(self.sent..).unwrap_or_default();
            let Some(length) = socket::write(&self.socket, rest) else { return false };
            self.sent += length;
            self.queued -= length;
            if length < rest.len() {
                return true;
            }
            self.queue.pop_front();
            self.sent = 0;
        }
        self.queue.shrink_to(QUEUE);
        true
    }

    /// The number of frames that wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Sets the readiness that the poller watches on this connection. `reads`: whether more may be read from it.
    pub(super) fn watch(&mut self, poller: &Poller, token: u64, reads: bool) -> io::Result<()> {
        let wanted = match (reads, self.queue.is_empty()) {
            (true, true) => Some(Interest::Read),
            (true, false) => Some(Interest::ReadWrite),
            (false, false) => Some(Interest::Write),
            (false, true) => None,
        };
        let before = std::mem::replace(&mut self.watched, wanted);
        match (before, wanted) {
            (None, Some(interest)) => poller.add(&self.socket, token, interest),
            (Some(_), None) => poller.remove(&self.socket),
            (Some(before), Some(interest)) if before != interest => poller.modify(&self.socket, token, interest),
            _ => Ok(()),
        }
    }
}
