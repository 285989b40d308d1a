//! The modern front end.
#![forbid(unsafe_code)]

use hbcore_linux::state::{Running, probe};
use hbcore_linux::tools::{self, Tool};
use hbcore_linux::{config, demo, status};
use lexopt::{Arg, Parser, ValueExt};
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
hb: the front end of hbcore

  hb demo [--cuts N]   two nodes and a client on this machine: what happens when the power fails,
                       N times (5); needs no privilege, and leaves nothing behind
  hb check [DIR]       check the configuration in DIR (/etc/ha.d): exit 0 if it is good, 6 if not
  hb status [--json] [--run-dir DIR]
                       what the running daemon sees: nodes, links, groups; exit 3 if it does not run,
                       1 if it does not answer; --json: one object, for monitors
  hb standby [WORD]    give groups to the other node: all (without a word), local, foreign, failback;
                       as hb_standby
  hb takeover [WORD]   have the other node give groups to this one; as hb_takeover
  hb --version         print the version of this program
  hb --help            print this
";

/// The exit code for a command line that makes no sense.
const USAGE: u8 = 2;

fn main() -> ExitCode {
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
        return tools::main(tool, std::iter::once(tool.name().into()).chain(words.skip(1)));
    }
    match command(words) {
        Ok(Command::Demo { cuts }) => demo::run(cuts),
        Ok(Command::Check { directory }) => check(&directory.unwrap_or_else(|| "/etc/ha.d".into())),
        Ok(Command::Status { run_dir, json }) => show_status(&run_dir, json),
        Ok(Command::Print(text)) => written(io::stdout().write_all(text.as_bytes()).map(|()| 0)),
        Err(error) => {
            eprint!("hb: {error}\n\n{HELP}");
            ExitCode::from(USAGE)
        }
    }
}

enum Command {
    Demo { cuts: u32 },
    Check { directory: Option<PathBuf> },
    Status { run_dir: PathBuf, json: bool },
    Print(&'static str),
}

fn command(words: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut words = Parser::from_args(words);
    let mut command = match words.next()? {
        Some(Arg::Value(word)) if word == "demo" => Command::Demo { cuts: demo::CUTS },
        Some(Arg::Value(word)) if word == "check" => Command::Check { directory: None },
        Some(Arg::Value(word)) if word == "status" => Command::Status { run_dir: "/run".into(), json: false },
        Some(Arg::Value(word)) => return Err(format!("there is no command {}", word.display()).into()),
        Some(Arg::Long("version")) => return Ok(Command::Print(concat!("hb ", env!("CARGO_PKG_VERSION"), "\n"))),
        Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Print(HELP)),
        Some(other) => return Err(other.unexpected()),
        None => return Err("a command is missing".into()),
    };
    while let Some(word) = words.next()? {
        match (word, &mut command) {
            (Arg::Short('h') | Arg::Long("help"), _) => return Ok(Command::Print(HELP)),
            (Arg::Long("cuts"), Command::Demo { cuts }) => *cuts = words.value()?.parse()?,
            (Arg::Long("json"), Command::Status { json, .. }) => *json = true,
            (Arg::Long("run-dir"), Command::Status { run_dir, .. }) => *run_dir = words.value()?.into(),
            (Arg::Value(word), Command::Check { directory }) if directory.is_none() => *directory = Some(word.into()),
            (other, _) => return Err(other.unexpected()),
        }
    }
    Ok(command)
}

fn check(directory: &Path) -> ExitCode {
    if directory.is_file() {
        eprintln!(
            "hb: {} is a file: name the directory that holds ha.cf, authkeys and haresources",
            directory.display()
        );
        return ExitCode::from(USAGE);
    }
    let mut report = Vec::new();
    let checked = config::check_report(directory, &mut report);
    let report = String::from_utf8_lossy(&report);
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let report = if wanted && io::stdout().is_terminal() { coloured(&report) } else { report.into_owned() };
    written(checked.and_then(|code| io::stdout().write_all(report.as_bytes()).map(|()| code)))
}

/// The exit code when no daemon runs, as the init scripts of Linux have it.
const NOT_RUNNING: u8 = 3;

fn show_status(run_dir: &Path, json: bool) -> ExitCode {
    let socket = run_dir.join(status::NAME);
    match (status::ask(&socket), probe(&run_dir.join("heartbeat.pid"))) {
        (Ok(answer), _) if json && answer.json.is_empty() => {
            eprintln!(
                "hb: the daemon that runs is of an earlier version, until it is restarted, or has more nodes and links than one answer can hold"
            );
            ExitCode::FAILURE
        }
        (Ok(answer), _) => {
            let text = if json { &answer.json } else { &answer.text };
            written(io::stdout().write_all(text.as_bytes()).map(|()| 0))
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
            eprintln!("hb: heartbeat [pid {pid}] runs and does not answer at {}: {error}; {help}", socket.display());
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
        eprintln!("hb: {error}");
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
    fn a_command_line_without_sense_is_refused() {
        for words in [
            &["demo", "--cuts", "many"][..],
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
