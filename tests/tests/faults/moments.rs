//! Scenarios in which something goes wrong at one moment that a test cannot meet without the seam.

use std::time::Duration;

use hbcore_tests::lab::{Host, Lab, SERVICE, SERVICE_SCRIPT, Site, release_binary};
use hbcore_tests::scenario::{Pairing, trial};
use libtest_mimic::Trial;

/// The longest time for what needs no more than some messages and scripts.
const LIMIT: Duration = Duration::from_secs(20);
/// Eleven attempts to stop a group, one a second, and some.
const ATTEMPTS_LIMIT: Duration = Duration::from_secs(40);
/// A second owner would have appeared by then.
const LONG_ENOUGH: Duration = Duration::from_secs(3);

/// A service that does not stop while `/run/refuse` exists.
const STUBBORN: &str = r#"[ ! -e /run/refuse ] && rm -f "$held""#;

pub(crate) fn trials(pairing: Pairing) -> Vec<Trial> {
    vec![
        trial("reload_at_the_moment_of_a_new_attempt_to_stop_is_put_off", pairing, stop_begins),
        trial("handover_that_cannot_be_read_is_not_believed", pairing, handover_unread),
    ]
}

/// A pair with an address of alpha, and a stubborn script of bravo. The dead time is longer than the moment lasts.
fn pair(name: &str, pairing: Pairing) -> Lab {
    let more_groups = "bravo web\n".to_owned();
    let site = Site {
        deadtime: 15_000,
        initdead: 16_000,
        group: format!("IPaddr::{SERVICE}/24/eth0"),
        more_groups,
        ..Site::default()
    };
    let lab = Lab::new(name, pairing.alpha, pairing.bravo, &site);
    for host in lab.hosts() {
        host.write_script("web", &SERVICE_SCRIPT.replace("rm -f \"$held\"", STUBBORN));
        let masked = [("reboot", "#!/bin/sh\nexit 1\n"), ("init", "#!/bin/sh\nexit 1\n")];
        host.put_into("/usr/sbin", &masked);
    }
    lab
}

fn count(host: &Host, call: &str) -> usize {
    host.lines_of("calls").iter().filter(|line| *line == call).count()
}

fn status(host: &Host) -> String {
    host.run(&release_binary("hb").display().to_string(), &["status"]).output
}

/// A leftover does not stop and rests until the next attempt, which begins at the very moment in which the daemon packs
/// its handover: the reload waits, and the next run knows that the group may run here.
fn stop_begins(pairing: Pairing) {
    let lab = pair("stop begins during a reload", pairing);
    let [alpha, bravo] = lab.hosts();
    alpha.run("touch", &["/run/refuse", "/run/held-web"]);
    let (waiting, started) = std::thread::scope(|scope| {
        let start = scope.spawn(|| alpha.try_start());
        bravo.start();
        (lab.with_file("/run/held-web").len(), start.join().expect("an answer"))
    });
    lab.check(started.code == Some(0), &format!("a start instead of {started:?} beside {waiting} services"));
    let claims = || alpha.count_logged("this node claims it");
    lab.check(claims() == 1, "alpha to claim what it cannot stop");
    lab.await_until(LIMIT, "alpha to have joined", || alpha.logged("local resource transition completed"));

    alpha.panel().arm("moment@restart", "hang 6000");
    let stops = count(alpha, "web stop");
    let text = std::fs::read_to_string(alpha.config_file("ha.cf")).expect("a written file");
    alpha.write("ha.cf", &format!("{text}# changed\n"));
    let answered = alpha.heartbeat(&["-r"]);
    lab.check(answered.code == Some(0), &format!("-r to succeed instead of {answered:?}"));
    lab.check(alpha.panel().has_struck("moment@restart"), "the moment to have come");
    lab.await_until(LIMIT, "web to be told to stop again", || count(alpha, "web stop") > stops);
    lab.await_until(ATTEMPTS_LIMIT, "the next run of alpha to claim web", || claims() == 2);
    lab.check(status(alpha).contains("web"), "hb status of alpha to name web");

    alpha.run("rm", &["/run/refuse"]);
    let at_home = || lab.with_file("/run/held-web") == ["bravo"] && lab.holders() == ["alpha"];
    lab.await_until(ATTEMPTS_LIMIT, "each group at home", at_home);
    lab.stays(LONG_ENOUGH, "each group at home", at_home);
}

/// The next run cannot read what the last one handed over. A service that it would take for running has died meanwhile:
/// it asks each script, as after a crash, and ends with each group running.
fn handover_unread(pairing: Pairing) {
    let lab = pair("handover that cannot be read", pairing);
    let [alpha, bravo] = lab.hosts();
    let start_of = |host: &Host| lab.check(host.try_start().code == Some(0), "a start");
    start_of(alpha);
    start_of(bravo);
    let at_home = || lab.with_file("/run/held-web") == ["bravo"] && lab.holders() == ["alpha"];
    lab.await_until(LIMIT, "each group at home", at_home);

    bravo.run("rm", &["/run/held-web"]);
    bravo.panel().arm("open@predecessor", "error 5");
    let text = std::fs::read_to_string(bravo.config_file("ha.cf")).expect("a written file");
    bravo.write("ha.cf", &format!("{text}# changed\n"));
    let answered = bravo.heartbeat(&["-r"]);
    lab.check(answered.code == Some(0), &format!("-r to succeed instead of {answered:?}"));
    lab.check(bravo.panel().has_struck("open@predecessor"), "the fault to have struck");
    lab.check(bravo.logged("The handover of the last run cannot be read"), "the log to say so");
    lab.await_until(LIMIT, "web to run again", at_home);
    lab.stays(LONG_ENOUGH, "each group at home", at_home);
    lab.check(count(bravo, "web start") == 2, "web to be started again");
}
