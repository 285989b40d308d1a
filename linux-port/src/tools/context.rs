//! The surroundings of every tool: options, environment, and the name by which it was called.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::log::ScriptLog;
use crate::{control, fifo};

/// The surroundings of a tool.
#[derive(Debug)]
pub struct Context {
    /// The tool's path, as a shell script has it in `$0`.
    pub program: String,
    /// `--config-dir`, else `HA_DIR`, else `/etc/ha.d`.
    pub config_dir: PathBuf,
    /// The daemon's FIFO: in `--state-dir`, else `HA_FIFO`, else `/var/lib/heartbeat/fifo`.
    pub fifo: PathBuf,
    /// The socket that answers orders: in `--run-dir`, else `HA_RUN_DIR`, else `/run`. `None` if only the FIFO of another
    /// daemon was named.
    pub control: Option<PathBuf>,
    /// The exit code for an order that the daemon refuses: 0 under the names of 3.0.6, and 1 under `hb`.
    pub refused: u8,
    pub(super) log: ScriptLog,
}

impl Context {
    /// Reads the options, which may stand before and after the other words, and the environment. Returns the other
    /// words.
    ///
    /// # Errors
    /// The text for standard error when an option has no value, or `--run-dir` stands without `--state-dir`.
    pub fn new(program: &OsStr, arguments: impl IntoIterator<Item = OsString>) -> Result<(Self, Vec<String>), String> {
        let program = invoked(program);
        let mut config_dir = variable("HA_DIR").map_or_else(|| PathBuf::from("/etc/ha.d"), PathBuf::from);
        let usual = Path::new("/var/lib/heartbeat").join(fifo::NAME);
        let mut fifo = variable("HA_FIFO").map_or_else(|| usual.clone(), PathBuf::from);
        let mut run_dir = variable("HA_RUN_DIR").map(PathBuf::from);
        let mut arguments = arguments.into_iter().map(|word| word.to_string_lossy().into_owned());
        let mut words = Vec::new();
        let (mut has_state_dir, mut has_run_dir) = (false, false);
        while let Some(option) = arguments.next() {
            if !is_ours(&option) {
                words.push(option);
                continue;
            }
            let (name, value) =
                option.split_once('=').map_or((option.as_str(), None), |(n, v)| (n, Some(v.to_owned())));
            let value = value.or_else(|| arguments.next());
            let value = value.ok_or_else(|| format!("{program}: option '{name}' requires an argument\n"))?;
            match name {
                CONFIG_DIR => config_dir = value.into(),
                STATE_DIR => {
                    has_state_dir = true;
                    fifo = Path::new(&value).join(fifo::NAME);
                }
                _ => {
                    has_run_dir = true;
                    run_dir = Some(value.into());
                }
            }
        }
        if has_run_dir && !has_state_dir {
            return Err(format!(
                "{program}: --run-dir names a node whose FIFO is elsewhere: give its --state-dir too\n"
            ));
        }
        let run_dir = run_dir.or_else(|| (fifo == usual).then(|| PathBuf::from("/run")));
        let log = ScriptLog::from_env(Path::new(&program));
        let control = run_dir.map(|dir| dir.join(control::NAME));
        Ok((Self { program, config_dir, fifo, control, refused: 0, log }, words))
    }

    /// The name of this node: `HA_CURHOST`, else the name that the daemon would use.
    pub(super) fn local_name(&self) -> String {
        let named = variable("HA_CURHOST").map(|name| name.to_string_lossy().into_owned());
        named.unwrap_or_else(|| crate::config::Sources::read(&self.config_dir).local_name().to_owned())
    }
}

const CONFIG_DIR: &str = "--config-dir";
const STATE_DIR: &str = "--state-dir";
const RUN_DIR: &str = "--run-dir";

/// The text about the options in usage.
pub(super) const OPTIONS: &str =
    "options, before or after the word: --config-dir DIR  --state-dir DIR (where the FIFO is)  --run-dir DIR\n";

fn is_ours(word: &str) -> bool {
    [CONFIG_DIR, STATE_DIR, RUN_DIR].contains(&word.split('=').next().unwrap_or_default())
}

/// A variable that is set and not empty.
pub(super) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// A script gets its path even when the shell found it along `PATH`; a program does not.
fn invoked(name: &OsStr) -> String {
    let bare = !name.as_encoded_bytes().contains(&b'/');
    let path = variable("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|dir| dir.join(name)).find(|path| bare && path.is_file());
    found.as_deref().map_or_else(|| name.to_string_lossy(), Path::to_string_lossy).into_owned()
}
