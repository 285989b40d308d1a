//! What a start does about groups that run before it: see [`crate::leftovers`].

use super::Failure;
use crate::cli::Options;
use crate::driver::LinuxCluster;
use crate::leftovers::{self, Interrupted};
use crate::log::Logger;
use crate::problems::Board;
use crate::resources::{Plan, Resources, ScriptEnvironment};
use crate::site::Site;
use crate::state::Mark;
use crate::sys::signal::Signals;
use hbcore::takeover::Holds;

/// What may still run here after everything was told to stop.
#[derive(Default)]
pub(super) struct Stuck {
    /// The places of groups that this node has.
    pub(super) groups: Vec<usize>,
    /// The words of groups that a run had which has crashed, and that are not in `haresources` any more. No node claims them; they stay in the
    /// mark, so that the start after a crash tries again.
    pub(super) lost: Vec<String>,
}

/// Makes sure that nothing of the groups runs here: neither those of `plans` nor those of a run that has crashed. Returns those that may run
/// here all the same.
#[cold]
pub(super) fn idle(
    site: &Site,
    plans: &[Plan],
    scripts: &ScriptEnvironment,
    options: &Options,
    log: &Logger,
    board: &Board,
    signals: &mut Signals,
) -> Result<Stuck, Failure> {
    let crashed = Mark::new(&options.run_dir).read();
    let lost: Vec<Plan> = crashed
        .iter()
        .flatten()
        .filter_map(|words| {
            let is_gone = !plans.iter().any(|plan| plan.words == *words);
            is_gone.then(|| Plan::of_words(words, site.takes_addresses(), scripts)).flatten()
        })
        .collect();
    if crashed.is_some() {
        log.warn(format_args!("The last run was not stopped in order: what it has left here is stopped"));
        plans.iter().chain(&lost).for_each(Plan::assume_started);
    }
    let all: Vec<&Plan> = plans.iter().chain(&lost).collect();
    let stuck = leftovers::vacate(&all, log, board, signals).map_err(|Interrupted| Failure::Interrupted)?;
    let (groups, lost_ones): (Vec<usize>, Vec<usize>) = stuck.into_iter().partition(|place| *place < plans.len());
    let lost: Vec<String> =
        lost_ones.into_iter().filter_map(|place| all.get(place)).map(|plan| plan.words.clone()).collect();
    for words in &lost {
        log.crit(format_args!("{words}: not in haresources any more, and may still run here: stop it by hand"));
    }
    Ok(Stuck { groups, lost })
}

/// What may run here is ours until somebody sees it stopped: its class is claimed, as after a restart, and it is started where it does not run.
#[cold]
pub(super) fn claim_stuck(
    cluster: &mut LinuxCluster,
    resources: &Resources,
    stuck: &[usize],
    site: &Site,
    log: &Logger,
) {
    let (homes, local) = (site.homes(), site.local());
    let has =
        |is_local: bool| stuck.iter().any(|place| homes.get(*place).is_some_and(|home| (*home == local) == is_local));
    let holds = Holds { local: has(true), foreign: has(false) };
    if holds == Holds::NONE {
        return;
    }
    for (_, plan) in resources.plans().enumerate().filter(|(place, _)| stuck.contains(place)) {
        plan.assume_started();
        log.crit(format_args!("{} may run here and cannot be stopped: this node claims it", plan.key));
    }
    // None counts as running: each member is asked before it is started.
    cluster.resume(holds, |_| false);
}
