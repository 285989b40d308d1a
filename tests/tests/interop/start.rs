//! The common begin of the scenarios.

use hbcore_tests::lab::{Daemon, Host, Lab, Site};
use hbcore_tests::scenario::Pairing;

use crate::START_LIMIT;

/// Starts both nodes together and waits until alpha serves and both have settled.
pub(crate) fn together(name: &str, pairing: Pairing, site: &Site) -> Lab {
    let lab = Lab::new(&format!("{pairing} {name}"), pairing.alpha, pairing.bravo, site);
    start_both(&lab);
    lab
}

/// The same for a lab that was prepared before.
#[track_caller]
pub(crate) fn start_both(lab: &Lab) {
    lab.alpha.start();
    lab.bravo.start();
    await_owner(lab, &lab.alpha, START_LIMIT);
    await_settled(lab);
}

/// Waits until only this host has the address and the client reaches it there.
#[track_caller]
pub(crate) fn await_owner(lab: &Lab, owner: &Host, limit: std::time::Duration) {
    let name = owner.name();
    lab.await_until(limit, &format!("the address on {name} alone"), || lab.holders() == [name]);
    lab.await_until(limit, &format!("the client to be served by {name}"), || lab.client.is_served_by(name));
}

/// Waits until a 3.0.6 has finished its own transitions. Ours settles with the address.
#[track_caller]
pub(crate) fn await_settled(lab: &Lab) {
    for host in lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Reference) {
        let what = format!("{} to settle", host.name());
        lab.await_until(START_LIMIT, &what, || host.logged("resource transition completed."));
    }
}

/// Waits until a takeover by 3.0.6 is over: its scripts report it some time after the address is up.
#[track_caller]
pub(crate) fn await_takeover(lab: &Lab, host: &Host) {
    if host.daemon() == Daemon::Reference {
        let what = format!("{} to end its takeover", host.name());
        lab.await_until(START_LIMIT, &what, || host.logged("info: mach_down takeover complete."));
    }
}
