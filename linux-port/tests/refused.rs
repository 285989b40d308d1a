//! Scenarios of a start after a crash that is refused or interrupted, with the real daemon in a network namespace of
//! its own.

mod host;

use std::process::{Child, Command, Stdio};

use hbcore_linux::status;
use host::{Place, eventually};

/// A node whose last run has crashed while the group `web` ran. `script`: the body of its resource script.
fn crashed(script: &str) -> Place {
    let place = Place::new();
    for directory in ["ha.d/resource.d", "state", "run/heartbeat"] {
        std::fs::create_dir_all(place.join(directory)).expect("made");
    }
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let log = place.join("log").display().to_string();
    let ha_cf = format!(
        "logfile {log}\nkeepalive 100ms\ndeadtime 1500ms\nucast lo 127.0.0.1\nnode {node} other\nrealtime off\n"
    );
    place.file("ha.d/ha.cf", &ha_cf, 0o644);
    place.file("ha.d/authkeys", "auth 1\n1 crc\n", 0o600);
    place.file("ha.d/haresources", &format!("{node} web\n"), 0o644);
    place.file("run/heartbeat/running", "web\n", 0o644);
    place.script("ha.d/resource.d/web", &format!("cd {}; echo $1 >>calls; {script}", place.path().display()));
    place
}

/// A start in the foreground.
fn start(place: &Place) -> Child {
    let mut command = Command::new("unshare");
    command.args(["-n", "sh", "-c", "ip link set lo up; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_heartbeat"), "-f"]);
    for (option, directory) in [("--config-dir", "ha.d"), ("--state-dir", "state"), ("--run-dir", "run")] {
        command.arg(option).arg(place.join(directory));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started")
}

fn may_make_namespaces() -> bool {
    let may = Command::new("unshare").args(["-n", "true"]).status().is_ok_and(|status| status.success());
    if !may {
        println!("skipped: network namespaces are not permitted");
    }
    may
}

#[test]
fn start_that_is_interrupted_asks_nothing_again_and_keeps_the_mark() {
    if !may_make_namespaces() {
        return;
    }
    let place = crashed("exec sleep 600");
    let mut daemon = start(&place);
    eventually("the script is asked", || !place.read("calls").is_empty());
    Command::new("kill").arg(daemon.id().to_string()).status().expect("told to end");
    let code = daemon.wait().expect("it ends").code();
    assert_eq!((code, place.read("calls").lines().count()), (Some(1), 1), "{}", place.read("log"));
    assert_eq!(place.read("run/heartbeat/running"), "web\n");
    assert!(!place.join("run/heartbeat.pid").exists());
}

#[test]
fn refused_start_tells_what_it_stops_and_keeps_a_second_one_out_meanwhile() {
    if !may_make_namespaces() {
        return;
    }
    // The script answers its first call at once, and no generation can be written. The clearing then waits for the file
    // `go`.
    let place = crashed("[ $(wc -l <calls) -le 1 ] || until [ -e go ]; do sleep 0.05; done; echo stopped; exit 3");
    std::fs::create_dir_all(place.join("state/hb_generation/in-the-way")).expect("made");
    let mut first = start(&place);
    eventually("the clearing has begun", || place.read("calls").lines().count() > 1);
    let mut told = status::Answer::default();
    eventually("somebody is told which script runs", || {
        told = status::ask(&place.join("run/heartbeat.sock")).unwrap_or_default();
        !told.stopping.is_empty()
    });
    assert_eq!(told.problems, ["start-refused"]);
    assert!(told.stopping.iter().any(|group| group.starts_with("web (web status, ")), "{told:?}");
    assert!(told.text.contains("this start is refused") && told.text.contains("hb_generation"), "{}", told.text);
    let mut second = start(&place);
    eventually("the second start is told that a daemon runs", || {
        second.try_wait().expect("our child").is_some_and(|status| status.code() == Some(0))
    });
    assert!(first.try_wait().expect("our child").is_none(), "it still stops services");
    place.file("go", "", 0o644);
    assert_eq!(first.wait().expect("it ends").code(), Some(1), "{}", place.read("log"));
    assert!(!place.join("run/heartbeat.sock").exists());
    assert!(!place.join("run/heartbeat.pid").exists() && !place.join("run/heartbeat/running").exists());
}
