//! The examples as nodes of real clusters.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use hbcore_tests::lab::{Daemon, Host, Lab, Media, SERVICE, Site};

use crate::toolchain::example;

/// A 3.0.6 needs its 10 s of settling, and some more.
const START_LIMIT: Duration = Duration::from_secs(45);
const MOVE_LIMIT: Duration = Duration::from_secs(15);

/// bravo is the example, whose command sets the service address. It takes over when alpha loses its power, keeps the
/// address when alpha returns (no failback), and hands it over when it is told to leave. It does so again, and loses
/// its power.
pub(crate) fn life(daemon: Daemon, media: Media, program: &str) {
    let built = example(program); // now, and not while alpha waits for its second node
    let site = Site { media, auto_failback: false, ..Site::default() };
    let lab = Lab::new(&format!("{program} beside {daemon}"), daemon, Daemon::Ours, &site);
    let command = format!(
        "#!/bin/sh\ncase $1 in start) exec ip address add {SERVICE}/24 dev eth0;; stop) exec ip address del {SERVICE}/24 dev eth0;; esac\n"
    );
    lab.bravo.write("owner", &command);
    fs::set_permissions(lab.bravo.config_file("owner"), fs::Permissions::from_mode(0o755)).expect("our own file");

    lab.alpha.start();
    start_node(&lab.bravo, &built);
    lab.await_until(START_LIMIT, "the address on alpha", || lab.holders() == ["alpha"]);
    see_each_other(&lab, 1);

    lab.alpha.cut_power();
    lab.await_until(MOVE_LIMIT, "the address on bravo, the example", || lab.holders() == ["bravo"]);
    lab.check(lab.bravo.logged("node alpha is dead"), "the death in the example's words");

    lab.alpha.boot();
    lab.alpha.start();
    see_each_other(&lab, 2);
    lab.stays(Duration::from_secs(2), "the address on bravo", || lab.holders() == ["bravo"]);
    await_settled(&lab.alpha, &lab);
    lab.bravo.run("pkill", &["-TERM", program]);
    lab.await_until(START_LIMIT, "the address on alpha, as the example leaves", || lab.holders() == ["alpha"]);
    lab.await_until(MOVE_LIMIT, "the example to end", || !lab.bravo.is_running());
    lab.check(lab.bravo.logged("this node has left the cluster"), "a last word");

    start_node(&lab.bravo, &built);
    see_each_other(&lab, 3);
    lab.bravo.cut_power();
    lab.await_until(MOVE_LIMIT, "the death of the example", || lab.alpha.logged("node bravo: is dead"));
    lab.check(!lab.bravo.logged("Sanitizer"), "nothing found by sanitizers");
    lab.check(lab.holders() == ["alpha"], "the address on alpha");

    lab.bravo.boot();
    start_node(&lab.bravo, &built);
    see_each_other(&lab, 4);
    lab.alpha.cut_power();
    lab.await_until(MOVE_LIMIT, "the address on bravo, which is alone", || lab.holders() == ["bravo"]);
    lab.bravo.run("pkill", &["-TERM", program]);
    lab.await_until(MOVE_LIMIT, "the example to end without another node", || !lab.bravo.is_running());
    lab.check(lab.holders().is_empty(), "no owner when both are gone");
}

/// Starts the example on a host. Its output goes to the host's log.
fn start_node(host: &Host, program: &Path) {
    let line =
        format!("exec {} /etc/ha.d {} /etc/ha.d/owner >> /var/log/ha-log 2>&1 &", program.display(), host.name());
    let started = host.run("sh", &["-c", &line]);
    assert_eq!(started.code, Some(0), "{}", started.output);
}

