//! The daemon of a node, with one interface: the engine, or the model of a 3.0.6.

use super::reference::Reference;
use super::schedule::{File, Kind, Medium, Site};
use hbcore::id::{Generation, GroupId, LinkId, NodeId, NodeName, Uuid};
use hbcore::node::NodeState;
use hbcore::takeover::{Effect, Outcome, Ticket};
use hbcore::time::{Duration, Instant};
use hbcore::wire::{Keys, Method};
use hbcore::{
    AutoFailback, Autojoin, Config, DatagramError, Event, Found, GroupConfig, HeartbeatFormat, Introduction, LinkForm,
    NodeConfig, NodeKind, Received, Request, RequestError, Resume, Timing, Transmit,
};

/// The capacities are exactly large enough for any schedule.
pub(crate) type Ours = hbcore::cluster! { nodes: 5, links: 2, groups: 4, history: 32768, keys: 1 };

/// The wall clock at the begin of every world, in seconds since 1970.
pub(crate) const EPOCH: u64 = 1_800_000_000;

/// A daemon.
#[expect(clippy::large_enum_variant, reason = "both are boxed, with their host")]
pub(crate) enum Engine {
    Ours(Ours),
    Reference(Reference),
}

/// The parameters of a daemon's start.
pub(crate) struct Start {
    pub(crate) node: usize,
    pub(crate) generation: u64,
    pub(crate) now: Instant,
    pub(crate) wall: u64,
    pub(crate) seed: u64,
    /// The `haresources` that it reads.
    pub(crate) file: File,
    /// A planted bug: the daemon uses another deadtime than the one that it was told.
    pub(crate) hasty: bool,
    /// For each group, whether an earlier run has left it and could not stop it. In the model, scripts of a start never
    /// fail to stop one.
    pub(crate) left_over: Vec<bool>,
    /// How it goes on after an earlier engine, and the groups that this has left running.
    pub(crate) resume: Option<(Resume, Vec<Found>)>,
}

pub(crate) fn name(node: usize) -> &'static str {
    ["alpha", "bravo", "charlie", "delta", "echo"].get(node).copied().unwrap_or("zulu")
}

pub(crate) fn uuid(node: usize) -> Uuid {
    Uuid([node as u8 + 1; 16])
}

pub(crate) fn keys(site: &Site) -> Keys<1> {
    let mut keys = Keys::new();
    let (method, secret) = if site.signed { (Method::Sha1, &b"secret"[..]) } else { (Method::Crc, &b""[..]) };
    keys.insert(1, method, secret).expect("a good key");
    keys.set_signing(1).expect("it exists");
    keys
}

impl Engine {
    pub(crate) fn new(site: &Site, start: &Start) -> Self {
        match site.nodes[start.node] {
            Kind::Ours => Self::Ours(ours(site, start)),
            Kind::Reference => Self::Reference(Reference::new(site, start)),
        }
    }

    pub(crate) fn ours(&self) -> Option<&Ours> {
        match self {
            Self::Ours(engine) => Some(engine),
            Self::Reference(_) => None,
        }
    }

    pub(crate) fn handle(&mut self, now: Instant, link: LinkId, bytes: &[u8]) -> Result<Received, DatagramError> {
        match self {
            Self::Ours(engine) => engine.handle(now, link, bytes),
            Self::Reference(model) => {
                model.handle(bytes);
                Ok(Received::NotForUs)
            }
        }
    }

