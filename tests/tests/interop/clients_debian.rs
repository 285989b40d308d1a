//! The programs of Debian's package that are clients, started by hand as `respawn` would start them.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use hbcore_tests::lab::{CLIENT, Host, Site, release_binary};
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

/// The block of `hbstatus -v` about the membership: that of Debian's `cl_status`, and ours.
fn membership(host: &Host) -> [String; 2] {
    let ours = release_binary("cl_status").display().to_string();
    ["cl_status", &ours].map(|program| {
        let output = host.run(program, &["hbstatus", "-v"]).output;
        let lines = output.lines().skip_while(|line| !line.starts_with("ccm membership"));
        lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    })
}

/// The `ccm` and `api_test` that the daemons start, as they are seen on alpha and bravo: the membership at first, and after
/// alpha's end. The order in which the two `ccm` have started decides which is the older member, so births are left out.
fn started_by_the_daemon(pairing: Pairing) -> Vec<String> {
    let lines = ["ccm", "api_test"].map(|name| format!("respawn hacluster /usr/libexec/heartbeat/{name}\n")).concat();
    let lab = together("ccm by respawn", pairing, &Site { more: lines, ..Site::default() });
    let both = |host: &Host, members: &str| {
        // While the membership changes, a run of a program may show none.
        let seen = Cell::new([String::new(), String::new()]);
        let what = format!("{members} on {}, from both programs", host.name());
        lab.await_until(START_LIMIT, &what, || {
            let both = membership(host);
            let is_equal = both[0] == both[1] && both[0].contains(members);
            seen.set(both);
            is_equal
        });
        let [debian, _] = seen.into_inner();
        let mut lines: Vec<&str> = debian.lines().map(|line| line.split("\t(born").next().unwrap_or(line)).collect();
        lines.retain(|line| !line.contains("instance"));
        lines.sort_unstable();
        lines.join("\n")
    };
    let mut seen = lab.hosts().map(|host| both(host, "members 2")).to_vec();
    for host in lab.hosts() {
        for (of, client) in [("alpha", "ccm"), ("bravo", "ccm"), ("alpha", "ping"), ("bravo", "ping")] {
            let is_online = || host.run("cl_status", &["clientstatus", of, client, "4000"]).output == "online\n";
            lab.await_until(START_LIMIT, &format!("{client} of {of} to be online at {}", host.name()), is_online);
        }
    }
    lab.alpha.stop();
    seen.push(both(&lab.bravo, "members 1"));
    seen
}

/// The `ccm` and `api_test` that the daemons start show what they show between two nodes of 3.0.6, with Debian's
/// `cl_status` and with ours.
pub(crate) fn started(pairing: Pairing) {
    static EXPECTED: OnceLock<Vec<String>> = OnceLock::new();
    let expected = EXPECTED.get_or_init(|| started_by_the_daemon(Pairing::REF_REF));
    assert_eq!(&started_by_the_daemon(pairing), expected);
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
