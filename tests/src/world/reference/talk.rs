//! Writes and reads messages, and keeps track of lost ones.

use super::Reference;
use crate::world::engine::{name, uuid};
use hbcore::id::{Generation, LinkSet, Sequence};
use hbcore::internals::Arrival;
use hbcore::node::NodeState;
use hbcore::time::{Duration, Instant};
use hbcore::wire::{Header, MessageType, Writer, open, transcode_classic};

const ROOM: usize = 1024;
const REPEAT_MS: u64 = 250;

impl Reference {
    fn timestamp(&self) -> u64 {
        let (at, seconds) = self.wall;
        seconds + self.now.since(at).as_secs()
    }

    /// The fields of a message, signed.
    fn write(&self, fields: &[(&str, &str)], seq: Option<Sequence>, buffer: &mut [u8]) -> Option<usize> {
        let mut w = Writer::netstring(buffer, &self.keys, true);
        for (field, value) in fields {
            w.text(field, value.as_bytes());
        }
        if fields.iter().any(|(field, _)| *field == "dest") {
            w.binary("destuuid", &uuid(self.other).0);
        }
        w.text("src", name(self.me).as_bytes());
        w.binary("srcuuid", &uuid(self.me).0);
        if let Some(seq) = seq {
            w.hex("seq", seq.0);
        }
        w.hex("hg", self.generation);
        w.hex("ts", self.timestamp());
        w.text("ld", b"0.10 0.10 0.10 1/99 999");
        w.decimal("ttl", 3);
        w.finish().ok()
    }

    pub(super) fn say(&mut self, fields: &[(&str, &str)]) {
        let mut buffer = [0; ROOM];
        let seq = self.history.next_sequence();
        let Some(len) = self.write(fields, Some(seq), &mut buffer) else { return };
        self.history.push(ROOM, |room| {
            room[..len].copy_from_slice(&buffer[..len]);
            Some(len)
        });
    }

    fn say_unnumbered(&mut self, fields: &[(&str, &str)]) {
        let mut buffer = [0; ROOM];
        if let Some(len) = self.write(fields, None, &mut buffer) {
            self.unnumbered.push_back(buffer[..len].to_vec());
        }
    }

    pub(super) fn say_status(&mut self) {
        let dt = format!("{:x}", (self.deadtime + self.padding).as_millis());
        let state = self.state.as_str().to_owned();
        self.say(&[("t", "status"), ("st", &state), ("dt", &dt), ("protocol", "1")]);
    }

    /// The next message, once for the networks and once for the serial lines.
    pub(super) fn next_ready(&mut self) -> Option<(LinkSet, Vec<u8>)> {
        if self.ready.is_empty() {
            let bytes = match self.unnumbered.pop_front() {
                Some(bytes) => bytes,
                None => self.history.take(self.now)?.to_vec(),
            };
            if !self.serial_links.is_empty() {
                let mut buffer = [0; 2 * ROOM];
                if let Ok(len) = transcode_classic(&bytes, &self.keys, &mut buffer) {
                    self.ready.push_back((self.serial_links, buffer[..len].to_vec()));
                }
            }
            self.ready.push_back((self.datagram_links, bytes));
        }
        self.ready.pop_front()
    }

    /// The decision table of docs/protocol/wire.md 7.3.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        let keys = self.keys.clone();
        let Ok(message) = open(bytes, &keys) else { return };
        let Ok(header) = Header::parse(message) else { return };
        if header.src != name(self.other).as_bytes() {
            return;
        }
        let for_us = header.dest.is_none_or(|dest| dest == name(self.me).as_bytes());
        let Some(seq) = header.seq else {
            if for_us {
                self.unnumbered(&header);
            }
            return;
        };
        let known = self.peer.window.generation;
        let is_status = header.kind == MessageType::Status;
        if header.generation < known {
            return;
        }
        let mut returned = false;
        if is_status && header.generation > known {
            self.restarted(header.generation);
        } else if is_status && known.0 > 0 && self.peer.state == NodeState::Dead {
            if seq <= self.peer.status_seq {
                return;
            }
            returned = true;
        }
        let arrival = self.peer.window.arrive(seq);
        self.note(arrival);
        if !arrival.is_new() {
            return;
        }
        self.peer.heard = true;
        if returned {
            self.returned();
        }
        if for_us {
            self.dispatch(&header);
        }
    }

    fn restarted(&mut self, generation: Generation) {
        self.forget_numbers();
        self.peer.window.generation = generation;
        self.peer.status_seq = Sequence(0);
    }

    pub(super) fn forget_numbers(&mut self) {
        let generation = std::mem::take(&mut self.peer.window).generation;
        self.peer.window.generation = generation;
        self.peer.ask_at = None;
    }

    fn note(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Gap { .. } if self.peer.ask_at.is_none() => {
                self.peer.ask_at = Some(self.now.after(Duration::from_millis(self.random.between(50, REPEAT_MS))));
            }
            Arrival::InOrder | Arrival::Filled => {
                if let Some(ack) = self.peer.window.acknowledge(self.residue) {
                    let ack = format!("{:x}", ack.0);
                    self.say_unnumbered(&[("t", "NS_ackmsg"), ("dest", name(self.other)), ("ackseq", &ack)]);
                }
            }
            Arrival::Gap { .. } | Arrival::LostTooMany { .. } | Arrival::Duplicate | Arrival::Old => {}
        }
    }

    fn unnumbered(&mut self, header: &Header<'_>) {
        match header.kind {
            MessageType::Retransmit => self.repeat(header),
            MessageType::Nak => {
                if let Some((seq, _)) = header.sequence_range() {
                    self.peer.window.fill(seq);
                }
            }
            _ => {}
        }
    }

    /// Handles each number of the request separately, even an acknowledged one (docs/protocol/wire.md 7.5).
    fn repeat(&mut self, header: &Header<'_>) {
        let Some((first, last)) = header.sequence_range() else { return };
        let quiet = Duration::from_millis(REPEAT_MS - 10);
        for number in (first.0..=last.0).take(50).map(Sequence) {
            let gone = self.history.request(self.now, number, number, 1, quiet).is_err();
            if gone && number < self.history.oldest_sequence() {
                let number = format!("{:x}", number.0);
                self.say_unnumbered(&[
                    ("t", "NS_nak_rexmit"),
                    ("firstseq", &number),
                    ("dest", name(self.other)),
                    ("info", "seqno too low"),
                ]);
            }
        }
    }

    /// Sends a request for each missing number, until it arrives (docs/protocol/wire.md 7.4).
    pub(super) fn ask_to_repeat(&mut self) {
        let Some(at) = self.peer.ask_at.filter(|at| *at <= self.now) else { return };
        self.peer.ask_at = (self.peer.window.missing() > 0).then(|| at.after(Duration::from_millis(REPEAT_MS)));
        if !self.peer.state.is_live() {
            return;
        }
        let mut from = Sequence(0);
        for _ in 0..50 {
            let Some((first, _)) = self.peer.window.missing_run(from, Sequence(u64::MAX)) else { return };
            let number = first.0.to_string();
            self.say_unnumbered(&[
                ("t", "NS_rexmit"),
                ("dest", name(self.other)),
                ("firstseq", &number),
                ("lastseq", &number),
            ]);
            from = first.next();
        }
    }

    pub(super) fn silence(&self) -> Duration {
        self.now.since(self.peer.status_at)
    }

    pub(super) fn later(&self, by: Duration) -> Instant {
        self.now.after(by)
    }
}
