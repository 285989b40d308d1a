//! Scenarios of `hb check`: a configuration that is nearly good, and a wrong command line.

mod host;

use std::process::{Command, Output};

use host::Place;

const HA_CF: &str = "logfacility none\nauto_failback on\ncrm off\ndeadtime 10\nucast lo 127.0.0.1\nnode p3\n";

/// A good site of the node p3, except for one file.
fn site(file: &str, content: &str, mode: u32) -> Place {
    let place = Place::new();
    for (name, text) in
        [("ha.cf", HA_CF), ("authkeys", "auth 1\n1 sha1 x\n"), ("haresources", ""), ("nodeinfo", "p3\n")]
    {
        place.file(name, text, 0o600);
    }
    place.file(file, content, mode);
    place
}

fn hb(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_hb")).args(arguments).output().expect("it runs");
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

fn check(place: &Place) -> (Option<i32>, String) {
    hb(&["check", place.path().to_str().expect("UTF-8")])
}

#[test]
fn one_directory_is_checked_and_nothing_else() {
    let place = site("haresources", "", 0o644);
    assert_eq!(check(&place).0, Some(0), "{}", check(&place).1);
    let dir = place.path().to_str().expect("UTF-8");
    let (code, said) = hb(&["check", dir, dir]);
    assert!(code == Some(2) && said.contains("hb check [DIR]"), "{code:?}: {said}");
    let (code, said) = hb(&["check", place.join("ha.cf").to_str().expect("UTF-8")]);
    assert!(code == Some(2) && said.contains("is a file: name the directory"), "{code:?}: {said}");
}

#[test]
fn messages_name_the_folder_that_was_checked() {
    let place = site("ha.cf", &format!("{HA_CF}keepalve 1\n"), 0o644);
    let (code, said) = check(&place);
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains(&format!("Illegal directive [keepalve] in {}/ha.cf", place.path().display())), "{said}");
    assert!(said.contains("did you mean `keepalive`?") && !said.contains("/etc/ha.d"), "{said}");
}

#[test]
fn keys_that_others_may_write_are_warned_about_and_those_that_they_may_read_refused() {
    let keys = "auth 1\n1 sha1 x\n";
    for (mode, code, word) in [
        (0o600, 0, "good"),
        (0o711, 0, "good"),
        (0o620, 0, "warning: others may write the keyfile"),
        (0o602, 0, "its mode is 602"),
        (0o640, 6, "error: Bad permissions on keyfile"),
    ] {
        let (got, said) = check(&site("authkeys", keys, mode));
        assert!(got == Some(code) && said.contains(word), "{mode:o}: {got:?}: {said}");
        assert_eq!(said.contains("chmod 600"), word != "good", "{mode:o}: {said}");
    }
}

/// A caret stands before the wrong word. The port, not core, finds the missing parts of this machine.
#[test]
fn words_that_this_machine_lacks_are_marked() {
    for marked in [
        "ucast lo  ^nohost.invalid # c",
        "ucast  ^nodev77  198.51.100.2",
        "bcast lo,^nodev77",
        "serial\t^/dev/nosuchport # c",
        "serial /dev/tty, ^/dev/null",
        "ping_group g  127.0.0.1  ^nohost.invalid",
        "apiauth x  uid=root,^nouser gid=root",
        "respawn  ^nouser /bin/true",
        "respawn root  ^/nonexistent x",
        "stonith  ^nosuchtype /dev/null",
        "compression ^foo",
    ] {
        let (before, after) = marked.split_once('^').expect("a caret");
        let line = [before, after].concat();
        let (_, said) = check(&site("ha.cf", &format!("{HA_CF}{line}\n"), 0o644));
        let (line, column) = (1 + HA_CF.lines().count(), 1 + before.len());
        assert!(said.contains(&format!("ha.cf:{line}:{column}: ")), "{marked:?} at {line}:{column}: {said}");
    }
}