    pub(crate) fn advance(&mut self, now: Instant) {
        match self {
            Self::Ours(engine) => engine.advance(now),
            Self::Reference(model) => model.advance(now),
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        match self {
            Self::Ours(engine) => engine.next_deadline(),
            Self::Reference(model) => model.next_deadline(),
        }
    }

    pub(crate) fn request(&mut self, now: Instant, request: Request) -> Result<(), RequestError> {
        match self {
            Self::Ours(engine) => engine.request(now, request),
            Self::Reference(model) => {
                model.request(now, request);
                Ok(())
            }
        }
    }

    pub(crate) fn complete(&mut self, now: Instant, ticket: u32, outcome: Outcome) {
        match self {
            Self::Ours(engine) => engine.complete(now, Ticket::from_raw(ticket), outcome),
            Self::Reference(model) => model.complete(now, ticket),
        }
    }

    /// The others are asked to be patient: it is executed anew.
    pub(crate) fn announce_restart(&mut self, now: Instant) {
        if let Self::Ours(engine) = self {
            engine.announce_restart(now);
        }
    }

    /// A running group lacks something. A 3.0.6 does not notice it.
    pub(crate) fn group_lost(&mut self, now: Instant, group: usize) {
        if let Self::Ours(engine) = self {
            engine.group_lost(now, GroupId(group as u16));
        }
    }

    pub(crate) fn set_wall_clock(&mut self, now: Instant, wall: u64) {
        match self {
            Self::Ours(engine) => engine.set_wall_clock(now, wall),
            Self::Reference(model) => model.set_wall_clock(now, wall),
        }
    }

    pub(crate) fn poll_transmit(&mut self, out: &mut [u8]) -> Option<Transmit> {
        match self {
            Self::Ours(engine) => engine.poll_transmit(out),
            Self::Reference(model) => model.poll_transmit(out),
        }
    }

    pub(crate) fn poll_effect(&mut self) -> Option<(u32, Effect)> {
        match self {
            Self::Ours(engine) => engine.poll_effect().map(|(ticket, effect)| (ticket.into_raw(), effect)),
            Self::Reference(model) => model.poll_effect(),
        }
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        match self {
            Self::Ours(engine) => engine.poll_event(),
            Self::Reference(model) => model.poll_event(),
        }
    }

    /// Whether it has declared a node dead.
    pub(crate) fn regards_dead(&self, node: usize) -> bool {
        match self {
            Self::Ours(engine) => engine.node(NodeId(node as u8)).is_some_and(|n| *n.state == NodeState::Dead),
            Self::Reference(model) => model.peer_is_dead(),
        }
    }

    /// Whether nothing is moving, and nothing is about to move.
    pub(crate) fn is_settled(&self) -> bool {
        match self {
            Self::Ours(engine) => engine.takeover().is_settled(),
            Self::Reference(model) => model.is_settled(),
        }
    }
}

fn ours(site: &Site, start: &Start) -> Ours {
    let ms = Duration::from_millis;
    let nodes: Vec<NodeConfig> = (0..site.nodes.len())
        .map(|n| NodeConfig {
            name: NodeName::new(name(n)).expect("a good name"),
            kind: NodeKind::Member,
            uuid: if n == start.node { uuid(n) } else { Uuid::NIL },
        })
        .collect();
    let homes = site.homes(start.file);
    let form =
        |medium: &Medium| if *medium == Medium::Serial { LinkForm::Serial { baud: 0 } } else { LinkForm::Datagram };
    let deadtime = if start.hasty { site.deadtime * 2 / 3 + site.keepalive } else { site.deadtime };
    let found = |group: usize| start.resume.as_ref().map_or(Found::Nothing, |(_, found)| found[group]);
    let group = |(n, (home, left_over)): (usize, (&usize, &bool))| GroupConfig {
        found: if *left_over { Found::Leftover } else { found(n) },
        ..GroupConfig::at(NodeId(*home as u8))
    };
    let groups: Vec<GroupConfig<'_>> = homes.iter().zip(&start.left_over).enumerate().map(group).collect();
    let digest = homes.iter().fold(1, |digest, home| digest * 8 + *home as u64);
    let config = Config {
        local: NodeId(start.node as u8),
        nodes: &nodes,
        links: &site.links.iter().map(form).collect::<Vec<_>>(),
        groups: &groups,
        manage_resources: !site.groups.is_empty(),
        fencing: site.fencing,
        resume: start.resume.as_ref().map(|(resume, _)| *resume),
        introduction: (!site.other_homes.is_empty()).then_some(Introduction { release: "sim", digest }),
        timing: Timing {
            keepalive: ms(site.keepalive),
            warntime: ms(site.deadtime / 2),
            deadtime: ms(deadtime),
            initdead: ms(site.initdead),
            deadping: ms(site.deadtime),
            max_rexmit_delay: ms(250),
        },
        auto_failback: if site.failback { AutoFailback::On } else { AutoFailback::Off },
        hopfudge: 1,
        autojoin: Autojoin::None,
        heartbeat: if site.compact { HeartbeatFormat::Compact } else { HeartbeatFormat::Full },
        auth_field: true,
        generation: Generation(start.generation),
        effect_limit: ms(site.limit),
        seed: start.seed,
    };
    Ours::new(&config, keys(site), start.now, start.wall).expect("a good configuration")
}
