//! The command line of `heartbeat`: the options of 3.0.6 and a few long ones of ours (docs/protocol/files.md 15.1).

mod control;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

use crate::sys::exec;
use hbcore::takeover::Holds;
use lexopt::Arg;

pub use control::{Answer, endings, held_by_this_process, reload, status, stop, stop_and_tell, tell_start};

/// The version of Heartbeat that this program replaces.
pub const REFERENCE: &str = "3.0.6";

/// The output of `-V`. Programs call it to learn whether they deal with a Heartbeat that they know.
pub const VERSION_OF_REFERENCE: &str = "3.0.6 (node: 958e11be8686759f1b99204c17812f2c2633b169)";

/// The text after every complaint about the command line, on standard error.
pub const USAGE: &str = "\nUsage: heartbeat [-dDkMrRsvWlVf] [-C Current-resource-state]\n\t-C only valid with -R\n\t\
                         -r is mutually exclusive with -R\n";

/// The text after that for `-h`, which 3.0.6 does not know either.
pub const LONG_OPTIONS: &str = "\nheartbeat --help explains all options, and those that begin with two dashes:\n\
                                --check [DIR]  --config-dir DIR  --state-dir DIR  --run-dir DIR  --version  --help\n";

/// The output of `--help`.
pub const HELP: &str = "\
heartbeat: tells the other nodes that this one is alive, and takes over when one of them is not

  (none)            start in the background; return when the links are open
  -f                stay in the foreground
  -k                stop the running daemon and wait until it has stopped
  -s                tell whether it runs: exit 0 if it does, 1 or 3 if not
  -r                let it read its configuration again; start it if it does not run
  -d                more debug messages, once for each -d
  -l                no realtime scheduling
  -M                no resource management
  -v                print the configuration in use, then start
  -D [-W]           print the directives and their defaults [as wiki text]
  -V                print the version of Heartbeat that this replaces
  -R [-C STATE]     internal: continue after a restart, claiming STATE (none, local, foreign, all)

  --check [DIR]     check the configuration [in DIR] and exit: 0 if it is good, 6 if not
  --config-dir DIR  instead of /etc/ha.d
  --state-dir DIR   instead of /var/lib/heartbeat
  --run-dir DIR     instead of /run
  --version         print the version of this program
  --help            print this
";

/// The command to carry out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Start the daemon.
    Start,
    /// `-k`
    Stop,
    /// `-s`
    Status,
    /// `-r`
    Reload,
    /// `-R`: continue in the same process after an exec, with the classes of groups that `-C` names.
    Resume(Option<Holds>),
    /// `-D`: print the table of defaults.
    Defaults,
    /// `-V`: print [`VERSION_OF_REFERENCE`].
    ReferenceVersion,
    /// `--version`
    Version,
    /// `--help`: print [`HELP`].
    Help,
    /// `--check`
    Check,
}

/// A command line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent switch of the command line")]
pub struct Options {
    /// The command.
    pub action: Action,
    /// `-f`
    pub foreground: bool,
    /// `-d`, counted; saturates at 255.
    pub debug: u8,
    /// False with `-l`.
    pub realtime: bool,
    /// False with `-M`.
    pub resource_management: bool,
    /// `-v`
    pub dump: bool,
    /// `-W`
    pub wiki: bool,
    /// `--config-dir`
    pub config_dir: PathBuf,
    /// `--state-dir`
    pub state_dir: PathBuf,
    /// `--run-dir`
    pub run_dir: PathBuf,
    /// Errors that do not end the program; like 3.0.6, it logs them and continues.
    pub complaints: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            action: Action::Start,
            foreground: false,
            debug: 0,
            realtime: true,
            resource_management: true,
            dump: false,
            wiki: false,
            config_dir: PathBuf::from("/etc/ha.d"),
            state_dir: PathBuf::from("/var/lib/heartbeat"),
            run_dir: PathBuf::from("/run"),
            complaints: Vec::new(),
        }
    }
}

impl Options {
    /// The pid file.
    pub fn pid_file(&self) -> PathBuf {
        self.run_dir.join("heartbeat.pid")
    }
}

/// A command line that cannot be used: print `message`, exit 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    /// The text for standard error, [`USAGE`] included.
    pub message: String,
}

impl UsageError {
    /// The code to exit with.
    pub const EXIT_CODE: u8 = 2;
}

/// Reads a command line, without the program's name; `program` is that name for messages.
///
/// As in 3.0.6, words that are no options are ignored, `-V` acts where it stands, and of several commands `-D` wins
/// over `-k`, `-k` over `-s`, `-s` over `-R`, and `-R` over `-r`.
///
/// # Errors
/// [`UsageError`] for an unknown option, a missing argument, or `-C` without `-R`.
#[cold]
pub fn parse(program: &str, arguments: impl IntoIterator<Item = OsString>) -> Result<Options, UsageError> {
    let mut reader = Reader { program, ..Reader::default() };
    let mut words = lexopt::Parser::from_args(arguments);
    while reader.immediate.is_none() {
        match words.next() {
            Ok(Some(Arg::Short(letter))) => reader.short(letter, &mut words),
            Ok(Some(Arg::Long(name))) => {
                let name = name.to_owned();
                reader.long(&name, &mut words);
            }
            Ok(Some(Arg::Value(word))) => reader.words.push(word),
            Ok(None) => break,
            Err(error) => reader.complain(&error.to_string()),
        }
    }
    reader.conclude()
}

/// The words and options that have been read so far.
#[derive(Default)]
struct Reader<'a> {
    program: &'a str,
    options: Options,
    /// An option that acts where it stands, whatever words come after it.
    immediate: Option<Action>,
    resume: bool,
    held: Option<String>,
    /// Words that are no options.
    words: Vec<OsString>,
    /// `--config-dir` was given.
    has_config_dir: bool,
    /// `-h` was among the options.
    wants_help: bool,
    message: String,
}

