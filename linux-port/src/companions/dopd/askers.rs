//! The programs `drbd-peer-outdater` that wait for an answer.

use crate::companions::outdater::SOCKET;
use crate::ipc::{Composer, Inbox};
use hbcore::wire::{Form, Structure};
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Askers that are served; one more is closed.
const ASKERS_MAX: usize = 64;
/// Longest question.
const QUESTION_MAX: usize = 4096;
/// Everybody who reaches the directory may ask.
const MODE: u32 = 0o777;

/// All askers.
pub(super) struct Askers {
    listener: UnixListener,
    all: Vec<Asker>,
    next: u64,
}

struct Asker {
    id: u64,
    stream: UnixStream,
    inbox: Inbox,
    /// The peer that was asked, and about which resource.
    waits_for: Option<(String, String)>,
}

/// A question.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) asker: u64,
    pub(super) peer: String,
    pub(super) resource: String,
}

impl Askers {
    /// Opens the socket below this run directory; one that an earlier run has left is replaced.
    pub(super) fn listen(run_dir: &Path) -> io::Result<Self> {
        let path = run_dir.join(SOCKET);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(MODE))?;
        Ok(Self { listener, all: Vec::new(), next: 0 })
    }

    /// Where something can happen.
    pub(super) fn fds(&self) -> Vec<BorrowedFd<'_>> {
        let listener = std::iter::once(self.listener.as_fd());
        listener.chain(self.all.iter().map(|asker| asker.stream.as_fd())).collect()
    }

    /// The questions that have come. An asker that has gone is forgotten.
    pub(super) fn take(&mut self) -> Vec<Asked> {
        while let Ok((stream, _)) = self.listener.accept() {
            if self.all.len() < ASKERS_MAX && stream.set_nonblocking(true).is_ok() {
                self.all.push(Asker { id: self.next, stream, inbox: Inbox::default(), waits_for: None });
                self.next += 1;
            }
        }
        let mut asked = Vec::new();
        self.all.retain_mut(|asker| asker.read(&mut asked));
        asked
    }

    /// Whether a peer was asked about this resource and has not answered.
    pub(super) fn is_asked(&self, resource: &str) -> bool {
        self.all.iter().any(|asker| asker.waits_for.as_ref().is_some_and(|(_, asked)| asked == resource))
    }

    /// The peer was asked for this one.
    pub(super) fn wait_for(&mut self, id: u64, peer: &str, resource: &str) {
        if let Some(asker) = self.all.iter_mut().find(|asker| asker.id == id) {
            asker.waits_for = Some((peer.to_owned(), resource.to_owned()));
        }
    }

    /// Answers one.
    pub(super) fn answer(&mut self, id: u64, own: &str, code: u8) {
        if let Some(asker) = self.all.iter_mut().find(|asker| asker.id == id) {
            asker.answer(own, code);
        }
    }

    /// Answers those that wait for a peer and a resource.
    pub(super) fn answer_all(&mut self, own: &str, code: u8, is_meant: impl Fn(&str, &str) -> bool) {
        for asker in &mut self.all {
            if asker.waits_for.take_if(|(peer, resource)| is_meant(peer, resource)).is_some() {
                asker.answer(own, code);
            }
        }
    }
}

impl Asker {
    /// Whether it is still there.
    fn read(&mut self, asked: &mut Vec<Asked>) -> bool {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(length) => self.inbox.push(buffer.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
            if self.inbox.len() > QUESTION_MAX {
                return false;
            }
        }
        loop {
            let Ok(body) = self.inbox.next(QUESTION_MAX) else { return false };
            let Some(body) = body else { return true };
            let Ok(message) = Structure::local(&body) else { continue };
            let text = |name: &str| Some(String::from_utf8_lossy(message.text(name)?).into_owned());
            if let (Some(b"outdater"), Some(peer), Some(resource)) =
                (message.text("t"), text("outdater_peer"), text("outdater_res"))
                && self.waits_for.is_none()
            {
                asked.push(Asked { asker: self.id, peer, resource });
            }
        }
    }

    fn answer(&mut self, own: &str, code: u8) {
        let frame = Composer::default().frame(Form::Classic, |w| {
            w.text("t", b"outdater_rc");
            w.text("src", own.as_bytes());
            w.text("dop_value", code.to_string().as_bytes());
        });
        // It has room for a few bytes, or is gone.
        let _ = frame.map(|frame| self.stream.write_all(&frame));
    }
}
