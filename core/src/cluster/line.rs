//! Copies of heartbeats on serial lines that have nothing else to carry.
//!
//! On a line with noise a message is lost if one of its bytes is hit. If one byte in a hundred is hit, one of four
//! messages of 150 bytes arrives. A copy costs nothing: a receiver, hbcore or 3.0.6, sees it like the same message on a
//! second link (docs/protocol/wire.md 7.9).
//!
//! Peers miss many messages on such a line, so retransmissions must not delay new messages. Where there are serial
//! links only, retransmissions, requests and their answers wait until the line is free, and get a small part of its
//! time: each is longer than a heartbeat, takes the time of more than one copy, and seldom arrives whole. Where there
//! is noise, copies follow each other as fast as the line allows.

use super::outbound::DATAGRAMS;
use super::{Cluster, Transmit};
use crate::id::Sequence;
use crate::time::{Duration, Instant, micros, sooner};
use crate::wire::transcode_classic;

/// A byte has ten bits on the line. The eleventh allows for clocks that are not exact and for lines that start slowly:
/// otherwise a line that is never idle would lag, and heartbeats would wait longer and longer in its buffers.
const MICROS_AND_BITS: u32 = 11_000_000;
/// A copy begins this part of a keepalive after the message before it, or later; and not before that message has left
/// the line. Where there is no noise the time is doubled: half of the line's time stays free.
const SHARE: u64 = 16;
/// The shortest time between copies, in microseconds: a fast line needs no more.
const LEAST_GAP: u64 = 50_000;
/// One copy in this many is of our newest message, whatever that is: a node's message about its groups is longer than a
/// heartbeat, and as a retransmission, which needs a request first, would hardly ever arrive.
const NEWEST_EVERY: u8 = 4;
/// A message longer than this many heartbeats is not copied: the next heartbeat would have to wait for it.
const LONG: usize = 3;
/// After a retransmission, a request or a NAK, none of these is sent for this many times as long.
const REST: u64 = 8;
/// A request takes the time of this many bytes, and is repeated after this many times that time at the earliest.
const REQUEST: u32 = 230;
const REQUEST_PAUSE: u32 = 8;

/// The state of the engine's serial lines.
#[derive(Debug)]
pub(super) struct Line {
    /// Microseconds for a byte; 0 if the speed is not known.
    byte: u32,
    /// The length of our newest heartbeat.
    len: u16,
    copy_now: bool,
    /// The number of copies so far.
    copies: u8,
    /// The time at which everything that was given to the line has left it.
    free_at: Instant,
    /// No retransmissions, requests and answers are sent before this.
    rests_until: Instant,
    /// The number of our newest heartbeat.
    heartbeat: Sequence,
    /// The time of its next copy.
    copy_at: Option<Instant>,
    /// Until then the line counts as noisy: a message was damaged or missing.
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

    /// Adds a serial link of this speed, in bits per second; 0 if that is not known. The slowest one counts.
    pub(super) fn add(&mut self, bits_per_second: u32) {
        self.byte = self.byte.max(MICROS_AND_BITS.checked_div(bits_per_second).unwrap_or(0));
    }

    /// Microseconds from one copy to the next.
    fn gap(&self, keepalive: Duration, now: Instant) -> u64 {
        let time = u64::from(self.byte.saturating_mul(u32::from(self.len)));
        (micros(keepalive) / SHARE).max(LEAST_GAP).max(time) << u32::from(now >= self.noise_until)
    }

    /// The time for which a request is not repeated.
    pub(super) fn request_pause(&self) -> Duration {
        Duration::from_micros(u64::from(self.byte.saturating_mul(REQUEST * REQUEST_PAUSE)))
    }
}

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// Whether only new messages and copies may be sent now.
    pub(super) fn line_rests(&self) -> bool {
        self.line.rests_until > self.now
    }

    fn has_only_lines(&self) -> bool {
        !DATAGRAMS || self.datagram_links.is_empty()
    }

    /// Moves `deadline` to the time when a copy is due, or the line is free for waiting messages, if that is sooner.
    pub(super) fn bring_forward_for_line(&self, deadline: &mut Instant) {
        sooner(deadline, self.line.copy_at.as_ref());
        if (self.service != 0 || self.history.has_resends()) && self.line_rests() {
            *deadline = (*deadline).min(self.line.rests_until);
        }
    }

    /// A message is missing, here or at a peer, or arrives damaged.
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

    /// Lets time pass: a copy may be due.
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
        // A message that has the classic form already comes out as it is.
        let len = if DATAGRAMS {
            transcode_classic(text, &self.keys, out).ok()?
        } else {
            out.get_mut(..text.len())?.copy_from_slice(text);
            text.len()
        };
        Some(Transmit { links: self.serial_links, len })
    }

    /// A message is given to the line. `is_old`: it is neither new nor a copy.
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
mod copies;
#[cfg(test)]
mod noise;
#[cfg(test)]
mod tests;
