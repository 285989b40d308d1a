//! A disk that DRBD replicates, in whole machines: Debian's kernel, its `drbd-utils` and its resource agents,
//! unchanged.
//!
//! ```text
//! cargo test -p hbcore-tests --test drbd -- new_ref
//! ```
//!
//! If the processor must be emulated, the scenario takes minutes, and only one pairing runs; with the variable
//! `HBCORE_DRBD_ALL` all do.

mod life;
mod pair;
mod watch;

use hbcore_tests::lab::guest;
use hbcore_tests::scenario::{self, Pairing, trial_with};
use libtest_mimic::{Completion, Trial};

/// Files of the Debian packages heartbeat and drbd-utils.
const NEEDED: &[&str] =
    &["/etc/ha.d/resource.d/Filesystem", "/var/lib/heartbeat", "/etc/ha.d/resource.d/drbddisk", "/sbin/drbdadm"];

fn main() {
    scenario::run(Pairing::ALL.into_iter().map(case).collect())
}

fn case(pairing: Pairing) -> Trial {
    let name = format!("{pairing}::life_of_a_replicated_disk");
    let is_left_out = !guest::has_kvm() && pairing != Pairing::NEW_REF && std::env::var_os("HBCORE_DRBD_ALL").is_none();
    let reason = is_left_out.then(|| "without KVM only new_ref runs, because it takes minutes".to_owned());
    if let Some(reason) = reason.or_else(guest::why_not) {
        return Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason)));
    }
    trial_with(&name, pairing, NEEDED, life::life)
}
