//! `auto_failback legacy`: the protocol without reports, in which a node always gets its own groups (docs/protocol/resources.md 1.9 j).

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Daemon, Host, Lab, Media, Site};
use hbcore_tests::scenario::Pairing;

use crate::groups::{self, Pair, held};
use crate::status::{has, hb, shows};
use crate::{MOVE_LIMIT, START_LIMIT, Scenario};

/// Scenarios of two hbcore nodes.
pub(crate) const OURS: [(&str, Scenario); 4] = [
    ("legacy_status_agrees_with_the_kernel_in_each_state", status),
    ("legacy_start_that_fails_is_nowhere_on_both", start_fails),
    ("legacy_groups_stay_while_files_differ_and_run_after_the_correction", swapped),
    ("legacy_start_with_exchanged_homes_waits_until_files_agree", swapped_from_the_start),
];

/// A state that has not changed for this long will not change.
const WHILE: Duration = Duration::from_secs(1);

/// The first node starts, the second one starts; a crash, a return, a stop, a return, and a standby that is refused.
pub(crate) fn life(pairing: Pairing) {
    let site = Site { legacy: true, initdead: 2000, ..groups::site() };
    let pair = Pair::new("legacy", pairing, &site);
    let Pair { lab, sniffer, .. } = &pair;
    let asks = |node: &str, since| {
        let asked = || sniffer.heard_since(since).iter().any(|m| m.kind == "ip-request" && m.src == node);
        lab.await_until(START_LIMIT, &format!("{node} to ask for its group on the wire"), asked);
    };

    // A 3.0.6 that starts alone forgets a group now and then: two of its children write into the FIFO at once.
    let [first, second] = match lab.bravo.daemon() {
        Daemon::Ours | Daemon::Seamed | Daemon::Armv7 => [&lab.bravo, &lab.alpha],
        Daemon::Reference => [&lab.alpha, &lab.bravo],
    };
    first.start();
    pair.await_owners(first.name(), first.name());
    let since = Instant::now();
    second.start();
    pair.await_owners("alpha", "bravo");
    pair.gap("second up", since);
    asks(second.name(), since);
    await_calm(&pair);

    for end in ["crash", "stop"] {
        let since = Instant::now();
        if end == "crash" {
            lab.alpha.cut_power();
        } else {
            lab.alpha.stop();
        }
        pair.await_owners("bravo", "bravo");
        pair.gap(end, since);
        lab.await_until(START_LIMIT, "alpha declared dead", || lab.bravo.logged("node alpha: is dead"));
        await_calm(&pair);

        let since = Instant::now();
        if end == "crash" {
            lab.alpha.boot();
        }
        lab.alpha.start();
        pair.await_owners("alpha", "bravo");
        pair.gap(&format!("return after a {end}"), since);
        asks("alpha", since);
        await_calm(&pair);
    }

    let since = Instant::now();
    lab.alpha.standby("all");
    lab.await_until(MOVE_LIMIT, "alpha to say that it has no standby", || {
        lab.alpha.logged("Standby mode only implemented when nice_failback on")
    });
    lab.stays(WHILE, "each group at home", || pair.are_owners("alpha", "bravo"));
    lab.await_until(START_LIMIT, "answers of alpha only", || lab.client.who_answered(since) == ["alpha"]);
    let heard = sniffer.heard();
    let reports = |node| heard.iter().any(|m| m.src == node && ["starting", "resource"].contains(&m.kind.as_str()));
    for host in lab.hosts() {
        lab.check(!reports(host.name()), &format!("no reports about resources by {}", host.name()));
    }
}

/// One node uses this protocol, and the other does not: they cannot agree, and no group runs twice. Ours reports the
/// fault.
pub(crate) fn one_node_only(pairing: Pairing) {
    let site = Site { media: Media::Bcast, ..groups::site() };
    let pair = Pair::new("legacy on one node", pairing, &site);
    let lab = &pair.lab;
    lab.alpha.write_site(&Site { legacy: true, ..site });
    lab.alpha.start();
    lab.bravo.start();
    let mut twice = false;
    let mut look = || {
        twice |= [lab.holders(), held(lab, "web"), held(lab, "mail")].iter().any(|hosts| hosts.len() > 1);
    };
    lab.await_until(START_LIMIT, "alpha to have its group", || {
        look();
        held(lab, "web") == ["alpha"]
    });
    // A 3.0.6 that uses it, and becomes active at the same time, sends nothing from which the other could tell.
    let told = lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Ours && pairing.alpha == Daemon::Ours);
    for host in told {
        lab.await_until(START_LIMIT, &format!("{} to say that they do not agree", host.name()), || {
            look();
            host.logged("Only one of this node and")
        });
    }
    lab.stays(WHILE, "the group of alpha at home", || {
        look();
        held(lab, "web") == ["alpha"]
    });
    println!("{pairing} legacy on alpha only: the group of bravo is on {:?}", held(lab, "mail"));
    lab.check(!twice, "no group on two nodes");
}