/// bravo is the example, and talks with a client in C on alpha, in both directions. No line is lost, of more than may
/// wait for an acknowledgement. (A message that was lost on the wire comes after later ones.)
pub(crate) fn talk(daemon: Daemon, media: Media, program: &str, lines: usize) {
    let (node, client) = (example(program), example("client").display().to_string());
    let site = Site { media, more: "apiauth example uid=root\n".to_owned(), ..Site::default() };
    let lab = Lab::new(&format!("{program} talks beside {daemon}"), daemon, Daemon::Ours, &site);
    lab.alpha.start();
    let line = format!(
        "mkfifo /var/log/words; (exec 9<>/var/log/words; exec {} /etc/ha.d bravo /bin/true example <&9 >> /var/log/ha-log 2>&1) &",
        node.display()
    );
    assert_eq!(lab.bravo.run("sh", &["-c", &line]).code, Some(0));
    see_each_other(&lab, 1);
    lab.await_until(START_LIMIT, "the address on alpha", || lab.holders() == ["alpha"]);

    // The input of the client stays open, so that it stays.
    let line = format!(
        "mkfifo /var/log/words; (exec 9<>/var/log/words; exec {client} -n example <&9 > /var/log/heard 2>&1) &"
    );
    assert_eq!(lab.alpha.run("sh", &["-c", &line]).code, Some(0));
    let heard = |host: &Host, file: &str| -> Vec<String> {
        let lines = host.lines_of(file).into_iter();
        let mut texts: Vec<String> = lines.filter_map(|line| Some(line.split_once("says: ")?.1.to_owned())).collect();
        texts.sort();
        texts
    };
    let is_there = || lab.alpha.lines_of("heard").iter().any(|line| line.starts_with("resources"));
    lab.await_until(MOVE_LIMIT, "the client to be there", is_there);

    let say = |host: &Host, words: &str, count: usize| {
        let line = format!("seq -f '{words} %.0f' 1 {count} > /var/log/words");
        assert_eq!(host.run("sh", &["-c", &line]).code, Some(0));
        let mut texts: Vec<String> = (1..=count).map(|n| format!("{words} {n}")).collect();
        texts.sort();
        texts
    };
    let expected = say(&lab.bravo, "said by the node", lines);
    let all = |texts: &[String], from: &[String]| texts.len() >= from.len();
    lab.await_until(START_LIMIT, "the last line of the node", || all(&heard(&lab.alpha, "heard"), &expected));
    let texts = heard(&lab.alpha, "heard");
    lab.check(texts == expected, &format!("all lines of the node, not {texts:?}"));
    lab.check(lab.alpha.lines_of("heard").contains(&"bravo says: said by the node 1".to_owned()), "the node's name");

    let expected = say(&lab.alpha, "said by the client", lines);
    lab.await_until(START_LIMIT, "the last line of the client", || all(&heard(&lab.bravo, "ha-log"), &expected));
    let texts = heard(&lab.bravo, "ha-log");
    lab.check(texts == expected, &format!("all lines of the client, not {texts:?}"));
    lab.check(lab.holders() == ["alpha"] && !lab.bravo.logged("is dead"), "no death");
    lab.check(!lab.bravo.logged("Sanitizer"), "nothing found by sanitizers");
}

/// Waits until each node has seen the other become active, for the `times`th time.
#[track_caller]
fn see_each_other(lab: &Lab, times: usize) {
    let seen_by_alpha = || lab.alpha.count_logged("Status update for node bravo: status active");
    // alpha starts on a new machine, but its log goes on.
    lab.await_until(START_LIMIT, "alpha to see the example active", || seen_by_alpha() >= times);
    lab.await_until(START_LIMIT, "the example to see alpha active", || {
        lab.bravo.count_logged("node alpha is active") >= times.min(2)
    });
}

/// Waits until a 3.0.6 has finished its own transitions.
fn await_settled(host: &Host, lab: &Lab) {
    if host.daemon() == Daemon::Reference {
        lab.await_until(START_LIMIT, "alpha to settle", || host.count_logged("resource transition completed.") >= 2);
    }
}

/// `resource` as an agent of `resource.d`, under two daemons.
pub(crate) fn agent(daemon: Daemon) {
    let built = example("resource");
    let site = Site { group: "Lamp::/var/log/lamp".to_owned(), ..Site::default() };
    let lab = Lab::new(&format!("an agent under {daemon}"), daemon, daemon, &site);
    for host in lab.hosts() {
        let agent = host.config_file("resource.d/Lamp");
        fs::create_dir_all(agent.parent().expect("a directory")).expect("our own directory");
        fs::copy(&built, &agent).expect("our own file");
        host.start();
    }
    let is_lit = |host: &Host| host.lines_of("lamp") == ["1"];
    lab.await_until(START_LIMIT, "the lamp of alpha alone", || is_lit(&lab.alpha) && !is_lit(&lab.bravo));
    await_settled_start(&lab);
    lab.alpha.stop();
    lab.await_until(START_LIMIT, "the lamp of bravo alone", || is_lit(&lab.bravo) && !is_lit(&lab.alpha));
}

fn await_settled_start(lab: &Lab) {
    for host in lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Reference) {
        lab.await_until(START_LIMIT, "both to settle", || host.logged("resource transition completed."));
    }
}
