//! The owner's daemon gets no processor for longer than the deadtime: the other node must take over, and the owner
//! wakes up with the address.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Daemon, Site};
use hbcore_tests::scenario::Pairing;

use crate::start::{await_takeover, together};
use crate::{MOVE_LIMIT, START_LIMIT};

/// A state that has not changed for this long will not change any more. A 3.0.6 restarts itself after a shorter time.
const FOR_GOOD: Duration = Duration::from_secs(5);

/// In the end there is exactly one owner.
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
    // A 3.0.6 restarts itself or not, depending on the message that it reads first.
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

/// The time for which bravo does not run: longer than its warntime, shorter than the deadtime.
const PAUSE: Duration = Duration::from_secs(2);

/// The others were fine while we did not run: no node is reported late, and no link dead.
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
