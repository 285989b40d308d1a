//! Wrong files: the daemon does not start, reports the place and the fault, and leaves no trace.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use hbcore_tests::lab::{Daemon, Host, Lab, Site};

use crate::packets::START_LIMIT;

/// The exit code of 3.0.6 for a configuration error.
const CONFIGURATION: Option<i32> = Some(6);

/// The fault, the file that has it, the new content of the file, and the required parts of the message.
type Row = (&'static str, &'static str, fn(&str) -> String, &'static [&'static str]);

const ROWS: [Row; 12] = [
    ("an unknown directive", "ha.cf", |t| format!("frob 1\n{t}"), &["ha.cf:1:1", "frob"]),
    (
        "a misspelt directive",
        "ha.cf",
        |t| t.replace("keepalive", "keepalve"),
        &["ha.cf:3:1", "did you mean `keepalive`?"],
    ),
    ("a byte order mark", "ha.cf", |t| format!("\u{feff}{t}"), &["ha.cf:1:1", "byte order mark"]),
    ("a time that is none", "ha.cf", |t| t.replace("keepalive 100ms", "keepalive soon"), &["ha.cf:3:11", "soon"]),
    ("deadtime below keepalive", "ha.cf", |t| t.replace("deadtime 1000ms", "deadtime 150ms"), &["ha.cf:4:"]),
    ("no node", "ha.cf", |t| t.replace("node alpha bravo", ""), &["ha.cf", "node"]),
    ("not this node", "ha.cf", |t| t.replace("node alpha bravo", "node charlie delta"), &["ha.cf", "alpha"]),
    ("no medium", "ha.cf", |t| t.replace("ucast", "#"), &["ha.cf", "media"]),
    ("an interface that is not there", "ha.cf", |t| t.replace("eth1", "eth7"), &["eth7"]),
    ("a medium without arguments", "ha.cf", |t| format!("{t}ucast\n"), &["ha.cf:11:", "ucast"]),
    ("a key that is not there", "authkeys", |t| t.replace("auth 1", "auth 2"), &["authkeys:1:6"]),
    ("a group of a stranger", "haresources", |t| t.replace("alpha", "zulu"), &["haresources:1:1", "zulu"]),
];

/// Tries each row alone; then two errors at once, missing files, and keys that others can read.
pub(crate) fn wrong_files() {
    let site = Site::default();
    let lab = Lab::new("configuration", Daemon::Ours, Daemon::Ours, &site);
    let host = &lab.alpha;
    let mut wrong = Vec::new();
    for (what, file, change, expected) in ROWS {
        host.write_site(&site);
        let good = fs::read_to_string(host.config_file(file)).expect("our own file");
        host.write(file, &change(&good));
        wrong.extend(complaint_about(host, what, expected));
    }
    let log = host.log();
    assert!(
        log.contains("Illegal directive [frob]") && log.contains("Heartbeat not started"),
        "the log says why: {log}"
    );

    host.write_site(&site);
    host.write("ha.cf", &format!("frob 1\nfrub 2\n{}", site.ha_cf(0)));
    wrong.extend(complaint_about(host, "two errors", &["ha.cf:1:1", "ha.cf:2:1"]));

    for file in ["ha.cf", "authkeys", "haresources"] {
        host.write_site(&site);
        fs::remove_file(host.config_file(file)).expect("our own file");
        wrong.extend(complaint_about(host, &format!("no {file}"), &[file]));
    }

    host.write_site(&site);
    fs::set_permissions(host.config_file("authkeys"), fs::Permissions::from_mode(0o644)).expect("our own file");
    wrong.extend(complaint_about(host, "keys that everybody can read", &["authkeys", "600"]));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    host.write_site(&site);
    host.start();
}

/// The fault of the daemon's refusal of this configuration, if any.
fn complaint_about(host: &Host, what: &str, expected: &[&str]) -> Option<String> {
    let before = traces(host);
    let answered = host.try_start();
    let text = format!("{what}: exit code {:?}:\n{}", answered.code, answered.output);
    if answered.code != CONFIGURATION {
        return Some(format!("exit code 6 is expected for {text}"));
    }
    if let Some(missing) = expected.iter().find(|&&part| !answered.output.contains(part)) {
        return Some(format!("[{missing}] is missing in the message for {text}"));
    }
    if host.is_running() {
        return Some(format!("something runs after {text}"));
    }
    let after = traces(host);
    (after != before).then(|| format!("something was written, {after:?} instead of {before:?}, for {text}"))
}

/// The state files and the pid file. The log may grow: an administrator looks there after a boot.
fn traces(host: &Host) -> Vec<String> {
    let listed = host.run("find", &["/var/lib/heartbeat", "/run", "-newer", "/etc/ha.d/harc"]);
    let mut lines: Vec<String> = listed.output.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// As with 3.0.6, it is no error to start a daemon that already runs.
pub(crate) fn second_start() {
    let lab = Lab::new("second start", Daemon::Ours, Daemon::Ours, &Site::default());
    lab.alpha.start();
    let processes = lab.alpha.daemon_processes();
    let again = lab.alpha.try_start();
    lab.check(again.code == Some(0), &format!("exit code 0 instead of {again:?}"));
    lab.check(again.output.contains("already running"), &format!("the words [already running] instead of {again:?}"));
    lab.stays(Duration::from_millis(500), "the first daemon alone", || lab.alpha.daemon_processes() == processes);
}

/// If a start fails at a medium, the message names its line, the process in the way, and the remedy.
pub(crate) fn port_taken() {
    let lab = Lab::new("port taken", Daemon::Ours, Daemon::Ours, &Site::default());
    let intruder = "socat -u UDP-RECV:694 /dev/null >/dev/null 2>&1 & echo $!";
    let pid = lab.alpha.run("sh", &["-c", intruder]).output.trim().to_owned();
    let bound = || lab.alpha.run("grep", &["-q", ":02B6 ", "/proc/net/udp"]).code == Some(0);
    lab.await_until(START_LIMIT, "the intruder to have the port", bound);
    let refused = lab.alpha.try_start();
    lab.check(refused.code == Some(1), &format!("exit code 1 instead of {refused:?}"));
    let holder = format!("UDP port 694 is taken by process {pid} (socat); stop that");
    for part in ["ha.cf:8:7: ucast eth0: ", holder.as_str(), "write another `udpport` into ha.cf of all nodes"] {
        lab.check(refused.output.contains(part), &format!("[{part}] in {refused:?}"));
        lab.check(lab.alpha.logged(part), &format!("[{part}] in the log too"));
    }
    lab.check(!lab.alpha.has_file("/run/heartbeat.pid"), "no pid file of a daemon that never was");
    lab.alpha.run("kill", &[&pid]);
    lab.await_until(START_LIMIT, "the port to be free", || !bound());
    lab.alpha.start();
}
