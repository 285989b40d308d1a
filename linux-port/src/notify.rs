//! The scripts of `rc.d`, which 3.0.6 runs through `harc` when a message of their name comes
//! (docs/protocol/resources.md 3.1, 3.2).
//!
//! The scripts of the Debian package do the work of the engine: take over from a dead node, answer `ip-request`, go
//! standby for another node's `hb_takeover`. Beside the engine they would start services a second time, so a script
//! with their content is skipped. A site's own script runs as before.

mod stock;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::log::Logger;
use crate::resources::ScriptEnvironment;
use crate::script::{Call, Cancel, Environment, Exit, run};
use crate::sys::fault;
use crate::sys::process::normal_scheduling;

pub use stock::is_stock;

/// Messages that wait for their script. When it is full, a new message is dropped and counted.
pub const QUEUE_CAPACITY: usize = 64;

/// The largest sum of the bytes of names and values in one message. A larger message is dropped and counted: the kernel
/// gives a process little more room for its environment.
pub const FIELDS_MAX: usize = 64 * 1024;

/// Tells the tools that a script calls that the engine does the takeover, so that `mach_down` does not do it too.
pub const ENGINE_VARIABLE: &str = "HA_TAKEOVER_BY_ENGINE";

/// Variables that the daemon sets at times. A message sets none of them even when the daemon does not.
const OURS: [&str; 6] = [ENGINE_VARIABLE, "HA_OSTATUS", "HA_NICEFAILBACK", "HA_DONTASK", "HA_debug", "HA_LOGFACILITY"];

const STACK: usize = 128 * 1024;

/// Runs the scripts one at a time, in the order of the messages, on a thread of its own.
#[derive(Debug)]
pub struct Notifier {
    names: BTreeSet<Vec<u8>>,
    queue: SyncSender<Notice>,
    cancel: Arc<Cancel>,
    dropped: AtomicU64,
}

/// A message that has a script.
#[derive(Debug)]
struct Notice {
    kind: Vec<u8>,
    fields: Vec<(OsString, OsString)>,
}

impl Notifier {
    /// Reads the names in `rc.d` below `config_dir` once, as 3.0.6 does, and starts the thread. A directory that cannot
    /// be read has no scripts. The scripts get the environment of resource scripts and two more variables. `nice`:
    /// false with `auto_failback legacy`.
    ///
    /// # Errors
    /// The system's refusal to make a thread or a descriptor.
    pub fn start(config_dir: &Path, scripts: &ScriptEnvironment, nice: bool, log: &Logger) -> io::Result<Self> {
        let (queue, inbox) = sync_channel(QUEUE_CAPACITY);
        let cancel = Arc::new(Cancel::new()?);
        let names = names(&config_dir.join("rc.d"));
        let mut environment = Environment::clone(&scripts.environment);
        environment.set("HA_OSTATUS", "active");
        if nice {
            environment.set("HA_NICEFAILBACK", "yes");
        }
        let scripts = ScriptEnvironment { environment: Arc::new(environment), ..scripts.clone() };
        let worker =
            Worker { config_dir: config_dir.to_owned(), scripts, log: log.clone(), cancel: Arc::clone(&cancel) };
        fault::gate(fault::Call::Thread, "notify")?;
        thread::Builder::new().name("notify".to_owned()).stack_size(STACK).spawn(move || worker.run(&inbox))?;
        Ok(Self { names, queue, cancel, dropped: AtomicU64::new(0) })
    }

    /// Queues a message for its script: its type and its fields of type string. Never waits. A type without a script
    /// costs a look-up in the names and nothing else.
    pub fn notify<'a>(&self, kind: &[u8], fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) {
        let kind = kind.to_ascii_lowercase();
        if !self.names.contains(&kind) {
            return;
        }
        let taken = variables(fields).map(|fields| self.queue.try_send(Notice { kind, fields }).is_ok());
        if taken != Some(true) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Messages that were dropped because [`QUEUE_CAPACITY`] others waited, or because they were larger than
    /// [`FIELDS_MAX`].
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Terminates the running script, and every later one as soon as it starts. For the end of the daemon.
    pub fn cancel(&self) {
        self.cancel.give();
    }
}

