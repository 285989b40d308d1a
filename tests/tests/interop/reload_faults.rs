//! A reload is refused if the new daemon could not start: the old one goes on with all its groups, and reports the
//! reason.

use std::fs;
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Host, Site};
use hbcore_tests::scenario::Pairing;

use crate::groups::{self, Pair, held};
use crate::reload::{Before, pid};
use crate::{MOVE_LIMIT, START_LIMIT};

/// Long enough for the other node to take over from a silent one: the deadtime and the time that a restart is allowed
/// in addition.
const LONG_ENOUGH: Duration = Duration::from_secs(4);

/// A cause that exists between `begin` and `end`.
struct Cause {
    begin: &'static str,
    end: &'static str,
    /// The text of the problem.
    said: &'static str,
}

/// The site of the groups. A node that starts late on a busy machine is waited for: these tests count each start of a
/// group, and a node that thinks it is alone starts both.
fn site() -> Site {
    Site { initdead: 20_000, ..groups::site() }
}

/// Runs a shell on the host.
#[track_caller]
fn shell(pair: &Pair, host: &Host, line: &str) {
    let ran = host.run("sh", &["-ec", line]);
    pair.lab.check(ran.code == Some(0), &format!("[{line}] to succeed instead of {ran:?}"));
}

/// Checks that everything of alpha's is where it was, in the same process, and that the other node took over none of
/// it.
#[track_caller]
fn goes_on(pair: &Pair, before: &str) {
    let lab = &pair.lab;
    lab.stays(LONG_ENOUGH, "each group at home", || pair.are_owners("alpha", "bravo"));
    lab.check(pid(&lab.alpha) == before, "the same process");
    lab.check(lab.alpha.is_running() && !lab.bravo.logged(": is dead"), "alpha alive to bravo");
    for host in lab.hosts() {
        let starts = ["web start", "mail start"].map(|call| groups::count_calls(host, call)).iter().sum::<usize>();
        lab.check(starts == 1, &format!("nothing started again on {}", host.name()));
    }
}

