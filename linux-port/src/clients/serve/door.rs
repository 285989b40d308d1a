//! The door: the socket is opened, opened again after a failure, and connections are let in.

use super::{ACCEPTS, LISTENER, PAUSE, Server};
use crate::clients::feed::signal;
use crate::clients::line::Line;
use crate::clients::socket;
use crate::log::Verdict;
use crate::sys::clock::Clock;
use crate::sys::poller::Interest;
use hbcore::time::{Duration, Instant};
use std::io;
use std::sync::atomic::Ordering;

/// The interval of the looks at the name of the socket.
const LOOK: Duration = Duration::from_secs(5);

impl Server {
    /// Opens the socket once clients may come, and again after a failure.
    pub(super) fn listen(&mut self, now: Instant) {
        if self.listen_at.is_some_and(|at| at > now) {
            return;
        }
        let result = match &self.listener {
            Some(listener) if self.listen_at.is_some() => self.poller.add(&listener.socket, LISTENER, Interest::Read),
            Some(_) => return,
            None => socket::listen(&self.path).and_then(|listener| {
                self.poller.add(&listener.socket, LISTENER, Interest::Read)?;
                self.listener = Some(listener);
                Ok(())
            }),
        };
        self.listen_at = result.is_err().then(|| now.after(PAUSE));
        if !self.shared.tried.swap(true, Ordering::AcqRel) {
            signal(&self.loop_wake);
        }
        if let Err(error) = result {
            self.complain(now, &error);
        }
    }

    /// Opens the socket again if a cleaner has removed it. Connections stay.
    #[cold]
    #[inline(never)]
    pub(super) fn look_after_name(&mut self, now: Instant) {
        self.look_at = now.after(LOOK);
        if self.listener.as_ref().is_some_and(|listener| !listener.file.is_at(&self.path)) {
            self.log.warn(format_args!("{} was removed: it is opened again", self.path.display()));
            (self.listener, self.listen_at) = (None, None);
        }
    }

    #[cold]
    #[inline(never)]
    fn complain(&mut self, now: Instant, error: &io::Error) {
        if let Verdict::Pass { .. } = self.complaints.check(now) {
            let path = self.path.display();
            self.log.error(format_args!("Clients cannot be accepted at {path}: {error}; it is tried again"));
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn let_in(&mut self) {
        for _ in 0..ACCEPTS {
            let Some(listener) = &self.listener else { return };
            match socket::accept(&listener.socket) {
                Ok(Some((socket, credentials))) => {
                    if self.lines.len() >= self.lines_max {
                        // A client that has signed on is not sent away for a newcomer.
                        let Some(oldest) = self.desk.oldest_stranger() else { continue };
                        self.end(oldest, "noinput");
                    }
                    let conn = self.next;
                    self.next += 1;
                    self.desk.arrived(conn, credentials);
                    self.lines.push(conn, Line::new(socket, credentials.pid));
                    self.shared.clients.store(self.lines.len(), Ordering::Relaxed);
                    self.unfinished.push(conn);
                }
                Ok(None) => return,
                Err(error) => {
                    // The socket stays readable: it would wake this thread without end.
                    let now = Clock.now();
                    let _ = self.poller.remove(&listener.socket);
                    self.listen_at = Some(now.after(PAUSE));
                    return self.complain(now, &error);
                }
            }
        }
    }
}
