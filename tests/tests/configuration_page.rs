//! `docs/configuration.md`: its tables are made from the parser's own table, so that they cannot differ, and its
//! examples are valid.

use std::fmt::Write;
use std::path::PathBuf;

use hbcore::config::{AuthKeys, Directive, File, HaCf, HaResources, HbcoreCf, MediumKind, Problems, Severity};
use hbcore_tests::pages::{blocks, root};

use Directive as D;

/// The nodes of the examples.
const NODES: &[u8] = b"node alpha bravo\nbcast eth0\nlogfacility local0\nauto_failback on\n";
/// If this variable is set, the test writes the page instead of comparing it.
const REFRESH: &str = "HBCORE_WRITE_PAGE";

/// The tables of the page, in its order. Each directive is in one of them.
const TABLES: [(&str, &[Directive]); 9] = [
    (
        "nodes and times",
        &[D::Node, D::Keepalive, D::Warntime, D::Deadtime, D::Initdead, D::Deadping, D::MaxRexmitDelay],
    ),
    ("links", &[D::Udpport, D::Baud, D::Msgfmt, D::Hopfudge]),
    ("resources", &[D::AutoFailback, D::NiceFailback]),
    ("fencing", &[D::Stonith, D::StonithHost]),
    (
        "logging",
        &[
            D::Logfile,
            D::Debugfile,
            D::Logfacility,
            D::Syslogmsgfmt,
            D::Debug,
            D::LogBadpack,
            D::UseLogd,
            D::ConnLogdTime,
        ],
    ),
    ("process", &[D::Realtime, D::Rtprio, D::Watchdog, D::Env, D::Memreserve, D::Coredumps, D::Coreroot, D::UseApphbd]),
    ("identity", &[D::Cluster, D::Autojoin, D::Uuidfrom, D::Hbgenmethod]),
    (
        "clients",
        &[
            D::Respawn,
            D::Failfast,
            D::Apiauth,
            D::Compression,
            D::CompressionThreshold,
            D::TraditionalCompression,
            D::Pacemaker,
            D::Crm,
            D::CrmDaemonDir,
            D::CrmdSpawnsPengine,
            D::RecordConfigChanges,
            D::RecordPengineInputs,
            D::EnableConfigWrites,
            D::QuorumServer,
        ],
    ),
    (
        "hbcore.cf",
        &[
            D::FenceCommand,
            D::FenceTimeout,
            D::StopFailureCommand,
            D::AddressTakeover,
            D::AddressConflict,
            D::ScriptTimeout,
            D::ShutdownTimeout,
            D::HeartbeatFormat,
        ],
    ),
];

