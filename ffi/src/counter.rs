//! Counters.

use core::ffi::c_char;

use crate::edge::{HbCluster, call, look, output};
use crate::result::HbResult;
use crate::text::nth;

/// Counters. No counter is ever reset; all stop at their greatest value.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbCounter {
    /// Datagrams and messages received.
    Received = 0,
    /// Received messages that were processed as new.
    Accepted = 1,
    /// Copies of the newest message of a node.
    Duplicates = 2,
    /// Older messages that were not missing.
    Old = 3,
    /// New messages for another node.
    NotForUs = 4,
    /// Our own messages that came back.
    OwnEchoes = 5,
    /// Packets that are not of this protocol, or are damaged.
    Malformed = 6,
    /// Packets without a signature, or with a wrong one.
    NotAuthentic = 7,
    /// Authentic messages in which a required field is missing or wrong.
    BadHeader = 8,
    /// Messages from a node that is not in the configuration.
    UnknownNode = 9,
    /// Messages from an earlier incarnation of a node.
    Replayed = 10,
    /// Messages from another host that uses our name.
    NameConflicts = 11,
    /// Datagrams on a link that does not exist.
    UnknownLink = 12,
    /// Messages that are compressed as a whole.
    Compressed = 13,
    /// Numbered messages sent for the first time.
    Sent = 14,
    /// Messages retransmitted on request.
    Repeated = 15,
    /// Requests to retransmit a message that is no longer kept.
    RefusedRepeats = 16,
    /// Numbers whose retransmission we requested.
    RequestedRepeats = 17,
    /// Numbers given up as lost.
    LostMessages = 18,
    /// Messages that did not fit into a buffer or the history.
    Oversize = 19,
    /// Nodes for which there was no room.
    NodesRefused = 20,
    /// Events that nobody polled in time.
    EventsLost = 21,
    /// Calls with an earlier time than the call before them.
    ClockWentBack = 22,
    /// Calls of `advance` that came much later than the deadline.
    LocalStalls = 23,
}

/// The number of counters: they are numbered 0 to `HB_COUNTERS - 1`.
pub const HB_COUNTERS: u32 = 24;

/// Reads counter number `counter`, an `hb_counter_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_counter(cluster: *const HbCluster, counter: u32, value: *mut u64) -> HbResult {
    call(|| {
        let value = output(value)?;
        look(cluster, |body| {
            let stats = body.engine.stats();
            let found = match counter {
                0 => stats.received,
                1 => stats.accepted,
                2 => stats.duplicates,
                3 => stats.old,
                4 => stats.not_for_us,
                5 => stats.own_echoes,
                6 => stats.malformed,
                7 => stats.not_authentic,
                8 => stats.bad_header,
                9 => stats.unknown_node,
                10 => stats.replayed,
                11 => stats.name_conflicts,
                12 => stats.unknown_link,
                13 => stats.compressed,
                14 => stats.sent,
                15 => stats.repeated,
                16 => stats.refused_repeats,
                17 => stats.requested_repeats,
                18 => stats.lost_messages,
                19 => stats.oversize,
                20 => stats.nodes_refused,
                21 => stats.events_lost,
                22 => stats.clock_went_back,
                23 => stats.local_stalls,
                _ => return Err(HbResult::BadValue),
            };
            value.set(found);
            Ok(())
        })
    })
}

/// The meaning of a counter in a few words; never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn hb_counter_text(counter: u32) -> *const c_char {
    const TEXTS: &str = concat!(
        "received\0",
        "accepted\0",
        "duplicates\0",
        "old\0",
        "not for us\0",
        "own echoes\0",
        "malformed\0",
        "not authentic\0",
        "bad header\0",
        "unknown node\0",
        "replayed\0",
        "name conflicts\0",
        "unknown link\0",
        "compressed\0",
        "sent\0",
        "repeated\0",
        "refused repeats\0",
        "requested repeats\0",
        "lost messages\0",
        "oversize\0",
        "nodes refused\0",
        "events lost\0",
        "clock went back\0",
        "local stalls\0",
        "unknown counter\0"
    );
    nth(TEXTS, counter.min(HB_COUNTERS) as usize)
}
