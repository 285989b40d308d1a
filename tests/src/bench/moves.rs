//! The outage for a client when groups move between living nodes: because one leaves, hands over, comes back, or was
//! partitioned.

use std::thread;
use std::time::{Duration, Instant};

use super::contender::Contender;
use super::outage::{LIMIT, milliseconds, rest, running};
use crate::lab::{Host, Lab};

/// A heal is over if the owner has not changed for this long. 3.0.6 restarts itself 2 s after a heal, and then waits.
const SETTLED: Duration = Duration::from_secs(8);
const HEAL_LIMIT: Duration = Duration::from_mins(1);
/// Each heal of 3.0.6 takes half a minute.
const HEALS: usize = 3;

/// Milliseconds without an answer around graceful stops of the owner, and around its returns; and from the start of the
/// returning node until it serves again.
pub(super) struct StopAndReturn {
    pub(super) stops: Vec<f64>,
    pub(super) failbacks: Vec<f64>,
    pub(super) returns: Vec<f64>,
}

/// Stops the owner and starts it again, this many times.
pub(super) fn stops(who: Contender, runs: usize) -> StopAndReturn {
    let lab = running(who, 100, 500);
    let mut result = StopAndReturn { stops: Vec::new(), failbacks: Vec::new(), returns: Vec::new() };
    for _ in 0..runs {
        rest(who);
        let begin = Instant::now();
        who.stop(&lab.alpha);
        await_server(&lab, &lab.bravo);
        result.stops.push(milliseconds(lab.client.longest_gap(begin)));

        rest(who);
        let begin = Instant::now();
        who.start(&lab.alpha);
        await_server(&lab, &lab.alpha);
        result.returns.push(milliseconds(begin.elapsed()));
        result.failbacks.push(milliseconds(lab.client.longest_gap(begin)));
    }
    result
}

/// Milliseconds without an answer around `hb_standby`, there and back.
pub(super) fn standbys(who: Contender, runs: usize) -> Vec<f64> {
    let lab = running(who, 100, 500);
    let mut gaps = Vec::new();
    for run in 0..runs {
        let (from, to) = if run % 2 == 0 { (&lab.alpha, &lab.bravo) } else { (&lab.bravo, &lab.alpha) };
        rest(who);
        let begin = Instant::now();
        from.standby("all");
        await_server(&lab, to);
        gaps.push(milliseconds(lab.client.longest_gap(begin)));
    }
    gaps
}

/// Milliseconds without an answer from the heal of a partition, in which both had the address, until one has it for good.
pub(super) fn heals(who: Contender) -> Vec<f64> {
    (0..HEALS)
        .map(|_| {
            let lab = running(who, 100, 500);
            let faults = lab.faults();
            faults.partition();
            lab.await_until(LIMIT, "the address on both nodes", || lab.holders().len() == 2);
            rest(who);
            let healed = Instant::now();
            faults.heal();
            let mut since = None;
            lab.await_until(HEAL_LIMIT, "one owner for good", || {
                since = if lab.holders().len() == 1 { since.or_else(|| Some(Instant::now())) } else { None };
                since.is_some_and(|since: Instant| since.elapsed() > SETTLED)
            });
            milliseconds(lab.client.longest_gap(healed))
        })
        .collect()
}

fn await_server(lab: &Lab, host: &Host) {
    let name = host.name();
    lab.await_until(LIMIT, &format!("the client to be served by {name}"), || {
        lab.holders() == [name] && lab.client.is_served_by(name)
    });
    // Later events belong to the next measurement.
    thread::sleep(Duration::from_millis(100));
}
