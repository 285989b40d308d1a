use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::*;
use crate::config::{Problem, ProblemKind, Severity};

/// A good file; each test adds or replaces lines.
const BASE: &str = "logfacility none\nlogfile /var/log/l\ncrm off\nauto_failback on\nucast eth1 192.0.2.2\nnode p3\n";

fn parse<R>(text: &str, look: impl FnOnce(Parsed<HaCf<'_>>, &Problems<'_, 32>) -> R) -> R {
    let mut problems = Problems::new();
    let parsed = HaCf::parse(text.as_bytes(), "p3", &mut problems);
    look(parsed, &problems)
}

/// Checks a configuration that must be good.
fn good<R>(text: &str, look: impl FnOnce(HaCf<'_>) -> R) -> R {
    parse(text, |parsed, problems| {
        let ha_cf = parsed.checked().unwrap_or_else(|| panic!("{text}: {problems:?}"));
        look(ha_cf)
    })
}

fn with(lines: &str) -> String {
    format!("{BASE}{lines}\n")
}

fn messages(text: &str, severity: Severity) -> Vec<String> {
    let of_severity = |problem: &&Problem<'_>| problem.severity == severity;
    parse(text, |_, problems| problems.iter().filter(of_severity).map(|problem| problem.kind.to_string()).collect())
}

fn errors(text: &str) -> Vec<String> {
    messages(text, Severity::Error)
}

fn warnings(text: &str) -> Vec<String> {
    messages(text, Severity::Warning)
}

#[test]
fn defaults_are_those_of_the_reference() {
    let defaults = "node p3\nbcast eth0\n";
    let expected = "cluster=linux-ha hopfudge=1 keepalive=1000ms deadtime=30000ms deadping=30000ms initdead=30000ms \
                    warntime=15000ms baud=19200 udpport=694 auto_failback=legacy hbgenmethod=file realtime=true debug=0 \
                    msgfmt=classic use_logd=yes conn_logd_time=60 log_badpack=true syslogmsgfmt=true coredumps=true \
                    pacemaker=false autojoin=none uuidfrom=file compression=zlib compression_threshold=2 \
                    traditional_compression=no max_rexmit_delay=250 record_config_changes=on \
                    record_pengine_inputs=on enable_config_writes=on memreserve=6500";
    good(defaults, |ha_cf| {
        let all: Vec<_> = ha_cf.parameters.iter().map(|(d, text)| format!("{}={text}", d.name())).collect();
        assert_eq!(all.join(" "), expected);
        assert!(ha_cf.logging.use_logd);
    });
}

#[test]
fn parameters_are_as_typed_and_crm_is_pacemaker() {
    good(&with("deadtime 5\nhopfudge abc\ncluster a b"), |ha_cf| {
        let text = |name| ha_cf.parameters.by_name(name).map(|text| text.to_string());
        assert_eq!(text("deadtime").as_deref(), Some("5"));
        assert_eq!(text("hopfudge").as_deref(), Some("abc"));
        assert_eq!(text("cluster").as_deref(), Some("b"));
        assert_eq!(text("initdead").as_deref(), Some("12000ms"));
        assert_eq!(text("crm"), text("pacemaker"));
        assert_eq!(text("crm").as_deref(), Some("off"));
        assert_eq!((text("node"), text("watchdog"), text("nonsense")), (None, None, None));
    });
}

#[test]
fn comments_carriage_returns_and_blanks_do_not_matter() {
    let text =
        "  \t# c\r\n\tkeepalive\t500ms # c\r\ncluster foo#bar\r\nlogfacility none\nlogfile x\nucast eth1 h\nnode P3";
    good(text, |ha_cf| {
        assert_eq!(ha_cf.timing.keepalive, Duration::from_millis(500));
        assert_eq!(ha_cf.protocol.cluster, "foo");
        assert_eq!(ha_cf.nodes.first().map(|node| node.name.as_str()), Some("p3"));
    });
}

#[test]
fn last_value_of_a_directive_wins() {
    good(&with("keepalive 1,5\nkeepalive 2 3\ndeadtime 2000ms\ndeadtime 20"), |ha_cf| {
        assert_eq!(ha_cf.timing.keepalive, Duration::from_secs(3));
        assert_eq!(ha_cf.timing.deadtime, Duration::from_secs(20));
    });
}

#[test]
fn warntime_initdead_and_deadping_follow_from_deadtime() {
    let derived = |deadtime: &str| {
        good(&with(&format!("keepalive 100ms\ndeadtime {deadtime}")), |ha_cf| {
            let Timing { warntime, initdead, deadping, .. } = ha_cf.timing;
            (warntime.as_millis(), initdead.as_millis(), deadping.as_millis())
        })
    };
    assert_eq!(derived("30"), (15_000, 30_000, 30_000));
    assert_eq!(derived("10"), (5000, 20_000, 10_000));
    assert_eq!(derived("6"), (3000, 12_000, 6000));
    assert_eq!(derived("5.999"), (2999, 12_000, 5999));
}

#[test]
fn nodes_keep_their_order_and_ping_nodes_count() {
    good(&with("ping 10.0.0.1,10.0.0.2\nnode P4,p5 p3\nping_group g 10.0.0.3 10.0.0.4"), |ha_cf| {
        let names: Vec<_> = ha_cf.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["p3", "10.0.0.1", "10.0.0.2", "p4", "p5", "g"]);
        let members: Vec<_> = ha_cf.members().map(|node| node.name.as_str()).collect();
        assert_eq!(members, ["p3", "p4", "p5"]);
    });
    assert_eq!(warnings(&with("node p3")), ["node [p3] is named twice"]);
}

