//! Flow control: whether clients may send (docs/protocol/wire.md 7.7).

use super::Cluster;
use crate::node::NodeState;
use crate::sequence::{ACK_EVERY, MAX_GAP};

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// Whether clients should not send now, because a living node lags: it has not acknowledged 250 messages, or one
    /// that the history would drop soon and could not retransmit.
    pub fn is_congested(&self) -> bool {
        if self.no_flow_control {
            return false;
        }
        let alive = self.others().filter(|(_, n)| n.state != NodeState::Dead);
        let slowest = alive.map(|(_, n)| n.acknowledged.0).min();
        let newest = self.history.next_sequence().0.saturating_sub(1);
        slowest.is_some_and(|ack| {
            let waiting = newest.saturating_sub(ack);
            // Fewer than ten may wait for an acknowledgement that comes with the tenth.
            waiting > MAX_GAP || waiting > ACK_EVERY && self.would_drop(ack)
        })
    }

    /// Whether a quarter of the history more would drop a message above number `ack`.
    #[cfg(not(feature = "small"))]
    fn would_drop(&self, ack: u64) -> bool {
        self.history.kept_after(HISTORY / 4).0 > ack.saturating_add(1)
    }

    /// The history of a microcontroller holds hardly more messages than one acknowledgement covers.
    #[cfg(feature = "small")]
    #[expect(clippy::unused_self, reason = "the same call as where there is room")]
    fn would_drop(&self, _: u64) -> bool {
        false
    }
}
