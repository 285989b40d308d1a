//! The identity of a daemon, and its engine. A reload tries both before it happens.

use crate::cli::Options;
use crate::cluster_view::LinuxCluster;
use crate::links::Links;
use crate::log::Logger;
use crate::resources::Successor;
use crate::site::Site;
use crate::state::{GenerationOrigin, HostList, StateDir, StateError, UuidOrigin, plausible_now, uuid_from_name};
use crate::sys::clock::Clock;
use hbcore::config::UuidSource;
use hbcore::{Config, Found, Resume};

/// The identity and the generation of this run. The generation is on disk before the first packet carries it.
///
/// # Errors
/// [`StateError`]: a file cannot be read or written.
#[cold]
pub fn identity(site: &Site, state: &StateDir, log: &Logger) -> Result<Successor, StateError> {
    // First the file that is written only once in the life of a node.
    let uuid = match site.ha_cf.protocol.uuid {
        UuidSource::NodeName => uuid_from_name(&site.local_name),
        UuidSource::File => {
            let (uuid, origin) = state.uuid()?;
            if origin != UuidOrigin::Stored {
                log.info(format_args!("No uuid found for current node - generating a new uuid."));
            }
            uuid
        }
    };
    let wall = Clock.wall_seconds();
    let now = plausible_now(wall, &[state.path(), &site.config_dir]);
    let next = state.next_generation(site.ha_cf.protocol.generation, now)?;
    if now != wall && next.origin != GenerationOrigin::Stored {
        log.error(format_args!(
            "The clock is earlier than the files of this node: set it. The generation begins after them."
        ));
    }
    match next.origin {
        GenerationOrigin::Absent => {
            log.warn(format_args!("No Previous generation - starting at {}", next.value.0));
        }
        GenerationOrigin::Corrupt => {
            log.error(format_args!("BROKEN previous generation - starting at {}", next.value.0));
        }
        GenerationOrigin::Stored | GenerationOrigin::Clock => {}
    }
    Ok(Successor { generation: next.value, uuid })
}

/// Whether this daemon manages resource groups.
pub(super) fn manages(site: &Site, options: &Options) -> bool {
    options.resource_management && site.ha_cf.pacemaker.mode.uses_haresources()
}

/// The state that an earlier daemon has left.
#[derive(Default)]
pub(super) struct Before {
    /// The claim of the daemon that was in this process before, which left its groups running.
    pub(super) resume: Option<Resume>,
    /// For each group, what of it runs here.
    pub(super) found: Vec<Found>,
}

/// The engine for a site. Large: see [`super::off_this_stack`].
#[cold]
pub(super) fn engine(
    site: &Site,
    state: &StateDir,
    links: &[String],
    manage: bool,
    Successor { generation, uuid }: Successor,
    Before { resume, found }: &Before,
) -> Result<Box<LinuxCluster>, String> {
    // Identities that were learnt earlier. Without them the node learns them again, so a bad file does no harm.
    let known = state.read_hosts(HostList::Known).unwrap_or_default();
    let nodes = site.nodes(uuid, &known);
    let forms = site.link_forms(links);
    let groups = if manage { site.groups(found) } else { Vec::new() };
    let seed = generation.0 ^ u64::from(std::process::id()) << 32;
    let config = Config { resume: *resume, ..site.engine(&nodes, &forms, &groups, manage, generation, seed) };
    let keys = site.keys.table().map_err(|error| format!("the engine refuses the keys: {error:?}"))?;
    LinuxCluster::new(&config, keys, Clock.now(), Clock.wall_seconds())
        .map(Box::new)
        .map_err(|error| format!("the engine refuses the configuration: {error:?}"))
}

/// Checks whether the engine would accept a configuration. Nothing of it is kept.
///
/// # Errors
/// The engine's reason, as text.
pub fn rehearse_engine(site: &Site, options: &Options, successor: Successor) -> Result<(), String> {
    let (names, state) = (Links::names_of(site.media()), StateDir::new(&options.state_dir));
    engine(site, &state, &names, manages(site, options), successor, &Before::default()).map(drop)
}
