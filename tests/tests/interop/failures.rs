//! Scripts that fail: either the other node runs the group, or no node does; never both.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Host, Lab, SERVICE};
use hbcore_tests::scenario::Pairing;

use crate::START_LIMIT;
use crate::groups::{self, Pair, SERVICE_SCRIPT, count_calls, held};

/// Makes the start of `web` on alpha fail.
type Fault = fn(&Host);

/// Writes a script that does `action` for `operation`, and is a normal service otherwise.
pub(crate) fn write_web(host: &Host, operation: &str, action: &str) {
    let case = format!("case $1 in\n    {operation}) {action} ;;");
    host.write_script("web", &SERVICE_SCRIPT.replacen("case $1 in", &case, 1));
}

const START_FAULTS: [(&str, Fault); 5] = [
    ("returns 1", |host| write_web(host, "start", "exit 1")),
    ("hangs", |host| write_web(host, "start", "exec sleep 1000")),
    ("is killed", |host| write_web(host, "start", "kill -9 $$")),
    ("is missing", |host| fs::remove_file(host.config_file("resource.d/web")).expect("our own file")),
    ("is not executable", |host| {
        let path = host.config_file("resource.d/web");
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("our own file");
    }),
];

/// Tries every fault on a node of ours beside another of ours; beside a 3.0.6 only one, because the exchange is the
/// same.
pub(crate) fn start(pairing: Pairing) {
    let faults = if pairing.is_all_ours() { &START_FAULTS[..] } else { &START_FAULTS[..1] };
    for (name, fault) in faults {
        start_fails(pairing, name, *fault);
    }
}

/// Alpha's own group does not start there: all of it runs on bravo, long before the half minute that 3.0.6 waits.
fn start_fails(pairing: Pairing, name: &str, fault: Fault) {
    let pair = Pair::new(&format!("start {name}"), pairing, &groups::site());
    let lab = &pair.lab;
    lab.alpha.write("hbcore.cf", "script_timeout 2\n");
    fault(&lab.alpha);
    let since = Instant::now();
    lab.alpha.start();
    lab.bravo.start();
    pair.await_owners("bravo", "bravo");
    pair.await_claims(since, "none", "all");
    println!("{pairing} start {name}: bravo serves after {} ms", since.elapsed().as_millis());
    let line = format!("Resource group IPaddr::{SERVICE}/24/eth0 does not start here");
    lab.await_until(START_LIMIT, "alpha to say what does not start", || lab.alpha.logged(&line));
    lab.await_until(START_LIMIT, "the script on bravo only", || held(lab, "web") == ["bravo"]);
}

/// A group of the other node does not start here: it goes home at once, and this node does not ask its home again and
/// again.
pub(crate) fn start_of_foreign(pairing: Pairing) {
    let pair = Pair::running("start of a foreign group", pairing, &groups::site());
    let lab = &pair.lab;
    write_web(&lab.bravo, "start", "exit 1");
    let since = Instant::now();
    lab.alpha.standby("local");
    lab.await_until(START_LIMIT, "bravo to try", || count_calls(&lab.bravo, "web start") > 0);
    pair.await_owners("alpha", "bravo");
    pair.await_claims(since, "local", "local");
    pair.gap("a standby that cannot be followed", since);
    let tries = count_calls(&lab.bravo, "web start");
    lab.stays(Duration::from_secs(1), "the groups at home", || pair.are_owners("alpha", "bravo"));
    lab.check(count_calls(&lab.bravo, "web start") == tries, "no more tries");
}

/// 3.0.6 sends nothing about a failed start: it asks for a standby half a minute later (docs/protocol/resources.md
/// 1.8).
const FAILED_WAIT: Duration = Duration::from_secs(45);

