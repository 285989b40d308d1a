//! Real daemons, a real 3.0.6, a real network: all scenarios of a pair of nodes.
//!
//! Each scenario runs for each pairing of ours (`new`) and the reference (`ref`); the first one is on the preferred owner,
//! alpha. Names are `PAIRING::SCENARIO`, and a word of a name runs what contains it:
//!
//! ```text
//! cargo test -p hbcore-tests --test interop -- new_ref::life_over_serial
//! ```
//!
//! With `HBCORE_SELF_CHECK=1` the reference is also paired with itself: no scenario may demand anything that it cannot
//! do.
//!
//! | medium | `new_new` | `new_ref` | `ref_new` |
//! |---|---|---|---|
//! | ucast  | sha1 | sha1 | md5  |
//! | bcast  | md5  | crc  | sha1 |
//! | mcast  | crc  | md5  | crc  |
//! | serial | sha1 | sha1 | md5  |
//! | mcast6 and ucast6 | sha1 | sha1 | sha1 |
//!
//! Where each scenario of docs/protocol/resources.md 1 is. *all*: in each pairing; *alpha*, *bravo*: in those in which that
//! node is ours, or with *3.0.6* in which it is not; *both*: in `new_new`.
//!
//! | reference | scenario | trial | pairings |
//! |---|---|---|---|
//! | 1.4, 1.9 a | both start together | `golden_sequences`, `life_over_…` | all |
//! | 1.9 b | one starts alone | `golden_sequences_of_a_lone_node` | all |
//! | 1.9 c | the home joins, failback on | `golden_sequences`, `life_over_…`, `scripts_are_called_in_order` | all |
//! | 1.9 c | the same, off | `returning_node_leaves_the_address_without_failback`, `golden_sequences_of_a_lone_node` | all |
//! | 1.7 | on at one node, off at the other | `failback_is_decided_by_the_holder` | all |
//! | 1.5 | it joins during the takeover | `return_during_the_takeover_brings_the_address_home` | all |
//! | 1.9 d | graceful stop | `golden_sequences`, `scripts_are_called_in_order` | all |
//! | 1.9 d, 6.1 | stop twice; a script that hangs in it | `second_term_changes_nothing`, `term_while_a_script_hangs` | alpha |
//! | 1.5, 1.9 e | power cut | `golden_sequences`, `life_over_…` | all |
//! | 1.5 | crash of the daemon alone, restart with a new generation | `crash_of_the_daemon_and_quick_restart`, `restart_of_the_other_node_moves_nothing` | all |
//! | 1.5 | silence without death | `stall_of_the_owner_ends_with_one_owner` | all |
//! | 1.6, 1.9 f | standby, every word from every state; peer dead | `standby_in_every_variant`, `golden_sequences` | all |
//! | 1.6 | a second request meanwhile | `second_standby_is_ignored` | all |
//! | 1.6, 1.8 | a stop script that hangs in a standby | `stop_that_hangs_once_delays_a_standby`, `stop_that_hangs_is_a_stop_failure` | alpha |
//! | 1.9 g | `hb_takeover` with every word | `takeover_with_every_word`, `golden_sequences` | all |
//! | 1.8, 1.9 h | start failure | `start_failure_gives_the_group_to_the_other_node` | alpha |
//! | 1.8 | of a foreign group | `start_failure_of_a_foreign_group_sends_it_home` | bravo |
//! | 1.8, 1.9 h | start failure of 3.0.6 | `start_failure_on_3_0_6_leaves_its_group_down` | alpha 3.0.6 |
//! | 1.8 | of a foreign group | `start_failure_of_a_foreign_group_on_3_0_6_sends_it_home` | bravo 3.0.6 |
//! | 1.8 | start failure of a lone node | `start_that_failed_on_a_lone_node_…` | alpha |
//! | 1.8, 1.9 i | stop failure | `stop_failure_…` | alpha |
//! | 1.8 | noise, leftovers, floods of a script | `noisy_scripts_disturb_nobody` | both |
//! | 1.9 j | legacy: together, alone, second up, crash, stop, return | `legacy_life`, `golden_sequences_of_legacy…` | all |
//! | 1.9 j | legacy on one node only | `legacy_on_one_node_only` | all |
//! | 1.10 | partition and heal | `partition_and_heal`, `divided_network_serves_both_sides` | all |
//! | 1.10 | cut in one direction | `heal_when_only_alpha_was_heard`, `heal_when_only_bravo_was_heard` | all |
//! | 1.12 | three nodes | `three_nodes_one_dies` | bravo |
//! | – | address lost, interface down, stranger with it | `address_removed_…`, `interface_that_stays_down_…`, `stranger_…` | alpha |
//! | – | the same on a lone node | `lost_address_of_a_lone_node_stops_nothing` | both |
//! | – | memory | `lone_daemon_occupies_two_megabytes_at_most` | both |
//! | – | our own silence | `stall_of_the_observer_blames_nobody` | bravo |
//! | 2, 3 | sites of Debian's packages | `site_of_debian_…` | all |
//! | 5 | fencing | `fencing_by_a_null_device` | all |
//! | 5 | the same, failing; the node returns | `fence_command_that_fails_twice`, `fenced_node_returns` | bravo |

