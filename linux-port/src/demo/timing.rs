//! The times of the demonstration's cluster.

use std::time::Duration;

/// Time between two heartbeats.
pub(super) const KEEPALIVE: Duration = Duration::from_millis(10);
/// The time without a heartbeat after which a node counts as dead.
pub(super) const DEADTIME: Duration = Duration::from_millis(30);
/// The time for which a starting node waits for a node that it has never heard.
pub(super) const INITDEAD: Duration = Duration::from_secs(2);
/// Time between two questions of the client.
pub(super) const QUESTION: Duration = Duration::from_millis(1);
