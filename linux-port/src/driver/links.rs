//! The media of the daemon and the links they form: several media on one interface are one link (wire reference 8.7).

use crate::log::{Logger, RateLimit, Verdict};
use crate::media::{self, AnyMedium, Kind, Medium, MediumSpec, OpenError, Remedy, SendOutcome};
use crate::sys::poller::{Interest, Poller};
use hbcore::id::{LinkId, LinkSet};
use hbcore::time::{Duration, Instant, earliest};
use hbcore::wire::FrameReader;
use std::io;

/// The longest message of a serial cable; a longer one is skipped and counted.
const SERIAL_MESSAGE: usize = 16 * 1024;
/// A medium that went away is opened anew after this time, then after twice that, and so on.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LAST: Duration = Duration::from_secs(10);

/// A change of a link that the engine should hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Lost(LinkId),
    Back(LinkId),
}

struct Attached {
    medium: AnyMedium,
    link: LinkId,
    frames: Option<Box<FrameReader<SERIAL_MESSAGE>>>,
    /// When it is to be opened anew; `None` while it works.
    retry: Option<(Instant, Duration)>,
    complaints: RateLimit,
    watched_for_write: bool,
}

/// All media.
pub struct Links {
    names: Vec<String>,
    media: Vec<Attached>,
}

impl Links {
    /// Opens every medium. The token of a medium in the poller is its place.
    ///
    /// # Errors
    /// The first medium that cannot be opened.
    pub fn open(specs: Vec<MediumSpec>) -> Result<Self, OpenError> {
        let mut links = Self { names: Vec::new(), media: Vec::new() };
        for spec in media::merge_ucast(specs) {
            let medium = media::open(&spec)?;
            let link = links.link_called(medium.link_name());
            let frames = medium.is_stream().then(|| Box::new(FrameReader::new()));
            links.media.push(Attached {
                medium,
                link,
                frames,
                retry: None,
                complaints: RateLimit::new(3, Duration::from_mins(1)),
                watched_for_write: false,
            });
        }
        Ok(links)
    }

    fn link_called(&mut self, name: &str) -> LinkId {
        let index = self.names.iter().position(|n| n == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        LinkId(u8::try_from(index).unwrap_or(u8::MAX))
    }

    /// The names of the links; the place is the id.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How the ping node `name` is asked: `ping`, `ping_group` or `ping6`, as in the `info` of its status (wire reference 9.1).
    pub(super) fn ping_kind(&self, name: &str) -> &'static str {
        let mut kinds = self.media.iter().map(|a| &a.medium).filter(|m| m.link_name() == name).map(Medium::kind);
        kinds.find(|kind| kind.is_ping()).map_or("ping", Kind::as_str)
    }

    /// The media with the link that each belongs to.
    pub fn media(&self) -> impl Iterator<Item = (LinkId, &AnyMedium)> {
        self.media.iter().map(|a| (a.link, &a.medium))
    }

    /// Watches all media.
    ///
    /// # Errors
    /// The poller's refusal.
    pub(super) fn watch(&self, poller: &Poller) -> io::Result<()> {
        for (token, attached) in (0u64..).zip(&self.media) {
            poller.add(attached.medium.fd(), token, Interest::Read)?;
        }
        Ok(())
    }

