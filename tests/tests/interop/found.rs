//! The files by which others find a running daemon are removed, emptied or overwritten: it is found nevertheless, there is
//! no second daemon beside it, and it restores them.

use std::time::Duration;

use hbcore_tests::lab::{Host, Lab, release_binary};
use hbcore_tests::scenario::Pairing;

use crate::groups::{self, Pair};
use crate::{MOVE_LIMIT, START_LIMIT};

/// A daemon looks after its files every five seconds.
const RESTORED: Duration = Duration::from_secs(15);
/// A second daemon would have taken over a group by then.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

fn shell(lab: &Lab, host: &Host, line: &str) {
    let done = host.run("sh", &["-c", line]);
    lab.check(done.code == Some(0), &format!("{line} instead of {done:?}"));
}

fn pid(host: &Host) -> String {
    host.run("cat", &["/run/heartbeat.pid"]).output.trim().to_owned()
}

/// Whether `-s` finds this daemon, and a start is refused in its favour.
#[track_caller]
fn is_found(pair: &Pair, running: &str, after: &str) {
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let told = alpha.heartbeat(&["-s"]);
    let names_it = told.output.contains(&format!("[pid {running} et al] is running"));
    lab.check(told.code == Some(0) && names_it, &format!("{running} to be found after {after} instead of {told:?}"));
    let start = alpha.heartbeat(&[]);
    let names_it = start.output.contains(&format!("already running [pid {running}]"));
    lab.check(start.code == Some(0) && names_it, &format!("no start after {after} instead of {start:?}"));
    let daemons = alpha.daemon_processes();
    lab.check(daemons.len() == 1, &format!("one daemon after {after} instead of {daemons:?}"));
    lab.check(pair.are_owners("alpha", "bravo"), "the groups to stay where they are");
}

/// The pid file is removed, emptied, or names another process.
pub(crate) fn pid_file(pairing: Pairing) {
    let pair = Pair::running("pid file removed", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let running = pid(alpha);
    let stranger = "echo 1 >/run/heartbeat.pid";
    for harm in ["rm /run/heartbeat.pid", ": >/run/heartbeat.pid", "echo 99999999 >/run/heartbeat.pid", stranger] {
        shell(lab, alpha, harm);
        is_found(&pair, &running, harm);
        lab.await_until(RESTORED, &format!("the pid file after {harm}"), || pid(alpha) == running);
    }
    lab.stays(LONG_ENOUGH, "one owner", || pair.are_owners("alpha", "bravo"));

    shell(lab, alpha, "rm /run/heartbeat.pid");
    let reload = alpha.heartbeat(&["-r"]);
    let signalled = reload.output.contains(&format!("Signalling heartbeat pid {running}"));
    lab.check(reload.code == Some(0) && signalled, &format!("a reload of {running} instead of {reload:?}"));
    // The file is missing during the exec, too.
    alpha.write("hbcore.cf", "script_timeout 77\n");
    shell(lab, alpha, "rm -f /run/heartbeat.pid");
    let reload = alpha.heartbeat(&["-r"]);
    lab.check(reload.code == Some(0), &format!("a reload instead of {reload:?}"));
    lab.await_until(RESTORED, "the exec", || alpha.logged("Performing heartbeat restart exec."));
    is_found(&pair, &running, "a reload");

    shell(lab, alpha, "rm -f /run/heartbeat.pid");
    let stopped = alpha.heartbeat(&["-k"]);
    lab.check(stopped.code == Some(0) && stopped.output.is_empty(), &format!("a stop instead of {stopped:?}"));
    lab.check(alpha.daemon_processes().is_empty(), "no daemon on alpha after its stop");
    lab.await_until(MOVE_LIMIT, "bravo to have all", || pair.are_owners("bravo", "bravo"));
    let told = alpha.heartbeat(&["-s"]);
    lab.check(told.code == Some(3), &format!("3 without a daemon and a file instead of {told:?}"));
    alpha.start();
    lab.await_until(START_LIMIT, "alpha to have its group again", || pair.are_owners("alpha", "bravo"));
}

/// A cleaner removes all files of this run, and the FIFO.
pub(crate) fn run_directory(pairing: Pairing) {
    let pair = Pair::running("run directory removed", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let running = pid(alpha);
    shell(lab, alpha, "rm -rf /run/heartbeat /run/heartbeat.pid /run/heartbeat.sock /var/lib/heartbeat/fifo");
    shell(lab, alpha, "rm /run/heartbeat.control");
    is_found(&pair, &running, "all files are removed");
    let files = ["heartbeat.pid", "heartbeat/running", "heartbeat/rsctmp"].map(|file| format!("/run/{file}"));
    lab.await_until(RESTORED, "the files", || {
        files.iter().all(|file| alpha.run("test", &["-e", file]).code == Some(0))
    });
    lab.await_until(RESTORED, "hb status", || crate::status::hb(alpha, &["status"]).0 == Some(0));
    let asks = || alpha.run("cl_status", &["hbstatus"]);
    lab.await_until(RESTORED, "cl_status to be answered", || asks().code == Some(0));
    alpha.standby("local");
    lab.await_until(MOVE_LIMIT, "the standby that was ordered by the FIFO", || pair.are_owners("bravo", "bravo"));

    lab.await_until(RESTORED, "the socket of orders", || {
        alpha.run("test", &["-S", "/run/heartbeat.control"]).code == Some(0)
    });
    let nothing = crate::status::hb(alpha, &["standby", "local"]).1;
    lab.check(nothing.contains("there is nothing to hand over"), &format!("an answer instead of {nothing}"));

    // After a crash the mark tells what may run here.
    alpha.crash_daemon();
    alpha.start();
    lab.check(alpha.logged("The last run was not stopped in order"), "the restored mark to be read");
    lab.await_until(START_LIMIT, "bravo to keep all or give alpha its group", || lab.holders().len() == 1);
}

/// A 3.0.6 runs without its pid file: ours does not start beside it.
pub(crate) fn reference_without_pid_file(pairing: Pairing) {
    let pair = Pair::running("3.0.6 without its pid file", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let running = pid(alpha);
    shell(lab, alpha, "rm /run/heartbeat.pid");
    let start = alpha.run(&release_binary("heartbeat").display().to_string(), &[]);
    let names_it = start.output.contains(&format!("already running [pid {running}]"));
    lab.check(start.code == Some(0) && names_it, &format!("no start beside 3.0.6 instead of {start:?}"));
    lab.stays(LONG_ENOUGH, "one owner", || pair.are_owners("alpha", "bravo"));
}
