//! The engine's time for one heartbeat: find the fields, verify HMAC-SHA1, update the node.

use hbcore::id::{Generation, LinkId, NodeId, NodeName, Uuid};
use hbcore::takeover::EFFECT_LIMIT;
use hbcore::time::Instant;
use hbcore::wire::{Keys, Method, Writer};
use hbcore::{AutoFailback, Autojoin, Config, HeartbeatFormat, LinkForm, NodeConfig, NodeKind, Timing};
use std::time::{Duration, Instant as Clock};

/// As large as in the daemon, with room for as many nodes as there can be.
pub(super) type Engine = hbcore::cluster! { nodes: 128, links: 64, groups: 1, history: 128 * 1024, keys: 16 };

/// The number of heartbeats in one measurement. The best of several is printed, because everything else is disturbance.
const HEARTBEATS: u64 = 20_000;
const ATTEMPTS: usize = 5;

/// Prints a line for a cluster of two and one of a hundred.
pub(super) fn print() {
    for nodes in [2, 100] {
        let best = (0..ATTEMPTS).map(|_| nanoseconds(nodes)).min().unwrap_or_default();
        println!("core, one heartbeat parsed, verified (sha1) and counted, {nodes} nodes: {best} ns");
    }
    println!();
}

fn nanoseconds(nodes: usize) -> u128 {
    let messages: Vec<Vec<u8>> = (1..=HEARTBEATS).map(|seq| heartbeat(1, seq)).collect();
    let mut engine = engine(nodes, HeartbeatFormat::Compact);
    let now = Instant::from_millis(1);
    let begin = Clock::now();
    for message in &messages {
        engine.handle(now, LinkId(0), message).expect("a good heartbeat");
    }
    begin.elapsed().as_nanos() / u128::from(HEARTBEATS)
}

fn keys() -> Keys {
    keys_of(Method::Sha1)
}

/// A key table with one key.
pub(super) fn keys_of(method: Method) -> Keys {
    let mut keys = Keys::new();
    let secret: &[u8] = if method == Method::Crc { b"" } else { b"between-us" };
    keys.insert(1, method, secret).expect("a valid key");
    keys.set_signing(1).expect("the key above");
    keys
}

/// A heartbeat of a node, in the compact form.
pub(super) fn heartbeat(node: usize, seq: u64) -> Vec<u8> {
    signed_heartbeat(&keys(), node, seq)
}

/// The same heartbeat, signed with other keys.
pub(super) fn signed_heartbeat(keys: &Keys, node: usize, seq: u64) -> Vec<u8> {
    let mut buffer = [0; 256];
    let mut writer = Writer::classic(&mut buffer, keys);
    writer.text("t", b"status");
    writer.text("st", b"active");
    writer.hex("dt", 1000);
    writer.decimal("protocol", 1);
    writer.text("src", name(node).as_bytes());
    writer.hex("seq", seq);
    writer.hex("hg", 1);
    writer.hex("ts", 0x6b02_7217);
    let len = writer.finish().expect("256 bytes are enough");
    buffer[..len].to_vec()
}

fn name(node: usize) -> NodeName {
    NodeName::new(&format!("node-number-{node:02}")).expect("a valid name")
}

/// The first of this many nodes.
pub(super) fn engine(nodes: usize, form: HeartbeatFormat) -> Box<Engine> {
    let nodes: Vec<NodeConfig> =
        (0..nodes).map(|n| NodeConfig { name: name(n), kind: NodeKind::Member, uuid: Uuid::NIL }).collect();
    let config = Config {
        local: NodeId(0),
        nodes: &nodes,
        links: &[LinkForm::Datagram],
        groups: &[],
        manage_resources: false,
        fencing: false,
        resume: None,
        introduction: None,
        timing: Timing {
            keepalive: Duration::from_millis(100),
            warntime: Duration::from_millis(500),
            deadtime: Duration::from_secs(1),
            initdead: Duration::from_secs(1),
            deadping: Duration::from_secs(1),
            max_rexmit_delay: Duration::from_millis(250),
        },
        auto_failback: AutoFailback::On,
        hopfudge: 1,
        autojoin: Autojoin::None,
        heartbeat: form,
        auth_field: false,
        generation: Generation(1),
        effect_limit: EFFECT_LIMIT,
        seed: 1,
    };
    // An engine is too large for the stack of a test thread.
    Box::new(Engine::new(&config, keys(), Instant::from_millis(1), 0x6b02_7217).expect("a good configuration"))
}
