//! The messages of problems, in the words of 3.0.6 where it has some, since scripts search logs for them. `help.rs` has
//! the advice.

use core::fmt;
use core::time::Duration;

use super::AutoFailback;
use super::directive::Directive;
use super::medium_kind::MediumKind;
use super::problem::{ApiAuthFault, LogChoice, MediumFault, ProblemKind, Table};

/// The folder in messages of 3.0.6; the two slashes are part of them.
const FOLDER: &str = "/etc/ha.d//";

impl fmt::Display for ProblemKind<'_> {
    /// The message, without place and severity.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotUtf8 => f.write_str("bytes that are not UTF-8 outside a comment"),
            Self::ByteOrderMark => f.write_str("byte order mark (U+FEFF) before the first letter"),
            Self::NonBreakingSpace => f.write_str("non-breaking space (U+00A0) in place of a blank"),
            Self::Backslash => f.write_str("backslash at the end of a line"),
            Self::TableFull { table, capacity } => write!(f, "more than {capacity} {}", table_name(table)),
            Self::UnknownDirective { word, file } => write!(f, "Illegal directive [{word}] in {FOLDER}{}", file.name()),
            Self::NoValue { directive } => write!(f, "`{}` has no value and does nothing", directive.name()),
            Self::NoDevice { medium } => write!(f, "`{}` names nothing and does nothing", medium.name()),
            Self::UdpReplacedByBcast => f.write_str("WARNING: directive 'udp' replaced by 'bcast'"),
            Self::BadTime { directive: Directive::Warntime, text } => write!(f, "Warn time [{text}] is invalid."),
            Self::BadTime { directive, text } => write!(f, "`{}` [{text}] is not a time", directive.name()),
            Self::BadBoolean { directive, text } => bad_boolean(f, directive, text),
            Self::BadInteger { directive, text, .. } => bad_integer(f, directive, text),
            Self::LenientInteger { text, value, .. } => {
                write!(f, "[{text}] is not a plain number and counts as {value}")
            }
            Self::BadWord { directive, text, .. } => bad_word(f, directive, text),
            Self::MultiplySpecified { directive } => multiply(f, directive),
            Self::AfterMedia { directive } => {
                let what = if directive == Directive::Baud { "baudrate" } else { directive.name() };
                write!(f, "{what} setting must precede media statements")
            }
            Self::PortCut { text, used } => write!(f, "port [{text}] does not fit 16 bits: port {used} is used"),
            Self::AfterPacemaker { text, .. } => {
                write!(f, "If you specify {text}, it must come before the pacemaker directive")
            }
            Self::BadVariable { text } => write!(f, "set_env: invalid nvpair({text})"),
            Self::VariableWithoutValue { text } => write!(f, "variable [{text}] has no value"),
            Self::BadCoreDirectory { text } => write!(f, "Invalid core directory [{text}]: Invalid argument"),
            Self::BadNodeName { name, .. } => write!(f, "[{name}] is not a node name"),
            Self::DuplicateNode { name } => write!(f, "node [{name}] is named twice"),
            Self::NiceFailback { text, taken_as } => nice_failback(f, text, taken_as),
            Self::ApiAuth { line, fault } => api_auth(f, line, fault),
            Self::NoUser => f.write_str("Invalid uid [] specified for client child"),
            Self::UserRunsIntoCommand { user } => write!(f, "Invalid uid [{user}] specified for client child"),
            Self::CommandNotFullPathname { command } => {
                write!(f, "Client child command [{command}] is not full pathname")
            }
            Self::NoStonithHost => f.write_str("No Stonith hostname argument given"),
            Self::NoStonithType => f.write_str("No Stonith type given"),
            Self::NoStonithFile => f.write_str("No Stonith config file given"),
            Self::BadMedium { medium, device, fault } => bad_medium(f, medium, device, fault),
            _ => self.relation(f),
        }
    }
}

