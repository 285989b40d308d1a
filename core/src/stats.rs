//! Counters. Every refusal and every full table is counted, so nothing is dropped silently.

use crate::error::DatagramError;

/// Counters of dropped datagrams, by reason, and of other events. All saturate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Datagrams given to `handle`.
    pub received: u64,
    /// Of these, those processed as new.
    pub accepted: u64,
    /// The newest message of a node again: normal with several links.
    pub duplicates: u64,
    /// An older message that was not missing.
    pub old: u64,
    /// New messages for another node.
    pub not_for_us: u64,
    /// Our own messages, received again on a broadcast link.
    pub own_echoes: u64,
    /// Not a packet of this protocol, or damaged.
    pub malformed: u64,
    /// Wrong or missing digest, or an unknown key.
    pub not_authentic: u64,
    /// Authentic, but a required field is missing or wrong.
    pub bad_header: u64,
    /// From a node that is not in the configuration.
    pub unknown_node: u64,
    /// From an older run of the node.
    pub replayed: u64,
    /// Messages in our own name from another host.
    pub name_conflicts: u64,
    /// On a link that does not exist.
    pub unknown_link: u64,
    /// Messages compressed as a whole that the caller did not inflate.
    pub compressed: u64,
    /// Numbered messages sent for the first time, heartbeats included.
    pub sent: u64,
    /// Messages retransmitted on request.
    pub repeated: u64,
    /// Retransmission requests for messages that are no longer in the history.
    pub refused_repeats: u64,
    /// Numbers whose retransmission we asked for.
    pub requested_repeats: u64,
    /// Numbers that were given up as lost.
    pub lost_messages: u64,
    /// Messages that did not fit into the caller's buffer or the history.
    pub oversize: u64,
    /// Nodes that found no room in the table.
    pub nodes_refused: u64,
    /// Events that found no room, because the caller did not drain them.
    pub events_lost: u64,
    /// Calls whose time was earlier than that of the call before.
    pub clock_went_back: u64,
    /// Calls of `advance` that came much later than asked for.
    pub local_stalls: u64,
}

impl Stats {
    pub(crate) const NONE: Self = Self {
        received: 0,
        accepted: 0,
        duplicates: 0,
        old: 0,
        not_for_us: 0,
        own_echoes: 0,
        malformed: 0,
        not_authentic: 0,
        bad_header: 0,
        unknown_node: 0,
        replayed: 0,
        name_conflicts: 0,
        unknown_link: 0,
        compressed: 0,
        sent: 0,
        repeated: 0,
        refused_repeats: 0,
        requested_repeats: 0,
        lost_messages: 0,
        oversize: 0,
        nodes_refused: 0,
        events_lost: 0,
        clock_went_back: 0,
        local_stalls: 0,
    };

    pub(crate) fn count_error(&mut self, error: DatagramError) {
        let counter = match error {
            DatagramError::Packet(packet) if packet.is_authentication() => &mut self.not_authentic,
            DatagramError::Packet(_) => &mut self.malformed,
            DatagramError::Header(crate::wire::HeaderError::Compressed) => &mut self.compressed,
            DatagramError::Header(_) => &mut self.bad_header,
            DatagramError::UnknownLink => &mut self.unknown_link,
            DatagramError::UnknownNode => &mut self.unknown_node,
            DatagramError::Replayed => &mut self.replayed,
            DatagramError::NameConflict => &mut self.name_conflicts,
        };
        bump(counter);
    }
}

#[cfg_attr(feature = "small", inline(never))]
pub(crate) fn bump(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
