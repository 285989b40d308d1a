//! Scenarios of running scripts: their arguments and environment, and the harm that they cannot do to the daemon.

mod host;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use hbcore_linux::log::Logger;
use hbcore_linux::script::{Answer, Call, Cancel, Environment, Exit, LINES_PER_RUN, Report, ScriptError, Search, run};
use host::{Place, eventually, lives};

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(200);

fn call(program: PathBuf, arguments: &[&str]) -> Call {
    let mut environment = Environment::default();
    environment.set("PATH", "/usr/bin:/bin").set("HA_CURHOST", "alpha");
    Call {
        program,
        arguments: arguments.iter().map(Into::into).collect(),
        environment: Arc::new(environment),
        directory: PathBuf::from("/usr"),
        limit: LONG,
        grace: LONG,
    }
}

fn run_logged(call: &Call, log: &Logger) -> Report {
    let report = run(call, log, &Cancel::new().expect("a descriptor")).expect("started");
    assert!(log.flush(LONG));
    report
}

/// Runs a script of this body. Returns its report, and its output as the debug file has it.
fn run_body(place: &Place, body: &str, arguments: &[&str]) -> (Report, Vec<String>) {
    let report = run_logged(&call(place.script("tested", body), arguments), &place.log());
    let debug = place.read("debug");
    let printed = debug.lines().filter_map(|line| Some(line.split_once("]: debug: tested[")?.1.split_once("]: ")?.1));
    (report, printed.map(str::to_owned).collect())
}

fn pid_in(place: &Place, file: &str) -> u32 {
    let mut pid = None;
    eventually("the script writes its process id", || {
        pid = place.read(file).trim().parse().ok();
        pid.is_some()
    });
    pid.expect("just seen")
}

