//! A silent node is fenced before its groups are taken over.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Media, Site};
use hbcore_tests::scenario::Pairing;

use crate::groups::{self, Pair};
use crate::{MOVE_LIMIT, START_LIMIT};

/// Uses a device of cluster-glue that 3.0.6 knows too: it claims to reset any host.
pub(crate) fn null_device(pairing: Pairing) {
    let more = "stonith_host * null alpha bravo\n".to_owned();
    let pair = Pair::running("null device", pairing, &Site { more, ..groups::site() });
    let lab = &pair.lab;
    let cut = Instant::now();
    lab.alpha.cut_power();
    pair.await_owners("bravo", "bravo");
    pair.gap("power cut with a device", cut);
    for line in ["Resetting node alpha with [", "node alpha now reset."] {
        lab.check(lab.bravo.logged(line), line);
    }
    lab.check(!lab.bravo.logged("No STONITH device configured."), "no complaint");
    lab.await_until(MOVE_LIMIT, "bravo to tell the others", || {
        pair.sniffer
            .has_heard(|m| m.kind == "stonith" && m.text("result") == Some("OK") && m.text("node") == Some("alpha"))
    });
}

/// A device that fails twice.
const THIRD_TIME: &str = r#"#!/bin/sh
echo "fence $*" >> /var/log/calls
test "$(grep -c ^fence /var/log/calls)" -ge 3
"#;

/// The site's own command fails twice: until it succeeds, bravo takes nothing over.
pub(crate) fn command(pairing: Pairing) {
    // Broadcast, because a unicast to a node without power cannot be sent for long.
    let pair = Pair::new("fence command", pairing, &Site { media: Media::Bcast, ..groups::site() });
    let lab = &pair.lab;
    lab.bravo.write_program("fence", THIRD_TIME);
    lab.bravo.write("hbcore.cf", "fence_command /etc/ha.d/fence\n");
    pair.start();
    lab.alpha.cut_power();
    let calls = || lab.bravo.lines_of("calls").iter().filter(|line| *line == "fence alpha").count();
    let mut early = false;
    lab.await_until(START_LIMIT, "the third call of the command", || {
        let holds = lab.bravo.holds_service();
        let calls = calls();
        early |= holds && calls < 3;
        calls >= 3
    });
    lab.check(!early, "no takeover before the command has succeeded");
    pair.await_owners("bravo", "bravo");
    lab.check(lab.bravo.count_logged("STONITH of alpha failed.  Retrying...") == 2, "two failures in the log");
    lab.check(calls() == 3, "three calls of the command");
    let results = |wanted| pair.sniffer.heard().iter().any(|m| m.kind == "stonith" && m.text("result") == Some(wanted));
    lab.await_until(MOVE_LIMIT, "both results on the wire", || results("bad") && results("OK"));
}

/// The node is back before it was fenced: the attempts end, and the node continues as it was.
pub(crate) fn node_returns(pairing: Pairing) {
    let pair = Pair::new("fenced node returns", pairing, &groups::site());
    let lab = &pair.lab;
    lab.bravo.write_program("fence", "#!/bin/sh\necho \"fence $*\" >> /var/log/calls\nexit 1\n");
    lab.bravo.write("hbcore.cf", "fence_command /etc/ha.d/fence\n");
    pair.start();
    lab.alpha.cut_power();
    lab.await_until(MOVE_LIMIT, "bravo to fail", || lab.bravo.logged("STONITH of alpha failed."));
    lab.alpha.boot();
    let back = Instant::now();
    lab.alpha.start();
    lab.await_until(MOVE_LIMIT, "bravo to leave it at that", || {
        lab.bravo.logged("Node alpha is back: it is not reset any more")
    });
    let calls = lab.bravo.lines_of("calls").len();
    pair.await_owners("alpha", "bravo");
    println!("{pairing} fenced node returns: it serves after {} ms", back.elapsed().as_millis());
    lab.stays(Duration::from_secs(6), "no more calls of the command", || lab.bravo.lines_of("calls").len() == calls);
    lab.check(pair.are_owners("alpha", "bravo"), "each group at home");
}

/// A program that does not end, not even when it is told to, and its child.
const HANGING: &str = r#"#!/bin/sh
trap '' TERM
echo "fence $*" >> /var/log/calls
sleep 1000 &
echo $$ $! >> /run/fencers
while :; do wait; sleep 1; done
"#;

/// The program hangs: it is a problem after a few seconds, is ended at its limit and called again, and does not outlive
/// the daemon.
pub(crate) fn hangs(pairing: Pairing) {
    let pair = Pair::new("fence command hangs", pairing, &Site { media: Media::Bcast, ..groups::site() });
    let (lab, bravo) = (&pair.lab, &pair.lab.bravo);
    bravo.write_program("fence", HANGING);
    bravo.write("hbcore.cf", "fence_command /etc/ha.d/fence\nfence_timeout 5\n");
    pair.start();
    lab.alpha.cut_power();
    let problem = "problem fence-slow: alpha is not fenced yet: /etc/ha.d/fence has not ended";
    crate::status::shows(lab, bravo, 4, &[problem, ": it is terminated, and called again five seconds later"]);
    let calls = || bravo.lines_of("calls").iter().filter(|line| *line == "fence alpha").count();
    lab.await_until(START_LIMIT, "the second call of the command", || calls() == 2);
    let lives = |which: &str| {
        let line = format!("for pid in $({which} /run/fencers); do kill -0 $pid && exit 0; done; exit 1");
        bravo.run("sh", &["-c", &line]).code == Some(0)
    };
    lab.check(!lives("head -n 1"), "nothing of the first call to be left");
    crate::status::shows(lab, bravo, 4, &["problem fence-fails", "problem fence-slow"]);
    lab.check(!bravo.holds_service(), "no takeover before the command has succeeded");
    let stopped = bravo.heartbeat(&["-k"]);
    lab.check(stopped.code == Some(0), &format!("a stop instead of {stopped:?}"));
    lab.check(!lives("cat"), "no program that fences to outlive the daemon");
}
