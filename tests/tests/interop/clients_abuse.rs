//! Clients that send messages, and clients that behave badly: heartbeats go on, and other clients are served.

use std::collections::BTreeSet;
use std::time::Duration;

use hbcore_tests::lab::{Host, Lab, Site};
use hbcore_tests::scenario::Pairing;

use crate::start::together;
use crate::{MOVE_LIMIT, START_LIMIT};

/// The scripted client of this package.
pub(crate) const CLIENT: &str = env!("CARGO_BIN_EXE_client");
/// A client that 3.0.6 admits for root without configuration.
pub(crate) const NAME: &str = "lha-snmpagent";
/// A 3.0.6 needs some time for each message.
const MESSAGES: u64 = 60;

pub(crate) fn says(host: &Host, words: &[&str]) -> String {
    host.run(CLIENT, words).output.trim_end().to_owned()
}

/// Runs a client beside the scenario. Its output goes to this file of `/var/log`.
pub(crate) fn in_background(host: &Host, words: &str, file: &str) {
    let line = format!("sleep 120 | timeout 120 {CLIENT} {words} > /var/log/{file} 2>&1 &");
    assert_eq!(host.run("sh", &["-c", &line]).code, Some(0));
}

/// All messages of a client reach the client of the same name on the other node, in order, and the client itself.
pub(crate) fn messages(pairing: Pairing) {
    let lab = together("client messages", pairing, &Site::default());
    let count = MESSAGES.to_string();
    for (from, to) in [(&lab.alpha, &lab.bravo), (&lab.bravo, &lab.alpha)] {
        let file = format!("collected-from-{}", from.name());
        in_background(to, &format!("collect {NAME} {count} 100"), &file);
        lab.await_until(MOVE_LIMIT, "the collector to be there", || to.lines_of(&file) == ["ready"]);
        let status = from.run("cl_status", &["clientstatus", to.name(), NAME, "4000"]);
        lab.check(status.output == "online\n", &format!("{NAME} to be online at {}, not {status:?}", to.name()));
        let sent = says(from, &["send", NAME, &count, "100"]);
        lab.check(sent.starts_with("sent in"), &format!("{} to send, not [{sent}]", from.name()));
        let expected: Vec<String> =
            std::iter::once("ready".to_owned()).chain((1..=MESSAGES).map(|n| n.to_string())).collect();
        lab.await_until(START_LIMIT, &format!("{MESSAGES} messages in order"), || to.lines_of(&file) == expected);
        let gone = || from.run("cl_status", &["clientstatus", to.name(), NAME, "4000"]).output == "offline\n";
        lab.await_until(MOVE_LIMIT, "the collector to be gone", gone);
    }
}

/// While a tenth of all packets is lost, every message of 1 kB of a client arrives, many more than the history holds. A
/// message that was retransmitted comes after later ones.
pub(crate) fn loss(pairing: Pairing) {
    const COUNT: u64 = 3000;
    let lab = together("client messages and loss", pairing, &Site::default());
    let faults = lab.faults();
    faults.lose(10);
    for (from, to) in [(&lab.alpha, &lab.bravo), (&lab.bravo, &lab.alpha)] {
        let file = format!("collected-from-{}", from.name());
        in_background(to, &format!("collect {NAME} {COUNT} 100"), &file);
        lab.await_until(MOVE_LIMIT, "the collector to be there", || to.lines_of(&file) == ["ready"]);
        let sent = says(from, &["send", NAME, &COUNT.to_string(), "1000"]);
        lab.check(sent.starts_with("sent in"), &format!("{} to send, not [{sent}]", from.name()));
        let numbers = || to.lines_of(&file).iter().filter_map(|line| line.parse().ok()).collect::<BTreeSet<u64>>();
        lab.await_until(START_LIMIT, "all messages", || numbers().len() as u64 == COUNT);
        lab.check(numbers() == (1..=COUNT).collect(), "each message");
    }
    for host in lab.hosts() {
        lab.check(!host.logged("Irretrievably lost") && !host.logged("lost too many"), "no message lost for good");
        lab.check(!host.logged(": is dead"), "no node declared dead");
    }
}

/// When a node dies, clients of the peer hear of its death first, then of its links and of the takeover.
pub(crate) fn death(pairing: Pairing) {
    let lab = together("clients hear of a death", pairing, &Site::default());
    in_background(&lab.bravo, &format!("watch {NAME} 100"), "watched");
    lab.await_until(MOVE_LIMIT, "the watcher to be there", || {
        lab.bravo.lines_of("watched").contains(&"ready".to_owned())
    });
    lab.alpha.cut_power();
    let place = |word: &str| lab.bravo.lines_of("watched").iter().position(|line| line.starts_with(word));
    let (death, link, takeover) = ("status dead", "ifstat dead eth0", "stonith");
    lab.await_until(MOVE_LIMIT, "the watcher to hear of everything", || {
        [death, link, takeover].iter().all(|word| place(word).is_some())
    });
    let heard = lab.bravo.lines_of("watched");
    lab.check(place(death) < place(link), &format!("the death before the link, not {heard:?}"));
    lab.check(place(death) < place(takeover), &format!("the death before the takeover, not {heard:?}"));
}

