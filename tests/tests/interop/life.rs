//! The purpose of a cluster: the address is up, stays up when its owner dies or is stopped, and goes home.

use std::time::Instant;

use hbcore_tests::lab::{Auth, Media, Site};
use hbcore_tests::scenario::Pairing;

use crate::start::{await_owner, await_takeover, together};
use crate::{MOVE_LIMIT, START_LIMIT};

/// Both start together, the owner loses its power and returns, is stopped gracefully, and the last node stops.
pub(crate) fn life(pairing: Pairing, media: Media, auth: Auth) {
    let site = Site { media, auth, ..Site::default() };
    let lab = together("life", pairing, &site);

    let cut = Instant::now();
    lab.alpha.cut_power();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    await_takeover(&lab, &lab.bravo);
    println!("{pairing} {media:?} {auth:?}: power cut, {} ms without answer", lab.client.longest_gap(cut).as_millis());

    let back = Instant::now();
    lab.alpha.boot();
    lab.alpha.start();
    await_owner(&lab, &lab.alpha, START_LIMIT);
    println!("{pairing} {media:?} {auth:?}: failback, {} ms without answer", lab.client.longest_gap(back).as_millis());

    let stop = Instant::now();
    lab.alpha.stop();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    println!("{pairing} {media:?} {auth:?}: stop, {} ms without answer", lab.client.longest_gap(stop).as_millis());

    lab.bravo.stop();
    lab.check(lab.holders().is_empty(), "no owner when both nodes were stopped");
}
