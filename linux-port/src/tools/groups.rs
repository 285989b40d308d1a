//! The groups of `haresources`, as the tools look them up, start and stop them.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use hbcore::config::{AddressTakeover, File, Group, HaResources, HbcoreCf, Problems, Resource};
use hbcore::id::GroupId;
use hbcore::takeover::{Effect, Outcome, Ticket};
use rustix::event::{PollFd, PollFlags, poll};

use super::Context;
use super::context::variable;
use crate::address::Addresses;
use crate::jobs::Afterwards;
use crate::log::{EarlyLog, Logger};
use crate::problems::Board;
use crate::resources::{Plan, Resources, SCRIPT_LIMIT, ScriptEnvironment};
use crate::script::{Answer, Call, Cancel, Environment, Search, run};
use crate::site::HELPERS;

/// The longest time to wait at the end until the log is written.
const FLUSH: Duration = Duration::from_secs(2);

/// The operation on a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Take,
    Give,
}

/// The groups of the site, read once.
pub(super) struct Groups<'c> {
    context: &'c Context,
    resources: HaResources<'static>,
    scripts: ScriptEnvironment,
    builtin: bool,
}

impl<'c> Groups<'c> {
    /// Reads `haresources` and `hbcore.cf`. A missing file counts as empty.
    pub(super) fn read(context: &'c Context) -> Self {
        let file = |file: File| fs::read(context.config_dir.join(file.name())).unwrap_or_default();
        let text = file(File::HbcoreCf);
        let extensions = *HbcoreCf::parse(&text, &mut Problems::<1>::new()).partial();
        Self {
            context,
            // Leaked, because a tool reads the file once and ends.
            resources: HaResources::read(Vec::leak(file(File::HaResources))),
            scripts: scripts(context, extensions.script_timeout.unwrap_or(SCRIPT_LIMIT)),
            builtin: extensions.address_takeover == AddressTakeover::Builtin,
        }
    }

    /// The groups in the order of the file.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Group<'static>> {
        self.resources.groups.iter()
    }

    /// The group of this key: its first resource, or else any of its resources. Unlike in 3.0.6, a dot stands for
    /// itself, and groups that share a resource are not merged.
    pub(super) fn find(&self, key: &str) -> Option<&Group<'static>> {
        let by_key = self.iter().find(|group| group.key().is_some_and(|first| first.word == key));
        by_key.or_else(|| self.iter().find(|group| group.resources().any(|resource| resource.word == key)))
    }

    /// Whether one resource, as it is written in `haresources`, runs here. A missing script is reported, and counts as
    /// no.
    pub(super) fn owns(&self, word: &str) -> bool {
        let text = format!("node {word}");
        let alone = HaResources::read(text.as_bytes());
        let Some(group) = alone.groups.first() else { return false };
        let plan = Plan::new(group, self.builtin, &self.scripts);
        if let Some(spec) = plan.addresses().next() {
            return Addresses::open().and_then(|mut addresses| addresses.status(spec)).is_ok_and(|held| held.is_some());
        }
        let resource = group.key();
        let script = resource.map_or("", |resource| resource.script());
        let Ok(program) = self.scripts.search.locate(script) else {
            self.context.log.line(format_args!("ERROR: Cannot locate resource script {script}"));
            return false;
        };
        let arguments = resource.iter().flat_map(Resource::args).chain(["status"]);
        self.status(program, arguments.map(Into::into).collect()).unwrap_or(false)
    }

    /// Whether it is an address that the daemon itself brings up and removes.
    pub(super) fn is_builtin(&self, word: &str) -> bool {
        let text = format!("node {word}");
        let alone = HaResources::read(text.as_bytes());
        alone.groups.first().is_some_and(|g| Plan::new(g, self.builtin, &self.scripts).addresses().next().is_some())
    }

    fn status(&self, program: std::path::PathBuf, arguments: Vec<std::ffi::OsString>) -> io::Result<bool> {
        let call = Call { arguments, ..self.scripts.call(program) };
        let log = self.logger()?;
        let report = run(&call, &log, &Cancel::new()?).map_err(io::Error::other)?;
        log.flush(FLUSH);
        Ok(report.answer == Answer::Running)
    }

    /// Starts or stops a group as the daemon does. Returns false if it could not; only the log has the reason, as in
    /// 3.0.6.
    pub(super) fn carry_out(&self, verb: Verb, group: &Group<'_>) -> bool {
        self.work(verb, group).unwrap_or_else(|error| {
            self.context.log.line(format_args!("ERROR: {error}"));
            false
        })
    }

    fn work(&self, verb: Verb, group: &Group<'_>) -> io::Result<bool> {
        let log = self.logger()?;
        let doing = if verb == Verb::Take { "Acquiring" } else { "Releasing" };
        let node = group.node.to_lowercase();
        log.info(format_args!("{doing} resource group: {node} {}", words(group).trim_end()));
        let plan = Plan::new(group, self.builtin, &self.scripts);
        // The daemon, or another call of this tool, may have started it.
        plan.assume_started();
        let mut resources = Resources::start(vec![plan], 0, None, &log, &Board::default())?;
        let group = GroupId(0);
        let effect = if verb == Verb::Take { Effect::Acquire(group) } else { Effect::Release(group) };
        resources.begin(Ticket::from_raw(0), effect, Afterwards::Ends);
        let outcome = loop {
            if let Some((_, outcome)) = resources.finished() {
                break outcome;
            }
            await_any(&resources.descriptors())?;
        };
        log.flush(FLUSH);
        Ok(outcome == Outcome::Done)
    }

    fn logger(&self) -> io::Result<Logger> {
        EarlyLog::new(self.context.log.destinations()).start()
    }
}

/// The resources of a group, each with a blank after it, as 3.0.6 prints them.
pub(super) fn words(group: &Group<'_>) -> String {
    group.resources().flat_map(|resource| [resource.word, " "]).collect()
}

fn await_any(descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut fds: Vec<_> = descriptors.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    match poll(&mut fds, None) {
        Err(rustix::io::Errno::INTR) => Ok(()),
        ready => Ok(ready.map(drop)?),
    }
}

/// The environment that the shell functions of 3.0.6 hand to a script that a tool calls: the caller's, completed.
fn scripts(context: &Context, limit: Duration) -> ScriptEnvironment {
    let dir = context.config_dir.display().to_string();
    let mut environment = Environment::inherited();
    environment.set("HA_DIR", dir.as_str()).set("HA_FUNCS", format!("{dir}/shellfuncs"));
    for (name, value) in [("OCF_ROOT", "/usr/lib/ocf"), ("HA_CURHOST", &context.local_name())] {
        if environment.get(name).is_none_or(OsStr::is_empty) {
            environment.set(name, value);
        }
    }
    let helpers = variable("HA_BIN").map_or_else(|| HELPERS.to_owned(), |bin| bin.to_string_lossy().into_owned());
    environment.with_shell_functions(&helpers, &dir, &context.fifo.display().to_string());
    let directory = std::env::current_dir().unwrap_or_else(|_| "/".into());
    ScriptEnvironment {
        search: Search::standard(&context.config_dir),
        environment: Arc::new(environment),
        directory,
        limit,
    }
}
