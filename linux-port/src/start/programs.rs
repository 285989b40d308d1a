//! The connections to programs of this node. The node works without each of them.

use super::identity::manages;
use crate::cli::Options;
use crate::clients::{About, Feed};
use crate::log::Logger;
use crate::problems::Board;
use crate::resources::Handover;
use crate::respawn::Respawn;
use crate::site::Site;

/// A socket, or a warning that it could not be opened.
#[cold]
pub(super) fn opened<S>(socket: Result<S, String>, log: &Logger) -> Option<S> {
    socket.map_err(|why| log.warn(format_args!("{why}"))).ok()
}

/// The thread that serves clients. The node works without it.
#[cold]
pub(super) fn clients(site: &Site, options: &Options, log: &Logger) -> Option<Feed> {
    let about = About { manages: manages(site, options), ..About::of(site) };
    let started = Feed::start(about, &options.run_dir, log);
    started.map_err(|error| log.error(format_args!("Clients such as cl_status cannot be served: {error}"))).ok()
}

/// The thread that keeps the clients of `respawn`. Without it the node works as well.
#[cold]
pub(super) fn respawn(
    site: &Site,
    options: &Options,
    known: Option<&Handover>,
    log: &Logger,
    board: &Board,
) -> Option<Respawn> {
    let passed = known.map_or(&[][..], |known| &known.clients);
    let surroundings = site.client_surroundings(&options.state_dir, options.debug);
    let started = Respawn::start(site.clients(), passed, surroundings, log, board);
    started.unwrap_or_else(|error| {
        log.error(format_args!("The clients of `respawn` cannot be started: {error}"));
        None
    })
}
