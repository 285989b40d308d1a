//! The state of a cluster: nodes, groups, links.

use core::ffi::c_char;

use engine::NodeKind;
use engine::id::{GroupId, NodeId};
use engine::node::NodeState;
use engine::takeover::{GroupState, Phase};
use engine::wire::FrameReader;

use crate::config::HbNodeKind;
use crate::edge::{HbCluster, c_text, call, look, output, view};
use crate::limits::HB_NAME_MAX;
use crate::result::HbResult;
use crate::text;

/// The state of a node: the one that it reports, or dead.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbNodeState {
    /// The node was never heard.
    Init = 0,
    /// The node listens and is not yet part of the cluster.
    Up = 1,
    /// The node works fully.
    Active = 2,
    /// The node was silent for longer than its deadtime.
    Dead = 3,
    /// A ping node that answers.
    Ping = 4,
    /// A state that the library does not know: see `state_word`.
    Other = 5,
}

/// Whether a group runs on this node.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbGroupState {
    /// The group does not run here.
    Stopped = 0,
    /// The group is being started.
    Starting = 1,
    /// The group runs here.
    Running = 2,
    /// The group is being stopped.
    Stopping = 3,
    /// The start of the group failed.
    Failed = 4,
    /// The group could not be stopped, and may still run here.
    Stuck = 5,
}

/// The phase of this node in resource management.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbPhase {
    /// The node is not active yet.
    Init = 0,
    /// The node is active and asks for the claims of the others.
    Starting = 1,
    /// The claims are settled.
    Stable = 2,
    /// The node releases all its groups.
    Leaving = 3,
    /// All groups were released.
    Left = 4,
}

/// This node and the cluster as a whole.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbStatus {
    /// The index of this node.
    pub local_node: u32,
    /// The number of nodes, removed ones included. Their indexes are below this.
    pub node_count: u32,
    /// The number of links.
    pub link_count: u32,
    /// The number of groups.
    pub group_count: u32,
    /// The phase of this node: an `hb_phase_t`.
    pub phase: u32,
    /// 1: no group is in transition on either node.
    pub settled: u32,
    /// 1: the acknowledgements of the other nodes are overdue.
    pub congested: u32,
    /// 1: this node claims the groups whose home it is.
    pub holds_local: u32,
    /// 1: this node claims the groups whose home is another node.
    pub holds_foreign: u32,
    /// Our generation.
    pub generation: u64,
}

/// A node.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbNode {
    /// Its name, with a NUL.
    pub name: [c_char; 100],
    /// Its state as in logs, with a NUL.
    pub state_word: [c_char; 32],
    /// Its identity; zeros if it is not known.
    pub uuid: [u8; 16],
    /// Its kind: an `hb_node_kind_t`.
    pub kind: u32,
    /// Its state: an `hb_node_state_t`.
    pub state: u32,
    /// The number of its messages that are missing.
    pub missing: u32,
    /// Its weight in quorum decisions.
    pub weight: u32,
    /// Its last known generation; 0 if it was never heard.
    pub generation: u64,
    /// Its deadtime.
    pub deadtime_us: u64,
    /// The links on which it is heard: bit 0 is link 0.
    pub links_up: u64,
}

/// A resource group.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbGroup {
    /// The home of the group.
    pub home: u32,
    /// Whether it runs here: an `hb_group_state_t`.
    pub state: u32,
    /// 1: it should run here.
    pub wanted: u32,
}

/// A link.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbLink {
    /// Its form: an `hb_link_form_t`.
    pub form: u32,
    /// The number of other nodes that are heard on it.
    pub nodes_heard: u32,
    /// Serial: bytes that belonged to no message.
    pub noise_bytes: u64,
    /// Serial: messages that broke off.
    pub broken: u64,
    /// Serial: messages longer than `HB_FRAME`.
    pub oversized: u64,
}

/// Reads the state of the cluster as a whole. `size` is `sizeof *status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_status(cluster: *const HbCluster, status: *mut HbStatus, size: usize) -> HbResult {
    call(|| {
        let status = view(status, size)?;
        look(cluster, |body| {
            let engine = &body.engine;
            let takeover = engine.takeover();
            status.set(HbStatus {
                local_node: u32::from(engine.local().0),
                node_count: (0..=u8::MAX).take_while(|id| engine.node(NodeId(*id)).is_some()).count() as u32,
                link_count: body.ports.forms.len() as u32,
                group_count: engine.groups().len() as u32,
                phase: phase(takeover.phase()) as u32,
                settled: u32::from(takeover.is_settled()),
                congested: u32::from(engine.is_congested()),
                holds_local: u32::from(takeover.holds().local),
                holds_foreign: u32::from(takeover.holds().foreign),
                generation: engine.generation().0,
            });
            Ok(())
        })
    })
}

