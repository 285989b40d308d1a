//! Running the scripts that start and stop services: found where 3.0.6 finds them, called as it calls them
//! (docs/protocol/resources.md 3), but with a time limit, and without any descriptor or signal mask of the daemon.
//!
//! Everything here waits for processes: it belongs on the worker threads of the module `jobs`.

mod environment;
mod output;
mod owned;
mod run;

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use environment::Environment;
pub use output::{LINE_CAPACITY, LINES_PER_RUN};
pub use owned::{Answer, StatusText};
pub use run::{Cancel, Report, run};

/// The call of a script.
#[derive(Debug, Clone)]
pub struct Call {
    /// The executable file.
    pub program: PathBuf,
    /// Its arguments; the operation is the last one.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub environment: Arc<Environment>,
    /// Its working directory, made if it is missing. If that fails too, the log says so, and it is `/`.
    pub directory: PathBuf,
    /// The time until its process group gets TERM.
    pub limit: Duration,
    /// The time from TERM until the process group gets KILL.
    pub grace: Duration,
}

impl Call {
    /// The name that log lines use: the file's name.
    pub fn name(&self) -> String {
        self.program.file_name().unwrap_or(self.program.as_os_str()).to_string_lossy().into_owned()
    }

    /// The line in which 3.0.6 announces a call: `Running PATH ARGS OP`, with two blanks if there are no arguments.
    pub fn announcement(&self) -> String {
        let (operation, arguments) = self.arguments.split_last().map_or((None, &[][..]), |(o, rest)| (Some(o), rest));
        let arguments: Vec<_> = arguments.iter().map(|a| a.to_string_lossy()).collect();
        let operation = operation.map(|o| o.to_string_lossy()).unwrap_or_default();
        format!("Running {} {} {operation}", self.program.display(), arguments.join(" "))
    }
}

/// The end of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// This signal killed it, and the daemon did not send it.
    Signal(i32),
    /// It ran into its time limit and has been terminated.
    TimedOut,
    /// The daemon terminated it, because it wanted to end.
    Cancelled,
}

impl Exit {
    /// Whether the exit code means success.
    pub const fn success(self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "Return code {code}"),
            Self::Signal(number) => write!(f, "Killed by signal {number}"),
            Self::TimedOut => f.write_str("Time limit exceeded, terminated"),
            Self::Cancelled => f.write_str("Terminated on request"),
        }
    }
}

/// The reason why a script did not run at all.
#[derive(Debug)]
pub enum ScriptError {
    /// No directory of the search has a file of that name.
    NotFound {
        /// The name that was looked up.
        name: String,
    },
    /// There is a file of that name, and it is no executable regular file.
    NotExecutable {
        /// The name that was looked up.
        name: String,
        /// The file.
        program: PathBuf,
    },
    /// The interpreter in its first line does not exist, or the loader of a program does not.
    NoInterpreter {
        /// The file.
        program: PathBuf,
        /// The interpreter in its first line, if it names one.
        interpreter: Option<String>,
    },
    /// The system could not start it.
    Start {
        /// The file.
        program: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { name } => write!(f, "Cannot locate resource script {name}"),
            Self::NotExecutable { name, program } => {
                write!(f, "Cannot locate resource script {name}: {} is not executable", program.display())
            }
            Self::NoInterpreter { program, interpreter } => {
                let (program, interpreter) = (program.display(), interpreter.as_deref().unwrap_or("program"));
                write!(f, "Cannot run {program}: its interpreter {interpreter} does not exist")
            }
            Self::Start { program, source } => write!(f, "Cannot run {}: {source}", program.display()),
        }
    }
}

impl std::error::Error for ScriptError {}

impl ScriptError {
    /// Whether the files of the script are the cause, as while its package is being upgraded. Otherwise the system
    /// refused a process.
    pub fn is_of_its_files(&self) -> bool {
        match self {
            Self::NotFound { .. } | Self::NotExecutable { .. } | Self::NoInterpreter { .. } => true,
            Self::Start { source, .. } => {
                let of_files =
                    [io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied, io::ErrorKind::ExecutableFileBusy];
                of_files.contains(&source.kind())
            }
        }
    }
}

/// The directories in which resource scripts are looked for, in order.
#[derive(Debug, Clone)]
pub struct Search {
    directories: Vec<PathBuf>,
}

impl Search {
    /// `resource.d` in `config_dir`, then `/etc/init.d`.
    pub fn standard(config_dir: &Path) -> Self {
        Self::new(vec![config_dir.join("resource.d"), PathBuf::from("/etc/init.d")])
    }

    /// These directories.
    pub fn new(directories: Vec<PathBuf>) -> Self {
        Self { directories }
    }

    /// The first executable regular file called `name`.
    ///
    /// # Errors
    /// [`ScriptError::NotFound`], also for a name that would lead out of the directories;
    /// [`ScriptError::NotExecutable`].
    pub fn locate(&self, name: &str) -> Result<PathBuf, ScriptError> {
        let inside = !name.is_empty() && !name.starts_with('/') && !name.split('/').any(|part| part == "..");
        let files = || self.directories.iter().map(|dir| dir.join(name)).filter(|_| inside);
        let missing = || match files().find(|path| path.is_file()) {
            Some(program) => ScriptError::NotExecutable { name: name.to_owned(), program },
            None => ScriptError::NotFound { name: name.to_owned() },
        };
        files().find(|path| is_executable(path)).ok_or_else(missing)
    }

    /// Checks whether a script of this name could run: it exists, and so does its interpreter.
    ///
    /// # Errors
    /// [`ScriptError::NotFound`], [`ScriptError::NotExecutable`], [`ScriptError::NoInterpreter`].
    pub fn check(&self, name: &str) -> Result<(), ScriptError> {
        let program = self.locate(name)?;
        match interpreter(&program) {
            Some(interpreter) if !is_executable(Path::new(&interpreter)) => {
                Err(ScriptError::NoInterpreter { program, interpreter: Some(interpreter) })
            }
            _ => Ok(()),
        }
    }
}

/// The interpreter in the first line of a script; `None` for a file that is no such script, or cannot be read.
pub(crate) fn interpreter(program: &Path) -> Option<String> {
    let mut first = [0; 256];
    let len = File::open(program).and_then(|mut file| file.read(&mut first)).ok()?;
    let line = first.get(..len)?.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    String::from_utf8_lossy(line).split_whitespace().next().map(str::to_owned)
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