/// A 3.0.6 cannot start the group that ours has handed over: it hands the group back, late, and meanwhile no node runs
/// it.
pub(crate) fn start_of_foreign_on_reference(pairing: Pairing) {
    let pair = Pair::running("start of a foreign group on 3.0.6", pairing, &groups::site());
    let lab = &pair.lab;
    write_web(&lab.bravo, "start", "exit 1");
    let since = Instant::now();
    lab.alpha.standby("local");
    await_failure(lab, &lab.bravo);
    let mut both = false;
    lab.await_until(FAILED_WAIT, "alpha to have its group again", || {
        both |= held(lab, "web").len() > 1 || lab.holders().len() > 1;
        pair.are_owners("alpha", "bravo")
    });
    lab.check(!both, "one owner at every time");
    pair.await_claims(since, "local", "local");
    pair.gap("a standby that 3.0.6 cannot follow", since);
    pair.await_owners("alpha", "bravo");
}

/// A 3.0.6 cannot start its own group. It claims the group and hands over what it does not run. The group stays down,
/// as between two of them, and ours does not start a group that another node claims.
pub(crate) fn start_on_reference(pairing: Pairing) {
    let pair = Pair::new("start on 3.0.6", pairing, &groups::site());
    let lab = &pair.lab;
    write_web(&lab.alpha, "start", "exit 1");
    lab.alpha.start();
    lab.bravo.start();
    await_failure(lab, &lab.alpha);
    let began = Instant::now();
    lab.await_until(FAILED_WAIT, "alpha to ask for a standby", || {
        pair.sniffer
            .has_heard(|m| m.src == "alpha" && m.kind == "ask_resources" && m.text("rsc_hold") == Some("foreign"))
    });
    println!("{pairing} start on 3.0.6: it asks for a standby after {} ms", began.elapsed().as_millis());
    pair.await_claims(began, "local", "local");
    lab.check(count_calls(&lab.bravo, "web start") == 0, "no start on bravo of what alpha claims");
    lab.check(held(lab, "web").is_empty() && lab.holders().is_empty(), "the group of alpha nowhere");
    lab.check(held(lab, "mail") == ["bravo"], "the group of bravo at home");
}

fn await_failure(lab: &Lab, host: &Host) {
    let what = format!("{} to give up the group", host.name());
    lab.await_until(START_LIMIT, &what, || host.logged("CRIT: Giving up resources due to failure of web"));
}

/// Scripts that do their work, and something else: the group starts at home, as quickly as always.
pub(crate) fn noise(pairing: Pairing) {
    let noises = [
        ("prints 10 MB", "yes 'all is well, and all will be well' | head -c 10000000; : > \"$held\""),
        ("forks and leaves", "sleep 1000 & : > \"$held\""),
        ("prints without an end of line", "head -c 100000 /dev/zero | tr '\\0' x; : > \"$held\""),
    ];
    for (name, action) in noises {
        let pair = Pair::new(&format!("script {name}"), pairing, &groups::site());
        write_web(&pair.lab.alpha, "start", action);
        let since = Instant::now();
        pair.start();
        let others = pair.lab.hosts().map(|host| host.count_logged(": is dead"));
        pair.lab.check(others == [0, 0], "no node declared dead");
        println!("{pairing} script {name}: both serve after {} ms", since.elapsed().as_millis());
    }
}

/// The consequence of a failed stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escalation {
    /// The site's own command ends the group.
    Command,
    /// The machine reboots.
    Reboot,
    /// Neither works.
    Nothing,
}

/// Removes the address and the service, as a reboot does.
const CLEAR: &str = "rm -f /run/held-web; ip address flush dev eth0 scope global";

pub(crate) fn stop_with_command(pairing: Pairing) {
    ends_by_command(&stop_fails(pairing, Escalation::Command, "exit 1"));
}

/// A stop script that hangs during a standby is terminated at its time limit, and tried as often as one that fails.
pub(crate) fn stop_that_hangs(pairing: Pairing) {
    let pair = stop_fails(pairing, Escalation::Command, "exec sleep 1000");
    ends_by_command(&pair);
    let limits = pair.lab.alpha.count_logged("Time limit exceeded, terminated from");
    pair.lab.check(limits == 11, &format!("eleven time limits instead of {limits}"));
}

