//! A cluster without IPv4: heartbeats by mcast6 and ucast6, and an IPv6 address that moves.

use hbcore_tests::lab::{Host, Lab, Media, SERVICE6, Site};
use hbcore_tests::scenario::Pairing;

use crate::MOVE_LIMIT;
use crate::START_LIMIT;

/// Each link carries heartbeats both ways, and a power cut of the owner moves the address.
pub(crate) fn alone(pairing: Pairing) {
    let site = Site { media: Media::Ipv6, group: format!("IPv6addr::{SERVICE6}/64/eth0"), ..Site::default() };
    let lab = Lab::new(&format!("{pairing} ipv6"), pairing.alpha, pairing.bravo, &site);
    lab.alpha.start();
    lab.bravo.start();
    for (host, peer) in [(&lab.alpha, "bravo"), (&lab.bravo, "alpha")] {
        for link in ["eth0", "eth1"] {
            let line = format!("Link {peer}:{link} up.");
            lab.await_until(START_LIMIT, &format!("{} to log: {line}", host.name()), || host.logged(&line));
        }
    }
    await_owner6(&lab, &lab.alpha);

    lab.alpha.cut_power();
    lab.await_until(MOVE_LIMIT, "the node alpha declared dead", || lab.bravo.logged("node alpha: is dead"));
    await_owner6(&lab, &lab.bravo);
}

/// Waits until only this host has the IPv6 address and the client reaches it there: its neighbour cache is right.
#[track_caller]
fn await_owner6(lab: &Lab, owner: &Host) {
    let name = owner.name();
    lab.await_until(START_LIMIT, &format!("the IPv6 address on {name} alone"), || lab.holders6() == [name]);
    let what = format!("the client to be served by {name} over IPv6");
    lab.await_until(MOVE_LIMIT, &what, || lab.answers6().as_deref() == Some(name));
}
