//! The orderly end of a daemon that cannot begin: it stops the groups that its predecessor in the same process ran, or
//! that a crash has left. A node that does not send while its services run would share them with the node that takes
//! over.

mod door;

use crate::address::{AddressError, AddressSpec, Addresses};
use crate::cli::Options;
use crate::jobs::{self, Doing, Ending, Outcome, Refused, Resource, Surroundings};
use crate::log::{EarlyLog, LogConfig, Logger, Stderr};
use crate::problems::{Board, Problem, Told};
use crate::resources::{Handover, Plan, SCRIPT_LIMIT, ScriptEnvironment};
use crate::respawn::{Passed, PassedState};
use crate::script::{Cancel, Environment, Search};
use crate::site::{HELPERS, Site};
use crate::state::Mark;
use crate::sys::host_name;
use hbcore::config::HaResources;
use hbcore::takeover::Holds;
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The longest time to wait until the log is written.
const FLUSH: Duration = Duration::from_secs(2);

/// The time after which a script that runs is a problem, where no configuration gives the dead time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The groups and facts that a daemon takes over from its predecessor.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    /// The classes, as the command line gives them.
    pub holds: Holds,
    /// The facts that the predecessor handed over. A 3.0.6 hands over only the classes.
    pub known: Option<&'a Handover>,
}

/// Stops the groups that the predecessor ran, the last group first, each from right to left. It needs neither a thread
/// nor a configuration, since the start may have failed for want of either. It returns when every group has stopped, or
/// does not stop after the last of many tries.
#[cold]
pub fn abandon(claimed: &Claimed<'_>, options: &Options, site: Option<&Site>, reason: &str) {
    claimed.known.iter().for_each(|known| end_clients(&known.clients));
    if claimed.holds == Holds::NONE && claimed.known.is_none_or(|known| known.stuck.is_empty()) {
        return;
    }
    let place = Place::new(options, site);
    place.log.crit(format_args!("Cannot continue after the restart: {reason}. The groups that run here are stopped."));
    let text = match claimed.known {
        Some(known) => lines(known.all_groups()),
        None => fs::read(options.config_dir.join("haresources")).unwrap_or_default(),
    };
    if place.give_up(&text, Ending::Stop, reason) {
        Mark::new(&options.run_dir).remove();
    }
}

/// Tells the clients to end, and does not wait for them: nothing would serve them any more.
fn end_clients(clients: &[Passed]) {
    let pid = |client: &Passed| match client.state {
        PassedState::Runs { pid, .. } => Pid::from_raw(pid),
        PassedState::Pauses | PassedState::Enough => None,
    };
    for group in clients.iter().filter_map(pid) {
        let _ = kill_process_group(group, Signal::TERM);
    }
}

/// Stops the groups that a crashed run has left, when the start after it is refused: no other process would stop them.
#[cold]
pub fn clear_after_crash(options: &Options, site: Option<&Site>, reason: &str) {
    let mark = Mark::new(&options.run_dir);
    let Some(groups) = mark.read() else { return };
    let place = Place::new(options, site);
    place.log.crit(format_args!(
        "The last run was not stopped in order, and this start is refused: {reason}. The groups that run here are stopped."
    ));
    if place.give_up(&lines(groups.iter()), Ending::Vacate, reason) {
        mark.remove();
    }
}

fn lines<'a>(groups: impl Iterator<Item = &'a String>) -> Vec<u8> {
    groups.flat_map(|words| ["here ", words, "\n"]).collect::<String>().into_bytes()
}

/// The means of stopping groups without a daemon.
struct Place {
    log: Logger,
    scripts: ScriptEnvironment,
    builtin: bool,
    board: Board,
    doing: Doing,
    /// The directory of the socket of `hb status`.
    run_dir: PathBuf,
    /// The name of this node.
    node: String,
    /// The time after which a script that runs is a problem.
    patience: Duration,
}

