//! The meaning of a line of `haresources` on this node.

use super::addresses::{AddressResource, Handle};
use crate::address::{AddressSpec, Label};
use crate::jobs::{Resource as Builtin, Script, Step, Trace};
use crate::script::{Call, Environment, Search};
use hbcore::config::{Group, HaResources, Resource};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The longest time that one script may run unless `hbcore.cf` sets another (docs/protocol/resources.md 1.6: an hour a
/// phase).
pub const SCRIPT_LIMIT: Duration = Duration::from_hours(1);
/// The time that a terminated script gets to end in order.
const SCRIPT_GRACE: Duration = Duration::from_secs(10);

/// The environment of every script of the site.
#[derive(Clone, Debug)]
pub struct ScriptEnvironment {
    /// The directories of scripts.
    pub search: Search,
    /// Their variables.
    pub environment: Arc<Environment>,
    /// Their working directory.
    pub directory: PathBuf,
    /// The longest time for one call.
    pub limit: Duration,
}

impl ScriptEnvironment {
    /// A call of `program`, without arguments so far.
    pub fn call(&self, program: PathBuf) -> Call {
        Call {
            program,
            arguments: Vec::new(),
            environment: Arc::clone(&self.environment),
            directory: self.directory.clone(),
            limit: self.limit,
            grace: SCRIPT_GRACE,
        }
    }
}

/// One group: its resources in order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The first resource, by which scripts and logs know the group; empty for a group without resources.
    pub key: String,
    /// The resources as they stand in the file, with one blank between them.
    pub words: String,
    /// The addresses that stand first in the line: brought up at once, before any script runs.
    pub(super) leading: Arc<[AddressSpec]>,
    members: Vec<Member>,
    scripts: ScriptEnvironment,
}

#[derive(Clone, Debug)]
enum Member {
    Address(AddressSpec),
    Script { name: String, arguments: Vec<String>, trace: Trace },
}

/// Those of the words of a group that are not kept, which a reload stops; `None` if all are.
pub(crate) fn gone_words(words: &str, is_kept: impl Fn(&str) -> bool) -> Option<String> {
    let gone: Vec<&str> = words.split(' ').filter(|word| !word.is_empty() && !is_kept(word)).collect();
    (!gone.is_empty()).then(|| gone.join(" "))
}

impl Plan {
    /// Reads a group. `builtin`: addresses are brought up in process, not by the scripts `IPaddr`, `IPaddr2` and
    /// `IPv6addr`.
    #[cold]
    pub fn new(group: &Group<'_>, builtin: bool, scripts: &ScriptEnvironment) -> Self {
        let members: Vec<Member> = group.resources().map(|r| member(&r, builtin)).collect();
        let leading = members.iter().map_while(|m| if let Member::Address(a) = m { Some(a.clone()) } else { None });
        Self {
            key: group.key().map(|k| k.word.to_owned()).unwrap_or_default(),
            words: group.resources().map(|r| r.word).collect::<Vec<_>>().join(" "),
            leading: leading.collect(),
            members,
            scripts: scripts.clone(),
        }
    }

    /// The group that consists of these words of `haresources`; `None` if they are none.
    #[cold]
    pub fn of_words(words: &str, builtin: bool, scripts: &ScriptEnvironment) -> Option<Self> {
        let line = format!("here {words}");
        HaResources::read(line.as_bytes()).groups.first().map(|group| Self::new(group, builtin, scripts))
    }

    /// The group that consists of those of the words that are not kept; `None` if all are.
    #[cold]
    pub fn of_gone_words(
        words: &str,
        is_kept: impl Fn(&str) -> bool,
        builtin: bool,
        scripts: &ScriptEnvironment,
    ) -> Option<Self> {
        Self::of_words(&gone_words(words, is_kept)?, builtin, scripts)
    }

    /// Whether the group has a resource that stands in `haresources` like this.
    pub fn has(&self, word: &str) -> bool {
        self.words.split(' ').any(|own| own == word)
    }

    /// Whether the group has only addresses.
    pub fn is_only_addresses(&self) -> bool {
        self.leading.len() == self.members.len()
    }

    /// The directories of its scripts.
    pub(super) fn search(&self) -> &Search {
        &self.scripts.search
    }

    /// All addresses that are brought up in process.
    pub fn addresses(&self) -> impl Iterator<Item = &AddressSpec> {
        self.members.iter().filter_map(|m| if let Member::Address(a) = m { Some(a) } else { None })
    }

    /// An earlier daemon or another program may have started members of this group: from now on, a member counts as
    /// stopped only when its stop was confirmed.
    pub fn assume_started(&self) {
        for member in &self.members {
            match member {
                Member::Script { trace, .. } => trace.may_run(),
                // The state of an address is always known.
                Member::Address(_) => {}
            }
        }
    }

    /// The members as work for the job threads.
    pub(super) fn steps(&self, addresses: &Handle) -> Vec<Step> {
        self.steps_with(|spec| Box::new(AddressResource::new(spec.clone(), addresses.clone())))
    }

    /// The members; `address` makes the resources for addresses.
    pub fn steps_with(&self, address: impl Fn(&AddressSpec) -> Box<dyn Builtin>) -> Vec<Step> {
        self.members.iter().map(|m| self.step(m, &address)).collect()
    }

    /// The members that are scripts.
    pub fn script_steps(&self) -> Vec<Step> {
        let script = |m: &Member| match m {
            Member::Address(_) => None,
            Member::Script { name, arguments, trace } => Some(self.script_step(name, arguments, trace)),
        };
        self.members.iter().filter_map(script).collect()
    }

    fn step(&self, member: &Member, address: &dyn Fn(&AddressSpec) -> Box<dyn Builtin>) -> Step {
        match member {
            Member::Address(spec) => Step::Builtin(address(spec)),
            Member::Script { name, arguments, trace } => self.script_step(name, arguments, trace),
        }
    }

    fn script_step(&self, name: &str, arguments: &[String], trace: &Trace) -> Step {
        Step::Script(Script {
            name: name.to_owned(),
            search: self.scripts.search.clone(),
            call: Call { arguments: arguments.iter().map(Into::into).collect(), ..self.scripts.call(PathBuf::new()) },
            trace: trace.clone(),
        })
    }
}

fn member(resource: &Resource<'_>, builtin: bool) -> Member {
    match resource.address() {
        Some(Ok(address)) if builtin => {
            let alias = resource.script() == "IPaddr";
            let label = match address.label {
                Some(label) => Label::Named(label.to_owned()),
                None if alias => Label::Alias,
                None => Label::Plain,
            };
            Member::Address(AddressSpec {
                addr: address.addr,
                prefix: address.prefix,
                device: address.nic.map(str::to_owned),
                label,
                broadcast: address.broadcast,
            })
        }
        _ => Member::Script {
            name: resource.script().to_owned(),
            arguments: resource.args().map(str::to_owned).collect(),
            trace: Trace::default(),
        },
    }
}
