//! The clients of 3.0.6 on a node of ours: they cannot tell the difference.

use std::fmt::Write;
use std::sync::OnceLock;
use std::time::Duration;

use hbcore_tests::lab::{Answered, CLIENT, Daemon, Host, Lab, Site, release_binary};
use hbcore_tests::scenario::Pairing;

use crate::start::{await_owner, await_settled, start_both};
use crate::{MOVE_LIMIT, START_LIMIT};

/// The programs that these scenarios need besides the daemons of their pairing: the comparison is with two nodes of
/// 3.0.6.
pub(crate) const NEEDS: &[&str] = &["/usr/bin/cl_status", "/usr/libexec/heartbeat/heartbeat"];

/// Every sub-command with every option, `@` for the ping node; some of the combinations are not valid.
const QUESTIONS: &str = "
hbstatus | hbstatus -m | hbstatus -v | hbstatus -v -m | hbstatus -x
listnodes | listnodes -m | listnodes -n | listnodes -n -m | listnodes -p | listnodes -p -m | listnodes -n -p
listnodes -v | listnodes -v -m | listnodes -x
nodestatus alpha | nodestatus bravo | nodestatus BRAVO | nodestatus -m bravo | nodestatus @ | nodestatus -m @
nodestatus zz | nodestatus -m zz | nodestatus
nodetype alpha | nodetype -m bravo | nodetype @ | nodetype -m @ | nodetype zz | nodetype
nodeweight alpha | nodeweight -m bravo | nodeweight @ | nodeweight zz | nodeweight
nodesite alpha | nodesite -m bravo | nodesite zz | nodesite
listhblinks alpha | listhblinks bravo | listhblinks -m bravo | listhblinks -v bravo | listhblinks -v -m alpha
listhblinks @ | listhblinks -v @ | listhblinks zz | listhblinks
hblinkstatus alpha eth0 | hblinkstatus bravo eth0 | hblinkstatus -m bravo eth1 | hblinkstatus @ @
hblinkstatus bravo eth9 | hblinkstatus zz eth0 | hblinkstatus bravo | hblinkstatus
clientstatus alpha ipfail 4000 | clientstatus bravo ipfail 4000 | clientstatus -m bravo ipfail 4000
clientstatus @ ipfail | clientstatus zz ipfail 300 | clientstatus bravo | clientstatus
rscstatus | rscstatus -m | rscstatus -x
hbparameter -p hbversion | hbparameter -m -p deadtime | hbparameter -p deadtime | hbparameter -p keepalive
hbparameter -p initdead | hbparameter -p warntime | hbparameter -p deadping | hbparameter -p udpport
hbparameter -p baud | hbparameter -p hopfudge | hbparameter -p auto_failback | hbparameter -p crm
hbparameter -p pacemaker | hbparameter -p realtime | hbparameter -p debug | hbparameter -p memreserve
hbparameter -p msgfmt | hbparameter -p use_logd | hbparameter -p conn_logd_time | hbparameter -p log_badpack
hbparameter -p syslogmsgfmt | hbparameter -p coredumps | hbparameter -p autojoin | hbparameter -p uuidfrom
hbparameter -p compression | hbparameter -p compression_threshold | hbparameter -p traditional_compression
hbparameter -p max_rexmit_delay | hbparameter -p record_config_changes | hbparameter -p record_pengine_inputs
hbparameter -p enable_config_writes | hbparameter -p hbgenmethod | hbparameter -p cluster
hbparameter -p logfacility | hbparameter -p logfile | hbparameter -p debugfile | hbparameter -p node
hbparameter -p watchdog | hbparameter -p ucast | hbparameter -p nonsense | hbparameter
hbparameter -p | hbparameter -pdeadtime | hbparameter -mp deadtime | hbparameter -x -p deadtime
nodestatus -x bravo | nodeweight -x bravo | nodesite -x bravo | nodetype -x bravo | listhblinks -x bravo
hblinkstatus -x bravo eth0 | clientstatus -x alpha ipfail | test -x | nodestatus -m | nodestatus bravo -m
nodestatus -v bravo | listhblinks bravo -vm | listnodes -pm more words | nodestatus -- bravo -m
listhblinks -v zz | nodestatus bravo alpha
test | | -h | nonsense | parameter -p deadtime
";

/// Debian's program.
const DEBIAN: &str = "cl_status";

/// One question and its answer.
type Answer = (String, Answered);

fn site() -> Site {
    Site { more: format!("ping {CLIENT}\n"), ..Site::default() }
}

/// Asks a host all questions with this program, and removes the parts that differ between two runs of one program.
fn ask_all(host: &Host, program: &str) -> Vec<Answer> {
    let questions = QUESTIONS.trim().lines().flat_map(|line| line.split('|'));
    questions
        .map(|question| {
            let words = question.replace('@', CLIENT);
            let words: Vec<&str> = words.split_whitespace().collect();
            let Answered { code, output } = host.run(program, &words);
            (format!("cl_status {}", words.join(" ")), Answered { code, output: without_prefixes(&output) })
        })
        .collect()
}

