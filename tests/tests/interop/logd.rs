//! The logging daemon of cluster-glue gets the lines, while it runs.

use std::time::Duration;

use hbcore_tests::lab::{Host, Site};
use hbcore_tests::scenario::Pairing;

use crate::clients_abuse::{NAME, says};
use crate::start::together;
use crate::{MOVE_LIMIT, START_LIMIT};

/// The daemon.
const LOGD: &str = "/usr/lib/heartbeat/ha_logd";
pub(crate) const NEEDS: &[&str] = &[LOGD];
const FILE: &str = "logd-file";

fn start_logd(host: &Host) {
    host.write("logd.cf", &format!("logfile /var/log/{FILE}\n"));
    let line = format!("{LOGD} -c /etc/ha.d/logd.cf > /var/log/logd-out 2>&1 < /dev/null & echo $! > /run/test-logd");
    assert_eq!(host.run("sh", &["-c", &line]).code, Some(0));
}

/// Makes alpha log a line about a client, not faster than it logs such lines, and than it looks for `ha_logd`.
fn say(host: &Host) {
    std::thread::sleep(Duration::from_millis(1100));
    says(host, &["names", NAME]);
}

/// Lines reach `ha_logd`, and its successor after it was killed. The log names each absence once, and nothing waits.
pub(crate) fn killed_and_restarted(pairing: Pairing) {
    let site = Site { more: "use_logd yes\nconn_logd_time 1\n".to_owned(), ..Site::default() };
    let lab = together("logd", pairing, &site);
    let host = &lab.alpha;
    let away = "Initializing connection to logging daemon failed";
    lab.await_until(MOVE_LIMIT, "the absence to be said", || host.logged(away));
    let has = || host.lines_of(FILE).iter().filter(|line| line.contains("has left: signoff")).count();
    for round in 1..=2 {
        start_logd(host);
        let before = has();
        let arrives = || {
            say(host);
            has() > before
        };
        lab.await_until(START_LIMIT, &format!("a line to reach ha_logd, for the {round}. time"), arrives);
        let kill = "pkill -KILL -P $(cat /run/test-logd); kill -KILL $(cat /run/test-logd); rm -f /run/logd.pid";
        host.run("sh", &["-c", kill]);
        let told = host.lines_of("ha-log").iter().filter(|line| line.contains(away)).count();
        lab.await_until(START_LIMIT, "the new absence to be said", || {
            say(host);
            host.lines_of("ha-log").iter().filter(|line| line.contains(away)).count() == told + 1
        });
    }
    lab.check(!host.logged("Late heartbeat"), "no late heartbeat");
}