impl ProblemKind<'_> {
    /// Messages about several lines, and of the other files.
    fn relation(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::DeadtimeTooSmall { deadtime, keepalive } => too_small(f, "Dead", deadtime, keepalive),
            Self::DeadpingTooSmall { deadping, keepalive } => too_small(f, "Ping dead", deadping, keepalive),
            Self::InitdeadBelowDeadtime { initdead, deadtime } => {
                let (initdead, deadtime) = (initdead.as_millis(), deadtime.as_millis());
                write!(f, "Initial dead time [{initdead}] is smaller than deadtime [{deadtime}]")
            }
            Self::InitdeadSmall { initdead } => {
                write!(f, "Initial dead time [{} ms] may be too small!", initdead.as_millis())
            }
            Self::NoMedia => f.write_str("No heartbeat media defined"),
            Self::OnlyPingMedia => f.write_str("No working comm channels to write to."),
            Self::NoNodes { .. } => f.write_str("no nodes defined"),
            Self::LocalNodeMissing { name } => write!(f, "Current node [{name}] not in configuration!"),
            Self::BadLocalName { name, .. } => write!(f, "Current node [{name}] has a name that no node can have"),
            Self::AutojoinConflict => f.write_str("R1 style resource management conflicts with  autojoin set"),
            Self::LegacyFailback => f.write_str("Deprecated 'legacy' auto_failback option selected."),
            Self::Log(choice) => f.write_str(log_choice(choice)),
            Self::BadAuthLine { word } => write!(f, "Invalid auth line [{word} ...] in {FOLDER}authkeys"),
            Self::BadKeyLine { word } => write!(f, "Auth line [{word} ...] is invalid."),
            Self::BadKeyIndex { index } => write!(f, "Invalid authnum [{index}] in {FOLDER}authkeys"),
            Self::UnknownMethod { method } => write!(f, "Invalid authtype [{method}]"),
            Self::CrcWithKey => f.write_str("Auth method [crc] doesn't use a key"),
            Self::CrcAuthenticatesNobody => {
                f.write_str("`crc` authenticates nobody: any host that can send a packet here is taken for a node")
            }
            Self::RepeatedAuthLine { number, earlier } => {
                write!(f, "`auth {number}` replaces the auth line in line {earlier}")
            }
            Self::KeyRequired { method } => write!(f, "Auth method [{}] requires a key", method.name()),
            Self::DuplicateKey { index } => write!(f, "key {index} replaces an earlier key {index}"),
            Self::NoAuthLine { .. } => write!(f, "Missing auth directive in keyfile [{FOLDER}authkeys]"),
            Self::SigningKeyMissing { index, .. } => {
                write!(f, "Auth Key [{index}] not found in keyfile [{FOLDER}authkeys]")
            }
            Self::TrailingText => f.write_str("text that does not belong to the entry is ignored"),
            Self::BadResourceNode { word } => write!(f, "Bad nodename in {FOLDER}haresources [{word}]"),
            Self::EmptyGroup => f.write_str("a line without resources does nothing"),
            Self::BadAddress { text, .. } => write!(f, "[{text}] is not an address that can be taken over"),
            Self::BareIpv6 { text } => write!(f, "IPv6 address [{text}] without a script"),
            Self::ShortenedIpv6 { text, .. } => write!(f, "3.0.6 cannot read the address of [{text}]"),
            Self::DuplicateResource { word } => write!(f, "resource [{word}] also stands in an earlier line"),
            Self::CommentInContinuation => f.write_str("comment in a continued line"),
            // `Display` has the words of all others.
            _ => Ok(()),
        }
    }
}

fn table_name(table: Table) -> &'static str {
    match table {
        Table::Nodes => "nodes",
        Table::Media => "media",
        Table::Variables => "variables",
        Table::ApiAuth => "apiauth lines",
        Table::Children => "respawn and failfast lines",
        Table::Groups => "resource groups",
    }
}

fn bad_boolean(f: &mut fmt::Formatter<'_>, directive: Directive, text: &str) -> fmt::Result {
    use Directive as D;
    match directive {
        D::RecordConfigChanges | D::RecordPengineInputs | D::EnableConfigWrites | D::CrmdSpawnsPengine => {
            write!(f, "ha_config_check_boolean:Invalid directive value {text}")
        }
        D::TraditionalCompression => write!(f, "set_traditional_compression:Invalid directive value {text}"),
        D::NiceFailback => {
            write!(f, "nice_failback flag is obsolete.. Use auto_failback {{on, off, legacy}} instead. [{text}]")
        }
        _ => write!(f, "`{}` [{text}] is not a boolean", directive.name()),
    }
}

fn bad_integer(f: &mut fmt::Formatter<'_>, directive: Directive, text: &str) -> fmt::Result {
    match directive {
        Directive::Udpport => write!(f, "invalid port [{text}] specified."),
        Directive::Rtprio => write!(f, "Illegal realtime priority [{text}]"),
        Directive::MaxRexmitDelay => write!(f, "Invalid max_rexmit_delay time({text})"),
        Directive::CompressionThreshold => {
            write!(f, "set_compression_threshold: compress_threshhold({text}) invalid")
        }
        _ => write!(f, "`{}` [{text}] is out of range", directive.name()),
    }
}

fn bad_word(f: &mut fmt::Formatter<'_>, directive: Directive, text: &str) -> fmt::Result {
    match directive {
        Directive::Hbgenmethod => write!(f, "Illegal hb generation method [{text}]"),
        Directive::Uuidfrom => write!(f, "Invalid uuidfrom directive [{text}]"),
        Directive::Autojoin => write!(f, "Invalid autojoin directive [{text}]"),
        Directive::Logfacility => write!(f, "Log facility({text}) not valid"),
        Directive::Baud => write!(f, "invalid baudrate [{text}] specified."),
        Directive::FenceCommand | Directive::StopFailureCommand => {
            write!(f, "`{}` [{text}] is not a full pathname", directive.name())
        }
        _ => write!(f, "`{}` [{text}] is unknown", directive.name()),
    }
}