mod addresses;
mod clients;
mod clients_abuse;
mod clients_compressed;
mod clients_debian;
mod clients_monitors;
mod clients_ours;
mod clients_rules;
mod crash;
mod debian;
mod differing;
mod divided;
mod failback;
mod failures;
mod fencing;
mod found;
mod golden;
mod groups;
mod ipv6;
mod legacy;
mod life;
mod limits;
mod links;
mod logd;
mod loss;
mod memory;
mod messages;
mod outcomes;
mod partition;
mod reload;
mod reload_faults;
mod respawn;
mod restart;
mod scripts;
mod shutdown;
mod stall;
mod standby;
mod start;
mod status;
mod strays;
mod three;
mod unable;
mod wording;

use std::time::Duration;

use hbcore_tests::lab::{Auth, Daemon, Media};
use hbcore_tests::scenario::{Pairing, trial, trial_with};
use libtest_mimic::Trial;

/// The code of a trial.
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
    let logd = logd::killed_and_restarted;
    trials.push(trial_with(
        "new_new::logd_gets_the_lines_also_after_it_was_killed",
        Pairing::NEW_NEW,
        logd::NEEDS,
        logd,
    ));
    trials.push(trial("wording::what_a_monitor_greps_is_in_both_logs", Pairing::REF_NEW, |_| wording::is_alike()));
    trials.push(trial("wording::log_files_are_alike", Pairing::NEW_REF, |_| wording::files_are_alike()));
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
    let others: [(&str, Scenario); 28] = [
        ("golden_sequences_of_a_lone_node", golden::alone),
        ("golden_sequences_of_legacy", golden::legacy),
        ("golden_sequences_of_legacy_one_after_the_other", golden::legacy_alone),
        ("divided_network_serves_both_sides", divided::two_sides),
        ("heal_when_only_bravo_was_heard", divided::deaf_bravo),
        ("heal_when_only_alpha_was_heard", divided::deaf_alpha),
        ("reload_with_changed_ha_cf", reload::ha_cf),
        ("fencing_by_a_null_device", fencing::null_device),
        ("messages_reach_the_scripts_of_the_site", messages::of_the_site),
        ("golden_sequences", golden::sequences),
        ("standby_in_every_variant", standby::variants),
        ("second_standby_is_ignored", standby::second),
        ("takeover_with_every_word", standby::takeovers),
        ("legacy_life", legacy::life),
        ("legacy_on_one_node_only", legacy::one_node_only),
        ("failback_is_decided_by_the_holder", failback::mixed),
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
    trials.extend(of_clients(pairing));
    let needs = respawn::NEEDS;
    trials.push(trial_with(&name("respawn_starts_and_ends_clients_as_3_0_6_does"), pairing, needs, respawn::life));
    if pairing.is_all_ours() {
        trials.push(trial_with(&name("clients_flood_delays_no_heartbeat"), pairing, needs, clients_abuse::flood));
        trials.push(trial_with(&name("clients_that_lie_are_refused"), pairing, needs, clients_abuse::lies));
        trials.push(trial_with(&name("clients_in_a_crowd_are_served"), pairing, needs, clients_abuse::crowd));
        trials.push(trial(&name("clients_messages_survive_a_loss_of_10_percent"), pairing, clients_abuse::loss));
        let reserved = clients_rules::reserved_types;
        trials.push(trial_with(&name("clients_cannot_send_types_of_the_daemon"), pairing, clients::NEEDS, reserved));
        let no_descriptor = clients_abuse::no_descriptor;
        trials.push(trial_with(&name("clients_wait_while_no_descriptor_is_free"), pairing, needs, no_descriptor));
    }
    trials.extend(debian::SCENARIOS.map(|(scenario, needs, run)| trial_with(&name(scenario), pairing, needs, run)));
    trials.extend(with_ours(pairing).into_iter().map(|(scenario, run)| trial(&name(scenario), pairing, run)));
    trials
}