fn phase(phase: Phase) -> HbPhase {
    match phase {
        Phase::Init => HbPhase::Init,
        Phase::Starting | Phase::BothStarting | Phase::Reported => HbPhase::Starting,
        Phase::Stable => HbPhase::Stable,
        Phase::Leaving => HbPhase::Leaving,
        Phase::Left => HbPhase::Left,
    }
}

/// Reads the state of node number `index`. `size` is `sizeof *node`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_node(
    cluster: *const HbCluster,
    index: u32,
    node: *mut HbNode,
    size: usize,
) -> HbResult {
    call(|| {
        let place = view(node, size)?;
        look(cluster, |body| {
            let id = u8::try_from(index).map_err(|_| HbResult::NotFound)?;
            let node = body.engine.node(NodeId(id)).ok_or(HbResult::NotFound)?;
            place.set(HbNode {
                name: text::field(node.name.as_bytes()),
                state_word: text::field(node.state.as_str().as_bytes()),
                uuid: node.uuid.0,
                kind: kind(node.kind) as u32,
                state: state(node.state) as u32,
                missing: node.missing,
                weight: node.weight,
                generation: node.generation.0,
                deadtime_us: u64::try_from(node.deadtime.as_micros()).unwrap_or(u64::MAX),
                links_up: node.links_up.0,
            });
            Ok(())
        })
    })
}

fn kind(kind: NodeKind) -> HbNodeKind {
    match kind {
        NodeKind::Member => HbNodeKind::Member,
        NodeKind::Ping => HbNodeKind::Ping,
        NodeKind::Removed => HbNodeKind::Removed,
    }
}

fn state(state: &NodeState) -> HbNodeState {
    match state {
        NodeState::Init => HbNodeState::Init,
        NodeState::Up => HbNodeState::Up,
        NodeState::Active => HbNodeState::Active,
        NodeState::Dead => HbNodeState::Dead,
        NodeState::Ping => HbNodeState::Ping,
        NodeState::Other(_) => HbNodeState::Other,
    }
}

/// Finds a node by its name; upper and lower case are equal.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_find_node(
    cluster: *const HbCluster,
    name: *const c_char,
    index: *mut u32,
) -> HbResult {
    call(|| {
        let (name, index) = (c_text(name, HB_NAME_MAX)?, output(index)?);
        look(cluster, |body| {
            let node = body.engine.nodes().find(|node| node.name.as_str().eq_ignore_ascii_case(name));
            index.set(u32::from(node.ok_or(HbResult::NotFound)?.id.0));
            Ok(())
        })
    })
}

/// Reads the state of group number `index`. `size` is `sizeof *group`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_group(
    cluster: *const HbCluster,
    index: u32,
    group: *mut HbGroup,
    size: usize,
) -> HbResult {
    call(|| {
        let place = view(group, size)?;
        look(cluster, |body| {
            let id = u16::try_from(index).map(GroupId).map_err(|_| HbResult::NotFound)?;
            let group = body.engine.groups().get(usize::from(id.0)).ok_or(HbResult::NotFound)?;
            place.set(HbGroup {
                home: u32::from(group.home.0),
                state: group_state(group.state()) as u32,
                wanted: u32::from(group.is_wanted()),
            });
            Ok(())
        })
    })
}

fn group_state(state: GroupState) -> HbGroupState {
    match state {
        GroupState::Stopped => HbGroupState::Stopped,
        GroupState::Starting => HbGroupState::Starting,
        GroupState::Running => HbGroupState::Running,
        GroupState::Stopping => HbGroupState::Stopping,
        GroupState::Failed => HbGroupState::Failed,
        GroupState::Stuck => HbGroupState::Stuck,
    }
}

/// Reads the state of link number `index`. `size` is `sizeof *link`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_link(
    cluster: *const HbCluster,
    index: u32,
    link: *mut HbLink,
    size: usize,
) -> HbResult {
    call(|| {
        let place = view(link, size)?;
        look(cluster, |body| {
            let (id, form) = body.ports.form(index)?;
            let others = body.engine.nodes().filter(|node| node.id != body.engine.local());
            let counters = body.ports.frames(id).map(FrameReader::counters).unwrap_or_default();
            place.set(HbLink {
                form,
                nodes_heard: others.filter(|node| node.links_up.contains(id)).count() as u32,
                noise_bytes: counters.bytes,
                broken: counters.broken,
                oversized: counters.oversized,
            });
            Ok(())
        })
    })
}