    /// When a lost medium is to be tried again.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.media.iter().map(|a| a.retry.map(|(at, _)| at)).fold(None, |a, b| earliest([a, b]))
    }

    /// Reads at most `most` times from medium `token` and gives each message to `each`, with the medium, which knows the sender.
    pub(super) fn receive(
        &mut self,
        token: u64,
        most: u32,
        buffer: &mut [u8],
        mut each: impl FnMut(LinkId, &AnyMedium, &[u8]),
    ) -> Result<(), io::Error> {
        let index = usize::try_from(token).unwrap_or(usize::MAX);
        let Some(attached) = self.media.get_mut(index).filter(|a| a.retry.is_none()) else { return Ok(()) };
        for _ in 0..most {
            let Some(len) = attached.medium.receive(buffer)? else { return Ok(()) };
            let bytes = buffer.get(..len).unwrap_or_default();
            match &mut attached.frames {
                None => each(attached.link, &attached.medium, bytes),
                Some(frames) => {
                    let mut rest = bytes;
                    while let Some(message) = frames.push(&mut rest) {
                        each(attached.link, &attached.medium, message);
                    }
                }
            }
        }
        Ok(())
    }

    /// A stream has room again.
    pub(super) fn writable(&mut self, token: u64, poller: &Poller) -> Result<(), io::Error> {
        let index = usize::try_from(token).unwrap_or(usize::MAX);
        let Some(attached) = self.media.get_mut(index).filter(|a| a.retry.is_none()) else { return Ok(()) };
        attached.medium.writable()?;
        attached.update_interest(token, poller)
    }

    /// Sends on every medium of the links named. Failures are logged with a limit; the medium is tried again by itself.
    pub(super) fn send(
        &mut self,
        links: LinkSet,
        bytes: &[u8],
        now: Instant,
        poller: &Poller,
        log: &Logger,
        mut lost: impl FnMut(Change),
    ) {
        for (token, attached) in (0u64..).zip(&mut self.media) {
            if !links.contains(attached.link) || attached.retry.is_some() {
                continue;
            }
            let sent = attached.medium.send(bytes).and_then(|outcome| {
                if outcome == SendOutcome::WouldBlock {
                    attached.complain(now, log, "send", &io::ErrorKind::WouldBlock.into());
                }
                attached.update_interest(token, poller)
            });
            if let Err(error) = sent
                && let Some(change) = attached.failed(now, poller, log, "send", &error)
            {
                lost(change);
            }
        }
    }

    /// A medium failed while reading.
    pub(super) fn failed(
        &mut self,
        token: u64,
        now: Instant,
        poller: &Poller,
        log: &Logger,
        error: &io::Error,
    ) -> Option<Change> {
        let index = usize::try_from(token).unwrap_or(usize::MAX);
        self.media.get_mut(index)?.failed(now, poller, log, "receive", error)
    }

    /// Opens again what is due.
    pub(super) fn retry(&mut self, now: Instant, poller: &Poller, log: &Logger, mut back: impl FnMut(Change)) {
        for (token, attached) in (0u64..).zip(&mut self.media) {
            let Some((at, pause)) = attached.retry.filter(|(at, _)| *at <= now) else { continue };
            let _ = at;
            let reopened = attached.medium.reopen().map_err(|e| e.to_string());
            let watched = reopened
                .and_then(|()| poller.add(attached.medium.fd(), token, Interest::Read).map_err(|e| e.to_string()));
            match watched {
                Ok(()) => {
                    attached.retry = None;
                    attached.watched_for_write = false;
                    log.info(format_args!("{} {} works again", attached.medium.kind(), attached.medium.link_name()));
                    back(Change::Back(attached.link));
                }
                Err(error) => {
                    let pause = pause.saturating_mul(2).min(RETRY_LAST);
                    attached.retry = Some((now.after(pause), pause));
                    log.debug(1, format_args!("{} stays lost: {error}", attached.medium.link_name()));
                }
            }
        }
    }
}

impl Attached {
    fn failed(
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
        let _ = poller.remove(self.medium.fd());
        self.retry = Some((now.after(RETRY_FIRST), RETRY_FIRST));
        Some(Change::Lost(self.link))
    }

    fn complain(&mut self, now: Instant, log: &Logger, doing: &str, error: &io::Error) {
        if let Verdict::Pass { suppressed } = self.complaints.check(now) {
            let (kind, name) = (self.medium.kind(), self.medium.link_name());
            log.error(format_args!("{kind} {name}: unable to {doing}: {error}{}", super::narrate::Omitted(suppressed)));
        }
    }

    fn update_interest(&mut self, token: u64, poller: &Poller) -> io::Result<()> {
        let wants = self.medium.wants_write();
        if wants != self.watched_for_write {
            let interest = if wants { Interest::ReadWrite } else { Interest::Read };
            poller.modify(self.medium.fd(), token, interest)?;
            self.watched_for_write = wants;
        }
        Ok(())
    }
}
