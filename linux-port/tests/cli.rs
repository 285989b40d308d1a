//! Scenarios of the command line: the answers of 3.0.6, and ours.

mod host;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hbcore::takeover::Holds;
use hbcore_linux::cli::{
    self, Action, Answer, Options, UsageError, VERSION_OF_REFERENCE, held_by_this_process, parse, reload, status, stop,
    stop_and_tell,
};
use hbcore_linux::status::{self as daemon_status, StatusSocket};
use host::{Place, eventually, lives};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

const REFERENCE: &str = "/usr/libexec/heartbeat/heartbeat";

fn parsed(line: &str) -> Result<Options, UsageError> {
    parse(REFERENCE, line.split_whitespace().map(OsString::from))
}

fn action(line: &str) -> Action {
    parsed(line).expect("a good command line").action
}

#[test]
fn complaints_and_version_are_those_of_the_original() {
    if !Path::new(REFERENCE).exists() {
        println!("skipped: heartbeat 3.0.6 is not installed");
        return;
    }
    for line in ["-V", "-dV", "-DV", "-sV", "-Vx", "-x", "-sx", "-kx", "-C", "-C none", "-h", "-xy", "-Dx"] {
        // `-d` prints a line about its own process's end.
        let theirs = Command::new(REFERENCE).args(line.split_whitespace()).output().expect("it runs");
        let (stdout, stderr, code) = match parsed(line) {
            Ok(Options { action: Action::ReferenceVersion, .. }) => {
                (format!("{VERSION_OF_REFERENCE}\n"), String::new(), 0)
            }
            Ok(other) => panic!("{line}: {other:?}"),
            Err(error) => (String::new(), error.message, 2),
        };
        assert_eq!(String::from_utf8_lossy(&theirs.stdout), stdout, "{line}");
        let said = String::from_utf8_lossy(&theirs.stderr);
        let said: String = said.split_inclusive('\n').filter(|said| !said.contains("Exiting from pid")).collect();
        let ours = stderr.strip_suffix(cli::LONG_OPTIONS).unwrap_or(&stderr);
        assert_eq!(said, ours, "{line}");
        assert_eq!(ours.len() < stderr.len(), line == "-h", "{line}: who asks for help learns of our own options too");
        assert_eq!(theirs.status.code(), Some(code), "{line}");
    }
}

#[test]
fn of_several_commands_one_wins_as_in_the_original() {
    assert_eq!(action(""), Action::Start);
    assert_eq!(action("extra words -- -x"), Action::Start);
    assert_eq!([action("-sk"), action("-k -s"), action("-rk")], [Action::Stop; 3]);
    assert_eq!([action("-s -r"), action("-rs")], [Action::Status; 2]);
    assert_eq!([action("-rR"), action("-R")], [Action::Resume(None); 2]);
    assert_eq!([action("-Dk"), action("-kD")], [Action::Defaults; 2]);
    assert_eq!([action("-RC all"), action("-C all -R"), action("-RCall")], [Action::Resume(Some(Holds::ALL)); 3]);
    assert_eq!(action("-r"), Action::Reload);
}

#[test]
fn switches_are_combined_and_counted() {
    let options = parsed("-ddfl -Mv -DW -d").expect("good");
    let expected = Options {
        action: Action::Defaults,
        foreground: true,
        debug: 3,
        realtime: false,
        resource_management: false,
        dump: true,
        wiki: true,
        ..Options::default()
    };
    assert_eq!(options, expected);
}

#[test]
fn bad_held_state_is_complained_about_and_does_not_stop_a_restart() {
    let options = parsed("-RC x").expect("goes on, as in 3.0.6");
    assert_eq!(options.action, Action::Resume(None));
    assert_eq!(options.complaints, ["encode_resources: bad resource type [x]"]);
    let message = parsed("-C x").expect_err("only with -R").message;
    assert!(message.starts_with("ERROR: encode_resources: bad resource type [x]\n\nUsage: "), "{message}");
}

#[test]
fn our_own_options_are_long() {
    let options = parsed("--check --config-dir /a --state-dir=/b --run-dir /c").expect("good");
    assert_eq!(options.action, Action::Check);
    assert_eq!([&options.config_dir, &options.state_dir], [Path::new("/a"), Path::new("/b")]);
    assert_eq!(options.pid_file(), Path::new("/c/heartbeat.pid"));
    assert_eq!([action("--help"), action("--version")], [Action::Help, Action::Version]);
    let checked = |line| parsed(line).expect("good").config_dir;
    assert_eq!([checked("--check /a"), checked("/a --check")], [Path::new("/a"), Path::new("/a")]);
    assert_eq!(checked("/a -s"), Path::new("/etc/ha.d"), "3.0.6 ignores words");
    let message = parsed("--check /a /b").expect_err("one is enough").message;
    assert!(message.contains("--check takes one directory: '/b' is too much"), "{message}");
    assert!(parsed("--check --config-dir /a /b").is_err());
    for bad in ["--bogus", "--bogus=1 -x", "--config-dir", "--check=yes"] {
        assert!(parsed(bad).expect_err("bad").message.ends_with(cli::USAGE), "{bad}");
    }
}

