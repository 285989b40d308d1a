//! Scenarios of the init script, with the output of the script of 3.0.6 (docs/protocol/resources.md 8.2).

mod host;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use host::Place;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/heartbeat.init");
const STOPPED: &str = "heartbeat is stopped. No process\n";

/// A site on the loopback interface, whose `ha.cf` ends with these lines.
fn site(more: &str) -> Place {
    let place = Place::new();
    for directory in ["ha.d/resource.d", "state", "run", "lock", "bin"] {
        std::fs::create_dir_all(place.join(directory)).expect("made");
    }
    for tool in ["ResourceManager", "hb_standby"] {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hb_tool"), place.join("bin").join(tool)).expect("made");
    }
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let ha_cf = format!(
        "logfile {}\nkeepalive 100ms\ndeadtime 1500ms\ninitdead 2\nucast lo 127.0.0.1\nnode {node} other\nrealtime off\n{more}\n",
        place.join("log").display()
    );
    place.file("ha.d/ha.cf", &ha_cf, 0o644);
    place.file("ha.d/authkeys", "auth 1\n1 crc\n", 0o600);
    place.file("ha.d/haresources", "", 0o644);
    place
}

/// Gives a command the site's directories, by the names that `/etc/default/heartbeat` may set.
fn at<'c>(place: &Place, command: &'c mut Command) -> &'c mut Command {
    let directories = [("HA_DIR", "ha.d"), ("HA_STATE_DIR", "state"), ("HA_RUN_DIR", "run"), ("HA_LOCK_DIR", "lock")];
    command.envs(directories.map(|(name, directory)| (name, place.join(directory))));
    command.env("HEARTBEAT", env!("CARGO_BIN_EXE_heartbeat")).env("HA_NOARCHBIN", place.join("bin"));
    command.stdin(Stdio::null())
}

/// Exit code and standard output of an action.
fn action(place: &Place, words: &[&str]) -> (Option<i32>, String) {
    let output = at(place, Command::new("sh").arg(SCRIPT).args(words)).output().expect("started");
    said(&output)
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn unknown_action_gives_the_usage() {
    let usage = format!("Usage: {SCRIPT} {{start|stop|status|restart|reload|force-reload}}\n");
    assert_eq!(action(&site(""), &[]), (Some(1), usage.clone()));
    assert_eq!(action(&site(""), &["dance"]), (Some(1), usage));
}

#[test]
fn only_directories_that_are_not_the_usual_ones_are_named_as_3_0_6_knows_no_options_for_them() {
    let place = site("");
    place.script("words", "echo \"$*\"");
    let words = |named: &[&str]| {
        let mut command = Command::new("sh");
        at(&place, command.arg(SCRIPT).arg("status")).env("HEARTBEAT", place.join("words"));
        for name in ["HA_STATE_DIR", "HA_RUN_DIR"] {
            if !named.contains(&name) {
                command.env_remove(name);
            }
        }
        said(&command.output().expect("started")).1
    };
    let [config, run] = ["ha.d", "run"].map(|name| place.join(name).display().to_string());
    assert_eq!(words(&[]), format!("-s --config-dir {config}\n"));
    assert_eq!(words(&["HA_RUN_DIR"]), format!("-s --config-dir {config} --run-dir {run}\n"));
}

#[test]
fn machine_that_is_not_configured_boots_all_the_same() {
    let place = site("");
    std::fs::remove_file(place.join("ha.d/ha.cf")).expect("removed");
    let text = format!(
        "Heartbeat not configured: {} not found. Heartbeat failure [rc=1]. Failed.\n",
        place.join("ha.d/ha.cf").display()
    );
    for word in ["start", "status", "dance"] {
        assert_eq!(action(&place, &[word]), (Some(0), text.clone()));
    }
}

#[test]
fn daemon_that_does_not_run_is_stopped_already() {
    let place = site("auto_failback off");
    assert_eq!(action(&place, &["status"]), (Some(3), STOPPED.to_owned()));
    assert_eq!(action(&place, &["stop"]), (Some(0), "Stopping High-Availability services: Done.\n\n".to_owned()));
    let standby = "auto_failback: off\nHeartbeat is not currently running.\n";
    assert_eq!(action(&place, &["standby"]), (Some(1), standby.to_owned()));
}

#[test]
fn standby_needs_another_auto_failback_than_legacy() {
    let legacy = "auto_failback is set to legacy.  Cannot enter standby.\n";
    assert_eq!(action(&site("auto_failback legacy # old"), &["standby"]), (Some(1), legacy.to_owned()));
    let unset = "auto_failback defaulted to legacy.  Cannot enter standby.\n";
    assert_eq!(action(&site("#auto_failback on"), &["standby"]), (Some(1), unset.to_owned()));
}

#[test]
fn failed_start_says_why_and_the_hook_is_told() {
    let place = site("auto_failback on");
    std::fs::remove_file(place.join("ha.d/authkeys")).expect("removed");
    place.script("ha.d/resource.d/startstop", "echo \"hook $*\"");
    let (code, text) = action(&place, &["start"]);
    assert_eq!(code, Some(6));
    let begin = "hook pre-start\nStarting High-Availability services:  Heartbeat failure [rc=6]. Failed.\n\n";
    assert!(text.starts_with(begin) && text.ends_with("\nhook post-start 6\n"), "{text}");
    assert!(text.contains("authkeys"), "{text}");
    assert!(!place.join("lock/heartbeat").exists());
    let stopped = "hook pre-stop\nStopping High-Availability services: Done.\n\nhook post-stop 0\n";
    assert_eq!(action(&place, &["stop"]), (Some(0), stopped.to_owned()));
    let reload = "Reloading High-Availability services:  Heartbeat failure [rc=6]. Failed.\n\n";
    assert_eq!(action(&place, &["reload"]), (Some(6), reload.to_owned()));
}

#[test]
fn daemon_is_started_reloaded_and_stopped() {
    let place = site("auto_failback on");
    let script = format!(
        "ip link set lo up || exit 77; i=\"sh {SCRIPT}\"; trap '$i stop >/dev/null' EXIT
        for action in start start status standby reload stop status; do $i $action 2>/dev/null; echo \"[$?]\"
        [ $action = start ] && ls {0}; done",
        place.join("lock").display()
    );
    let output = at(&place, Command::new("unshare").args(["-n", "sh", "-c", &script])).output().expect("started");
    if output.status.code() == Some(77) || !Path::new("/proc/self/ns/net").exists() || output.stdout.is_empty() {
        println!("skipped: network namespaces are not permitted");
        return;
    }
    let (_, text) = said(&output);
    let text: String = text.lines().map(|line| without_names(line) + "\n").collect();
    let expected = "Starting High-Availability services: Done.\n\n[0]\nheartbeat\n\
                    Starting High-Availability services: Done.\n\n[0]\nheartbeat\n\
                    heartbeat OK [pid N et al] is running on HOST [HOST]...\n[0]\n\
                    auto_failback: on\nAttempting to enter standby modeDone.\n[0]\n\
                    Reloading High-Availability services: Done.\n\n[0]\n\
                    Stopping High-Availability services: Done.\n\n[0]\n\
                    heartbeat is stopped. No process\n[1]\n";
    assert_eq!(text, expected);
    assert!(!place.join("lock/heartbeat").exists());
}

/// The line without process id and host.
fn without_names(line: &str) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
    let line = line.replace(&format!("on {host} [{host}]"), "on HOST [HOST]");
    match line.split_once("[pid ").and_then(|(begin, rest)| Some((begin, rest.split_once(' ')?.1))) {
        Some((begin, rest)) => format!("{begin}[pid N {rest}"),
        None => line,
    }
}

