//! The thread that starts clients, sees them end, and ends them.

use super::launch::launch;
use super::process::{ended, terminate};
use super::rule::{Next, Rule, Verdict};
use super::state::State;
use super::{Order, Passed, Surroundings, Wanted, ring};
use crate::log::Logger;
use crate::problems::{Board, Problem, Told};
use crate::reboot::reboot_machine;
use crate::script::Exit;
use crate::sys::fault;
use crate::sys::process::normal_scheduling;
use hbcore::config::OnDeath;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, kill_process_group};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

/// How long a client may take to end after TERM. 3.0.6 waits for ever, and the next start with it.
const GRACE: Duration = Duration::from_secs(10);
/// Little is kept on the stack of the thread that reboots.
const REBOOT_STACK: usize = 128 * 1024;
/// When a process that the system refused is tried again.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// The connections of the thread to the heartbeat thread.
pub(super) struct Ends {
    pub(super) inbox: Receiver<Order>,
    pub(super) wake: Arc<OwnedFd>,
    pub(super) bell: Arc<OwnedFd>,
    pub(super) gone: Arc<AtomicBool>,
}

/// A client and how far it is.
struct Kept {
    wanted: Wanted,
    rule: Rule,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The node is not up yet.
    Early,
    Keeps,
    Ends,
}

pub(super) struct Keeper {
    /// In the order of `ha.cf`; those that an earlier daemon left and nobody wants are last.
    clients: Vec<Kept>,
    surroundings: Surroundings,
    ends: Ends,
    log: Logger,
    board: Board,
    phase: Phase,
    rests: bool,
    /// Reboots the machine, and returns if it runs on.
    reboot: fn(&Logger),
}

impl Keeper {
    pub(super) fn new(
        wanted: Vec<Wanted>,
        passed: &[Passed],
        surroundings: Surroundings,
        ends: Ends,
        log: &Logger,
        board: &Board,
    ) -> Self {
        let mut passed: Vec<Passed> = passed.to_vec();
        let now = Instant::now();
        let mut clients: Vec<Kept> = wanted
            .into_iter()
            .map(|wanted| {
                let same = |passed: &Passed| passed.user == wanted.user && passed.command == wanted.command;
                let passed = passed.iter().position(same).map(|place| passed.remove(place));
                let rule = Rule::new(wanted.on_death);
                let state = passed.as_ref().map_or(State::Unstarted, |passed| State::after(passed.state, now));
                let rule = passed.map_or(rule, |passed| rule.with_early_deaths(passed.early_deaths));
                Kept { wanted, rule, state }
            })
            .collect();
        for Passed { state, user, command, .. } in passed {
            let wanted = Wanted { user, uid: 0, gid: 0, command, on_death: OnDeath::Respawn };
            if let State::Up(child, _) = State::after(state, now) {
                terminate(&wanted, &child, log);
                let state = State::Ending(child, Signal::TERM, now + GRACE);
                clients.push(Kept { rule: Rule::new(OnDeath::Respawn), wanted, state });
            }
        }
        let (log, board) = (log.clone(), board.clone());
        Self { clients, surroundings, ends, log, board, phase: Phase::Early, rests: false, reboot: reboot_machine }
    }

