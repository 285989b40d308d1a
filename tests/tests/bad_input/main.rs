//! Input that a daemon must survive: packets from attackers and from broken hardware, and files with mistakes.
//!
//! To run one test alone, give a word of its name:
//!
//! ```text
//! cargo test -p hbcore-tests --test bad_input -- wrong_key
//! ```

mod configuration;
mod packets;
mod privileges;
mod serial;

use hbcore_tests::scenario::{self, Pairing, trial};
use libtest_mimic::Trial;

/// The code of a trial.
type Scenario = fn();

fn main() {
    let scenarios: [(&str, Scenario); 17] = [
        ("packets::malformed", packets::malformed),
        ("packets::oversized", packets::oversized),
        ("packets::truncated", packets::truncated),
        ("packets::forged", packets::forged),
        ("packets::signed_with_a_wrong_key", packets::wrong_key),
        ("packets::from_an_unknown_node", packets::unknown_node),
        ("packets::under_our_own_name", packets::own_name),
        ("packets::of_a_copy_of_this_node", packets::copy_of_this_node),
        ("packets::replayed_of_a_dead_node", packets::replayed_of_a_dead_node),
        ("packets::replayed_within_a_run", packets::replayed_within_a_run),
        ("packets::replayed_from_an_earlier_run", packets::replayed_from_an_earlier_run),
        ("packets::that_kill_the_reference", packets::that_kill_the_reference),
        ("serial::noise_on_the_cable", serial::noise_on_the_cable),
        ("configuration::wrong_files_are_refused", configuration::wrong_files),
        ("configuration::second_start_finds_the_first", configuration::second_start),
        ("configuration::port_taken_names_who_has_it", configuration::port_taken),
        ("privileges::missing_capability_is_named", privileges::missing_capability),
    ];
    let trials: Vec<Trial> =
        scenarios.into_iter().map(|(name, run)| trial(name, Pairing::NEW_NEW, move |_| run())).collect();
    scenario::run(trials)
}
