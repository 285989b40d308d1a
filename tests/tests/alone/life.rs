//! The life of a site: installed, checked, started, watched, taken over, given back.

use std::time::{Duration, Instant};

use hbcore_tests::lab::{Installed, holds_within};

use super::pair::{Pair, install};
use super::seed::Seed;

/// The time for a change of the cluster. A 3.0.6 waits ten seconds at its start, and servers take seconds.
const LIMIT: Duration = Duration::from_secs(40);

/// The monitor that operators of such a site have in their cron. It speaks of the cluster as `cl_status` does.
const MONITOR: &str = r#"
cl_status hbstatus >/dev/null || { echo 'CRITICAL: heartbeat is stopped'; exit 2; }
holds=$(cl_status rscstatus)
[ "$holds" != transition ] || { echo 'WARNING: in transition'; exit 1; }
[ -n "$(cl_status hbparameter -p deadtime)" ] || { echo 'UNKNOWN: no dead time'; exit 3; }
worst=0
for node in $(cl_status listnodes -n); do
    state=$(cl_status nodestatus "$node") || worst=2
    links=
    if [ "$node" != "$(hostname)" ]; then
        for link in $(cl_status listhblinks "$node"); do links="$links $link:$(cl_status hblinkstatus "$node" "$link")"; done
    fi
    echo "$node: $state$links"
done
echo "holds $holds"
exit $worst
"#;

pub(super) fn site(seed: &'static Seed, installed: Installed) -> Result<(), String> {
    let mut pair = Pair::new(seed, installed)?;
    if installed == Installed::Debian {
        run_3_0_6_and_stop_it(&pair);
    }
    for node in [0, 1] {
        is_installed_beside_what_is_there(&pair, node);
        is_checked(&pair, node);
    }
    for host in &pair.hosts {
        host.succeed("/etc/init.d/heartbeat start");
    }
    pair.await_served_by(0);
    pair.await_monitored(true);
    for host in &pair.hosts {
        // A monitor is no member of the group that the daemon admits: cl_status has it.
        host.succeed("setpriv --reuid nobody --regid nogroup --clear-groups cl_status hbstatus");
    }
    for client in seed.clients {
        for host in &pair.hosts {
            host.await_success(&format!("pgrep -u hacluster -x {client}"));
        }
    }

    let cut = Instant::now();
    pair.hosts[0].cut_power();
    pair.await_served_by(1);
    println!("site {}: {} serves {} ms after the cut", seed.name, seed.nodes[1], cut.elapsed().as_millis());
    pair.await_monitored(false);

    pair.hosts[0].boot()?;
    pair.plug_in(0);
    pair.hosts[0].succeed("/etc/init.d/heartbeat start");
    pair.await_monitored(true);
    if !seed.returns {
        pair.await_served_by(1);
        pair.hosts[0].succeed("/usr/share/heartbeat/hb_takeover all");
    }
    pair.await_served_by(0);
    pair.await_monitored(true);

    if seed.clients.contains(&"ipfail") && seed.returns {
        pair.block_pings(0, true);
        pair.await_served_by(1);
        pair.block_pings(0, false);
        pair.await_served_by(0);
    }
    for host in pair.hosts.iter().rev() {
        host.succeed("/etc/init.d/heartbeat stop");
        host.succeed(seed.rests);
        assert!(host.run("cl_status hbstatus").0 != Some(0), "{} has stopped", host.name());
    }
    Ok(())
}

/// The pair as it was before: Debian's daemon serves, the monitor is content, then the init script stops it.
fn run_3_0_6_and_stop_it(pair: &Pair) {
    for node in [0, 1] {
        // 3.0.6 does not look for its programs in other directories than the named one.
        pair.write(node, "ha.cf", &pair.seed.ha_cf(node).replace("/usr/lib64/", "/usr/libexec/"));
        pair.write(node, "authkeys", &pair.seed.authkeys());
        pair.write(node, "haresources", &pair.seed.haresources());
        pair.hosts[node].succeed("/etc/init.d/heartbeat start");
    }
    pair.await_served_by(0);
    pair.await_monitored(true);
    for host in pair.hosts.iter().rev() {
        host.succeed("/etc/init.d/heartbeat stop");
        host.succeed(pair.seed.rests);
        host.succeed("rm /etc/ha.d/ha.cf /etc/ha.d/authkeys /etc/ha.d/haresources");
    }
}

