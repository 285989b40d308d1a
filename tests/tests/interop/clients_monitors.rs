//! Monitors of sites around `cl_status`. The programs are written anew, after the documented behaviour of each.

use std::sync::OnceLock;

use hbcore_tests::lab::{Host, Lab, Site, release_binary};
use hbcore_tests::scenario::Pairing;

use crate::start::{await_owner, start_both};
use crate::{MOVE_LIMIT, START_LIMIT};

/// The heartbeat sections of an agent of Checkmk: the resources, and a line for each other node with its links.
const CHECKMK: &str = r#"#!/bin/sh
exec 2> /dev/null
echo '<<<heartbeat_rscstatus>>>'
$CL_STATUS rscstatus
echo '<<<heartbeat_nodes>>>'
for node in $($CL_STATUS listnodes); do
    [ "$node" = "$(uname -n)" ] && continue
    line="$node $($CL_STATUS nodestatus "$node")"
    for link in $($CL_STATUS listhblinks "$node" 2>/dev/null); do
        line="$line $link $($CL_STATUS hblinkstatus "$node" "$link")"
    done
    echo "$line"
done
"#;

/// A plugin for Nagios: one line, and the exit code 0, 1 or 2.
const NAGIOS: &str = r#"#!/bin/sh
if ! $CL_STATUS hbstatus > /dev/null; then
    echo "CRITICAL: heartbeat does not run"
    exit 2
fi
all=0; active=0; lost=
for node in $($CL_STATUS listnodes -n); do
    all=$((all + 1))
    if $CL_STATUS nodestatus "$node" > /dev/null; then active=$((active + 1)); else lost="$lost $node"; fi
done
if [ "$active" -eq 0 ]; then echo "CRITICAL: no node of $all is active"; exit 2; fi
if [ "$active" -lt "$all" ]; then echo "WARNING: $active of $all nodes are active, not:$lost"; exit 1; fi
echo "OK: $active of $all nodes are active"
"#;

/// The status command of a router: the state of each node and of the resources, and some parameters, as a report.
const ROUTER: &str = r#"#!/bin/sh
if [ "$($CL_STATUS hbstatus)" != "Heartbeat is running on this machine." ]; then echo "Clustering is not running"; exit 0; fi
me=$(uname -n)
echo "=== Status report on node $me ==="
echo "deadtime $($CL_STATUS hbparameter -p deadtime), failback $($CL_STATUS hbparameter -p auto_failback)"
for node in $($CL_STATUS listnodes -n | sort); do
    if [ "$node" = "$me" ]; then role="this node"; else role=other; fi
    echo "  $node ($role): $($CL_STATUS nodestatus -m "$node")"
done
for node in $($CL_STATUS listnodes -p); do
    echo "  monitor $node: $($CL_STATUS nodestatus "$node")"
done
case $($CL_STATUS rscstatus) in
    all) echo "  Resources: all active here" ;;
    local) echo "  Resources: those of this node are active here" ;;
    foreign) echo "  Resources: those of the other node are active here" ;;
    none) echo "  Resources: none active here" ;;
    transition) echo "  Resources: in transition" ;;
esac
"#;

const MONITORS: [(&str, &str); 3] = [("checkmk", CHECKMK), ("nagios", NAGIOS), ("router", ROUTER)];

/// Debian's program.
const DEBIAN: &str = "/usr/bin/cl_status";

/// The outputs and exit codes of all monitors on a host, with this `cl_status`.
fn watch(host: &Host, cl_status: &str) -> String {
    let of = |(name, _): (&str, &str)| {
        let answered = host.run("env", &[&format!("CL_STATUS={cl_status}"), &format!("/etc/ha.d/monitors/{name}")]);
        format!("{name} on {}: {:?}\n{}", host.name(), answered.code, answered.output)
    };
    MONITORS.map(of).concat()
}

/// Lets the monitors look while both nodes run, after the power cut of the owner, and after the stop of the other one.
fn life(pairing: Pairing, cl_status: &str) -> Vec<String> {
    let lab = Lab::new(&format!("{pairing} monitors"), pairing.alpha, pairing.bravo, &Site::default());
    for host in lab.hosts() {
        for (name, text) in MONITORS {
            host.write_program(&format!("monitors/{name}"), text);
        }
    }
    start_both(&lab);
    let holds = |host: &Host, class: &str| host.run(DEBIAN, &["rscstatus"]).output.trim() == class;
    let has_settled = || lab.hosts().into_iter().all(|host| !holds(host, "transition"));
    lab.await_until(START_LIMIT, "both to settle", has_settled);
    let links = |up: bool| {
        ["eth0", "eth1"].iter().all(|link| {
            let said = lab.bravo.run(DEBIAN, &["hblinkstatus", "alpha", link]);
            said.code == Some(i32::from(!up))
        })
    };
    lab.await_until(MOVE_LIMIT, "both links", || links(true));
    let mut seen = lab.hosts().map(|host| watch(host, cl_status)).to_vec();
    lab.alpha.cut_power();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    lab.await_until(START_LIMIT, "all groups on bravo, and no link", || holds(&lab.bravo, "all") && links(false));
    seen.push(watch(&lab.bravo, cl_status));
    lab.bravo.stop();
    seen.push(watch(&lab.bravo, cl_status));
    seen
}

/// The monitors show what they show between two nodes of 3.0.6 with Debian's `cl_status`: with that, and with ours.
pub(crate) fn same_as_with_3_0_6(pairing: Pairing) {
    static EXPECTED: OnceLock<Vec<String>> = OnceLock::new();
    let expected = EXPECTED.get_or_init(|| life(Pairing::REF_REF, DEBIAN));
    let ours = release_binary("cl_status").display().to_string();
    for program in [DEBIAN, &ours] {
        let seen = life(pairing, program);
        assert_eq!(&seen, expected, "{program}:\n{}\ninstead of\n{}", seen.concat(), expected.concat());
    }
    let said = expected.concat();
    for word in ["OK: 2 of 2", "WARNING: 1 of 2", "CRITICAL", "bravo active eth", "alpha dead", "all active here"] {
        assert!(said.contains(word), "{word} in {said}");
    }
}