#[test]
fn device_that_is_no_serial_port_is_refused_with_the_fix() {
    let (code, said) = check(&site("ha.cf", &format!("{HA_CF}serial /dev/null\n"), 0o644));
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("ha.cf:7:8: error: [/dev/null] is not a serial port"), "{said}");
    assert!(said.contains("help: name a serial device, such as /dev/ttyS0"), "{said}");
}

#[test]
fn one_mistake_is_one_error_in_all_files() {
    let groups = "p3 198.51.100.7/24/lo\n";
    for (ha_cf, message) in [
        (HA_CF.replace("node p3", "nod p3"), "Illegal directive [nod]"),
        (HA_CF.replace("node p3", "node p4"), "Current node [p3] not in configuration!"),
        (HA_CF.replace("node p3\n", ""), "no nodes defined"),
    ] {
        let place = site("haresources", groups, 0o644);
        place.file("ha.cf", &ha_cf, 0o644);
        let (code, said) = check(&place);
        assert_eq!((code, said.matches(" error: ").count()), (Some(6), 1), "{said}");
        assert!(said.contains(message), "{said}");
    }
}

#[test]
fn directory_or_fifo_in_place_of_a_file_is_an_error() {
    for (make, word) in [("mkdir", "a directory has its name"), ("mkfifo", "another kind of file has its name")] {
        for file in ["ha.cf", "authkeys", "haresources"] {
            let place = site("haresources", "p3 198.51.100.7/24/lo\n", 0o644);
            std::fs::remove_file(place.join(file)).expect("it was there");
            assert!(Command::new(make).arg(place.join(file)).status().expect("it runs").success());
            let (code, said) = check(&place);
            assert_eq!((code, said.matches(" error: ").count()), (Some(6), 1), "{said}");
            assert!(said.contains(&format!("help: {word}")), "{said}");
        }
    }
}

#[test]
fn verdict_counts_in_plain_words() {
    assert!(check(&site("haresources", "", 0o644)).1.contains(": good: 1 node, 1 medium, 0 resource groups\n"));
    let (_, said) = check(&site("ha.cf", &format!("{HA_CF}node p4\nping 127.0.0.1\nfailfast root /bin/true\n"), 0o644));
    assert!(said.contains(": good: 2 nodes, 2 media, 0 resource groups\n"), "{said}");
    assert!(!said.contains("not acted upon"), "{said}");
}

#[test]
fn resources_of_more_than_two_nodes_are_warned_about() {
    for (nodes, groups, is_warned) in [
        ("node p4 p5\n", "p3 198.51.100.7/24/lo\n", true),
        ("node p4 p5\n", "", false),
        ("node p4\nping 127.0.0.1\n", "p3 198.51.100.7/24/lo\n", false),
    ] {
        let place = site("haresources", groups, 0o644);
        place.file("ha.cf", &format!("{HA_CF}{nodes}"), 0o644);
        let (code, said) = check(&place);
        assert_eq!((code, said.contains("warning: resources of more than two nodes")), (Some(0), is_warned), "{said}");
    }
}

