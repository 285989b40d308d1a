//! Real daemons, real 3.0.6, a real network: everything that a pair of nodes lives through.
//!
//! Each scenario runs for each pairing of ours (`new`) and the reference (`ref`); the first one is on the preferred owner,
//! alpha. Names are `PAIRING::SCENARIO`, and a word of a name runs what contains it:
//!
//! ```text
//! cargo test -p hbcore-tests --test interop -- new_ref::life_over_serial
//! ```
//!
//! With `HBCORE_SELF_CHECK=1` the reference is also paired with itself: what it cannot do, no scenario should ask for.
//!
//! | medium | new_new | new_ref | ref_new |
//! |---|---|---|---|
//! | ucast  | sha1 | sha1 | md5  |
//! | bcast  | md5  | crc  | sha1 |
//! | mcast  | crc  | md5  | crc  |
//! | serial | sha1 | sha1 | md5  |
//! | mcast6 and ucast6 | sha1 | sha1 | sha1 |

mod failback;
mod failures;
mod fencing;
mod golden;
mod groups;
mod ipv6;
mod legacy;
mod life;
mod links;
mod loss;
mod messages;
mod partition;
mod reload;
mod restart;
mod scripts;
mod shutdown;
mod stall;
mod standby;
mod start;
mod three;
mod wording;

use std::time::Duration;

use hbcore_tests::lab::{Auth, Daemon, Media};
use hbcore_tests::scenario::{Pairing, trial};
use libtest_mimic::Trial;

/// What a trial runs.
type Scenario = fn(Pairing);

/// A cluster that includes a 3.0.6 needs its 10 s of settling, and some, to have the address up.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Time for the address to move when both nodes are up, or one has just died.
const MOVE_LIMIT: Duration = Duration::from_secs(10);

fn main() {
    let mut trials: Vec<Trial> = Pairing::ALL.into_iter().flat_map(scenarios).collect();
    if std::env::var_os("HBCORE_SELF_CHECK").is_some() {
        trials.extend(scenarios(Pairing::REF_REF));
    }
    trials.push(trial("ref_ref::upgrade_to_ours_while_it_serves", Pairing::REF_REF, reload::upgrade));
    trials.push(trial("wording::what_a_monitor_greps_is_in_both_logs", Pairing::REF_NEW, |_| wording::is_alike()));
    hbcore_tests::scenario::run(trials)
}

fn scenarios(pairing: Pairing) -> Vec<Trial> {
    let name = |scenario: &str| format!("{pairing}::{scenario}");
    let mut trials: Vec<Trial> = combinations(pairing)
        .into_iter()
        .map(|(media, auth)| {
            let life = name(&format!("life_over_{media:?}_with_{auth:?}").to_lowercase());
            trial(&life, pairing, move |pairing| life::life(pairing, media, auth))
        })
        .collect();
    let others: [(&str, Scenario); 20] = [
        ("golden_sequences_of_a_lone_node", golden::alone),
        ("reload_with_changed_ha_cf", reload::ha_cf),
        ("fencing_by_a_null_device", fencing::null_device),
        ("messages_reach_the_scripts_of_the_site", messages::of_the_site),
        ("golden_sequences", golden::sequences),
        ("standby_in_every_variant", standby::variants),
        ("takeover_with_every_word", standby::takeovers),
        ("legacy_life", legacy::life),
        ("returning_node_leaves_the_address_without_failback", failback::off),
        ("return_during_the_takeover_brings_the_address_home", failback::during_takeover),
        ("loss_of_30_percent_moves_nothing", loss::thirty_percent),
        ("restart_of_the_other_node_moves_nothing", restart::of_bravo),
        ("reload_on_either_node_moves_nothing", restart::reload),
        ("crash_of_the_daemon_and_quick_restart", restart::crash),
        ("partition_and_heal", partition::heals),
        ("ipv6_alone", ipv6::alone),
        ("cable_pulled_and_back_moves_nothing", links::cable),
        ("ping_nodes_are_watched", links::ping_nodes),
        ("scripts_are_called_in_order", scripts::in_order),
        ("stall_of_the_owner_ends_with_one_owner", stall::of_the_owner),
    ];
    trials.extend(others.map(|(scenario, run)| trial(&name(scenario), pairing, run)));
    trials.extend(with_ours(pairing).into_iter().map(|(scenario, run)| trial(&name(scenario), pairing, run)));
    trials
}

/// Scenarios in which something is asked of a node that only ours does: of alpha, of bravo, of both.
fn with_ours(pairing: Pairing) -> Vec<(&'static str, Scenario)> {
    let of_alpha: [(&str, Scenario); 7] = [
        ("start_failure_gives_the_group_to_the_other_node", failures::start),
        ("stop_failure_with_a_command", failures::stop_with_command),
        ("stop_failure_reboots", failures::stop_with_reboot),
        ("stop_failure_without_help_keeps_the_claim", failures::stop_without_help),
        ("second_term_changes_nothing", shutdown::second_signal),
        ("term_while_a_script_hangs", shutdown::hanging_script),
        ("reload_with_changed_haresources", reload::haresources),
    ];
    let of_bravo: [(&str, Scenario); 3] = [
        ("start_failure_of_a_foreign_group_sends_it_home", failures::start_of_foreign),
        ("fence_command_that_fails_twice", fencing::command),
        ("fenced_node_returns", fencing::node_returns),
    ];
    let of_both: [(&str, Scenario); 2] =
        [("noisy_scripts_disturb_nobody", failures::noise), ("reload_with_wrong_files_changes_nothing", reload::wrong)];
    let three: [(&str, Scenario); 1] = [("three_nodes_one_dies", three::nodes)];
    let mut scenarios = Vec::new();
    if pairing.alpha == Daemon::Ours {
        scenarios.extend(of_alpha);
    }
    if pairing.bravo == Daemon::Ours {
        scenarios.extend(of_bravo);
        scenarios.extend(three);
    }
    if pairing.is_all_ours() {
        scenarios.extend(of_both);
    }
    if pairing == Pairing::REF_REF {
        return Vec::new();
    }
    scenarios
}

/// Every medium and every method occurs with every pairing.
fn combinations(pairing: Pairing) -> [(Media, Auth); 4] {
    let [ucast, bcast, mcast, serial] = match pairing {
        Pairing::NEW_NEW => [Auth::Sha1, Auth::Md5, Auth::Crc, Auth::Sha1],
        Pairing::NEW_REF => [Auth::Sha1, Auth::Crc, Auth::Md5, Auth::Sha1],
        _ => [Auth::Md5, Auth::Sha1, Auth::Crc, Auth::Md5],
    };
    [(Media::Ucast, ucast), (Media::Bcast, bcast), (Media::Mcast, mcast), (Media::Serial, serial)]
}