/// The variables for fields: `HA_` and the name, in its own spelling. `None` if they are too large.
fn variables<'a>(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Option<Vec<(OsString, OsString)>> {
    let mut room = FIELDS_MAX;
    let mut variables = Vec::new();
    for (name, value) in fields {
        room = room.checked_sub(name.len())?.checked_sub(value.len())?;
        let mut variable = OsString::from("HA_");
        variable.push(OsStr::from_bytes(name));
        variables.push((variable, OsStr::from_bytes(value).to_owned()));
    }
    Some(variables)
}

/// Whether a variable belongs to the daemon, so that no field of a message may set it. That includes every name without
/// a small letter after `HA_`: the shell functions of 3.0.6 take directories and programs from many such names if they
/// are set (`HA_SBIN_DIR`, `HA_CF`, ...), and no field of the protocol is spelled in that way.
fn is_ours(environment: &Environment, name: &OsStr) -> bool {
    let is_of_shell_functions = |name: &str| {
        let letters = name.strip_prefix("HA_").unwrap_or_default();
        !letters.bytes().any(|letter| letter.is_ascii_lowercase())
    };
    name.to_str()
        .is_some_and(|name| environment.get(name).is_some() || OURS.contains(&name) || is_of_shell_functions(name))
}

fn names(directory: &Path) -> BTreeSet<Vec<u8>> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().as_bytes().to_owned()).collect()
}

struct Worker {
    config_dir: PathBuf,
    scripts: ScriptEnvironment,
    log: Logger,
    cancel: Arc<Cancel>,
}

impl Worker {
    fn run(self, inbox: &Receiver<Notice>) {
        // Scripts inherit the scheduling, and one at real-time priority could starve the heartbeat.
        let _ = normal_scheduling();
        while let Ok(notice) = inbox.recv() {
            if !self.cancel.is_given() {
                self.carry_out(notice);
            }
        }
    }

    fn carry_out(&self, Notice { kind, fields }: Notice) {
        let harc = self.config_dir.join("harc");
        let program = self.config_dir.join("rc.d").join(OsStr::from_bytes(&kind));
        if rustix::fs::access(&program, rustix::fs::Access::EXEC_OK).is_err() {
            return self.log.error(format_args!("{}: {}: not executable", harc.display(), program.display()));
        }
        if is_stock(&program) {
            return self.log.debug(1, format_args!("{}: done by the engine", program.display()));
        }
        let call = self.call(program, kind, fields);
        self.log.info(format_args!(
            "Running {} {}",
            call.program.display(),
            call.arguments.join(OsStr::new(" ")).display()
        ));
        match run(&call, &self.log, &self.cancel) {
            Ok(report) if report.exit == Exit::Code(0) => {}
            Ok(report) => self.log.warn(format_args!("{} from {}", report.exit, call.program.display())),
            Err(error) => self.log.error(format_args!("{error}")),
        }
    }

    fn call(&self, program: PathBuf, kind: Vec<u8>, mut fields: Vec<(OsString, OsString)>) -> Call {
        let mut environment = Environment::clone(&self.scripts.environment);
        // A message comes from the network. In 3.0.6 its fields replace the variables of the daemon, so that its sender
        // decides which programs a script of root calls.
        fields.retain(|(name, _)| !is_ours(&environment, name));
        environment.extend(fields);
        environment.set(ENGINE_VARIABLE, "yes");
        Call {
            arguments: vec![std::os::unix::ffi::OsStringExt::from_vec(kind)],
            environment: Arc::new(environment),
            ..self.scripts.call(program)
        }
    }
}
