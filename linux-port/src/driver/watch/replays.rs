//! Nodes whose packets are dropped as replays.

use super::{Ends, OUTSIDER, Watch};
use crate::cluster_view::{LinuxCluster, name};
use crate::problems::Problem;
use hbcore::id::NodeId;
use hbcore::time::{Duration, Instant};
use hbcore::wire::Structure;

/// Replays of a node are shown if they last for this long: a few packets of an earlier run may come late.
const LASTING: Duration = Duration::from_secs(2);

impl Watch {
    /// A packet of a known node was dropped as a replay.
    pub(in crate::driver) fn replayed(&mut self, cluster: &LinuxCluster, now: Instant, bytes: &[u8]) {
        // The engine found it authentic and well-formed.
        let Ok(message) = Structure::local(bytes) else { return };
        let src = message.text("src").unwrap_or_default();
        let Some(node) = cluster.nodes().find(|node| node.name.as_bytes() == src) else { return };
        self.replays.retain(|(_, _, last)| now.since(*last) < OUTSIDER);
        let since = self.replays.iter().find(|(id, ..)| *id == node.id).map_or(now, |(_, since, _)| *since);
        self.replays.retain(|(id, ..)| *id != node.id);
        self.replays.push((node.id, since, now));
        if now.since(since) >= LASTING {
            self.raise(now, Problem::Replays { node: node.name.as_str().to_owned() }, Ends::After(OUTSIDER));
        }
    }

    /// The node is heard, so its packets are no replays any more.
    pub(super) fn heard(&mut self, cluster: &LinuxCluster, id: NodeId) {
        self.replays.retain(|(node, ..)| *node != id);
        let node = name(cluster, id);
        self.settle(|problem| *problem == Problem::Replays { node: node.clone() });
    }
}
