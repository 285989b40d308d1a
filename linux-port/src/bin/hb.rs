//! `hb`, the modern front end.
#![forbid(unsafe_code)]

use hbcore_linux::state::{Running, probe};
use hbcore_linux::terminal::complain;
use hbcore_linux::tools::{self, Tool};
use hbcore_linux::{cli, config, demo, status};
use lexopt::{Arg, Parser};
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
hb: the front end of hbcore

  hb demo [--cuts N]   run two nodes and a client on this machine, and cut the power N times (5);
                       needs no privilege, and leaves nothing running;
                       --svg FILE: also draw the first failover into FILE
  hb check [DIR]       check the configuration in DIR (/etc/ha.d): exit 0 if it is good, 6 if not;
                       warns of each resource that runs here and is missing in haresources;
                       --peer: also ask the running daemon whether the peer has the same
                       haresources: exit 4 if not, or if it cannot be told
  hb status [--json]   show what the running daemon sees: nodes, links, groups, problems; exit 0 if
                       all is well, 4 while there is a problem, 3 if no daemon runs, 1 if it does
                       not answer; --json: one object, for monitors
  hb standby [WORD]    hand groups over to the peer: all (without a word), local, foreign, failback;
                       as hb_standby
  hb takeover [WORD]   ask the peer to hand groups over to this node; as hb_takeover
  hb --version         print the version of this program
  hb --help            print this

Of several nodes on one machine, check and status are told which one by the options of heartbeat:

  --config-dir DIR     instead of /etc/ha.d
  --run-dir DIR        instead of /run
  --state-dir DIR      accepted, and not needed
";

