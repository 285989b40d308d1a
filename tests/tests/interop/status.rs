//! `hb status` reports the state and its problems; `hb check --peer` reports whether both nodes have the same groups.

use std::time::Duration;

use hbcore_tests::lab::{Host, Lab, SERVICE, Site, release_binary};
use hbcore_tests::scenario::Pairing;

use crate::failures::write_web;
use crate::groups::{self, Pair};
use crate::{MOVE_LIMIT, START_LIMIT};

/// A key that no node of the site has.
const OTHER_KEY: &str = "auth 1\n1 sha1 of-another-cluster\n";

/// The output of `hb` with these words, and its exit code.
pub(crate) fn hb(host: &Host, words: &[&str]) -> (Option<i32>, String) {
    let said = host.run(&release_binary("hb").display().to_string(), words);
    (said.code, said.output)
}

/// Waits until `hb status` on a host ends with this code and contains each of these words.
#[track_caller]
pub(crate) fn shows(lab: &Lab, host: &Host, code: i32, words: &[&str]) {
    let mut last = (None, String::new());
    let is_shown = || {
        last = hb(host, &["status"]);
        last.0 == Some(code) && words.iter().all(|word| last.1.contains(word))
    };
    let shown = hbcore_tests::lab::holds_within(START_LIMIT, is_shown);
    lab.check(shown, &format!("hb status of {} to end with {code} and say {words:?} instead of {last:?}", host.name()));
}

/// Waits until the JSON object for monitors contains all of these.
#[track_caller]
pub(crate) fn has(lab: &Lab, host: &Host, words: &[&str]) {
    let mut json = String::new();
    let is_shown = || {
        json = hb(host, &["status", "--json"]).1;
        words.iter().all(|word| json.contains(word))
    };
    let shown = hbcore_tests::lab::holds_within(START_LIMIT, is_shown);
    lab.check(shown, &format!("hb status of {} to have {words:?} in {json}", host.name()));
}

/// The row of a group, whose first resource begins with `key`.
fn row<'t>(text: &'t str, key: &str) -> &'t str {
    text.lines().find(|line| line.starts_with(key)).unwrap_or_default()
}

/// A group that starts on neither node is shown as nowhere, and not as "settled", on both.
pub(crate) fn nowhere(pairing: Pairing) {
    let pair = Pair::new("status nowhere", pairing, &groups::site());
    let lab = &pair.lab;
    for host in lab.hosts() {
        write_web(host, "start", "exit 1");
        host.start();
    }
    for host in lab.hosts() {
        let other = if host.name() == "alpha" { "bravo" } else { "alpha" };
        // The node with the last attempt differs from run to run; in the end each node knows of both attempts.
        let stories = [format!("started at {other} nor here"), format!(" nor at {other}")];
        let mut text = String::new();
        let is_told = || {
            text = hb(host, &["status"]).1;
            let told = row(&text, "IPaddr");
            told.contains("nowhere: could not be started ") && stories.iter().any(|story| told.contains(story))
        };
        lab.await_until(START_LIMIT, &format!("{} to know of both attempts", host.name()), is_told);
        lab.check(!text.contains("settled"), &format!("not settled in {text}"));
        shows(lab, host, 4, &["problem runs-nowhere: ", " runs on no node", "not every group runs"]);
        has(lab, host, &["\"progress\":\"lacking\"", "\"at\":null", "\"nowhere\":true", "\"word\":\"runs-nowhere\""]);
    }
    // The cause is repaired, and an operator says so: on one node by a standby, on the other by a reload without a
    // changed file.
    for host in lab.hosts() {
        shows(lab, host, 4, &["problem failed-here: ", "web start: Return code 1", "no second node for it"]);
        write_web(host, "never", "exit 1");
    }
    lab.bravo.standby("all");
    lab.await_until(START_LIMIT, "the group somewhere", || !lab.holders().is_empty());
    let owner = lab.holders()[0];
    for host in lab.hosts() {
        let code = if host.name() == owner { 0 } else { 4 };
        shows(lab, host, code, &["settled"]);
        host.signal_daemon("HUP");
        shows(lab, host, 0, &["settled"]);
    }
}

