//! Explores every state, shortest histories first; then finds the states that can reach a good end.

use super::action::Action;
use super::canonical::Canonical;
use super::rules::Rule;
use super::state::{ORIGIN, State};
use super::{Case, Faults};
use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// A broken rule, and the shortest way to it.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The rule that was broken.
    pub rule: Rule,
    /// A description of the breach.
    pub text: String,
    /// The history, from the state in which both nodes are off.
    pub path: Vec<Action>,
}

/// The result of an exploration.
#[derive(Clone, Debug)]
pub struct Report {
    /// The number of different states.
    pub states: usize,
    /// The number of steps between them.
    pub steps: u64,
    /// The length of the longest among the shortest ways to a state.
    pub depth: usize,
    /// The number of states in which everything is as it should be.
    pub good: usize,
    /// False if there are more states than were allowed.
    pub complete: bool,
    /// The time that the exploration took.
    pub took: Duration,
    /// The first rule that was broken, if any.
    pub violation: Option<Violation>,
}

/// The step by which a state was found first.
struct Found {
    before: u32,
    action: Action,
}

struct Search {
    case: Case,
    found: Vec<Found>,
    numbers: HashMap<u64, u32, std::hash::BuildHasherDefault<Same>>,
    /// Steps that are not faults, as pairs of states.
    edges: Vec<(u32, u32)>,
    good: Vec<u32>,
    steps: u64,
}

/// Explores a case, up to `most` states.
pub fn explore(case: &Case, most: usize) -> Report {
    let begin = Instant::now();
    let mut search = Search {
        case: *case,
        found: Vec::new(),
        numbers: HashMap::default(),
        edges: Vec::new(),
        good: Vec::new(),
        steps: 0,
    };
    let mut complete = true;
    let mut depth = 0;
    let violation = search.run(most, &mut complete, &mut depth);
    let violation = violation.or_else(|| if complete { search.dead_end() } else { None });
    Report {
        states: search.found.len(),
        steps: search.steps,
        depth,
        good: search.good.len(),
        complete,
        took: begin.elapsed(),
        violation,
    }
}

impl Search {
    fn run(&mut self, most: usize, complete: &mut bool, depth: &mut usize) -> Option<Violation> {
        let mut canonical = Canonical::default();
        let mut first = State::initial(self.case);
        self.numbers.insert(canonical.number(&mut first), 0);
        self.found.push(Found { before: 0, action: Action::Tick });
        if first.is_good() {
            self.good.push(0);
        }
        let mut queue = VecDeque::from([(0_u32, 0_usize, first)]);
        let mut actions = Vec::new();
        while let Some((at, level, state)) = queue.pop_front() {
            *depth = level;
            state.actions(&mut actions);
            for action in &actions {
                let mut next = state.clone();
                let ended = catch_unwind(AssertUnwindSafe(|| next.apply(*action)));
                if ended.is_err() {
                    next.broken = Some((Rule::NoPanic, "the engine panics".to_owned()));
                }
                self.steps += 1;
                if let Some((rule, text)) = next.broken.take() {
                    return Some(Violation { rule, text, path: self.path(at, Some(*action)) });
                }
                let fresh = self.found.len() as u32;
                let to = *self.numbers.entry(canonical.number(&mut next)).or_insert(fresh);
                if !action.is_fault() {
                    self.edges.push((at, to));
                }
                if to == fresh {
                    self.found.push(Found { before: at, action: *action });
                    if next.is_good() {
                        self.good.push(to);
                    }
                    queue.push_back((to, level + 1, next));
                }
            }
            if self.found.len() > most {
                *complete = false;
                return None;
            }
        }
        None
    }

    fn path(&self, mut at: u32, last: Option<Action>) -> Vec<Action> {
        let mut path: Vec<Action> = last.into_iter().collect();
        while at != 0 {
            let found = &self.found[at as usize];
            path.push(found.action);
            at = found.before;
        }
        path.reverse();
        path
    }

    /// The nearest state from which no good end can be reached without another fault.
    fn dead_end(&mut self) -> Option<Violation> {
        let states = self.found.len();
        self.edges.sort_unstable_by_key(|(_, to)| *to);
        let mut begin = vec![0_u32; states + 1];
        for (_, to) in &self.edges {
            begin[*to as usize + 1] += 1;
        }
        for n in 0..states {
            begin[n + 1] += begin[n];
        }
        let mut reaches = vec![false; states];
        let mut open = self.good.clone();
        for good in &open {
            reaches[*good as usize] = true;
        }
        while let Some(to) = open.pop() {
            let (from, until) = (begin[to as usize] as usize, begin[to as usize + 1] as usize);
            for (before, _) in &self.edges[from..until] {
                if !std::mem::replace(&mut reaches[*before as usize], true) {
                    open.push(*before);
                }
            }
        }
        let lost = reaches.iter().filter(|r| !**r).count();
        let nearest = reaches.iter().position(|reaches| !reaches)?;
        let text = format!("{lost} of {states} states can reach no good end");
        Some(Violation { rule: Rule::EndReachable, text, path: self.path(nearest as u32, None) })
    }
}

impl State {
    /// The initial state of a case.
    fn initial(case: Case) -> Self {
        let mut state = Self::new(case);
        if case.settled {
            state.left = Faults::NONE;
            for n in 0..2 {
                state.apply(Action::Start(n));
            }
            state.calm_down();
            state.left = case.faults;
        }
        state
    }

    /// Takes the first possible step again and again, until nothing moves.
    fn calm_down(&mut self) {
        let mut actions = Vec::new();
        while !self.is_quiet() {
            self.actions(&mut actions);
            let next = actions.first().filter(|a| !matches!(a, Action::Start(_) | Action::Heal));
            let Some(next) = next else { break };
            self.apply(*next);
        }
    }
}

/// Writes a history, a line for each step, with the messages that the nodes send in it.
pub fn tell(case: &Case, path: &[Action]) -> String {
    let mut state = State::initial(*case);
    let mut text = String::new();
    for action in path {
        state.said = Some(Vec::new());
        // A step that panics is the last one.
        let _ = catch_unwind(AssertUnwindSafe(|| state.apply(*action)));
        let _ = writeln!(text, "  {:>9.3} s  {action}", state.now.since(ORIGIN).as_secs_f64());
        for (node, say) in state.said.take().unwrap_or_default() {
            let _ = writeln!(text, "               {node} says {say:?}");
        }
        let runs = |n: usize| {
            state.nodes[n].groups.each_ref().map(|real| match (real.script, real.serving, real.holding) {
                (Some((work, _)), _, _) => format!("{work:?}"),
                (None, true, _) => "runs".to_owned(),
                (None, false, true) => "stuck".to_owned(),
                (None, false, false) => "-".to_owned(),
            })
        };
        let _ = writeln!(text, "               groups on 0: {}, on 1: {}", runs(0).join(" "), runs(1).join(" "));
    }
    text
}

/// A hasher that returns the number itself, because the numbers are good hashes already.
#[derive(Default)]
struct Same(u64);

impl std::hash::Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
