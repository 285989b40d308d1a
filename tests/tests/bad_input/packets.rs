//! Datagrams that an attacker on the network sends to the nodes. Every kind must leave the daemons running and the
//! address in place, cause no false death, and be logged without flooding the log.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use hbcore::wire::{Keys, Method, Writer};
use hbcore_tests::lab::{CLIENT, Daemon, HEARTBEAT_PORT, Heard, Lab, SWITCHED, Site, Sniffer};

/// The time in which a pair of ours brings its address up.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(15);
/// The time for which the cluster is watched after an attack: more than its deadtime.
const AFTERMATH: Duration = Duration::from_millis(1500);
/// The most lines about dropped packets in a log, however many packets there are.
const LINES: usize = 10;
/// The number of packets in a flood.
const FLOOD: usize = 500;

/// A running pair, and an attacker on its network.
struct Siege {
    lab: Lab,
    site: Site,
    sniffer: Sniffer,
    enemy: UdpSocket,
    began: Instant,
}

impl Siege {
    fn new(name: &str) -> Self {
        let site = Site::default();
        let lab = running_pair(name, &site);
        let sniffer = lab.alpha.sniff(&site);
        let enemy = lab.outside().inside(|| UdpSocket::bind("0.0.0.0:0")).expect("a socket");
        Self { lab, site, sniffer, enemy, began: Instant::now() }
    }

    /// Sends a datagram to both nodes.
    fn send(&self, bytes: &[u8]) {
        for node in SWITCHED {
            self.enemy.send_to(bytes, (node, HEARTBEAT_PORT)).expect("a datagram that the kernel takes");
        }
    }

    /// A heartbeat of bravo, as captured on the wire.
    fn heartbeat(&self) -> Heard {
        let newest = || self.sniffer.heard().into_iter().rfind(|m| m.src == "bravo" && m.kind == "status");
        self.lab.await_until(START_LIMIT, "a heartbeat of bravo", || newest().is_some());
        newest().expect("the one above")
    }

    /// Checks that nothing happened except log lines that contain `reason`, on both nodes.
    fn ends_with(&self, reason: &str) {
        for host in self.lab.hosts() {
            let what = format!("{} to log: {reason}", host.name());
            self.lab.await_until(START_LIMIT, &what, || host.logged(reason));
        }
        self.ends();
        for host in self.lab.hosts() {
            let lines = host.count_logged(reason);
            self.lab.check(lines <= LINES, &format!("at most {LINES} lines instead of {lines} about: {reason}"));
        }
    }

    /// Checks that nothing happened except that alpha logs the host with its name, as critical and not too often.
    fn ends_with_a_name_conflict(&self) {
        let complaint =
            format!("CRIT: Another host on eth0 calls itself alpha from {CLIENT}: its messages are dropped");
        self.lab.await_until(START_LIMIT, "alpha to say that its name is taken", || self.lab.alpha.logged(&complaint));
        let lines = self.lab.alpha.count_logged("calls itself alpha");
        self.lab.check(lines <= LINES, &format!("at most {LINES} lines instead of {lines}"));
        self.ends();
    }

    /// Checks that nothing happened.
    fn ends(&self) {
        self.lab.stays(AFTERMATH, "the address on alpha, both daemons alive", || {
            self.lab.holders() == ["alpha"] && self.lab.hosts().iter().all(|host| host.is_running())
        });
        for host in self.lab.hosts() {
            self.lab.check(!host.logged(": is dead"), "no node declared dead");
            self.lab.check(!host.logged("returning after partition"), "no partition");
        }
        self.lab.check(self.lab.client.who_answered(self.began) == ["alpha"], "answers of alpha only");
        let before = self.heartbeat().seq;
        self.lab.await_until(START_LIMIT, "the next heartbeat of bravo", || self.heartbeat().seq > before);
    }
}

/// A pair of ours, with the address on alpha.
pub(crate) fn running_pair(name: &str, site: &Site) -> Lab {
    let lab = Lab::new(name, Daemon::Ours, Daemon::Ours, site);
    lab.alpha.start();
    lab.bravo.start();
    lab.await_until(START_LIMIT, "the address on alpha", || lab.holders() == ["alpha"]);
    lab.await_until(START_LIMIT, "the client to be served by alpha", || lab.client.is_served_by("alpha"));
    lab
}

