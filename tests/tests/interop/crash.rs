//! A daemon dies without releasing its groups, and the start after that: no service of the dead run may go on
//! unnoticed.

use std::time::Duration;

use hbcore_tests::lab::{Host, Site, release_binary};
use hbcore_tests::scenario::Pairing;

use crate::groups::{self, Pair, count_calls, held};
use crate::{MOVE_LIMIT, START_LIMIT};

/// A second owner would have appeared by then.
const LONG_ENOUGH: Duration = Duration::from_secs(3);

/// Enough to meet the killed process in each state of its end.
const STARTS_AT_ONCE: u32 = 20;

/// A killed daemon takes this long to end, which a start waits for.
const DEATH_THROES: Duration = Duration::from_secs(1);

/// The owners of the groups, for a report.
fn owners(pair: &Pair) -> String {
    let lab = &pair.lab;
    format!("address {:?}, web {:?}, mail {:?}", lab.holders(), held(lab, "web"), held(lab, "mail"))
}

/// Waits until each group runs on the named node and on no other, and checks that it stays there.
#[track_caller]
fn settles_on(pair: &Pair, web: &str, mail: &str) {
    let lab = &pair.lab;
    let what = format!("the groups on {web} and {mail} alone");
    lab.await_until(START_LIMIT, &what, || pair.are_owners(web, mail));
    lab.stays(LONG_ENOUGH, &what, || pair.are_owners(web, mail));
}

fn site() -> Site {
    Site { auto_failback: false, ..groups::site() }
}