    /// Runs until the heartbeat thread has ended.
    pub(super) fn run(mut self) {
        // Clients inherit the scheduling.
        let _ = normal_scheduling();
        loop {
            self.wait();
            let _ = rustix::io::read(&*self.ends.wake, &mut [0; 8]);
            loop {
                match self.ends.inbox.try_recv() {
                    Ok(order) => self.obey(order),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            if self.rests {
                continue;
            }
            for place in 0..self.clients.len() {
                self.look_at(place, Instant::now());
            }
            if self.phase == Phase::Ends {
                self.end_next();
            }
        }
    }

    /// Sleeps until there is an order, an end, or something is due.
    fn wait(&self) {
        let clients = if self.rests { &[][..] } else { &self.clients[..] };
        let due = clients.iter().filter_map(|client| match client.state {
            State::Due(at) | State::Ending(.., at) => Some(at),
            State::Unstarted | State::Up(..) | State::Reboots(..) | State::Enough | State::Down | State::GivenUp => {
                None
            }
        });
        let timeout = due.min().map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut fds = vec![PollFd::new(&self.ends.wake, PollFlags::IN)];
        fds.extend(
            clients.iter().filter_map(|c| c.state.child()).map(|child| PollFd::new(&child.pidfd, PollFlags::IN)),
        );
        if poll(&mut fds, timeout.as_ref()).is_err() {
            // For want of memory, say: not again and again.
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn obey(&mut self, order: Order) {
        let now = Instant::now();
        match order {
            Order::Begin if self.phase == Phase::Early => {
                self.phase = Phase::Keeps;
                for client in &mut self.clients {
                    if matches!(client.state, State::Unstarted) {
                        client.state = State::Due(now);
                    }
                }
            }
            Order::Begin => {}
            Order::RetryGivenUp => {
                for client in &mut self.clients {
                    self.board.settle(&reboot_fails(&client.wanted));
                    if matches!(client.state, State::GivenUp) && self.phase == Phase::Keeps {
                        client.rule = Rule::new(client.wanted.on_death);
                        client.state = State::Due(now);
                        self.board.settle(&given_up(&client.wanted));
                    }
                }
            }
            Order::Rest(answer) => {
                self.rests = true;
                let _ = answer.try_send(self.passed());
                ring(&self.ends.bell);
            }
            Order::Wake => self.rests = false,
            Order::Stop => {
                self.phase = Phase::Ends;
                self.rests = false;
            }
            Order::Kill => {
                self.phase = Phase::Ends;
                self.rests = false;
                for client in &self.clients {
                    client.state.child().map(|child| kill_process_group(child.pid, Signal::KILL));
                }
            }
        }
    }

    fn passed(&self) -> Vec<Passed> {
        let now = Instant::now();
        let passed = |client: &Kept| {
            Some(Passed {
                state: client.state.passed(now)?,
                early_deaths: client.rule.early_deaths(),
                user: client.wanted.user.clone(),
                command: client.wanted.command.clone(),
            })
        };
        self.clients.iter().filter_map(passed).collect()
    }

    fn look_at(&mut self, place: usize, now: Instant) {
        let Some(client) = self.clients.get_mut(place) else { return };
        let command = &client.wanted.command;
        match &client.state {
            State::Due(_) | State::Reboots(..) if self.phase == Phase::Ends => client.state = State::Down,
            State::Due(at) if *at <= now => self.begin(place),
            State::Up(child, since) => {
                if let Some(exit) = ended(child) {
                    let lived = now.saturating_duration_since(*since);
                    self.died(place, exit, lived);
                }
            }
            State::Ending(child, signal, at) => {
                if ended(child).is_some() {
                    // Processes that it has left in its process group.
                    let _ = kill_process_group(child.pid, Signal::KILL);
                    client.state = State::Down;
                } else if *at <= now && *signal == Signal::KILL {
                    // The kernel holds it, as on a dead disk. The daemon must not wait for that.
                    self.log.error(format_args!(
                        "{command} does not end within {GRACE:?} of being killed; heartbeat no longer waits for it"
                    ));
                    client.state = State::Down;
                } else if *at <= now {
                    self.log.warn(format_args!("{command} does not end within {GRACE:?} and is killed"));
                    let _ = kill_process_group(child.pid, Signal::KILL);
                    if let State::Ending(_, signal, at) = &mut client.state {
                        (*signal, *at) = (Signal::KILL, now + GRACE);
                    }
                }
            }
            State::Reboots(runs_on, next) if matches!(runs_on.try_recv(), Err(TryRecvError::Disconnected)) => {
                let next = *next;
                self.runs_on(place, next);
            }
            State::Unstarted | State::Due(_) | State::Reboots(..) | State::Enough | State::Down | State::GivenUp => {}
        }
    }

    fn begin(&mut self, place: usize) {
        let Some(client) = self.clients.get_mut(place) else { return };
        let Wanted { command, uid, gid, .. } = &client.wanted;
        self.log.info(format_args!("Starting child client \"{command}\" ({uid},{gid})"));
        let refused = Problem::WorkRefused { what: format!("client {command}") };
        let now = Instant::now();
        match launch(&client.wanted, &self.surroundings) {
            Ok(child) => {
                let pid = child.pid.as_raw_pid();
                self.log.info(format_args!("Starting \"{command}\" as uid {uid}  gid {gid} (pid {pid})"));
                self.board.settle(&refused);
                client.state = State::Up(child, now);
            }
            Err(error) => {
                self.log.error(format_args!("Cannot start \"{command}\": {error}; it is tried again"));
                let again = now + REFUSED_PAUSE;
                self.board.tell(refused, Told::because(error.to_string()).then("it is tried again", Some(again)));
                client.state = State::Due(again);
            }
        }
    }

    fn died(&mut self, place: usize, exit: Exit, lived: Duration) {
        let Some(client) = self.clients.get_mut(place) else { return };
        let (command, pid) = (&client.wanted.command, client.state.child().map_or(0, |child| child.pid.as_raw_pid()));
        let how = match exit {
            Exit::Code(code) => format!("exited with return code {code}"),
            Exit::Signal(number) => format!("killed by signal {number}"),
            Exit::TimedOut | Exit::Cancelled => exit.to_string(),
        };
        self.log.warn(format_args!("Managed {command} process {pid} {how}."));
        if self.phase == Phase::Ends {
            client.state = State::Down;
            return;
        }
        match client.rule.ended(exit, lived) {
            Verdict::Stay(next) => self.take(place, next, &how),
            Verdict::Enough => {
                self.log.info(format_args!("Client \"{command}\" ended with 100 and is not started again"));
                client.state = State::Enough;
            }
            Verdict::Reboot(next) => {
                self.log.crit(format_args!("Rebooting system.  Reason: {command}"));
                self.begin_reboot(place, next);
            }
        }
    }

    /// The next step for a client that has died so.
    fn take(&mut self, place: usize, next: Next, how: &str) {
        let Some(client) = self.clients.get_mut(place) else { return };
        let command = &client.wanted.command;
        client.state = match next {
            // All are started when the node is up.
            Next::Again(_) if self.phase == Phase::Early => State::Unstarted,
            Next::Again(pause) => {
                self.log.error(format_args!("Respawning client \"{command}\":"));
                State::Due(Instant::now() + pause)
            }
            Next::GivenUp => {
                self.log.error(format_args!("Client {command} \"respawning too fast\""));
                let next = "nothing until `heartbeat -r`";
                self.board.tell(given_up(&client.wanted), Told::because(format!("it {how}")).then(next, None));
                State::GivenUp
            }
        };
    }

    /// Reboots the machine on another thread: this one must answer orders until the machine is down.
    fn begin_reboot(&mut self, place: usize, next: Next) {
        let (reboot, log, wake) = (self.reboot, self.log.clone(), Arc::clone(&self.ends.wake));
        let (running, runs_on) = channel();
        let work = move || {
            reboot(&log);
            drop(running);
            ring(&wake);
        };
        let thread = std::thread::Builder::new().name("reboot".to_owned()).stack_size(REBOOT_STACK);
        let started = fault::gate(fault::Call::Thread, "reboot").and_then(|()| thread.spawn(work));
        if let Err(error) = started {
            self.log.crit(format_args!("Cannot start the thread that reboots: {error}"));
            return self.runs_on(place, next);
        }
        if let Some(client) = self.clients.get_mut(place) {
            client.state = State::Reboots(runs_on, next);
        }
    }

    /// The machine was to reboot for a client, and runs on.
    fn runs_on(&mut self, place: usize, next: Next) {
        let Some(client) = self.clients.get_mut(place) else { return };
        self.log.crit(format_args!("Unable to force reboot for \"{}\"", client.wanted.command));
        self.board.raise(reboot_fails(&client.wanted));
        self.take(place, next, "died, and this machine did not reboot");
    }

    /// Tells the last one that runs to end, if none is ending; tells the heartbeat thread when nobody is left.
    fn end_next(&mut self) {
        if self.clients.iter().any(|client| matches!(client.state, State::Ending(..))) {
            return;
        }
        let last = self.clients.iter_mut().rev().find(|client| client.state.child().is_some());
        let Some(client) = last else {
            self.ends.gone.store(true, Ordering::Release);
            return ring(&self.ends.bell);
        };
        if let State::Up(child, _) = std::mem::replace(&mut client.state, State::Down) {
            terminate(&client.wanted, &child, &self.log);
            client.state = State::Ending(child, Signal::TERM, Instant::now() + GRACE);
        }
    }
}

fn given_up(wanted: &Wanted) -> Problem {
    Problem::ClientGivenUp { client: wanted.command.clone() }
}

fn reboot_fails(wanted: &Wanted) -> Problem {
    Problem::ClientRebootFails { client: wanted.command.clone() }
}

#[cfg(test)]
mod tests;
