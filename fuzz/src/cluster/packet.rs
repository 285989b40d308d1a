//! Authentic packets whose fields have expected and unexpected values.

use arbitrary::Unstructured;
use hbcore::cluster::Field;
use hbcore::id::LinkId;
use hbcore::wire::{Keys, Writer};

use super::setup::{NAMES, keys, uuid};

type Words = &'static [&'static str];

const NODES: Words = &["alpha", "bravo", "charlie", "router", "zulu", "BRAVO", ""];
const LISTS: Words = &["alpha bravo", "bravo", "charlie zulu", "zulu yankee xray whisky", "alpha", "router  ", ""];
const HEX: Words = &["1", "2", "3", "4", "8", "10", "fa", "1ff", "fffffffe", "ffffffffffffffff", "0", "x"];
const DECIMAL: Words = &["1", "2", "3", "4", "8", "16", "250", "511", "4294967295", "18446744073709551615", "0", "x"];
const CLASS: Words = &["local", "foreign", "all", "none", "failback", "?"];
const ONE: Words = &["1"];

/// The types of message, with the fields that the engine reads in them, and values for these fields.
const KINDS: [(&str, &[(&str, Words)]); 19] = [
    ("status", &[("st", &["active", "up", "init", "dead", "ping", "strange"]), ("dt", HEX), ("protocol", ONE)]),
    (
        "resource",
        &[
            ("rsc_hold", CLASS),
            ("rtype", &["full", "partial"]),
            ("isstable", &["1", "0"]),
            ("info", &["mach_down", "standby", "shutdown", "req_our_resources()"]),
            ("hbcore", ONE),
        ],
    ),
    ("ask_resources", &[("rsc_hold", CLASS), ("info", &["me", "other", "done", "?"])]),
    ("starting", &[("hbcore", ONE)]),
    ("NS_ackmsg", &[("ackseq", HEX), ("dest", NODES)]),
    ("NS_rexmit", &[("firstseq", DECIMAL), ("lastseq", DECIMAL), ("dest", NODES)]),
    ("NS_nak_rexmit", &[("firstseq", HEX), ("dest", NODES)]),
    ("hb_takeover", &[("rsc_hold", CLASS)]),
    ("ip-request", &[("ipaddr", &["one", "two", "three", "four"])]),
    (
        "ip-request-resp",
        &[("ipaddr", &["one", "two", "three"]), ("ok", &["OK", "no"]), ("weown", &["yes", "no"]), ("dest", NODES)],
    ),
    ("shutdone", &[("st", &["dead"])]),
    ("stonith", &[("node", NODES), ("result", &["OK", "bad", "unneeded", "n_stnth", "?"])]),
    ("reqnodes", &[("dest", NODES)]),
    ("repnodes", &[("nodelist", LISTS), ("delnodelist", LISTS), ("dest", NODES)]),
    ("addnode", &[("nodelist", LISTS)]),
    ("delnode", &[("nodelist", LISTS)]),
    ("setweight", &[("node", NODES), ("weight", DECIMAL)]),
    ("NS_st", &[("st", &["ping", "up"])]),
    ("T_OTHER", &[("dest", NODES)]),
];

/// The most fields of a type, and the type itself.
const FIELDS: usize = 6;

/// The content of a message: its type and fields, without sender and numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Content {
    fields: [Field<'static>; FIELDS],
    len: usize,
}

impl Content {
    /// Reads one byte for the type, and one for each of its fields; 0 leaves the field out.
    pub(super) fn read(input: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        let (kind, fields) = KINDS[usize::from(input.arbitrary::<u8>()?) % KINDS.len()];
        let mut content = Self::default();
        content.push("t", kind);
        for (name, words) in fields {
            let choice = usize::from(input.arbitrary::<u8>()?) % (words.len() + 1);
            if let Some(word) = choice.checked_sub(1).and_then(|n| words.get(n)) {
                content.push(name, word);
            }
        }
        Ok(content)
    }

    fn push(&mut self, name: &'static str, word: &'static str) {
        self.fields[self.len] = (name, word.as_bytes());
        self.len += 1;
    }

    pub(super) fn fields(&self) -> &[Field<'static>] {
        &self.fields[..self.len]
    }

    fn is_numbered(&self) -> bool {
        !self.fields[0].1.starts_with(b"NS_")
    }
}

/// The generation and the newest sequence number of each of the other nodes.
#[derive(Default)]
pub(super) struct Senders([Sender; NAMES.len()]);

#[derive(Clone, Copy)]
struct Sender {
    generation: u64,
    newest: u64,
}

impl Default for Sender {
    fn default() -> Self {
        Self { generation: 5, newest: 0 }
    }
}

/// An authentic packet.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) link: LinkId,
    from: usize,
    /// How its sequence number relates to the one before: 0 to 199 mean the next number.
    number: u8,
    /// Bits for the form, the identity and the generation.
    manner: u8,
    content: Content,
}

impl Packet {
    pub(super) fn read(input: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        let from: u8 = input.arbitrary()?;
        Ok(Self {
            link: LinkId(from >> 4 & 3),
            // Most packets come from the peer that matters most.
            from: [1, 1, 1, 1, 1, 1, 3, 3, 2, 2, 4, 0][usize::from(from & 15) % 12],
            number: input.arbitrary()?,
            manner: input.arbitrary()?,
            content: Content::read(input)?,
        })
    }

    pub(super) fn write<'b>(&self, senders: &mut Senders, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let keys: Keys<1> = keys();
        let (generation, number) = self.numbers(&mut senders.0[self.from]);
        let mut writer = match self.manner & 1 {
            0 => Writer::classic(buffer, &keys),
            _ => Writer::netstring(buffer, &keys, false),
        };
        for (name, text) in self.content.fields() {
            writer.text(name, text);
        }
        writer.text("src", NAMES[self.from].as_bytes());
        match self.manner >> 1 & 3 {
            0 | 1 => {}
            2 => writer.binary("srcuuid", &uuid(self.from).0),
            _ => writer.binary("srcuuid", &uuid(self.from ^ 1).0),
        }
        if self.content.is_numbered() {
            writer.hex("seq", number);
        }
        writer.hex("hg", generation);
        writer.hex("ts", 0x6b00_0000);
        let len = writer.finish().ok()?;
        buffer.get(..len)
    }

    fn numbers(&self, sender: &mut Sender) -> (u64, u64) {
        match self.manner >> 3 & 15 {
            14 => *sender = Sender { generation: sender.generation + 1, newest: 0 },
            15 => return (sender.generation - 1, sender.newest),
            _ => {}
        }
        if !self.content.is_numbered() {
            return (sender.generation, 0);
        }
        let step = u64::from(self.number);
        let number = match step {
            0..200 => sender.newest.saturating_add(1),
            200..220 => sender.newest.saturating_add(2 + (step - 200)),
            220..225 => sender.newest.saturating_add(100 * (step - 219)),
            225..240 => sender.newest.saturating_sub(step - 225),
            240..250 => u64::MAX - (step - 240),
            _ => step - 250,
        };
        if step < 240 {
            sender.newest = sender.newest.max(number);
        }
        (sender.generation, number)
    }
}
