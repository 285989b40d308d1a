//! Limits of the system, and mistakes of operators, that a daemon of ours must survive.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hbcore_tests::lab::{Host, release_binary};
use hbcore_tests::scenario::Pairing;

use crate::groups::{self, Pair};
use crate::{MOVE_LIMIT, START_LIMIT};

/// Within this time a loop that spins would take all of a processor.
const WATCHED: Duration = Duration::from_secs(3);
/// The longest time for `hb status` without an answer, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[track_caller]
fn shell(pair: &Pair, host: &Host, line: &str) -> String {
    let ran = host.run("sh", &["-ec", line]);
    pair.lab.check(ran.code == Some(0), &format!("[{line}] to succeed instead of {ran:?}"));
    ran.output
}

/// All descriptors are in use while a client asks for the status: the loop sleeps as usual, and answers when it can.
pub(crate) fn no_descriptor(pairing: Pairing) {
    let pair = Pair::running("no descriptor", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let hb = release_binary("hb");
    shell(
        &pair,
        alpha,
        &format!(
            "pid=$(cat /run/heartbeat.pid); free=0; while [ -e /proc/$pid/fd/$free ]; do free=$((free + 1)); done
            prlimit --pid $pid --nofile=$free:1024
            {} status >/run/asked 2>&1 </dev/null &",
            hb.display()
        ),
    );
    lab.await_until(MOVE_LIMIT, "the daemon to say so", || alpha.logged("hb status cannot be answered"));
    let before = alpha.usage();
    lab.stays(WATCHED, "each group at home", || pair.are_owners("alpha", "bravo"));
    let used = alpha.usage().cpu.saturating_sub(before.cpu);
    lab.check(used < WATCHED / 4, &format!("a loop that sleeps instead of one that took {used:?} of {WATCHED:?}"));
    lab.check(!alpha.logged("ran for too long"), "the priority to be kept");
    shell(&pair, alpha, "prlimit --pid $(cat /run/heartbeat.pid) --nofile=1024:1024");
    lab.await_until(MOVE_LIMIT, "hb status to be answered", || {
        let said = alpha.run(&hb.display().to_string(), &["status"]).output;
        said.contains(
            "problem status-refused: a connection that asked for the status could not be accepted: Too many open files",
        )
    });
}

/// The daemon is suspended and its socket is full: a tool that asks gets an error, and does not wait for ever.
pub(crate) fn stopped_daemon(pairing: Pairing) {
    let pair = Pair::running("stopped daemon", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let hb = release_binary("hb").display().to_string();
    alpha.freeze_daemon();
    let began = Instant::now();
    let ask = format!("for n in 1 2 3 4 5 6 7 8; do timeout 60 {hb} status >/run/asked$n 2>&1 & done; wait");
    let _ = alpha.run("sh", &["-c", &ask]);
    let took = began.elapsed();
    alpha.thaw_daemon();
    lab.check(took < PATIENCE, &format!("eight askers to give up by themselves instead of after {took:?}"));
}

/// A file may not grow any more: the log loses lines, and the daemon lives.
pub(crate) fn file_size(pairing: Pairing) {
    let pair = Pair::running("file size", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let process = crate::reload::pid(alpha);
    shell(&pair, alpha, "prlimit --pid $(cat /run/heartbeat.pid) --fsize=1:unlimited");
    // Each of these signals causes some log lines.
    for _ in 0..5 {
        alpha.signal_daemon("USR1");
    }
    lab.stays(WATCHED, "each group at home", || pair.are_owners("alpha", "bravo"));
    lab.check(alpha.is_running() && crate::reload::pid(alpha) == process, "the same process");
    let status = || alpha.run(&release_binary("hb").display().to_string(), &["status"]).output;
    let lost = "problem log-loses-lines: lines of the log are lost: /var/log/ha-log cannot be written: File too large";
    lab.check(status().contains(lost), &format!("a problem instead of {}", status()));
    shell(&pair, alpha, "prlimit --pid $(cat /run/heartbeat.pid) --fsize=unlimited:unlimited");
    lab.await_until(MOVE_LIMIT, "the log to say what is missing", || {
        alpha.signal_daemon("USR2");
        alpha.logged("missing here: this file could not be written")
    });
    lab.await_until(MOVE_LIMIT, "the problem to be over", || !status().contains("log-loses-lines"));
}

/// A signal that changes nothing causes no log line.
pub(crate) fn unchanged(pairing: Pairing) {
    let pair = Pair::running("unchanged configuration", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    for _ in 0..10 {
        let answered = alpha.heartbeat(&["-r"]);
        lab.check(answered.code == Some(0), &format!("-r to exit with 0 instead of {answered:?}"));
    }
    let lines = alpha.count_logged("Configuration unchanged.");
    lab.check((1..=3).contains(&lines), &format!("one to three lines instead of {lines}"));
}

/// The file with the generation is lost while the clock is two days behind: the node begins above the generation that
/// its peer knows.
pub(crate) fn lost_generation(pairing: Pairing) {
    let pair = Pair::new("lost generation", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    // The clock of this machine stays as it is: instead, the node's former generation was in the future.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let future = now + 2 * 86_400;
    std::fs::write(alpha.state_directory().join("hb_generation"), format!("{future:15}\n")).expect("our own file");
    pair.start();
    alpha.crash_daemon();
    shell(&pair, alpha, &format!("rm /var/lib/heartbeat/hb_generation; touch -d @{future} /var/lib/heartbeat/hb_uuid"));
    let since = Instant::now();
    alpha.start();
    lab.await_until(START_LIMIT, "alpha to take part again", || {
        pair.sniffer.final_claim("alpha", since).is_some() && pair.are_owners("alpha", "bravo")
    });
    lab.check(alpha.logged("The clock is earlier than the files of this node"), "the log to say so");
}

/// The same, but the node cannot notice that its clock is behind: the other node refuses it, and it reports that with
/// the remedy.
pub(crate) fn unnoticed_generation(pairing: Pairing) {
    let pair = Pair::new("unnoticed generation", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    std::fs::write(alpha.state_directory().join("hb_generation"), format!("{:15}\n", now + 86_400)).expect("ours");
    pair.start();
    alpha.crash_daemon();
    shell(&pair, alpha, "rm /var/lib/heartbeat/hb_generation");
    alpha.start();
    let status = || alpha.run(&release_binary("hb").display().to_string(), &["status"]).output;
    let mut text = String::new();
    lab.await_until(START_LIMIT, "a problem line", || {
        text = status();
        lab.check(!text.contains("runs-nowhere"), &format!("nothing to be known of the groups in {text}"));
        text.contains("problem no-answer: ")
    });
    let words = ["problem replays: messages of alpha are dropped as replays", "restart heartbeat here"];
    crate::status::shows(lab, &lab.bravo, 4, &words);
    lab.check(status().contains("write that time"), "what to do about it");
    // A peer forgets a dead node, except its generation. Bravo is restarted to forget that as well.
    pair.lab.bravo.stop();
    pair.lab.bravo.start();
    lab.await_until(START_LIMIT, "the problem to be over", || !status().contains("problem no-answer: "));
    pair.await_owners("alpha", "bravo");
}

/// The log is larger than any file may grow at the start: the node starts without its lines, or says why it does not.
pub(crate) fn file_size_at_start(pairing: Pairing) {
    let pair = Pair::new("file limit at the start", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let program = alpha.daemon().program().display().to_string();
    // Through a pipe, because the limit holds for the output as well.
    let start = |blocks: u32| {
        alpha.run("sh", &["-c", &format!("(ulimit -f {blocks}; {program}; echo ended with $?) 2>&1 | cat")]).output
    };
    alpha.run("sh", &["-c", "head -c 100000 /dev/zero >/var/log/ha-log"]);
    let refused = start(0);
    let says_why = refused.contains("raise the limit of file sizes") && refused.contains("ended with 1");
    lab.check(says_why, &format!("the reason instead of {refused}"));
    let started = start(16);
    lab.check(started.contains("ended with 0") && alpha.is_running(), &format!("a start instead of {started}"));
    crate::status::shows(
        lab,
        alpha,
        4,
        &["problem log-loses-lines: lines of the log are lost: /var/log/ha-log cannot be written"],
    );
    let hb = release_binary("hb").display().to_string();
    let line = format!("(ulimit -f 0; {hb} status >/var/log/full; echo $?) 2>/dev/null | cat");
    let told = alpha.run("sh", &["-c", &line]).output;
    lab.check(told.trim() == "1", &format!("hb to end with 1 where its output may not grow instead of {told}"));
}

/// The limit of open files is too low for a start: the node says so, and which limit to raise.
pub(crate) fn few_descriptors_at_start(pairing: Pairing) {
    let pair = Pair::new("few descriptors at the start", pairing, &groups::site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let program = alpha.daemon().program().display().to_string();
    for limit in [20, 22, 24, 26] {
        let started = alpha.run("sh", &["-c", &format!("ulimit -n {limit}; exec {program}")]);
        if started.code == Some(0) {
            alpha.stop();
            continue;
        }
        let says_why = started.output.contains("raise the limit of open files");
        lab.check(says_why, &format!("the reason with {limit} files instead of {started:?}"));
    }
    let started = alpha.run("sh", &["-c", &format!("ulimit -n 64; exec {program}")]);
    lab.check(started.code == Some(0), &format!("a start with 64 files instead of {started:?}"));
}
