//! A daemon is killed, and the groups that it had started run on. Its next start stops them first, and tells the engine
//! which ones do not stop.

use super::Work;
use crate::world::story::Happening;
use crate::world::{Due, World};
impl World<'_> {
    /// Kills the daemon in the middle of its work. A group that it was starting or stopping may run.
    pub(crate) fn crash(&mut self, node: usize) {
        self.check_tables(node);
        self.record(|| Happening::Ended(node));
        let host = &mut self.hosts[node];
        host.end_daemon();
        host.crashed = true;
        host.will_restart = false;
        host.run += 1;
        for real in &mut host.real {
            (real.lacks, real.left_over) = (false, false);
            if let Some(script) = real.script.take() {
                real.serving = script.work == Work::Start && script.ending.leaves && real.serving;
            }
        }
    }

    /// A starting daemon stops the groups that an earlier one left running, before it sends anything. Returns true
    /// while that is under way: no node hears the daemon until then. A group that does not stop is marked as left over.
    pub(crate) fn cleans_up(&mut self, node: usize) -> bool {
        let left = self.hosts[node].real.iter().position(|real| real.holding && !real.left_over);
        let Some(group) = left.filter(|_| self.hosts[node].crashed) else {
            self.hosts[node].crashed = false;
            return false;
        };
        if !self.hosts[node].will_restart {
            self.hosts[node].will_restart = true;
            let (runs, ending) = self.script(node, group, Work::Stop);
            let run = self.hosts[node].run;
            let real = &mut self.hosts[node].real[group];
            (real.serving, real.lacks) = (false, false);
            self.tell_group(node, group);
            let due = Due::CleanUp { node, run, group, leaves: ending.leaves };
            self.plan(self.now.after(runs), due);
        }
        true
    }

    /// A group that an earlier run had left was stopped, or did not stop.
    pub(crate) fn cleaned_up(&mut self, node: usize, run: u64, group: usize, leaves: bool) {
        if self.hosts[node].run != run || !self.hosts[node].crashed {
            return;
        }
        let real = &mut self.hosts[node].real[group];
        (real.holding, real.left_over) = (leaves, leaves);
        self.tell_group(node, group);
        self.hosts[node].will_restart = false;
        self.start_if_wanted(node);
    }
}
