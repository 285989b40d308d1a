use super::*;
use crate::respawn::PassedState;
use crate::script::Environment;
use crate::sys::process::Child;
use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::Sender;

/// A long time for a test to wait for a process or a thread.
const LONG: Duration = Duration::from_secs(20);

/// A keeper of these clients that nobody runs. A client whose process is started is this test program, which does not
/// know the words and exits with a code other than 0 at once.
fn keeper(wanted: Vec<Wanted>, passed: &[Passed], reboot: fn(&Logger)) -> (Keeper, Sender<Order>) {
    let event = || Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).expect("a descriptor"));
    let (orders, inbox) = channel();
    let ends = Ends { inbox, wake: event(), bell: event(), gone: Arc::new(AtomicBool::new(false)) };
    let surroundings = Surroundings { environment: Arc::new(Environment::inherited()), cores: "/nonexistent".into() };
    let keeper = Keeper::new(wanted, passed, surroundings, ends, &Logger::unheard(0), &Board::default());
    (Keeper { reboot, ..keeper }, orders)
}

fn client(on_death: OnDeath) -> Wanted {
    Wanted { user: "root".to_owned(), uid: 0, gid: 0, command: "/bin/client".to_owned(), on_death }
}

/// Looks at the only client until its state is as awaited.
fn look_until(keeper: &mut Keeper, is_awaited: fn(&State) -> bool) {
    let end = Instant::now() + LONG;
    while !is_awaited(&keeper.clients[0].state) {
        assert!(Instant::now() < end, "the state does not come");
        keeper.look_at(0, Instant::now());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn stands(keeper: &Keeper) -> Vec<&'static str> {
    keeper.board.standing().iter().map(|standing| standing.problem.word()).collect()
}

#[test]
fn failfast_client_on_a_machine_that_does_not_reboot_has_a_pause_and_is_given_up_with_a_problem() {
    static REBOOTS: AtomicU32 = AtomicU32::new(0);
    let (mut keeper, _orders) = keeper(vec![client(OnDeath::Reboot)], &[], |_| {
        REBOOTS.fetch_add(1, Ordering::Relaxed);
    });
    keeper.obey(Order::Begin);
    for _ in 0..11 {
        let State::Due(_) = keeper.clients[0].state else { panic!("it is not due") };
        keeper.begin(0);
        let since = Instant::now();
        look_until(&mut keeper, |state| matches!(state, State::Due(_) | State::GivenUp));
        if let State::Due(at) = keeper.clients[0].state {
            assert!(at >= since + Duration::from_secs(1), "no pause");
        }
    }
    assert!(matches!(keeper.clients[0].state, State::GivenUp));
    assert_eq!(REBOOTS.load(Ordering::Relaxed), 11);
    assert_eq!(stands(&keeper), ["client-reboot-fails", "client-given-up"]);
    keeper.obey(Order::RetryGivenUp);
    assert_eq!(stands(&keeper), [""; 0]);
}

#[test]
fn order_is_obeyed_while_the_machine_is_to_reboot() {
    let (mut keeper, _orders) = keeper(vec![client(OnDeath::Reboot)], &[], |_| std::thread::sleep(LONG * 3));
    keeper.obey(Order::Begin);
    keeper.begin(0);
    let begun = Instant::now();
    look_until(&mut keeper, |state| matches!(state, State::Reboots(..)));
    let (answer, passed) = std::sync::mpsc::sync_channel(1);
    keeper.obey(Order::Rest(answer));
    assert!(passed.try_recv().is_ok() && begun.elapsed() < LONG, "no answer");
}

#[test]
fn client_that_outlives_its_kill_is_given_up_after_the_grace() {
    let (mut keeper, _orders) = keeper(vec![client(OnDeath::Respawn)], &[], |_| {});
    let mut sleeper = std::process::Command::new("sleep").arg("600").spawn().expect("a process");
    let pid = Pid::from_child(&sleeper);
    // No process group has this number, so that no signal reaches the process.
    let child = Child {
        pid: Pid::from_raw(i32::MAX).expect("a number"),
        pidfd: pidfd_open(pid, PidfdFlags::empty()).expect("a descriptor"),
    };
    let now = Instant::now();
    keeper.clients[0].state = State::Ending(child, Signal::TERM, now + GRACE);
    keeper.phase = Phase::Ends;
    let mut is_ending_after = |waited: Duration| {
        keeper.look_at(0, now + waited);
        keeper.end_next();
        (matches!(keeper.clients[0].state, State::Ending(..)), keeper.ends.gone.load(Ordering::Acquire))
    };
    let seen = [Duration::ZERO, GRACE, GRACE * 2].map(&mut is_ending_after);
    sleeper.kill().and_then(|()| sleeper.wait()).expect("its end");
    assert_eq!(seen, [(true, false), (true, false), (false, true)]);
}

/// The keeper of a successor: the hand-over has this client in this state, with ten early deaths.
fn successor(state: PassedState) -> (Keeper, Sender<Order>) {
    let wanted = client(OnDeath::Respawn);
    let passed = Passed { state, early_deaths: 10, user: wanted.user.clone(), command: wanted.command.clone() };
    keeper(vec![wanted], &[passed], |_| {})
}

#[test]
fn client_that_has_ended_with_100_is_left_alone_after_a_reload_and_after_the_next_one() {
    let (mut keeper, _orders) = successor(PassedState::Enough);
    keeper.obey(Order::Begin);
    assert!(matches!(keeper.clients[0].state, State::Enough));
    assert_eq!(keeper.passed()[0].state, PassedState::Enough);
}

#[test]
fn client_in_its_pause_keeps_its_early_deaths_over_a_reload() {
    let (mut keeper, _orders) = successor(PassedState::Pauses);
    assert_eq!((keeper.passed()[0].state, keeper.passed()[0].early_deaths), (PassedState::Pauses, 10));
    keeper.obey(Order::Begin);
    keeper.begin(0);
    look_until(&mut keeper, |state| matches!(state, State::Due(_) | State::GivenUp));
    assert!(matches!(keeper.clients[0].state, State::GivenUp), "the eleventh early death");
}

#[test]
fn adopted_client_that_is_old_does_not_die_early_and_is_not_started_before_the_node_is_up() {
    let mut sleeper = std::process::Command::new("sleep").arg("600").spawn().expect("a process");
    let pid = Pid::from_child(&sleeper).as_raw_pid();
    let (mut keeper, _orders) = successor(PassedState::Runs { pid, lived: Duration::from_mins(1) });
    assert!(matches!(keeper.clients[0].state, State::Up(..)), "it is adopted");
    sleeper.kill().expect("its end");
    look_until(&mut keeper, |state| !matches!(state, State::Up(..)));
    // The keeper has reaped it.
    let _ = sleeper.wait();
    assert!(matches!(keeper.clients[0].state, State::Unstarted), "started too early, or given up");
    assert_eq!(keeper.passed()[0].early_deaths, 0);
    keeper.obey(Order::Begin);
    assert!(matches!(keeper.clients[0].state, State::Due(_)));
}
