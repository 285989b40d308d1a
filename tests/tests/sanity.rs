//! The smoke test of heartbeat 3.0.6, run with our programs in place of its own (docs/protocol/resources.md 9.1).

use hbcore_tests::lab::{Daemon, Lab, Site, release_binary, why_not};

/// The path of the smoke test.
const CHECK: &str = "/usr/share/heartbeat/BasicSanityCheck";

/// The programs of `/usr/share/heartbeat` that ours replace.
const TOOLS: [&str; 9] = [
    "hb_standby",
    "hb_takeover",
    "hb_addnode",
    "hb_delnode",
    "hb_setweight",
    "hb_setsite",
    "mach_down",
    "req_resource",
    "ResourceManager",
];

/// The steps of the test that are about the daemon, each with the message of its failure.
const STEPS: [(&str, &[&str]); 13] = [
    ("5: it does not run at first", &["That's weird.  Heartbeat seems to be running", "shows heartbeat running"]),
    ("6: it starts", &["Heartbeat did not start."]),
    ("7: cl_status nodestatus of the living", &["shows status of ["]),
    ("8: it notices a node that is dead", &["Does not look like we noticed"]),
    ("9: cl_status nodestatus of the dead", &["status as alive"]),
    ("10: it fences that node", &["Does not look like we STONITHed"]),
    ("11: it takes the address", &["Does not look like we took over the IP address"]),
    ("12: cl_status rscstatus", &["shows resource status as"]),
    ("13: it announces the address", &["Does not look like we ARPed the address"]),
    (
        "15: it restarts when ha.cf changed",
        &["Heartbeat reload operation returned", "Does not look like we did a restart exec"],
    ),
    (
        "16: it re-reads authkeys without a restart",
        &["did not reread config files exactly twice", "Looks like we did an extra exec"],
    ),
    ("17: it stops", &["Heartbeat stop operation returned", "Looks like heartbeat did not really stop"]),
    ("17: it gives up the address", &["Looks like the test IP address is still live"]),
];

/// The step that no daemon can pass, and its message.
const SKIPPED: (&str, &str) =
    ("14: IPaddr monitor, which does not work as Debian packages it", "Looks like monitor operation failed");

/// Replaces programs that are not part of this test and are slow.
const NOTHING: &str = "#!/bin/sh\nexit 0\n";
/// Programs that the test looks for where Debian does not install them.
const MOVED: [&str; 2] = ["ccm", "ipfail"];

#[test]
#[ignore = "needs root and the package heartbeat"]
fn peers_own_smoke_test_passes() {
    if let Some(reason) = why_not([Daemon::Ours, Daemon::Reference]) {
        return println!("skipped: {reason}");
    }
    let lab = Lab::new("sanity", Daemon::Reference, Daemon::Reference, &Site::default());
    let host = &lab.alpha;
    // The default route tells the smoke test which interface to use.
    host.namespace().ip("route add default via 10.77.0.3");
    for file in ["ha.cf", "authkeys", "haresources"] {
        std::fs::remove_file(host.config_file(file)).expect("a written file");
    }
    host.put_over(&Daemon::Ours.program(), "/usr/libexec/heartbeat/heartbeat");
    for tool in TOOLS {
        host.put_over(&release_binary("hb_tool"), &format!("/usr/share/heartbeat/{tool}"));
    }
    let moved = MOVED.map(|name| (name, format!("#!/bin/sh\nexec /usr/libexec/heartbeat/{name} \"$@\"\n")));
    let moved = moved.iter().map(|(name, text)| (*name, text.as_str()));
    let replaced = ["apphbd", "apphbtest", "ipctest", "base64_md5_test"].map(|name| (name, NOTHING));
    host.put_into("/usr/lib/heartbeat", &moved.chain(replaced).collect::<Vec<_>>());
    host.put_into("/usr/sbin", &[("ocf-tester", NOTHING)]);
    host.put_over(&release_binary("cl_status"), "/usr/bin/cl_status");

    // The smoke test writes its log to /tmp, and leaves it there.
    let script = format!("mount -t tmpfs tmpfs /tmp && {CHECK}; cp /tmp/linux-ha.testlog /var/log/ha-log");
    let said = host.run("sh", &["-c", &script]).output;
    let log = host.log();
    let report = || format!("{said}\n--- its log\n{log}");

    assert!(said.contains("errors. Log file is stored in"), "it did not come to its end: {}", report());
    for (step, complaints) in STEPS {
        let found = complaints.iter().find(|complaint| said.contains(**complaint));
        println!("step {step}: {}", if found.is_none() { "ok" } else { "FAILED" });
        assert!(found.is_none(), "step {step}: {}", report());
    }
    let (step, complaint) = SKIPPED;
    println!("step {step}: skipped{}", if said.contains(complaint) { ", fails" } else { "" });
    let bad: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(" heartbeat: [") && (line.contains(": CRIT: ") || line.contains(": ERROR: ")))
        .collect();
    assert!(bad.is_empty(), "step 21: the daemon wrote {bad:#?}: {}", report());
    println!("step 21: no line with CRIT or ERROR of the daemon: ok");
}