/// The words of a row about a group that the peer may run.
const UNTOLD: &str = "not known here: auto_failback legacy does not tell";

/// The site of a pair with this protocol.
fn site() -> Site {
    Site { legacy: true, initdead: 2000, ..groups::site() }
}

/// In each state of a pair, `hb status` agrees with the kernel and the process table, and a group of which this protocol
/// tells nothing is no problem.
pub(crate) fn status(pairing: Pairing) {
    let pair = Pair::new("legacy status", pairing, &site());
    let lab = &pair.lab;
    let is_well = |host: &Host| {
        shows(lab, host, 0, &["settled", "runs here", UNTOLD]);
        has(lab, host, &["\"why\":\"runs\"", "\"why\":\"untold\"", "\"nowhere\":null", "\"at\":null"]);
        rows_are_true(lab);
    };
    lab.alpha.start();
    pair.await_owners("alpha", "alpha");
    shows(lab, &lab.alpha, 4, &["holds all, settled", "problem node-dead: node bravo is dead"]);
    rows_are_true(lab);

    lab.bravo.start();
    pair.await_owners("alpha", "bravo");
    lab.hosts().into_iter().for_each(is_well);

    for end in ["crash", "stop"] {
        let problem = if end == "crash" {
            lab.bravo.cut_power();
            "problem node-dead: "
        } else {
            lab.bravo.stop();
            "problem node-left: "
        };
        pair.await_owners("alpha", "alpha");
        shows(lab, &lab.alpha, 4, &["holds all, settled", problem]);
        let (_, text) = hb(&lab.alpha, &["status"]);
        lab.check(text.matches("problem ").count() == 1, &format!("no other problem in {text}"));
        rows_are_true(lab);
        if end == "crash" {
            lab.bravo.boot();
        }
        lab.bravo.start();
        pair.await_owners("alpha", "bravo");
        lab.hosts().into_iter().for_each(is_well);
    }

    let faults = lab.faults();
    faults.partition();
    let both = ["alpha", "bravo"];
    lab.await_until(START_LIMIT, "every group on both nodes", || {
        lab.holders() == both && held(lab, "web") == both && held(lab, "mail") == both
    });
    lab.hosts().into_iter().for_each(|host| shows(lab, host, 4, &["holds all, settled", "problem node-dead: "]));
    rows_are_true(lab);
    faults.heal();
    pair.await_owners("alpha", "bravo");
    lab.hosts().into_iter().for_each(is_well);
}

/// A group does not start at its home: that node knows, and tells the other one.
pub(crate) fn start_fails(pairing: Pairing) {
    let pair = Pair::new("legacy start fails", pairing, &site());
    let lab = &pair.lab;
    crate::failures::write_web(&lab.alpha, "start", "exit 1");
    lab.hosts().into_iter().for_each(Host::start);
    for (host, row) in
        [(&lab.alpha, "nowhere: could not be started here"), (&lab.bravo, "nowhere: could not be started at alpha")]
    {
        shows(lab, host, 4, &["problem runs-nowhere: ", row]);
        has(lab, host, &["\"nowhere\":true"]);
    }
    rows_are_true(lab);
}

/// Fails if a row of `hb status` differs from what the host has.
#[track_caller]
fn rows_are_true(lab: &Lab) {
    for host in lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Ours && host.is_running()) {
        let (_, json) = hb(host, &["status", "--json"]);
        let groups = json.split_once("\"groups\":").map_or("", |(_, groups)| groups);
        let rows: Vec<&str> = groups.split("{\"key\":").skip(1).collect();
        lab.check(rows.len() == groups::SCRIPTS.len(), &format!("a row for each group in {json}"));
        for (row, script) in rows.iter().zip(groups::SCRIPTS) {
            let owners = held(lab, script);
            let is_here = row.contains("\"here\":\"running\"");
            lab.check(is_here == owners.contains(&host.name()), &format!("{row} of {} to be true", host.name()));
            let is_nowhere = row.contains("\"nowhere\":true");
            lab.check(!is_nowhere || owners.is_empty(), &format!("{row} of {} to be true", host.name()));
        }
    }
}

