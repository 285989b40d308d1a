//! The reasons of failures, for people; groups that lost an address, and those that can be started again.

use super::{Loss, Resources};
use hbcore::id::{GroupId, NodeId};
use std::net::IpAddr;

impl Resources {
    /// The groups with an address that cannot be kept here. Call it after [`Resources::finished`] has returned `None`.
    pub fn lost(&mut self) -> Vec<GroupId> {
        let mut groups = Vec::new();
        while let Some((addr, loss)) = self.addresses.failed() {
            for ((n, plan), known) in (0..).zip(&self.plans).zip(&mut self.losses) {
                if plan.addresses().any(|spec| spec.addr == addr) {
                    *known = loss;
                    groups.push(GroupId(n));
                }
            }
        }
        groups.dedup();
        groups
    }

    /// The reason why a group has lost an address the last time.
    pub fn loss(&self, group: GroupId) -> Loss {
        self.losses.get(usize::from(group.0)).copied().unwrap_or_default()
    }

    /// The groups whose last start failed for want of an interface for an address that has one now. Call it after
    /// [`Resources::finished`] has returned `None`. A group is reported until it is next started.
    pub fn startable(&mut self) -> Vec<GroupId> {
        let placed: Vec<IpAddr> = std::iter::from_fn(|| self.addresses.placed()).collect();
        for (plan, startable) in self.plans.iter().zip(&mut self.startable) {
            *startable |= plan.addresses().any(|spec| placed.contains(&spec.addr));
        }
        (0..).zip(&self.startable).filter(|(_, startable)| **startable).map(|(n, _)| GroupId(n)).collect()
    }

    /// Keeps the reason why a start has failed, if no script is to blame.
    pub(super) fn refused(&mut self, group: GroupId, refusal: Option<String>) {
        if let Some(known) = self.refusals.get_mut(usize::from(group.0)) {
            *known = refusal;
        }
    }

    /// The reason why the last start of a group failed. Never waits: `None` also while another thread writes it down.
    pub fn why_failed(&self, group: GroupId) -> Option<String> {
        let place = usize::from(group.0);
        let of_scripts = || self.jobs.why_failed(&self.plans.get(place)?.key);
        self.refusals.get(place)?.clone().or_else(of_scripts)
    }

    /// The reason why a node could not be fenced the last time. Never waits, as [`Resources::why_failed`].
    pub fn why_not_fenced(&self, node: NodeId) -> Option<String> {
        self.jobs.why_failed(&self.fence.as_ref()?.call(node)?.name())
    }

    /// The longest time for one call of the program that fences; `None` if there is none.
    pub fn fence_limit(&self) -> Option<std::time::Duration> {
        self.fence.as_ref().map(super::FenceDevice::limit)
    }
}
