//! Scripts that fail: the other node gets the group, or nobody does; never both.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Host, SERVICE};
use hbcore_tests::scenario::Pairing;

use crate::START_LIMIT;
use crate::groups::{self, Pair, SERVICE_SCRIPT, count_calls, held};

/// What makes the start of `web` on alpha fail.
type Fault = fn(&Host);

/// A script that does this when it is started, and is a service else.
fn write_web(host: &Host, operation: &str, action: &str) {
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

/// Every fault on a node of ours beside another of ours; beside a 3.0.6 one of them, as the exchange is the same.
pub(crate) fn start(pairing: Pairing) {
    let faults = if pairing.is_all_ours() { &START_FAULTS[..] } else { &START_FAULTS[..1] };
    for (name, fault) in faults {
        start_fails(pairing, name, *fault);
    }
}

/// Alpha's own group does not start there: bravo has it, and all of it, long before the half minute that 3.0.6 waits.
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
    lab.check(lab.alpha.logged(&line), "alpha to say what does not start");
    lab.check(held(lab, "web") == ["bravo"], "the script on bravo only");
}

/// A group of the other node does not start here: it goes home at once, and its home is not asked again and again.
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

/// Scripts that do what they should, and something else: the group starts at home, as quickly as ever.
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

/// What a stop that fails leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escalation {
    /// The site's own command deals with it.
    Command,
    /// The machine reboots.
    Reboot,
    /// Nothing helps.
    Nothing,
}

/// The address and the service are gone, as after a reboot.
const CLEAR: &str = "rm -f /run/held-web; ip address flush dev eth0 scope global";

pub(crate) fn stop_with_command(pairing: Pairing) {
    let pair = stop_fails(pairing, Escalation::Command);
    pair.await_owners("bravo", "bravo");
    pair.await_claims(pair.began, "none", "all");
    pair.lab.check(
        count_calls(&pair.lab.alpha, &format!("command IPaddr::{SERVICE}/24/eth0")) == 1,
        "one call of the command",
    );
}

pub(crate) fn stop_with_reboot(pairing: Pairing) {
    let pair = stop_fails(pairing, Escalation::Reboot);
    let lab = &pair.lab;
    lab.await_until(START_LIMIT, "the daemon of alpha gone", || !lab.alpha.is_running());
    pair.await_owners("bravo", "bravo");
    lab.check(lab.alpha.logged("CRIT: Resource STOP failure. Reboot required!"), "alpha to say why");
    lab.check(lab.alpha.lines_of("calls").contains(&"reboot -nf".to_owned()), "a reboot");
}

pub(crate) fn stop_without_help(pairing: Pairing) {
    let pair = stop_fails(pairing, Escalation::Nothing);
    let lab = &pair.lab;
    lab.await_until(START_LIMIT, "alpha to give up", || lab.alpha.logged("CRIT: Unable to force reboot."));
    let calls = lab.alpha.lines_of("calls");
    let tried = ["reboot -nf", "init 6"].map(|call| calls.iter().any(|line| line == call));
    lab.check(tried == [true, true], "both ways to reboot tried");
    lab.stays(Duration::from_secs(3), "the script on alpha only", || held(lab, "web") == ["alpha"]);
    lab.check(lab.alpha.is_running() && !lab.bravo.logged("node alpha: is dead"), "a node alpha that lives and claims");
}

/// A standby of alpha whose `web` does not stop. Returns when 3.0.6's eleven attempts are over; until then, alpha alone had it.
fn stop_fails(pairing: Pairing, escalation: Escalation) -> Pair {
    let pair = Pair::new(&format!("stop fails, {escalation:?}"), pairing, &groups::site());
    let lab = &pair.lab;
    write_web(&lab.alpha, "stop", "exit 1");
    let program = |text: &str| format!("#!/bin/sh\necho \"${{0##*/}} $*\" >> /var/log/calls\n{text}\n");
    let [reboot, init] = match escalation {
        Escalation::Reboot => [program(&format!("{CLEAR}; ip link set eth1 down")), program("exit 1")],
        Escalation::Nothing | Escalation::Command => [program("exit 1"), program("exit 1")],
    };
    lab.alpha.put_into("/usr/sbin", &[("reboot", &reboot), ("init", &init)]);
    if escalation == Escalation::Command {
        lab.alpha.write_program("command", &program(&format!("{CLEAR}; ip address add 10.77.0.1/24 dev eth0")));
        lab.alpha.write("hbcore.cf", "stop_failure_command /etc/ha.d/command\n");
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
