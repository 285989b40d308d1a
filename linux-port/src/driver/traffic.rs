//! Datagrams from the media, and media that fail and return.

use super::{Driver, Programs};
use crate::jobs::Task;
use crate::links::Change;
use crate::media::{self, AnyMedium, Medium, MediumSpec};
use hbcore::id::LinkId;
use hbcore::time::Instant;
use hbcore::wire::HeaderError;
use hbcore::{Carrier, DatagramError, Received};
use std::io;

/// A medium that another thread has tried to open, and its place.
pub(super) type Opened = (u64, Result<AnyMedium, String>);
/// The largest number of media that are opened at the same time: as many as the engine has links.
pub(super) const MEDIA: usize = 64;

impl Driver {
    pub(super) fn read(&mut self, medium: u64, most: u32, now: Instant) {
        let Self { links, cluster, receive, narrator, watch, rules, programs, .. } = self;
        let mut compressed: Vec<(LinkId, Vec<u8>)> = Vec::new();
        let result = links.receive(medium, most, receive, |link, medium, bytes| {
            let sender = || medium.sender();
            let received = cluster.handle(now, link, bytes);
            if received == Err(DatagramError::Header(HeaderError::Compressed)) {
                return compressed.push((link, bytes.to_vec()));
            }
            if let Err(error) = received {
                watch.dropped(now, || narrator.origin(link, sender()), error, bytes);
            }
            Self::hand_on(received, bytes, programs);
            match received {
                Ok(Received::OwnEcho) if narrator.echo(now, link, sender()) => {
                    watch.dropped(now, || narrator.origin(link, sender()), DatagramError::NameConflict, bytes);
                }
                Err(DatagramError::NameConflict) => narrator.name_conflict(now, link, sender()),
                Err(DatagramError::Replayed) => {
                    watch.replayed(cluster, now, bytes);
                    narrator.replayed(now, cluster, sender(), bytes);
                }
                Err(error) if rules.log_bad_packets => narrator.dropped(now, link, sender(), error),
                _ => {}
            }
        });
        if let Err(error) = result {
            self.medium_failed(medium, now, &error);
        }
        for (link, packet) in compressed {
            self.inflate(now, link, &packet);
        }
    }

    /// The engine has taken, or refused, a message that was inflated.
    #[cold]
    #[inline(never)]
    pub(super) fn received_inflated(
        &mut self,
        now: Instant,
        link: LinkId,
        message: &[u8],
        received: Result<Received, DatagramError>,
    ) {
        Self::hand_on(received, message, &mut self.programs);
        if let Err(error) = received
            && self.rules.log_bad_packets
        {
            self.narrator.dropped(now, link, None, error);
        }
    }

    /// Hands a message that the engine has taken to clients and scripts.
    fn hand_on(received: Result<Received, DatagramError>, message: &[u8], programs: &mut Programs) {
        if let (Ok(Received::New | Received::ForClients), Some(clients)) = (received, &mut programs.clients) {
            clients.received(message);
        }
        if received == Ok(Received::ForClients) {
            Self::tell_scripts(&programs.notifier, message);
        }
    }

    pub(super) fn medium_failed(&mut self, medium: u64, now: Instant, error: &io::Error) {
        if let Some(change) = self.links.failed(medium, now, &self.poller, &self.log, error) {
            self.link_changed(now, change);
        }
    }

    pub(super) fn link_changed(&mut self, now: Instant, change: Change) {
        match change {
            Change::Lost(link) => self.cluster.link_changed(now, link, Carrier::Absent),
            Change::Back(link) => self.cluster.link_changed(now, link, Carrier::Present),
        }
    }

    pub(super) fn reopen_links(&mut self, now: Instant) {
        if self.links.next_deadline().is_none_or(|at| at > now) {
            return;
        }
        let Self { links, cluster, poller, log, .. } = self;
        let wanted = links.retry(now, poller, log, |change| {
            if let Change::Back(link) = change {
                cluster.link_changed(now, link, Carrier::Present);
            }
        });
        for (token, spec) in wanted {
            self.open_elsewhere(token, spec);
        }
    }

    /// Lets another thread open a medium, because names may have to be looked up.
    fn open_elsewhere(&mut self, token: u64, spec: MediumSpec) {
        let answer = self.opened.0.clone();
        let open = move || {
            let _ = answer.try_send((token, media::open(&spec).map_err(|error| error.to_string())));
            Ok(())
        };
        if !self.run_on_job_thread("open a medium", Task(Box::new(open))) {
            self.links.not_opened(token);
        }
    }
}
