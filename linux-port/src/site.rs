//! The way from a checked configuration to the settings of the engine and its threads.

use crate::config::{Configuration, installed_program};
use crate::log::{Facility, LogConfig, LogdConfig, Stderr};
use crate::media::{MediumSpec, OpenCause, OpenError};
use crate::resources::{Escalation, FenceDevice, Plan, SCRIPT_LIMIT, ScriptEnvironment};
use crate::respawn::{Surroundings, Wanted};
use crate::script::{Environment, Search};
use crate::state::HostEntry;
use crate::sys::users;
use hbcore::config::{
    AddressConflict, AddressTakeover, AuthKeys, Child, Group, HaCf, HaResources, HbcoreCf, Logging, Medium, MediumLine,
    MessageFormat,
};
use hbcore::id::{Generation, NodeId, Uuid};
use hbcore::takeover::EFFECT_LIMIT;
use hbcore::{Config, Found, GroupConfig, Introduction, LinkForm, NodeConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directory where 3.0.6 keeps its helper programs on Debian.
pub(crate) const HELPERS: &str = "/usr/libexec/heartbeat";
/// The number of script calls that the start or stop of a group may take before the engine gives it up: members,
/// attempts.
const CALLS: u32 = 64;
/// The value of `HA_DATEFMT` for scripts (docs/protocol/files.md 13.2).
const DATE_FORMAT: &str = "%Y/%m/%d_%T\t";

/// A configuration that was found good. The texts live as long as the process: a daemon reads them once.
#[derive(Debug)]
pub struct Site {
    /// `ha.cf`.
    pub ha_cf: HaCf<'static>,
    /// `authkeys`.
    pub keys: AuthKeys<'static>,
    /// `haresources`; empty when Pacemaker manages the resources.
    pub resources: HaResources<'static>,
    /// `hbcore.cf`.
    pub extensions: HbcoreCf<'static>,
    /// Our node name, lower-case.
    pub local_name: String,
    /// The directory of the files.
    pub config_dir: PathBuf,
}

impl Site {
    /// The site whose files are in `config_dir`.
    pub fn new(configuration: Configuration<'static>, config_dir: &Path) -> Self {
        let Configuration { local_name, ha_cf, keys, resources, extensions } = configuration;
        let local_name = local_name.as_str().to_owned();
        Self { ha_cf, keys, resources, extensions, local_name, config_dir: config_dir.to_owned() }
    }

    /// The local node in `ha.cf`; a checked configuration has it.
    pub fn local(&self) -> NodeId {
        self.ha_cf.node_id(&self.local_name).unwrap_or(NodeId(0))
    }

    /// The media to open.
    pub fn media(&self) -> Vec<MediumSpec> {
        self.ha_cf.media.iter().map(|line| MediumSpec::from(&line.medium)).collect()
    }

    /// The reason why a medium cannot be opened, with the place of its line in `ha.cf`.
    pub fn placed(&self, error: &OpenError) -> String {
        let is_it = |line: &&MediumLine<'_>| {
            let same = line.medium.kind() == error.kind && line.medium.link_name() == error.name;
            match (&error.cause, line.medium) {
                (OpenCause::Unresolved { host }, Medium::Ucast { host: this, .. }) => same && this == host,
                _ => same,
            }
        };
        let Some(line) = self.ha_cf.media.iter().find(is_it) else { return error.to_string() };
        let path = self.config_dir.join("ha.cf");
        format!("{}:{}:{}: {error}", path.display(), line.at.line, line.at.column)
    }

    /// The form of each link, given the names of the links that [`crate::links::Links`] opened.
    pub fn link_forms(&self, names: &[String]) -> Vec<LinkForm> {
        names.iter().map(|name| self.link_form(name)).collect()
    }

    fn link_form(&self, name: &str) -> LinkForm {
        let line = self.ha_cf.media.iter().find(|line| line.medium.link_name() == name);
        line.map_or(LinkForm::Datagram, |line| self.ha_cf.link_form(&line.medium))
    }

    /// The nodes for the engine, in the order of `ha.cf`. `known`: the nodes that `hostcache` remembers.
    pub fn nodes(&self, own_uuid: Uuid, known: &[HostEntry]) -> Vec<NodeConfig> {
        let remembered = |name: &str| known.iter().find(|k| k.name == name).map_or(Uuid::NIL, |k| k.uuid);
        let local = self.local();
        let nodes = (0u8..).zip(&self.ha_cf.nodes);
        nodes
            .map(|(n, node)| NodeConfig {
                name: node.name.clone(),
                kind: node.kind,
                uuid: if NodeId(n) == local { own_uuid } else { remembered(node.name.as_str()) },
            })
            .collect()
    }

    /// The groups for the engine. `found`: for each, what of it runs here already.
    pub fn groups(&self, found: &[Found]) -> Vec<GroupConfig<'static>> {
        let found = found.iter().copied().chain(std::iter::repeat(Found::Nothing));
        let groups = self.resources.groups.iter().zip(found);
        let group = |(group, found): (&Group<'static>, Found)| {
            let home = self.ha_cf.node_id(group.node)?;
            Some(GroupConfig { home, key: group.key().map_or("", |key| key.word), found })
        };
        groups.filter_map(group).collect()
    }

    /// The configuration of the engine. `manage`: false with `-M` or Pacemaker.
    pub fn engine<'a>(
        &self,
        nodes: &'a [NodeConfig],
        links: &'a [LinkForm],
        groups: &'a [GroupConfig<'a>],
        manage: bool,
        generation: Generation,
        seed: u64,
    ) -> Config<'a> {
        let protocol = &self.ha_cf.protocol;
        Config {
            local: self.local(),
            nodes,
            links,
            groups,
            manage_resources: manage,
            fencing: self.fences(),
            resume: None,
            introduction: manage.then(|| Introduction { release: env!("CARGO_PKG_VERSION"), digest: self.digest() }),
            timing: self.ha_cf.timing,
            auto_failback: self.ha_cf.auto_failback,
            hopfudge: protocol.hopfudge,
            autojoin: protocol.autojoin,
            heartbeat: self.extensions.heartbeat_format,
            auth_field: protocol.message_format == MessageFormat::Classic,
            generation,
            effect_limit: self
                .extensions
                .script_timeout
                .map_or(EFFECT_LIMIT, |t| t.saturating_mul(CALLS))
                .max(self.extensions.fence_timeout.unwrap_or_default().saturating_mul(2))
                .max(EFFECT_LIMIT),
            seed,
        }
    }

    /// A number of 64 bits: equal for equal groups in the same order, and in practice only then.
    pub fn digest(&self) -> u64 {
        digest(&self.resources)
    }

    /// Whether a device fences the other nodes.
    fn fences(&self) -> bool {
        self.extensions.fence_command.is_some() || self.ha_cf.stonith.is_some()
    }

    /// The device that fences the other nodes, if there is one.
    pub fn fence(&self, scripts: &ScriptEnvironment) -> Option<FenceDevice> {
        let nodes = || self.ha_cf.nodes.iter().map(|n| n.name.as_str().to_owned()).collect();
        let command =
            self.extensions.fence_command.map(|program| FenceDevice::command(program.path.into(), nodes(), scripts));
        let device = || self.ha_cf.stonith.as_ref().map(|device| FenceDevice::stonith(device, nodes(), scripts));
        command.or_else(device).map(|device| device.within(self.extensions.fence_timeout))
    }

    /// The means against a group that cannot be stopped.
    pub fn escalation(&self, scripts: &ScriptEnvironment) -> Escalation {
        Escalation {
            command: self.extensions.stop_failure_command.map(|program| program.path.into()),
            scripts: scripts.clone(),
        }
    }

    /// The groups as plans.
    pub fn plans(&self, scripts: &ScriptEnvironment) -> Vec<Plan> {
        let builtin = self.takes_addresses();
        self.resources.groups.iter().map(|g| Plan::new(g, builtin, scripts)).collect()
    }

    /// Whether addresses are brought up in process.
    pub fn takes_addresses(&self) -> bool {
        self.extensions.address_takeover == AddressTakeover::Builtin
    }

    /// The reaction to another host that has an address of ours.
    pub fn address_conflict(&self) -> AddressConflict {
        self.extensions.address_conflict
    }

    /// The environment of scripts (docs/protocol/resources.md 3.3).
    pub fn scripts(&self, state_dir: &Path, debug: u8) -> ScriptEnvironment {
        let mut environment = self.environment(debug);
        let dir = self.config_dir.display().to_string();
        environment.with_shell_functions(HELPERS, &dir, &state_dir.join("fifo").display().to_string());
        let directory = state_dir.join("cores/root");
        ScriptEnvironment {
            search: Search::standard(&self.config_dir),
            environment: Arc::new(environment),
            directory,
            limit: self.extensions.script_timeout.unwrap_or(SCRIPT_LIMIT),
        }
    }

    /// The clients that are to be kept. Looks up users.
    #[cold]
    pub fn clients(&self) -> Vec<Wanted> {
        let wanted = |child: &Child<'_>| {
            let user = users::user(child.user)?;
            let (program, rest) = child.command.split_at(child.program().len());
            let program = installed_program(program).unwrap_or_else(|| program.to_owned());
            let (user, uid, gid) = (child.user.to_owned(), user.uid, user.gid);
            Some(Wanted { user, uid, gid, command: program + rest, on_death: child.on_death })
        };
        self.ha_cf.children.iter().filter_map(wanted).collect()
    }

    /// The surroundings in which clients are started (docs/protocol/files.md 13.2).
    #[cold]
    pub fn client_surroundings(&self, state_dir: &Path, debug: u8) -> Surroundings {
        let mut environment = self.environment(debug);
        // Both spellings stand for the same place; clients get that of 3.0.6.
        let dir = self.config_dir.display();
        environment.set("HA_DIR", format!("{dir}/")).set("HA_FUNCS", format!("{dir}//shellfuncs"));
        environment.unset("HA_LOGD");
        let logging = &self.ha_cf.logging;
        match self.ha_cf.parameters.by_name("logfacility") {
            Some(name) => environment.set("HA_LOGFACILITY", name.to_string()),
            None => environment.unset("HA_LOGFACILITY"),
        };
        // With syslog, 3.0.6 has no file that is not named; otherwise it says nothing of such a file.
        let unnamed = if logging.facility.is_some() { "/dev/null" } else { "" };
        environment.set("HA_LOGFILE", logging.logfile.unwrap_or(unnamed));
        environment.set("HA_DEBUGLOG", logging.debugfile.unwrap_or(unnamed));
        Surroundings { environment: Arc::new(environment), cores: state_dir.join("cores") }
    }

    /// The variables that every child of the daemon has.
    fn environment(&self, debug: u8) -> Environment {
        let mut environment = Environment::inherited();
        let dir = self.config_dir.display().to_string();
        for (directive, text) in self.ha_cf.parameters.iter() {
            environment.set(format!("HA_{}", directive.name()), text.to_string());
        }
        for variable in &self.ha_cf.env {
            environment.set(format!("HA_{}", variable.name), variable.value);
        }
        let logging = &self.ha_cf.logging;
        environment
            .set("HA_CURHOST", self.local_name.as_str())
            .set("HA_DIR", dir.as_str())
            .set("HA_FUNCS", format!("{dir}/shellfuncs"))
            .set("OCF_ROOT", "/usr/lib/ocf")
            .set("HA_DATEFMT", DATE_FORMAT)
            .set("HA_LOGFILE", logging.logfile.unwrap_or("/dev/null"))
            .set("HA_DEBUGLOG", logging.debugfile.unwrap_or("/dev/null"))
            .set("HA_LOGD", if logging.use_logd { "yes" } else { "no" })
            .set("HA_COMPRESSION", self.ha_cf.protocol.compression)
            .set("HA_debug", debug.to_string());
        // Scripts give it to `logger`; an empty value means none.
        let facility = self.ha_cf.parameters.by_name("logfacility").map(|text| text.to_string());
        environment.set("HA_LOGFACILITY", facility.filter(|name| name != "none").unwrap_or_default());
        environment
    }

    /// The destinations of log lines. `stderr`: whether they also go to standard error.
    pub fn log(&self, host: &str, debug: u8, stderr: Stderr) -> LogConfig {
        log_config(&self.ha_cf.logging, host, debug, stderr)
    }
}

