//! Hosts for tests: network namespaces that last as long as the test, joined by virtual links.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use hbcore_linux::{
    media::Medium,
    sys::poller::{Events, Interest, Poller},
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Socket, Type};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    os::fd::AsFd,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The longest time for an event that is expected.
pub const LONG: Duration = Duration::from_secs(5);

/// A host with a network of its own. It vanishes when the test ends, even if the test is killed, because its holder
/// reads our pipe.
pub struct Host {
    holder: Child,
}

impl Host {
    /// A host with loopback up. Returns `None`, and prints the reason, where that is not permitted.
    pub fn new() -> Option<Self> {
        let script = "ip link set lo up && echo ready && exec cat";
        let spawned = Command::new("unshare")
            .args(["-n", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut holder) = spawned else {
            println!("skipped: there is no program 'unshare'");
            return None;
        };
        let mut line = String::new();
        let _ = BufReader::new(holder.stdout.take().expect("piped")).read_line(&mut line);
        let host = Self { holder };
        if line != "ready\n" {
            println!("skipped: network namespaces are not permitted");
            return None;
        }
        Some(host)
    }

    /// Runs `ip` with these arguments on this host.
    pub fn ip(&self, args: &str) {
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        let done = self.run(move || Command::new("ip").args(&args).status());
        assert!(done.expect("ip starts").success());
    }

    /// The output of `ip` on this host.
    pub fn ip_output(&self, args: &str) -> String {
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        let output = self.run(move || Command::new("ip").args(&args).output());
        String::from_utf8(output.expect("ip starts").stdout).expect("text")
    }

    /// Runs `work` on a thread inside this host. Sockets that it returns stay there.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/proc/{}/ns/net", self.holder.id())).expect("the holder runs");
        let inside = || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).expect("entered");
            work()
        };
        thread::scope(|scope| scope.spawn(inside).join().expect("the work ends"))
    }

    /// Lays a cable between `eth` of both hosts, with `10.77.NET.1/24` and `fd00:77:NET::1/64` on this one and 2 on the
    /// other.
    pub fn cable(&self, other: &Host, eth: &str, net: u8) {
        self.ip(&format!("link add {eth} type veth peer name {eth} netns {}", other.holder.id()));
        for (host, number) in [(self, 1), (other, 2)] {
            host.ip(&format!("addr add 10.77.{net}.{number}/24 brd + dev {eth}"));
            host.ip(&format!("link set {eth} up"));
            host.ip(&format!("addr add fd00:77:{net}::{number}/64 dev {eth} nodad"));
        }
        // The kernel starts to carry packets a moment after the second end is up, and loses the packets before that.
        eventually("the cable works", || {
            [self, other].iter().all(|host| host.ip_output(&format!("link show {eth}")).contains("state UP"))
        });
    }

    /// A socket that receives all packets of one Ethernet protocol that arrive at this host.
    pub fn sniff(&self, protocol: u16) -> Socket {
        let socket = self.run(move || Socket::new(Domain::PACKET, Type::RAW, Some(i32::from(protocol.to_be()).into())));
        let socket = socket.expect("a packet socket");
        socket.set_read_timeout(Some(LONG)).expect("set");
        socket
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Two hosts on one cable, `eth0`.
pub fn pair() -> Option<(Host, Host)> {
    let (a, b) = (Host::new()?, Host::new()?);
    a.cable(&b, "eth0", 0);
    Some((a, b))
}

/// The next frame that a sniffer sees.
pub fn frame(sniffer: &Socket) -> Vec<u8> {
    let mut buf = vec![0; 2048];
    let len = { sniffer }.read(&mut buf).expect("a frame arrives in time");
    buf.truncate(len);
    buf
}

/// The next message of a medium; `None` if none arrives within `patience`.
pub fn message(medium: &mut impl Medium, patience: Duration) -> Option<Vec<u8>> {
    let poller = Poller::new().expect("opens");
    poller.add(medium.fd(), 0, Interest::Read).expect("added");
    let (mut events, mut buf, until) = (Events::default(), vec![0; 65536], Instant::now() + patience);
    loop {
        if let Some(len) = medium.receive(&mut buf).expect("no error") {
            buf.truncate(len);
            return Some(buf);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        poller.wait(&mut events, Some(left)).expect("waits");
    }
}

/// Waits until `done`, or fails.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < until, "in time: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