/// The first stop hangs and the second one works: nothing else happens.
pub(crate) fn stop_that_hangs_once(pairing: Pairing) {
    let pair = Pair::new("stop hangs once", pairing, &groups::site());
    let lab = &pair.lab;
    write_web(&lab.alpha, "stop", "test -e /run/tried || { : > /run/tried; exec sleep 1000; }; rm -f $held");
    lab.alpha.write("hbcore.cf", "script_timeout 1\n");
    pair.start();
    let since = Instant::now();
    lab.alpha.standby("local");
    let mut both = false;
    lab.await_until(START_LIMIT, "bravo to have everything", || {
        both |= held(lab, "web").len() > 1;
        pair.are_owners("bravo", "bravo")
    });
    lab.check(!both, "one holder at every time");
    pair.await_claims(since, "none", "all");
    pair.gap("a standby with a stop that hangs once", since);
    lab.check(count_calls(&lab.alpha, "web stop") == 2, "two calls");
    let lasted = since.elapsed();
    lab.check(lasted > Duration::from_secs(1), &format!("a time limit of 1 s, not {lasted:?}"));
}

fn ends_by_command(pair: &Pair) {
    pair.await_owners("bravo", "bravo");
    pair.await_claims(pair.began, "none", "all");
    pair.lab.check(
        count_calls(&pair.lab.alpha, &format!("command IPaddr::{SERVICE}/24/eth0")) == 1,
        "one call of the command",
    );
}

pub(crate) fn stop_with_reboot(pairing: Pairing) {
    let pair = stop_fails(pairing, Escalation::Reboot, "exit 1");
    let lab = &pair.lab;
    lab.await_until(START_LIMIT, "the daemon of alpha gone", || !lab.alpha.is_running());
    pair.await_owners("bravo", "bravo");
    lab.check(lab.alpha.logged("CRIT: Resource STOP failure. Reboot required!"), "alpha to say why");
    lab.check(lab.alpha.lines_of("calls").contains(&"reboot -nf".to_owned()), "a reboot");
}

pub(crate) fn stop_without_help(pairing: Pairing) {
    let pair = stop_fails(pairing, Escalation::Nothing, "exit 1");
    let lab = &pair.lab;
    lab.await_until(START_LIMIT, "alpha to give up", || lab.alpha.logged("CRIT: Unable to force reboot."));
    let calls = lab.alpha.lines_of("calls");
    let tried = ["reboot -nf", "init 6"].map(|call| calls.iter().any(|line| line == call));
    lab.check(tried == [true, true], "both ways to reboot tried");
    lab.stays(Duration::from_secs(3), "the script on alpha only", || held(lab, "web") == ["alpha"]);
    lab.check(lab.alpha.is_running() && !lab.bravo.logged("node alpha: is dead"), "a node alpha that lives and claims");
}

/// A standby of alpha whose `web` does not stop. Returns when 3.0.6's eleven attempts are over. Until then only alpha
/// runs it.
fn stop_fails(pairing: Pairing, escalation: Escalation, action: &str) -> Pair {
    let pair = Pair::new(&format!("stop fails, {escalation:?}, {action}"), pairing, &groups::site());
    let lab = &pair.lab;
    write_web(&lab.alpha, "stop", action);
    let program = |text: &str| format!("#!/bin/sh\necho \"${{0##*/}} $*\" >> /var/log/calls\n{text}\n");
    let [reboot, init] = match escalation {
        Escalation::Reboot => {
            [program(&format!("{CLEAR}; ip link set eth1 down; kill -9 $(cat /run/heartbeat.pid)")), program("exit 1")]
        }
        Escalation::Nothing | Escalation::Command => [program("exit 1"), program("exit 1")],
    };
    lab.alpha.put_into("/usr/sbin", &[("reboot", &reboot), ("init", &init)]);
    if escalation == Escalation::Command {
        lab.alpha.write_program("command", &program(&format!("{CLEAR}; ip address add 10.77.0.1/24 dev eth0")));
        lab.alpha.write("hbcore.cf", "stop_failure_command /etc/ha.d/command\nscript_timeout 1\n");
    }
    pair.start();
    lab.alpha.standby("local");
    let mut early = false;
    lab.await_until(START_LIMIT, "eleven attempts to stop", || {
        early |= held(lab, "web").contains(&"bravo");
        count_calls(&lab.alpha, "web stop") >= 11
    });
    lab.check(!early, "nothing started on bravo before that");
    pair
}
