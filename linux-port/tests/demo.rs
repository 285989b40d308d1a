//! Scenarios of `hb demo`: it works for root and for a user without any privilege, and leaves nothing running, however
//! it ends.

mod host;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use host::{Place, eventually, lives};
use rustix::process::{Pid, Signal, geteuid, kill_process};

/// A user without privileges, whom most systems use for nothing else.
const NOBODY: &str = "65534";
/// The exit code where namespaces are not permitted.
const NOT_PERMITTED: i32 = 4;

/// A copy of the program that every user may execute, and its own directory for temporary files.
struct Setup {
    place: Place,
    _alone: MutexGuard<'static, ()>,
}

/// Only one demonstration runs at a time, because it measures milliseconds.
static ALONE: Mutex<()> = Mutex::new(());

impl Setup {
    fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let place = Place::new();
        // A child copies it, because a fork of another thread could hold a descriptor of ours that writes to the
        // program.
        let program = env!("CARGO_BIN_EXE_hb");
        let installed = Command::new("install").args(["-m", "755", program]).arg(place.join("hb")).status();
        assert!(installed.expect("install of coreutils starts").success());
        fs::create_dir(place.join("tmp")).expect("created");
        for (directory, mode) in [(place.path(), 0o755), (&place.join("tmp"), 0o777)] {
            fs::set_permissions(directory, fs::Permissions::from_mode(mode)).expect("our own directory");
        }
        Self { place, _alone: alone }
    }

    fn hb(&self, arguments: &[&str]) -> Command {
        self.prepared(Command::new(self.place.join("hb")), arguments)
    }

    fn hb_of_nobody(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()]);
        command.arg(self.place.join("hb"));
        self.prepared(command, arguments)
    }

    fn prepared(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.args(arguments).env("TMPDIR", self.place.join("tmp")).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn has_no_files(&self) -> bool {
        fs::read_dir(self.place.join("tmp")).expect("our own directory").next().is_none()
    }
}

/// Whether this system forbids the demonstration; prints why.
fn skipped(output: &Output) -> bool {
    let skipped = output.status.code() == Some(NOT_PERMITTED);
    if skipped {
        println!("skipped: {}", text(&output.stderr));
    }
    skipped
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The line of the output that has these words, or a failure that shows the whole output.
#[track_caller]
fn line<'t>(story: &'t str, words: &str) -> &'t str {
    story.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("no line with [{words}] in:\n{story}"))
}

/// The number before ` ms` in a line.
#[track_caller]
fn milliseconds(line: &str) -> f64 {
    let before = line.split(" ms").next().unwrap_or_default();
    let number = before.rsplit(' ').next().unwrap_or_default();
    number.parse().unwrap_or_else(|_| panic!("no milliseconds in [{line}]"))
}

#[track_caller]
fn is_whole_story(output: &Output) {
    let story = text(&output.stdout);
    assert!(output.status.success(), "{}\n{story}{}", output.status, text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    let order = [
        "power on: alpha and bravo",
        "alpha answers at 10.0.0.100",
        "power cut: alpha",
        "bravo answers:",
        "power on: alpha starts",
        "alpha answers, as bravo gave the address back",
        "cut 2: bravo after",
        "partition:",
        "both hold 10.0.0.100",
        "heals",
        "alone holds it",
        "power cut, 2 times",
        "failback, 2 times",
        "while nothing happens",
    ];
    let places: Vec<_> = order.iter().map(|words| story.find(line(&story, words))).collect();
    assert!(places.is_sorted(), "in this order: {order:?}\n{story}");
    assert!(!story.contains('\x1b'), "no colours when nobody looks");
    // At least the deadtime, counted from the last heartbeat; the upper bound allows for a machine that is busy with
    // other tests.
    let outage = milliseconds(line(&story, "bravo answers:"));
    assert!((15.0..364.0).contains(&outage), "faster than 3.0.6, and no faster than the deadtime allows\n{story}");
}

#[test]
fn root_sees_the_address_move_and_come_back() {
    let setup = Setup::new();
    let drawing = setup.place.join("failover.svg");
    let output =
        setup.hb(&["demo", "--cuts", "2", "--svg", drawing.to_str().expect("text")]).output().expect("hb starts");
    if !skipped(&output) {
        is_whole_story(&output);
        assert!(setup.has_no_files());
        let drawing = fs::read_to_string(drawing).expect("the drawing");
        assert!(drawing.contains("alpha loses its power") && drawing.contains(" ms without an answer"), "{drawing}");
    }
}

#[test]
fn user_without_privileges_sees_the_same() {
    if !geteuid().is_root() {
        return println!("skipped: only root becomes somebody else; the other tests run without privileges here");
    }
    let setup = Setup::new();
    let output = setup.hb_of_nobody(&["demo", "--cuts", "2"]).output().expect("setpriv of util-linux starts");
    if !skipped(&output) {
        is_whole_story(&output);
        assert!(text(&output.stdout).contains("in a user namespace"));
        assert!(setup.has_no_files());
    }
}

/// A demonstration in the middle: alpha has just lost its power.
struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    descendants: Vec<u32>,
}

