//! The work of the thread between orders: it tends its addresses.

use super::super::Loss;
use super::super::keep::{Fate, Kept, LOSSES, News, PAUSE};
use super::super::rivalry::Verdict;
use super::{Worker, note};
use crate::address::{Addresses, Change, Seen, Sighting, Survey, Watch};
use crate::problems::{Problem, Told};
use crate::sys::clock::Clock;
use hbcore::config::AddressConflict;
use hbcore::time::{Duration, Instant};

/// The time for which rivals are not listened to after one was heard, so that a flood of their packets costs little.
const DEAF: Duration = Duration::from_millis(50);

impl Worker {
    pub(super) fn look_after(&mut self) {
        let now = Clock.now();
        self.watch_changes(now);
        self.hear_rivals(now);
        for place in 0..self.kept.len() {
            self.tend(place);
        }
    }

    fn watch_changes(&mut self, now: Instant) {
        let Self { watch, kept, placeless, .. } = self;
        let seen = match watch {
            Some(watch) => watch.read(|change| !placeless.is_empty() || kept.iter().any(|kept| concerns(kept, change))),
            // Without a subscription, a survey each second finds the changes.
            None if kept.is_empty() && placeless.is_empty() => Seen::Nothing,
            None => {
                *watch = Watch::open().ok();
                if watch.is_some() { Seen::Anything } else { Seen::Nothing }
            }
        };
        let is_due = self.look_at.is_some_and(|at| at <= now);
        if seen != Seen::Nothing || is_due {
            self.look();
            self.find_places();
        }
        if self.watch.is_none() && !(self.kept.is_empty() && self.placeless.is_empty()) {
            self.look_at = self.look_at.or(Some(now.after(PAUSE)));
        }
    }

    /// Reports each address that could not be brought up, and for which there is an interface now.
    fn find_places(&mut self) {
        let Self { addresses: Some(addresses), placeless, post, log, .. } = self else { return };
        placeless.retain(|spec| {
            let has_place = addresses.has_place(spec);
            if has_place {
                log.info(format_args!("There is an interface for address {} again", spec.addr));
                post.has_place(spec.addr);
            }
            !has_place
        });
    }

    /// Surveys all addresses.
    pub(super) fn look(&mut self) {
        self.look_at = None;
        let Some(survey) = self.survey() else {
            self.look_at = Some(Clock.now().after(PAUSE));
            return;
        };
        for place in 0..self.kept.len() {
            let now = Clock.now();
            let Some(kept) = self.kept.get_mut(place) else { return };
            let presence = survey.presence(&kept.held);
            let Some(news) = kept.found(now, presence) else { continue };
            let (held, addr) = (kept.held.clone(), kept.held.addr);
            match news {
                News::Lost(lack) => {
                    self.log.error(format_args!("Address {addr} is gone from {}: {lack}", held.device));
                    self.board.raise(Problem::AddressLost { address: addr });
                    self.explain(place, now);
                    if let Some(announcer) = &mut self.announcer {
                        announcer.stop(&held);
                    }
                }
                News::Returned => {
                    self.log.warn(format_args!("Address {addr} is back on {}", held.device));
                    self.board.settle(&Problem::AddressLost { address: addr });
                    self.announce(&held);
                }
                News::Moved => {
                    self.log.warn(format_args!("{} has another hardware address: {addr} is announced", held.device));
                    self.announce(&held);
                }
            }
        }
    }

    fn survey(&mut self) -> Option<Survey> {
        if self.addresses.is_none() {
            self.addresses = Addresses::open().ok();
        }
        self.addresses.as_mut()?.survey().ok()
    }

    /// Takes the step that is due about one address.
    fn tend(&mut self, place: usize) {
        let now = Clock.now();
        let Some(kept) = self.kept.get_mut(place).filter(|kept| kept.deadline().is_some_and(|at| at <= now)) else {
            return;
        };
        match kept.fate {
            Fate::Up => self.tend_rivalry(place, now),
            Fate::Gone { .. } => self.put_back(place, now),
        }
    }