#[test]
fn script_gets_its_arguments_and_the_given_environment_and_nothing_else() {
    let place = Place::new();
    let (report, printed) = run_body(&place, r#"for word; do echo "<$word>"; done; env | sort"#, &["a b", "", "start"]);
    assert_eq!(report.exit, Exit::Code(0));
    let own = ["HA_CURHOST=alpha", "PATH=/usr/bin:/bin", "PWD=/usr"];
    let theirs: Vec<_> = printed.iter().filter(|line| !line.starts_with("_=")).map(String::as_str).collect();
    assert_eq!(theirs, [&["<a b>", "<>", "<start>"][..], &own].concat());
}

#[test]
fn script_runs_in_clean_surroundings() {
    let place = Place::new();
    rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    let body = r#"pwd; umask; readlink /proc/self/fd/0
        awk '{print ($5 == '$$' ? "leads its group" : "in group " $5)}' /proc/$$/stat"#;
    let (_, printed) = run_body(&place, body, &[]);
    assert_eq!(printed, ["/usr", "0022", "/dev/null", "leads its group"]);
}

#[test]
fn script_has_default_signals_and_none_blocked() {
    let place = Place::new();
    // There is no shell in between, because it would clear the mask itself.
    let program = r"/^Sig(Blk|Ign)/ {print $2}";
    run_logged(&call(PathBuf::from("/usr/bin/awk"), &[program, "/proc/self/status"]), &place.log());
    let debug = place.read("debug");
    let sets = debug.lines().filter_map(|line| u64::from_str_radix(line.rsplit_once(' ')?.1, 16).ok());
    let [blocked, ignored] = sets.collect::<Vec<_>>()[..] else { panic!("{debug}") };
    assert_eq!(blocked, 0);
    // The C library always leaves its own two signals, 32 and 33, ignored in a process that it spawns.
    assert_eq!(ignored & !0x1_8000_0000, 1 << 12, "only SIGPIPE");
}

#[test]
fn no_descriptor_of_the_daemon_reaches_a_script() {
    let place = Place::new();
    let not_marked =
        rustix::fs::open("/dev/null", rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()).expect("open");
    run_logged(&call(PathBuf::from("/bin/ls"), &["/proc/self/fd"]), &place.log());
    drop(not_marked);
    let debug = place.read("debug");
    let descriptors: Vec<_> = debug.lines().filter_map(|line| line.rsplit_once(' ')).map(|(_, last)| last).collect();
    assert_eq!(descriptors, ["0", "1", "2", "3"], "3 is the directory that is listed");
}

#[test]
fn that_is_so_when_the_daemon_itself_blocks_and_ignores_signals() {
    let again = std::env::current_exe().expect("this program");
    let mut command = Command::new("env");
    command.args(["--block-signal=TERM,CHLD,HUP", "--ignore-signal=INT,QUIT"]).arg(again);
    let output = command.args(["--exact", "script_has_default_signals_and_none_blocked"]).output().expect("started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn exit_codes_and_deaths_are_told_apart() {
    let place = Place::new();
    assert_eq!(run_body(&place, "exit 7", &[]).0.exit, Exit::Code(7));
    assert_eq!(run_body(&place, "kill -SEGV $$", &[]).0.exit, Exit::Signal(11));
    assert!(run_body(&place, "true", &[]).0.exit.success());
}

#[test]
fn both_outputs_are_logged_line_by_line_and_only_standard_output_says_running() {
    let place = Place::new();
    let body = "echo one; echo running >&2; printf 'no line feed'";
    let (report, mut printed) = run_body(&place, body, &["status"]);
    printed.sort();
    assert_eq!(printed, ["no line feed", "one", "running"]);
    assert_ne!(report.answer, Answer::Running);
    let running = run_body(&place, "echo it is running; exit 3", &["status"]).0.answer;
    assert_eq!(running, Answer::Running, "the word goes before the exit code");
    assert_eq!(run_body(&place, "echo not running; echo OK", &["status"]).0.answer, Answer::Stopped);
}

#[test]
fn script_that_hangs_gets_term_and_may_clean_up() {
    let place = Place::new();
    let body = "trap 'echo bye; exit 0' TERM; echo hangs; while :; do sleep 0.01; done";
    let hanging = Call { limit: SHORT, ..call(place.script("tested", body), &["start"]) };
    let log = place.log();
    let report = run_logged(&hanging, &log);
    assert_eq!(report.exit, Exit::TimedOut, "whatever it returns after TERM");
    assert!(report.took >= SHORT && report.took < LONG, "{report:?}");
    assert!(place.read("debug").contains("bye"));
}

#[test]
fn script_that_ignores_term_is_killed_with_its_whole_group() {
    let place = Place::new();
    let body = format!("trap '' TERM; sleep 600 & echo $! >{0}; wait; sleep 600", place.join("child").display());
    let stubborn = Call { limit: SHORT, grace: SHORT, ..call(place.script("tested", &body), &["start"]) };
    let report = run_logged(&stubborn, &place.log());
    assert_eq!(report.exit, Exit::TimedOut);
    assert!(report.took >= SHORT * 2 && report.took < LONG, "{report:?}");
    let child = pid_in(&place, "child");
    eventually("its child is gone as well", || !lives(child));
}

#[test]
fn script_that_prints_ten_megabytes_is_read_to_the_end_and_logged_in_part() {
    let place = Place::new();
    let (report, printed) = run_body(&place, "yes 0123456789abcdef | head -c 10000000; exit 3", &[]);
    assert_eq!(report.exit, Exit::Code(3), "it could write everything");
    assert!(!printed.is_empty() && printed.len() <= LINES_PER_RUN as usize, "{} lines", printed.len());
    assert!(report.output_left_out > 9_000_000, "{report:?}");
    let warning = format!("{} more bytes of output not logged", report.output_left_out);
    assert!(place.read("log").contains(&warning), "{}", place.read("log"));
}

#[test]
fn script_that_prints_without_end_still_meets_its_limit() {
    let place = Place::new();
    let endless = Call { limit: SHORT, grace: SHORT, ..call(place.script("tested", "exec yes"), &[]) };
    assert_eq!(run_logged(&endless, &place.log()).exit, Exit::TimedOut);
}

#[test]
fn script_that_leaves_a_process_running_has_ended_all_the_same() {
    let place = Place::new();
    let body =
        format!("(while :; do echo still here || :; sleep 0.05; done) & echo $! >{}", place.join("left").display());
    let (report, _) = run_body(&place, &body, &["start"]);
    assert_eq!(report.exit, Exit::Code(0));
    let left = pid_in(&place, "left");
    // Its output has no reader any more, which must not kill it.
    let wrote = || std::fs::read_to_string(format!("/proc/{left}/io")).unwrap_or_default();
    let before = wrote();
    eventually("it goes on", || lives(left) && wrote() != before);
    assert!(lives(left));
    Command::new("kill").arg(left.to_string()).status().expect("ended");
}

#[test]
fn cancelled_script_is_terminated_at_once_and_later_ones_as_well() {
    let place = Place::new();
    let log = place.log();
    let cancel = Cancel::new().expect("a descriptor");
    let body = format!("echo $$ >{}; exec sleep 600", place.join("pid").display());
    let sleeping = call(place.script("tested", &body), &["start"]);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&sleeping, &log, &cancel).expect("started").exit);
        pid_in(&place, "pid");
        assert!(!cancel.is_given());
        cancel.give();
        assert!(cancel.is_given());
        assert_eq!(running.join().expect("no panic"), Exit::Cancelled);
    });
    assert_eq!(run(&sleeping, &log, &cancel).expect("started").exit, Exit::Cancelled);
}