/// Files of other packages that ours must leave alone.
const THEIRS: &str = "find /etc/ha.d /usr/bin/cl_status /usr/libexec/heartbeat /usr/lib/tmpfiles.d/heartbeat.conf \
    -type f ! -name heartbeat ! -name hb_tool -exec sha1sum {} + 2>/dev/null | sort -k 2";

/// Installs twice: nothing that was there has changed, and the second time adds nothing.
fn is_installed_beside_what_is_there(pair: &Pair, node: usize) {
    let host = &pair.hosts[node];
    let before = host.run(THEIRS).1;
    host.succeed(&install());
    let after = host.run(THEIRS).1;
    for line in before.lines() {
        assert!(after.lines().any(|other| other == line), "{line} has changed");
    }
    let list = "cat /usr/share/heartbeat/installed-by-hbcore; getent passwd hacluster; getent group haclient";
    let installed = host.succeed(list);
    host.succeed(&install());
    assert_eq!(host.succeed(list), installed, "an installation that is repeated");
    host.succeed("test -x /etc/ha.d/resource.d/Filesystem && test -r /etc/ha.d/shellfuncs && test -x /etc/ha.d/harc");
}

/// `hb check` names the mistakes of the files as their author printed them, and accepts what the operator made of them.
fn is_checked(pair: &Pair, node: usize) {
    let (seed, host) = (pair.seed, &pair.hosts[node]);
    for file in ["ha.cf", "authkeys", "haresources"] {
        if let Some(text) = seed.printed(file) {
            pair.write(node, file, &text);
        }
    }
    let (code, said) = host.run("hb check");
    assert_eq!(code, Some(if seed.mistakes.is_empty() { 0 } else { 6 }), "{said}");
    for mistake in seed.mistakes {
        assert!(said.contains(mistake), "[{mistake}] in: {said}");
    }
    pair.write(node, "ha.cf", &seed.ha_cf(node));
    pair.write(node, "authkeys", &seed.authkeys());
    pair.write(node, "haresources", &seed.haresources());
    let said = host.succeed("hb check");
    for client in seed.clients {
        let note = format!("[/usr/lib64/heartbeat/{client}] is /usr/libexec/heartbeat/{client} here");
        assert!(said.contains(&note), "[{note}] in: {said}");
    }
}

impl Pair {
    /// Writes a file of `/etc/ha.d`.
    pub(super) fn write(&self, node: usize, file: &str, text: &str) {
        let mode = if file == "authkeys" { 600 } else { 644 };
        self.hosts[node]
            .succeed(&format!("install -m {mode} /dev/stdin /etc/ha.d/{file} <<'THE_END'\n{text}\nTHE_END"));
    }

    /// Waits until this node alone runs everything in `haresources`, and a client gets its page.
    #[track_caller]
    fn await_served_by(&self, node: usize) {
        let (seed, owner) = (self.seed, &self.hosts[node]);
        let other = &self.hosts[1 - node];
        let other_rests = || other.first_process() == 0 || other.run(seed.rests).0 == Some(0);
        let served = holds_within(LIMIT, || owner.run(seed.runs).0 == Some(0) && other_rests());
        assert!(served, "{} alone serves\n{}", owner.name(), self.state());
        if let Some((url, text)) = seed.page {
            let text = text.replace("NODE", owner.name());
            let answered = holds_within(LIMIT, || self.fetch(url).as_ref() == Some(&text));
            assert!(answered, "{url} has {text}\n{}", self.state());
        }
    }

    /// Waits until the monitor is content on every running node; or until it complains on the second one that the first
    /// one is dead.
    #[track_caller]
    fn await_monitored(&self, content: bool) {
        for host in self.hosts.iter().filter(|host| host.first_process() != 0) {
            let mut said = (None, String::new());
            let dead = format!("{}: dead", self.seed.nodes[0]);
            let is_right = holds_within(LIMIT, || {
                said = host.run(MONITOR);
                if content { said.0 == Some(0) } else { said.0 == Some(2) && said.1.contains(&dead) }
            });
            assert!(is_right, "the monitor on {} says {said:?}\n{}", host.name(), self.state());
        }
    }

    /// Everything that tells why a scenario failed.
    fn state(&self) -> String {
        let running = self.hosts.iter().filter(|host| host.first_process() != 0);
        let tell = "hostname; hb status; ip -br address; mount | grep webdata; ps ax -o pid,user,args | tail -n 20; \
            tail -n 60 /var/log/ha-log; tr '<' '\\n' </var/log/syslog | tail -n 60";
        running.map(|host| host.run(tell).1).collect()
    }
}
