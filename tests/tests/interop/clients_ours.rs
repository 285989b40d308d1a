//! The clients of this project, with daemons and counterparts of either kind.

use std::time::Duration;

use hbcore_tests::lab::{CLIENT, Daemon, Host, Lab, Site, release_binary};
use hbcore_tests::scenario::Pairing;

use crate::start::{await_owner, start_both};
use crate::{MOVE_LIMIT, START_LIMIT};

/// The programs of Debian that are compared with.
pub(crate) const NEEDS: &[&str] = &[
    "/usr/bin/cl_status",
    "/usr/libexec/heartbeat/ipfail",
    "/usr/libexec/heartbeat/dopd",
    "/usr/libexec/heartbeat/drbd-peer-outdater",
];

/// Where a program is that is Debian's or ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Debian,
    Us,
}

/// The command of a program on a host. Ours is called through a script, since its name says which of our tools it is.
fn command(host: &Host, of: Of, program: &str) -> String {
    if of == Of::Debian {
        return format!("/usr/libexec/heartbeat/{program}");
    }
    let tool = release_binary("hb_tool");
    host.put_into("/usr/local/bin", &[(program, &format!("#!/bin/sh\nexec {} {program} \"$@\"\n", tool.display()))]);
    format!("/usr/local/bin/{program}")
}

/// A pair whose daemons start `ipfail`: that of alpha, and that of bravo.
fn with_ipfail(pairing: Pairing, kinds: [Of; 2], site: &Site) -> Lab {
    let lab = Lab::new(&format!("{pairing} ipfail"), pairing.alpha, pairing.bravo, site);
    for (host, of) in lab.hosts().into_iter().zip(kinds) {
        let command = match (host.daemon(), of) {
            // As configurations of other distributions have it.
            (Daemon::Ours, Of::Debian) => "/usr/lib64/heartbeat/ipfail".to_owned(),
            _ => command(host, of, "ipfail"),
        };
        let line = format!("respawn hacluster {command}\n");
        host.write_site(&Site { more: format!("{}{line}", site.more), ..site.clone() });
    }
    start_both(&lab);
    for (from, to) in [(&lab.alpha, "bravo"), (&lab.bravo, "alpha")] {
        let is_there = || from.run("cl_status", &["clientstatus", to, "ipfail", "4000"]).output == "online\n";
        lab.await_until(START_LIMIT, &format!("ipfail to be online at {to}"), is_there);
    }
    lab
}

fn block(host: &Host) {
    let rules = "nft add table ip block; nft 'add chain ip block out { type filter hook output priority 0; }'
        nft add rule ip block out icmp type echo-request drop";
    assert_eq!(host.run("sh", &["-ec", rules]).code, Some(0));
}

fn unblock(host: &Host) {
    assert_eq!(host.run("nft", &["delete", "table", "ip", "block"]).code, Some(0));
}

/// The owner does not reach the ping node any more: the other node takes over. It does again: the groups go home.
fn takes_over_and_gives_back(pairing: Pairing, kinds: [Of; 2]) {
    let site = Site { more: format!("ping {CLIENT}\ndeadping 1000ms\n"), ..Site::default() };
    let lab = with_ipfail(pairing, kinds, &site);
    // The first exchange of counts, in which a node that holds groups of the other gives them back, is over then.
    lab.stays(Duration::from_secs(2), "the address on alpha while the counts are equal", || lab.holders() == ["alpha"]);
    block(&lab.alpha);
    await_owner(&lab, &lab.bravo, START_LIMIT);
    lab.stays(Duration::from_secs(2), "the address on bravo", || lab.holders() == ["bravo"]);
    unblock(&lab.alpha);
    await_owner(&lab, &lab.alpha, START_LIMIT);
    lab.stays(Duration::from_secs(3), "the address on alpha", || lab.holders() == ["alpha"]);
}

pub(crate) fn ipfail_of_ours(pairing: Pairing) {
    takes_over_and_gives_back(pairing, [Of::Us, Of::Us]);
}

pub(crate) fn ipfail_of_ours_and_debian(pairing: Pairing) {
    takes_over_and_gives_back(pairing, [Of::Us, Of::Debian]);
}

