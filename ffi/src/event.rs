//! What happened: for logs and for people.

use core::ffi::c_char;
use core::fmt;

use engine::id::{GroupId, LinkId, NodeId};
use engine::takeover::{Class, Notice};
use engine::{Carrier, Event};

use crate::cluster::{Engine, HbClass};
use crate::edge::{HbCluster, call, input, look};
use crate::result::HbResult;
use crate::text;

/// "None" in the fields `node`, `link` and `group_class` of an event; also the node of a group without a home.
pub const HB_NONE: u32 = u32::MAX;

/// What happened.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HbEventKind {
    /// An event that this version has no number for.
    Other = 0,
    /// The state of `node` is another: look at it.
    NodeState = 1,
    /// `node` is dead: nothing was heard from it for its dead time.
    NodeDead = 2,
    /// `node` was dead and speaks again in the same run: a partition healed.
    NodeReturned = 3,
    /// `node` began a new run.
    NodeRestarted = 4,
    /// `node` joined, and was not configured.
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
    /// `value` messages of `node` are missing; they will be asked for.
    Missing = 13,
    /// `value` messages of `node` are missing: too many to ask for.
    LostTooMany = 14,
    /// Nothing is missing from `node` any more.
    NothingMissing = 15,
    /// `node` cannot repeat message number `value`: it is lost.
    RepeatRefused = 16,
    /// `node` sent a message of an earlier run. A copy by somebody else?
    Replay = 17,
    /// Another host uses our name, on `link`.
    NameConflict = 18,
    /// All nodes were heard or are dead.
    CommunicationUp = 19,
    /// This node is active.
    Active = 20,
    /// This node was not running for `value` microseconds.
    LocalStall = 21,
    /// Everything was given up: the program may end when its outputs are drained.
    Left = 22,

    /// Our own start is complete.
    LocalTransitionComplete = 64,
    /// The other node's claims are settled.
    RemoteTransitionComplete = 65,
    /// The groups of `node`, which is dead or leaves, are being acquired.
    AcquiringFrom = 66,
    /// The groups of `node`, which is dead, run here.
    TakeoverComplete = 67,
    /// `node` is dead, may hold something, and is not fenced.
    NotFenced = 68,
    /// `node` is dead and held nothing.
    GaveUp = 69,
    /// `node` released everything and leaves.
    ShutdownNotice = 70,
    /// `node` wants to give groups of `group_class` away.
    WantsStandby = 71,
    /// `node` takes our groups of `group_class`.
    StandbyAgreed = 72,
    /// Our groups of `group_class` were released.
    StandbyReleased = 73,
    /// The other node runs what we released.
    StandbyHandedOver = 74,
    /// We run what the other node released.
    StandbyAcquired = 75,
    /// A standby request of `node` was ignored.
    StandbyIgnored = 76,
    /// Nobody answered our standby request.
    StandbyUnanswered = 77,
    /// The standby ended because the other node died.
    StandbyCancelled = 78,
    /// Both nodes own groups after a partition: we keep `group_class`.
    Keeping = 79,
    /// Both nodes own groups after a partition: we release `group_class`.
    Yielding = 80,
    /// Group number `value` could not be started.
    StartFailed = 81,
    /// Group number `value` could not be stopped.
    StopFailed = 82,
    /// Group number `value` runs here.
    Started = 83,
    /// Group number `value` is stopped here.
    Stopped = 84,
    /// We begin to give everything up.
    GivingUp = 85,
    /// Everything was given up.
    AllReleased = 86,
    /// Groups of `group_class` cannot be started here: the other node is asked to take them.
    GivingAway = 87,
    /// `node` has another kind of `auto_failback`: one has `legacy`, the other has not. They cannot share groups.
    ModeMismatch = 88,
    /// Standby was asked for, which `auto_failback legacy` does not have.
    StandbyUnsupported = 89,
    /// `node` is dead, may hold something, and is being fenced.
    Fencing = 90,
    /// `node` is fenced.
    Fenced = 91,
    /// The fencing of `node` failed; it is tried again.
    FenceFailed = 92,
    /// `node` is heard again: it is not fenced any more.
    FenceCancelled = 93,
    /// `node` has released its groups of `group_class`, and they are started here.
    StandbyAcquiring = 94,
    /// The other node does not say what it holds; nothing is started until it does.
    NoReport = 95,
}

/// Something that happened. What the fields mean is said at its kind; those without a meaning are `HB_NONE` or 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HbEvent {
    /// What: an `hb_event_kind_t`.
    pub kind: u32,
    /// Which node.
    pub node: u32,
    /// Which link.
    pub link: u32,
    /// Which groups: an `hb_class_t`.
    pub group_class: u32,
    /// A number.
    pub value: u64,
}

/// Writes what happened as a line for people, such as `node bravo is dead`, into `text` of `size` bytes; 120 are enough for any names
/// but the longest. The event is one that this cluster gave.
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

const NOTHING: HbEvent = HbEvent { kind: 0, node: HB_NONE, link: HB_NONE, group_class: HB_NONE, value: 0 };

fn of(kind: HbEventKind) -> HbEvent {
    HbEvent { kind: kind as u32, ..NOTHING }
}

fn of_node(kind: HbEventKind, node: NodeId) -> HbEvent {
    HbEvent { node: u32::from(node.0), ..of(kind) }
}

fn of_link(kind: HbEventKind, link: LinkId) -> HbEvent {
    HbEvent { link: u32::from(link.0), ..of(kind) }
}

fn of_class(kind: HbEventKind, class: Class) -> HbEvent {
    HbEvent { group_class: class_number(class), ..of(kind) }
}

fn of_group(kind: HbEventKind, group: GroupId) -> HbEvent {
    HbEvent { value: u64::from(group.0), ..of(kind) }
}

