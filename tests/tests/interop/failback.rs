//! `auto_failback off`: the returning node is content.

use std::time::{Duration, Instant};

use hbcore_tests::lab::Site;
use hbcore_tests::scenario::Pairing;

use crate::start::{await_owner, together};
use crate::{MOVE_LIMIT, START_LIMIT};

/// The preferred owner returns, settles, and the address stays where it is.
pub(crate) fn off(pairing: Pairing) {
    let site = Site { auto_failback: false, ..Site::default() };
    let lab = together("failback off", pairing, &site);
    lab.alpha.cut_power();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);

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
