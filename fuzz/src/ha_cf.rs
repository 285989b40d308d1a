//! Arbitrary bytes as `ha.cf`.

use hbcore::config::{HaCf, Problems};

use crate::problems;

/// A sound file has the properties that [`HaCf`] promises; a fault is reported with its place.
pub fn run(text: &[u8]) {
    let mut found = Problems::new();
    let parsed = HaCf::parse(text, "p3", &mut found);
    problems::check(text, &found);
    let Some(ha_cf) = problems::checked(parsed, found.errors()) else { return };
    let timing = ha_cf.timing;
    assert!(!timing.keepalive.is_zero() && !timing.warntime.is_zero());
    assert!(timing.deadtime > timing.keepalive * 2 && timing.deadping > timing.keepalive * 2);
    assert!(timing.initdead >= timing.deadtime);
    assert!(!ha_cf.media.is_empty());
    assert!(ha_cf.is_member("p3"), "we are not in our own cluster");
    let twice = |n: usize| ha_cf.nodes.iter().skip(n + 1).any(|other| other.name == ha_cf.nodes[n].name);
    assert!(!(0..ha_cf.nodes.len()).any(twice), "a node twice");
}
