//! The owners of groups, by the rules of 3.0.6 with `auto_failback on` or `off` (docs/protocol/resources.md 1.4 to
//! 1.7).

use super::{Leaving, Reference};
use hbcore::id::GroupId;
use hbcore::takeover::{Class, Effect, Holds};
use hbcore::time::{Duration, Instant};
use hbcore::wire::{Header, MessageType};
use std::collections::VecDeque;

const SETTLE: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(10);
const PHASE: Duration = Duration::from_hours(1);
const FAILBACK_AGAIN: Duration = Duration::from_secs(1);

/// `HB_R_...`
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Init,
    Starting,
    BothStarting,
    Received,
    Stable,
    Shutdown,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standby {
    Not,
    /// This node hands over, and has asked the other.
    Me(Class),
    /// This node hands over, and has stopped the groups.
    Released(Class),
    /// The other node hands over, and stops the groups.
    Other(Class),
    /// The other node has handed over, and this node starts the groups.
    Acquiring(Class),
}

/// The step after the scripts of a child have ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    MachDown,
    Released(Class),
    Acquired(Class),
    GaveUp,
}

/// A child process that starts or stops groups.
struct Child {
    class: Class,
    start: bool,
    then: Then,
    /// The scripts that have not ended. None if the child has not begun.
    pending: Option<Vec<u32>>,
}

/// The variables of docs/protocol/resources.md 1.2.
#[expect(clippy::struct_excessive_bools, reason = "they are what 3.0.6 has")]
pub(super) struct Resources {
    homes: Vec<bool>,
    failback: bool,
    state: State,
    hold: Holds,
    other_holds: Holds,
    other_stable: bool,
    taking_over: bool,
    standby: Standby,
    standby_until: Instant,
    needs_failback: bool,
    failback_at: Option<Instant>,
    settle_at: Option<Instant>,
    running: Vec<bool>,
    children: VecDeque<Child>,
    serial: u32,
    pub(super) effects: VecDeque<(u32, Effect)>,
}

fn covers(class: Class, is_local: bool) -> bool {
    match class {
        Class::Local => is_local,
        Class::Foreign => !is_local,
        Class::All => true,
    }
}

fn with(holds: Holds, class: Class, value: bool) -> Holds {
    let set = |old, is_local| if covers(class, is_local) { value } else { old };
    Holds { local: set(holds.local, true), foreign: set(holds.foreign, false) }
}

impl Resources {
    pub(super) fn new(me: usize, groups: &[usize], failback: bool) -> Self {
        Self {
            homes: groups.iter().map(|home| *home == me).collect(),
            failback,
            state: State::Init,
            hold: Holds::NONE,
            other_holds: Holds::NONE,
            other_stable: false,
            taking_over: false,
            standby: Standby::Not,
            standby_until: Instant::FAR,
            needs_failback: false,
            failback_at: None,
            settle_at: None,
            running: vec![false; groups.len()],
            children: VecDeque::new(),
            serial: 0,
            effects: VecDeque::new(),
        }
    }

    fn quiet(&self) -> bool {
        !self.taking_over && self.standby == Standby::Not && self.children.is_empty()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.quiet() && self.other_stable && self.state == State::Stable
    }

    pub(super) fn may_leave(&self) -> bool {
        let stable = self.other_stable && matches!(self.state, State::Stable | State::Shutdown);
        self.quiet() && (stable || self.state == State::Init)
    }

    fn child(&mut self, class: Class, start: bool, then: Then) {
        self.children.push_back(Child { class, start, then, pending: None });
    }
}

impl Reference {
    pub(super) fn begin_resources(&mut self) {
        self.resources.state = State::Starting;
    }

    fn report(&mut self, stable: bool, info: Option<&str>) {
        let hold = self.resources.hold.as_str();
        let stable = if stable { "1" } else { "0" };
        let mut fields = vec![("t", "resource"), ("rsc_hold", hold), ("rtype", "full"), ("isstable", stable)];
        fields.extend(info.map(|info| ("info", info)));
        self.say(&fields);
        self.reported();
    }

    /// Any report, even our own, arms the timer.
    fn reported(&mut self) {
        let at = self.later(SETTLE);
        let r = &mut self.resources;
        if matches!(r.state, State::Starting | State::BothStarting) {
            r.settle_at.get_or_insert(at);
            r.state = State::Received;
        }
    }

    fn report_plain(&mut self) {
        self.report(self.resources.state == State::Stable, None);
    }

