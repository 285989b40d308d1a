//! The resource scripts and functions of our installation, beside those of Debian's packages.

use std::fmt::Write;

use hbcore_tests::lab::{Booted, Init, Installed};

use super::pair::{Pair, install, programs, sources};
use super::seed::SEEDS;

/// The arguments of each script, in every form that 3.0.6 knows.
const FORMS: [&str; 47] = [
    "AudibleAlarm a b start",
    "AudibleAlarm start",
    "Delay 5 start",
    "Delay 5 7 stop",
    "Delay start",
    "Filesystem /dev/x /mnt ext3 rw,noatime start",
    "Filesystem /dev/x /mnt ext3 status",
    "Filesystem LABEL=web /mnt stop",
    "Filesystem /dev/x start",
    "ICP a b start",
    "IPaddr 192.0.2.1 start",
    "IPaddr 192.0.2.1/24 status",
    "IPaddr 192.0.2.1/255.255.255.0 stop",
    "IPaddr 192.0.2.1/24/eth0 start",
    "IPaddr 192.0.2.1/24/eth0/ start",
    "IPaddr 192.0.2.1/24/eth0:0/192.0.2.255 start",
    "IPaddr 192.0.2.1/24/192.0.2.255 start",
    "IPaddr 192.0.2.1/ start",
    "IPaddr start",
    "IPaddr2 192.0.2.1 start",
    "IPaddr2 192.0.2.1/24/eth0 status",
    "IPaddr2 192.0.2.1/24/eth0/192.0.2.255 stop",
    "IPsrcaddr 192.0.2.1 start",
    "IPv6addr fe80::1 start",
    "IPv6addr 2001:db8:0:0:0:0:0:100/64 status",
    "IPv6addr 2001:db8:0:0:0:0:0:100/64/eth0 start",
    "LVM vg0 start",
    "LVM vg0 monitor",
    "LVM vg0 restart",
    "LVM start",
    "LinuxSCSI 0:0:1 start",
    "MailTo admin@example.org start",
    "MailTo admin@example.org web stop",
    "Raid1 /etc/raidtab /dev/md0 start",
    "SendArp 192.0.2.1/eth0 start",
    "ServeRAID 1 2 start",
    "WAS /etc/passwd start",
    "WAS 8080 start",
    "WAS start",
    "WinPopup /etc/hosts start",
    "Xinetd ftp start",
    "apache /etc/apache2/apache2.conf status",
    "apache start",
    "db2 inst1 start",
    "ids a b c start",
    "ids start",
    "portblock tcp 80,81 block start",
];

/// An agent that writes down how it is called, and returns what a file says.
const AGENT: &str = r#"#!/bin/sh
{ echo "${0##*/} $*"; env | grep -E '^OCF_(RESKEY_|RESOURCE_INSTANCE|ROOT)' | grep -v '=$' | sed 's/ *$//' | sort; } >/tmp/called
exit "$(cat /tmp/code)"
"#;

