//! The cost of the daemon: processor time and memory.

use std::thread;
use std::time::Duration;

use super::contender::Contender;
use super::outage::running;
use crate::lab::{Host, Usage};

/// The time for which the processor time is counted.
const TIME: Duration = Duration::from_secs(10);
/// The work after start and takeover is over after this time.
const REST: Duration = Duration::from_secs(3);

/// Processor time per second of both nodes, and the memory of the owner: beside the other node, whose programs are the
/// same, and alone.
pub(super) struct Load {
    cpu_ms: [f64; 2],
    owner: Usage,
    alone: Usage,
}

/// Heartbeats every 10 ms over two links; keepalived has one.
pub(super) fn at_ten_milliseconds(who: Contender) -> Load {
    let lab = running(who, 10, 30);
    thread::sleep(REST);
    let before = lab.hosts().map(Host::usage);
    thread::sleep(TIME);
    let after = lab.hosts().map(Host::usage);
    let cpu =
        |node: usize| after[node].cpu.saturating_sub(before[node].cpu).as_secs_f64() * 1000.0 / TIME.as_secs_f64();
    lab.bravo.cut_power();
    thread::sleep(REST);
    Load { cpu_ms: [cpu(0), cpu(1)], owner: after[0], alone: lab.alpha.usage() }
}

impl Load {
    pub(super) fn cpu(&self) -> String {
        format!("{:.1} / {:.1} ms", self.cpu_ms[0], self.cpu_ms[1])
    }

    /// The memory of the owner while two nodes share one machine, and when it is alone.
    pub(super) fn memory(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
        let mib = |usage: &Usage| usage.pss_kib as f64 / 1024.0;
        format!("{}, {:.1} / {:.1} MiB", self.owner.processes, mib(&self.owner), mib(&self.alone))
    }
}
