//! Carrying out what the engine decides about resource groups: addresses in process, everything else by script.
//!
//! ```text
//!   heartbeat thread ── leading addresses ──▶ address thread (real-time like ours, answers in under a millisecond)
//!          │                                        │ done
//!          ├── scripts, once those are up ──▶ jobs (normal scheduling, as long as it takes)
//!          └◀────────── outcome with the engine's ticket ──────────┘
//! ```

mod addresses;
mod escalate;
mod fence;
mod handover;
mod plan;

pub use addresses::{AddressResource, AddressThread, Realtime};
pub use escalate::Escalation;
pub use fence::FenceDevice;
pub use handover::Handover;
pub use plan::{Plan, SCRIPT_LIMIT, ScriptEnvironment};

use crate::address::AddressSpec;
use crate::jobs::{Completion, Job, Jobs, Later, Outcome as JobOutcome, Retry, Task, Work};
use crate::log::Logger;
use hbcore::config::HaResources;
use hbcore::id::{GroupId, NodeId};
use hbcore::takeover::{Effect, Outcome, Ticket};
use std::io;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// Everything that runs groups. Nothing here waits.
pub struct Resources {
    plans: Vec<Arc<Plan>>,
    addresses: AddressThread,
    jobs: Jobs,
    /// What is done about a group that cannot be stopped; `None`: nothing.
    escalation: Option<Arc<Escalation>>,
    /// What fences other nodes; `None`: nothing.
    fence: Option<FenceDevice>,
    /// Groups whose leading addresses are with the address thread.
    leading: Vec<Leading>,
    ready: Vec<(Ticket, Outcome)>,
    log: Logger,
}

