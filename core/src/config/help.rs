//! The help for problems: the expected text and the remedy, one line for every cause.

use core::fmt;
use core::time::Duration;

use super::directive::Directive;
use super::medium_kind::MediumKind;
use super::place::File;
use super::problem::{ApiAuthFault, LogChoice, MediumFault, ProblemKind};
use super::spelling::{similar, words};
use super::{AddressError, AutoFailback};
use crate::id::NameError;

impl ProblemKind<'_> {
    /// The expected text and the remedy; its `Display` is one line.
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
            P::BadInteger { directive: Directive::Udpport, .. } => f.write_str("expected a port from 1 to 65535"),
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
            P::NoNodes { name } => write!(f, "add `node {name} OTHER`, with the name of each node of the cluster"),
            P::NoAuthLine { key: Some(index) } => write!(f, "add `auth {index}` as the first line"),
            P::SigningKeyMissing { index, .. } if !(0..16).contains(&index) => f.write_str(INDEX_HELP),
            P::SigningKeyMissing { index, above: Some(line) } => {
                write!(f, "move `auth {index}` above line {line}: the auth line must come first")
            }
            P::SigningKeyMissing { index, above: None } => {
                write!(f, "add `{index} sha1 KEY` below `auth {index}`, or name the number of another line")
            }
            P::BadKeyLine { word } if word.0.eq_ignore_ascii_case(b"auth") => f.write_str("write `auth` in lower case"),
            P::BareIpv6 { text } => write!(f, "write `IPv6addr::{text}`"),
            P::ShortenedIpv6 { addr, .. } => {
                f.write_str("if the other node is a 3.0.6, write the address in full: `IPv6addr::")?;
                let [first, rest @ ..] = addr.segments();
                write!(f, "{first:x}")?;
                rest.iter().try_for_each(|part| write!(f, ":{part:x}"))?;
                f.write_str("`")
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
        P::ByteOrderMark => "save the file as UTF-8 without byte order mark",
        P::NonBreakingSpace => "the line was probably pasted from a web page: replace U+00A0 by plain blanks",
        P::Backslash => "lines of this file cannot be continued: write all of it on one line",
        P::NoDevice { .. } => "name a device or host after it, or remove the line",
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
        P::AutojoinConflict => "You need either unset autojoin or enable crm",
        P::LegacyFailback => "Please convert to 'auto_failback on'.",
        P::BadAuthLine { .. } => "write `auth NUMBER`, with the number of a line below, such as `auth 1`",
        P::BadKeyLine { .. } => "write `NUMBER METHOD KEY`, such as `1 sha1 secret`",
        P::BadKeyIndex { .. } => INDEX_HELP,
        P::UnknownMethod { .. } => "expected `sha1`, `md5` or `crc`, in lower case",
        P::CrcWithKey => "remove the key and what follows it, or use `sha1`",
        P::CrcAuthenticatesNobody => {
            "write `NUMBER sha1 KEY` instead, the same on all nodes; `crc` is for serial cables"
        }
        P::RepeatedAuthLine { .. } => {
            "keep one auth line: the number of the key that signs; keys without it are still accepted"
        }
        P::KeyRequired { .. } => "write the key after the method",
        P::DuplicateKey { .. } => "remove the wrong line",
        P::NoAuthLine { .. } => "write two lines, the same on all nodes: `auth 1`, then `1 sha1 SECRET`",
        P::TrailingText => "3.0.6 ignores it too; put comments on lines of their own",
        P::BadResourceNode { .. } => {
            "a line begins with the name of a node of ha.cf; a continued line ends in a backslash"
        }
        P::EmptyGroup => "add resources after the node, or remove the line",
        P::DuplicateResource { .. } => "make the first resource of each line unique: scripts find a group by it",
        P::CommentInContinuation => "3.0.6 takes the words of this comment as resources: move it above the line",
        _ => "see the documentation of the directive",
    }
}

const INDEX_HELP: &str = "expected a number from 0 to 15";

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

fn above_twice(f: &mut fmt::Formatter<'_>, name: &str, keepalive: Duration) -> fmt::Result {
    write!(f, "`{name}` must be above {}ms (twice the keepalive)", keepalive.as_millis().saturating_mul(2))
}

fn log_help(choice: LogChoice) -> &'static str {
    match choice {
        LogChoice::NothingChosen | LogChoice::OnlyLogd => {
            "log lines go to syslog, facility daemon: write `logfacility local0` or `logfile PATH` to choose for yourself"
        }
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
        Directive::Keepalive
        | Directive::Warntime
        | Directive::ConnLogdTime
        | Directive::ScriptTimeout
        | Directive::FenceTimeout
        | Directive::ShutdownTimeout => " above zero",
        _ => "",
    };
    write!(f, "expected a time{above} such as `2`, `0.5` (seconds), `500ms` or `1500us`")
}

fn unknown_directive(f: &mut fmt::Formatter<'_>, word: &str, file: File) -> fmt::Result {
    let other = if file == File::HaCf { File::HbcoreCf } else { File::HaCf };
    if words(other).any(|name| name == word) {
        let reason = if file == File::HaCf { ", so that 3.0.6 can read ha.cf" } else { "" };
        return write!(f, "this directive belongs into {}{reason}", other.name());
    }
    if let Some((name, value)) = word.split_once('=').filter(|(name, _)| words(file).any(|known| known == *name)) {
        return write!(f, "write `{name} {value}`: a blank, no equals sign");
    }
    if let Some(name) = words(file).find(|name| name.eq_ignore_ascii_case(word)) {
        return write!(f, "write `{name}`: directives are lower-case");
    }
    match word {
        "normalpoll" | "hbaping" | "openais" | "ais" | "rds" | "tipc" => {
            f.write_str("3.0.6 refuses it too: remove the line")
        }
        _ => match similar(word, file) {
            Some(name) => write!(f, "did you mean `{name}`?"),
            None => write!(f, "no directive of {} has this name: correct it or remove the line", file.name()),
        },
    }
}
