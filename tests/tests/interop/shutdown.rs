//! A node leaves while something delays it.

use std::thread;
use std::time::{Duration, Instant};

use hbcore_tests::lab::SERVICE;
use hbcore_tests::scenario::Pairing;

use crate::groups::{self, Pair, SERVICE_SCRIPT, held};
use crate::{MOVE_LIMIT, START_LIMIT};

/// Writes a `web` whose stop takes this many seconds; a large number means for ever.
fn write_slow_web(pair: &Pair, seconds: u32) {
    let case = format!("case $1 in\n    stop) : > /run/stopping; sleep {seconds}; rm -f \"$held\" ;;");
    pair.lab.alpha.write_script("web", &SERVICE_SCRIPT.replacen("case $1 in", &case, 1));
}

/// A second TERM changes nothing: the script may finish, and bravo takes over after that.
pub(crate) fn second_signal(pairing: Pairing) {
    let pair = Pair::running("second TERM", pairing, &groups::site());
    let lab = &pair.lab;
    write_slow_web(&pair, 1);
    let since = Instant::now();
    lab.alpha.signal_daemon("TERM");
    lab.await_until(MOVE_LIMIT, "the script to be stopped", || lab.alpha.has_file("/run/stopping"));
    lab.alpha.signal_daemon("TERM");
    lab.await_until(MOVE_LIMIT, "alpha to say that it leaves already", || {
        lab.alpha.logged("Heartbeat shutdown already underway.")
    });
    let mut both = false;
    lab.await_until(MOVE_LIMIT, "the daemon of alpha gone", || {
        both |= held(lab, "web").len() > 1;
        !lab.alpha.is_running()
    });
    lab.check(!both, "one holder at every time");
    lab.check(lab.alpha.logged("Heartbeat shutdown complete."), "an orderly end");
    pair.await_owners("bravo", "bravo");
    pair.gap("second TERM", since);
}

/// Lines of `haresources` without resources: neither the start nor the end has anything to wait for.
pub(crate) fn empty_groups(pairing: Pairing) {
    let lab =
        hbcore_tests::lab::Lab::new("empty groups", pairing.alpha, pairing.bravo, &hbcore_tests::lab::Site::default());
    for host in lab.hosts() {
        host.write("haresources", "alpha\nbravo\n");
        host.start();
    }
    for host in lab.hosts() {
        let what = format!("{} to have started all that is at home there", host.name());
        lab.await_until(START_LIMIT, &what, || host.logged("Initial resource acquisition complete"));
    }
    for host in lab.hosts() {
        host.signal_daemon("TERM");
        lab.await_until(MOVE_LIMIT, &format!("{} to have left", host.name()), || !host.is_running());
    }
}

/// A stop script hangs: at the time limit the daemon ends by force, and its exit code shows that. It leaves no address
/// that another node is about to take over.
pub(crate) fn hanging_script(pairing: Pairing) {
    let pair = Pair::new("TERM while a script hangs", pairing, &groups::site());
    let lab = &pair.lab;
    lab.alpha.write("hbcore.cf", "shutdown_timeout 3\n");
    write_slow_web(&pair, 1000);
    thread::scope(|scope| {
        let daemon = scope.spawn(|| lab.alpha.heartbeat(&["-f"]).code);
        lab.bravo.start();
        pair.await_owners("alpha", "bravo");
        pair.await_claims(pair.began, "local", "local");
        let since = Instant::now();
        let told = scope.spawn(|| lab.alpha.heartbeat(&["-k"]).output);
        let code = daemon.join().expect("no panic");
        let lasted = since.elapsed();
        let told = told.join().expect("no panic");
        let is_named =
            told.contains("is still stopping after 2 s: ") && told.contains(SERVICE) && told.contains("(web stop, ");
        lab.check(is_named, &format!("`-k` to name the group that hangs, in {told:?}"));
        lab.check(code == Some(100), &format!("the exit code 100 instead of {code:?}"));
        let expected = Duration::from_millis(2900)..Duration::from_secs(6);
        lab.check(expected.contains(&lasted), &format!("an end after 3 s instead of {lasted:?}"));
    });
    lab.check(lab.alpha.logged("CRIT: Emergency Shutdown"), "alpha to say that it ends by force");
    lab.await_until(MOVE_LIMIT, "no process of alpha left", || !lab.alpha.is_running());
    lab.await_until(START_LIMIT, "bravo to take over", || {
        lab.bravo.holds_service() && held(lab, "web").contains(&"bravo")
    });
    lab.check(!lab.alpha.holds_service(), "no address left on alpha");
}
