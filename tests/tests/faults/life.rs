//! One life of a pair, with a fault or without, and the promises that must hold after it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Host, Lab, SERVICE, SERVICE_SCRIPT, Site, holds_within, release_binary};

use crate::act::{Act, Node};
use crate::plan::Fault;

/// The scripts of the nodes: alpha's group is an address and a script, bravo's a script.
const SCRIPTS: [&str; 2] = ["web", "mail"];

/// The longest time until both nodes serve, without a fault.
const SETTLE_LIMIT: Duration = Duration::from_secs(20);
/// The longest time until a pair comes to rest, with a fault: eleven attempts to stop a group, one a second, and some
/// time limits.
const REST_LIMIT: Duration = Duration::from_secs(40);
/// The time for which the promises must keep holding.
const REST: Duration = Duration::from_millis(400);
/// The exit code of `hb status` while there is a problem.
const PROBLEM: i32 = 4;
/// The pause of the service manager before it restarts a dead daemon.
const RESTART_PAUSE: Duration = Duration::from_millis(300);

/// A promise that did not hold.
#[derive(Debug)]
pub(crate) struct Broken(String);

impl Broken {
    /// Its first line: the life, and the promise that did not hold.
    pub(crate) fn headline(&self) -> String {
        self.0.lines().next().unwrap_or_default().to_owned()
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) struct Life {
    lab: Lab,
    act: &'static Act,
    node: Node,
    fault: Option<Fault>,
}

/// A life in which every promise held.
pub(crate) struct Lived {
    /// Whether the fault happened.
    pub(crate) struck: bool,
    /// The places that the node has passed during the act.
    pub(crate) places: Vec<String>,
}

impl Life {
    pub(crate) fn new(act: &'static Act, node: Node, fault: Option<Fault>) -> Self {
        let site = Site {
            keepalive: 100,
            deadtime: 800,
            initdead: 2000,
            group: format!("IPaddr::{SERVICE}/24/eth0 web"),
            more_groups: "bravo mail\n".to_owned(),
            ..Site::default()
        };
        let name = match &fault {
            Some(fault) => format!("{}, {} on {}: {}", act.name, fault.place, node.name(), fault.how),
            None => format!("{}, no fault", act.name),
        };
        let lab = Lab::new(&name, crate::PAIRING.alpha, crate::PAIRING.bravo, &site);
        for host in lab.hosts() {
            for script in SCRIPTS {
                host.write_script(script, SERVICE_SCRIPT);
            }
            host.write("hbcore.cf", "script_timeout 2\n");
            let masked = [("reboot", "#!/bin/sh\nexit 1\n"), ("init", "#!/bin/sh\nexit 1\n")];
            host.put_into("/usr/sbin", &masked);
        }
        Self { lab, act, node, fault }
    }

    /// Runs the life.
    pub(crate) fn live(&self) -> Result<Lived, Broken> {
        let Self { lab, act, node, fault, .. } = self;
        let panel = node.of(lab).panel();
        if act.begins_settled {
            for host in lab.hosts() {
                host.start();
            }
            if !holds_within(SETTLE_LIMIT, || self.untrue().is_none() && self.is_at_home()) {
                return Err(self.broken("both nodes never served"));
            }
        }
        let passed_before = panel.passed().len();
        if let Some(fault) = fault {
            panel.arm(&fault.place, fault.how);
        }
        let over = AtomicBool::new(false);
        let (twice, rested) = std::thread::scope(|scope| {
            let watch = scope.spawn(|| self.watch_for_two_owners(&over));
            (act.perform)(lab);
            let rested = self.come_to_rest();
            over.store(true, Ordering::Relaxed);
            (watch.join().expect("the watch holds"), rested)
        });
        let struck = fault.as_ref().is_some_and(|fault| panel.has_struck(&fault.place) || fault.lasts());
        if let Some(twice) = twice {
            return Err(self.broken(&format!("{twice} ran on both nodes at the same time")));
        }
        rested?;
        self.nobody_died_who_ran()?;
        Ok(Lived { struck, places: panel.passed().split_off(passed_before) })
    }

