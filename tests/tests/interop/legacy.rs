//! `auto_failback legacy`: the protocol without reports, in which a node always gets its own groups (docs/protocol/resources.md 1.9 j).

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Daemon, Media, Site};
use hbcore_tests::scenario::Pairing;

use crate::groups::{self, Pair, held};
use crate::{MOVE_LIMIT, START_LIMIT};

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

/// Waits until 3.0.6 has no child that works on resources; before that it refuses requests.
pub(crate) fn await_calm(pair: &Pair) {
    for host in pair.lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Reference && host.is_running()) {
        let answer = || host.run("/usr/bin/cl_status", &["rscstatus"]).output;
        let what = format!("{} to have no work in hand", host.name());
        pair.lab.await_until(START_LIMIT, &what, || answer().trim() == "none");
    }
}