    fn put_back(&mut self, place: usize, now: Instant) {
        let (Some(kept), Some(addresses)) = (self.kept.get_mut(place), &mut self.addresses) else { return };
        kept.try_later(now);
        if kept.may_be_restored(now) {
            let mut noted = Ok(());
            let record = self.record.as_mut();
            match addresses.restore(&kept.spec, &kept.held, |held| noted = note(record, held)) {
                Ok(held) => {
                    kept.restored(held.clone());
                    let times = kept.losses(now);
                    self.noted(noted);
                    // It may have been away for longer than the minute.
                    let count = if times > 0 {
                        format!(" (loss {times} in the last minute; more than {LOSSES} are not put back)")
                    } else {
                        String::new()
                    };
                    self.log.warn(format_args!("Address {} put back on {}{count}", held.addr, held.device));
                    self.board.settle(&Problem::AddressLost { address: held.addr });
                    self.announce(&held);
                    return;
                }
                Err(error) => self.log.debug(1, format_args!("Address {}: {error}", kept.held.addr)),
            }
        }
        if kept.has_failed(now) {
            self.post.failed(kept.held.addr, Loss::Gone);
        }
        self.explain(place, now);
    }

    /// Reports why an address is gone, and when it is put back.
    fn explain(&mut self, place: usize, now: Instant) {
        let Some(kept) = self.kept.get_mut(place) else { return };
        let Some((why, next, when)) = kept.account(now) else { return };
        let at = when.map(|when| std::time::Instant::now() + when.since(now));
        self.board.update(&Problem::AddressLost { address: kept.held.addr }, Told::because(why).then(next, at));
    }

    fn tend_rivalry(&mut self, place: usize, now: Instant) {
        let Some(kept) = self.kept.get_mut(place) else { return };
        let addr = kept.held.addr;
        match kept.rivalry.advance(now) {
            Some(Verdict::Probe) => {
                // An interface that cannot send now receives no packet of a rival either.
                let _ = self.rivals.as_ref().map(|rivals| rivals.probe(&kept.held));
            }
            Some(Verdict::Over) => {
                self.log.info(format_args!("No other host speaks for address {addr} any more"));
                self.settle(addr);
            }
            None => {}
        }
        let Some(kept) = self.kept.get(place) else { return };
        if self.conflicts == AddressConflict::Refuse && kept.rivalry.persists() {
            self.post.failed(addr, Loss::Rival);
        }
    }

    fn hear_rivals(&mut self, now: Instant) {
        if self.deaf_until > now {
            return;
        }
        let Some(rivals) = &self.rivals else { return };
        if std::mem::take(&mut self.is_filter_old) {
            let set = rivals.listen_for(self.kept.iter().map(|kept| kept.held.addr));
            self.is_filter_old = set.is_err();
        }
        let mut heard: Vec<Sighting> = Vec::new();
        rivals.read(|sighting| {
            if !heard.contains(&sighting) {
                heard.push(sighting);
            }
        });
        if heard.is_empty() {
            return;
        }
        self.deaf_until = now.after(DEAF);
        // If two interfaces are on one link, each may receive the packets of the other.
        let Some(survey) = self.survey() else { return };
        for sighting in heard.into_iter().filter(|sighting| !survey.owns(sighting.mac)) {
            self.heard(now, sighting);
        }
    }

    fn heard(&mut self, now: Instant, Sighting { addr, index, mac }: Sighting) {
        let is_it = |kept: &&mut Kept| (kept.held.addr, kept.held.index) == (addr, index) && kept.fate == Fate::Up;
        let Some(kept) = self.kept.iter_mut().find(is_it) else { return };
        let is_said = kept.rivalry.heard(now, mac);
        let Some(mac) = kept.rivalry.rival().map(text) else { return };
        let is_rival = |problem: &Problem, mac: &str| matches!(problem, Problem::AddressConflict { address, mac: m } if *address == addr && m != mac);
        if is_said {
            let device = &kept.held.device;
            self.log.error(format_args!("Another host on {device} has address {addr} of ours: {mac}"));
            self.board.settle_where(|problem| is_rival(problem, &mac));
            self.board.raise(Problem::AddressConflict { address: addr, mac });
        }
    }
}

fn text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Whether a change may concern this address, or the interface that it is on or should be on.
fn concerns(kept: &Kept, change: &Change) -> bool {
    match change {
        Change::AddressGone(addr) => kept.held.addr == *addr,
        // News only if the address is missing; otherwise we made the change ourselves.
        Change::Address(addr) => kept.held.addr == *addr && kept.fate != Fate::Up,
        Change::Interface { index, name } => kept.held.index == *index || kept.held.device == *name,
        Change::InterfaceGone(index) => kept.held.index == *index,
    }
}
