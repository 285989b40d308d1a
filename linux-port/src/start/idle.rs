//! The treatment of groups that run before the start: see [`crate::leftovers`].

use super::Failure;
use crate::cli::Options;
use crate::jobs::Running;
use crate::leftovers::{self, Door, Interrupted};
use crate::log::Logger;
use crate::problems::Board;
use crate::resources::{Handover, Plan, Predecessor, ScriptEnvironment};
use crate::site::Site;
use crate::state::Mark;
use crate::status::{Answer, Starting, StatusSocket};
use crate::sys::signal::Signals;

/// Groups that may still run here after everything was told to stop.
#[derive(Default)]
pub(super) struct Stuck {
    /// The places of groups in this node's `haresources`.
    pub(super) groups: Vec<usize>,
    /// The words of groups of a crashed run that are not in `haresources` any more. No node claims them: they are strays.
    pub(super) lost: Vec<String>,
}

impl Stuck {
    /// The groups that the predecessor in this process could not stop. A group of the new `haresources` may run here if it
    /// has a resource of such a group, whatever else in its line was changed.
    fn handed_over(known: Option<&Handover>, plans: &[Plan]) -> Self {
        let mut stuck = Self::default();
        for words in known.iter().flat_map(|known| &known.stuck) {
            let has_one = |plan: &Plan| words.split(' ').any(|word| plan.has(word));
            let places: Vec<usize> =
                plans.iter().enumerate().filter(|(_, plan)| has_one(plan)).map(|(n, _)| n).collect();
            if places.is_empty() {
                stuck.lost.push(words.clone());
            }
            stuck.groups.extend(places);
        }
        stuck
    }
}

/// The receivers of news during the start.
pub(super) struct Ears<'a> {
    pub(super) log: &'a Logger,
    pub(super) board: &'a Board,
    /// The socket of `hb status`, if it could be opened.
    pub(super) socket: Option<&'a StatusSocket>,
}

/// Makes sure that none of the groups runs here: neither those of `plans` nor those of a crashed run. Returns those
/// that may run here nevertheless. After a restart in this process the predecessor has said which those are.
#[cold]
pub(super) fn idle(
    site: &Site,
    plans: &[Plan],
    scripts: &ScriptEnvironment,
    options: &Options,
    Ears { log, board, socket }: Ears<'_>,
    signals: &mut Signals,
    predecessor: &Predecessor,
) -> Result<Stuck, Failure> {
    if predecessor.goes_on() {
        return Ok(Stuck::handed_over(predecessor.told(), plans));
    }
    let crashed = Mark::new(&options.run_dir).read();
    let is_kept = |word: &str| plans.iter().any(|plan| plan.has(word));
    let gone = |words: &String| Plan::of_gone_words(words, is_kept, site.takes_addresses(), scripts);
    let lost: Vec<Plan> = crashed.iter().flatten().filter_map(gone).collect();
    if crashed.is_some() {
        log.warn(format_args!("The last run was not stopped in order: its leftovers here are stopped"));
        plans.iter().chain(&lost).for_each(Plan::assume_started);
    }
    let all: Vec<&Plan> = plans.iter().chain(&lost).collect();
    // Groups that are not in the file any more have no home.
    let homes = site.resources.groups.iter().map(|group| group.node).chain(std::iter::repeat("-"));
    let groups: Vec<(String, String)> =
        all.iter().zip(homes).map(|(plan, home)| (plan.key.clone(), home.to_owned())).collect();
    let answer = |running: &[Running]| {
        let starting = Starting {
            node: &site.local_name,
            groups: &groups,
            running,
            deadtime: site.ha_cf.timing.deadtime,
            problems: board.standing(),
        };
        Answer::starting(starting).pack()
    };
    let door = Door { socket, answer: &answer };
    let stuck = leftovers::vacate(&all, log, board, signals, &door).map_err(|Interrupted| Failure::Interrupted)?;
    let (groups, lost_ones): (Vec<usize>, Vec<usize>) = stuck.into_iter().partition(|place| *place < plans.len());
    let lost: Vec<String> =
        lost_ones.into_iter().filter_map(|place| all.get(place)).map(|plan| plan.words.clone()).collect();
    for words in &lost {
        log.crit(format_args!(
            "{words}: not in haresources any more, and may still run here: it is told to stop again"
        ));
    }
    Ok(Stuck { groups, lost })
}