#[test]
fn port_counts_for_the_media_below_it() {
    let text = "logfacility none\nlogfile l\nnode p3\nauto_failback on\nbcast a\nudpport 6942\nbaud 57600\nbcast b,c\n\
                ucast d h rest ignored\nserial /dev/ttyS0\nmcast e 225.0.0.1 694 1 0\n";
    good(text, |ha_cf| {
        let media: Vec<_> = ha_cf.media.iter().map(|line| line.medium).collect();
        let expected = [
            Medium::Bcast { device: "a", port: 694 },
            Medium::Bcast { device: "b", port: 6942 },
            Medium::Bcast { device: "c", port: 6942 },
            Medium::Ucast { device: "d", host: "h", port: 6942 },
            Medium::Serial { device: "/dev/ttyS0", baud: 57600 },
            Medium::Mcast { device: "e", group: [225, 0, 0, 1].into(), port: 694, ttl: 1, loopback: false },
        ];
        assert_eq!(media, expected);
    });
    assert_eq!(warnings(text), ["udpport setting must precede media statements"]);
    assert_eq!(warnings(&with("udpport 65536")).len(), 2);
}

#[test]
fn ipv6_media_are_understood() {
    let text = with("ucast6 eth1 fe80::2\nmcast6 eth1 ff02::694 694 1 1\nping6 ::1");
    good(&text, |ha_cf| {
        let kinds: Vec<_> = ha_cf.media.iter().map(|line| line.medium.kind().name()).collect();
        assert_eq!(kinds, ["ucast", "ucast6", "mcast6", "ping6"]);
    });
}

#[test]
fn apiauth_children_and_fencing_keep_their_texts() {
    let text = with(
        "apiauth x uid=root,hacluster gid=haclient\napiauth y uid=root, gid=a\napiauth z uid=\n\
         respawn hacluster /usr/lib/ipfail -v  2 # c\nfailfast root /bin/x\n\
         stonith ssh /etc/f\nstonith_host p4 nosuch x\nstonith_host P3 external/ipmi a b",
    );
    good(&text, |ha_cf| {
        let [x, y, z] = &ha_cf.api_auth[..] else { panic!("three lines") };
        assert_eq!(x.users().map(|(name, _)| name).collect::<Vec<_>>(), ["root", "hacluster"]);
        assert_eq!(x.groups().map(|(name, _)| name).collect::<Vec<_>>(), ["haclient"]);
        assert_eq!((y.users().count(), y.groups().count(), z.users().count()), (1, 1, 0));
        let [ipfail, fast] = &ha_cf.children[..] else { panic!("two children") };
        assert_eq!((ipfail.user, ipfail.command), ("hacluster", "/usr/lib/ipfail -v  2"));
        assert_eq!((ipfail.program(), fast.on_death), ("/usr/lib/ipfail", OnDeath::Reboot));
        let stonith = ha_cf.stonith.expect("a device");
        assert_eq!(stonith.device_type, "external/ipmi");
        assert_eq!(stonith.parameters, StonithParameters::Line("a b"));
    });
}

