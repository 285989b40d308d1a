//! Events for logs and for people.

use core::ffi::c_char;
use core::fmt;

use engine::id::{GroupId, LinkId, NodeId};
use engine::takeover::{Class, Notice};
use engine::time::Instant;
use engine::{Carrier, Event};

use crate::cluster::{Engine, HbClass};
use crate::edge::{HbCluster, call, input, look};
use crate::result::HbResult;
use crate::text;

/// "None" in the fields `node`, `link` and `group_class` of an event; also the node of a group without a home.
pub const HB_NONE: u32 = u32::MAX;

/// The kinds of events.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HbEventKind {
    /// An event that this version has no number for.
    Other = 0,
    /// The state of `node` changed: read it with `hb_cluster_node`.
    NodeState = 1,
    /// `node` is dead: nothing was heard from it for its dead time.
    NodeDead = 2,
    /// `node` was dead and speaks again in the same incarnation: a partition healed.
    NodeReturned = 3,
    /// `node` began a new incarnation.
    NodeRestarted = 4,
    /// `node` joined; it was not configured.
    NodeAdded = 5,
    /// `node` was taken out of the configuration.
    NodeRemoved = 6,
    /// `node` has another name.
    NodeRenamed = 7,
    /// A heartbeat of `node` came after `value` microseconds of silence.
    Late = 8,
    /// `node` is heard on `link` again, or for the first time.
    LinkUp = 9,
    /// `node` is not heard on `link` any more.
    LinkDown = 10,
    /// The carrier of `link` is gone.
    CarrierAbsent = 11,
    /// The carrier of `link` is back.
    CarrierPresent = 12,
    /// `value` messages of `node` are missing; their retransmission will be requested.
    Missing = 13,
    /// `value` messages of `node` are missing: too many to request their retransmission.
    LostTooMany = 14,
    /// No message of `node` is missing any more.
    NothingMissing = 15,
    /// `node` cannot retransmit message number `value`: it is lost.
    RepeatRefused = 16,
    /// A message of an earlier incarnation of `node` arrived. It may be a copy that an attacker sent.
    Replay = 17,
    /// Another host uses our name, on `link`.
    NameConflict = 18,
    /// All nodes were heard or are dead.
    CommunicationUp = 19,
    /// This node is active.
    Active = 20,
    /// This node was not running for `value` microseconds.
    LocalStall = 21,
    /// All groups were released: the program may end after it has polled all outputs.
    Left = 22,

    /// Our own start is complete.
    LocalTransitionComplete = 64,
    /// The other node's claims are settled.
    RemoteTransitionComplete = 65,
    /// This node acquires the groups of `node`, which is dead or leaves.
    AcquiringFrom = 66,
    /// The groups of `node`, which is dead, run here.
    TakeoverComplete = 67,
    /// `node` is dead, may run groups, and is not fenced.
    NotFenced = 68,
    /// `node` is dead and ran no group.
    GaveUp = 69,
    /// `node` released everything and leaves.
    ShutdownNotice = 70,
    /// `node` wants to hand over groups of `group_class`.
    WantsStandby = 71,
    /// `node` takes our groups of `group_class`.
    StandbyAgreed = 72,
    /// Our groups of `group_class` were released.
    StandbyReleased = 73,
    /// The other node runs the groups that we released.
    StandbyHandedOver = 74,
    /// We run the groups that the other node released.
    StandbyAcquired = 75,
    /// A standby request of `node` was ignored.
    StandbyIgnored = 76,
    /// No node answered our standby request.
    StandbyUnanswered = 77,
    /// The standby ended because the other node died.
    StandbyCancelled = 78,
    /// Both nodes own groups after a partition: this node keeps `group_class`.
    Keeping = 79,
    /// Both nodes own groups after a partition: this node releases `group_class`.
    Yielding = 80,
    /// Group number `value` could not be started.
    StartFailed = 81,
    /// Group number `value` could not be stopped.
    StopFailed = 82,
    /// Group number `value` runs here.
    Started = 83,
    /// Group number `value` is stopped here.
    Stopped = 84,
    /// This node begins to release all groups.
    GivingUp = 85,
    /// All groups were released.
    AllReleased = 86,
    /// Groups of `group_class` cannot be started here: the other node is asked to take them over.
    GivingAway = 87,
    /// `node` has a different `auto_failback`: one node has `legacy`, and the other has not. They cannot share groups.
    ModeMismatch = 88,
    /// A standby was requested, which `auto_failback legacy` does not have.
    StandbyUnsupported = 89,
    /// `node` is dead, may run groups, and is being fenced.
    Fencing = 90,
    /// `node` is fenced.
    Fenced = 91,
    /// The fencing of `node` failed; it will be tried again.
    FenceFailed = 92,
    /// `node` is heard again: its fencing is cancelled.
    FenceCancelled = 93,
    /// `node` has released its groups of `group_class`, and this node starts them.
    StandbyAcquiring = 94,
    /// The other node does not report its claim; this node starts nothing until it does.
    NoReport = 95,
    /// Group number `value` lacks something that cannot be restored here: the other node is asked to take it over.
    GroupLost = 96,
}

