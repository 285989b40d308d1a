//! A group of an address and two scripts: the calls of the scripts, their order, and the owner of the group.

use hbcore_tests::lab::{Host, Lab, SERVICE, Site};
use hbcore_tests::scenario::Pairing;

use crate::start::{await_owner, await_takeover, start_both};
use crate::{MOVE_LIMIT, START_LIMIT};

/// A script that records every call, and, like a service, whether it was started, until the power is cut.
const SCRIPT: &str = r#"#!/bin/sh
env > /var/log/environment
echo "${0##*/} $*" >> /var/log/calls
for operation; do :; done
held=/run/held-${0##*/}
case $operation in
    start) : > "$held" ;;
    stop) rm -f "$held" ;;
    status) if [ -e "$held" ]; then echo running; else echo stopped; exit 3; fi ;;
esac
"#;

/// The calls that start the group, and those that stop it.
const STARTS: [&str; 2] = ["first start", "second one two start"];
const STOPS: [&str; 2] = ["second one two stop", "first stop"];

/// The scripts are started from left to right, after a call for their status, and stopped from right to left.
pub(crate) fn in_order(pairing: Pairing) {
    let group = format!("IPaddr::{SERVICE}/24/eth0 first second::one::two");
    let site = Site { group, ..Site::default() };
    let lab = Lab::new(&format!("{pairing} scripts"), pairing.alpha, pairing.bravo, &site);
    for host in lab.hosts() {
        host.write_script("first", SCRIPT);
        host.write_script("second", SCRIPT);
    }
    start_both(&lab);
    await_held(&lab, &lab.alpha, 1);

    lab.alpha.cut_power();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    await_takeover(&lab, &lab.bravo);
    await_held(&lab, &lab.bravo, 1);

    lab.alpha.boot();
    lab.alpha.start();
    await_owner(&lab, &lab.alpha, START_LIMIT);
    await_held(&lab, &lab.alpha, 2);
    check_released(&lab, &lab.bravo);

    lab.alpha.stop();
    await_held(&lab, &lab.bravo, 2);
    check_released(&lab, &lab.alpha);
    check_environment(&lab);
}

/// Variables that a script finds in its environment on every node, under every daemon, with the same text on both.
const VARIABLES: [&str; 22] = [
    "HA_BIN",
    "HA_COMPRESSION",
    "HA_DATEFMT",
    "HA_DEBUGLOG",
    "HA_DIR",
    "HA_DOCDIR",
    "HA_FIFO",
    "HA_FUNCS",
    "HA_LOGD",
    "HA_LOGFACILITY",
    "HA_LOGFILE",
    "HA_RCDIR",
    "HA_RESOURCEDIR",
    "HA_auto_failback",
    "HA_deadtime",
    "HA_debug",
    "HA_keepalive",
    "HA_logfacility",
    "HA_udpport",
    "LC_ALL",
    "OCF_AGENTS",
    "OCF_ROOT",
];

/// Checks that scripts find the same environment under both daemons.
#[track_caller]
fn check_environment(lab: &Lab) {
    let [alpha, bravo] = lab.hosts().map(|host| host.lines_of("environment"));
    for name in VARIABLES {
        let found = |lines: &[String]| lines.iter().find(|line| line.split('=').next() == Some(name)).cloned();
        // 3.0.6 itself writes two slashes or one, depending on the caller.
        let value = |lines: &[String]| found(lines).map(|value| value.replace("//", "/"));
        let [alpha, bravo] = [value(&alpha), value(&bravo)];
        lab.check(alpha.is_some() && alpha == bravo, &format!("the same {name} on both, not {alpha:?} and {bravo:?}"));
    }
}

/// Waits until both scripts run on this host, started `times` times in their order since the files of the host were
/// made.
#[track_caller]
fn await_held(lab: &Lab, host: &Host, times: usize) {
    let name = host.name();
    let starts = || effects(host).into_iter().filter(|call| call.ends_with(" start")).collect::<Vec<_>>();
    lab.await_until(MOVE_LIMIT, &format!("both scripts started on {name} for the time {times}"), || {
        starts().len() >= 2 * times
    });
    lab.check(starts() == STARTS.repeat(times), &format!("starts in order, once each, on {name}: {:?}", calls(host)));
    for started in STARTS {
        let asked = started.replace(" start", " status");
        let calls = calls(host);
        let place = calls.iter().position(|call| call == started);
        let before = calls.get(..place.unwrap_or(0)).unwrap_or_default();
        lab.check(before.contains(&asked), &format!("[{asked}] before [{started}] on {name}: {calls:?}"));
    }
}

/// Checks that the last effect on the scripts of this host was their stop, in order.
#[track_caller]
fn check_released(lab: &Lab, host: &Host) {
    let effects = effects(host);
    let last = effects.get(effects.len().saturating_sub(2)..).unwrap_or_default();
    lab.check(last == STOPS, &format!("stops in order on {}: {:?}", host.name(), calls(host)));
}

fn calls(host: &Host) -> Vec<String> {
    host.lines_of("calls")
}

/// The calls that change something.
fn effects(host: &Host) -> Vec<String> {
    calls(host).into_iter().filter(|call| !call.ends_with(" status")).collect()
}