    /// Waits until all promises hold, and keep holding. It restarts a daemon that ended, as a service manager does.
    fn come_to_rest(&self) -> Result<(), Broken> {
        let began = Instant::now();
        let (mut since, mut last) = (Instant::now(), String::from("nothing was looked at"));
        let mut down_since = None;
        while began.elapsed() < REST_LIMIT {
            self.restart_what_died(&mut down_since);
            if let Some(untrue) = self.untrue() {
                (since, last) = (Instant::now(), untrue);
            } else if since.elapsed() >= REST {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(self.broken(&last))
    }

    /// Restarts a daemon that ended without an order, as a service manager does.
    fn restart_what_died(&self, down_since: &mut Option<Instant>) {
        let host = self.node.of(&self.lab);
        if self.act.ends_without == Some(self.node) && self.fault.as_ref().is_none_or(|fault| !fault.kills()) {
            return;
        }
        if host.is_running() {
            *down_since = None;
        } else if down_since.get_or_insert_with(Instant::now).elapsed() > RESTART_PAUSE {
            let _ = host.try_start();
            *down_since = None;
        }
    }

    /// The promise that does not hold, if any: each service runs on one node, or on none that reports why, and each
    /// daemon reports the truth.
    fn untrue(&self) -> Option<String> {
        let Self { lab, .. } = self;
        let [web, mail] = SCRIPTS.map(|script| lab.with_file(&format!("/run/held-{script}")));
        let address = lab.holders();
        let services = [("the address", &address), ("web", &web), ("mail", &mail)];
        if let Some((service, _)) = services.iter().find(|(_, holders)| holders.len() > 1) {
            return Some(format!("{service} on both nodes"));
        }
        let is_whole = web == address && services.iter().all(|(_, holders)| holders.len() == 1);
        let tells = |host: &&Host| host.is_running() && status(host).1 == Some(PROBLEM);
        if !is_whole && !lab.hosts().iter().any(tells) {
            return Some(format!("{services:?}, and no node tells of a problem"));
        }
        self.running_hosts().into_iter().find_map(|host| untrue_status(host, [&web, &mail]))
    }

    /// The nodes on which a daemon must run. If a lasting fault prevents the start, the daemon need not run.
    fn running_hosts(&self) -> Vec<&Host> {
        let absent = self.act.ends_without.map(Node::name);
        let lasting = self.fault.as_ref().is_some_and(Fault::lasts);
        let may_be_down = |host: &&Host| lasting && host.name() == self.node.name() && !host.is_running();
        let hosts = self.lab.hosts().into_iter().filter(|host| Some(host.name()) != absent);
        hosts.filter(|host| !may_be_down(host)).collect()
    }

    fn is_at_home(&self) -> bool {
        self.lab.with_file("/run/held-web") == ["alpha"] && self.lab.with_file("/run/held-mail") == ["bravo"]
    }

    /// A service that ran on both nodes at one time, if any. After a daemon was killed, its services run on while the
    /// peer takes over: only fencing prevents that, and a restart ends it.
    fn watch_for_two_owners(&self, over: &AtomicBool) -> Option<String> {
        let kills = self.fault.as_ref().is_some_and(Fault::kills);
        let mut twice = None;
        while !over.load(Ordering::Relaxed) && twice.is_none() && !kills {
            let held = SCRIPTS.map(|script| (script, self.lab.with_file(&format!("/run/held-{script}")).len()));
            let found = held.into_iter().chain([("the address", self.lab.holders().len())]);
            twice = found.into_iter().find(|(_, holders)| *holders > 1).map(|(what, _)| what.to_owned());
            std::thread::sleep(Duration::from_millis(5));
        }
        twice
    }

    /// Checks that no node was declared dead after it was heard: a call that hangs must not stop the heartbeats. A start
    /// takes as long as its calls and the machine make it, so a node that was not heard yet may be declared dead.
    fn nobody_died_who_ran(&self) -> Result<(), Broken> {
        let kills = self.fault.as_ref().is_some_and(Fault::kills);
        let ran = self.running_hosts().into_iter().filter(|host| !(kills && host.name() == self.node.name()));
        for host in ran {
            if self.lab.hosts().iter().any(|other| was_heard_and_died(&other.lines_of("ha-log"), host.name())) {
                return Err(self.broken(&format!("{} was taken for dead and ran", host.name())));
            }
        }
        Ok(())
    }

    fn broken(&self, why: &str) -> Broken {
        let lives = match &self.fault {
            Some(fault) => {
                format!("{} when {} fails on {} ({})", self.act.name, fault.place, self.node.name(), fault.how)
            }
            None => self.act.name.to_owned(),
        };
        let said: Vec<String> = self.running_hosts().into_iter().map(|host| status(host).0).collect();
        Broken(format!("=== {lives}: {why}\n{}\n{}", said.join("\n"), self.lab.state()))
    }
}

/// Whether the log of another node says that this one was heard, and later that it is dead.
fn was_heard_and_died(log: &[String], name: &str) -> bool {
    let (heard, dead) = (format!("Link {name}:"), format!("node {name}: is dead"));
    let mut since = log.iter().skip_while(|line| !(line.contains(&heard) && line.ends_with(" up.")));
    since.any(|line| line.contains(&dead))
}

/// The output of `hb status`, and its exit code.
fn status(host: &Host) -> (String, Option<i32>) {
    let hb = release_binary("hb").display().to_string();
    let answered = host.run(&hb, &["status"]);
    (answered.output, answered.code)
}

/// The difference between a daemon's report and the truth, if any. `held` names the nodes on which the scripts of the
/// two groups really run.
fn untrue_status(host: &Host, held: [&Vec<&str>; 2]) -> Option<String> {
    let name = host.name();
    let hb = release_binary("hb").display().to_string();
    let answered = host.run(&hb, &["status", "--json"]);
    let Ok(said) = serde_json::from_str::<serde_json::Value>(&answered.output) else {
        return Some(format!("{name} does not answer hb status: {}", answered.output));
    };
    if said["running"] != true {
        return Some(format!("no daemon runs on {name}"));
    }
    for (group, holders) in said["groups"].as_array().into_iter().flatten().zip(held) {
        let here = group["here"].as_str().unwrap_or_default();
        let runs = holders.contains(&name);
        // A group that is stuck, or cannot be stopped yet, may run.
        if (here == "running") != runs && !matches!(here, "stuck" | "stopping") {
            return Some(format!("{name} says that {} is {here}; it runs on {holders:?}", group["key"]));
        }
        // A group that makes no progress must be reported as a problem.
        if matches!(here, "starting" | "stopping") && status(host).1 != Some(PROBLEM) {
            return Some(format!("{name} is still {here} {}", group["key"]));
        }
        let at = group["at"].as_str();
        if at.is_some_and(|at| !holders.contains(&at)) && !matches!(here, "stuck" | "stopping") {
            return Some(format!("{name} says that {} is at {at:?}; it runs on {holders:?}", group["key"]));
        }
    }
    None
}
