//! The sites of `tests/seeds`, as a new user runs them: on machines that have Debian's package heartbeat, and on
//! machines that never had it. Init scripts start everything, as on the machines of their authors.
//!
//! ```text
//! cargo test -p hbcore-tests --test alone
//! ```

mod life;
mod pair;
mod scripts;
mod seed;

use std::panic::{AssertUnwindSafe, catch_unwind};

use hbcore_tests::lab::Installed;
use hbcore_tests::scenario::{self, message_of};
use libtest_mimic::{Completion, Failed, Trial};
use seed::SEEDS;

/// The files of this machine that the others need.
const NEEDED: [(&str, &str); 9] = [
    ("/usr/bin/nsenter", "util-linux"),
    ("/bin/ip", "iproute2"),
    ("/usr/sbin/nft", "nftables"),
    ("/usr/bin/socat", "socat"),
    ("/usr/bin/curl", "curl"),
    ("/etc/init.d/nginx", "nginx"),
    ("/etc/init.d/apache2", "apache2"),
    ("/usr/sbin/mkfs.ext3", "e2fsprogs"),
    ("/usr/lib/ocf/resource.d/heartbeat/Filesystem", "resource-agents"),
];

fn main() {
    let sites = SEEDS.iter().flat_map(|seed| {
        let name = seed.name;
        [
            case(format!("site_{name}_runs_where_the_package_never_was"), &[], move || {
                life::site(seed, Installed::None)
            }),
            case(format!("site_{name}_runs_in_place_of_the_package"), &DEBIAN, move || {
                life::site(seed, Installed::Debian)
            }),
        ]
    });
    let others = [
        case(
            "wrapper_calls_agents_as_the_package_does".to_owned(),
            &DEBIAN,
            scripts::wrapper_calls_agents_as_the_package_does,
        ),
        case("missing_agent_is_named".to_owned(), &[], scripts::missing_agent_is_named),
        case("uninstallation_takes_only_its_own".to_owned(), &[], scripts::uninstallation_takes_only_its_own),
        case("scripts_run_real_agents".to_owned(), &[], scripts::scripts_run_real_agents),
        case("functions_serve_the_scripts_of_a_site".to_owned(), &[], scripts::functions_serve_the_scripts_of_a_site),
    ];
    scenario::run(others.into_iter().chain(sites).collect())
}

const DEBIAN: [(&str, &str); 1] = [("/usr/libexec/heartbeat/ipfail", "heartbeat")];

/// A scenario, which is skipped with the reason where it cannot run.
fn case(
    name: String,
    needed: &'static [(&'static str, &'static str)],
    scenario: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(reason) = pair::why_not(&NEEDED).or_else(|| pair::why_not(needed)) {
            return Ok(Completion::ignored_with(reason));
        }
        match catch_unwind(AssertUnwindSafe(scenario)) {
            Ok(Ok(())) => Ok(Completion::Completed),
            Ok(Err(reason)) => Ok(Completion::ignored_with(reason)),
            Err(panic) => Err(Failed::from(message_of(panic.as_ref()))),
        }
    })
}
