//! The programs that are measured.

use std::path::Path;

use crate::lab::{Daemon, Host, Lab, SERVICE, Site};

/// A program that keeps an address on one of two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    Ours,
    Reference,
    Keepalived,
}

const KEEPALIVED: &str = "/usr/sbin/keepalived";

impl Contender {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "hbcore",
            Self::Reference => "heartbeat 3.0.6",
            Self::Keepalived => "keepalived",
        }
    }

    pub(super) fn is_installed(self) -> bool {
        match self {
            Self::Ours => true,
            Self::Reference => Daemon::Reference.program().exists(),
            Self::Keepalived => Path::new(KEEPALIVED).exists(),
        }
    }

    /// VRRP counts in hundredths of a second, and its detection time is fixed: it is compared at 10 ms only. Two of
    /// 3.0.6 are no cluster below a keepalive of 4 ms, even on an idle machine.
    pub(super) fn can_keep_a_pair_at(self, keepalive: u32) -> bool {
        match self {
            Self::Ours => true,
            Self::Reference => keepalive >= 4,
            Self::Keepalived => keepalive == 10,
        }
    }

    /// A lab in which nothing was started.
    pub(super) fn lab(self, name: &str, site: &Site) -> Lab {
        let daemon = if self == Self::Reference { Daemon::Reference } else { Daemon::Ours };
        Lab::new(name, daemon, daemon, site)
    }

    /// Starts the program on a host.
    pub(super) fn start(self, host: &Host) {
        if self != Self::Keepalived {
            host.start();
            return;
        }
        let priority = if host.name() == "alpha" { 150 } else { 100 };
        host.write("keepalived.conf", &keepalived_conf(priority));
        let started = host.run(KEEPALIVED, &["--vrrp", "--use-file=/etc/ha.d/keepalived.conf"]);
        assert_eq!(started.code, Some(0), "keepalived: {}", started.output);
    }
}

impl Contender {
    /// Stops the program on a host, gracefully, and waits until it is gone.
    pub(super) fn stop(self, host: &Host) {
        if self != Self::Keepalived {
            return host.stop();
        }
        host.run(
            "sh",
            &["-c", "kill $(cat /run/keepalived.pid); while test -e /run/keepalived.pid; do sleep 0.01; done"],
        );
    }
}

/// The fastest setting: an advertisement every 10 ms, which gives a detection time of 36 ms to priority 100.
fn keepalived_conf(priority: u32) -> String {
    format!(
        "global_defs {{\n vrrp_version 3\n vrrp_garp_master_delay 1\n}}\n\
         vrrp_instance service {{\n state BACKUP\n interface eth0\n virtual_router_id 42\n priority {priority}\n \
         advert_int 0.01\n virtual_ipaddress {{\n  {SERVICE}/24 dev eth0\n }}\n}}\n"
    )
}

/// The configuration of the two heartbeat daemons.
pub(super) fn site(keepalive: u32, deadtime: u32) -> Site {
    Site { keepalive, deadtime, initdead: 2000.max(deadtime), ..Site::default() }
}