/// Scenarios with clients of the socket.
fn of_clients(pairing: Pairing) -> Vec<Trial> {
    let name = |scenario: &str| format!("{pairing}::{scenario}");
    let mut trials = Vec::new();
    let of_clients: [(&str, Scenario); 5] = [
        ("clients_every_question", clients::every_question),
        ("clients_life", clients::life),
        ("clients_monitors_show_the_same_as_with_3_0_6", clients_monitors::same_as_with_3_0_6),
        ("clients_messages_arrive_in_order", clients_abuse::messages),
        ("clients_hear_of_a_death_before_its_links", clients_abuse::death),
    ];
    let needs = clients::NEEDS;
    trials.extend(of_clients.map(|(scenario, run)| trial_with(&name(scenario), pairing, needs, run)));
    let compressed: [(&str, Scenario); 4] = [
        ("clients_messages_travel_compressed_with_zlib", clients_compressed::zlib),
        ("clients_messages_travel_compressed_with_bz2", clients_compressed::bz2),
        ("clients_structures_travel_compressed", clients_compressed::structures),
        ("clients_long_messages_arrive", clients_compressed::long),
    ];
    let needs = clients_compressed::NEEDS;
    trials.extend(compressed.map(|(scenario, run)| trial_with(&name(scenario), pairing, needs, run)));
    let needs = clients_debian::NEEDS;
    let programs: [(&str, Scenario); 4] = [
        ("clients_ipfail_moves_to_who_sees_the_ping_node", clients_debian::ipfail),
        ("clients_ccm_agrees_on_the_members", clients_debian::ccm),
        ("clients_ccm_and_api_test_are_started_by_the_daemon", clients_debian::started),
        ("clients_api_test_is_answered", clients_debian::api_test),
    ];
    trials.extend(programs.map(|(scenario, run)| trial_with(&name(scenario), pairing, needs, run)));
    let rules: [(&str, Scenario); 3] = [
        ("clients_fields_are_in_the_order_of_3_0_6", clients_rules::field_order),
        ("clients_without_a_filter_get_kept_messages", clients_rules::default_filter),
        ("clients_are_admitted_by_their_effective_group", clients_rules::effective_group),
    ];
    let needs = clients_rules::NEEDS;
    trials.extend(rules.map(|(scenario, run)| trial_with(&name(scenario), pairing, needs, run)));
    let needs = clients_ours::NEEDS;
    let ours: [(&str, Scenario); 4] = [
        ("clients_ipfail_of_ours_takes_over_and_gives_back", clients_ours::ipfail_of_ours),
        ("clients_ipfail_of_ours_and_debian_takes_over_and_gives_back", clients_ours::ipfail_of_ours_and_debian),
        ("clients_ipfail_of_debian_and_ours_takes_over_and_gives_back", clients_ours::ipfail_of_debian_and_ours),
        ("clients_dopd_of_ours_outdates_the_peer", clients_ours::dopd),
    ];
    trials.extend(ours.map(|(scenario, run)| trial_with(&name(scenario), pairing, needs, run)));
    if pairing.is_all_ours() {
        let without = clients_ours::ipfail_without_a_router;
        trials.push(trial_with(
            &name("clients_ipfail_of_ours_without_a_router_moves_nothing"),
            pairing,
            needs,
            without,
        ));
    }
    trials
}

