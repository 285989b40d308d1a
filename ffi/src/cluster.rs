//! The life of a cluster, and what goes into it.

use core::ffi::{c_char, c_void};

use engine::id::{GroupId, LinkId};
use engine::takeover::{Class, Effect, GroupState, KEY_MAX, Outcome, Ticket, Wish};
use engine::time::Instant;
use engine::wire::FrameReader;
use engine::{Carrier, Cluster, LinkForm, Received, Request};
use heapless::Vec;

use crate::config::{HbKey, HbLinkForm, engine_keys};
use crate::edge::{Checked, HbCluster, bytes, c_text, call, demolish, optional_output, with};
use crate::limits::{HB_FRAME, HB_GROUPS, HB_HISTORY, HB_KEYS, HB_LINKS, HB_NODES, HB_SERIAL_LINKS};
use crate::result::HbResult;

/// The engine with the capacities of this library.
pub(crate) type Engine = Cluster<HB_NODES, HB_LINKS, HB_GROUPS, HB_HISTORY, HB_KEYS>;

/// What is in the storage of a cluster.
pub(crate) struct Body {
    pub(crate) engine: Engine,
    pub(crate) ports: Ports,
}

/// What the engine does not know of its links and effects.
pub(crate) struct Ports {
    /// What each link is, so that bytes and datagrams are not mixed up.
    pub(crate) forms: Vec<u32, HB_LINKS>,
    /// Where the messages of serial links are put together: the first serial link, and so on.
    frames: [FrameReader<HB_FRAME>; HB_SERIAL_LINKS],
    serial: Vec<LinkId, HB_SERIAL_LINKS>,
    /// The ticket last given out for each group.
    tickets: [Option<u32>; HB_GROUPS],
    /// The ticket last given out for the fencing of each node.
    fences: [Option<u32>; HB_NODES],
}

#[expect(clippy::large_stack_arrays, reason = "a constant")]
impl Ports {
    /// None yet. All zeros, so that it is made where it will be.
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
            if *form == LinkForm::Serial {
                self.serial.push(link).map_err(|_| HbResult::TooManyLinks)?;
            }
        }
        Ok(())
    }

    /// Where the messages of a serial link are put together.
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
        Ok((LinkId(link as u8), *form.ok_or(HbResult::NoSuchThing)?))
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
    /// Takes back the ticket of an effect that has not ended.
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

/// The form of a link as C has it.
pub(crate) fn form_number(form: LinkForm) -> u32 {
    match form {
        LinkForm::Datagram => HbLinkForm::Datagram as u32,
        LinkForm::Serial => HbLinkForm::Serial as u32,
        LinkForm::Ping(_) => HbLinkForm::Ping as u32,
    }
}

/// What a datagram was, if it was not dropped.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbReceived {
    /// A new message.
    New = 0,
    /// The newest message of its sender once more: normal with several links.
    Duplicate = 1,
    /// An older message that is not missing.
    Old = 2,
    /// For another node.
    NotForUs = 3,
    /// Our own message, heard again.
    OwnEcho = 4,
    /// The first message of a node that was added because of it.
    Joined = 5,
    /// A new message of a type that the library does not act upon.
    ForClients = 6,
}

/// Which groups a standby or takeover is about.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbClass {
    /// Those whose home is this node.
    Local = 0,
    /// Those whose home is another node.
    Foreign = 1,
    /// All.
    All = 2,
}

/// How an effect ended.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbOutcome {
    /// As wished.
    Done = 0,
    /// Not as wished. A failed start has stopped again what it had started; a failed stop has left something running.
    Failed = 1,
    /// A start failed, and what it had started could not be stopped again.
    FailedAndStuck = 2,
}

/// Ends a cluster and wipes its storage, keys included. The others are not told: for that, `hb_cluster_leave` and wait for
/// `HB_EVENT_LEFT`. Also for a cluster that is poisoned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_deinit(cluster: *mut HbCluster) -> HbResult {
    call(|| demolish(cluster))
}

/// Takes a datagram that arrived on `link`. Nothing of it is interpreted before it is authentic, so that anything may be
/// given to it; what is dropped is counted, and the result says why: an error from `HB_RESULT_PACKET_EMPTY` on.
/// `received` may be NULL. Work is proportional to `len`.
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