/// A status of this node with this generation and sequence number.
fn status(src: &str, generation: u64, seq: u64, keys: &Keys) -> Vec<u8> {
    let mut buffer = [0; 512];
    let mut writer = Writer::netstring(&mut buffer, keys, false);
    writer.text("t", b"status");
    writer.text("st", b"active");
    writer.hex("dt", 1000);
    writer.text("src", src.as_bytes());
    writer.hex("seq", seq);
    writer.hex("hg", generation);
    writer.hex("ts", 0x6b02_7217);
    let len = writer.finish().expect("512 bytes are enough");
    buffer[..len].to_vec()
}

pub(crate) fn malformed() {
    let siege = Siege::new("malformed");
    let shapes: [&[u8]; 12] = [
        b"",
        b"?",
        b"###",
        b"###\n",
        b"%%%\n",
        b"###\n%%%\n",
        b"###\n99999999999999999999:(0)t=a,%%%\n",
        b"###\n4:(0)t,%%%\n1:1,",
        b"###\n-1:(0)t=status,%%%\n",
        b">>>\n",
        b">>>\nt=status\n<<<\n",
        b">>>\r\nt=status\r\nauth=1 0\r\n<<<\r\n",
    ];
    for shape in shapes {
        siege.send(shape);
    }
    for seed in 0..FLOOD {
        siege.send(&noise(seed, seed * 3));
    }
    siege.ends_with(&format!("Dropped a packet on link eth0 from {CLIENT}: "));
}

pub(crate) fn oversized() {
    let siege = Siege::new("oversized");
    let huge = vec![b'x'; 65_507];
    siege.send(&huge);
    let mut field = b"###\n65450:(0)t=".to_vec();
    field.resize(65_465, b'y');
    field.extend_from_slice(b",%%%\n");
    siege.send(&field);
    let many: Vec<u8> = b"###\n".iter().chain(b"7:(0)a=bc,".iter().cycle().take(60_000)).copied().collect();
    siege.send(&many);
    siege.ends_with("Dropped a packet");
}

pub(crate) fn truncated() {
    let siege = Siege::new("truncated");
    let whole = siege.heartbeat().bytes;
    // One byte short of its signature, the packet is not yet whole; its last byte may be an optional one.
    for len in 0..whole.len() - 1 {
        siege.send(&whole[..len]);
    }
    siege.ends_with("Dropped a packet");
}

pub(crate) fn forged() {
    let siege = Siege::new("forged");
    let whole = siege.heartbeat().bytes;
    for place in 0..whole.len() {
        for bit in [0x01, 0x10, 0x80] {
            let mut changed = whole.clone();
            changed[place] ^= bit;
            siege.send(&changed);
        }
    }
    siege.ends_with("the signature is wrong");
}

pub(crate) fn wrong_key() {
    let siege = Siege::new("wrong key");
    let mut keys = Keys::new();
    keys.insert(1, Method::Sha1, b"guessed").expect("a valid key");
    keys.set_signing(1).expect("the key above");
    for seq in 0..FLOOD as u64 {
        siege.send(&status("bravo", u64::from(u32::MAX), 1 + seq, &keys));
    }
    siege.ends_with("the signature is wrong");
}

pub(crate) fn unknown_node() {
    let siege = Siege::new("unknown node");
    for seq in 0..FLOOD as u64 {
        siege.send(&status("charlie", 1, 1 + seq, &siege.site.keys()));
    }
    siege.ends_with("unknown node");
}

/// Such a message kills a 3.0.6: a later incarnation of its name makes it take its own messages for replays.
pub(crate) fn own_name() {
    let siege = Siege::new("own name");
    for seq in 0..FLOOD as u64 {
        let message = status("alpha", u64::from(u32::MAX), 1 + seq, &siege.site.keys());
        siege.enemy.send_to(&message, (SWITCHED[0], HEARTBEAT_PORT)).expect("a datagram that the kernel takes");
    }
    siege.ends_with_a_name_conflict();
}

/// A copy of the machine has alpha's identity and generation, and its sequence numbers are below those of alpha.
pub(crate) fn copy_of_this_node() {
    let siege = Siege::new("copy of this node");
    let is_alpha = |m: &Heard| m.src == "alpha" && m.kind == "status";
    siege.lab.await_until(START_LIMIT, "a heartbeat of alpha", || siege.sniffer.has_heard(is_alpha));
    let original = siege.sniffer.heard().into_iter().find(is_alpha).expect("the one above");
    for seq in 0..FLOOD as u64 {
        let generation = original.generation.expect("a heartbeat has one");
        let message = status("alpha", generation, 1 + seq % 5, &siege.site.keys());
        siege.enemy.send_to(&message, (SWITCHED[0], HEARTBEAT_PORT)).expect("a datagram that the kernel takes");
    }
    siege.ends_with_a_name_conflict();
}

