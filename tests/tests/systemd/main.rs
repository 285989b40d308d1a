//! The lines of the README, pasted on pairs of hosts that boot systemd: for a new pair, and in place of a running 3.0.6.
//!
//! ```text
//! cargo test -p hbcore-tests --test systemd
//! ```

use std::path::Path;

use hbcore_tests::lab::{Booted, Init, Installed, release_binary};
use hbcore_tests::{pages, scenario};
use libtest_mimic::{Completion, Trial};

fn main() {
    scenario::run(vec![
        case("pair_installed_by_the_readme_serves_and_comes_back", Installed::None, serves_and_comes_back),
        case("running_3_0_6_replaced_by_the_readme_loses_no_packet", Installed::Debian, is_replaced_while_it_serves),
    ])
}

/// A scenario on two hosts with systemd. It gets the hosts and the lines of the README that install hbcore there.
fn case(name: &str, installed: Installed, scenario: fn(&Booted, &Booted, &str)) -> Trial {
    Trial::ignorable_test(name, move || {
        let pair = || -> Result<(Booted, Booted, String), String> {
            why_not(installed).map_or(Ok(()), Err)?;
            let program = release_binary("heartbeat");
            let programs = program.parent().and_then(|programs| programs.canonicalize().ok()).ok_or("no programs")?;
            let root = pages::root().canonicalize().map_err(|error| error.to_string())?;
            let kept = [&root, &programs].map(|kept| kept.display().to_string());
            let boot = |name| Booted::new(name, Init::Systemd, installed, &kept.each_ref().map(String::as_str));
            Ok((boot("alpha")?, boot("bravo")?, lines_of_the_readme(installed, &programs)))
        };
        let (alpha, bravo, lines) = match pair() {
            Ok(pair) => pair,
            Err(reason) => return Ok(Completion::ignored_with(reason)),
        };
        alpha.cable(&bravo);
        scenario(&alpha, &bravo, &lines);
        Ok(Completion::Completed)
    })
}

/// The reason why no scenario can run here; none if they can.
fn why_not(installed: Installed) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root, to boot systemd in namespaces".to_owned());
    }
    let mut needed = vec![("/lib/systemd/systemd", "systemd"), ("/usr/bin/nsenter", "util-linux")];
    needed.extend([("/bin/ip", "iproute2"), ("/bin/ping", "iputils-ping")]);
    if installed == Installed::Debian {
        needed.push(("/lib/systemd/system/heartbeat.service", "heartbeat"));
    }
    let (_, package) = needed.iter().find(|(path, _)| !Path::new(path).exists())?;
    Some(format!("needs the Debian package {package}"))
}

/// The lines that install ours where this is installed, without what builds the programs and asks for root.
fn lines_of_the_readme(installed: Installed, programs: &Path) -> String {
    let sign = match installed {
        Installed::None | Installed::Bare => "systemctl enable --now heartbeat",
        Installed::Debian => "heartbeat -r",
    };
    let blocks = pages::blocks(&pages::root().join("README.md"));
    let is_meant = |block: &str| block.contains("dist/install.sh") && block.contains(sign);
    let (_, block) = blocks.into_iter().find(|(_, block)| is_meant(block)).expect("the README has these lines");
    let programs = programs.display();
    let lines = block
        .replace("cargo build --release -p hbcore-linux && ", "")
        .replace("sudo ", "")
        .replace("target/release/", &format!("{programs}/"))
        .replace("dist/install.sh", &format!("dist/install.sh {programs}"));
    assert!(!lines.contains("cargo"), "{lines}");
    format!("set -e\ncd {}\n{lines}", pages::root().display())
}

/// The state of alpha as `hb status` begins when alpha serves.
const ALPHA_SERVES: &str = "hb status | head -n 1 | grep -qx 'alpha: active, holds local, settled'";
/// The process of the service, as its host numbers it.
const MAIN: &str = "systemctl show heartbeat -p MainPID --value";

