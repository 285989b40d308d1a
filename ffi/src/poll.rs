//! What comes out of a cluster.

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
    /// On which links: bit 0 is link 0. Serial links get the bytes as they are.
    pub links: u64,
    /// That many bytes of the buffer.
    pub len: usize,
}

/// What is to be done.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbEffectKind {
    /// Start the group, then complete.
    Acquire = 0,
    /// Stop the group, then complete.
    Release = 1,
    /// Announce the group's addresses once more: a rival owner is gone. Not to be completed.
    Announce = 2,
    /// The group could not be stopped: see to it that it cannot run here any more, whatever it takes (turn its power off, reset this machine),
    /// then complete. Until then, and after a failure, this node goes on claiming it, so that nobody else starts it.
    Escalate = 3,
    /// Make sure that a dead node does nothing any more: reset it, or cut its power. Then complete. What it may hold is started only when this
    /// is done; a failure is tried again after five seconds.
    Fence = 4,
}

/// Something to be done outside. There is at most one at a time for a group, besides announcements.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbEffect {
    /// What: an `hb_effect_kind_t`.
    pub kind: u32,
    /// For which group; `HB_NONE` for fencing.
    pub group: u32,
    /// Which node is to be fenced; `HB_NONE` for groups.
    pub node: u32,
    /// For `hb_cluster_complete`.
    pub ticket: u32,
}

/// When `hb_cluster_advance` wants to be called next; `HB_NEVER`: not before there is input. What waits to be polled has no deadline: poll first.
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

/// Writes the next datagram that is to be sent into `buffer`, of at least `HB_DATAGRAM` bytes. To be called after each input
/// until it returns `HB_RESULT_NOTHING`; completing an effect is an input too. What cannot be sent may be dropped: it is asked for again if
/// it matters. What nobody polls waits in the `HB_HISTORY` bytes, whose oldest messages make room for new ones; no call fails for that.
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

/// Gives the next effect. To be called after each input until it returns `HB_RESULT_NOTHING`. None is lost if it is polled late.
///
/// An effect that takes long is started here, and completed when it ends; heartbeats must go on meanwhile. One that is not completed within
/// `effect_limit_us` has failed for the library, and its ticket is stale.
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

/// Gives the next event. To be called after each input until it returns `HB_RESULT_NOTHING`; if nobody does, the oldest of
/// 64 are lost, and nothing else. Only `HB_EVENT_LEFT` asks for anything.
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
