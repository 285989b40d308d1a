//! Settings that are allowed and probably not meant: a cluster of one, a ping that moves nothing, an address of another
//! network, a missing colon.

use hbcore::config::{
    AutoFailback, Autojoin, Child, Directive, File, Group, HaCf, HaResources, Position, Resource, Severity,
};

use super::Check;

/// Programs of 3.0.6 that act upon ping nodes.
const ACT_ON_PINGS: [&str; 2] = ["ipfail", "pingd"];

impl Check<'_> {
    /// Warns of a cluster of this node alone, in which no node can take over.
    pub(super) fn nobody_else(&mut self, ha_cf: &HaCf<'_>) {
        let mut members = ha_cf.members();
        if let (Some(only), None, Autojoin::None) = (members.next(), members.next(), ha_cf.protocol.autojoin)
            && only.name.as_str() == self.sources.local_name()
        {
            let message = format!("{} is the only node: when it fails, no node takes over", only.name);
            self.warning(only.at, message, "name all nodes of the cluster, each with its `uname -n`");
        }
    }

    /// Whether something moves a group when a ping node falls silent, and whether that has something to look at.
    pub(super) fn acts_on_pings(&mut self, ha_cf: &HaCf<'_>) {
        let name_of = |child: &Child<'_>| child.program().rsplit('/').next().unwrap_or_default().to_owned();
        let actor = ha_cf.children.iter().find(|child| ACT_ON_PINGS.contains(&name_of(child).as_str()));
        let ping = ha_cf.media.iter().find(|line| line.medium.is_ping());
        match (ping, actor) {
            (Some(line), None) => {
                // Of a client whose line is wrong, that is told.
                let text = String::from_utf8_lossy(self.sources.text(File::HaCf));
                let mut lines = text.lines().filter_map(|line| line.split('#').next());
                if !lines.any(|line| ACT_ON_PINGS.iter().any(|program| line.contains(program))) {
                    let name = line.medium.kind().name();
                    let message = format!("{name}: no program acts upon it: a node without network keeps its groups");
                    self.warning(line.at, message, PING_HELP);
                }
            }
            (None, Some(actor)) => {
                let message = format!("{} has no ping node to look at: it moves nothing", name_of(actor));
                self.warning(actor.at, message, "add `ping` and the address of a router, on all nodes");
            }
            (Some(_), Some(actor)) if name_of(actor) == "ipfail" && ha_cf.auto_failback == AutoFailback::Legacy => {
                let message = "ipfail ends at once with auto_failback legacy: a node without network keeps its groups";
                self.warning(actor.at, message, "write `auto_failback on` or `off` on all nodes");
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
        if let (None, Some(at)) = (ping, ha_cf.parameters.place(Directive::Deadping)) {
            self.warning(at, "deadping: there is no ping node", "add `ping` and an address, or remove the line");
        }
    }

    /// Warns of addresses that leave their interface to the routes and are in no subnet of this machine. They would
    /// come to the interface of the default route, where no neighbour asks for them, or nowhere.
    pub(super) fn foreign_subnets(&mut self, resources: &HaResources<'_>) {
        for resource in resources.groups.iter().flat_map(Group::resources) {
            let Some(Ok(spec)) = resource.address().filter(|spec| spec.is_ok_and(|spec| spec.nic.is_none())) else {
                continue;
            };
            let Some(subnets) = self.network.subnets_without(spec.addr) else { continue };
            let message = format!("{} is in no subnet of this machine", spec.addr);
            let full = if spec.addr.is_ipv6() { 64 } else { 24 };
            let help = format!(
                "correct it, or name its interface, as in `{}/{}/eth0`; this machine has {}",
                spec.addr,
                spec.prefix.unwrap_or(full),
                if subnets.is_empty() { "no address of this family".to_owned() } else { subnets.join(", ") }
            );
            self.found(File::HaResources, Some(resource.at), Severity::Warning, message, help);
        }
    }

    /// Whether the name of a missing script has one colon, which probably stands for two. If so, it warns at the colon.
    pub(super) fn has_one_colon(&mut self, resource: Resource<'_>) -> bool {
        let Some((script, argument)) = resource.script().split_once(':') else { return false };
        if script.is_empty() || argument.is_empty() {
            return false;
        }
        let Position { line, column } = resource.at;
        let at = Position { line, column: column.saturating_add(u32::try_from(script.len()).unwrap_or(u32::MAX)) };
        let rest = resource.word.split_once("::").map_or(String::new(), |(_, rest)| format!("::{rest}"));
        let message = format!("one colon after {script}: [{}] is taken as the name of a script", resource.script());
        let help = format!("two colons part a script and its arguments: write `{script}::{argument}{rest}`");
        self.found(File::HaResources, Some(at), Severity::Warning, message, help);
        true
    }
}

const PING_HELP: &str = "add `respawn hacluster /usr/libexec/heartbeat/ipfail` on all nodes: the groups move to the node that reaches more of \
    the ping nodes";
