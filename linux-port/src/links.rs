//! The media of the daemon and the links they form: several media on one interface are one link (docs/protocol/wire.md
//! 8.7).

mod attached;

use attached::{Attached, RETRY_FIRST, Slot};

use crate::log::{Logger, RateLimit};
use crate::media::{self, AnyMedium, Medium, MediumKind, MediumSpec, OpenError, SendOutcome};
use crate::sys::poller::{Interest, Poller};
use hbcore::id::{LinkId, LinkSet};
use hbcore::time::{Duration, Instant, earliest};
use std::io;

/// A change of a link that the engine should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Lost(LinkId),
    Back(LinkId),
}

/// A medium that another thread shall open, and its place.
pub(crate) type Wanted = (u64, MediumSpec);

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
        let (links, mut refused) = Self::open_some(specs);
        if refused.is_empty() { Ok(links) } else { Err(refused.swap_remove(0)) }
    }

    /// Opens the media that can be opened. The others are tried again, like a medium that is lost later. Also returns
    /// the reasons why they could not be opened.
    pub fn open_some(specs: Vec<MediumSpec>) -> (Self, Vec<OpenError>) {
        let (mut links, mut refused) = (Self { names: Vec::new(), media: Vec::new() }, Vec::new());
        for spec in media::merge_ucast(specs) {
            let link = links.link_called(spec.link_name());
            let (slot, retry) = match media::open(&spec) {
                Ok(medium) => (Slot::Opened(medium), None),
                Err(error) => {
                    refused.push(error);
                    (Slot::Unopened { spec, is_being_opened: false }, Some((Instant::ZERO, RETRY_FIRST)))
                }
            };
            links.media.push(Attached {
                frames: slot.frames(),
                slot,
                link,
                retry,
                complaints: RateLimit::new(3, Duration::from_mins(1)),
                watched_for_write: false,
            });
        }
        (links, refused)
    }

    /// The names of the links that these media form.
    pub fn names_of(specs: Vec<MediumSpec>) -> Vec<String> {
        let mut links = Self { names: Vec::new(), media: Vec::new() };
        for spec in media::merge_ucast(specs) {
            links.link_called(spec.link_name());
        }
        links.names
    }

    /// The links of which no medium is open.
    pub fn closed(&self) -> Vec<LinkId> {
        let is_open = |link| self.media.iter().any(|a| a.link == link && a.retry.is_none());
        let links = (0..self.names.len()).map(|n| LinkId(u8::try_from(n).unwrap_or(u8::MAX)));
        links.filter(|link| !is_open(*link)).collect()
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

    /// The kind of pings for the ping node `name`: `ping`, `ping_group` or `ping6`, as in the `info` of its status
    /// (docs/protocol/wire.md 9.1).
    pub(crate) fn ping_kind(&self, name: &str) -> &'static str {
        let mut kinds = self.media.iter().map(|a| &a.slot).filter(|s| s.link_name() == name).map(Slot::kind);
        kinds.find(|kind| kind.is_ping()).map_or("ping", MediumKind::name)
    }

    /// Watches all media.
    ///
    /// # Errors
    /// The poller's refusal.
    pub(crate) fn watch(&self, poller: &Poller) -> io::Result<()> {
        for (token, attached) in (0u64..).zip(&self.media) {
            if let Slot::Opened(medium) = &attached.slot {
                poller.add(medium.fd(), token, Interest::Read)?;
            }
        }
        Ok(())
    }

    /// The time at which a lost medium is tried again.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.media.iter().map(|a| a.retry.map(|(at, _)| at)).fold(None, |a, b| earliest([a, b]))
    }

    /// Reads at most `most` times from medium `token` and gives each message to `each`, with the medium, which knows
    /// the sender.
    pub(crate) fn receive(
        &mut self,
        token: u64,
        most: u32,
        buffer: &mut [u8],
        mut each: impl FnMut(LinkId, &AnyMedium, &[u8]),
    ) -> Result<(), io::Error> {
        let index = usize::try_from(token).unwrap_or(usize::MAX);
        let Some(attached) = self.media.get_mut(index) else { return Ok(()) };
        let link = attached.link;
        let Some((medium, frames)) = attached.working() else { return Ok(()) };
        for _ in 0..most {
            let Some(len) = medium.receive(buffer)? else { return Ok(()) };
            let bytes = buffer.get(..len).unwrap_or_default();
            match &mut *frames {
                None => each(link, medium, bytes),
                Some(frames) => {
                    let mut rest = bytes;
                    while let Some(message) = frames.push(&mut rest) {
                        each(link, medium, message);
                    }
                }
            }
        }
        Ok(())
    }

    /// A stream has room again.
    pub(crate) fn writable(&mut self, token: u64, poller: &Poller) -> Result<(), io::Error> {
        let index = usize::try_from(token).unwrap_or(usize::MAX);
        let Some(attached) = self.media.get_mut(index) else { return Ok(()) };
        let Some((medium, _)) = attached.working() else { return Ok(()) };
        medium.writable()?;
        attached.update_interest(token, poller)
    }

    /// Sends on every medium of the named links. Failures are logged with a limit, and a failed medium is tried again.
    pub(crate) fn send(
        &mut self,
        links: LinkSet,
        bytes: &[u8],
        now: Instant,
        poller: &Poller,
        log: &Logger,
        mut lost: impl FnMut(Change),
    ) {
        for (token, attached) in (0u64..).zip(&mut self.media) {
            if !links.contains(attached.link) {
                continue;
            }
            let Some((medium, _)) = attached.working() else { continue };
            let sent = medium.send(bytes).and_then(|outcome| {
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
    pub(crate) fn failed(
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

    /// Opens the lost media that are due. Returns those that another thread shall open, see [`Links::opened`].
    pub(crate) fn retry(
        &mut self,
        now: Instant,
        poller: &Poller,
        log: &Logger,
        mut back: impl FnMut(Change),
    ) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for (token, attached) in (0u64..).zip(&mut self.media) {
            if attached.retry.is_none_or(|(at, _)| at > now) {
                continue;
            }
            let reopened = match &mut attached.slot {
                Slot::Opened(medium) => medium.reopen().map_err(|e| e.to_string()),
                Slot::Unopened { spec, is_being_opened } => {
                    if !std::mem::replace(is_being_opened, true) {
                        wanted.push((token, spec.clone()));
                    }
                    attached.put_off(now);
                    continue;
                }
            };
            if let Some(change) = attached.has_reopened(token, reopened, now, poller, log) {
                back(change);
            }
        }
        wanted
    }

    /// No other thread was available to open the medium of a place: it is tried again when it is due.
    pub(crate) fn not_opened(&mut self, token: u64) {
        let attached = self.media.get_mut(usize::try_from(token).unwrap_or(usize::MAX));
        if let Some(Slot::Unopened { is_being_opened, .. }) = attached.map(|attached| &mut attached.slot) {
            *is_being_opened = false;
        }
    }

    /// Another thread has tried to open the medium of a place.
    pub(crate) fn opened(
        &mut self,
        (token, result): (u64, Result<AnyMedium, String>),
        now: Instant,
        poller: &Poller,
        log: &Logger,
    ) -> Option<Change> {
        let attached = self.media.get_mut(usize::try_from(token).unwrap_or(usize::MAX))?;
        let Slot::Unopened { is_being_opened, .. } = &mut attached.slot else { return None };
        *is_being_opened = false;
        let result = result.map(|medium| {
            attached.slot = Slot::Opened(medium);
            attached.frames = attached.slot.frames();
        });
        attached.has_reopened(token, result, now, poller, log)
    }
}

#[cfg(test)]
mod tests {
    use super::attached::RETRY_LAST;
    use super::*;
    use crate::log::{EarlyLog, LogConfig};
    use std::net::Ipv4Addr;

    fn mcast(device: &str) -> MediumSpec {
        let group = Ipv4Addr::new(239, 0, 0, 77);
        MediumSpec::Mcast { device: device.into(), group, port: 0, ttl: 0, loopback: false }
    }

    #[test]
    fn medium_that_could_not_be_opened_is_opened_later_by_another_thread() {
        let (mut links, refused) = Links::open_some(vec![mcast("none0")]);
        assert_eq!((refused.len(), links.closed()), (1, vec![LinkId(0)]));
        let (poller, log) = (Poller::new().expect("a poller"), EarlyLog::new(LogConfig::early("alpha")).start());
        let log = log.expect("a thread");
        links.watch(&poller).expect("there is nothing to watch");
        let mut buffer = [0; 64];
        links.receive(0, 1, &mut buffer, |_, _, _| panic!("nothing is open")).expect("no failure either");
        let (now, later) = (Instant::ZERO, Instant::ZERO.after(RETRY_LAST));
        assert_eq!(links.retry(now, &poller, &log, |_| ()), [(0, mcast("none0"))]);
        assert_eq!(links.retry(later, &poller, &log, |_| ()), [], "it is being opened");
        links.not_opened(0);
        let later = later.after(RETRY_LAST);
        assert_eq!(links.retry(later, &poller, &log, |_| ()).len(), 1, "there was no thread for it");
        assert_eq!(links.opened((0, Err("no".to_owned())), later, &poller, &log), None);
        let again = later.after(RETRY_LAST).after(RETRY_LAST);
        assert_eq!(links.retry(again, &poller, &log, |_| ()).len(), 1, "it is tried again");

        let Ok(medium) = media::open(&mcast("lo")) else { return println!("skipped: no multicast here") };
        assert_eq!(links.opened((0, Ok(medium)), again, &poller, &log), Some(Change::Back(LinkId(0))));
        assert_eq!((links.closed(), links.next_deadline()), (vec![], None));
    }
}
