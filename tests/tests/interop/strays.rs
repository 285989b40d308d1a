//! A reload removes a line of `haresources`, and the stop of its group goes wrong: no node starts the group before it is
//! known to be stopped, whatever happens to the daemon meanwhile.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Site, holds_within, release_binary};
use hbcore_tests::scenario::Pairing;

use crate::groups::{self, Pair, count_calls, held};
use crate::reload::Before;
use crate::status::shows;
use crate::{MOVE_LIMIT, START_LIMIT};

/// Eleven attempts, one a second, and some.
const ATTEMPTS_LIMIT: Duration = Duration::from_secs(30);
/// A second owner would have appeared by then.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

/// `extra` stops at once, or fails, or waits, as the files of `/run` say.
const STUBBORN_SCRIPT: &str = r#"#!/bin/sh
echo "${0##*/} $*" >> /var/log/calls
held=/run/held-${0##*/}
case $1 in
    start) : > "$held" ;;
    stop)
        while [ -e /run/hang ]; do sleep 0.1; done
        [ ! -e /run/refuse ] && rm -f "$held" ;;
    status) if [ -e "$held" ]; then echo running; else echo stopped; exit 3; fi ;;
esac
"#;

fn site() -> Site {
    Site { more_groups: "bravo mail\nalpha extra\n".to_owned(), ..groups::site() }
}

/// Both nodes run their groups, and alpha runs `extra` as well.
fn running(name: &str, pairing: Pairing) -> Pair {
    let pair = Pair::new(name, pairing, &site());
    for host in pair.lab.hosts() {
        host.write_script("extra", STUBBORN_SCRIPT);
    }
    pair.start();
    pair.lab.await_until(START_LIMIT, "extra on alpha", || held(&pair.lab, "extra") == ["alpha"]);
    pair
}

/// Alpha reads a file without the line of `extra`; that of bravo keeps it.
fn remove_line(pair: &Pair) {
    let alpha = &pair.lab.alpha;
    alpha.write("haresources", &groups::site().haresources());
    let before = Before::of(pair, alpha);
    let since = Instant::now();
    reload(pair);
    before.await_next(pair, alpha, since, "local");
}

fn reload(pair: &Pair) {
    let answered = pair.lab.alpha.heartbeat(&["-r"]);
    pair.lab.check(answered.code == Some(0), &format!("-r to exit with 0 instead of {answered:?}"));
}

/// Whether `hb status` of alpha has this word.
fn status_of_alpha_has(pair: &Pair, word: &str) -> bool {
    pair.lab.alpha.run(&release_binary("hb").display().to_string(), &["status"]).output.contains(word)
}

/// Removes the line while its script refuses to stop and no stronger means helps: the site's command and a reboot write
/// down their calls, and fail.
fn remove_line_that_never_stops(pair: &Pair) {
    let alpha = &pair.lab.alpha;
    let command = "#!/bin/sh\necho \"${0##*/} $*\" >> /var/log/calls\nexit 1\n";
    alpha.put_into("/usr/sbin", &[("reboot", command), ("init", command)]);
    alpha.write_program("command", command);
    alpha.write("hbcore.cf", "stop_failure_command /etc/ha.d/command\n");
    alpha.run("touch", &["/run/refuse"]);
    remove_line(pair);
}

