//! Beginning, inputs and end of a cluster.

use core::ffi::c_void;

use engine::id::LinkId;
use engine::takeover::{Class, Effect, GroupState, Outcome, Ticket, Wish};
use engine::time::Instant;
use engine::wire::FrameReader;
use engine::{Carrier, LinkForm, Received, Request};
use heapless::Vec;

use crate::config::{HbKey, HbLinkForm, engine_keys};
use crate::edge::{Checked, HbCluster, bytes, call, demolish, optional_output, with};
use crate::limits::{HB_FRAME, HB_GROUPS, HB_HISTORY, HB_KEYS, HB_LINKS, HB_NODES, HB_SERIAL_LINKS};
use crate::result::HbResult;

/// The engine with the capacities of this library.
pub(crate) type Engine = engine::cluster! {
    nodes: HB_NODES,
    links: HB_LINKS,
    groups: HB_GROUPS,
    history: HB_HISTORY,
    keys: HB_KEYS,
};

/// The content of the storage of a cluster.
pub(crate) struct Body {
    pub(crate) engine: Engine,
    pub(crate) ports: Ports,
}

/// The properties of links and effects that the engine does not know.
pub(crate) struct Ports {
    /// The form of each link, so that bytes and datagrams are not mixed up.
    pub(crate) forms: Vec<u32, HB_LINKS>,
    /// The reader that joins the bytes of each serial link to messages; the first serial link comes first.
    frames: [FrameReader<HB_FRAME>; HB_SERIAL_LINKS],
    serial: Vec<LinkId, HB_SERIAL_LINKS>,
    /// The latest ticket for each group.
    tickets: [Option<u32>; HB_GROUPS],
    /// The latest ticket for the fencing of each node.
    fences: [Option<u32>; HB_NODES],
}

#[expect(clippy::large_stack_arrays, reason = "a constant")]
impl Ports {
    /// No ports yet. All bits are zero, so that the value can be made in place.
    pub(crate) const NONE: Self = Self {
        forms: Vec::new(),
        frames: [const { FrameReader::new() }; HB_SERIAL_LINKS],
        serial: Vec::new(),
        tickets: [None; HB_GROUPS],
        fences: [None; HB_NODES],
    };

    /// Adds the links in their order.
    pub(crate) fn open(&mut self, links: &[LinkForm]) -> Checked<()> {
        for (link, form) in (0..).map(LinkId).zip(links) {
            self.forms.push(form_number(*form)).map_err(|_| HbResult::TooManyLinks)?;
            if matches!(form, LinkForm::Serial { .. }) {
                self.serial.push(link).map_err(|_| HbResult::TooManyLinks)?;
            }
        }
        Ok(())
    }

    /// The reader of a serial link.
    pub(crate) fn frames(&self, link: LinkId) -> Option<&FrameReader<HB_FRAME>> {
        let place = self.serial.iter().position(|id| *id == link)?;
        self.frames.get(place)
    }

    fn frames_mut(&mut self, link: LinkId) -> Option<&mut FrameReader<HB_FRAME>> {
        let place = self.serial.iter().position(|id| *id == link)?;
        self.frames.get_mut(place)
    }

    pub(crate) fn form(&self, link: u32) -> Checked<(LinkId, u32)> {
        let form = usize::try_from(link).ok().and_then(|index| self.forms.get(index));
        Ok((LinkId(link as u8), *form.ok_or(HbResult::NotFound)?))
    }

    /// Notes the ticket of an effect.
    pub(crate) fn give(&mut self, ticket: u32, effect: Effect) {
        let place = match effect {
            Effect::Acquire(group) | Effect::Release(group) | Effect::Escalate(group) => {
                self.tickets.get_mut(usize::from(group.0))
            }
            Effect::Fence(node) => self.fences.get_mut(usize::from(node.0)),
            Effect::Announce(_) => None,
        };
        if let Some(place) = place {
            *place = Some(ticket);
        }
    }
}

impl Body {
    /// A serial link, and the parts that process its bytes.
    pub(crate) fn serial(&mut self, link: u32) -> Checked<(LinkId, &mut Engine, &mut FrameReader<HB_FRAME>)> {
        let (link, _) = self.ports.form(link)?;
        let Self { engine, ports } = self;
        Ok((link, engine, ports.frames_mut(link).ok_or(HbResult::WrongLink)?))
    }

