//! Carrying out the engine's decisions about resource groups: addresses in process, all other resources by script.
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
mod reasons;
mod strays;

pub use addresses::{AddressResource, AddressThread, Duties, Loss, Realtime};
pub use escalate::Escalation;
pub use fence::FenceDevice;
pub use handover::{Handover, Parcel, Predecessor, Successor, Unread, Up};
pub(crate) use plan::gone_words;
pub use plan::{Plan, SCRIPT_LIMIT, ScriptEnvironment};
pub use strays::{StrayDoing, StrayRow};

use crate::address::AddressSpec;
use crate::jobs::{Afterwards, Completion, Job, JobId, Jobs, Outcome as JobOutcome, Retry, Work};
use crate::log::Logger;
use crate::problems::Board;
use crate::script::Search;
use hbcore::id::{GroupId, NodeId};
use hbcore::takeover::{Effect, Outcome, Ticket};
use std::io;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use strays::Strays;

/// The parts that run groups. No call waits.
pub struct Resources {
    plans: Vec<Arc<Plan>>,
    addresses: AddressThread,
    jobs: Jobs,
    /// The means against a group that cannot be stopped; `None`: there are none.
    escalation: Option<Arc<Escalation>>,
    /// The device that fences other nodes; `None`: there is none.
    fence: Option<FenceDevice>,
    /// Groups that are being started or stopped.
    efforts: Vec<Effort>,
    ready: Vec<(Ticket, Outcome)>,
    /// The reason why the last start of each group failed, if no script of it did.
    refusals: Vec<Option<String>>,
    /// Whether the cause of a failed start of a group is gone, by the groups' ids.
    startable: Vec<bool>,
    /// The reason of the last loss of an address of a group, by the groups' ids.
    losses: Vec<Loss>,
    strays: Strays,
    log: Logger,
    board: Board,
}

/// The work on a group, until the engine gets its outcome.
#[derive(Clone, Copy, Debug)]
struct Effort {
    ticket: u32,
    group: GroupId,
    aim: Aim,
    then: Afterwards,
}

/// The aim of an effort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    /// The group runs here.
    Start,
    /// Nothing of the group runs here.
    Stop,
    /// The group was to start and could not: its addresses are released again.
    Undo,
}

/// The outcome of one part of an effort: the addresses, or the scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The aim is reached.
    Done,
    /// The aim is not reached, and nothing of this part is left here.
    Nothing,
    /// The aim is not reached, and something may be left here.
    Unknown,
}

impl Aim {
    /// The outcome for the engine when the last part of the effort has ended.
    const fn outcome(self, part: Part) -> Outcome {
        match (self, part) {
            (Self::Start | Self::Stop, Part::Done) => Outcome::Done,
            (Self::Start, Part::Nothing) | (Self::Undo, Part::Done) => Outcome::Failed,
            (Self::Start | Self::Stop | Self::Undo, Part::Unknown) | (Self::Stop | Self::Undo, Part::Nothing) => {
                Outcome::FailedAndStuck
            }
        }
    }
}

/// The largest number of nodes that may have to be fenced at the same time.
const FENCES: usize = 100;

impl Resources {
    /// Starts the threads. Call it after detaching. `gone`: the number of groups of an earlier daemon that may have to be
    /// stopped as strays.
    ///
    /// # Errors
    /// The system's refusal to make a thread or a descriptor.
    pub fn start(
        plans: Vec<Plan>,
        gone: usize,
        realtime: Option<Realtime>,
        log: &Logger,
        board: &Board,
    ) -> io::Result<Self> {
        let addresses = AddressThread::start(realtime, log)?;
        let capacity = plans.len();
        // A group has one effect at a time, and perhaps another one that the engine has given up. Fencing needs places
        // only where there are groups to take over.
        let effects = capacity.saturating_mul(2).saturating_add(capacity.min(FENCES));
        Ok(Self {
            plans: plans.into_iter().map(Arc::new).collect(),
            addresses,
            jobs: Jobs::start(effects, gone, log, board)?,
            escalation: None,
            fence: None,
            efforts: Vec::with_capacity(capacity),
            ready: Vec::with_capacity(capacity),
            refusals: vec![None; capacity],
            startable: vec![false; capacity],
            losses: vec![Loss::default(); capacity],
            strays: Strays::default(),
            log: log.clone(),
            board: board.clone(),
        })
    }

    /// Adds the means against groups that cannot be stopped.
    #[must_use]
    pub fn with_escalation(self, escalation: Escalation) -> Self {
        Self { escalation: Some(Arc::new(escalation)), ..self }
    }

    /// Adds the device that fences other nodes.
    #[must_use]
    pub fn with_fence(self, fence: Option<FenceDevice>) -> Self {
        Self { fence, ..self }
    }