#[test]
fn daemon_that_dies_is_started_again_and_one_that_was_stopped_is_not() {
    let place = site("auto_failback on");
    let script = format!(
        "ip link set lo up || exit 77; i=\"sh {SCRIPT}\"; trap '$i stop >/dev/null' EXIT
        $i start >/dev/null; first=$(cat {0}/heartbeat.pid); kill -9 $first
        until [ \"$(cat {0}/heartbeat.pid)\" != \"$first\" ] && $i status >/dev/null; do sleep 0.1; done; echo again
        watcher=$(cat {0}/heartbeat/watcher); kill -0 $watcher && echo watched
        $i stop >/dev/null; [ -e {0}/heartbeat/watcher ] || echo unwatched
        while kill -0 $watcher 2>/dev/null; do sleep 0.1; done; $i status",
        place.join("run").display()
    );
    let output = at(&place, Command::new("unshare").args(["-n", "sh", "-c", &script])).output().expect("started");
    if output.status.code() == Some(77) || output.stdout.is_empty() {
        println!("skipped: network namespaces are not permitted");
        return;
    }
    assert_eq!(said(&output).1, format!("again\nwatched\nunwatched\n{STOPPED}"));
}

#[test]
fn process_that_has_the_number_of_a_dead_watcher_is_spared() {
    let place = site("auto_failback on");
    let mut stranger = Command::new("sleep").arg("600").spawn().expect("started");
    std::fs::create_dir_all(place.join("run/heartbeat")).expect("made");
    place.file("run/heartbeat/watcher", &format!("{}\n", stranger.id()), 0o644);
    let (code, _) = action(&place, &["stop"]);
    let ended = stranger.try_wait().expect("our child");
    stranger.kill().expect("our child");
    stranger.wait().expect("our child");
    assert_eq!((code, ended, place.join("run/heartbeat/watcher").exists()), (Some(0), None, false));
}
