//! Scenarios of the tools, most of them beside those of 3.0.6: same words, same output, same exit code, same message.

mod host;
#[path = "host/reference.rs"]
mod reference;

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hbcore::takeover::Class;
use hbcore_linux::control::{self, ControlSocket, Move};
use host::Place;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The body of every resource script of the scenarios. It records its call, and keeps its state in a file.
const MEMBER: &str = r#"name=$(basename "$0"); for op; do :; done
    echo "$name $*" >>PLACE/calls
    case $op in
    status) [ -e PLACE/runs.$name ] && echo running || echo stopped ;;
    start) [ -e PLACE/broken.$name ] && exit 3; touch PLACE/runs.$name; echo "started $name" ;;
    stop) rm -f PLACE/runs.$name; echo "stopped $name" ;;
    esac"#;

const RESOURCES: &str = "# comment\nalpha  10.1.2.3/24/eth0 ta::x::y   tb\t# trailing\nbravo tc::1 \\\n   td\nAlpha te\n\
                         charlie\nalpha ta::z\n";

/// A site with a FIFO that the test reads.
struct Site {
    place: Place,
    fifo: File,
}

/// The result of a tool.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    message: String,
    calls: String,
}

impl Site {
    fn new(resources: &str) -> Self {
        let place = Place::new();
        reference::install(&place);
        place.file("ha.d/haresources", resources, 0o644);
        place.file("ha.d/hbcore.cf", "address_takeover script\n", 0o644);
        std::fs::create_dir(place.join("bin")).expect("made");
        for tool in hbcore_linux::tools::Tool::ALL {
            let name = place.join("bin").join(tool.name());
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hb_tool"), name).expect("made");
        }
        let made = Command::new("mkfifo").arg(place.join("state/fifo")).status().expect("mkfifo starts");
        assert!(made.success());
        let fifo = OpenOptions::new().read(true).write(true).open(place.join("state/fifo")).expect("opened");
        rustix::fs::fcntl_setfl(&fifo, rustix::fs::OFlags::NONBLOCK).expect("set");
        let site = Self { place, fifo };
        for name in ["ta", "tb", "tc", "td", "te", "IPaddr"] {
            site.member(name);
        }
        site
    }

    fn member(&self, name: &str) {
        let body = MEMBER.replace("PLACE", &self.place.path().display().to_string());
        self.place.script(&format!("ha.d/resource.d/{name}"), &body);
    }

    fn ours(&self, tool: &str) -> Command {
        let mut command = Command::new(self.place.join("bin").join(tool));
        command.env("HA_DIR", self.place.join("ha.d")).env("HA_FIFO", self.place.join("state/fifo"));
        command
    }

    fn theirs(&self, tool: &str) -> Command {
        let mut command = reference::command(&self.place, &format!("{}/{tool}", reference::TOOLS));
        command.env("HA_DIR", "/etc/ha.d").env("HA_FUNCS", "/etc/ha.d/shellfuncs");
        command
    }

    /// Runs a tool with the words of a line and returns its result. Paths and dates are replaced by words.
    fn run(&self, mut command: Command, words: &str, variables: &[(&str, &str)]) -> Done {
        for name in ["HA_LOGFILE", "HA_DEBUGLOG", "HA_LOGFACILITY", "HA_DATEFMT", "HA_info", "HA_NICEFAILBACK"] {
            command.env_remove(name);
        }
        command.args(words.split_whitespace()).env("HA_CURHOST", "alpha").envs(variables.iter().copied());
        let output = command.stdin(Stdio::null()).output().expect("started");
        let Output { status, stdout, stderr } = output;
        let mut message = String::new();
        let _ = (&self.fifo).read_to_string(&mut message);
        let calls = self.place.read("calls");
        let _ = std::fs::remove_file(self.place.join("calls"));
        let [stdout, stderr] = [stdout, stderr].map(|bytes| self.plain(&String::from_utf8_lossy(&bytes)));
        Done { code: status.code(), stdout, stderr, message, calls }
    }

    /// The text without the parts that differ from run to run.
    fn plain(&self, text: &str) -> String {
        let bin = self.place.join("bin").display().to_string();
        let text = text.replace(&bin, reference::TOOLS);
        // The shell's own complaint about the script of 3.0.6 is not imitated.
        let lines = text.lines().filter(|line| !line.ends_with("status: not found"));
        lines.map(|line| without_date(line).to_owned() + "\n").collect()
    }
}

