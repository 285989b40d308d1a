//! Makes a schedule from a seed. Each seed chooses the kinds of faults and their strength: a world with all faults at
//! once hides bugs that a few faults alone reveal (swarm testing, Groce and others, 2012).

use super::{Class, Fault, File, Kind, Medium, Planned, Schedule, Site};
use crate::world::random::Random;
use std::time::Duration;

/// The kinds of faults that a seed turns on or off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Cut,
    CutLink,
    Isolate,
    Lose,
    Burst,
    Delay,
    Duplicate,
    Corrupt,
    Noise,
    Power,
    Blackout,
    Pause,
    Slow,
    Fail,
    Hang,
    Blind,
    Helpless,
    Vanish,
    Crash,
    Fencing,
    SetClock,
    Standby,
    Takeover,
    Leave,
}

const NETWORK: [Sort; 9] = [
    Sort::Cut,
    Sort::CutLink,
    Sort::Isolate,
    Sort::Lose,
    Sort::Burst,
    Sort::Delay,
    Sort::Duplicate,
    Sort::Corrupt,
    Sort::Noise,
];
const NODE: [Sort; 14] = [
    Sort::Power,
    Sort::Blackout,
    Sort::Pause,
    Sort::Slow,
    Sort::Fail,
    Sort::Hang,
    Sort::Blind,
    Sort::Helpless,
    Sort::Vanish,
    Sort::Crash,
    Sort::SetClock,
    Sort::Standby,
    Sort::Takeover,
    Sort::Leave,
];

const CLASSES: [Class; 3] = [Class::Local, Class::Foreign, Class::All];

impl Schedule {
    /// The schedule of a seed.
    pub fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed, 1);
        let site = site(&mut random);
        let mut sorts: Vec<Sort> = NETWORK.iter().chain(&NODE).copied().filter(|_| random.percent(25)).collect();
        if site.fencing && random.percent(50) {
            sorts.push(Sort::Fencing);
        }
        let count = if sorts.is_empty() { 0 } else { random.pick(&[1, 2, 3, 5, 8, 13]) };
        // In some worlds the faults are close together, in others far apart.
        let spread = random.pick(&[1, 3, 10, 30]) * site.deadtime.max(500);
        let mut at = random.below(2) * random.below(12 * site.deadtime);
        let mut faults: Vec<Planned> = late_starts(&mut random, &site);
        for _ in 0..count {
            // Sometimes two faults come together: an operator asks, and the other node leaves in the middle of it.
            let at_once = random.percent(20);
            at += random.below(if at_once { 2 * site.script.1 + 4 } else { spread });
            let sort = random.pick(&sorts);
            faults.push(fault(&mut random, &site, sort, at));
        }
        if random.percent(20) {
            at += random.below(spread);
            faults.extend(for_ever(&mut random, &site, at));
        }
        let mut site = site;
        differ(&mut Random::new(seed, 2), &mut site, &mut faults, at);
        Self { noise: seed, site, faults }
    }
}

fn site(random: &mut Random) -> Site {
    let nodes = match random.below(100) {
        0..=64 => vec![Kind::Ours; 2],
        65..=76 => vec![Kind::Ours, Kind::Reference],
        77..=88 => vec![Kind::Reference, Kind::Ours],
        _ => vec![Kind::Ours; random.between(3, 5) as usize],
    };
    let (pair, mixed) = (nodes.len() == 2, nodes.contains(&Kind::Reference));
    let (keepalive, least) =
        if mixed { (random.pick(&[100, 200, 500]), 10) } else { (random.pick(&[10, 20, 50, 100, 250]), 3) };
    let deadtime = keepalive * random.between(least, 3 * least) + random.below(keepalive) + u64::from(mixed) * 1000;
    let mut links = vec![random.pick(&[Medium::Datagram, Medium::Datagram, Medium::Broadcast]); 1];
    if random.percent(70) {
        // A serial line carries some ten short heartbeats in 100 ms.
        let slow_enough = pair && keepalive >= 100;
        links.push(if slow_enough && random.percent(50) { Medium::Serial } else { Medium::Datagram });
    }
    let groups =
        if pair { random.pick(&[&[0, 1][..], &[0], &[1], &[0, 0, 1], &[1, 0, 1, 0]]).to_vec() } else { vec![] };
    let least_delay = random.between(30, 300);
    let least_script = random.pick(&[0, 1, 10, 100]);
    Site {
        drift: nodes.iter().map(|_| random.below(401).cast_signed() - 200).collect(),
        nodes,
        groups,
        other_homes: Vec::new(),
        links,
        keepalive,
        deadtime,
        initdead: deadtime * random.between(1, 5) + 200,
        fencing: pair && !mixed && random.percent(25),
        failback: random.percent(60),
        compact: random.percent(80),
        signed: random.percent(20),
        delay: (least_delay, least_delay + random.below(keepalive * 100)),
        lateness: random.pick(&[0, 100, 1000]),
        script: (least_script, least_script * random.between(1, 5)),
        limit: random.pick(&[5_000, 20_000, 60_000]),
    }
}

/// In some pairs of ours `haresources` differs. In most of them the files agree in the end, and in some they change back
/// and forth.
fn differ(random: &mut Random, site: &mut Site, faults: &mut Vec<Planned>, until: u64) {
    if site.nodes[..] != [Kind::Ours; 2] || site.groups.is_empty() || !random.percent(15) {
        return;
    }
    site.other_homes = site.groups.iter().map(|_| random.below(2) as usize).collect();
    for _ in 0..random.below(4) {
        let fault = Fault::Reload { node: random.below(2) as usize, file: random.pick(&[File::First, File::Second]) };
        faults.push(planned(random.below(until + 10 * site.deadtime), 0, fault));
    }
    if random.percent(80) {
        let file = random.pick(&[File::First, File::Second]);
        let at = until + random.below(20 * site.deadtime);
        faults.push(planned(at, 0, Fault::Reload { node: 0, file }));
        faults.push(planned(at + random.below(5 * site.deadtime), 0, Fault::Reload { node: 1, file }));
    }
}

