//! Heartbeats once more, on serial lines that have nothing else to carry.
//!
//! On a line with noise a message is lost if one of its bytes is hit: of 150 bytes, one in a hundred hit, every fourth message arrives. A copy
//! costs nothing: to a receiver, of either kind, it is what a second link would bring (docs/protocol/wire.md 7.9).
//!
//! What others miss is much on such a line, so that it must not stand in the way of what is new. Where there are serial links only, requests
//! and answers to them wait until the line is free, and get a small part of its time: each is longer than a heartbeat, so that it takes the
//! place of more than one copy, and seldom arrives whole. Where there is noise, copies follow each other as the line allows.

use super::outbound::DATAGRAMS;
use super::{Cluster, Transmit};
use crate::id::Sequence;
use crate::time::{Duration, Instant, micros, sooner};
use crate::wire::transcode_classic;

/// A byte has ten bits on the line. An eleventh for clocks that are not exact, and for what is slow to begin: else a line that is never
/// idle would fall behind, and heartbeats would wait longer and longer in what buffers it has.
const MICROS_AND_BITS: u32 = 11_000_000;
/// A copy begins this part of a keepalive after the message before it, or later; and not before that has left the line. Where there is no
/// noise it takes twice as long: half of the line's time stays free.
const SHARE: u64 = 16;
/// No oftener than this, in microseconds: a fast line needs no more.
const LEAST_GAP: u64 = 50_000;
/// One copy in this many is one of our newest message, whatever that is: what a node has to say of its groups is longer than a heartbeat, and
/// as a repetition that has to be asked for it would hardly ever arrive.
const NEWEST_EVERY: u8 = 4;
/// A message that is longer than this many heartbeats is not copied: the next heartbeat would have to wait for it.
const LONG: usize = 3;
/// After a retransmission, a request or a NAK there is none for this many times as long.
const REST: u64 = 8;
/// A request takes the time of this many bytes, and is not repeated before that time has passed this often.
const REQUEST: u32 = 230;
const REQUEST_PAUSE: u32 = 8;

/// What the engine knows of its serial lines.
#[derive(Debug)]
pub(super) struct Line {
    /// Microseconds of a byte; 0: not told.
    byte: u32,
    /// How long our newest heartbeat is.
    len: u16,
    copy_now: bool,
    /// How many copies there were.
    copies: u8,
    /// When what was given to the line has left it.
    free_at: Instant,
    /// Not before this are there repetitions, requests and answers.
    rests_until: Instant,
    /// Number of our newest heartbeat.
    heartbeat: Sequence,
    /// When its next copy is due.
    copy_at: Option<Instant>,
    /// Something was damaged or missing not long before this.
    noise_until: Instant,
}

impl Line {
    pub(super) const UNKNOWN: Self = Self {
        byte: 0,
        len: 0,
        copy_now: false,
        copies: 0,
        free_at: Instant::ZERO,
        rests_until: Instant::ZERO,
        heartbeat: Sequence(0),
        copy_at: None,
        noise_until: Instant::ZERO,
    };

    /// Microseconds from one copy to the next.
    fn gap(&self, keepalive: Duration, now: Instant) -> u64 {
        let time = u64::from(self.byte.saturating_mul(u32::from(self.len)));
        (micros(keepalive) / SHARE).max(LEAST_GAP).max(time) << u32::from(now >= self.noise_until)
    }

