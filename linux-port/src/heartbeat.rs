//! The program `heartbeat`: the options, files and exit codes of Linux-HA Heartbeat 3.0.6.

use crate::abandon::{Claimed, abandon, clear_after_crash};
use crate::cli::{self, Action, Answer, HELP, Options, REFERENCE, VERSION_OF_REFERENCE};
use crate::config::{self, EXIT_NOT_PERMITTED, Loaded};
use crate::driver::{Next, Reread, Rereader};
use crate::leftovers;
use crate::log::{EarlyLog, Level, Logger, Stderr};
use crate::rehearsal::Running as Rehearser;
use crate::resources::{Handover, Predecessor};
use crate::respawn::{AS_CLIENT, as_client};
use crate::site::{Site, log_config};
use crate::start::{await_alone, off_this_stack, start};
use crate::state::{Guard, Running, await_killed, probe};
use crate::status;
use crate::sys::host_name;
use crate::sys::memory;
use crate::sys::signal::{self, DAEMON_SIGNALS, Signals};
use crate::terminal::complain;
use hbcore::config::Severity;
use hbcore::takeover::Holds;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The longest time to wait for the answer of a daemon that may run.
const PATIENCE: Duration = Duration::from_secs(1);

/// Carries out a command line, whose first word is the program's name, and returns the exit code
/// (docs/protocol/files.md 15.2). Without another word it starts the daemon.
#[cold]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    signal::ignore_file_size_limit();
    let mut arguments = arguments.into_iter();
    let program = arguments.next().map_or_else(|| "heartbeat".to_owned(), |a| a.to_string_lossy().into_owned());
    let mut arguments = arguments.peekable();
    if arguments.next_if(|word| word == AS_CLIENT).is_some() {
        return ExitCode::from(as_client(arguments));
    }
    match cli::parse(&program, arguments) {
        Ok(options) => ExitCode::from(act(&options)),
        Err(error) => {
            complain(format_args!("{}", error.message.trim_end()));
            ExitCode::from(cli::UsageError::EXIT_CODE)
        }
    }
}

#[cold]
fn act(options: &Options) -> u8 {
    let pid_file = options.pid_file();
    match options.action {
        Action::Help => print(HELP),
        Action::Version => print(concat!("hbcore heartbeat ", env!("CARGO_PKG_VERSION"), "\n")),
        Action::ReferenceVersion => print(&format!("{VERSION_OF_REFERENCE}\n")),
        Action::Defaults => print(&config::dump_defaults(options.wiki)),
        Action::Stop => answer(&cli::stop(&pid_file, &options.run_dir.join(status::NAME))),
        Action::Status => {
            let sources = config::Sources::read(&options.config_dir);
            answer(&cli::status(&pid_file, &host_name(), sources.local_name()))
        }
        Action::Check => config::check_report(&options.config_dir, &mut io::stdout().lock()).unwrap_or(1),
        Action::Reload => reload(options),
        Action::Start => run(options),
        Action::Resume(held) => match cli::held_by_this_process(&pid_file) {
            Ok(()) => go_on(options, held),
            Err(reply) => answer(&reply),
        },
    }
}

fn print(text: &str) -> u8 {
    u8::from(io::stdout().write_all(text.as_bytes()).is_err())
}

fn answer(answer: &Answer) -> u8 {
    if !answer.stderr.is_empty() {
        complain(format_args!("{}", answer.stderr.trim_end()));
    }
    match print(&answer.stdout) {
        0 => answer.code,
        failed => failed,
    }
}

/// `-r`: checks the files before the running daemon is told to read them. If no daemon runs, it starts one.
#[cold]
fn reload(options: &Options) -> u8 {
    let pid_file = options.pid_file();
    // A daemon that has just been killed can be told nothing: the reload is a start then.
    if let Err(code) = await_end(options) {
        return code;
    }
    let Running::Yes(pid) = probe(&pid_file) else { return run(options) };
    let site = match load(options, &[]) {
        Ok(site) => site,
        Err(code) => {
            complain(format_args!("Config errors: Heartbeat pid {pid} NOT restarted"));
            return if code == EXIT_NOT_PERMITTED { code } else { 1 };
        }
    };
    let mut log = EarlyLog::new(site.log(&host_name(), options.debug, Stderr::Off));
    log.log(Level::Info, format_args!("Signalling heartbeat pid {pid} to reread config files"));
    let socket = options.run_dir.join(status::NAME);
    for line in cli::endings(&options.run_dir, &site.resources) {
        complain(format_args!("heartbeat: warning: {line}"));
    }
    cli::reload(&pid_file, &socket).map_or_else(|| run(options), |reply| answer(&reply))
}

/// Writes the findings into the log as well: at boot nobody reads the standard error.
#[cold]
fn record(loaded: &Loaded<'_>, options: &Options, earlier: &[(Level, String)]) {
    let mut log = EarlyLog::new(log_config(&loaded.logging, &host_name(), options.debug, Stderr::Off));
    for (level, text) in earlier {
        log.log(*level, format_args!("{text}"));
    }
    for finding in &loaded.findings {
        let level = match finding.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warn,
            Severity::Info => Level::Info,
        };
        let place = finding.at.map(|at| format!(" ({}:{}:{})", finding.path.display(), at.line, at.column));
        log.log(level, format_args!("{}{}", finding.message, place.unwrap_or_default()));
    }
    for line in loaded.closing_lines() {
        log.log(Level::Error, format_args!("{line}"));
    }
    if let Some(configuration) = &loaded.configuration {
        if configuration.ha_cf.pacemaker.mode.uses_haresources() {
            log.log(Level::Info, format_args!("Pacemaker support: off"));
        }
        log.log(Level::Info, format_args!("Configuration validated. Starting heartbeat {REFERENCE}"));
    }
}

