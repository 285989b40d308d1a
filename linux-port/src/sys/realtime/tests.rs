use super::*;
use crate::sys::process;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The guard belongs to the process, so one test runs at a time, each on a thread of its own.
fn alone(test: impl FnOnce() + Send) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| scope.spawn(test).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    guard::disarm();
}

const LONGEST: Duration = Duration::from_millis(50);
const SMALL: Reservation = Reservation { runtime: Duration::from_micros(200), period: Duration::from_millis(10) };

/// Computes until `is_over`, and returns whether that came true within five seconds.
fn compute_until(is_over: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(5) {
        if is_over() {
            return true;
        }
    }
    false
}

#[test]
fn thread_of_fixed_priority_that_never_sleeps_is_put_back_to_normal() {
    alone(|| {
        let obtained = Wish::Priority(1).obtain(LONGEST);
        if obtained.class != Class::RoundRobin(1) {
            return println!("skipped: {:?}", obtained.refused);
        }
        assert_eq!(Class::of_this_thread(), Class::RoundRobin(1));
        let child = std::thread::spawn(Class::of_this_thread).join().expect("the thread ran");
        assert_eq!(child, Class::Normal, "helper threads are not real-time");

        assert!(compute_until(|| Class::of_this_thread() == Class::Normal));
        assert!(guard::take_demotion() && !guard::take_demotion(), "reported once");

        assert_eq!(Wish::Priority(2).obtain(LONGEST).class, Class::RoundRobin(2), "can be obtained again");
        leave().expect("normal again");
        assert_eq!(Class::of_this_thread(), Class::Normal);
    });
}

#[test]
fn thread_with_a_reservation_that_never_sleeps_keeps_no_more_than_it() {
    alone(|| {
        let obtained = Wish::Best(SMALL).obtain(LONGEST);
        if obtained.class != Class::Deadline(SMALL) {
            return println!("skipped: {:?}", obtained.refused);
        }
        let child = std::thread::spawn(Class::of_this_thread).join().expect("a thread can be started");
        assert_eq!(child, Class::Normal, "helper threads have no reservation");
        let script = process_class();
        assert!(script.contains("SCHED_OTHER"), "a script has normal scheduling, not {script}");

        assert!(compute_until(|| guard::DEMOTED.load(std::sync::atomic::Ordering::SeqCst)), "the guard strikes");
        assert_eq!(Class::of_this_thread(), Class::Deadline(SMALL));
        // The kernel checks budgets once a tick, up to 10 ms, and takes the excess from the next periods.
        let (wall, cpu) = (Instant::now(), thread_time());
        compute_until(|| wall.elapsed() > Duration::from_millis(800));
        let share = thread_time().saturating_sub(cpu).as_secs_f64() / wall.elapsed().as_secs_f64();
        assert!(share < 0.3, "a reservation of 0.02 is not {share}");
        assert!(guard::take_demotion());
    });
}

fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a time")
}

/// The scheduling of a child of the calling thread, as `chrt` shows it.
fn process_class() -> String {
    let output = std::process::Command::new("sh").args(["-c", "chrt -p $$"]).output();
    String::from_utf8_lossy(&output.expect("a shell").stdout).into_owned()
}

#[test]
fn thread_that_sleeps_in_between_is_left_alone() {
    alone(|| {
        let obtained = Wish::Best(SMALL).obtain(LONGEST);
        if obtained.class != Class::Deadline(SMALL) {
            return println!("skipped: {:?}", obtained.refused);
        }
        for _ in 0..6 {
            let begin = thread_time();
            compute_until(|| thread_time().saturating_sub(begin) > LONGEST / 2);
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!guard::take_demotion());
    });
}

#[test]
fn bound_thread_gets_a_priority_and_the_reason() {
    alone(|| {
        let one = rustix::thread::sched_getaffinity(None).expect("asked");
        if one.count() < 2 {
            return println!("skipped: one processor");
        }
        let first = (0..rustix::thread::CpuSet::MAX_CPU).find(|&cpu| one.is_set(cpu)).expect("at least one");
        let mut bound = rustix::thread::CpuSet::new();
        bound.set(first);
        rustix::thread::sched_setaffinity(None, &bound).expect("fewer may always be");
        let obtained = Wish::Best(SMALL).obtain(LONGEST);
        assert!(matches!(obtained.refused.first(), Some(RealtimeError::BoundToProcessors)), "{obtained:?}");
        if rustix::process::geteuid().is_root() {
            assert_eq!(obtained.class, Class::RoundRobin(HIGH));
        }
    });
}

#[test]
fn greater_reservation_than_is_left_gives_a_priority_and_the_reason() {
    alone(|| {
        let greedy = Reservation { runtime: Duration::from_millis(90), period: Duration::from_millis(100) };
        let others = std::thread::available_parallelism().map_or(1, usize::from);
        let (held, hold) = (std::sync::Barrier::new(others + 1), std::sync::Barrier::new(others + 1));
        std::thread::scope(|scope| {
            for _ in 0..others {
                scope.spawn(|| {
                    let _ = Wish::Best(greedy).obtain_unguarded();
                    held.wait();
                    hold.wait();
                });
            }
            held.wait();
            let obtained = Wish::Best(greedy).obtain(LONGEST);
            hold.wait();
            if rustix::process::geteuid().is_root() {
                assert!(matches!(obtained.refused.first(), Some(RealtimeError::NothingLeft(_))), "{obtained:?}");
                assert_eq!(obtained.class, Class::RoundRobin(HIGH));
            }
        });
    });
}

