//! The words of resource management: claims, messages to the peer, notices for people.

use crate::id::{GroupId, NodeId};

/// The classes of groups that a node claims, from its own point of view (`rsc_hold`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// The groups whose home it is.
    pub local: bool,
    /// All other groups.
    pub foreign: bool,
}

impl Holds {
    /// Nothing.
    pub const NONE: Self = Self { local: false, foreign: false };
    /// Both classes.
    pub const ALL: Self = Self { local: true, foreign: true };

    /// The word on the wire: `none`, `local`, `foreign` or `all`.
    pub fn as_str(self) -> &'static str {
        match (self.local, self.foreign) {
            (false, false) => "none",
            (true, false) => "local",
            (false, true) => "foreign",
            (true, true) => "all",
        }
    }

    /// Reads the word of the wire; `None` for any other.
    pub fn parse(word: &[u8]) -> Option<Self> {
        [Self::NONE, Self { local: true, foreign: false }, Self { local: false, foreign: true }, Self::ALL]
            .into_iter()
            .find(|h| h.as_str().as_bytes() == word)
    }

    pub(super) fn without(self, class: Class) -> Self {
        Self { local: self.local && !class.has_local(), foreign: self.foreign && !class.has_foreign() }
    }

    pub(super) fn with(self, class: Class) -> Self {
        Self { local: self.local || class.has_local(), foreign: self.foreign || class.has_foreign() }
    }
}

/// The groups that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The groups whose home is the node in question.
    // Not 0, so that 0 is the `None` of an option: an engine without a configuration is all zeros.
    Local = 1,
    /// The groups whose home is another node.
    Foreign,
    /// Every group.
    All,
}

impl Class {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Foreign => "foreign",
            Self::All => "all",
        }
    }

    /// Reads the word of the wire; `none` and unknown words are no class.
    pub fn parse(word: &[u8]) -> Option<Self> {
        [Self::Local, Self::Foreign, Self::All].into_iter().find(|c| c.as_str().as_bytes() == word)
    }

    /// The same groups from the peer's point of view.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::Local => Self::Foreign,
            Self::Foreign => Self::Local,
            Self::All => Self::All,
        }
    }

    pub(super) fn has_local(self) -> bool {
        self != Self::Foreign
    }

    pub(super) fn has_foreign(self) -> bool {
        self != Self::Local
    }
}

/// The groups that a node asks for, from its own point of view (`rsc_hold` of `hb_takeover`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Groups of this class.
    Class(Class),
    /// The failback of its own groups.
    Failback,
}

impl Wish {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Class(class) => class.as_str(),
            Self::Failback => "failback",
        }
    }

    /// Reads the word of the wire.
    pub fn parse(word: &[u8]) -> Option<Self> {
        if word == b"failback" { Some(Self::Failback) } else { Class::parse(word).map(Self::Class) }
    }

    /// The groups that a node hands over when a peer asks for this. 3.0.6 takes `failback` for `all` here, and so
    /// hands over its own groups as well.
    pub fn to_give(self) -> Class {
        match self {
            Self::Class(class) => class.mirrored(),
            Self::Failback => Class::Foreign,
        }
    }
}

/// Progress of this node in resource management.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is not active yet: membership is still incomplete.
    Init,
    /// It is active, and has sent `starting`.
    Starting,
    /// It is active, and the peer is starting too.
    BothStarting,
    /// The peer reported its claims, and is not stable yet.
    Reported,
    /// Our claims are final until something happens.
    Stable,
    /// All groups are being released.
    Leaving,
    /// All groups are released, and this node has told that. It does nothing more.
    Left,
}

impl Phase {
    /// Whether the node is active and does not know yet which groups are its own.
    pub(super) fn is_starting(self) -> bool {
        matches!(self, Self::Starting | Self::BothStarting | Self::Reported)
    }
}

/// `info` of a `resource` report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Info {
    /// A plain report.
    Plain,
    /// The sender is about to release groups for a standby.
    Standby,
    /// The sender is about to leave.
    Shutdown,
    /// The sender has acquired its own groups.
    OwnAcquired,
}

/// The groups that a node started, wholly or in part, while it did not hear its peer, of all that it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inheritance {
    /// None of them.
    #[default]
    Nothing,
    /// Some of them.
    Part,
    /// All of them.
    All,
}

/// Step of the standby exchange (`info` of `ask_resources`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The giver asks.
    Me,
    /// The taker grants it.
    Other,
    /// The giver has released them, or the taker has acquired them.
    Done,
}