/// A peer that was stopped is shown as left, even after its deadtime: this differs from a crash.
pub(crate) fn left(pairing: Pairing) {
    let site = Site { deadtime: 4000, initdead: 4000, ..Site::default() };
    let lab = crate::start::together("status left", pairing, &site);
    shows(&lab, &lab.alpha, 0, &["alpha: active, holds local, settled"]);
    lab.bravo.stop();
    shows(&lab, &lab.alpha, 4, &["bravo  left", "problem node-left: node bravo was stopped in order"]);
    has(&lab, &lab.alpha, &["\"name\":\"bravo\",\"state\":\"left\"", "\"word\":\"node-left\""]);
    lab.await_until(START_LIMIT, "alpha to declare bravo dead", || lab.alpha.logged("node bravo: is dead"));
    shows(&lab, &lab.alpha, 4, &["bravo  left"]);
    lab.bravo.start();
    shows(&lab, &lab.alpha, 0, &["bravo  active"]);
}

/// A node whose class of groups is empty holds nothing, even if it claims the class.
pub(crate) fn claims(pairing: Pairing) {
    let lab = crate::start::together("status claims", pairing, &Site::default());
    shows(&lab, &lab.bravo, 0, &["bravo: active, holds none, settled"]);
    has(&lab, &lab.bravo, &["\"holds\":\"none\",\"claims\":\"local\""]);
}

/// A fence program that fails, and then is gone, delays a service: that is reported, with the time of the next attempt.
pub(crate) fn fencing(pairing: Pairing) {
    let pair = Pair::new("status fencing", pairing, &groups::site());
    let lab = &pair.lab;
    lab.bravo.write_program("fence", "#!/bin/sh\necho no answer from the device\nexit 7\n");
    lab.bravo.write("hbcore.cf", "fence_command /etc/ha.d/fence\n");
    pair.start();
    shows(lab, &lab.bravo, 0, &["settled"]);
    lab.alpha.cut_power();
    shows(
        lab,
        &lab.bravo,
        4,
        &["waiting until a dead node is fenced", "problem fence-fails: alpha is not fenced: /etc/ha.d/fence fails"],
    );
    shows(lab, &lab.bravo, 4, &["are not started: Return code 7: no answer from the device (", ": it is tried again"]);
    shows(
        lab,
        &lab.bravo,
        4,
        &["may run at alpha, which is not heard and must be fenced first, since", "next: alpha is fenced in"],
    );
    let unknown = ["\"why\":\"awaits-fencing\"", "\"nowhere\":null"];
    has(lab, &lab.bravo, &[&["\"progress\":\"fencing\"", "\"next_seconds\":"], &unknown[..]].concat());
    lab.stays(Duration::from_secs(3), "no group that certainly runs nowhere", || {
        !hb(&lab.bravo, &["status"]).1.contains("problem runs-nowhere")
    });
    std::fs::remove_file(lab.bravo.config_file("fence")).expect("our own file");
    shows(lab, &lab.bravo, 4, &["problem fence-missing: the fencing program /etc/ha.d/fence does not exist"]);
    lab.bravo.write_program("fence", "#!/bin/sh\nexit 0\n");
    pair.await_owners("bravo", "bravo");
    // A program that is back is noticed within a minute.
    let (_, text) = hb(&lab.bravo, &["status"]);
    lab.check(text.contains("settled") && !text.contains("fence-fails"), &format!("a fencing that is over: {text}"));
}