/// Reads the configuration and reports its faults, after the lines of `earlier`. Returns the exit code if it cannot be
/// used.
#[cold]
fn load(options: &Options, earlier: &[(Level, String)]) -> Result<Box<Site>, u8> {
    off_this_stack(|| {
        let loaded = config::load(&options.config_dir);
        let _ = config::render(&loaded, &mut io::stderr().lock());
        record(&loaded, options, earlier);
        let code = loaded.exit_code();
        loaded.configuration.map(|c| Box::new(Site::new(*c, &options.config_dir))).ok_or(code)
    })
}

/// `-R`: the groups of the daemon that ran in this process before continue to run.
#[cold]
fn go_on(options: &Options, held: Option<Holds>) -> u8 {
    // A signal may come before the daemon reads signals. It is meant for the daemon, and must not end it.
    let _ = Signals::block(&DAEMON_SIGNALS);
    let (predecessor, cleaned) = match Handover::take(&options.state_dir, held) {
        Ok(Some(handover)) => (Predecessor::Told(Box::new(handover)), Vec::new()),
        Ok(None) => (Predecessor::Classes, Vec::new()),
        Err(unread) => {
            let mut told = vec![(Level::Crit, unread.to_string())];
            told.extend(leftovers::clean_addresses(options));
            (Predecessor::Unread, told)
        }
    };
    memory::spare();
    match load(options, &cleaned) {
        Ok(site) => begin(site, options, predecessor),
        Err(code) => {
            let claimed = Claimed { holds: held.unwrap_or_default(), known: predecessor.told() };
            abandon(&claimed, options, None, "the configuration cannot be used");
            code
        }
    }
}

#[cold]
fn run(options: &Options) -> u8 {
    memory::spare();
    if let Err(code) = await_end(options) {
        return code;
    }
    let guard = Guard::take(&options.pid_file());
    let cleaned = guard.as_ref().map(|_| leftovers::clean_addresses(options)).unwrap_or_default();
    match load(options, &cleaned) {
        Ok(site) => {
            drop(guard);
            begin(site, options, Predecessor::Nobody)
        }
        Err(code) => {
            if guard.is_some() {
                clear_after_crash(options, None, "the configuration cannot be used");
            }
            code
        }
    }
}

/// Waits until a daemon that was killed has ended. Returns the exit code if it does not end.
#[cold]
fn await_end(options: &Options) -> Result<(), u8> {
    let socket = options.run_dir.join(status::NAME);
    let answers = || status::ask_within(&socket, PATIENCE).is_ok();
    await_killed(&options.pid_file(), answers).map_err(|lingers| {
        complain(format_args!("{lingers}"));
        1
    })
}

#[cold]
fn begin(site: Box<Site>, options: &Options, predecessor: Predecessor) -> u8 {
    await_alone();
    if options.dump {
        print(&config::dump_effective(&site.ha_cf, &site.local_name, |_| "init".to_owned()));
    }
    let rereader = rereader(Rehearser { options: options.clone(), media: crate::media::merge_ucast(site.media()) });
    start(site, options, rereader, predecessor)
}

/// The reader for `SIGHUP`: it reads `authkeys` if that changed since it was last read. If another file changed, a new
/// daemon must read it.
fn rereader(running: Rehearser) -> Rereader {
    let seen = Mutex::new(modified(&running.options.config_dir));
    // To read a configuration takes more stack than the calling thread may have.
    Arc::new(move |log| off_this_stack(|| reread(&running, &seen, log)))
}

#[cold]
fn reread(running: &Rehearser, seen: &Mutex<Modified>, log: &Logger) -> Reread {
    let dir = &running.options.config_dir;
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let now = modified(dir);
    if *seen == now {
        return Reread::Unchanged;
    }
    let (keys_changed, others_changed) = (seen[0] != now[0], seen[1..] != now[1..]);
    let loaded = config::load(dir);
    let Some(configuration) = loaded.configuration else {
        let wrong = loaded.findings.iter().find(|f| f.severity == Severity::Error);
        let why = wrong.map(|f| format!("{}: {}", f.path.display(), f.message)).unwrap_or_default();
        return Reread::Refused(format!("The new configuration is wrong: {why}"));
    };
    seen[0] = now[0];
    let keys = match keys_changed.then(|| configuration.keys.table()).transpose() {
        Ok(keys) => keys.map(Box::new),
        Err(error) => return Reread::Refused(format!("The new keys cannot be used: {error:?}")),
    };
    if !others_changed {
        return Reread::Read { keys, next: Next::Same };
    }
    let next = match running.rehearse(&Site::new(*configuration, dir), log) {
        // Here and below the times stay unrecorded: the successor records its own, and if there is no successor after
        // all, the next signal tries again.
        Ok(successor) => Next::Successor(successor),
        Err(refusal) => Next::Refused(refusal.to_string()),
    };
    Reread::Read { keys, next }
}

/// The files of a site. A running daemon can read the first again.
const FILES: [&str; 4] = ["authkeys", "ha.cf", "haresources", "hbcore.cf"];

/// The time of the last change of each file.
type Modified = [Option<SystemTime>; FILES.len()];

fn modified(dir: &Path) -> Modified {
    FILES.map(|name| std::fs::metadata(dir.join(name)).and_then(|m| m.modified()).ok())
}
