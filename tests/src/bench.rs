//! The speed of ours, of heartbeat 3.0.6 and of keepalived, measured in one run on one machine. This is never a test.
//!
//! Everything except the engine's own time is measured from outside: on the [network of hosts](crate::lab) that the
//! scenarios use, by a client and from `/proc`.

pub mod bare;
mod clients;
mod contender;
mod core_time;
mod hogs;
pub mod instructions;
mod load;
mod moves;
mod outage;
mod punctual;
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use contender::Contender;
use load::Load;
use table::Range;

use crate::lab::{cargo, why_not};

/// The times of 3.0.6 and keepalived are known already; ours should be precise, and gets more runs.
const RUNS: [(Contender, usize); 3] = [(Contender::Ours, 20), (Contender::Reference, 5), (Contender::Keepalived, 10)];

/// Measures rows of the table.
type Rows = fn(&[(Contender, usize)]);

/// Measures everything that can be measured here, and prints a table in Markdown. With words in `wanted` it measures
/// only the rows with such a name: `outage-10-30`, `outage-100-500`, `start-up`, `stop-failback`, `standby`, `heal`,
/// `load`, `client-messages`, `client-question`, `client-idle`, `false-deaths`, `outage-2-6`, `outage-1-3`, `realtime-10-30`, `realtime-1-3`, `reload`. Each of the last
/// three lasts for `HBCORE_BENCH_SECONDS` seconds. `HBCORE_BENCH_WHO` measures only one program: `hbcore`, `3.0.6` or
/// `keepalived`.
///
/// # Panics
/// If a measured program does not work at all.
pub fn run(wanted: &[String]) {
    let words = ["build", "--quiet", "--release", "-p", "hbcore-tests", "--bin", "machine", "--bin", "client"];
    let built = cargo().args(words).status();
    assert!(built.is_ok_and(|status| status.success()), "the programs that hosts start with do not build");
    if let Some(reason) = why_not([crate::lab::Daemon::Ours; 2]) {
        println!("not measured: {reason}");
        return;
    }
    let only = std::env::var("HBCORE_BENCH_WHO").unwrap_or_default();
    let is_wanted = |who: Contender| who.name().contains(&only) && who.is_installed();
    let contenders: Vec<(Contender, usize)> = RUNS.into_iter().filter(|&(who, _)| is_wanted(who)).collect();
    println!("commit {}, {} processors\n", commit(), std::thread::available_parallelism().map_or(0, usize::from));
    core_time::print();
    table::head(&contenders.iter().map(|(who, _)| who.name()).collect::<Vec<_>>());

    let rows: [(&str, Rows); 16] = [
        ("outage-10-30", |all| outages(all, 10, 30)),
        ("outage-2-6", |all| outages(all, 2, 6)),
        ("outage-1-3", |all| outages(all, 1, 3)),
        ("outage-100-500", |all| outages(all, 100, 500)),
        ("start-up", start_up),
        ("stop-failback", stops_and_failbacks),
        ("standby", standbys),
        ("heal", heals),
        ("load", loads),
        ("false-deaths", false_deaths),
        ("realtime-10-30", |all| beside_hogs(all, 10, 30, 60)),
        ("realtime-1-3", |all| beside_hogs(all, 1, 3, 60)),
        ("reload", reloads),
        ("client-messages", client_messages),
        ("client-question", client_questions),
        ("client-idle", idle_clients),
    ];
    for (name, measure) in rows {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            measure(&contenders);
        }
    }
}

