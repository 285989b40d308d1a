//! Arbitrary bytes never make a parser panic, and checked results keep their promises.

use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// Lines made of the words that the parsers know, so that they get past the first one.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => (0..Directive::all().count()).prop_map(|i| Directive::all().nth(i).map_or("", Directive::name).to_string()),
        2 => proptest::sample::select(&["bcast", "mcast", "ucast", "ping", "ping_group", "serial", "mcast6", "ucast6"][..])
            .prop_map(String::from),
        3 => "[0-9.]{1,6}(ms|us)?",
        2 => proptest::sample::select(&["on", "off", "p3", "eth0", "225.0.0.1", "1.2.3.4/24/eth0", "auth", "sha1"][..])
            .prop_map(String::from),
        1 => "[ -~\u{a0}é]{0,8}",
    ];
    let separator = proptest::sample::select(&[" ", "\t", ",", "\n", "\n", "\r\n", "\\\n", "::", " # "][..]);
    proptest::collection::vec((word, separator), 0..60)
        .prop_map(|words| words.into_iter().flat_map(|(word, gap)| (word + gap).into_bytes()).collect())
}

fn parse_all(bytes: &[u8]) {
    let mut problems = Problems::<8>::new();
    let ha_cf = HaCf::parse(bytes, "p3", &mut problems);
    let resources = HaResources::parse(bytes, ha_cf.partial(), &mut problems);
    for group in &resources.partial().groups {
        for resource in group.resources() {
            let _ = (resource.script(), resource.args().count(), resource.address());
        }
    }
    let keys = AuthKeys::parse(bytes, &mut problems);
    let _ = HbcoreCf::parse(bytes, &mut problems);
    for problem in &problems {
        assert!(!problem.kind.to_string().is_empty(), "{problem:?}");
        assert!(!problem.kind.help().to_string().is_empty(), "{problem:?}");
        assert!(problem.at.is_none_or(|at| at.line >= 1 && at.column >= 1), "{problem:?}");
    }
    if let Some(keys) = keys.checked() {
        assert!(keys.signing().is_some());
    }
    if let Some(HaCf { timing, nodes, media, .. }) = ha_cf.checked() {
        assert!(timing.deadtime > timing.keepalive * 2 && !timing.keepalive.is_zero());
        assert!(timing.initdead >= timing.deadtime && timing.deadping > timing.keepalive * 2);
        assert!(!timing.warntime.is_zero());
        assert!(!nodes.is_empty() && !media.is_empty());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        parse_all(&bytes);
    }

    #[test]
    fn plausible_lines(bytes in plausible()) {
        parse_all(&bytes);
    }
}