#[test]
fn facility_without_files_sends_the_files_to_null() {
    good("node p3\nbcast e\nlogfacility local3\nlogfile /l\n", |ha_cf| {
        assert_eq!((ha_cf.logging.logfile, ha_cf.logging.debugfile), (Some("/l"), Some("/dev/null")));
        assert_eq!(ha_cf.logging.facility, Some(Facility(19)));
        assert!(!ha_cf.logging.use_logd);
    });
}

#[test]
fn nice_failback_depends_on_what_stands_above_it() {
    let failback = |lines: &str| good(&format!("node p3\nbcast e\n{lines}\n"), |ha_cf| ha_cf.auto_failback);
    assert_eq!(failback("auto_failback on\nnice_failback on"), AutoFailback::Off);
    assert_eq!(failback("nice_failback off"), AutoFailback::Legacy);
    assert_eq!(failback("nice_failback on\nauto_failback Off"), AutoFailback::Off);
    assert_eq!(failback("auto_failback LEGACY"), AutoFailback::Legacy);
}

#[test]
fn autojoin_any_adds_the_local_node() {
    good("bcast e\npacemaker ccm-only\nautojoin any\n", |ha_cf| {
        let names: Vec<_> = ha_cf.members().map(|node| (node.name.as_str(), node.at)).collect();
        assert_eq!(names, [("p3", None)]);
    });
    assert_eq!(errors(&with("autojoin any")), ["R1 style resource management conflicts with  autojoin set"]);
}

#[test]
fn word_before_pacemaker_works_although_3_0_6_fails() {
    good("node p3\nbcast e\ncrm_daemon_dir /x\ncrmd_spawns_pengine on\ncrm off\n", |ha_cf| {
        assert_eq!(ha_cf.pacemaker.daemon_dir, Some("/x"));
        assert_eq!(ha_cf.pacemaker.crmd_spawns_pengine, Some(true));
    });
}

#[test]
fn full_tables_are_errors() {
    let nodes = (0..100).map(|i| format!("node n{i}\n")).collect::<Vec<_>>().concat();
    assert_eq!(errors(&with(&nodes)), ["more than 100 nodes"]);
    let media = (0..64).map(|i| format!("bcast eth{i}\n")).collect::<Vec<_>>().concat();
    assert_eq!(errors(&with(&media)), ["more than 64 media"]);
    let name = "n".repeat(100);
    assert_eq!(errors(&with(&format!("node {name}"))), [format!("[{name}] is not a node name")]);
}

#[test]
fn more_problems_than_fit_are_counted() {
    let text = "frob 1\n".repeat(40);
    parse(&text, |parsed, problems| {
        assert!(parsed.checked().is_none());
        assert_eq!(problems.iter().count(), 32);
        assert!(problems.omitted() >= 8);
        assert!(problems.errors() >= 40);
    });
}