/// An event. Its kind tells the meaning of the fields; a field without a meaning is `HB_NONE` or 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HbEvent {
    /// The kind: an `hb_event_kind_t`.
    pub kind: u32,
    /// The index of the node.
    pub node: u32,
    /// The index of the link.
    pub link: u32,
    /// The class of groups: an `hb_class_t`.
    pub group_class: u32,
    /// A number.
    pub value: u64,
}

/// Writes an event as a line for people, such as `node bravo is dead`, into `text` of `size` bytes. 120 bytes are
/// enough for any but the longest names. The event must come from this cluster.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_describe(
    cluster: *const HbCluster,
    event: *const HbEvent,
    text: *mut c_char,
    size: usize,
) -> HbResult {
    call(|| {
        let event = input(event)?;
        look(cluster, |body| text::write(text, size, Line { event, engine: &body.engine }))
    })
}

fn class_number(class: Class) -> u32 {
    (match class {
        Class::Local => HbClass::Local,
        Class::Foreign => HbClass::Foreign,
        Class::All => HbClass::All,
    }) as u32
}

/// The event for C. Each field is computed separately, because that is smaller code.
pub(crate) fn event(event: Event) -> HbEvent {
    let (kind, node, class, group) = match event {
        Event::Resource(notice) => {
            (kind_of_notice(notice), node_of_notice(notice), class_of_notice(notice), group_of_notice(notice))
        }
        event => (kind_of(event), node_of(event), None, None),
    };
    HbEvent {
        kind: kind as u32,
        node: node.map_or(HB_NONE, |node| u32::from(node.0)),
        link: link_of(event).map_or(HB_NONE, |link| u32::from(link.0)),
        group_class: class.map_or(HB_NONE, class_number),
        value: group.map_or_else(|| value_of(event), |group| u64::from(group.0)),
    }
}

fn kind_of(event: Event) -> HbEventKind {
    use HbEventKind as Kind;
    match event {
        Event::NodeState(_) => Kind::NodeState,
        Event::NodeDead(_) => Kind::NodeDead,
        Event::NodeReturned(_) => Kind::NodeReturned,
        Event::NodeRestarted(_) => Kind::NodeRestarted,
        Event::NodeAdded(_) => Kind::NodeAdded,
        Event::NodeRemoved(_) => Kind::NodeRemoved,
        Event::NodeRenamed(_) => Kind::NodeRenamed,
        Event::Late { .. } => Kind::Late,
        Event::LinkUp(..) => Kind::LinkUp,
        Event::LinkDown(..) => Kind::LinkDown,
        Event::Carrier(_, Carrier::Absent) => Kind::CarrierAbsent,
        Event::Carrier(_, Carrier::Present) => Kind::CarrierPresent,
        Event::Missing { .. } => Kind::Missing,
        Event::LostTooMany { .. } => Kind::LostTooMany,
        Event::NothingMissing(_) => Kind::NothingMissing,
        Event::RepeatRefused(..) => Kind::RepeatRefused,
        Event::Replay(_) => Kind::Replay,
        Event::NameConflict(_) => Kind::NameConflict,
        Event::CommunicationUp => Kind::CommunicationUp,
        Event::Active => Kind::Active,
        Event::LocalStall(_) => Kind::LocalStall,
        Event::Left => Kind::Left,
        _ => Kind::Other,
    }
}

