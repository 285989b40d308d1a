//! The `haresources` of the two nodes differ, for a moment or for good: no group has two owners by that.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Host, Lab, SERVICE};
use hbcore_tests::scenario::Pairing;

use crate::groups::{self, Pair, SERVICE_SCRIPT, count_calls, held};
use crate::reload::Before;
use crate::status::{has, hb, shows};
use crate::{MOVE_LIMIT, START_LIMIT, Scenario};

/// Scenarios of two hbcore nodes.
pub(crate) const OURS: [(&str, Scenario); 7] = [
    ("resource_in_lines_that_differ_has_one_owner_after_a_partition", regrouped),
    ("groups_with_swapped_homes_have_at_most_one_owner", swapped),
    ("rolling_change_of_haresources_keeps_what_runs", rolling),
    ("death_while_haresources_differs_is_a_takeover", death),
    ("fresh_nodes_whose_haresources_differ_report_groups_that_run_nowhere", fresh),
    ("check_and_reload_warn_of_a_running_group_that_the_file_lacks", removed),
    ("group_of_one_file_is_named_while_nothing_starts_it", one_file),
];

/// Scripts that only a changed file names.
const NEW: [&str; 2] = ["other", "mail2"];
/// A group that was to start within this time would have started.
const FOR_GOOD: Duration = Duration::from_secs(2);
/// The longest time without an answer while daemons reload on a busy machine.
const UNNOTICED: Duration = Duration::from_millis(300);

/// A pair whose nodes also have the scripts of a changed file.
fn pair(name: &str, pairing: Pairing) -> Pair {
    let pair = Pair::new(name, pairing, &groups::site());
    for host in pair.lab.hosts() {
        for script in NEW {
            host.write_script(script, SERVICE_SCRIPT);
        }
    }
    pair
}

/// The most nodes that run one of the groups.
fn owners(lab: &Lab) -> usize {
    let scripts = groups::SCRIPTS.iter().chain(&NEW).map(|script| held(lab, script).len());
    scripts.chain([lab.holders().len()]).max().unwrap_or(0)
}

#[track_caller]
fn reload(pair: &Pair, host: &Host, haresources: &str) {
    host.write("haresources", haresources);
    let answered = host.heartbeat(&["-r"]);
    pair.lab.check(answered.code == Some(0), &format!("-r to exit with 0 instead of {answered:?}"));
}

/// Each node believes that it is the home of the other's group. Nothing starts; after a partition, in which both nodes
/// start everything, one keeps everything; and when the files agree, each group goes home.
pub(crate) fn swapped(pairing: Pairing) {
    let pair = pair("swapped homes", pairing);
    let lab = &pair.lab;
    let site = groups::site();
    lab.bravo.write("haresources", &format!("bravo {}\nalpha mail\n", site.group));
    lab.alpha.start();
    lab.bravo.start();
    for (host, other) in [(&lab.alpha, "bravo"), (&lab.bravo, "alpha")] {
        let row = format!("not here: {other} reads other groups in its haresources, and may run it");
        shows(lab, host, 4, &["waiting until haresources is the same on both nodes", &row]);
        let (_, said) = hb(host, &["standby"]);
        let refused = said.contains("refused: nothing is moved while haresources of the two nodes differ");
        lab.check(refused, &format!("a standby to be refused instead of {said}"));
    }
    lab.stays(FOR_GOOD, "no owner of a group", || owners(lab) == 0);

    let faults = lab.faults();
    faults.partition();
    let both = ["alpha", "bravo"];
    lab.await_until(START_LIMIT, "every group on both nodes", || {
        lab.holders() == both && held(lab, "web") == both && held(lab, "mail") == both
    });
    faults.heal();
    let mut ownerless = false;
    let mut is_one = |owner: &[&str]| {
        ownerless |= lab.holders().is_empty();
        owner.len() == 1
    };
    lab.await_until(MOVE_LIMIT, "one owner of everything", || {
        let owner = lab.holders();
        is_one(&owner) && held(lab, "web") == owner && held(lab, "mail") == owner
    });
    lab.stays(FOR_GOOD, "one owner", || is_one(&lab.holders()) && owners(lab) == 1);
    lab.check(!ownerless, "an owner at every time");

    let mut one = true;
    reload(&pair, &lab.bravo, &site.haresources());
    lab.await_until(START_LIMIT, "each group at home", || {
        one &= owners(lab) <= 1;
        pair.are_owners("alpha", "bravo")
    });
    lab.check(one, "one owner at most");
    shows(lab, &lab.alpha, 0, &["settled"]);
}

