//! A network of hosts that exists only for one test: two cluster nodes, a client, and the links between them.
//!
//! ```text
//!            alpha ─────── cable (eth1, 10.78.0.0/24) ─────── bravo
//!              │                                                │
//!            eth0 ──────── switch (eth0, 10.77.0.0/24) ─────── eth0
//!                                  │
//!                                client
//! ```
//!
//! With [`Site::divided`] there are two switches with a trunk between them: alpha and the client are on one of them,
//! bravo and another client on the other.
//!
//! Each host is a network namespace that lasts as long as the [`Lab`], and a *machine* in it (namespaces for processes,
//! mounts and the host name) that lasts from [`Host::boot`] to [`Host::cut_power`]. The daemon of 3.0.6 and ours are
//! treated alike: both find their usual directories, which are private to the host.
//!
//! Nothing survives the test: every namespace belongs to a process that ends with the test's process, even if that is
//! killed. A fault of the lab itself is a panic.

#![allow(clippy::missing_panics_doc)]

pub mod armv7;
pub mod guest;

mod arp;
mod await_until;
mod booted;
mod client;
mod command;
mod daemon;
mod faults;
mod freezer;
mod hogs;
mod host;
mod machine;
mod memory;
mod namespace;
mod network;
mod panel;
mod pids;
mod processes;
mod serial;
mod site;
mod sniffer;
mod wire;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub use arp::{ArpReply, ArpWatch};
pub use await_until::holds_within;
pub use booted::{Booted, Init, Installed};
pub use client::{Answer, Client};
pub use command::{cargo, run};
pub use daemon::{Daemon, release_binary, why_not};
pub use faults::Faults;
pub use freezer::Frozen;
pub use hogs::{Hog, take_all_processors};
pub use host::{Answered, Host};
pub use memory::Memory;
pub use namespace::{Namespace, is_local};
pub use network::{CABLE, CABLE6, CLIENT, HEARTBEAT_PORT, SERVICE, SERVICE_PORT, SERVICE6, SWITCHED, SWITCHED6};
pub use panel::Panel;
pub use pids::ProcessLimit;
pub use processes::{Usage, usage};
pub use serial::SerialCable;
pub use site::{Auth, Media, SERVICE_SCRIPT, Site};
pub use sniffer::{Heard, Sniffer};
pub use wire::{Sent, TCPDUMP, Wire, changes_of_sender};

use network::Network;

/// The test network. See the [module](self).
pub struct Lab {
    name: String,
    /// The preferred owner of the service address.
    pub alpha: Host,
    /// The other node.
    pub bravo: Host,
    /// The third node, if the site has one. It is on the switch only, and its daemon is ours.
    pub charlie: Option<Host>,
    /// The client. It probes the service address from its first boot on.
    pub client: Client,
    /// The client on bravo's switch, if the network is divided.
    pub far_client: Option<Client>,
    /// The serial line between the nodes, if they have serial ports.
    pub serial: Option<SerialCable>,
    network: Network,
    directory: PathBuf,
}

impl Lab {
    /// Builds the network and boots two hosts without a running daemon. `name` is for failure reports.
    pub fn new(name: &str, alpha: Daemon, bravo: Daemon, site: &Site) -> Self {
        remove_leftovers();
        let directory = new_directory();
        let names = ["alpha", "bravo", "charlie"];
        let names = &names[..if site.with_charlie { 3 } else { 2 }];
        let network = Network::new(names, site.divided);
        let serial = (site.media == Media::Serial).then(SerialCable::new);
        let ports = serial.as_ref().map(SerialCable::ports);
        let host = |index: usize, daemon| {
            let port = ports.as_ref().map(|ports| ports[index].clone());
            Host::new(names[index], index, &directory, network.node(index), daemon, port)
        };
        let lab = Self {
            name: name.to_owned(),
            alpha: host(0, alpha),
            bravo: host(1, bravo),
            charlie: site.with_charlie.then(|| host(2, Daemon::Ours)),
            client: Client::new(network.client()),
            far_client: network.far_client().map(Client::new),
            serial,
            network,
            directory,
        };
        for host in lab.all_hosts() {
            host.write_site(site);
            host.boot();
        }
        lab
    }

    /// alpha and bravo.
    pub fn hosts(&self) -> [&Host; 2] {
        [&self.alpha, &self.bravo]
    }

