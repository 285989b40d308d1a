//! The speed of ours, of heartbeat 3.0.6 and of keepalived, measured in one run on one machine. Never a test.
//!
//! Everything but the engine's own time is measured from outside: on the [network of hosts](crate::lab) that the
//! scenarios use, by a client and from `/proc`.

mod contender;
mod core_time;
mod hogs;
mod load;
mod outage;
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind};

use contender::Contender;
use table::{Range, Table};

use crate::lab::{cargo, why_not};

/// What 3.0.6 and keepalived take is known; ours is what is wanted to be precise.
const RUNS: [(Contender, usize); 3] = [(Contender::Ours, 20), (Contender::Reference, 5), (Contender::Keepalived, 10)];

/// Measures everything that can be measured here, and prints a table in Markdown.
///
/// # Panics
/// When something that is measured does not do what it should at all.
pub fn run() {
    let built = cargo().args(["build", "--quiet", "--release", "-p", "hbcore-tests", "--bin", "machine"]).status();
    assert!(built.is_ok_and(|status| status.success()), "the program that hosts start with does not build");
    if let Some(reason) = why_not([crate::lab::Daemon::Ours; 2]) {
        println!("not measured: {reason}");
        return;
    }
    let contenders: Vec<(Contender, usize)> = RUNS.into_iter().filter(|(who, _)| who.is_installed()).collect();
    core_time::print();
    let mut table = Table::new(&contenders.iter().map(|(who, _)| who.name()).collect::<Vec<_>>());

    outages(&mut table, &contenders, 10, 30);
    outages(&mut table, &contenders, 100, 500);
    start_up(&mut table, &contenders);
    loads(&mut table, &contenders);
    false_deaths(&mut table, &contenders);
}

/// Measures one cell of the table. What cannot be measured costs its cell, not the others.
fn measure(what: &str, who: Contender, cell: impl FnOnce() -> String) -> Option<String> {
    eprintln!("measuring {what}: {}", who.name());
    Some(catch_unwind(AssertUnwindSafe(cell)).unwrap_or_else(|_| "failed".to_owned()))
}

fn outages(table: &mut Table, contenders: &[(Contender, usize)], keepalive: u32, deadtime: u32) {
    let what = format!("power cut, client without answer, {keepalive}/{deadtime} ms");
    let cell = |&(who, runs): &(Contender, usize)| {
        let gaps = || Range::of(&outage::after_power_cuts(who, keepalive, deadtime, runs)).to_string();
        who.can_beat_at(keepalive).then(|| measure(&what, who, gaps)).flatten()
    };
    table.row(&what, contenders.iter().map(cell).collect());
}

fn start_up(table: &mut Table, contenders: &[(Contender, usize)]) {
    let what = "second node started → address answers";
    let cell =
        |&(who, _): &(Contender, usize)| measure(what, who, || Range::of(&outage::start_ups(who, 3)).to_string());
    table.row(what, contenders.iter().map(cell).collect());
}

fn loads(table: &mut Table, contenders: &[(Contender, usize)]) {
    let what = "load at 10 ms";
    let mut memory = Vec::new();
    let cell = |&(who, _): &(Contender, usize)| {
        measure(what, who, || {
            let load = load::at_ten_milliseconds(who);
            memory.push(Some(load.memory()));
            load.cpu()
        })
    };
    let cpu = contenders.iter().map(cell).collect();
    table.row("CPU per second at 10 ms, owner / other node", cpu);
    table.row("processes, memory (PSS) of the owner", memory);
}

fn false_deaths(table: &mut Table, contenders: &[(Contender, usize)]) {
    for (keepalive, deadtime) in [(10, 30), (4, 12), (2, 8), (1, 4)] {
        let what = format!("false deaths with 4 busy loops, {keepalive}/{deadtime} ms");
        let cell = |&(who, _): &(Contender, usize)| {
            let counts = hogs::counts_deaths(who, keepalive);
            counts.then(|| measure(&what, who, || hogs::false_deaths(who, keepalive, deadtime))).flatten()
        };
        table.row(&what, contenders.iter().map(cell).collect());
    }
}
