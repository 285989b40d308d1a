//! The preferred owner returns: to an address that stays where it is, or too early.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Lab, Site};
use hbcore_tests::scenario::Pairing;

use crate::start::{await_owner, await_settled, await_takeover, start_both, together};
use crate::{MOVE_LIMIT, START_LIMIT};

/// The preferred owner returns, settles, and the address stays where it is.
pub(crate) fn off(pairing: Pairing) {
    let site = Site { auto_failback: false, ..Site::default() };
    let lab = together("failback off", pairing, &site);
    lab.alpha.cut_power();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    await_takeover(&lab, &lab.bravo);

    let sniffer = lab.bravo.sniff(&site);
    let since = Instant::now();
    lab.alpha.boot();
    lab.alpha.start();
    lab.await_until(START_LIMIT, "alpha to claim its resources finally", || {
        sniffer.has_heard(|m| m.src == "alpha" && m.kind == "resource" && m.stable)
    });
    lab.stays(Duration::from_secs(3), "the address on bravo", || lab.holders() == ["bravo"]);
    lab.check(lab.client.who_answered(since) == ["bravo"], "answers of bravo only");
}

/// The owner of the address decides with its `auto_failback` whether the address goes home (docs/protocol/resources.md
/// 1.7).
pub(crate) fn mixed(pairing: Pairing) {
    for holder_gives in [false, true] {
        let site = |auto_failback| Site { auto_failback, ..Site::default() };
        let name = format!("{pairing} failback, bravo {holder_gives}, alpha {}", !holder_gives);
        let lab = Lab::new(&name, pairing.alpha, pairing.bravo, &site(holder_gives));
        lab.alpha.write_site(&site(!holder_gives));
        start_both(&lab);
        lab.alpha.cut_power();
        await_owner(&lab, &lab.bravo, MOVE_LIMIT);
        await_takeover(&lab, &lab.bravo);

        let sniffer = lab.bravo.sniff(&site(holder_gives));
        let since = Instant::now();
        lab.alpha.boot();
        lab.alpha.start();
        let settled = || sniffer.final_claim("alpha", since).is_some();
        lab.await_until(START_LIMIT, "alpha to claim its resources finally", settled);
        if holder_gives {
            await_owner(&lab, &lab.alpha, START_LIMIT);
        } else {
            lab.stays(Duration::from_secs(2), "the address on bravo", || lab.holders() == ["bravo"]);
            lab.check(lab.client.who_answered(since) == ["bravo"], "answers of bravo only");
        }
    }
}

/// The number of attempts to return at the right moment.
const ROUNDS: usize = 5;

/// The preferred owner is back while the other node is still taking over. A 3.0.6 needs longer to start, so no other
/// 3.0.6 ever meets this case; the address must still come home.
pub(crate) fn during_takeover(pairing: Pairing) {
    let lab = together("return during takeover", pairing, &Site::default());
    for _ in 0..ROUNDS {
        lab.alpha.cut_power();
        // The scripts of 3.0.6 still have work to do when the address is up.
        lab.await_until(MOVE_LIMIT, "the address on bravo", || lab.holders() == ["bravo"]);
        lab.alpha.boot();
        lab.alpha.start();
        await_owner(&lab, &lab.alpha, START_LIMIT);
        await_settled(&lab);
    }
}
