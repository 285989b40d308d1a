//! An address, a replicated disk and its file system, from the first start over a power cut to the end.

use std::time::Instant;

use hbcore_tests::lab::Daemon;
use hbcore_tests::lab::guest::Guest;
use hbcore_tests::scenario::Pairing;

use crate::pair::{MOUNT_POINT, Pair};

/// Files with their content.
const FIRST: (&str, &str) = ("first", "written on alpha\n");
const SECOND: (&str, &str) = ("second", "written on bravo\n");

/// The last log line about a hand-over, on the node that gave, and on the one that took.
const GIVEN: &str = "Other node completed standby takeover of";
const TAKEN: &str = "Standby resource acquisition done";

pub(crate) fn life(pairing: Pairing) {
    let begin = Instant::now();
    let step = |what: &str| println!("{pairing}: {:.1} s: {what}", begin.elapsed().as_secs_f64());
    let pair = Pair::new(pairing);
    let (alpha, bravo) = (pair.alpha(), pair.bravo());
    step("the disk is there");
    pair.start(alpha);
    pair.start(bravo);
    pair.await_owner(alpha, &[]);
    write(alpha, FIRST);
    pair.await_owner(alpha, &[FIRST]);

    step("cut");
    alpha.cut_power();
    pair.await_owner(bravo, &[FIRST]);
    if pairing.bravo == Daemon::Reference {
        pair.await_logged(bravo, "mach_down takeover complete.", 1);
    }
    write(bravo, SECOND);

    step("alpha boots");
    pair.reboot_alpha();
    pair.await_owner(alpha, &[FIRST, SECOND]);
    pair.await_synchronized();
    pair.await_logged(bravo, GIVEN, 1);
    pair.await_logged(alpha, TAKEN, 1);

    step("hb_standby on alpha");
    pair.tool(alpha, "hb_standby");
    pair.await_owner(bravo, &[FIRST, SECOND]);
    pair.await_logged(alpha, GIVEN, 1);
    pair.await_logged(bravo, TAKEN, 1);

    step("hb_takeover on alpha");
    pair.tool(alpha, "hb_takeover");
    pair.await_owner(alpha, &[FIRST, SECOND]);
    pair.await_logged(bravo, GIVEN, 2);
    pair.await_logged(alpha, TAKEN, 2);

    step("alpha stops");
    pair.stop(alpha);
    pair.await_owner(bravo, &[FIRST, SECOND]);

    step("bravo stops");
    pair.stop(bravo);
    pair.await_nothing();
    pair.end();
    step("both are off");
}

/// Writes a file on the node that has the disk. When this returns, the file is on both disks.
#[track_caller]
fn write(guest: &Guest, (file, text): (&str, &str)) {
    let path = format!("{MOUNT_POINT}/{file}");
    guest.run(&format!("echo '{}' > {path} && sync {path}", text.trim_end()));
}