impl Place {
    #[cold]
    fn new(options: &Options, site: Option<&Site>) -> Self {
        let host = host_name();
        let config =
            site.map_or_else(|| LogConfig::early(&host), |site| site.log(&host, options.debug, Stderr::detect()));
        let debug_level = config.debug_level;
        Self {
            log: EarlyLog::new(config).start().unwrap_or_else(|_| Logger::unheard(debug_level)),
            scripts: site.map_or_else(|| bare(options), |site| site.scripts(&options.state_dir, options.debug)),
            builtin: site.is_none_or(Site::takes_addresses),
            board: Board::default(),
            doing: Doing::default(),
            run_dir: options.run_dir.clone(),
            patience: site.map_or(PATIENCE, |site| site.ha_cf.timing.deadtime),
            node: site.map_or(host, |site| site.local_name.clone()),
        }
    }

    /// Stops the groups in a text of the form of `haresources`, and tells those who ask for the status `why` meanwhile.
    /// Returns whether nothing of the groups runs here any more.
    #[cold]
    fn give_up(&self, haresources: &[u8], ending: Ending, why: &str) -> bool {
        let file = HaResources::read(haresources);
        let plans: Vec<Plan> = file.groups.iter().map(|group| Plan::new(group, self.builtin, &self.scripts)).collect();
        self.board.tell(Problem::StartRefused, Told::because(why));
        let gone = self.answering(&plans, || plans.iter().rev().filter(|plan| self.give_up_one(plan, ending)).count());
        self.log.flush(FLUSH);
        gone == plans.len()
    }

    fn give_up_one(&self, plan: &Plan, ending: Ending) -> bool {
        plan.assume_started();
        let steps = plan.steps_with(|spec| Box::new(Direct(spec.clone())));
        let (log, board, doing) = (&self.log, &self.board, &self.doing);
        let outcome = Cancel::new().map(|cancel| {
            jobs::end_here(ending, &plan.key, steps, Surroundings { log, board, cancel: &cancel, doing })
        });
        let why = match outcome {
            Ok(Outcome::Done) => {
                self.log.info(format_args!("Stopped: {}", plan.words));
                return true;
            }
            Ok(Outcome::Failed | Outcome::NotBegun | Outcome::StopFailed) => "its stop is not confirmed".to_owned(),
            Err(error) => error.to_string(),
        };
        self.log.crit(format_args!("{}: {why}. It may still run here: stop it by hand.", plan.words));
        false
    }
}

/// The environment of scripts when there is no configuration.
#[cold]
fn bare(options: &Options) -> ScriptEnvironment {
    let dir = options.config_dir.display().to_string();
    let mut environment = Environment::inherited();
    environment
        .set("HA_DIR", dir.as_str())
        .set("HA_FUNCS", format!("{dir}/shellfuncs"))
        .set("OCF_ROOT", "/usr/lib/ocf");
    environment.with_shell_functions(HELPERS, &dir, &options.state_dir.join("fifo").display().to_string());
    ScriptEnvironment {
        search: Search::standard(&options.config_dir),
        environment: Arc::new(environment),
        directory: options.state_dir.join("cores/root"),
        limit: SCRIPT_LIMIT,
    }
}

/// An address that is removed without the address thread.
struct Direct(AddressSpec);

impl Direct {
    fn ask<T>(
        &self,
        question: impl FnOnce(&mut Addresses, &AddressSpec) -> Result<T, AddressError>,
    ) -> Result<T, Refused> {
        Ok(question(&mut Addresses::open()?, &self.0)?)
    }
}

impl Resource for Direct {
    fn name(&self) -> String {
        format!("IPaddr::{}", self.0.addr)
    }

    fn status(&mut self) -> Result<bool, Refused> {
        self.ask(|addresses, spec| addresses.status(spec).map(|held| held.is_some()).or_else(gone_with_its_interface))
    }

    /// Nothing is started any more.
    fn start(&mut self) -> Result<(), Refused> {
        self.stop()
    }

    fn stop(&mut self) -> Result<(), Refused> {
        self.ask(|addresses, spec| addresses.remove(spec).or_else(gone_with_its_interface).map(drop))
    }
}

/// An address whose interface is gone is not up. Any other refusal remains an error.
fn gone_with_its_interface(error: AddressError) -> Result<bool, AddressError> {
    if matches!(error, AddressError::NoInterface { .. }) { Ok(false) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_stopped_when_its_interface_is_gone() {
        let device = Some("hbcore-none".to_owned());
        let mut direct = Direct(AddressSpec { device, ..AddressSpec::new([192, 0, 2, 1].into()) });
        assert!(!direct.status().expect("answered"));
        direct.stop().expect("stopped");
    }
}