/// `None` where namespaces are not permitted.
fn begin(mut command: Command) -> Option<Running> {
    let mut child = command.spawn().expect("hb starts");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("power cut: alpha") {
        line.clear();
        if output.read_line(&mut line).expect("text") == 0 {
            let output = child.wait_with_output().expect("it ends");
            assert!(skipped(&output), "{}", text(&output.stderr));
            return None;
        }
    }
    let descendants = children(child.id());
    Some(Running { child, output, descendants })
}

fn children(pid: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|child| parent(*child) == Some(pid)).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Sends a signal in the middle of the demonstration. Returns the exit status and the text on standard error.
fn interrupted(setup: &Setup, signal: Signal) -> Option<(ExitStatus, String)> {
    let mut running = begin(setup.hb(&["demo"]))?;
    assert!(!running.descendants.is_empty(), "bravo runs a daemon and a service");
    let pid = i32::try_from(running.child.id()).ok().and_then(Pid::from_raw).expect("a pid");
    kill_process(pid, signal).expect("our own child");
    let status = running.child.wait().expect("it ends");
    let (mut rest, mut stderr) = (String::new(), String::new());
    running.output.read_to_string(&mut rest).expect("text");
    running.child.stderr.take().expect("piped").read_to_string(&mut stderr).expect("text");
    assert!(!rest.contains("Without an answer"), "it did not wait for the end of its story");
    eventually("its processes have ended", || !running.descendants.iter().any(|pid| lives(*pid)));
    assert!(setup.has_no_files());
    Some((status, stderr))
}

#[test]
fn control_c_ends_everything_at_once() {
    let setup = Setup::new();
    if let Some((status, stderr)) = interrupted(&setup, Signal::INT) {
        assert_eq!(status.code(), Some(130), "as a shell shows a Ctrl-C");
        assert_eq!(stderr, "hb demo: stopped; nothing is left behind\n");
    }
}

#[test]
fn request_to_end_is_obeyed() {
    let setup = Setup::new();
    if let Some((status, _)) = interrupted(&setup, Signal::TERM) {
        assert_eq!(status.code(), Some(143));
    }
}

#[test]
fn even_a_kill_leaves_nothing_behind() {
    let setup = Setup::new();
    if let Some((status, _)) = interrupted(&setup, Signal::KILL) {
        assert_eq!(status.signal(), Some(9));
    }
}

#[test]
fn machine_s_own_network_is_not_touched() {
    let setup = Setup::new();
    let interfaces = || fs::read_to_string("/proc/net/dev").expect("/proc").lines().count();
    let before = interfaces();
    let Some(mut running) = begin(setup.hb(&["demo", "--cuts", "1"])) else { return };
    assert_eq!(interfaces(), before);
    let mut rest = String::new();
    running.output.read_to_string(&mut rest).expect("text");
    assert!(running.child.wait().expect("it ends").success());
    assert_eq!(interfaces(), before);
}

#[test]
fn system_that_forbids_namespaces_is_recognised() {
    if !geteuid().is_root() {
        return println!("skipped: only root may forbid it, in a user namespace");
    }
    let setup = Setup::new();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c"]);
    command.arg("echo 0 > /proc/sys/user/max_net_namespaces && exec \"$0\" demo").arg(setup.place.join("hb"));
    let output = setup.prepared(command, &[]).output().expect("unshare of util-linux starts");
    let stderr = text(&output.stderr);
    if !stderr.starts_with("hb demo") {
        return println!("skipped: {stderr}");
    }
    assert_eq!(output.status.code(), Some(NOT_PERMITTED));
    assert!(stderr.starts_with("hb demo: cannot make network namespaces: "), "{stderr}");
    assert!(stderr.contains("sysctl -w user.max_net_namespaces="), "{stderr}");
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn check_judges_a_configuration() {
    let place = Place::new();
    let run = || {
        let hb = Command::new(env!("CARGO_BIN_EXE_hb")).arg("check").arg(place.path()).output().expect("hb starts");
        (hb.status.code(), text(&hb.stdout))
    };
    place.file("ha.cf", "node alpha bravo\nfrob 1\nbcast lo\n", 0o644);
    place.file("authkeys", "auth 1\n1 crc\n", 0o600);
    place.file("haresources", "", 0o644);
    place.file("nodeinfo", "alpha\n", 0o644);
    let (code, report) = run();
    assert_eq!(code, Some(6), "{report}");
    assert!(report.contains("ha.cf:2:1: error: Illegal directive [frob]"), "{report}");
    place.file("ha.cf", "node alpha bravo\nbcast lo\n", 0o644);
    let (code, report) = run();
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("good: 2 nodes, 1 medium, 0 resource groups"), "{report}");
}