/// The captured packets of a node without power are sent to alpha again and again: they do not count as heartbeats, on
/// any link.
pub(crate) fn replayed_of_a_dead_node() {
    let siege = Siege::new("replay of a dead node");
    for kind in ["status", "NS_ackmsg"] {
        let is_there = |m: &Heard| m.src == "bravo" && m.kind == kind;
        siege.lab.await_until(START_LIMIT, &format!("{kind} of bravo"), || siege.sniffer.has_heard(is_there));
    }
    siege.lab.bravo.cut_power();
    let alpha = &siege.lab.alpha;
    let is_gone = || alpha.logged("node bravo: is dead") && alpha.logged("Link bravo:eth0 dead.");
    siege.lab.await_until(START_LIMIT, "alpha to see that bravo and its links are gone", is_gone);
    let heard = siege.sniffer.heard();
    let messages: Vec<&Heard> = heard.iter().filter(|m| m.src == "bravo").collect();
    let lines = |text: &str| alpha.count_logged(text);
    let before = (lines("Link bravo:"), lines("Status update for node bravo"));
    // This takes longer than two deadtimes.
    for message in messages.iter().cycle().take(messages.len().max(FLOOD)) {
        siege.enemy.send_to(&message.bytes, (SWITCHED[0], HEARTBEAT_PORT)).expect("a datagram that the kernel takes");
    }
    siege.lab.stays(2 * AFTERMATH, "the address on alpha", || siege.lab.holders() == ["alpha"]);
    let after = (lines("Link bravo:"), lines("Status update for node bravo"));
    siege.lab.check(after == before, &format!("no more news of bravo or its links: {before:?} became {after:?}"));
}

pub(crate) fn replayed_within_a_run() {
    let siege = Siege::new("replay");
    siege.heartbeat();
    for message in siege.sniffer.heard() {
        siege.send(&message.bytes);
    }
    siege.ends();
}

pub(crate) fn replayed_from_an_earlier_run() {
    let siege = Siege::new("replay of an earlier run");
    let old = siege.heartbeat();
    let earlier: Vec<Heard> = siege.sniffer.heard().into_iter().filter(|m| m.src == "bravo").collect();
    siege.lab.bravo.stop();
    siege.lab.bravo.start();
    siege.lab.await_until(START_LIMIT, "bravo's new run", || siege.heartbeat().generation > old.generation);
    let new = siege.heartbeat().generation.expect("a heartbeat has one");
    for message in earlier.iter().cycle().take(FLOOD) {
        siege.enemy.send_to(&message.bytes, (SWITCHED[0], HEARTBEAT_PORT)).expect("a datagram that the kernel takes");
    }
    let alpha = &siege.lab.alpha;
    siege.lab.await_until(START_LIMIT, "alpha to report the replay", || alpha.logged("replay attack [bravo]"));
    let numbers = format!("[gen = {}, curgen = {new}] from {CLIENT}", old.generation.expect("a heartbeat has one"));
    siege.lab.check(alpha.logged(&numbers), &format!("both numbers and the sender: {numbers}"));
    let lines = alpha.count_logged("replay attack");
    siege.lab.check(lines <= LINES, &format!("at most {LINES} lines instead of {lines} about the replay"));
    siege.ends();
}

/// Two forms that abort a 3.0.6 without any key, and one that does so with the key (docs/protocol/wire.md 3.5).
pub(crate) fn that_kill_the_reference() {
    let siege = Siege::new("killers");
    siege.send(b"###\n8:t=status,%%%\n");
    siege.send(b"###\n11:(7)t=status,%%%\n");
    siege.send(b"###\n11:(9)t=status,%%%\n");
    let mut message = status("bravo", 1, 1, &siege.site.keys());
    let place = message.windows(6).position(|w| w == b"active").expect("its status");
    message[place] = 0;
    siege.send(&message);
    siege.ends_with("Dropped a packet");
}

/// Bytes that look random and are the same each time.
pub(crate) fn noise(seed: usize, len: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..len).map(|_| next()).collect()
}
