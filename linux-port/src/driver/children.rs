//! When the clients that `respawn` names are started and ended.

use super::Driver;
use crate::clients::Feed;
use crate::respawn::Respawn;

impl Driver {
    /// Starts them when the node is up and they can sign on.
    pub(super) fn start_clients(&mut self) {
        let Some(respawn) = self.programs.respawn.as_mut().filter(|respawn| respawn.is_due()) else { return };
        if self.programs.clients.as_ref().is_none_or(Feed::is_open) {
            respawn.begin();
        }
    }

    /// Ends the clients. Call it after all groups are released. Returns whether all clients have ended.
    #[cold]
    #[inline(never)]
    pub(super) fn clients_are_gone(&mut self) -> bool {
        self.programs.respawn.as_mut().is_none_or(Respawn::stop)
    }
}
