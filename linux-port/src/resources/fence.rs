//! Fencing a dead node: by the site's own command, or by the program `stonith` of cluster-glue, which knows the devices
//! that `ha.cf` names (docs/protocol/resources.md 5).

use super::ScriptEnvironment;
use crate::script::Call;
use hbcore::config::{Stonith, StonithParameters};
use hbcore::id::NodeId;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The program that drives the devices of cluster-glue.
const STONITH: &str = "/usr/sbin/stonith";

/// The longest time for one call, if `fence_timeout` does not give another. No group of the dead node starts before that.
const LIMIT: Duration = Duration::from_mins(1);
/// The time between TERM and KILL. It is shorter than the wait of a daemon that ends.
const GRACE: Duration = Duration::from_secs(1);

/// The fencing device of this site.
#[derive(Clone, Debug)]
pub struct FenceDevice {
    /// For people: the type of the device, or the command.
    pub name: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    /// The names of the nodes, by their ids.
    nodes: Vec<String>,
    scripts: ScriptEnvironment,
    limit: Duration,
}

impl FenceDevice {
    /// A command of the site: it is called with the node's name and returns 0 when that node does nothing any more.
    pub fn command(program: PathBuf, nodes: Vec<String>, scripts: &ScriptEnvironment) -> Self {
        let name = program.display().to_string();
        Self { name, program, arguments: Vec::new(), nodes, scripts: scripts.clone(), limit: LIMIT }
    }

    /// A device that `ha.cf` names.
    pub fn stonith(device: &Stonith<'_>, nodes: Vec<String>, scripts: &ScriptEnvironment) -> Self {
        let [flag, parameters] = match device.parameters {
            StonithParameters::File(path) => ["-F", path],
            StonithParameters::Line(text) => ["-p", text],
        };
        let arguments = ["-t", device.device_type, flag, parameters, "-T", "reset"].map(OsString::from);
        Self {
            name: device.device_type.to_owned(),
            program: STONITH.into(),
            arguments: arguments.into(),
            nodes,
            scripts: scripts.clone(),
            limit: LIMIT,
        }
    }

    /// With this longest time for one call, after which its process group is terminated.
    #[must_use]
    pub fn within(self, limit: Option<Duration>) -> Self {
        Self { limit: limit.unwrap_or(self.limit), ..self }
    }

    /// The longest time for one call.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// The program of the device.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The call that fences `node`; `None` if it is not configured.
    pub(super) fn call(&self, node: NodeId) -> Option<Call> {
        let name = self.nodes.get(usize::from(node.0))?;
        let arguments = self.arguments.iter().cloned().chain([name.into()]).collect();
        Some(Call { arguments, limit: self.limit, grace: GRACE, ..self.scripts.call(self.program.clone()) })
    }
}