    pub(super) fn resource_message(&mut self, header: &Header<'_>) {
        match header.kind {
            MessageType::Starting => self.on_starting(),
            MessageType::Resource => self.on_resource(header),
            MessageType::AskResources => self.on_ask(header),
            MessageType::Shutdone => self.on_shutdone(),
            _ => {}
        }
    }

    fn on_starting(&mut self) {
        match self.resources.state {
            State::Starting => {
                self.resources.other_stable = false;
                self.report(false, None);
                self.resources.state = State::BothStarting;
            }
            State::Received | State::Stable | State::Shutdown => {
                self.resources.other_stable = false;
                self.report_plain();
            }
            State::Init | State::BothStarting => {}
        }
    }

    fn on_resource(&mut self, header: &Header<'_>) {
        self.reported();
        let Some(holds) = header.rsc_hold else { return };
        let holds = Holds::parse(holds).unwrap_or(Holds::NONE);
        let r = &mut self.resources;
        r.other_holds = match (header.rtype == Some(b"full"), holds) {
            (true, holds) | (false, holds @ Holds::NONE) => holds,
            (false, more) => {
                Holds { local: r.other_holds.local || more.local, foreign: r.other_holds.foreign || more.foreign }
            }
        };
        match header.isstable {
            Some(b"0") => r.other_stable = false,
            Some(b"1") => {
                let news = !std::mem::replace(&mut r.other_stable, true);
                if news {
                    self.report_plain();
                }
                if !matches!(self.resources.state, State::Stable | State::Shutdown) {
                    self.settle();
                }
                if news {
                    self.try_failback();
                }
            }
            _ => {}
        }
    }

    fn settle(&mut self) {
        self.acquire_local(false);
        self.resources.state = State::Stable;
        self.resources.settle_at = None;
        self.report(true, None);
        self.try_failback();
    }

    fn acquire_local(&mut self, forced: bool) {
        let r = &mut self.resources;
        if !forced && (r.other_holds.foreign || r.hold.local) {
            return;
        }
        r.hold.local = true;
        r.child(Class::Local, true, Then::Nothing);
        self.report(true, Some("req_our_resources()"));
        self.next_child();
    }

    fn take_over(&mut self) {
        let r = &mut self.resources;
        r.hold.foreign = true;
        r.other_holds = Holds::NONE;
        r.other_stable = true;
        r.taking_over = true;
        r.child(Class::Foreign, true, Then::MachDown);
        self.acquire_local(true);
        self.next_child();
    }

    pub(super) fn peer_died(&mut self, heard: bool) {
        if !matches!(self.leaving, Leaving::No | Leaving::Wanted { .. }) || self.resources.state == State::Init {
            return;
        }
        let unneeded = heard && self.resources.other_holds == Holds::NONE;
        let result = if unneeded { "unneeded" } else { "n_stnth" };
        self.say(&[("t", "stonith"), ("node", crate::world::engine::name(self.other)), ("result", result)]);
        let r = &mut self.resources;
        r.standby = Standby::Not;
        r.needs_failback = true;
        r.other_holds = Holds::NONE;
        r.other_stable = true;
        if !(unneeded && r.hold == Holds::ALL) {
            self.take_over();
        }
    }

    fn on_shutdone(&mut self) {
        self.resources.other_stable = true;
        self.resources.other_holds = Holds::NONE;
        if self.resources.hold != Holds::ALL && self.leaving == Leaving::No {
            self.take_over();
        }
    }

    fn on_ask(&mut self, header: &Header<'_>) {
        let Some(class) = header.rsc_hold.and_then(Class::parse) else { return };
        let stable = self.resources.other_stable && self.resources.state == State::Stable;
        match (self.resources.standby, header.info) {
            (Standby::Not, Some(b"me")) if stable => {
                self.standby(Standby::Other(class), PHASE);
                self.say(&[("t", "ask_resources"), ("rsc_hold", class.as_str()), ("info", "other")]);
            }
            (Standby::Me(ours), Some(b"other")) if ours == class => {
                self.resources.hold = with(self.resources.hold, class, false);
                self.report(false, Some("standby"));
                self.standby(Standby::Me(class), PHASE);
                self.resources.child(class, false, Then::Released(class));
                self.next_child();
            }
            (Standby::Other(theirs), Some(b"done")) if theirs == class => {
                self.standby(Standby::Acquiring(class), PHASE);
                self.resources.child(class.mirrored(), true, Then::Acquired(class));
                self.next_child();
            }
            (Standby::Released(ours), Some(b"done")) if ours == class => {
                self.standby(Standby::Not, PHASE);
                self.report(true, None);
            }
            _ => {}
        }
    }

