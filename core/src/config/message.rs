//! The words for every problem: what is wrong, in the text of 3.0.6 where it has one, since scripts search logs for it;
//! and how to put it right.

use core::fmt;
use core::time::Duration;

use super::ha_cf::{Directive, MediumKind};
use super::problem::{ApiAuthFault, File, LogChoice, MediumFault, ProblemKind, Table};
use super::{AddressError, AutoFailback};
use crate::id::NameError;

/// Where 3.0.6 says that a file is; the two slashes are part of its messages.
const FOLDER: &str = "/etc/ha.d//";

impl fmt::Display for ProblemKind<'_> {
    /// The message, without place and severity.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotUtf8 => f.write_str("bytes that are not UTF-8 outside a comment"),
            Self::NonBreakingSpace => f.write_str("non-breaking space (U+00A0) in place of a blank"),
            Self::TableFull { table, capacity } => write!(f, "more than {capacity} {}", table_name(table)),
            Self::UnknownDirective { word, file } => write!(f, "Illegal directive [{word}] in {FOLDER}{}", file.name()),
            Self::NoValue { directive } => write!(f, "`{}` has no value and does nothing", directive.name()),
            Self::NoDevice { medium } => write!(f, "`{}` names nothing and does nothing", medium.name()),
            Self::UdpReplacedByBcast => f.write_str("WARNING: directive 'udp' replaced by 'bcast'"),
            Self::BadTime { directive: Directive::Warntime, text } => write!(f, "Warn time [{text}] is invalid."),
            Self::BadTime { directive, text } => write!(f, "`{}` [{text}] is not a time", directive.name()),
            Self::BadBoolean { directive, text } => bad_boolean(f, directive, text),
            Self::BadInteger { directive, text, value, .. } => bad_integer(f, directive, text, value),
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
            Self::NoNodes => f.write_str("no nodes defined"),
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
            Self::KeyRequired { method } => write!(f, "Auth method [{}] requires a key", method.name()),
            Self::DuplicateKey { index } => write!(f, "key {index} replaces an earlier key {index}"),
            Self::NoAuthLine => write!(f, "Missing auth directive in keyfile [{FOLDER}authkeys]"),
            Self::SigningKeyMissing { index } => {
                write!(f, "Auth Key [{index}] not found in keyfile [{FOLDER}authkeys]")
            }
            Self::TrailingText => f.write_str("text that does not belong to the entry is ignored"),
            Self::BadResourceNode { word } => write!(f, "Bad nodename in {FOLDER}haresources [{word}]"),
            Self::EmptyGroup => f.write_str("a line without resources does nothing"),
            Self::BadAddress { text, .. } => write!(f, "[{text}] is not an address that can be taken over"),
            Self::DuplicateResource { word } => write!(f, "resource [{word}] also stands in an earlier line"),
            Self::CommentInContinuation => f.write_str("comment in a continued line"),
            // Everything else has its words in `Display`.
            _ => Ok(()),
        }
    }

    /// What was expected and how to put it right; its `Display` is one line.
    pub fn help(&self) -> impl fmt::Display {
        Help(*self)
    }
}

struct Help<'t>(ProblemKind<'t>);

