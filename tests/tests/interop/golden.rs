//! What the nodes say during each step, compared with what two of 3.0.6 said (`vectors/sequences`).
//!
//! `HBCORE_SELF_CHECK=1 HBCORE_CAPTURE=1 cargo test -p hbcore-tests --test interop -- ref_ref::golden` writes the files anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Daemon, Host, Media, Site};
use hbcore_tests::scenario::Pairing;
use hbcore_tests::sequence::Sequence;

use crate::groups::{self, Pair};

/// A step: its name, what it does, how it is done, and who has which group at its end.
struct Step {
    name: &'static str,
    title: &'static str,
    run: fn(&Pair),
    owners: [&'static str; 2],
}

/// Everything that two living nodes can do to each other.
const STEPS: [Step; 8] = [
    Step { name: "start-together", title: "both nodes start", run: Pair::start, owners: ["alpha", "bravo"] },
    Step {
        name: "standby-local",
        title: "hb_standby local on alpha, both have their own group",
        run: |pair| pair.lab.alpha.standby("local"),
        owners: ["bravo", "bravo"],
    },
    Step {
        name: "standby-failback",
        title: "hb_standby failback on bravo, which has both groups",
        run: |pair| pair.lab.bravo.standby("failback"),
        owners: ["alpha", "bravo"],
    },
    Step {
        name: "standby-all",
        title: "hb_standby on bravo, both have their own group",
        run: |pair| pair.lab.bravo.standby("all"),
        owners: ["alpha", "alpha"],
    },
    Step {
        name: "takeover",
        title: "hb_takeover local on bravo, alpha has both groups",
        run: |pair| pair.lab.bravo.take_over("local"),
        owners: ["alpha", "bravo"],
    },
    Step {
        name: "stop",
        title: "alpha is stopped, both have their own group",
        run: |pair| pair.lab.alpha.stop(),
        owners: ["bravo", "bravo"],
    },
    Step {
        name: "join",
        title: "alpha starts beside bravo, which has both groups; auto_failback on",
        run: |pair| pair.lab.alpha.start(),
        owners: ["alpha", "bravo"],
    },
    Step {
        name: "crash",
        title: "the power of alpha is cut, both have their own group",
        run: |pair| pair.lab.alpha.cut_power(),
        owners: ["bravo", "bravo"],
    },
];

/// A node without the other, which then joins; `auto_failback off`.
const ALONE: [Step; 2] = [
    Step {
        name: "start-alone",
        title: "bravo starts, alpha does not",
        run: |pair| pair.lab.bravo.start(),
        owners: ["bravo", "bravo"],
    },
    Step {
        name: "join-without-failback",
        title: "alpha starts beside bravo, which has both groups; auto_failback off",
        run: |pair| pair.lab.alpha.start(),
        owners: ["bravo", "bravo"],
    },
];

/// What does not count, with the step and who says it there.
const ASIDE: [(&str, &str, &str); 4] = [
    // It takes its own groups, which it has, once more, beside everything else: a defect that means nothing to anybody
    // (resource reference 1.5). Ours does not.
    ("stop", "bravo", "ask_resources rsc_hold=foreign info=done"),
    // In between: ours knows already that the other side is stable.
    ("join", "alpha", "resource rsc_hold=none rtype=full isstable=0"),
    ("join-without-failback", "alpha", "resource rsc_hold=none rtype=full isstable=0"),
    // For clients only; ours says it when it is active.
    ("start-alone", "bravo", "stonith node=alpha result=n_stnth"),
];

/// When nobody has said anything for this long, nobody has anything to add: while capturing, with a 3.0.6 that waits for
/// 10 s (resource reference 1.4), and while comparing.
const QUIET: [Duration; 2] = [Duration::from_secs(12), Duration::from_millis(500)];
const STEP_LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn sequences(pairing: Pairing) {
    walk(pairing, &site(), &STEPS);
}

pub(crate) fn alone(pairing: Pairing) {
    // Broadcasts reach the wire although nobody is there whose address could be resolved.
    walk(pairing, &Site { auto_failback: false, media: Media::Bcast, ..site() }, &ALONE);
}

/// After a stop 3.0.6 takes over while the other's death approaches: with time between both the order is certain.
fn site() -> Site {
    Site { deadtime: 2000, ..groups::site() }
}

/// Each step in turn: the holders at its end, and what was said meanwhile.
fn walk(pairing: Pairing, site: &Site, steps: &[Step]) {
    let captures = std::env::var_os("HBCORE_CAPTURE").is_some() && pairing == Pairing::REF_REF;
    let pair = Pair::new("golden", pairing, site);
    for step in steps {
        let since = Instant::now();
        (step.run)(&pair);
        pair.await_owners(step.owners[0], step.owners[1]);
        pair.gap(step.name, since);
        await_settled(&pair);
        let heard = || Sequence::since(&pair.sniffer.heard(), since);
        if captures {
            await_silence(&pair, QUIET[0], heard);
            fs::write(file(step), heard().text(step.title)).expect("our own file");
        } else {
            check(&pair, step, heard);
            await_silence(&pair, QUIET[1], heard);
            check(&pair, step, heard);
        }
    }
}

/// Waits until each 3.0.6 that runs has waited enough: it goes on answering that it is not stable.
fn await_settled(pair: &Pair) {
    let lab = &pair.lab;
    for host in lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Reference && host.is_running()) {
        let what = format!("{} to settle", host.name());
        lab.await_until(STEP_LIMIT, &what, || host.logged("resource transition completed."));
    }
}

/// Waits until both nodes have said what two of 3.0.6 said.
#[track_caller]
fn check(pair: &Pair, step: &Step, heard: impl Fn() -> Sequence) {
    let text = fs::read_to_string(file(step)).expect("a captured sequence");
    let golden = Sequence::parse(&text);
    let difference = || pair.lab.hosts().into_iter().find_map(|host| differs(host, step, &heard(), &golden));
    let end = Instant::now() + STEP_LIMIT;
    while difference().is_some() && Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
    }
    let found = difference().unwrap_or_default();
    assert!(found.is_empty(), "{}: {found}\n{}{}", step.name, heard().text("what was said"), pair.lab.state());
}

fn differs(host: &Host, step: &Step, heard: &Sequence, golden: &Sequence) -> Option<String> {
    let meant = ASIDE.iter().filter(|(name, sender, _)| (*name, *sender) == (step.name, host.name()));
    let aside: Vec<&str> = meant.map(|(_, _, line)| *line).collect();
    heard.compare(golden, host.name(), &aside).err()
}

#[track_caller]
fn await_silence(pair: &Pair, quiet: Duration, heard: impl Fn() -> Sequence) {
    let mut last = (heard(), Instant::now());
    pair.lab.await_until(STEP_LIMIT, "nothing more to be said", || {
        let now = heard();
        if now != last.0 {
            last = (now, Instant::now());
        }
        last.1.elapsed() > quiet
    });
}

fn file(step: &Step) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/sequences").join(step.name).with_extension("txt")
}