/// Scenarios of a pair of ours in which the daemon crashes, or reads its configuration anew and something goes wrong.
const CRASHES_AND_RELOADS: [(&str, Scenario); 27] = [
    ("crash_and_late_restart_leave_one_owner", crash::late_restart),
    ("crash_and_quick_restart_leave_one_owner", crash::quick_restart),
    ("start_at_once_after_a_crash_runs_one_daemon", crash::start_at_once),
    ("reload_at_once_after_a_crash_runs_one_daemon", crash::reload_at_once),
    ("daemon_without_its_pid_file_is_found_and_stays_the_only_one", found::pid_file),
    ("daemon_without_its_run_directory_is_found_and_restores_it", found::run_directory),
    ("start_before_the_end_of_a_killed_daemon_waits_for_it", crash::start_before_the_end),
    ("crash_and_refused_restart_leave_one_owner", crash::refused_restart),
    ("crash_leftover_that_cannot_be_stopped_is_claimed", crash::stop_fails),
    ("crash_leftover_that_hangs_announces_no_reboot", crash::stop_and_status_hang),
    ("reload_goes_through_beside_a_leftover_and_the_next_run_knows_it", crash::reload_beside_a_leftover),
    ("crash_leftover_of_the_other_home_keeps_nothing_from_running", crash::foreign_stop_fails),
    ("service_started_by_accident_is_stopped_at_the_start", crash::service_started_by_accident),
    ("node_does_not_join_while_a_status_hangs", crash::status_hangs),
    ("reload_is_refused_while_the_state_directory_is_full", reload_faults::full_disk),
    ("reload_is_refused_while_the_state_directory_is_read_only", reload_faults::read_only_disk),
    ("reload_is_refused_while_its_port_is_taken", reload_faults::port_taken),
    ("reload_is_refused_while_its_serial_port_is_locked", reload_faults::serial_port_locked),
    ("reload_is_refused_while_its_program_is_unfit", reload_faults::program_unfit),
    ("reload_whose_exec_is_refused_leaves_everything_as_it_was", reload_faults::exec_refused),
    ("reload_goes_on_when_its_log_is_a_fifo_without_a_reader", reload_faults::log_is_a_fifo),
    ("successor_without_a_configuration_gives_up_what_it_holds", reload_faults::successor_without_configuration),
    ("removed_group_that_does_not_stop_is_escalated_and_not_forgotten", strays::stop_fails),
    ("removed_group_whose_stop_hangs_delays_a_reload", strays::stop_hangs),
    ("removed_group_is_stopped_after_a_crash", strays::crash),
    ("removed_group_whose_stop_hangs_is_named_by_a_stop", strays::leave_is_shown),
    ("removed_group_that_does_not_stop_is_one_problem", strays::line_is_steady),
];

