//! The outcomes that the engine gets are true: groups of any number, and calls that fail for real causes, leave each
//! service on one node.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Host, SERVICE, SERVICE_SCRIPT, Site, release_binary};
use hbcore_tests::scenario::Pairing;

use crate::START_LIMIT;
use crate::groups::{self, Pair, held};

/// The numbers of groups. The daemon runs eight scripts at the same time; an earlier version had room for 64 jobs.
const COUNTS: [usize; 4] = [1, 64, 65, 128];
/// Longer than two scripts for each of 128 groups take on a busy machine.
const MANY_LIMIT: Duration = Duration::from_mins(1);

/// Groups of an address and a script all go through a start, a death, a return, a standby and a stop.
pub(crate) fn many_groups(pairing: Pairing) {
    for count in COUNTS {
        many(pairing, count);
    }
}

fn many(pairing: Pairing, count: usize) {
    let line = |n: usize| format!("alpha IPaddr2::10.77.9.{n}/24/eth0 svc-{n}\n");
    let site = Site {
        more_groups: (1..count).map(line).collect(),
        group: format!("IPaddr::{SERVICE}/24/eth0 svc-0"),
        ..Site::default()
    };
    let pair = Pair::new(&format!("{count} groups"), pairing, &site);
    let lab = &pair.lab;
    for host in lab.hosts() {
        for n in 0..count {
            host.write_script(&format!("svc-{n}"), SERVICE_SCRIPT);
        }
    }
    let all: BTreeSet<usize> = (0..count).collect();
    let are_at = |what: &str, owner: &str| {
        let began = Instant::now();
        lab.await_until(MANY_LIMIT, &format!("{count} groups on {owner} after {what}"), || {
            lab.hosts().iter().all(|host| {
                let wanted = if host.name() == owner { all.clone() } else { BTreeSet::new() };
                let [scripts, addresses] = runs(host);
                scripts == wanted && addresses == wanted
            })
        });
        println!("{pairing} {count} groups, {what}: {} ms", began.elapsed().as_millis());
    };
    lab.alpha.start();
    lab.bravo.start();
    are_at("the start", "alpha");
    lab.alpha.cut_power();
    are_at("the death of alpha", "bravo");
    lab.alpha.boot();
    lab.alpha.start();
    are_at("the return of alpha", "alpha");
    lab.alpha.standby("all");
    are_at("a standby", "bravo");
    lab.bravo.stop();
    are_at("the stop of bravo", "alpha");
    lab.alpha.stop();
    are_at("the stop of both", "nobody");
}

/// The numbers of the scripts that run on a host, and of the addresses that it has; none without power.
fn runs(host: &Host) -> [BTreeSet<usize>; 2] {
    if !host.has_power() {
        return [BTreeSet::new(), BTreeSet::new()];
    }
    let listed = host.run("sh", &["-c", "ls /run | grep held-svc; ip -o -4 address show dev eth0"]).output;
    let scripts = listed.lines().filter_map(|line| line.strip_prefix("held-svc-")?.parse().ok()).collect();
    let address = |word: &str| {
        let (address, _) = word.split_once('/')?;
        if address == SERVICE { Some(0) } else { address.strip_prefix("10.77.9.")?.parse().ok() }
    };
    [scripts, listed.split_whitespace().filter_map(address).collect()]
}

/// Bravo can make no more processes when it takes a group over: the group goes back to alpha, and bravo keeps nothing
/// of it.
pub(crate) fn no_process_for_a_start(pairing: Pairing) {
    let pair = Pair::running("no process", pairing, &groups::site());
    let lab = &pair.lab;
    let Some(limit) = lab.bravo.limit_processes() else {
        println!("skipped: this machine has no controller of processes (cgroups, pids)");
        return;
    };
    lab.alpha.standby("local");
    let mut twice = false;
    lab.await_until(START_LIMIT, "the start on bravo to be given up", || {
        twice |= lab.holders().len() > 1;
        lab.bravo.logged("does not start here")
    });
    lab.await_until(START_LIMIT, "the groups at home", || {
        twice |= lab.holders().len() > 1 || held(lab, "web").len() > 1;
        pair.are_owners("alpha", "bravo")
    });
    lab.check(!twice, "one owner at every time");
    let refused = "problem failed-here: IPaddr::10.77.0.100/24/eth0 failed here";
    crate::status::shows(
        lab,
        &lab.bravo,
        4,
        &[refused, "problem work-refused: the system granted no thread or process for: "],
    );
    drop(limit);
    // No job needs a thread now, but the problem must still end.
    let status = || lab.bravo.run(&release_binary("hb").display().to_string(), &["status"]).output;
    lab.await_until(START_LIMIT, "threads to be had", || !status().contains("work-refused"));
    lab.check(status().contains(refused), "the failure to leave a trace");
    lab.stays(Duration::from_secs(1), "the groups at home", || pair.are_owners("alpha", "bravo"));
}
