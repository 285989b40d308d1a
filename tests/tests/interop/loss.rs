//! Bad links: messages are retransmitted, and no node is declared dead.

use std::time::{Duration, Instant};

use hbcore_tests::lab::Site;
use hbcore_tests::scenario::Pairing;

use crate::MOVE_LIMIT;
use crate::start::together;

/// 30 % of the heartbeats are lost at random for 20 s: nothing moves, and both nodes retransmit the messages that the
/// other one missed.
pub(crate) fn thirty_percent(pairing: Pairing) {
    let site = Site::default();
    let lab = together("loss", pairing, &site);
    let sniffer = lab.alpha.sniff(&site);
    let since = Instant::now();

    let faults = lab.faults();
    faults.lose(30);
    lab.stays(Duration::from_secs(20), "the address on alpha", || lab.holders() == ["alpha"]);
    for node in ["alpha", "bravo"] {
        let what = format!("{node} to repeat a message that it was asked for");
        lab.await_until(MOVE_LIMIT, &what, || !sniffer.repeated_by(node).is_empty());
    }
    faults.heal();

    lab.check(lab.client.longest_gap(since) < Duration::from_millis(500), "no gap in the service");
    for host in lab.hosts() {
        lab.check(!host.logged(": is dead"), "no node declared dead");
    }
    let (alpha, bravo) = (sniffer.repeated_by("alpha").len(), sniffer.repeated_by("bravo").len());
    println!("{pairing} loss: alpha repeated {alpha} messages, bravo {bravo}");
}
