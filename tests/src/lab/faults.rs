//! Faults on the links between the nodes. They affect only heartbeats: the client still reaches all hosts.

use super::namespace::Namespace;

const RULES_BEGIN: &str = "table inet faults {\n chain input {\n  type filter hook input priority 0;\n  udp dport 694 ";
const RULES_END: &str = "drop\n }\n}\n";

/// Faults, until they are [healed](Self::heal) or the value is dropped.
pub struct Faults<'lab> {
    nodes: [&'lab Namespace; 2],
}

impl<'lab> Faults<'lab> {
    pub(super) fn new(nodes: [&'lab Namespace; 2]) -> Self {
        Self { nodes }
    }

    /// Loses this share of the heartbeats that arrive at either node, in percent, at random.
    pub fn lose(&self, percent: u32) {
        self.set(&format!("numgen random mod 100 < {percent} "));
    }

    /// Loses every heartbeat.
    pub fn partition(&self) {
        self.set("");
    }

    /// Loses every heartbeat that arrives at the node with this index: 0 is alpha. Its own heartbeats arrive.
    pub fn deafen(&self, index: usize) {
        self.heal();
        self.nodes[index].feed("nft -f -", &format!("{RULES_BEGIN}{RULES_END}"));
    }

    /// Loses nothing any more.
    pub fn heal(&self) {
        for node in self.nodes {
            node.feed("nft -f -", "table inet faults\ndelete table inet faults\n");
        }
    }

    fn set(&self, condition: &str) {
        self.heal();
        for node in self.nodes {
            node.feed("nft -f -", &format!("{RULES_BEGIN}{condition}{RULES_END}"));
        }
    }
}

impl Drop for Faults<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.heal();
        }
    }
}