/// A stop that fails is a problem from its first failed attempt on, even while the next attempt runs, until it has
/// succeeded.
pub(crate) fn stop_fails(pairing: Pairing) {
    let pair = Pair::new("status stop fails", pairing, &groups::site());
    let lab = &pair.lab;
    write_web(
        &lab.alpha,
        "stop",
        "sleep 0.3; if [ ! -e /run/go ]; then echo the disk is busy; exit 5; fi; rm -f $held",
    );
    pair.start();
    shows(lab, &lab.alpha, 0, &["settled"]);
    lab.alpha.standby("local");
    let line = "problem stop-unseen: IPaddr::10.77.0.100/24/eth0 may still run here: the stop of web is not confirmed: Return code 5: the disk is busy";
    shows(
        lab,
        &lab.alpha,
        4,
        &[line, ": web stop is tried again, ", " times at most; then stop_failure_command or a reboot"],
    );
    // Longer than the dead time, after which a group that is not known to run counts as running nowhere.
    lab.stays(Duration::from_secs(3), "the problem, and no other one of this group", || {
        let (code, text) = hb(&lab.alpha, &["status"]);
        code == Some(4) && text.contains(line) && !text.contains("problem runs-nowhere")
    });
    lab.alpha.run("touch", &["/run/go"]);
    pair.await_owners("bravo", "bravo");
    shows(lab, &lab.alpha, 0, &["settled"]);
}

/// A script is missing when it must stop its service: the problem names it, and there is more time than for one that
/// fails.
pub(crate) fn script_missing(pairing: Pairing) {
    let pair = Pair::running("status script missing", pairing, &groups::site());
    let lab = &pair.lab;
    let path = lab.alpha.config_file("resource.d/web");
    let text = std::fs::read_to_string(&path).expect("our own file");
    std::fs::remove_file(&path).expect("our own file");
    lab.alpha.standby("local");
    let escalated = "is being stopped here (web stop, ";
    let missing = "problem script-missing: the script web cannot be run: Cannot locate resource script web";
    let moment =
        "; next: stop_failure_command or a reboot, as its script is missing, unless that is there by then in 1";
    shows(lab, &lab.alpha, 4, &[missing, "help: put the script and its interpreter back", escalated, moment]);
    // Eleven attempts would be over by then.
    lab.stays(Duration::from_secs(13), "no escalation", || !lab.alpha.logged("Resource STOP failure"));
    std::fs::write(&path, &text).expect("our own file");
    shows(lab, &lab.alpha, 4, &["Cannot locate resource script web: /etc/ha.d/resource.d/web is not executable"]);
    lab.alpha.write_script("web", &text);
    pair.await_owners("bravo", "bravo");
    shows(lab, &lab.alpha, 0, &["settled"]);
}

/// A node without a peer has lost an address too often: it keeps the group, and reports the missing address and the
/// time of the next attempt to add it.
pub(crate) fn address_lost(pairing: Pairing) {
    let pair = Pair::running("status address lost", pairing, &groups::site());
    let lab = &pair.lab;
    lab.bravo.stop();
    pair.await_owners("alpha", "alpha");
    for _ in 0..6 {
        lab.await_until(START_LIMIT, "the address on alpha", || lab.alpha.holds_service());
        let gone = lab.alpha.run("ip", &["addr", "del", &format!("{SERVICE}/24"), "dev", "eth0"]);
        lab.check(gone.code == Some(0), "the address to be there");
    }
    let row = format!("runs here without its address {SERVICE}; next: it is put back, unless its group has moved");
    let line =
        format!("problem address-lost: this node owns {SERVICE}, but it is not on its interface: another program");
    shows(lab, &lab.alpha, 4, &["not every group runs as it should", &row, &line]);
    has(lab, &lab.alpha, &["\"progress\":\"lacking\"", "\"why\":\"lacks-address\""]);
}

