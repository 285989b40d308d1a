//! `respawn` and `failfast`: which clients the daemon starts, how, and when it ends them.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use hbcore_tests::lab::{Host, Lab, Site};
use hbcore_tests::scenario::Pairing;

use crate::start::{await_owner, start_both};
use crate::status::shows;
use crate::{MOVE_LIMIT, START_LIMIT};

/// The first scenario compares with a pair of 3.0.6.
pub(crate) const NEEDS: &[&str] = &["/usr/libexec/heartbeat/heartbeat"];

/// A client that tells how it was started, and when it was told to end.
const LIVES: &str = r#"#!/bin/sh
trap 'echo "$1 is told to end" >> /var/log/clients; sleep 0.2; echo "$1 ends" >> /var/log/clients; exit 0' TERM
readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 >> /var/log/clients
env | grep -E '^(HA|OCF)_' | sort > "/var/log/environment.$1"
echo "$1 begins as $(id -un) $(id -Gn), in group $(($(ps -o pgid= -p $$) == $$)), class $(ps -o cls= -p $$), with $*" >> /var/log/clients
while :; do sleep 0.1; done
"#;

/// A client that ends at once.
const ENDS: &str = "#!/bin/sh\necho \"ends $1\" >> /var/log/clients\nexit $1\n";
/// A client that does not end.
const STAYS: &str = "#!/bin/sh\ntrap '' TERM\necho stays >> /var/log/clients\nwhile :; do sleep 0.1; done\n";

fn lab(name: &str, pairing: Pairing, lines: &str) -> Lab {
    let site = Site { more: lines.to_owned(), ..Site::default() };
    let lab = Lab::new(&format!("{pairing} {name}"), pairing.alpha, pairing.bravo, &site);
    for host in lab.hosts() {
        host.put_into("/usr/local/bin", &[("lives", LIVES), ("ends", ENDS), ("stays", STAYS)]);
        let open = host.run("sh", &["-c", "touch /var/log/clients; chmod 1777 /var/log; chmod 666 /var/log/clients"]);
        assert_eq!(open.code, Some(0), "{}", open.output);
    }
    lab
}

fn lines_of(host: &Host, text: &str) -> usize {
    host.lines_of("clients").iter().filter(|line| line.contains(text)).count()
}

/// Its command has this word in it.
fn pid_of(host: &Host, command: &str) -> String {
    host.run("pgrep", &["-f", &format!("^/bin/sh {command}")]).output
}

const TWO: &str = "env FRUIT=pear\nrespawn hacluster /usr/local/bin/lives first  two   three # a comment\n\
                   respawn root /usr/local/bin/lives second\nrespawn nobody /usr/local/bin/ends 100\n";

/// The life of the clients on alpha, in lines that are the same each time: their surroundings, and the order of their ends.
fn life_on_alpha(pairing: Pairing) -> Vec<String> {
    let lab = lab("respawn", pairing, TWO);
    start_both(&lab);
    let alpha = &lab.alpha;
    lab.await_until(START_LIMIT, "all clients", || lines_of(alpha, "begins") == 2 && lines_of(alpha, "ends 100") == 1);
    let holders_before = lab.holders();
    alpha.stop();
    lab.await_until(MOVE_LIMIT, "the last client to end", || lines_of(alpha, "first ends") == 1);
    assert_eq!(holders_before, ["alpha"]);
    let mut seen = alpha.lines_of("clients");
    // Both begin at the same time, so that their first lines may come in either order.
    let ends = seen.iter().position(|line| line.contains("is told to end")).unwrap_or(seen.len());
    seen[..ends].sort();
    for client in ["first", "second"] {
        seen.extend(alpha.lines_of(&format!("environment.{client}")));
    }
    let released = |line: &str| line.contains("All HA resources relinquished") || line.contains("process group");
    let words = |line: &str| {
        line.split(" process group").next().unwrap_or_default().trim_end().rsplit(": ").next().map(str::to_owned)
    };
    seen.extend(alpha.log().lines().filter(|line| released(line)).filter_map(words));
    seen
}

/// Clients are started as 3.0.6 starts them, and ended after the resources, the last one first.
pub(crate) fn life(pairing: Pairing) {
    static EXPECTED: OnceLock<Vec<String>> = OnceLock::new();
    let expected = EXPECTED.get_or_init(|| life_on_alpha(Pairing::REF_REF));
    assert!(expected.iter().any(|line| line == "HA_FRUIT=pear"), "{expected:?}");
    assert_eq!(&life_on_alpha(pairing), expected);
}

