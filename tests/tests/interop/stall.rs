//! The owner's daemon is not scheduled for longer than the dead time: the other node must take over, and the owner
//! wakes up with the address.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Daemon, Site};
use hbcore_tests::scenario::Pairing;

use crate::start::{await_takeover, together};
use crate::{MOVE_LIMIT, START_LIMIT};

/// What has not changed for this long, longer than a 3.0.6 waits before it restarts itself, will not.
const FOR_GOOD: Duration = Duration::from_secs(5);

/// Exactly one owner in the end.
pub(crate) fn of_the_owner(pairing: Pairing) {
    let site = Site { auto_failback: false, ..Site::default() };
    let lab = together("stall", pairing, &site);
    lab.alpha.freeze_daemon();
    lab.await_until(MOVE_LIMIT, "bravo to declare alpha dead", || lab.bravo.logged("node alpha: is dead"));
    lab.await_until(MOVE_LIMIT, "the address on both nodes", || lab.holders() == ["alpha", "bravo"]);
    await_takeover(&lab, &lab.bravo);

    let thawed = Instant::now();
    lab.alpha.thaw_daemon();
    if lab.alpha.daemon() == Daemon::Ours {
        lab.await_until(MOVE_LIMIT, "alpha to notice that it did not run", || {
            lab.alpha.logged("This node was not running for")
        });
    }
    // A 3.0.6 restarts itself, or does not, by what it has read first.
    let mut since = None;
    lab.await_until(START_LIMIT, "one owner for good", || {
        since = if lab.holders().len() == 1 { since.or_else(|| Some(Instant::now())) } else { None };
        since.is_some_and(|since: Instant| since.elapsed() > FOR_GOOD)
    });
    let gap = lab.client.longest_gap(thawed);
    println!("{pairing} stall: {} ms without answer after it, owner {:?}", gap.as_millis(), lab.holders());
    if pairing.is_all_ours() {
        lab.check(gap < Duration::from_secs(1), &format!("no gap in the service instead of {} ms", gap.as_millis()));
    }
}

/// How long bravo does not run: longer than its warntime, shorter than the dead time.
const PAUSE: Duration = Duration::from_secs(2);

/// The others were fine while we did not run: nobody is called late, and no link dead.
pub(crate) fn of_the_observer(pairing: Pairing) {
    let site = Site { deadtime: 5000, initdead: 6000, more: "warntime 300ms\n".to_owned(), ..Site::default() };
    let lab = together("stall of the observer", pairing, &site);
    lab.bravo.freeze_daemon();
    std::thread::sleep(PAUSE);
    lab.bravo.thaw_daemon();
    lab.await_until(MOVE_LIMIT, "bravo to notice that it did not run", || {
        lab.bravo.logged("This node was not running for")
    });
    lab.await_until(MOVE_LIMIT, "alpha to say that bravo was late", || lab.alpha.logged("Late heartbeat: Node bravo"));
    lab.stays(Duration::from_secs(1), "the address on alpha", || lab.holders() == ["alpha"]);
    for text in ["Late heartbeat", "is dead", " dead."] {
        lab.check(!lab.bravo.logged(text), &format!("no line of bravo with [{text}]"));
    }
}