pub(crate) fn ipfail_of_debian_and_ours(pairing: Pairing) {
    takes_over_and_gives_back(pairing, [Of::Debian, Of::Us]);
}

/// The ping node falls silent for both nodes: nothing moves, then or when it answers again.
pub(crate) fn ipfail_without_a_router(pairing: Pairing) {
    let more = format!("ping {CLIENT}\ndeadping 3000ms\n");
    let site = Site { keepalive: 1000, deadtime: 5000, initdead: 6000, more, ..Site::default() };
    let lab = with_ipfail(pairing, [Of::Us, Of::Us], &site);
    lab.hosts().into_iter().for_each(block);
    for host in lab.hosts() {
        let is_dead = || host.run("cl_status", &["nodestatus", CLIENT]).output == "dead\n";
        lab.await_until(MOVE_LIMIT, &format!("{} to miss the ping node", host.name()), is_dead);
    }
    lab.stays(Duration::from_secs(4), "the address on alpha", || lab.holders() == ["alpha"]);
    lab.hosts().into_iter().for_each(unblock);
    lab.stays(Duration::from_secs(4), "the address on alpha", || lab.holders() == ["alpha"]);
}

/// Ends as the next line of a file says, and remembers its calls.
const DRBDADM: &str = "#!/bin/sh\necho \"drbdadm $*\" >> /var/log/drbd\nexit $(cat /var/log/drbd-code)\n";

/// The other node's data are marked as outdated on demand, and DRBD is told how that ended.
pub(crate) fn dopd(pairing: Pairing) {
    let site = Site { more: "apiauth dopd uid=hacluster gid=haclient\n".to_owned(), ..Site::default() };
    let lab = Lab::new(&format!("{pairing} dopd"), pairing.alpha, pairing.bravo, &site);
    let kinds = [Of::Us, if pairing.is_all_ours() { Of::Us } else { Of::Debian }];
    for (host, of) in lab.hosts().into_iter().zip(kinds) {
        host.put_into("/usr/sbin", &[("drbdadm", DRBDADM)]);
        let open = "chmod 1777 /var/log; touch /var/log/drbd; chmod 666 /var/log/drbd; echo 0 > /var/log/drbd-code";
        assert_eq!(host.run("sh", &["-c", open]).code, Some(0));
        let line = format!("respawn hacluster {}\n", command(host, of, "dopd"));
        host.write_site(&Site { more: format!("{}{line}", site.more), ..site.clone() });
    }
    start_both(&lab);
    let ours = command(&lab.alpha, Of::Us, "drbd-peer-outdater");
    let theirs = command(&lab.alpha, Of::Debian, "drbd-peer-outdater");
    for (from, to) in [(&lab.alpha, "bravo"), (&lab.bravo, "alpha")] {
        let is_there = || from.run("cl_status", &["clientstatus", to, "dopd", "4000"]).output == "online\n";
        lab.await_until(START_LIMIT, &format!("dopd to be online at {to}"), is_there);
    }
    let ask = |program: &str, peer: &str| lab.alpha.run(program, &["-r", "r0", "-p", peer, "-t", "8"]).code;
    for program in [&ours, &theirs] {
        for (ends, told) in [(0, 4), (5, 3), (17, 6), (1, 20)] {
            let set = format!("echo {ends} > /var/log/drbd-code");
            assert_eq!(lab.bravo.run("sh", &["-c", &set]).code, Some(0));
            assert_eq!(ask(program, "bravo"), Some(told), "{program}: drbdadm ends with {ends}");
        }
        assert_eq!(ask(program, "charlie"), Some(5), "{program}: a node that does not exist");
        assert_eq!(ask(program, "alpha"), Some(5), "{program}: the node itself");
    }
    assert_eq!(lab.bravo.lines_of("drbd"), ["drbdadm outdate r0"; 8]);
    assert!(lab.alpha.lines_of("drbd").is_empty());
    lab.bravo.cut_power();
    let is_dead = || lab.alpha.run("cl_status", &["nodestatus", "bravo"]).output == "dead\n";
    lab.await_until(MOVE_LIMIT, "bravo to be dead", is_dead);
    assert_eq!(ask(&ours, "bravo"), Some(5), "a dead node");
}
