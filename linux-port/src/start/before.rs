//! The state in which an earlier daemon has left the groups.

use super::identity::Before;
use crate::cli::{Action, Options};
use crate::log::Logger;
use crate::resources::{Plan, Predecessor};
use hbcore::takeover::{Holds, Origin, Remains};
use hbcore::{Found, Resume};

/// The state in which an earlier daemon has left the groups of `plans`. `stuck`: the places of those that could not be
/// stopped. Such a group is ours until its stop is confirmed: the node claims its class, and stops it again, or starts
/// it if it does not run.
#[cold]
pub(super) fn before(
    options: &Options,
    predecessor: &Predecessor,
    plans: &[Plan],
    digest: u64,
    stuck: &[usize],
    log: &Logger,
) -> Before {
    let claimed = match options.action {
        Action::Resume(held) if predecessor.goes_on() => Some(held.unwrap_or_default()),
        _ => None,
    };
    let known = predecessor.told();
    let has_same = known.is_none_or(|known| known.digest == Some(digest)) || plans.is_empty();
    let resume = claimed.map(|claimed| if has_same { Resume::Claims(claimed) } else { Resume::OtherGroups });
    let runs = |plan: &Plan| match known.map(|known| known.remains(plan)) {
        // A 3.0.6 that hands over to us tells only the classes.
        None if claimed.unwrap_or_default() == Holds::NONE => Found::Nothing,
        None => Found::Running(Origin::Agreed),
        Some(Remains::All(origin)) => Found::Running(origin),
        Some(Remains::Part(origin)) => Found::Part(origin),
        Some(Remains::Nothing) => Found::Nothing,
    };
    let found = |(place, plan): (usize, &Plan)| {
        if stuck.contains(&place) {
            plan.assume_started();
            log.crit(format_args!("{} may run here and cannot be stopped: this node claims it", plan.key));
            Found::Leftover
        } else {
            let found = runs(plan);
            if found != Found::Nothing {
                plan.assume_started();
            }
            found
        }
    };
    Before { resume, found: plans.iter().enumerate().map(found).collect() }
}
