//! The memory that the daemon occupies.

use std::time::Instant;

use hbcore_tests::lab::{Media, Memory, Site};
use hbcore_tests::scenario::Pairing;

use crate::start::{await_owner, together};
use crate::{MOVE_LIMIT, START_LIMIT};

/// This many heartbeats fill the ring of sent messages.
const MESSAGES: u64 = 900;

/// The owner stays alone, after a return and a takeover, and its history is full: two megabytes are enough.
pub(crate) fn of_a_lone_daemon(pairing: Pairing) {
    // Broadcast, because a unicast to a node without power cannot be sent for long.
    let site = Site { keepalive: 10, deadtime: 300, media: Media::Bcast, ..Site::default() };
    let lab = together("memory", pairing, &site);
    let sniffer = lab.alpha.sniff(&site);
    lab.alpha.cut_power();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    lab.alpha.boot();
    lab.alpha.start();
    await_owner(&lab, &lab.alpha, START_LIMIT);
    lab.bravo.cut_power();
    lab.await_until(MOVE_LIMIT, "bravo to be dead", || lab.alpha.logged("node bravo: is dead"));
    let alone = Instant::now();
    lab.await_until(START_LIMIT, "as many messages as are kept", || {
        let heard = sniffer.heard_since(alone);
        let numbers = || heard.iter().filter(|message| message.src == "alpha").filter_map(|message| message.seq);
        numbers().max().unwrap_or(0).saturating_sub(numbers().min().unwrap_or(0)) > MESSAGES
    });
    let memory = lab.alpha.memory().unwrap_or_default();
    println!("{pairing} memory: {} KiB, {memory:?}", memory.of_a_lone_one());
    let fits = (1..=Memory::BOUND).contains(&memory.of_a_lone_one());
    lab.check(fits, &format!("at most {} KiB, not {memory:?}", Memory::BOUND));
}
