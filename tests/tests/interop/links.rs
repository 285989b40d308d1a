//! A link or a ping node goes away and comes back: that is logged, and nothing moves.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Daemon, Lab, Site, release_binary};
use hbcore_tests::scenario::Pairing;

use crate::MOVE_LIMIT;
use crate::start::{start_both, together};

/// One of the two links between the nodes.
pub(crate) fn cable(pairing: Pairing) {
    let lab = together("cable", pairing, &Site::default());
    let since = Instant::now();
    let lines =
        |link: &str, state: &str| [format!("Link bravo:{link} {state}."), format!("Link alpha:{link} {state}.")];
    await_lines(&lab, &lines("eth1", "up"), 1);

    lab.pull_cable();
    await_lines(&lab, &lines("eth1", "dead"), 1);
    lab.stays(Duration::from_secs(2), "the address on alpha", || lab.holders() == ["alpha"]);
    lab.plug_cable();
    await_lines(&lab, &lines("eth1", "up"), 2);

    for (host, line) in lab.hosts().into_iter().zip(lines("eth0", "dead")) {
        lab.check(!host.logged(&line), "the other link alive all the time");
        lab.check(!host.logged(": is dead"), "no node declared dead");
    }
    lab.check(lab.client.who_answered(since) == ["alpha"], "answers of alpha only");
}

/// `hb status` on alpha, which is ours, during changes; then without a daemon.
pub(crate) fn status(pairing: Pairing) {
    let lab = together("status", pairing, &Site::default());
    let hb = release_binary("hb").display().to_string();
    let ask = || lab.alpha.run(&hb, &["status"]);
    let shows = |what: &[&str]| {
        let is_shown =
            || what.iter().all(|line| ask().output.lines().any(|l| l.split_whitespace().eq(line.split_whitespace())));
        lab.await_until(MOVE_LIMIT, &format!("hb status to show {what:?}"), is_shown);
    };
    let shows_problem = |line: &str, code: i32| {
        let is_shown = || {
            let said = ask();
            said.code == Some(code) && said.output.contains(&format!("problem {line}"))
        };
        lab.await_until(MOVE_LIMIT, &format!("hb status to show {line:?} and end with {code}"), is_shown);
    };
    shows(&["alpha: active, holds local, settled", "alpha active this node", "bravo active eth0 up, eth1 up"]);
    lab.check(ask().output.lines().last().is_some_and(|l| l.ends_with("alpha  runs here")), "the group here");
    lab.pull_cable();
    shows(&["bravo active eth0 up, eth1 silent"]);
    shows_problem("link-dead: node bravo is not heard on link eth1", 4);
    lab.plug_cable();
    shows(&["bravo active eth0 up, eth1 up"]);
    let is_over = || ask().code == Some(0);
    lab.await_until(MOVE_LIMIT, "the problem to be over", is_over);
    let says = |tool: &str, word: &str, what: &str| {
        let said = lab.alpha.tool(tool, &[word]);
        lab.check(
            said.code == Some(0) && said.output.contains(what),
            &format!("{tool} {word} to say {what:?}: {said:?}"),
        );
    };
    says("hb_takeover", "local", "this node claims all such groups already");
    let quiet = lab.alpha.tool("hb_standby", &["all"]);
    lab.check(quiet.output.lines().count() == 1, &format!("nothing to be said of a standby that is done: {quiet:?}"));
    lab.await_until(MOVE_LIMIT, "the address on bravo", || lab.holders() == ["bravo"]);
    shows(&["alpha: active, holds none, settled"]);
    lab.check(ask().output.lines().last().is_some_and(|l| l.ends_with("at bravo")), "the group at bravo");
    says("hb_standby", "local", "this node claims no such group: there is nothing to hand over");
    shows(&["alpha: active, holds none, settled"]);
    lab.bravo.cut_power();
    shows(&["alpha: active, holds local, settled", "bravo dead eth0 silent, eth1 silent"]);
    shows_problem("node-dead: node bravo is dead", 4);
    says("hb_standby", "all", "refused: there is no other node to hand groups over");
    says("hb_takeover", "all", "refused: there is no other node to hand groups over");

    let json = lab.alpha.run(&hb, &["status", "--json"]);
    let is_one_object = json.output.starts_with("{\"version\":1,\"running\":true,") && json.output.ends_with("}]}\n");
    lab.check(json.code == Some(4) && is_one_object, &format!("one object in {json:?}"));
    let holds = [
        "\"holds\":\"local\",\"claims\":\"all\"",
        "\"progress\":\"settled\"",
        "\"here\":\"running\",\"at\":\"alpha\"",
        "\"state\":\"dead\"",
    ];
    lab.check(holds.iter().all(|word| json.output.contains(word)), &format!("{holds:?} in {json:?}"));
    let socket = lab.alpha.run("stat", &["-c", "%a %G", "/run/heartbeat.sock"]).output;
    lab.check(["660 haclient\n", "600 root\n"].contains(&socket.as_str()), &format!("who may ask instead of {socket}"));

    lab.alpha.freeze_daemon();
    let unanswered = ask();
    lab.check(
        unanswered.code == Some(1),
        &format!("a daemon that does not answer to be told, instead of {unanswered:?}"),
    );
    says("hb_takeover", "all", "the daemon does not answer whether it does so: see its log");
    lab.alpha.thaw_daemon();
    lab.alpha.stop();
    let stopped = ask();
    let is_told = stopped.code == Some(3) && stopped.output == "heartbeat is stopped\n";
    lab.check(is_told, &format!("exit code 3 instead of {stopped:?}"));
    let json = lab.alpha.run(&hb, &["status", "--json"]);
    let is_told = json.code == Some(3) && json.output == "{\"version\":1,\"running\":false}\n";
    lab.check(is_told, &format!("the same for monitors instead of {json:?}"));
}

