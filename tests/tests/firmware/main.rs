//! A node without an operating system, in QEMU, beside real daemons over a serial cable.
//!
//! ```text
//! cargo test -p hbcore-tests --test firmware -- beside_ours
//! ```

mod board;
mod cable;
mod scenes;
mod size;
mod stack;

use std::path::Path;

use cable::Noise;
use hbcore_tests::lab::{Daemon, why_not};
use hbcore_tests::scenario::{self, Pairing, trial};
use libtest_mimic::{Completion, Trial};

/// The programs that the suite needs, with their Debian packages.
const TOOLS: [(&str, &str); 4] = [
    ("/usr/bin/qemu-system-arm", "qemu-system-arm"),
    ("/usr/bin/arm-none-eabi-gcc", "gcc-arm-none-eabi"),
    ("/usr/bin/rustc", "rustc-web"),
    ("/usr/bin/make", "make"),
];

fn main() {
    let mut trials = vec![
        case("size::within_bounds", Daemon::Ours, |_| size::within_bounds()),
        case("noise::in_bursts_kills_nobody", Daemon::Ours, |daemon| scenes::noise(daemon, Noise::Bursts)),
        case("noise::in_single_bytes_kills_nobody", Daemon::Ours, |daemon| scenes::noise(daemon, Noise::Single)),
        case("noise::in_single_bytes_beside_3_0_6", Daemon::Reference, |daemon| scenes::noise(daemon, Noise::Single)),
        case("watchdog::resets_a_hung_node", Daemon::Ours, |_| scenes::watchdog()),
    ];
    for (name, daemon) in [("ours", Daemon::Ours), ("3_0_6", Daemon::Reference)] {
        trials.push(case(&format!("life::in_c_beside_{name}"), daemon, |daemon| scenes::life(daemon, board::in_c())));
        trials.push(case(&format!("life::in_rust_beside_{name}"), daemon, |daemon| {
            scenes::life(daemon, board::in_rust());
        }));
    }
    scenario::run(trials)
}

fn case(name: &str, daemon: Daemon, run: fn(Daemon)) -> Trial {
    if let Some((_, package)) = TOOLS.iter().find(|(file, _)| !Path::new(file).exists()) {
        let reason = format!("needs the package {package}");
        return Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason)));
    }
    if let Some(reason) = why_not([daemon, Daemon::Ours]) {
        return Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason)));
    }
    trial(name, Pairing { alpha: daemon, bravo: Daemon::Ours }, move |pairing| run(pairing.alpha))
}
