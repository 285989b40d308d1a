//! Scenarios of detaching. They have no test harness, because its threads would forbid the fork: this program starts
//! itself as the process that detaches, with its further task as argument.

mod host;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};

use hbcore_linux::daemon::{Detached, Readiness, detach};
use host::{Place, eventually, lives};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("detach") {
        let (directory, order) = (arguments.next().expect("a directory"), arguments.next().expect("an order"));
        return become_daemon(Path::new(&directory), &order);
    }
    let scenarios: [(&str, fn()); 5] = [
        ("the_parent_returns_zero_only_when_the_daemon_is_ready", ready),
        ("a_ready_daemon_has_left_everything_behind", surroundings),
        ("a_failed_start_shows_its_reason_and_code", failed),
        ("a_daemon_that_dies_silently_is_a_failure", died),
        ("with_a_second_thread_nothing_is_forked", threaded),
    ];
    for (name, scenario) in scenarios {
        scenario();
        println!("scenario {name} ... ok");
    }
    ExitCode::SUCCESS
}

/// The other role: detach, write the process id to `pid`, and do as ordered.
fn become_daemon(directory: &Path, order: &str) -> ExitCode {
    if order == "threaded" {
        std::thread::spawn(std::thread::park);
    }
    let readiness = match detach(directory, |_| {}) {
        Ok(Detached::Parent(code)) => return ExitCode::from(code),
        Ok(Detached::Daemon(readiness)) => readiness,
        Err(error) => {
            eprintln!("refused: {error}");
            return ExitCode::from(77);
        }
    };
    eprintln!("said before ready");
    std::fs::write("pid", std::process::id().to_string()).expect("its directory is writable");
    obey(readiness, order);
    ExitCode::SUCCESS
}

fn obey(readiness: Readiness, order: &str) {
    match order {
        "fail" => readiness.failed(6, "no media"),
        "fail with zero" => readiness.failed(0, ""),
        "die" => std::process::abort(),
        _ => {
            eventually("the word to go on", || Path::new("go").exists());
            readiness.ready().expect("ready");
            println!("nobody hears this");
            eventually("the word to end", || Path::new("end").exists());
        }
    }
}

fn command(place: &Place, order: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.arg("detach").arg(place.path()).arg(order).stdin(Stdio::piped());
    command
}

fn output(place: &Place, order: &str) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command(place, order).output().expect("started");
    assert!(stdout.is_empty());
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

fn daemon_pid(place: &Place) -> u32 {
    eventually("the daemon writes its process id", || !place.read("pid").is_empty());
    place.read("pid").parse().expect("a number")
}

fn let_it(place: &Place, what: &str) {
    std::fs::write(place.join(what), "").expect("written");
}

fn ready() {
    let place = Place::new();
    let mut parent = command(&place, "run").stderr(Stdio::piped()).spawn().expect("started");
    let daemon = daemon_pid(&place);
    assert!(parent.try_wait().expect("asked").is_none(), "the parent waits");
    let_it(&place, "go");
    assert!(parent.wait().expect("it ends").success());
    assert!(lives(daemon));
    let mut heard = String::new();
    parent.stderr.take().expect("a pipe").read_to_string(&mut heard).expect("the daemon has given it up, too");
    assert_eq!(heard, "said before ready\n");
    let_it(&place, "end");
    eventually("it has ended", || !lives(daemon));
}

fn surroundings() {
    let place = Place::new();
    let_it(&place, "go");
    assert_eq!(output(&place, "run").0, Some(0));
    let daemon = daemon_pid(&place);
    let of = |what: &str| std::fs::read_link(format!("/proc/{daemon}/{what}")).expect("readable");
    assert_eq!(of("cwd"), place.path());
    for fd in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(of(fd), Path::new("/dev/null"));
    }
    let (session, terminal) = session_and_terminal(&daemon.to_string());
    // Read from `stat`, because `getsid` returns 0 if the leader of this program's session is outside its pid
    // namespace.
    assert_ne!(session, session_and_terminal("self").0, "a session of its own");
    assert_ne!(session, daemon.to_string(), "which it does not lead, so that it cannot get a terminal");
    assert_eq!(terminal, "0");
    let status = std::fs::read_to_string(format!("/proc/{daemon}/status")).expect("readable");
    assert!(status.lines().any(|line| line == "Umask:\t0022"), "{status}");
    let_it(&place, "end");
}

/// The session and the terminal of a process, from its `stat`.
fn session_and_terminal(process: &str) -> (String, String) {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("readable");
    let mut fields = stat.rsplit_once(") ").expect("a name").1.split(' ').skip(3).map(str::to_owned);
    (fields.next().expect("a session"), fields.next().expect("a terminal"))
}

fn failed() {
    let place = Place::new();
    assert_eq!(output(&place, "fail"), (Some(6), "said before ready\nno media\n".to_owned()));
    assert_eq!(output(&place, "fail with zero"), (Some(1), "said before ready\n".to_owned()));
}

fn died() {
    let place = Place::new();
    let (code, stderr) = output(&place, "die");
    assert_eq!(code, Some(1));
    assert!(stderr.ends_with("heartbeat ended before it was ready; see its log.\n"), "{stderr}");
}

fn threaded() {
    let place = Place::new();
    let (code, stderr) = output(&place, "threaded");
    assert_eq!((code, place.read("pid")), (Some(77), String::new()));
    assert!(stderr.contains("more than one thread"), "{stderr}");
    std::io::stdout().flush().expect("flushed");
}