fn node_of(event: Event) -> Option<NodeId> {
    match event {
        Event::NodeState(node)
        | Event::NodeDead(node)
        | Event::NodeReturned(node)
        | Event::NodeRestarted(node)
        | Event::NodeAdded(node)
        | Event::NodeRemoved(node)
        | Event::NodeRenamed(node)
        | Event::Late { node, .. }
        | Event::LinkUp(node, _)
        | Event::LinkDown(node, _)
        | Event::Missing { node, .. }
        | Event::LostTooMany { node, .. }
        | Event::NothingMissing(node)
        | Event::RepeatRefused(node, _)
        | Event::Replay(node) => Some(node),
        _ => None,
    }
}

fn link_of(event: Event) -> Option<LinkId> {
    match event {
        Event::LinkUp(_, link) | Event::LinkDown(_, link) | Event::Carrier(link, _) | Event::NameConflict(link) => {
            Some(link)
        }
        _ => None,
    }
}

fn value_of(event: Event) -> u64 {
    match event {
        Event::Late { interval: time, .. } | Event::LocalStall(time) => Instant::ZERO.after(time).as_micros(),
        Event::Missing { lost, .. } | Event::LostTooMany { lost, .. } => lost,
        Event::RepeatRefused(_, number) => number.0,
        _ => 0,
    }
}

fn kind_of_notice(notice: Notice) -> HbEventKind {
    use HbEventKind as Kind;
    match notice {
        Notice::LocalTransitionComplete => Kind::LocalTransitionComplete,
        Notice::RemoteTransitionComplete => Kind::RemoteTransitionComplete,
        Notice::AcquiringFrom(_) => Kind::AcquiringFrom,
        Notice::TakeoverComplete(_) => Kind::TakeoverComplete,
        Notice::NotFenced(_) => Kind::NotFenced,
        Notice::GaveUp(_) => Kind::GaveUp,
        Notice::ShutdownNotice(_) => Kind::ShutdownNotice,
        Notice::WantsStandby { .. } => Kind::WantsStandby,
        Notice::StandbyAgreed { .. } => Kind::StandbyAgreed,
        Notice::StandbyReleased(_) => Kind::StandbyReleased,
        Notice::StandbyHandedOver(_) => Kind::StandbyHandedOver,
        Notice::StandbyAcquired(_) => Kind::StandbyAcquired,
        Notice::StandbyIgnored { .. } => Kind::StandbyIgnored,
        Notice::StandbyUnanswered => Kind::StandbyUnanswered,
        Notice::StandbyCancelled => Kind::StandbyCancelled,
        Notice::Keeping(_) => Kind::Keeping,
        Notice::Yielding(_) => Kind::Yielding,
        Notice::StartFailed(_) => Kind::StartFailed,
        Notice::StopFailed(_) => Kind::StopFailed,
        Notice::Started(_) => Kind::Started,
        Notice::Stopped(_) => Kind::Stopped,
        Notice::GivingUp => Kind::GivingUp,
        Notice::AllReleased => Kind::AllReleased,
        Notice::GivingAway(_) => Kind::GivingAway,
        Notice::GroupLost(_) => Kind::GroupLost,
        Notice::ModeMismatch(_) => Kind::ModeMismatch,
        Notice::NoReport => Kind::NoReport,
        Notice::StandbyUnsupported => Kind::StandbyUnsupported,
        Notice::Fencing(_) => Kind::Fencing,
        Notice::Fenced(_) => Kind::Fenced,
        Notice::FenceFailed(_) => Kind::FenceFailed,
        Notice::FenceCancelled(_) => Kind::FenceCancelled,
        Notice::StandbyAcquiring { .. } => Kind::StandbyAcquiring,
    }
}

