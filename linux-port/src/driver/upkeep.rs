//! The files through which others find this daemon: its pid file, its sockets and FIFO, the mark of its run. A cleaner or a
//! full disk may have taken one away. A job thread looks every five seconds, and restores what is missing.

use super::{CONTROL, Driver, FIFO, STATUS};
use crate::control::{self, ControlSocket};
use crate::fifo::{self, Fifo};
use crate::jobs::Task;
use crate::log::Logger;
use crate::state::{FileId, Mark, PidFile, make_scratch};
use crate::status::{self, StatusSocket};
use crate::sys::poller::Interest;
use hbcore::time::{Duration, Instant};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// The interval of the looks.
const EACH: Duration = Duration::from_secs(5);

/// The claim to be the one daemon, which the start and the loop share.
pub type SharedClaim = Arc<Mutex<PidFile>>;

/// The places of the files.
#[derive(Clone, Debug)]
pub struct Files {
    /// The pid file; `None` if it could not be claimed after a restart in this process.
    pub claim: Option<SharedClaim>,
    /// The directory of the sockets, the mark and the scratch files of resource agents.
    pub run_dir: PathBuf,
    /// The FIFO.
    pub fifo: PathBuf,
}

/// A descriptor that was opened again.
#[derive(Debug)]
enum Reopened {
    Status(StatusSocket),
    Control(ControlSocket),
    Fifo(Fifo),
}

/// The looks at the files.
#[derive(Debug)]
pub(super) struct Upkeep {
    files: Files,
    next: Instant,
    reopened: (SyncSender<Reopened>, Receiver<Reopened>),
    /// The refusals that are in the log, so that a lasting one is one line.
    told: Arc<Mutex<Vec<String>>>,
}

impl Upkeep {
    pub(super) fn new(files: Files, now: Instant) -> Self {
        Self { files, next: now.after(EACH), reopened: sync_channel(3), told: Arc::default() }
    }
}

impl Files {
    /// Restores the files that no descriptor of the loop belongs to. Returns the refusals.
    fn restore(&self, marked: &[String], log: &Logger) -> Vec<String> {
        let mut refused = Vec::new();
        let mut note = |error: &dyn Display| refused.push(error.to_string());
        if let Some(claim) = &self.claim {
            let mut claim = claim.lock().unwrap_or_else(PoisonError::into_inner);
            match claim.restore() {
                Ok(false) => {}
                Ok(true) => log.warn(format_args!(
                    "The pid file [{}] was removed or changed: it is written again",
                    claim.path().display()
                )),
                Err(error) => note(&error),
            }
        }
        let mark = Mark::new(&self.run_dir);
        if mark.read().is_none() {
            match mark.make(marked.iter().map(String::as_str)) {
                Ok(()) => log.warn(format_args!("The mark of this run was removed: it is written again")),
                Err(error) => note(&error),
            }
        }
        if let Err(error) = make_scratch(&self.run_dir.join("heartbeat")) {
            note(&error);
        }
        refused
    }
}

impl Driver {
    /// Lets another thread look at the files, if it is time.
    pub(super) fn look_after_files(&mut self, now: Instant) {
        if self.upkeep.next > now || self.leave.is_wanted() {
            return;
        }
        self.upkeep.next = now.after(EACH);
        let Upkeep { files, reopened, told, .. } = &self.upkeep;
        let (files, send, told, log) = (files.clone(), reopened.0.clone(), Arc::clone(told), self.log.clone());
        let marked: Vec<String> = self.resources.marked().map(str::to_owned).collect();
        let status = self.programs.status.as_ref().map(StatusSocket::file);
        let control = self.programs.control.as_ref().map(ControlSocket::file);
        let fifo = self.programs.fifo.as_ref().map(Fifo::file);
        let look = move || {
            let mut refused = files.restore(&marked, &log);
            let mut reopen = |file: Option<FileId>, path: &Path, open: &dyn Fn() -> Result<Reopened, String>| {
                if !file.is_some_and(|file| file.is_at(path)) {
                    match open() {
                        Ok(reopened) => drop(send.try_send(reopened)),
                        Err(why) => refused.push(why),
                    }
                }
            };
            let run_dir = &files.run_dir;
            reopen(status, &run_dir.join(status::NAME), &|| StatusSocket::open_in(run_dir).map(Reopened::Status));
            reopen(control, &run_dir.join(control::NAME), &|| ControlSocket::open_in(run_dir).map(Reopened::Control));
            reopen(fifo, &files.fifo, &|| {
                Fifo::open(&files.fifo).map(Reopened::Fifo).map_err(|error| error.to_string())
            });
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            for fresh in refused.iter().filter(|text| !told.contains(text)) {
                log.warn(format_args!("{fresh}"));
            }
            *told = refused;
            Ok(())
        };
        self.run_on_job_thread("look after the files of this run", Task(Box::new(look)));
    }

    /// Uses what the other thread has opened.
    pub(super) fn take_reopened(&mut self) {
        while let Ok(reopened) = self.upkeep.reopened.1.try_recv() {
            let (name, watched) = match &reopened {
                Reopened::Status(socket) => (status::NAME, self.poller.add(socket.fd(), STATUS, Interest::Read)),
                Reopened::Control(socket) => (control::NAME, self.poller.add(socket.fd(), CONTROL, Interest::Read)),
                Reopened::Fifo(fifo) => (fifo::NAME, self.poller.add(fifo.fd(), FIFO, Interest::Read)),
            };
            if let Err(error) = watched {
                self.log.warn(format_args!("Cannot use {name} again: {error}"));
                continue;
            }
            self.log.warn(format_args!("{name} was removed: it is opened again"));
            // The old descriptor leaves the poller when it is closed.
            match reopened {
                Reopened::Status(socket) => (self.programs.status, self.status_at) = (Some(socket), None),
                Reopened::Control(socket) => self.programs.control = Some(socket),
                Reopened::Fifo(fifo) => self.programs.fifo = Some(fifo),
            }
        }
    }
}
