//! The thread that compresses and inflates messages, away from the heartbeat thread.

use super::{Algorithm, InflateError};
use crate::sys::fault;
use crate::sys::process::normal_scheduling;
use hbcore::id::{LinkId, LinkSet};
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Messages that wait for this thread, each no longer than a datagram. One more is treated as if it was lost on its way,
/// and is repeated later.
const WAITING: usize = 32;
/// Results that wait for the heartbeat thread, each of at most 2 MiB.
const DONE: usize = 2;
const STACK: usize = 256 * 1024;
/// The end of the fields of a message in netstring form.
const FIELDS_END: &[u8] = b"%%%\n";

enum Work {
    Deflate { links: LinkSet, message: Vec<u8> },
    Inflate { link: LinkId, packet: Vec<u8>, algorithm: Option<Algorithm>, payload: Vec<u8> },
}

/// A result.
pub(crate) enum Pressed {
    /// The content of one of our messages, which is to be signed and sent on these links.
    Deflated { links: LinkSet, payload: Vec<u8> },
    /// The message that came compressed in `packet`.
    Inflated { link: LinkId, packet: Vec<u8>, message: Result<Vec<u8>, InflateError> },
}

/// The heartbeat thread's end. It never waits.
#[derive(Debug)]
pub(crate) struct Presser {
    work: SyncSender<Work>,
    done: Receiver<Pressed>,
    woken: Arc<OwnedFd>,
}

impl Presser {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system's refusal of a thread or a descriptor.
    #[cold]
    #[inline(never)]
    pub(crate) fn start(algorithm: Algorithm) -> io::Result<Self> {
        let (work, inbox) = sync_channel::<Work>(WAITING);
        let (outbox, done) = sync_channel(DONE);
        let woken = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let wake = Arc::clone(&woken);
        fault::gate(fault::Call::Thread, "compression")?;
        let run = move || {
            let _ = normal_scheduling();
            for work in inbox {
                if outbox.send(work.carry_out(algorithm)).is_err() {
                    return;
                }
                let _ = rustix::io::write(&*wake, &1u64.to_ne_bytes());
            }
        };
        std::thread::Builder::new().name("compression".to_owned()).stack_size(STACK).spawn(run)?;
        Ok(Self { work, done, woken })
    }

    /// Readable when there is a result.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }

    /// Has a message of ours, a datagram in netstring form, compressed. Returns whether there was room for it.
    #[cold]
    #[inline(never)]
    pub(crate) fn deflate(&self, links: LinkSet, message: &[u8]) -> bool {
        self.work.try_send(Work::Deflate { links, message: message.to_vec() }).is_ok()
    }

    /// Has the payload of a received packet inflated. Returns whether there was room for it.
    #[cold]
    #[inline(never)]
    pub(crate) fn inflate(&self, link: LinkId, packet: &[u8], (algorithm, payload): (&[u8], &[u8])) -> bool {
        let (packet, payload) = (packet.to_vec(), payload.to_vec());
        self.work.try_send(Work::Inflate { link, packet, algorithm: Algorithm::by_name(algorithm), payload }).is_ok()
    }

    /// The descriptor was readable.
    pub(crate) fn acknowledge(&self) {
        let _ = rustix::io::read(&self.woken, &mut [0; 8]);
    }

    /// The next result.
    pub(crate) fn next(&self) -> Option<Pressed> {
        self.done.try_recv().ok()
    }
}

impl Work {
    fn carry_out(self, ours: Algorithm) -> Pressed {
        match self {
            Self::Deflate { links, message } => Pressed::Deflated { links, payload: ours.deflate(unsigned(&message)) },
            Self::Inflate { link, packet, algorithm, payload } => {
                let message = algorithm.ok_or(InflateError::UnknownAlgorithm).and_then(|a| a.inflate(&payload));
                Pressed::Inflated { link, packet, message }
            }
        }
    }
}

/// The message without its signature: the packet around it is signed.
fn unsigned(message: &[u8]) -> &[u8] {
    let end = message.windows(FIELDS_END.len()).rposition(|window| window == FIELDS_END);
    end.and_then(|at| message.get(..at + FIELDS_END.len())).unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_not_compressed() {
        assert_eq!(unsigned(b"###\n7:(0)t=%%%\n,%%%\n4:1 ab,"), b"###\n7:(0)t=%%%\n,%%%\n");
    }
}