/// A caret stands before the wrong word.
const WRONG_WORDS: [&str; 58] = [
    " \t^frob 1",
    "\tkeepalive \t ^soon # c",
    "keepalive 1,,^soon\r",
    "\tdeadtime\t^1 # c",
    "initdead  ^1",
    "warntime ^x",
    "deadping 9 ^1",
    "udpport\t\t^0",
    "baud ^300",
    "logfacility ^bogus",
    "auto_failback ^maybe",
    "hopfudge ^300",
    "rtprio ^1000",
    "hbgenmethod ^foo",
    "realtime ^maybe",
    "debug  ^300",
    "msgfmt ^xml",
    "env A=1 ^=x",
    "memreserve ^0",
    "autojoin ^any",
    "uuidfrom ^foo",
    "watchdog /dev/a ^/dev/b",
    "coreroot ^x/y",
    "crm ^on",
    "node p4  ^\u{1}bad",
    " ^ucast",
    "ucast  ^eth1",
    "mcast ^eth1",
    "mcast eth1  ^1.2.3.4 694 1 0",
    "mcast eth1 ^225.0.0.1",
    "mcast eth1 225.0.0.1\t^0 1 0",
    "mcast eth1 225.0.0.1 ^694",
    "mcast eth1 225.0.0.1 694 ^9 0",
    "mcast eth1 225.0.0.1 694 ^1",
    "mcast eth1 225.0.0.1 694 1 ^7",
    "mcast6 eth1 ff02::1 694 ^9 0",
    "mcast6 eth1 ^225.0.0.1 694 1 0",
    "ucast6  ^eth1",
    "ucast6 eth1 ^1.2.3.4",
    "serial /dev/a, ^ttyS0",
    "ping6 ::1 ^1.2.3.4",
    "ping_group  ^g",
    " ^apiauth # c",
    "apiauth  ^x",
    "apiauth x  uid=root ^foo=1",
    "apiauth x gid=root  ^gid=root",
    "apiauth ^aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa uid=root",
    "^respawn",
    "respawn  ^root\t",
    "respawn root ^bin/true x",
    "respawn  ^root/bin/true",
    "^stonith",
    "stonith  ^foo ",
    "^stonith_host",
    "stonith_host  ^*",
    "keepalive^\u{a0}1",
    "crmd_spawns_pengine ^on",
    "keepalive\\\n  ^frob",
];

#[test]
fn each_error_points_at_the_word_that_is_wrong() {
    for marked in WRONG_WORDS {
        let (before, after) = marked.split_once('^').expect("a caret");
        let line = 7 + before.matches('\n').count();
        let column = before.rsplit('\n').next().map_or(0, str::len) + 1;
        parse(&with(&[before, after].concat()), |_, problems| {
            let error = problems.iter().rfind(|problem| problem.severity == Severity::Error);
            let place = error.and_then(|error| error.at).map(|at| (at.line as usize, at.column as usize));
            assert_eq!(place, Some((line, column)), "{marked:?}: {error:?}");
        });
    }
}

#[test]
fn missing_local_node_is_missed_where_the_others_stand() {
    let text = "logfacility none\nauto_failback on\nbcast e\n  node  p4 p5\n";
    parse(text, |_, problems| {
        let place = problems.iter().find(|p| p.severity == Severity::Error).and_then(|p| p.at);
        assert_eq!(place, Some(Position { line: 4, column: 9 }));
    });
}

#[test]
fn lines_cannot_be_continued_and_that_is_said() {
    parse(&with("node p4 \\\n  p5"), |_, problems| {
        let found = problems.iter().find(|problem| problem.kind == ProblemKind::Backslash).expect("a warning");
        assert_eq!((found.severity, found.at), (Severity::Warning, Some(Position { line: 7, column: 9 })));
        assert!(found.kind.help().to_string().contains("on one line"));
    });
    assert_eq!(warnings(&with("node p4 # \\")), [""; 0], "not in a comment");
}

/// A fault that exists only because another line was refused is no error of its own.
#[test]
fn one_mistake_is_one_error() {
    let rest = "logfacility none\nlogfile l\nauto_failback on\n";
    for mistake in [
        "bcast e\nnod p3",
        "bcast e\nNODE p3",
        "bcast e\nnode=p3",
        "bcast e\nnode\u{a0}p3",
        "bcast e\nnode \u{1}p3",
        "bcst e\nnode p3",
        "Bcast e\nnode p3",
        "bcast=e\nnode p3",
        "ucast e\nnode p3",
        "bcast e",
        "bcast e\nnode p3\nkeepalive 20\ndeadtime 100x",
        "bcast e\nnode p3\nkeepalive 2x\ndeadtime 1",
        "bcast e\nnode p3\ndedtime 20\ninitdead 15",
        "bcast e\nnode p3\nkepalive 100ms\ndeadping 1",
    ] {
        let text = format!("{rest}{mistake}\n");
        let all = errors(&text);
        assert_eq!(all.len(), 1, "{mistake:?}: {all:?}");
        assert_eq!(warnings(&text), [""; 0], "{mistake:?}");
    }
    assert_eq!(errors("logfacilty local0\nuse_logd off\nauto_failback on\nbcast e\nnode p3\n").len(), 1);
    let legacy = warnings("logfile l\nauto_failbak on\nbcast e\nnode p3\n");
    assert_eq!(legacy, [""; 0], "what was meant is not known");
}