fn serves_and_comes_back(alpha: &Booted, bravo: &Booted, lines: &str) {
    for host in [alpha, bravo] {
        host.succeed(lines);
    }
    alpha.await_success(ALPHA_SERVES);
    bravo.await_success("ping -c 1 -W 1 192.0.2.100");

    // A line of the log is in the journal once, although it goes to syslog and to standard error.
    let active = "journalctl -u heartbeat -o cat --no-pager | grep -c \"Local status now set to: 'active'\"";
    alpha.await_success(&format!("test $({active}) -ge 1"));
    assert_eq!(alpha.succeed(active).trim(), "1");

    // A reload keeps the process and what it serves.
    let before = alpha.succeed(MAIN);
    alpha.succeed("echo 'warntime 200ms' >>/etc/ha.d/ha.cf; systemctl reload heartbeat");
    alpha.await_success("journalctl -u heartbeat -o cat --no-pager | grep -q 'Performing heartbeat restart exec'");
    alpha.await_success(ALPHA_SERVES);
    assert_eq!(alpha.succeed(MAIN), before, "the same process");

    // After a crash the other node serves; systemd starts the daemon again, and the home gets its group back.
    alpha.succeed(&format!("kill -KILL $({MAIN})"));
    bravo.await_success("ip -o address show dev eth0 | grep -q 192.0.2.100/24");
    alpha.await_success(ALPHA_SERVES);
    bravo.await_success("hb status | head -n 1 | grep -qx 'bravo: active, holds none, settled'");

    // A stop gives everything up, and the unit knows that it was in order.
    alpha.succeed("systemctl stop heartbeat");
    assert_eq!(alpha.succeed("systemctl show heartbeat -p Result --value").trim(), "success");
    assert!(!alpha.succeed("ip -o address show dev eth0").contains("192.0.2.100"));
    bravo.await_success("ip -o address show dev eth0 | grep -q 192.0.2.100/24");
}

fn is_replaced_while_it_serves(alpha: &Booted, bravo: &Booted, lines: &str) {
    for host in [alpha, bravo] {
        host.succeed(
            "printf '%s\n' 'logfacility local0' 'keepalive 1' 'deadtime 5' 'initdead 10' 'auto_failback off' \
                'ucast eth0 192.0.2.1' 'ucast eth0 192.0.2.2' 'node alpha bravo' >/etc/ha.d/ha.cf
            printf '%s\n' 'auth 1' '1 sha1 a-long-random-secret' | install -m 600 /dev/stdin /etc/ha.d/authkeys
            echo 'alpha 192.0.2.100/24/eth0' >/etc/ha.d/haresources
            systemctl start heartbeat",
        );
    }
    bravo.await_success("ping -c 1 -W 1 192.0.2.100");
    let before = [alpha, bravo].map(|host| host.succeed(MAIN));
    bravo.succeed("ping -i 0.02 192.0.2.100 >/tmp/answers 2>&1 & echo $! >/tmp/asking");
    for host in [alpha, bravo] {
        host.succeed(lines);
        host.await_success("hb status | head -n 1 | grep -q ', settled$'");
    }
    // ping tells how many were lost when it is interrupted.
    bravo.succeed("kill -INT $(cat /tmp/asking)");
    bravo.await_success("grep -q 'packet loss' /tmp/answers");
    bravo.succeed("grep -q ' 0% packet loss' /tmp/answers");
    assert_eq!([alpha, bravo].map(|host| host.succeed(MAIN)), before, "the same processes");
    for host in [alpha, bravo] {
        assert_eq!(host.succeed("systemctl is-active heartbeat").trim(), "active");
        host.succeed(
            "test /proc/$(systemctl show heartbeat -p MainPID --value)/exe -ef /usr/libexec/heartbeat/heartbeat",
        );
        host.succeed("systemctl restart heartbeat");
        host.await_success("hb status | head -n 1 | grep -q ', settled$'");
    }
}