/// The exit code for a wrong command line.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    hbcore_linux::sys::signal::ignore_file_size_limit();
    let mut words = std::env::args_os().skip(1).peekable();
    if words.peek().is_some_and(|word| word == demo::ROLE) {
        return demo::play(words.skip(1));
    }
    let tool = match words.peek().and_then(|word| word.to_str()) {
        Some("standby") => Some(Tool::Standby),
        Some("takeover") => Some(Tool::Takeover),
        _ => None,
    };
    if let Some(tool) = tool {
        return tools::main_of_hb(tool, words.skip(1));
    }
    match command(words) {
        Ok(Command::Demo { cuts, drawing }) => demo::run(cuts, drawing.as_deref()),
        Ok(Command::Check { directory, run_dir, peer }) => match check(&directory, &run_dir) {
            ExitCode::SUCCESS if peer => check_peer(&run_dir),
            code => code,
        },
        Ok(Command::Status { run_dir, json }) => show_status(&run_dir, json),
        Ok(Command::Print(text)) => written(io::stdout().write_all(text.as_bytes()).map(|()| 0)),
        Err(error) => {
            complain(format_args!("hb: {error}\n\n{}", HELP.trim_end()));
            ExitCode::from(USAGE)
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Command {
    /// `drawing`: the file for the picture of a failover.
    Demo {
        cuts: u32,
        drawing: Option<PathBuf>,
    },
    /// `run_dir`: the run directory of the daemon that tells its running resources; `peer`: it is asked about the peer
    /// too.
    Check {
        directory: PathBuf,
        run_dir: PathBuf,
        peer: bool,
    },
    Status {
        run_dir: PathBuf,
        json: bool,
    },
    Print(&'static str),
}

/// The largest number of cuts in a demonstration: some twenty minutes.
const CUTS_MAX: u32 = 1000;

/// The words of the command line.
#[derive(Default)]
struct Words {
    command: Option<String>,
    directory: Option<PathBuf>,
    cuts: Option<u32>,
    svg: Option<PathBuf>,
    json: bool,
    peer: bool,
    config_dir: Option<PathBuf>,
    run_dir: Option<PathBuf>,
    state_dir: Option<PathBuf>,
}

fn command(words: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut words = Parser::from_args(words);
    let mut read = Words::default();
    while let Some(word) = words.next()? {
        match word {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Print(HELP)),
            Arg::Long("version") => return Ok(Command::Print(concat!("hb ", env!("CARGO_PKG_VERSION"), "\n"))),
            Arg::Long("cuts") => read.cuts = Some(cuts(&words.value()?)?),
            Arg::Long("svg") => read.svg = Some(words.value()?.into()),
            Arg::Long("json") => read.json = true,
            Arg::Long("peer") => read.peer = true,
            Arg::Long("config-dir") => read.config_dir = Some(words.value()?.into()),
            Arg::Long("run-dir") => read.run_dir = Some(words.value()?.into()),
            Arg::Long("state-dir") => read.state_dir = Some(words.value()?.into()),
            Arg::Value(word) if read.command.is_none() => read.command = Some(word.to_string_lossy().into_owned()),
            Arg::Value(word) if read.command.as_deref() == Some("check") && read.directory.is_none() => {
                read.directory = Some(word.into());
            }
            other => return Err(other.unexpected()),
        }
    }
    read.meaning()
}

impl Words {
    fn meaning(self) -> Result<Command, lexopt::Error> {
        let Some(command) = self.command.as_deref() else { return Err("a command is missing".into()) };
        let places =
            [("--config-dir", &self.config_dir), ("--run-dir", &self.run_dir), ("--state-dir", &self.state_dir)];
        let place = places.into_iter().find(|(_, value)| value.is_some()).map(|(name, _)| name);
        let foreign = [
            self.cuts.map(|_| "--cuts").filter(|_| command != "demo"),
            self.svg.as_ref().map(|_| "--svg").filter(|_| command != "demo"),
            self.json.then_some("--json").filter(|_| command != "status"),
            self.peer.then_some("--peer").filter(|_| command != "check"),
            place.filter(|_| command == "demo"),
        ];
        if let Some(option) = foreign.into_iter().flatten().next() {
            return Err(format!("hb {command} has no option {option}").into());
        }
        let run_dir = self.run_dir.unwrap_or_else(|| "/run".into());
        match command {
            "demo" => Ok(Command::Demo { cuts: self.cuts.unwrap_or(demo::CUTS), drawing: self.svg }),
            "status" => Ok(Command::Status { run_dir, json: self.json }),
            "check" => match (self.directory, self.config_dir) {
                (Some(_), Some(_)) => Err("hb check takes one directory".into()),
                (one, other) => Ok(Command::Check {
                    directory: one.or(other).unwrap_or_else(|| "/etc/ha.d".into()),
                    run_dir,
                    peer: self.peer,
                }),
            },
            unknown => Err(format!("there is no command {unknown}").into()),
        }
    }
}

fn cuts(value: &OsStr) -> Result<u32, lexopt::Error> {
    let number = value.to_str().and_then(|text| text.parse().ok()).filter(|cuts| (1..=CUTS_MAX).contains(cuts));
    number.ok_or_else(|| format!("--cuts wants a number from 1 to {CUTS_MAX}, and not '{}'", value.display()).into())
}

fn check(directory: &Path, run_dir: &Path) -> ExitCode {
    if directory.is_file() {
        complain(format_args!(
            "hb: {} is a file: name the directory that holds ha.cf, authkeys and haresources",
            directory.display()
        ));
        return ExitCode::from(USAGE);
    }
    let mut report = Vec::new();
    let checked = config::check_report_with(directory, &mut report, |configuration| {
        cli::endings(run_dir, &configuration.resources)
    });
    let report = String::from_utf8_lossy(&report);
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let report = if wanted && io::stdout().is_terminal() { coloured(&report) } else { report.into_owned() };
    written(checked.and_then(|code| io::stdout().write_all(report.as_bytes()).map(|()| code)))
}

/// The exit code when no daemon runs, as for init scripts of Linux.
const NOT_RUNNING: u8 = 3;

/// The exit code while a problem stands.
const TROUBLED: u8 = 4;

/// Checks whether the peer has the same groups as this node, as the running daemons have told each other.
fn check_peer(run_dir: &Path) -> ExitCode {
    let (said, code) = match status::ask(&run_dir.join(status::NAME)) {
        Ok(answer) if answer.peers.is_empty() => ("no other node is there: nobody can tell\n".to_owned(), TROUBLED),
        Ok(answer) => {
            let said = answer.peers.iter().map(about_peer).collect();
            (said, if answer.peers.iter().all(|peer| peer.same == Some(true)) { 0 } else { TROUBLED })
        }
        Err(error) => (format!("the daemon does not answer, so it cannot tell about the peer: {error}\n"), TROUBLED),
    };
    written(io::stdout().write_all(said.as_bytes()).map(|()| code))
}

fn about_peer(peer: &status::Peer) -> String {
    let name = &peer.name;
    match (peer.same, peer.is_ours) {
        (Some(true), _) => format!("{name}: has the same haresources, as both daemons have read them\n"),
        (Some(false), _) => {
            format!(
                "{name}: error: haresources differs from that of this node, as both daemons have read them\n  help: make it the same on both, in the same order of lines, then `heartbeat -r` where it changed\n"
            )
        }
        (None, true) => format!(
            "{name}: is an hbcore that does not tell: of an earlier release, or about to leave, or without resources\n"
        ),
        (None, false) => {
            format!("{name}: is a 3.0.6, or has told nothing yet, and cannot tell: compare haresources by hand\n")
        }
    }
}

fn show_status(run_dir: &Path, json: bool) -> ExitCode {
    let socket = run_dir.join(status::NAME);
    match (status::ask(&socket), probe(&run_dir.join("heartbeat.pid"))) {
        (Ok(answer), _) if json && answer.json.is_empty() => {
            complain(format_args!(
                "hb: the daemon that runs is of an earlier version, until it is restarted, or has more nodes and links than one answer can hold"
            ));
            ExitCode::FAILURE
        }
        (Ok(answer), _) => {
            let text = if json { &answer.json } else { &answer.text };
            let code = if answer.is_troubled() { TROUBLED } else { 0 };
            written(io::stdout().write_all(text.as_bytes()).map(|()| code))
        }
        (Err(_), Running::Stale | Running::NoFile) => {
            let text = if json { status::STOPPED } else { "heartbeat is stopped\n" };
            written(io::stdout().write_all(text.as_bytes()).map(|()| NOT_RUNNING))
        }
        (Err(error), Running::Yes(pid)) => {
            let help = match error.kind() {
                io::ErrorKind::PermissionDenied => "run this as root, or as a member of the group haclient",
                io::ErrorKind::NotFound => "it is no hbcore, or its log says why it has no such socket",
                _ => "is it stopped, or very busy?",
            };
            let socket = socket.display();
            complain(format_args!("hb: heartbeat [pid {pid}] runs and does not answer at {socket}: {error}; {help}"));
            ExitCode::FAILURE
        }
    }
}

/// The report with its signal words in colour.
fn coloured(report: &str) -> String {
    let words = [(" error:", "1;31"), (" warning:", "1;33"), (" info:", "1"), ("  help:", "36"), (": good:", "1;32")];
    let mut text = String::new();
    for line in report.split_inclusive('\n') {
        let found = words.iter().find_map(|(word, code)| Some((line.split_once(word)?, word, code)));
        match found {
            Some(((before, after), word, code)) => {
                text.extend([before, "\x1b[", code, "m", word, "\x1b[0m", after]);
            }
            None => text.push_str(line),
        }
    }
    text
}

fn written(result: io::Result<u8>) -> ExitCode {
    ExitCode::from(result.unwrap_or_else(|error| {
        complain(format_args!("hb: {error}"));
        1
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_signal_word_is_coloured() {
        let report = "ha.cf:3:1: error: Illegal directive\n    error: x\n";
        assert!(coloured(report).starts_with("ha.cf:3:1:\x1b[1;31m error:\x1b[0m Illegal directive\n"));
        assert_eq!(coloured("nothing\n"), "nothing\n");
    }

    #[test]
    fn options_stand_before_or_behind_the_command() {
        let read = |line: &str| command(line.split_whitespace().map(Into::into)).expect("good");
        let status = Command::Status { run_dir: "/r".into(), json: false };
        for line in ["status --run-dir /r --state-dir /s", "--config-dir=/c --run-dir /r status"] {
            assert_eq!(read(line), status, "{line}");
        }
        let checks = Command::Check { directory: "/c".into(), run_dir: "/r".into(), peer: false };
        for line in
            ["check /c --run-dir /r", "--run-dir /r check --config-dir /c", "--config-dir /c check --run-dir /r"]
        {
            assert_eq!(read(line), checks, "{line}");
        }
        let asks = Command::Check { directory: "/c".into(), run_dir: "/r".into(), peer: true };
        assert_eq!(read("check --peer --run-dir /r /c"), asks);
        assert_eq!(read("--cuts 3 demo"), Command::Demo { cuts: 3, drawing: None });
        assert_eq!(read("status --json"), Command::Status { run_dir: "/run".into(), json: true });
    }

    #[test]
    fn wrong_number_of_cuts_is_refused_with_the_reason() {
        let error = command(["demo", "--cuts", "x"].map(Into::into)).expect_err("no number").to_string();
        assert_eq!(error, "--cuts wants a number from 1 to 1000, and not 'x'");
    }

    #[test]
    fn demo_arguments_that_make_no_sense_are_refused() {
        for words in [
            &["demo", "--cuts", "many"][..],
            &["demo", "--cuts", "0"],
            &["check", "--json"],
            &["status", "--peer"],
            &["demo", "--cuts", "1001"],
            &["demo", "--run-dir", "/x"],
            &["check", "a", "--config-dir", "b"],
            &["check", "--cuts", "1"],
            &["check", "a", "b"],
            &["status", "now"],
            &["status", "--run-dir"],
            &["dance"],
            &[],
            &["--frob"],
        ] {
            assert!(command(words.iter().map(Into::into)).is_err(), "{words:?}");
        }
    }
}
