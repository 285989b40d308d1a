//! The configuration changes under a running daemon, or the daemon itself is replaced.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Daemon, Host, SERVICE, Site};
use hbcore_tests::scenario::Pairing;

use crate::groups::{self, Pair, SERVICE_SCRIPT, count_calls, held};
use crate::{MOVE_LIMIT, START_LIMIT};

/// The longest gap that counts as none on a busy machine.
const UNNOTICED: Duration = Duration::from_millis(300);

/// The state that a host must keep while its daemon is replaced.
pub(crate) struct Before {
    pid: String,
    generation: Option<u64>,
    restarts: usize,
}

impl Before {
    pub(crate) fn of(pair: &Pair, host: &Host) -> Self {
        let heard = pair.sniffer.heard();
        let generation = heard.iter().filter(|m| m.src == host.name()).filter_map(|m| m.generation).max();
        Self { pid: pid(host), generation, restarts: host.count_logged("Performing heartbeat restart exec.") }
    }

    /// Waits until a new run of the daemon, in the same process, has the claim of the old one.
    #[track_caller]
    pub(crate) fn await_next(&self, pair: &Pair, host: &Host, since: Instant, claim: &str) {
        let lab = &pair.lab;
        let name = host.name();
        let mut kept = true;
        lab.await_until(START_LIMIT, &format!("{name} to claim {claim} in its next run"), || {
            kept &= lab.holders() == ["alpha"];
            let heard = pair.sniffer.heard_since(since);
            heard.iter().any(|m| m.src == name && m.generation > self.generation)
                && pair.sniffer.final_claim(name, since).as_deref() == Some(claim)
        });
        lab.check(kept, "the address on alpha at every time");
        lab.check(pid(host) == self.pid, "the same process");
        let restarts = host.count_logged("Performing heartbeat restart exec.");
        lab.check(restarts == self.restarts + 1, "one restart");
        let answered = host.heartbeat(&["-s"]);
        lab.check(answered.code == Some(0), &format!("-s to find it running instead of {answered:?}"));
    }
}

pub(crate) fn pid(host: &Host) -> String {
    host.run("cat", &["/run/heartbeat.pid"]).output.trim().to_owned()
}

#[track_caller]
fn reload(pair: &Pair, host: &Host) {
    let answered = host.heartbeat(&["-r"]);
    pair.lab.check(answered.code == Some(0), &format!("-r to exit with 0 instead of {answered:?}"));
}

/// `ha.cf` changes on each node in turn: a new run continues with the groups of the old one.
pub(crate) fn ha_cf(pairing: Pairing) {
    let site = groups::site();
    let pair = Pair::running("changed ha.cf", pairing, &site);
    let lab = &pair.lab;
    let begin = Instant::now();
    for host in lab.hosts() {
        let before = Before::of(&pair, host);
        let since = Instant::now();
        host.write_site(&Site { more: "warntime 700ms\n".to_owned(), ..site.clone() });
        reload(&pair, host);
        before.await_next(&pair, host, since, "local");
    }
    lab.check(pair.are_owners("alpha", "bravo"), "each group at home");
    for host in lab.hosts() {
        let starts = ["web start", "mail start"].map(|call| count_calls(host, call)).iter().sum::<usize>();
        lab.check(starts == 1, &format!("nothing started again on {}", host.name()));
        lab.check(!host.logged(": is dead"), "no node declared dead");
    }
    lab.check(lab.client.who_answered(begin) == ["alpha"], "answers of alpha only");
    pair.check_gap("changed ha.cf", begin, UNNOTICED);
}