impl fmt::Display for Help<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ProblemKind as P;
        match self.0 {
            P::TableFull { .. } => f.write_str("remove the lines that are not needed"),
            P::UnknownDirective { word, file } => unknown_directive(f, word, file),
            P::NoValue { directive } => write!(f, "write `{} VALUE`, or remove the line", directive.name()),
            P::BadTime { directive, .. } => bad_time(f, directive),
            P::BadInteger { directive: Directive::MaxRexmitDelay, .. } => f.write_str("expected milliseconds above 0"),
            P::BadInteger { least, most: i32::MAX, .. } => write!(f, "expected a whole number, {least} or more"),
            P::BadInteger { least, most, .. } => write!(f, "expected a whole number from {least} to {most}"),
            P::LenientInteger { value, .. } => write!(f, "write `{value}` if that is meant"),
            P::BadWord { expected, .. } => write!(f, "expected {expected}"),
            P::MultiplySpecified { directive } => write!(f, "keep one `{}` value in the file", directive.name()),
            P::AfterMedia { directive } => {
                write!(f, "move `{}` above the media; those above it keep the earlier value", directive.name())
            }
            P::AfterPacemaker { directive, .. } => write!(f, "move `{}` above `pacemaker`", directive.name()),
            P::VariableWithoutValue { text } => write!(f, "write `env {text}=VALUE`; it counts as empty"),
            P::BadNodeName { error, .. } | P::BadLocalName { error, .. } => f.write_str(name_help(error)),
            P::NiceFailback { taken_as: AutoFailback::Off, .. } => {
                f.write_str("replace the line by `auto_failback off`")
            }
            P::ApiAuth { fault, .. } => f.write_str(api_auth_help(fault)),
            P::UserRunsIntoCommand { user } => {
                let blank = user.find('/').unwrap_or(user.len());
                let (user, command) = user.split_at_checked(blank).unwrap_or((user, ""));
                write!(f, "a blank is missing between user and command: `respawn {user} {command}`")
            }
            P::BadMedium { medium, fault, .. } => medium_help(f, medium, fault),
            P::DeadtimeTooSmall { keepalive, .. } => above_twice(f, "deadtime", keepalive),
            P::DeadpingTooSmall { keepalive, .. } => above_twice(f, "deadping", keepalive),
            P::InitdeadBelowDeadtime { deadtime, .. } => {
                write!(
                    f,
                    "`initdead` must be {}ms (the deadtime) or more; leave it out to derive it",
                    deadtime.as_millis()
                )
            }
            P::LocalNodeMissing { name } => {
                write!(f, "add `node {name}`; the name is that of `uname -n`, or the first line of nodeinfo")
            }
            P::Log(choice) => f.write_str(log_help(choice)),
            P::SigningKeyMissing { index } => {
                write!(f, "add `{index} sha1 KEY` below `auth {index}`: the auth line must come first")
            }
            P::BadAddress { error, .. } => f.write_str(address_help(error)),
            ref other => f.write_str(plain_help(other)),
        }
    }
}

