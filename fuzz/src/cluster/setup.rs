//! The configuration of the engine.

use arbitrary::Unstructured;
use hbcore::id::{Generation, NodeId, NodeName, Uuid};
use hbcore::takeover::{Holds, Origin};
use hbcore::time::{Duration, Instant};
use hbcore::wire::{Keys, Method};
use hbcore::{
    AutoFailback, Autojoin, Config, Found, GroupConfig, HeartbeatFormat, LinkForm, NodeConfig, NodeKind, Resume, Timing,
};

use super::Engine;

/// The time at which the engine is made.
pub(super) const BEGIN: Instant = Instant::from_millis(1000);

/// The first name is this node. The last one is not configured.
pub(super) const NAMES: [&str; 5] = ["alpha", "bravo", "router", "charlie", "zulu"];

/// A checksum takes the least time, and authenticates a message like any other method.
pub(super) fn keys() -> Keys<1> {
    let mut keys = Keys::new();
    keys.insert(1, Method::Crc, b"").expect("a good key");
    keys.set_signing(1).expect("it is there");
    keys
}

pub(super) fn uuid(node: usize) -> Uuid {
    Uuid([node as u8 + 1; 16])
}

/// The choices; each takes one or two bits of the input.
pub(super) struct Setup(u16);

impl Setup {
    pub(super) fn read(input: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        input.arbitrary().map(Self)
    }

    fn bit(&self, bit: u32) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// A limit that is longer than the deadtime, or shorter.
    pub(super) fn effect_limit(&self) -> Duration {
        Duration::from_millis(if self.bit(0) { 20_000 } else { 300 })
    }

    pub(super) fn engine(&self) -> Engine {
        let ms = Duration::from_millis;
        let node = |n: usize, kind| NodeConfig {
            name: NodeName::new(NAMES[n]).expect("a good name"),
            kind,
            uuid: if n == 0 { uuid(n) } else { Uuid::NIL },
        };
        let nodes =
            [node(0, NodeKind::Member), node(1, NodeKind::Member), node(2, NodeKind::Ping), node(3, NodeKind::Member)];
        let serial = if self.bit(1) { LinkForm::Serial { baud: 0 } } else { LinkForm::Datagram };
        let config = Config {
            local: NodeId(0),
            nodes: if self.bit(2) { &nodes } else { &nodes[..3] },
            links: &[if self.bit(3) { LinkForm::Datagram } else { serial }, serial, LinkForm::Ping(NodeId(2))],
            groups: &[
                GroupConfig { home: NodeId(0), key: "one", found: Found::Running(Origin::Agreed) },
                GroupConfig { home: NodeId(1), key: "two", found: Found::Nothing },
                GroupConfig { home: NodeId(0), key: "three", found: Found::Nothing },
            ],
            manage_resources: !self.bit(4) || !self.bit(5),
            fencing: self.bit(11),
            resume: self.resumes().then_some(Resume::Claims(Holds { local: true, foreign: false })),
            introduction: None,
            timing: Timing {
                keepalive: ms(100),
                warntime: ms(500),
                deadtime: ms(1000),
                initdead: ms(2000),
                deadping: ms(1000),
                max_rexmit_delay: ms(250),
            },
            auto_failback: match self.0 >> 6 & 3 {
                0 | 1 => AutoFailback::On,
                2 => AutoFailback::Off,
                _ => AutoFailback::Legacy,
            },
            hopfudge: 1,
            autojoin: if self.bit(8) { Autojoin::Any } else { Autojoin::None },
            heartbeat: if self.bit(9) { HeartbeatFormat::Full } else { HeartbeatFormat::Compact },
            auth_field: self.bit(10),
            generation: Generation(7),
            effect_limit: self.effect_limit(),
            seed: 1,
        };
        Engine::new(&config, keys(), BEGIN, 0x6b00_0000).expect("a good configuration")
    }

    /// Whether the first group runs from the start.
    pub(super) fn resumes(&self) -> bool {
        self.bit(12) && self.bit(13)
    }
}