/// `changed` cannot be put into use while the cause exists, and can as soon as the cause is gone.
fn refused_while(pairing: Pairing, name: &str, changed: &str, cause: &Cause) {
    let pair = Pair::running(name, pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let same = fs::read_to_string(alpha.config_file("ha.cf")).expect("a written file");
    let process = pid(alpha);
    shell(&pair, alpha, cause.begin);
    alpha.write("ha.cf", &format!("{changed}{same}"));
    let answered = alpha.heartbeat(&["-r"]);
    lab.check(answered.code == Some(1), &format!("-r to fail instead of {answered:?}"));
    lab.check(answered.output.contains(cause.said), &format!("-r to say [{}] instead of {answered:?}", cause.said));
    lab.check(alpha.logged("the running configuration stays."), "it in the log");
    goes_on(&pair, &process);

    shell(&pair, alpha, cause.end);
    let (before, since) = (Before::of(&pair, alpha), Instant::now());
    let answered = alpha.heartbeat(&["-r"]);
    lab.check(answered.code == Some(0), &format!("-r to succeed instead of {answered:?}"));
    before.await_next(&pair, alpha, since, "local");
    lab.check(pair.are_owners("alpha", "bravo"), "each group at home");
}

pub(crate) fn full_disk(pairing: Pairing) {
    let cause = Cause {
        begin: "cp -a /var/lib/heartbeat /run/kept; rm -f /run/kept/fifo
                mount -t tmpfs -o size=64k,mode=755 tmpfs /var/lib/heartbeat
                cp -a /run/kept/. /var/lib/heartbeat
                dd if=/dev/zero of=/var/lib/heartbeat/filler bs=1k count=1000 2>/dev/null || true",
        end: "rm /var/lib/heartbeat/filler",
        said: "free some space there",
    };
    refused_while(pairing, "full disk", "# changed\n", &cause);
}

pub(crate) fn read_only_disk(pairing: Pairing) {
    let cause = Cause {
        begin: "mount --bind /var/lib/heartbeat /var/lib/heartbeat; mount -o remount,bind,ro /var/lib/heartbeat",
        end: "mount -o remount,bind,rw /var/lib/heartbeat",
        said: "mount it writable",
    };
    refused_while(pairing, "read-only disk", "# changed\n", &cause);
}

pub(crate) fn port_taken(pairing: Pairing) {
    let cause = Cause {
        begin: "socat -u UDP4-RECV:7694 /dev/null </dev/null >/dev/null 2>&1 & echo $! >/run/taker
                until ss -uln | grep -q :7694; do sleep 0.05; done",
        end: "kill $(cat /run/taker)",
        said: "UDP port 7694 is taken",
    };
    refused_while(pairing, "port taken", "mcast eth0 239.0.0.44 7694 1 0\n", &cause);
}

pub(crate) fn serial_port_locked(pairing: Pairing) {
    let cause = Cause {
        begin: "socat pty,raw,echo=0,link=/run/ttyA pty,raw,echo=0,link=/run/ttyB </dev/null >/dev/null 2>&1 &
                until [ -e /run/ttyA ]; do sleep 0.05; done
                mkdir -p /var/lock; printf '%10d\\n' 1 >/var/lock/LCK..ttyA",
        end: "rm -f /var/lock/LCK..ttyA",
        said: "process 1 has locked the device",
    };
    refused_while(pairing, "serial port locked", "serial /run/ttyA\n", &cause);
}

/// The program of the daemon is gone, cannot be executed, or is another one.
pub(crate) fn program_unfit(pairing: Pairing) {
    let pair = Pair::running("program unfit", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let program = alpha.daemon().program();
    let (program, process) = (program.display(), pid(alpha));
    shell(&pair, alpha, "echo '#!/bin/sh' >/run/plain");
    for (place, said) in [("/run/plain", "cannot be executed"), ("/bin/true", "is no heartbeat of hbcore")] {
        shell(&pair, alpha, &format!("mount --bind {place} {program}"));
        let same = fs::read_to_string(alpha.config_file("ha.cf")).expect("a written file");
        alpha.write("ha.cf", &format!("{same}# changed\n"));
        alpha.signal_daemon("HUP");
        lab.await_until(MOVE_LIMIT, &format!("[{said}] in the log"), || alpha.logged(said));
        goes_on(&pair, &process);
        shell(&pair, alpha, &format!("umount {program}"));
    }
    let (before, since) = (Before::of(&pair, alpha), Instant::now());
    alpha.signal_daemon("HUP");
    before.await_next(&pair, alpha, since, "local");
}

/// The new log file is a FIFO without a reader: opening it would wait for ever.
pub(crate) fn log_is_a_fifo(pairing: Pairing) {
    let pair = Pair::running("log is a FIFO", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    let (process, since) = (pid(alpha), Instant::now());
    let generation = || pair.sniffer.heard().iter().filter(|m| m.src == "alpha").filter_map(|m| m.generation).max();
    let before = generation();
    shell(&pair, alpha, "mkfifo /run/log");
    let same = fs::read_to_string(alpha.config_file("ha.cf")).expect("a written file");
    let changed = same.replace("logfile /var/log/ha-log", "logfile /run/log\ndebugfile /var/log/ha-debug");
    alpha.write("ha.cf", &changed);
    let answered = alpha.heartbeat(&["-r"]);
    lab.check(answered.code == Some(0), &format!("-r to succeed instead of {answered:?}"));
    lab.await_until(START_LIMIT, "the next run of alpha", || {
        generation() > before && pair.sniffer.final_claim("alpha", since).as_deref() == Some("local")
    });
    goes_on(&pair, &process);
    let said = alpha.lines_of("ha-debug").iter().any(|line| line.contains("Cannot open log file [/run/log]"));
    lab.check(said, "the other file to say so");
}

/// A 3.0.6 or an earlier version could leave this: an exec whose successor does not accept the configuration. The
/// successor releases the groups that it inherits.
pub(crate) fn successor_without_configuration(pairing: Pairing) {
    let pair = Pair::running("successor without configuration", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    alpha.crash_daemon();
    let same = fs::read_to_string(alpha.config_file("ha.cf")).expect("a written file");
    alpha.write("ha.cf", &format!("{same}nonsense\n"));
    let program = alpha.daemon().program();
    let ran = alpha.run("sh", &["-c", &format!("echo $$ >/run/heartbeat.pid; exec {} -R -C local", program.display())]);
    lab.check(ran.code != Some(0), &format!("an end with an error instead of {ran:?}"));
    lab.check(!alpha.holds_service() && !held(lab, "web").contains(&"alpha"), "nothing of it left on alpha");
    lab.await_until(START_LIMIT, "the group on bravo", || pair.are_owners("bravo", "bravo"));
    lab.await_until(MOVE_LIMIT, "the client to be served by bravo", || lab.client.is_served_by("bravo"));
}

/// Its start waits until `/run/hang` is gone.
const SLOW_SCRIPT: &str = r#"#!/bin/sh
echo "${0##*/} $*" >> /var/log/calls
held=/run/held-${0##*/}
case $1 in
    start) while [ -e /run/hang ]; do sleep 0.1; done; : > "$held" ;;
    stop) rm -f "$held" ;;
    status) if [ -e "$held" ]; then echo running; else echo stopped; exit 3; fi ;;
esac
"#;

/// All checks succeed, and then the system refuses the exec: the daemon goes on as it was, and the next `-r` tries
/// again.
pub(crate) fn exec_refused(pairing: Pairing) {
    let pair = Pair::new("exec refused", pairing, &site());
    let (lab, alpha) = (&pair.lab, &pair.lab.alpha);
    alpha.write_script("web", SLOW_SCRIPT);
    shell(&pair, alpha, "touch /run/hang; echo '#!/bin/sh' >/run/plain");
    alpha.start();
    lab.bravo.start();
    lab.await_until(START_LIMIT, "web to be started", || groups::count_calls(alpha, "web start") == 1);
    let process = pid(alpha);
    let same = fs::read_to_string(alpha.config_file("ha.cf")).expect("a written file");
    alpha.write("ha.cf", &format!("{same}# changed\n"));
    let answered = alpha.heartbeat(&["-r"]);
    lab.check(answered.code == Some(0), &format!("-r to succeed instead of {answered:?}"));
    lab.check(answered.output.contains("is put off"), &format!("-r to say that it takes a while: {answered:?}"));

    let program = alpha.daemon().program();
    shell(&pair, alpha, &format!("mount --bind /run/plain {}; rm /run/hang", program.display()));
    lab.await_until(START_LIMIT, "the refusal in the log", || alpha.logged("Cannot restart: Permission denied"));
    lab.await_until(START_LIMIT, "each group at home", || pair.are_owners("alpha", "bravo"));
    goes_on(&pair, &process);

    shell(&pair, alpha, &format!("umount {}", program.display()));
    let before = Before::of(&pair, alpha);
    let since = Instant::now();
    let answered = alpha.heartbeat(&["-r"]);
    lab.check(answered.code == Some(0), &format!("-r to succeed instead of {answered:?}"));
    lab.check(
        !answered.output.contains("changes nothing"),
        &format!("the same change to be tried again: {answered:?}"),
    );
    before.await_next(&pair, alpha, since, "local");
}