    /// Takes back the ticket of an effect that is not complete.
    fn redeem(&mut self, ticket: u32) -> Checked<Ticket> {
        let Self { engine, ports: Ports { tickets, fences, .. } } = self;
        let mut groups = tickets.iter_mut().zip(engine.groups());
        let group = groups.find(|(given, group)| **given == Some(ticket) && is_moving(group.state()));
        let given = group.map(|(given, _)| given).or_else(|| fences.iter_mut().find(|given| **given == Some(ticket)));
        given.and_then(Option::take).map(Ticket::from_raw).ok_or(HbResult::StaleTicket)
    }
}

fn is_moving(state: GroupState) -> bool {
    matches!(state, GroupState::Starting | GroupState::Stopping | GroupState::Stuck)
}

/// The number of a link's form in C.
pub(crate) fn form_number(form: LinkForm) -> u32 {
    match form {
        LinkForm::Datagram => HbLinkForm::Datagram as u32,
        LinkForm::Serial { .. } => HbLinkForm::Serial as u32,
        LinkForm::Ping(_) => HbLinkForm::Ping as u32,
    }
}

/// The kind of a datagram that was not dropped as an error.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbReceived {
    /// A new message.
    New = 0,
    /// The newest message of its sender once more. This is normal with several links.
    Duplicate = 1,
    /// An older message that was not missing.
    Old = 2,
    /// A message for another node.
    NotForUs = 3,
    /// Our own message, which came back.
    OwnEcho = 4,
    /// The first message of a node that this message added to the cluster.
    Joined = 5,
    /// A new message of a type that the library does not act on: one of a client. `hb_cluster_fields` reads it.
    ForClients = 6,
}

/// A class of groups for a standby or takeover.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbClass {
    /// The groups whose home is this node.
    Local = 0,
    /// The groups whose home is another node.
    Foreign = 1,
    /// All groups.
    All = 2,
}

/// The outcome of an effect.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbOutcome {
    /// The effect succeeded.
    Done = 0,
    /// The effect failed. After a failed start, everything that it had started was stopped again; after a failed stop,
    /// something still runs.
    Failed = 1,
    /// A start failed, and something that it had started could not be stopped again.
    FailedAndStuck = 2,
}

/// Ends a cluster and wipes its storage, keys included. The other nodes are not told; to tell them, call
/// `hb_cluster_leave` and wait for `HB_EVENT_LEFT` first. A poisoned cluster can be ended too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_deinit(cluster: *mut HbCluster) -> HbResult {
    call(|| demolish(cluster))
}

/// Processes a datagram that arrived on `link`. Any bytes may be passed: the library interprets a datagram only after
/// it has checked its signature. It counts a dropped datagram and returns the reason: an error from
/// `HB_RESULT_PACKET_EMPTY` on. `received` may be NULL. The work is proportional to `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_handle(
    cluster: *mut HbCluster,
    now_us: u64,
    link: u32,
    data: *const c_void,
    len: usize,
    received: *mut u32,
) -> HbResult {
    call(|| {
        let (data, received) = (bytes(data, len)?, optional_output(received)?);
        with(cluster, |body| {
            let (link, form) = body.ports.form(link)?;
            if form == HbLinkForm::Serial as u32 {
                return Err(HbResult::WrongLink);
            }
            let what = body.engine.handle(Instant::from_micros(now_us), link, data)?;
            if let Some(received) = received {
                received.set(number(what));
            }
            Ok(())
        })
    })
}

pub(crate) fn number(received: Received) -> u32 {
    (match received {
        Received::New => HbReceived::New,
        Received::Duplicate => HbReceived::Duplicate,
        Received::Old => HbReceived::Old,
        Received::NotForUs => HbReceived::NotForUs,
        Received::OwnEcho => HbReceived::OwnEcho,
        Received::Joined => HbReceived::Joined,
        Received::ForClients => HbReceived::ForClients,
    }) as u32
}

/// Processes bytes that arrived on a serial link, as many or few as there are, and finds the messages in them. Noise,
/// broken messages and messages that are not authentic are counted (`hb_cluster_link`, `hb_cluster_counter`) and are no
/// error. `messages` gets the number of messages that were processed or were copies of processed ones, and may be NULL.
/// The work is proportional to `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_feed(
    cluster: *mut HbCluster,
    now_us: u64,
    link: u32,
    data: *const c_void,
    len: usize,
    messages: *mut usize,
) -> HbResult {
    call(|| {
        let (data, messages) = (bytes(data, len)?, optional_output(messages)?);
        with(cluster, |body| {
            let (link, engine, reader) = body.serial(link)?;
            let (mut input, mut accepted) = (data, 0);
            while let Some(message) = reader.push(&mut input) {
                accepted += usize::from(engine.handle(Instant::from_micros(now_us), link, message).is_ok());
            }
            if let Some(messages) = messages {
                messages.set(accepted);
            }
            Ok(())
        })
    })
}

