//! Telling the neighbours, repeatedly, where an address is now (docs/protocol/resources.md 4.2).

use super::{Action, AddressError, Held, arp, neighbour};
use crate::sys::fault::{self, Call};
use crate::sys::packet::PacketSocket;
use hbcore::time::{Duration, Instant};
use std::{fs, io, net::IpAddr};

/// The number and the times of announcements of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnouncePlan {
    /// Packets after a takeover, the first included; at least 1. 3.0.6's `IPaddr` sends 20.
    pub packets: u32,
    /// The time between two of them. `IPaddr`: 250 ms.
    pub interval: Duration,
    /// The time between reminders after that; `None`, as in 3.0.6, sends none.
    pub refresh: Option<Duration>,
}

impl Default for AnnouncePlan {
    fn default() -> Self {
        Self { packets: 20, interval: Duration::from_millis(250), refresh: None }
    }
}

/// The outcome of one [`Announcer::advance`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// Announcements sent: one packet, or both forms as a reminder.
    pub sent: u32,
    /// Announcements that the kernel refused, as on an interface that is down. They are not repeated.
    pub failed: u32,
}

/// The two forms of an announcement. IPv6 has one.
enum Frames {
    Arp { request: [u8; arp::FRAME], reply: [u8; arp::FRAME] },
    Neighbour([u8; neighbour::FRAME]),
}

struct Train {
    addr: IpAddr,
    index: u32,
    frames: Frames,
    sent: u32,
    due: Option<Instant>,
}

/// Announces addresses, on the caller's clock. Its socket stays open, so [`Announcer::start`] sends the first packet at
/// once.
pub struct Announcer {
    socket: PacketSocket,
    plan: AnnouncePlan,
    trains: Vec<Train>,
}

impl Announcer {
    /// Opens the socket, in the network namespace of the calling thread.
    pub fn new(plan: AnnouncePlan) -> Result<Self, AddressError> {
        let socket = PacketSocket::open().map_err(|error| AddressError::from_io(Action::Announce, error))?;
        Ok(Self { socket, plan, trains: Vec::new() })
    }

    /// Announces `held` now, for IPv4 in both forms, and schedules the other packets. If the address is being announced
    /// already, that begins anew. On an interface without neighbours (`held.mac` is `None`) nothing is sent. An error
    /// is that of the first packet; the others are scheduled nevertheless.
    pub fn start(&mut self, now: Instant, held: &Held) -> Result<(), AddressError> {
        self.stop(held);
        let Some(mac) = held.mac else {
            return Ok(());
        };
        let frames = match held.addr {
            IpAddr::V4(addr) => Frames::Arp {
                request: arp::frame(arp::Operation::Request, mac, addr),
                reply: arp::frame(arp::Operation::Reply, mac, addr),
            },
            IpAddr::V6(addr) => Frames::Neighbour(neighbour::frame(mac, addr, forwards(&held.device))),
        };
        let mut train = Train { addr: held.addr, index: held.index, frames, sent: 0, due: None };
        let outcome = train.send_both(&self.socket);
        train.schedule(now, &self.plan);
        self.trains.push(train);
        outcome.map_err(|error| AddressError::from_io(Action::Announce, error))
    }

    /// Stops announcing `held`. Call it before the address is released.
    pub fn stop(&mut self, held: &Held) {
        self.trains.retain(|train| (train.addr, train.index) != (held.addr, held.index));
    }

    /// The time at which [`Announcer::advance`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.trains.iter().filter_map(|train| train.due).min()
    }

    /// Sends the packets that are due: one of each train, or both forms as a reminder. A late call skips the packets
    /// that it missed.
    pub fn advance(&mut self, now: Instant) -> Announced {
        let mut announced = Announced::default();
        for train in self.trains.iter_mut().filter(|train| train.due.is_some_and(|due| due <= now)) {
            let reminder = train.sent >= self.plan.packets;
            let outcome = if reminder { train.send_both(&self.socket) } else { train.send_next(&self.socket) };
            match outcome {
                Ok(()) => announced.sent = announced.sent.saturating_add(1),
                Err(_) => announced.failed = announced.failed.saturating_add(1),
            }
            train.schedule(now, &self.plan);
        }
        announced
    }
}

impl Train {
    fn send_next(&mut self, socket: &PacketSocket) -> io::Result<()> {
        let frame: &[u8] = match &self.frames {
            Frames::Arp { request, .. } if self.sent.is_multiple_of(2) => request,
            Frames::Arp { reply, .. } => reply,
            Frames::Neighbour(frame) => frame,
        };
        self.sent = self.sent.saturating_add(1);
        fault::gate(Call::Announce, self.addr)?;
        socket.send(self.index, frame)
    }

    fn send_both(&mut self, socket: &PacketSocket) -> io::Result<()> {
        let first = self.send_next(socket);
        match self.frames {
            Frames::Arp { .. } => first.and(self.send_next(socket)),
            Frames::Neighbour(_) => first,
        }
    }

    fn schedule(&mut self, now: Instant, plan: &AnnouncePlan) {
        let wait = if self.sent < plan.packets { Some(plan.interval) } else { plan.refresh };
        self.due = wait.map(|wait| now.after(wait));
    }
}

/// Whether this node forwards IPv6 packets that come in on `device`.
fn forwards(device: &str) -> bool {
    fs::read_to_string(format!("/proc/sys/net/ipv6/conf/{device}/forwarding")).is_ok_and(|text| text.trim() != "0")
}