#[test]
fn scripts_are_searched_in_order_and_only_executable_files_count() {
    let place = Place::new();
    for directory in ["resource.d", "init.d"] {
        std::fs::create_dir(place.join(directory)).expect("made");
    }
    let search = Search::new(vec![place.join("resource.d"), place.join("init.d")]);
    let both = place.script("resource.d/both", "");
    place.script("init.d/both", "");
    place.file("resource.d/plain", "#!/bin/sh\n", 0o644);
    let second = place.script("init.d/plain", "");
    std::fs::create_dir(place.join("resource.d/directory")).expect("made");
    assert_eq!(search.locate("both").expect("found"), both);
    assert_eq!(search.locate("plain").expect("found"), second, "the first is not executable");
    for name in ["missing", "directory", "", "..", "../init.d/both", "/bin/sh", "."] {
        assert!(matches!(search.locate(name), Err(ScriptError::NotFound { .. })), "{name:?}");
    }
    let plain = place.file("resource.d/not-executable", "#!/bin/sh\n", 0o644);
    match search.locate("not-executable") {
        Err(ScriptError::NotExecutable { program, .. }) => assert_eq!(program, plain),
        other => panic!("{other:?}"),
    }
    let text = search.locate("missing").expect_err("missing").to_string();
    assert_eq!(text, "Cannot locate resource script missing");
}

#[test]
fn script_that_cannot_start_is_an_error_and_one_without_interpreter_runs_in_sh() {
    let place = Place::new();
    let log = place.log();
    let cancel = Cancel::new().expect("a descriptor");
    let plain = place.file("plain", "exit 0\n", 0o644);
    let bad_interpreter = place.file("bad", "#!/no/such/interpreter\n", 0o755);
    for program in [plain, place.join("gone")] {
        let error = run(&call(program, &[]), &log, &cancel).expect_err("cannot start");
        assert!(matches!(error, ScriptError::Start { .. }) && error.is_of_its_files(), "{error}");
    }
    let error = run(&call(bad_interpreter, &[]), &log, &cancel).expect_err("cannot start");
    assert!(error.to_string().ends_with("/bad: its interpreter /no/such/interpreter does not exist"), "{error}");
    let bare = place.file("bare", "test \"$1\" = start && exit 5\n", 0o755);
    assert_eq!(run(&call(bare, &["start"]), &log, &cancel).expect("started").exit, Exit::Code(5));
}

#[test]
fn process_that_the_system_refuses_is_no_fault_of_the_files() {
    use std::io::ErrorKind::{ExecutableFileBusy, NotFound, OutOfMemory, PermissionDenied, WouldBlock};
    let of_files = |kind: std::io::ErrorKind| {
        let program = "/etc/ha.d/resource.d/web".into();
        ScriptError::Start { program, source: kind.into() }.is_of_its_files()
    };
    assert!([NotFound, PermissionDenied, ExecutableFileBusy].into_iter().all(of_files));
    assert!(![WouldBlock, OutOfMemory].into_iter().any(of_files));
}

#[test]
fn ends_of_a_script_have_the_words_that_log_watchers_match() {
    let words = [
        (Exit::Code(3), "Return code 3"),
        (Exit::Signal(9), "Killed by signal 9"),
        (Exit::TimedOut, "Time limit exceeded, terminated"),
        (Exit::Cancelled, "Terminated on request"),
    ];
    for (exit, text) in words {
        assert_eq!((exit.to_string().as_str(), exit.success()), (text, false));
    }
    assert!(Exit::Code(0).success());
}

#[test]
fn working_directory_is_made_and_only_if_that_fails_it_is_the_root() {
    let place = Place::new();
    let log = place.log();
    let script = place.script("here", "pwd > \"$1\"");
    let runs_in = |directory: &str| {
        let out = place.join("pwd");
        let call = Call { directory: place.join(directory), ..call(script.clone(), &[out.to_str().expect("UTF-8")]) };
        assert!(run_logged(&call, &log).exit.success());
        place.read("pwd")
    };
    let cores = place.join("cores/root");
    assert_eq!(runs_in("cores/root"), format!("{}\n", cores.display()));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&cores).expect("made").permissions());
    assert_eq!(mode & 0o777, 0o700, "as the package makes it");
    assert!(!place.read("log").contains("runs in /"), "{}", place.read("log"));
    assert_eq!(runs_in("here/below/a/file"), "/\n");
    assert!(
        place.read("log").contains("WARN: Script here runs in / because of its directory"),
        "{}",
        place.read("log")
    );
}

#[test]
fn announcement_has_two_blanks_when_there_are_no_arguments() {
    let path = PathBuf::from("/etc/ha.d/resource.d/tb");
    assert_eq!(call(path.clone(), &["start"]).announcement(), "Running /etc/ha.d/resource.d/tb  start");
    assert_eq!(call(path, &["x", "y", "stop"]).announcement(), "Running /etc/ha.d/resource.d/tb x y stop");
}
