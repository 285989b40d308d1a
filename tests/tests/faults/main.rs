//! Each call of the daemon that can fail fails once, at every place, in every possible way.
//!
//! A pair goes through one act: both nodes start, the owner dies, a standby, a reload, a stop. A first life without a
//! fault shows the places of the seam that each node passes during the act. Then there is a life for each place and
//! each way to fail there. After each life, the test compares the reports of the daemons with the services that really
//! run. Beside that, scenarios in which something goes wrong at a moment that a test cannot meet otherwise.

mod act;
mod life;
mod moments;
mod plan;

use hbcore_tests::lab::Daemon;
use hbcore_tests::scenario::{Pairing, trial};
use libtest_mimic::Trial;

/// Both nodes have the seam.
const PAIRING: Pairing = Pairing { alpha: Daemon::Seamed, bravo: Daemon::Seamed };

fn main() {
    let acts = act::ALL.iter().flat_map(|act| act.faulty.iter().map(move |node| (act, *node)));
    let mut trials: Vec<Trial> = acts
        .map(|(act, node)| {
            let name = format!("{}_with_each_fault_on_{}", act.name, node.name());
            trial(&name, PAIRING, move |_| plan::every_fault(act, node))
        })
        .collect();
    trials.extend(moments::trials(PAIRING));
    Daemon::Seamed.program();
    hbcore_tests::scenario::run(trials)
}