/// The destinations of log lines, as `ha.cf` gives them. A file that names none means syslog: 3.0.6 sends to its
/// logging daemon then, and is silent if that does not run.
pub fn log_config(logging: &Logging<'_>, host: &str, debug: u8, stderr: Stderr) -> LogConfig {
    let file = |path: Option<&str>| path.filter(|p| *p != "/dev/null").map(PathBuf::from);
    let chosen = logging.facility.is_some() || logging.logfile.is_some() || logging.debugfile.is_some();
    // The journal has our lines from standard error already, and would get them from syslog a second time.
    let default = (!chosen && stderr != Stderr::Journal).then_some(Facility::DAEMON);
    LogConfig {
        logfile: file(logging.logfile),
        debugfile: file(logging.debugfile),
        facility: logging.facility.or(default),
        logd: logging.use_logd.then(|| LogdConfig::usual(logging.conn_logd_time, default.is_some())),
        syslog_format: logging.syslogmsgfmt,
        stderr,
        owner: account_of_logs(),
        debug_level: logging.debug.unwrap_or(debug),
        ..LogConfig::early(host)
    }
}

/// The user and the group of log files, as for 3.0.6, where they exist.
fn account_of_logs() -> Option<(u32, u32)> {
    Some((users::listed("/etc/passwd", "hacluster")?, users::listed("/etc/group", "haclient")?))
}

