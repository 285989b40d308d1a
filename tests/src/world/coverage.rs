//! The arms of the takeover that were reached, derived from the visible state of an engine before and after each input.
//! The engine itself counts nothing.

mod arms;

pub use arms::{ARMS, Arm};

use super::engine::{Engine, Ours};
use super::host::Cause;
use hbcore::RequestError;
use hbcore::takeover::{Effect, GroupState, Notice, Outcome, Phase, Standby};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// How often each arm was reached, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<String, u64>);

/// The visible state of an engine between two inputs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    phase: Phase,
    standby: Standby,
    groups: [Option<(GroupState, bool)>; 4],
}

impl View {
    /// The view of an engine that has just been made.
    pub(crate) const NEW: Self = Self { phase: Phase::Init, standby: Standby::NotAsked, groups: [None; 4] };

    pub(crate) fn of(engine: &Ours) -> Self {
        let takeover = engine.takeover();
        let mut groups = [None; 4];
        for (place, group) in groups.iter_mut().zip(takeover.groups()) {
            *place = Some((group.state(), group.is_wanted()));
        }
        Self { phase: takeover.phase(), standby: takeover.standby(), groups }
    }

    /// The state of a group.
    fn group(&self, group: usize) -> GroupState {
        self.groups.get(group).copied().flatten().map_or(GroupState::Stopped, |(state, _)| state)
    }
}

/// The name of a variant, without its fields.
fn variant(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    text.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}

impl Coverage {
    fn count(&mut self, name: String) {
        *self.0.entry(name).or_default() += 1;
    }

    /// Adds the arms that another world has reached.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            *self.0.entry(name.clone()).or_default() += count;
        }
    }

    /// How often an arm was reached.
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// All arms that were reached, with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// A daemon ended on its own.
    pub(crate) fn left(&mut self, before: &View) {
        self.count(format!("phase: {:?} to Left", before.phase));
    }

    /// The request of an operator was refused.
    pub(crate) fn refused(&mut self, error: RequestError) {
        self.count(match error {
            RequestError::Standby(refusal) => format!("refused: {refusal:?}"),
            error => format!("refused: {error:?}"),
        });
    }

    /// An effect began; `before` is the view before the input that caused it.
    pub(crate) fn effect(&mut self, before: &View, effect: Effect) {
        self.count(match effect {
            Effect::Acquire(group) => format!("effect: Acquire what was {:?}", before.group(group.0.into())),
            Effect::Release(group) => format!("effect: Release what was {:?}", before.group(group.0.into())),
            Effect::Escalate(group) => format!("effect: Escalate what was {:?}", before.group(group.0.into())),
            Effect::Announce(_) => "effect: Announce".to_owned(),
            Effect::Fence(_) => "effect: Fence".to_owned(),
        });
    }

    /// An effect of a group, or of fencing (`None`), ended. `states` are the states of the group before and after.
    pub(crate) fn ended(&mut self, states: Option<(GroupState, GroupState)>, outcome: Outcome) {
        self.count(match states {
            Some((before, after)) => format!("end: {before:?}, {outcome:?}: {after:?}"),
            None => format!("end: Fence, {outcome:?}"),
        });
    }

    /// The engine gave a notice.
    pub(crate) fn notice(&mut self, notice: Notice) {
        self.count(match notice {
            Notice::Keeping(class) | Notice::Yielding(class) | Notice::GivingAway(class) => {
                format!("notice: {} {class:?}", variant(&notice))
            }
            Notice::StandbyIgnored { other_in_flux: true, .. } => {
                "notice: StandbyIgnored, the other in flux".to_owned()
            }
            notice => format!("notice: {}", variant(&notice)),
        });
    }

    /// An input was processed.
    pub(crate) fn input(&mut self, before: &View, after: &View, cause: Cause, notices: Seen) {
        if before == after {
            return;
        }
        if before.phase != after.phase {
            self.count(format!("phase: {:?} to {:?}, {}", before.phase, after.phase, cause.name()));
        }
        if before.standby != after.standby {
            let (from, to) = (variant(&before.standby), variant(&after.standby));
            self.count(format!("standby: {from} to {to}, {}", cause.name()));
        }
        let wanted = |view: &View, n: usize| view.groups[n].is_some_and(|(_, wanted)| wanted);
        if (0..4).any(|n| wanted(after, n) && !wanted(before, n)) {
            self.count(format!("wanted: {}", notices.reason(before, after, cause)));
        }
        if (0..4).any(|n| wanted(before, n) && !wanted(after, n)) {
            self.count(format!("not wanted: {}", notices.end(after, cause)));
        }
    }
}

/// The notices during one input: the reasons why groups are wanted or not.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact, not a state")]
pub(crate) struct Seen {
    left: bool,
    fenced: bool,
    acquiring_from: bool,
    handed_to_us: bool,
    yielding: bool,
}

impl Seen {
    pub(crate) fn note(&mut self, notice: Notice) {
        match notice {
            Notice::ShutdownNotice(_) => self.left = true,
            Notice::Fenced(_) => self.fenced = true,
            Notice::AcquiringFrom(_) => self.acquiring_from = true,
            Notice::StandbyAcquiring { .. } => self.handed_to_us = true,
            Notice::Yielding(_) => self.yielding = true,
            _ => {}
        }
    }

    fn reason(self, before: &View, after: &View, cause: Cause) -> String {
        let starts = matches!(before.phase, Phase::Starting | Phase::BothStarting | Phase::Reported);
        if self.acquiring_from {
            let how = if self.left {
                "left"
            } else if self.fenced {
                "is fenced"
            } else {
                "is dead"
            };
            return format!("the other {how}{}", if starts { ", during our start" } else { "" });
        }
        if self.handed_to_us {
            return "the other has handed it over".to_owned();
        }
        if starts && after.phase == Phase::Stable {
            return "own, at our start".to_owned();
        }
        if matches!(before.standby, Standby::Released(_) | Standby::Releasing(_)) {
            return format!("the taker did not take it, {}", cause.name());
        }
        format!("nobody holds it, {}", cause.name())
    }

    fn end(self, after: &View, cause: Cause) -> String {
        if after.phase == Phase::Leaving {
            return "we leave".to_owned();
        }
        if self.yielding {
            return "yielded".to_owned();
        }
        match (after.standby, cause) {
            (Standby::Releasing(_) | Standby::Released(_), _) => "given away".to_owned(),
            (_, cause) => format!("it did not start, {}", cause.name()),
        }
    }
}

/// The counters of a world.
pub(crate) struct Counting {
    pub(crate) coverage: Coverage,
    pub(crate) views: Vec<View>,
    pub(crate) seen: Seen,
}

impl Counting {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { coverage: Coverage::default(), views: vec![View::NEW; nodes], seen: Seen::default() }
    }

    /// An input of `node` was processed.
    pub(crate) fn after_input(&mut self, node: usize, engine: Option<&Engine>, cause: Cause) {
        let seen = std::mem::take(&mut self.seen);
        let Some(ours) = engine.and_then(Engine::ours) else { return };
        let after = View::of(ours);
        let before = std::mem::replace(&mut self.views[node], after);
        self.coverage.input(&before, &after, cause, seen);
    }
}