/// The stop fails: it is tried again and escalated as any other, it is a problem until the group has stopped, and the
/// next run of the daemon goes on with it.
pub(crate) fn stop_fails(pairing: Pairing) {
    let pair = running("removed line, stop fails", pairing);
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    remove_line_that_never_stops(&pair);
    shows(lab, alpha, 4, &["problem stop-unseen: extra may still run here", "extra stop is tried again"]);
    lab.await_until(ATTEMPTS_LIMIT, "the command to be called", || count_calls(alpha, "command extra") > 0);
    let tried = "stop_failure_command was called and failed (Return code 1 from /etc/ha.d/command)";
    shows(lab, alpha, 4, &["problem stop-escalated: extra does not stop here", tried]);
    lab.check(held(lab, "extra") == ["alpha"], "extra on alpha alone");

    // Another reload meanwhile loses nothing.
    alpha.write_site(&Site { more: "# changed\n".to_owned(), ..groups::site() });
    let before = Before::of(&pair, alpha);
    let since = Instant::now();
    let stops = count_calls(alpha, "extra stop");
    reload(&pair);
    before.await_next(&pair, alpha, since, "local");
    lab.await_until(ATTEMPTS_LIMIT, "extra to be told to stop", || count_calls(alpha, "extra stop") > stops);
    shows(lab, alpha, 4, &["problem stop-unseen: extra may still run here"]);

    alpha.run("rm", &["/run/refuse"]);
    lab.await_until(ATTEMPTS_LIMIT, "extra to stop", || held(lab, "extra").is_empty());
    let is_over = || !status_of_alpha_has(&pair, "extra");
    lab.await_until(MOVE_LIMIT, "the problems to end", is_over);
    lab.stays(LONG_ENOUGH, "extra nowhere while the files differ", || held(lab, "extra").is_empty());
    lab.check(pair.are_owners("alpha", "bravo"), "each other group at home");
}

/// Alpha has read a file without the line of `extra`, whose stop hangs.
fn hanging(name: &str, pairing: Pairing) -> Pair {
    let pair = running(name, pairing);
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    alpha.run("touch", &["/run/hang"]);
    remove_line(&pair);
    lab.await_until(START_LIMIT, "extra to be told to stop", || count_calls(alpha, "extra stop") == 1);
    pair
}

/// The stop hangs: the next reload waits for its end, and a run after a crash knows the group.
pub(crate) fn stop_hangs(pairing: Pairing) {
    let pair = hanging("removed line, stop hangs", pairing);
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let told = "problem removed-stops: extra is no longer in haresources and still stops here";
    shows(lab, alpha, 4, &[told]);
    let standby = alpha.tool("hb_standby", &["local"]);
    let refusal = "a group that is no longer in haresources has not stopped here yet";
    lab.check(standby.output.contains(refusal), &format!("no standby before that instead of {standby:?}"));

    alpha.write_site(&Site { more: "# changed\n".to_owned(), ..groups::site() });
    let restarts = || alpha.count_logged("Performing heartbeat restart exec.");
    let before = restarts();
    let answered = alpha.heartbeat(&["-r"]);
    lab.check(answered.output.contains("is put off"), &format!("the reload to wait instead of {answered:?}"));
    lab.stays(LONG_ENOUGH, "no restart before the stop has ended", || restarts() == before);
    shows(lab, alpha, 4, &["problem reload-waits: the changed configuration is not in use yet", "moves: extra ("]);
    alpha.run("rm", &["/run/hang"]);
    lab.await_until(START_LIMIT, "extra to stop and the reload to go on", || {
        held(lab, "extra").is_empty() && restarts() == before + 1
    });
    shows(lab, alpha, 4, &["problem haresources-differ"]);
    lab.check(!status_of_alpha_has(&pair, "extra"), "no word of extra");
    lab.check(count_calls(alpha, "extra stop") == 1, "one stop");
}

/// The daemon crashes during the stop: its next run stops the group, although no file of this node has it any more.
pub(crate) fn crash(pairing: Pairing) {
    let pair = running("removed line, crash during its stop", pairing);
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    alpha.run("touch", &["/run/refuse"]);
    remove_line(&pair);
    lab.await_until(START_LIMIT, "extra to be told to stop", || count_calls(alpha, "extra stop") > 0);
    alpha.crash_daemon();
    alpha.start();
    let stops = count_calls(alpha, "extra stop");
    lab.await_until(ATTEMPTS_LIMIT, "extra to be told to stop again", || count_calls(alpha, "extra stop") > stops);
    shows(lab, alpha, 4, &["problem stop-unseen: extra may still run here"]);
    lab.check(held(lab, "extra").contains(&"alpha"), "extra on alpha");
    alpha.run("rm", &["/run/refuse"]);
    lab.await_until(ATTEMPTS_LIMIT, "extra to stop on alpha", || !held(lab, "extra").contains(&"alpha"));
    lab.await_until(MOVE_LIMIT, "the problems to end", || !status_of_alpha_has(&pair, "extra"));
}

