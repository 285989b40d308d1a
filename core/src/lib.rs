//! Heartbeat, membership and resource takeover as a sans-I/O engine that speaks the wire of Linux-HA Heartbeat 3.0.6.
//!
//! `no_std`, no allocator, no unsafe code, no clock, no socket: the caller passes in datagrams, outcomes and the time,
//! and polls datagrams to send, effects to carry out and events to report. The same engine runs in a daemon with ten
//! links, on a microcontroller with a UART, and in a test with virtual time.
//!
//! # The loop
//!
//! There are five inputs: [`Cluster::handle`], [`Cluster::advance`], [`Cluster::request`], [`Cluster::complete`] and
//! [`Cluster::link_changed`]. After any of them, empty the three outputs, then sleep until [`Cluster::next_deadline`].
//!
//! ```
//! use hbcore::id::{Generation, LinkId, NodeId, NodeName, Uuid};
//! use hbcore::takeover::{EFFECT_LIMIT, Effect, GroupState, Outcome};
//! use hbcore::time::{Duration, Instant};
//! use hbcore::wire::{Keys, Method};
//! use hbcore::{AutoFailback, Autojoin, Config, GroupConfig, HeartbeatFormat, LinkForm, NodeConfig,
//!              NodeKind, Timing};
//!
//! type Pair = hbcore::cluster! { nodes: 2, links: 1, groups: 1, history: 4096, keys: 1 };
//!
//! let mut keys = Keys::new();
//! keys.insert(1, Method::Sha1, b"secret").unwrap();
//! keys.set_signing(1).unwrap();
//! let ms = Duration::from_millis;
//! let name = |name| NodeName::new(name).unwrap();
//! let config = Config {
//!     local: NodeId(0),
//!     nodes: &[
//!         NodeConfig { name: name("alpha"), kind: NodeKind::Member, uuid: Uuid([1; 16]) },
//!         NodeConfig { name: name("bravo"), kind: NodeKind::Member, uuid: Uuid::NIL },
//!     ],
//!     links: &[LinkForm::Datagram],
//!     groups: &[GroupConfig::at(NodeId(0))],
//!     manage_resources: true,
//!     fencing: false,
//!     resume: None,
//!     introduction: None,
//!     timing: Timing {
//!         keepalive: ms(10), warntime: ms(20), deadtime: ms(30), initdead: ms(100), deadping: ms(30),
//!         max_rexmit_delay: ms(250),
//!     },
//!     auto_failback: AutoFailback::On,
//!     hopfudge: 1,
//!     autojoin: Autojoin::None,
//!     heartbeat: HeartbeatFormat::Compact,
//!     auth_field: true,
//!     generation: Generation(1), // more than at any earlier start: the port keeps it on disk
//!     effect_limit: EFFECT_LIMIT,
//!     seed: 7,
//! };
//!
//! let mut now = Instant::ZERO;
//! let mut cluster = Pair::new(&config, keys, now, 1_800_000_000).unwrap();
//! let mut buffer = [0; 1500];
//! while now < Instant::from_millis(200) {
//!     // For each datagram that has arrived: cluster.handle(now, LinkId(0), bytes).
//!     let nonsense = cluster.handle(now, LinkId(0), b"not a packet");
//!     assert!(nonsense.is_err()); // counted in cluster.stats(), and nothing else
//!     cluster.advance(now);
//!     // Effects before datagrams: messages to peers carry the outcomes, and no deadline comes for that.
//!     while let Some((ticket, effect)) = cluster.poll_effect() {
//!         assert!(matches!(effect, Effect::Acquire(_))); // start the resources of the group, then report the outcome
//!         cluster.complete(now, ticket, Outcome::Done);
//!     }
//!     while let Some(transmit) = cluster.poll_transmit(&mut buffer) {
//!         let _datagram = &buffer[..transmit.len]; // to be sent on transmit.links
//!     }
//!     while let Some(event) = cluster.poll_event() {
//!         let _ = event; // for the log
//!     }
//!     now = cluster.next_deadline().unwrap_or(now); // sleep until then, or until a datagram arrives
//! }
//! // No other node was heard: after initdead this node runs the group.
//! assert_eq!(cluster.groups()[0].state(), GroupState::Running);
//! ```
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `datagram` (default) | messages in the form for datagrams; without it there are serial links only |
//! | `md5` (default) | keys of the method md5; without it they are refused |
//! | `small` | smaller tables, and code that is small rather than fast: for microcontrollers (`c-examples/cortex-m-rust`) |
//!
//! # Where to read on
//!
//! [`mod@cluster`] is the engine; [`takeover`] decides the owner of each group; `sequence`, `history` and [`node`] keep
//! the engine's knowledge; [`wire`] is the form of messages; [`config`] reads `ha.cf`, `authkeys` and `haresources`.
//! Each of these uses only those after it. Facts about 3.0.6 cite a section of `docs/protocol` in the repository, which
//! specifies the behaviour of the running daemon.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)
)]

#[cfg(test)]
extern crate std;

pub mod cluster;
pub mod config;
pub mod error;
mod history;
pub mod id;
pub mod node;
mod random;
mod sequence;
pub mod serial;
mod settings;
pub mod stats;
pub mod takeover;
pub mod time;
mod told;
pub mod wire;

pub use cluster::{
    Carrier, Cluster, Config, ConfigError, Event, GroupConfig, NodeConfig, NodeView, Received, Request, RequestError,
    Transmit,
};
#[cfg(not(feature = "small"))]
pub use cluster::{Found, Introduction, Resume};
pub use error::DatagramError;
pub use settings::{AutoFailback, Autojoin, HeartbeatFormat, LinkForm, NodeKind, Timing, TimingError};
pub use stats::Stats;

/// Parts of the engine that only its models and measurements use. They may change with any release.
pub mod internals {
    pub use crate::history::{History, MAX_MESSAGES};
    pub use crate::sequence::{Arrival, MAX_GAP, WINDOW, Window};
}

/// The type of a [`Cluster`] with these capacities. `history` is in bytes.
///
/// ```
/// type Pair = hbcore::cluster! { nodes: 2, links: 1, groups: 4, history: 8192, keys: 2 };
/// ```
#[macro_export]
macro_rules! cluster {
    (nodes: $nodes:expr, links: $links:expr, groups: $groups:expr, history: $history:expr, keys: $keys:expr $(,)?) => {
        $crate::Cluster<{ $nodes }, { $links }, { $groups }, { $history }, { $keys }>
    };
}
