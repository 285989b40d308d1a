//! Groups that cannot be started now: the words of each node about them, and the time of the next start.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Host, SERVICE, Site};
use hbcore_tests::scenario::Pairing;

use crate::failures::write_web;
use crate::groups::{self, Pair, held};
use crate::status::{has, hb, shows};
use crate::{MOVE_LIMIT, START_LIMIT, Scenario};

/// Scenarios in which alpha is ours.
pub(crate) const OF_ALPHA: [(&str, Scenario); 2] = [
    ("start_that_failed_on_a_lone_node_is_tried_again", lone),
    ("start_that_failed_on_a_lone_node_is_left_to_a_peer_that_comes", peer_comes),
];

/// Scenarios of a pair of ours.
pub(crate) const OURS: [(&str, Scenario); 4] = [
    ("start_that_failed_on_a_survivor_is_tried_again_when_an_operator_asks", survivor),
    ("interface_that_was_gone_on_both_nodes_is_served_as_soon_as_it_is_back", interface_gone),
    ("stranger_beside_both_nodes_moves_a_group_and_leaves_no_trace", stranger),
    ("status_of_a_failed_start_that_does_not_stop_is_not_nowhere_at_the_peer", does_not_stop),
];

/// An address on an interface of its own.
const FLOATING: &str = "10.79.0.100";

