//! Begins and ends faults; starts and ends nodes.

use super::coverage::View;
use super::engine::{Engine, Start, name};
use super::host::Cause;
use super::rule::Rule;
use super::schedule::{Fault, Kind};
use super::story::Happening;
use super::{Bug, Due, World};
use hbcore::Request;
use hbcore::takeover::Wish;
use hbcore::time::Duration;

const REBOOT: Duration = Duration::from_secs(3);

impl World<'_> {
    pub(crate) fn begin(&mut self, index: usize) {
        let fault = self.schedule.faults[index].fault.clone();
        self.record(|| Happening::Begin(fault.clone()));
        self.disturbed();
        self.active[index] = true;
        self.network_changed();
        match fault {
            Fault::Power { node, .. } => {
                if self.hosts[node].is_running() {
                    self.promise(node, false);
                }
                self.cut_power(node);
            }
            Fault::Crash(node) => {
                if self.hosts[node].is_running() {
                    self.promise(node, false);
                    self.crash(node);
                }
            }
            Fault::Vanish(node) => self.vanish(node),
            Fault::Pause(node) => {
                self.promise_unheard(node);
                self.hosts[node].paused = self.hosts[node].is_running();
            }
            Fault::Isolate(node) => (0..self.hosts.len()).for_each(|cut_off| {
                if self.hosts.len() == 2 || cut_off == node {
                    self.promise_unheard(cut_off);
                }
            }),
            Fault::Cut { from, link: None, .. } => self.promise_unheard(from),
            Fault::SetClock { node, by } => self.set_clock(node, by),
            Fault::Standby { node, class } => self.ask(node, Request::Standby(class)),
            Fault::Reload { node, file } => self.change_file(node, file),
            Fault::Takeover { node, class } => self.ask(node, Request::Takeover(Wish::Class(class))),
            Fault::Leave(node) => {
                self.promise(node, true);
                self.ask(node, Request::Leave);
            }
            Fault::Cut { .. }
            | Fault::Lose(_)
            | Fault::Burst { .. }
            | Fault::Delay(_)
            | Fault::Duplicate(_)
            | Fault::Corrupt(_)
            | Fault::Noise(_)
            | Fault::Slow { .. }
            | Fault::Fail { .. }
            | Fault::Hang(_)
            | Fault::Blind(_)
            | Fault::Helpless(_)
            | Fault::Blackout(_)
            | Fault::NoFencing(_)
            | Fault::SlowFencing(_) => {}
        }
    }

    pub(crate) fn end(&mut self, index: usize) {
        let fault = self.schedule.faults[index].fault.clone();
        self.record(|| Happening::End(fault.clone()));
        self.disturbed();
        self.active[index] = false;
        self.network_changed();
        match fault {
            Fault::Power { node, .. } | Fault::Blackout(node) | Fault::Leave(node) | Fault::Crash(node) => {
                self.start_if_wanted(node);
            }
            Fault::Pause(node) if self.hosts[node].paused && !self.is_active(|f| *f == Fault::Pause(node)) => {
                self.resume(node);
            }
            Fault::SetClock { node, by } => self.set_clock(node, -by),
            Fault::Vanish(node) => self.put_back(node),
            _ => {}
        }
    }

    /// The power fails in the middle of a script that began in run `run`.
    pub(crate) fn black_out(&mut self, node: usize, run: u64) {
        if self.hosts[node].run == run
            && self.hosts[node].is_running()
            && self.is_active(|f| *f == Fault::Blackout(node))
        {
            self.disturbed();
            self.cut_power(node);
        }
    }

    /// Switches a machine off. It does not start on its own.
    fn cut_power(&mut self, node: usize) {
        if self.hosts[node].is_running() {
            self.check_tables(node);
            self.record(|| Happening::Ended(node));
        }
        self.hosts[node].power_off();
        self.hosts[node].will_restart = false;
    }

    pub(crate) fn is_active(&self, wanted: impl Fn(&Fault) -> bool) -> bool {
        self.schedule.faults.iter().zip(&self.active).any(|(planned, active)| *active && wanted(&planned.fault))
    }

    fn network_changed(&mut self) {
        let active = self.schedule.faults.iter().zip(&self.active).filter(|(_, active)| **active);
        self.network.set_weather(active.map(|(planned, _)| &planned.fault));
    }

    fn set_clock(&mut self, node: usize, by: i64) {
        self.hosts[node].wall_error += by;
        let now = self.now;
        self.input(node, Cause::Time, |host, local| {
            let wall = host.wall(now);
            if let Some(engine) = &mut host.engine {
                engine.set_wall_clock(local, wall);
            }
        });
    }

    fn ask(&mut self, node: usize, request: Request) {
        let mut refused = None;
        self.input(node, Cause::Request, |host, local| {
            if let Some(engine) = &mut host.engine {
                refused = engine.request(local, request).err();
            }
        });
        if let Some(error) = refused {
            self.counting.coverage.refused(error);
        }
    }

    /// Starts a node whose absence is over, unless another fault keeps it away.
    pub(crate) fn start_if_wanted(&mut self, node: usize) {
        let kept_away = self.is_active(|fault| match fault {
            Fault::Power { node: n, .. } | Fault::Blackout(n) | Fault::Leave(n) | Fault::Crash(n) => *n == node,
            _ => false,
        });
        let host = &self.hosts[node];
        if !kept_away && !host.is_running() && !host.will_restart {
            self.start(node);
        }
    }

    pub(crate) fn start(&mut self, node: usize) {
        if self.hosts[node].is_running() || self.cleans_up(node) {
            return;
        }
        self.disturbed();
        self.delivery.forget(node);
        self.record(|| Happening::Started(node));
        let forgets = self.schedule.faults.iter().any(|planned| {
            super::ORIGIN.after(planned.end()) == self.now
                && matches!(planned.fault, Fault::Power { node: n, forgets: true } if n == node)
        });
        let (now, planted) = (self.now, self.options.planted);
        let host = &mut self.hosts[node];
        host.run += 1;
        host.started = now;
        host.will_restart = false;
        host.newest_sent = hbcore::id::Sequence(0);
        let wall = host.wall(now);
        // Without a file, the generation is the wall clock (docs/protocol/wire.md 7.2). If the clock is wrong then,
        // that is the operator's fault.
        host.generation = match host.generation {
            0 => wall + 1,
            last if planted == Some(Bug::SameGeneration) => last,
            last if forgets => (wall + 1).max(last + 1),
            last => last + 1,
        };
        let seed = host.random.below(u64::MAX);
        let start = Start {
            node,
            generation: host.generation,
            now: host.local(now),
            wall,
            seed,
            file: host.file,
            hasty: planted == Some(Bug::HastyDeath),
            left_over: host.real.iter().map(|real| real.left_over).collect(),
            resume: None,
        };
        host.engine = Some(Box::new(Engine::new(&self.schedule.site, &start)));
        self.counting.views[node] = View::NEW;
        self.input(node, Cause::Time, super::host::Host::advance);
    }

    /// A machine is reset by its own daemon or by that of another node, and comes back.
    pub(crate) fn reboot(&mut self, node: usize) {
        if !self.hosts[node].is_running() && !self.hosts[node].crashed {
            return;
        }
        self.disturbed();
        self.cut_power(node);
        self.hosts[node].will_restart = true;
        self.plan(self.now.after(REBOOT), Due::Start(node));
    }

    /// A daemon ended on its own.
    pub(crate) fn left(&mut self, node: usize) {
        self.check_tables(node);
        if self.schedule.site.nodes[node] == Kind::Ours {
            self.counting.coverage.left(&self.counting.views[node]);
        }
        self.disturbed_by_leaving(node);
        let host = &mut self.hosts[node];
        let restart = host.engine.as_deref().and_then(|engine| match engine {
            Engine::Ours(_) => None,
            Engine::Reference(model) => model.restarts_after(),
        });
        if let Some(group) = host.real.iter().position(|real| real.holding) {
            self.fail(Rule::LeavesNothing, format!("{} left and runs group {group}", name(node)));
        }
        self.record(|| Happening::Ended(node));
        let host = &mut self.hosts[node];
        host.power_off();
        if let Some(after) = restart {
            host.will_restart = true;
            let at = self.now.after(after);
            self.plan(at, Due::Start(node));
        } else {
            self.start_if_wanted(node);
        }
    }

    /// Promises from the begin of leaving must still be kept.
    fn disturbed_by_leaving(&mut self, node: usize) {
        if self.schedule.site.nodes[node] == Kind::Reference {
            self.disturbed();
        }
    }
}
