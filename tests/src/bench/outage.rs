//! The outage for a client.

use std::thread;
use std::time::{Duration, Instant};

use super::contender::{Contender, site};
use crate::lab::{Daemon, Lab};

pub(super) const LIMIT: Duration = Duration::from_secs(40);

/// The rest after a change. For a 3.0.6 it is longer than the time for which it announces a longer deadtime.
const REST: Duration = Duration::from_secs(1);
const REST_OF_REFERENCE: Duration = Duration::from_secs(7);

/// Milliseconds without an answer around each power cut of the owner.
pub(super) fn after_power_cuts(who: Contender, keepalive: u32, deadtime: u32, runs: usize) -> Vec<f64> {
    let lab = running(who, keepalive, deadtime);
    let mut gaps = Vec::new();
    for _ in 0..runs {
        rest(who);
        let cut = Instant::now();
        lab.alpha.cut_power();
        lab.await_until(LIMIT, "the address to move", || lab.client.is_served_by("bravo"));
        gaps.push(milliseconds(lab.client.longest_gap(cut)));
        lab.alpha.boot();
        who.start(&lab.alpha);
        lab.await_until(LIMIT, "the address to return", || {
            lab.holders() == ["alpha"] && lab.client.is_served_by("alpha")
        });
    }
    gaps
}

/// Milliseconds from the start of the second node until the client has its first answer.
pub(super) fn start_ups(who: Contender, runs: usize) -> Vec<f64> {
    (0..runs)
        .map(|_| {
            let site = site(10, 30);
            let lab = who.lab("start-up", &site);
            who.start(&lab.alpha);
            let begin = Instant::now();
            who.start(&lab.bravo);
            lab.await_until(LIMIT, "the first answer", || !lab.client.answers(begin).is_empty());
            milliseconds(lab.client.answers(begin)[0].at - begin)
        })
        .collect()
}

/// A pair whose address is on alpha.
pub(super) fn running(who: Contender, keepalive: u32, deadtime: u32) -> Lab {
    let lab = who.lab("bench", &site(keepalive, deadtime));
    who.start(&lab.alpha);
    who.start(&lab.bravo);
    lab.await_until(LIMIT, "the address on alpha", || lab.holders() == ["alpha"] && lab.client.is_served_by("alpha"));
    if lab.alpha.daemon() == Daemon::Reference {
        lab.await_until(LIMIT, "both to settle", || {
            lab.hosts().iter().all(|host| host.logged("resource transition completed."))
        });
    }
    lab
}

/// Waits after a change.
pub(super) fn rest(who: Contender) {
    thread::sleep(if who == Contender::Reference { REST_OF_REFERENCE } else { REST });
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
