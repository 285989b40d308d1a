//! Checks that core cannot make: whether this machine has the interfaces, hosts, users and files of the configuration.
//!
//! Interfaces, addresses and hosts are in `environment/network.rs`, users and programs in `environment/programs.rs`;
//! `environment/intent.rs` warns of settings that are allowed and probably not meant.

mod intent;
mod network;
mod programs;

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use hbcore::config::{
    AddressSpec, Directive, File, Group, HaCf, HaResources, HbcoreCf, NodeKind, PacemakerMode, Position, Severity,
};

use self::network::Network;
pub(crate) use self::programs::installed_program;
use super::finding::Finding;
use super::sources::Sources;

/// Compression modules that this daemon has.
const COMPRESSION: [&str; 2] = ["zlib", "bz2"];

/// All problems that this machine has with the configuration.
#[cold]
pub(super) fn check(
    sources: &Sources,
    ha_cf: &HaCf<'_>,
    resources: &HaResources<'_>,
    extensions: &HbcoreCf<'_>,
) -> Vec<Finding> {
    let mut check = Check { sources, findings: Vec::new(), network: Network::new() };
    check.findings.extend(sources.permissions());
    check.media(ha_cf);
    check.children(ha_cf);
    check.api_auth(ha_cf);
    check.stonith(ha_cf, extensions);
    check.site_programs(extensions);
    check.pacemaker(ha_cf);
    check.compression(ha_cf);
    check.files(ha_cf);
    check.resources(resources);
    check.addresses(resources);
    check.not_acted_upon(ha_cf);
    check.more_than_two(ha_cf, resources);
    check.nobody_else(ha_cf);
    check.acts_on_pings(ha_cf);
    check.foreign_subnets(resources);
    check.findings
}

/// The checks under way.
struct Check<'s> {
    sources: &'s Sources,
    findings: Vec<Finding>,
    network: Network,
}