/// A changed file, on one node after the other: every group that both files name runs on, and a new one starts when both
/// nodes name it.
pub(crate) fn rolling(pairing: Pairing) {
    let pair = pair("rolling change", pairing);
    let lab = &pair.lab;
    pair.start();
    let begin = Instant::now();
    let changed = format!("bravo mail2\n{}alpha other\n", groups::site().haresources());
    let is_kept = || owners(lab) <= 1 && pair.are_owners("alpha", "bravo");
    let before = Before::of(&pair, &lab.alpha);
    let since = Instant::now();
    reload(&pair, &lab.alpha, &changed);
    before.await_next(&pair, &lab.alpha, since, "local");
    for (host, waiting) in [(&lab.alpha, "mail2, mail, other"), (&lab.bravo, "IPaddr::10.77.0.100/24/eth0")] {
        let named = format!(
            ": these do not run here, and start nowhere before the files agree or one of the nodes is dead; the peer may run them: {waiting} ("
        );
        shows(
            lab,
            host,
            4,
            &["problem haresources-differ", &named, "waiting until haresources is the same on both nodes"],
        );
    }
    lab.stays(FOR_GOOD, "the old groups alone", || is_kept() && NEW.iter().all(|script| held(lab, script).is_empty()));

    let mut kept = true;
    reload(&pair, &lab.bravo, &changed);
    lab.await_until(START_LIMIT, "the new groups at home", || {
        kept &= is_kept();
        held(lab, "other") == ["alpha"] && held(lab, "mail2") == ["bravo"]
    });
    lab.stays(FOR_GOOD, "every group at home", || {
        is_kept() && held(lab, "other") == ["alpha"] && held(lab, "mail2") == ["bravo"]
    });
    lab.check(kept, "the old groups at home at every time");
    for (host, script) in [(&lab.alpha, "web"), (&lab.bravo, "mail")] {
        let calls = (count_calls(host, &format!("{script} start")), count_calls(host, &format!("{script} stop")));
        lab.check(calls.0 == 1, &format!("{script} started once instead of {calls:?}"));
    }
    for host in lab.hosts() {
        shows(lab, host, 0, &["settled"]);
    }
    pair.check_gap("rolling change", begin, UNNOTICED);
}

/// The peer dies while the files differ: the survivor serves every group of its own file.
pub(crate) fn death(pairing: Pairing) {
    let pair = pair("death while files differ", pairing);
    let lab = &pair.lab;
    pair.start();
    let changed = format!("{}alpha mail2\n", groups::site().haresources());
    reload(&pair, &lab.bravo, &changed);
    shows(lab, &lab.bravo, 4, &["problem haresources-differ"]);
    lab.stays(FOR_GOOD, "no start of the new group", || held(lab, "mail2").is_empty() && owners(lab) == 1);
    lab.alpha.cut_power();
    pair.await_owners("bravo", "bravo");
    lab.await_until(MOVE_LIMIT, "the new group on bravo", || held(lab, "mail2") == ["bravo"]);
    // The dead node comes back with its old file, and takes nothing.
    lab.alpha.boot();
    lab.alpha.start();
    shows(lab, &lab.alpha, 4, &["waiting until haresources is the same on both nodes"]);
    lab.stays(FOR_GOOD, "every group on bravo", || {
        owners(lab) == 1 && pair.are_owners("bravo", "bravo") && held(lab, "mail2") == ["bravo"]
    });
}

/// Both nodes start with different files, and start nothing: each reports that its groups run nowhere.
pub(crate) fn fresh(pairing: Pairing) {
    let pair = pair("fresh nodes whose files differ", pairing);
    let lab = &pair.lab;
    lab.bravo.write("haresources", &format!("{}alpha mail2\n", groups::site().haresources()));
    lab.alpha.start();
    lab.bravo.start();
    for host in lab.hosts() {
        shows(lab, host, 4, &["problem haresources-differ", "problem runs-nowhere"]);
        has(lab, host, &["\"why\":\"differs\"", "\"nowhere\":null"]);
    }
    lab.check(owners(lab) == 0, "no owner");
}

