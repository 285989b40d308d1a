//! Whole clusters in virtual time. One number decides everything that happens in them.
//!
//! A [`Schedule`] contains the nodes and the faults with their times; it comes from a seed, or from a file. [`run`]
//! carries it out: the real engine on each node (or a model of a 3.0.6), a network that loses, delays, duplicates,
//! damages and cuts, clocks that drift and jump, scripts that hang, machines that lose their power. Each [`Rule`] is
//! checked at the events that it is about. [`mod@shrink`] makes a run that breaks a rule as small as possible, and
//! [`diagram`] draws it.

mod apply;
pub mod coverage;
mod delivery;
pub mod diagram;
mod engine;
mod host;
mod lasting;
mod network;
mod ownership;
mod planted;
mod random;
mod reference;
mod rule;
pub mod runner;
mod schedule;
mod settle;
pub mod shrink;
mod story;

pub use planted::Bug;
pub use rule::{Rule, Violation};
pub use schedule::{Class, Fault, Kind, Medium, Planned, Schedule, Site};
pub use story::{Happening, Runs, Story};

use coverage::{Counting, Coverage};
use delivery::Delivery;
use engine::Engine;
use hbcore::time::{Duration, Instant};
use hbcore::wire::Keys;
use host::{Host, Packet};
use network::Network;
use ownership::Ownership;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The begin of every world. It is not zero, so that no code mistakes it for "never".
pub(crate) const ORIGIN: Instant = Instant::from_millis(1_000_000);
/// A world that needs more steps than this for a second never rests.
const STEPS: u64 = 200_000;

/// Options of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Keeps all events, for a trace and a diagram.
    pub record: bool,
    /// The bug that is built in.
    pub planted: Option<Bug>,
}

/// The outcome of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The first rule that was broken.
    pub violation: Option<Violation>,
    /// The world did not settle, and neither does a pair of 3.0.6.
    pub excused: bool,
    /// The events, if they were recorded.
    pub story: Story,
    /// The time from the last fault until everything had settled.
    pub settled_after: Option<Duration>,
    /// The virtual time of the run.
    pub lasted: Duration,
    /// The number of inputs of all engines.
    pub steps: u64,
    /// The number of takeovers whose deadline was watched to the end.
    pub promises_kept: u64,
    /// The arms of the takeover that were reached.
    pub coverage: Coverage,
}

/// Carries out a schedule.
///
/// A pair with a 3.0.6 that does not settle is excused if two of 3.0.6 do not settle either: they never recover from
/// some losses.
pub fn run(schedule: &Schedule, options: Options) -> Outcome {
    let mut outcome = run_once(schedule, options);
    let rule = outcome.violation.as_ref().map(|violation| violation.rule);
    let is_mixed = schedule.site.nodes.contains(&Kind::Reference) && schedule.site.nodes.contains(&Kind::Ours);
    if is_mixed && matches!(rule, Some(Rule::Settles | Rule::StaysSettled)) {
        let mut alone = schedule.clone();
        alone.site.nodes.fill(Kind::Reference);
        outcome.excused = run_once(&alone, Options::default()).violation.is_some_and(|v| Some(v.rule) == rule);
        outcome.violation = outcome.violation.filter(|_| !outcome.excused);
    }
    outcome
}

fn run_once(schedule: &Schedule, options: Options) -> Outcome {
    let mut world = World::new(schedule, options);
    let ended = catch_unwind(AssertUnwindSafe(|| world.run()));
    if let Err(panic) = ended {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("for no reason").to_owned();
        world.violation = None;
        world.fail(Rule::NoPanic, text);
    }
    Outcome {
        violation: world.violation,
        excused: false,
        story: world.story,
        settled_after: world.settled_at.map(|at| at.since(ORIGIN.after(schedule.calm_from()))),
        lasted: world.now.since(ORIGIN),
        steps: world.steps,
        promises_kept: world.ownership.kept,
        coverage: world.counting.coverage,
    }
}

/// An event at a known future time.
enum Due {
    Packet { to: usize, link: usize, packet: Packet },
    Script { node: usize, run: u64, ticket: u32, serial: u64 },
    Fence { by: usize, run: u64, ticket: u32, node: usize },
    Lost { node: usize, run: u64 },
    Reload { node: usize, run: u64 },
    CleanUp { node: usize, run: u64, group: usize, leaves: bool },
    Blackout { node: usize, run: u64 },
    Begin(usize),
    End(usize),
    Start(usize),
    Look,
}