#[test]
fn non_breaking_spaces_are_called_by_their_name() {
    let expected = "non-breaking space (U+00A0) in place of a blank";
    assert_eq!(errors(&with("keepalive\u{a0}2")), [expected]);
    assert_eq!(warnings(&with("cluster a\u{a0}b")), [expected]);
    assert!(errors(&with("keepalive \u{a0}2")).len() == 1, "the value is no time");
}

#[test]
fn latin_1_is_fine_in_comments_only() {
    let text = [BASE.as_bytes(), b"# caf\xe9\ncluster b\xe9b\n"].concat();
    let mut problems = Problems::<8>::new();
    assert!(HaCf::parse(&text, "p3", &mut problems).checked().is_none());
    let problem = problems.iter().find(|problem| problem.severity == Severity::Error).expect("an error");
    assert_eq!((problem.kind, problem.at), (ProblemKind::NotUtf8, Some(Position { line: 8, column: 10 })));
}

#[test]
fn missing_blank_after_the_user_is_understood() {
    parse(&with("respawn hacluster/usr/lib/ipfail"), |_, problems| {
        let problem = problems.iter().find(|problem| problem.severity == Severity::Error).expect("an error");
        assert_eq!(problem.kind.to_string(), "Invalid uid [hacluster/usr/lib/ipfail] specified for client child");
        assert!(problem.kind.help().to_string().contains("`respawn hacluster /usr/lib/ipfail`"));
    });
}

fn helps(text: &str) -> Vec<String> {
    parse(text, |_, problems| problems.iter().map(|problem| problem.kind.help().to_string()).collect())
}

#[test]
fn misspelt_directive_gets_the_one_that_was_meant() {
    for (typed, meant) in [
        ("keepalve 1", "keepalive"),
        ("dead_time 1", "deadtime"),
        ("auto_fallback on", "auto_failback"),
        ("nodes p4", "node"),
        ("bcst eth0", "bcast"),
        ("ucats eth0 192.0.2.3", "ucast"),
        ("logfcility none", "logfacility"),
    ] {
        assert!(
            helps(&with(typed)).contains(&format!("did you mean `{meant}`?")),
            "{typed}: {:?}",
            helps(&with(typed))
        );
    }
    let long = "x".repeat(5000);
    for typed in ["frob 1", "x", "zzzzzzzz", "a_word_that_is_longer_than_every_directive 1", &long] {
        assert!(!helps(&with(typed)).iter().any(|help| help.contains("did you mean")), "{typed}");
    }
}

#[test]
fn byte_order_mark_is_named() {
    let text = format!("\u{feff}{BASE}");
    assert_eq!(errors(&text), ["byte order mark (U+FEFF) before the first letter"]);
    parse(&text, |_, problems| {
        let place = problems.iter().find_map(|problem| problem.at);
        assert_eq!(place.map(|at| (at.line, at.column)), Some((1, 1)));
    });
}

#[test]
fn utf_16_is_one_error() {
    let text: Vec<u8> = "\u{feff}node p3\nbcast e\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut problems = Problems::<8>::new();
    assert!(HaCf::parse(&text, "p3", &mut problems).checked().is_none());
    let kinds: Vec<_> = problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::ByteOrderMark]);
}

#[test]
fn refused_medium_is_not_missed_as_well() {
    let alone = "logfacility none\nauto_failback on\nnode p3\nucast eth1\n";
    assert_eq!(errors(alone), ["ucast: [eth1] missing target IP address/hostname"]);
    assert_eq!(errors("logfacility none\nauto_failback on\nnode p3\nbcast\n"), ["No heartbeat media defined"]);
}
