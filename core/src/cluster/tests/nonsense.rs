//! A member with the right key that sends nonsense.

use super::*;

/// Values that an authentic peer with a fault might send in any field.
fn values() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let words = [
        "",
        "0",
        "1",
        "9",
        "ffffffffffffffff",
        "18446744073709551615",
        "alpha",
        "bravo",
        "zulu",
        "active",
        "dead",
        "init",
        "me",
        "other",
        "done",
        "full",
        "none",
        "local",
        "foreign",
        "all",
        "shutdown",
        "alpha bravo zulu ",
        "x y z",
    ];
    prop_oneof![
        proptest::sample::select(words.to_vec()).prop_map(|w| w.as_bytes().to_vec()),
        (0u64..2000).prop_map(|n| std::format!("{n:x}").into_bytes()),
        proptest::collection::vec(1u8..=255, 0..40),
    ]
}

proptest::proptest! {
    /// Authentic nonsense can neither make us panic, nor send without end, nor change our identity.
    #[test]
    fn authentic_nonsense_does_no_harm(
        messages in proptest::collection::vec(
            (proptest::sample::select(std::vec![
                "status", "NS_st", "NS_ackmsg", "NS_rexmit", "NS_nak_rexmit", "reqnodes", "repnodes", "addnode", "delnode",
                "setweight", "starting", "resource", "ask_resources", "shutdone", "stonith", "whatever",
            ]), proptest::collection::vec(
                (proptest::sample::select(std::vec![
                    "st", "dt", "protocol", "seq", "hg", "dest", "ackseq", "firstseq", "lastseq", "info", "rsc_hold", "rtype",
                    "isstable", "node", "nodelist", "delnodelist", "weight", "hbcore",
                ]), values()), 0..8), 0u64..200),
            1..40),
    ) {
        let mut world = World::started(PAIR);
        let mut engine = world.hosts[1].engine.take().unwrap();
        let mut now = world.now;
        let (mut buffer, mut out) = ([0; 2048], [0; 8192]);
        for (kind, fields, wait) in messages {
            let keys = keys();
            let mut w = Writer::netstring(&mut buffer, &keys, false);
            w.text("t", kind.as_bytes());
            for (name, value) in &fields {
                w.text(name, value);
            }
            w.text("src", b"alpha");
            w.hex("seq", 500);
            w.hex("hg", 101);
            w.hex("ts", 1_800_000_000);
            let Ok(len) = w.finish() else { continue };
            let _ = engine.handle(now, LinkId(0), &buffer[..len]);
            now = now.after(MS(wait));
            engine.advance(now);
            let mut outputs = 0;
            while engine.poll_transmit(&mut out).is_some() {
                outputs += 1;
            }
            while let Some((ticket, _)) = engine.poll_effect() {
                engine.complete(now, ticket, Outcome::Done);
                outputs += 1;
            }
            while engine.poll_event().is_some() {
                outputs += 1;
            }
            proptest::prop_assert!(outputs < 400, "{outputs}");
            proptest::prop_assert_eq!(engine.takeover.lost_outputs(), 0);
            proptest::prop_assert_eq!(engine.node(engine.local()).unwrap().name.as_str(), "bravo");
        }
    }
}
