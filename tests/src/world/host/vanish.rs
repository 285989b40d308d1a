//! A group that runs loses an address, and its node cannot add it again.

use super::Cause;
use crate::world::schedule::Fault;
use crate::world::{Due, World};
use hbcore::time::Duration;

/// The interval at which the port repeats its report while the address is missing.
const AGAIN: Duration = Duration::from_secs(1);

impl World<'_> {
    /// The running groups do not serve any more.
    pub(crate) fn vanish(&mut self, node: usize) {
        if !self.hosts[node].is_running() {
            return;
        }
        for group in 0..self.hosts[node].real.len() {
            let real = &mut self.hosts[node].real[group];
            real.lacks |= std::mem::take(&mut real.serving);
            self.tell_group(node, group);
        }
        let run = self.hosts[node].run;
        self.plan(self.now, Due::Lost { node, run });
    }

    /// The port tells the engine, which asks the other node to take the group over.
    pub(crate) fn say_lost(&mut self, node: usize, run: u64) {
        if self.hosts[node].run != run || !self.is_active(|fault| *fault == Fault::Vanish(node)) {
            return;
        }
        for group in 0..self.hosts[node].real.len() {
            if self.hosts[node].real[group].lacks {
                self.input(node, Cause::Lost, |host, local| {
                    if let Some(engine) = &mut host.engine {
                        engine.group_lost(local, group);
                    }
                });
            }
        }
        self.plan(self.now.after(AGAIN), Due::Lost { node, run });
    }

    /// The interface is back, and the port adds the address.
    pub(crate) fn put_back(&mut self, node: usize) {
        if self.is_active(|fault| *fault == Fault::Vanish(node)) {
            return;
        }
        for group in 0..self.hosts[node].real.len() {
            let real = &mut self.hosts[node].real[group];
            real.serving |= std::mem::take(&mut real.lacks);
            self.tell_group(node, group);
        }
    }
}