    fn standby(&mut self, standby: Standby, limit: Duration) {
        self.resources.standby = standby;
        self.resources.standby_until = self.later(limit);
    }

    pub(super) fn ask_standby(&mut self, class: Class) -> bool {
        let r = &mut self.resources;
        if r.standby != Standby::Not || !r.other_stable || r.state != State::Stable || self.leaving != Leaving::No {
            return false;
        }
        r.other_stable = false;
        self.standby(Standby::Me(class), ANSWER);
        self.say(&[("t", "ask_resources"), ("rsc_hold", class.as_str()), ("info", "me")]);
        true
    }

    fn try_failback(&mut self) {
        let r = &mut self.resources;
        if self.leaving != Leaving::No || !r.hold.foreign || !r.needs_failback || !r.failback {
            return;
        }
        if r.standby != Standby::Not || !r.other_stable || r.state != State::Stable {
            r.failback_at = Some(self.now.after(FAILBACK_AGAIN));
            return;
        }
        r.needs_failback = false;
        self.ask_standby(Class::Foreign);
    }

    pub(super) fn resource_timers(&mut self) {
        let now = self.now;
        if self.resources.settle_at.is_some_and(|at| at <= now) && self.resources.state == State::Received {
            self.settle();
        }
        if self.resources.failback_at.take_if(|at| *at <= now).is_some() {
            self.try_failback();
        }
        if self.resources.standby != Standby::Not && now >= self.resources.standby_until {
            self.resources.standby = Standby::Not;
            self.resources.other_stable = true;
        }
    }

    pub(super) fn give_up(&mut self) {
        let r = &mut self.resources;
        r.state = State::Shutdown;
        r.hold = Holds::NONE;
        r.child(Class::All, false, Then::GaveUp);
        self.report(false, Some("shutdown"));
        self.next_child();
    }

    /// Begins the first child, if it has not begun; ends it, if it has nothing to do.
    fn next_child(&mut self) {
        while let Some(child) = self.resources.children.front() {
            if child.pending.is_none() {
                self.begin_child();
            }
            let ended = self.resources.children.front().is_some_and(|c| c.pending.as_ref().is_some_and(Vec::is_empty));
            if !ended {
                return;
            }
            if let Some(child) = self.resources.children.pop_front() {
                self.child_ended(child.then);
            }
        }
    }

    fn begin_child(&mut self) {
        let r = &mut self.resources;
        let Some(child) = r.children.front_mut() else { return };
        let mut pending = Vec::new();
        for (group, is_local) in r.homes.iter().enumerate() {
            if !covers(child.class, *is_local) || r.running[group] == child.start {
                continue;
            }
            r.serial += 1;
            let id = GroupId(group as u16);
            let effect = if child.start { Effect::Acquire(id) } else { Effect::Release(id) };
            r.running[group] = child.start;
            r.effects.push_back((r.serial, effect));
            pending.push(r.serial);
        }
        child.pending = Some(pending);
    }

    pub(crate) fn complete(&mut self, now: Instant, ticket: u32) {
        self.now = self.now.max(now);
        if let Some(pending) = self.resources.children.front_mut().and_then(|c| c.pending.as_mut()) {
            pending.retain(|serial| *serial != ticket);
        }
        self.next_child();
    }

    fn child_ended(&mut self, then: Then) {
        match then {
            Then::Nothing => {}
            Then::MachDown => {
                self.say(&[("t", "resource"), ("rsc_hold", "foreign"), ("info", "mach_down")]);
                self.reported();
                let r = &mut self.resources;
                r.taking_over = false;
                r.needs_failback = true;
                r.other_stable = true;
            }
            Then::Released(class) => {
                self.say(&[("t", "ask_resources"), ("rsc_hold", class.as_str()), ("info", "done")]);
                if self.resources.standby == Standby::Me(class) {
                    self.standby(Standby::Released(class), PHASE);
                }
            }
            Then::Acquired(class) => {
                self.resources.hold = with(self.resources.hold, class.mirrored(), true);
                self.report(true, None);
                self.say(&[("t", "ask_resources"), ("rsc_hold", class.as_str()), ("info", "done")]);
                if self.resources.standby == Standby::Acquiring(class) {
                    self.standby(Standby::Not, PHASE);
                }
            }
            Then::GaveUp => self.gave_up(),
        }
    }
}
