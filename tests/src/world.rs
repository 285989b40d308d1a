//! Whole clusters in virtual time, in which one number decides everything that happens.
//!
//! A [`Schedule`] says who is there and what goes wrong when; it comes from a seed, or from a file. [`run`] lets it happen: the
//! real engine on each node (or a model of a 3.0.6), a network that loses, delays, doubles, damages and cuts, clocks that drift
//! and jump, scripts that hang, machines that lose their power. Each [`Rule`] is checked where what it speaks of happens. A run that
//! breaks one is made as small as possible by [`mod@shrink`], and drawn by [`diagram`].

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

/// When every world begins. Not zero, so that nothing is mistaken for "never".
pub(crate) const ORIGIN: Instant = Instant::from_millis(1_000_000);
/// A world that needs more steps than this for a second has no rest.
const STEPS: u64 = 200_000;

/// How a run is to be done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Keep what happens, for a trace and a diagram.
    pub record: bool,
    /// With this bug built in.
    pub planted: Option<Bug>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The first rule that was broken.
    pub violation: Option<Violation>,
    /// It did not settle, and neither does a pair of 3.0.6.
    pub excused: bool,
    /// What happened, if it was to be recorded.
    pub story: Story,
    /// How long it took from the last fault until everything had settled.
    pub settled_after: Option<Duration>,
    /// Virtual time.
    pub lasted: Duration,
    /// Inputs of all engines.
    pub steps: u64,
    /// Takeovers whose deadline was watched to the end.
    pub promises_kept: u64,
    /// Which arms of the takeover were reached.
    pub coverage: Coverage,
}

/// Lets a schedule happen.
///
/// A pair with a 3.0.6 that does not settle is excused where two of 3.0.6 do not settle either: some losses it does not get over.
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

/// Something that will happen at a known time.
enum Due {
    Packet { to: usize, link: usize, packet: Packet },
    Script { node: usize, run: u64, ticket: u32, serial: u64 },
    Fence { by: usize, run: u64, ticket: u32, node: usize },
    Lost { node: usize, run: u64 },
    CleanUp { node: usize, run: u64, group: usize, leaves: bool },
    Blackout { node: usize, run: u64 },
    Begin(usize),
    End(usize),
    Start(usize),
    Look,
}

/// Ordered by time, then by when it was planned.
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
    /// Which faults are active.
    active: Vec<bool>,
    delivery: Delivery,
    ownership: Ownership,
    counting: Counting,
    /// Fencing devices that are about to cut somebody's power.
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

    /// Notes that a rule was broken. The first one counts.
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
