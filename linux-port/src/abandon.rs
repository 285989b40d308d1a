//! A daemon that replaced another one in its process and cannot go on gives up what that one held, in order: a node that falls silent
//! while its services run would share them with the node that takes over.

use crate::address::{AddressError, AddressSpec, Addresses};
use crate::cli::Options;
use crate::jobs::{self, Outcome, Refused, Resource, Retry};
use crate::log::{EarlyLog, LogConfig, Logger, Stderr};
use crate::problems::Board;
use crate::resources::{Handover, Plan, SCRIPT_LIMIT, ScriptEnvironment};
use crate::script::{Cancel, Environment, Search};
use crate::site::{HELPERS, Site};
use crate::start::host_name;
use hbcore::config::HaResources;
use hbcore::takeover::Holds;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

/// How long the log may take to be written.
const FLUSH: Duration = Duration::from_secs(2);

/// What a daemon is to go on with.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    /// The classes, as its command line says.
    pub holds: Holds,
    /// What its predecessor told. A 3.0.6 tells no more than the classes.
    pub known: Option<&'a Handover>,
}

/// Stops the groups that were held, the last one first, each from right to left. Needs no thread and no configuration: one of both may be
/// what is missing. Ends when everything has ended, or was told to more often than any other stop.
pub fn abandon(claimed: &Claimed<'_>, options: &Options, site: Option<&Site>, reason: &str) {
    if claimed.holds == Holds::NONE {
        return;
    }
    let host = host_name();
    let config = site.map_or_else(|| LogConfig::early(&host), |site| site.log(&host, options.debug, Stderr::detect()));
    let log = EarlyLog::new(config.clone()).start().unwrap_or_else(|_| Logger::unheard(config.debug_level));
    log.crit(format_args!("Cannot go on after the restart: {reason}. Everything that runs here is given up."));
    let scripts = site.map_or_else(|| bare(options), |site| site.scripts(&options.state_dir, options.debug));
    let builtin = site.is_none_or(Site::takes_addresses);
    for plan in plans(claimed, options, builtin, &scripts).iter().rev() {
        plan.assume_started();
        let steps = plan.steps_with(|spec| Box::new(Direct(spec.clone())));
        let stopped = Cancel::new().map_err(|error| error.to_string()).and_then(|cancel| {
            match jobs::stop_here(&plan.key, steps, Retry::default(), &log, &Board::default(), &cancel) {
                Outcome::Done => Ok(()),
                Outcome::Failed | Outcome::NotBegun | Outcome::StopFailed => Err("not seen to be stopped".to_owned()),
            }
        });
        match stopped {
            Ok(()) => log.info(format_args!("Given up: {}", plan.words)),
            Err(why) => log.crit(format_args!("{}: {why}. It may still run here: stop it by hand.", plan.words)),
        }
    }
    log.flush(FLUSH);
}

fn plans(claimed: &Claimed<'_>, options: &Options, builtin: bool, scripts: &ScriptEnvironment) -> Vec<Plan> {
    let text = match claimed.known {
        Some(known) => known.groups.iter().flat_map(|words| ["here ", words, "\n"]).collect::<String>().into_bytes(),
        None => fs::read(options.config_dir.join("haresources")).unwrap_or_default(),
    };
    HaResources::read(&text).groups.iter().map(|group| Plan::new(group, builtin, scripts)).collect()
}

/// What scripts are called with when there is no configuration.
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

/// An address that is given up without the address thread.
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
        self.ask(|addresses, spec| addresses.status(spec).map(|held| held.is_some()))
    }

    /// Nothing is taken any more.
    fn start(&mut self) -> Result<(), Refused> {
        self.stop()
    }

    fn stop(&mut self) -> Result<(), Refused> {
        self.ask(|addresses, spec| addresses.remove(spec).map(drop))
    }
}
