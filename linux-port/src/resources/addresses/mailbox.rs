//! A bounded queue with a descriptor, so that one thread can wait for orders and for sockets at the same time.

use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SendError, SyncSender, TryRecvError, TrySendError, sync_channel};

/// The senders' end; all clones send to the same thread.
pub(super) struct Mailbox<T> {
    /// `None` only while it is dropped.
    sender: Option<SyncSender<T>>,
    bell: Arc<OwnedFd>,
}

/// The receiver's end.
pub(super) struct Inbox<T> {
    receiver: Receiver<T>,
    bell: Arc<OwnedFd>,
}

impl<T> Mailbox<T> {
    /// A queue for `capacity` messages.
    pub(super) fn new(capacity: usize) -> io::Result<(Self, Inbox<T>)> {
        let (sender, receiver) = sync_channel(capacity);
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        Ok((Self { sender: Some(sender), bell: Arc::clone(&bell) }, Inbox { receiver, bell }))
    }

    /// Sends if there is room.
    pub(super) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let Some(sender) = &self.sender else { return Err(TrySendError::Disconnected(message)) };
        sender.try_send(message).inspect(|()| ring(&self.bell))
    }

    /// Sends, and waits for room if there is none.
    pub(super) fn send(&self, message: T) -> Result<(), SendError<T>> {
        match self.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(message)) => Err(SendError(message)),
            Err(TrySendError::Full(message)) => {
                let Some(sender) = &self.sender else { return Err(SendError(message)) };
                sender.send(message).inspect(|()| ring(&self.bell))
            }
        }
    }
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), bell: Arc::clone(&self.bell) }
    }
}

impl<T> Drop for Mailbox<T> {
    /// Wakes the receiver, which may find that no sender is left.
    fn drop(&mut self) {
        drop(self.sender.take());
        ring(&self.bell);
    }
}

impl<T> Inbox<T> {
    /// The next message. After this has returned `Empty`, the descriptor is quiet until another message is sent.
    pub(super) fn next(&self) -> Result<T, TryRecvError> {
        self.receiver.try_recv().or_else(|_| {
            let _ = rustix::io::read(&*self.bell, &mut [0; 8]);
            self.receiver.try_recv()
        })
    }
}

impl<T> AsFd for Inbox<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

fn ring(bell: &OwnedFd) {
    let _ = rustix::io::write(bell, &1u64.to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::poller::{Events, Interest, Poller};
    use std::time::Duration;

    fn rings(inbox: &Inbox<u8>) -> bool {
        let (poller, mut events) = (Poller::new().expect("opens"), Events::default());
        poller.add(inbox, 0, Interest::Read).expect("added");
        poller.wait(&mut events, Some(Duration::ZERO)).expect("waits");
        events.iter().count() == 1
    }

    #[test]
    fn descriptor_is_ready_while_something_waits_and_when_nobody_is_left() {
        let (mailbox, inbox) = Mailbox::new(1).expect("opens");
        assert!(!rings(&inbox));
        mailbox.send(7).expect("sent");
        assert!(matches!(mailbox.clone().try_send(8), Err(TrySendError::Full(8))));
        assert!(rings(&inbox));
        assert_eq!((inbox.next(), inbox.next()), (Ok(7), Err(TryRecvError::Empty)));
        assert!(!rings(&inbox));
        drop(mailbox);
        assert!(rings(&inbox));
        assert_eq!(inbox.next(), Err(TryRecvError::Disconnected));
    }
}
