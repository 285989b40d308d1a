//! A trial before a reload: can the new media be opened beside the open ones? The daemon keeps its own until this is
//! known.

use super::{MediumSpec, OpenError, merge_ucast, udp};

/// Opens and closes each of `wanted` whose port or device none of `open` uses. For the others it only looks up the
/// hosts. Takes as long as the resolver does.
///
/// # Errors
/// The first medium that cannot be opened.
pub fn rehearse(wanted: Vec<MediumSpec>, open: &[MediumSpec]) -> Result<(), OpenError> {
    for spec in merge_ucast(wanted) {
        match open.iter().find(|open| have_one_door(open, &spec)) {
            // A second socket on the same port would take packets of the first one.
            Some(open) => look_up_new_hosts(&spec, open)?,
            None => drop(super::open(&spec)?),
        }
    }
    Ok(())
}

/// Whether both use the same port of the same device, so that only one of them can be open.
fn have_one_door(a: &MediumSpec, b: &MediumSpec) -> bool {
    use MediumSpec::{Bcast, Mcast, Mcast6, Serial, Ucast, Ucast6};
    match (a, b) {
        (Ucast { device: d1, port: p1, .. }, Ucast { device: d2, port: p2, .. })
        | (Ucast6 { device: d1, port: p1, .. }, Ucast6 { device: d2, port: p2, .. })
        | (Bcast { device: d1, port: p1 }, Bcast { device: d2, port: p2 }) => (d1, p1) == (d2, p2),
        (Mcast { device: d1, group: g1, port: p1, .. }, Mcast { device: d2, group: g2, port: p2, .. }) => {
            (d1, g1, p1) == (d2, g2, p2)
        }
        (Mcast6 { device: d1, group: g1, port: p1, .. }, Mcast6 { device: d2, group: g2, port: p2, .. }) => {
            (d1, g1, p1) == (d2, g2, p2)
        }
        (Serial { device: d1, .. }, Serial { device: d2, .. }) => d1 == d2,
        _ => false,
    }
}

fn look_up_new_hosts(spec: &MediumSpec, open: &MediumSpec) -> Result<(), OpenError> {
    for host in spec.hosts().iter().filter(|host| !open.hosts().contains(host)) {
        udp::resolve(host, spec.kind()).map_err(|cause| OpenError::new(spec.kind(), spec.link_name(), cause))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ucast(port: u16, hosts: &[&str]) -> MediumSpec {
        MediumSpec::Ucast { device: "lo".into(), hosts: hosts.iter().map(|&h| h.to_owned()).collect(), port }
    }

    #[test]
    fn medium_that_is_open_is_not_opened_a_second_time() {
        // An interface that does not exist could not be opened.
        let open = MediumSpec::Bcast { device: "none0".into(), port: 694 };
        rehearse(vec![open.clone()], std::slice::from_ref(&open)).expect("it is open");
        let other_port = MediumSpec::Bcast { device: "none0".into(), port: 695 };
        rehearse(vec![other_port], &[open]).expect_err("another port is another medium");
    }

    #[test]
    fn new_host_of_an_open_medium_is_looked_up() {
        let open = [ucast(694, &["127.0.0.1"])];
        rehearse(vec![ucast(694, &["127.0.0.1"]), ucast(694, &["127.0.0.2"])], &open).expect("an address is known");
        rehearse(vec![ucast(694, &["no such host"])], &open).expect_err("no name of a host");
    }
}
