//! How often and how long: the figures of the demonstration's cluster.

use std::time::Duration;

/// Time between two heartbeats.
pub(super) const KEEPALIVE: Duration = Duration::from_millis(10);
/// Silence after which a node counts as dead.
pub(super) const DEADTIME: Duration = Duration::from_millis(30);
/// How long a node that starts waits for one that was never heard.
pub(super) const INITDEAD: Duration = Duration::from_secs(2);
/// Time between two questions of the client.
pub(super) const QUESTION: Duration = Duration::from_millis(1);
