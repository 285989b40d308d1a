//! Compares the messages of the nodes in each step with those of two of 3.0.6 (`vectors/sequences`).
//!
//! `HBCORE_SELF_CHECK=1 HBCORE_CAPTURE=1 cargo test -p hbcore-tests --test interop -- ref_ref::golden` rewrites the
//! files.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Daemon, Heard, Host, Media, Site};
use hbcore_tests::scenario::Pairing;
use hbcore_tests::sequence::Sequence;

use crate::groups::{self, Pair};
use crate::legacy::await_calm;

/// A step: its name, its title, its code, and the owner of each group at its end.
struct Step {
    name: &'static str,
    title: &'static str,
    run: fn(&Pair),
    owners: [&'static str; 2],
}

/// All exchanges between two living nodes.
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

/// A node alone, which the other one then joins; `auto_failback off`.
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

/// `auto_failback legacy`, with both nodes from the start.
const LEGACY: [Step; 5] = [
    Step {
        name: "legacy-start-together",
        title: "both nodes start; legacy",
        run: start_both,
        owners: ["alpha", "bravo"],
    },
    Step {
        name: "legacy-crash",
        title: "the power of alpha is cut, both have their own group; legacy",
        run: |pair| pair.lab.alpha.cut_power(),
        owners: ["bravo", "bravo"],
    },
    Step {
        name: "legacy-return",
        title: "alpha starts beside bravo, which has both groups; legacy",
        run: |pair| {
            pair.lab.alpha.boot();
            pair.lab.alpha.start();
        },
        owners: ["alpha", "bravo"],
    },
    Step {
        name: "legacy-stop",
        title: "alpha is stopped, both have their own group; legacy",
        run: |pair| pair.lab.alpha.stop(),
        owners: ["bravo", "bravo"],
    },
    Step {
        name: "legacy-return-after-stop",
        title: "alpha starts again beside bravo, which has both groups; legacy",
        run: |pair| pair.lab.alpha.start(),
        owners: ["alpha", "bravo"],
    },
];

/// `auto_failback legacy`, one node after the other. A 3.0.6 that starts alone forgets a group now and then, because
/// two of its children write into the FIFO at once. So the first node is ours, in each pairing.
const LEGACY_ALPHA_FIRST: [Step; 2] = [
    Step {
        name: "legacy-alpha-alone",
        title: "alpha starts, bravo does not; legacy",
        run: |pair| pair.lab.alpha.start(),
        owners: ["alpha", "alpha"],
    },
    Step {
        name: "legacy-bravo-second",
        title: "bravo starts beside alpha, which has both groups; legacy",
        run: |pair| pair.lab.bravo.start(),
        owners: ["alpha", "bravo"],
    },
];
const LEGACY_BRAVO_FIRST: [Step; 2] = [
    Step {
        name: "legacy-bravo-alone",
        title: "bravo starts, alpha does not; legacy",
        run: |pair| pair.lab.bravo.start(),
        owners: ["bravo", "bravo"],
    },
    Step {
        name: "legacy-alpha-second",
        title: "alpha starts beside bravo, which has both groups; legacy",
        run: |pair| pair.lab.alpha.start(),
        owners: ["alpha", "bravo"],
    },
];

fn start_both(pair: &Pair) {
    pair.lab.alpha.start();
    pair.lab.bravo.start();
}

/// Lines that do not count, with their step and sender.
const ASIDE: [(&str, &str, &str); 6] = [
    // It acquires its own groups, which it has, once more, beside everything else: a defect without effect
    // (docs/protocol/resources.md 1.5). Ours does not do that.
    ("stop", "bravo", "ask_resources rsc_hold=foreign info=done"),
    // An intermediate report: ours knows already that the other side is stable.
    ("join", "alpha", "resource rsc_hold=none rtype=full isstable=0"),
    ("join-without-failback", "alpha", "resource rsc_hold=none rtype=full isstable=0"),
    // For clients only; ours sends it when it is active.
    ("start-alone", "bravo", "stonith node=alpha result=n_stnth"),
    ("legacy-alpha-alone", "alpha", "stonith node=bravo result=n_stnth"),
    ("legacy-bravo-alone", "bravo", "stonith node=alpha result=n_stnth"),
];

/// Lines that are sent or not, depending on which node becomes active first: a node that knows of no other active node
/// asks none for its group.
const BY_CHANCE: [(&str, &str); 2] =
    [("legacy-start-together", "ip-request ipaddr="), ("legacy-start-together", "ip-request-resp dest=")];

/// After a silence of this long, no node has anything to add: while capturing, with a 3.0.6 that waits for 10 s
/// (docs/protocol/resources.md 1.4), and while comparing.
const QUIET: [Duration; 2] = [Duration::from_secs(12), Duration::from_millis(500)];
const STEP_LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn sequences(pairing: Pairing) {
    walk(pairing, &site(), &STEPS);
}

pub(crate) fn alone(pairing: Pairing) {
    // Broadcasts reach the wire even if there is no host whose address could be resolved.
    walk(pairing, &Site { auto_failback: false, media: Media::Bcast, ..site() }, &ALONE);
}

/// The protocol without reports, in which a node always gets its own groups.
pub(crate) fn legacy(pairing: Pairing) {
    walk(pairing, &legacy_site(), &LEGACY);
}

/// The same for nodes that start one after the other.
pub(crate) fn legacy_alone(pairing: Pairing) {
    if pairing.alpha == Daemon::Ours || pairing == Pairing::REF_REF {
        walk(pairing, &legacy_site(), &LEGACY_ALPHA_FIRST);
    }
    if pairing.bravo == Daemon::Ours || pairing == Pairing::REF_REF {
        walk(pairing, &legacy_site(), &LEGACY_BRAVO_FIRST);
    }
}

fn legacy_site() -> Site {
    Site { legacy: true, media: Media::Bcast, ..site() }
}

/// After a stop, 3.0.6 takes over shortly before the other's death. A longer deadtime makes the order certain.
fn site() -> Site {
    Site { deadtime: 2000, ..groups::site() }
}

/// Runs each step, and checks the owners at its end and the messages during it.
fn walk(pairing: Pairing, site: &Site, steps: &[Step]) {
    let captures = std::env::var_os("HBCORE_CAPTURE").is_some() && pairing == Pairing::REF_REF;
    let pair = Pair::new("golden", pairing, site);
    for step in steps {
        let since = Instant::now();
        (step.run)(&pair);
        pair.await_owners(step.owners[0], step.owners[1]);
        pair.gap(step.name, since);
        if site.legacy {
            await_calm(&pair);
        } else {
            await_settled(&pair);
        }
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

/// Waits until each running 3.0.6 has settled: before that it answers that it is not stable.
fn await_settled(pair: &Pair) {
    let lab = &pair.lab;
    for host in lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Reference && host.is_running()) {
        let what = format!("{} to settle", host.name());
        lab.await_until(STEP_LIMIT, &what, || host.logged("resource transition completed."));
    }
}

/// Waits until both nodes have sent the messages of two of 3.0.6.
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
    assert!(
        found.is_empty(),
        "{}: {found}\n{}{}\nheard: {}",
        step.name,
        heard().text("what was said"),
        pair.lab.state(),
        numbers(pair),
    );
}

/// Each change of type, and each sequence number after a gap.
fn numbers(pair: &Pair) -> String {
    let all = pair.sniffer.heard();
    let changes = all.windows(2).filter(|two| two[0].kind != two[1].kind || two[1].seq > two[0].seq.map(|seq| seq + 1));
    let line =
        |two: &[Heard]| format!("{} {} {:?}, {:?} ago", two[1].src, two[1].kind, two[1].seq, two[1].at.elapsed());
    changes.map(line).collect::<Vec<_>>().join("\n")
}

fn differs(host: &Host, step: &Step, heard: &Sequence, golden: &Sequence) -> Option<String> {
    let meant = ASIDE.iter().filter(|(name, sender, _)| (*name, *sender) == (step.name, host.name()));
    let aside: Vec<&str> = meant.map(|(_, _, line)| *line).collect();
    let [heard, golden] = [heard, golden].map(|all| without_chance(step, all));
    heard.compare(&golden, host.name(), &aside).err()
}

fn without_chance(step: &Step, all: &Sequence) -> Sequence {
    let by_chance = |line: &str| BY_CHANCE.iter().any(|(name, begin)| *name == step.name && line.starts_with(begin));
    let kept = |lines: &Vec<String>| lines.iter().filter(|line| !by_chance(line)).cloned().collect();
    Sequence(all.0.iter().map(|(sender, lines)| (sender.clone(), kept(lines))).collect())
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