/// A line without `Mon DD HH:MM:SS` at its beginning.
fn without_date(line: &str) -> &str {
    let is_date = |date: &str| date.matches(':').count() == 2 && date.ends_with(|last: char| last.is_ascii_digit());
    match line.split_at_checked(15) {
        Some((date, rest)) if is_date(date) => rest.trim_start(),
        _ => line,
    }
}

/// Runs the tool of 3.0.6 and ours with the same words, each on a site of its own. Returns the result of ours.
fn same(resources: &str, tool: &str, words: &str, variables: &[(&str, &str)], prepare: impl Fn(&Site)) -> Done {
    let sites = [Site::new(resources), Site::new(resources)];
    sites.iter().for_each(&prepare);
    let theirs = sites[0].run(sites[0].theirs(tool), words, variables);
    let ours = sites[1].run(sites[1].ours(tool), words, variables);
    assert_eq!(ours, theirs, "{tool} {words} {variables:?}");
    ours
}

#[test]
fn commands_that_write_a_message_say_and_write_what_the_original_does() {
    if reference::why_not().is_some() {
        return;
    }
    let rows = [
        ("hb_standby", &["", "all", "foreign", "local", "failback", "none", "a b"][..]),
        ("hb_takeover", &["", "all", "foreign", "local", "failback", "none", "a b"]),
        ("hb_addnode", &["", "--help", "a", "a b c", "-h"]),
        ("hb_delnode", &["", "--help", "a b"]),
        ("hb_setweight", &["", "--help x", "n", "n 5", "n 5 6"]),
        ("hb_setsite", &["", "n", "n s t"]),
    ];
    for (tool, lines) in rows {
        for words in lines {
            let done = same("", tool, words, &[], |_| ());
            assert_eq!(done.message.is_empty(), done.code != Some(0), "{tool} {words}");
        }
    }
}

#[test]
fn help_of_the_tools_lists_the_options() {
    let site = Site::new("");
    for tool in ["hb_standby", "hb_takeover"] {
        for word in ["-h", "--help"] {
            let done = site.run(site.ours(tool), word, &[]);
            assert!(done.stdout.ends_with("usage:\n") && done.code == Some(1), "as 3.0.6 does: {done:?}");
            for option in ["--config-dir", "--state-dir", "--run-dir"] {
                assert!(done.stderr.contains(option), "{tool} {word}: {done:?}");
            }
        }
    }
}

#[test]
fn options_stand_before_or_after_the_word() {
    let site = Site::new("");
    let state = site.place.join("state").display().to_string();
    let nowhere = site.place.join("nowhere").display().to_string();
    let run = |words: &str| {
        let mut command = site.ours("hb_standby");
        command.env("HA_FIFO", &nowhere);
        site.run(command, words, &[])
    };
    for words in [
        format!("--state-dir {state} local"),
        format!("local --state-dir {state}"),
        format!("local --state-dir={state} --run-dir /x --config-dir /y"),
        format!("--run-dir=/x local --state-dir {state}"),
    ] {
        let done = run(&words);
        assert!(done.code == Some(0) && done.message.contains("rsc_hold=local"), "{words}: {done:?}");
    }
    let done = run("local --run-dir /x");
    assert!(done.code == Some(1) && done.stderr.contains("give its --state-dir too"), "{done:?}");
    let done = run("local --state-dir");
    assert!(done.code == Some(1) && done.stderr.contains("requires an argument"), "{done:?}");
}

#[test]
fn mach_down_and_req_resource_do_what_the_original_does() {
    if reference::why_not().is_some() {
        return;
    }
    let nice = ("HA_NICEFAILBACK", "yes");
    let log = ("HA_LOGFILE", "/dev/null");
    for (words, variables) in [
        ("bravo", &[nice, log][..]),
        ("bravo", &[log]),
        ("alpha", &[nice]),
        ("bravo", &[nice, ("HA_info", "ping")]),
        ("nobody", &[nice, log]),
    ] {
        let done = same(RESOURCES, "mach_down", words, variables, |_| ());
        let takes = words == "bravo" && variables.contains(&log);
        assert_eq!(done.calls.contains("td start"), takes, "{words} {variables:?}: {done:?}");
    }
    let te_runs = |site: &Site| drop(site.place.file("runs.te", "", 0o644));
    same(RESOURCES, "req_resource", "te", &[], |_| ());
    same(RESOURCES, "req_resource", "te", &[nice], |_| ());
    same(RESOURCES, "req_resource", "te", &[("HA_DONTASK", "yes")], |_| ());
    same(RESOURCES, "req_resource", "ta::x::y tb", &[], |_| ());
    assert_eq!(same(RESOURCES, "req_resource", "te", &[nice], te_runs).message, "");
}

