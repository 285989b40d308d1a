//! The outputs of a cluster.

use core::ffi::c_void;

use engine::id::GroupId;
use engine::takeover::Effect;

use crate::edge::{HbCluster, call, look, output, room, with};
use crate::event::{HB_NONE, HbEvent, event};
use crate::limits::HB_DATAGRAM;
use crate::result::HbResult;

/// "No deadline".
pub const HB_NEVER: u64 = u64::MAX;

/// A datagram to be sent.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbTransmit {
    /// The links that send it: bit 0 is link 0. Serial links get the same bytes.
    pub links: u64,
    /// The length of the datagram in the buffer, in bytes.
    pub len: usize,
}

/// The kinds of effects.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbEffectKind {
    /// Start the group, then complete the effect.
    Acquire = 0,
    /// Stop the group, then complete the effect.
    Release = 1,
    /// Announce the addresses of the group once more: a rival owner is gone. This effect is not completed.
    Announce = 2,
    /// The group could not be stopped. Make sure by any means that it cannot run here any more (turn its power off,
    /// reset this machine), then complete the effect. Until then, and after a failure, this node keeps its claim, so
    /// that no other node starts the group.
    Escalate = 3,
    /// Make sure that a dead node does nothing any more: reset it, or cut its power. Then complete the effect. The
    /// groups that it may run are started only after this effect is done; a failure is tried again after five seconds.
    Fence = 4,
}

/// An effect, which the program carries out. There is at most one at a time for a group, besides announcements.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbEffect {
    /// The kind: an `hb_effect_kind_t`.
    pub kind: u32,
    /// The group; `HB_NONE` for fencing.
    pub group: u32,
    /// The node to fence; `HB_NONE` for groups.
    pub node: u32,
    /// The ticket for `hb_cluster_complete`.
    pub ticket: u32,
}

/// The time at which `hb_cluster_advance` is due; `HB_NEVER` if only input needs a call. Outputs that wait to be polled
/// have no deadline: poll them first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_next_deadline(cluster: *const HbCluster, deadline_us: *mut u64) -> HbResult {
    call(|| {
        let deadline_us = output(deadline_us)?;
        look(cluster, |body| {
            deadline_us.set(body.engine.next_deadline().map_or(HB_NEVER, engine::time::Instant::as_micros));
            Ok(())
        })
    })
}

/// Writes the next datagram to send into `buffer`, of at least `HB_DATAGRAM` bytes. Call it after each input until it
/// returns `HB_RESULT_NOTHING`; completing an effect is an input too. A datagram that cannot be sent may be dropped:
/// the peers request its retransmission if it matters. Datagrams that are not polled stay in the `HB_HISTORY` bytes,
/// where new messages replace the oldest ones; no call fails for that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_poll_transmit(
    cluster: *mut HbCluster,
    buffer: *mut c_void,
    len: usize,
    transmit: *mut HbTransmit,
) -> HbResult {
    call(|| {
        let transmit = output(transmit)?;
        let buffer = room(buffer, len)?;
        if len < HB_DATAGRAM {
            return Err(HbResult::BadLength);
        }
        with(cluster, |body| {
            let next = body.engine.poll_transmit(buffer).ok_or(HbResult::Nothing)?;
            transmit.set(HbTransmit { links: next.links.0, len: next.len });
            Ok(())
        })
    })
}

/// Returns the next effect. Call it after each input until it returns `HB_RESULT_NOTHING`. No effect is lost if it is
/// polled late.
///
/// Start an effect that takes long, and complete it when it ends; heartbeats must go on meanwhile. An effect that is
/// not completed within `effect_limit_us` counts as failed, and its ticket is stale.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_poll_effect(cluster: *mut HbCluster, effect: *mut HbEffect) -> HbResult {
    call(|| {
        let effect = output(effect)?;
        with(cluster, |body| {
            let (ticket, what) = body.engine.poll_effect().ok_or(HbResult::Nothing)?;
            let ticket = ticket.into_raw();
            effect.set(HbEffect { ticket, ..show(what) });
            body.ports.give(ticket, what);
            Ok(())
        })
    })
}

fn show(effect: Effect) -> HbEffect {
    let of = |kind: HbEffectKind, group: GroupId| HbEffect {
        kind: kind as u32,
        group: u32::from(group.0),
        node: HB_NONE,
        ticket: 0,
    };
    match effect {
        Effect::Acquire(group) => of(HbEffectKind::Acquire, group),
        Effect::Release(group) => of(HbEffectKind::Release, group),
        Effect::Announce(group) => of(HbEffectKind::Announce, group),
        Effect::Escalate(group) => of(HbEffectKind::Escalate, group),
        Effect::Fence(node) => {
            HbEffect { kind: HbEffectKind::Fence as u32, group: HB_NONE, node: u32::from(node.0), ticket: 0 }
        }
    }
}

/// Returns the next event. Call it after each input until it returns `HB_RESULT_NOTHING`. If the program does not poll,
/// the oldest of 64 events are lost, and nothing else. Only `HB_EVENT_LEFT` needs a reaction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_poll_event(cluster: *mut HbCluster, next: *mut HbEvent) -> HbResult {
    call(|| {
        let next = output(next)?;
        with(cluster, |body| {
            next.set(event(body.engine.poll_event().ok_or(HbResult::Nothing)?));
            Ok(())
        })
    })
}