impl Check<'_> {
    fn error(&mut self, at: impl Into<Option<Position>>, message: impl Into<String>, help: impl Into<String>) {
        self.found(File::HaCf, at.into(), Severity::Error, message.into(), help.into());
    }

    fn warning(&mut self, at: impl Into<Option<Position>>, message: impl Into<String>, help: impl Into<String>) {
        self.found(File::HaCf, at.into(), Severity::Warning, message.into(), help.into());
    }

    fn found(&mut self, file: File, at: Option<Position>, severity: Severity, message: String, help: String) {
        self.findings.push(self.sources.found(file, at, severity, message, help));
    }

    fn compression(&mut self, ha_cf: &HaCf<'_>) {
        let name = ha_cf.protocol.compression;
        if !COMPRESSION.contains(&name) {
            let at = ha_cf.parameters.place(Directive::Compression);
            self.error(at, format!("Compression module({name}) not found"), "expected `zlib` or `bz2`");
        }
    }

    /// Checks files that a start does not need, but that will be missing later.
    fn files(&mut self, ha_cf: &HaCf<'_>) {
        let place = |directive| ha_cf.parameters.place(directive);
        if let Some(device) = ha_cf.process.watchdog.filter(|device| !Path::new(device).exists()) {
            let help = "load the watchdog's driver, or remove the line: the daemon runs without";
            self.warning(place(Directive::Watchdog), format!("Cannot open watchdog device: {device}"), help);
        }
        if let Some(dir) = ha_cf.process.coreroot.filter(|dir| !Path::new(dir).is_dir()) {
            self.warning(place(Directive::Coreroot), format!("Cannot chdir to [{dir}]"), "create the directory");
        }
        let logs = [(Directive::Logfile, ha_cf.logging.logfile), (Directive::Debugfile, ha_cf.logging.debugfile)];
        for (directive, file) in logs {
            let Some(file) = file else { continue };
            if Path::new(file).parent().is_some_and(|dir| !dir.is_dir()) {
                let help = "create the directory, or correct the path: until then these lines are lost";
                self.warning(place(directive), format!("the directory of log file [{file}] does not exist"), help);
            }
        }
        let has_file = logs.iter().any(|(_, file)| file.is_some_and(|file| file != "/dev/null"));
        let to_syslog = ha_cf.logging.facility.is_some() || logs.iter().all(|(_, file)| file.is_none());
        if to_syslog && !has_file && !self.sources.text(File::HaCf).is_empty() && !Path::new(SYSLOG).exists() {
            let at = place(Directive::Logfacility);
            let message = format!("log lines go to syslog, which does not listen at {SYSLOG}");
            self.warning(at, message, "start it, or add `logfile /var/log/ha-log`: until then these lines are lost");
        }
    }

    fn pacemaker(&mut self, ha_cf: &HaCf<'_>) {
        let mode = ha_cf.pacemaker.mode;
        if mode.uses_haresources() {
            return;
        }
        let at = ha_cf.parameters.place(Directive::Pacemaker);
        if self.sources.has_resources() {
            let message = "File /etc/ha.d//haresources exists.; This file is not used because pacemaker is enabled";
            self.warning(at, message, "remove the file, or the `pacemaker` line");
        }
        // The mode needs further daemons, but without the first one none will be there.
        let daemon = if mode == PacemakerMode::CcmOnly { "ccm" } else { "cib" };
        if !programs::has_cluster_daemon(ha_cf.pacemaker.daemon_dir, daemon) {
            let help = "install Pacemaker 1.x, or write `pacemaker off` to use haresources";
            self.error(at, format!("Failed to add pacemaker client child \"{daemon}\""), help);
        }
    }

    /// Warns of directives on which 3.0.6 acts and this daemon does not yet, because somebody may rely on them.
    fn not_acted_upon(&mut self, ha_cf: &HaCf<'_>) {
        if ha_cf.process.watchdog.is_some() {
            let at = ha_cf.parameters.place(Directive::Watchdog);
            self.warning(at, "watchdog is not acted upon by this version", WATCHDOG_HELP);
        }
    }

    /// Takeover, failback and standby are made for pairs (docs/protocol/resources.md 1.12).
    fn more_than_two(&mut self, ha_cf: &HaCf<'_>, resources: &HaResources<'_>) {
        let third = ha_cf.nodes.iter().filter(|node| node.kind == NodeKind::Member).nth(2);
        if let Some(third) = third.filter(|_| !resources.groups.is_empty()) {
            self.warning(third.at, "resources of more than two nodes", PAIR_HELP);
        }
    }

    /// Checks scripts and interfaces of resources. 3.0.6 does not look at them before it uses them, so none of these is
    /// an error.
    fn resources(&mut self, resources: &HaResources<'_>) {
        for resource in resources.groups.iter().flat_map(Group::resources) {
            let (message, help) = match resource.address() {
                Some(Ok(spec)) => match spec.nic.filter(|nic| !self.network.has_interface(nic)) {
                    Some(nic) => (format!("interface [{nic}] of [{}] does not exist", resource.word), NIC_HELP),
                    None => continue,
                },
                Some(Err(_)) => continue,
                None if resource.is_bare_ipv6() => continue,
                None if self.has_script(resource.script()) => match self.missing_agent(resource.script()) {
                    Some(agent) => (format!("{} calls {agent}, which does not exist", resource.script()), AGENT_HELP),
                    None => continue,
                },
                None if self.has_one_colon(resource) => continue,
                None => (format!("Cannot locate resource script {}", resource.script()), SCRIPT_HELP),
            };
            self.found(File::HaResources, Some(resource.at), Severity::Warning, message, help.to_owned());
        }
    }

    /// An address that is in two groups, or that is this machine's own: heartbeat removes it when it starts.
    fn addresses(&mut self, resources: &HaResources<'_>) {
        let mut seen: Vec<(IpAddr, &str, Position)> = Vec::new();
        for resource in resources.groups.iter().flat_map(Group::resources) {
            let Some(Ok(AddressSpec { addr, .. })) = resource.address() else { continue };
            // If the word is the key of two groups, the parser has already reported it.
            let is_key = resources.groups.iter().filter_map(Group::key).any(|key| key.at == resource.at);
            match seen.iter().find(|(known, ..)| *known == addr) {
                Some((_, word, _)) if is_key && *word == resource.word => {}
                Some((_, _, first)) => {
                    let message = format!("address {addr} also stands in line {}", first.line);
                    self.found(File::HaResources, Some(resource.at), Severity::Warning, message, TWICE_HELP.to_owned());
                }
                None if self.network.has_for_good(addr) => {
                    let message =
                        format!("{addr} is an own address of this machine: heartbeat removes it when it starts");
                    self.found(File::HaResources, Some(resource.at), Severity::Warning, message, OWN_HELP.to_owned());
                }
                None => {}
            }
            seen.push((addr, resource.word, resource.at));
        }
    }

    /// The OCF agent that a script of our installation calls, if it is missing.
    fn missing_agent(&self, name: &str) -> Option<String> {
        let script = fs::read_to_string(self.sources.dir().join("resource.d").join(name)).ok()?;
        let agent = format!("{AGENTS}/{name}");
        (script.contains("/ocf-wrapper ") && !programs::is_executable(Path::new(&agent))).then_some(agent)
    }

    fn has_script(&self, name: &str) -> bool {
        let own = self.sources.dir().join("resource.d");
        [own.as_path(), Path::new("/etc/init.d")].iter().any(|dir| programs::is_executable(&dir.join(name)))
    }
}

const PAIR_HELP: &str = "a node that has taken over groups may hand them to a node that does not start them, and two nodes may \
    serve one group: use Corosync and Pacemaker for more than two";
const WATCHDOG_HELP: &str = "the device is not opened: a node that hangs is not reset by it";
/// The socket of syslog.
const SYSLOG: &str = "/dev/log";
const NIC_HELP: &str = "name an interface of this machine, or leave it out to use the one of the subnet";
/// The directory of the OCF agents that `dist/ha.d/ocf-wrapper` calls.
const AGENTS: &str = "/usr/lib/ocf/resource.d/heartbeat";
const AGENT_HELP: &str = "install the package resource-agents";
const SCRIPT_HELP: &str = "put an executable script of that name into resource.d or /etc/init.d";

const TWICE_HELP: &str = "keep it in one group: two groups on different nodes would both bring it up";
const OWN_HELP: &str = "name an address that no machine has as its own, unless a running cluster put this one here";

/// The service for which the system's list reserves a UDP port.
fn reserved_for(port: u16) -> Option<String> {
    let services = fs::read_to_string("/etc/services").ok()?;
    let entry = format!("{port}/udp");
    let mut names = services.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let name = words.next()?;
        (words.next() == Some(entry.as_str())).then(|| name.to_owned())
    });
    names.next().filter(|name| name != "ha-cluster")
}