#[test]
fn thread_without_the_capability_is_told_which() {
    alone(|| {
        let none = rustix::thread::CapabilitySets {
            effective: rustix::thread::CapabilitySet::empty(),
            permitted: rustix::thread::CapabilitySet::empty(),
            inheritable: rustix::thread::CapabilitySet::empty(),
        };
        rustix::thread::set_capabilities(None, none).expect("fewer may always be");
        let obtained = Wish::Best(SMALL).obtain(LONGEST);
        let Some(RealtimeError::ReservationNotPermitted) = obtained.refused.first() else { panic!("{obtained:?}") };
        assert!(obtained.refused[0].to_string().contains("CAP_SYS_NICE"));
        assert_eq!(obtained.class, Class::of_this_thread());
    });
}

#[test]
fn priority_of_the_operator_is_kept_and_nothing_else_is_tried() {
    alone(|| {
        let obtained = Wish::Priority(7).obtain(LONGEST);
        if obtained.refused.is_empty() {
            assert_eq!(Class::of_this_thread(), Class::RoundRobin(7));
        } else {
            assert_eq!((obtained.refused.len(), obtained.class), (1, Class::Normal));
        }
    });
}

#[test]
fn reservation_becomes_a_priority_before_an_exec() {
    alone(|| {
        if Wish::Best(SMALL).obtain(LONGEST).class != Class::Deadline(SMALL) {
            return println!("skipped: no reservation to be had");
        }
        before_exec();
        assert_eq!(Class::of_this_thread(), Class::RoundRobin(HIGH));
        let waits_for = Class::of_this_thread();
        let adopted = std::thread::spawn(move || {
            waits_for.adopt();
            Class::of_this_thread()
        });
        assert_eq!(adopted.join().expect("the thread ran"), Class::RoundRobin(HIGH));
    });
}

#[test]
fn lost_scheduling_comes_back_after_a_pause_that_grows() {
    alone(|| {
        let at = hbcore::time::Instant::from_millis;
        let mut scheduling = Scheduling::new(Some(Wish::Priority(1)));
        let obtained = scheduling.begin(at(0)).expect("wished for");
        if obtained.class != Class::RoundRobin(1) {
            return println!("skipped: {:?}", obtained.refused);
        }
        let mut now = 0;
        for seconds in [1, 2, 4] {
            assert!(scheduling.look(at(now)).is_none());
            guard::DEMOTED.store(true, std::sync::atomic::Ordering::SeqCst);
            let Some(Change::Lost { pause, .. }) = scheduling.look(at(now)) else { panic!("not said") };
            assert_eq!(pause, Duration::from_secs(seconds));
            now += seconds * 1000;
            assert!(scheduling.look(at(now - 1)).is_none(), "not before the pause is over");
            assert!(matches!(scheduling.look(at(now)), Some(Change::Back(_))));
        }
        // Ten minutes without a loss.
        now += 600_000;
        assert!(scheduling.look(at(now)).is_none());
        guard::DEMOTED.store(true, std::sync::atomic::Ordering::SeqCst);
        let Some(Change::Lost { pause, .. }) = scheduling.look(at(now)) else { panic!("not said") };
        assert_eq!(pause, Duration::from_secs(1));
    });
}

#[test]
fn nothing_wished_for_is_nothing_done() {
    alone(|| {
        let mut scheduling = Scheduling::new(None);
        assert!(scheduling.begin(hbcore::time::Instant::ZERO).is_none());
        assert_eq!(Class::of_this_thread(), Class::Normal);
        assert!(scheduling.look(hbcore::time::Instant::from_millis(5000)).is_none());
    });
}

#[test]
fn reservation_follows_the_keepalive_within_bounds() {
    let of = |millis| Reservation::for_keepalive(Duration::from_millis(millis));
    let reserved =
        |micros, millis| Reservation { runtime: Duration::from_micros(micros), period: Duration::from_millis(millis) };
    assert_eq!(of(1), reserved(200, 1));
    assert_eq!(of(4), reserved(400, 2));
    assert_eq!(of(10), reserved(1000, 5));
    assert_eq!([of(20), of(1000)], [reserved(1000, 10); 2]);
    assert_eq!(of(10).to_string(), "1ms in each 5ms");
}

#[test]
fn refusal_names_the_capability() {
    let text = RealtimeError::NotPermitted { priority: 7 }.to_string();
    assert!(text.contains("CAP_SYS_NICE") && text.contains("RLIMIT_RTPRIO"), "{text}");
    let obtained = Wish::Priority(0).obtain(Duration::from_secs(1));
    assert!(matches!(obtained.refused[..], [RealtimeError::BadPriority(0)]));
    let _ = process::normal_scheduling();
}