/// `haresources` changes: groups that stay are not touched, removed ones are stopped, new ones are started.
pub(crate) fn haresources(pairing: Pairing) {
    let site = groups::site();
    let pair = Pair::new("changed haresources", pairing, &site);
    let lab = &pair.lab;
    for host in lab.hosts() {
        host.write_script("other", SERVICE_SCRIPT);
    }
    pair.start();
    let begin = Instant::now();
    let changed = Site { group: format!("IPaddr::{SERVICE}/24/eth0 other"), ..site };
    for host in lab.hosts() {
        let before = Before::of(&pair, host);
        let since = Instant::now();
        host.write("haresources", &changed.haresources());
        // The scripts of 3.0.6 read it each time; its daemon needs nothing from it.
        if host.daemon() == Daemon::Ours {
            reload(&pair, host);
            before.await_next(&pair, host, since, "local");
        }
    }
    lab.await_until(MOVE_LIMIT, "web stopped and other started on alpha", || {
        held(lab, "web").is_empty() && held(lab, "other") == ["alpha"]
    });
    lab.check(lab.holders() == ["alpha"] && held(lab, "mail") == ["bravo"], "everything else where it was");
    lab.check(count_calls(&lab.bravo, "mail start") == 1, "nothing started again on bravo");
    lab.check(lab.client.who_answered(begin) == ["alpha"], "answers of alpha only");
    pair.check_gap("changed haresources", begin, UNNOTICED);

    // A standby is refused until the other node has reported its claim again.
    pair.await_claims(begin, "local", "local");
    lab.alpha.standby("local");
    lab.await_until(START_LIMIT, "the changed group on bravo", || {
        lab.holders() == ["bravo"] && held(lab, "other") == ["bravo"] && held(lab, "web").is_empty()
    });
}

/// A new configuration with an error changes nothing.
pub(crate) fn wrong(pairing: Pairing) {
    let pair = Pair::running("wrong ha.cf", pairing, &groups::site());
    let lab = &pair.lab;
    for host in lab.hosts().into_iter().filter(|host| host.daemon() == Daemon::Ours) {
        let good = std::fs::read_to_string(host.config_file("ha.cf")).expect("a written file");
        host.write("ha.cf", &format!("{good}nonsense\n"));
        let answered = host.heartbeat(&["-r"]);
        lab.check(answered.code == Some(1), &format!("-r to refuse instead of {answered:?}"));
        lab.check(answered.output.contains("NOT restarted"), "the words of 3.0.6");
        host.signal_daemon("HUP");
        lab.await_until(MOVE_LIMIT, "the signal alone to be refused too", || {
            host.logged("the running configuration stays.")
        });
        lab.check(!host.logged("Performing heartbeat restart exec."), "no restart");
    }
    lab.check(pair.are_owners("alpha", "bravo"), "each group at home");
}

/// A pair of 3.0.6 is upgraded while it serves: `-r` makes each daemon execute the program that is in its place then.
pub(crate) fn upgrade(pairing: Pairing) {
    let pair = Pair::running("upgrade", pairing, &groups::site());
    let lab = &pair.lab;
    let begin = Instant::now();
    for host in lab.hosts() {
        let before = Before::of(&pair, host);
        let since = Instant::now();
        host.put_over(&Daemon::Ours.program(), "/usr/libexec/heartbeat/heartbeat");
        // 3.0.6 restarts only for a changed ha.cf.
        let same = std::fs::read_to_string(host.config_file("ha.cf")).expect("a written file");
        host.write("ha.cf", &format!("{same}# changed\n"));
        reload(&pair, host);
        before.await_next(&pair, host, since, "local");
        let is_ours =
            || pair.sniffer.heard_since(since).iter().any(|m| m.src == host.name() && m.text("hbcore").is_some());
        lab.await_until(MOVE_LIMIT, "one of ours", is_ours);
    }
    lab.check(pair.are_owners("alpha", "bravo"), "each group at home");
    lab.check(lab.client.who_answered(begin) == ["alpha"], "answers of alpha only");
    for host in lab.hosts() {
        let starts = ["web start", "mail start"].map(|call| count_calls(host, call)).iter().sum::<usize>();
        lab.check(starts == 1, &format!("nothing started again on {}", host.name()));
    }
    pair.check_gap("upgrade of both", begin, UNNOTICED);

    let cut = Instant::now();
    lab.alpha.cut_power();
    pair.await_owners("bravo", "bravo");
    pair.gap("power cut after the upgrade", cut);
}
