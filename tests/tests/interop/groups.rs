//! Two groups: an address and a script with home alpha, and a script with home bravo; and their owners, as seen from
//! outside.

use std::time::{Duration, Instant};

pub(crate) use hbcore_tests::lab::SERVICE_SCRIPT;
use hbcore_tests::lab::{Host, Lab, SERVICE, Site, Sniffer};
use hbcore_tests::scenario::Pairing;

use crate::START_LIMIT;
use crate::start::await_settled;

/// The script of alpha's group, and that of bravo's.
pub(crate) const SCRIPTS: [&str; 2] = ["web", "mail"];

/// A site with both groups.
pub(crate) fn site() -> Site {
    Site { group: format!("IPaddr::{SERVICE}/24/eth0 web"), more_groups: "bravo mail\n".to_owned(), ..Site::default() }
}

/// Two nodes with both groups, and a sniffer for all their messages.
pub(crate) struct Pair {
    pub(crate) lab: Lab,
    pub(crate) sniffer: Sniffer,
    /// The time before any daemon was started.
    pub(crate) began: Instant,
    name: String,
}

impl Pair {
    /// Builds the lab and starts no daemon.
    pub(crate) fn new(name: &str, pairing: Pairing, site: &Site) -> Self {
        let name = format!("{pairing} {name}");
        let lab = Lab::new(&name, pairing.alpha, pairing.bravo, site);
        for host in lab.all_hosts() {
            for script in SCRIPTS {
                host.write_script(script, SERVICE_SCRIPT);
            }
        }
        let sniffer = lab.bravo.sniff(site);
        Self { lab, sniffer, began: Instant::now(), name }
    }

    /// Starts both nodes, and returns when each runs its own group and nothing moves any more.
    pub(crate) fn running(name: &str, pairing: Pairing, site: &Site) -> Self {
        let pair = Self::new(name, pairing, site);
        pair.start();
        pair
    }

    /// Starts both nodes and waits until each has its own group.
    #[track_caller]
    pub(crate) fn start(&self) {
        let since = Instant::now();
        self.lab.alpha.start();
        self.lab.bravo.start();
        self.await_claims(since, "local", "local");
        self.await_owners("alpha", "bravo");
        await_settled(&self.lab);
    }

    /// Waits until alpha's whole group runs only on `web` and the client reaches it there, and bravo's only on `mail`.
    #[track_caller]
    pub(crate) fn await_owners(&self, web: &str, mail: &str) {
        let Self { lab, .. } = self;
        lab.await_until(START_LIMIT, &format!("the groups on {web} and {mail}"), || self.are_owners(web, mail));
        lab.await_until(START_LIMIT, &format!("the client to be served by {web}"), || lab.client.is_served_by(web));
    }

    /// Whether alpha's group runs only on `web`, and bravo's only on `mail`.
    pub(crate) fn are_owners(&self, web: &str, mail: &str) -> bool {
        self.lab.holders() == [web] && held(&self.lab, "web") == [web] && held(&self.lab, "mail") == [mail]
    }

    /// Waits until the newest reports of alpha and bravo are final, came at `since` or later, and claim this.
    #[track_caller]
    pub(crate) fn await_claims(&self, since: Instant, alpha: &str, bravo: &str) {
        let claims = || ["alpha", "bravo"].map(|node| self.sniffer.final_claim(node, since));
        let what = format!("alpha and bravo to claim {alpha} and {bravo} finally");
        self.lab.await_until(START_LIMIT, &what, || claims() == [Some(alpha.to_owned()), Some(bravo.to_owned())]);
    }

    /// Prints the longest gap for the client since then, and returns it.
    pub(crate) fn gap(&self, what: &str, since: Instant) -> Duration {
        let gap = self.lab.client.longest_gap(since);
        println!("{}, {what}: {} ms without answer", self.name, gap.as_millis());
        gap
    }

    /// Fails if the client's gap since then was longer than `limit`. With 3.0.6 the gap is only printed.
    #[track_caller]
    pub(crate) fn check_gap(&self, what: &str, since: Instant, limit: Duration) {
        let gap = self.gap(what, since);
        self.lab.check(gap < limit, &format!("{what}: less than {limit:?} without answer instead of {gap:?}"));
    }
}

/// The hosts on which this script is started.
pub(crate) fn held<'lab>(lab: &'lab Lab, script: &str) -> Vec<&'lab str> {
    lab.with_file(&format!("/run/held-{script}"))
}

/// How often a script was called with this operation on a host.
pub(crate) fn count_calls(host: &Host, call: &str) -> usize {
    host.lines_of("calls").iter().filter(|line| *line == call).count()
}