#[test]
fn resource_manager_answers_as_the_original_does() {
    if reference::why_not().is_some() {
        return;
    }
    for words in [
        "",
        "foo bar",
        "listkeys",
        "listkeys alpha",
        "listkeys ALPHA",
        "listkeys .*",
        "listkeys al",
        "listkeys a b",
        "allkeys",
        "ourkeys",
        "otherkeys",
        "status",
        "status te",
        "status ta::x::y",
        "status 10.1.2.3/24/eth0",
        "status missing",
        "takegroup",
        "takegroup nokey",
        "takegroup tc::1",
        "takegroup td",
        "givegroup",
        "givegroup nokey",
        "givegroup te",
        "givegroup 10.1.2.3/24/eth0 ta::x::y tb",
        "statgroup tc::1",
        "verifyallidle",
    ] {
        same(RESOURCES, "ResourceManager", words, &[], |_| ());
    }
    let td_runs = |site: &Site| drop(site.place.file("runs.td", "", 0o644));
    same(RESOURCES, "ResourceManager", "status td", &[], td_runs);
    let done = same(RESOURCES, "ResourceManager", "takegroup tc::1", &[], td_runs);
    assert_eq!(done.calls, "tc 1 status\ntc 1 start\ntd status\n", "what runs is left alone");
}

#[test]
fn groups_of_real_sites_are_read_as_the_original_reads_them() {
    if reference::why_not().is_some() {
        return;
    }
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/seeds");
    for (seed, node, key, scripts) in [
        ("0", "d01", "IPaddr::135.9.8.7/24/eth0", &[][..]),
        ("1", "masternginx", "192.168.171.100/24/eth0:0", &["nginx"]),
        ("2", "nodea", "192.168.17.200/24/eth0", &["httpd"]),
        ("3", "node1", "IPaddr::192.168.60.200/24/eth0/", &["Filesystem", "httpd", "tomcat"]),
    ] {
        let resources = std::fs::read_to_string(seeds.join(seed).join("haresources")).expect("the seed");
        let with_scripts = |site: &Site| scripts.iter().for_each(|name| site.member(name));
        let mine = [("HA_CURHOST", node)];
        for verb in ["listkeys", "ourkeys", "otherkeys", "allkeys"] {
            same(&resources, "ResourceManager", &format!("{verb} {node}"), &mine, with_scripts);
        }
        for verb in ["takegroup", "givegroup"] {
            let done = same(&resources, "ResourceManager", &format!("{verb} {key}"), &mine, with_scripts);
            assert!(done.calls.lines().count() > scripts.len(), "{seed}: {}", done.calls);
        }
    }
}

/// The content of a log after a tool ran, without dates, process ids and the host's name.
fn logged(site: &Site, file: &str) -> Vec<String> {
    let text = site.plain(&site.place.read(file)).replace(&site.place.join("ha.d").display().to_string(), "/etc/ha.d");
    let line = |line: &str| line.split_once("info: ").map(|(_, text)| format!("info: {text}"));
    text.lines().filter_map(line).collect()
}

#[test]
fn log_tells_of_a_group_what_the_original_tells() {
    if reference::why_not().is_some() {
        return;
    }
    let [theirs, ours] = [(); 2].map(|()| Site::new(RESOURCES));
    let both = [(&theirs, theirs.theirs("ResourceManager")), (&ours, ours.ours("ResourceManager"))];
    for (site, command) in both {
        let file = site.place.join("log").display().to_string();
        assert_eq!(site.run(command, "takegroup tc::1", &[("HA_LOGFILE", &file)]).code, Some(0));
    }
    let told = logged(&ours, "log");
    assert_eq!(told, logged(&theirs, "log"));
    assert_eq!(told[0], "info: Acquiring resource group: bravo tc::1 td");
}