fn number(received: Received) -> u32 {
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

/// Takes bytes that arrived on a serial link, as many or few as there are; whole messages are found in them. What is noise,
/// broken or not authentic is counted (`hb_cluster_link`, `hb_cluster_counter`) and is no error. `messages` gets how many
/// messages were processed or were copies of processed ones, and may be NULL. Work is proportional to `len`.
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
            let (link, _) = body.ports.form(link)?;
            let Body { engine, ports } = body;
            let reader = ports.frames_mut(link).ok_or(HbResult::WrongLink)?;
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

/// Does what is due. To be called when the deadline has come; extra calls are harmless. Time never goes back: an earlier
/// `now_us` than in the call before counts as unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_advance(cluster: *mut HbCluster, now_us: u64) -> HbResult {
    call(|| {
        with(cluster, |body| {
            body.engine.advance(Instant::from_micros(now_us));
            Ok(())
        })
    })
}

/// Tells that the carrier of a link has come (1) or gone (0). It is only reported as an event: nodes age by themselves.
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

/// Gives groups to the other node. `class` is an `hb_class_t`. It has begun when this returns `HB_RESULT_OK`; effects and events
/// tell how it goes on. Else the result says why not: one from `HB_RESULT_NOT_MANAGED` on. What is in flux settles within seconds: try again.
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

/// Asks the other node for groups: as if it were told to go standby. `class` is an `hb_class_t`. It has begun when this returns
/// `HB_RESULT_OK`; effects and events tell how it goes on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_takeover(cluster: *mut HbCluster, now_us: u64, class: u32) -> HbResult {
    call(|| request(cluster, now_us, Request::Takeover(Wish::Class(class_of(class)?))))
}

/// Releases everything and leaves the cluster. The other node takes over as soon as the groups are released. Go on as before until
/// `HB_EVENT_LEFT`, and send what there is then. To ask again is no error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_leave(cluster: *mut HbCluster, now_us: u64) -> HbResult {
    call(|| request(cluster, now_us, Request::Leave))
}

fn request(cluster: *mut HbCluster, now_us: u64, request: Request) -> Checked<()> {
    with(cluster, |body| Ok(body.engine.request(Instant::from_micros(now_us), request)?))
}

/// Says how an effect ended: `outcome` is an `hb_outcome_t`. The ticket is used up. `HB_RESULT_STALE_TICKET`: it is not one in
/// flight, and nothing was done.
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

/// Says whether this program can fence nodes (1) or not (0, as at the start). If it can, groups of a dead node that may still run them are
/// started only when an `HB_EFFECT_FENCE` was completed as done. To be called right after the start.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_set_fencing(cluster: *mut HbCluster, device: u32) -> HbResult {
    call(|| {
        let device = crate::config::flag(device)?;
        with(cluster, |body| {
            body.engine.set_fencing(device);
            Ok(())
        })
    })
}

/// Tells the speed of the slowest serial link, in bits per second; 0, as at the start: not known. From then on heartbeats are sent again while
/// such a line has nothing else to carry, against noise, and what others miss waits until it is free: poll again when the deadline says so.
/// `hb_cluster_init_from_files` has told the `baud` of `ha.cf`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_set_line_speed(cluster: *mut HbCluster, bits_per_second: u32) -> HbResult {
    call(|| {
        with(cluster, |body| {
            body.engine.set_line_speed(bits_per_second);
            Ok(())
        })
    })
}

/// Sets the wall clock, whose seconds stand in messages. For when it was set while the cluster runs.
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

/// Tells the name of a group: the first word of its line in `haresources`. Only `HB_FAILBACK_LEGACY` needs it, right after the start;
/// `hb_cluster_init_from_files` has done it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_set_group_key(cluster: *mut HbCluster, group: u32, key: *const c_char) -> HbResult {
    call(|| {
        let key = c_text(key, KEY_MAX)?;
        with(cluster, |body| {
            let group = u16::try_from(group).ok().filter(|group| usize::from(*group) < body.engine.groups().len());
            let group = GroupId(group.ok_or(HbResult::NoSuchThing)?);
            body.engine.set_group_key(group, key).map_err(|_| HbResult::BadValue)
        })
    })
}

/// Other keys from now on. Add the new key on all nodes first, then make it the signing one: so nothing is lost between.
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