/// Does everything that is due. Call it when the deadline has come; extra calls are harmless. Time never goes back: if
/// `now_us` is earlier than in the call before, the time counts as unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_advance(cluster: *mut HbCluster, now_us: u64) -> HbResult {
    call(|| {
        with(cluster, |body| {
            body.engine.advance(Instant::from_micros(now_us));
            Ok(())
        })
    })
}

/// Reports that a link has a carrier (1) or none (0). The library only gives an event for it: nodes die by their
/// deadtime alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_link_changed(
    cluster: *mut HbCluster,
    now_us: u64,
    link: u32,
    carrier: u32,
) -> HbResult {
    call(|| {
        let carrier = match carrier {
            0 => Carrier::Absent,
            1 => Carrier::Present,
            _ => return Err(HbResult::BadValue),
        };
        with(cluster, |body| {
            let (link, _) = body.ports.form(link)?;
            body.engine.link_changed(Instant::from_micros(now_us), link, carrier);
            Ok(())
        })
    })
}

/// Hands groups over to the other node. `class` is an `hb_class_t`. The hand-over has begun when this returns
/// `HB_RESULT_OK`; effects and events show its progress. Otherwise the result is the reason: one from
/// `HB_RESULT_NOT_MANAGED` on. A cluster in transition settles within seconds: try again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_standby(cluster: *mut HbCluster, now_us: u64, class: u32) -> HbResult {
    call(|| request(cluster, now_us, Request::Standby(class_of(class)?)))
}

fn class_of(class: u32) -> Checked<Class> {
    match class {
        n if n == HbClass::Local as u32 => Ok(Class::Local),
        n if n == HbClass::Foreign as u32 => Ok(Class::Foreign),
        n if n == HbClass::All as u32 => Ok(Class::All),
        _ => Err(HbResult::BadValue),
    }
}

/// Asks the other node to hand groups over, as if it were told to go standby. `class` is an `hb_class_t`. The hand-over
/// has begun when this returns `HB_RESULT_OK`; effects and events show its progress.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_takeover(cluster: *mut HbCluster, now_us: u64, class: u32) -> HbResult {
    call(|| request(cluster, now_us, Request::Takeover(Wish::Class(class_of(class)?))))
}

/// Releases all groups and leaves the cluster. The other node takes over as soon as the groups are released. Go on as
/// before until `HB_EVENT_LEFT`, and then send all datagrams that are still to be polled. Calling this twice is no
/// error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_leave(cluster: *mut HbCluster, now_us: u64) -> HbResult {
    call(|| request(cluster, now_us, Request::Leave))
}

fn request(cluster: *mut HbCluster, now_us: u64, request: Request) -> Checked<()> {
    with(cluster, |body| Ok(body.engine.request(Instant::from_micros(now_us), request)?))
}

/// Reports the outcome of an effect: `outcome` is an `hb_outcome_t`. The ticket is used up. Returns
/// `HB_RESULT_STALE_TICKET`, and does nothing, if no effect with this ticket is in progress.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_complete(
    cluster: *mut HbCluster,
    now_us: u64,
    ticket: u32,
    outcome: u32,
) -> HbResult {
    call(|| {
        let outcome = match outcome {
            n if n == HbOutcome::Done as u32 => Outcome::Done,
            n if n == HbOutcome::Failed as u32 => Outcome::Failed,
            n if n == HbOutcome::FailedAndStuck as u32 => Outcome::FailedAndStuck,
            _ => return Err(HbResult::BadValue),
        };
        with(cluster, |body| {
            let ticket = body.redeem(ticket)?;
            body.engine.complete(Instant::from_micros(now_us), ticket, outcome);
            Ok(())
        })
    })
}

/// Sets the wall clock, whose seconds are part of messages. Call it when the wall clock was set while the cluster runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_set_wall_clock(
    cluster: *mut HbCluster,
    now_us: u64,
    unix_seconds: u64,
) -> HbResult {
    call(|| {
        with(cluster, |body| {
            body.engine.set_wall_clock(Instant::from_micros(now_us), unix_seconds);
            Ok(())
        })
    })
}

/// Replaces the keys. To lose no message, add the new key on all nodes first, and then make it the signing one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_set_keys(
    cluster: *mut HbCluster,
    keys: *const HbKey,
    key_count: usize,
    signing_key: u32,
) -> HbResult {
    call(|| {
        let keys = engine_keys(keys, key_count, signing_key)?;
        with(cluster, |body| Ok(body.engine.set_keys(keys)?))
    })
}
