//! Network namespaces, and running code in them.

use std::fs::File;
use std::io::Write;
use std::net::Ipv6Addr;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::await_until::holds_within;

/// A network namespace. It has no name: it belongs to a process of ours that ends with this value, or with the test's
/// process, because the pipe to it closes.
pub struct Namespace {
    holder: Child,
}

impl Namespace {
    /// A new one, in which only `lo` is up.
    #[allow(clippy::new_without_default, reason = "it makes a process")]
    pub fn new() -> Self {
        let mut holder = Command::new("unshare");
        holder.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let holder = holder.spawn().expect("unshare of util-linux");
        let namespace = Self { holder };
        let ours = std::fs::read_link("/proc/self/ns/net").expect("/proc");
        let is_made = || std::fs::read_link(namespace.path()).is_ok_and(|its| its != ours);
        assert!(holds_within(Duration::from_secs(5), is_made), "cannot make a network namespace; root may");
        namespace.ip("link set lo up");
        namespace
    }

    fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.id())
    }

    /// A process in the namespace, for the programs that take one.
    pub(super) fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// A handle by which a thread enters this namespace for good.
    pub(super) fn entrance(&self) -> Entrance {
        Entrance(File::open(self.path()).expect("the namespace of a living process"))
    }

    /// Runs `action` on a thread in this namespace. Processes that it starts are in it too.
    #[track_caller]
    pub fn inside<T: Send>(&self, action: impl FnOnce() -> T + Send) -> T {
        let entrance = self.entrance();
        let thread = move || {
            entrance.enter();
            action()
        };
        thread::scope(|scope| scope.spawn(thread).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Passes lines to one `ip -batch`.
    #[track_caller]
    pub fn ip(&self, lines: &str) {
        self.feed("ip -batch -", lines);
    }

    /// Runs a program with this standard input in the namespace; panics if it fails.
    #[track_caller]
    pub(super) fn feed(&self, line: &str, input: &str) {
        let mut words = line.split_whitespace();
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = self.inside(move || {
            let mut child = command.spawn()?;
            child.stdin.take().expect("a pipe").write_all(input.as_bytes())?;
            child.wait_with_output()
        });
        let output = output.unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(output.status.success(), "{line}: {}\n{input}", String::from_utf8_lossy(&output.stderr));
    }

    /// Whether this namespace has the IPv6 address, on an interface that is up.
    pub fn has_address6(&self, address: &str) -> bool {
        let wanted: Ipv6Addr = address.parse().expect("an IPv6 address");
        let wanted = format!("{:032x} ", wanted.to_bits());
        let table = std::fs::read_to_string(format!("/proc/{}/net/if_inet6", self.holder.id())).unwrap_or_default();
        table.lines().any(|line| line.starts_with(&wanted))
    }

    /// Whether this namespace has the IPv4 address, on an interface that is up.
    pub fn has_address(&self, address: &str) -> bool {
        let table = std::fs::read_to_string(format!("/proc/{}/net/fib_trie", self.holder.id())).unwrap_or_default();
        is_local(&table, address)
    }
}

/// Whether this text of `/proc/net/fib_trie` has the IPv4 address as one of the machine's own.
pub fn is_local(table: &str, address: &str) -> bool {
    let mut lines = table.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().strip_prefix("|-- ") == Some(address) {
            return lines.next().is_some_and(|kind| kind.contains("host LOCAL"));
        }
    }
    false
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Lets one thread enter a namespace.
pub(super) struct Entrance(File);

impl Entrance {
    pub(super) fn enter(&self) {
        move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("root may enter a namespace");
    }
}
