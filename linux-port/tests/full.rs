//! Scenarios of a full device: output that cannot be written causes no panic, and does not count as success.

mod host;

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use host::Place;

const HB: &str = env!("CARGO_BIN_EXE_hb");
const HEARTBEAT: &str = env!("CARGO_BIN_EXE_heartbeat");
const STANDBY: &str = env!("CARGO_BIN_EXE_hb_standby");

/// The exit code of a panic.
const PANIC: i32 = 101;

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").expect("every Linux has it").into()
}

#[test]
fn output_that_cannot_be_written_is_a_failure_and_no_panic() {
    let place = Place::new();
    let dir = place.path().to_str().expect("UTF-8");
    place.file("ha.cf", "logfile /dev/null\nauto_failback on\nucast lo 127.0.0.1\nnode p3\n", 0o600);
    place.file("authkeys", "auth 1\n1 crc\n", 0o600);
    place.file("haresources", "", 0o600);
    place.file("nodeinfo", "p3\n", 0o600);
    for (program, words) in [
        (HB, &["check", dir][..]),
        (HB, &["status", "--run-dir", dir]),
        (HB, &["--help"]),
        (HB, &["--version"]),
        (HB, &["dance"]),
        (HEARTBEAT, &["-s", "--run-dir", dir]),
        (HEARTBEAT, &["--check", dir]),
        (HEARTBEAT, &["-D"]),
        (HEARTBEAT, &["-V"]),
        (HEARTBEAT, &["--help"]),
        (HEARTBEAT, &["-x"]),
        (STANDBY, &["--help"]),
        (STANDBY, &["local", "--state-dir", dir]),
    ] {
        let mut command = Command::new(program);
        let status = command.args(words).stdout(full()).stderr(Stdio::null()).status().expect("it runs");
        assert!(!matches!(status.code(), Some(0 | PANIC) | None), "{program} {words:?} >/dev/full: {status}");
        let status = command.stderr(full()).status().expect("it runs");
        assert!(!matches!(status.code(), Some(0 | PANIC) | None), "{program} {words:?} >/dev/full 2>&1: {status}");
    }
    let stopped = Command::new(HEARTBEAT).args(["-k", "--run-dir", dir]).stderr(full()).status().expect("it runs");
    assert_eq!(stopped.code(), Some(0), "it is stopped, said or not");
}