/// A number that is equal for equal groups in the same order, each with its home and its resources, and in practice only
/// then: FNV-1a over the words. Comments, blanks and continued lines do not count.
fn digest(resources: &HaResources<'_>) -> u64 {
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mut sum = START;
    let mut word = |word: &str, end: u8| {
        for byte in word.bytes().chain([end]) {
            sum = (sum ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    };
    for group in &resources.groups {
        word(&group.node.to_lowercase(), b' ');
        group.resources().for_each(|resource| word(resource.word, b' '));
        word("", b'\n');
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use hbcore::config::Problems;

    fn log_of(ha_cf: &str, stderr: Stderr) -> LogConfig {
        let mut problems = Problems::<16>::new();
        let parsed = HaCf::parse(ha_cf.as_bytes(), "alpha", &mut problems);
        log_config(&parsed.partial().logging, "alpha", 0, stderr)
    }

    #[test]
    fn digest_is_that_of_the_meaning_alone() {
        let of = |text: &str| digest(&HaResources::read(text.as_bytes()));
        let plain = of("alpha 192.0.2.1 web\nbravo mail\n");
        for same in ["# ours\n\nalpha\t192.0.2.1   web # c\r\nbravo mail", "Alpha 192.0.2.1 \\\n  web\nbravo mail\n"] {
            assert_eq!(of(same), plain, "{same}");
        }
        let others = [
            "bravo mail\nalpha 192.0.2.1 web\n",
            "alpha web 192.0.2.1\nbravo mail\n",
            "bravo 192.0.2.1 web\nbravo mail\n",
            "alpha 192.0.2.1 web bravo mail\n",
            "alpha 192.0.2.1 web\n",
            "alpha 192.0.2.1 we b\nbravo mail\n",
            "",
        ];
        for other in others {
            assert_ne!(of(other), plain, "{other}");
        }
    }

    #[test]
    fn file_that_names_no_place_for_log_lines_means_syslog() {
        for silent in ["", "logfacility none\n", "use_logd yes\n"] {
            assert_eq!(log_of(silent, Stderr::Plain).facility, Some(Facility::DAEMON), "{silent}");
            assert_eq!(log_of(silent, Stderr::Journal).facility, None, "the journal reads both: {silent}");
        }
        assert_eq!(log_of("logfile /l\n", Stderr::Plain).facility, None);
        assert_eq!(log_of("logfile /dev/null\n", Stderr::Plain).facility, None, "somebody wants silence");
        let local0 = Facility::by_name("local0");
        assert_eq!(log_of("logfacility local0\n", Stderr::Journal).facility, local0, "somebody wants both");
    }
}