/// Scenarios in which something is asked of a node that only ours does: of alpha, of bravo, of both.
fn with_ours(pairing: Pairing) -> Vec<(&'static str, Scenario)> {
    let of_alpha: [(&str, Scenario); 16] = [
        ("status_tells_what_the_node_sees", links::status),
        ("status_of_a_peer_that_was_stopped_is_left", status::left),
        ("status_of_a_stop_within_a_start_is_a_stop", status::stop_in_start),
        ("start_failure_gives_the_group_to_the_other_node", failures::start),
        ("stop_failure_with_a_command", failures::stop_with_command),
        ("stop_that_hangs_is_a_stop_failure", failures::stop_that_hangs),
        ("stop_that_hangs_once_delays_a_standby", failures::stop_that_hangs_once),
        ("stop_failure_reboots", failures::stop_with_reboot),
        ("stop_failure_without_help_keeps_the_claim", failures::stop_without_help),
        ("address_removed_too_often_moves_its_group", addresses::removed),
        ("interface_that_stays_down_moves_its_group", addresses::interface_down),
        ("stranger_with_the_address_is_refused", addresses::stranger),
        ("second_term_changes_nothing", shutdown::second_signal),
        ("term_while_a_script_hangs", shutdown::hanging_script),
        ("reload_with_changed_haresources", reload::haresources),
        ("removed_group_is_stopped_before_its_node_leaves", strays::leave),
    ];
    let of_bravo: [(&str, Scenario); 8] = [
        ("start_without_a_process_goes_back_to_its_owner", outcomes::no_process_for_a_start),
        ("status_of_an_empty_claim_holds_none", status::claims),
        ("status_of_fencing_that_fails_names_the_next_try", status::fencing),
        ("stall_of_the_observer_blames_nobody", stall::of_the_observer),
        ("start_failure_of_a_foreign_group_sends_it_home", failures::start_of_foreign),
        ("fence_command_that_fails_twice", fencing::command),
        ("fence_command_that_hangs_is_ended_and_called_again", fencing::hangs),
        ("fenced_node_returns", fencing::node_returns),
    ];
    let of_both: [(&str, Scenario); 27] = [
        ("respawned_client_that_dies_too_often_is_a_problem_until_a_reload", respawn::dies),
        ("respawned_clients_outlive_a_reload", respawn::reload),
        ("respawned_client_that_does_not_end_is_killed", respawn::does_not_end),
        ("failfast_client_that_dies_reboots", respawn::failfast),
        ("status_of_a_lone_node_tells_the_address_it_lacks", status::address_lost),
        ("status_of_a_slow_start_names_its_script", status::slow_start),
        ("status_of_a_stop_that_fails_is_a_problem_until_it_succeeds", status::stop_fails),
        ("status_of_a_missing_script_names_it_and_waits_longer", status::script_missing),
        ("status_of_a_stop_that_hangs_is_a_problem_on_both", status::stop_hangs),
        ("groups_of_any_number_go_through_their_life", outcomes::many_groups),
        ("loop_sleeps_while_no_descriptor_is_free", limits::no_descriptor),
        ("status_of_a_stopped_daemon_is_not_waited_for", limits::stopped_daemon),
        ("daemon_lives_while_no_file_may_grow", limits::file_size),
        ("start_with_too_few_open_files_names_the_limit", limits::few_descriptors_at_start),
        ("start_with_a_log_beyond_the_file_limit_says_what_it_does", limits::file_size_at_start),
        ("signal_without_news_is_logged_three_times_at_most", limits::unchanged),
        ("lost_generation_and_a_clock_set_back_keep_nobody_out", limits::lost_generation),
        ("node_whose_generation_is_refused_says_what_to_do", limits::unnoticed_generation),
        ("status_of_a_group_that_starts_nowhere_is_not_settled", status::nowhere),
        ("status_of_different_haresources_is_a_problem_on_both", status::digest),
        ("status_names_strangers", status::strangers),
        ("status_of_a_refused_reload_is_a_problem", status::refused),
        ("lone_daemon_occupies_two_megabytes_at_most", memory::of_a_lone_daemon),
        ("groups_without_resources_hinder_nobody", shutdown::empty_groups),
        ("lost_address_of_a_lone_node_stops_nothing", addresses::alone),
        ("noisy_scripts_disturb_nobody", failures::noise),
        ("reload_with_wrong_files_changes_nothing", reload::wrong),
    ];
    let of_reference_alpha: [(&str, Scenario); 2] = [
        ("reference_without_its_pid_file_gets_no_daemon_of_ours_beside_it", found::reference_without_pid_file),
        ("start_failure_on_3_0_6_leaves_its_group_down", failures::start_on_reference),
    ];
    let of_reference_bravo: [(&str, Scenario); 2] = [
        ("peer_of_3_0_6_cannot_tell_its_haresources", status::digest_of_reference),
        ("start_failure_of_a_foreign_group_on_3_0_6_sends_it_home", failures::start_of_foreign_on_reference),
    ];
    let three: [(&str, Scenario); 1] = [("three_nodes_one_dies", three::nodes)];
    let mut scenarios = Vec::new();
    if pairing.alpha == Daemon::Ours {
        scenarios.extend(of_alpha);
        scenarios.extend(unable::OF_ALPHA);
    }
    if pairing.bravo == Daemon::Ours {
        scenarios.extend(of_bravo);
        scenarios.extend(three);
    }
    if pairing.is_all_ours() {
        let of_modules = [&CRASHES_AND_RELOADS[..], &differing::OURS, &legacy::OURS, &unable::OURS].concat();
        scenarios.extend(of_both.into_iter().chain(of_modules));
    }
    if pairing.alpha == Daemon::Reference {
        scenarios.extend(of_reference_alpha);
    }
    if pairing.bravo == Daemon::Reference {
        scenarios.extend(of_reference_bravo);
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
