//! Somebody removes an address of a group, or another host has it too: the node adds it again, or the group goes to the
//! other node.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Host, SERVICE};
use hbcore_tests::scenario::Pairing;

use crate::MOVE_LIMIT;
use crate::groups::{self, Pair};
use crate::status::shows;

/// How often a node adds a lost address again within a minute.
const LOSSES: usize = 5;

fn ip(host: &Host, words: &str) -> bool {
    let words: Vec<&str> = words.split(' ').collect();
    host.run("ip", &words).code == Some(0)
}

/// Alpha's address is removed by hand, again and again. It is added at once, until it was removed too often.
pub(crate) fn removed(pairing: Pairing) {
    let pair = Pair::running("address removed", pairing, &groups::site());
    let lab = &pair.lab;
    for _ in 0..LOSSES {
        let since = Instant::now();
        lab.check(ip(&lab.alpha, &format!("addr del {SERVICE}/24 dev eth0")), "the address to be there");
        lab.await_until(MOVE_LIMIT, "the address back on alpha", || lab.holders() == ["alpha"]);
        pair.gap("an address removed by hand", since);
    }
    lab.check(pair.are_owners("alpha", "bravo"), "nothing to move yet");
    let since = Instant::now();
    lab.check(ip(&lab.alpha, &format!("addr del {SERVICE}/24 dev eth0")), "the address to be there");
    pair.await_owners("bravo", "bravo");
    pair.await_claims(since, "none", "all");
    pair.check_gap("an address removed too often", since, Duration::from_secs(5));
    let line = format!("Resource group IPaddr::{SERVICE}/24/eth0 cannot be kept here");
    lab.check(lab.alpha.count_logged(&line) == 1, "alpha to say once what it cannot keep");
    let trace = "there is no second node for it: an address of it could not be kept here";
    shows(lab, &lab.alpha, 4, &[&format!("problem failed-here: IPaddr::{SERVICE}/24/eth0 failed here"), trace]);
}

/// Alpha's interface is set down, while the nodes hear each other on the other link. If it stays down, the group moves.
pub(crate) fn interface_down(pairing: Pairing) {
    let pair = Pair::running("interface down", pairing, &groups::site());
    let lab = &pair.lab;
    let since = Instant::now();
    lab.check(ip(&lab.alpha, "link set eth0 down"), "the interface to be there");
    lab.stays(Duration::from_secs(5), "the group on alpha", || groups::held(lab, "web") == ["alpha"]);
    pair.await_owners("bravo", "bravo");
    pair.await_claims(since, "none", "all");
    pair.check_gap("an interface that stays down", since, Duration::from_secs(20));
    lab.check(!lab.alpha.logged("Reboot required"), "the address to count as given up");
}

/// Without a peer that could take it over, a group is not stopped for an address that cannot be kept, and it recovers.
pub(crate) fn alone(pairing: Pairing) {
    let pair = Pair::running("interface down, alone", pairing, &groups::site());
    let lab = &pair.lab;
    lab.bravo.stop();
    pair.await_owners("alpha", "alpha");
    lab.check(ip(&lab.alpha, "link set eth0 down"), "the interface to be there");
    let log = "the interface was set down";
    lab.await_until(MOVE_LIMIT, "alpha to miss the address", || lab.alpha.logged(log));
    lab.stays(Duration::from_secs(13), "the scripts on alpha", || groups::held(lab, "web") == ["alpha"]);
    lab.check(ip(&lab.alpha, "link set eth0 up"), "the interface to be there");
    pair.await_owners("alpha", "alpha");
}

/// Another host has alpha's address. With `refuse`, the group moves when that has lasted for a while.
pub(crate) fn stranger(pairing: Pairing) {
    let pair = Pair::new("stranger", pairing, &groups::site());
    let lab = &pair.lab;
    lab.alpha.write("hbcore.cf", "address_conflict refuse\n");
    pair.start();
    let since = Instant::now();
    // The other node plays the stranger, so that the conflict ends: its operator has added the address by hand.
    lab.check(ip(&lab.bravo, &format!("addr add {SERVICE}/24 dev eth0 label eth0:0")), "the address to be new there");
    let line = format!("has address {SERVICE} of ours");
    // Alpha notices the stranger by its ARP requests. To send to a host that does not exist, the kernel broadcasts
    // them.
    // exist.
    let spoken = lab.bravo.namespace().inside(|| UdpSocket::bind((SERVICE, 0))?.send_to(b"hello", ("10.77.0.77", 9)));
    lab.check(spoken.is_ok(), "the stranger to speak");
    lab.await_until(MOVE_LIMIT, "alpha to hear of it", || lab.alpha.logged(&line));
    pair.await_claims(since, "none", "all");
    lab.await_until(MOVE_LIMIT, "the groups on bravo", || pair.are_owners("bravo", "bravo"));
}
