//! The rehearsal of a reload: before the daemon gives way to its successor, it tries everything that could fail for the
//! successor, while it can still refuse and continue as it is. It runs on a job thread, because it looks at disks,
//! names and programs.

use crate::cli::{self, Options};
use crate::log::Logger;
use crate::media::{self, MediumSpec};
use crate::resources::{ScriptEnvironment, Successor};
use crate::script::{Call, Cancel, Environment, Exit, ScriptError, Search, run};
use crate::site::Site;
use crate::start;
use crate::state::{StateDir, uuid_from_name};
use crate::sys::fault;
use hbcore::id::Generation;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The longest time for the program of the successor to accept the configuration, and then to end when it is told to.
const PATIENCE: Duration = Duration::from_secs(20);
const GRACE: Duration = Duration::from_secs(2);
/// The first words of the successor's `--version`.
const NAME: &str = "hbcore heartbeat ";

/// The reason why there is no reload. The daemon continues as before.
#[derive(Debug)]
pub enum Refusal {
    /// The program cannot be found or executed.
    Program(PathBuf, io::Error),
    /// The program in the place of ours is no daemon of this kind, or ended in this way.
    Stranger(PathBuf),
    /// The program, which may be of another version, does not accept the configuration.
    Check(PathBuf, Exit),
    /// A medium cannot be opened; the text names its line.
    Medium(String),
    /// The engine or the state files refuse; the text says what to do.
    Start(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(path, error) => {
                write!(f, "{} cannot be executed: {error}; install the package again", path.display())
            }
            Self::Stranger(path) => {
                write!(f, "{} is no heartbeat of hbcore; to change to it, stop and start", path.display())
            }
            Self::Check(path, exit) => {
                write!(f, "{} --check: {exit}; its words are in the log", path.display())
            }
            Self::Medium(text) | Self::Start(text) => f.write_str(text),
        }
    }
}

/// The facts about the running daemon that a reload needs.
#[derive(Clone, Debug)]
pub struct Running {
    /// Its options.
    pub options: Options,
    /// The media that it has opened.
    pub media: Vec<MediumSpec>,
}

impl Running {
    /// Tries the steps of a successor with `site`. If it succeeds, the next generation is on disk.
    ///
    /// # Errors
    /// [`Refusal`].
    #[cold]
    pub fn rehearse(&self, site: &Site, log: &Logger) -> Result<Successor, Refusal> {
        let Options { config_dir, state_dir, .. } = &self.options;
        let program = cli::own_program().map_err(|error| Refusal::Program("heartbeat".into(), error))?;
        try_program(&program, config_dir, log)?;
        media::rehearse(site.media(), &self.media).map_err(|error| Refusal::Medium(site.placed(&error)))?;
        let told = |error: &dyn fmt::Display| Refusal::Start(error.to_string());
        let any = Successor { generation: Generation(1), uuid: uuid_from_name(&site.local_name) };
        start::rehearse_engine(site, &self.options, any).map_err(|error| told(&error))?;
        // Last, so that a reload that is refused for another reason uses up no generation.
        start::identity(site, &StateDir::new(state_dir), log).map_err(|error| told(&error))
    }
}

/// Checks whether the program in the place of ours is a heartbeat now that accepts the configuration.
fn try_program(program: &Path, config_dir: &Path, log: &Logger) -> Result<(), Refusal> {
    let refused = |error| Refusal::Program(program.to_owned(), error);
    fault::gate(fault::Call::Exec, "rehearsal").map_err(refused)?;
    rustix::fs::access(program, rustix::fs::Access::EXEC_OK).map_err(|error| refused(error.into()))?;
    let cancel = Cancel::new().map_err(refused)?;
    let environment = ScriptEnvironment {
        search: Search::standard(config_dir),
        environment: Arc::new(Environment::inherited()),
        directory: "/".into(),
        limit: PATIENCE,
    };
    let ask = |arguments: &[&std::ffi::OsStr]| {
        let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
        let call = Call { arguments, grace: GRACE, ..environment.call(program.to_owned()) };
        run(&call, log, &cancel).map_err(|error| match error {
            ScriptError::Start { source, .. } => refused(source),
            ScriptError::NotFound { .. } | ScriptError::NoInterpreter { .. } => refused(io::ErrorKind::NotFound.into()),
            ScriptError::NotExecutable { .. } => refused(io::ErrorKind::PermissionDenied.into()),
        })
    };
    let version = ask(&["--version".as_ref()])?;
    if version.exit != Exit::Code(0) || !version.last_lines.iter().any(|line| line.starts_with(NAME)) {
        return Err(Refusal::Stranger(program.to_owned()));
    }
    let checked = ask(&["--check".as_ref(), config_dir.as_os_str()])?;
    if checked.exit == Exit::Code(0) { Ok(()) } else { Err(Refusal::Check(program.to_owned(), checked.exit)) }
}
