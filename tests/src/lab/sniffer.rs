//! Listens to the heartbeats of a host, both those that it sends and those that reach it.

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hbcore::wire::{Form, Keys, Message, open};
use socket2::{Domain, Protocol, Socket, Type};

use super::namespace::Namespace;

/// The interval at which the thread checks whether it should end.
const ATTENTION: Duration = Duration::from_millis(100);
/// Bytes of room for datagrams that are not read yet. Probes of a client, a thousand a second, pass here too, and at a
/// takeover all of them get answers. On a busy machine the usual 200 kB overflowed then, and the sniffer missed a
/// message.
const ROOM: usize = 16 << 20;
/// UDP port of the heartbeats.
const PORT: u16 = super::HEARTBEAT_PORT;

/// An authentic message on a link of the host. The sniffer hears it before a [fault](super::Faults) can lose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The time of its arrival.
    pub at: Instant,
    /// The node that sent it.
    pub src: String,
    /// The node to which it is addressed.
    pub dest: Option<String>,
    /// Its type.
    pub kind: String,
    /// The generation of its sender.
    pub generation: Option<u64>,
    /// Its sequence number.
    pub seq: Option<u64>,
    /// The first number in a retransmission request.
    pub firstseq: Option<u64>,
    /// Whether its claim is settled.
    pub stable: bool,
    /// The form of the datagram.
    pub form: Form,
    /// Its fields of type string, in their order.
    pub fields: Vec<(String, String)>,
    /// The datagram.
    pub bytes: Vec<u8>,
}

impl Heard {
    /// The value of a field of type string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(its, _)| its == name).map(|(_, value)| value.as_str())
    }
}

/// Listens until it is dropped.
pub struct Sniffer {
    heard: Arc<Mutex<Vec<Heard>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sniffer {
    pub(super) fn new(namespace: &Namespace, keys: Keys) -> Self {
        let all = Protocol::from(i32::from((libc::ETH_P_ALL as u16).to_be()));
        let socket = namespace.inside(|| Socket::new(Domain::from(libc::AF_PACKET), Type::RAW, Some(all)));
        let mut socket = socket.expect("a packet socket");
        socket.set_read_timeout(Some(ATTENTION)).expect("a socket option");
        rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, ROOM).expect("root may");
        let (heard, ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (to, flag) = (Arc::clone(&heard), Arc::clone(&ended));
        let thread = thread::spawn(move || {
            let mut frame = vec![0; 65536];
            while !flag.load(Ordering::Relaxed) {
                let len = socket.read(&mut frame).unwrap_or(0);
                if let Some(message) = heartbeat_in(&frame[..len]).and_then(|bytes| decode(bytes, &keys)) {
                    to.lock().expect("no thread panics with it").push(message);
                }
            }
        });
        Self { heard, ended, thread: Some(thread) }
    }

    /// All messages so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("no thread panics with it").clone()
    }

    /// All messages that came at `since` or later.
    pub fn heard_since(&self, since: Instant) -> Vec<Heard> {
        let heard = self.heard.lock().expect("no thread panics with it");
        heard.iter().filter(|message| message.at >= since).cloned().collect()
    }

    /// The last claim of this node, if it was final and came at `since` or later: `none`, `local`, `foreign` or `all`.
    pub fn final_claim(&self, src: &str, since: Instant) -> Option<String> {
        let heard = self.heard.lock().expect("no thread panics with it");
        let is_report = |m: &&Heard| m.src == src && m.kind == "resource" && m.text("rtype").is_some();
        // Copies of a message come over several links, and a 3.0.6 sends some in the wrong order
        // (docs/protocol/resources.md 1.1).
        let last = heard.iter().filter(is_report).max_by_key(|m| (m.generation, m.seq))?;
        (last.stable && last.at >= since).then(|| last.text("rsc_hold").unwrap_or_default().to_owned())
    }

    /// Whether a message was heard.
    pub fn has_heard(&self, wanted: impl Fn(&Heard) -> bool) -> bool {
        self.heard.lock().expect("no thread panics with it").iter().any(wanted)
    }

    /// The numbers of messages whose retransmission another node requested from `src` and that `src` sent afterwards.
    pub fn repeated_by(&self, src: &str) -> HashSet<u64> {
        let mut asked = HashSet::new();
        let mut repeated = HashSet::new();
        for message in self.heard.lock().expect("no thread panics with it").iter() {
            if message.kind == "NS_rexmit" && message.dest.as_deref() == Some(src) {
                asked.extend(message.firstseq);
            } else if message.src == src && message.seq.is_some_and(|seq| asked.contains(&seq)) {
                repeated.extend(message.seq);
            }
        }
        repeated
    }
}

impl Drop for Sniffer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The payload of an Ethernet frame with an unfragmented UDP datagram for our port.
fn heartbeat_in(frame: &[u8]) -> Option<&[u8]> {
    let (header, packet) = frame.split_at_checked(14)?;
    let version_and_length = *packet.first()?;
    let (protocol, len) = match (&header[12..], version_and_length >> 4) {
        ([0x08, 0x00], 4) => (*packet.get(9)?, usize::from(version_and_length & 15) * 4),
        ([0x86, 0xdd], 6) => (*packet.get(6)?, 40),
        _ => return None,
    };
    let datagram = packet.get(len..).filter(|_| protocol == 17)?;
    let short = |at: usize| datagram.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
    (short(2)? == PORT).then_some(())?;
    datagram.get(8..usize::from(short(4)?))
}

fn decode(bytes: &[u8], keys: &Keys) -> Option<Heard> {
    let message = open(bytes, keys).ok()?;
    let text = |name: &str| message.text(name).map(|value| String::from_utf8_lossy(value).into_owned());
    let hex = |name: &str| text(name).and_then(|number| u64::from_str_radix(&number, 16).ok());
    Some(Heard {
        at: Instant::now(),
        src: text("src")?,
        dest: text("dest"),
        kind: text("t")?,
        generation: hex("hg"),
        seq: hex("seq"),
        firstseq: text("firstseq").and_then(|seq| seq.parse().ok()),
        stable: text("isstable").as_deref() == Some("1"),
        form: message.form(),
        fields: texts(&message),
        bytes: bytes.to_vec(),
    })
}

fn texts(message: &Message<'_>) -> Vec<(String, String)> {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    message.fields().filter_map(|field| Some((lossy(field.name), lossy(field.text()?)))).collect()
}
