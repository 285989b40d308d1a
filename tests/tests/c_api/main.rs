//! The C side from the view of a C programmer: header, archives and examples, with a real compiler, real sanitizers and
//! real clusters.
//!
//! To run one test alone, give a word of its name:
//!
//! ```text
//! cargo test -p hbcore-tests --test c_api -- header
//! ```

mod calls;
mod client;
mod cluster;
mod header;
mod install;
mod toolchain;
mod watch;

use hbcore_tests::lab::{Daemon, Media};
use hbcore_tests::scenario::{self, Pairing, trial, trial_with};
use libtest_mimic::{Completion, Trial};

/// The name of a test, the programs that it needs, and its code.
type Case = (&'static str, &'static [&'static str], fn());

/// The programs that build for 32-bit ARM with Linux.
const ARMV7: &[&str] =
    &["arm-linux-gnueabihf-gcc", "make", "/usr/bin/cargo", "/usr/bin/rustc", "/usr/lib/rustlib/src/rust"];

fn main() {
    let cases: [Case; 17] = [
        ("header::compiles_as_c11_and_cpp17", &["gcc", "g++"], header::compiles),
        ("header::lists_what_the_libraries_export", &["gcc", "nm"], header::symbols),
        ("header::unsafe_code_has_one_address", &[], header::unsafe_code),
        ("archive::small_one_needs_no_c_library", &["gcc"], header::freestanding),
        ("archive::small_one_for_armv7_needs_no_c_library", ARMV7, header::freestanding_armv7),
        ("calls::with_wrong_arguments", &["gcc"], calls::wrong_arguments),
        ("calls::with_wrong_arguments_to_the_small_library", &["gcc"], calls::wrong_arguments_small),
        ("calls::with_wrong_arguments_under_valgrind", &["gcc", "valgrind"], calls::under_valgrind),
        ("calls::a_cut_is_noticed_within_deadtime_and_a_character", &["gcc"], calls::cut_cable),
        ("examples::pair_in_memory", &["gcc"], calls::pair_in_memory),
        ("examples::watch_reads_the_vectors", &["gcc"], watch::vectors),
        ("examples::watch_says_what_is_wrong", &["gcc"], watch::mistakes),
        ("examples::watch_listens_on_a_socket", &["gcc"], watch::socket),
        ("examples::watch_under_valgrind", &["gcc", "valgrind"], watch::under_valgrind),
        ("install::pkg_config", &["gcc", "g++", "make", "pkg-config"], install::pkg_config),
        ("install::without_cargo", &["gcc", "make"], install::without_cargo),
        ("install::cmake", &["gcc", "make", "pkg-config", "cmake"], install::cmake),
    ];
    let mut trials: Vec<Trial> = cases.into_iter().map(|(name, tools, run)| case(name, tools, run)).collect();
    for (name, daemon) in [("ours", Daemon::Ours), ("3_0_6", Daemon::Reference)] {
        let pairing = Pairing { alpha: daemon, bravo: Daemon::Ours };
        trials.push(trial(&format!("examples::udp_node_beside_{name}"), pairing, move |_| {
            cluster::life(daemon, Media::Ucast, "udp_node");
        }));
        trials.push(trial(&format!("examples::serial_node_beside_{name}"), pairing, move |_| {
            cluster::life(daemon, Media::Serial, "serial_node");
        }));
        trials.push(trial(&format!("examples::udp_node_talks_with_a_client_of_{name}"), pairing, move |_| {
            cluster::talk(daemon, Media::Ucast, "udp_node", 300);
        }));
        trials.push(trial(&format!("examples::serial_node_talks_with_a_client_of_{name}"), pairing, move |_| {
            cluster::talk(daemon, Media::Serial, "serial_node", 40);
        }));
        let both = Pairing { alpha: daemon, bravo: daemon };
        trials.push(trial(&format!("examples::resource_under_{name}"), both, move |_| cluster::agent(daemon)));
    }
    for pairing in Pairing::ALL {
        let name = format!("examples::client_on_{pairing}");
        trials.push(trial_with(&name, pairing, client::NEEDS, client::asks_and_talks));
    }
    scenario::run(trials)
}

/// A test that is skipped, with the reason, if a program is missing.
fn case(name: &str, tools: &'static [&'static str], run: fn()) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(tool) = tools.iter().find(|tool| !toolchain::is_installed(tool)) {
            return Ok(Completion::ignored_with(format!("needs the program {tool}")));
        }
        run();
        Ok(Completion::Completed)
    })
}