    /// All nodes.
    pub fn all_hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts().into_iter().chain(&self.charlie)
    }

    /// The names of the hosts that have the service address, in the order alpha, bravo, charlie.
    pub fn holders(&self) -> Vec<&str> {
        together(self.all_hosts(), Host::holds_service)
    }

    /// The names of the hosts on which this file exists, in the order alpha, bravo, charlie. A script creates such a
    /// file while its service runs.
    pub fn with_file(&self, path: &str) -> Vec<&str> {
        together(self.all_hosts(), |host| host.has_file(path))
    }

    /// The names of the hosts that have the IPv6 service address, in the order alpha, bravo.
    pub fn holders6(&self) -> Vec<&str> {
        together(self.hosts().into_iter(), |host| host.namespace().has_address6(SERVICE6))
    }

    /// The host that answers the client at the IPv6 service address within 100 ms.
    pub fn answers6(&self) -> Option<String> {
        client::ask(self.network.client(), SERVICE6)
    }

    /// The page of this path at the service address, as the client gets it by HTTP. None if there is no answer within a
    /// second.
    pub fn fetch(&self, path: &str) -> Option<String> {
        client::fetch(self.network.client(), path)
    }

    /// A directory for files of this lab, which all hosts see.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Pulls the cable between the nodes: both lose the carrier of `eth1`.
    pub fn pull_cable(&self) {
        self.alpha.namespace().ip("link set eth1 down");
    }

    /// Puts the cable back.
    pub fn plug_cable(&self) {
        self.alpha.namespace().ip("link set eth1 up");
    }

    /// Cuts every link between alpha and bravo of a divided network. Each still has a client.
    pub fn divide(&self) {
        self.network.set_trunk(false);
        self.pull_cable();
    }

    /// Restores all links.
    pub fn unite(&self) {
        self.network.set_trunk(true);
        self.plug_cable();
    }

    /// Asks all hosts by ARP, once a millisecond, which of them has the service address.
    pub fn watch_arp(&self) -> ArpWatch {
        ArpWatch::new(self.network.client())
    }

    /// Listens on the switch from now on, with the kernel's times.
    pub fn wire(&self) -> Wire {
        Wire::new(self.network.switch(), &self.directory, wire::Captured::All)
    }

    /// Listens on the switch from now on to heartbeats alone.
    pub fn wire_of_heartbeats(&self) -> Wire {
        Wire::new(self.network.switch(), &self.directory, wire::Captured::Heartbeats)
    }

    /// Faults of the network from now until the value is dropped.
    pub fn faults(&self) -> Faults<'_> {
        Faults::new(self.hosts().map(Host::namespace))
    }

    /// The network namespace of the client, which is not a node.
    pub fn outside(&self) -> &Namespace {
        self.network.client()
    }

    /// Waits until `condition` holds. Panics after `limit` with the state of the hosts and the ends of their logs.
    /// `what` completes "waited for".
    #[track_caller]
    pub fn await_until(&self, limit: Duration, what: &str, condition: impl FnMut() -> bool) {
        assert!(await_until::holds_within(limit, condition), "waited {limit:?} for {what}\n{}", self.state());
    }

    /// Checks for some time that `condition` always holds. Panics with the state of the hosts if it does not.
    #[track_caller]
    pub fn stays(&self, time: Duration, what: &str, mut condition: impl FnMut() -> bool) {
        let broken = await_until::holds_within(time, || !condition());
        assert!(!broken, "expected for {time:?}: {what}\n{}", self.state());
    }

    /// Panics with the state of the hosts and the ends of their logs unless `truth`.
    #[track_caller]
    pub fn check(&self, truth: bool, what: &str) {
        assert!(truth, "expected {what}\n{}", self.state());
    }

    /// The information that a person needs to find out why a scenario failed.
    pub fn state(&self) -> String {
        let mut text = format!("lab {}: the address is on {:?}\n", self.name, self.holders());
        for host in self.all_hosts() {
            text.push_str(&host.state());
        }
        text
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for host in self.all_hosts() {
            host.halt();
        }
        if std::thread::panicking() && std::env::var_os("HBCORE_KEEP_LAB").is_some() {
            eprintln!("the hosts' directories are kept: {}", self.directory.display());
        } else {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// The names of the hosts for which `has` is true at the same time. A service that moves within a millisecond may be
/// seen on one host and, a moment later, on the other.
fn together<'l>(hosts: impl Iterator<Item = &'l Host>, has: impl Fn(&Host) -> bool) -> Vec<&'l str> {
    let mut found: Vec<&Host> = hosts.filter(|host| has(host)).collect();
    if found.len() > 1 {
        found.retain(|host| has(host));
    }
    found.into_iter().map(Host::name).collect()
}

fn directory_of(pid: u32, number: u32) -> PathBuf {
    std::env::temp_dir().join(format!("hbcore-lab-{pid}-{number}"))
}

fn new_directory() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let directory = directory_of(std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    fs::create_dir_all(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    directory
}

/// Removes the directories of runs that were killed. Their processes and namespaces went with them.
fn remove_leftovers() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix("hbcore-lab-")?.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
