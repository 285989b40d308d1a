//! The life of the daemon: check, detach, open everything, report that it is ready, run, end.

mod before;
mod failure;
mod identity;
mod idle;
mod programs;
mod schedule;

pub use identity::{identity, rehearse_engine};

use before::before;
use failure::{Failure, GENERAL};
use identity::{engine, manages};
use idle::{Ears, idle};
use programs::{clients, opened, respawn};
use schedule::{for_addresses, schedule};

use crate::abandon::{Claimed, abandon, clear_after_crash};
use crate::cli::{self, Action, Options, REFERENCE};
use crate::compress::Policy;
use crate::config::{EXIT_CONFIGURATION, EXIT_NOT_PERMITTED};
use crate::control::ControlSocket;
use crate::daemon::{self, Detached, Readiness};
use crate::driver::{Driver, End, Files, Parts, Programs, Rereader, Rules, SharedClaim, Words};
use crate::fifo::{self, Fifo};
use crate::links::Links;
use crate::log::{EarlyLog, Level, LogConfig, Logger, Stderr};
use crate::media;
use crate::notify::Notifier;
use crate::problems::Board;
use crate::resources::{Duties, Handover, Predecessor, Resources};
use crate::site::Site;
use crate::state::{ClaimError, Mark, PidFile, Record, Running, StateDir, empty_scratch, probe};
use crate::status::{self, Reloads, StatusSocket};
use crate::sys::clock::Clock;
use crate::sys::host_name;
use crate::sys::memory;
use crate::sys::realtime::{self, Class, Scheduling};
use crate::sys::signal::{DAEMON_SIGNALS, Signals};
use crate::systemd::Notify;
use crate::terminal::complain;
use hbcore::config::AutoFailback;
use hbcore::takeover::Holds;
use hbcore::{Carrier, Resume};
use std::convert::Infallible;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The time for which a thread that has ended may still be visible, in milliseconds. It is long on a busy machine.
const BURIAL_LIMIT_MS: u32 = 2000;
/// The longest time for releasing all groups (docs/protocol/resources.md 6.1).
const SHUTDOWN_LIMIT: Duration = Duration::from_hours(1);
/// The exit code of a daemon that ends by force.
pub(crate) const FORCED: u8 = 100;
/// The longest time to wait at the end until the log is written.
const FLUSH: Duration = Duration::from_secs(2);

/// Starts the daemon for a configuration that was found good, and runs it to its end. Returns the exit code: in the
/// background that of the parent, as soon as the daemon is ready or has failed. `predecessor`: the
/// daemon that ran in this process before.
#[cold]
pub fn start(site: Box<Site>, options: &Options, rereader: Rereader, predecessor: Predecessor) -> u8 {
    let host = host_name();
    let resumes = matches!(options.action, Action::Resume(_));
    if let Running::Yes(pid) = probe(&options.pid_file())
        && !resumes
    {
        let mut log = EarlyLog::new(site.log(&host, options.debug, Stderr::detect()));
        log.log(Level::Info, format_args!("heartbeat: already running [pid {pid}]."));
        return 0;
    }
    let directory = options.state_dir.join("cores/root");
    let readiness = if options.foreground || resumes {
        Readiness::foreground()
    } else {
        let socket = options.run_dir.join(status::NAME);
        match daemon::detach(&directory, |waited| cli::tell_start(&socket, waited)) {
            Ok(Detached::Parent(code)) => return code,
            Ok(Detached::Daemon(readiness)) => readiness,
            Err(error) => {
                complain(format_args!("heartbeat: cannot go into the background: {error}"));
                return GENERAL;
            }
        }
    };
    let mut claim = None;
    let prepared = prepare(&site, options, &host, rereader, &predecessor, &mut claim);
    if let Err(failure) = &prepared {
        let level = if failure.code() == 0 { Level::Info } else { Level::Error };
        EarlyLog::new(site.log(&host, options.debug, Stderr::Off)).log(level, format_args!("{}", failure.reason()));
    }
    match (options.action, &prepared) {
        // Interrupted: to clear would ask and stop all of it again, without looking at signals.
        (_, Ok(_) | Err(Failure::Refused(0 | EXIT_NOT_PERMITTED, _) | Failure::Interrupted)) => {}
        (Action::Resume(held), Err(Failure::Refused(_, reason))) => {
            let claimed = Claimed { holds: held.unwrap_or_default(), known: predecessor.told() };
            abandon(&claimed, options, Some(&site), reason);
        }
        (_, Err(Failure::Refused(_, reason))) => clear_after_crash(options, Some(&site), reason),
    }
    // Only now: the next start must not join while services still stop here.
    if prepared.is_err() {
        claim.take().into_iter().for_each(|claim| lock(&claim).withdraw());
    }
    // The daemon runs for months, so it keeps only the memory that it needs to run.
    drop((site, predecessor));
    match prepared {
        Ok(prepared) => {
            let code = run(prepared, readiness, &host, options, claim.as_ref());
            drop(claim);
            code
        }
        // Another start was faster, which is no error.
        Err(Failure::Refused(0, reason)) => {
            complain(format_args!("{reason}"));
            let _ = readiness.ready();
            0
        }
        Err(failure) => {
            readiness.failed(failure.code(), failure.reason());
            failure.code()
        }
    }
}