    /// How long a request is not repeated.
    pub(super) fn request_pause(&self) -> Duration {
        Duration::from_micros(u64::from(self.byte.saturating_mul(REQUEST * REQUEST_PAUSE)))
    }
}

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// Tells the speed of the slowest serial link, in bits per second; 0, as at the start, if it is not known.
    ///
    /// From then on the newest heartbeat, and now and then our newest message, is sent again on serial links: up to seven times until the next
    /// one, but so that half of the line's time stays free; and where messages are damaged or missing, up to fifteen times, one after the
    /// other. Other links never get copies. Where all links are serial ones, repetitions and requests wait until the line is free, and get a
    /// ninth of its time: [`Cluster::poll_transmit`] has them then, and [`Cluster::next_deadline`] says when.
    pub fn set_line_speed(&mut self, bits_per_second: u32) {
        self.line.byte = MICROS_AND_BITS.checked_div(bits_per_second).unwrap_or(0);
        self.line.copy_at = None;
    }

    /// Whether only new messages and copies may be sent now.
    pub(super) fn line_rests(&self) -> bool {
        self.line.rests_until > self.now
    }

    fn has_only_lines(&self) -> bool {
        !DATAGRAMS || self.datagram_links.is_empty()
    }

    /// Moves `deadline` to when a copy is due, or the line is free for what waits, if that is sooner.
    pub(super) fn hasten_line(&self, deadline: &mut Instant) {
        sooner(deadline, self.line.copy_at.as_ref());
        if (self.service != 0 || self.history.has_resends()) && self.line_rests() {
            *deadline = (*deadline).min(self.line.rests_until);
        }
    }

    /// Something is missing, here or there, or arrives damaged.
    pub(super) fn note_noise(&mut self) {
        self.line.noise_until = self.now.after(self.timing.deadtime);
    }

    /// A heartbeat is about to be written.
    pub(super) fn plan_copies(&mut self) {
        self.line.heartbeat = self.history.next_sequence();
        self.line.copy_now = false;
        let wanted = self.line.byte > 0 && !self.serial_links.is_empty();
        self.line.copy_at = wanted.then(|| self.now.plus(self.line.gap(self.timing.keepalive, self.now)));
    }

    /// Time passes: a copy may be due.
    pub(super) fn advance_copies(&mut self) {
        let Some(at) = self.line.copy_at.filter(|at| *at <= self.now) else { return };
        let gap = self.line.gap(self.timing.keepalive, self.now);
        self.line.copy_now = !self.left && self.line.free_at <= self.now;
        let next = if self.line.copy_now { at.max(self.now).plus(gap) } else { self.line.free_at };
        // The line must be free again for the next heartbeat.
        self.line.copy_at = Some(next).filter(|next| next.plus(gap) <= self.next_heartbeat && !self.left);
    }

    /// The copy that is due.
    pub(super) fn poll_copy(&mut self, out: &mut [u8]) -> Option<Transmit> {
        if self.line.free_at > self.now || !core::mem::take(&mut self.line.copy_now) {
            return None;
        }
        self.line.copies = self.line.copies.wrapping_add(1);
        let newest = Sequence(self.history.next_sequence().0.saturating_sub(1));
        let number = if self.line.copies.is_multiple_of(NEWEST_EVERY) { newest } else { self.line.heartbeat };
        let text = self.history.get(number).filter(|text| text.len() <= LONG * usize::from(self.line.len))?;
        let len = if DATAGRAMS && !text.starts_with(b">>>") {
            transcode_classic(text, &self.keys, out).ok()?
        } else {
            out.get_mut(..text.len())?.copy_from_slice(text);
            text.len()
        };
        Some(Transmit { links: self.serial_links, len })
    }

    /// Something is given to the line; old: it is neither new nor a copy.
    pub(super) fn note_sent(&mut self, transmit: &Transmit, is_old: bool) {
        if DATAGRAMS && transmit.links.0 & self.serial_links.0 == 0 {
            return;
        }
        let time = u64::from(self.line.byte.saturating_mul(transmit.len as u32));
        self.line.free_at = self.line.free_at.max(self.now).plus(time);
        if self.has_only_lines() {
            self.line.rests_until = self.line.rests_until.max(self.line.free_at);
            if is_old {
                self.line.rests_until = self.line.free_at.plus(REST * time);
            }
        }
        if !is_old && self.history.next_sequence() == self.line.heartbeat.next() {
            self.line.len = transmit.len as u16;
        }
    }
}

#[cfg(test)]
mod noise;
#[cfg(test)]
mod tests;