/// Only one file has a group. During a partition it starts, and the heal may stop it: then the problem of its node names
/// it, and neither node is content. It runs when the other file has it too.
pub(crate) fn one_file(pairing: Pairing) {
    let pair = pair("group of one file", pairing);
    let lab = &pair.lab;
    pair.start();
    let changed = format!("{}bravo mail2\n", groups::site().haresources());
    reload(&pair, &lab.bravo, &changed);
    shows(lab, &lab.bravo, 4, &["problem haresources-differ", "IPaddr::10.77.0.100/24/eth0, mail2 ("]);
    let faults = lab.faults();
    faults.partition();
    lab.await_until(START_LIMIT, "the new group on bravo", || held(lab, "mail2") == ["bravo"]);
    faults.heal();
    lab.await_until(MOVE_LIMIT, "one owner of each group of both files", || pair.are_owners("alpha", "bravo"));
    let is_told = |host: &Host, group: &str| {
        let (code, text) = hb(host, &["status"]);
        let line = text.lines().find(|line| line.starts_with("problem haresources-differ")).unwrap_or_default();
        let names = line.contains("these do not run here") && line.contains(group);
        code == Some(4) && !text.contains("settled") && names == held(lab, group).is_empty()
    };
    lab.await_until(MOVE_LIMIT, "the place of the new group to be told", || is_told(&lab.bravo, "mail2"));
    lab.stays(FOR_GOOD, "a true statement about the new group", || is_told(&lab.bravo, "mail2"));
    shows(lab, &lab.alpha, 4, &["problem haresources-differ", "waiting until haresources is the same on both nodes"]);
    reload(&pair, &lab.alpha, &changed);
    lab.await_until(START_LIMIT, "every group at home", || {
        held(lab, "mail2") == ["bravo"] && pair.are_owners("alpha", "bravo")
    });
    for host in lab.hosts() {
        shows(lab, host, 0, &["settled"]);
    }
}

/// A line is taken out of the file while its group runs: `hb check` and `heartbeat -r` warn that it will be stopped, and
/// they do not warn of what runs on the other node, or runs on.
pub(crate) fn removed(pairing: Pairing) {
    let pair = pair("removed line", pairing);
    let lab = &pair.lab;
    pair.start();
    let warning = "warning: IPaddr::10.77.0.100/24/eth0 web: runs here and is not in the new haresources";
    for (host, running) in [(&lab.alpha, true), (&lab.bravo, false)] {
        let (code, said) = hb(host, &["check"]);
        lab.check(code == Some(0) && !said.contains("runs here"), &format!("no such warning in {said}"));
        host.write("haresources", "bravo mail\n");
        for words in [&["check"][..], &["check", "--peer"]] {
            let (_, said) = hb(host, words);
            lab.check(said.contains(warning) == running, &format!("a warning where it runs, in {said}"));
            lab.check(!said.contains("mail: runs here"), &format!("no warning about mail in {said}"));
        }
    }
    let answered = lab.alpha.heartbeat(&["-r"]);
    lab.check(answered.code == Some(0) && answered.output.contains(warning), &format!("{answered:?} to warn"));
    lab.await_until(START_LIMIT, "the group to be stopped", || held(lab, "web").is_empty());
}

/// A resource stands in another line of the changed file. After a partition, in which each node starts the lines of its own
/// file, every resource runs on one node.
pub(crate) fn regrouped(pairing: Pairing) {
    let site = groups::site();
    let address = &site.group;
    let merged = format!("alpha {address} mail\n");
    let moved = format!("alpha IPaddr::{SERVICE}/24/eth0 other\nbravo mail web\n");
    for (name, changes) in [("lines merged on alpha", [&merged, ""]), ("members moved on bravo", ["", &moved])] {
        let pair = pair(name, pairing);
        let lab = &pair.lab;
        pair.start();
        for (host, changed) in lab.hosts().into_iter().zip(changes).filter(|(_, changed)| !changed.is_empty()) {
            reload(&pair, host, changed);
        }
        for host in lab.hosts() {
            shows(lab, host, 4, &["problem haresources-differ"]);
        }
        lab.check(owners(lab) == 1, "one owner before the partition");
        let faults = lab.faults();
        faults.partition();
        let both = ["alpha", "bravo"];
        lab.await_until(START_LIMIT, "the resources on both nodes", || {
            lab.holders() == both && held(lab, "web") == both && held(lab, "mail") == both
        });
        faults.heal();
        lab.await_until(MOVE_LIMIT, "one owner of each resource", || owners(lab) == 1);
        lab.stays(FOR_GOOD, "one owner of each resource", || owners(lab) == 1 && lab.holders().len() == 1);
        let file = if changes[0].is_empty() { &moved } else { &merged };
        reload(&pair, if changes[0].is_empty() { &lab.alpha } else { &lab.bravo }, file);
        for host in lab.hosts() {
            shows(lab, host, 0, &["settled"]);
        }
        lab.check(owners(lab) == 1 && lab.holders().len() == 1 && held(lab, "mail").len() == 1, "one owner");
    }
}
