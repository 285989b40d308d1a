//! The scheduling of the daemon, as the kernel and the wire show it. The trials run one at a time, because one of them
//! takes all processors from every process of a lower priority.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use hbcore_linux::sys::realtime::{Class, Reservation, Wish};
use hbcore_tests::lab::{Host, Lab, SERVICE, Site, TCPDUMP, take_all_processors};
use hbcore_tests::scenario::{Pairing, trial, trial_with};

const LIMIT: Duration = Duration::from_secs(20);
/// The numbers of the classes in `/proc/PID/stat`.
const NORMAL: u32 = 0;
const ROUND_ROBIN: u32 = 2;
const DEADLINE: u32 = 6;

fn main() {
    hbcore_tests::scenario::run(vec![
        trial("threads_that_may_not_wait_have_reservations_and_no_other_has", Pairing::NEW_NEW, reservations),
        trial("rtprio_decides", Pairing::NEW_NEW, rtprio),
        trial("realtime_off_leaves_every_thread_normal", Pairing::NEW_NEW, off),
        trial("daemon_bound_to_one_processor_has_a_high_priority_and_says_why", Pairing::NEW_NEW, bound),
        trial("reload_keeps_the_reservation", Pairing::NEW_NEW, reload),
        trial_with("pair_lives_beside_real_time_hogs", Pairing::NEW_NEW, &[TCPDUMP, "/usr/bin/chrt"], hogs),
    ]);
}

/// A script that records how it is scheduled.
const SCRIPT: &str = "#!/bin/sh\ncase $1 in\n\
    start) cut -d')' -f2- /proc/$$/stat | cut -d' ' -f40 > /var/log/policy; touch /run/told;;\n\
    stop) rm -f /run/told;;\n\
    status) if test -e /run/told; then echo running; else echo stopped; fi;;\nesac\n";

fn site(more: &str) -> Site {
    let group = format!("{SERVICE}/24/eth0 told");
    Site { keepalive: 10, deadtime: 500, initdead: 1000, group, more: more.to_owned(), ..Site::default() }
}

/// A pair of which alpha serves.
fn running(name: &str, more: &str, start: impl Fn(&Host)) -> Lab {
    let lab = Lab::new(name, Pairing::NEW_NEW.alpha, Pairing::NEW_NEW.bravo, &site(more));
    for host in lab.hosts() {
        host.write_script("told", SCRIPT);
    }
    start(&lab.alpha);
    lab.bravo.start();
    lab.await_until(LIMIT, "the group on alpha", || {
        lab.holders() == ["alpha"] && lab.with_file("/run/told") == ["alpha"]
    });
    lab
}

/// The policy and the priority of each thread of the daemon, by the thread's name.
fn threads(host: &Host) -> BTreeMap<String, (u32, u32)> {
    let tasks = host.daemon_processes().into_iter().flat_map(|pid| fs::read_dir(format!("/proc/{pid}/task")));
    let stats = tasks.flatten().flatten().filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
    let thread = |stat: String| {
        let (head, fields) = stat.split_once(") ")?;
        let (_, name) = head.split_once('(')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        // `policy` and `rt_priority` are the fields 41 and 40; the first field here is 3.
        Some((name.to_owned(), (fields.get(38)?.parse().ok()?, fields.get(37)?.parse().ok()?)))
    };
    stats.filter_map(thread).collect()
}

#[track_caller]
fn check_threads(lab: &Lab, urgent: (u32, u32)) {
    let threads = threads(&lab.alpha);
    for (name, scheduled) in &threads {
        let wanted = if matches!(name.as_str(), "heartbeat" | "addresses") { urgent } else { (NORMAL, 0) };
        lab.check(*scheduled == wanted, &format!("thread {name} to be {wanted:?} among {threads:?}"));
    }
    for name in ["heartbeat", "addresses", "log"] {
        lab.check(threads.contains_key(name), &format!("a thread {name} among {threads:?}"));
    }
    lab.check(lab.alpha.lines_of("policy") == ["0"], "the script to be scheduled normally");
}

/// Whether this machine gives reservations. A container may not.
fn has_reservations() -> bool {
    let wish = Wish::Best(Reservation::for_keepalive(Duration::from_millis(10)));
    let obtained = std::thread::spawn(move || wish.obtain_unguarded()).join().expect("it does not panic");
    if !matches!(obtained.class, Class::Deadline(_)) {
        println!("not decided: this machine gives no reservation: {:?}", obtained.refused);
    }
    matches!(obtained.class, Class::Deadline(_))
}

fn reservations(_: Pairing) {
    if !has_reservations() {
        return;
    }
    let lab = running("reservations", "", Host::start);
    check_threads(&lab, (DEADLINE, 0));
    lab.check(lab.alpha.logged("Heartbeat thread: SCHED_DEADLINE, 1ms in each 5ms"), "a line about it");
}

fn rtprio(_: Pairing) {
    let lab = running("rtprio", "rtprio 7\n", Host::start);
    check_threads(&lab, (ROUND_ROBIN, 7));
    lab.check(lab.alpha.logged("Heartbeat thread: SCHED_RR, priority 7"), "a line about it");
}

fn off(_: Pairing) {
    let lab = running("realtime off", "realtime off\n", Host::start);
    check_threads(&lab, (NORMAL, 0));
}

fn bound(_: Pairing) {
    let start = |host: &Host| {
        let program = host.daemon().program().display().to_string();
        let started = host.run("taskset", &["--cpu-list", "0", &program]);
        assert_eq!(started.code, Some(0), "{}", started.output);
    };
    let lab = running("bound", "", start);
    if std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1) {
        check_threads(&lab, (ROUND_ROBIN, 60));
        lab.check(lab.alpha.logged("priority 60; SCHED_DEADLINE needs leave to run on every processor"), "the reason");
    }
}

fn reload(_: Pairing) {
    if !has_reservations() {
        return;
    }
    let lab = running("reload", "", Host::start);
    let line = "Heartbeat thread: SCHED_DEADLINE";
    let before = lab.alpha.count_logged(line);
    lab.alpha.write_site(&site("warntime 200ms\n"));
    let answered = lab.alpha.heartbeat(&["-r"]);
    lab.check(answered.code == Some(0), &format!("-r to exit with 0 instead of {answered:?}"));
    lab.await_until(LIMIT, "the next run to say how it is scheduled", || lab.alpha.count_logged(line) > before);
    check_threads(&lab, (DEADLINE, 0));
    lab.check(!lab.bravo.logged("is dead"), "no death");
}

/// For three seconds, no process below real-time priority 50 gets more than the kernel's share for ordinary tasks.
fn hogs(_: Pairing) {
    if !has_reservations() {
        return;
    }
    let lab = running("hogs", "", Host::start);
    let wire = lab.wire();
    take_all_processors(Duration::from_secs(3));
    let sent = wire.end();
    for (host, sent) in lab.hosts().into_iter().zip(&sent) {
        let late = sent.silences_beyond(Duration::from_millis(20));
        println!("{}: longest silence {:?}, {late} beyond 20 ms", host.name(), sent.longest_silence());
        lab.check(sent.count() > 100, "heartbeats on the wire");
        lab.check(!host.logged("is dead"), "no death");
    }
    lab.check(lab.holders() == ["alpha"], "the address where it was");
}
