//! Compares the engine's verdict on each packet with that of a running 3.0.6.
use hbcore::id::{Generation, LinkId, NodeId, NodeName, Uuid};
use hbcore::takeover::EFFECT_LIMIT;
use hbcore::time::{Duration, Instant};
use hbcore::{
    AutoFailback, Autojoin, Config, DatagramError, HeartbeatFormat, LinkForm, NodeConfig, NodeKind, Received, Timing,
};
use hbcore_tests::vectors::{self, Stage};

type Engine = hbcore::cluster! { nodes: 4, links: 2, groups: 2, history: 8192, keys: 16 };

fn receiver() -> Engine {
    let ms = Duration::from_millis;
    let node = |name| NodeConfig { name: NodeName::new(name).unwrap(), kind: NodeKind::Member, uuid: Uuid::NIL };
    let config = Config {
        local: NodeId(0),
        nodes: &[node("wa"), node("wb")],
        links: &[LinkForm::Datagram],
        groups: &[],
        manage_resources: true,
        fencing: false,
        resume: None,
        introduction: None,
        timing: Timing {
            keepalive: ms(1000),
            warntime: ms(15_000),
            deadtime: ms(30_000),
            initdead: ms(60_000),
            deadping: ms(30_000),
            max_rexmit_delay: ms(250),
        },
        auto_failback: AutoFailback::On,
        hopfudge: 1,
        autojoin: Autojoin::None,
        heartbeat: HeartbeatFormat::Compact,
        auth_field: true,
        generation: Generation(0x6b00_0000),
        effect_limit: EFFECT_LIMIT,
        seed: 1,
    };
    Engine::new(&config, vectors::verdict_keys(), Instant::from_millis(1), 1_795_162_113).unwrap()
}

/// We accept this one packet and 3.0.6 does not, on purpose: the signature is right by the entry that it names, which
/// 3.0.6 does not look up.
const ACCEPTED_BESIDES: &str = "netstring, second key with its own secret";

#[test]
fn engine_judges_every_packet_as_the_reference_does() {
    let mut engine = receiver();
    let mut now = Instant::from_millis(10);
    let mut checked = 0;
    for verdict in vectors::verdicts() {
        now = now.after(Duration::from_millis(50));
        let got = engine.handle(now, LinkId(0), &verdict.bytes);
        let name = &verdict.name;
        match verdict.rejected {
            None => assert_eq!(got, Ok(Received::New), "{name}"),
            Some(Stage::Authentication) if name == ACCEPTED_BESIDES => assert_eq!(got, Ok(Received::New), "{name}"),
            Some(Stage::Format | Stage::Authentication) => {
                assert!(matches!(got, Err(DatagramError::Packet(_))), "{name}: {got:?}");
            }
            Some(Stage::Header) => assert!(matches!(got, Err(DatagramError::Header(_))), "{name}: {got:?}"),
            Some(Stage::Replay) => assert_eq!(got, Err(DatagramError::Replayed), "{name}"),
            Some(Stage::NotForUs) => assert_eq!(got, Ok(Received::NotForUs), "{name}"),
            Some(Stage::UnknownNode) => assert_eq!(got, Err(DatagramError::UnknownNode), "{name}"),
            Some(Stage::Duplicate) => assert_eq!(got, Ok(Received::Duplicate), "{name}"),
        }
        checked += 1;
    }
    assert_eq!(checked, 49);
    let stats = engine.stats();
    assert_eq!(stats.received, 49);
    assert_eq!(stats.received, stats.accepted + stats.duplicates + stats.old + stats.not_for_us + dropped(stats));
}

fn dropped(stats: &hbcore::Stats) -> u64 {
    stats.malformed + stats.not_authentic + stats.bad_header + stats.unknown_node + stats.replayed + stats.compressed
}

#[test]
fn two_forms_that_kill_the_reference_are_plain_drops() {
    let mut engine = receiver();
    let no_type = b"###\n5:xx=yy,%%%\n42:2 0000000000000000000000000000000000000000,";
    let type_seven = b"###\n9:(7)xx=yyy,%%%\n42:2 0000000000000000000000000000000000000000,";
    for bytes in [&no_type[..], &type_seven[..]] {
        assert!(matches!(engine.handle(Instant::from_millis(5), LinkId(0), bytes), Err(DatagramError::Packet(_))));
    }
    assert_eq!(engine.stats().malformed, 2);
}