fn lock(claim: &SharedClaim) -> MutexGuard<'_, PidFile> {
    claim.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Prepared {
    driver: Driver,
    log: Logger,
    detached: bool,
    lock_memory: bool,
}

/// The part of the start that lasts as long as the daemon, apart from the rest, whose memory is given back.
#[inline(never)]
fn run(mut prepared: Prepared, readiness: Readiness, host: &str, options: &Options, claim: Option<&SharedClaim>) -> u8 {
    let log = prepared.log;
    if prepared.detached {
        log.set_stderr(Stderr::Off);
    }
    if prepared.lock_memory
        && let Err(error) = memory::lock()
    {
        log.error(format_args!("Cannot lock ourselves into memory: {error}"));
    }
    if let Err(error) = readiness.ready() {
        log.warn(format_args!("Cannot leave the terminal: {error}"));
    }
    prepared.driver.tell_ready();
    let code = loop {
        match prepared.driver.run() {
            Ok(End::Left) => {
                Mark::new(&options.run_dir).remove();
                log.info(format_args!("{host} Heartbeat shutdown complete."));
                break 0;
            }
            Ok(End::Restart(handover)) => {
                let Err(error) = go_on(&handover, options, claim, &log);
                prepared.driver.restart_failed(error);
            }
            Ok(End::Forced) => break FORCED,
            Err(error) => {
                log.crit(format_args!("The heartbeat loop failed: {error}"));
                break GENERAL;
            }
        }
    };
    log.flush(FLUSH);
    code
}

/// Claims to be the one daemon, and opens everything. The claim outlives a failure.
#[cold]
fn prepare(
    site: &Site,
    options: &Options,
    host: &str,
    rereader: Rereader,
    predecessor: &Predecessor,
    claim: &mut Option<SharedClaim>,
) -> Result<Prepared, Failure> {
    // Before any other thread starts, because threads inherit the mask.
    let signals = Signals::block(&DAEMON_SIGNALS).map_err(Failure::system)?;
    let resumes = matches!(options.action, Action::Resume(_));
    let path = options.pid_file();
    let inherited = if resumes { PidFile::inherit(&path) } else { None };
    let claimed = inherited.map_or_else(|| PidFile::claim(&path), Ok).map_err(|error| match error {
        ClaimError::AlreadyRunning(_) => Failure::Refused(0, error.to_string()),
        ClaimError::Io { ref source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            Failure::Refused(EXIT_NOT_PERMITTED, format!("heartbeat: {error}"))
        }
        ClaimError::Io { .. } => Failure::general(error),
    });
    *claim = match claimed {
        Ok(file) => Some(Arc::new(Mutex::new(file))),
        // The file names this process since before its exec.
        Err(_) if resumes => None,
        Err(failure) => return Err(failure),
    };
    let files =
        Files { claim: claim.clone(), run_dir: options.run_dir.clone(), fifo: options.state_dir.join(fifo::NAME) };
    let (driver, log) = prepare_rest(site, options, host, rereader, signals, predecessor, files)?;
    Ok(Prepared {
        driver,
        log,
        detached: !options.foreground,
        lock_memory: site.ha_cf.process.realtime && options.realtime,
    })
}

