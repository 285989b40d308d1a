//! One daemon restarts, and the other one notices nothing.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Host, Lab, Site};
use hbcore_tests::scenario::Pairing;

use crate::start::{await_owner, together};
use crate::{MOVE_LIMIT, START_LIMIT};

/// The longest gap for the client that counts as none: the machine that runs the test is busy.
const UNNOTICED: Duration = Duration::from_millis(500);

/// The node without groups is stopped and started.
pub(crate) fn of_bravo(pairing: Pairing) {
    let site = Site::default();
    let lab = together("restart of bravo", pairing, &site);
    let since = Instant::now();
    lab.bravo.stop();
    rejoin(&lab, &lab.bravo, &site);
    unnoticed(&lab, since);
}

/// Each node in turn reads a changed `ha.cf`: 3.0.6 replaces itself and keeps its resources.
pub(crate) fn reload(pairing: Pairing) {
    let site = Site::default();
    let lab = together("reload", pairing, &site);
    let since = Instant::now();
    for host in lab.hosts() {
        let changed = Site { more: "# changed\n".to_owned(), ..site.clone() };
        host.write_site(&changed);
        let answered = host.heartbeat(&["-r"]);
        lab.check(answered.code == Some(0), &format!("-r to exit with 0 instead of {answered:?}"));
        let sniffer = host.sniff(&site);
        let what = format!("heartbeats of {} after the reload", host.name());
        lab.stays(Duration::from_secs(4), "the address on alpha", || lab.holders() == ["alpha"]);
        lab.await_until(MOVE_LIMIT, &what, || sniffer.has_heard(|m| m.src == host.name()));
    }
    unnoticed(&lab, since);
}

/// The daemon of the node without groups crashes and is back before the peer notices: one node, a new generation.
pub(crate) fn crash(pairing: Pairing) {
    let site = Site { deadtime: 4000, initdead: 5000, ..Site::default() };
    let lab = together("crash", pairing, &site);
    let since = Instant::now();
    lab.bravo.crash_daemon();
    rejoin(&lab, &lab.bravo, &site);
    unnoticed(&lab, since);

    lab.alpha.cut_power();
    await_owner(&lab, &lab.bravo, START_LIMIT);
}

/// Starts the daemon and waits until the node has settled in the cluster.
fn rejoin(lab: &Lab, host: &Host, site: &Site) {
    let sniffer = host.sniff(site);
    host.start();
    let what = format!("{} to claim its resources finally", host.name());
    lab.await_until(START_LIMIT, &what, || {
        sniffer.has_heard(|m| m.src == host.name() && m.kind == "resource" && m.stable)
    });
}

#[track_caller]
fn unnoticed(lab: &Lab, since: Instant) {
    lab.check(lab.holders() == ["alpha"], "the address on alpha");
    lab.check(lab.client.who_answered(since) == ["alpha"], "answers of alpha only");
    let gap = lab.client.longest_gap(since);
    lab.check(gap < UNNOTICED, &format!("no gap in the service instead of {} ms", gap.as_millis()));
}