/// Every form gives the agent the same action, parameters and instance as the script of 3.0.6, and every code of an
/// agent becomes the same word and code.
pub(super) fn wrapper_calls_agents_as_the_package_does() -> Result<(), String> {
    let host = boot(Installed::Debian)?;
    host.succeed(&format!(
        "cat >/tmp/agent <<'END'\n{AGENT}END\nchmod 755 /tmp/agent
        for agent in /usr/lib/ocf/resource.d/heartbeat/*; do cp /tmp/agent \"$agent\"; done"
    ));
    let mut calls: Vec<(String, u8)> = FORMS.iter().map(|form| ((*form).to_owned(), 0)).collect();
    for code in 1..10 {
        // Our script succeeds in stopping a resource that does not run; the script of 3.0.6 fails.
        let actions: &[&str] = if code == 7 { &["start", "status"] } else { &["start", "stop", "status"] };
        calls.extend(actions.iter().map(|action| (format!("LVM vg0 {action}"), code)));
    }
    let wrapper = sources().join("dist/ha.d/ocf-wrapper");
    let run = |program: &str| {
        let mut script = String::new();
        for (form, code) in &calls {
            let _ = writeln!(
                script,
                "echo '--- {form}, {code}'; rm -f /tmp/called; echo {code} >/tmp/code
                {program}{form} >/tmp/said 2>/dev/null; echo \"returns $?\"
                grep -v -i '^usage\\|unknown operation' /tmp/said; cat /tmp/called 2>/dev/null"
            );
        }
        host.run(&script).1
    };
    let (theirs, ours) = (run("/etc/ha.d/resource.d/"), run(&format!("{} ", wrapper.display())));
    assert!(theirs.contains("INFO:  Running OK\nFilesystem monitor\nOCF_RESKEY_device=/dev/x"), "{theirs}");
    for (theirs, ours) in theirs.split("--- ").zip(ours.split("--- ")) {
        assert_eq!(theirs, ours);
    }

    // While an agent is missing, a resource that was started may run, and one that was never started does not.
    let call = |words: &str| host.run(&format!("echo 0 >/tmp/code; {} LVM {words}", wrapper.display()));
    assert_eq!(call("vg1 start").0, Some(0));
    host.succeed("rm /usr/lib/ocf/resource.d/heartbeat/LVM");
    for operation in ["status", "stop"] {
        let (code, said) = call(&format!("vg1 {operation}"));
        assert!(code == Some(5) && !said.contains("stopped"), "{code:?} {said}");
    }
    assert_eq!(call("vg2 status").0, Some(7));
    assert_eq!(call("vg2 stop").0, Some(0));
    Ok(())
}

/// Where resource-agents is missing, `hb check` and the script name it; the machine is not rebooted, and addresses and
/// init scripts work.
pub(super) fn missing_agent_is_named() -> Result<(), String> {
    let seed = &SEEDS[3];
    let pair = Pair::new(seed, Installed::Bare)?;
    for (node, host) in pair.hosts.iter().enumerate() {
        host.succeed(&install());
        pair.write(node, "ha.cf", &seed.ha_cf(node));
        pair.write(node, "authkeys", &seed.authkeys());
        pair.write(node, "haresources", &seed.haresources());
        let said = host.succeed("hb check");
        let agent = "/usr/lib/ocf/resource.d/heartbeat/Filesystem";
        assert!(said.contains(&format!("Filesystem calls {agent}, which does not exist")), "{said}");
        assert!(said.contains("install the package resource-agents"), "{said}");
        let (code, said) = host.run("/etc/ha.d/resource.d/Filesystem /dev/sdb5 /webdata ext3 start");
        assert_eq!(code, Some(5), "{said}");
        assert!(said.contains("install the package resource-agents"), "{said}");
        // A reboot would be seen: nothing of this machine's own is called.
        host.succeed("printf '#!/bin/sh\\n: >/tmp/rebooted\\n' >/usr/sbin/reboot; chmod 755 /usr/sbin/reboot");
        host.succeed("/etc/init.d/heartbeat start");
    }
    for host in &pair.hosts {
        host.await_success("hb status | grep -q 'failed-here.*Filesystem'");
        host.await_success(seed.rests);
        host.succeed("test ! -e /tmp/rebooted");
    }
    for host in &pair.hosts {
        host.succeed("hb status | grep -q 'install the package resource-agents'");
        host.succeed("sed -i 's/Filesystem[^ ]*//' /etc/ha.d/haresources; /etc/init.d/heartbeat stop");
    }
    for host in &pair.hosts {
        host.succeed("/etc/init.d/heartbeat start");
    }
    pair.hosts[0].await_success("/etc/init.d/tomcat status && ip address show dev eth0 | grep -q 192.168.60.200");
    Ok(())
}

/// `--uninstall` removes what was installed and no more: the site's files, and its own version of a script, stay.
pub(super) fn uninstallation_takes_only_its_own() -> Result<(), String> {
    let host = boot(Installed::None)?;
    let files = "find /etc /usr /var/lib/heartbeat -xdev -newer /tmp/before ! -type d ! -name '*-' | sort";
    host.succeed("touch -d '1 minute ago' /tmp/before");
    let before = host.succeed(files);
    host.succeed(&install());
    host.succeed(
        "echo 'node alpha' >/etc/ha.d/ha.cf
        printf '#!/bin/sh\\nexit 0\\n' >/etc/ha.d/resource.d/db2
        printf '#!/bin/sh\\nexit 0\\n' >/etc/ha.d/resource.d/site",
    );
    // A later version keeps what the site has changed, too.
    host.succeed(&install());
    host.succeed("grep -q 'exit 0' /etc/ha.d/resource.d/db2");
    host.succeed(&format!("{}/dist/install.sh --uninstall", sources().display()));
    let after = host.succeed(files);
    let is_of_users = |file: &&str| {
        ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"].iter().any(|name| file.contains(name))
    };
    let left: Vec<&str> =
        after.lines().filter(|file| !before.contains(file)).filter(|file| !is_of_users(file)).collect();
    assert_eq!(left, ["/etc/ha.d/ha.cf", "/etc/ha.d/resource.d/db2", "/etc/ha.d/resource.d/site"]);
    assert_eq!(host.run("getent passwd hacluster").0, Some(0), "files may still belong to it");
    Ok(())
}

/// A site's script that uses the functions works, and logs where the daemon says.
pub(super) fn functions_serve_the_scripts_of_a_site() -> Result<(), String> {
    let host = boot(Installed::Bare)?;
    host.succeed(&install());
    let script = r#"#!/bin/sh
. /etc/ha.d/shellfuncs
ha_log "info: called with $*"
ha_debug "in $HA_RESOURCEDIR"
case $1 in
start | stop | status) ha_pseudo_resource mark "$1" ;;
monitor) ha_pseudo_resource mark monitor || exit "$OCF_NOT_RUNNING" ;;
esac
"#;
    host.succeed(&format!("cat >/etc/ha.d/resource.d/site <<'END'\n{script}END\nchmod 755 /etc/ha.d/resource.d/site"));
    let site = "HA_LOGFILE=/tmp/log HA_DEBUGLOG=/tmp/debug HA_debug=1 /etc/ha.d/resource.d/site";
    assert_eq!(host.run(&format!("{site} status")), (Some(3), "stopped\n".to_owned()));
    host.succeed(&format!("{site} stop && {site} start"));
    assert_eq!(host.run(&format!("{site} status")), (Some(0), "running\n".to_owned()));
    assert_eq!(host.run(&format!("{site} stop; {site} monitor")).0, Some(7));
    host.succeed(r"grep -qx '.* site(default)\[[0-9]*\]:    info: called with start' /tmp/log");
    host.succeed("grep -q 'in /etc/ha.d/resource.d' /tmp/debug && ! grep -q 'in /etc' /tmp/log");
    host.succeed("printf 'keepalive 2 # s\\ndeadtime 30\\n' >/etc/ha.d/ha.cf");
    assert_eq!(host.succeed(". /etc/ha.d/shellfuncs; ha_parameter keepalive"), "2\n");

    let hook = "#!/bin/sh\necho \"$1 $HA_DIR\"\n";
    host.succeed(&format!("cat >/etc/ha.d/rc.d/hook <<'END'\n{hook}END\nchmod 755 /etc/ha.d/rc.d/hook"));
    assert_eq!(host.succeed("/etc/ha.d/harc Hook; /etc/ha.d/harc unknown"), "hook /etc/ha.d\n");
    Ok(())
}