/// What the address thread does for a group; scripts may follow.
struct Leading {
    ticket: u32,
    group: GroupId,
    start: bool,
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
            escalation: None,
            fence: None,
            leading: Vec::with_capacity(capacity),
            ready: Vec::with_capacity(capacity),
            log: log.clone(),
        })
    }

    /// With something to do about groups that cannot be stopped.
    #[must_use]
    pub fn with_escalation(self, escalation: Escalation) -> Self {
        Self { escalation: Some(Arc::new(escalation)), ..self }
    }

    /// With something that fences other nodes.
    #[must_use]
    pub fn with_fence(self, fence: Option<FenceDevice>) -> Self {
        Self { fence, ..self }
    }

    /// The descriptors that become readable when something has ended.
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [std::os::fd::AsFd::as_fd(&self.addresses), std::os::fd::AsFd::as_fd(&self.jobs)]
    }

    /// Takes down service addresses that an earlier run left behind, but those of the groups for which `runs` is true.
    pub fn clean(&self, runs: impl Fn(&Plan) -> bool) {
        let all: Vec<AddressSpec> =
            self.plans.iter().filter(|p| !runs(p)).flat_map(|p| p.addresses()).cloned().collect();
        if !all.is_empty() {
            self.addresses.clean(all.into());
        }
    }

    /// The groups in the order of the file.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.plans.iter().map(Arc::as_ref)
    }

    /// The addresses that this daemon brought up. Waits for the address thread: not on the heartbeat path.
    pub fn added(&self) -> Vec<IpAddr> {
        self.addresses.added()
    }

    /// Gives up every address for good, whatever becomes of its group. Waits for it: not on the heartbeat path.
    pub fn end_addresses(&self) {
        self.addresses.end();
    }

    /// Goes on with what an earlier daemon left running on purpose. Groups of `handover` that are not in the configuration any more, or
    /// lost resources, are stopped as far as they are gone.
    pub fn resume(&self, handover: &Handover, scripts: &ScriptEnvironment, builtin: bool) {
        let kept = |word: &str| self.plans.iter().any(|p| p.words.split(' ').any(|w| w == word));
        let specs: Vec<AddressSpec> = self.plans.iter().flat_map(|p| p.addresses()).cloned().collect();
        self.addresses.resume(specs.into(), handover.added.clone());
        for words in &handover.groups {
            let gone: Vec<&str> = words.split(' ').filter(|word| !kept(word)).collect();
            if gone.is_empty() {
                continue;
            }
            let text = format!("gone {}", gone.join(" "));
            let file = HaResources::read(text.as_bytes());
            let Some(plan) = file.groups.first().map(|group| Plan::new(group, builtin, scripts)) else { continue };
            self.log.info(format_args!("No longer in haresources, to be stopped: {}", plan.words));
            let handle = self.addresses.handle();
            let find_out = move || Work::Stop(plan.steps(&handle), Retry::default());
            let work = Work::Later(Later(Box::new(find_out)));
            let job = Job { ticket: u64::from(u32::MAX), name: gone.join(" "), work };
            if let Err(error) = self.jobs.submit(job) {
                self.log.error(format_args!("{error}"));
            }
        }
    }

    /// Begins an effect.
    pub fn begin(&mut self, ticket: Ticket, effect: Effect) {
        let group = match effect {
            Effect::Acquire(group) | Effect::Release(group) | Effect::Announce(group) | Effect::Escalate(group) => {
                group
            }
            Effect::Fence(node) => return self.begin_fencing(ticket, node),
        };
        let Some(plan) = self.plans.get(usize::from(group.0)) else {
            return self.ready.push((ticket, Outcome::Failed));
        };
        match effect {
            Effect::Fence(_) => {}
            Effect::Announce(_) => self.addresses.announce(Arc::clone(&plan.leading)),
            Effect::Acquire(_) if !plan.leading.is_empty() => {
                let (ticket, specs) = (ticket.into_raw(), Arc::clone(&plan.leading));
                let taken = self.addresses.acquire(ticket, specs);
                self.lead(Leading { ticket, group, start: true }, taken);
            }
            Effect::Release(_) if plan.is_only_addresses() => {
                let (ticket, specs) = (ticket.into_raw(), Arc::clone(&plan.leading));
                let taken = self.addresses.release(ticket, specs);
                self.lead(Leading { ticket, group, start: false }, taken);
            }
            Effect::Acquire(_) => self.run_scripts(ticket, group, true),
            Effect::Release(_) => self.run_scripts(ticket, group, false),
            Effect::Escalate(_) => self.escalate(ticket, plan.key.clone()),
        }
    }

    fn begin_fencing(&mut self, ticket: Ticket, node: NodeId) {
        let Some(call) = self.fence.as_ref().and_then(|fence| fence.call(node)) else {
            return self.ready.push((ticket, Outcome::Failed));
        };
        self.submit(ticket, call.name(), Work::Run(call));
    }

    fn escalate(&mut self, ticket: Ticket, key: String) {
        let Some(escalation) = self.escalation.clone() else { return self.ready.push((ticket, Outcome::Failed)) };
        let (log, name) = (self.log.clone(), key.clone());
        self.submit(ticket, name, Work::Function(Task(Box::new(move || escalation.carry_out(&key, &log)))));
    }

    /// The next effect that ended when it was begun, as there was nothing to do or nothing could be done. No descriptor tells of it.
    pub fn ended_at_once(&mut self) -> Option<(Ticket, Outcome)> {
        self.ready.pop()
    }

    /// The next effect that has ended.
    pub fn finished(&mut self) -> Option<(Ticket, Outcome)> {
        if let Some(ended) = self.ended_at_once() {
            return Some(ended);
        }
        while let Some(done) = self.addresses.collect() {
            let place = self.leading.iter().position(|l| l.ticket == done.ticket);
            let Some(leading) = place.map(|place| self.leading.swap_remove(place)) else { continue };
            let plan = self.plans.get(usize::from(leading.group.0));
            let more = leading.start && done.ok && plan.is_some_and(|p| !p.is_only_addresses());
            // An address that cannot be given up is tried again as a script is: as often, and with the same consequence.
            let again = !leading.start && !done.ok;
            let ticket = Ticket::from_raw(done.ticket);
            if !more && !again {
                return Some((ticket, if done.ok { Outcome::Done } else { Outcome::Failed }));
            }
            self.run_scripts(ticket, leading.group, leading.start);
            if let Some(ended) = self.ready.pop() {
                return Some(ended);
            }
        }
        self.jobs.collect().map(|Completion { ticket, outcome }| {
            let outcome = match outcome {
                JobOutcome::Done => Outcome::Done,
                JobOutcome::StopFailed => Outcome::FailedAndStuck,
                JobOutcome::Failed => Outcome::Failed,
            };
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
        let name = plan.key.clone();
        self.submit(ticket, name, work);
    }

    fn submit(&mut self, ticket: Ticket, name: String, work: Work) {
        let raw = ticket.into_raw();
        let job = Job { ticket: u64::from(raw), name, work };
        if let Err(error) = self.jobs.submit(job) {
            self.log.error(format_args!("{error}"));
            self.ready.push((Ticket::from_raw(raw), Outcome::Failed));
        }
    }

    fn lead(&mut self, leading: Leading, taken: bool) {
        if taken {
            return self.leading.push(leading);
        }
        self.log.error(format_args!("The address thread has too much to do: the group is given up"));
        self.ready.push((Ticket::from_raw(leading.ticket), Outcome::Failed));
    }
}