/// Nodes that are off when the world begins.
fn late_starts(random: &mut Random, site: &Site) -> Vec<Planned> {
    let mut faults = Vec::new();
    for node in 0..site.nodes.len() {
        if random.percent(30) {
            let lasting = random.pick(&[0, 0, site.deadtime, 20_000]) + random.below(1 + site.initdead);
            faults.push(planned(0, lasting, Fault::Power { node, forgets: false }));
        }
    }
    faults
}

/// A fault that never ends, for which the rules define the right behaviour of the rest.
fn for_ever(random: &mut Random, site: &Site, at: u64) -> Vec<Planned> {
    let pair = site.nodes.len() == 2;
    let node = random.below(site.nodes.len() as u64) as usize;
    let other = (node + 1) % site.nodes.len();
    let link = random.below(2) as usize;
    let one_link = |from, to| Fault::Cut { from, to, link: Some(link) };
    let faults = match random.below(9) {
        0 | 1 if site.links.len() == 2 => vec![one_link(node, other)],
        2 | 3 if site.links.len() == 2 => vec![one_link(node, other), one_link(other, node)],
        _ if site.nodes.contains(&Kind::Reference) => vec![],
        4 => vec![Fault::Cut { from: node, to: other, link: None }],
        // Two devices would cut each other's power for ever.
        5 if !site.fencing => vec![Fault::Isolate(node)],
        6 => vec![Fault::Power { node, forgets: false }],
        7 if site.fencing => vec![Fault::NoFencing(node)],
        8 if pair => vec![Fault::Helpless(node)],
        _ if pair && random.percent(50) => vec![Fault::Blind(node)],
        _ if pair => vec![Fault::Fail { node, percent: 100 }],
        _ => vec![],
    };
    let at = Duration::from_millis(at);
    faults.into_iter().map(|fault| Planned { at, lasting: Duration::MAX, fault }).collect()
}

fn planned(at: u64, lasting: u64, fault: Fault) -> Planned {
    Planned { at: Duration::from_millis(at), lasting: Duration::from_millis(lasting), fault }
}

fn fault(random: &mut Random, site: &Site, sort: Sort, at: u64) -> Planned {
    let nodes = site.nodes.len() as u64;
    let node = random.below(nodes) as usize;
    let other = (node + 1 + random.below(nodes - 1) as usize) % site.nodes.len();
    // From an instant to long enough for every verdict, and sometimes minutes.
    let long = match random.below(10) {
        0..=2 => random.below(site.deadtime),
        3..=7 => site.deadtime + random.below(5 * site.deadtime),
        8 => random.below(30_000),
        // Minutes, if that is not too much work.
        _ => random.below(1200 * site.keepalive.min(200)),
    };
    let some_time = random.below(20 * site.deadtime);
    let (lasting, fault) = match sort {
        Sort::Cut => (long, Fault::Cut { from: node, to: other, link: None }),
        Sort::CutLink => {
            let link = random.below(site.links.len() as u64) as usize;
            (long, Fault::Cut { from: node, to: other, link: Some(link) })
        }
        Sort::Isolate => (long, Fault::Isolate(node)),
        Sort::Lose => (some_time, Fault::Lose(random.pick(&[1, 5, 20, 50]))),
        Sort::Burst => {
            (some_time, Fault::Burst { begin: random.between(1, 50), most: random.between(1, site.deadtime) })
        }
        Sort::Delay => (some_time, Fault::Delay(random.between(1, site.deadtime / 2))),
        Sort::Duplicate => (some_time, Fault::Duplicate(random.pick(&[1, 20, 100]))),
        Sort::Corrupt => (some_time, Fault::Corrupt(random.pick(&[1, 10, 50]))),
        Sort::Noise => (some_time, Fault::Noise(random.pick(&[1, 10, 50]))),
        Sort::Power => (random.below(2) * long, Fault::Power { node, forgets: random.percent(20) }),
        Sort::Blackout => (long, Fault::Blackout(node)),
        Sort::Pause => (long, Fault::Pause(node)),
        Sort::Slow => (some_time, Fault::Slow { node, by: random.between(1, 3000) }),
        Sort::Fail => (some_time, Fault::Fail { node, percent: random.pick(&[10, 50, 100]) }),
        Sort::Hang => (some_time, Fault::Hang(node)),
        Sort::Blind => (some_time, Fault::Blind(node)),
        Sort::Helpless => (some_time, Fault::Helpless(node)),
        Sort::Vanish => (long, Fault::Vanish(node)),
        // There is no model of a 3.0.6 that is started while its services still run.
        Sort::Crash if site.nodes[node] == Kind::Ours => (random.below(2) * long, Fault::Crash(node)),
        Sort::Crash => (long, Fault::Power { node, forgets: false }),
        Sort::Fencing => {
            let lasting = 3 * long + site.deadtime;
            (lasting, if random.percent(50) { Fault::NoFencing(node) } else { Fault::SlowFencing(node) })
        }
        Sort::SetClock => (long, Fault::SetClock { node, by: random.between(1, 200_000).cast_signed() - 100_000 }),
        Sort::Standby => (0, Fault::Standby { node, class: random.pick(&CLASSES) }),
        Sort::Takeover => (0, Fault::Takeover { node, class: random.pick(&CLASSES) }),
        Sort::Leave => (long, Fault::Leave(node)),
    };
    planned(at, lasting, fault)
}
