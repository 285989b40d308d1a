//! The programs of Debian's package that are clients, started by hand as `respawn` would start them.

use std::time::Duration;

use hbcore_tests::lab::{CLIENT, Host, Site};
use hbcore_tests::scenario::Pairing;

use crate::start::{await_owner, together};
use crate::{MOVE_LIMIT, START_LIMIT};

/// The files that these scenarios need.
pub(crate) const NEEDS: &[&str] = &["/usr/libexec/heartbeat/ipfail", "/usr/libexec/heartbeat/ccm", "/usr/bin/setpriv"];

/// Starts a program of the package as the user of clients. Its output goes to this file of `/var/log`.
fn as_client(host: &Host, program: &str, file: &str) {
    let line = format!(
        "setpriv --reuid hacluster --regid haclient --clear-groups /usr/libexec/heartbeat/{program} \\
         > /var/log/{file} 2>&1 < /dev/null &"
    );
    assert_eq!(host.run("sh", &["-c", &line]).code, Some(0));
}

/// The ping node stops answering the owner: the `ipfail` of both nodes compare their views, and the other node takes
/// over.
pub(crate) fn ipfail(pairing: Pairing) {
    let site = Site { more: format!("ping {CLIENT}\ndeadping 1000ms\n"), ..Site::default() };
    let lab = together("ipfail", pairing, &site);
    for host in lab.hosts() {
        as_client(host, "ipfail", "ipfail");
    }
    for (from, to) in [(&lab.alpha, "bravo"), (&lab.bravo, "alpha")] {
        let is_there = || from.run("cl_status", &["clientstatus", to, "ipfail", "4000"]).output == "online\n";
        lab.await_until(MOVE_LIMIT, &format!("ipfail to be online at {to}"), is_there);
    }
    // Both exchange their counts at first, which moves nothing: a request during that would be ignored.
    lab.stays(Duration::from_secs(2), "the address on alpha while the counts are equal", || lab.holders() == ["alpha"]);
    let block = "nft add table ip block; nft 'add chain ip block out { type filter hook output priority 0; }'
        nft add rule ip block out icmp type echo-request drop";
    assert_eq!(lab.alpha.run("sh", &["-ec", block]).code, Some(0));
    await_owner(&lab, &lab.bravo, START_LIMIT);
    let seen = lab.alpha.run("cl_status", &["nodestatus", CLIENT]);
    assert_eq!((seen.code, seen.output.as_str()), (Some(1), "dead\n"));
    assert_eq!(lab.alpha.run("nft", &["delete", "table", "ip", "block"]).code, Some(0));
    let is_back = || lab.alpha.run("cl_status", &["nodestatus", CLIENT]).output == "ping\n";
    lab.await_until(MOVE_LIMIT, "the ping node to answer again", is_back);
}

/// The `ccm` of both nodes agree on a membership of two, and of one after a death.
pub(crate) fn ccm(pairing: Pairing) {
    let lab = together("ccm", pairing, &Site::default());
    for host in lab.hosts() {
        as_client(host, "ccm", "ccm");
    }
    let members = |host: &Host| host.run("cl_status", &["hbstatus", "-v"]).output;
    for host in lab.hosts() {
        let what = format!("ccm of {} to see two members", host.name());
        lab.await_until(START_LIMIT, &what, || members(host).contains("members 2"));
    }
    lab.alpha.cut_power();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    lab.await_until(START_LIMIT, "ccm of bravo to see one member", || members(&lab.bravo).contains("members 1"));
}

/// The `api_test` of both nodes call every function of the client interface, and answer each other's messages.
pub(crate) fn api_test(pairing: Pairing) {
    let lab = together("api_test", pairing, &Site::default());
    for host in lab.hosts() {
        let line = "setpriv --regid haclient --clear-groups /usr/libexec/heartbeat/api_test > /var/log/api_test 2>&1 < /dev/null &";
        assert_eq!(host.run("sh", &["-c", line]).code, Some(0));
    }
    for host in lab.hosts() {
        let got = || host.lines_of("api_test").iter().any(|line| line.contains("pingreply"));
        lab.await_until(START_LIMIT, &format!("api_test of {} to be answered", host.name()), got);
    }
}
