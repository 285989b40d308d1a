//! Asks all hosts which of them has the service address. The answers show every owner; a client only ever talks to one.

use std::io::Read;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hbcore_linux::sys::packet::PacketSocket;
use socket2::{Domain, Protocol, Socket, Type};

use super::namespace::Namespace;
use super::network::SERVICE;

/// The time between two requests.
const INTERVAL: Duration = Duration::from_millis(1);
/// The interval at which the receiving thread checks whether it should end.
const ATTENTION: Duration = Duration::from_millis(100);

/// The hardware address of the sender. No host knows it, so that no table changes.
const ASKER: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// The fixed part of an ARP request about IPv4 on Ethernet, and of a reply.
const REQUEST: [u8; 10] = [8, 6, 0, 1, 8, 0, 6, 4, 0, 1];
const REPLY: [u8; 10] = [8, 6, 0, 1, 8, 0, 6, 4, 0, 2];

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArpReply {
    /// The time of its arrival.
    pub at: Instant,
    /// The interface that claims to have the address.
    pub by: [u8; 6],
}

/// Sends requests until it is dropped.
pub struct ArpWatch {
    replies: Arc<Mutex<Vec<ArpReply>>>,
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl ArpWatch {
    pub(super) fn new(namespace: &Namespace) -> Self {
        let open = || -> std::io::Result<_> {
            let arp = Protocol::from(i32::from((libc::ETH_P_ARP as u16).to_be()));
            let listening = Socket::new(Domain::PACKET, Type::RAW, Some(arp))?;
            listening.set_read_timeout(Some(ATTENTION))?;
            let interface = rustix::net::netdevice::name_to_index(&listening, "eth0")?;
            Ok((PacketSocket::open()?, interface, listening))
        };
        let (asking, interface, mut listening) = namespace.inside(open).expect("packet sockets");
        let (replies, ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (to, over, over_too) = (Arc::clone(&replies), Arc::clone(&ended), Arc::clone(&ended));
        let asker = thread::spawn(move || {
            let question = question();
            while !over.load(Ordering::Relaxed) {
                let _ = asking.send(interface, &question);
                thread::sleep(INTERVAL);
            }
        });
        let listener = thread::spawn(move || {
            let mut frame = [0; 64];
            while !over_too.load(Ordering::Relaxed) {
                let Ok(len) = listening.read(&mut frame) else { continue };
                if let Some(by) = answer_in(&frame[..len]) {
                    to.lock().expect("no thread panics with it").push(ArpReply { at: Instant::now(), by });
                }
            }
        });
        Self { replies, ended, threads: vec![asker, listener] }
    }

    /// The answers so far, oldest first.
    pub fn replies(&self) -> Vec<ArpReply> {
        self.replies.lock().expect("no thread panics with it").clone()
    }
}

impl Drop for ArpWatch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// An ARP probe: a broadcast request with sender address 0.0.0.0 (RFC 5227 section 1.1).
fn question() -> Vec<u8> {
    let service: Ipv4Addr = SERVICE.parse().expect("an address");
    [&[0xff; 6][..], &ASKER, &REQUEST, &ASKER, &[0; 4], &[0; 6], &service.octets()].concat()
}

/// The host that claims the address, if the frame is a reply to our request.
fn answer_in(frame: &[u8]) -> Option<[u8; 6]> {
    let service: Ipv4Addr = SERVICE.parse().expect("an address");
    let is_answer = frame.starts_with(&ASKER) && frame.get(12..22)? == REPLY && frame.get(28..32)? == service.octets();
    is_answer.then(|| frame.get(22..28)?.try_into().ok()).flatten()
}
