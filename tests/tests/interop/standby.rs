//! Groups move on an operator's request: `hb_standby` and `hb_takeover` with every word, from every state.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Daemon, Host, Site};
use hbcore_tests::scenario::Pairing;

use crate::MOVE_LIMIT;
use crate::groups::{self, Pair, count_calls};

/// The longest gap for a client when both nodes are ours: 50 ms on an idle machine, more on a busy one.
const OUR_GAP: Duration = Duration::from_millis(500);

/// An operator's command on a node, the claims of alpha and bravo after it, and the owners of alpha's group and
/// bravo's.
struct Move {
    on: &'static str,
    tool: Tool,
    word: &'static str,
    claims: [&'static str; 2],
    owners: [&'static str; 2],
}

#[derive(Clone, Copy, Debug)]
enum Tool {
    Standby,
    Takeover,
}

const fn standby(on: &'static str, word: &'static str, claims: [&'static str; 2], owners: [&'static str; 2]) -> Move {
    Move { on, tool: Tool::Standby, word, claims, owners }
}

const fn takeover(on: &'static str, word: &'static str, claims: [&'static str; 2], owners: [&'static str; 2]) -> Move {
    Move { on, tool: Tool::Takeover, word, claims, owners }
}

/// The table of docs/protocol/resources.md 1.9 (f), in an order in which each line begins where the one before ended.
const STANDBYS: [Move; 9] = [
    standby("alpha", "local", ["none", "all"], ["bravo", "bravo"]),
    standby("bravo", "foreign", ["local", "local"], ["alpha", "bravo"]),
    standby("alpha", "foreign", ["local", "local"], ["alpha", "bravo"]),
    standby("bravo", "all", ["all", "none"], ["alpha", "alpha"]),
    standby("alpha", "foreign", ["local", "local"], ["alpha", "bravo"]),
    standby("bravo", "all", ["all", "none"], ["alpha", "alpha"]),
    standby("alpha", "local", ["foreign", "foreign"], ["bravo", "alpha"]),
    standby("alpha", "foreign", ["none", "all"], ["bravo", "bravo"]),
    standby("bravo", "failback", ["local", "local"], ["alpha", "bravo"]),
];

/// Three of the four words (docs/protocol/resources.md 1.9 g).
const TAKEOVERS: [Move; 3] = [
    takeover("bravo", "foreign", ["none", "all"], ["bravo", "bravo"]),
    takeover("alpha", "local", ["local", "local"], ["alpha", "bravo"]),
    takeover("alpha", "all", ["all", "none"], ["alpha", "alpha"]),
];
/// The fourth word: a node of ours hands over the groups whose home is the other node. 3.0.6 hands over everything.
const FAILBACK: Move = takeover("bravo", "failback", ["local", "local"], ["alpha", "bravo"]);
const FAILBACK_OF_REFERENCE: Move = takeover("bravo", "failback", ["none", "all"], ["bravo", "bravo"]);

/// Every variant of the standby exchange.
pub(crate) fn variants(pairing: Pairing) {
    // Without failback, so that a group stays where an operator has moved it.
    let site = Site { auto_failback: false, ..groups::site() };
    let pair = Pair::running("standby", pairing, &site);
    for step in &STANDBYS {
        carry_out(&pair, pairing, step);
    }
    without_partner(&pair);
}

/// A second request while the first is carried out is ignored, with a warning (docs/protocol/resources.md 1.6).
pub(crate) fn second(pairing: Pairing) {
    let site = Site { auto_failback: false, ..groups::site() };
    let pair = Pair::new("second standby", pairing, &site);
    let lab = &pair.lab;
    let slow = "case $1 in\n    stop) : > /run/stopping; sleep 2; rm -f \"$held\" ;;";
    lab.alpha.write_script("web", &groups::SERVICE_SCRIPT.replacen("case $1 in", slow, 1));
    pair.start();
    let since = Instant::now();
    lab.alpha.standby("local");
    lab.await_until(MOVE_LIMIT, "the script to be stopped", || lab.alpha.has_file("/run/stopping"));
    lab.alpha.standby("all");
    lab.await_until(MOVE_LIMIT, "alpha to ignore it", || lab.alpha.logged("Standby in progress- new request"));
    pair.await_claims(since, "none", "all");
    pair.await_owners("bravo", "bravo");
    let asked = pair.sniffer.heard_since(since).into_iter().filter(|m| m.text("info") == Some("done"));
    lab.check(asked.filter(|m| m.text("rsc_hold") == Some("all")).count() == 0, "nothing done for the second request");
}

/// `hb_takeover`, which makes the other node go standby.
pub(crate) fn takeovers(pairing: Pairing) {
    let site = Site { auto_failback: false, ..groups::site() };
    let pair = Pair::running("takeover", pairing, &site);
    for step in &TAKEOVERS {
        carry_out(&pair, pairing, step);
    }
    carry_out(&pair, pairing, if pairing.alpha == Daemon::Ours { &FAILBACK } else { &FAILBACK_OF_REFERENCE });
}

#[track_caller]
fn carry_out(pair: &Pair, pairing: Pairing, step: &Move) {
    let lab = &pair.lab;
    let host = if step.on == "alpha" { &lab.alpha } else { &lab.bravo };
    let what = format!("{:?} {} on {}", step.tool, step.word, step.on);
    let before = effects(pair);
    let stays = pair.are_owners(step.owners[0], step.owners[1]);
    let since = Instant::now();
    match step.tool {
        Tool::Standby => host.standby(step.word),
        Tool::Takeover => host.take_over(step.word),
    }
    let mut both = false;
    lab.await_until(MOVE_LIMIT, &format!("{what}: alpha and bravo to claim {:?} finally", step.claims), || {
        both |= lab.holders().len() > 1;
        let claims = ["alpha", "bravo"].map(|node| pair.sniffer.final_claim(node, since));
        claims == step.claims.map(|claim| Some(claim.to_owned()))
    });
    pair.await_owners(step.owners[0], step.owners[1]);
    lab.check(!both, &format!("{what}: one owner at every time"));
    if pairing.is_all_ours() {
        pair.check_gap(&what, since, OUR_GAP);
        lab.check(!stays || effects(pair) == before, &format!("{what}: no script started or stopped"));
    } else {
        pair.gap(&what, since);
    }
}

/// How often each script was started on each node: a group that is not handed over, or stays, is not started.
fn effects(pair: &Pair) -> Vec<usize> {
    let count = |host: &Host| groups::SCRIPTS.map(|script| count_calls(host, &format!("{script} start")));
    pair.lab.hosts().into_iter().flat_map(count).collect()
}

/// If the other node is dead, nothing moves: ours refuses, 3.0.6 gives up after 10 s.
fn without_partner(pair: &Pair) {
    let lab = &pair.lab;
    lab.alpha.cut_power();
    pair.await_owners("bravo", "bravo");
    let since = Instant::now();
    if lab.bravo.daemon() == Daemon::Reference {
        return;
    }
    lab.bravo.standby("all");
    lab.await_until(MOVE_LIMIT, "bravo to refuse the standby", || {
        lab.bravo.logged("Standby request cancelled: there is no other node to take over anything.")
    });
    lab.check(pair.are_owners("bravo", "bravo"), "both groups on bravo");
    lab.check(lab.client.who_answered(since) == ["bravo"], "answers of bravo only");
}