/// The daemon is away for longer than the deadtime: the other node has taken over all groups, and keeps them.
pub(crate) fn late_restart(pairing: Pairing) {
    let pair = Pair::running("crash and late restart", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    alpha.crash_daemon();
    lab.await_until(START_LIMIT, "bravo to take over", || held(lab, "web").contains(&"bravo"));
    lab.check(held(lab, "web").contains(&"alpha"), "a crash to stop nothing");
    alpha.start();
    settles_on(&pair, "bravo", "bravo");
    lab.check(alpha.logged("The last run was not stopped in order"), "the log of alpha to say so");
    lab.await_until(MOVE_LIMIT, "the client to be served by bravo", || lab.client.is_served_by("bravo"));
}

/// The daemon is back before the peer has noticed its death.
pub(crate) fn quick_restart(pairing: Pairing) {
    let pair = Pair::running("crash and quick restart", pairing, &Site { deadtime: 4000, initdead: 5000, ..site() });
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    alpha.crash_daemon();
    alpha.start();
    lab.await_until(START_LIMIT, "each group on one node", || {
        lab.holders().len() == 1 && held(lab, "web") == lab.holders() && held(lab, "mail") == ["bravo"]
    });
    let owner = lab.holders()[0];
    settles_on(&pair, owner, "bravo");
}

/// The daemon is killed and started again at once, while the killed process still holds what it held. Each start returns
/// when its daemon runs.
pub(crate) fn start_at_once(pairing: Pairing) {
    let pair = Pair::running("start at once after a crash", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let line = format!("kill -KILL $(cat /run/heartbeat.pid); exec {}", alpha.daemon().program().display());
    for round in 1..=STARTS_AT_ONCE {
        let answered = alpha.run("sh", &["-c", &line]);
        let running = alpha.daemon_processes();
        lab.check(answered.code == Some(0), &format!("start {round} to succeed instead of {answered:?}"));
        lab.check(running.len() == 1, &format!("one daemon after start {round} instead of {running:?}; {answered:?}"));
    }
    let again = alpha.heartbeat(&[]);
    let says_so = again.output.contains("already running");
    lab.check(again.code == Some(0) && says_so, &format!("the running daemon to be noticed instead of {again:?}"));
}

/// The daemon is killed, and `heartbeat -r` comes at once: it starts a daemon, as a 3.0.6 does when none runs.
pub(crate) fn reload_at_once(pairing: Pairing) {
    let pair = Pair::running("reload at once after a crash", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let line = format!("kill -KILL $(cat /run/heartbeat.pid); exec {} -r", alpha.daemon().program().display());
    for round in 1..=STARTS_AT_ONCE {
        let answered = alpha.run("sh", &["-c", &line]);
        let running = alpha.daemon_processes();
        lab.check(answered.code == Some(0), &format!("reload {round} to succeed instead of {answered:?}"));
        lab.check(running.len() == 1, &format!("one daemon after reload {round} instead of {running:?}; {answered:?}"));
    }
}

/// The killed daemon ends only after a while, as one that waits for a disk: the start waits for its end, and gives up with
/// an error after a few seconds.
pub(crate) fn start_before_the_end(pairing: Pairing) {
    let pair = Pair::running("start before the end of a killed daemon", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let Some(held_up) = alpha.hold_daemon() else {
        println!("this machine cannot keep a killed process from ending");
        return;
    };
    alpha.signal_daemon("KILL");
    let refused = alpha.heartbeat(&[]);
    lab.check(refused.code == Some(1), &format!("exit 1 instead of {refused:?}"));
    lab.check(refused.output.contains("was killed and has not ended"), &format!("the reason instead of {refused:?}"));

    let started = std::thread::scope(|scope| {
        let start = scope.spawn(|| alpha.heartbeat(&[]));
        lab.stays(DEATH_THROES, "the start to wait", || !start.is_finished());
        drop(held_up);
        start.join().expect("an answer")
    });
    lab.check(started.code == Some(0), &format!("a start instead of {started:?}"));
    lab.check(alpha.daemon_processes().len() == 1, "one daemon on alpha");
    lab.await_until(START_LIMIT, "each group on one node", || {
        lab.holders().len() == 1 && held(lab, "web") == lab.holders() && held(lab, "mail") == ["bravo"]
    });
}

/// The start is refused, because an interface is gone: nothing stays up. The next start succeeds when the interface is
/// back.
pub(crate) fn refused_restart(pairing: Pairing) {
    let pair = Pair::running("crash and refused restart", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    alpha.crash_daemon();
    let rename = |from: &str, to: &str| {
        let line = format!("ip link set {from} down && ip link set {from} name {to} && ip link set {to} up");
        lab.check(alpha.run("sh", &["-c", &line]).code == Some(0), "an interface to be renamed");
    };
    rename("eth1", "away");
    let started = alpha.try_start();
    lab.check(started.code == Some(6), &format!("exit 6 instead of {started:?}"));
    lab.check(!alpha.holds_service(), "the address gone from alpha");
    lab.check(!held(lab, "web").contains(&"alpha"), &format!("web gone from alpha instead of {}", owners(&pair)));
    settles_on(&pair, "bravo", "bravo");

    rename("away", "eth1");
    let again = alpha.try_start();
    lab.check(again.code == Some(0), &format!("a start instead of {again:?}"));
    settles_on(&pair, "bravo", "bravo");
}

/// The system has started a service that belongs to heartbeat. The node stops it before it claims to run nothing.
pub(crate) fn service_started_by_accident(pairing: Pairing) {
    let pair = Pair::running("service started by accident", pairing, &site());
    let (lab, bravo) = (&pair.lab, &pair.lab.bravo);
    bravo.stop();
    lab.await_until(START_LIMIT, "alpha to have everything", || pair.are_owners("alpha", "alpha"));
    let started = bravo.run("/etc/ha.d/resource.d/web", &["start"]);
    lab.check(started.code == Some(0), "the system to start web");
    bravo.start();
    lab.check(!held(lab, "web").contains(&"bravo"), "web stopped when the daemon is ready");
    lab.check(bravo.logged("Resource web is active, and should not be!"), "the words of 3.0.6 in the log");
    settles_on(&pair, "alpha", "alpha");
    lab.check(count_calls(bravo, "mail stop") == 1, "what does not run is not stopped, but at the end of the last run");
}

/// `status` of `web` hangs until `/run/go` exists.
const HANGING_SCRIPT: &str = r#"#!/bin/sh
echo "${0##*/} $*" >> /var/log/calls
held=/run/held-${0##*/}
case $1 in
    start) : > "$held" ;;
    stop) rm -f "$held" ;;
    status)
        while [ -e /run/hang ]; do sleep 0.1; done
        if [ -e "$held" ]; then echo running; else echo stopped; exit 3; fi ;;
esac
"#;

/// A node does not join until the status of its services is known. Meanwhile it can be stopped.
pub(crate) fn status_hangs(pairing: Pairing) {
    let pair = Pair::new("status hangs at the start", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    alpha.write_script("web", HANGING_SCRIPT);
    alpha.run("touch", &["/run/hang", "/run/held-web"]);
    let heard = |since| pair.sniffer.heard_since(since).iter().any(|m| m.src == "alpha");
    let start_elsewhere = |host: &Host| {
        let line = format!("{} </dev/null >/dev/null 2>&1 &", host.daemon().program().display());
        lab.check(host.run("sh", &["-c", &line]).code == Some(0), "a start in the background");
    };
    let since = std::time::Instant::now();
    start_elsewhere(alpha);
    lab.await_until(START_LIMIT, "web to be asked", || count_calls(alpha, "web status") == 1);
    lab.stays(LONG_ENOUGH, "nothing heard of alpha", || !heard(since));
    alpha.signal_daemon("TERM");
    lab.await_until(MOVE_LIMIT, "alpha to end when it is told", || !alpha.is_running());
    lab.check(!heard(since), "nothing heard of alpha");

    start_elsewhere(alpha);
    lab.await_until(START_LIMIT, "web to be asked again", || count_calls(alpha, "web status") == 2);
    alpha.run("rm", &["/run/hang"]);
    lab.await_until(START_LIMIT, "alpha to start its group", || count_calls(alpha, "web start") == 1);
    lab.check(count_calls(alpha, "web stop") == 1, "what ran there to be stopped first");
}

/// The node claims a service that a crash has left and that cannot be stopped, so that no other node starts it.
pub(crate) fn stop_fails(pairing: Pairing) {
    let pair = Pair::new("leftover cannot be stopped", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    alpha.write_script("web", &groups::SERVICE_SCRIPT.replace("rm -f \"$held\"", "exit 1"));
    alpha.run("touch", &["/run/held-web"]);
    alpha.start();
    lab.bravo.start();
    settles_on(&pair, "alpha", "bravo");
    lab.check(count_calls(alpha, "web start") == 0, "what runs already to be left as it is");
    lab.check(alpha.logged("this node claims it"), "the log to say so");
    let told = "problem stop-doubtful: IPaddr::10.77.0.100/24/eth0 runs here as it should, but its last stop failed: web did not";
    crate::status::shows(lab, alpha, 4, &[told]);
}

/// The stop of a leftover hangs, and its status does, too: `hb status` announces no reboot, and says that its stop is in
/// doubt once the group runs here as it should. The doubt ends with the next stop that succeeds.
pub(crate) fn stop_and_status_hang(pairing: Pairing) {
    let pair = Pair::new("leftover hangs", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    alpha.start();
    lab.await_until(START_LIMIT, "alpha to have everything", || pair.are_owners("alpha", "alpha"));
    alpha.crash_daemon();
    let hanging = groups::SERVICE_SCRIPT.replace("rm -f \"$held\"", "exec sleep 1000");
    alpha.write_script("web", &hanging.replace("status) ", "status) exec sleep 1000; "));
    alpha.write("hbcore.cf", "script_timeout 1\n");
    let hb = || alpha.run(&release_binary("hb").display().to_string(), &["status"]).output;
    let mut early = String::new();
    std::thread::scope(|scope| {
        let start = scope.spawn(|| alpha.start());
        lab.await_until(START_LIMIT, "the stop to fail", || {
            early = hb();
            early.contains("problem stop-unseen")
        });
        start.join().expect("a start");
    });
    let is_true = early.contains("then this node joins") && !early.contains("reboot");
    lab.check(is_true, &format!("the next step instead of {early}"));
    lab.bravo.start();
    lab.await_until(START_LIMIT, "the doubt", || hb().contains("problem stop-doubtful: IPaddr::10.77.0.100/24/eth0"));
    lab.check(!hb().contains("stop-unseen"), &format!("no reboot to be announced in {}", hb()));

    alpha.write_script("web", groups::SERVICE_SCRIPT);
    settles_on(&pair, "alpha", "bravo");
    alpha.standby("local");
    settles_on(&pair, "bravo", "bravo");
    lab.await_until(START_LIMIT, "no word about the stop", || !hb().contains("problem stop"));
}

/// If a leftover belongs to the other node, and that node is down, the node still serves all other groups.
pub(crate) fn foreign_stop_fails(pairing: Pairing) {
    let pair = Pair::new("foreign leftover cannot be stopped", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    alpha.write_script("mail", &groups::SERVICE_SCRIPT.replace("rm -f \"$held\"", "exit 1"));
    alpha.run("touch", &["/run/held-mail"]);
    alpha.start();
    settles_on(&pair, "alpha", "alpha");
    lab.bravo.start();
    settles_on(&pair, "alpha", "alpha");
    lab.check(count_calls(alpha, "mail start") == 0, "what runs already to be left as it is");
    lab.check(count_calls(&lab.bravo, "mail start") == 0, "no start on bravo of what runs on alpha");
}

/// A leftover cannot be stopped, and the other node, its home, serves its group. The operator repairs the script and
/// reloads: the next run knows the leftover, claims it and continues to stop it.
pub(crate) fn reload_beside_a_leftover(pairing: Pairing) {
    let pair = Pair::running("reload beside a leftover", pairing, &site());
    let (lab, alpha, bravo) = (&pair.lab, &pair.lab.alpha, &pair.lab.bravo);
    bravo.stop();
    lab.await_until(START_LIMIT, "alpha to have everything", || pair.are_owners("alpha", "alpha"));
    alpha.crash_daemon();
    alpha.write_script("mail", &groups::SERVICE_SCRIPT.replace("rm -f \"$held\"", "exit 1"));
    bravo.start();
    lab.await_until(START_LIMIT, "mail on bravo", || held(lab, "mail").contains(&"bravo"));
    alpha.start();
    lab.check(alpha.count_logged("this node claims it") == 1, "the leftover to be claimed");

    let same = std::fs::read_to_string(alpha.config_file("ha.cf")).expect("a written file");
    alpha.write("ha.cf", &format!("{same}# changed\n"));
    let answered = alpha.heartbeat(&["-r"]);
    lab.check(answered.code == Some(0), &format!("-r to succeed instead of {answered:?}"));
    let next_run = || alpha.count_logged("this node claims it") == 2;
    lab.await_until(START_LIMIT, "the next run of alpha to claim the leftover", next_run);
    let stops = count_calls(alpha, "mail stop");
    lab.await_until(START_LIMIT, "it to be told to stop", || count_calls(alpha, "mail stop") > stops);
    crate::status::shows(lab, alpha, 4, &["problem stop-unseen"]);

    alpha.write_script("mail", groups::SERVICE_SCRIPT);
    settles_on(&pair, "bravo", "bravo");
    crate::status::shows(lab, alpha, 0, &["holds none"]);
    lab.check(count_calls(alpha, "mail start") == 1, "the leftover not to be started again");
}
