//! A network that is divided into two parts and united again, observed by clients on both sides and by ARP requests.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{ArpReply, Daemon, Host, Site, Sniffer};
use hbcore_tests::scenario::Pairing;

use crate::groups::{self, Pair, held};
use crate::partition::await_restart;
use crate::start::together;
use crate::{MOVE_LIMIT, START_LIMIT};

/// The longest gap for any client on a busy machine; 50 ms on an idle one.
const GAP: Duration = Duration::from_millis(500);
/// The longest time for which two of ours may both have the address after the heal: a heartbeat of each, and the
/// release.
const TWO_OWNERS: Duration = Duration::from_millis(500);
/// A state that has not changed for this long will not change any more. A 3.0.6 restarts itself after a shorter time.
const FOR_GOOD: Duration = Duration::from_secs(5);

/// Both links are cut and come back. Each side is served throughout; after the heal one node serves both, without a
/// gap.
pub(crate) fn two_sides(pairing: Pairing) {
    // Without failback, so that nothing moves for another reason than the heal.
    let site = Site { divided: true, auto_failback: false, ..Site::default() };
    let lab = together("divided", pairing, &site);
    let far = lab.far_client.as_ref().expect("a divided network");
    let arp = lab.watch_arp();
    lab.divide();
    lab.await_until(MOVE_LIMIT, "the address on both nodes", || lab.holders() == ["alpha", "bravo"]);
    lab.await_until(MOVE_LIMIT, "each side to be served by its node", || {
        lab.client.is_served_by("alpha") && far.is_served_by("bravo")
    });

    let references = lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Reference);
    let references: Vec<(&Host, Sniffer)> = references.map(|host| (host, host.sniff(&site))).collect();
    let healed = Instant::now();
    lab.unite();
    let mut ownerless = false;
    let mut one_owner = || {
        let holders = lab.holders().len();
        ownerless |= holders == 0;
        holders == 1
    };
    lab.await_until(START_LIMIT, "one owner after the heal", &mut one_owner);
    for (host, sniffer) in &references {
        await_restart(&lab, host, sniffer, &mut one_owner);
    }
    lab.await_until(START_LIMIT, "one owner in the end", &mut one_owner);
    lab.stays(Duration::from_secs(2), "one owner", &mut one_owner);
    if pairing == Pairing::REF_REF {
        return;
    }
    let owner = if lab.alpha.daemon() == Daemon::Ours { "alpha" } else { "bravo" };
    lab.check(lab.holders() == [owner], &format!("the address on {owner}"));
    lab.await_until(MOVE_LIMIT, &format!("both sides to be served by {owner}"), || {
        lab.client.is_served_by(owner) && far.is_served_by(owner)
    });
    lab.check(!ownerless, "an owner at every time");

    let gaps = [lab.client.longest_gap(healed), far.longest_gap(healed)];
    let answers = Answers::since(&arp.replies(), healed);
    println!("{pairing} divided: {gaps:?} without answer on the two sides after the heal; {answers}");
    lab.check(gaps.iter().all(|gap| *gap < GAP), "no gap on either side");
    lab.check(answers.longest_gap < GAP, "somebody who says that it has the address at every instant");
    lab.check(!pairing.is_all_ours() || answers.two_until < TWO_OWNERS, "one who says so, soon after the heal");
}

/// The ARP replies for the address, after the heal.
struct Answers {
    /// The longest time without a reply.
    longest_gap: Duration,
    /// The time until only the final owner replied.
    two_until: Duration,
}

impl Answers {
    fn since(replies: &[ArpReply], healed: Instant) -> Self {
        let mut last = healed;
        let mut longest_gap = Duration::ZERO;
        let owner = replies.last().map(|reply| reply.by);
        let mut two_until = Duration::ZERO;
        for reply in replies.iter().filter(|reply| reply.at >= healed) {
            longest_gap = longest_gap.max(reply.at - last);
            last = reply.at;
            if Some(reply.by) != owner {
                two_until = reply.at - healed;
            }
        }
        Self { longest_gap, two_until }
    }
}

impl std::fmt::Display for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "at most {:?} without anybody who says that it has the address, two until {:?}",
            self.longest_gap, self.two_until
        )
    }
}

/// alpha hears nothing any more, and is still heard.
pub(crate) fn deaf_alpha(pairing: Pairing) {
    one_way(pairing, 0);
}

/// The same for bravo.
pub(crate) fn deaf_bravo(pairing: Pairing) {
    one_way(pairing, 1);
}

/// The deaf node takes over the groups of the other. After the heal there is one owner of everything again, and there
/// was always at least one.
fn one_way(pairing: Pairing, deaf: usize) {
    let site = Site { auto_failback: false, ..groups::site() };
    let pair = Pair::running("one way", pairing, &site);
    let lab = &pair.lab;
    let taken = ["mail", "web"][deaf];
    let faults = lab.faults();
    faults.deafen(deaf);
    lab.await_until(MOVE_LIMIT, &format!("{taken} on both nodes"), || held(lab, taken) == ["alpha", "bravo"]);
    if deaf == 1 {
        lab.await_until(MOVE_LIMIT, "the address on both nodes", || lab.holders() == ["alpha", "bravo"]);
    }

    let healed = Instant::now();
    faults.heal();
    let mut ownerless = false;
    let mut since = None;
    lab.await_until(2 * START_LIMIT, "one owner of each group for good", || {
        let owners = [lab.holders().len(), held(lab, "web").len(), held(lab, "mail").len()];
        ownerless |= owners.contains(&0);
        since = if owners == [1; 3] { since.or_else(|| Some(Instant::now())) } else { None };
        since.is_some_and(|since: Instant| since.elapsed() > FOR_GOOD)
    });
    let single = since.expect("awaited") - healed;
    let gap = pair.gap("heal after a cut in one direction", healed);
    let answered = lab.client.who_answered(healed);
    println!("{pairing} deaf {deaf}: one owner after {single:?}, answers of {answered:?}");
    if pairing.is_all_ours() {
        lab.check(pair.are_owners("alpha", "bravo"), "each group at home");
        lab.check(!ownerless, "an owner at every time");
        lab.check(gap < GAP, "no gap in the service");
    }
}
