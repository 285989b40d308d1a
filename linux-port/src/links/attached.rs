//! A medium in its place: from its failure until it works again.

use super::Change;
use crate::log::{Logger, Omitted, RateLimit, Verdict};
use crate::media::{self, AnyMedium, Medium, MediumKind, MediumSpec, Remedy};
use crate::sys::poller::{Interest, Poller};
use hbcore::id::LinkId;
use hbcore::time::{Duration, Instant};
use hbcore::wire::FrameReader;
use std::io;

/// The longest message of a serial line; a longer one is skipped and counted.
const SERIAL_MESSAGE: usize = 16 * 1024;
/// The time until a lost medium is opened anew, first and at most. Each failure doubles it.
pub(super) const RETRY_FIRST: Duration = Duration::from_millis(250);
pub(super) const RETRY_LAST: Duration = Duration::from_secs(10);

/// A medium, and its state.
pub(super) struct Attached {
    pub(super) slot: Slot,
    pub(super) link: LinkId,
    pub(super) frames: Option<Box<FrameReader<SERIAL_MESSAGE>>>,
    /// The time at which it is opened anew, and the pause before that; `None` while it works.
    pub(super) retry: Option<(Instant, Duration)>,
    pub(super) complaints: RateLimit,
    pub(super) watched_for_write: bool,
}

/// A place for a medium.
pub(super) enum Slot {
    /// It was opened. When it is lost, it opens itself anew.
    Opened(AnyMedium),
    /// It could not be opened at the start. Names may have to be looked up, so another thread opens it.
    Unopened {
        spec: MediumSpec,
        /// Whether that thread has the order and has not answered.
        is_being_opened: bool,
    },
}

impl Slot {
    pub(super) fn kind(&self) -> MediumKind {
        match self {
            Self::Opened(medium) => medium.kind(),
            Self::Unopened { spec, .. } => spec.kind(),
        }
    }

    pub(super) fn link_name(&self) -> &str {
        match self {
            Self::Opened(medium) => medium.link_name(),
            Self::Unopened { spec, .. } => spec.link_name(),
        }
    }

    /// The reader that cuts the stream of bytes into messages, if the medium is a stream.
    pub(super) fn frames(&self) -> Option<Box<FrameReader<SERIAL_MESSAGE>>> {
        matches!(self, Self::Opened(medium) if medium.is_stream()).then(|| Box::new(FrameReader::new()))
    }
}

impl Attached {
    /// The medium and the reader that cuts its messages, unless it is lost.
    pub(super) fn working(&mut self) -> Option<(&mut AnyMedium, &mut Option<Box<FrameReader<SERIAL_MESSAGE>>>)> {
        match &mut self.slot {
            Slot::Opened(medium) if self.retry.is_none() => Some((medium, &mut self.frames)),
            _ => None,
        }
    }

    /// Doubles the pause before the next attempt.
    pub(super) fn put_off(&mut self, now: Instant) {
        let pause = self.retry.map_or(RETRY_FIRST, |(_, pause)| pause.saturating_mul(2).min(RETRY_LAST));
        self.retry = Some((now.after(pause), pause));
    }

    pub(super) fn has_reopened(
        &mut self,
        token: u64,
        result: Result<(), String>,
        now: Instant,
        poller: &Poller,
        log: &Logger,
    ) -> Option<Change> {
        let watched = result.and_then(|()| match &self.slot {
            Slot::Opened(medium) => poller.add(medium.fd(), token, Interest::Read).map_err(|e| e.to_string()),
            Slot::Unopened { .. } => Ok(()),
        });
        let (kind, name) = (self.slot.kind(), self.slot.link_name());
        match watched {
            Ok(()) => {
                log.info(format_args!("{kind} {name} works again"));
                self.retry = None;
                self.watched_for_write = false;
                Some(Change::Back(self.link))
            }
            Err(error) => {
                log.debug(1, format_args!("{name} stays lost: {error}"));
                self.put_off(now);
                None
            }
        }
    }

    pub(super) fn failed(
        &mut self,
        now: Instant,
        poller: &Poller,
        log: &Logger,
        doing: &str,
        error: &io::Error,
    ) -> Option<Change> {
        self.complain(now, log, doing, error);
        if media::remedy(error) == Remedy::Wait {
            return None;
        }
        if let Slot::Opened(medium) = &self.slot {
            let _ = poller.remove(medium.fd());
        }
        self.retry = Some((now.after(RETRY_FIRST), RETRY_FIRST));
        Some(Change::Lost(self.link))
    }

    pub(super) fn complain(&mut self, now: Instant, log: &Logger, doing: &str, error: &io::Error) {
        if let Verdict::Pass { suppressed } = self.complaints.check(now) {
            let (kind, name) = (self.slot.kind(), self.slot.link_name());
            log.error(format_args!("{kind} {name}: unable to {doing}: {error}{}", Omitted(suppressed)));
        }
    }

    pub(super) fn update_interest(&mut self, token: u64, poller: &Poller) -> io::Result<()> {
        let Slot::Opened(medium) = &self.slot else { return Ok(()) };
        let wants = medium.wants_write();
        if wants != self.watched_for_write {
            let interest = if wants { Interest::ReadWrite } else { Interest::Read };
            poller.modify(medium.fd(), token, interest)?;
            self.watched_for_write = wants;
        }
        Ok(())
    }
}
