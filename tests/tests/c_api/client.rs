//! The example that is a client of the daemon.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use hbcore_tests::lab::{CLIENT, Host, Lab, Site};
use hbcore_tests::scenario::Pairing;

use crate::toolchain::example;

/// The program that the example's answers are compared with.
pub(crate) const NEEDS: &[&str] = &["/usr/bin/cl_status"];

/// A 3.0.6 needs its 10 s of settling, and some more.
const START_LIMIT: Duration = Duration::from_secs(45);
const MOVE_LIMIT: Duration = Duration::from_secs(15);

/// The answers of Debian's `cl_status` about nodes, links and resources, in the words of the example.
fn told_by_cl_status(host: &Host) -> BTreeSet<String> {
    let ask = |words: &[&str]| host.run("cl_status", words).output;
    let mut text = String::new();
    for node in ask(&["listnodes"]).lines() {
        let (kind, status) = (ask(&["nodetype", node]), ask(&["nodestatus", node]));
        let _ = writeln!(text, "node {node} ({}) is {}", kind.trim(), status.trim());
        for link in ask(&["listhblinks", node]).lines().map(str::trim) {
            let _ = writeln!(text, "link {link} of {node} is {}", ask(&["hblinkstatus", node, link]).trim());
        }
    }
    let _ = writeln!(text, "resources here: {}", ask(&["rscstatus"]).trim());
    text.lines().map(str::to_owned).collect()
}

/// The example shows what `cl_status` shows; its counterparts on the two nodes hear each other in order; it hears of
/// the death of a node; and it ends when it is refused, and with the daemon.
pub(crate) fn asks_and_talks(pairing: Pairing) {
    let program = example("client").display().to_string();
    let more = format!("ping {CLIENT}\napiauth example uid=root\n");
    let lab =
        Lab::new(&format!("{pairing} a client in C"), pairing.alpha, pairing.bravo, &Site { more, ..Site::default() });
    let absent = lab.alpha.run(&program, &[]);
    lab.check(
        absent.code == Some(1) && absent.output.contains("heartbeat does not run"),
        &format!("the daemon to be missed, not {absent:?}"),
    );
    lab.alpha.start();
    lab.bravo.start();
    lab.await_until(START_LIMIT, "the address on alpha", || lab.holders() == ["alpha"]);
    for host in lab.hosts() {
        let told = || host.run(&program, &[]).output.lines().skip(1).map(str::to_owned).collect::<BTreeSet<_>>();
        let what = format!("the words of cl_status on {}", host.name());
        lab.await_until(START_LIMIT, &what, || told() == told_by_cl_status(host) && told().len() == 9);
        let head = host.run(&program, &[]).output;
        let expected = format!("this node is {}, keepalive 100 ms, deadtime 1000 ms, heartbeat 3.0.6", host.name());
        lab.check(head.starts_with(&expected), &format!("[{expected}], not [{head}]"));
        let refused = host.run(&program, &["-n", "unknown"]);
        lab.check(
            refused.code == Some(1) && refused.output.contains("refuses: no default client auth"),
            &format!("a refusal, not {refused:?}"),
        );
    }

    let background = format!(
        "(sleep 120 | (timeout 120 {program} -n example; echo ended with $?)) > /var/log/heard 2>&1 < /dev/null &"
    );
    assert_eq!(lab.bravo.run("sh", &["-c", &background]).code, Some(0));
    let heard = || lab.bravo.lines_of("heard");
    lab.await_until(MOVE_LIMIT, "the counterpart to be there", || {
        heard().iter().any(|line| line.starts_with("resources"))
    });
    let say = |words: &str, lines: &str| {
        let line = format!("printf '{lines}' | {program} -n example -w 1 {words}");
        let said = lab.alpha.run("sh", &["-c", &line]);
        lab.check(said.code == Some(0), &format!("alpha to speak, not {said:?}"));
        said.output
    };
    let own = say("", "one\\ntwo = 2\\nthree");
    lab.check(own.contains("alpha says: one\nalpha says: two = 2\nalpha says: three\n"), &format!("a copy in [{own}]"));
    let own = say("-d alpha", "for alpha alone\\n");
    lab.check(own.contains("alpha says: for alpha alone\n"), &format!("a copy in [{own}]"));
    let own = say("-d bravo", "for bravo alone\\n");
    lab.check(!own.contains("for bravo alone"), &format!("no copy in [{own}]"));
    lab.await_until(MOVE_LIMIT, "the last message", || heard().contains(&"alpha says: for bravo alone".to_owned()));
    let of_alpha: Vec<String> = heard().into_iter().filter(|line| line.starts_with("alpha says")).collect();
    let expected = ["one", "two = 2", "three", "for bravo alone"].map(|text| format!("alpha says: {text}"));
    lab.check(of_alpha == expected, &format!("{expected:?}, not {of_alpha:?}"));
    for what in ["join", "leave"] {
        let line = format!("client example on alpha: {what}");
        lab.await_until(MOVE_LIMIT, &line, || heard().iter().filter(|heard| **heard == line).count() == 3);
    }

    lab.alpha.cut_power();
    for line in ["node alpha is dead", "link eth0 of alpha is dead", "link eth1 of alpha is dead"] {
        lab.await_until(MOVE_LIMIT, line, || heard().contains(&line.to_owned()));
    }
    // `stop` would wait until the host is empty: the input of the client stays open.
    lab.check(lab.bravo.heartbeat(&["-k"]).code == Some(0), "the daemon to stop");
    lab.await_until(START_LIMIT, "the client to end with the daemon", || {
        heard().ends_with(&["client: the daemon has ended the connection".to_owned(), "ended with 1".to_owned()])
    });
    lab.check(!heard().iter().any(|line| line.contains("anitizer")), "nothing found by sanitizers");
}
