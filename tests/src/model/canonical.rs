//! Decides when two states are one: a number for each state, equal for all states that no later step can tell apart.
//!
//! The engine's part is its `Debug` text. In it, times are written as the distance from now: the past matters for a
//! second at most, and a time that is far away matters only as such. Numbers of messages are written as their rank
//! among all numbers of that sender that a node still compares; tickets without their serial, since only the newest
//! ticket of a group is valid.

use super::state::{Message, NEAR, NODES, Node, State};
use hbcore::time::Instant;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// A start looks back for this long: for its doubt, and for its wait for missing messages.
const PAST: i64 = 1_100_000;

/// The visible state of an engine.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    hash: u64,
    /// The numbers of the other node's messages that it remembers.
    numbers: Rc<[u64]>,
}

/// Buffers that are reused for each state.
#[derive(Default)]
pub(super) struct Canonical {
    text: String,
    tokens: Vec<u8>,
    numbers: Vec<u64>,
    places: Vec<(u16, u64)>,
}

impl Canonical {
    /// Returns the number of a state.
    pub(super) fn number(&mut self, state: &mut State) -> u64 {
        for n in 0..NODES {
            if state.shown[n].is_none() {
                state.shown[n] = Some(self.show(&state.nodes[n], state.now));
            }
        }
        let mut hasher = DefaultHasher::new();
        for (n, node) in state.nodes.iter().enumerate() {
            state.shown[n].as_ref().map(|shown| shown.hash).hash(&mut hasher);
            let other = &state.nodes[1 - n];
            let knows = (node.view.run == Some(other.run), node.view.run.is_some());
            (node.on, node.active, knows, node.view.heard, node.view.dead, node.shots.len()).hash(&mut hasher);
            for real in &node.groups {
                (real.holding, real.serving, real.script.map(|(work, ticket)| (work, ticket.is_some())))
                    .hash(&mut hasher);
            }
        }
        for to in 0..NODES {
            self.wire(state, to, &mut hasher);
        }
        (state.left, state.apart, state.contested).hash(&mut hasher);
        hasher.finish()
    }

    fn show(&mut self, node: &Node, now: Instant) -> Shown {
        self.text.clear();
        self.tokens.clear();
        self.numbers.clear();
        if let Some(machine) = &node.machine {
            let _ = write!(self.text, "{machine:?}");
        }
        scan(self.text.as_bytes(), now.as_micros().cast_signed(), &mut self.tokens, &mut self.numbers);
        let mut hasher = DefaultHasher::new();
        self.tokens.hash(&mut hasher);
        Shown { hash: hasher.finish(), numbers: self.numbers.as_slice().into() }
    }

    /// The messages under way to a node, and the numbers that it remembers.
    fn wire(&mut self, state: &State, to: usize, hasher: &mut DefaultHasher) {
        let (known, sent) = (state.nodes[to].view.run.unwrap_or(0), state.nodes[1 - to].run);
        let wire = &state.wires[to];
        let numbers = state.shown[to].as_ref().map(|shown| &*shown.numbers).unwrap_or_default();
        self.places.clear();
        self.places.extend(numbers.iter().filter(|number| **number > 0).map(|number| (known, *number)));
        self.places.extend(wire.fresh.iter().chain(&wire.late).map(|message| (sent, message.seq.0)));
        self.places.sort_unstable();
        self.places.dedup();
        let place = |run: u16, number: u64| self.places.binary_search(&(run, number)).unwrap_or(usize::MAX);
        for number in numbers {
            // Zero means "none": it is less than each number of any incarnation.
            if *number == 0 { usize::MAX } else { place(known, *number) }.hash(hasher);
        }
        let mut messages = |queue: &std::collections::VecDeque<Message>| {
            queue.len().hash(hasher);
            for message in queue {
                place(sent, message.seq.0).hash(hasher);
                std::mem::discriminant(&message.say).hash(hasher);
                self.text.clear();
                let _ = write!(self.text, "{:?}", message.say);
                self.text.hash(hasher);
            }
        };
        messages(&wire.fresh);
        messages(&wire.late);
        wire.cut.hash(hasher);
    }
}

/// Copies the text of an engine, with times and tickets in comparable form, and collects the numbers separately.
fn scan(text: &[u8], now: i64, out: &mut Vec<u8>, numbers: &mut Vec<u64>) {
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if !matches!(byte, b'I' | b'S' | b't' | b's') {
            out.push(*byte);
            rest = after;
        } else if let Some((value, after)) = number_after(rest, b"Instant(") {
            out.extend(distance(value.cast_signed() - now).to_le_bytes());
            rest = after;
        } else if let Some((value, after)) = number_after(rest, b"Sequence(") {
            numbers.push(value);
            out.push(b'#');
            rest = after;
        } else if let Some((value, after)) = number_after(rest, b"ticket: ") {
            out.extend((value >> 16).to_le_bytes());
            rest = after;
        } else if let Some((_, after)) = number_after(rest, b"serial: ") {
            rest = after;
        } else {
            out.push(*byte);
            rest = after;
        }
    }
}

/// The number after a word, and the rest of the text.
fn number_after<'t>(text: &'t [u8], word: &[u8]) -> Option<(u64, &'t [u8])> {
    let digits = text.strip_prefix(word)?;
    let len = digits.iter().take_while(|d| d.is_ascii_digit()).count();
    let value = digits[..len].iter().fold(0_u64, |n, d| n.wrapping_mul(10).wrapping_add(u64::from(d - b'0')));
    Some((value, &digits[len..]))
}

/// The distance of a time from now, in microseconds.
fn distance(micros: i64) -> i64 {
    if micros > NEAR.as_micros() as i64 { i64::MAX } else { micros.max(-PAST) }
}