fn commit() -> String {
    let mut git = Command::new("git");
    git.args(["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"]);
    let output = git.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

/// Measures one cell of the table. A failure costs its cell, and not the others.
fn measure<T>(what: &str, who: Contender, cell: impl FnOnce() -> T) -> Option<T> {
    eprintln!("measuring {what}: {}", who.name());
    catch_unwind(AssertUnwindSafe(cell)).ok()
}

fn outages(contenders: &[(Contender, usize)], keepalive: u32, deadtime: u32) {
    let what = format!("power cut, client without answer, {keepalive}/{deadtime} ms");
    let cell = |&(who, runs): &(Contender, usize)| {
        let gaps = || Range::of(&outage::after_power_cuts(who, keepalive, deadtime, runs)).to_string();
        who.can_keep_a_pair_at(keepalive).then(|| measure(&what, who, gaps)).flatten()
    };
    table::row(&what, contenders.iter().map(cell));
}

fn start_up(contenders: &[(Contender, usize)]) {
    let what = "second node started → address answers";
    let cell =
        |&(who, _): &(Contender, usize)| measure(what, who, || Range::of(&outage::start_ups(who, 3)).to_string());
    table::row(what, contenders.iter().map(cell));
}

fn stops_and_failbacks(contenders: &[(Contender, usize)]) {
    let all =
        contenders.iter().map(|&(who, runs)| measure("stop and return of the owner", who, || moves::stops(who, runs)));
    let all: Vec<_> = all.collect();
    let cells = |of: fn(&moves::StopAndReturn) -> &[f64]| {
        all.iter().map(move |one| one.as_ref().map(|one| Range::of(of(one)).to_string()))
    };
    table::row("stop of the owner, client without answer", cells(|one| &one.stops));
    table::row("its return, client without answer", cells(|one| &one.failbacks));
    table::row("its return, from its start until it serves", cells(|one| &one.returns));
}

fn standbys(contenders: &[(Contender, usize)]) {
    let what = "hb_standby, client without answer";
    let cell = |&(who, runs): &(Contender, usize)| {
        let gaps = || Range::of(&moves::standbys(who, runs)).to_string();
        (who != Contender::Keepalived).then(|| measure(what, who, gaps)).flatten()
    };
    table::row(what, contenders.iter().map(cell));
}

fn heals(contenders: &[(Contender, usize)]) {
    let what = "heal of a partition, client without answer";
    let cell = |&(who, _): &(Contender, usize)| {
        let gaps = || Range::of(&moves::heals(who)).to_string();
        (who != Contender::Keepalived).then(|| measure(what, who, gaps)).flatten()
    };
    table::row(what, contenders.iter().map(cell));
}

fn loads(contenders: &[(Contender, usize)]) {
    let load = |&(who, _): &(Contender, usize)| measure("load at 10 ms", who, || load::at_ten_milliseconds(who));
    let loads: Vec<Option<Load>> = contenders.iter().map(load).collect();
    let cells = |cell: fn(&Load) -> String| loads.iter().map(move |load| load.as_ref().map(cell));
    table::row("CPU per second at 10 ms, owner / other node", cells(Load::cpu));
    if let Some(floor) = measure("load at 10 ms of a bare loop", Contender::Ours, bare::cpu) {
        table::row("of it the kernel's: a loop that only carries as many datagrams", [Some(floor)]);
    }
    table::row(
        "processes, memory (PSS) of the owner, as one of two on a machine / as the only one",
        cells(Load::memory),
    );
}

fn false_deaths(contenders: &[(Contender, usize)]) {
    for (keepalive, deadtime) in [(10, 30), (4, 12), (2, 8), (1, 4)] {
        let what = format!("false deaths with 4 busy loops, {keepalive}/{deadtime} ms");
        let cell = |&(who, _): &(Contender, usize)| {
            let counts = hogs::counts_deaths(who, keepalive);
            counts.then(|| measure(&what, who, || hogs::false_deaths(who, keepalive, deadtime))).flatten()
        };
        table::row(&what, contenders.iter().map(cell));
    }
}

fn beside_hogs(contenders: &[(Contender, usize)], keepalive: u32, deadtime: u32, usual: u64) {
    let what = format!("real-time hogs of priority 50 on all processors, {keepalive}/{deadtime} ms, longest silences");
    let cell = |&(who, _): &(Contender, usize)| {
        let text = || punctual::beside_hogs(who, keepalive, deadtime, punctual::time_or(usual));
        who.can_keep_a_pair_at(keepalive).then(|| measure(&what, who, text)).flatten()
    };
    table::row(&what, contenders.iter().map(cell));
}

/// Measures the programs that have clients.
fn of_clients(contenders: &[(Contender, usize)], what: &str, cell: fn(Contender) -> String) {
    let cell = |&(who, _): &(Contender, usize)| {
        (who != Contender::Keepalived).then(|| measure(what, who, || cell(who))).flatten()
    };
    table::row(what, contenders.iter().map(cell));
}

fn client_messages(contenders: &[(Contender, usize)]) {
    let what = "messages of 1 kB of a client, delivered in order to the peer; longest gap between heartbeats of 100 ms";
    of_clients(contenders, what, clients::messages);
}

fn client_questions(contenders: &[(Contender, usize)]) {
    of_clients(contenders, "`nodestatus` asked at the socket, median", clients::question);
}

fn idle_clients(contenders: &[(Contender, usize)]) {
    of_clients(contenders, "CPU per second at 100 ms, without clients / with 100 that only listen", clients::idle);
}

fn reloads(contenders: &[(Contender, usize)]) {
    let what = "configuration changed every second, 10/30 ms, longest silence";
    let cell = |&(who, _): &(Contender, usize)| {
        let text = || punctual::reloads(who, 10, 30, punctual::time_or(60));
        (who != Contender::Keepalived).then(|| measure(what, who, text)).flatten()
    };
    table::row(what, contenders.iter().map(cell));
}