#[test]
fn statgroup_says_into_the_debug_file_how_much_of_a_group_runs() {
    for (running, word) in [(&[][..], "NONE\n"), (&["tc"], "SOME\n"), (&["tc", "td"], "ALL\n")] {
        let site = Site::new(RESOURCES);
        for name in running {
            site.place.file(&format!("runs.{name}"), "", 0o644);
        }
        let file = site.place.join("debug").display().to_string();
        site.run(
            site.ours("ResourceManager"),
            "statgroup tc::1",
            &[("HA_DEBUGLOG", &file), ("HA_LOGFILE", "/dev/null")],
        );
        assert!(site.place.read("debug").ends_with(word), "{running:?}: {}", site.place.read("debug"));
    }
}

#[test]
fn resources_that_run_before_the_daemon_are_named_and_counted() {
    let site = Site::new(RESOURCES);
    for name in ["tc", "te", "td"] {
        site.place.file(&format!("runs.{name}"), "", 0o644);
    }
    let done = site.run(site.ours("ResourceManager"), "verifyallidle", &[("HA_LOGFILE", "/dev/null")]);
    assert_eq!(done.code, Some(2), "td is not the first of its group");
    for key in ["tc::1", "te"] {
        let line = format!("CRITICAL: Resource {key} is active, and should not be!\n");
        assert!(done.stderr.contains(&line), "{}", done.stderr);
    }
}

/// Loopback stands for an address that a killed daemon has left.
#[test]
fn address_of_an_earlier_run_is_one_warning() {
    let site = Site::new("alpha 127.0.0.1/8/lo tc::1\nbravo te\n");
    site.place.file("ha.d/hbcore.cf", "address_takeover builtin\n", 0o644);
    let done = site.run(site.ours("ResourceManager"), "verifyallidle", &[("HA_LOGFILE", "/dev/null")]);
    assert_eq!(done.code, Some(1));
    assert_eq!(done.stderr, "WARN: left over by an earlier run, and removed when heartbeat starts: 127.0.0.1/8/lo\n");
}

#[test]
fn group_that_cannot_be_started_is_stopped_and_logged() {
    let site = Site::new(RESOURCES);
    site.place.file("broken.td", "", 0o644);
    let file = site.place.join("log").display().to_string();
    let done = site.run(site.ours("ResourceManager"), "takegroup tc::1", &[("HA_LOGFILE", &file)]);
    assert_eq!(done.code, Some(1));
    assert_eq!(done.calls, "tc 1 status\ntc 1 start\ntd status\ntd start\ntd stop\ntc 1 stop\n");
    assert!(site.place.read("log").contains("Giving up resources due to failure of td"), "{}", site.place.read("log"));
}

#[test]
fn script_that_our_daemon_runs_does_not_take_groups_a_second_time() {
    let site = Site::new(RESOURCES);
    let by_daemon = [("HA_TAKEOVER_BY_ENGINE", "yes"), ("HA_NICEFAILBACK", "yes"), ("HA_LOGFILE", "/dev/null")];
    let done = site.run(site.ours("mach_down"), "bravo", &by_daemon);
    assert_eq!((done.code, done.calls.as_str(), done.message.as_str()), (Some(0), "", ""));
}

#[test]
fn without_a_daemon_a_tool_fails_at_once_and_leaves_no_file() {
    for (what, prepare) in [
        ("no reader", (|fifo| drop(Command::new("mkfifo").arg(fifo).status())) as fn(&Path)),
        ("no FIFO", |_| ()),
        ("a plain file", |fifo| std::fs::write(fifo, "left by a script").expect("written")),
    ] {
        let place = Place::new();
        let fifo = place.join("fifo");
        prepare(&fifo);
        for tool in [env!("CARGO_BIN_EXE_hb_standby"), env!("CARGO_BIN_EXE_hb_takeover")] {
            let output =
                Command::new(tool).arg("--state-dir").arg(place.path()).arg("local").output().expect("started");
            assert_eq!(output.status.code(), Some(1), "{what}");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.starts_with(&format!("{tool}: heartbeat is not running")), "{what}: {said}");
            assert!(!said.contains("Going standby"), "{what}: {said}");
        }
        let is_plain = std::fs::symlink_metadata(&fifo).is_ok_and(|meta| meta.is_file());
        assert_eq!(is_plain, what == "a plain file");
        assert!(!is_plain || place.read("fifo") == "left by a script");
        assert_eq!(fifo.exists(), what != "no FIFO");
    }
}

