//! The daemon `heartbeat`: same options, same files, same exit codes as that of Linux-HA Heartbeat 3.0.6.
#![forbid(unsafe_code)]

use hbcore_linux::cli::{self, Action, Answer, HELP, Options, VERSION_OF_REFERENCE};
use hbcore_linux::config::{self, EXIT_CONFIGURATION, Loaded};
use hbcore_linux::driver::{Reread, Rereader};
use hbcore_linux::log::{EarlyLog, Level, LogConfig};
use hbcore_linux::site::{Site, key_table};
use hbcore_linux::start::{host_name, start};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next().map_or_else(|| "heartbeat".to_owned(), |a| a.to_string_lossy().into_owned());
    match cli::parse(&program, arguments) {
        Ok(options) => ExitCode::from(act(&options)),
        Err(error) => {
            eprint!("{}", error.message);
            ExitCode::from(cli::UsageError::EXIT_CODE)
        }
    }
}

fn act(options: &Options) -> u8 {
    let pid_file = options.pid_file();
    match options.action {
        Action::Help => print(HELP),
        Action::Version => print(concat!("hbcore heartbeat ", env!("CARGO_PKG_VERSION"), "\n")),
        Action::ReferenceVersion => print(&format!("{VERSION_OF_REFERENCE}\n")),
        Action::Defaults => print(&config::dump_defaults(options.wiki)),
        Action::Stop => answer(&cli::stop(&pid_file)),
        Action::Status => {
            let sources = config::Sources::read(&options.config_dir);
            answer(&cli::status(&pid_file, &host_name(), sources.local_name()))
        }
        Action::Check => config::check_report(&options.config_dir, &mut io::stdout().lock()).unwrap_or(1),
        Action::Reload => match cli::reload(&pid_file) {
            _ if !good(options) => EXIT_CONFIGURATION,
            Some(reply) => answer(&reply),
            None => run(options),
        },
        Action::Start | Action::Resume(_) => run(options),
    }
}

fn print(text: &str) -> u8 {
    u8::from(io::stdout().write_all(text.as_bytes()).is_err())
}

fn answer(answer: &Answer) -> u8 {
    eprint!("{}", answer.stderr);
    match print(&answer.stdout) {
        0 => answer.code,
        failed => failed,
    }
}

/// Whether the files are fit to be read by the running daemon; if not, says why.
fn good(options: &Options) -> bool {
    let loaded = config::load(&options.config_dir);
    let _ = config::render(&loaded, &mut io::stderr().lock());
    loaded.configuration.is_some()
}

fn run(options: &Options) -> u8 {
    let loaded = config::load(&options.config_dir);
    let _ = config::render(&loaded, &mut io::stderr().lock());
    let Loaded { configuration: Some(configuration), .. } = loaded else {
        return EXIT_CONFIGURATION;
    };
    let site = Site::new(*configuration, &options.config_dir);
    if options.dump {
        print(&config::dump_effective(&site.ha_cf, &site.local_name, |_| "init".to_owned()));
    }
    let mut log = EarlyLog::new(LogConfig::early(&host_name()));
    log.log(Level::Info, format_args!("Configuration validated. Starting heartbeat {}", env!("CARGO_PKG_VERSION")));
    drop(log);
    let rereader = rereader(&options.config_dir);
    start(site, options, rereader)
}

/// What `SIGHUP` reads: `authkeys`, if it changed since it was read last.
fn rereader(dir: &Path) -> Rereader {
    let dir = dir.to_owned();
    let seen = Mutex::new(modified(&dir));
    Arc::new(move || {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = modified(&dir);
        if *seen == now {
            return Reread::Unchanged;
        }
        let loaded = config::load(&dir);
        match &loaded.configuration {
            Some(configuration) => {
                *seen = now;
                Reread::Keys(Box::new(key_table(&configuration.keys)))
            }
            None => Reread::Refused(loaded.findings.first().map(|f| f.message.clone()).unwrap_or_default()),
        }
    })
}

fn modified(dir: &Path) -> Option<SystemTime> {
    std::fs::metadata(dir.join("authkeys")).and_then(|m| m.modified()).ok()
}