/// A flood of messages of 1 kB, ten times the size of the history: all messages arrive in order, and no heartbeat is
/// late.
pub(crate) fn flood(pairing: Pairing) {
    const FLOOD: u64 = 2000;
    let site = Site { keepalive: 20, deadtime: 400, ..Site::default() };
    let lab = together("client flood", pairing, &site);
    in_background(&lab.bravo, &format!("collect {NAME} {FLOOD} 100"), "collected");
    lab.await_until(MOVE_LIMIT, "the collector to be there", || lab.bravo.lines_of("collected") == ["ready"]);
    let sent = says(&lab.alpha, &["send", NAME, &FLOOD.to_string(), "1000"]);
    lab.check(sent.starts_with("sent in"), &format!("alpha to send, not [{sent}]"));
    let expected: Vec<String> = std::iter::once("ready".to_owned()).chain((1..=FLOOD).map(|n| n.to_string())).collect();
    let lines = || lab.bravo.lines_of("collected");
    let ends = || lines().len() == expected.len() || lines().last().is_some_and(|line| line.parse::<u64>().is_err());
    lab.await_until(START_LIMIT, "the collector to end", ends);
    let lines = lines();
    let first = lines.iter().zip(&expected).position(|(line, expected)| line != expected);
    let shown = &lines[lines.len().saturating_sub(3)..];
    let served = lab.bravo.run("cl_status", &["hbstatus"]).output;
    lab.check(
        lines == expected,
        &format!("{served} the messages in order: {first:?} differs, the last of them are {shown:?}"),
    );
    check_undisturbed(&lab);
}

/// Checks that no node was declared dead, and no heartbeat came late.
#[track_caller]
fn check_undisturbed(lab: &Lab) {
    for host in lab.hosts() {
        lab.check(host.is_running(), &format!("{} to run", host.name()));
        for word in ["Late heartbeat", "node alpha: is dead", "node bravo: is dead"] {
            lab.check(!host.logged(word), &format!("no [{word}] in the log of {}", host.name()));
        }
    }
}

/// A client with false claims is refused with the words of 3.0.6. Bytes that are no frame end only their own
/// connection.
pub(crate) fn lies(pairing: Pairing) {
    let site = Site { keepalive: 20, deadtime: 400, ..Site::default() };
    let lab = together("lying clients", pairing, &site);
    let bad = [
        ("magic", "closed: nothing"),
        ("oversized", "closed: nothing"),
        ("negative", "closed: nothing"),
        ("endless", "closed: nothing"),
        ("garbage", "closed: nothing"),
        ("no-pid", "closed: bad pid"),
        ("other-pid", "closed: pid mismatch"),
        ("other-uid", "closed: incorrect/false credentials"),
        ("no-ids", "closed: invalid id info"),
        ("truncated", "closed by itself"),
    ];
    for (kind, expected) in bad {
        let said = says(&lab.alpha, &["bad", kind]);
        lab.check(said == expected, &format!("[{expected}] for {kind}, not [{said}]"));
    }
    let names = says(&lab.alpha, &["names", "-", NAME, NAME, "zzz", "ipfail", "ping"]);
    let expected = [
        "welcome",
        "welcome",
        "welcome",
        "no default client auth",
        "client failed authorization",
        "client failed authorization",
    ];
    lab.check(names.lines().eq(expected), &format!("{expected:?}, not [{names}]"));
    lab.check(is_served(&lab.alpha), "other clients to be served");
    check_undisturbed(&lab);
}

fn is_served(host: &Host) -> bool {
    host.run("cl_status", &["nodestatus", "bravo"]).output == "active\n"
}

/// A client that reads nothing is cut off. A thousand silent clients keep no other client out.
pub(crate) fn crowd(pairing: Pairing) {
    let site = Site { keepalive: 20, deadtime: 400, ..Site::default() };
    let lab = together("crowd of clients", pairing, &site);
    let muted = says(&lab.alpha, &["mute", NAME, "60"]);
    lab.check(muted == "cut off", &format!("a client that reads nothing to be cut off, not [{muted}]"));
    in_background(&lab.alpha, "crowd 1000", "crowd");
    lab.await_until(START_LIMIT, "the crowd", || lab.alpha.lines_of("crowd") == ["crowded by 1000"]);
    for _ in 0..20 {
        lab.check(is_served(&lab.alpha), "a client among a thousand others to be served");
    }
    check_undisturbed(&lab);
}

/// Without a free descriptor, no client is admitted, and the loop does not spin. When some are free, clients are served
/// again.
pub(crate) fn no_descriptor(pairing: Pairing) {
    let site = Site { keepalive: 20, deadtime: 400, ..Site::default() };
    let lab = together("clients without descriptors", pairing, &site);
    let limit = "pid=$(cat /run/heartbeat.pid); free=0; while [ -e /proc/$pid/fd/$free ]; do free=$((free + 1)); done
        prlimit --pid $pid --nofile=$free:1024";
    assert_eq!(lab.alpha.run("sh", &["-ec", limit]).code, Some(0));
    in_background(&lab.alpha, "crowd 20", "crowd");
    lab.await_until(MOVE_LIMIT, "the daemon to say so", || lab.alpha.logged("Clients cannot be accepted"));
    let before = lab.alpha.usage();
    let watched = Duration::from_secs(3);
    lab.stays(watched, "the address on alpha", || lab.holders() == ["alpha"]);
    let used = lab.alpha.usage().cpu.saturating_sub(before.cpu);
    lab.check(used < watched / 4, &format!("a thread that sleeps instead of one that took {used:?} of {watched:?}"));
    let restored = lab.alpha.run("sh", &["-c", "prlimit --pid $(cat /run/heartbeat.pid) --nofile=1024:1024"]);
    assert_eq!(restored.code, Some(0));
    lab.await_until(MOVE_LIMIT, "clients to be served again", || is_served(&lab.alpha));
    check_undisturbed(&lab);
}
