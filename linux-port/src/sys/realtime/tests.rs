use super::*;
use std::time::Instant;

/// The calling thread's policy, without the reset-on-fork bit.
fn policy() -> i32 {
    // SAFETY: takes no pointers; 0 is the calling thread.
    unsafe { libc::sched_getscheduler(0) & !libc::SCHED_RESET_ON_FORK }
}

/// One test for the whole life, because guard and limit belong to the process.
#[test]
fn a_thread_that_never_sleeps_is_put_back_to_normal() {
    if let Err(error) = enter(Policy::RoundRobin, 1, Duration::from_millis(50)) {
        println!("skipped: {error}");
        return;
    }
    assert_eq!(policy(), libc::SCHED_RR);
    let child = std::thread::spawn(policy).join().expect("the thread ran");
    assert_eq!(child, libc::SCHED_OTHER, "helper threads are not real-time");

    let started = Instant::now();
    while policy() == libc::SCHED_RR && started.elapsed() < Duration::from_secs(5) {}
    assert_eq!(policy(), libc::SCHED_OTHER);
    assert!(take_demotion() && !take_demotion(), "reported once");

    enter(Policy::Fifo, 2, Duration::from_millis(50)).expect("can be entered again");
    assert_eq!(policy(), libc::SCHED_FIFO);
    leave().expect("normal again");
    assert_eq!(policy(), libc::SCHED_OTHER);
}

#[test]
fn the_refusal_names_the_capability() {
    let text = RealtimeError::NotPermitted { priority: 7 }.to_string();
    assert!(text.contains("CAP_SYS_NICE") && text.contains("RLIMIT_RTPRIO"), "{text}");
    assert!(matches!(enter(Policy::Fifo, 0, Duration::from_secs(1)), Err(RealtimeError::BadPriority(0))));
}
