//! The faults: every place that is passed, and every way to fail there.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::act::{Act, Node};
use crate::life::{Broken, Life};

/// The lives of an act that run at the same time: they mostly wait.
const LIVES: usize = 3;

/// A fault of one life.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) place: String,
    pub(crate) how: &'static str,
}

impl Fault {
    /// Whether the daemon dies of it. Then its services run without a daemon until it is started again.
    pub(crate) fn kills(&self) -> bool {
        self.how == "kill"
    }

    /// Whether the call fails each time.
    pub(crate) fn lasts(&self) -> bool {
        self.how.starts_with("always")
    }
}

/// The ways in which a call of this kind fails. The numbers are those of errno(3) on Linux.
fn ways(kind: &str) -> &'static [&'static str] {
    const NO_RESOURCES: &[&str] = &["error 11", "always error 11", "hang 1500", "kill"];
    const NO_SPACE: &[&str] = &["error 28", "hang 1500", "kill"];
    const SHORT: &[&str] = &["error 5", "short", "hang 1500", "kill"];
    const BUSY: &[&str] = &["error 16", "hang 1500", "kill"];
    const NO_FILES: &[&str] = &["error 24", "hang 1500", "kill"];
    match kind {
        "thread" | "spawn" => NO_RESOURCES,
        "open" | "sync" | "rename" => NO_SPACE,
        "write" => SHORT,
        "netlink" | "serial" => BUSY,
        "socket" | "announce" | "exec" => NO_FILES,
        // It never waits: the accepted connection is there.
        "accept" => &["error 24", "kill"],
        _ => &["kill"],
    }
}

/// Runs a life without a fault, then one for each fault on `node`. Panics with all failures.
pub(crate) fn every_fault(act: &'static Act, node: Node) {
    let began = Instant::now();
    let pilot = Life::new(act, node, None);
    let lived = pilot.live().unwrap_or_else(|broken| panic!("{} without a fault: {broken}", act.name));
    drop(pilot);
    let places: BTreeSet<String> = lived.places.into_iter().collect();
    assert!(!places.is_empty(), "no place of the seam is passed");
    let faults: Vec<Fault> = places
        .iter()
        .flat_map(|place| {
            let kind = place.split('@').next().unwrap_or_default();
            ways(kind).iter().map(|how| Fault { place: place.clone(), how })
        })
        .collect();
    let next = AtomicUsize::new(0);
    let live_on = || {
        let mut ended = Vec::new();
        while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
            let lived = Life::new(act, node, Some(fault.clone())).live();
            if let Err(why) = &lived {
                println!("{why}");
            }
            ended.push(lived.map(|lived| lived.struck));
        }
        ended
    };
    let ended: Vec<Result<bool, Broken>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..LIVES).map(|_| scope.spawn(live_on)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("the rig holds")).collect()
    });
    let (lives, struck) = (ended.len(), ended.iter().filter(|life| matches!(life, Ok(true))).count());
    let broken: Vec<String> = ended.into_iter().filter_map(|life| Some(life.err()?.headline())).collect();
    println!(
        "{} on {}: {lives} faults at {} places, {struck} struck, {} lives broken, {} s",
        act.name,
        node.name(),
        places.len(),
        broken.len(),
        began.elapsed().as_secs()
    );
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // A place that the pilot passed may be passed too early or not at all in another life; most must be passed.
    assert!(struck * 10 >= lives * 8, "only {struck} of {lives} faults struck");
}