    /// Adds the further duties of the address thread. Call it before the first address.
    #[must_use]
    pub fn with_duties(self, duties: Duties) -> Self {
        self.addresses.take_duties(duties);
        self
    }

    /// The descriptors that become readable when an effect has ended.
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [std::os::fd::AsFd::as_fd(&self.addresses), std::os::fd::AsFd::as_fd(&self.jobs)]
    }

    /// Removes service addresses that an earlier run left, except those of the groups for which `runs` is true.
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

    /// Prepares for an exec, see [`AddressThread::rest`].
    pub fn rest(&self) -> Receiver<Vec<IpAddr>> {
        self.addresses.rest()
    }

    /// Call it when there was no exec after [`Resources::rest`].
    pub fn wake(&self) {
        self.addresses.wake();
    }

    /// Removes every address for good, whatever the state of its group. It waits, so it is not for the heartbeat path.
    pub fn end_addresses(&self) {
        self.addresses.end();
    }

    /// Continues with the groups that an earlier daemon left running on purpose. Groups of `handover` that are no longer
    /// in the configuration, or parts of them, become strays: mark them, then call [`Resources::tend_strays`].
    pub fn resume(&mut self, handover: &Handover, scripts: &ScriptEnvironment, builtin: bool) {
        let specs: Vec<AddressSpec> = self.plans.iter().flat_map(|p| p.addresses()).cloned().collect();
        self.addresses.resume(specs.into(), handover.added.clone());
        self.adopt_removed(handover, scripts, builtin);
    }

    /// Begins an effect. `then`: the consequence of a stop that fails, for people.
    pub fn begin(&mut self, ticket: Ticket, effect: Effect, then: Afterwards) {
        match effect {
            Effect::Acquire(group) => {
                self.refused(group, None);
                self.startable.get_mut(usize::from(group.0)).into_iter().for_each(|startable| *startable = false);
                self.make(Effort { ticket: ticket.into_raw(), group, aim: Aim::Start, then });
            }
            Effect::Release(group) => self.make(Effort { ticket: ticket.into_raw(), group, aim: Aim::Stop, then }),
            Effect::Announce(group) => match self.plans.get(usize::from(group.0)) {
                Some(plan) => self.addresses.announce(Arc::clone(&plan.leading)),
                None => self.ready.push((ticket, Outcome::Failed)),
            },
            Effect::Escalate(group) => match self.plans.get(usize::from(group.0)) {
                Some(plan) => self.escalate(ticket, &plan.key.clone()),
                None => self.ready.push((ticket, Outcome::Failed)),
            },
            Effect::Fence(node) => self.begin_fencing(ticket, node),
        }
    }

    /// Begins an effort. A start begins with the leading addresses, and a group of addresses only needs no job.
    fn make(&mut self, effort: Effort) {
        let Some(plan) = self.plans.get(usize::from(effort.group.0)) else { return self.end(effort, Part::Nothing) };
        let specs = || Arc::clone(&plan.leading);
        let taken = match effort.aim {
            _ if plan.leading.is_empty() => return self.run_scripts(effort),
            Aim::Start => self.addresses.acquire(effort.ticket, specs()),
            Aim::Stop if !plan.is_only_addresses() => return self.run_scripts(effort),
            Aim::Stop | Aim::Undo => self.addresses.release(effort.ticket, specs()),
        };
        if taken {
            return self.efforts.push(effort);
        }
        let refusal = format!("The address thread has too much to do for {}", plan.key);
        self.log.error(format_args!("{refusal}"));
        self.refused(effort.group, Some(refusal));
        match effort.aim {
            Aim::Start => self.end(effort, Part::Nothing),
            // The job thread asks the address thread in its turn.
            Aim::Stop | Aim::Undo => self.run_scripts(effort),
        }
    }

    /// A part of an effort has ended, and no other part comes after it.
    fn end(&mut self, effort: Effort, part: Part) {
        self.ready.push((Ticket::from_raw(effort.ticket), effort.aim.outcome(part)));
    }

    fn begin_fencing(&mut self, ticket: Ticket, node: NodeId) {
        let Some(call) = self.fence.as_ref().and_then(|fence| fence.call(node)) else {
            return self.ready.push((ticket, Outcome::Failed));
        };
        self.submit(ticket, call.name(), Work::Run(call));
    }

    /// The next effect that ended when it began, because there was nothing to do or nothing could be done. No
    /// descriptor reports it.
    pub fn ended_at_once(&mut self) -> Option<(Ticket, Outcome)> {
        self.ready.pop()
    }

    /// The next effect that has ended.
    pub fn finished(&mut self) -> Option<(Ticket, Outcome)> {
        if let Some(ended) = self.ended_at_once() {
            return Some(ended);
        }
        while let Some(done) = self.addresses.collect() {
            if let Some(effort) = self.effort(done.ticket) {
                if effort.aim == Aim::Start {
                    self.refused(effort.group, done.refusal);
                }
                self.addresses_ended(effort, done.ok);
            }
            if let Some(ended) = self.ready.pop() {
                return Some(ended);
            }
        }
        while let Some(completion) = self.jobs.collect() {
            self.job_ended(completion);
            if let Some(ended) = self.ready.pop() {
                return Some(ended);
            }
        }
        None
    }

    fn effort(&mut self, ticket: u32) -> Option<Effort> {
        let place = self.efforts.iter().position(|effort| effort.ticket == ticket)?;
        Some(self.efforts.swap_remove(place))
    }

    /// The address thread has ended its part.
    fn addresses_ended(&mut self, effort: Effort, ok: bool) {
        let has_scripts = self.plans.get(usize::from(effort.group.0)).is_some_and(|plan| !plan.is_only_addresses());
        match (effort.aim, ok) {
            (Aim::Start, true) if has_scripts => self.run_scripts(effort),
            (Aim::Start | Aim::Stop | Aim::Undo, true) => self.end(effort, Part::Done),
            // Some of the addresses may be up.
            (Aim::Start, false) => self.make(Effort { aim: Aim::Undo, ..effort }),
            // An address that cannot be removed is tried again like a script: as often, and with the same consequence.
            (Aim::Stop | Aim::Undo, false) => self.run_scripts(effort),
        }
    }

    fn job_ended(&mut self, Completion { id, outcome }: Completion) {
        let raw = match id {
            JobId::Effect(raw) => raw,
            JobId::Stray(number) => return self.stray_ended(number, outcome),
            JobId::Housekeeping => return,
        };
        let Some(effort) = self.effort(raw) else {
            // Fencing or an escalation.
            let outcome = if outcome == JobOutcome::Done { Outcome::Done } else { Outcome::Failed };
            return self.ready.push((Ticket::from_raw(raw), outcome));
        };
        match (outcome, effort.aim) {
            (JobOutcome::Done, _) => self.end(effort, Part::Done),
            (JobOutcome::Failed, _) => self.end(effort, Part::Nothing),
            (JobOutcome::StopFailed, _) | (JobOutcome::NotBegun, Aim::Stop | Aim::Undo) => {
                self.end(effort, Part::Unknown);
            }
            (JobOutcome::NotBegun, Aim::Start) => {
                self.refused(effort.group, Some("the system granted no thread for its scripts".to_owned()));
                self.undo(effort);
            }
        }
    }

    /// The scripts of a start did not begin: the addresses that were brought up before them are released.
    fn undo(&mut self, effort: Effort) {
        let takes_addresses = self.plans.get(usize::from(effort.group.0)).is_some_and(|plan| !plan.leading.is_empty());
        if takes_addresses {
            self.make(Effort { aim: Aim::Undo, ..effort });
        } else {
            self.end(effort, Part::Nothing);
        }
    }

    /// The directories of the site's scripts; `None` if there is no group.
    pub fn search(&self) -> Option<&Search> {
        self.plans.first().map(|plan| plan.search())
    }

    /// The jobs, for work that has no group.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Hands an effort to a job thread. To undo is to stop.
    fn run_scripts(&mut self, effort: Effort) {
        let Some(plan) = self.plans.get(usize::from(effort.group.0)) else { return };
        if plan.is_only_addresses() && plan.leading.is_empty() {
            return self.end(effort, Part::Done);
        }
        let steps = plan.steps(&self.addresses.handle());
        let retry = Retry { then: effort.then, ..Retry::default() };
        let work = match effort.aim {
            Aim::Start => Work::Start(steps, retry),
            Aim::Stop | Aim::Undo => Work::Stop(steps, retry),
        };
        let job = Job { id: JobId::Effect(effort.ticket), name: plan.key.clone(), work };
        match (self.jobs.submit(job), effort.aim) {
            (Ok(()), _) => self.efforts.push(effort),
            (Err(error), aim) => {
                self.log.error(format_args!("{error}"));
                self.refused(effort.group, Some(error.to_string()));
                match aim {
                    Aim::Start => self.undo(effort),
                    Aim::Stop | Aim::Undo => self.end(effort, Part::Unknown),
                }
            }
        }
    }

    fn submit(&mut self, ticket: Ticket, name: String, work: Work) {
        let raw = ticket.into_raw();
        let job = Job { id: JobId::Effect(raw), name, work };
        if let Err(error) = self.jobs.submit(job) {
            self.log.error(format_args!("{error}"));
            self.ready.push((Ticket::from_raw(raw), Outcome::Failed));
        }
    }
}
