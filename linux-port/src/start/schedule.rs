//! The scheduling of the threads that must not wait for a processor.

use crate::cli::Options;
use crate::resources::Realtime;
use crate::site::Site;
use crate::sys::realtime::{Reservation, Wish};

/// The scheduling of the heartbeat thread from the beginning of its loop; `None`: normal. `rtprio` decides, as with
/// 3.0.6.
pub(super) fn schedule(site: &Site, options: &Options) -> Option<Wish> {
    let process = &site.ha_cf.process;
    let best = || Wish::Best(Reservation::for_keepalive(site.ha_cf.timing.keepalive));
    (process.realtime && options.realtime).then(|| process.rtprio.map_or_else(best, Wish::Priority))
}

/// The scheduling of the address thread for that of the heartbeat thread, so that a takeover does not wait for busy
/// processors.
pub(super) fn for_addresses(wish: Wish) -> Realtime {
    match wish {
        Wish::Best(_) => Realtime { wish: Wish::Best(Reservation::for_addresses()) },
        Wish::Priority(_) => Realtime { wish },
    }
}
