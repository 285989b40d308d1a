//! The punctuality of heartbeats beside programs of a higher real-time priority, and while the configuration changes:
//! measured on the wire.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hbcore_linux::sys::realtime::{Reservation, Wish};

use super::contender::{Contender, site};
use super::outage::{milliseconds, running};
use crate::lab::{Hog, Lab, Sent, Site, changes_of_sender, take_all_processors};

/// Ordinary busy loops beside the real-time ones.
const ORDINARY: usize = 4;
/// Real-time hogs take all processors for this long at most; then all others have a moment.
const BURST: Duration = Duration::from_mins(1);
const BREATH: Duration = Duration::from_secs(1);
/// Time between two changes of the configuration.
const CHANGES: Duration = Duration::from_secs(1);

/// The duration of a row with hogs or changes: `HBCORE_BENCH_SECONDS`, or else this.
pub(super) fn time_or(usual: u64) -> Duration {
    let given = std::env::var("HBCORE_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(given.unwrap_or(usual).max(1))
}

/// The longest silences of alpha and bravo on the wire and the deaths of a healthy pair, beside a real-time hog of
/// priority 50 for each processor and some ordinary ones. For ours, it adds how often a bare thread of the same class
/// was so late that a node would have been declared dead.
pub(super) fn beside_hogs(who: Contender, keepalive: u32, deadtime: u32, time: Duration) -> String {
    let lab = running(who, keepalive, deadtime);
    let wire = lab.wire();
    let before = deaths_logged(&lab);
    let ordinary: Vec<Hog> = (0..ORDINARY).map(|_| Hog::normal()).collect();
    let (late, taken) = beside_bare_threads(keepalive, deadtime, || {
        let begin = Instant::now();
        let mut left = time;
        while left > Duration::ZERO {
            take_all_processors(left.min(BURST));
            left = left.saturating_sub(BURST);
            if left > Duration::ZERO {
                thread::sleep(BREATH);
            }
        }
        begin.elapsed()
    });
    let sent = wire.end();
    drop(ordinary);
    // The delayed log lines are written soon.
    thread::sleep(BREATH);
    let deaths = match who {
        Contender::Keepalived => changes_of_sender(&sent) / 2,
        Contender::Ours | Contender::Reference => deaths_logged(&lab) - before,
    };
    if deaths > 0 && who == Contender::Ours {
        eprintln!("{}", lab.state());
    }
    let silence = match who {
        // Only the owner sends.
        Contender::Keepalived => longest(&sent[0]),
        Contender::Ours | Contender::Reference => format!("{} / {}", longest(&sent[0]), longest(&sent[1])),
    };
    format!("{silence}, {deaths} deaths in {} s (bare threads late {late} times)", taken.as_secs())
}

fn longest(sent: &Sent) -> String {
    format!("**{:.1} ms**", milliseconds(sent.longest_silence()))
}

fn deaths_logged(lab: &Lab) -> usize {
    lab.hosts().iter().map(|host| host.count_logged(": is dead")).sum()
}

/// Runs `measured` beside two threads of the class that our daemon asks for, which sleep for a keepalive at a time.
/// Returns how often one woke so late that a node would have been declared dead.
pub(super) fn beside_bare_threads<T>(keepalive: u32, deadtime: u32, measured: impl FnOnce() -> T) -> (usize, T) {
    let nap = Duration::from_millis(u64::from(keepalive));
    let limit = Duration::from_millis(u64::from(deadtime - keepalive));
    let over = AtomicBool::new(false);
    let watch = || {
        let obtained = Wish::Best(Reservation::for_keepalive(nap)).obtain_unguarded();
        if let Some(why) = obtained.refused.first() {
            eprintln!("a bare thread is scheduled by {}: {why}", obtained.class);
        }
        let mut late = 0;
        while !over.load(Ordering::Relaxed) {
            let asleep = Instant::now();
            thread::sleep(nap);
            late += usize::from(asleep.elapsed() > nap + limit);
        }
        late
    };
    thread::scope(|scope| {
        let watchers = [scope.spawn(watch), scope.spawn(watch)];
        let result = measured();
        over.store(true, Ordering::Relaxed);
        (watchers.into_iter().map(|watcher| watcher.join().unwrap_or_default()).sum(), result)
    })
}

/// The longest silence of alpha while its configuration changes every second, how many were longer than two keepalives, and the deaths.
pub(super) fn reloads(who: Contender, keepalive: u32, deadtime: u32, time: Duration) -> String {
    let lab = running(who, keepalive, deadtime);
    let wire = lab.wire();
    let before = deaths_logged(&lab);
    let begin = Instant::now();
    let mut changes = 0;
    while begin.elapsed() < time {
        changes += 1;
        let more = format!("warntime {}ms\n", deadtime / 2 + changes % 2);
        lab.alpha.write_site(&Site { more, ..site(keepalive, deadtime) });
        let answered = lab.alpha.heartbeat(&["-r"]);
        assert_eq!(answered.code, Some(0), "-r: {}", answered.output);
        thread::sleep((begin + CHANGES * changes).saturating_duration_since(Instant::now()));
    }
    let sent = wire.end();
    let deaths = deaths_logged(&lab) - before;
    let restarts = lab.alpha.count_logged("Performing heartbeat restart exec.");
    if std::env::var_os("HBCORE_BENCH_LOG").is_some() {
        eprintln!("{}", lab.alpha.log());
    }
    let late = sent[0].silences_beyond(Duration::from_millis(u64::from(keepalive) * 2));
    format!("{}, {late} beyond {} ms, {deaths} deaths in {restarts} restarts", longest(&sent[0]), keepalive * 2)
}