/// The lines of a program without time, host and process.
fn without_prefixes(output: &str) -> String {
    let said = |line: &str| match line.split_once("]: ") {
        Some((before, said)) if before.contains("cl_status: [") => said.to_owned(),
        _ => line.to_owned(),
    };
    output.lines().map(said).collect::<Vec<_>>().join("\n")
}

fn started(name: &str, pairing: Pairing) -> Lab {
    let lab = Lab::new(&format!("{pairing} {name}"), pairing.alpha, pairing.bravo, &site());
    start_both(&lab);
    for host in lab.hosts() {
        lab.await_until(START_LIMIT, &format!("{} to see the ping node", host.name()), || {
            host.run("cl_status", &["nodestatus", CLIENT]).output == "ping\n"
        });
        let peer = if host.name() == "alpha" { "bravo" } else { "alpha" };
        for link in ["eth0", "eth1"] {
            lab.await_until(START_LIMIT, &format!("{} to hear {peer} on {link}", host.name()), || {
                host.run("cl_status", &["hblinkstatus", peer, link]).output == "up\n"
            });
        }
    }
    lab
}

/// The answers of alpha and bravo when both are a 3.0.6.
fn expected() -> &'static [Vec<Answer>; 2] {
    static ANSWERS: OnceLock<[Vec<Answer>; 2]> = OnceLock::new();
    ANSWERS.get_or_init(|| {
        let lab = started("clients, for comparison", Pairing::REF_REF);
        lab.hosts().map(|host| ask_all(host, DEBIAN))
    })
}

/// On each node, both Debian's `cl_status` and ours give to every question the answer of Debian's between two nodes of
/// 3.0.6.
pub(crate) fn every_question(pairing: Pairing) {
    let expected = expected();
    let lab = started("clients", pairing);
    let ours = release_binary("cl_status").display().to_string();
    for (host, expected) in lab.hosts().into_iter().zip(expected) {
        for program in [DEBIAN, &ours] {
            let differ = differences(&ask_all(host, program), expected);
            let what = format!("{program} on {} to say what it says between two of 3.0.6, not:\n{differ}", host.name());
            lab.check(differ.is_empty(), &what);
        }
    }
}

fn differences(answers: &[Answer], expected: &[Answer]) -> String {
    let mut text = String::new();
    for ((question, is), (_, should)) in answers.iter().zip(expected).filter(|(answer, expected)| answer != expected) {
        let _ = writeln!(text, "{question}: {is:?}\n    instead of {should:?}");
    }
    text
}

/// A daemon that does not run, or has not heard the other node yet, is reported as stopped; a node that dies is
/// reported as dead.
pub(crate) fn life(pairing: Pairing) {
    let lab = Lab::new(&format!("{pairing} life of clients"), pairing.alpha, pairing.bravo, &site());
    let status = |host: &Host| host.run("cl_status", &["hbstatus"]);
    let stopped = Answered { code: Some(1), output: "Heartbeat is stopped on this machine.\n".to_owned() };
    let running = Answered { code: Some(0), output: "Heartbeat is running on this machine.\n".to_owned() };
    assert_eq!(status(&lab.alpha), stopped, "before the start");
    lab.alpha.start();
    if lab.alpha.daemon() == Daemon::Ours {
        assert_eq!(status(&lab.alpha), stopped, "while the other node may still come");
    }
    lab.bravo.start();
    await_owner(&lab, &lab.alpha, START_LIMIT);
    await_settled(&lab);
    assert_eq!(status(&lab.alpha), running);
    assert_eq!(status(&lab.bravo), running);
    let state = |of: &str| lab.bravo.run("cl_status", &["nodestatus", of]);
    assert_eq!(state("alpha"), Answered { code: Some(0), output: "active\n".to_owned() });
    lab.alpha.cut_power();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    assert_eq!(state("alpha"), Answered { code: Some(1), output: "dead\n".to_owned() });
    let link = lab.bravo.run("cl_status", &["hblinkstatus", "alpha", "eth0"]);
    lab.await_until(MOVE_LIMIT, &format!("the link to be dead, not {link:?}"), || {
        lab.bravo.run("cl_status", &["hblinkstatus", "alpha", "eth0"]).code == Some(1)
    });
    lab.await_until(START_LIMIT, "bravo to hold everything", || {
        lab.bravo.run("cl_status", &["rscstatus"]).output == "all\n"
    });
    lab.bravo.stop();
    lab.await_until(Duration::from_secs(5), "bravo to be stopped", || status(&lab.bravo) == stopped);
}