impl Reader<'_> {
    fn short(&mut self, letter: char, words: &mut lexopt::Parser) {
        match letter {
            'C' => match words.value() {
                Ok(value) => self.held = Some(value.to_string_lossy().into_owned()),
                Err(_) => self.complain("option requires an argument -- 'C'"),
            },
            'd' => self.options.debug = self.options.debug.saturating_add(1),
            'D' => self.want(Action::Defaults),
            'f' => self.options.foreground = true,
            'k' => self.want(Action::Stop),
            'l' => self.options.realtime = false,
            'M' => self.options.resource_management = false,
            'r' => self.want(Action::Reload),
            'R' => {
                self.resume = true;
                self.want(Action::Resume(None));
            }
            's' => self.want(Action::Status),
            'v' => self.options.dump = true,
            'V' => self.immediate = Some(Action::ReferenceVersion),
            'W' => self.options.wiki = true,
            unknown => {
                self.wants_help |= unknown == 'h';
                self.complain(&format!("invalid option -- '{unknown}'"));
            }
        }
    }

    fn long(&mut self, name: &str, words: &mut lexopt::Parser) {
        let directory = match name {
            "check" => return self.want(Action::Check),
            "help" => return self.immediate = Some(Action::Help),
            "version" => return self.immediate = Some(Action::Version),
            "config-dir" => {
                self.has_config_dir = true;
                &mut self.options.config_dir
            }
            "state-dir" => &mut self.options.state_dir,
            "run-dir" => &mut self.options.run_dir,
            unknown => {
                // A value after `=` belongs to the unknown option.
                let _ = words.optional_value();
                return self.complain(&format!("unrecognized option '--{unknown}'"));
            }
        };
        match words.value() {
            Ok(value) => *directory = absolute(value),
            Err(_) => self.complain(&format!("option '--{name}' requires an argument")),
        }
    }

    /// `--check` takes the directory as a word too, as `hb check` does. Other commands ignore words.
    fn directory_to_check(&mut self) {
        if self.options.action != Action::Check {
            return;
        }
        match std::mem::take(&mut self.words).as_slice() {
            [] => {}
            [directory] if !self.has_config_dir => self.options.config_dir = absolute(directory.clone()),
            [.., word] => self.complain(&format!("--check takes one directory: '{}' is too much", word.display())),
        }
    }

    /// Adds a command. Of several, the one that wins in 3.0.6 stays.
    fn want(&mut self, action: Action) {
        if rank(action) > rank(self.options.action) {
            self.options.action = action;
        }
    }

    fn complain(&mut self, what: &str) {
        for part in [self.program, ": ", what, "\n"] {
            self.message.push_str(part);
        }
    }

    fn conclude(mut self) -> Result<Options, UsageError> {
        if let Some(action) = self.immediate {
            return Ok(Options { action, ..self.options });
        }
        self.directory_to_check();
        let held = self.held.as_deref().map(|word| Holds::parse(word.as_bytes()));
        if let (Some(None), Some(word)) = (held, &self.held) {
            self.options.complaints.push(format!("encode_resources: bad resource type [{word}]"));
        }
        if !self.message.is_empty() || (self.held.is_some() && !self.resume) {
            let complaints = self.options.complaints.iter().map(|text| format!("ERROR: {text}\n"));
            let long = if self.wants_help { LONG_OPTIONS } else { "" };
            let message = complaints.chain([self.message, USAGE.to_owned(), long.to_owned()]).collect();
            return Err(UsageError { message });
        }
        if let Action::Resume(_) = self.options.action {
            self.options.action = Action::Resume(held.flatten());
        }
        Ok(self.options)
    }
}

impl Options {
    /// Replaces this process by a new daemon with these options, which continues to run the groups that run now. It
    /// returns only if the system refuses, and this process is then as before.
    pub fn exec_again(&self, held: Holds) -> io::Error {
        let program = match own_program() {
            Ok(program) => program,
            Err(error) => return error,
        };
        let directories =
            [("--config-dir", &self.config_dir), ("--state-dir", &self.state_dir), ("--run-dir", &self.run_dir)];
        let mut words: Vec<&OsStr> =
            directories.into_iter().flat_map(|(option, path)| [OsStr::new(option), path.as_os_str()]).collect();
        words.extend((0..self.debug).map(|_| OsStr::new("-d")));
        let switches = [(!self.realtime, "-l"), (!self.resource_management, "-M"), (self.foreground, "-f")];
        words.extend(switches.into_iter().filter(|(given, _)| *given).map(|(_, switch)| OsStr::new(switch)));
        words.extend(["-R", "-C", held.as_str()].map(OsStr::new));
        exec::replace(&program, words, "successor")
    }
}

/// The program that this process was started from. It is looked up anew, so that an upgrade takes effect.
///
/// # Errors
/// `/proc` cannot tell.
pub fn own_program() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let name = program.to_string_lossy();
    Ok(PathBuf::from(name.strip_suffix(" (deleted)").unwrap_or(&name)))
}

/// Makes a path absolute, because the daemon changes its directory before it uses its own paths.
#[cold]
fn absolute(path: OsString) -> PathBuf {
    std::path::absolute(&path).unwrap_or_else(|_| PathBuf::from(path))
}

/// The rank of a command. Of several commands the one with the highest rank wins.
const fn rank(action: Action) -> u8 {
    match action {
        Action::Start => 0,
        Action::Reload => 1,
        Action::Resume(_) => 2,
        Action::Status => 3,
        Action::Stop => 4,
        Action::Check => 5,
        Action::Defaults => 6,
        Action::ReferenceVersion | Action::Version | Action::Help => 7,
    }
}