/// The effect of a directive, for the reader of the page.
fn effect(directive: Directive) -> &'static str {
    match directive {
        D::Node => "the nodes of the cluster, each as `uname -n` prints it; several on a line, or several lines",
        D::Keepalive => "time between two heartbeats",
        D::Warntime => "a heartbeat that comes later is worth a line in the log",
        D::Deadtime => {
            "a node that is silent for this long is dead; above twice the keepalive. Peers apply it to this node"
        }
        D::Initdead => "the dead time while the cluster starts; at least the dead time. Under ten seconds is a warning",
        D::Deadping => "the dead time of ping nodes",
        D::MaxRexmitDelay => "the longest random delay before a retransmission request",
        D::Udpport => "the port of the `ucast`, `ucast6` and `bcast` lines below",
        D::Baud => "the speed of the `serial` lines below",
        D::Msgfmt => "`classic` adds a second digest to datagrams, as 3.0.6 does; both are always understood",
        D::Hopfudge => "added to the number of nodes in the field `ttl`, which nobody reads",
        D::AutoFailback => {
            "`on`: a group goes back to its home when that node returns; `off`: it stays; `legacy`: the old protocol, \
             which both nodes must use"
        }
        D::NiceFailback => "obsolete; a warning says what to write instead",
        D::Stonith => "the device that fences, of a type of cluster-glue, with its parameters in a file",
        D::StonithHost => "the same with the parameters on the line; HOST is the local node or `*`",
        D::Logfile => "a file for all lines but debug lines",
        D::Debugfile => "a file for all lines",
        D::Logfacility => "the syslog facility",
        D::Syslogmsgfmt => "lines in files look like those of syslog",
        D::Debug => "debug lines up to this level",
        D::LogBadpack => "packets with a wrong format or digest are logged",
        D::UseLogd => "lines go to `ha_logd`; to syslog if it does not run and nothing else is configured",
        D::Realtime => "real-time scheduling and locked memory",
        D::Rtprio => "a fixed priority instead of a reservation",
        D::Watchdog => "not acted upon: the device is not opened, and `hb check` warns. systemd's watchdog is fed",
        D::Env => "scripts get the variable `HA_NAME`",
        D::Memreserve | D::Coredumps | D::Coreroot | D::UseApphbd => "no effect in this version",
        D::ConnLogdTime => "the time between tries to reach `ha_logd`",
        D::Cluster => "a name, for information",
        D::Autojoin => "whether unknown nodes are accepted; only `none` together with `haresources`",
        D::Uuidfrom => "the identity of this node: stored in `hb_uuid`, or computed from its name",
        D::Hbgenmethod => "the number of this start: counted in `hb_generation`, or the clock",
        D::Respawn => "a client that is started and kept: see [Clients](clients.md)",
        D::Failfast => "the same, and its death reboots the machine",
        D::Apiauth => "who may sign on as this client; without a line, the rule of 3.0.6",
        D::Compression => "the method for structures that clients mark, and for whole messages",
        D::CompressionThreshold => {
            "kilobytes; a longer message is compressed as a whole with `traditional_compression`"
        }
        D::TraditionalCompression => "whether long messages are compressed as a whole",
        D::Pacemaker | D::Crm => "anything but off wants the daemons of Pacemaker 1.x, which Debian 12 does not have",
        D::CrmDaemonDir
        | D::CrmdSpawnsPengine
        | D::RecordConfigChanges
        | D::RecordPengineInputs
        | D::EnableConfigWrites
        | D::QuorumServer => "for Pacemaker's daemons only",
        D::FenceCommand => {
            "called with the name of a silent node; it returns 0 when that node does nothing any more. Instead of `stonith`"
        }
        D::FenceTimeout => {
            "how long one call of the program that fences may take before its process group is terminated and it is \
             called again"
        }
        D::StopFailureCommand => {
            "called with the first word of a group that does not stop; it returns 0 when nothing of it runs. If there \
             is no such program, or if it fails, the machine reboots; 3.0.6 always reboots"
        }
        D::AddressTakeover => "addresses in process, or by the scripts `IPaddr`, `IPaddr2`, `IPv6addr`",
        D::AddressConflict => {
            "another host has an address of ours: log it, or also hand the group over, when that has lasted for six \
             seconds and the peer can take it"
        }
        D::ScriptTimeout => "how long one call of a resource script may take before its process group is terminated",
        D::ShutdownTimeout => {
            "the longest time for releasing all groups before the daemon ends by force with exit code 100"
        }
        D::HeartbeatFormat => "the heartbeat of at most 150 bytes, or that of 3.0.6",
        _ => panic!("tests/tests/configuration_page.rs: say what `{}` does", directive.name()),
    }
}

/// Defaults that are derived, and so are not in the parser's table.
fn other_default(directive: Directive) -> &'static str {
    match directive {
        D::Warntime => "half the dead time",
        D::Initdead => "the dead time if above 10 s, 12 s if it is below 6 s, else twice the dead time",
        D::Deadping => "the dead time",
        D::Udpport => "service `ha-cluster`, or 694",
        D::Debug => "0, or `-d`",
        D::HeartbeatFormat => "`compact`",
        D::AddressTakeover => "`builtin`",
        D::AddressConflict => "`warn`",
        D::FenceTimeout => "a minute",
        D::ScriptTimeout | D::ShutdownTimeout => "an hour",
        _ => "–",
    }
}

/// The form of a line of `directive`, if the parser has no list of values.
fn form(directive: Directive) -> &'static str {
    match directive {
        D::Node => "NAME ...",
        D::Stonith => "TYPE FILE",
        D::StonithHost => "HOST TYPE PARAMETERS",
        D::Respawn | D::Failfast => "USER /PATH ARGUMENTS",
        D::Apiauth => "CLIENT [uid=LIST] [gid=LIST]",
        D::Env => "NAME=VALUE ...",
        D::Logfile | D::Debugfile | D::Watchdog | D::Coreroot => "/PATH",
        _ => "a word",
    }
}

/// The values that the parser expects. It names them when it gets a value that no directive takes.
fn expected(directive: Directive) -> Option<String> {
    let text = format!("{} -5\n", directive.name());
    let mut problems = Problems::<16>::new();
    if directive.file() == File::HbcoreCf {
        let _ = HbcoreCf::parse(text.as_bytes(), &mut problems);
    } else {
        let _ = HaCf::parse(text.as_bytes(), "alpha", &mut problems);
    }
    let at_the_value = problems.iter().find(|problem| problem.severity == Severity::Error && problem.at.is_some())?;
    at_the_value.kind.help().to_string().strip_prefix("expected ").map(str::to_owned)
}

