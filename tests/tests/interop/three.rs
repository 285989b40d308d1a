//! Three nodes: with 3.0.6, which refuses no configuration, every survivor takes over; of ours exactly one does.

use std::time::Duration;

use hbcore_tests::lab::{Daemon, Lab, Site};
use hbcore_tests::scenario::Pairing;

use crate::start::await_owner;
use crate::{MOVE_LIMIT, START_LIMIT};

/// charlie is ours. alpha starts with the others, loses its power, and returns.
pub(crate) fn nodes(pairing: Pairing) {
    let site = Site { with_charlie: true, ..Site::default() };
    let lab = Lab::new(&format!("{pairing} three nodes"), pairing.alpha, pairing.bravo, &site);
    for host in lab.all_hosts() {
        host.start();
    }
    await_owner(&lab, &lab.alpha, START_LIMIT);
    for host in lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Reference) {
        lab.await_until(START_LIMIT, "3.0.6 to settle", || host.logged("resource transition completed."));
    }

    let sniffer = lab.bravo.sniff(&site);
    lab.alpha.cut_power();
    let mut most = 0;
    let mut one_of_two = || {
        let holders = lab.holders();
        most = most.max(holders.len());
        holders.len() == 1
    };
    lab.await_until(MOVE_LIMIT, "a survivor with the address", &mut one_of_two);
    lab.stays(Duration::from_secs(3), "one survivor with it", &mut one_of_two);
    lab.check(most == 1, "never two survivors with the address");
    println!("{pairing} three nodes: {:?} took the address", lab.holders());

    lab.alpha.boot();
    lab.alpha.start();
    await_owner(&lab, &lab.alpha, START_LIMIT);
    lab.await_until(START_LIMIT, "alpha to be settled", || {
        sniffer.has_heard(|m| m.src == "alpha" && m.kind == "resource" && m.stable)
    });
    lab.stays(Duration::from_secs(2), "the address on alpha", || lab.holders() == ["alpha"]);
}