#[test]
fn daemon_that_does_not_read_is_not_waited_for_for_ever() {
    let site = Site::new("");
    while rustix::io::write(&site.fifo, &[b'x'; 4096]).is_ok() {}
    let output = site.ours("hb_takeover").output().expect("started");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not read its FIFO"));
}

#[test]
fn value_cannot_smuggle_a_second_message_in() {
    let site = Site::new("");
    let evil = "site\n<<<\n>>>\nt=shutdone";
    let output = site.ours("hb_setsite").args(["node", evil]).output().expect("started");
    let mut message = String::new();
    let _ = (&site.fifo).read_to_string(&mut message);
    assert!(!output.status.success() || message.matches('\n').count() == 5, "{message}");
}

#[test]
fn tool_is_called_by_its_name_by_its_first_word_or_along_the_path() {
    let site = Site::new("");
    let usage = "usage: hb_addnode <node> <node> ...\n";
    let by_word = Command::new(env!("CARGO_BIN_EXE_hb_tool")).arg("hb_addnode").output().expect("started");
    assert_eq!(String::from_utf8_lossy(&by_word.stdout), usage);
    let neither = Command::new(env!("CARGO_BIN_EXE_hb_tool")).arg("dance").output().expect("started");
    assert_eq!(neither.status.code(), Some(2));

    let bin = site.place.join("bin");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let along = Command::new("sh").args(["-c", "hb_standby --help"]).env("PATH", path).output().expect("started");
    let said = String::from_utf8_lossy(&along.stderr).into_owned();
    assert!(
        said.starts_with(&format!("{} [all|foreign|local|failback]\n", bin.join("hb_standby").display())),
        "{said}"
    );
}

/// Plays the daemon, and answers the order.
fn answered(tool: &str, said: &'static str) -> Output {
    answered_to(|site| site.ours(tool), said)
}

fn answered_to(command: impl Fn(&Site) -> Command, said: &'static str) -> Output {
    let site = Site::new("");
    let socket = ControlSocket::open(&site.place.join(control::NAME)).expect("opened");
    let mut command = command(&site);
    command.arg("--run-dir").arg(site.place.path()).arg("--state-dir").arg(site.place.join("state"));
    command.stdin(Stdio::null());
    std::thread::scope(|scope| {
        let tool = scope.spawn(move || command.output().expect("started"));
        let mut fds = [PollFd::from_borrowed_fd(socket.fd(), PollFlags::IN)];
        assert_eq!(poll(&mut fds, Some(&Timespec { tv_sec: 60, tv_nsec: 0 })), Ok(1), "nobody asks");
        let question = socket.next().expect("a question");
        assert_eq!(question.order, Some(Move::Standby(Class::All)));
        socket.answer(&question, said);
        tool.join().expect("ended")
    })
}

#[test]
fn refusal_of_the_daemon_is_printed_by_the_tool() {
    let output = answered("hb_standby", "refused: nobody is there");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "as 3.0.6, which wrote its message and knows no more");
    assert!(said.ends_with("hb_standby: refused: nobody is there\n"), "{said}");
    assert!(!said.contains("Going standby"), "only what is: {said}");
    let done = String::from_utf8_lossy(&answered("hb_standby", "").stderr).into_owned();
    assert_eq!(done.lines().count(), 1, "{done}");
}

#[test]
fn refused_order_of_the_front_end_ends_with_1() {
    let hb = |_: &Site| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hb"));
        command.arg("standby");
        command
    };
    for (decision, code) in [("refused: nobody is there", 1), ("", 0)] {
        let output = answered_to(hb, decision);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.contains("Going standby")), (Some(code), code == 0), "{said}");
    }
}

#[test]
fn tool_that_cannot_ask_the_daemon_says_so() {
    let site = Site::new("");
    let mut command = site.ours("hb_takeover");
    command.arg("--run-dir").arg(site.place.path()).arg("--state-dir").arg(site.place.join("state"));
    let output = command.output().expect("started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("the daemon does not answer whether it does so: see its log (No such file"), "{said}");
}