fn table(directives: &[Directive]) -> String {
    let mut text = "| Directive | Default | Values | Effect |\n|---|---|---|---|\n".to_owned();
    for &directive in directives {
        let fixed = directive.fixed_default().map(|value| format!("`{value}`"));
        let default = fixed.unwrap_or_else(|| other_default(directive).to_owned());
        let values = expected(directive).unwrap_or_else(|| form(directive).to_owned());
        let _ = writeln!(text, "| `{}` | {default} | {values} | {} |", directive.name(), effect(directive));
    }
    text
}

/// The media, by their words.
fn media() -> String {
    let mut text = "| Line | Kind | What it does |\n|---|---|---|\n".to_owned();
    for kind in MediumKind::all() {
        let (form, effect) = match kind {
            MediumKind::Bcast => ("DEVICE ...", "datagrams to the broadcast address of each interface"),
            MediumKind::Mcast => ("DEVICE GROUP PORT TTL LOOP", "datagrams to a group in 224.0.0.0/4"),
            MediumKind::Mcast6 => ("DEVICE GROUP PORT HOPS LOOP", "datagrams to a group in ff00::/8"),
            MediumKind::Ping => ("HOST ...", "each host that answers an echo is a ping node"),
            MediumKind::Ping6 => ("ADDRESS", "the same over IPv6"),
            MediumKind::PingGroup => ("NAME HOST ...", "one ping node, alive while any of the hosts answers"),
            MediumKind::Serial => ("DEVICE ...", "a null-modem cable on each device"),
            MediumKind::Ucast => ("DEVICE HOST", "datagrams to one host; several lines on one interface are one link"),
            MediumKind::Ucast6 => ("DEVICE ADDRESS", "the same over IPv6"),
        };
        let _ = writeln!(text, "| `{} {form}` | {} | {effect} |", kind.name(), kind.description());
    }
    text
}

fn page() -> PathBuf {
    root().join("docs/configuration.md")
}

/// The page with today's tables between its marks `<!-- table: NAME -->` and `<!-- end -->`.
fn refreshed(page: &str) -> String {
    let mut made = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("<!-- table: ") {
        let (name, after) = after.split_once(" -->\n").expect("a mark is a line");
        let (_, after) = after.split_once("<!-- end -->").expect("a mark has an end");
        let table = match TABLES.iter().find(|(known, _)| *known == name) {
            Some((_, directives)) => table(directives),
            None => media(),
        };
        let _ = write!(made, "{before}<!-- table: {name} -->\n{table}<!-- end -->");
        rest = after;
    }
    made + rest
}

#[test]
fn page_has_the_directives_of_the_parser() {
    let kept = std::fs::read_to_string(page()).expect("the page");
    let made = refreshed(&kept);
    if std::env::var_os(REFRESH).is_some() {
        return std::fs::write(page(), made).expect("the page can be written");
    }
    let differs = made.lines().zip(kept.lines()).position(|(made, kept)| made != kept);
    assert!(
        made == kept,
        "docs/configuration.md is not what the parser says, from line {} on; this refreshes it:\n    \
         {REFRESH}=1 cargo test -p hbcore-tests --test configuration_page",
        differs.unwrap_or_default() + 1
    );
}

#[test]
fn every_directive_is_in_one_table_of_the_page() {
    let page = std::fs::read_to_string(page()).expect("the page");
    for directive in Directive::all() {
        let tables: Vec<_> = TABLES.iter().filter(|(_, of)| of.contains(&directive)).map(|(name, _)| name).collect();
        assert_eq!(tables.len(), 1, "`{}` is in the tables {tables:?}", directive.name());
        assert!(page.contains(&format!("<!-- table: {} -->", tables[0])), "the page has no table {}", tables[0]);
    }
}

#[test]
fn examples_of_the_pages_are_good_configurations() {
    let mut seen = 0;
    for page in ["docs/configuration.md", "docs/quick-start.md"] {
        for (language, text) in blocks(&root().join(page)) {
            let mut problems = Problems::<16>::new();
            let text = text.as_bytes();
            let is_good = match language.as_str() {
                "ha.cf" => HaCf::parse(text, "alpha", &mut problems).checked().is_some(),
                "authkeys" => AuthKeys::parse(text, &mut problems).checked().is_some(),
                "haresources" => {
                    let mut none = Problems::<16>::new();
                    let ha_cf = HaCf::parse(NODES, "alpha", &mut none).checked().expect("good");
                    HaResources::parse(text, &ha_cf, &mut problems).checked().is_some()
                }
                "hbcore.cf" => HbcoreCf::parse(text, &mut problems).checked().is_some(),
                _ => continue,
            };
            seen += 1;
            let said: Vec<_> = problems.iter().map(|problem| problem.kind.to_string()).collect();
            assert!(is_good, "{page}: {said:?} in\n{}", String::from_utf8_lossy(text));
        }
    }
    assert!(seen >= 6, "{seen} examples");
}