/// The homes of the two groups are exchanged in the file of one node, and the file is corrected. No group moves or stops
/// meanwhile, and each runs at home in the end.
pub(crate) fn swapped(pairing: Pairing) {
    let pair = Pair::new("legacy swapped homes", pairing, &site());
    let lab = &pair.lab;
    lab.hosts().into_iter().for_each(Host::start);
    pair.await_owners("alpha", "bravo");
    let reload = |text: &str| {
        lab.bravo.write("haresources", text);
        let answered = lab.bravo.heartbeat(&["-r"]);
        lab.check(answered.code == Some(0), &format!("-r to exit with 0 instead of {answered:?}"));
    };
    reload(&format!("bravo {}\nalpha mail\n", site().group));
    for (host, other) in [(&lab.alpha, "bravo"), (&lab.bravo, "alpha")] {
        shows(lab, host, 4, &["problem haresources-differ: ", "waiting until haresources is the same on both nodes"]);
        let (code, said) = hb(host, &["check", "--peer"]);
        lab.check(code == Some(4) && said.contains(&format!("{other}: error: haresources differs")), &said);
    }
    // Longer than a node waits before it asks again for a group.
    lab.stays(Duration::from_secs(6), "each group where it was", || pair.are_owners("alpha", "bravo"));
    rows_are_true(lab);
    let mut one = true;
    reload(&site().haresources());
    for host in lab.hosts() {
        shows(lab, host, 0, &["settled", UNTOLD]);
        one &= pair.are_owners("alpha", "bravo");
        let (code, said) = hb(host, &["check", "--peer"]);
        lab.check(code == Some(0) && said.contains("has the same haresources"), &said);
    }
    lab.stays(Duration::from_secs(6), "each group at home", || pair.are_owners("alpha", "bravo"));
    lab.check(one, "each group at home at every time");
}

/// Two nodes start with exchanged homes and start nothing. Divided, both serve everything; after the heal one does. When
/// the files agree, each group goes home.
pub(crate) fn swapped_from_the_start(pairing: Pairing) {
    let pair = Pair::new("legacy swapped homes from the start", pairing, &site());
    let lab = &pair.lab;
    lab.bravo.write("haresources", &format!("bravo {}\nalpha mail\n", site().group));
    lab.hosts().into_iter().for_each(Host::start);
    for host in lab.hosts() {
        shows(lab, host, 4, &["problem haresources-differ: "]);
    }
    let owners = || [lab.holders(), held(lab, "web"), held(lab, "mail")];
    lab.stays(Duration::from_secs(6), "no owner of a group", || owners().iter().all(Vec::is_empty));
    let faults = lab.faults();
    faults.partition();
    lab.await_until(START_LIMIT, "every group on both nodes", || owners().iter().all(|group| group.len() == 2));
    faults.heal();
    let mut ownerless = false;
    let mut is_one = || {
        let owners = owners();
        ownerless |= owners.iter().any(Vec::is_empty);
        owners.iter().all(|group| group.len() == 1)
    };
    lab.await_until(MOVE_LIMIT, "one owner of each group", &mut is_one);
    lab.stays(Duration::from_secs(6), "one owner", &mut is_one);
    lab.check(!ownerless, "an owner at every time");
    lab.bravo.write("haresources", &site().haresources());
    lab.check(lab.bravo.heartbeat(&["-r"]).code == Some(0), "a reload");
    pair.await_owners("alpha", "bravo");
    for host in lab.hosts() {
        shows(lab, host, 0, &["settled", UNTOLD]);
    }
}

/// Waits until 3.0.6 has no child that works on resources; before that it refuses requests.
pub(crate) fn await_calm(pair: &Pair) {
    for host in pair.lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Reference && host.is_running()) {
        let answer = || host.run("/usr/bin/cl_status", &["rscstatus"]).output;
        let what = format!("{} to have no work in hand", host.name());
        pair.lab.await_until(START_LIMIT, &what, || answer().trim() == "none");
    }
}