#[test]
fn file_cannot_speak_to_the_terminal() {
    let (_, said) = check(&site("ha.cf", &format!("{HA_CF}fr\u{1b}[31mob\n"), 0o644));
    assert!(said.contains("Illegal directive [fr?[31mob]") && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn ipv6_address_without_its_script_is_refused_with_the_right_form() {
    let (code, said) = check(&site("haresources", "p3 fd00::1/64/lo\n", 0o644));
    assert_eq!(code, Some(0), "3.0.6 does not look at resources: {said}");
    assert!(said.contains("help: write `IPv6addr::fd00::1/64/lo`"), "{said}");
    assert!(!said.contains("Cannot locate"), "one warning is enough: {said}");
}

#[test]
fn byte_order_mark_is_one_error() {
    let (code, said) = check(&site("ha.cf", &format!("\u{feff}{HA_CF}"), 0o644));
    assert_eq!((code, said.matches("error:").count()), (Some(6), 1), "{said}");
    assert!(said.contains("without byte order mark"), "{said}");
}

/// Loopback's own address stands for that of an interface.
#[test]
fn address_of_two_groups_or_of_the_machine_itself_is_warned_about() {
    let lines = "p3 198.51.100.7/24/lo tc\np3 IPaddr2::198.51.100.7/24/lo\np3 127.0.0.1/8/lo\n";
    let (code, said) = check(&site("haresources", lines, 0o644));
    assert_eq!(code, Some(0), "3.0.6 starts with it: {said}");
    assert!(said.contains("haresources:2:4: warning: address 198.51.100.7 also stands in line 1"), "{said}");
    let own =
        "haresources:3:4: warning: 127.0.0.1 is an own address of this machine: heartbeat removes it when it starts";
    assert!(said.contains(own), "{said}");
    assert_eq!(said.matches("own address").count(), 1, "{said}");

    let (_, said) = check(&site("haresources", "p3 198.51.100.7\np3 198.51.100.7\n", 0o644));
    assert_eq!(said.matches("also stands in").count(), 1, "one warning is enough: {said}");
}

#[test]
fn ucast_to_this_machine_is_warned_about_where_no_line_names_another() {
    let warning = "warning: ucast: lo sends to this machine alone";
    assert!(check(&site("ha.cf", HA_CF, 0o644)).1.contains(&format!("ha.cf:5:7: {warning}")));
    let broadcast = format!("{HA_CF}ucast lo 127.255.255.255\n");
    let said = check(&site("ha.cf", &broadcast, 0o644)).1;
    assert!(said.contains("ha.cf:7:10: warning: ucast: [127.255.255.255] is a broadcast address"), "{said}");
    let shared = format!("{HA_CF}ucast lo 198.51.100.2\n");
    let (code, said) = check(&site("ha.cf", &shared, 0o644));
    assert!(code == Some(0) && !said.contains(warning), "a file that all nodes share: {said}");
}

#[test]
fn fencing_device_without_its_parameters_is_an_error() {
    if !std::path::Path::new("/usr/sbin/stonith").exists() {
        return println!("skipped: cluster-glue is not installed");
    }
    for given in ["", " a b"] {
        let (code, said) = check(&site("ha.cf", &format!("{HA_CF}stonith_host * external/ipmi{given}\n"), 0o644));
        assert_eq!(code, Some(6), "{said}");
        assert!(said.contains(&format!("error: Invalid Stonith configuration parameter [{given}]\n")), "{said}");
        assert!(
            said.contains("help: write after the type, in this order: hostname ipaddr userid passwd interface"),
            "{said}"
        );
    }
    for enough in ["external/ipmi h 192.0.2.9 user secret lan", "suicide", "null p3"] {
        let (_, said) = check(&site("ha.cf", &format!("{HA_CF}stonith_host * {enough}\n"), 0o644));
        assert!(!said.contains("Stonith configuration parameter"), "{enough}: {said}");
    }
}

#[test]
fn where_log_lines_go_is_said_when_the_file_does_not() {
    let silent = HA_CF.replace("logfacility none\n", "");
    let syslog = "help: log lines go to syslog, facility daemon";
    for ha_cf in [silent.clone(), format!("{silent}use_logd on\n")] {
        let (code, said) = check(&site("ha.cf", &ha_cf, 0o644));
        assert!(code == Some(0) && said.contains(syslog), "{said}");
        let lost = "warning: log lines go to syslog, which does not listen at /dev/log";
        assert_eq!(said.contains(lost), !std::path::Path::new("/dev/log").exists(), "{said}");
    }
    let (_, said) = check(&site("ha.cf", &format!("{silent}logfile /dev/null\n"), 0o644));
    assert!(!said.contains("syslog"), "who wants silence has it: {said}");
}

/// A program whose absence shows only after a node's death would delay the takeover.
#[test]
fn programs_of_the_site_are_looked_for_before_they_are_needed() {
    let place = site("hbcore.cf", "", 0o644);
    let there = place.script("fence", "exit 0");
    let plain = place.file("plain", "no program", 0o644);
    for (program, lack) in [
        ("/nonexistent/fence", Some("does not exist")),
        (plain.to_str().expect("UTF-8"), Some("is not executable")),
        (place.path().to_str().expect("UTF-8"), Some("is not executable")),
        (there.to_str().expect("UTF-8"), None),
    ] {
        for directive in ["fence_command", "stop_failure_command"] {
            place.file("hbcore.cf", &format!("# ours\n{directive}  {program}\n"), 0o644);
            let (code, said) = check(&place);
            let column = 1 + directive.len() + 2;
            match lack {
                Some(lack) => {
                    assert_eq!(code, Some(6), "{said}");
                    let line = format!("hbcore.cf:2:{column}: error: {directive} [{program}] {lack}\n");
                    assert!(said.contains(&line), "{line}: {said}");
                    assert!(said.contains("help: install it, correct its path, or make it executable"), "{said}");
                }
                None => assert!(code == Some(0) && !said.contains(directive), "{said}"),
            }
        }
    }
}

#[test]
fn device_needs_the_program_that_drives_it() {
    let (_, said) = check(&site("ha.cf", &format!("{HA_CF}stonith_host * suicide\n"), 0o644));
    let is_missing = !std::path::Path::new("/usr/sbin/stonith").exists();
    assert_eq!(
        said.contains("error: the program that fences, [/usr/sbin/stonith], does not exist"),
        is_missing,
        "{said}"
    );
}

#[test]
fn second_auth_line_is_warned_about() {
    let (code, said) = check(&site("authkeys", "auth 1\n1 sha1 x\n\n  auth 2\n2 sha1 y\n", 0o600));
    assert_eq!(code, Some(0), "3.0.6 takes the last one: {said}");
    assert!(said.contains("authkeys:4:3: warning: `auth 2` replaces the auth line in line 1\n"), "{said}");
    assert!(said.contains("help: keep one auth line"), "{said}");
    assert!(!check(&site("authkeys", "auth 1\n1 sha1 x\n2 sha1 y\n", 0o600)).1.contains("auth line"));
}

#[test]
fn crc_is_warned_about_unless_all_nodes_are_at_the_end_of_a_cable() {
    let warning = "warning: `crc` authenticates nobody";
    // Also when the node does not sign with it: a packet names the key that signed it.
    for (keys, place) in [("auth 1\n1  crc\n", "authkeys:2:4: "), ("auth 1\n1 sha1 x\n2 crc\n", "authkeys:3:3: ")] {
        let (code, said) = check(&site("authkeys", keys, 0o600));
        assert!(code == Some(0) && said.contains(&format!("{place}{warning}")), "{said}");
        assert!(said.contains("help: write `NUMBER sha1 KEY` instead"), "{said}");
    }
    let cabled = site("authkeys", "auth 1\n1 crc\n", 0o600);
    cabled.file("ha.cf", &HA_CF.replace("ucast lo 127.0.0.1", "serial /dev/ttyS0"), 0o644);
    assert!(!check(&cabled).1.contains(warning), "{}", check(&cabled).1);
}

#[test]
fn address_of_no_subnet_of_the_machine_is_warned_about() {
    let groups =
        "p3 203.0.113.7/24 tc\np3 203.0.113.8\np3 203.0.113.9/24/lo\np3 127.1.2.3\np3 IPv6addr::2001:db8::7/64\n";
    let (code, said) = check(&site("haresources", groups, 0o644));
    assert_eq!(code, Some(0), "3.0.6 does not look at addresses: {said}");
    for (place, address, write) in
        [("1:4", "203.0.113.7", "203.0.113.7/24/eth0"), ("2:4", "203.0.113.8", "203.0.113.8/24/eth0")]
    {
        let warning = format!("haresources:{place}: warning: {address} is in no subnet of this machine\n");
        assert!(said.contains(&warning), "{warning}: {said}");
        assert!(said.contains(&format!("name its interface, as in `{write}`; this machine has ")), "{said}");
    }
    assert!(said.contains("lo 127.0.0.1/8"), "the interfaces that were looked at: {said}");
    assert!(said.contains("haresources:5:4: warning: 2001:db8::7 is in no subnet of this machine\n"), "{said}");
    assert_eq!(said.matches("in no subnet").count(), 3, "neither one with an interface nor one of loopback: {said}");
}

#[test]
fn node_that_is_alone_is_warned_about() {
    let warning = "ha.cf:6:6: warning: p3 is the only node: when it fails, no node takes over\n";
    assert!(check(&site("ha.cf", HA_CF, 0o644)).1.contains(warning), "{}", check(&site("ha.cf", HA_CF, 0o644)).1);
    // A ping node never takes over.
    assert!(check(&site("ha.cf", &format!("{HA_CF}ping 127.0.0.1\n"), 0o644)).1.contains(warning));
    assert!(!check(&site("ha.cf", &format!("{HA_CF}node p4\n"), 0o644)).1.contains("the only node"));
}

#[test]
fn one_colon_where_two_are_meant_is_told_at_the_colon() {
    for (word, column, write) in [
        ("Filesystem:/dev/x", 14, "Filesystem::/dev/x"),
        ("Filesystem:/dev/x::/mnt::ext3", 14, "Filesystem::/dev/x::/mnt::ext3"),
        ("drbddisk:r0", 12, "drbddisk::r0"),
    ] {
        let (code, said) = check(&site("haresources", &format!("p3 {word}\n"), 0o644));
        assert_eq!(code, Some(0), "3.0.6 does not look at scripts: {said}");
        assert!(said.contains(&format!("haresources:1:{column}: warning: one colon after ")), "{said}");
        assert!(said.contains(&format!("write `{write}`\n")) && !said.contains("Cannot locate"), "{said}");
    }
    for word in ["Filesystem::host:/dir::/mnt::nfs", "nosuch", ":x", "x:"] {
        assert!(!check(&site("haresources", &format!("p3 {word}\n"), 0o644)).1.contains("one colon"), "{word}");
    }
}

#[test]
fn ping_that_nothing_acts_upon_is_warned_about() {
    let warning = "warning: ping: no program acts upon it: a node without network keeps its groups";
    let pinged = format!("{HA_CF}ping  127.0.0.1\n");
    let (code, said) = check(&site("ha.cf", &pinged, 0o644));
    assert!(code == Some(0) && said.contains(&format!("ha.cf:7:7: {warning}")), "{said}");
    assert!(said.contains("help: add `respawn hacluster /usr/libexec/heartbeat/ipfail`"), "{said}");
    let (_, said) = check(&site("ha.cf", &format!("{pinged}respawn root /usr/lib/heartbeat/ipfail\n"), 0o644));
    assert!(!said.contains(warning), "{said}");
}

/// A program that old configurations name in the place of another distribution is found in its own, for programs of Heartbeat only.
#[test]
fn program_of_heartbeat_in_another_place_is_noted_and_found() {
    let place = site("ipfail", "#!/bin/sh\n", 0o755);
    let file = place.path().join("ipfail").display().to_string();
    let with = |lines: &str| check(&site("ha.cf", &format!("{HA_CF}ping 127.0.0.1\nauto_failback on\n{lines}"), 0o644));
    let (code, said) = with(&format!("respawn root {file}\n"));
    assert!(code == Some(0) && !said.contains("Client child command"), "{said}");
    let (code, said) = with("respawn root /opt/heartbeat/ipfail\n");
    assert!(code == Some(6) && said.contains("[/opt/heartbeat/ipfail] is not executable"), "{said}");
    if std::path::Path::new("/usr/libexec/heartbeat/ipfail").exists() {
        for directory in ["/usr/lib64/heartbeat", "/usr/lib/heartbeat"] {
            let (code, said) = with(&format!("respawn root {directory}/ipfail -x\n"));
            let note = format!("info: Client child command [{directory}/ipfail] is /usr/libexec/heartbeat/ipfail here");
            assert!(code == Some(0) && said.contains(&note), "{said}");
        }
    }
}

#[test]
fn ping_directives_without_a_ping_node_are_warned_about() {
    let place = site("ipfail", "#!/bin/sh\n", 0o755);
    let respawn = format!("respawn root {}\n", place.path().join("ipfail").display());
    for (lines, warning) in [
        (format!("{respawn}auto_failback on\n"), Some("ipfail has no ping node to look at: it moves nothing")),
        (
            format!("{respawn}ping 127.0.0.1\nauto_failback legacy\n"),
            Some("ipfail ends at once with auto_failback legacy"),
        ),
        ("deadping 40\n".to_owned(), Some("deadping: there is no ping node")),
        (format!("{respawn}ping 127.0.0.1\ndeadping 40\nauto_failback on\n"), None),
    ] {
        let (code, said) = check(&site("ha.cf", &format!("{HA_CF}{lines}"), 0o644));
        assert_eq!(code, Some(0), "{said}");
        let told =
            ["ipfail", "deadping", "ping: no program"].iter().any(|word| said.contains(&format!("warning: {word}")));
        assert!(warning.map_or(!told, |warning| said.contains(warning)), "{lines}: {said}");
    }
}

/// Four sites that their authors published: only one of them deserves one of these warnings, about a ping node without
/// an effect.
#[test]
fn real_sites_get_no_alarm_that_is_none() {
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/seeds");
    for folder in ["0", "1", "2", "3"] {
        let (_, said) = hb(&["check", seeds.join(folder).to_str().expect("UTF-8")]);
        for alarm in ["in no subnet", "the only node", "one colon", "authenticates nobody", "replaces the auth line"] {
            assert!(!said.contains(alarm), "{folder}: {said}");
        }
        assert_eq!(said.contains("no program acts upon it"), folder == "2", "{folder}: {said}");
    }
}

#[test]
fn peer_that_nobody_can_tell_of_is_said_after_the_files() {
    let place = site("haresources", "", 0o644);
    let dir = place.path().to_str().expect("UTF-8");
    let (code, said) = hb(&["check", "--peer", "--run-dir", dir, dir]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains(": good: ") && said.contains("so it cannot tell about the peer"), "{said}");
    place.file("ha.cf", "frob\n", 0o644);
    let (code, said) = hb(&["check", "--peer", "--run-dir", dir, dir]);
    assert!(code == Some(6) && !said.contains("the daemon does not answer"), "wrong files come first: {said}");
}

#[test]
fn bcast_is_refused_where_no_subnet_has_a_broadcast_address() {
    let place = site("ha.cf", &HA_CF.replace("ucast lo 127.0.0.1", "bcast card0"), 0o644);
    let script = "ip link add card0 type dummy && ip address add $1 dev card0 || exit 77; shift; exec \"$@\"";
    let check = |address: &str| {
        let mut command = Command::new("unshare");
        command.args(["-n", "sh", "-c", script, "sh", address, env!("CARGO_BIN_EXE_hb"), "check"]);
        let Output { status, stdout, stderr } = command.arg(place.path()).output().expect("it runs");
        (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
    };
    let (code, said) = check("10.1.2.3/32");
    if !matches!(code, Some(0 | 1)) {
        return println!("skipped: a network namespace with a dummy interface cannot be had: {code:?}: {said}");
    }
    assert!(code == Some(1) && said.contains("Get broadcast for interface card0 failed"), "{said}");
    assert!(said.contains("write `ucast card0` with the address of the other node, or `mcast`"), "{said}");
    let (code, said) = check("10.1.2.3/24");
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn group_of_a_run_that_crashed_is_named_when_no_daemon_runs() {
    let place = site("haresources", "p3 web\n", 0o644);
    let run = place.join("run");
    std::fs::create_dir_all(run.join("heartbeat")).expect("made");
    std::fs::write(run.join("heartbeat/running"), "web\n192.0.2.7 mail\n").expect("written");
    let words = ["check", place.path().to_str().expect("UTF-8"), "--run-dir", run.to_str().expect("UTF-8")];
    let said = hb(&words).1;
    assert!(said.contains("192.0.2.7 mail: may still run here, as the last run was not stopped in order"), "{said}");
    assert!(said.contains("the next start stops it") && !said.contains("web: may"), "{said}");
}
