//! What is allowed and hardly meant: a cluster of one, a ping that moves nothing, an address of another network, a colon too few.

use hbcore::config::{Autojoin, File, Group, HaCf, HaResources, Position, Resource, Severity};

use super::Check;

/// Programs of 3.0.6 that act upon ping nodes.
const ACT_ON_PINGS: [&str; 2] = ["ipfail", "pingd"];

impl Check<'_> {
    /// A cluster of this node alone: nobody takes over.
    pub(super) fn nobody_else(&mut self, ha_cf: &HaCf<'_>) {
        let mut members = ha_cf.members();
        if let (Some(only), None, Autojoin::None) = (members.next(), members.next(), ha_cf.protocol.autojoin)
            && only.name.as_str() == self.sources.local_name()
        {
            let message = format!("{} is the only node: when it fails, no node takes over", only.name);
            self.warning(only.at, message, "name all nodes of the cluster, each with its `uname -n`");
        }
    }

    /// Ping nodes that are watched, where nothing moves a group when they fall silent. Of a client that would, it is told already that this
    /// version does not start it, or that its line is wrong.
    pub(super) fn pinged_in_vain(&mut self, ha_cf: &HaCf<'_>) {
        let text = String::from_utf8_lossy(self.sources.text(File::HaCf));
        let mut lines = text.lines().filter_map(|line| line.split('#').next());
        if lines.any(|line| ACT_ON_PINGS.iter().any(|program| line.contains(program))) {
            return;
        }
        if let Some(line) = ha_cf.media.iter().find(|line| line.medium.is_ping()) {
            let name = line.medium.kind().name();
            self.warning(
                line.at,
                format!("{name}: no program acts upon it: a node without network keeps its groups"),
                PING_HELP,
            );
        }
    }

    /// Addresses that leave their interface to the routes, and are in no subnet of this machine: they come to the interface of the default
    /// route, where no neighbour asks for them, or nowhere.
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

    /// Whether the name of a script that is not there has a colon in it: two are meant, and that is said at the colon.
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

const PING_HELP: &str = "ipfail does that for 3.0.6 (`respawn hacluster /usr/lib/heartbeat/ipfail`), and this version does not start it: let a \
    monitor look at `hb status`, and call `hb standby`";
