//! Running the scripts that start and stop services: found where 3.0.6 finds them, called as it calls them (resources
//! reference 3), but with a time limit, and with nothing of the daemon leaking into them.
//!
//! Everything here waits for processes: it belongs on worker threads, see [`crate::jobs`].

mod environment;
mod output;
mod owned;
mod run;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use environment::Environment;
pub use output::{LINE_CAPACITY, LINES_PER_RUN};
pub use owned::{Answer, StatusText};
pub use run::{Cancel, Report, run};

/// How a script is to be called.
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
    /// How long it may take before its process group gets TERM.
    pub limit: Duration,
    /// How long after TERM the process group gets KILL.
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

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// This signal killed it, without our doing.
    Signal(i32),
    /// It ran into its time limit and has been terminated.
    TimedOut,
    /// The daemon wanted it gone and has terminated it.
    Cancelled,
}

impl Exit {
    /// Whether the script says that it succeeded.
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

/// Why a script did not run at all.
#[derive(Debug)]
pub enum ScriptError {
    /// No directory of the search has an executable regular file of that name.
    NotFound {
        /// The name that was looked for.
        name: String,
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
            Self::Start { program, source } => write!(f, "Cannot run {}: {source}", program.display()),
        }
    }
}

impl std::error::Error for ScriptError {}

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
    /// [`ScriptError::NotFound`], also for a name that would lead out of the directories.
    pub fn locate(&self, name: &str) -> Result<PathBuf, ScriptError> {
        let inside = !name.is_empty() && !name.starts_with('/') && !name.split('/').any(|part| part == "..");
        let mut found = self.directories.iter().map(|dir| dir.join(name)).filter(|_| inside);
        found.find(|path| is_executable(path)).ok_or_else(|| ScriptError::NotFound { name: name.to_owned() })
    }
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
