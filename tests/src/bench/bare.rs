//! The processor time that the kernel alone takes for heartbeats: a loop that carries as many datagrams as a node does,
//! and reads none of their content.
//!
//! This is the lower bound for the row of processor time: no daemon that sends and receives this many datagrams can
//! take less on this machine.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use hbcore_linux::sys::realtime::{self, Policy};
use socket2::{Domain, Socket, Type};

use super::outage::{LIMIT, milliseconds};
use crate::lab::{CABLE, Daemon, HEARTBEAT_PORT, Host, Lab, SWITCHED, Site};

/// The word that makes `verify` be one end of the pair.
pub const WORD: &str = "bare-heartbeat";

/// The length of our heartbeat, and the interval.
const LENGTH: usize = 150;
const PAUSE: Duration = Duration::from_millis(10);
/// The time for which the processor time is counted, after the loops have run for a moment.
const TIME: Duration = Duration::from_secs(10);
const REST: Duration = Duration::from_secs(1);

/// Processor time per second of two such loops, as text.
pub(super) fn cpu() -> String {
    let lab = Lab::new("bare", Daemon::Ours, Daemon::Ours, &Site::default());
    let program = std::env::current_exe().expect("the path of this program").display().to_string();
    let cpu = thread::scope(|scope| {
        for (host, peer) in lab.hosts().into_iter().zip([1, 0]) {
            let program = &program;
            scope.spawn(move || {
                let seconds = (TIME + 3 * REST).as_secs().to_string();
                host.run(program, &[WORD, &seconds, SWITCHED[peer], CABLE[peer]])
            });
        }
        lab.await_until(LIMIT, "both loops", || lab.hosts().iter().all(|host| !host.daemon_processes().is_empty()));
        thread::sleep(REST);
        let before = lab.hosts().map(Host::usage);
        thread::sleep(TIME);
        let after = lab.hosts().map(Host::usage);
        [0, 1].map(|node| milliseconds(after[node].cpu.saturating_sub(before[node].cpu)) / TIME.as_secs_f64())
    });
    format!("{:.1} / {:.1} ms", cpu[0], cpu[1])
}

/// One end: for some seconds, it sends a datagram to each address every ten milliseconds. It reads the datagrams that
/// came then, and none of them wakes it.
///
/// # Errors
/// Words that are not a number and addresses, and refusals of the system.
pub fn main(words: &[String]) -> Result<(), Box<dyn Error>> {
    let (seconds, peers) = words.split_first().ok_or("how many seconds?")?;
    let end = Instant::now() + Duration::from_secs(seconds.parse()?);
    let links: Vec<(Socket, SocketAddr)> = peers.iter().map(|peer| link(peer)).collect::<Result<_, _>>()?;
    realtime::enter_unguarded(Policy::RoundRobin, 1)?;
    let mut buffer = [std::mem::MaybeUninit::uninit(); 2 * LENGTH];
    let mut next = Instant::now();
    while next < end {
        for (socket, peer) in &links {
            while socket.recv(&mut buffer).is_ok() {}
            // Nobody listens until the other end has begun.
            let _ = socket.send_to(&[b'x'; LENGTH], &(*peer).into());
        }
        next += PAUSE;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// A socket for one peer, with the port bound on the interface that leads there.
fn link(peer: &str) -> Result<(Socket, SocketAddr), Box<dyn Error>> {
    let peer = SocketAddr::new(peer.parse()?, HEARTBEAT_PORT);
    let probe = std::net::UdpSocket::bind("0.0.0.0:0")?;
    probe.connect(peer)?;
    let own = SocketAddr::new(probe.local_addr()?.ip(), HEARTBEAT_PORT);
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&own.into()).map_err(|error| io::Error::new(error.kind(), format!("{own}: {error}")))?;
    Ok((socket, peer))
}
