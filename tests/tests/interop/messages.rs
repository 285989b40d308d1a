//! The site's own scripts in `rc.d` get messages, and the other node's state.

use hbcore_tests::lab::{Daemon, Site};
use hbcore_tests::scenario::Pairing;

use crate::MOVE_LIMIT;
use crate::start::{await_owner, start_both};
use hbcore_tests::lab::Lab;

/// A script that records its arguments and environment.
const SCRIPT: &str = "#!/bin/sh\nenv | grep -E '^HA_(t|st|src|dest|greeting)=' | sort | tr '\\n' ' ' >> /var/log/told\n\
                      echo \"$*\" >> /var/log/told\n";

/// A script of each node writes a message of an invented type into the FIFO; the other node's script gets its fields.
/// And a script of the site in the place of `status` is told of the other node's death.
pub(crate) fn of_the_site(pairing: Pairing) {
    let lab = Lab::new(&format!("{pairing} messages"), pairing.alpha, pairing.bravo, &Site::default());
    for host in lab.hosts() {
        host.write_program("rc.d/wave", SCRIPT);
        // 3.0.6 needs its own script: it takes over with it.
        if host.daemon() == Daemon::Ours {
            host.write_program("rc.d/status", SCRIPT);
        }
    }
    start_both(&lab);
    for (from, to) in [(&lab.alpha, &lab.bravo), (&lab.bravo, &lab.alpha)] {
        let greeting = format!("greeting=all well on {}?", from.name());
        from.write_fifo(&["t=wave", &greeting]);
        let told = format!("HA_greeting=all well on {}? HA_src={} HA_t=wave wave", from.name(), from.name());
        lab.await_until(MOVE_LIMIT, &format!("{} to be told [{told}]", to.name()), || {
            to.lines_of("told").contains(&told)
        });
    }
    lab.alpha.cut_power();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    if lab.bravo.daemon() == Daemon::Ours {
        for state in ["active", "dead"] {
            let told = format!("HA_src=alpha HA_st={state} HA_t=status status");
            lab.await_until(MOVE_LIMIT, &format!("bravo to be told [{told}]"), || {
                lab.bravo.lines_of("told").contains(&told)
            });
        }
    }
}