/// Two addresses of a third machine, by which the nodes check whether their network works.
const PINGED: [&str; 2] = ["10.77.0.41", "10.77.0.42"];

/// A ping node, and a group with a member that never answers.
pub(crate) fn ping_nodes(pairing: Pairing) {
    let [alone, member] = PINGED;
    let more = format!("ping {alone}\nping_group routers {member} 10.77.0.49\ndeadping 800ms\n");
    let site = Site { more, ..Site::default() };
    let lab = Lab::new(&format!("{pairing} ping nodes"), pairing.alpha, pairing.bravo, &site);
    let set = |action: &str, address: &str| lab.outside().ip(&format!("address {action} {address}/24 dev eth0"));
    for address in PINGED {
        set("add", address);
    }
    for host in lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Ours) {
        host.write_program("rc.d/status", "#!/bin/sh\necho \"$HA_src $HA_st $HA_info\" >> /var/log/told\n");
    }
    start_both(&lab);
    let since = Instant::now();

    for (node, address) in [(alone, alone), ("routers", member)] {
        let up = format!("Link {node}:{node} up.");
        let seen = format!("Status update for node {node}: status ping");
        await_lines(&lab, &[up.clone(), up.clone()], 1);
        await_lines(&lab, &[seen.clone(), seen.clone()], 1);
        set("del", address);
        let dead = format!("node {node}: is dead");
        await_lines(&lab, &[dead.clone(), dead], 1);
        let dead = format!("Link {node}:{node} dead.");
        await_lines(&lab, &[dead.clone(), dead], 1);
        set("add", address);
        await_lines(&lab, &[seen.clone(), seen], 2);
        await_lines(&lab, &[up.clone(), up], 2);
    }
    for host in lab.hosts() {
        lab.check(!host.logged("Resources being acquired from"), "no takeover");
        for told in [format!("{alone} ping ping"), "routers ping ping_group".to_owned()] {
            let is_told = || host.daemon() != Daemon::Ours || host.lines_of("told").contains(&told);
            lab.await_until(MOVE_LIMIT, &format!("{} to be told [{told}]", host.name()), is_told);
        }
    }
    lab.check(lab.holders() == ["alpha"], "the address on alpha");
    lab.check(lab.client.who_answered(since) == ["alpha"], "answers of alpha only");
}

/// Waits until alpha has logged the first line and bravo the second one this many times.
#[track_caller]
fn await_lines(lab: &Lab, lines: &[String; 2], times: usize) {
    for (host, line) in lab.hosts().into_iter().zip(lines) {
        let what = format!("{} to log {times} times: {line}", host.name());
        lab.await_until(MOVE_LIMIT, &what, || host.count_logged(line) >= times);
    }
}