fn node_of_notice(notice: Notice) -> Option<NodeId> {
    match notice {
        Notice::AcquiringFrom(node)
        | Notice::TakeoverComplete(node)
        | Notice::NotFenced(node)
        | Notice::GaveUp(node)
        | Notice::ShutdownNotice(node)
        | Notice::WantsStandby { node, .. }
        | Notice::StandbyAgreed { node, .. }
        | Notice::StandbyAcquiring { node, .. }
        | Notice::StandbyIgnored { node, .. }
        | Notice::ModeMismatch(node)
        | Notice::Fencing(node)
        | Notice::Fenced(node)
        | Notice::FenceFailed(node)
        | Notice::FenceCancelled(node) => Some(node),
        _ => None,
    }
}

fn class_of_notice(notice: Notice) -> Option<Class> {
    match notice {
        Notice::WantsStandby { class, .. }
        | Notice::StandbyAgreed { class, .. }
        | Notice::StandbyAcquiring { class, .. }
        | Notice::StandbyReleased(class)
        | Notice::StandbyHandedOver(class)
        | Notice::StandbyAcquired(class)
        | Notice::Keeping(class)
        | Notice::Yielding(class)
        | Notice::GivingAway(class) => Some(class),
        _ => None,
    }
}

fn group_of_notice(notice: Notice) -> Option<GroupId> {
    match notice {
        Notice::StartFailed(group)
        | Notice::StopFailed(group)
        | Notice::GroupLost(group)
        | Notice::Started(group)
        | Notice::Stopped(group) => Some(group),
        _ => None,
    }
}

