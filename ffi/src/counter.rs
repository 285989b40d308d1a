//! Counters.

use core::ffi::c_char;

use crate::edge::{HbCluster, call, look, output};
use crate::result::HbResult;

/// Counters. None is ever reset; all stop at their greatest value.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbCounter {
    /// Datagrams and messages taken in.
    Received = 0,
    /// Of these, processed as new.
    Accepted = 1,
    /// The newest message of a node once more.
    Duplicates = 2,
    /// Older messages that were not missing.
    Old = 3,
    /// New, but for another node.
    NotForUs = 4,
    /// Our own messages, heard again.
    OwnEchoes = 5,
    /// Not a packet of this protocol, or damaged.
    Malformed = 6,
    /// Not signed, or wrongly.
    NotAuthentic = 7,
    /// Authentic, but a required field is missing or wrong.
    BadHeader = 8,
    /// From a node that is not in the configuration.
    UnknownNode = 9,
    /// From an earlier run of a node.
    Replayed = 10,
    /// From another host that uses our name.
    NameConflicts = 11,
    /// On a link that does not exist.
    UnknownLink = 12,
    /// Compressed as a whole.
    Compressed = 13,
    /// Numbered messages sent for the first time.
    Sent = 14,
    /// Messages sent again on request.
    Repeated = 15,
    /// Requests to repeat what is no longer there.
    RefusedRepeats = 16,
    /// Numbers that we asked others to repeat.
    RequestedRepeats = 17,
    /// Numbers given up as lost.
    LostMessages = 18,
    /// Messages that did not fit into a buffer or the history.
    Oversize = 19,
    /// Nodes that found no room.
    NodesRefused = 20,
    /// Events that nobody polled in time.
    EventsLost = 21,
    /// Calls with an earlier time than the call before.
    ClockWentBack = 22,
    /// Times that `advance` came much later than asked for.
    LocalStalls = 23,
}

/// How many counters there are: their numbers are 0 to `HB_COUNTERS - 1`.
pub const HB_COUNTERS: u32 = 24;

/// Reads counter number `counter`, an `hb_counter_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_counter(cluster: *const HbCluster, counter: u32, value: *mut u64) -> HbResult {
    call(|| {
        let value = output(value)?;
        look(cluster, |body| {
            let stats = body.engine.stats();
            let counters: [u64; HB_COUNTERS as usize] = [
                stats.received,
                stats.accepted,
                stats.duplicates,
                stats.old,
                stats.not_for_us,
                stats.own_echoes,
                stats.malformed,
                stats.not_authentic,
                stats.bad_header,
                stats.unknown_node,
                stats.replayed,
                stats.name_conflicts,
                stats.unknown_link,
                stats.compressed,
                stats.sent,
                stats.repeated,
                stats.refused_repeats,
                stats.requested_repeats,
                stats.lost_messages,
                stats.oversize,
                stats.nodes_refused,
                stats.events_lost,
                stats.clock_went_back,
                stats.local_stalls,
            ];
            value.set(*counters.get(counter as usize).ok_or(HbResult::BadValue)?);
            Ok(())
        })
    })
}

/// What a counter counts, in a few words; never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn hb_counter_text(counter: u32) -> *const c_char {
    const TEXTS: [&core::ffi::CStr; HB_COUNTERS as usize] = [
        c"received",
        c"accepted",
        c"duplicates",
        c"old",
        c"not for us",
        c"own echoes",
        c"malformed",
        c"not authentic",
        c"bad header",
        c"unknown node",
        c"replayed",
        c"name conflicts",
        c"unknown link",
        c"compressed",
        c"sent",
        c"repeated",
        c"refused repeats",
        c"requested repeats",
        c"lost messages",
        c"oversize",
        c"nodes refused",
        c"events lost",
        c"clock went back",
        c"local stalls",
    ];
    TEXTS.get(counter as usize).copied().unwrap_or(c"unknown counter").as_ptr()
}