fn boot(installed: Installed) -> Result<Booted, String> {
    let [root, programs] = [sources(), programs()].map(|kept| kept.display().to_string());
    Booted::new("alpha", Init::Shell, installed, &[&root, &programs])
}

/// The programs that agents call and this machine does not have.
const STAND_INS: &str = r#"
printf '#!/bin/sh\ncat >>/tmp/mail\necho "to $*" >>/tmp/mail\n' >/usr/bin/mail
cat >/usr/sbin/drbdadm <<'END'
#!/bin/sh
case $1 in
primary) : >/tmp/primary ;;
secondary) rm -f /tmp/primary ;;
role) if [ -e /tmp/primary ]; then echo Primary/Secondary; else echo Secondary/Primary; fi ;;
esac
END
chmod 755 /usr/bin/mail /usr/sbin/drbdadm
ip link add eth0 type veth peer name other
ip address add 192.0.2.1/24 dev eth0
ip address add 2001:db8::1/64 dev eth0 nodad
ip link set eth0 up; ip link set other up
mkdir -p /data; echo "ServerName alpha" >>/etc/apache2/apache2.conf
mkdir /srv/pages
"#;

/// Forms of `haresources`, each with a command that succeeds while it runs.
const LIVES: [(&str, &str); 8] = [
    ("IPaddr 192.0.2.100/24/eth0", "ip -o address | grep -q ' 192.0.2.100/24 '"),
    ("IPaddr2 192.0.2.101/24/eth0:1/192.0.2.255", "ip -o address | grep -q ' 192.0.2.101/24 brd 192.0.2.255 .*eth0:1'"),
    ("IPv6addr 2001:db8:0:0:0:0:0:100/64/eth0", "ip -o address | grep -q ' 2001:db8::100/64 '"),
    ("Filesystem /srv/pages /data none bind", "mountpoint -q /data"),
    ("MailTo admin@example.org web", "grep -q 'admin@example.org' /tmp/mail"),
    ("apache /etc/apache2/apache2.conf", "curl -sf http://192.0.2.1/ >/dev/null"),
    ("drbddisk r0", "test -e /tmp/primary"),
    ("drbddisk", "test -e /tmp/primary"),
];

/// Our scripts start, report and stop what the agents of resource-agents do, and start and stop twice without harm.
pub(super) fn scripts_run_real_agents() -> Result<(), String> {
    let host = boot(Installed::None)?;
    host.succeed(STAND_INS);
    host.succeed(&install());
    for (form, runs) in LIVES {
        let script = format!("/etc/ha.d/resource.d/{form}");
        let status = || host.run(&format!("{script} status 2>/dev/null")).1;
        assert!(!status().to_lowercase().contains("running"), "{form}: {}", status());
        for _ in 0..2 {
            host.succeed(&format!("{script} start"));
            host.await_success(runs);
            assert!(status().to_lowercase().contains("running"), "{form}: {}", status());
        }
        for _ in 0..2 {
            host.succeed(&format!("{script} stop"));
            assert!(!status().to_lowercase().contains("running"), "{form}: {}", status());
        }
        if !form.starts_with("MailTo") {
            assert_ne!(host.run(runs).0, Some(0), "{form} has stopped");
        }
    }
    Ok(())
}