/// The peer was never seen. The group is tried again without anybody's help.
fn lone(pairing: Pairing) {
    let pair = Pair::new("lone start fails", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    write_web(alpha, "start", "exit 1");
    alpha.start();
    shows(lab, alpha, 4, &["nowhere: could not be started here; next: it is started here again in ", "runs-nowhere"]);
    shows(lab, alpha, 4, &["nowhere: could not be started here (2 times); next: it is started here again in "]);
    write_web(alpha, "never", "exit 1");
    lab.await_until(START_LIMIT, "alpha to serve", || lab.holders() == ["alpha"] && held(lab, "web") == ["alpha"]);
    shows(lab, alpha, 4, &["settled", "problem node-dead"]);
    lab.check(!hb(alpha, &["status"]).1.contains("failed-here"), "no trace of it");
}

/// A peer that comes takes the group over, as always.
fn peer_comes(pairing: Pairing) {
    let pair = Pair::new("lone start fails, a peer comes", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    write_web(alpha, "start", "exit 1");
    alpha.start();
    shows(lab, alpha, 4, &["(2 times); next: it is started here again in "]);
    let since = Instant::now();
    lab.bravo.start();
    pair.await_owners("bravo", "bravo");
    pair.await_claims(since, "none", "all");
}

/// The peer has died, and its heir could not start its group. An operator who has repaired the cause need not wait.
fn survivor(pairing: Pairing) {
    let pair = Pair::running("survivor", pairing, &groups::site());
    let (lab, bravo) = (&pair.lab, &pair.lab.bravo);
    write_web(bravo, "start", "exit 1");
    lab.alpha.cut_power();
    let again = "nowhere: could not be started here (3 times); next: it is started here again in ";
    shows(lab, bravo, 4, &[again, "problem failed-here: "]);
    write_web(bravo, "never", "exit 1");
    let (code, said) = hb(bravo, &["takeover", "local"]);
    lab.check(code == Some(1) && said.contains("refused: there is no other node"), &said);
    let since = Instant::now();
    let (code, said) = hb(bravo, &["takeover"]);
    lab.check(code == Some(0) && said.contains("what could not be started here is started again now"), &said);
    lab.await_until(MOVE_LIMIT, "bravo to serve", || held(lab, "web") == ["bravo"]);
    lab.check(since.elapsed() < Duration::from_secs(5), "a start at once, and not after the pause of twenty seconds");
    pair.await_owners("bravo", "bravo");
}

/// A start of bravo fails after it has started something, and its stop fails too. Alpha knows that bravo may run the
/// group, and does not doubt bravo's own group.
fn does_not_stop(pairing: Pairing) {
    let pair = Pair::running("failed start does not stop", pairing, &groups::site());
    let lab = &pair.lab;
    let harmless = "#!/bin/sh\nexit 1\n";
    lab.bravo.put_into("/usr/sbin", &[("reboot", harmless), ("init", harmless)]);
    write_web(&lab.bravo, "start|stop", "if [ $1 = start ]; then : > $held; fi; exit 1");
    lab.alpha.standby("local");
    let row = "may still run at bravo: its start failed there, and its stop has not succeeded";
    let told = || hb(&lab.alpha, &["status"]).1;
    lab.await_until(START_LIMIT, &format!("alpha to say that it {row}"), || told().contains(row));
    has(lab, &lab.alpha, &["\"at\":\"bravo\"", "\"why\":\"may-run-there\"", "\"nowhere\":null"]);
    lab.stays(Duration::from_secs(4), "no group that runs nowhere", || {
        let text = told();
        !text.contains("problem runs-nowhere") && !text.contains("nowhere:")
    });
    shows(lab, &lab.bravo, 4, &["cannot be stopped here"]);
    lab.check(held(lab, "web") == ["bravo"] && held(lab, "mail") == ["bravo"], "both on bravo");
}

/// The interface of an address is deleted on both nodes, while they hear each other on the other link, until neither can
/// start its group. When it is back at home, the group is started there at once.
fn interface_gone(pairing: Pairing) {
    let site = Site { group: format!("IPaddr::{FLOATING}/24/veth8 web"), ..groups::site() };
    let pair = Pair::new("interface gone", pairing, &site);
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let make = |host: &Host| {
        let line = "ip link add veth8 type veth peer name veth9 && ip link set veth8 up";
        lab.check(host.run("sh", &["-c", line]).code == Some(0), "an interface");
    };
    lab.hosts().into_iter().for_each(make);
    lab.hosts().into_iter().for_each(Host::start);
    lab.await_until(START_LIMIT, "the groups at home", || {
        held(lab, "web") == ["alpha"] && held(lab, "mail") == ["bravo"]
    });
    for host in lab.hosts() {
        shows(lab, host, 0, &["settled"]);
    }
    for host in lab.hosts() {
        lab.check(host.run("ip", &["link", "del", "veth8"]).code == Some(0), "the interface to be there");
    }
    let row = "nor at bravo; next: bravo is asked to take it in ";
    shows(lab, alpha, 4, &[row, "problem failed-here: ", "no interface veth8"]);
    let since = Instant::now();
    make(alpha);
    lab.await_until(MOVE_LIMIT, "alpha to serve", || held(lab, "web") == ["alpha"]);
    println!("{pairing} interface gone: alpha serves after {} ms", since.elapsed().as_millis());
    shows(lab, alpha, 0, &["settled"]);
}

/// A host beside both nodes has the address of alpha's group. The group moves to bravo and back; then alpha serves, and
/// only the conflict is a problem.
fn stranger(pairing: Pairing) {
    let pair = Pair::new("stranger beside both", pairing, &groups::site());
    let lab = &pair.lab;
    for host in lab.hosts() {
        host.write("hbcore.cf", "address_conflict refuse\n");
    }
    pair.start();
    lab.outside().ip(&format!("address add {SERVICE}/24 dev eth0"));
    let spoken = lab.outside().inside(|| UdpSocket::bind((SERVICE, 0))?.send_to(b"hello", ("10.77.0.77", 9)));
    lab.check(spoken.is_ok(), "the stranger to speak");

    lab.await_until(START_LIMIT, "the group on bravo", || pair.are_owners("bravo", "bravo"));
    lab.await_until(START_LIMIT, "the group on alpha again", || pair.are_owners("alpha", "bravo"));
    for host in lab.hosts() {
        shows(lab, host, if host.name() == "alpha" { 4 } else { 0 }, &["settled"]);
    }
    shows(lab, &lab.alpha, 4, &["problem address-conflict: "]);
    let text = hb(&lab.alpha, &["status"]).1;
    lab.check(!text.contains("failed-here"), &format!("no trace in {text}"));
}