/// The sentences, with `%n` for the node, `%s` for its state, `%l` for the link, `%c` for the class, `%v` for the number and `%m` for
/// the number as milliseconds.
const SENTENCES: &[(HbEventKind, &str)] = &[
    (HbEventKind::NodeState, "node %n is %s"),
    (HbEventKind::NodeDead, "node %n is dead"),
    (HbEventKind::NodeReturned, "node %n was dead and is back: a partition healed"),
    (HbEventKind::NodeRestarted, "node %n has restarted"),
    (HbEventKind::NodeAdded, "node %n joins"),
    (HbEventKind::NodeRemoved, "node %n was taken out"),
    (HbEventKind::NodeRenamed, "node %n has a new name"),
    (HbEventKind::Late, "late heartbeat of node %n: %m ms"),
    (HbEventKind::LinkUp, "node %n is heard on link %l"),
    (HbEventKind::LinkDown, "node %n is not heard on link %l"),
    (HbEventKind::CarrierAbsent, "link %l has no carrier"),
    (HbEventKind::CarrierPresent, "link %l has a carrier"),
    (HbEventKind::Missing, "%v messages of node %n are missing"),
    (HbEventKind::LostTooMany, "%v messages of node %n are lost"),
    (HbEventKind::NothingMissing, "nothing is missing from node %n"),
    (HbEventKind::RepeatRefused, "message %v of node %n is lost"),
    (HbEventKind::Replay, "replayed message of node %n"),
    (HbEventKind::NameConflict, "another host on link %l uses our name"),
    (HbEventKind::CommunicationUp, "all nodes were heard or are dead"),
    (HbEventKind::Active, "this node is active"),
    (HbEventKind::LocalStall, "this node was not running for %m ms"),
    (HbEventKind::Left, "this node has left the cluster"),
    (HbEventKind::LocalTransitionComplete, "this node has settled"),
    (HbEventKind::RemoteTransitionComplete, "the other node has settled"),
    (HbEventKind::AcquiringFrom, "taking over from node %n"),
    (HbEventKind::TakeoverComplete, "takeover from node %n is complete"),
    (HbEventKind::NotFenced, "node %n is dead and not fenced"),
    (HbEventKind::GaveUp, "node %n held nothing"),
    (HbEventKind::ShutdownNotice, "node %n has released everything and leaves"),
    (HbEventKind::WantsStandby, "node %n wants to give its %c groups away"),
    (HbEventKind::StandbyAgreed, "node %n takes our %c groups"),
    (HbEventKind::StandbyReleased, "our %c groups are released"),
    (HbEventKind::StandbyHandedOver, "the other node runs our %c groups"),
    (HbEventKind::StandbyAcquired, "the other node's %c groups run here"),
    (HbEventKind::StandbyIgnored, "standby request of node %n is ignored"),
    (HbEventKind::StandbyUnanswered, "nobody answered the standby request"),
    (HbEventKind::StandbyCancelled, "the standby is cancelled"),
    (HbEventKind::Keeping, "both nodes own groups: this one keeps its %c ones"),
    (HbEventKind::Yielding, "both nodes own groups: this one gives up its %c ones"),
    (HbEventKind::StartFailed, "group %v could not be started"),
    (HbEventKind::StopFailed, "group %v could not be stopped"),
    (HbEventKind::Started, "group %v runs here"),
    (HbEventKind::Stopped, "group %v is stopped here"),
    (HbEventKind::GivingUp, "giving everything up"),
    (HbEventKind::AllReleased, "everything is given up"),
    (HbEventKind::GivingAway, "the other node is asked to take %c groups, which do not start here"),
    (HbEventKind::GroupLost, "group %v lacks something here: the other node is asked to take it"),
    (HbEventKind::ModeMismatch, "node %n has another kind of auto_failback: one legacy, one not"),
    (HbEventKind::StandbyUnsupported, "auto_failback legacy has no standby"),
    (HbEventKind::NoReport, "the peer does not report its claim: nothing is started until it does"),
    (HbEventKind::Fencing, "node %n is being fenced"),
    (HbEventKind::Fenced, "node %n is fenced"),
    (HbEventKind::FenceFailed, "node %n could not be fenced; it is tried again"),
    (HbEventKind::FenceCancelled, "node %n is heard again and not fenced any more"),
    (HbEventKind::StandbyAcquiring, "node %n has released its %c groups, which are started here"),
];

struct Line<'a> {
    event: HbEvent,
    engine: &'a Engine,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.event.kind;
        let known = SENTENCES.iter().find(|(known, _)| *known as u32 == kind);
        let Some((_, sentence)) = known else { return write!(f, "event {kind}") };
        let mut parts = sentence.split('%');
        f.write_str(parts.next().unwrap_or_default())?;
        for part in parts {
            let mut rest = part.chars();
            self.placeholder(f, rest.next())?;
            f.write_str(rest.as_str())?;
        }
        Ok(())
    }
}

impl Line<'_> {
    fn placeholder(&self, f: &mut fmt::Formatter<'_>, letter: Option<char>) -> fmt::Result {
        let HbEvent { node, link, group_class, value, .. } = self.event;
        let node = u8::try_from(node).ok().and_then(|id| self.engine.node(NodeId(id)));
        match letter {
            Some('n') => f.write_str(node.map_or("?", |node| node.name.as_str())),
            Some('s') => f.write_str(node.map_or("?", |node| node.state.as_str())),
            Some('l') => write!(f, "{link}"),
            Some('c') => f.write_str(["local", "foreign", "own"].get(group_class as usize).copied().unwrap_or("?")),
            Some('m') => write!(f, "{}", value / 1000),
            _ => write!(f, "{value}"),
        }
    }
}