/// A process that looks like a daemon, and a pid file that names it.
fn daemon(place: &Place, shell: &str) -> u32 {
    let program = place.join("heartbeat");
    let _ = std::os::unix::fs::symlink("/bin/sh", &program);
    let ready = place.join("ready");
    // The shell that starts it ends at once, so that, like a real daemon, it is no child of this process. A shell
    // cannot trap a signal that was ignored when it began, as SIGHUP is under nohup.
    let body = format!(
        "trap 'echo HUP >>{0}' HUP; {shell}; echo >{1}; while :; do sleep 0.05; done",
        place.join("got").display(),
        ready.display()
    );
    let start = format!(
        "env --default-signal=HUP {} -c \"$BODY\" >{}/out 2>&1 & echo $!",
        program.display(),
        place.path().display()
    );
    let output = Command::new("sh").args(["-c", &start]).env("BODY", body).output().expect("started");
    let pid = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a process id");
    eventually("it is ready", || ready.exists());
    std::fs::write(place.join("heartbeat.pid"), format!("{pid:10}\n")).expect("written");
    pid
}

#[test]
fn running_daemon_is_reported_reloaded_and_stopped() {
    let place = Place::new();
    let file = place.join("heartbeat.pid");
    let pid = daemon(&place, "trap 'sleep 0.2; exit 0' TERM");
    let running = format!("heartbeat OK [pid {pid} et al] is running on host [node]...\n");
    assert_eq!(status(&file, "host", "node"), Answer { stdout: running, ..Answer::default() });
    let signalled = format!("Signalling heartbeat pid {pid} to reread config files\n");
    assert_eq!(reload(&file, Path::new("/none")), Some(Answer { stderr: signalled, ..Answer::default() }));
    eventually("it got the signal", || place.read("got") == "HUP\n");
    let already =
        Answer { stderr: format!("ERROR: Heartbeat already running [pid {pid}].\n"), code: 1, ..Answer::default() };
    assert_eq!(held_by_this_process(&file), Err(already));

    assert_eq!(stop(&file, Path::new("/none")), Answer::default(), "silent");
    assert!(!lives(pid), "it has waited for the end");
    let stopped = |code| Answer { stdout: "heartbeat is stopped. No process\n".to_owned(), code, ..Answer::default() };
    assert_eq!(status(&file, "host", "node"), stopped(1));
    let already = Answer { stderr: "INFO: Heartbeat already stopped.\n".to_owned(), ..Answer::default() };
    assert_eq!(stop(&file, Path::new("/none")), already);
    std::fs::remove_file(&file).expect("removed");
    assert_eq!([status(&file, "host", "node"), stop(&file, Path::new("/none"))], [stopped(3), already]);
    assert_eq!(reload(&file, Path::new("/none")), None, "it must be started");
    let not_running = Answer { stderr: "ERROR: heartbeat is not running.\n".to_owned(), code: 6, ..Answer::default() };
    assert_eq!(held_by_this_process(&file), Err(not_running));
}

#[test]
fn stop_that_takes_long_is_reported() {
    let place = Place::new();
    let pid = daemon(&place, "trap 'sleep 0.5; exit 0' TERM");
    let mut told = Vec::new();
    let every = Duration::from_millis(100);
    let answer = stop_and_tell(&place.join("heartbeat.pid"), [every; 2], |pid, waited| told.push((pid, waited)));
    assert_eq!(answer, Answer::default(), "what a script sees is that of 3.0.6");
    assert!(told.len() >= 2 && told.iter().all(|(whom, waited)| *whom == pid && *waited >= every), "{told:?}");
}

#[test]
fn stop_that_takes_long_names_the_groups_that_still_stop() {
    let place = Place::new();
    let _ = daemon(&place, "trap 'sleep 2.5; exit 0' TERM");
    let socket = StatusSocket::open(&place.join("heartbeat.sock")).expect("opened");
    let stopping = ["192.0.2.1/24/eth0", "drbddisk::r0"].map(str::to_owned).to_vec();
    let answer = daemon_status::Answer { stopping, ..daemon_status::Answer::default() };
    let output = std::thread::scope(|scope| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heartbeat"));
        command.args(["-k", "--run-dir"]).arg(place.path());
        let stop = scope.spawn(move || command.output().expect("started"));
        let look_at = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        while !stop.is_finished() {
            let mut fds = [PollFd::from_borrowed_fd(socket.fd(), PollFlags::IN)];
            if poll(&mut fds, Some(&look_at)).is_ok_and(|ready| ready > 0) {
                let _ = socket.answer(|| answer.pack());
            }
        }
        stop.join().expect("ended")
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{said}");
    assert!(said.contains("is still stopping after 2 s: 192.0.2.1/24/eth0, drbddisk::r0\n"), "{said}");
}