/// Ordered by time, then by the order of planning.
struct Entry {
    at: Instant,
    serial: u64,
    due: Due,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

struct World<'s> {
    schedule: &'s Schedule,
    options: Options,
    keys: Keys<1>,
    now: Instant,
    queue: BinaryHeap<Reverse<Entry>>,
    serial: u64,
    hosts: Vec<Host>,
    network: Network,
    /// Whether each fault is active.
    active: Vec<bool>,
    delivery: Delivery,
    ownership: Ownership,
    counting: Counting,
    /// The number of fencing devices that are about to cut the power of a node.
    shots: u32,
    settled_at: Option<Instant>,
    finished: bool,
    steps: u64,
    violation: Option<Violation>,
    story: Story,
}

impl<'s> World<'s> {
    fn new(schedule: &'s Schedule, options: Options) -> Self {
        let site = &schedule.site;
        let nodes = site.nodes.len();
        let mut world = Self {
            schedule,
            options,
            keys: engine::keys(site),
            now: ORIGIN,
            queue: BinaryHeap::new(),
            serial: 0,
            hosts: (0..nodes).map(|n| Host::new(site, n, schedule.noise)).collect(),
            network: Network::new(site, schedule.noise),
            active: vec![false; schedule.faults.len()],
            delivery: Delivery::new(nodes),
            ownership: Ownership::new(site.groups.len()),
            counting: Counting::new(nodes),
            shots: 0,
            settled_at: None,
            finished: false,
            steps: 0,
            violation: None,
            story: Story::default(),
        };
        for (n, planned) in schedule.faults.iter().enumerate() {
            world.plan(ORIGIN.after(planned.at), Due::Begin(n));
            if !planned.is_for_ever() {
                world.plan(ORIGIN.after(planned.end()), Due::End(n));
            }
        }
        for node in 0..nodes {
            let off = |p: &Planned| p.at.is_zero() && matches!(p.fault, Fault::Power { node: n, .. } if n == node);
            if !schedule.faults.iter().any(off) {
                world.plan(ORIGIN, Due::Start(node));
            }
        }
        let first_look = world.first_look();
        world.plan(ORIGIN.after(schedule.calm_from() + first_look), Due::Look);
        world
    }

    fn plan(&mut self, at: Instant, due: Due) {
        self.serial += 1;
        self.queue.push(Reverse(Entry { at, serial: self.serial, due }));
    }

    fn run(&mut self) {
        while self.violation.is_none() && !self.finished {
            let due = self.queue.peek().map_or(Instant::FAR, |Reverse(entry)| entry.at);
            let timer = self.hosts.iter().enumerate().filter_map(|(n, host)| Some((host.wakes_at()?, n))).min();
            match timer {
                Some((at, node)) if at < due => {
                    self.now = self.now.max(at);
                    self.timer(node);
                }
                _ => {
                    let Some(Reverse(entry)) = self.queue.pop() else { return };
                    self.now = self.now.max(entry.at);
                    self.happen(entry.due);
                }
            }
            self.check_ownership();
            self.steps += 1;
            if self.steps > STEPS * (1 + self.now.since(ORIGIN).as_secs()) {
                self.fail(Rule::Rest, format!("{} steps", self.steps));
            }
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Packet { to, link, packet } => self.arrive(to, link, packet),
            Due::Script { node, run, ticket, serial } => self.script_ended(node, run, ticket, serial),
            Due::Fence { by, run, ticket, node } => self.fence(by, run, ticket, node),
            Due::CleanUp { node, run, group, leaves } => self.cleaned_up(node, run, group, leaves),
            Due::Lost { node, run } => self.say_lost(node, run),
            Due::Reload { node, run } => self.reload(node, run),
            Due::Blackout { node, run } => self.black_out(node, run),
            Due::Begin(fault) => self.begin(fault),
            Due::End(fault) => self.end(fault),
            Due::Start(node) => {
                self.hosts[node].will_restart = false;
                self.start_if_wanted(node);
            }
            Due::Look => self.look(),
        }
    }

    /// Notes that a rule was broken. Only the first breach is kept.
    fn fail(&mut self, rule: Rule, text: String) {
        if self.violation.is_none() {
            let at = self.now.since(ORIGIN);
            self.violation = Some(Violation { at, rule, text });
            self.record(|| Happening::Broken(rule));
        }
    }

    fn record(&mut self, happening: impl FnOnce() -> Happening) {
        if self.options.record {
            self.story.add(self.now.since(ORIGIN), happening());
        }
    }
}