/// Help texts without anything to fill in.
fn plain_help(kind: &ProblemKind<'_>) -> &'static str {
    use ProblemKind as P;
    match kind {
        P::NotUtf8 => "save the file as UTF-8, or use ASCII outside comments",
        P::NonBreakingSpace => "the line was probably pasted from a web page: replace U+00A0 by plain blanks",
        P::NoDevice { .. } => "name a device or host behind it, or remove the line",
        P::UdpReplacedByBcast => "write `bcast` instead of `udp`",
        P::BadBoolean { .. } => "expected true, on, yes, y, 1 or false, off, no, n, 0",
        P::PortCut { .. } => "expected a port from 1 to 65535",
        P::BadVariable { .. } => "write `env NAME=VALUE`",
        P::BadCoreDirectory { .. } => "write an absolute path",
        P::DuplicateNode { .. } => "the second mention is ignored: remove it",
        P::NiceFailback { .. } => "replace the line by `auto_failback on`; then ipfail and hb_standby work",
        P::NoUser => "write `respawn USER /path/of/command`",
        P::CommandNotFullPathname { .. } => "write the command with its absolute path",
        P::NoStonithHost | P::NoStonithType => "write `stonith TYPE FILE` or `stonith_host HOST TYPE PARAMETERS`",
        P::NoStonithFile => "name the file with the device's parameters: `stonith TYPE FILE`",
        P::InitdeadSmall { .. } => {
            "Initial dead time accounts for slow network startup time: it should be >= deadtime and >= 10 seconds"
        }
        P::NoMedia => "add a medium, such as `bcast eth0` or `ucast eth0 192.0.2.2`",
        P::OnlyPingMedia => "ping media reach no other node: add one such as `bcast eth0`",
        P::NoNodes => "add a line `node NAME` for each node of the cluster",
        P::AutojoinConflict => "You need either unset autojoin or enable crm",
        P::LegacyFailback => "Please convert to 'auto_failback on'.",
        P::BadAuthLine { .. } => "write `auth NUMBER`",
        P::BadKeyLine { .. } => "write `NUMBER METHOD KEY`, such as `1 sha1 secret`",
        P::BadKeyIndex { .. } => "expected a number from 0 to 15",
        P::UnknownMethod { .. } => "expected `sha1`, `md5` or `crc`, in lower case",
        P::CrcWithKey => "remove the key and what follows it, or use `sha1`",
        P::KeyRequired { .. } => "write the key behind the method",
        P::DuplicateKey { .. } => "remove the line that is not meant",
        P::NoAuthLine => "add `auth NUMBER` above the key line of that number",
        P::TrailingText => "3.0.6 ignores it too; put comments on lines of their own",
        P::BadResourceNode { .. } => {
            "a line begins with the name of a node of ha.cf; a continued line ends in a backslash"
        }
        P::EmptyGroup => "add resources behind the node, or remove the line",
        P::DuplicateResource { .. } => "make the first resource of each line unique: scripts find a group by it",
        P::CommentInContinuation => "3.0.6 takes the words of this comment as resources: move it above the line",
        _ => "see the documentation of the directive",
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

fn bad_integer(f: &mut fmt::Formatter<'_>, directive: Directive, text: &str, value: i32) -> fmt::Result {
    match directive {
        Directive::Udpport => write!(f, "invalid port [{text}] specified."),
        Directive::Rtprio => write!(f, "Illegal realtime priority [{text}]"),
        Directive::MaxRexmitDelay => write!(f, "Invalid max_rexmit_delay time({text})"),
        Directive::CompressionThreshold => {
            write!(f, "set_compression_threshold: compress_threshhold({value}) invalid")
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

fn api_auth_help(fault: ApiAuthFault<'_>) -> &'static str {
    match fault {
        ApiAuthFault::NameTooLong => "a client's name has at most 31 bytes",
        ApiAuthFault::DuplicateUid | ApiAuthFault::DuplicateGid => "put all names into one list, separated by commas",
        ApiAuthFault::DuplicateClient(_) => "join the lines of this client into one",
        ApiAuthFault::Incomplete | ApiAuthFault::NeitherUidNorGid => {
            "Syntax: apiauth client [uid=uidlist] [gid=gidlist], one or both, lists separated by commas without blanks"
        }
    }
}

/// How 3.0.6 begins its messages about a medium: of its plug-ins only the ucast one has a colon.
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

fn medium_help(f: &mut fmt::Formatter<'_>, medium: MediumKind, fault: MediumFault<'_>) -> fmt::Result {
    match fault {
        MediumFault::BadGroup(_) if medium == MediumKind::Mcast6 => f.write_str("expected a group in ff00::/8"),
        MediumFault::BadGroup(_) => f.write_str("expected a group from 224.0.0.0 to 239.255.255.255"),
        MediumFault::BadAddress(_) => f.write_str("expected an IPv6 address"),
        MediumFault::BadPort(_) => f.write_str("expected a port from 1 to 65535"),
        MediumFault::BadTtl(_) => f.write_str("expected 0 to 4"),
        MediumFault::BadLoop(_) => f.write_str("expected 0 or 1"),
        MediumFault::NotFullPathname => f.write_str("write the device with its absolute path, such as /dev/ttyS0"),
        _ => f.write_str(match medium {
            MediumKind::Mcast => "write `mcast DEVICE GROUP PORT TTL LOOP`, such as `mcast eth0 225.0.0.1 694 1 0`",
            MediumKind::Mcast6 => "write `mcast6 DEVICE GROUP PORT HOPS LOOP`, such as `mcast6 eth0 ff02::694 694 1 0`",
            MediumKind::Ucast => "write `ucast DEVICE HOST`, such as `ucast eth0 192.0.2.2`",
            MediumKind::Ucast6 => "write `ucast6 DEVICE ADDRESS`, such as `ucast6 eth0 fe80::2`",
            _ => "write `ping_group NAME HOST ...` with at least one host",
        }),
    }
}

fn too_small(f: &mut fmt::Formatter<'_>, which: &str, time: Duration, keepalive: Duration) -> fmt::Result {
    // The misspelling is that of 3.0.6.
    let (time, keepalive) = (time.as_millis(), keepalive.as_millis());
    write!(f, "{which} time [{time}] is too small compared to keeplive [{keepalive}]")
}

fn above_twice(f: &mut fmt::Formatter<'_>, name: &str, keepalive: Duration) -> fmt::Result {
    write!(f, "`{name}` must be above {}ms (twice the keepalive)", keepalive.as_millis().saturating_mul(2))
}

fn log_choice(choice: LogChoice) -> &'static str {
    match choice {
        LogChoice::NothingChosen => "No log entry found in ha.cf -- use logd",
        LogChoice::NothingLeft => "No log entry found in ha.cf and use_logd is set to off",
        LogChoice::WithoutLogd => "Logging daemon is disabled --enabling logging daemon is recommended",
        LogChoice::BesideLogd => "logd is enabled but logfile/debugfile/logfacility is still configured in ha.cf",
    }
}

fn log_help(choice: LogChoice) -> &'static str {
    match choice {
        LogChoice::NothingChosen => "add `logfacility local0` to choose for yourself",
        LogChoice::NothingLeft => "add `logfacility local0`, or remove `use_logd off`",
        LogChoice::WithoutLogd => "nothing needs to be done: log lines are written without blocking the heartbeat",
        LogChoice::BesideLogd => "remove `use_logd`, or the other log lines, unless both are meant",
    }
}

fn name_help(error: NameError) -> &'static str {
    match error {
        NameError::Empty => "a node name has at least one byte",
        NameError::TooLong => "a node name has at most 99 bytes",
        NameError::BadByte => "a node name has no blanks or control characters",
    }
}

fn address_help(error: AddressError) -> &'static str {
    match error {
        AddressError::BadAddress => "expected `ADDRESS/PREFIX/INTERFACE`, such as `192.0.2.10/24/eth0`",
        AddressError::BadMask => "expected a prefix length such as 24, or a mask such as 255.255.255.0",
        AddressError::BadInterface => "expected an interface of at most 15 bytes, such as `eth0` or `eth0:0`",
        AddressError::BadBroadcast => "expected a broadcast address such as 192.0.2.255 in the last field",
        AddressError::TooManyFields => "expected `ADDRESS/PREFIX/INTERFACE/BROADCAST` at most",
    }
}

fn bad_time(f: &mut fmt::Formatter<'_>, directive: Directive) -> fmt::Result {
    let above = match directive {
        Directive::Keepalive | Directive::Warntime | Directive::ConnLogdTime => " above zero",
        _ => "",
    };
    write!(f, "expected a time{above} such as `2`, `0.5` (seconds), `500ms` or `1500us`")
}

fn unknown_directive(f: &mut fmt::Formatter<'_>, word: &str, file: File) -> fmt::Result {
    let known = |name: &str| Directive::by_name(name).is_some() || MediumKind::by_name(name).is_some();
    if file == File::HaCf && matches!(word, "heartbeat_format" | "address_takeover") {
        return f.write_str("this directive belongs into hbcore.cf, so that 3.0.6 can read ha.cf");
    }
    if let Some((name, value)) = word.split_once('=').filter(|(name, _)| known(name)) {
        return write!(f, "write `{name} {value}`: a blank, no equals sign");
    }
    let mut names = Directive::all().map(Directive::name).chain(["bcast", "mcast", "ping", "serial", "ucast"]);
    if let Some(name) = names.find(|name| name.eq_ignore_ascii_case(word)) {
        return write!(f, "write `{name}`: directives are lower-case");
    }
    match word {
        "normalpoll" | "hbaping" | "openais" | "ais" | "rds" | "tipc" => {
            f.write_str("3.0.6 refuses it too: remove the line")
        }
        _ => write!(f, "no directive of {} has this name: correct it or remove the line", file.name()),
    }
}
