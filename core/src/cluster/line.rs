//! Heartbeats once more, on serial lines that have nothing else to carry.
//!
//! On a line with noise a message is lost if one of its bytes is hit: of 150 bytes, one in a hundred hit, every fourth message arrives. A copy
//! costs nothing: to a receiver, of either kind, it is what a second link would bring (wire reference 7.9).
//!
//! What others miss is much on such a line, so that it must not stand in the way of what is new. Where there are serial links only, repetitions
//! and requests wait until the line is free, and copies go before them. While anything is missing, there are more copies.

use super::outbound::DATAGRAMS;
use super::{Cluster, Transmit};
use crate::id::Sequence;
use crate::time::{Duration, Instant, micros, sooner};
use crate::wire::transcode_classic;

/// A byte has ten bits on the line.
const MICROS_AND_BITS: u32 = 10_000_000;
/// A copy begins this part of a keepalive behind the message before it, or later.
const SHARE: u64 = 8;
const SHARE_IN_NOISE: u64 = 16;
/// No oftener than this, in microseconds: a fast line needs no more.
const LEAST_GAP: u64 = 50_000;
/// From the begin of a heartbeat to that of its copy, in quarters of its time on the line: half of the line's time stays free, and less where
/// there is noise.
const QUARTERS: u32 = 8;
const QUARTERS_IN_NOISE: u32 = 5;
/// A request takes the time of so many bytes, and is not repeated before that has passed so many times.
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
    /// When what was given to the line has left it.
    free_at: Instant,
    /// Number of our newest heartbeat.
    heartbeat: Sequence,
    /// When its next copy is due.
    copy_at: Option<Instant>,
    /// Something was missing not long before this.
    noise_until: Instant,
}

impl Line {
    pub(super) const UNKNOWN: Self = Self {
        byte: 0,
        len: 0,
        copy_now: false,
        free_at: Instant::ZERO,
        heartbeat: Sequence(0),
        copy_at: None,
        noise_until: Instant::ZERO,
    };

    /// Microseconds from one copy to the next.
    fn gap(&self, keepalive: Duration, now: Instant) -> u64 {
        let (keepalive, len) = (micros(keepalive), u32::from(self.len));
        let (share, quarters) = if now < self.noise_until {
            (keepalive / SHARE_IN_NOISE, QUARTERS_IN_NOISE * len)
        } else {
            (keepalive / SHARE, QUARTERS * len)
        };
        share.max(LEAST_GAP).max(u64::from(self.byte.saturating_mul(quarters) / 4))
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
    /// From then on the newest heartbeat is sent again on serial links, up to seven times until the next one, or fifteen times while messages are
    /// missing, but so that half of the line's time stays free, or a fifth of it. Other links never get copies. Where all links are serial ones, repetitions and requests wait until
    /// the line is free: [`Cluster::poll_transmit`] has them then, and [`Cluster::next_deadline`] says when.
    pub fn set_line_speed(&mut self, bits_per_second: u32) {
        self.line.byte = MICROS_AND_BITS.checked_div(bits_per_second).unwrap_or(0);
        self.line.copy_at = None;
    }

    /// Whether only new messages may be sent now.
    pub(super) fn line_is_busy(&self) -> bool {
        self.line.byte > 0 && self.has_only_lines() && self.line.free_at > self.now
    }

    fn has_only_lines(&self) -> bool {
        !DATAGRAMS || self.datagram_links.is_empty()
    }

    /// Moves `deadline` to when a copy is due, or the line is free for what waits, if that is sooner.
    pub(super) fn hasten_line(&self, deadline: &mut Instant) {
        sooner(deadline, self.line.copy_at.as_ref());
        if (self.line.copy_now || self.service != 0 || self.history.has_resends()) && self.line_is_busy() {
            *deadline = (*deadline).min(self.line.free_at);
        }
    }

    /// Something is missing, here or there.
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
        let idle = self.line.free_at <= self.now;
        self.line.copy_now = !self.left && (idle || self.has_only_lines());
        let next =
            if self.line.copy_now { at.max(self.line.free_at).max(self.now).plus(gap) } else { self.line.free_at };
        // The line must be free again for the next heartbeat.
        self.line.copy_at = Some(next).filter(|next| next.plus(gap) <= self.next_heartbeat && !self.left);
    }

    /// The copy that is due.
    pub(super) fn poll_copy(&mut self, out: &mut [u8]) -> Option<Transmit> {
        if !core::mem::take(&mut self.line.copy_now) {
            return None;
        }
        let text = self.history.get(self.line.heartbeat)?;
        let len = if DATAGRAMS && !text.starts_with(b">>>") {
            transcode_classic(text, &self.keys, out).ok()?
        } else {
            out.get_mut(..text.len())?.copy_from_slice(text);
            text.len()
        };
        Some(Transmit { links: self.serial_links, len })
    }

    /// Something is given to the line.
    pub(super) fn note_sent(&mut self, transmit: &Transmit) {
        if self.line.byte > 0 && (!DATAGRAMS || transmit.links.0 & self.serial_links.0 != 0) {
            if self.history.next_sequence() == self.line.heartbeat.next() {
                self.line.len = transmit.len as u16;
            }
            let time = u64::from(self.line.byte.saturating_mul(transmit.len as u32));
            self.line.free_at = self.line.free_at.max(self.now).plus(time);
        }
    }
}

#[cfg(test)]
mod tests;