/// The stop is slow, and the daemon is told to end: the peer, whose file still has the line, waits.
pub(crate) fn leave(pairing: Pairing) {
    let pair = hanging("removed line, leave during its stop", pairing);
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    alpha.signal_daemon("TERM");
    lab.stays(LONG_ENOUGH, "extra on alpha alone", || held(lab, "extra") == ["alpha"]);
    lab.check(alpha.is_running(), "the daemon of alpha to wait");
    alpha.run("rm", &["/run/hang"]);
    let mut both = false;
    let moved = holds_within(START_LIMIT, || {
        let owners = held(lab, "extra");
        both |= owners.len() > 1;
        owners == ["bravo"] && pair.are_owners("bravo", "bravo")
    });
    lab.check(moved, "everything on bravo");
    lab.check(!both, "one owner of extra at every time");
    lab.await_until(START_LIMIT, "the daemon of alpha to end", || !alpha.is_running());
}

/// The daemon is told to end while the stop hangs: `-k` names the group, and `hb status` says that the node is to leave.
pub(crate) fn leave_is_shown(pairing: Pairing) {
    let pair = hanging("removed line, leave is shown", pairing);
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let stopped = std::thread::scope(|scope| {
        let line = format!("{} -k 2>/var/log/stop", alpha.daemon().program().display());
        let stop = scope.spawn(move || alpha.run("sh", &["-c", &line]));
        shows(lab, alpha, 4, &["problem leave-waits: this node was told to leave", "stopped here: extra ("]);
        lab.stays(2 * LONG_ENOUGH, "extra on alpha alone", || held(lab, "extra") == ["alpha"]);
        alpha.run("rm", &["/run/hang"]);
        stop.join().expect("an answer")
    });
    let said = alpha.lines_of("stop").join("\n");
    let names_it = said.contains("is still stopping after 2 s: extra (no longer in haresources)");
    lab.check(stopped.code == Some(0) && names_it, &format!("the group to be named instead of {stopped:?}, {said}"));
}

/// The stop fails for longer than several rounds: `hb status` has one line about it, whose age grows.
pub(crate) fn line_is_steady(pairing: Pairing) {
    let pair = running("removed line, steady problem", pairing);
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    remove_line_that_never_stops(&pair);
    lab.await_until(ATTEMPTS_LIMIT, "the command to be called", || count_calls(alpha, "command extra") > 0);
    let mut ages = Vec::new();
    let (stops, rounds) = (count_calls(alpha, "extra stop"), 12);
    lab.await_until(ATTEMPTS_LIMIT, "the stop to be tried again", || {
        let text = alpha.run(&release_binary("hb").display().to_string(), &["status"]).output;
        let line = text.lines().find(|line| line.starts_with("problem stop-escalated: extra"));
        ages.push(line.and_then(age));
        lab.check(!text.contains("problem removed-stops"), &format!("one line instead of {text}"));
        count_calls(alpha, "extra stop") > stops + rounds
    });
    let first = ages.first().copied().flatten();
    let is_steady = ages.is_sorted() && first > Some(1) && ages.iter().all(Option::is_some);
    lab.check(is_steady, &format!("the line at each look, and its age to grow, instead of {ages:?}"));
}

/// The seconds in ` (12 s)` or ` (3 times in 12 s)` of a problem.
fn age(line: &str) -> Option<u64> {
    let (_, end) = line.rsplit_once('(')?;
    end.split_once(" s")?.0.rsplit(' ').next()?.parse().ok()
}
