//! Rules of docs/protocol/clients.md that a client sees from its socket alone.

use hbcore_tests::lab::{Daemon, Host, Lab, Site};
use hbcore_tests::scenario::Pairing;

use crate::MOVE_LIMIT;
use crate::clients_abuse::{CLIENT, NAME, in_background, says};
use crate::start::together;

/// The program that chooses real and effective groups.
pub(crate) const NEEDS: &[&str] = &["/usr/bin/setpriv"];

/// The fields of the header that a message without any of them gets at its end.
const HEADER: &str = "srcuuid seq hg ts ld ttl auth";

/// The join of a client, its messages and its leave reach the peer with their fields in the order of 3.0.6. A field of
/// the header that a client writes itself keeps its place.
pub(crate) fn field_order(pairing: Pairing) {
    let lab = together("order of fields", pairing, &Site::default());
    in_background(&lab.bravo, &format!("fields {NAME} 100"), "fields");
    let is_ready = || lab.bravo.lines_of("fields").contains(&"ready".to_owned());
    lab.await_until(MOVE_LIMIT, "the watcher to be there", is_ready);
    // Messages of the daemon have no such field.
    let seen = || lab.bravo.lines_of("fields").into_iter().filter(|line| line.contains("from_id")).collect::<Vec<_>>();
    let before = seen().len();
    let odd = "a=1 src=evil seq=7 hg=5 t=custom ts=9 ld=load ttl=77 to_id=zz b=2 client_gen=99 dest=bravo z=1";
    says(&lab.alpha, &[&["say", NAME][..], &odd.split(' ').collect::<Vec<_>>()].concat());
    let announced = format!("t st from_id to_id src info client_gen {HEADER}");
    let expected = [
        announced.clone(),
        "a src seq hg t ts ld ttl to_id b client_gen dest z from_id destuuid srcuuid auth".to_owned(),
        announced,
    ];
    lab.await_until(MOVE_LIMIT, "join, message and leave", || seen().len() >= before + 3);
    let seen = seen().split_off(before);
    lab.check(seen == expected, &format!("{expected:#?}, not {seen:#?}"));
}

/// Without a filter of its own, a client gets the kept messages: those of scripts, for example, on either node.
pub(crate) fn default_filter(pairing: Pairing) {
    let lab = together("default filter", pairing, &Site::default());
    let is_ours = |host: &Host| host.daemon() == Daemon::Ours;
    for host in lab.hosts() {
        in_background(host, &format!("types {NAME} - 100"), "named");
        in_background(host, "types - - 100", "casual");
        // A 3.0.6 shows the second copy of a message to those that want duplicates.
        in_background(host, "types - 8 100", "duplicates");
        let is_ready = |file: &str| host.lines_of(file).contains(&"ready".to_owned());
        lab.await_until(MOVE_LIMIT, "the clients", || ["named", "casual", "duplicates"].into_iter().all(is_ready));
    }
    for (n, host) in lab.hosts().into_iter().enumerate() {
        let note = format!("note{n}");
        host.write_fifo(&[&format!("t={note}"), "x=1"]);
        for host in lab.hosts() {
            let got = |file: &str| host.lines_of(file).contains(&note);
            lab.await_until(MOVE_LIMIT, &format!("{note} at {}", host.name()), || got("named") && got("casual"));
            lab.check(!(is_ours(host) && got("duplicates")), "no kept message with another filter");
        }
    }
}

/// The group by which a daemon admits a client is the effective one. (`ping` may be anyone of the group haclient.)
pub(crate) fn effective_group(pairing: Pairing) {
    let lab = together("effective group", pairing, &Site::default());
    for host in lab.hosts() {
        let with_groups = |real: &str, effective: &str| {
            let words = ["--rgid", real, "--egid", effective, "--clear-groups", CLIENT, "names", "ping"];
            host.run("setpriv", &words).output.trim_end().to_owned()
        };
        let admitted = with_groups("root", "haclient");
        lab.check(admitted == "welcome", &format!("{} to admit ping, not [{admitted}]", host.name()));
        let refused = with_groups("haclient", "root");
        lab.check(refused.contains("client failed authorization"), &format!("a refusal, not [{refused}]"));
    }
}

/// A client of ours cannot speak for the daemon: messages of these types are dropped. Others come back to it.
pub(crate) fn reserved_types(pairing: Pairing) {
    let lab = together("reserved types", pairing, &Site::default());
    let dropped =
        "status starting resource shutdone reqnodes repnodes NS_st NS_ackmsg NS_rexmit NS_nak_rexmit NS_other";
    for kind in dropped.split(' ') {
        let back = says(&lab.alpha, &["echo", NAME, kind]);
        lab.check(back.is_empty(), &format!("{kind} to be dropped, not [{back}]"));
    }
    lab.check(lab.alpha.logged("A client's message of type status is dropped"), "a line that says why");
    let passed = ["custom", "ip-request", "ip-request-resp", "stonith", "hbapi-resp", "num_ping_nodes"];
    let back = says(&lab.alpha, &[&["echo", NAME][..], &passed].concat());
    lab.check(back.lines().eq(passed), &format!("{passed:?}, not [{back}]"));
    settled(&lab);
}

/// Nothing has moved.
fn settled(lab: &Lab) {
    lab.check(lab.holders() == ["alpha"], "the address on alpha");
    for host in lab.hosts() {
        let status = host.run("cl_status", &["nodestatus", "bravo"]).output;
        lab.check(status == "active\n", &format!("bravo to be active, not [{status}]"));
    }
}