/// The treatment of a dead node (`result` of `stonith`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceResult {
    /// It had released all groups, so there was nothing to fence.
    Unneeded,
    /// There is no device.
    NoDevice,
    /// It is fenced.
    Done,
    /// The device failed; it is tried again.
    Failed,
}

/// A message that the peer must get, in order. The cluster numbers and sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// `starting`
    Starting,
    /// `resource` with `rtype=full`
    Report {
        /// Our claims.
        hold: Holds,
        /// Whether they are final.
        stable: bool,
        /// The reason for the report.
        info: Info,
    },
    /// `resource rsc_hold=foreign info=mach_down`: the groups of a dead node run here.
    TakeoverDone,
    /// `ask_resources`
    Ask {
        /// From the giver's point of view.
        class: Class,
        /// The step.
        step: Ask,
    },
    /// `shutdone`
    Shutdone,
    /// `hb_takeover`: the peers are to go standby, so that this node gets groups.
    HbTakeover(Wish),
    /// `ip-request`: asks for a group of ours (legacy).
    GroupRequest(GroupId),
    /// `ip-request-resp`: the group is not here, or not any more (legacy).
    GroupAnswer {
        /// The node that asked.
        to: NodeId,
        /// The group.
        group: GroupId,
        /// Whether it was here until now.
        was_here: bool,
    },
    /// `stonith`: a node died, and whether it might still run groups.
    Stonith {
        /// The dead node.
        node: NodeId,
        /// Its treatment.
        result: FenceResult,
    },
}

/// A notice for the log and for people. The machine works even if nothing reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The peer does not report its claim; nothing is started until it does.
    NoReport,
    /// Our own start is complete.
    LocalTransitionComplete,
    /// The peer's claims became final.
    RemoteTransitionComplete,
    /// The groups of a dead or leaving node are being acquired.
    AcquiringFrom(NodeId),
    /// The groups of a dead node run here.
    TakeoverComplete(NodeId),
    /// A dead node that may run groups is not fenced: no device is configured for it.
    NotFenced(NodeId),
    /// A dead node that may run groups is being fenced; its groups are not started before that is done.
    Fencing(NodeId),
    /// A dead node is fenced.
    Fenced(NodeId),
    /// The device failed; it is tried again after five seconds.
    FenceFailed(NodeId),
    /// The node is heard again: it is not fenced any more.
    FenceCancelled(NodeId),
    /// A dead node had released all groups.
    GaveUp(NodeId),
    /// The peer released all groups and leaves.
    ShutdownNotice(NodeId),
    /// A node asks to hand groups over.
    WantsStandby {
        /// The giver.
        node: NodeId,
        /// The groups, from its point of view.
        class: Class,
    },
    /// The peer granted the request to take over our groups.
    StandbyAgreed {
        /// The taker.
        node: NodeId,
        /// The groups.
        class: Class,
    },
    /// Our groups were released.
    StandbyReleased(Class),
    /// The peer runs the groups that we released.
    StandbyHandedOver(Class),
    /// The peer has released groups, and they are started here.
    StandbyAcquiring {
        /// The giver.
        node: NodeId,
        /// The groups, from its point of view.
        class: Class,
    },
    /// We run the groups that the peer released.
    StandbyAcquired(Class),
    /// A standby request was ignored, because something else is under way.
    StandbyIgnored {
        /// The node that asked.
        node: NodeId,
        /// True: the peer's claims are not final; false: ours are not.
        other_in_flux: bool,
    },
    /// The peer did not answer our standby request in time.
    StandbyUnanswered,
    /// The pending standby ended because the peer died.
    StandbyCancelled,
    /// Both nodes own groups after a partition: this node keeps the class.
    Keeping(Class),
    /// Both nodes own groups after a partition: this node releases the class.
    Yielding(Class),
    /// A group could not be started.
    StartFailed(GroupId),
    /// A group could not be stopped: it may still run here, so no other node may start it, and this node should be
    /// fenced.
    StopFailed(GroupId),
    /// Groups of the class cannot be started here: the peer is asked to take them over.
    GivingAway(Class),
    /// A group that ran here has lost a resource that cannot be put back: the peer is asked to take over its class.
    GroupLost(GroupId),
    /// A node speaks the other protocol: one has `auto_failback legacy`, the other has not. They cannot share groups.
    ModeMismatch(NodeId),
    /// Standby was asked for, but `auto_failback legacy` has none.
    StandbyUnsupported,
    /// A group started here.
    Started(GroupId),
    /// A group stopped here.
    Stopped(GroupId),
    /// This node begins to release all groups.
    GivingUp,
    /// All groups are released.
    AllReleased,
}
