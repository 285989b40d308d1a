//! The nodes do not hear each other, both serve, and then they hear each other again.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Daemon, Host, Lab, Site, Sniffer};
use hbcore_tests::scenario::Pairing;

use crate::start::together;
use crate::{MOVE_LIMIT, START_LIMIT};

/// The longest gap for the client while two owners become one. Two of 3.0.6 are away for 16 s. A busy machine causes
/// part of it.
const HEAL_GAP: Duration = Duration::from_millis(500);

/// After the heal there is one owner, and there was always at least one.
pub(crate) fn heals(pairing: Pairing) {
    // Without failback, so that nothing moves for another reason than the heal.
    let site = Site { auto_failback: false, ..Site::default() };
    let lab = together("partition", pairing, &site);
    let faults = lab.faults();
    faults.partition();
    lab.await_until(MOVE_LIMIT, "the address on both nodes", || lab.holders() == ["alpha", "bravo"]);

    let references = lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Reference);
    let references: Vec<(&Host, Sniffer)> = references.map(|host| (host, host.sniff(&site))).collect();
    let healed = Instant::now();
    faults.heal();
    let mut ownerless = false;
    let mut one_owner = || {
        let holders = lab.holders().len();
        ownerless |= holders == 0;
        holders == 1
    };
    lab.await_until(START_LIMIT, "one owner after the heal", &mut one_owner);
    for (host, sniffer) in &references {
        await_restart(&lab, host, sniffer, &mut one_owner);
    }
    lab.await_until(START_LIMIT, "one owner in the end", &mut one_owner);
    lab.stays(Duration::from_secs(3), "one owner", &mut one_owner);

    let owner = lab.holders().first().map_or("nobody", |&owner| owner).to_owned();
    lab.await_until(MOVE_LIMIT, &format!("the client to be served by {owner}"), || lab.client.is_served_by(&owner));

    let gap = lab.client.longest_gap(healed);
    println!("{pairing} heal: {} ms without answer", gap.as_millis());
    if pairing != Pairing::REF_REF {
        lab.check(!ownerless, "an owner at every time");
        lab.check(gap < HEAL_GAP, &format!("no gap in the service instead of {} ms", gap.as_millis()));
    }
}

/// Waits until 3.0.6 has restarted itself after the partition, and settled again.
pub(crate) fn await_restart(lab: &Lab, host: &Host, sniffer: &Sniffer, one_owner: &mut impl FnMut() -> bool) {
    let mut kept = true;
    let mut look = || kept &= one_owner();
    lab.await_until(START_LIMIT, &format!("{} to restart itself", host.name()), || {
        look();
        host.logged("Performing heartbeat restart exec.")
    });
    lab.await_until(START_LIMIT, &format!("{} to settle again", host.name()), || {
        look();
        sniffer.has_heard(|m| m.src == host.name() && m.kind == "starting")
    });
    lab.await_until(START_LIMIT, &format!("{} to claim its resources finally", host.name()), || {
        look();
        sniffer.has_heard(|m| m.src == host.name() && m.kind == "resource" && m.stable)
    });
    lab.check(kept || lab.alpha.daemon() == lab.bravo.daemon(), "one owner while 3.0.6 restarted itself");
}