fn multiply(f: &mut fmt::Formatter<'_>, directive: Directive) -> fmt::Result {
    f.write_str(match directive {
        Directive::Baud => "Baudrate multiply specified.",
        Directive::Watchdog => "Watchdog device multiply specified.",
        _ => "pacemaker/crm directive used multiple times!",
    })
}

fn nice_failback(f: &mut fmt::Formatter<'_>, text: &str, taken_as: AutoFailback) -> fmt::Result {
    f.write_str("nice_failback flag is obsolete.. Use auto_failback {on, off, legacy} instead.; ")?;
    match taken_as {
        AutoFailback::Off => write!(f, "'nice_failback {text}' has been changed to 'auto_failback off'"),
        _ => write!(f, "nice_failback {text} has been strictly interpreted as 'auto_failback legacy'"),
    }
}

fn api_auth(f: &mut fmt::Formatter<'_>, line: &str, fault: ApiAuthFault<'_>) -> fmt::Result {
    match fault {
        ApiAuthFault::Incomplete => {}
        ApiAuthFault::NameTooLong => write!(f, "client name [{line}] too long; ")?,
        ApiAuthFault::NeitherUidNorGid => f.write_str("Missing uid or gid in apiauth; ")?,
        ApiAuthFault::DuplicateUid => f.write_str("Duplicate uid list in apiauth; ")?,
        ApiAuthFault::DuplicateGid => f.write_str("Duplicate gid list in apiauth; ")?,
        ApiAuthFault::DuplicateClient(client) => {
            write!(f, "Duplicate apiauth directive for API client {client}: [{line}]; ")?;
        }
    }
    write!(f, "Invalid apiauth directive [{line}]")
}

/// The beginning of 3.0.6's messages about a medium: of its plug-ins only the ucast one has a colon.
fn bad_medium(f: &mut fmt::Formatter<'_>, medium: MediumKind, device: &str, fault: MediumFault<'_>) -> fmt::Result {
    let name = medium.name();
    let colon = if medium == MediumKind::Ucast { ":" } else { "" };
    match fault {
        MediumFault::NoArguments => write!(f, "{name} statement without device"),
        MediumFault::MissingHost if medium == MediumKind::Ucast => {
            write!(f, "{name}{colon} [{device}] missing target IP address/hostname")
        }
        MediumFault::MissingHost | MediumFault::MissingGroup => write!(f, "{name} [{device}] missing {name} address"),
        MediumFault::BadAddress(_) if medium == MediumKind::Ping6 => {
            write!(f, "Illegal {name} [{}] in config file [{device}]", medium.description())
        }
        MediumFault::BadGroup(text) | MediumFault::BadAddress(text) => {
            write!(f, "{name} [{device}] bad addr [{text}]")
        }
        MediumFault::MissingPort => write!(f, "{name} [{device}] missing port"),
        MediumFault::BadPort(port) => write!(f, "{name} [{device}] bad port [{port}]"),
        MediumFault::MissingTtl => write!(f, "{name} [{device}] missing {}", hops_word(medium)),
        MediumFault::BadTtl(ttl) => write!(f, "{name} [{device}] bad {} [{ttl}]", hops_word(medium)),
        MediumFault::MissingLoop => write!(f, "{name} [{device}] missing loop"),
        MediumFault::BadLoop(flag) => write!(f, "{name} [{device}] bad loop [{flag}]"),
        MediumFault::NotFullPathname => {
            write!(f, "Serial port not full pathname [{device}] in config file; ")?;
            write!(f, "Illegal {name} [{}] in config file [{device}]", medium.description())
        }
        MediumFault::NoHosts => write!(f, "{name} [{device}] has no hosts"),
    }
}

fn hops_word(medium: MediumKind) -> &'static str {
    if medium == MediumKind::Mcast6 { "hops" } else { "ttl" }
}

fn too_small(f: &mut fmt::Formatter<'_>, which: &str, time: Duration, keepalive: Duration) -> fmt::Result {
    // The misspelling is that of 3.0.6.
    let (time, keepalive) = (time.as_millis(), keepalive.as_millis());
    write!(f, "{which} time [{time}] is too small compared to keeplive [{keepalive}]")
}

fn log_choice(choice: LogChoice) -> &'static str {
    match choice {
        LogChoice::NothingChosen => "No log entry found in ha.cf -- use logd",
        LogChoice::OnlyLogd => "the logging daemon is not used by this version",
        LogChoice::NothingLeft => "No log entry found in ha.cf and use_logd is set to off",
        LogChoice::WithoutLogd => "Logging daemon is disabled --enabling logging daemon is recommended",
        LogChoice::BesideLogd => "logd is enabled but logfile/debugfile/logfacility is still configured in ha.cf",
    }
}
