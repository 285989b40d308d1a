//! Monitors and scripts search the log: the lines that they know from 3.0.6 are in our log too.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use hbcore_tests::lab::{Daemon, Host, Lab, Site};

use crate::start::{await_owner, await_takeover, start_both};
use crate::{MOVE_LIMIT, START_LIMIT};

/// Texts in the lines that are compared (docs/protocol/wire.md 8, docs/protocol/resources.md 1 and 9.3).
const WATCHED: [&str; 28] = [
    "is dead",
    "Link ",
    "Late heartbeat",
    "Status update for node",
    "Comm_now_up()",
    "Local status now set to",
    "Resources being acquired from",
    "mach_down takeover complete",
    "local resource transition completed",
    "remote resource transition completed",
    "Initial resource acquisition complete",
    "wants to go standby",
    "can take our",
    "Local standby process completed",
    "completed standby takeover",
    "Standby resource acquisition done",
    "Received shutdown notice from",
    "gave up resources",
    "Giving up all HA resources",
    "All HA resources relinquished",
    "Heartbeat shutdown in progress",
    "Heartbeat shutdown complete",
    "Heartbeat restart on node",
    "No STONITH device configured",
    "Shared disks are not protected",
    "Heartbeat generation",
    "Configuration validated. Starting heartbeat",
    "Pacemaker support",
];

/// Lines that ours does not write yet. When it writes one, remove it from here.
const TO_COME: [&str; 0] = [];

/// The files of a site with a debug file.
const LOGS: [&str; 2] = ["/var/log/ha-log", "/var/log/ha-debug"];

/// The time for which alpha does not run: longer than the warntime, shorter than the deadtime.
const PAUSE: Duration = Duration::from_secs(1);

/// A bravo of each kind goes through the same events beside an alpha of 3.0.6. Ours must write each watched line that
/// 3.0.6 writes.
pub(crate) fn is_alike() {
    let [theirs, ours] = thread::scope(|scope| {
        let observers = [Daemon::Reference, Daemon::Ours];
        let watches = observers.map(|daemon| scope.spawn(move || watched_by(daemon)));
        watches.map(|watch| watch.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    println!("wording: {} watched lines of 3.0.6, {} of ours", theirs.len(), ours.len());
    for line in ours.difference(&theirs) {
        println!("wording: only ours writes [{line}]");
    }
    let missing: Vec<&String> = theirs.difference(&ours).collect();
    assert!(missing.iter().eq(&TO_COME), "only 3.0.6 writes {missing:#?}\nours has {ours:#?}");
}

/// The log files have the same owner, group and mode.
pub(crate) fn files_are_alike() {
    let site = Site { more: "debugfile /var/log/ha-debug\n".to_owned(), ..Site::default() };
    let lab = Lab::new("log files", Daemon::Ours, Daemon::Reference, &site);
    start_both(&lab);
    let [ours, theirs] = lab.hosts().map(|host| host.run("stat", &["-c", "%n %U %G %a", LOGS[0], LOGS[1]]).output);
    lab.check(theirs.lines().count() == LOGS.len(), &format!("both files of 3.0.6: {theirs}"));
    lab.check(ours == theirs, &format!("the files of 3.0.6, which are\n{theirs}instead of\n{ours}"));
}

/// The watched lines of bravo's log: start together, a pause of alpha, cut of the owner, its return, its stop, bravo's
/// stop.
fn watched_by(observer: Daemon) -> BTreeSet<String> {
    let site = Site { deadtime: 3000, more: "warntime 500ms\n".to_owned(), ..Site::default() };
    let lab = Lab::new(&format!("wording of {observer}"), Daemon::Reference, observer, &site);
    start_both(&lab);
    lab.alpha.freeze_daemon();
    thread::sleep(PAUSE);
    lab.alpha.thaw_daemon();
    lab.await_until(MOVE_LIMIT, "bravo to say that alpha was late", || lab.bravo.logged("Late heartbeat"));
    lab.alpha.cut_power();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    await_takeover(&lab, &lab.bravo);
    lab.alpha.boot();
    lab.alpha.start();
    await_owner(&lab, &lab.alpha, START_LIMIT);
    let done = || lab.bravo.count_logged("remote resource transition completed.") >= 2;
    lab.await_until(START_LIMIT, "the transition after the failback", done);
    lab.alpha.stop();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    lab.await_until(START_LIMIT, "bravo to see that alpha is gone", || {
        lab.bravo.count_logged("node alpha: is dead") >= 2
    });
    await_takeover(&lab, &lab.bravo);
    lab.bravo.stop();
    watched_lines(&lab.bravo)
}

/// Severity and text of the lines of the daemon itself, without those of its helper programs and scripts, with `N` for
/// every number.
fn watched_lines(host: &Host) -> BTreeSet<String> {
    let log = host.log();
    let texts =
        log.lines().filter_map(|line| line.split_once(" heartbeat: [")?.1.split_once("]: ")).map(|(_, text)| text);
    let watched = texts.filter(|text| WATCHED.iter().any(|words| text.contains(words)));
    watched.map(without_numbers).collect()
}

fn without_numbers(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if plain.ends_with('N') => {}
            '0'..='9' => plain.push('N'),
            other => plain.push(other),
        }
    }
    plain
}