/// A starting node waits for the status of a service that a crash may have left: that is reported, also to a tool that
/// waits for the end of the daemon.
pub(crate) fn slow_start(pairing: Pairing) {
    let pair = Pair::new("status of a slow start", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    write_web(alpha, "status", "while [ -e /run/hang ]; do sleep 0.1; done");
    alpha.run("touch", &["/run/hang"]);
    let line = format!("{} </dev/null >/dev/null 2>/run/said &", alpha.daemon().program().display());
    lab.check(alpha.run("sh", &["-c", &line]).code == Some(0), "a start in the background");
    let waits =
        ["alpha: init, does not join before nothing of an earlier run is left", " (web status, ", " s of 3600 s)"];
    shows(
        lab,
        alpha,
        4,
        &["problem start-waits: this node does not join before web status has ended", "it is terminated"],
    );
    shows(lab, alpha, 4, &waits);
    has(lab, alpha, &["\"progress\":\"clearing\"", "\"script\":\"web status\"", "\"limit\":3600"]);
    lab.await_until(START_LIMIT, "the waiting command to say what it waits for", || {
        let said = alpha.run("cat", &["/run/said"]).output;
        said.contains("heartbeat: still starting after 2 s: ") && said.contains(" (web status, ")
    });

    // A tool that stops the daemon reports the same, while the script does not end at once.
    write_web(alpha, "status", "trap 'sleep 4; exit' TERM; while [ -e /run/hang ]; do sleep 0.1; done");
    alpha.signal_daemon("TERM");
    lab.await_until(START_LIMIT, "alpha to end when it is told", || !alpha.is_running());
    lab.check(alpha.run("sh", &["-c", &line]).code == Some(0), "another start in the background");
    shows(lab, alpha, 4, &waits);
    let stopped = alpha.heartbeat(&["-k"]);
    lab.check(
        stopped.output.contains("is still stopping after ") && stopped.output.contains("(web status, "),
        &stopped.output,
    );

    alpha.run("rm", &["/run/hang"]);
    alpha.start();
    lab.bravo.start();
    shows(lab, alpha, 0, &["settled"]);
}

/// A stop hangs, and the other node waits for it: after the deadtime, both report a problem.
pub(crate) fn stop_hangs(pairing: Pairing) {
    let pair = Pair::new("status stop hangs", pairing, &groups::site());
    let lab = &pair.lab;
    write_web(&lab.alpha, "stop", "while [ ! -e /run/go ]; do sleep 0.1; done; rm -f $held");
    pair.start();
    for host in lab.hosts() {
        shows(lab, host, 0, &["settled"]);
    }
    lab.alpha.standby("local");
    for host in lab.hosts() {
        shows(lab, host, 4, &["problem runs-nowhere: IPaddr::10.77.0.100/24/eth0 runs on no node"]);
    }
    lab.alpha.run("touch", &["/run/go"]);
    pair.await_owners("bravo", "bravo");
    for host in lab.hosts() {
        shows(lab, host, 0, &["settled"]);
    }
}

/// Stops that are retried within a failed start are reported as stops.
pub(crate) fn stop_in_start(pairing: Pairing) {
    let pair = Pair::new("status stop in start", pairing, &groups::site());
    let lab = &pair.lab;
    write_web(&lab.alpha, "start|stop", "if [ $1 = start ]; then : > $held; fi; exit 1");
    let harmless = "#!/bin/sh\nexit 1\n";
    lab.alpha.put_into("/usr/sbin", &[("reboot", harmless), ("init", harmless)]);
    lab.alpha.start();
    lab.bravo.start();
    let again = "does not start here, and is being stopped again (web stop, attempt 3 of 11, ";
    let stop_fails = "problem stop-unseen: IPaddr::10.77.0.100/24/eth0 may still run here: the stop of web is not confirmed: Return code 1";
    let next = "; next: stop_failure_command or a reboot, if the last attempt fails as well";
    shows(lab, &lab.alpha, 4, &[stop_fails, ": web stop is tried again, ", again, next]);
    has(lab, &lab.alpha, &["\"script\":\"web stop\"", "\"attempts\":11"]);
    let in_vain = "cannot be stopped here; next: stop_failure_command or a reboot is tried again in ";
    shows(lab, &lab.alpha, 4, &["problem stop-escalated: ", in_vain, "holds local, a group does not stop"]);
    lab.check(!groups::held(lab, "web").contains(&"bravo"), "no start on bravo of what may run on alpha");
}

/// Two nodes with different groups report it, in status and in the log; comments and blanks do not count.
pub(crate) fn digest(pairing: Pairing) {
    let site = groups::site();
    let pair = Pair::new("status digest", pairing, &site);
    let lab = &pair.lab;
    let same = format!("# on bravo\n{}", site.haresources().replace(' ', "\t "));
    lab.bravo.write("haresources", &same);
    pair.start();
    let peer = |host: &Host| hb(host, &["check", "--peer"]);
    for (host, other) in [(&lab.alpha, "bravo"), (&lab.bravo, "alpha")] {
        shows(lab, host, 0, &["settled"]);
        let (code, said) = peer(host);
        lab.check(code == Some(0) && said.contains(&format!("{other}: has the same haresources")), &said);
    }
    lab.bravo.write("haresources", &format!("{same}bravo mail2\n"));
    lab.bravo.write_script("mail2", groups::SERVICE_SCRIPT);
    lab.bravo.signal_daemon("HUP");
    for (host, other) in [(&lab.alpha, "bravo"), (&lab.bravo, "alpha")] {
        shows(
            lab,
            host,
            4,
            &[&format!("problem haresources-differ: haresources differs between this node and {other}")],
        );
        lab.check(
            host.logged(&format!("ERROR: haresources differs between this node and {other}")),
            "a line in the log",
        );
        let (code, said) = peer(host);
        lab.check(code == Some(4) && said.contains(&format!("{other}: error: haresources differs")), &said);
        has(lab, host, &["\"same_haresources\":false"]);
    }
    lab.bravo.write("haresources", &same);
    lab.bravo.signal_daemon("HUP");
    for host in lab.hosts() {
        shows(lab, host, 0, &["settled"]);
    }
}

/// A 3.0.6 cannot tell which files it has read.
pub(crate) fn digest_of_reference(pairing: Pairing) {
    let lab = crate::start::together("status digest of 3.0.6", pairing, &Site::default());
    lab.await_until(MOVE_LIMIT, "alpha to hear of bravo", || hb(&lab.alpha, &["status"]).1.contains("bravo  active"));
    let (code, said) = hb(&lab.alpha, &["check", "--peer"]);
    lab.check(code == Some(4) && said.contains("bravo: is a 3.0.6, or has told nothing yet, and cannot tell"), &said);
    shows(&lab, &lab.alpha, 0, &["settled"]);
}

/// Strangers are named, with their addresses: one has another key, one a name that is not in the site.
pub(crate) fn strangers(pairing: Pairing) {
    let site = Site { initdead: 2000, ..Site::default() };
    let lab = Lab::new(&format!("{pairing} status strangers"), pairing.alpha, pairing.bravo, &site);
    lab.bravo.write("authkeys", OTHER_KEY);
    lab.bravo.write("haresources", "");
    lab.alpha.start();
    lab.bravo.start();
    shows(&lab, &lab.alpha, 4, &["problem foreign-key: packets from 10.", "help: make authkeys the same on all nodes"]);
    shows(&lab, &lab.alpha, 4, &["node-dead", "does not understand a node that signs with another key"]);
    has(&lab, &lab.alpha, &["\"progress\":\"deaf\""]);
    lab.bravo.stop();
    lab.bravo.write("authkeys", &site.authkeys());
    lab.bravo.write("ha.cf", &site.ha_cf(1).replace("node alpha bravo", "node alpha delta"));
    lab.bravo.write("nodeinfo", "delta\n");
    lab.bravo.start();
    shows(
        &lab,
        &lab.alpha,
        4,
        &["problem unknown-node: node delta at 10.", " is not in ha.cf: its messages are ignored"],
    );
    // Over there it looks as if this node did not answer.
    shows(&lab, &lab.bravo, 4, &["problem no-answer: ", "write the name of this node into its ha.cf"]);
}

/// Files that a reload refuses are reported until they are right again.
pub(crate) fn refused(pairing: Pairing) {
    let site = Site::default();
    let lab = crate::start::together("status refused", pairing, &site);
    lab.alpha.write("ha.cf", &format!("{}keepalve 1\n", site.ha_cf(0)));
    lab.alpha.signal_daemon("HUP");
    shows(
        &lab,
        &lab.alpha,
        4,
        &[
            "problem reload-refused: the changed configuration is not in use: ",
            "help: repair the cause, then `heartbeat -r`",
        ],
    );
    lab.alpha.write("ha.cf", &site.ha_cf(0));
    lab.alpha.signal_daemon("HUP");
    shows(&lab, &lab.alpha, 0, &["settled"]);
}