/// The steps after the claim to be the one daemon.
#[cold]
fn prepare_rest(
    site: &Site,
    options: &Options,
    host: &str,
    rereader: Rereader,
    mut signals: Signals,
    predecessor: &Predecessor,
    files: Files,
) -> Result<(Driver, Logger), Failure> {
    let config = LogConfig { entity: "heartbeat".to_owned(), ..site.log(host, options.debug, Stderr::detect()) };
    let log = EarlyLog::new(config).start().map_err(Failure::system)?;
    log.info(format_args!("heartbeat: version {REFERENCE}"));
    log.info(format_args!("This is hbcore {}, in its place", env!("CARGO_PKG_VERSION")));
    for complaint in &options.complaints {
        log.error(format_args!("{complaint}"));
    }
    if let Err(error) = empty_scratch(&options.run_dir.join("heartbeat")) {
        log.warn(format_args!("{error}"));
    }
    let resumes = matches!(options.action, Action::Resume(_));
    let manage = manages(site, options);
    let environment = site.scripts(&options.state_dir, options.debug);
    let plans = if manage { site.plans(&environment) } else { Vec::new() };
    let board = Board::default();
    log.show_losses(&board);
    // Opened early, so that `hb status` gets an answer during a slow start.
    let status = opened(StatusSocket::open_in(&options.run_dir), &log);
    // Before any step that can fail: no other process would stop the groups that run here.
    let ears = Ears { log: &log, board: &board, socket: status.as_ref() };
    let stuck = idle(site, &plans, &environment, options, ears, &mut signals, predecessor)?;
    let known = predecessor.told();
    let (links, lost) = Links::open_some(site.media());
    if let Some(error) = lost.first().filter(|_| !resumes) {
        return Err(Failure::general(site.placed(error)));
    }
    for error in &lost {
        log.error(format_args!("{}; it is tried again", site.placed(error)));
    }
    let state = StateDir::new(&options.state_dir);
    let successor = match known.and_then(|known| known.successor) {
        // The predecessor chose it when it could still refuse to end.
        Some(successor) => successor,
        None => identity(site, &state, &log).map_err(Failure::general)?,
    };
    log.info(format_args!("Heartbeat generation: {}", successor.generation.0));
    let before = before(options, predecessor, &plans, site.digest(), &stuck.groups, &log);
    let mut cluster = off_this_stack(|| engine(site, &state, links.names(), manage, successor, &before))
        .map_err(|reason| Failure::Refused(EXIT_CONFIGURATION, format!("heartbeat: {reason}")))?;
    memory::give_back_zeros(&mut *cluster);
    let wish = schedule(site, options);
    let keys = plans.iter().map(|p| p.key.clone()).collect();
    let gone = known.map_or(0, |known| known.all_groups().count()).saturating_add(stuck.lost.len());
    let resources = Resources::start(plans, gone, wish.map(for_addresses), &log, &board).map_err(Failure::system)?;
    let record = address_record(options, &log);
    let resources = resources
        .with_duties(Duties { board: board.clone(), record, conflicts: site.address_conflict() })
        .with_mark(Mark::new(&options.run_dir));
    let fence = site.fence(&environment);
    let device = fence.as_ref().map(|fence| fence.name.clone()).unwrap_or_default();
    let fence_program = fence.as_ref().map(|fence| fence.program().to_owned());
    let mut resources = resources.with_escalation(site.escalation(&environment)).with_fence(fence);
    if let Some(resume) = before.resume {
        let claims = resume != Resume::Claims(Holds::NONE);
        resources.clean(|plan| known.map_or(claims, |k| k.shares(plan)));
        let nothing = Handover::default();
        resources.resume(known.unwrap_or(&nothing), &environment, site.takes_addresses());
        media::remove_own_locks(&site.media());
    } else {
        resources.clean(|_| false);
        resources.adopt_leftovers(&stuck.lost, &environment, site.takes_addresses());
    }
    // A crash from now on must not lose a stray.
    mark(options, &resources, &log);
    resources.tend_strays(Clock.now());
    let nice = site.ha_cf.auto_failback != AutoFailback::Legacy;
    let notifier = Notifier::start(&site.config_dir, &environment, nice, &log).map_err(Failure::system)?;
    for link in links.closed() {
        cluster.link_changed(Clock.now(), link, Carrier::Absent);
    }
    let fifo = Fifo::open(&files.fifo).map_err(|error| log.error(format_args!("{error}"))).ok();
    log.info(format_args!("Local status now set to: 'up'"));
    let driver = Driver::new(Parts {
        cluster,
        links,
        resources,
        scheduling: Scheduling::new(wish),
        signals,
        log: log.clone(),
        words: Words {
            groups: keys,
            device,
            lateness: site.ha_cf.timing.warntime.saturating_add(site.ha_cf.timing.keepalive),
        },
        programs: Programs {
            fifo,
            notifier,
            status,
            control: opened(ControlSocket::open_in(&options.run_dir), &log),
            clients: clients(site, options, &log),
            respawn: respawn(site, options, known, &log, &board),
        },
        rules: rules(site, fence_program, (!manage).then(|| state.clone())),
        service: Notify::from_env(),
        board,
        files,
        rereader,
        reloads: reloads(known.map_or(0, |known| known.reloads), resumes),
    })
    .map_err(Failure::system)?;
    Ok((driver, log))
}

