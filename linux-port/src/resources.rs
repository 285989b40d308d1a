//! Carrying out what the engine decides about resource groups: addresses in process, everything else by script.
//!
//! ```text
//!   heartbeat thread ── leading addresses ──▶ address thread (real-time like ours, answers in under a millisecond)
//!          │                                        │ done
//!          ├── scripts, once those are up ──▶ jobs (normal scheduling, as long as it takes)
//!          └◀────────── outcome with the engine's ticket ──────────┘
//! ```

mod addresses;
mod plan;

pub use addresses::{AddressResource, AddressThread, Realtime};
pub use plan::{Plan, ScriptEnvironment};

use crate::address::AddressSpec;
use crate::jobs::{Completion, Job, Jobs, Later, Outcome as JobOutcome, Retry, Work};
use crate::log::Logger;
use hbcore::id::GroupId;
use hbcore::takeover::{Effect, Outcome, Ticket};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// Everything that runs groups. Nothing here waits.
pub struct Resources {
    plans: Vec<Arc<Plan>>,
    addresses: AddressThread,
    jobs: Jobs,
    /// Groups whose leading addresses are being acquired, with the ticket; scripts follow.
    leading: Vec<(u32, GroupId)>,
    ready: Vec<(Ticket, Outcome)>,
    log: Logger,
}

impl Resources {
    /// Starts the threads. Call it after detaching.
    ///
    /// # Errors
    /// The system's refusal to make a thread or a descriptor.
    pub fn start(plans: Vec<Plan>, realtime: Option<Realtime>, log: &Logger) -> io::Result<Self> {
        let addresses = AddressThread::start(realtime, log)?;
        let capacity = plans.len();
        Ok(Self {
            plans: plans.into_iter().map(Arc::new).collect(),
            addresses,
            jobs: Jobs::start(log)?,
            leading: Vec::with_capacity(capacity),
            ready: Vec::with_capacity(capacity),
            log: log.clone(),
        })
    }

    /// The descriptors that become readable when something has ended.
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [std::os::fd::AsFd::as_fd(&self.addresses), std::os::fd::AsFd::as_fd(&self.jobs)]
    }

    /// Takes down service addresses that an earlier run left behind: this node owns nothing yet.
    pub fn clean(&self) {
        let all: Vec<AddressSpec> = self.plans.iter().flat_map(|p| p.addresses()).cloned().collect();
        if !all.is_empty() {
            self.addresses.clean(all.into());
        }
    }

    /// Begins an effect.
    pub fn begin(&mut self, ticket: Ticket, effect: Effect) {
        let (Effect::Acquire(group) | Effect::Release(group) | Effect::Announce(group)) = effect;
        let Some(plan) = self.plans.get(usize::from(group.0)) else {
            return self.ready.push((ticket, Outcome::Failed));
        };
        match effect {
            Effect::Announce(_) => self.addresses.announce(Arc::clone(&plan.leading)),
            Effect::Acquire(_) if !plan.leading.is_empty() => {
                let raw = ticket.into_raw();
                if self.addresses.acquire(raw, Arc::clone(&plan.leading)) {
                    self.leading.push((raw, group));
                } else {
                    self.refused(Ticket::from_raw(raw));
                }
            }
            Effect::Release(_) if plan.is_only_addresses() => {
                let raw = ticket.into_raw();
                if !self.addresses.release(raw, Arc::clone(&plan.leading)) {
                    self.refused(Ticket::from_raw(raw));
                }
            }
            Effect::Acquire(_) => self.run_scripts(ticket, group, true),
            Effect::Release(_) => self.run_scripts(ticket, group, false),
        }
    }

    /// The next effect that has ended.
    pub fn finished(&mut self) -> Option<(Ticket, Outcome)> {
        if let Some(ended) = self.ready.pop() {
            return Some(ended);
        }
        while let Some(done) = self.addresses.collect() {
            let outcome = if done.ok { Outcome::Done } else { Outcome::Failed };
            let ticket = Ticket::from_raw(done.ticket);
            let Some(index) = self.leading.iter().position(|(raw, _)| *raw == done.ticket) else {
                return Some((ticket, outcome));
            };
            let (_, group) = self.leading.swap_remove(index);
            let more = self.plans.get(usize::from(group.0)).is_some_and(|p| !p.is_only_addresses());
            if !done.ok || !more {
                return Some((ticket, outcome));
            }
            self.run_scripts(ticket, group, true);
            if let Some(ended) = self.ready.pop() {
                return Some(ended);
            }
        }
        self.jobs.collect().map(|Completion { ticket, outcome }| {
            let outcome = if outcome == JobOutcome::Done { Outcome::Done } else { Outcome::Failed };
            (Ticket::from_raw(u32::try_from(ticket).unwrap_or(u32::MAX)), outcome)
        })
    }

    /// The jobs, for work that has no group.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    fn run_scripts(&mut self, ticket: Ticket, group: GroupId, start: bool) {
        let Some(plan) = self.plans.get(usize::from(group.0)) else { return };
        if plan.is_only_addresses() && plan.leading.is_empty() {
            return self.ready.push((ticket, Outcome::Done));
        }
        let (plan_of_job, addresses) = (Arc::clone(plan), self.addresses.handle());
        let work = Work::Later(Later(Box::new(move || {
            let steps = plan_of_job.steps(&addresses);
            if start { Work::Start(steps, Retry::default()) } else { Work::Stop(steps, Retry::default()) }
        })));
        let raw = ticket.into_raw();
        let job = Job { ticket: u64::from(raw), name: plan.key.clone(), work };
        if let Err(error) = self.jobs.submit(job) {
            self.log.error(format_args!("{error}"));
            self.ready.push((Ticket::from_raw(raw), Outcome::Failed));
        }
    }

    fn refused(&mut self, ticket: Ticket) {
        self.log.error(format_args!("The address thread has too much to do: the group is given up"));
        self.ready.push((ticket, Outcome::Failed));
    }
}