/// A client that dies each time is started eleven times, then it is a problem until a reload; one that wants no more is left alone.
pub(crate) fn dies(pairing: Pairing) {
    let lab = lab(
        "respawn too fast",
        pairing,
        "respawn hacluster /usr/local/bin/ends 1\nrespawn root /usr/local/bin/ends 100\n",
    );
    start_both(&lab);
    let alpha = &lab.alpha;
    shows(
        &lab,
        alpha,
        4,
        &[
            "problem client-given-up: the client /usr/local/bin/ends 1 has died too often, and is not started again: it exited with return code 1",
        ],
    );
    lab.stays(Duration::from_secs(2), "eleven starts, and one", || {
        lines_of(alpha, "ends 1") == 12 && lines_of(alpha, "ends 100") == 1
    });
    assert_eq!(alpha.heartbeat(&["-r"]).code, Some(0));
    lab.await_until(MOVE_LIMIT, "another start", || lines_of(alpha, "ends 1") > 12);
    lab.check(lab.holders() == ["alpha"], "the address on alpha");
}

/// A reload with other lines leaves those alone that it does not change; their death is seen afterwards.
pub(crate) fn reload(pairing: Pairing) {
    let stays = "respawn hacluster /usr/local/bin/lives kept\n";
    let lab = lab("respawn and reload", pairing, &format!("respawn root /usr/local/bin/lives removed\n{stays}"));
    start_both(&lab);
    let alpha = &lab.alpha;
    lab.await_until(START_LIMIT, "both clients", || lines_of(alpha, "begins") == 2);
    let kept = pid_of(alpha, "/usr/local/bin/lives kept");
    let more = format!("{stays}respawn root /usr/local/bin/lives added\n");
    alpha.write_site(&Site { more, ..Site::default() });
    assert_eq!(alpha.heartbeat(&["-r"]).code, Some(0));
    lab.await_until(START_LIMIT, "the new client", || lines_of(alpha, "added begins") == 1);
    lab.await_until(MOVE_LIMIT, "the removed client to end", || lines_of(alpha, "removed ends") == 1);
    lab.check(lines_of(alpha, "kept begins") == 1, "the other client left alone");
    lab.check(pid_of(alpha, "/usr/local/bin/lives kept") == kept && !kept.is_empty(), "the same process");
    assert_eq!(alpha.run("kill", &["-9", kept.trim()]).code, Some(0));
    lab.await_until(MOVE_LIMIT, "it to be started again", || lines_of(alpha, "kept begins") == 2);
    lab.check(lab.holders() == ["alpha"], "the address on alpha");
    alpha.stop();
    let ends: BTreeSet<String> = alpha.lines_of("clients").into_iter().filter(|line| line.ends_with(" ends")).collect();
    lab.check(
        ends == ["added ends", "kept ends", "removed ends"].map(str::to_owned).into(),
        &format!("all ends in {ends:?}"),
    );
}

/// A client that does not end keeps the daemon from ending for ten seconds, and the address from nobody.
pub(crate) fn does_not_end(pairing: Pairing) {
    let lab = lab("respawn without end", pairing, "respawn root /usr/local/bin/stays\n");
    start_both(&lab);
    let alpha = &lab.alpha;
    lab.await_until(START_LIMIT, "the client", || lines_of(alpha, "stays") == 1);
    alpha.signal_daemon("TERM");
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    lab.check(alpha.is_running() && !pid_of(alpha, "/usr/local/bin/stays").is_empty(), "the client to be waited for");
    lab.check(!lab.bravo.logged("node alpha: is dead"), "a node alpha that is heard while it waits");
    lab.await_until(START_LIMIT, "alpha to end", || !alpha.is_running());
    lab.check(pid_of(alpha, "/usr/local/bin/stays").is_empty(), "the client to be killed");
}

/// A `failfast` client that dies reboots the machine, and one that ends well does not.
pub(crate) fn failfast(pairing: Pairing) {
    let lines = "failfast root /usr/local/bin/ends 0\nfailfast root /usr/local/bin/lives fast\n";
    let lab = lab("failfast", pairing, lines);
    let alpha = &lab.alpha;
    // A daemon that runs on would put its address back.
    let reboot = "#!/bin/sh\necho \"reboot $*\" >> /var/log/clients\nkill -STOP $(cat /run/heartbeat.pid)\n\
                  ip link set eth1 down\nip address flush dev eth0\nkill -9 $(cat /run/heartbeat.pid)\n";
    alpha.put_into("/usr/sbin", &[("reboot", reboot), ("init", "#!/bin/sh\nexit 1\n")]);
    start_both(&lab);
    lab.await_until(START_LIMIT, "the clients", || {
        lines_of(alpha, "fast begins") == 1 && lines_of(alpha, "ends 0") >= 2
    });
    lab.check(lines_of(alpha, "reboot") == 0, "no reboot yet");
    let fast = pid_of(alpha, "/usr/local/bin/lives fast");
    assert_eq!(alpha.run("kill", &["-9", fast.trim()]).code, Some(0));
    await_owner(&lab, &lab.bravo, START_LIMIT);
    lab.check(alpha.lines_of("clients").contains(&"reboot -nf".to_owned()), "a reboot");
    lab.check(alpha.logged("Rebooting system.  Reason: /usr/local/bin/lives fast"), "alpha to say why");
}