/// The reloads of this process so far. A daemon that resumes is the success of the last one.
#[cold]
fn reloads(before: u64, resumes: bool) -> Reloads {
    let mut reloads = Reloads::after(before);
    if resumes {
        reloads.note(String::new());
    }
    reloads
}

/// The choices of the site that the loop itself acts upon.
#[cold]
fn rules(site: &Site, fence_program: Option<PathBuf>, host_cache: Option<StateDir>) -> Rules {
    Rules {
        log_bad_packets: site.ha_cf.logging.log_badpack,
        compression: Policy::of(&site.ha_cf.protocol),
        fence_program,
        host_cache,
        shutdown_limit: site.extensions.shutdown_timeout.unwrap_or(SHUTDOWN_LIMIT),
    }
}

/// Notes for a later run which groups may run here from now on.
#[cold]
fn mark(options: &Options, resources: &Resources, log: &Logger) {
    if let Err(error) = Mark::new(&options.run_dir).make(resources.marked()) {
        log.warn(format_args!("{error}"));
    }
}

/// The record of addresses. If it cannot be read, the first address replaces it.
#[cold]
fn address_record(options: &Options, log: &Logger) -> Record {
    Record::open(&options.run_dir).unwrap_or_else(|error| {
        log.warn(format_args!("{error}"));
        Record::blank(&options.run_dir)
    })
}

/// Becomes the next daemon. Returns only if that fails, and everything is then as before.
#[cold]
fn go_on(
    handover: &Handover,
    options: &Options,
    claim: Option<&SharedClaim>,
    log: &Logger,
) -> Result<Infallible, std::io::Error> {
    let parcel = handover.pack()?;
    log.info(format_args!("Performing heartbeat restart exec."));
    log.flush(FLUSH);
    // The exec closes descriptors. Locks of serial ports name this process, which stays.
    realtime::before_exec();
    // The claim to be the one daemon outlives the exec, so that no other start succeeds in between. If that is refused,
    // or a job thread is writing the file, the successor claims it again.
    let keep = |outlives| claim.and_then(|claim| claim.try_lock().ok()?.outlive_exec(outlives).ok());
    keep(true);
    let error = parcel.hand_over().map_or_else(|error| error, |()| options.exec_again(handover.holds));
    keep(false);
    parcel.take_back();
    Err(error)
}

/// Runs `make` on a thread of its own: large values pass over its stack, which is freed afterwards. The stack of the
/// heartbeat thread is locked into memory and should hold no more than it needs.
pub fn off_this_stack<T: Send>(make: impl FnOnce() -> T + Send) -> T {
    // After a restart the heartbeat thread is real-time already, and waits for this one.
    let class = Class::of_this_thread();
    let make = || {
        class.adopt();
        make()
    };
    std::thread::scope(|scope| scope.spawn(make).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Waits until this process has one thread: a fork needs that, and a joined thread stays visible for a moment.
pub fn await_alone() {
    let alone = || std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count) == 1;
    for _ in 0..BURIAL_LIMIT_MS {
        if alone() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
