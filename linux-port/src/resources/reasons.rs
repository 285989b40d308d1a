//! The reasons of failures, for people.

use super::Resources;
use hbcore::id::{GroupId, NodeId};

impl Resources {
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