fn class_number(class: Class) -> u32 {
    (match class {
        Class::Local => HbClass::Local,
        Class::Foreign => HbClass::Foreign,
        Class::All => HbClass::All,
    }) as u32
}

/// The event as C has it.
pub(crate) fn event(event: Event) -> HbEvent {
    use HbEventKind as Kind;
    let micros = |time: core::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    match event {
        Event::NodeState(node) => of_node(Kind::NodeState, node),
        Event::NodeDead(node) => of_node(Kind::NodeDead, node),
        Event::NodeReturned(node) => of_node(Kind::NodeReturned, node),
        Event::NodeRestarted(node) => of_node(Kind::NodeRestarted, node),
        Event::NodeAdded(node) => of_node(Kind::NodeAdded, node),
        Event::NodeRemoved(node) => of_node(Kind::NodeRemoved, node),
        Event::NodeRenamed(node) => of_node(Kind::NodeRenamed, node),
        Event::Late { node, interval, .. } => HbEvent { value: micros(interval), ..of_node(Kind::Late, node) },
        Event::LinkUp(node, link) => HbEvent { link: u32::from(link.0), ..of_node(Kind::LinkUp, node) },
        Event::LinkDown(node, link) => HbEvent { link: u32::from(link.0), ..of_node(Kind::LinkDown, node) },
        Event::Carrier(link, Carrier::Absent) => of_link(Kind::CarrierAbsent, link),
        Event::Carrier(link, Carrier::Present) => of_link(Kind::CarrierPresent, link),
        Event::Missing { node, lost, .. } => HbEvent { value: lost, ..of_node(Kind::Missing, node) },
        Event::LostTooMany { node, lost } => HbEvent { value: lost, ..of_node(Kind::LostTooMany, node) },
        Event::NothingMissing(node) => of_node(Kind::NothingMissing, node),
        Event::RepeatRefused(node, number) => HbEvent { value: number.0, ..of_node(Kind::RepeatRefused, node) },
        Event::Replay(node) => of_node(Kind::Replay, node),
        Event::NameConflict(link) => of_link(Kind::NameConflict, link),
        Event::CommunicationUp => of(Kind::CommunicationUp),
        Event::Active => of(Kind::Active),
        Event::LocalStall(time) => HbEvent { value: micros(time), ..of(Kind::LocalStall) },
        Event::Resource(notice) => resource(notice),
        Event::Left => of(Kind::Left),
        _ => of(Kind::Other),
    }
}

fn resource(notice: Notice) -> HbEvent {
    use HbEventKind as Kind;
    match notice {
        Notice::LocalTransitionComplete => of(Kind::LocalTransitionComplete),
        Notice::RemoteTransitionComplete => of(Kind::RemoteTransitionComplete),
        Notice::AcquiringFrom(node) => of_node(Kind::AcquiringFrom, node),
        Notice::TakeoverComplete(node) => of_node(Kind::TakeoverComplete, node),
        Notice::NotFenced(node) => of_node(Kind::NotFenced, node),
        Notice::GaveUp(node) => of_node(Kind::GaveUp, node),
        Notice::ShutdownNotice(node) => of_node(Kind::ShutdownNotice, node),
        Notice::WantsStandby { node, class } => {
            HbEvent { group_class: class_number(class), ..of_node(Kind::WantsStandby, node) }
        }
        Notice::StandbyAgreed { node, class } => {
            HbEvent { group_class: class_number(class), ..of_node(Kind::StandbyAgreed, node) }
        }
        Notice::StandbyReleased(class) => of_class(Kind::StandbyReleased, class),
        Notice::StandbyHandedOver(class) => of_class(Kind::StandbyHandedOver, class),
        Notice::StandbyAcquired(class) => of_class(Kind::StandbyAcquired, class),
        Notice::StandbyIgnored { node, .. } => of_node(Kind::StandbyIgnored, node),
        Notice::StandbyUnanswered => of(Kind::StandbyUnanswered),
        Notice::StandbyCancelled => of(Kind::StandbyCancelled),
        Notice::Keeping(class) => of_class(Kind::Keeping, class),
        Notice::Yielding(class) => of_class(Kind::Yielding, class),
        Notice::StartFailed(group) => of_group(Kind::StartFailed, group),
        Notice::StopFailed(group) => of_group(Kind::StopFailed, group),
        Notice::Started(group) => of_group(Kind::Started, group),
        Notice::Stopped(group) => of_group(Kind::Stopped, group),
        Notice::GivingUp => of(Kind::GivingUp),
        Notice::AllReleased => of(Kind::AllReleased),
        Notice::GivingAway(class) => of_class(Kind::GivingAway, class),
        Notice::ModeMismatch(node) => of_node(Kind::ModeMismatch, node),
        Notice::NoReport => of(Kind::NoReport),
        Notice::StandbyUnsupported => of(Kind::StandbyUnsupported),
        Notice::Fencing(node) => of_node(Kind::Fencing, node),
        Notice::Fenced(node) => of_node(Kind::Fenced, node),
        Notice::FenceFailed(node) => of_node(Kind::FenceFailed, node),
        Notice::FenceCancelled(node) => of_node(Kind::FenceCancelled, node),
        Notice::StandbyAcquiring { node, class } => {
            HbEvent { group_class: class_number(class), ..of_node(Kind::StandbyAcquiring, node) }
        }
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
    (HbEventKind::ModeMismatch, "node %n has another kind of auto_failback: one legacy, one not"),
    (HbEventKind::StandbyUnsupported, "auto_failback legacy has no standby"),
    (HbEventKind::NoReport, "the other node does not say what it holds: nothing is started until it does"),
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
